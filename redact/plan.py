"""From findings to what is done: pure, and only ever widening.

Word times are estimates, worst where a long number or a pause is, so an interval grows outward: by the padding, to
the neighbour's edge where a word has no time, and over speech beside it that no other word claims.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from redact import corrections
from redact.call import HeardAcross, Recording, Stretch, Transcript, Word
from redact.corrections import Correction
from redact.findings import AudioInterval, Finding, Plan, Replacement
from redact.policy import Padding, Policy

# Speech before or after a masked word that no other word claims is taken for its own, up to this far. Engines shorten
# a number written as one word from its start, by 4 s at the worst that was seen; other words by little. Measured in
# docs/evaluation.md.
NUMBER_REACH_MS, WORD_REACH_MS = 4_000, 1_000
# A word of n letters is said in so many milliseconds, and so many more a letter, nine times in ten. Longer ones were
# stretched over speech beside them, which is then claimed by nobody.
WORD_MS, LETTER_MS = 250, 60
# A value of at least this many letters and digits is masked wherever it is said, and must not be in any output.
VALUE_CHARACTERS = 4
# What stands for words that nobody can be sure of.
DOUBT = "DOUBT"
# A pause within a value ("fifty … six"): what follows it is claimed by no other word.
PAUSE_MS = 500
# Words with less sound between them than this are neighbours in one breath.
_TOUCHING_MS = 120


IsEveryday = Callable[[str], bool]


def never(word: str) -> bool:  # noqa: ARG001 - the default: every word may be a value
    """False, for any word."""
    return False


@dataclass(frozen=True, slots=True)
class Mention:
    """Something personal that was heard when the redacted sound was listened to again: where, and of which type."""

    where: Stretch
    entity_type: str


@dataclass(frozen=True, slots=True)
class Sound:
    """What is known of the sound besides its words.

    Attributes:
        speech: where there is speech.
        tones: where keys were pressed.
        across: what is heard on another channel too; None where it wasn't measured.
    """

    speech: tuple[Stretch, ...] = ()
    tones: tuple[Stretch, ...] = ()
    across: tuple[HeardAcross, ...] | None = None


def make_plan(
    transcript: Transcript,
    findings: Sequence[Finding],
    policy: Policy,
    recording: Recording | None,
    sound: Sound,
    is_everyday: IsEveryday = never,
    again: Sequence[Mention] = (),
    decided: Sequence[Correction] = (),
) -> Plan:
    """What to replace in the transcript and in the sound.

    Args:
        transcript: of the call.
        findings: may overlap; those that the policy doesn't want are left out here.
        policy: what to mask, how far to pad, what to do in doubt.
        recording: None where there is no sound.
        sound: speech regions and keypad tones of the recording.
        is_everyday: True for a word that says nothing by itself: masked once, it isn't masked wherever it is said.
        again: what was heard when the sound was listened to again. The transcript has other words there, which can't
            be trusted then.
        decided: what a person decided; it counts over all else.
    """
    decided = corrections.settled(decided)
    types = _types(findings, policy, transcript, is_everyday)
    doubts = [doubt.where for doubt in transcript.doubts] if policy.in_doubt == "mask" else []
    doubted = dict.fromkeys(_doubted(transcript, [*doubts, *(mention.where for mention in again)]), DOUBT)
    # The sound is planned as if nobody had decided, and then cut exactly where they drew the edges.
    replacements = _replacements(transcript, corrections.types({**doubted, **types}, transcript, decided))
    intervals: list[AudioInterval] = []
    if recording is not None:
        masked = _spoken(transcript, types, policy, sound.speech, recording.duration_ms)
        masked += [(where, DOUBT) for where in doubts]
        masked += [(_heard_again(transcript, mention.where, policy), mention.entity_type) for mention in again]
        if policy.wants("KEYPAD_TONES", 1.0):
            masked += [(tone, "KEYPAD_TONES") for tone in sound.tones]
        across = sound.across if policy.channels == "speaker_only" else None
        planned = _on_channels(masked, policy.padding, recording, across)
        intervals = list(corrections.intervals(planned, decided, recording.channels, recording.duration_ms))
    reasons = tuple(sorted(Counter(doubt.reason for doubt in transcript.doubts).items()))
    # Whoever decided has seen the doubts.
    hold = policy.in_doubt == "hold" and bool(reasons) and not decided
    return Plan(tuple(intervals), replacements, reasons, hold=hold)


def _types(
    findings: Sequence[Finding], policy: Policy, transcript: Transcript, is_everyday: IsEveryday
) -> Mapping[int, str]:
    """The entity type of each word to be masked: of the finding with the best score, the longer of equals."""
    wanted = [finding for finding in findings if policy.wants(finding.entity_type, finding.score)]
    types: dict[int, str] = {}
    for finding in sorted(wanted, key=lambda f: (f.score, len(f.words)), reverse=True):
        for index in finding.words:
            types.setdefault(index, finding.entity_type)
    if policy.number_run_digits is not None:
        for index in _number_runs(transcript.words, policy.number_run_digits):
            types.setdefault(index, "NUMBER")
    found = [finding.words for finding in wanted]
    while (more := _everywhere(types, found, transcript, is_everyday)) != types:
        types = more  # what is masked again may make new runs with its neighbours, which are values too
    return types


def _doubted(transcript: Transcript, places: Sequence[Stretch]) -> list[int]:
    """Words at a place of doubt: what is masked in the sound is not read in the text either."""
    return [
        index
        for index, word in enumerate(transcript.words)
        for where in places
        if word.channel == where.channel
        and word.start_ms is not None
        and word.start_ms < where.end_ms
        and (word.end_ms or word.start_ms) > where.start_ms
    ]


def _heard_again(transcript: Transcript, where: Stretch, policy: Policy) -> Stretch:
    """Where something was heard again, with the words that were heard there at first, padded."""
    instead = [transcript.words[index] for index in _doubted(transcript, [where])]
    start = min([where.start_ms, *(word.start_ms or 0 for word in instead)])
    end = max([where.end_ms, *(word.end_ms or 0 for word in instead)])
    return Stretch(where.channel, start - policy.padding.before_ms, end + policy.padding.after_ms)


def said(text: str) -> str:
    """A word free of case and marks: equal for the same value."""
    lower = text.lower()
    return lower if lower.isalnum() else "".join(filter(str.isalnum, lower))


def runs(transcript: Transcript, types: Mapping[int, str]) -> list[tuple[int, ...]]:
    """Runs of neighbouring words of one turn and one type."""
    return list(_runs(types, _opening_words(transcript)))


def _opening_words(transcript: Transcript) -> frozenset[int]:
    return frozenset(indices.start for _, indices in transcript.turn_ranges())


def _runs(types: Mapping[int, str], opening: frozenset[int]) -> Iterator[tuple[int, ...]]:
    """Runs of neighbouring words of one type; words that open a turn begin a run."""
    run: list[int] = []
    for index in sorted(types):
        if run and (index != run[-1] + 1 or types[index] != types[run[0]] or index in opening):
            yield tuple(run)
            run = []
        run.append(index)
    if run:
        yield tuple(run)


def values(transcript: Transcript, plan: Plan, is_everyday: IsEveryday = never) -> frozenset[tuple[str, ...]]:
    """What the plan's replacements cover, word by word, as far as it can be told from any other word."""
    words = transcript.words
    found = set()
    for replacement in plan.replacements:
        if replacement.entity_type == DOUBT:
            continue  # nothing is known of it, and the same word elsewhere may be anybody's
        covered = [words[index].text for index in range(replacement.first, replacement.last + 1)]
        if _is_telling(covered, is_everyday):
            found.add(tuple(filter(None, map(said, covered))))
    return frozenset(found)


