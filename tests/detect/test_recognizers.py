"""The user's own recognizers: what is read, what is refused, and that Presidio's are called as its engine would."""

import random
import re

import pytest
import yaml
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry

from redact.call import Transcript, Turn, Word
from redact.detect.presidio import _NEEDS, NO_TERMS, DenyTerms, Presidio, without_lone
from redact.detect.recognizers import allowed, read
from redact.detect.spoken.base import load
from redact.errors import ModelMissing, PolicyError
from redact.findings import Finding
from redact.models import locate
from redact.views import View, ViewBuilder, transcribed, turns

OWN = {
    "name": "Loyalty card",
    "supported_entity": "LOYALTY_CARD",
    "patterns": [{"name": "loyalty", "regex": r"LC\d{6}", "score": 0.3}],
}


def written(folder, *entries, **keys):
    file = folder / "own.yaml"
    file.write_text(yaml.safe_dump({"recognizers": list(entries), **keys}), encoding="utf-8")
    return file


def view(name, text):
    made = ViewBuilder(name)
    for index, word in enumerate(text.split()):
        made.add(word, (index,))
    return made.build()


@pytest.fixture(scope="module")
def model():
    try:
        return locate("en_core_web_sm", engine="spacy").path
    except ModelMissing:
        pytest.skip("needs the models extra")


def found(model, file, said, *, as_written="", terms=NO_TERMS):
    presidio = Presidio(load("en"), model, terms, read([file]))
    return presidio.find([view("transcribed", said)], [view("written", as_written)] if as_written else [])


@pytest.mark.parametrize(
    ("entry", "message", "hint"),
    [
        ({**OWN, "pattern": []}, "unknown key 'pattern'", "'patterns'"),
        ({**OWN, "supported_entitty": "X"}, "unknown key 'supported_entitty'", "'supported_entity'"),
        ({**OWN, "patterns": [{"name": "a", "regexp": "b", "score": 1}]}, "Loyalty card", ""),
        ({**OWN, "patterns": [{"name": "a", "regex": "b", "score": 1, "scor": 1}]}, "patterns.0.scor", "'score'"),
        ({**OWN, "patterns": [{"name": "a", "regex": "(b", "score": 1}]}, "no regular expression: missing )", "mend"),
        ({**OWN, "patterns": [{"name": "a", "regex": "(a+)+b", "score": 1}]}, "very long", "repeats"),
        ({**OWN, "patterns": [{"name": "a", "regex": r"(\d+\s?)+x", "score": 1}]}, "very long", "repeats"),
        ({**OWN, "patterns": [{"name": "a", "regex": "(q|q)*z", "score": 1}]}, "very long", "repeats"),
        ({**OWN, "patterns": [{"name": "a", "regex": "b", "score": 1.1}]}, "patterns.0.score", "docs"),
        ({**OWN, "patterns": []}, "neither patterns nor a deny_list", "docs"),
        ({**OWN, "supported_entity": "loyalty card"}, "supported_entity", "docs"),
        ({**OWN, "view": "spoken"}, "view", "docs"),
        ({**OWN, "type": "remote"}, "type", "docs"),
        ({**OWN, "supported_language": "en", "supported_languages": ["fr"]}, "not both", "docs"),
        ({**OWN, "supported_languages": [{"lang": "en"}]}, "Loyalty card", ""),
        ({"supported_entity": "X", "deny_list": ["a"]}, "recognizer 1: name", "docs"),
        ({"name": "x", "type": "predefined", "class_name": "GLiNERRecognizer"}, "model_name", "docs"),
        (
            {"name": "GLiNERRecognizer", "type": "predefined", "modle_name": "m", "entity_mapping": {"a": "B"}},
            "GLiNERRecognizer",
            "",
        ),
        (["a list"], "recognizer 1 is not a mapping", "supported_entity"),
    ],
    ids=str,
)
def test_a_wrong_entry_is_told_with_its_file_and_name(tmp_path, entry, message, hint):
    file = written(tmp_path, entry)
    with pytest.raises(PolicyError, match=re.escape(message)) as caught:
        read([file])
    assert str(file) in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.hint


@pytest.mark.parametrize("content", [b"recognizers: [", b"\xff\xfe", b"- a\n", b"", b"recognisers: []"])
def test_what_is_no_such_file_is_refused(tmp_path, content):
    file = tmp_path / "own.yaml"
    file.write_bytes(content)
    with pytest.raises(PolicyError, match=r"own\.yaml"):
        read([file])
    with pytest.raises(PolicyError, match="can't read"):
        read([tmp_path / "none.yaml"])


