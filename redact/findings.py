"""What was found, what is to be done about it, and whether it was done.

None of these types holds a word of the call: positions, types, scores and reasons only.
"""

from dataclasses import dataclass, field
from typing import Literal

MaskKind = Literal["tone", "silence", "noise"]
# What people are looked for by.
TermKind = Literal["name", "phone", "email", "reference"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One piece of personal data, as a set of words.

    Attributes:
        entity_type: Presidio's name where it has one.
        words: sorted indices into `Transcript.words`, not always contiguous (an answer broken by the other's "okay").
        score: in [0, 1].
        recognizer: name of what found it.
        view: name of the view it was found in.
        evidence: why, as enumerated reasons such as `pattern:street`, `slot:CREDIT_CARD` or `checksum:luhn`; never a
            value. Findings that differ in nothing else are the same finding.
    """

    entity_type: str
    words: tuple[int, ...]
    score: float
    recognizer: str
    view: str
    evidence: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class AudioInterval:
    """A stretch of sound to be replaced on the given channels: [start_ms, end_ms)."""

    start_ms: int
    end_ms: int
    channels: tuple[int, ...]
    entity_types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Replacement:
    """Words of one turn (contiguous indices `first` to `last`, inclusive) to be replaced by `label`."""

    first: int
    last: int
    entity_type: str
    label: str


@dataclass(frozen=True, slots=True)
class Label:
    """What stands in the text for a run of masked words of one turn.

    Attributes:
        first: index into `Transcript.words`.
        last: the same, inclusive.
        entity_type: of the run.
        text: without the mark that ends the run; empty where nothing stands there.
        mark: what ends the run and stays: a full stop, a comma, a question or exclamation mark, or nothing.
        start_ms: on the policy's grid, rounded down; None where it isn't known.
        end_ms: the same, rounded up.
    """

    first: int
    last: int
    entity_type: str
    text: str = field(repr=False)
    mark: str = ""
    start_ms: int | None = None
    end_ms: int | None = None


@dataclass(frozen=True, slots=True)
class MaskStyle:
    """How sound is replaced. Frequency in Hz; level in dB below full scale (a negative number)."""

    kind: MaskKind = "tone"
    frequency_hz: int = 1000
    level_dbfs: float = -20.0


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is to be done to one call.

    Attributes:
        intervals: sorted by start.
        replacements: sorted, disjoint.
        doubts: why a person may want to look, as enumerated reasons with their counts.
        hold: True where the policy wants a person to decide before anything is published.
    """

    intervals: tuple[AudioInterval, ...]
    replacements: tuple[Replacement, ...]
    doubts: tuple[tuple[str, int], ...] = ()
    hold: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """One check of the result: its name, whether it passed, and its figure."""

    name: str
    passed: bool
    figure: float | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """All checks that were made on the staged outputs."""

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """True where every check passed."""
        return all(check.passed for check in self.checks)
