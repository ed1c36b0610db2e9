"""What a call is: the recording, and who said what when.

All types are frozen. Times are integer milliseconds from the start of the recording, rounded outward
(starts down, ends up) where they come from something finer. Text never shows in a `repr`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, get_args

SampleFormat = Literal["s16", "s32", "flt"]
Role = Literal["agent", "customer", "mixed", "other"]
ROLES: tuple[Role, ...] = get_args(Role)
_ALIKE: Mapping[str, Role] = {"caller": "customer", "client": "customer", "advisor": "agent"}


def role_named(name: str) -> Role | None:
    """What a channel holds, as people call it; None for a name that nobody knows."""
    plain = name.strip().lower()
    return next((role for role in ROLES if role == plain), _ALIKE.get(plain))


@dataclass(frozen=True, slots=True)
class Recording:
    """Facts about one audio file, as found by decoding it whole.

    Attributes:
        sha256: hex digest of the file's bytes.
        container: name of the demuxer, e.g. `wav`, `mp3`, `ogg`.
        codec: name of the codec as FFmpeg calls it, e.g. `pcm_mulaw`, `opus`.
        sample_rate: of the decoded sound, in Hz.
        samples: number of samples in each channel.
        sample_format: of the decoded sound: `s16` (to 16 bit, G.711, GSM), `s32` (24 and 32 bit, left aligned), `flt`.
        roles: what each channel holds; its length is the number of channels.
        bit_rate: of the audio stream in bits a second, None where unknown or meaningless.
        tags: sorted names (never values) of the metadata tags present.
        other_streams: number of further streams (pictures, video, second tracks), which are never copied.
    """

    sha256: str
    container: str
    codec: str
    sample_rate: int
    samples: int
    sample_format: SampleFormat
    roles: tuple[Role, ...]
    bit_rate: int | None = None
    tags: tuple[str, ...] = ()
    other_streams: int = 0

    @property
    def channels(self) -> int:
        """Number of channels."""
        return len(self.roles)

    @property
    def duration_ms(self) -> int:
        """Duration in milliseconds, rounded up."""
        return -(-self.samples * 1000 // self.sample_rate)


@dataclass(frozen=True, slots=True)
class Word:
    """One word as transcribed, with the punctuation that sticks to it.

    Both times may be None: the source gave none. `confidence` is in [0, 1].
    """

    text: str = field(repr=False)
    start_ms: int | None
    end_ms: int | None
    channel: int
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """Consecutive words of one speaker on one channel.

    An `aside` was not said in the call: it tells of it, as a summary does, or says it once more in other words. It has
    no place in the sound, and stands after all that was said.

    Where a source gives times to a turn but none to its words, the first word bears the turn's start, and the last its
    end.
    """

    speaker: str
    channel: int
    words: tuple[Word, ...]
    aside: bool = False

    @property
    def text(self) -> str:
        """The turn's words, joined by single spaces."""
        return " ".join(word.text for word in self.words)

    @property
    def start_ms(self) -> int | None:
        """Start of the first word that has a time."""
        return next((w.start_ms for w in self.words if w.start_ms is not None), None)

    @property
    def end_ms(self) -> int | None:
        """End of the last word that has a time."""
        return next((w.end_ms for w in reversed(self.words) if w.end_ms is not None), None)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of one channel's sound."""

    channel: int
    start_ms: int
    end_ms: int

    def widened(self, by_ms: int) -> "Stretch":
        """The same, so much longer on each side."""
        return replace(self, start_ms=max(0, self.start_ms - by_ms), end_ms=self.end_ms + by_ms)


@dataclass(frozen=True, slots=True)
class HeardAcross:
    """What `speaker` (a channel) says is heard on `channel` too, from `earliest_ms` to `latest_ms` later."""

    speaker: int
    channel: int
    earliest_ms: int = 0
    latest_ms: int = 0


DoubtReason = Literal["speech_without_words", "repetition_loop", "low_confidence"]


@dataclass(frozen=True, slots=True)
class Doubt:
    """A place where the transcript can't be trusted, and why.

    `speech_without_words`: speech was detected and no word was transcribed.
    `repetition_loop`: the engine repeated itself; the words there may hide others.
    `low_confidence`: the engine itself hardly believes the words there.
    """

    reason: DoubtReason
    where: Stretch


@dataclass(frozen=True)  # without slots: its words are put together once, however often they are asked for
class Transcript:
    """Turns in time order, with what is known about how they came to be.

    Attributes:
        turns: in order of their first timed word.
        language: ISO 639-1 code.
        source: the engine and model, or the format it was imported from.
        language_probability: in [0, 1]; None where the language was given.
        doubts: places where the engine may have missed speech.
    """

    turns: tuple[Turn, ...]
    language: str
    source: str
    language_probability: float | None = None
    doubts: tuple[Doubt, ...] = ()

    @cached_property
    def words(self) -> tuple[Word, ...]:
        """All words in turn order; a word's index here is its identity in findings and plans."""
        return tuple(word for turn in self.turns for word in turn.words)

    def turn_ranges(self) -> Iterator[tuple[Turn, range]]:
        """Each turn with the range of its words' indices in `words`."""
        first = 0
        for turn in self.turns:
            yield turn, range(first, first + len(turn.words))
            first += len(turn.words)
