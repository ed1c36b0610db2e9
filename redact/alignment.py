"""A transcript that somebody else made, laid over the sound: do its words stand where somebody speaks?

Words and speech are both on or off, in steps of 20 ms. How alike the two are is correlated over a range of shifts, in
stretches of the call, and summed along straight lines: a line's height is the offset of the words' times, its slope
their drift. Speakers are put on the channel on which there is speech while they talk. Pure.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from redact.call import Doubt, Stretch, Transcript, Turn, Word
from redact.correlation import DISTINCT, LATE_MS, SEARCH_MS, STEP_MS, Grid, Span, Surface, steps
from redact.transcribe.segments import WORDLESS_MS

# Pauses between words that the detector of speech doesn't see.
BRIDGED_MS = 300
# Word times that are off by less are good: the padding and the speech around a word cover that.
TOLERANCE_MS = 130
# The same where turns have times and words have none: turns' edges are no edges of masks, mostly.
TURN_TOLERANCE_MS = 250
# Agreement (a correlation: 1 is perfect) of the times as they are, from which they are believed, and of the best line,
# from which an offset is. Below the last, it is another call.
# Measured on the same calls: exact words agree by 0.51 to 0.87, words of another call by 0.30 at most as they are,
# and by 0.47 at most at the best offset of all.
GOOD, SURE, FOREIGN = 0.42, 0.5, 0.25
# With fewer phrases, or a smaller share of words with times, agreement may be chance.
LEAST_PHRASES, LEAST_TIMED = 8, 0.5
# A run of words without times claims the speech between its neighbours, if it can't be said much faster.
SLOWEST_MS_A_WORD = 2_000
# Speech of a region that goes on so far from any word has none, though others in the region have.
HOLE_REACH_MS = 700
# A voice is on the channel that it agrees with so many times better than with any other.
TOLD = 1.5

Voice = tuple[int, str]
Verdict = Literal["good", "shifted", "unsure", "foreign"]
Speech = Sequence[Sequence[Stretch]]


@dataclass(frozen=True, slots=True)
class Fit:
    """How well the times of a transcript agree with the speech in a recording.

    Attributes:
        verdict: `good`; `shifted`, by the offset and the drift; `unsure`, where there is too little to tell it by;
            `foreign`, where no one offset makes the words agree with the speech.
        offset_ms: by which all times have to be moved to agree best, at the transcript's beginning.
        drift_ms: by which they have to be moved further with each minute.
        agreement: a correlation, at that offset and drift.
        words_in_speech: share of the words' time, as it is, in which there is speech.
        speech_with_words: share of the speech in which there are words.
    """

    verdict: Verdict
    offset_ms: int = 0
    drift_ms: int = 0
    agreement: float = 0.0
    words_in_speech: float = 0.0
    speech_with_words: float = 0.0


def fit(transcript: Transcript, speech: Speech) -> Fit:
    """Measure how well word times agree with speech, and at what offset and drift they would agree best.

    Args:
        transcript: with times on the clock that it brings.
        speech: of each channel of the recording, in time order.
    """
    voices = _voices(transcript)
    words = transcript.words
    spans = [span for part in voices.values() for span in part]
    if not spans or not any(speech):
        return Fit("unsure")
    until_ms = _until_ms(speech)
    if sum(start >= until_ms for start, _ in spans) > len(spans) // 2:
        return Fit("foreign")  # and what is so far away would only cost memory
    voices = {voice: within for voice, part in voices.items() if (within := _before(part, until_ms))}
    spans = [span for part in voices.values() for span in part]
    count = -(-max(max(end for _, end in spans), *(s.end_ms for part in speech for s in part)) // STEP_MS) + 1
    channels = [steps(((s.start_ms, s.end_ms) for s in part), count) for part in speech]
    together = np.maximum.reduce(channels)
    groups = _groups(voices, channels, count)
    surface = Surface.of([(steps(own, count), sound) for own, sound in groups], count)
    said, heard = steps(spans, count), together
    shares = float((said * heard).sum() / said.sum()), float((said * heard).sum() / heard.sum())
    best, slope, lag = surface.best()
    start = min(start for start, _ in spans)
    offset = lag * STEP_MS - LATE_MS + slope * (start - count * STEP_MS / 2)
    deviation = max(abs(offset), abs(offset + slope * (count * STEP_MS - start)))
    timed = sum(word.start_ms is not None and word.end_ms is not None for word in words) >= LEAST_TIMED * len(words)
    tolerance_ms = TOLERANCE_MS if timed else TURN_TOLERANCE_MS
    now = surface.near(tolerance_ms)
    phrases = sum(len(bridged(part)) for part in voices.values())
    verdict: Verdict
    if phrases < LEAST_PHRASES or not (timed or _has_turn_times(transcript)):
        verdict = "unsure"
    elif now >= GOOD and deviation <= tolerance_ms:
        verdict = "foreign" if surface.uneven(2 * tolerance_ms) else "good"
    elif best >= SURE and surface.elsewhere(lag) < DISTINCT * best and deviation > tolerance_ms:
        verdict = "shifted"
    else:
        verdict = "unsure" if now >= FOREIGN else "foreign"
    return Fit(verdict, round(offset), round(slope * 60_000), round(best, 3), round(shares[0], 3), round(shares[1], 3))


def moved(transcript: Transcript, by: Fit) -> Transcript:
    """The transcript with its times, and the places of its doubts, moved by the offset and the drift of a fit."""
    start = min((word.start_ms for word in transcript.words if word.start_ms is not None), default=0)

    def at(time_ms: int) -> int:
        return max(0, round(time_ms + by.offset_ms + by.drift_ms * (time_ms - start) / 60_000))

    def word_at(word: Word) -> Word:
        begin, end = word.start_ms, word.end_ms
        return replace(word, start_ms=None if begin is None else at(begin), end_ms=None if end is None else at(end))

    turns = tuple(replace(turn, words=tuple(map(word_at, turn.words))) for turn in transcript.turns)
    doubts = tuple(
        replace(doubt, where=replace(doubt.where, start_ms=at(doubt.where.start_ms), end_ms=at(doubt.where.end_ms)))
        for doubt in transcript.doubts
    )
    return replace(transcript, turns=turns, doubts=doubts)


def on_channels(transcript: Transcript, speech: Speech) -> tuple[Transcript, bool]:
    """The transcript with each turn on the channel of the recording on which its speaker is heard.

    Returns:
        The transcript, and True where all speakers' channels could be told. Else a turn is on the channel with the
        most speech in its time, which may be another's.
    """
    if len(speech) == 1:
        return _placed(transcript, lambda _: 0), True
    until_ms = _until_ms(speech)
    voices = {voice: _before(part, until_ms) for voice, part in _voices(transcript).items()}
    count = until_ms // STEP_MS
    channels = [steps(((s.start_ms, s.end_ms) for s in part), count) for part in speech]
    known = {voice: _channel(voice, steps(part, count), channels) for voice, part in voices.items()}

    def channel(turn: Turn) -> int:
        told = known.get((turn.channel, turn.speaker))
        if told is not None:
            return told
        times = steps(_before(claims(turn.words), until_ms), count)
        heard = [float(times @ sound) for sound in channels]
        given = turn.channel if turn.channel < len(speech) else 0
        return given if heard[given] >= max(heard) else heard.index(max(heard))

    return _placed(transcript, channel), all(known.get((t.channel, t.speaker)) is not None for t in transcript.turns)


def claims(words: Sequence[Word]) -> list[Span]:
    """What words claim of the time: each its own, and runs without times what is `between` others."""
    own = [(word.start_ms, word.end_ms) for word in words if word.start_ms is not None and word.end_ms is not None]
    return sorted([*((start, end) for start, end in own if start < end), *between(words)])


def between(words: Sequence[Word]) -> list[Span]:
    """What runs of words without times claim: what their outer times, or their neighbours', leave."""
    spans = []
    for first, after in _untimed(words):
        start, end = words[first].start_ms, words[after - 1].end_ms
        if start is None and first:
            start = words[first - 1].end_ms
        if end is None and after < len(words):
            end = words[after].start_ms
        if start is not None and end is not None and start < end <= start + SLOWEST_MS_A_WORD * (after - first):
            spans.append((start, end))
    return spans


