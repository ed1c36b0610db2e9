"""Transcripts without sound, with the real detector: in, redacted, in again, for every format."""

import json
import re
import sys
from pathlib import Path

import jsonschema
import pytest

import redact
from redact.errors import CannotWrite, HeldForReview, InputRejected, KeyMissing, UsageError
from redact.options import Options
from redact.texts import TextRedactor
from redact.transcripts.formats import opened

sys.path.append(str(Path(__file__).parent / "transcripts"))
from golden_files import FILES, FOLDER, IDS, left

pytestmark = pytest.mark.models
SCHEMA = json.loads((Path(__file__).resolve().parents[1] / "docs/schemas/report-1.json").read_text())
AWS = FOLDER / "aws" / "stereo.json"


@pytest.fixture(scope="module")
def redactor() -> TextRedactor:
    return TextRedactor(Options(language="en"))


@pytest.fixture(scope="module")
def any_language() -> TextRedactor:
    return TextRedactor()


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_every_format_is_redacted_in_its_own_schema(path: Path, any_language: TextRedactor, tmp_path: Path) -> None:
    result = any_language.redact_file(path, tmp_path)
    output, report = (next(p for p in result.outputs if (".report." in p.name) is wanted) for wanted in (False, True))
    assert output.suffix == path.suffix
    text = output.read_text(encoding="utf-8")
    assert left([text, output.name, re.sub("[0-9a-f]{64}", "", report.read_text())]) == []
    before, again = opened(path.read_text(encoding="utf-8")), opened(text)
    assert again.format == before.format
    turns, now = (
        [(t.speaker, t.channel, t.start_ms is None) for t in each.read.transcript.turns if not t.aside]
        for each in (before, again)
    )
    assert turns == now
    jsonschema.validate(json.loads(report.read_text()), SCHEMA)


@pytest.mark.parametrize(
    ("asked", "label"),
    [("What's the best phone number?", "PHONE_NUMBER"), ("What's your NHS number?", "UK_NHS"), ("Go on.", "UK_NHS")],
)
def test_what_was_asked_for_says_more_than_a_check_digit_of_one_in_eleven(redactor, asked, label) -> None:
    told = redactor.redact_text(f"Agent: {asked}\nCustomer: 943 476 5919.\n", "plain").text
    assert told.splitlines()[1] == f"Customer: [{label}_1]."


def test_a_name_that_labels_a_speaker_is_found_wherever_it_is_said(redactor: TextRedactor) -> None:
    told = redactor.redact_text(
        "Quillon Zebber: Good morning.\nAgent: Is zebber with a double b, quillon?\n", "plain"
    ).text
    assert "zebber" not in told.lower()
    assert "quillon" not in told.lower()
    assert told.startswith("Speaker 1: Good morning.")


def test_the_same_value_has_the_same_label_in_all_fields(redactor: TextRedactor) -> None:
    done = json.loads(redactor.redact_text(AWS.read_text()).text)
    labels = {word for word in done["results"]["transcripts"][0]["transcript"].split() if word.startswith("[PERSON")}
    in_items = {
        item["alternatives"][0]["content"]
        for item in done["results"]["items"]
        if item["alternatives"][0]["content"].startswith("[PERSON")
    }
    assert in_items
    assert {label.strip(".,") for label in labels} == in_items


def test_the_report_lists_what_was_dropped_without_a_value(redactor: TextRedactor) -> None:
    document = json.loads(AWS.read_text())
    document["results"]["Desmond Halloway"] = document["results"]["note"] = "his file"
    report = redactor.redact_text(json.dumps(document)).report
    assert report["input"]["fields_dropped"].keys() >= {"results.note", "results.*"}
    assert left([json.dumps(report)]) == []


def test_a_key_that_is_the_callers_name_is_not_told_in_the_report(redactor: TextRedactor) -> None:
    document = json.loads(AWS.read_text())
    document["results"]["halloway"] = document["results"]["note"] = "his file"
    dropped = redactor.redact_text(json.dumps(document)).report["input"]["fields_dropped"]
    assert dropped == {"results.*": 1, "results.note": 1}


def test_a_field_may_be_kept_and_is_redacted_then() -> None:
    document = json.loads(AWS.read_text())
    document["results"]["note"] = {"by": "Call back Desmond Halloway about the bill", "count": 3}
    policy = Options(language="en").loaded_policy().changed(keep_fields=("results.note",))
    done = json.loads(TextRedactor(Options(policy=policy, language="en")).redact_text(json.dumps(document)).text)
    assert done["results"]["note"]["count"] == 3
    assert left([done["results"]["note"]["by"]]) == []
    assert "about the bill" in done["results"]["note"]["by"]


@pytest.mark.parametrize(
    ("to", "suffix", "holds"),
    [
        ("txt", ".txt", "Channel 1: "),
        ("vtt", ".vtt", "WEBVTT"),
        ("srt", ".srt", " --> "),
        ("redact", ".json", "callredact"),
    ],
)
def test_other_formats_when_asked(to: str, suffix: str, holds: str, redactor: TextRedactor, tmp_path: Path) -> None:
    result = redactor.redact_file(AWS, tmp_path, to=[to])
    [output] = [path for path in result.outputs if ".report." not in path.name]
    assert output.name == f"stereo.redacted{suffix}"
    assert holds in output.read_text()
    assert left([output.read_text()]) == []