def released(
    masked: frozenset[tuple[str, ...]], transcript: Transcript, decided: Sequence[Correction]
) -> frozenset[tuple[str, ...]]:
    """The values that must not stand in any output, without those of which a person said once that they may."""
    readable = " "
    for word in transcript.words:
        where = Stretch(word.channel, word.start_ms or 0, word.end_ms or 0)
        readable += f"{said(word.text)} " if corrections.is_kept(where, decided) else "/ "
    return frozenset(value for value in masked if f" {' '.join(value)} " not in readable)


def _is_telling(covered: Sequence[str], is_everyday: IsEveryday) -> bool:
    """True for a value that is long enough, and more than an everyday word, to be known again."""
    spoken = [word for word in covered if said(word)]
    return sum(len(said(word)) for word in spoken) >= VALUE_CHARACTERS and not (
        len(spoken) == 1 and is_everyday(spoken[0])
    )


def _everywhere(
    types: dict[int, str], found: Sequence[Sequence[int]], transcript: Transcript, is_everyday: IsEveryday
) -> dict[int, str]:
    """Mask what is masked once wherever it is said again: each run, and each finding that has become part of one."""
    texts = [word.text for word in transcript.words]
    words = [said(text) for text in texts]
    known: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    opening = _opening_words(transcript)
    own = [run for finding in found for run in _runs(dict.fromkeys(finding, ""), opening)]
    for run in dict.fromkeys([*_runs(types, opening), *own]):
        value = tuple(word for word in (words[i] for i in run) if word)
        if _is_telling([texts[i] for i in run], is_everyday):
            known.setdefault(value[0], []).append((value, types[run[0]]))
    result = dict(types)
    for _, indices in transcript.turn_ranges():
        spoken = [index for index in indices if words[index]]
        for position, index in enumerate(spoken):
            for value, entity_type in known.get(words[index], ()):
                place = spoken[position : position + len(value)]
                if tuple(words[i] for i in place) == value:
                    for i in range(place[0], place[-1] + 1):
                        result.setdefault(i, entity_type)
    return result


