"""Views, planning and text: laws that must hold for any call."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redact import policy as policies
from redact import text
from redact.call import Recording, Stretch, Transcript, Turn, Word
from redact.detect.spoken.base import load
from redact.detect.spoken.written import written
from redact.errors import PolicyError
from redact.findings import Finding
from redact.plan import Sound, make_plan, values
from redact.transcribe.segments import clips, doubts, turns
from redact.verify import check_text
from redact.views import Passage, answers, transcribed
from redact.views import turns as passages

DEFAULT = policies.load("default")
EN_UNITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
FR_UNITS = ("zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf")


def call(*said: tuple[str, str], untimed: frozenset[int] = frozenset()) -> Transcript:
    """Turns of (speaker, text): a word each 300 ms, half of it sound."""
    at, count, result = 0, 0, []
    for speaker, line in said:
        channel = 0 if speaker == "agent" else 1
        words = []
        for part in line.split():
            times = (None, None) if count in untimed else (at, at + 150)
            words.append(Word(part, *times, channel))
            at, count = at + 300, count + 1
        result.append(Turn(speaker, channel, tuple(words)))
    return Transcript(tuple(result), "en", "test")


def recording(transcript: Transcript) -> Recording:
    return Recording("0" * 64, "wav", "pcm_s16le", 8000, 8000 * 60, "s16", ("agent", "customer"))


lines = st.lists(
    st.tuples(
        st.sampled_from(["agent", "customer"]),
        st.lists(st.sampled_from(["a", "to", "Nadia", "4929", "okay", "77", "le"]), min_size=1, max_size=8).map(
            " ".join
        ),
    ),
    min_size=1,
    max_size=6,
)


@st.composite
def calls_with_findings(draw: st.DrawFn) -> tuple[Transcript, list[Finding]]:
    transcript = call(*draw(lines), untimed=draw(st.frozensets(st.integers(0, 20), max_size=4)))
    count = len(transcript.words)
    picked = draw(st.lists(st.frozensets(st.integers(0, count - 1), min_size=1, max_size=4), max_size=4))
    kinds = st.sampled_from(["PERSON", "CREDIT_CARD", "PHONE_NUMBER"])
    return transcript, [Finding(draw(kinds), tuple(sorted(words)), 0.9, "test", "transcribed") for words in picked]


@settings(deadline=None)
@given(lines)
def test_every_piece_of_a_view_knows_its_words(said: list[tuple[str, str]]) -> None:
    transcript = call(*said)
    for passage in passages(transcript):
        view = transcribed(transcript, passage)
        assert view.words_at(0, len(view.text)) == passage.words
        for piece in view.pieces:
            assert view.words_at(piece.start, piece.end) == piece.words
            assert view.text[piece.start : piece.end] == transcript.words[piece.words[0]].text
        in_writing = written(transcript, passage, load("en"))
        assert set(in_writing.words_at(0, len(in_writing.text))) <= set(passage.words)


def test_answers_are_joined_over_acknowledgements_alone() -> None:
    transcript = call(
        ("customer", "4929"), ("agent", "okay"), ("customer", "0377"), ("agent", "what else"), ("customer", "12")
    )
    joined = answers(transcript, lambda turn: turn.text == "okay")
    assert joined == (Passage((0, 2), (0, 1)),)


@settings(deadline=None)
@given(calls_with_findings(), st.integers(0, 500), st.integers(0, 500))
def test_plans_cover_what_was_found_and_only_widen(
    found: tuple[Transcript, list[Finding]], before_ms: int, after_ms: int
) -> None:
    transcript, findings = found
    padding = {"before_ms": before_ms, "after_ms": after_ms, "merge_gap_ms": 0}
    plan = make_plan(transcript, findings, DEFAULT.changed(padding=padding), recording(transcript), Sound())
    for finding in findings:
        for index in finding.words:
            word = transcript.words[index]
            if word.start_ms is None or word.end_ms is None:
                continue
            assert any(
                i.start_ms <= max(0, word.start_ms - before_ms)
                and word.end_ms + after_ms <= i.end_ms
                and i.channels == (0, 1)
                for i in plan.intervals
            )
    wider = {**padding, "before_ms": before_ms + 100, "after_ms": after_ms + 100}
    more = make_plan(transcript, findings, DEFAULT.changed(padding=wider), recording(transcript), Sound())
    for interval in plan.intervals:
        assert any(w.start_ms <= interval.start_ms and interval.end_ms <= w.end_ms for w in more.intervals)
    assert list(plan.intervals) == sorted(plan.intervals, key=lambda i: i.start_ms)


@settings(deadline=None)
@given(calls_with_findings(), st.sampled_from(["type", "numbered", "hash"]))
def test_no_masked_value_is_left_in_the_text(
    found: tuple[Transcript, list[Finding]], style: policies.LabelStyle
) -> None:
    transcript, findings = found
    plan = make_plan(transcript, findings, DEFAULT, None, Sound())
    labels = text.Labeller(DEFAULT.changed(label_style=style)).labels(transcript, plan)
    redacted = text.redact(transcript, labels)
    spoken = "\n".join(turn.text for turn in redacted.transcript.turns)
    assert check_text([spoken], values(transcript, plan)).passed
    assert [turn.speaker for turn in redacted.transcript.turns] == [turn.speaker for turn in transcript.turns]


def test_words_on_both_sides_of_a_label_are_nobodys_value() -> None:
    assert check_text(["to #### to"], frozenset({("to", "to")})).passed
    assert not check_text(["to # to"], frozenset({("to",)})).passed


def test_the_text_check_finds_a_value_that_was_left() -> None:
    assert not check_text(["… for Nadia, please"], frozenset({("nadia",)})).passed
    assert check_text(["nadiad is a town"], frozenset({("nadia",)})).passed


def test_an_untimed_word_is_masked_up_to_its_neighbours() -> None:
    transcript = call(("customer", "it is Nadia here"), untimed=frozenset({2}))
    found = [Finding("PERSON", (2,), 0.9, "test", "transcribed")]
    (interval,) = make_plan(transcript, found, DEFAULT, recording(transcript), Sound()).intervals
    assert (interval.start_ms, interval.end_ms) == (200, 1000)  # 450 - 150 to 900 + 100, on the grid


def test_speech_that_no_word_claims_belongs_to_the_masked_word_beside_it() -> None:
    words = (Word("is", 0, 200, 1), Word("07700900316", 3600, 4300, 1))
    transcript = Transcript((Turn("customer", 1, words),), "en", "test")
    found = [Finding("PHONE_NUMBER", (1,), 0.9, "test", "written")]
    sound = Sound(speech=(Stretch(1, 0, 250), Stretch(1, 700, 4300)))
    (interval,) = make_plan(transcript, found, DEFAULT, recording(transcript), sound).intervals
    assert interval.start_ms == 700 - 300


@pytest.mark.parametrize(
    ("in_doubt", "intervals", "hold"), [("mask", 1, False), ("hold", 0, True), ("report", 0, False)]
)
def test_doubt_is_treated_as_the_policy_says(in_doubt: str, intervals: int, hold: bool) -> None:
    doubted = doubts([], [Stretch(0, 1000, 2000)])
    plan = make_plan(
        Transcript((), "en", "test", doubts=doubted),
        [],
        DEFAULT.changed(in_doubt=in_doubt),
        recording(Transcript((), "en", "t")),
        Sound(),
    )
    assert (len(plan.intervals), plan.hold) == (intervals, hold)


def test_labels_number_the_same_value_the_same() -> None:
    transcript = call(("customer", "Nadia and Desmond"), ("agent", "Thanks, Nadia."))
    found = [Finding("PERSON", (i,), 0.9, "test", "transcribed") for i in (0, 2)]
    plan = make_plan(transcript, found, DEFAULT, None, Sound())
    labels = text.Labeller(DEFAULT).labels(transcript, plan)
    said = [turn.text for turn in text.redact(transcript, labels).transcript.turns]
    assert said == ["[PERSON_1] and [PERSON_2]", "Thanks, [PERSON_1]."]


@pytest.mark.parametrize("name", ["default", "pci", "numbers"])
def test_shipped_policies_write_out_every_key(name: str) -> None:
    import yaml

    from redact.data import data_path

    raw = yaml.safe_load((data_path("pipelines") / f"{name}.yaml").read_text())
    assert set(raw) == set(policies.Policy.model_fields)
    assert set(raw["mask"]) == set(policies.Mask.model_fields)
    assert set(raw["padding"]) == set(policies.Padding.model_fields)
    assert policies.load(name).name == name


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        ("name: x\ndescription: y\nentities: {PERSN: 0.4}", "PERSON"),
        ("name: x\ndescription: y\nentities: {}\nlabelstyle: type", "label_style"),
        ("name: x\ndescription: y\nentities: {}\nmask: {freqency_hz: 1000}", "frequency_hz"),
        ("name: [", "mend"),
    ],
)
def test_a_wrong_policy_names_the_nearest_key(tmp_path, content: str, hint: str) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(content)
    with pytest.raises(PolicyError) as raised:
        policies.load(file)
    assert hint in raised.value.hint


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 90_000), st.integers(1, 40_000)), max_size=12))
def test_clips_cover_all_speech_and_fit_the_window(parts: list[tuple[int, int]]) -> None:
    at, regions = 0, []
    for gap, length in parts:
        regions.append(Stretch(0, at + gap, at + gap + length))
        at += gap + length + 300
    cut = clips(regions, at)
    for region in regions:
        for moment in (region.start_ms, (region.start_ms + region.end_ms) // 2, region.end_ms - 1):
            assert any(c.start_ms <= moment < c.end_ms for c in cut)
    assert all(c.end_ms - c.start_ms <= 30_000 for c in cut)
    assert all(a.end_ms <= b.start_ms for a, b in itertools.pairwise(cut))


def test_turns_follow_the_pauses_of_speech() -> None:
    agent = [Word("number?", 0, 2100, 0), Word("okay", 2100, 2600, 0)]
    customer = [Word("4929", 1000, 1900, 1)]
    speech = [Stretch(0, 0, 900), Stretch(0, 2200, 2600), Stretch(1, 1000, 1900)]
    said = [turn.text for turn in turns([*agent, *customer], ("agent", "customer"), speech)]
    assert said == ["number?", "4929", "okay"]


@pytest.mark.parametrize(
    ("said", "loops"),
    [("no no no no no no", 1), ("a little bit " * 6, 1), ("7 7 7 7 7 7", 0), ("one two one two", 0)],
)
def test_repetition_loops(said: str, loops: int) -> None:
    words = [Word(part, i * 100, i * 100 + 90, 0) for i, part in enumerate(said.split())]
    assert len([d for d in doubts(words, []) if d.reason == "repetition_loop"]) == loops


@pytest.mark.parametrize(
    ("language", "said", "form"),
    [
        ("en", "four nine two nine, oh three, double seven", "49290377"),
        ("en", "L H, seven seven oh four, one nine two", "LH7704192"),
        ("en", "nineteen eighty-four", "1984"),
        ("en", "nine hundred, eight four two", "900842"),
        ("en", "nine hundred eight four two", "900842"),
        ("en", "four thousand five hundred and thirty-nine", "4539"),
        ("en", "4,539 1,488,034", "45391488034"),
        ("en", "H-A-L-L-O-W-A-Y", "‹HALLOWAY›"),
        ("en", "S for Sierra, W one A two A A", "SW1A2AA"),
        ("en", "desmond dot halloway at example dot com", "desmond.halloway@example.com"),
        ("en", "I am at home", "I am at home"),
        ("fr", "quatre-vingt-dix-huit", "98"),
        ("fr", "soixante et onze, zéro six, douze", "710612"),
        ("fr", "quatre-vingts, dix, huit", "80108"),
        ("fr", "septante-deux nonante", "7290"),
        ("fr", "deux cent quatre-vingt-six", "286"),
        ("fr", "mille neuf cent quatre-vingt-quatre", "1984"),
        ("fr", "double zéro sept", "007"),
        ("fr", "F comme François, O comme Oscar", "‹FO›"),
        ("fr", "léa point fontbonne arobase example point com", "léa.fontbonne@example.com"),
        ("fr", "il y a un problème", "il y a 1 problème"),
    ],
)
def test_written_form(language: str, said: str, form: str) -> None:
    transcript = call(("customer", said))
    assert written(transcript, passages(transcript)[0], load(language)).text == form


@settings(deadline=None)
@given(st.text("0123456789", min_size=1, max_size=20), st.sampled_from([("en", EN_UNITS), ("fr", FR_UNITS)]))
def test_digits_said_one_by_one_come_back(digits: str, spoken: tuple[str, tuple[str, ...]]) -> None:
    language, units = spoken
    transcript = call(("customer", ", ".join(units[int(digit)] for digit in digits)))
    view = written(transcript, passages(transcript)[0], load(language))
    assert view.text == digits
    for position in range(len(digits)):
        assert view.words_at(position, position + 1) == (position,)
