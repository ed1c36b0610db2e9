"""Subtitle cues: a transcript cut into pieces that a person can read while listening.

WebVTT and SRT differ in how a cue is spelled, not in what is in it, so both are written from the cues made here.
Cues need times, and words may have none, or times that run backwards. Here every word gets a time to be shown at;
no word is ever left out for want of one. These times serve reading only: nothing is masked by them.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from redact.call import Transcript, Turn, Word

LINE_CHARACTERS = 42
"""Longest line, in characters. This, two lines, and the longest and shortest cue are the limits of Netflix's
Timed Text Style Guide, which other houses' guides come close to."""

CUE_MS = 7_000
"""Longest cue."""

SHORTEST_CUE_MS = 834
"""Shortest cue, where the next one on the same channel leaves room: five sixths of a second."""

PAUSE_MS = 1_500
"""A speaker's pause from which on the words after it get a cue of their own, so that they aren't shown too early."""

SPOKEN_MS_A_CHARACTER = 60
"""How long a character takes to say: about 170 words a minute of six characters, a usual pace in conversation."""

HASTY_MS_A_CHARACTER = 25
"""The fastest pace that words without times are given where there is little room for them."""

_SPACE = re.compile(r"[\t-\r\x1c-\x1f \x85\u2028\u2029]+")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
# Control characters, the byte order mark, and the marks that turn the reading direction around until they are closed:
# a cue may end before they are, and a reader would see something else than what is written.
_UNSHOWN = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ufeff]")
_SENTENCE_END = re.compile(r"[.?!…][\"'”’»)]*$")


@dataclass(frozen=True, slots=True)
class Cue:
    """Words of one speaker, shown together.

    Attributes:
        speaker: name to be shown, may be empty.
        channel: of the turn.
        start_ms: not before that of the cue before it in the same turn.
        end_ms: after `start_ms`.
        lines: one or two lines of text, none of them blank.
    """

    speaker: str
    channel: int
    start_ms: int
    end_ms: int
    lines: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Piece:
    """The text of one word and when it is shown."""

    text: str = field(repr=False)
    start_ms: int
    end_ms: int


def cues(transcript: Transcript) -> tuple[Cue, ...]:
    """Cut a transcript into cues.

    Every word that has something to show is in exactly one cue, whole and on one line, in the order of its turn. A cue
    keeps to two lines of 42 characters (the first also has room for the speaker's name) and to seven seconds, unless a
    single word is longer than that.

    Returns:
        Cues sorted by start; those of one turn in the order of its words.
    """
    shown = [[word for word in turn.words if displayed(word.text)] for turn in transcript.turns]
    cut = [cue for turn, pieces in zip(transcript.turns, _timed(shown), strict=True) for cue in _cut(turn, pieces)]
    return _readable(sorted(cut, key=lambda cue: cue.start_ms))


def displayed(text: str) -> str:
    """Text as it is shown on one line of a text file.

    Line breaks, tabs and runs of spaces become one space; control characters and marks that override the reading
    direction go; half characters (lone surrogates), which no file can hold, become U+FFFD. All other characters
    stay, in logical order: no-break spaces, joiners, emoji, right-to-left letters.
    """
    text = _UNSHOWN.sub("", _SURROGATE.sub("\ufffd", text))
    return _SPACE.sub(" ", text).strip()


def speaker_name(turn: Turn) -> str:
    """The speaker of a turn as shown: with a capital, on one line, empty where the turn has none."""
    name = displayed(turn.speaker)
    return name[:1].upper() + name[1:]


def timing(cue: Cue, *, point: str) -> str:
    """A cue's line of times; `point` stands before the milliseconds: `00:01:02.345 --> 00:01:04.500`."""
    return f"{_timestamp(cue.start_ms, point)} --> {_timestamp(cue.end_ms, point)}"


