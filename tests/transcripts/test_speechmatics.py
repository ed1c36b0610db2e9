"""Speechmatics: marks that have no word of their own, entities, channels mixed by time."""

import json

import pytest
from golden_files import FOLDER, labels

from redact.findings import Label
from redact.transcripts.formats import opened


def item(text, start, end, kind="word", speaker="S1", **more):
    alternative = {"content": text, "confidence": 0.9, "language": "es", "speaker": speaker}
    return {"type": kind, "start_time": start, "end_time": end, "alternatives": [alternative], **more}


def mark(text, at, attaches_to="previous", **more):
    return item(text, at, at, "punctuation", attaches_to=attaches_to, **more)


def document(*results, **config):
    return {"format": "2.9", "job": {}, "metadata": {"transcription_config": config}, "results": list(results)}


def call(file):
    return opened(json.dumps(file)).read.transcript


def turns(file):
    return [(t.speaker, t.channel, t.text) for t in call(file).turns if not t.aside]


def masked(file, first, last):
    label = Label(first, last, "PERSON", "[PERSON_1]", "", None, None)
    results = json.loads(opened(json.dumps(file)).redacted([label])[0])["results"]
    return [result["alternatives"][0]["content"] for result in results]


QUESTION = document(
    mark("¿", 1.0, "next"),
    item("Señor", 1.0, 1.4),
    item("Ruiz", 1.4, 1.8),
    mark("?", 1.8, is_eos=True),
    item("Sí", 2.0, 2.2, speaker="S2"),
    mark(".", 2.2, is_eos=True, speaker="S2"),
)


def test_a_mark_belongs_to_the_word_before_and_one_that_opens_stands_by_itself() -> None:
    assert turns(QUESTION) == [("s1", 0, "¿ Señor Ruiz?"), ("s2", 0, "Sí.")]


def test_a_mark_that_opens_within_a_sentence_is_not_of_the_word_before() -> None:
    said = [item("Hola", 0, 1), mark(",", 1), mark("¿", 1, "next"), item("Ruiz", 1, 2), mark("?", 2)]
    assert turns(document(*said)) == [("s1", 0, "Hola, ¿ Ruiz?")]
    assert masked(document(*said), 0, 0) == ["[PERSON_1]", ",", "¿", "Ruiz", "?"]


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ((2, 2), ["¿", "Señor", "[PERSON_1]", "?", "Sí", "."]),
        ((1, 2), ["¿", "[PERSON_1]", "?", "Sí", "."]),
        ((1, 1), ["¿", "[PERSON_1]", "Ruiz", "?", "Sí", "."]),
        ((3, 3), ["¿", "Señor", "Ruiz", "?", "[PERSON_1]", "."]),
    ],
)
def test_marks_around_a_label_stay(words: tuple[int, int], left: list[str]) -> None:
    assert masked(QUESTION, *words) == left


def test_an_entity_is_one_word_as_it_is_written_and_its_other_forms_go() -> None:
    file = opened((FOLDER / "speechmatics" / "speakers.json").read_text(encoding="utf-8"))
    assert "4539 1488 0343 6467." in [word.text for word in file.read.transcript.words]
    text, _, dropped = file.redacted(labels(file.read.transcript))
    entity = next(result for result in json.loads(text)["results"] if result["type"] == "entity")
    assert entity["alternatives"][0]["content"] == "[CUSTOM_1]"
    assert (entity["spoken_form"], entity["written_form"]) == ([], [])
    assert (entity["start_time"], entity["end_time"]) == (7.6, 9.0)
    assert dropped["results.spoken_form"] == dropped["results.written_form"] == 1


def test_channels_are_a_dialogue_of_whole_sentences() -> None:
    """While one says his name, the other agrees; the name stays in one turn, and marks with their words."""
    said = [
        ("channel_1", item("I'm", 0.0, 0.3)),
        ("channel_1", item("Ana", 0.3, 0.6)),
        ("channel_2", item("Yes", 0.5, 0.7)),
        ("channel_1", item("Ruiz", 0.7, 1.0)),
        ("channel_2", mark(".", 0.7, is_eos=True)),
        ("channel_1", mark(".", 1.0, is_eos=True)),
        ("channel_1", item("Hello", 2.0, 2.3)),
        ("channel_2", item("Hello", 2.5, 2.7)),
    ]
    for channel, result in said:
        result["channel"] = channel
        del result["alternatives"][0]["speaker"]
    assert turns(document(*(result for _, result in said))) == [
        ("channel_1", 0, "I'm Ana Ruiz."),
        ("channel_2", 1, "Yes."),
        ("channel_1", 0, "Hello"),
        ("channel_2", 1, "Hello"),
    ]


@pytest.mark.parametrize("labels_told", [["Agent", "Desmond.Halloway"], []])
def test_a_channel_that_is_labelled_with_a_name_gets_a_number(labels_told: list[str]) -> None:
    results = [
        item("Hi", 0.0, 0.3, speaker="UU", channel="Agent"),
        item("Hello", 0.4, 0.8, speaker="UU", channel="Desmond.Halloway"),
    ]
    file = document(*results, channel_diarization_labels=labels_told)
    assert turns(file) == [("agent", 0, "Hi"), ("speaker 1", 1, "Hello")]
    assert "Desmond" not in opened(json.dumps(file)).redacted(())[0]


def test_a_voice_print_goes() -> None:
    file = {**document(item("Hi", 0, 1)), "speakers": [{"label": "S1", "speaker_identifiers": ["XxDesmond"]}]}
    redacted = json.loads(opened(json.dumps(file)).redacted(())[0])
    assert redacted["speakers"] == [{"label": "S1", "speaker_identifiers": []}]


@pytest.mark.parametrize(
    ("config", "identified", "language"),
    [("en", None, "en"), ("auto", "fr", "fr"), ("auto", None, ""), (None, None, "")],
)
def test_the_language_is_the_one_asked_for_or_the_one_identified(config, identified, language) -> None:
    file = document(item("Hi", 0, 1), language=config)
    if identified:
        file["metadata"]["language_identification"] = {"results": [{"alternatives": [{"language": identified}]}]}
    assert call(file).language == language


@pytest.mark.parametrize(
    ("results", "left"), [([], []), ([{**item("Hi", 0, 1), "alternatives": []}], []), ([mark(".", 0)], [mark(".", 0)])]
)
def test_a_result_that_says_nothing_goes(results: list, left: list) -> None:
    file = document(*results)
    assert json.loads(opened(json.dumps(file)).redacted(())[0])["results"] == left
