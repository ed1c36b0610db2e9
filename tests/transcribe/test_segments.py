"""Clips for the engine, turns from its words, and doubts."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redact.call import Stretch, Word
from redact.transcribe.segments import (
    AUDIBLE_MS,
    CLIP_MS,
    CLIP_RIM_MS,
    LOOP_REPEATS,
    clips,
    doubts,
    plausible,
    turns,
    unheard,
    with_audible,
)

ENGINE_WINDOW_MS = 30_000
STEREO = ("agent", "customer")


@st.composite
def spoken(draw):
    at, regions = 0, []
    for pause, length in draw(st.lists(st.tuples(st.integers(0, 40_000), st.integers(1, 90_000)), max_size=12)):
        regions.append(Stretch(0, at + pause, at + pause + length))
        at += pause + length
    return regions, at + draw(st.integers(0, 2000))


@settings(deadline=None)
@given(spoken())
def test_clips_cover_all_speech_and_fit_the_engine(call):
    regions, duration = call
    cut = clips(regions, duration)
    assert all(0 <= c.start_ms < c.end_ms <= duration for c in cut)
    assert all(c.end_ms - c.start_ms <= CLIP_MS < ENGINE_WINDOW_MS for c in cut)
    assert all(a.end_ms <= b.start_ms for a, b in itertools.pairwise(cut))
    for region in regions:
        at = max(0, region.start_ms - CLIP_RIM_MS)
        for clip in cut:
            if clip.start_ms <= at:
                at = max(at, clip.end_ms)
        assert at >= region.end_ms


@settings(deadline=None)
@given(spoken(), st.lists(st.tuples(st.integers(0, 60_000), st.integers(1, 40_000)), max_size=8))
def test_all_that_is_audible_is_in_some_clip(call, sounds):
    regions, duration = call
    at, audible = 0, []
    for pause, length in sounds:
        if at + pause + length <= duration:
            audible.append(Stretch(0, at + pause, at + pause + length))
            at += pause + length
    cut = with_audible(clips(regions, duration), audible, duration)
    assert all(0 <= c.start_ms < c.end_ms <= duration for c in cut)
    assert all(c.end_ms - c.start_ms <= CLIP_MS for c in cut)
    assert all(a.end_ms <= b.start_ms for a, b in itertools.pairwise(cut))
    for sound in audible:
        longest = run = 0
        for ms in range(sound.start_ms, sound.end_ms):
            run = 0 if any(c.start_ms <= ms < c.end_ms for c in cut) else run + 1
            longest = max(longest, run)
        assert longest < AUDIBLE_MS


@pytest.mark.parametrize(("confidence", "doubted"), [(0.02, 1), (0.5, 0), (None, 0)])
def test_words_that_the_engine_hardly_believes_are_doubted(confidence, doubted):
    words = [Word("so", 0, 300, 1, 0.9), Word("perhaps", 300, 800, 1, confidence)]
    found = [d for d in doubts(words, [Stretch(1, 0, 800)]) if d.reason == "low_confidence"]
    assert [d.where for d in found] == [Stretch(1, 300, 800)] * doubted


@pytest.mark.parametrize(
    ("cut", "audible", "expected"),
    [
        ([(700, 9000)], [(1000, 8000)], [(700, 9000)]),  # nothing is beside the clip: it stays
        ([(700, 9000)], [(8500, 11_000)], [(700, 11_300)]),  # speech goes on after it
        ([(700, 9000)], [(100, 500)], [(0, 9000)]),  # and before
        ([(700, 9000)], [(15_000, 16_000)], [(700, 9000), (14_700, 16_300)]),  # alone
        ([(700, 9000)], [(9100, 9250)], [(700, 9000)]),  # a click
        ([(700, 28_600)], [(28_000, 33_000)], [(700, 28_600), (28_600, 33_300)]),  # too long for one window
        ([], [(1000, 2000)], [(700, 2300)]),
    ],
)
def test_what_is_audible_beside_speech(cut, audible, expected):
    made = with_audible([Stretch(1, *c) for c in cut], [Stretch(1, *a) for a in audible], 60_000)
    assert [(c.start_ms, c.end_ms) for c in made] == expected


@pytest.mark.parametrize(
    ("regions", "expected"),
    [
        ([], []),
        ([(1000, 2000)], [(700, 2300)]),
        ([(0, 60_000)], [(0, 28_000), (28_000, 56_000), (56_000, 60_000)]),
        ([(1000, 2000), (5000, 6000)], [(700, 6300)]),
        ([(1000, 2000), (40_000, 41_000)], [(700, 2300), (39_700, 41_300)]),
        ([(1000, 20_000), (20_200, 40_000)], [(700, 20_300), (20_300, 40_300)]),
    ],
)
def test_clips(regions, expected):
    cut = clips([Stretch(1, *r) for r in regions], 60_000)
    assert cut == tuple(Stretch(1, *c) for c in expected)


def word(text, start, end, channel=0):
    return Word(text, start, end, channel)


@pytest.mark.parametrize(
    ("said", "speech", "rest"),
    [
        ([(1000, 9000)], [(0, 10_000)], (9000, 20_000)),
        ([(1000, 9700)], [(0, 10_000)], None),  # a rest of the last word
        ([(1000, 9000)], [(0, 9000)], None),
        ([(1000, 9000)], [(0, 9000), (15_000, 16_000)], (14_700, 20_000)),
        ([(1000, 9000)], [(0, 9000), (15_000, 15_300), (17_000, 17_300)], (14_700, 20_000)),
        ([(1000, 9000)], [(0, 9000), (19_500, 25_000)], (19_000, 20_000)),
        ([(1000, 9000)], [(0, 9000), (20_000, 25_000)], None),
        ([(1000, 9000)], [(0, 9000), (19_900, 25_000)], None),
        ([], [(0, 20_000)], None),  # no word in the whole clip: doubted
        ([(1000, None)], [(0, 20_000)], None),
        ([(1000, 9000), (20_000, 20_000)], [(0, 10_000)], (9000, 20_000)),
    ],
)
def test_what_an_engine_leaves_of_a_clip(said, speech, rest):
    words = [word("a", *times) for times in said]
    regions = [*(Stretch(0, *s) for s in speech), Stretch(1, 0, 20_000)]
    assert unheard(Stretch(0, 0, 20_000), words, regions) == (rest and Stretch(0, *rest))


@pytest.mark.parametrize(
    ("times", "kept"),
    [
        ((0, 100), (0, 100)),
        ((-5, 100), (0, 100)),
        ((900, 2000), (900, 1000)),
        ((500, 400), (None, None)),
        ((None, 400), (None, 400)),
        ((None, None), (None, None)),
    ],
)
def test_plausible(times, kept):
    (one,) = plausible([word("a", *times)], 1000)
    assert (one.start_ms, one.end_ms) == kept


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 2000), st.one_of(st.none(), st.integers(0, 800))), max_size=15)
)
def test_turns_keep_every_word_in_the_order_of_its_channel(steps):
    at, words = [0, 0], []
    for number, (channel, pause, length) in enumerate(steps):
        start = at[channel] + pause
        at[channel] = start + (length or 0)
        words.append(word(str(number), start, None if length is None else start + length, channel))
    made = turns(words, STEREO)
    for channel in (0, 1):
        assert [w for t in made if t.channel == channel for w in t.words] == [w for w in words if w.channel == channel]
    assert all(w.channel == t.channel for t in made for w in t.words)
    assert all(t.speaker == STEREO[t.channel] for t in made)
    starts = [t.words[0].start_ms for t in made]
    assert starts == sorted(starts)
    assert all(a.channel != b.channel for a, b in itertools.pairwise(made))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        # The other's "okay" inside a sentence doesn't shred it.
        (
            [("my", 0, 300, 1), ("okay", 350, 500, 0), ("name", 600, 900, 1)],
            [("customer", "my name"), ("agent", "okay")],
        ),
        # A pause does.
        (
            [("4929", 0, 900, 1), ("okay", 1200, 1500, 0), ("0377", 2000, 2900, 1)],
            [("customer", "4929"), ("agent", "okay"), ("customer", "0377")],
        ),
        # Pauses of one side alone make no new turn.
        ([("so", 0, 300, 0), ("hello", 5000, 5300, 0)], [("agent", "so hello")]),
        ([("b", 100, 200, 1), ("a", 0, 90, 0)], [("agent", "a"), ("customer", "b")]),
        ([], []),
    ],
)
def test_turns(words, expected):
    assert [(t.speaker, t.text) for t in turns([word(*w) for w in words], STEREO)] == expected


def test_speech_regions_cut_words_that_the_engine_stretched_over_a_pause():
    words = [word("4929", 0, 4900, 1), word("okay", 2000, 2300, 0), word("0377", 5000, 6000, 1)]
    stretched = turns(words, STEREO)
    assert [t.text for t in stretched] == ["4929 0377", "okay"]
    speech = (Stretch(1, 0, 900), Stretch(1, 4950, 6000))
    assert [t.text for t in turns(words, STEREO, speech)] == ["4929", "okay", "0377"]


def test_mono_is_cut_at_pauses_only():
    words = [word("hello", 0, 300), word("there", 400, 700), word("hi", 2000, 2300)]
    speech = (Stretch(0, 0, 350), Stretch(0, 380, 2300))
    made = turns(words, ("mixed",), speech)
    assert [(t.speaker, t.text) for t in made] == [("mixed", "hello there"), ("mixed", "hi")]


@pytest.mark.parametrize(
    ("region", "words", "found"),
    [
        ((1000, 2000), [], True),
        ((1000, 1399), [], False),  # a breath
        ((1000, 1400), [], True),
        ((1000, 2000), [("a", 1900, 2500)], False),
        ((1000, 2000), [("a", 0, 1000)], True),
        ((1000, 2000), [("a", 2000, 2500)], True),
    ],
)
def test_speech_without_words(region, words, found):
    where = Stretch(0, *region)
    reasons = [(d.reason, d.where) for d in doubts([word(*w) for w in words], [where])]
    assert reasons == ([("speech_without_words", where)] if found else [])


def said(text):
    return [word(part, at * 300, at * 300 + 200) for at, part in enumerate(text.split())]


@pytest.mark.parametrize(
    ("text", "loops"),
    [
        ("yes " * LOOP_REPEATS, 1),
        ("yes " * 12, 1),
        ("Yes, yes. YES yes? yes", 1),
        ("yes " * (LOOP_REPEATS - 1), 0),
        ("thank you " * LOOP_REPEATS, 1),
        ("see you soon now " * LOOP_REPEATS, 1),
        ("well then " + "thank you " * LOOP_REPEATS + "bye", 1),
        ("0 " * 5, 0),
        ("4 " * 12, 0),
        ("my number is 0 0 0 0 0 0 0 0 0 0", 0),
        ("one two three four five six", 0),
        ("", 0),
    ],
)
def test_loops(text, loops):
    found = doubts(said(text), [])
    assert [d.reason for d in found] == ["repetition_loop"] * loops


def test_a_loop_is_where_its_words_are():
    (loop,) = doubts(said("well " + "yes " * 6 + "bye"), [])
    assert loop.where == Stretch(0, 300, 6 * 300 + 200)