def _number_runs(words: Sequence[Word], least: int) -> list[int]:
    run: list[int] = []
    found: list[int] = []
    for index, word in enumerate([*words, None]):
        if word is not None and any(character.isdigit() for character in word.text):
            run.append(index)
            continue
        digits = sum(character.isdigit() for i in run for character in words[i].text)
        found += run if digits >= least else []
        run = []
    return found


def _replacements(transcript: Transcript, types: Mapping[int, str]) -> tuple[Replacement, ...]:
    return tuple(Replacement(run[0], run[-1], types[run[0]], f"[{types[run[0]]}]") for run in runs(transcript, types))


def _spoken(
    transcript: Transcript, types: Mapping[int, str], policy: Policy, speech: Sequence[Stretch], duration_ms: int
) -> list[tuple[Stretch, str]]:
    """Stretch and type of each masked word, widened and padded."""
    words = transcript.words
    opening = _opening_words(transcript)
    result = []
    for channel in sorted({word.channel for word in words}):
        own = [index for index, word in enumerate(words) if word.channel == channel]
        regions = [stretch for stretch in speech if stretch.channel == channel]
        for position, index in enumerate(own):
            if index not in types:
                continue
            before = next((end for i in reversed(own[:position]) if (end := _claimed_end(words[i])) is not None), 0)
            after = _next_start(words, islice(own, position + 1, None), 0, opening, duration_ms)
            if after < before and None in (words[index].start_ms, words[index].end_ms):
                # Turns overlap, and it was said before what follows in its own, or in another that begins later.
                behind = _next_start(words, islice(own, position + 1, None), before, opening, duration_ms)
                before, after = after, max(before, behind)
            start, end = _widened(words[index], before, after, regions)
            padded = Stretch(channel, start - policy.padding.before_ms, end + policy.padding.after_ms)
            result.append((padded, types[index]))
    return result


def _next_start(
    words: Sequence[Word], later: Iterable[int], least_ms: int, opening: frozenset[int], duration_ms: int
) -> int:
    """Where the next word starts; of words of other turns, which may overlap, one that starts no earlier than that."""
    is_other_turn = False
    for index in later:
        is_other_turn = is_other_turn or index in opening
        start = _claimed_start(words[index])
        if start is not None and (start >= least_ms or not is_other_turn):
            return start
    return duration_ms


def _longest_ms(word: Word) -> int:
    return WORD_MS + LETTER_MS * len(said(word.text))


def _claimed_end(word: Word) -> int | None:
    """Where a word ends, if it isn't longer than it can be said: else engines stretched it over what follows.

    Where only its start is known, nothing that is said later was said before that.
    """
    if word.start_ms is None or word.end_ms is None:
        return word.start_ms if word.end_ms is None else word.end_ms
    return min(word.end_ms, word.start_ms + _longest_ms(word))