def test_names_are_given_once_over_all_files(tmp_path):
    with pytest.raises(PolicyError, match="another of this name"):
        read([written(tmp_path, OWN, OWN)])
    with pytest.raises(PolicyError, match="another of this name"):
        read([written(tmp_path, OWN)] * 2)


def test_what_is_not_enabled_is_left_out_but_checked(tmp_path):
    assert read([written(tmp_path, {**OWN, "enabled": False})]) == ()
    with pytest.raises(PolicyError):
        read([written(tmp_path, {**OWN, "enabled": False, "viw": 1})])


def test_terms_and_patterns_are_in_no_repr(tmp_path):
    secret = {**OWN, "deny_list": ["Quillfeather"], "allow_list": ["Tamsin"], "patterns": []}
    (recognizer,) = read([written(tmp_path, secret)])
    assert "Quillfeather" not in repr(recognizer.entry)
    assert "Tamsin" not in repr(recognizer.entry)


@pytest.mark.parametrize(
    ("languages", "code", "context"),
    [
        ({}, "fr", ()),
        ({"context": ["loyalty"]}, "fr", ("loyalty",)),
        ({"supported_language": "en"}, "fr", None),
        ({"supported_language": "en", "context": ["loyalty"]}, "en", ("loyalty",)),
        ({"supported_languages": ["en", "fr"]}, "fr", ()),
        ({"supported_languages": [{"language": "fr", "context": ["fidélité"]}, "en"]}, "fr", ("fidélité",)),
        ({"supported_languages": [{"language": "fr", "context": ["fidélité"]}]}, "en", None),
    ],
)
def test_languages_and_their_context(tmp_path, languages, code, context):
    (recognizer,) = read([written(tmp_path, {**OWN, **languages})])
    assert recognizer.entry.context_in(code) == context


def test_languages_of_the_file_are_those_of_entries_without(tmp_path):
    own, french = read([
        written(tmp_path, OWN, {**OWN, "name": "f", "supported_language": "fr"}, supported_languages=["en"])
    ])  # fmt: skip
    assert own.entry.context_in("fr") is None
    assert own.entry.context_in("en") == ()
    assert french.entry.context_in("fr") == ()


@pytest.mark.models
@pytest.mark.parametrize(
    ("entry", "said", "expected"),
    [
        (OWN, "my card is LC123456 okay", {("LOYALTY_CARD", (3,), 0.3)}),
        (OWN, "my card is lc123456 okay", {("LOYALTY_CARD", (3,), 0.3)}),
        (OWN, "my card is LX123456 okay", set()),
        ({**OWN, "context": ["loyalty"]}, "my loyalty card is LC123456", {("LOYALTY_CARD", (4,), 0.65)}),
        ({**OWN, "allow_list": ["LC000000"]}, "LC000000 or LC000001", {("LOYALTY_CARD", (2,), 0.3)}),
        ({**OWN, "view": "written"}, "LC123456", set()),
        ({**OWN, "supported_language": "fr"}, "LC123456", set()),
        (
            {"name": "d", "supported_entity": "PROJECT", "deny_list": ["Blue Heron"], "deny_list_score": 0.5},
            "about blue heron today, not bluebird",
            {("PROJECT", (1, 2), 0.5)},
        ),
        (
            {"name": "UsPassportRecognizer", "type": "predefined", "supported_entity": "PASSPORT"},
            "my passport is A12345678",
            {("PASSPORT", (3,), 0.45)},
        ),
    ],
    ids=str,
)
def test_what_the_users_own_find(model, tmp_path, entry, said, expected):
    ours = {f for f in found(model, written(tmp_path, entry), said) if f.recognizer == entry["name"]}
    assert {(f.entity_type, f.words, f.score) for f in ours} == expected
    assert all("users_own" in f.evidence for f in ours)


@pytest.mark.models
def test_a_question_in_the_turn_before_is_context(model, tmp_path):
    said = "may I have your loyalty number ? LC123456 thanks"
    words = [Word(word, None, None, 0) for word in said.split()]
    transcript = Transcript((Turn("a", 0, tuple(words[:7])), Turn("b", 0, tuple(words[7:]))), "en", "x")
    views = [transcribed(transcript, passage) for passage in turns(transcript)]
    file = written(tmp_path, {**OWN, "context": ["loyalty"]})
    (finding,) = [
        f for f in Presidio(load("en"), model, recognizers=read([file])).find(views, []) if f.recognizer == OWN["name"]
    ]
    assert (finding.words, finding.score) == ((7,), 0.65)
    assert "context:loyalty" in finding.evidence


