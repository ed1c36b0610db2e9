"""What a person decided about stretches of a call: masked, and as what; or not personal, whatever was found there.

A correction is a time, not a text: it holds no value, and a plan that is made anew from the original is corrected by it
again. A person's word counts over everything that was found, and over what listening again still hears.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from redact.call import Stretch, Transcript
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


def types(found: Mapping[int, str], transcript: Transcript, corrections: Sequence[Correction]) -> dict[int, str]:
    """The entity type of each word that is masked in the text, after the corrections.

    A word is released only where all of it was said to be not personal: of one that lies half in a mask, half may be
    heard, and nothing is read. It is masked where its middle is.
    """
    result = dict(found)
    for index, word in enumerate(transcript.words):
        if word.start_ms is None or word.end_ms is None:
            continue
        if index in result and is_kept(Stretch(word.channel, word.start_ms, word.end_ms), corrections):
            del result[index]
        for correction in corrections:
            middle = (word.start_ms + word.end_ms) // 2
            if correction.entity_type is not None and correction.start_ms <= middle < correction.end_ms:
                result[index] = correction.entity_type
    return result


def is_kept(where: Stretch, corrections: Iterable[Correction]) -> bool:
    """True where a person said of a whole stretch that it is not personal."""
    left = [(where.start_ms, max(where.end_ms, where.start_ms + 1))]
    for correction in corrections:
        if correction.entity_type is None:
            start, end = correction.start_ms, correction.end_ms
            left = [
                part
                for first, last in left
                for part in ((first, min(last, start)), (max(first, end), last))
                if part[0] < part[1]
            ]
    return not left


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
