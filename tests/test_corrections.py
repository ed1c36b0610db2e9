"""What a person decided counts over all else, exactly where they drew the edges, and nowhere else."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from redact import corrections
from redact.call import Doubt, Recording, Stretch, Transcript, Turn, Word
from redact.corrections import Correction
from redact.findings import AudioInterval, Finding
from redact.plan import Mention, Sound, make_plan, released, values
from redact.policy import load

DURATION_MS = 100
times = st.integers(0, DURATION_MS)
decisions = st.lists(
    st.tuples(times, times, st.sampled_from([None, "PERSON", "AGE"])).filter(lambda t: t[0] < t[1]), max_size=8
).map(lambda found: [Correction(*each) for each in found])
masks = st.lists(
    st.tuples(times, times, st.sampled_from([(0,), (1,), (0, 1)])).filter(lambda t: t[0] < t[1]), max_size=5
).map(lambda found: [AudioInterval(start, end, channels, ("PHONE_NUMBER",)) for start, end, channels in found])


def at(moment: int, decided) -> str | None:
    """What was decided last about a moment: a type, `left`, or nothing."""
    told = [c.entity_type or "left" for c in decided if c.start_ms <= moment < c.end_ms]
    return told[-1] if told else None


@given(decisions)
def test_each_moment_is_decided_once_by_the_last_word(decided):
    settled = corrections.settled(decided)
    for moment in range(DURATION_MS):
        assert at(moment, settled) == at(moment, decided)
        assert sum(c.start_ms <= moment < c.end_ms for c in settled) <= 1


@given(masks, decisions)
def test_the_sound_is_masked_as_decided_and_else_as_planned(planned, decided):
    result = corrections.intervals(planned, corrections.settled(decided), 2, DURATION_MS)
    for moment in range(DURATION_MS):
        told = at(moment, decided)
        for channel in (0, 1):
            is_masked = any(i.start_ms <= moment < i.end_ms and channel in i.channels for i in result)
            was = any(i.start_ms <= moment < i.end_ms and channel in i.channels for i in planned)
            assert is_masked == (was if told is None else told != "left")


RECORDING = Recording("0" * 64, "wav", "pcm_s16le", 8000, 80_000, "s16", ("agent", "customer"))
WORDS = ["My", "name", "is", "Desmond", "Halloway", "and", "Desmond", "Halloway", "it"]
SPOKEN = tuple(Word(text, 1000 * n, 1000 * n + 600, 0, 0.9) for n, text in enumerate(WORDS))
CALL = Transcript((Turn("agent", 0, SPOKEN),), "en", "test")
FOUND = (Finding("PERSON", (3, 4), 0.9, "test", "spoken"),)


def plan(*decided, again=()):
    return make_plan(CALL, FOUND, load("default"), RECORDING, Sound(), again=again, decided=decided)


def masked(made, moment):
    return any(i.start_ms <= moment < i.end_ms for i in made.intervals)


def labelled(made):
    return {index for r in made.replacements for index in range(r.first, r.last + 1)}


def test_what_is_not_personal_is_heard_and_read():
    made = plan(Correction(2800, 5000, None))
    assert not masked(made, 3300)
    assert not masked(made, 4300)
    assert masked(made, 6300)  # said again elsewhere
    assert labelled(made) == {6, 7}


def test_what_was_missed_is_neither_heard_nor_read():
    made = plan(Correction(8000, 8600, "SPECIAL_CATEGORY"))
    assert masked(made, 8000)
    assert masked(made, 8599)
    assert labelled(made) >= {3, 4, 6, 7, 8}
    assert {r.entity_type for r in made.replacements} == {"PERSON", "SPECIAL_CATEGORY"}


def test_a_person_counts_over_what_is_still_heard():
    heard = (Mention(Stretch(0, 3000, 3600), "PERSON"),)
    assert not masked(plan(Correction(2000, 5000, None), again=heard), 3300)


def test_a_value_that_was_released_once_may_stand_in_the_text():
    decided = (Correction(2800, 5000, None),)
    made = plan(*decided)
    left = values(CALL, made)
    assert left == {("desmond", "halloway")}
    assert released(left, CALL, decided) == frozenset()
    assert released(left, CALL, ()) == left


def test_who_decided_has_seen_the_doubts():
    doubtful = replace(CALL, doubts=(Doubt("low_confidence", Stretch(0, 100, 200)),))
    policy = load("default").changed(in_doubt="hold")
    assert make_plan(doubtful, FOUND, policy, RECORDING, Sound()).hold
    assert not make_plan(doubtful, FOUND, policy, RECORDING, Sound(), decided=(Correction(0, 1, None),)).hold


def test_of_a_mask_that_is_trimmed_the_rest_stays():
    """A word that was released in part is heard in part, and not read; so are doubts and what is still heard."""
    long_word = (Word("4539148803436467", 10_000, 14_000, 0, 0.9),)
    call = Transcript((Turn("agent", 0, long_word),), "en", "test")
    found = (Finding("CREDIT_CARD", (0,), 0.9, "test", "spoken"),)
    recording = replace(RECORDING, samples=240_000)

    def planned(transcript, findings, *decided, again=()):
        return make_plan(
            transcript, findings, load("default"), recording, Sound(), again=again, decided=decided
        )  # fmt: skip

    trimmed = planned(call, found, Correction(9_000, 12_100, None))
    assert not masked(trimmed, 12_099)
    assert masked(trimmed, 12_100)
    assert masked(trimmed, 13_999)
    assert labelled(trimmed) == {0}
    doubtful = replace(call, doubts=(Doubt("speech_without_words", Stretch(0, 10_000, 20_000)),))
    kept = planned(doubtful, (), Correction(14_000, 16_000, None))
    assert [masked(kept, moment) for moment in (12_000, 15_000, 18_000)] == [True, False, True]
    heard = (Mention(Stretch(0, 13_000, 17_500), "PERSON"),)
    still = planned(Transcript((), "en", "test"), (), Correction(14_500, 15_500, None), again=heard)
    assert [masked(still, moment) for moment in (13_500, 15_000, 17_000)] == [True, False, True]


@given(decisions, times, times)
def test_a_stretch_is_kept_where_all_of_it_was_released(decided, start, end):
    if start < end:
        settled = corrections.settled(decided)
        expected = all(at(moment, decided) == "left" for moment in range(start, end))
        assert corrections.is_kept(Stretch(0, start, end), settled) == expected
