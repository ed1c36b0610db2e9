"""Listening again: what is still audible in a redacted recording is transcribed once more, and differently.

The first listening heard the whole call. This one hears only what is left of it, packed closely, so that other things
stand side by side; and the engine is told the names that were learned in the call, which it would not expect by itself:
"no, I'll end it" is then heard as "Yolanda". Detection reads the call with the new words in the places of the old ones.

Two engines of the same kind mishear alike and yet differently, so not all that is found anew is believed: a name that
is known in the call, where something else was heard before; and digits beside what is masked already.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from redact.audio.pcm import Signal
from redact.audio.speech import SAMPLE_RATE
from redact.call import Doubt, Role, Stretch, Transcript, Word
from redact.findings import AudioInterval, Finding, Plan
from redact.plan import IsEveryday, Mention, said
from redact.policy import Policy
from redact.transcribe.engine import Clip
from redact.transcribe.segments import turns

# Shorter than an engine's window, so that what it adds at the ends fits in.
WINDOW_MS = 29_000
# Silence between two pieces of a window: a pause in speech, as engines know it.
PAUSE_MS = 500
# Sound kept around a piece, up to the mask beside it.
RIM_MS = 150
# Shorter pieces hold no word.
PIECE_MS = 200
# Of the first listening's windows, the share that is listened to again: with a quick engine a third of its time.
SHARE = 0.34
# People say names when they greet and when they part: what is so near to the beginning or the end comes first.
GREETING_MS = 12_000
# How far from the latest masks is listened to, when a call is made again.
REACH_MS = 5_000
# How far from them something is believed that was not heard the times before.
NEAR_MS = 2_000
# So near to a mask, so many digits are part of what is masked there.
BESIDE_MS = 700
DIGITS = 3
# A word is the same where it was heard at the same time, give or take.
_SAME_MS = 300
_NAME_LETTERS = 3
_MOST_NAMES = 30
_MASKED = "…"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch that is still audible, and where it lies in its window.

    Attributes:
        where: the stretch in the recording.
        at_ms: its beginning in the window.
    """

    where: Stretch
    at_ms: int


Window = tuple[Piece, ...]


Mark = tuple[int, int]


def marks(plan: Plan, doubts: Iterable[Doubt], duration_ms: int) -> tuple[Mark, ...]:
    """Where it matters most what is left: beside masks and doubts and, where there are any, at the call's two ends."""
    places = [(i.start_ms, i.end_ms) for i in plan.intervals] + [(d.where.start_ms, d.where.end_ms) for d in doubts]
    ends = [(0, GREETING_MS), (duration_ms - GREETING_MS, duration_ms)]
    return tuple(sorted([*places, *ends])) if places else ()


def beside(mentions: Iterable[Mention]) -> tuple[Mark, ...]:
    """Where masks were put because of what was heard again: nothing has changed but beside these."""
    return tuple(sorted((mention.where.start_ms, mention.where.end_ms) for mention in mentions))


def windows(
    heard: Iterable[Stretch],
    intervals: Sequence[AudioInterval],
    marked: Sequence[Mark],
    clips: int,
    reach_ms: int | None = None,
) -> tuple[Window, ...]:
    """What to listen to again, packed.

    Args:
        heard: stretches in which something is heard, of all channels, in any order; they may overlap.
        intervals: what is masked.
        marked: places to listen around; what is nearest to one goes in first. Without any, nothing is listened to.
        clips: number of windows that the first listening took.
        reach_ms: what is further from any of these places is left out; None for nothing.
    """
    if not marked:
        return ()
    most = max(1, int(SHARE * clips))
    left = [part for stretch in _merged(heard) for piece in _left(stretch, intervals) for part in _cut(piece)]
    chosen: list[Stretch] = []
    room = most * (WINDOW_MS - PAUSE_MS)
    for distance, stretch in sorted(
        ((_distance(s, marked), s) for s in left), key=lambda near: (near[0], near[1].start_ms)
    ):
        if reach_ms is not None and distance > reach_ms:
            break
        room -= stretch.end_ms - stretch.start_ms + PAUSE_MS
        if room < 0:
            break
        chosen.append(stretch)
    return tuple(_packed(sorted(chosen, key=lambda s: (s.channel, s.start_ms))))[:most]


def clips(sound: Signal, packed: Sequence[Window]) -> tuple[Clip, ...]:
    """One clip a window, numbered as its channel, from 0 on its own clock.

    Args:
        sound: of the redacted recording, at 16 kHz.
        packed: as made by `windows`.
    """
    return tuple(
        Clip(Stretch(number, 0, window[-1].at_ms + _length(window[-1].where)), partial(_sound, sound, window))
        for number, window in enumerate(packed)
    )


