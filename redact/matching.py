"""Words that somebody else wrote down, matched with those that our engine heard: the same word, said at the same place.

Pure. Both heard the same sound, or they are not of one call.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from rapidfuzz.distance import Indel

from redact.call import Transcript, Turn, Word
from redact.plan import NUMBER_REACH_MS, said

# Fewer letters in a row may stand in any call at any place: "is", "to the".
LETTERS = 6
# A word of a turn that has times lies within them, give or take.
BESIDE_TURN_MS = 1_500
# Of the matched words, so many have to lie within so much of their common offset, for it to be one.
STEADY, STEADY_MS = 0.9, 500
_ALL = -1


@dataclass(frozen=True)
class Matches:
    """What was matched.

    Attributes:
        heard: for each matched word of the transcript, by its index, the word that was heard.
        edges: of words in a row that were heard as other words, by its index, the first with the start of what was
            heard instead, and the last with its end.
        share: of the transcript's words, those that were matched.
        offset_ms: median of what matched words were heard later than the transcript says; None where it says no times.
        steady: True where most matched words are off by about that.
    """

    heard: dict[int, Word]
    edges: dict[int, Word]
    share: float
    offset_ms: int | None
    steady: bool


def matched(transcript: Transcript, heard: Transcript) -> Matches:
    """Match each speaker's words with those of the channel, or of all, that they have most in common with."""
    channels: dict[int, list[Word]] = {}
    for word in sorted(heard.words, key=lambda word: word.start_ms or 0):
        if said(word.text):
            channels.setdefault(word.channel, []).append(word)
            channels.setdefault(_ALL, []).append(word)
    words = transcript.words
    found: dict[int, Word] = {}
    edges: dict[int, Word] = {}
    for own in _by_voice(transcript):
        best: tuple[dict[int, Word], dict[int, Word]] = {}, {}
        for number in sorted(channels, reverse=True):  # all together last: a channel alone is not interrupted
            one = _equal(words, own, channels[number])
            best = one if len(one[0]) > len(best[0]) else best
        found.update(best[0])
        edges.update(best[1])
    off = [h.start_ms - s for i, h in found.items() if (s := words[i].start_ms) is not None and h.start_ms is not None]
    offset = round(median(off)) if off else None
    steady = offset is None or sum(abs(o - offset) <= STEADY_MS for o in off) >= STEADY * len(off)
    spoken = sum(bool(said(word.text)) for word in words)
    return Matches(found, edges, len(found) / max(spoken, 1), offset, steady)


def timed(transcript: Transcript, matches: Matches) -> Transcript:
    """The transcript with what is known of the times of its words where it has none itself."""
    turns = []
    for turn, indices in transcript.turn_ranges():
        known = (matches.heard.get(index) or matches.edges.get(index) for index in indices)
        words = tuple(_timed(turn, word, heard) for word, heard in zip(turn.words, known, strict=True))
        turns.append(replace(turn, words=words))
    return replace(transcript, turns=tuple(turns))


def _timed(turn: Turn, word: Word, heard: Word | None) -> Word:
    if heard is None or _is_beside(turn, heard):
        return word
    start = heard.start_ms if word.start_ms is None else word.start_ms
    end = heard.end_ms if word.end_ms is None else word.end_ms
    return word if start is not None and end is not None and start > end else replace(word, start_ms=start, end_ms=end)


def _is_beside(turn: Turn, heard: Word) -> bool:
    """True for what was heard too long before or after a turn to be said in it."""
    begins = heard.end_ms if heard.start_ms is None else heard.start_ms
    ends = heard.start_ms if heard.end_ms is None else heard.end_ms
    too_early = turn.start_ms is not None and ends is not None and ends < turn.start_ms - BESIDE_TURN_MS
    too_late = turn.end_ms is not None and begins is not None and begins > turn.end_ms + BESIDE_TURN_MS
    return too_early or too_late


def _by_voice(transcript: Transcript) -> list[list[int]]:
    """Indices of each speaker's words, those left out that are marks alone."""
    voices: dict[tuple[int, str], list[int]] = {}
    for turn, indices in transcript.turn_ranges():
        own = [index for index, word in zip(indices, turn.words, strict=True) if said(word.text)]
        voices.setdefault((turn.channel, turn.speaker), []).extend(own)
    return list(voices.values())


def _equal(words: Sequence[Word], own: Sequence[int], heard: Sequence[Word]) -> tuple[dict[int, Word], dict[int, Word]]:
    """Words that are equal in both, in runs that are long enough to be no chance; and the edges of what is between."""
    ours, theirs = [said(words[index].text) for index in own], [said(word.text) for word in heard]
    found: dict[int, Word] = {}
    edges: dict[int, Word] = {}
    at, there = 0, 0
    for block in [*Indel.opcodes(ours, theirs), None]:
        run = range(len(ours), len(ours)) if block is None else range(block.src_start, block.src_end)
        if block is not None and (block.tag != "equal" or sum(len(ours[place]) for place in run) < LETTERS):
            continue
        begins = len(theirs) if block is None else block.dest_start
        if at < run.start and there < begins:
            first, last = own[at], own[run.start - 1]
            edges[first] = replace(words[first], start_ms=_earliest_ms(heard, there), end_ms=None)
            edges[last] = replace(edges.get(last, words[last]), end_ms=heard[begins - 1].end_ms)
            if first != last:
                edges[last] = replace(edges[last], start_ms=None)
        found.update({own[place]: heard[begins + place - run.start] for place in run})
        at, there = run.stop, begins + len(run)
    return found, edges


def _earliest_ms(heard: Sequence[Word], index: int) -> int:
    """Where what was heard as a word may have begun: engines shorten a number written as one word from its start."""
    start = heard[index].start_ms or 0
    if not any(map(str.isdigit, heard[index].text)):
        return start
    before = heard[index - 1].end_ms or 0 if index else 0
    return min(start, max(before, start - NUMBER_REACH_MS))
