"""From the sound of a recording to what was said in it: what is heard where, the clips for the engine, the transcript.

Nothing here holds the sound: it is read from the decoded samples window by window, and a clip when it is transcribed.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from numpy.typing import NDArray

from redact.audio import crosstalk, dtmf
from redact.audio.pcm import Signal
from redact.audio.resample import Resampled
from redact.audio.speech import SAMPLE_RATE, WithoutEcho, hear
from redact.call import HeardAcross, Recording, Stretch, Transcript, Word
from redact.plan import Sound
from redact.transcribe.engine import Clip, Engine
from redact.transcribe.segments import clips, doubts, plausible, turns, unheard, with_audible


@dataclass(frozen=True, slots=True)
class Survey:
    """What is heard where, before a word of it is known.

    Attributes:
        speech: for each channel the stretches in which somebody speaks.
        audible: stretches, of all channels, in which anything is heard, speech or not; they may overlap.
        tones: stretches in which keys were pressed, of all channels.
        across: what is heard on another channel too; None where nobody wants to know.
        clips: all that the engine has to listen to, by channel and in time order.
    """

    speech: tuple[tuple[Stretch, ...], ...]
    audible: tuple[Stretch, ...]
    tones: tuple[Stretch, ...]
    clips: tuple[Clip, ...]
    across: tuple[HeardAcross, ...] | None = None

    @property
    def sound(self) -> Sound:
        """The same, as plans are made from it."""
        return Sound(tuple(stretch for part in self.speech for stretch in part), self.tones, self.across)


def survey(pcm: Signal, recording: Recording, *, cross_talk: bool = False) -> Survey:
    """Find out where something is heard, also across if asked for. Clips read from `pcm`, which has to stay open."""
    sound = clean(pcm)
    heard = hear(sound)
    wanted = [
        where
        for part in heard
        for where in with_audible(clips(part.speech, recording.duration_ms), part.audible, recording.duration_ms)
    ]
    across = crosstalk.measure(Resampled(pcm, crosstalk.RATE)) if cross_talk else None
    audible = tuple(stretch for part in heard for stretch in (*part.speech, *part.audible))
    return Survey(tuple(part.speech for part in heard), audible, tones(pcm), cut(sound, wanted), across)


def tones(sound: Signal, worth: float = dtmf.PRESSED) -> tuple[Stretch, ...]:
    """Keypad tones of all channels; `worth` as in `dtmf.bursts`."""
    return tuple(burst for channel in range(sound.channels) for burst in dtmf.bursts(sound, channel, worth=worth))


def clean(pcm: Signal) -> Signal:
    """The sound as the speech model gets it: 16 kHz, without the other side's echo."""
    return WithoutEcho(Resampled(pcm, SAMPLE_RATE))


def cut(sound: Signal, stretches: Iterable[Stretch]) -> tuple[Clip, ...]:
    """Clips of sound at 16 kHz. Each is read when it is asked for."""
    return tuple(Clip(where, partial(_read, sound, where)) for where in stretches)


def _read(sound: Signal, where: Stretch) -> NDArray[Any]:
    first, last = where.start_ms * SAMPLE_RATE // 1000, -(-where.end_ms * SAMPLE_RATE // 1000)
    channel: NDArray[Any] = sound.read(first, last)[where.channel]
    return channel


def transcribe(
    surveyed: Survey,
    recording: Recording,
    engine: Engine,
    language: str,
    probability: float | None,
    progress: Callable[[int, int], None],
) -> Transcript:
    """Who said what when, and where that can't be trusted.

    Args:
        surveyed: what is heard in the recording.
        recording: the facts.
        engine: to listen to the clips.
        language: ISO 639-1.
        probability: of the language; None where it was given.
        progress: called with milliseconds done and in all.
    """
    speech = surveyed.sound.speech

    def rest(clip: Clip, words: Sequence[Word]) -> Clip | None:
        left = unheard(clip.where, words, speech)
        return clip.part(left) if left else None

    told = engine.transcribe(surveyed.clips, language, progress, rest)
    heard = plausible(told, recording.duration_ms)
    doubted = tuple(
        doubt
        for channel, part in enumerate(surveyed.speech)
        for doubt in doubts([word for word in heard if word.channel == channel], without(part, surveyed.tones))
    )
    said_by = turns(heard, recording.roles, speech)
    return Transcript(said_by, language, engine.name, probability, doubted)


def longest_clips(cut: Iterable[Clip]) -> tuple[Clip, ...]:
    """The longest clip of each channel: the most speech, to tell the language by."""
    longest: dict[int, Clip] = {}
    for clip in cut:
        known = longest.get(clip.where.channel)
        if known is None or clip.duration_ms > known.duration_ms:
            longest[clip.where.channel] = clip
    return tuple(longest.values())


def without(speech: Sequence[Stretch], tones: Sequence[Stretch]) -> list[Stretch]:
    """Speech regions of one channel less the keypad tones in them: beside a key somebody may speak."""
    left = list(speech)
    for tone in tones:
        left = [
            Stretch(region.channel, start, end)
            for region in left
            for start, end in _outside(region, tone)
            if start < end
        ]
    return left


def _outside(region: Stretch, tone: Stretch) -> tuple[tuple[int, int], ...]:
    if region.channel != tone.channel:
        return ((region.start_ms, region.end_ms),)
    return (
        (region.start_ms, min(region.end_ms, tone.start_ms)),
        (max(region.start_ms, tone.end_ms), region.end_ms),
    )
