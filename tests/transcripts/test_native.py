import copy
import json
import re
from dataclasses import replace
from functools import cache

import jsonschema
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from transcript_examples import (
    HOSTILE,
    ROOT,
    call,
    documented,
    documented_call,
    documented_labels,
    sound_transcripts,
    turn,
    wild_transcripts,
)

from redact.call import Doubt, Stretch, Transcript, Turn, Word
from redact.errors import InputRejected
from redact.findings import Label
from redact.transcripts import native
from redact.transcripts.formats import opened

CANARY = "4539148803436467"
SMALL = {
    "schema": "callredact.transcript",
    "version": 1,
    "language": "en",
    "language_probability": None,
    "source": "test",
    "duration_ms": 2_000,
    "turns": [
        {
            "speaker": "agent",
            "channel": 0,
            "start_ms": 100,
            "end_ms": 900,
            "text": f"Yes, {CANARY}",
            "words": [
                {"text": "Yes,", "start_ms": 100, "end_ms": 500, "confidence": 0.5},
                {"text": CANARY, "start_ms": 500, "end_ms": 900, "confidence": None},
            ],
        }
    ],
    "doubts": [{"reason": "repetition_loop", "channel": 0, "start_ms": 1_000, "end_ms": 2_000}],
}


@cache
def published() -> jsonschema.Draft202012Validator:
    schema = json.loads((ROOT / "docs/schemas/transcript-1.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@cache
def closed() -> jsonschema.Draft202012Validator:
    """The published schema without room for fields that it doesn't describe."""

    def close(part: object) -> object:
        if isinstance(part, list):
            return [close(item) for item in part]
        if not isinstance(part, dict):
            return part
        inner = {key: close(value) for key, value in part.items()}
        return {**inner, "additionalProperties": False} if inner.get("type") == "object" else inner

    return jsonschema.Draft202012Validator(close(published().schema))


def without_surrogates(transcript: Transcript) -> Transcript:
    def clean(text: str) -> str:
        return re.sub("[\ud800-\udfff]", "\ufffd", text)

    turns = tuple(
        Turn(clean(t.speaker), t.channel, tuple(replace(w, text=clean(w.text)) for w in t.words))
        for t in transcript.turns
    )
    return replace(transcript, turns=turns)


def test_the_whole_of_a_small_file() -> None:
    agent = Turn("agent", 0, (Word("Name?", 100, 500, 0, 0.75),))
    customer = Turn("customer", 1, (Word("[NAME].", None, None, 1, 0.5),))
    doubt = Doubt("speech_without_words", Stretch(1, 700, 900))
    transcript = Transcript((agent, customer, Turn("agent", 0, ())), "fr", "faster-whisper base", 0.5, (doubt,))
    assert native.write(transcript, duration_ms=1_000, entities={1: "PERSON"}) == (
        "{\n"
        '  "schema": "callredact.transcript",\n'
        '  "version": 1,\n'
        '  "language": "fr",\n'
        '  "language_probability": 0.5,\n'
        '  "source": "faster-whisper base",\n'
        '  "duration_ms": 1000,\n'
        '  "turns": [\n'
        "    {\n"
        '      "speaker": "agent",\n'
        '      "channel": 0,\n'
        '      "start_ms": 100,\n'
        '      "end_ms": 500,\n'
        '      "text": "Name?",\n'
        '      "words": [\n'
        '        {"text": "Name?", "start_ms": 100, "end_ms": 500, "confidence": 0.75}\n'
        "      ]\n"
        "    },\n"
        "    {\n"
        '      "speaker": "customer",\n'
        '      "channel": 1,\n'
        '      "start_ms": null,\n'
        '      "end_ms": null,\n'
        '      "text": "[NAME].",\n'
        '      "words": [\n'
        '        {"text": "[NAME].", "start_ms": null, "end_ms": null, "confidence": null, "entity_type": "PERSON"}\n'
        "      ]\n"
        "    },\n"
        "    {\n"
        '      "speaker": "agent",\n'
        '      "channel": 0,\n'
        '      "start_ms": null,\n'
        '      "end_ms": null,\n'
        '      "text": "",\n'
        '      "words": []\n'
        "    }\n"
        "  ],\n"
        '  "doubts": [\n'
        '    {"reason": "speech_without_words", "channel": 1, "start_ms": 700, "end_ms": 900}\n'
        "  ]\n"
        "}\n"
    )


@given(sound_transcripts(), st.none() | st.integers(0, 10**9))
def test_what_is_written_is_read_back_and_fits_the_published_schema(transcript, duration_ms) -> None:
    written = native.write(transcript, duration_ms=duration_ms)
    written.encode("utf-8")
    closed().validate(json.loads(written))
    assert native.read(written) == without_surrogates(transcript)


@given(wild_transcripts(), st.randoms())
def test_every_word_is_written_once_and_in_order_and_labels_have_a_type_and_no_confidence(transcript, random) -> None:
    labels = {index: "PERSON" for index in range(len(transcript.words)) if random.random() < 0.3}
    document = json.loads(native.write(transcript, duration_ms=1, entities=labels))
    expected = without_surrogates(transcript)
    assert [[word["text"] for word in t["words"]] for t in document["turns"]] == [
        [word.text for word in t.words] for t in expected.turns
    ]
    assert [t["text"] for t in document["turns"]] == [t.text for t in expected.turns]
    words = [word for t in document["turns"] for word in t["words"]]
    assert {i: word["entity_type"] for i, word in enumerate(words) if "entity_type" in word} == labels
    for index, (word, given_word) in enumerate(zip(words, transcript.words, strict=True)):
        assert word["confidence"] == (None if index in labels else given_word.confidence)


@pytest.mark.parametrize("text", HOSTILE)
def test_each_word_has_a_line_of_its_own(text: str) -> None:
    written = native.write(call(turn("agent", 0, text, text)), duration_ms=None)
    assert len([line for line in written.split("\n") if line.lstrip().startswith('{"text": ')]) == 2


@pytest.mark.parametrize("index", [-1, 2])
def test_a_type_for_a_word_that_is_not_there_is_refused(index: int) -> None:
    with pytest.raises(ValueError, match="doesn't have"):
        native.write(call(turn("agent", 0, "a", "b")), duration_ms=1, entities={index: "PERSON"})


def test_a_confidence_that_is_no_number_is_never_written() -> None:
    transcript = Transcript((Turn("agent", 0, (Word("a", 0, 1, 0, float("nan")),)),), "en", "test")
    with pytest.raises(ValueError, match="JSON compliant"):
        native.write(transcript, duration_ms=1)


def test_reading_takes_a_turns_text_and_times_from_its_words() -> None:
    document = copy.deepcopy(SMALL)
    document["turns"][0] |= {"text": "something else", "start_ms": 7, "end_ms": "never"}
    read = native.read(json.dumps(document))
    assert (read.turns[0].text, read.turns[0].start_ms) == (f"Yes, {CANARY}", 100)


def test_fields_that_a_later_release_may_add_are_passed_over() -> None:
    document = copy.deepcopy(SMALL)
    for part in (document, document["turns"][0], document["turns"][0]["words"][0], document["doubts"][0]):
        part["added_later"] = {"of": ["any", "kind"]}
    published().validate(document)
    assert native.read(json.dumps(document)) == native.read(json.dumps(SMALL))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "WEBVTT\n",
        f"Agent: {CANARY}",
        json.dumps(SMALL)[:-1],
        json.dumps(SMALL) + "{}",
        json.dumps([SMALL]),
        f'"{CANARY}"',
        "null",
        "[" * 100_000,
        '{"a":' * 100_000,
        json.dumps(SMALL).replace("2000", "9" * 5_000),
        json.dumps(SMALL).replace("0.5", "NaN"),
        json.dumps(SMALL).replace("0.5", "1e999"),
        json.dumps(SMALL).replace("Yes", "\\ud800"),
        json.dumps(SMALL).replace("Yes", "\ud800"),
        json.dumps(SMALL).replace("Yes", "\x00"),
    ],
)
def test_what_is_not_our_json_is_rejected(text: str) -> None:
    with pytest.raises(InputRejected) as caught:
        native.read(text)
    assert_tells_nothing(caught.value)