@pytest.mark.models
@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"name": "UsPasportRecognizer", "type": "predefined"}, "no recognizer 'UsPasportRecognizer'"),
        ({"name": "UsPassportRecognizer", "type": "predefined"}, "finds US_PASSPORT"),
        ({"name": "AzureAILanguageRecognizer", "type": "predefined"}, "no recognizer"),
    ],
)
def test_predefined_ones_that_cannot_be_used_are_told(model, tmp_path, entry, message):
    with pytest.raises(PolicyError, match=message):
        found(model, written(tmp_path, entry), "hello")


@pytest.mark.models
@pytest.mark.parametrize("name", ["EmailRecognizer", "PhoneRecognizer", "CreditCardRecognizer", "AuAbnRecognizer"])
def test_predefined_ones_take_a_name_a_type_and_context(model, tmp_path, name):
    entry = {"name": "mine", "type": "predefined", "class_name": name, "supported_entity": "MINE", "context": ["abn"]}
    said = "a@example.com 212-555-0143 4539148803436467 51824753556"
    assert any(f.recognizer == "mine" and f.entity_type == "MINE" for f in found(model, written(tmp_path, entry), said))


@pytest.mark.models
def test_a_pattern_that_comes_to_no_end_stops_the_call(model, tmp_path, monkeypatch):
    monkeypatch.setattr("redact.detect.presidio.PATTERN_TIMEOUT_S", 0.05)
    monkeypatch.setattr("redact.detect.recognizers._probes", lambda _: ())
    file = written(tmp_path, {**OWN, "patterns": [{"name": "slow", "regex": "(a+)+b", "score": 1}]})
    with pytest.raises(PolicyError, match="'slow' of 'Loyalty card' takes too long"):
        found(model, file, "a" * 5000 + " b")


@pytest.mark.models
def test_allowed_terms_of_a_file_hold_for_all(model, tmp_path):
    file = written(tmp_path, OWN, allow_list=["LC123456"])
    assert allowed([file]) == ("LC123456",)
    assert not found(model, file, "LC123456", terms=DenyTerms(allow=allowed([file])))


def test_a_lone_city_goes_unless_the_user_wants_it():
    lone = Finding("LOCATION", (40,), 0.8, "SpacyRecognizer", "transcribed", ("ner:LOCATION",))
    own = Finding("LOCATION", (50,), 1.0, "Towns", "transcribed", ("deny_list", "users_own"))
    near = Finding("LOCATION", (12,), 0.8, "SpacyRecognizer", "transcribed")
    street = Finding("STREET_ADDRESS", (4,), 0.8, "x", "written")
    assert without_lone([lone, own, near, street], "LOCATION", ("STREET_ADDRESS",)) == (own, near, street)


def texts():
    """Card, account and phone numbers, right and wrong, among words: invented or from documentation."""
    rng = random.Random(7)
    pieces = [
        "my card is", "4539148803436467", "4539 1488 0343 6467", "1234567812345678", "GB33BUKB20201555555555",
        "FR7630006000011234567890189", "MT84MALT011000012345MTLCAST001S", "call 07700 900123", "+1 212-555-0143",
        "131450", "social security 536-22-1234", "912-70-1234", "nhs 943 476 5919", "AB123456C", "national insurance",
        "jo@example.com", "www.example.com", "example.co.uk/x", "10.0.0.1", "::1", "fe80::1", "okay", "Ada Quill",
        "phone", "a.b", "12", "tax id", "1.5", "bank account",
    ]  # fmt: skip
    return [*pieces, *(" ".join(rng.sample(pieces, rng.randint(1, 4))) for _ in range(300))]


@pytest.mark.models
@pytest.mark.parametrize("which", ["_transcribed", "_written"])
def test_recognizers_find_what_presidios_engine_finds_with_them(model, which):
    """Nothing is lost by calling each recognizer on its own, and only where it can find something."""
    presidio = Presidio(load("en"), model)
    registered = getattr(presidio, which)
    engine = AnalyzerEngine(
        registry=RecognizerRegistry([own.recognizer for own in registered], supported_languages=["en"]),
        nlp_engine=presidio._nlp, supported_languages=["en"], default_score_threshold=0,
    )  # fmt: skip
    for text in texts():
        whole = View(which[1:], text, view("x", text).pieces)
        expected = {
            (r.entity_type, whole.words_at(r.start, r.end), round(r.score, 3)) for r in engine.analyze(text, "en")
        }
        given = ([whole], []) if which == "_transcribed" else ([], [whole])
        assert {(f.entity_type, f.words, f.score) for f in presidio.find(*given)} == expected, text


@pytest.mark.models
def test_every_recognizer_with_needs_is_used(model):
    presidio = Presidio(load("en"), model)
    used = {type(own.recognizer) for own in (*presidio._transcribed, *presidio._written)}
    assert set(_NEEDS) <= used
