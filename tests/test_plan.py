"""Plans: what is masked is covered, and masking only widens."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redact import policy as policies
from redact.call import Doubt, HeardAcross, Recording, Stretch, Transcript, Turn, Word
from redact.findings import Finding
from redact.plan import NUMBER_REACH_MS, WORD_REACH_MS, Mention, Sound, make_plan, said, values
from redact.report import masked_ms

BARE = policies.load("default").changed(padding={"before_ms": 0, "after_ms": 0, "merge_gap_ms": 0, "grid_ms": 1})
SILENT = Sound()
GRID = {"before_ms": 0, "after_ms": 0, "merge_gap_ms": 0, "grid_ms": 200}
KINDS = ["PERSON", "AGE", "CREDIT_CARD"]


def recording(duration_ms, channels=2):
    return Recording("0" * 64, "wav", "pcm_s16le", 1000, duration_ms, "s16", ("agent", "customer")[:channels])


def turn(*words, channel=1):
    return Turn("agent" if channel == 0 else "customer", channel, tuple(Word(*w, channel) for w in words))


def transcript(*turns, doubts=()):
    return Transcript(tuple(turns), "en", "test", doubts=doubts)


def finding(*words, kind="PERSON", score=0.9):
    return Finding(kind, words, score, "test", "transcribed")


def spans(plan):
    return [(i.start_ms, i.end_ms) for i in plan.intervals]


def masked_words(plan):
    return {i for r in plan.replacements for i in range(r.first, r.last + 1)}


def inside(start, end, plan):
    return start >= end or any(i.start_ms <= start and end <= i.end_ms for i in plan.intervals)


@st.composite
def worlds(draw):
    """A call of distinct words, some untimed, some overlapping; speech; findings; the recording."""
    count = draw(st.integers(1, 10))
    at, turns = 0, []
    for index in range(count):
        start = max(0, at + draw(st.integers(-400, 1500)))
        end = start + draw(st.integers(0, 700))
        at = end
        times = draw(st.sampled_from([(start, end)] * 5 + [(None, None), (start, None), (None, end)]))
        turns.append(turn((f"word{index}", *times), channel=draw(st.integers(0, 1))))
    edges = sorted(draw(st.lists(st.integers(0, at + 2000), max_size=8, unique=True)))
    speech = tuple(Stretch(draw(st.integers(0, 1)), a, b) for a, b in zip(edges[::2], edges[1::2], strict=False))
    found = st.builds(
        lambda words, kind, score: finding(*sorted(words), kind=kind, score=score),
        st.sets(st.integers(0, count - 1), min_size=1),
        st.sampled_from([*KINDS, "NRP"]),
        st.sampled_from([0.1, 0.5, 0.9]),
    )
    return transcript(*turns), draw(st.lists(found, max_size=4)), Sound(speech), recording(at + 1000)


@settings(deadline=None)
@given(worlds(), st.integers(0, 600), st.integers(0, 600), st.integers(0, 600))
def test_every_masked_word_is_covered_on_all_channels(world, before, after, gap):
    call, findings, sound, rec = world
    policy = BARE.changed(padding={"before_ms": before, "after_ms": after, "merge_gap_ms": gap, "grid_ms": 1})
    plan = make_plan(call, findings, policy, rec, sound)
    wanted = {i for f in findings if policy.wants(f.entity_type, f.score) for i in f.words}
    assert masked_words(plan) == wanted
    for index in wanted:
        word = call.words[index]
        start = word.end_ms if word.start_ms is None else word.start_ms
        end = word.start_ms if word.end_ms is None else word.end_ms
        if start is not None and end is not None:
            assert inside(max(0, start - before), min(rec.duration_ms, end + after), plan)
    assert all(i.channels == (0, 1) for i in plan.intervals)


@settings(deadline=None)
@given(worlds(), st.integers(0, 300))
def test_intervals_are_sorted_disjoint_and_within_the_recording(world, gap):
    call, findings, sound, rec = world
    policy = BARE.changed(padding={"before_ms": 300, "after_ms": 200, "merge_gap_ms": gap, "grid_ms": 1})
    plan = make_plan(call, findings, policy, rec, sound)
    for interval in plan.intervals:
        assert 0 <= interval.start_ms < interval.end_ms <= rec.duration_ms
        assert interval.entity_types == tuple(sorted(set(interval.entity_types)))
    for one, other in zip(plan.intervals, plan.intervals[1:], strict=False):
        assert one.end_ms + gap < other.start_ms
    ends = [(r.first, r.last) for r in plan.replacements]
    assert all(a[1] < b[0] for a, b in itertools.pairwise(ends))


@settings(deadline=None)
@given(worlds(), st.integers(0, 3), st.integers(0, 400), st.integers(0, 400), st.integers(0, 400))
def test_masking_only_widens(world, fewer, before, after, gap):
    call, findings, sound, rec = world
    small = make_plan(call, findings[fewer:], BARE, rec, sound)
    grown = make_plan(
        call,
        findings,
        BARE.changed(padding={"before_ms": before, "after_ms": after, "merge_gap_ms": gap, "grid_ms": 1}),
        rec,
        sound,
    )
    assert masked_words(small) <= masked_words(grown)
    assert all(inside(start, end, grown) for start, end in spans(small))


@pytest.mark.parametrize(
    ("word", "span"),
    [
        ((1010, 1190), (1000, 1200)),
        ((1000, 1200), (1000, 1200)),
        ((999, 1201), (800, 1400)),
        ((4900, 4990), (4800, 5000)),
    ],
)
def test_masks_lie_on_a_grid_that_hides_how_long_a_word_is(word, span):
    plan = make_plan(
        transcript(turn(("Name", *word))), [finding(0)], BARE.changed(padding=GRID), recording(5000), SILENT
    )
    assert spans(plan) == [span]


@settings(deadline=None)
@given(worlds(), st.integers(0, 3), st.integers(1, 500))
def test_on_a_grid_too_masking_only_widens(world, fewer, grid):
    call, findings, sound, rec = world
    policy = BARE.changed(padding={**GRID, "grid_ms": grid})
    small, grown = (make_plan(call, kept, policy, rec, sound) for kept in (findings[fewer:], findings))
    assert all(inside(start, end, grown) for start, end in spans(small))
    assert all(start % grid == 0 and (end % grid == 0 or end == rec.duration_ms) for start, end in spans(grown))


@pytest.mark.parametrize(
    ("words", "span"),
    [
        ([("a", 200, 500), ("Name", None, None), ("b", 2000, 2300)], (500, 2000)),
        ([("a", 200, 500), ("Name", 700, None), ("b", 2000, 2300)], (700, 2000)),
        ([("a", 200, 500), ("Name", None, 1500), ("b", 2000, 2300)], (500, 1500)),
        ([("Name", None, None), ("b", 2000, 2300)], (0, 2000)),
        ([("a", 200, 500), ("Name", None, None)], (500, 5000)),
        ([("Name", None, None)], (0, 5000)),
        ([("a", 200, 500), ("x", None, None), ("Name", None, None), ("y", None, None), ("b", 900, 1000)], (500, 900)),
        ([("a", 700, 1000), ("Name", None, 800), ("b", 2000, 2300)], (800, 800)),
        ([("a", 700, 1000), ("Name", None, None), ("b", 700, 1000)], (700, 1000)),
        ([("a", 200, 1500), ("Name", None, None), ("b", 2000, 3000)], (510, 2690)),  # nobody says "a" for 1.3 s
    ],
)
def test_words_without_times_are_widened_to_their_neighbours(words, span):
    name = [text for text, *_ in words].index("Name")
    padded = BARE.changed(padding={"before_ms": 100, "after_ms": 100, "merge_gap_ms": 0, "grid_ms": 1})
    plan = make_plan(transcript(turn(*words)), [finding(name)], padded, recording(5000), SILENT)
    assert spans(plan) == [(max(0, span[0] - 100), min(5000, span[1] + 100))]


@pytest.mark.parametrize(("in_doubt", "labels"), [("mask", ["[DOUBT]"]), ("report", [])])
def test_words_in_doubt_are_masked_in_the_text_as_in_the_sound(in_doubt, labels):
    where = Doubt("low_confidence", Stretch(1, 500, 900))
    call = transcript(
        turn(("so", 0, 400), ("murmur", 500, 900), ("and", 1000, 1200), ("murmur", 1300, 1600)), doubts=(where,)
    )
    plan = make_plan(call, [], BARE.changed(in_doubt=in_doubt), recording(2000), SILENT)
    assert [(r.first, r.last) for r in plan.replacements] == [(1, 1)] * len(labels)
    assert [r.label for r in plan.replacements] == labels
    assert spans(plan) == [(500, 900)] * len(labels)
    assert values(call, plan) == frozenset()


@pytest.mark.parametrize(
    ("before", "region", "span"),
    [
        (("a", 0, 300), (2000, 6000), (2000, 6000)),  # shortened from its start by the engine
        (("a", 2200, 2500), (2400, 6000), (2500, 6000)),  # up to the word before
        (("a", 2000, 4800), (2000, 6000), (2310, 6000)),  # which isn't as long as the engine has it
        (("a", 0, 300), (600, 6000), (1000, 6000)),  # up to four seconds
        (("a", 0, 300), (3000, 5500), (3000, 5500)),  # and after it
        (("a", 0, 300), (5000, 5500), (5000, 5500)),  # exact
        (("a", 0, 300), (100, 290), (5000, 5500)),  # speech of the word before alone
        (("a", 4900, 5200), (4900, 5500), (5000, 5500)),  # an overlapping neighbour doesn't cut into it
    ],
)
def test_speech_that_no_word_claims_is_covered(before, region, span):
    call = transcript(turn(before, ("4711", 5000, 5500)))
    sound = Sound((Stretch(1, *region),))
    assert spans(make_plan(call, [finding(1)], BARE, recording(9000), sound)) == [span]
    other_channel = Sound((Stretch(0, *region),))
    assert spans(make_plan(call, [finding(1)], BARE, recording(9000), other_channel)) == [(5000, 5500)]


@pytest.mark.parametrize(("word", "reach"), [("Name", WORD_REACH_MS), ("4711", NUMBER_REACH_MS)])
def test_unclaimed_speech_is_taken_up_to_the_reach(word, reach):
    call = transcript(turn((word, 20_000, 20_500)))
    sound = Sound((Stretch(1, 0, 20_500),))
    assert spans(make_plan(call, [finding(0)], BARE, recording(30_000), sound)) == [(20_000 - reach, 20_500)]


def test_what_is_heard_again_is_masked_with_the_words_that_were_heard_instead():
    call = transcript(turn(("no", 0, 200), ("I'll", 1000, 1200), ("end", 1200, 1500), ("it", 1800, 2000)))
    again = [Mention(Stretch(1, 1100, 1400), "PERSON")]
    plan = make_plan(call, [], BARE, recording(3000), SILENT, again=again)
    assert spans(plan) == [(1000, 1500)]
    assert [(r.first, r.last, r.label) for r in plan.replacements] == [(1, 2, "[DOUBT]")]
    assert values(call, plan) == frozenset()


def test_a_masked_value_is_masked_wherever_it_is_said_again():
    call = transcript(
        turn(("Desmond", 0, 100), ("Halloway.", 200, 300)),
        turn(("Thanks,", 1000, 1100), ("desmond", 1200, 1300), ("-", 1300, 1300), ("HALLOWAY!", 1400, 1500), channel=0),
        turn(("halloway", 3000, 3100)),
    )
    plan = make_plan(call, [finding(0, 1)], BARE, recording(5000), SILENT)
    assert masked_words(plan) == {0, 1, 3, 4, 5}
    assert inside(1200, 1300, plan)
    assert inside(1400, 1500, plan)
    assert values(call, plan) == {("desmond", "halloway")}


def test_a_value_stays_masked_elsewhere_when_a_longer_finding_takes_it_in():
    call = transcript(turn(("Desmond", 0, 100), ("Halloway.", 200, 300)), turn(("Halloway?", 3000, 3100), channel=0))
    alone, both = [finding(1)], [finding(1), finding(0, 1)]
    assert masked_words(make_plan(call, alone, BARE, None, SILENT)) == {1, 2}
    assert masked_words(make_plan(call, both, BARE, None, SILENT)) == {0, 1, 2}


def test_short_values_are_not_looked_for_elsewhere():
    call = transcript(turn(("Bob", 0, 100), ("sees", 200, 300), ("bob", 400, 500)))
    assert masked_words(make_plan(call, [finding(0)], BARE, None, SILENT)) == {0}


@pytest.mark.parametrize(("least", "masked"), [(None, set()), (1, {1, 2, 4}), (3, {1, 2}), (4, {1, 2}), (5, set())])
def test_number_runs(least, masked):
    call = transcript(turn(("pay", 0, 1), ("12", 2, 3), ("34,", 4, 5), ("then", 6, 7), ("9", 8, 9)))
    assert masked_words(make_plan(call, [], BARE.changed(number_run_digits=least), None, SILENT)) == masked


@pytest.mark.parametrize(
    ("in_doubt", "expected", "hold"), [("mask", [(100, 900)], False), ("hold", [], True), ("report", [], False)]
)
def test_doubts(in_doubt, expected, hold):
    call = transcript(doubts=(Doubt("repetition_loop", Stretch(1, 100, 900)),))
    plan = make_plan(call, [], BARE.changed(in_doubt=in_doubt), recording(5000), SILENT)
    assert (spans(plan), plan.hold, plan.doubts) == (expected, hold, (("repetition_loop", 1),))


def test_hold_needs_a_doubt():
    plan = make_plan(transcript(turn(("Name", 0, 10))), [finding(0)], BARE.changed(in_doubt="hold"), None, SILENT)
    assert not plan.hold


def test_keypad_tones_are_masked_where_the_policy_wants_it():
    sound = Sound(tones=(Stretch(0, 100, 200),))
    assert spans(make_plan(transcript(), [], BARE, recording(5000), sound)) == [(100, 200)]
    without = BARE.changed(entities={"PERSON": 0.4})
    assert spans(make_plan(transcript(), [], without, recording(5000), sound)) == []


ALONE = BARE.changed(channels="speaker_only")
ACROSS = HeardAcross(1, 0, -20, 150)


@pytest.mark.parametrize(
    ("policy", "across", "expected"),
    [
        (BARE, (), [(1000, 1500, (0, 1))]),
        (ALONE, None, [(1000, 1500, (0, 1))]),  # nobody measured
        (ALONE, (), [(1000, 1500, (1,))]),
        (ALONE, (ACROSS,), [(980, 1650, (0,)), (1000, 1500, (1,))]),
        (ALONE, (HeardAcross(0, 1, -20, 150),), [(1000, 1500, (1,))]),
        (ALONE, (HeardAcross(1, 0),), [(1000, 1500, (0, 1))]),
    ],
)
@pytest.mark.parametrize("what", ["word", "tone", "doubt"])
def test_the_other_side_is_masked_where_it_is_heard_across(policy, across, expected, what):
    where = Stretch(1, 1000, 1500)
    call = (
        transcript(turn(("Name", 1000, 1500)))
        if what == "word"
        else transcript(doubts=(Doubt("repetition_loop", where),) if what == "doubt" else ())
    )
    sound = Sound(tones=(where,) if what == "tone" else (), across=across)
    plan = make_plan(call, [finding(0)] if what == "word" else [], policy, recording(5000), sound)
    assert [(i.start_ms, i.end_ms, i.channels) for i in plan.intervals] == expected


def test_masks_of_one_channel_do_not_bridge_to_another():
    call = transcript(turn(("Name", 1000, 1500)), turn(("Other", 1600, 1900), channel=0))
    policy = ALONE.changed(padding={"before_ms": 0, "after_ms": 0, "merge_gap_ms": 300, "grid_ms": 1})
    plan = make_plan(call, [finding(0), finding(1)], policy, recording(5000), Sound(across=()))
    assert [(i.start_ms, i.end_ms, i.channels) for i in plan.intervals] == [(1000, 1500, (1,)), (1600, 1900, (0,))]
    assert masked_ms(plan) == 800


def test_masked_time_counts_each_moment_once():
    call = transcript(turn(("Name", 1000, 1500)))
    assert masked_ms(make_plan(call, [finding(0)], ALONE, recording(5000), Sound(across=(ACROSS,)))) == 670


@settings(deadline=None)
@given(worlds(), st.sampled_from([(), (ACROSS,), (HeardAcross(0, 1, -100, 20), ACROSS)]))
def test_each_word_is_masked_at_least_on_its_own_channel(world, across):
    call, findings, sound, rec = world
    plan = make_plan(call, findings, ALONE, rec, replace(sound, across=across))
    everywhere = make_plan(call, findings, BARE, rec, sound)
    for index in masked_words(plan):
        word = call.words[index]
        if word.start_ms is not None and word.end_ms is not None and word.start_ms < word.end_ms:
            assert any(
                i.start_ms <= word.start_ms and word.end_ms <= i.end_ms and word.channel in i.channels
                for i in plan.intervals
            )
    assert masked_words(plan) == masked_words(everywhere)


def test_the_best_score_names_the_type_and_the_longer_of_equals():
    call = transcript(turn(("a", 0, 1), ("b", 2, 3)))
    found = [finding(0, kind="AGE", score=0.9), finding(0, 1, score=0.9), finding(1, kind="AGE", score=0.5)]
    plan = make_plan(call, found, BARE, None, SILENT)
    assert [(r.first, r.last, r.entity_type, r.label) for r in plan.replacements] == [(0, 1, "PERSON", "[PERSON]")]


def test_no_replacement_crosses_a_turn():
    call = transcript(turn(("a", 0, 1)), turn(("b", 2, 3), channel=0))
    plan = make_plan(call, [finding(0, 1)], BARE, None, SILENT)
    assert [(r.first, r.last) for r in plan.replacements] == [(0, 0), (1, 1)]


@pytest.mark.parametrize(("text", "plain"), [("O'Neil,", "oneil"), ("49-29", "4929"), ("É.", "é"), ("—", "")])
def test_said(text, plain):
    assert said(text) == plain