def assert_tells_nothing(error: InputRejected) -> None:
    assert error.exit_code == 5
    assert error.hint
    assert CANARY not in f"{error.message}{error.hint}{error.args}"
    assert error.__context__ is None  # a chained error would carry the text into a traceback's locals
    assert error.__cause__ is None


WORD = ("turns", 0, "words", 1)


@pytest.mark.parametrize(
    ("place", "value", "named"),
    [
        (("schema",), CANARY, "schema"),
        (("version",), 2, "version"),
        (("version",), "1", "version"),
        (("version",), True, "version"),
        (("language",), None, "language"),
        (("language_probability",), 1.01, "language_probability"),
        (("duration_ms",), -1, "duration_ms"),
        (("duration_ms",), 2**53, "duration_ms"),
        (("turns",), {CANARY: CANARY}, "turns"),
        (("turns", 0), CANARY, "turns[0]"),
        (("turns", 0, "speaker"), 1, "turns[0].speaker"),
        (("turns", 0, "channel"), -1, "turns[0].channel"),
        (("turns", 0, "channel"), None, "turns[0].channel"),
        (("turns", 0, "words"), CANARY, "turns[0].words"),
        ((*WORD, "text"), 4539148803436467, "turns[0].words[1].text"),
        ((*WORD, "text"), [CANARY], "turns[0].words[1].text"),
        ((*WORD, "start_ms"), "500", "turns[0].words[1].start_ms"),
        ((*WORD, "start_ms"), 500.5, "turns[0].words[1].start_ms"),
        ((*WORD, "start_ms"), -1, "turns[0].words[1].start_ms"),
        ((*WORD, "start_ms"), 901, "turns[0].words[1]: ends before it starts"),
        ((*WORD, "end_ms"), True, "turns[0].words[1].end_ms"),
        ((*WORD, "confidence"), -0.1, "turns[0].words[1].confidence"),
        ((*WORD, "confidence"), "high", "turns[0].words[1].confidence"),
        (("doubts", 0, "reason"), CANARY, "doubts[0].reason"),
        (("doubts", 0, "start_ms"), None, "doubts[0].start_ms"),
        (("doubts", 0, "start_ms"), 2_001, "doubts[0]: ends before it starts"),
    ],
)
def test_a_wrong_value_is_rejected_by_its_place(place: tuple[str | int, ...], value: object, named: str) -> None:
    with pytest.raises(InputRejected) as caught:
        native.read(json.dumps(changed(SMALL, place, value)))
    assert_tells_nothing(caught.value)
    assert f": {named}" in caught.value.message


