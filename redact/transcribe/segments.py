"""From speech regions to clips for the engine, and from its words to turns. Pure."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import replace

from redact.call import Doubt, Role, Stretch, Turn, Word

# An engine window is 30 s long and costs the same however much of it is used.
CLIP_MS = 28_000
# Sound kept around speech, so that soft first and last sounds are heard.
CLIP_RIM_MS = 300
# Shorter audible sounds between clips are not listened to.
AUDIBLE_MS = 200
# A pause this long ends an utterance; within one, the other side's words don't interrupt.
UTTERANCE_PAUSE_MS = 800
# A word is in the region that its first moments are in: engines stretch its end over the pause after it.
START_REACH_MS = 200
# Speech that is shorter than this and got no word is a breath or a click.
WORDLESS_MS = 400
# The least that is listened to by itself.
REST_MS = 1_000
# A word of less confidence may be anything. With Whisper base on 15 calls, masking those takes what is still heard
# from 3.2 to 2.8 % in French at the price of 0.8 % of other speech; in English there are next to none.
HARDLY = 0.1
# So many equal words in a row, or a phrase repeated so often, is the engine looping rather than somebody speaking.
LOOP_REPEATS = 5
LOOP_PHRASE_WORDS = 4


def clips(regions: Sequence[Stretch], duration_ms: int) -> tuple[Stretch, ...]:
    """Contiguous stretches of one channel for the engine: neighbouring regions together, up to one window long.

    Nothing inside a clip is cut out, so word times need no mapping back. A longer region is cut into windows.
    """
    result: list[Stretch] = []
    for region in regions:
        start = max(0, region.start_ms - CLIP_RIM_MS, result[-1].end_ms if result else 0)
        end = min(duration_ms, region.end_ms + CLIP_RIM_MS)
        if result and end - result[-1].start_ms <= CLIP_MS:
            result[-1] = Stretch(region.channel, result[-1].start_ms, max(end, result[-1].end_ms))
        else:
            result += [Stretch(region.channel, at, min(at + CLIP_MS, end)) for at in range(start, end, CLIP_MS)]
    return tuple(result)


def with_audible(cut: Sequence[Stretch], audible: Sequence[Stretch], duration_ms: int) -> tuple[Stretch, ...]:
    """The clips of one channel, and with them all that is audible between them.

    Clips of speech begin and end in its pauses, and an engine hears best so. What is audible beside one is added to it
    while it fits into a window; what does not fit, or stands alone, is a clip of its own.

    Args:
        cut: clips, in time order.
        audible: of the same channel, in time order.
        duration_ms: of the recording.
    """
    result: list[Stretch] = []
    bounds = [*((clip.start_ms, clip) for clip in cut), (duration_ms, None)]
    for ends, following in bounds:
        begins = result[-1].end_ms if result else 0
        within = [s for s in audible if min(s.end_ms, ends) - max(s.start_ms, begins) >= AUDIBLE_MS]
        if within:
            start = max(begins, within[0].start_ms - CLIP_RIM_MS)
            end = min(ends, within[-1].end_ms + CLIP_RIM_MS)
            if start == begins and result and end - result[-1].start_ms <= CLIP_MS:
                result[-1] = replace(result[-1], end_ms=end)
            elif end == ends and following and following.end_ms - start <= CLIP_MS:
                following = replace(following, start_ms=start)
            else:
                channel = within[0].channel
                result += [Stretch(channel, at, min(at + CLIP_MS, end)) for at in range(start, end, CLIP_MS)]
        result += [following] if following else []
    return tuple(result)


def unheard(clip: Stretch, words: Sequence[Word], speech: Sequence[Stretch]) -> Stretch | None:
    """What is left of a clip behind its last word, where somebody speaks there; else None.

    An engine may stop in the middle of a clip. One that finds no word in a clip would find none again: that is doubted.

    Args:
        clip: the stretch that was listened to.
        words: that were heard in it.
        speech: stretches in which somebody speaks, of all channels.
    """
    # Words put at the very end of a clip were said nowhere in it.
    ends = [word.end_ms or clip.end_ms for word in words if (word.start_ms or 0) < clip.end_ms]
    last = max(ends, default=clip.end_ms)
    left = [s for s in speech if s.channel == clip.channel and s.end_ms > last and s.start_ms < clip.end_ms]
    if sum(min(s.end_ms, clip.end_ms) - max(s.start_ms, last) for s in left) < WORDLESS_MS:
        return None
    start = min(max(last, left[0].start_ms - CLIP_RIM_MS), clip.end_ms - REST_MS)
    return replace(clip, start_ms=max(clip.start_ms, start))


def plausible(words: Iterable[Word], duration_ms: int) -> tuple[Word, ...]:
    """Words with times that can be: kept within the recording, and none at all where a word ends before it starts.

    A word without times is masked, if it has to be, up to its neighbours: wider than any time it might have had.
    """
    result = []
    for word in words:
        start, end = word.start_ms, word.end_ms
        if start is not None and end is not None and end < start:
            start = end = None
        result.append(replace(word, start_ms=_within(start, duration_ms), end_ms=_within(end, duration_ms)))
    return tuple(result)


def _within(time_ms: int | None, duration_ms: int) -> int | None:
    return None if time_ms is None else min(max(time_ms, 0), duration_ms)


def turns(words: Iterable[Word], roles: Sequence[Role], speech: Sequence[Stretch] = ()) -> tuple[Turn, ...]:
    """Words of all channels as turns in time order.

    A channel's words are first cut into utterances at pauses: of the words' times, and of the speech itself, since
    engines stretch words over a pause. Utterances are then ordered by their start, and neighbouring ones of the same
    channel joined. So overlapping speech doesn't shred either side's sentence.

    Args:
        words: of each channel in time order.
        roles: of the channels.
        speech: regions in which somebody speaks, of all channels.
    """
    utterances: list[list[Word]] = []
    by_channel: dict[int, list[Word]] = {}
    for word in words:
        by_channel.setdefault(word.channel, []).append(word)
    for channel, spoken in by_channel.items():
        mixed = roles[channel] == "mixed"  # there a turn is all that can be told of who speaks: don't cut too fine
        ends = [] if mixed else [region.end_ms for region in speech if region.channel == channel]
        last: tuple[int | None, int] | None = None
        for word in spoken:
            start, end = word.start_ms or 0, word.end_ms
            region = bisect_right(ends, start + min(((end or start) - start) // 2, START_REACH_MS))
            if last is None or start - (last[0] or 0) > UTTERANCE_PAUSE_MS or region != last[1]:
                utterances.append([])
            utterances[-1].append(word)
            last = end, region
    utterances.sort(key=lambda utterance: utterance[0].start_ms or 0)
    joined: list[list[Word]] = []
    for utterance in utterances:
        if joined and joined[-1][0].channel == utterance[0].channel and roles[utterance[0].channel] != "mixed":
            joined[-1] += utterance
        else:
            joined.append(list(utterance))
    return tuple(Turn(roles[said[0].channel], said[0].channel, tuple(said)) for said in joined)


def doubts(words: Sequence[Word], regions: Sequence[Stretch]) -> tuple[Doubt, ...]:
    """Speech that got no word, repetition loops, and words that the engine hardly believes, of one channel."""
    wordless = [
        Doubt("speech_without_words", region)
        for region in regions
        if region.end_ms - region.start_ms >= WORDLESS_MS
        and not any((w.start_ms or 0) < region.end_ms and (w.end_ms or 0) > region.start_ms for w in words)
    ]
    return (*wordless, *_loops(words), *_unbelieved(words))


def _unbelieved(words: Sequence[Word]) -> Iterable[Doubt]:
    for word in words:
        if word.confidence is not None and word.confidence < HARDLY and word.start_ms is not None:
            yield Doubt("low_confidence", Stretch(word.channel, word.start_ms, word.end_ms or word.start_ms))


def _loops(words: Sequence[Word]) -> Iterable[Doubt]:
    said = [word.text.strip(".,;:?! ").lower() for word in words]
    for size in range(1, LOOP_PHRASE_WORDS + 1):
        at = 0
        while at + size * LOOP_REPEATS <= len(said):
            end = at + size
            while said[end : end + size] == said[at : at + size]:
                end += size
            phrase = said[at : at + size]
            # One word over and over is size 1; a digit over and over is a number being said.
            one_word = len(set(phrase)) == 1
            said_number = one_word and any(character.isdigit() for character in phrase[0])
            if end - at >= size * LOOP_REPEATS and not said_number and (size == 1 or not one_word):
                first, last = words[at], words[end - 1]
                yield Doubt("repetition_loop", Stretch(first.channel, first.start_ms or 0, last.end_ms or 0))
                at = end
            else:
                at += 1
