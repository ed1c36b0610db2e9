"""The benchmark of detection on text: its readers, its counting, and one run of both sides over small texts."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redact.errors import InputRejected

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks" / "text"
sys.path.insert(0, str(FOLDER))

import cases  # noqa: E402
from cases import Case, Label, Said  # noqa: E402
from figures import ALL, Tally, f2  # noqa: E402

SCRIPT = {
    "id": "en-one",
    "language": "en",
    "effects": ["mono"],
    "turns": [
        ["agent", "Your name?", {"pause": 1.5}, "And the card?"],
        ["customer", {"hold": 3}, {"dtmf": "4929", "pii": "DTMF", "value": "4929"}],
        ["customer", "It's", {"pii": "PERSON", "say": "Maud Ferris.", "value": "Maud Ferris"}, "Bye."],
    ],
}
TEXT = {
    "full_text": "Maud Ferris of Lark Bakery,\nLeeds",
    "spans": [
        {"start_position": 0, "end_position": 11, "entity_type": "PERSON"},
        {"start_position": 15, "end_position": 26, "entity_type": "ORGANIZATION"},
    ],
}
INLINE = "Vu ce jour [Maud](PRENOM) [FERRIS](NOM), [Hôpital Nord](HOPITAL)\n\nTél [06 39 98 00 01](TEL)\n"
ANSWERS = [
    {"item": "name", "asr": "my name is maud ferris", "gold": "Maud Ferris"},
    {"item": "postcode", "asr": "seven", "gold": "ZZ9 7QQ"},  # a single word
    {"item": "postcode", "asr": "zulu zulu nine", "gold": ""},  # nothing is known of it
    {"item": "dob", "asr": "the 3rd of may 1970"},
]


def written(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def answers_file(path):
    return written(path, "\n".join(map(json.dumps, ANSWERS)))


def labelled(case):
    return [(label.type, said.text[label.start : label.end]) for said in case.turns for label in said.labels]


@pytest.mark.parametrize(
    ("mono", "effects", "speakers"),
    [
        (None, ["mono"], ["agent", "customer"]),
        ("effect", ["mono"], ["mixed", "mixed"]),
        ("effect", ["mulaw"], ["agent", "customer"]),
        ("all", ["mulaw"], ["mixed", "mixed"]),
    ],
)
def test_a_script_is_what_was_said(tmp_path, mono, effects, speakers):
    written(tmp_path / "one.json", {**SCRIPT, "effects": effects})
    (case,) = cases.scripts(tmp_path, mono)
    assert [said.text for said in case.turns] == ["Your name? And the card?", "It's Maud Ferris. Bye."]
    assert labelled(case) == [("PERSON", "Maud Ferris.")]
    transcript = case.transcript()
    assert [turn.speaker for turn in transcript.turns] == speakers
    assert [turn.text for turn in transcript.turns] == [said.text for said in case.turns]
    assert {(word.start_ms, word.end_ms, word.confidence) for word in transcript.words} == {(None, None, None)}


def test_texts_keep_only_what_is_personal(tmp_path):
    (case,) = cases.texts(written(tmp_path / "texts.json", [TEXT]), "en")
    assert labelled(case) == [("PERSON", "Maud Ferris")]
    assert case.turns[0].text == TEXT["full_text"]


def test_inline_labels_leave_the_text(tmp_path):
    first, second = cases.inline(written(tmp_path / "notes.txt", INLINE), "fr")
    assert first.turns[0].text == "Vu ce jour Maud FERRIS, Hôpital Nord"
    assert labelled(first) == [("PRENOM", "Maud"), ("NOM", "FERRIS")]
    assert labelled(second) == [("TEL", "06 39 98 00 01")]


def test_an_answer_follows_a_question_for_its_item(tmp_path):
    name, birth = cases.answers(answers_file(tmp_path / "a.jsonl"))
    assert [turn.speaker for turn in name.turns] == ["agent", "customer"]
    assert name.turns[0].text in cases.QUESTIONS["name"]
    assert birth.turns[0].text in cases.QUESTIONS["dob"]
    said = name.turns[1]
    assert [said.text[start:end] for start, end in said.words()] == ["maud", "ferris"]


WRONG = [
    (cases.scripts, "[]"),
    (cases.scripts, {**SCRIPT, "turns": [["agent", {"sung": "la"}]]}),
    (cases.scripts, {**SCRIPT, "turns": [["agent", 7]]}),
    (cases.scripts, {"id": "x", "turns": []}),
    (lambda path: cases.texts(path, "en"), "Maud Ferris"),
    (lambda path: cases.texts(path, "en"), [{"full_text": "Maud Ferris"}]),
    (lambda path: cases.texts(path, "en"), [{**TEXT, "full_text": "Maud"}]),
    (lambda path: cases.inline(path, "fr"), "Maud Ferris (NOM)"),
    (cases.answers, {"item": "shoe size", "asr": "forty two Maud Ferris"}),
    (cases.answers, {"item": "name"}),
    (cases.answers, "Maud Ferris"),
]


@pytest.mark.parametrize(("read", "content"), WRONG)
def test_another_form_is_refused_without_quoting_it(tmp_path, read, content):
    path = written(tmp_path / "given.json", content)
    with pytest.raises(InputRejected) as caught:
        list(read(tmp_path if read is cases.scripts else path))
    assert "given.json" in caught.value.message
    assert "Ferris" not in f"{caught.value.message} {caught.value.hint}"


def test_a_folder_without_scripts_is_refused(tmp_path):
    with pytest.raises(InputRejected, match="no scripts"):
        list(cases.scripts(tmp_path))


def tallied(said, *spans, values=False):
    mask = [""] * len(said.text)
    for value, entity_type in spans:
        start = said.text.index(value)
        mask[start : start + len(value)] = [entity_type] * len(value)
    tally = Tally(values)
    tally.add(Case("one", "en", (said,)), (mask,))
    return tally


NAMED = Said("customer", "Yes, Maud Ferris, good day.", (Label(5, 17, "PERSON"),))


@pytest.mark.parametrize(
    ("spans", "whole", "masked", "same", "precision"),
    [
        ([("Maud Ferris,", "PERSON")], 1, 2, 1.0, 1.0),
        ([("Maud", "PERSON"), ("Ferris", "PERSON")], 1, 2, 1.0, 1.0),  # a comma and a space tell nothing
        ([("Maud Ferris", "USERNAME")], 1, 2, 0.0, 1.0),  # masked, if as something else
        ([("Ferris", "PERSON")], 0, 1, 0.5, 1.0),
        ([("Maud Ferri", "PERSON")], 0, 1, 0.5, 1.0),  # a word is masked whole or not at all
        ([("good day", "DATE_TIME")], 0, 0, 0.0, 0.0),  # must not count
        ([("Yes, Maud Ferris, good day.", "PERSON")], 1, 2, 1.0, 0.4),
        ([], 0, 0, 0.0, None),
    ],
)
def test_words_and_items_are_counted(spans, whole, masked, same, precision):
    figures = tallied(NAMED, *spans).figures()
    assert (figures["PERSON"]["whole"], figures["PERSON"]["masked"]) == (whole, masked)
    assert figures["PERSON"]["same_type_recall"] == same
    assert figures[ALL]["precision"] == precision
    assert figures[ALL]["recall"] == masked / 2


def test_precision_is_of_the_type_masked_as_and_recall_of_the_type_labelled():
    figures = tallied(NAMED, ("Maud", "PERSON"), ("Ferris", "LOCATION"), ("day", "LOCATION")).figures()
    assert figures["PERSON"]["precision"] == 1.0
    assert figures["ADDRESS"]["precision"] == 0.5
    assert figures["ADDRESS"]["recall"] is None
    assert figures["ADDRESS"]["f2"] is None


@pytest.mark.parametrize(
    ("left", "covered"),
    [((), 1), (("one",), 1), (("one", "two"), 0), (("my", "is"), 1)],
)
def test_an_answer_may_keep_a_fifth_of_its_words(left, covered):
    text = "my name is one two three four five"
    said = Said("customer", text, (Label(0, len(text), "name"),), answer=True)
    spans = [(word, "PERSON") for word in text.split() if word not in left]
    assert tallied(said, *spans).figures()["PERSON"]["whole"] == covered


@pytest.mark.parametrize("values", [False, True])
def test_errors_give_places_and_words_only_on_request(values):
    tally = tallied(NAMED, ("Ferris", "PERSON"), ("day", "DATE_TIME"), values=values)
    missed, extra = tally.errors
    assert (missed["label"], missed["first"], missed["last"], missed["masked_as"]) == ("PERSON", 1, 2, ["PERSON"])
    assert (extra["label"], extra["first"], extra["last"], extra["masked_as"]) == (None, 4, 4, ["DATE_TIME"])
    assert ("Maud" in json.dumps(tally.errors)) is values
    assert "Maud" not in repr(tally)
    assert "Maud" not in repr(NAMED)


@given(recall=st.floats(0, 1), precision=st.floats(0, 1))
def test_f2_lies_between_the_two_and_nearer_to_recall(recall, precision):
    value = f2(recall, precision)
    assert min(recall, precision) - 1e-9 <= value <= max(recall, precision) + 1e-9
    assert (
        f2(max(recall, precision), min(recall, precision)) >= f2(min(recall, precision), max(recall, precision)) - 1e-9
    )


def run(*arguments):
    command = [sys.executable, str(FOLDER), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_wrong_file_ends_the_run_with_its_exit_code(tmp_path):
    done = run("--presidio", written(tmp_path / "texts.json", "Maud Ferris"))
    assert done.returncode == InputRejected.exit_code
    assert done.stderr.startswith("error: ")
    assert "Ferris" not in done.stderr + done.stdout


@pytest.mark.models
@pytest.mark.slow
def test_both_go_over_every_set(tmp_path):
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    written(scripts / "one.json", SCRIPT)
    texts = written(tmp_path / "texts.json", [TEXT, {"full_text": "The weather is fine.", "spans": []}])
    inputs = ["--scripts", scripts, "--presidio", texts, "--answers", answers_file(tmp_path / "a.jsonl")]
    inline = ["--inline", written(tmp_path / "notes.txt", "Call [Maud Ferris](PERSON) now.")]
    done = run(*inputs, *inline, "--misses", "--json", tmp_path / "figures.json")
    assert done.returncode == 0, done.stderr
    results = {Path(title).name: one for title, one in json.loads((tmp_path / "figures.json").read_text()).items()}
    counted = {title: (result["cases"], result["words"]) for title, result in results.items()}
    questions = sum(len(said.text.split()) for case in cases.answers(tmp_path / "a.jsonl") for said in case.turns)
    assert counted == {
        "scripts (en)": (1, 9),
        "texts.json (en)": (2, 10),
        "notes.txt (en)": (1, 4),
        "a.jsonl (en)": (2, questions),
    }
    for result in results.values():
        assert result["ours"]["words_per_second"] > 0
        assert result["ours"]["types"][ALL]["items"] == result["presidio"]["types"][ALL]["items"] > 0
    assert results["scripts (en)"]["ours"]["types"]["PERSON"]["whole"] == 1
    assert "Ferris" not in done.stdout + done.stderr + (tmp_path / "figures.json").read_text()