READ = ("schema", "version", "language", "language_probability", "source", "duration_ms", "turns", "doubts")


@pytest.mark.parametrize(
    "place",
    [
        *((key,) for key in READ),
        *(("turns", 0, key) for key in ("speaker", "channel", "words")),
        *((*WORD, key) for key in ("text", "start_ms", "end_ms", "confidence")),
        *(("doubts", 0, key) for key in SMALL["doubts"][0]),
    ],
)
def test_a_missing_field_is_rejected(place: tuple[str | int, ...]) -> None:
    document = copy.deepcopy(SMALL)
    part = document
    for key in place[:-1]:
        part = part[key]
    del part[place[-1]]
    assert not published().is_valid(document)
    with pytest.raises(InputRejected) as caught:
        native.read(json.dumps(document))
    assert_tells_nothing(caught.value)


values = st.recursive(
    st.sampled_from((None, True, 0, -1, 0.5, 2, 10**20, CANARY, "repetition_loop", "")) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(("text", CANARY)), inner, max_size=2),
    max_leaves=4,
)


@given(st.data())
def test_a_file_with_any_value_changed_is_read_or_rejected_and_never_told(data) -> None:
    place = data.draw(st.sampled_from(places(SMALL)))
    document = changed(SMALL, place, data.draw(values))
    try:
        read = native.read(json.dumps(document))
    except InputRejected as error:
        assert_tells_nothing(error)
    else:
        assert closed().is_valid(json.loads(native.write(read, duration_ms=None)))


