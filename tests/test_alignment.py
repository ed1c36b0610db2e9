"""Word times against speech: dialogues made up by the dozen, and what else may come as a transcript."""

import random
from dataclasses import replace

import pytest

from redact.alignment import claims, fit, holes, moved, on_channels, paced
from redact.call import Doubt, Stretch, Transcript, Turn, Word
from redact.matching import matched, timed

SEEDS = range(6)


def dialogue(seed: int, seconds: int = 90) -> Transcript:
    """Two people in turns, on a channel each."""
    rng = random.Random(seed)
    turns, at, channel = [], rng.randrange(200, 2000), 0
    while at < seconds * 1000:
        words = []
        for _ in range(rng.choice([1, 2, 4, 7, 10, 16])):
            length = rng.randrange(120, 520)
            words.append(Word(f"w{rng.randrange(400)}", at, at + length, channel))
            at += length + (rng.randrange(350, 900) if rng.random() < 0.12 else rng.randrange(80))
        turns.append(Turn(("agent", "customer")[channel], channel, tuple(words)))
        at += rng.randrange(250, 1600)
        channel = 1 - channel
    return Transcript(tuple(turns), "en", "made up")


def speech(call: Transcript, seed: int = 0, channels: int = 2) -> list[list[Stretch]]:
    """Where a detector finds the words: it takes hold late, and lets go later."""
    rng = random.Random(seed)
    parts = []
    for channel in range(channels):
        regions: list[Stretch] = []
        for word in call.words:
            if word.channel % channels == channel:
                start, end = word.start_ms + rng.randrange(100), word.end_ms + rng.randrange(150, 260)
                if regions and start - regions[-1].end_ms < 150:
                    regions[-1] = replace(regions[-1], end_ms=end)
                else:
                    regions.append(Stretch(channel, start, end))
        parts.append(regions)
    return parts


def changed(call: Transcript, times) -> Transcript:
    """With other times for each word: a function from one to the other."""
    turns = tuple(
        replace(turn, words=tuple(replace(w, start_ms=times(w.start_ms), end_ms=times(w.end_ms)) for w in turn.words))
        for turn in call.turns
    )
    return replace(call, turns=turns)


def shifted(call: Transcript, by_ms: int, drift: float = 0.0) -> Transcript:
    return changed(call, lambda time_ms: max(0, round(time_ms * (1 + drift) + by_ms)))


def after(call: Transcript, since_ms: int, by_ms: int) -> Transcript:
    """With the turns that begin since then so much later."""
    later = shifted(call, by_ms)
    turns = (moved if was.start_ms >= since_ms else was for was, moved in zip(call.turns, later.turns, strict=True))
    return replace(call, turns=tuple(turns))


def on_one_channel(call: Transcript) -> Transcript:
    turns = tuple(replace(t, channel=0, words=tuple(replace(w, channel=0) for w in t.words)) for t in call.turns)
    return replace(call, turns=turns)


def by_turns(call: Transcript) -> Transcript:
    """With a time for each turn, and none for its words."""
    turns = []
    for turn in call.turns:
        words = [replace(word, start_ms=None, end_ms=None) for word in turn.words]
        words[0] = replace(words[0], start_ms=turn.words[0].start_ms)
        words[-1] = replace(words[-1], end_ms=turn.words[-1].end_ms)
        turns.append(replace(turn, words=tuple(words)))
    return replace(call, turns=tuple(turns))


@pytest.mark.parametrize("given", [lambda call: call, on_one_channel, by_turns], ids=["words", "mixed", "turns"])
@pytest.mark.parametrize("seed", SEEDS)
def test_right_times_are_good(seed, given):
    call = dialogue(seed)
    found = fit(given(call), speech(call, seed))
    assert found.verdict == "good"
    assert abs(found.offset_ms) <= 60
    assert found.words_in_speech > 0.6
    assert found.speech_with_words > 0.8


