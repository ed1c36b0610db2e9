"""Where somebody speaks: Silero's voice activity detector, as it ships with faster-whisper."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from redact.audio.pcm import Signal, clipped
from redact.call import Stretch

SAMPLE_RATE = 16_000
# Pauses shorter than this don't end a region: they are within a phrase, where cutting would cost context.
MIN_PAUSE_MS = 300
# Silero's own default. At 0.5 it misses next to nothing of the telephone speech measured in docs/decisions/0003.
THRESHOLD = 0.5
# A channel's sound is the other side's, heard across, where it follows the other channel this closely and is this
# much quieter. Cross-talk at -30 dB correlates above 0.9; two people speaking at once, below 0.3.
ECHO_CORRELATION = 0.5
ECHO_BELOW_DB = 10.0
_ECHO_FRAME = 1024
# Sound is audible this far above the level of the channel's quiet parts, and above this of full scale.
AUDIBLE_DB = 12.0
AUDIBLE_DBFS = -50.0
_QUIET_PERCENTILE = 15
_FRAME_MS = 30
# Shorter sounds are clicks.
_LEAST_FRAMES = 3
# Silero's detector looks at 32 ms at a time, with the 4 ms before them.
_CHUNK, _CONTEXT = 512, 64
_STATE = (1, 1, 128)
# It lets go of speech where it believes in it this much less than where it takes hold of it, as Silero's own code does.
_LET_GO = 0.15
# Sound is looked at in windows of about a minute: a whole number of frames and chunks of each kind above.
WINDOW = 60 * 15_360


@dataclass(frozen=True, slots=True)
class Heard:
    """Where something is heard on one channel, in time order.

    Attributes:
        speech: stretches in which somebody speaks.
        audible: stretches that are well above the channel's noise, whatever sounds there. A detector of speech misses
            voices that are unlike those it knows: on synthetic voices of low pitch, Silero's found 27 % of what was
            said, this with it all. What is heard here has to be listened to by the speech model.
    """

    speech: tuple[Stretch, ...]
    audible: tuple[Stretch, ...]


def hear(sound: Signal) -> tuple[Heard, ...]:
    """Where something is heard on each channel.

    Args:
        sound: in [-1, 1] at 16 kHz.
    """
    detectors = [_SpeechDetector() for _ in range(sound.channels)]
    levels: list[list[NDArray[np.float32]]] = [[] for _ in range(sound.channels)]
    for first in range(0, sound.samples, WINDOW):
        for channel, samples in enumerate(sound.read(first, first + WINDOW)):
            detectors[channel].take(samples)
            levels[channel].append(_levels(samples))
    return tuple(
        Heard(
            _stretches(detector.speech(sound.samples), channel),
            _audible(np.concatenate([np.zeros(0, np.float32), *level]), channel),
        )
        for channel, (detector, level) in enumerate(zip(detectors, levels, strict=True))
    )


class _SpeechDetector:
    """Silero's detector on one channel.

    What it remembers of the sound goes on from window to window: it forgets so slowly that a window that began afresh
    would be heard otherwise, even where half a minute before it was heard first. faster-whisper's own function wants
    the whole sound, so that its model is used here, and the rules are those of its function.
    """

    def __init__(self) -> None:
        from faster_whisper.vad import get_vad_model

        self._session = get_vad_model().session
        self._memory = np.zeros(_STATE, np.float32), np.zeros(_STATE, np.float32)
        self._before = np.zeros(_CONTEXT, np.float32)
        self._belief: list[float] = []

    def take(self, samples: NDArray[np.float32]) -> None:
        """Listen to what comes next: whole chunks, or the end of the sound."""
        chunks = np.pad(samples, (0, -len(samples) % _CHUNK)).reshape(-1, _CHUNK)
        before = np.concatenate([self._before[None], chunks[:-1, -_CONTEXT:]])
        h, c = self._memory
        belief, *self._memory = self._session.run(None, {"input": np.hstack([before, chunks]), "h": h, "c": c})
        self._before = chunks[-1, -_CONTEXT:]
        self._belief += belief.ravel().tolist()

    def speech(self, samples: int) -> Iterator[tuple[int, int]]:
        """First and last sample of each stretch of speech in a sound of so many samples."""
        start = quiet = None
        for at, belief in enumerate(self._belief):
            if belief >= THRESHOLD:
                start, quiet = at if start is None else start, None
            elif start is not None and belief < THRESHOLD - _LET_GO:
                quiet = at if quiet is None else quiet
                if (at - quiet) * _CHUNK >= MIN_PAUSE_MS * SAMPLE_RATE // 1000:
                    yield start * _CHUNK, quiet * _CHUNK
                    start = quiet = None
        if start is not None:
            yield start * _CHUNK, samples


def _stretches(spoken: Iterable[tuple[int, int]], channel: int) -> tuple[Stretch, ...]:
    return tuple(Stretch(channel, start * 1000 // SAMPLE_RATE, -(-end * 1000 // SAMPLE_RATE)) for start, end in spoken)


def _levels(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The level of each whole frame, in dB of full scale."""
    frame = SAMPLE_RATE * _FRAME_MS // 1000
    frames = len(samples) // frame
    power = np.square(samples[: frames * frame].reshape(frames, frame)).mean(axis=1)
    level: NDArray[np.float32] = 10 * np.log10(power + 1e-10)
    return level


