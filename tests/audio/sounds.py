"""Sound that tests make, as the recordings' own is read."""

from redact.audio.mask import Masked
from redact.audio.pcm import Pcm


def pcm_of(sound, sample_rate):
    """Samples of shape (channels, samples), or of one channel, spooled."""
    sound = sound[None] if sound.ndim == 1 else sound
    return Pcm([sound.T.tobytes()], len(sound), sample_rate, sound.dtype)


def masked(sound, intervals, style, sample_rate):
    """The sound with its intervals replaced, as an array."""
    return Masked(pcm_of(sound, sample_rate), intervals, style).read()