def _claimed_start(word: Word) -> int | None:
    """Where a word starts, if it isn't longer than it can be said: else engines stretched it over what was before.

    Where only its end is known, nothing that was said earlier was said after that.
    """
    if word.start_ms is None or word.end_ms is None:
        return word.end_ms if word.start_ms is None else word.start_ms
    return max(word.start_ms, word.end_ms - _longest_ms(word))


def _widened(word: Word, before_ms: int, after_ms: int, regions: Sequence[Stretch]) -> tuple[int, int]:
    """A word's interval, grown to the neighbours' edges where it has no time, and over speech nobody claims."""
    # Words of one channel overlap in imported transcripts: a neighbour's edge never cuts into the word itself.
    start, end = word.start_ms, word.end_ms
    if start is None:
        start = min(before_ms, after_ms if end is None else end)
    if end is None:
        end = max(before_ms if word.start_ms is None else start, after_ms)
    reach = NUMBER_REACH_MS if any(map(str.isdigit, word.text)) else WORD_REACH_MS
    earliest, latest = max(before_ms, start - reach), min(after_ms, end + reach)
    for region in regions:
        if region.start_ms < start and region.end_ms > earliest + _TOUCHING_MS:
            start = min(start, max(region.start_ms, earliest))
    for region in regions:
        if region.end_ms > end and region.start_ms < min(latest, end + PAUSE_MS):
            end = min(region.end_ms, max(latest, end))
    return start, end


def _on_channels(
    masked: Sequence[tuple[Stretch, str]],
    padding: Padding,
    recording: Recording,
    across: Sequence[HeardAcross] | None,
) -> list[AudioInterval]:
    """Intervals on all channels; or, where it is known what is `across`, on those where each stretch is heard."""
    every = tuple(range(recording.channels))
    if across is None:
        bounds = [AudioInterval(where.start_ms, where.end_ms, every, (kind,)) for where, kind in masked]
        return _on_grid(bounds, padding, recording.duration_ms)
    heard: dict[int, list[AudioInterval]] = {channel: [] for channel in every}
    for where, kind in masked:
        heard[where.channel].append(AudioInterval(where.start_ms, where.end_ms, (where.channel,), (kind,)))
        for path in across:
            if path.speaker == where.channel:
                start, end = where.start_ms + path.earliest_ms, where.end_ms + path.latest_ms
                heard[path.channel].append(AudioInterval(start, end, (path.channel,), (kind,)))
    alone = [interval for channel in every for interval in _on_grid(heard[channel], padding, recording.duration_ms)]
    together: dict[tuple[int, int, tuple[str, ...]], tuple[int, ...]] = {}
    for interval in alone:
        key = (interval.start_ms, interval.end_ms, interval.entity_types)
        together[key] = (*together.get(key, ()), *interval.channels)
    return [AudioInterval(start, end, channels, kinds) for (start, end, kinds), channels in sorted(together.items())]


def _on_grid(intervals: Iterable[AudioInterval], padding: Padding, duration_ms: int) -> list[AudioInterval]:
    """Intervals of the same channels from grid line to grid line, merged where they are near.

    A mask as long as a name would tell the name. Lines that are the same for all keep a law: more to mask never
    uncovers anything.
    """
    grid = padding.grid_ms
    snapped = (
        replace(i, start_ms=i.start_ms // grid * grid, end_ms=-(-i.end_ms // grid) * grid)
        for i in intervals
        if i.start_ms < i.end_ms
    )
    return _merged(snapped, padding.merge_gap_ms, duration_ms)


def _merged(intervals: Iterable[AudioInterval], gap_ms: int, duration_ms: int) -> list[AudioInterval]:
    result: list[AudioInterval] = []
    for interval in sorted(intervals, key=lambda i: (i.start_ms, i.end_ms, i.entity_types)):
        start, end = max(0, interval.start_ms), min(duration_ms, interval.end_ms)
        if start >= end:
            continue
        if result and start <= result[-1].end_ms + gap_ms:
            last = result[-1]
            kinds = tuple(sorted({*last.entity_types, *interval.entity_types}))
            result[-1] = replace(last, end_ms=max(last.end_ms, end), entity_types=kinds)
        else:
            result.append(replace(interval, start_ms=start, end_ms=end))
    return result