def unpacked(words: Iterable[Word], packed: Sequence[Window]) -> tuple[Word, ...]:
    """Words of the clips, each put back to where it was said: on the recording's clock, within its piece."""
    result = []
    for word in words:
        if word.start_ms is None or word.end_ms is None:
            continue
        window = packed[word.channel]
        middle = (word.start_ms + word.end_ms) // 2 + PAUSE_MS // 2
        piece = window[max(bisect_right([piece.at_ms for piece in window], middle) - 1, 0)]
        where, moved = piece.where, piece.where.start_ms - piece.at_ms
        start = min(max(word.start_ms + moved, where.start_ms), where.end_ms)
        end = min(max(word.end_ms + moved, start), where.end_ms)
        result.append(replace(word, start_ms=start, end_ms=end, channel=where.channel))
    return tuple(sorted(result, key=lambda word: (word.channel, word.start_ms or 0)))


def spliced(
    transcript: Transcript, again: Sequence[Word], packed: Sequence[Window], roles: Sequence[Role]
) -> Transcript:
    """The transcript with the words that were heard again in the places that were listened to again."""
    listened = sorted((p.where for window in packed for p in window), key=lambda s: (s.channel, s.start_ms))
    kept = [word for word in transcript.words if not _is_within(word, listened)]
    words = sorted([*kept, *again], key=lambda word: (word.channel, word.start_ms or 0))
    return replace(transcript, turns=turns(words, roles, listened))


def mentions(
    transcript: Transcript,
    anew: Transcript,
    again: Sequence[Word],
    findings: Sequence[Finding],
    names: Sequence[str],
    intervals: Sequence[AudioInterval],
    policy: Policy,
) -> tuple[Mention, ...]:
    """What was found among the words that were heard again, and is believed.

    Args:
        transcript: of the first listening.
        anew: the same, spliced.
        again: the words that were heard again.
        findings: in `anew`.
        names: known in the call.
        intervals: what is masked.
        policy: what is wanted.
    """
    own = frozenset(again)
    known = frozenset(map(said, names))
    heard: dict[str, list[Word]] = {}
    for word in transcript.words:
        heard.setdefault(said(word.text), []).append(word)
    found: dict[Mention, None] = {}
    for finding in findings:
        if not policy.wants(finding.entity_type, finding.score):
            continue
        words = [word for index in finding.words if (word := anew.words[index]) in own]
        other = [word for word in words if not any(_is_same(was, word) for was in heard.get(said(word.text), ()))]
        if finding.entity_type == "PERSON":
            believed = any(said(word.text) in known for word in other)
            words = [word for word in words if said(word.text) in known]
        else:
            digits = sum(character.isdigit() for word in other for character in word.text)
            believed = digits >= DIGITS and any(_is_beside(word, intervals) for word in words)
        for word in words if believed else ():
            where = Stretch(word.channel, word.start_ms or 0, word.end_ms or 0)
            found.setdefault(Mention(where, finding.entity_type))
    return tuple(found)


def near(found: Iterable[Mention], marked: Sequence[Mark]) -> tuple[Mention, ...]:
    """Of what was found, what is beside the latest masks.

    What is further away has been listened to in the same sound, and nothing was found. To hear it otherwise each time,
    packed with other things, would have no end in a long call.
    """
    return tuple(mention for mention in found if _distance(mention.where, marked) <= NEAR_MS)


def with_masks(transcript: Transcript, beeps: Iterable[Stretch], roles: Sequence[Role]) -> Transcript:
    """The transcript of a redacted recording, with a word that says nothing in the place of each beep.

    Else "my name is" would be followed by what was said after the name.
    """
    masks = [Word(_MASKED, beep.start_ms, beep.end_ms, beep.channel, 1.0) for beep in beeps]
    words = sorted([*transcript.words, *masks], key=lambda word: (word.channel, word.start_ms or 0))
    return replace(transcript, turns=turns(words, roles))


def all_mentions(transcript: Transcript, findings: Iterable[Finding], policy: Policy) -> tuple[Mention, ...]:
    """Where something that is wanted was found, a place for each finding."""
    found: dict[Mention, None] = {}
    for finding in findings:
        words = [word for index in finding.words if (word := transcript.words[index]).text != _MASKED]
        if words and policy.wants(finding.entity_type, finding.score):
            start, end = (word.start_ms or 0 for word in words), (word.end_ms or 0 for word in words)
            found.setdefault(Mention(Stretch(words[0].channel, min(start), max(end)), finding.entity_type))
    return tuple(found)


