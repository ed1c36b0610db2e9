"""What a person decided about stretches of a call: masked, and as what; or not personal, whatever was found there.

A correction is a time, not a text: it holds no value, and a plan that is made anew from the original is corrected by it
again. A person's word counts over everything that was found, and over what listening again still hears.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from redact.call import Stretch, Transcript, Word
from redact.findings import AudioInterval


@dataclass(frozen=True, slots=True)
class Correction:
    """One decision, on all channels.

    Attributes:
        start_ms: where it begins.
        end_ms: where it ends.
        entity_type: what is masked there; None for what is not personal.
    """

    start_ms: int
    end_ms: int
    entity_type: str | None


def settled(corrections: Sequence[Correction]) -> tuple[Correction, ...]:
    """The same decisions with each moment decided once: the later one counts."""
    result: list[Correction] = []
    for later in corrections:
        result = [part for earlier in result for part in _outside(earlier, later)]
        result.append(later)
    return tuple(sorted(result, key=lambda c: (c.start_ms, c.end_ms)))


def types(
    found: dict[int, str], transcript: Transcript, corrections: Iterable[Correction]
) -> dict[int, str]:  # fmt: skip
    """The entity type of each masked word, after the corrections: a word belongs to the one that its middle lies in."""
    result = dict(found)
    for correction in corrections:
        for index, word in enumerate(transcript.words):
            if _is_in(word, correction):
                if correction.entity_type is None:
                    result.pop(index, None)
                else:
                    result[index] = correction.entity_type
    return result


def is_kept(where: Stretch, corrections: Iterable[Correction]) -> bool:
    """True where a person said of the middle of a stretch that it is not personal."""
    middle = (where.start_ms + where.end_ms) // 2
    return any(c.entity_type is None and c.start_ms <= middle < c.end_ms for c in corrections)


def intervals(
    planned: Iterable[AudioInterval], corrections: Sequence[Correction], channels: int, duration_ms: int
) -> tuple[AudioInterval, ...]:
    """What is masked in the sound, after the corrections: exactly where a person drew the edges."""
    result = list(planned)
    every = tuple(range(channels))
    for correction in corrections:
        start, end = max(0, correction.start_ms), min(duration_ms, correction.end_ms)
        if start >= end:
            continue
        result = [part for interval in result for part in _cut(interval, start, end)]
        if correction.entity_type is not None:
            result.append(AudioInterval(start, end, every, (correction.entity_type,)))
    return tuple(sorted(result, key=lambda i: (i.start_ms, i.end_ms, i.channels)))


def _outside(earlier: Correction, later: Correction) -> list[Correction]:
    parts = [
        replace(earlier, end_ms=min(earlier.end_ms, later.start_ms)),
        replace(earlier, start_ms=max(earlier.start_ms, later.end_ms)),
    ]
    return [part for part in parts if part.start_ms < part.end_ms]


def _cut(interval: AudioInterval, start: int, end: int) -> list[AudioInterval]:
    parts = [
        replace(interval, end_ms=min(interval.end_ms, start)),
        replace(interval, start_ms=max(interval.start_ms, end)),
    ]
    return [part for part in parts if part.start_ms < part.end_ms]


def _is_in(word: Word, correction: Correction) -> bool:
    if word.start_ms is None or word.end_ms is None:
        return False
    return correction.start_ms <= (word.start_ms + word.end_ms) // 2 < correction.end_ms