def _timestamp(time_ms: int, point: str) -> str:
    """Hours, minutes, seconds and milliseconds."""
    minutes, ms = divmod(time_ms, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{ms // 1000:02}{point}{ms % 1000:03}"


def _cut(turn: Turn, pieces: Sequence[_Piece]) -> Iterator[Cue]:
    """One turn's cues, in order."""
    speaker = speaker_name(turn)
    lead = len(f"{speaker}: ") if speaker else 0
    groups: list[list[_Piece]] = []
    for piece in pieces:
        if groups and _belongs(piece, groups[-1], lead):
            groups[-1].append(piece)
        else:
            groups.append([piece])
    for group in groups:
        lines = _lines([piece.text for piece in group], lead)
        yield Cue(speaker, turn.channel, group[0].start_ms, group[-1].end_ms, lines)


def _belongs(piece: _Piece, group: Sequence[_Piece], lead: int) -> bool:
    """Whether a word is shown together with those before it."""
    before = " ".join(p.text for p in group)
    sentence_fills_a_line = len(before) + lead > LINE_CHARACTERS and _SENTENCE_END.search(before)
    return (
        not sentence_fills_a_line
        and piece.end_ms - group[0].start_ms <= CUE_MS
        and piece.start_ms - group[-1].end_ms < PAUSE_MS
        and _width(_lines([*(p.text for p in group), piece.text], lead), lead) <= LINE_CHARACTERS
    )


def _lines(texts: Sequence[str], lead: int) -> tuple[str, ...]:
    """The words on one line where they fit, else on the two most even ones; `lead` characters stand before them."""
    splits = [(" ".join(texts[:k]), " ".join(texts[k:])) for k in range(1, len(texts))]
    whole = (" ".join(texts),)
    if not splits or _width(whole, lead) <= LINE_CHARACTERS:
        return whole
    return min(splits, key=lambda lines: _width(lines, lead))


def _width(lines: Sequence[str], lead: int) -> int:
    """Characters in the longest line."""
    return max(lead + len(lines[0]), *(len(line) for line in lines))


def _readable(in_order: Sequence[Cue]) -> tuple[Cue, ...]:
    """Cues that would only flash are shown longer, up to the next one's start on their channel."""
    longer = []
    next_start: dict[int, int] = {}
    for cue in reversed(in_order):
        until = cue.start_ms + SHORTEST_CUE_MS
        following = next_start.get(cue.channel, cue.start_ms)
        if following > cue.start_ms:
            until = min(until, following)
        longer.append(replace(cue, end_ms=max(cue.end_ms, until)))
        next_start[cue.channel] = cue.start_ms
    return tuple(reversed(longer))


def _timed(turns: Sequence[Sequence[Word]]) -> Iterator[list[_Piece]]:
    """Each turn's words with times that never run backwards within the turn.

    Words without times are placed between their neighbours. A turn without any follows the turn before it, at the pace
    of speech, or faster where the next turn that has times starts sooner.
    """
    known = [_known(words) for words in turns]
    places = [_places(words) for words in turns]
    ahead = _ahead(known, places)
    clock = 0
    for words, slots, place, (characters, next_start) in zip(turns, known, places, ahead, strict=True):
        if not words:
            yield []
            continue
        pace = float(SPOKEN_MS_A_CHARACTER)
        if all(slot is None for slot in slots) and next_start is not None:
            clock = min(clock, next_start)
            pace = min(pace, max(HASTY_MS_A_CHARACTER, (next_start - clock) / characters))
        times = _filled(slots, place, clock, pace)
        yield [_Piece(displayed(word.text), times[2 * i], times[2 * i + 1]) for i, word in enumerate(words)]
        clock = times[-1]


def _known(words: Sequence[Word]) -> list[int | None]:
    """Start and end of each word in turn, as far as they are known, made to never run backwards.

    An end gives way to a later word's start, being the less certain of the two; a start that lies before an earlier one
    is raised to it.
    """
    starts: list[int | None] = []
    latest = 0
    for word in words:
        if word.start_ms is not None:
            latest = max(latest, word.start_ms)
        starts.append(None if word.start_ms is None else latest)
    slots: list[int | None] = []
    later: int | None = None
    for word, start in zip(reversed(words), reversed(starts), strict=True):
        end = word.end_ms
        if end is not None and later is not None:
            end = min(end, later)
        slots += (end, start)
        later = later if start is None else start
    slots.reverse()
    latest = 0
    for i, slot in enumerate(slots):
        if slot is not None:
            latest = max(latest, slot)
            slots[i] = latest
    return slots


def _places(words: Sequence[Word]) -> list[int]:
    """Where each word starts and ends in the turn's text, in characters: two numbers a word, as in `_known`."""
    places = []
    place = 0
    for word in words:
        places += [place, place + len(word.text)]
        place += len(word.text) + 1
    return places


def _ahead(known: Sequence[Sequence[int | None]], places: Sequence[Sequence[int]]) -> list[tuple[int, int | None]]:
    """For each turn: the characters of untimed turns from here to the next that has times, and when that one starts."""
    ahead = []
    characters = 0
    next_start: int | None = None
    for slots, place in zip(reversed(known), reversed(places), strict=True):
        first = next((slot for slot in slots if slot is not None), None)
        if first is not None:
            characters, next_start = 0, first
        elif place:
            characters += place[-1]
        ahead.append((characters, next_start))
    return ahead[::-1]


def _filled(slots: Sequence[int | None], places: Sequence[int], earliest: int, pace: float) -> list[int]:
    """Times for all slots: those that are known, and between them in proportion to the characters.

    Args:
        slots: times that don't run backwards, None where unknown.
        places: of the same length, in characters.
        earliest: when the first slot may be, where its time is unknown.
        pace: in ms a character, for what lies outside the known times.
    """
    anchors = {i: slot for i, slot in enumerate(slots) if slot is not None}
    if slots[0] is None:
        if anchors:
            i, time = next(iter(anchors.items()))
            earliest = max(min(earliest, time), time - int(places[i] * pace))
        anchors = {0: earliest, **anchors}
    last = len(slots) - 1
    if last not in anchors:
        i, time = next(reversed(anchors.items()))
        anchors[last] = time + int((places[last] - places[i]) * pace)
    times = [anchors[0]]
    for (i, time), (j, next_time) in pairwise(anchors.items()):
        span = places[j] - places[i]
        times += [time + (next_time - time) * (places[k] - places[i]) // span for k in range(i + 1, j)]
        times.append(next_time)
    return times