@pytest.mark.parametrize("by_ms", [-250, 250, 400, -1_000, 5_000, 29_000])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_shift_is_found_and_undone(seed, by_ms):
    call = dialogue(seed)
    moved_away = shifted(call, by_ms) if by_ms > 0 else shifted(shifted(call, 2_000), by_ms)
    heard = speech(call if by_ms > 0 else shifted(call, 2_000), seed)
    found = fit(moved_away, heard)
    assert found.verdict == "shifted"
    assert abs(found.offset_ms + by_ms) <= 60
    assert found.drift_ms == 0
    back = moved(moved_away, found)
    assert fit(back, heard).verdict == "good"
    assert all(abs(w.start_ms + by_ms - o.start_ms) <= 60 for w, o in zip(back.words, moved_away.words, strict=True))


@pytest.mark.parametrize("drift", [0.005, -0.005])
@pytest.mark.parametrize("seed", SEEDS)
def test_drift_is_found_and_undone(seed, drift):
    call = dialogue(seed, 300)
    heard = speech(call, seed)
    found = fit(shifted(call, 0, drift), heard)
    assert found.verdict == "shifted"
    assert abs(found.drift_ms + drift * 60_000) <= 40
    back = moved(shifted(call, 0, drift), found)
    assert fit(back, heard).verdict == "good"
    assert max(abs(w.start_ms - o.start_ms) for w, o in zip(back.words, call.words, strict=True)) <= 150


@pytest.mark.parametrize("given", [lambda call: call, on_one_channel], ids=["words", "mixed"])
@pytest.mark.parametrize("seed", SEEDS)
def test_another_call_s_transcript_is_never_good(seed, given):
    assert fit(given(dialogue(seed + 100)), speech(dialogue(seed))).verdict in {"foreign", "unsure"}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_pause_that_the_recording_lacks_is_no_good_fit(seed):
    call = dialogue(seed, 400)
    assert fit(after(call, 250_000, 8_000), speech(call, seed)).verdict != "good"


@pytest.mark.parametrize("seed", SEEDS)
def test_a_long_call_with_music_and_silence_is_good(seed):
    call = dialogue(seed, 900)
    waited = after(call, 400_000, 300_000)
    heard = speech(waited, seed)
    heard[0] = sorted([*heard[0], Stretch(0, 470_000, 640_000)], key=lambda region: region.start_ms)
    assert fit(waited, heard).verdict == "good"


def alone(*words: tuple[int | None, int | None], channel: int = 0) -> Transcript:
    said = tuple(Word(f"w{n}", start, end, channel) for n, (start, end) in enumerate(words))
    return Transcript((Turn("a", channel, said),), "en", "made up")


@pytest.mark.parametrize(
    "call",
    [
        Transcript((), "en", "made up"),
        alone(),
        alone((0, 400)),
        alone((None, None)),
        alone(*[(0, 0)] * 200),
        alone(*[(0, 300)] * 200),
        alone(*[(None, None)] * 200),
        alone(*[(90_000 - 400 * n, 90_300 - 400 * n) for n in range(200)]),
        alone(*[(10**9 + 400 * n, 10**9 + 300 + 400 * n) for n in range(20)]),
        alone((0, 90_000), (0, 90_000), (0, 90_000)),
    ],
    ids=[
        "no turn",
        "no word",
        "one",
        "one untimed",
        "all at 0",
        "all in one",
        "untimed",
        "backwards",
        "far away",
        "long",
    ],
)
def test_a_villain_is_never_good(call):
    assert fit(call, speech(dialogue(1))).verdict in {"foreign", "unsure"}
    assert fit(call, [[], []]).verdict == "unsure"
    on_channels(call, speech(dialogue(1)))
    paced(call)


def test_far_times_cost_no_memory():
    assert fit(alone(*[(2**40, 2**40 + 300)] * 20), speech(dialogue(1))).verdict == "foreign"


@pytest.mark.parametrize("seed", SEEDS)
def test_speakers_are_put_where_they_are_heard(seed):
    call = dialogue(seed)
    heard = speech(call, seed)
    for given in (call, on_one_channel(call), by_turns(on_one_channel(call))):
        placed, told = on_channels(given, heard)
        assert told
        assert [turn.channel for turn in placed.turns] == [turn.channel for turn in call.turns]
        assert all(word.channel == turn.channel for turn in placed.turns for word in turn.words)
    swapped, told = on_channels(call, heard[::-1])
    assert told
    assert [turn.channel for turn in swapped.turns] == [1 - turn.channel for turn in call.turns]