def _audible(level: NDArray[np.float32], channel: int) -> tuple[Stretch, ...]:
    """Stretches of frames that are louder than the quiet ones."""
    if not len(level):
        return ()
    loud = level > max(float(np.percentile(level, _QUIET_PERCENTILE)) + AUDIBLE_DB, AUDIBLE_DBFS)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], loud.astype(np.int8), [0])))).reshape(-1, 2)
    return tuple(
        Stretch(channel, int(first) * _FRAME_MS, int(after) * _FRAME_MS)
        for first, after in edges
        if after - first >= _LEAST_FRAMES
    )


class WithoutEcho:
    """A signal with those stretches of each channel silenced in which only another channel is heard across.

    Faint copies of the other side's words would be transcribed a second time, and badly. Nothing is lost for masking:
    the words are transcribed where they were spoken, and masks cover all channels on which they are heard. Echo with a
    delay is not found.
    """

    def __init__(self, signal: Signal) -> None:
        self._signal = signal
        self.channels = signal.channels
        self.samples = signal.samples
        self.sample_rate = signal.sample_rate
        self.dtype = signal.dtype

    def read(self, first: int = 0, last: int | None = None) -> NDArray[Any]:
        """The samples `[first, last)`, clipped to those that there are, of shape (channels, samples)."""
        first, last = clipped(first, last, self.samples)
        begin, end = first // _ECHO_FRAME * _ECHO_FRAME, -(-last // _ECHO_FRAME) * _ECHO_FRAME
        return _without_echo(self._signal.read(begin, end))[:, first - begin : last - begin]


def _without_echo(sounds: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same, of sound that begins with a frame. An unfinished frame at its end stays as it is."""
    channels, samples = sounds.shape
    frames = samples // _ECHO_FRAME
    if channels < 2 or not frames:
        return sounds
    cut = sounds[:, : frames * _ECHO_FRAME].reshape(channels, frames, _ECHO_FRAME)
    power = [np.einsum("ij,ij->i", frame, frame) + 1e-9 for frame in cut]
    silenced = sounds.copy()
    for own in range(channels):
        echo = np.zeros(frames, dtype=bool)
        for other in range(channels):
            if other != own:
                common = np.abs(np.einsum("ij,ij->i", cut[own], cut[other]))
                alike = common > ECHO_CORRELATION * np.sqrt(power[own] * power[other])
                echo |= alike & (power[own] < power[other] * 10 ** (-ECHO_BELOW_DB / 10))
        silenced[own, : frames * _ECHO_FRAME].reshape(frames, _ECHO_FRAME)[echo] = 0.0
    return silenced