@given(st.data())
def test_a_file_that_breaks_the_schema_where_we_read_it_is_rejected(data) -> None:
    derived = {("turns", 0, "text"), ("turns", 0, "start_ms"), ("turns", 0, "end_ms")}
    place = data.draw(st.sampled_from([place for place in places(SMALL) if place not in derived]))
    document = changed(SMALL, place, data.draw(values))
    assume(not published().is_valid(document))
    with pytest.raises(InputRejected):
        native.read(json.dumps(document))


def places(part: object, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Where each value stands in a document."""
    inner = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    return [place for key, value in inner for place in [(*at, key), *places(value, (*at, key))]]


def changed(document: object, place: tuple[str | int, ...], value: object) -> object:
    """The document with another value in one place."""
    result = part = copy.deepcopy(document)
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    return result


def test_the_documented_example() -> None:
    written = native.write(documented_call(), duration_ms=15_020, entities=documented_labels())
    assert written == documented()["json"]
    closed().validate(json.loads(written))


def test_the_page_names_every_field_and_every_example_is_there() -> None:
    page = (ROOT / "docs/formats.md").read_text(encoding="utf-8")
    table = page.split("## JSON")[1].split("```")[0]
    schema = published().schema
    fields = [*schema["properties"]]
    fields += [name for part in ("turn", "word", "doubt") for name in schema["$defs"][part]["properties"]]
    assert [name for name in fields if not re.search(rf"`(\w+\[\])?\.?{name}(\[\])?`", table)] == []
    assert set(documented()) == {"text", "vtt", "srt", "json"}


def test_a_transcript_is_redacted_in_its_own_schema_and_layout() -> None:
    document = native_document()
    file = opened(json.dumps(document))
    clean, _, dropped = file.redacted([Label(1, 1, "CREDIT_CARD", "[CREDIT_CARD_1]", "", 400, 1_000)])
    closed().validate(json.loads(clean))
    assert '{"text": "[CREDIT_CARD_1]", "start_ms": 400, "end_ms": 1000, "confidence": null' in clean
    assert CANARY not in clean
    assert dropped == {"callers_note": 1, "turns.words.note": 1}
    again = opened(clean)
    assert again.format.name == "redact"
    assert again.redacted(())[0] == clean
    assert native.read(clean).words[1].text == "[CREDIT_CARD_1]"


def native_document() -> dict:
    document = copy.deepcopy(SMALL)
    document["callers_note"] = CANARY
    document["turns"][0]["words"][0]["note"] = CANARY
    return document


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"version": 2}, "version"),
        ({"turns": 3}, "turns: list type"),
        ({"language": None}, "language: string type"),
        ({"duration_ms": -1}, "duration_ms: greater than equal"),
    ],
)
def test_the_format_is_as_strict_as_the_reader(change: dict, says: str) -> None:
    with pytest.raises(InputRejected, match=says):
        opened(json.dumps({**SMALL, **change}))


@settings(deadline=None)
@given(sound_transcripts())
def test_what_we_write_comes_back_as_it_was(transcript) -> None:
    transcript = replace(transcript, source="test", language="en")
    turns = tuple(replace(t, speaker="agent") for t in transcript.turns)
    written = native.write(replace(transcript, turns=turns), duration_ms=None)
    assert opened(written).redacted(())[0] == written