def names(
    transcript: Transcript, findings: Iterable[Finding], policy: Policy, is_everyday: IsEveryday
) -> tuple[str, ...]:
    """Names that were learned in the call, without those that are everyday words too."""
    learned: dict[str, str] = {}
    for finding in findings:
        if finding.entity_type == "PERSON" and policy.wants("PERSON", finding.score):
            for index in finding.words:
                name = transcript.words[index].text.strip(" .,;:?!'\"").removesuffix("'s")
                if len(name) >= _NAME_LETTERS and name.isalpha() and name[0].isupper() and not is_everyday(name):
                    learned.setdefault(said(name), name)
    return tuple(learned.values())[:_MOST_NAMES]


def _merged(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Stretches that overlap or nearly touch as one, by channel and in time order."""
    result: list[Stretch] = []
    for stretch in sorted(stretches, key=lambda s: (s.channel, s.start_ms)):
        last = result[-1] if result else None
        if last and last.channel == stretch.channel and stretch.start_ms - last.end_ms <= 2 * RIM_MS:
            result[-1] = replace(last, end_ms=max(last.end_ms, stretch.end_ms))
        else:
            result.append(stretch)
    return result


def _left(stretch: Stretch, intervals: Sequence[AudioInterval]) -> Iterator[Stretch]:
    """What of a stretch is not masked, with its rim."""
    begin, end = max(0, stretch.start_ms - RIM_MS), stretch.end_ms + RIM_MS
    for interval in intervals:
        if stretch.channel not in interval.channels or interval.end_ms <= begin:
            continue
        if interval.start_ms >= end:
            break
        if interval.start_ms - begin >= PIECE_MS:
            yield Stretch(stretch.channel, begin, interval.start_ms)
        begin = interval.end_ms
    if end - begin >= PIECE_MS:
        yield Stretch(stretch.channel, begin, end)


def _cut(piece: Stretch) -> Iterator[Stretch]:
    """A piece in parts of which each fits into a window, with pauses beside it."""
    longest = WINDOW_MS - 2 * PAUSE_MS
    for start in range(piece.start_ms, piece.end_ms, longest):
        yield replace(piece, start_ms=start, end_ms=min(start + longest, piece.end_ms))


def _distance(stretch: Stretch, marked: Sequence[Mark]) -> int:
    return min(max(start - stretch.end_ms, stretch.start_ms - end, 0) for start, end in marked)


def _packed(pieces: Iterable[Stretch]) -> Iterator[Window]:
    """Pieces in windows, in their order."""
    window: list[Piece] = []
    at = 0
    for piece in pieces:
        if window and at + _length(piece) > WINDOW_MS:
            yield tuple(window)
            window, at = [], 0
        window.append(Piece(piece, at))
        at += _length(piece) + PAUSE_MS
    if window:
        yield tuple(window)


def _length(stretch: Stretch) -> int:
    return stretch.end_ms - stretch.start_ms


def _sound(sound: Signal, window: Window) -> NDArray[np.float32]:
    result = np.zeros((window[-1].at_ms + _length(window[-1].where)) * SAMPLE_RATE // 1000, np.float32)
    for piece in window:
        first, last = (time_ms * SAMPLE_RATE // 1000 for time_ms in (piece.where.start_ms, piece.where.end_ms))
        samples = sound.read(first, last)[piece.where.channel]
        at = piece.at_ms * SAMPLE_RATE // 1000
        result[at : at + len(samples)] = samples
    return result


def _is_within(word: Word, stretches: Sequence[Stretch]) -> bool:
    """True for a word whose middle lies in one of the stretches, which are in order and don't overlap."""
    if word.start_ms is None or word.end_ms is None:
        return False
    middle = (word.start_ms + word.end_ms) // 2
    last = bisect_right(stretches, (word.channel, middle), key=lambda s: (s.channel, s.start_ms)) - 1
    return last >= 0 and stretches[last].channel == word.channel and middle < stretches[last].end_ms


def _is_same(other: Word, word: Word) -> bool:
    """True for the same word at the same time; its text is known to be the same."""
    return (
        other.channel == word.channel
        and other.start_ms is not None
        and other.start_ms < (word.end_ms or 0) + _SAME_MS
        and (other.end_ms or 0) > (word.start_ms or 0) - _SAME_MS
    )


def _is_beside(word: Word, intervals: Sequence[AudioInterval]) -> bool:
    start, end = word.start_ms or 0, word.end_ms or 0
    return any(start < i.end_ms + BESIDE_MS and end > i.start_ms - BESIDE_MS for i in intervals)