def holes(claimed: Sequence[Span], regions: Sequence[Stretch]) -> tuple[Doubt, ...]:
    """Speech of one channel that got no word: whole regions, and what of others is far from any word.

    Args:
        claimed: what the words claim that may have been said on the channel, in time order.
        regions: speech of the channel, in time order.
    """
    near = bridged((start - HOLE_REACH_MS, end + HOLE_REACH_MS) for start, end in claimed)
    found = []
    for region in regions:
        if not any(start < region.end_ms and end > region.start_ms for start, end in claimed):
            if region.end_ms - region.start_ms >= WORDLESS_MS:
                found.append(region)
            continue
        edges = [region.start_ms, *(time_ms for span in near for time_ms in span), region.end_ms]
        for after, before in zip(edges[::2], edges[1::2], strict=True):
            start, end = max(after, region.start_ms), min(before, region.end_ms)
            if start < end:
                start, end = max(start - HOLE_REACH_MS, region.start_ms), min(end + HOLE_REACH_MS, region.end_ms)
                found.append(Stretch(region.channel, start, end))
    return tuple(Doubt("speech_without_words", where) for where in found)


def paced(transcript: Transcript) -> Transcript:
    """The transcript with times for all words: those without are spread over the room between their neighbours.

    For reading in order only: nothing may be masked by such a time.
    """
    turns = []
    at = 0
    for turn in transcript.turns:
        words = list(turn.words)
        for first, after in _untimed(words):
            start = words[first].start_ms
            begin = start if start is not None else (words[first - 1].end_ms if first else None) or at
            end = words[after - 1].end_ms
            stop = end if end is not None else (words[after].start_ms if after < len(words) else None) or begin
            for place in range(first, after):
                share = [(max(stop, begin) - begin) * (place - first + n) // (after - first) for n in (0, 1)]
                words[place] = replace(words[place], start_ms=begin + share[0], end_ms=begin + share[1])
        at = max([at, *(word.end_ms for word in words if word.end_ms is not None)])
        turns.append(replace(turn, words=tuple(words)))
    return replace(transcript, turns=tuple(turns))


def bridged(spans: Iterable[Span]) -> list[Span]:
    """Spans in time order, those with less than a pause between them as one."""
    result: list[Span] = []
    for start, end in sorted(spans):
        if result and start - result[-1][1] <= BRIDGED_MS:
            result[-1] = result[-1][0], max(result[-1][1], end)
        else:
            result.append((start, end))
    return result


def _untimed(words: Sequence[Word]) -> list[tuple[int, int]]:
    """Runs of words of which each lacks a time, by first index and the one after the last.

    A word that has its start alone begins a run, one that has its end alone ends it.
    """
    runs: list[tuple[int, int]] = []
    is_open = False
    for index, word in enumerate(words):
        if word.start_ms is not None and word.end_ms is not None:
            is_open = False
            continue
        if is_open and word.start_ms is None:
            runs[-1] = runs[-1][0], index + 1
        else:
            runs.append((index, index + 1))
        is_open = word.end_ms is None
    return runs


def _has_turn_times(transcript: Transcript) -> bool:
    """True where most turns without word times have times of their own: of their first word, and of their last."""
    turns = [turn for turn in transcript.turns if turn.words]
    return sum(bool(claims(turn.words)) for turn in turns) >= LEAST_TIMED * max(len(turns), 1)


def _voices(transcript: Transcript) -> dict[Voice, list[Span]]:
    """What each speaker claims of the time, pauses that no detector sees included."""
    voices: dict[Voice, list[Span]] = {}
    for turn in transcript.turns:
        voices.setdefault((turn.channel, turn.speaker), []).extend(claims(turn.words))
    return {voice: bridged(spans) for voice, spans in voices.items() if spans}


def _until_ms(speech: Speech) -> int:
    """What is said later than this has no place in the recording at any offset."""
    return max((stretch.end_ms for part in speech for stretch in part), default=0) + 2 * SEARCH_MS


def _before(spans: Iterable[Span], until_ms: int) -> list[Span]:
    return [(start, min(end, until_ms)) for start, end in spans if start < until_ms]


def _groups(
    voices: Mapping[Voice, Sequence[Span]], channels: Sequence[Grid], count: int
) -> list[tuple[list[Span], Grid]]:
    """The voices by the sound that they are heard in at the best offset of all: of one channel, or of all together."""
    everybody = [span for spans in voices.values() for span in spans]
    together = np.maximum.reduce(channels)
    if len(channels) == 1 or len(voices) == 1:
        return [(everybody, together)]
    sounds = [*channels, together]
    surfaces = {
        voice: [Surface.of([(steps(spans, count), sound)], count) for sound in sounds]
        for voice, spans in voices.items()
    }
    best = [max(surfaces[voice], key=lambda surface: float(surface.heights.max())) for voice in voices]
    joint = Surface.sum(best)
    _, slope, lag = joint.best()
    groups: dict[int, list[Span]] = {}
    for voice, spans in voices.items():
        here = [surface.at(slope, lag) for surface in surfaces[voice]]
        groups.setdefault(here.index(max(here)), []).extend(spans)
    return [(bridged(spans), sounds[number]) for number, spans in groups.items()]


def _channel(voice: Voice, said: Grid, channels: Sequence[Grid]) -> int | None:
    """The channel that a voice is heard on, if that can be told: the one it is given for, rather than another."""
    heard = [_agreement(said, sound) for sound in channels]
    best = max(heard)
    if voice[0] < len(channels) and heard[voice[0]] > 0 and TOLD * heard[voice[0]] >= best:
        others = [value for number, value in enumerate(heard) if number != voice[0]]
        if heard[voice[0]] >= TOLD * max(others):
            return voice[0]
    number = heard.index(best)
    others = [value for other, value in enumerate(heard) if other != number]
    return number if best >= FOREIGN and best >= TOLD * max(others) else None


def _agreement(said: Grid, sound: Grid) -> float:
    said, sound = said - said.mean(), sound - sound.mean()
    return float(said @ sound / (np.sqrt((said @ said) * (sound @ sound)) + 1e-9))


def _placed(transcript: Transcript, channel: Callable[[Turn], int]) -> Transcript:
    turns = []
    places: dict[int, dict[int, int]] = {}
    for turn in transcript.turns:
        number = channel(turn)
        counts = places.setdefault(turn.channel, {})
        counts[number] = counts.get(number, 0) + len(turn.words)
        words = tuple(replace(word, channel=number) for word in turn.words)
        turns.append(replace(turn, channel=number, words=words))
    most = {given: max(counts, key=counts.__getitem__) for given, counts in places.items()}
    doubts = tuple(
        replace(doubt, where=replace(doubt.where, channel=most.get(doubt.where.channel, 0)))
        for doubt in transcript.doubts
    )
    return replace(transcript, turns=tuple(turns), doubts=doubts)