def test_one_speaker_for_all_is_told_turn_by_turn_and_not_believed():
    call = dialogue(3)
    one = replace(on_one_channel(call), turns=tuple(replace(t, speaker="") for t in on_one_channel(call).turns))
    placed, told = on_channels(one, speech(call))
    assert not told
    right = sum(p.channel == t.channel for p, t in zip(placed.turns, call.turns, strict=True))
    assert right > 0.9 * len(call.turns)


def test_more_channels_than_the_recording_has_are_one():
    placed, told = on_channels(dialogue(1), speech(on_one_channel(dialogue(1)), channels=1))
    assert told
    assert {word.channel for word in placed.words} == {0}


@pytest.mark.parametrize(
    ("words", "claimed"),
    [
        ([(0, 100), (200, 300)], [(0, 100), (200, 300)]),
        ([(0, 100), (None, None), (900, 1000)], [(0, 100), (100, 900), (900, 1000)]),
        ([(0, None), (None, None), (None, 1500)], [(0, 1500)]),
        ([(0, 100), (None, None), (9000, 9100)], [(0, 100), (9000, 9100)]),  # nobody says a word for nine seconds
        ([(None, None), (500, 600), (None, None)], [(500, 600)]),
        ([(500, 400)], []),
    ],
)
def test_what_words_claim(words, claimed):
    assert claims(alone(*words).words) == claimed


@pytest.mark.parametrize(
    ("claimed", "region", "found"),
    [
        ([(1000, 2000)], (1000, 2000), []),
        ([], (1000, 2000), [(1000, 2000)]),
        ([], (1000, 1300), []),
        ([(0, 900)], (1000, 2000), [(1000, 2000)]),
        ([(1000, 2000)], (900, 9000), [(2000, 9000)]),
        ([(1000, 2000), (8000, 9000)], (900, 9000), [(2000, 8000)]),
        ([(1000, 2000), (3000, 4000)], (900, 4200), []),
        ([(5000, 5500)], (900, 5600), [(900, 5000)]),
    ],
)
def test_speech_far_from_words_is_a_hole(claimed, region, found):
    assert holes(claimed, [Stretch(1, *region)]) == tuple(
        Doubt("speech_without_words", Stretch(1, *where)) for where in found
    )


def test_words_are_matched_with_what_was_heard_and_others_get_no_more_than_edges():
    heard = dialogue(5)
    given = replace(
        heard,
        turns=tuple(
            replace(t, words=tuple(replace(w, start_ms=None, end_ms=None) for w in t.words)) for t in heard.turns
        ),
    )
    other = [n for n in range(len(given.words)) if n % 17 == 3]
    turns = tuple(
        replace(
            turn, words=tuple(replace(given.words[n], text="unheard") if n in other else given.words[n] for n in own)
        )
        for turn, own in given.turn_ranges()
    )
    found = matched(replace(given, turns=turns), heard)
    assert found.share > 0.6
    result = timed(replace(given, turns=turns), found).words
    pairs = list(zip(result, heard.words, strict=True))
    # What was heard in a word's place, and may have begun earlier, holds it.
    held = [(r, h) for n, (r, h) in enumerate(pairs) if n in other and None not in _times(r)]
    assert held
    assert all(r.start_ms <= h.start_ms and r.end_ms >= h.end_ms for r, h in held)
    same = [(r, h) for n, (r, h) in enumerate(pairs) if n not in other and None not in _times(r)]
    assert len(same) > 0.6 * len(result)
    assert sum(_times(r) == _times(h) for r, h in same) > 0.95 * len(same)
    assert matched(dialogue(6), heard).share < 0.2


def _times(word: Word) -> tuple[int | None, int | None]:
    return word.start_ms, word.end_ms


def test_paced_words_stay_in_order_within_their_turns():
    for call in (by_turns(dialogue(2)), on_one_channel(by_turns(dialogue(2)))):
        spread = paced(call)
        assert all(word.start_ms is not None and word.end_ms is not None for word in spread.words)
        starts = [word.start_ms for word in spread.words]
        assert starts == sorted(starts)