def test_two_outputs_of_one_name_are_refused(redactor: TextRedactor, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        redactor.redact_file(AWS, tmp_path, to=["same", "redact"])
    assert not list(tmp_path.iterdir())


def test_a_file_named_for_the_caller_gets_an_opaque_name(redactor: TextRedactor, tmp_path: Path) -> None:
    named = tmp_path / "halloway.json"
    named.write_bytes(AWS.read_bytes())
    outputs = redactor.redact_file(named, tmp_path / "out").outputs
    assert all(path.name.startswith("call-") for path in outputs)


def test_nothing_is_replaced_without_leave(redactor: TextRedactor, tmp_path: Path) -> None:
    redactor.redact_file(AWS, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(CannotWrite):
        redactor.redact_file(AWS, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_dry_run_writes_nothing(redactor: TextRedactor, tmp_path: Path) -> None:
    result = redactor.redact_file(AWS, tmp_path, dry_run=True)
    assert result.report["replacements"]
    assert not result.outputs
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b'{"results": 4}', b"\x00\x01\x02 nothing", b'{"results": {"transcripts": [], "items": 3}}'],
)
def test_what_cannot_be_read_leaves_nothing_behind(content: bytes, redactor: TextRedactor, tmp_path: Path) -> None:
    source = tmp_path / "in" / "call.json"
    source.parent.mkdir()
    source.write_bytes(content)
    with pytest.raises(InputRejected):
        redactor.redact_file(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_negative_end_is_refused_and_a_negative_start_is_zero(redactor: TextRedactor) -> None:
    document = json.loads(AWS.read_text())
    item = document["results"]["channel_labels"]["channels"][0]["items"][0]
    item["start_time"] = "-0.2"
    assert opened(json.dumps(document)).read.transcript.words[0].start_ms == 0
    item["end_time"] = "-0.1"
    with pytest.raises(InputRejected, match="before zero"):
        redactor.redact_text(json.dumps(document))


@pytest.mark.parametrize(
    ("said", "language"),
    [
        ("Agent: Could you tell me your name?\nCustomer: Yes, it is Harriet Okonkwo and I would like to pay.", "en"),
        ("Agent: Pouvez-vous me donner votre nom ?\nClient: Oui, je m'appelle Maëlle Fontanel et je veux payer.", "fr"),
    ],
)
def test_the_language_is_told_by_the_words(said: str, language: str, any_language: TextRedactor) -> None:
    done = any_language.redact_text(said)
    assert done.report["language"] == language
    assert "[PERSON_1]" in done.text


def test_a_language_that_cannot_be_redacted_is_held(any_language: TextRedactor) -> None:
    german = (
        "Agent: Guten Tag, wie kann ich Ihnen helfen?\nCustomer: Guten Tag, mein Name ist Hans Brückner und ich " * 3
    )
    with pytest.raises(HeldForReview):
        any_language.redact_text(german, "plain")


def test_hebrew_arabic_and_emoji_pass_unharmed(redactor: TextRedactor) -> None:
    text = "Agent: שלום עולם 😀 and مرحبا, your name please?\nCustomer: It's Desmond Halloway.\n"
    done = redactor.redact_text(text).text
    assert done.startswith("Agent: שלום עולם 😀 and مرحبا, your name please?\n")
    assert left([done]) == []


def test_encrypted_text_is_restored_in_a_vendors_file() -> None:
    from redact.keys import Key
    from redact.restore import restored_file

    policy = Options(language="en").loaded_policy()
    policy = policy.changed(
        operators=dict.fromkeys(policy.entities, "encrypt") | {"CREDIT_CARD_CVV": "replace", "CREDENTIAL": "replace"}
    )
    key, other = Key(bytes(range(32))), Key(bytes(32))
    encrypting = TextRedactor(Options(policy=policy, language="en", key=key))
    redacted = encrypting.redact_text(AWS.read_text()).text
    assert left([redacted]) == []
    restored = json.loads(restored_file(redacted, "json", key))
    before = json.loads(AWS.read_text())
    assert restored["results"]["transcripts"] == before["results"]["transcripts"]
    with pytest.raises(KeyMissing):
        restored_file(redacted, "json", other)


class TestTheLibrary:
    def test_a_transcript_of_types(self) -> None:
        words = tuple(redact.Word(word, None, None, 0) for word in ["It's", "Desmond", "Halloway."])
        asked = tuple(redact.Word(word, None, None, 0) for word in ["Your", "name,", "please?"])
        call = redact.Transcript((redact.Turn("agent", 0, asked), redact.Turn("customer", 0, words)), "en", "mine")
        assert redact.redact_transcript(call).transcript.turns[1].text == "It's [PERSON_1]."

    def test_a_path(self) -> None:
        assert left([redact.redact_transcript(AWS, language="en").text]) == []

    def test_a_batch_of_columns_keeps_its_order_and_other_columns(self) -> None:
        batch = {
            "text": ["Your name, please?", "Bonjour.", "It's Desmond Halloway.", None],
            "call_id": ["a", "b", "a", "b"],
            "speaker": ["agent", "client", "customer", "client"],
            "n": [1, 2, 3, 4],
        }
        done = redact.Turns(language="en")(batch)
        assert done == {**batch, "text": ["Your name, please?", "Bonjour.", "It's [PERSON_1].", None]}

    def test_a_batch_without_texts_is_refused(self) -> None:
        with pytest.raises(UsageError):
            redact.Turns(language="en")({"words": []})

    def test_columns_of_other_lengths_are_refused(self) -> None:
        with pytest.raises(ValueError, match="zip"):
            redact.Turns(language="en").texts(["a"], calls=["1", "2"])

    def test_the_examples_in_its_documentation_run(self) -> None:
        import doctest

        from redact import api

        assert doctest.testmod(api).failed == 0
        assert doctest.testmod(api).attempted >= 6

    def test_an_unknown_name_is_no_attribute(self) -> None:
        with pytest.raises(AttributeError):
            redact.redact_everything  # noqa: B018
        assert {"redact_file", "Turns"} <= set(dir(redact))
