"""The Whisper family: which of them a file is, words without times, languages by name, ids of the words."""

import json
from contextlib import suppress

import pytest
from golden_files import FOLDER, labels

from redact.call import Transcript, Turn, Word
from redact.errors import InputRejected
from redact.findings import Label
from redact.transcripts import native, whisper
from redact.transcripts.formats import opened


def golden(name):
    return (FOLDER / name).read_text(encoding="utf-8")


def redacted(text):
    file = opened(text)
    return json.loads(file.redacted(labels(file.read.transcript))[0])


def segment(text, start, end, **more):
    return {"start": start, "end": end, "text": text, **more}


def turns(file):
    return [
        (t.speaker, t.text, t.start_ms, t.end_ms) for t in opened(json.dumps(file)).read.transcript.turns if not t.aside
    ]


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ({"text": "Hello", "usage": {}}, "openai"),
        ({"segments": [], "text": ""}, "openai"),
        ({"segments": [segment("Hello", 0, 1)], "language": "en"}, "openai"),
        ({"segments": [segment("Hello", 0, 1)], "word_segments": []}, "whisperx"),
        ({"segments": [], "word_segments": []}, "whisperx"),
        ([segment("Hello", 0, 1, words=None)], "faster-whisper"),
        ({"transcription": [{"offsets": {"from": 0, "to": 9}, "text": "Hello"}]}, "whisper.cpp"),
        ({"transcription": []}, "whisper.cpp"),
    ],
)
def test_which_of_the_family_a_file_is(file, name: str) -> None:
    assert opened(json.dumps(file)).format.name == name


@pytest.mark.parametrize(
    "file",
    [
        {"segments": [{"speaker": "A"}]},
        {"segments": {}},
        {"text": "Hello", "result": []},
        {"text": "Hello"},
        {"text": 5, "task": "transcribe"},
        [],
        [{"text": "Hello"}],
        [segment("Hello", 0, 1, speaker="agent")],
        {"transcription": "Hello"},
        json.loads(native.write(Transcript((Turn("a", 0, (Word("Hi", 0, 9, 0),)),), "en", "asr"), duration_ms=9)),
    ],
)
def test_what_is_none_of_them_is_not_taken_for_one(file) -> None:
    family = {kind["name"] for kind in whisper.FORMATS}
    name = None
    with suppress(InputRejected):
        name = opened(json.dumps(file)).format.name
    assert name not in family


@pytest.mark.parametrize(
    ("told", "language"),
    [("english", "en"), ("Spanish", "es"), ("german", "de"), ("cantonese", "yue"), ("fr", "fr"), (None, "")],
)
def test_a_language_is_a_code_or_a_name(told: str | None, language: str) -> None:
    file = {"segments": [segment("Hello", 0, 1)], "language": told}
    assert opened(json.dumps(file)).read.transcript.language == language


@pytest.mark.parametrize(
    "name", ["openai/verbose_words.json", "openai/command_line.json", "faster-whisper/segments.json"]
)
def test_ids_of_the_words_go_and_an_empty_list_stays(name: str) -> None:
    document = redacted(golden(name))
    segments = document if isinstance(document, list) else document["segments"]
    assert [each["tokens"] for each in segments] == [[], [], [], []]
    assert [each["text"] for each in segments][1] == " It's [CUSTOM_1], and the card is [CUSTOM_1]."


def test_words_beside_segments_are_cut_into_turns_where_those_begin() -> None:
    file = {"segments": [segment("One two.", 0.0, 1.0), segment("Three.", 1.5, 2.0)], "text": "One two. Three."}
    words = [("One", 0.1, 0.4), ("two", 0.5, 0.9), ("Three", 1.5, 2.0)]
    file["words"] = [{"word": word, "start": start, "end": end} for word, start, end in words]
    assert turns(file) == [("mixed", "One two", 100, 900), ("mixed", "Three", 1500, 2000)]


def test_a_speaker_may_change_within_a_segment() -> None:
    words = [{"word": "Hi", "speaker": "SPEAKER_00"}, {"word": "Hello", "speaker": "SPEAKER_01"}, {"word": "there"}]
    file = {"segments": [segment("Hi Hello there", 0, 3, words=words, speaker="SPEAKER_01")], "word_segments": []}
    assert [turn[:2] for turn in turns(file)] == [("speaker_00", "Hi"), ("speaker_01", "Hello there")]


def test_words_without_times_have_none_and_are_masked_in_both_lists() -> None:
    file = opened(golden("whisperx/speakers.json"))
    card = [word for word in file.read.transcript.words if word.text.startswith("4539")]
    assert [(word.start_ms, word.end_ms) for word in card] == [(None, None)]
    document = redacted(golden("whisperx/speakers.json"))
    both = [word for each in document["segments"] for word in each["words"]]
    assert document["word_segments"] == both
    assert {"word": "[CUSTOM_1].", "speaker": "SPEAKER_01"} in both
    assert [each["chars"] for each in document["segments"]] == [None, [], None, []]


def test_of_two_untimed_words_that_are_alike_the_masked_one_is_masked_in_both_lists() -> None:
    words = [{"word": word} for word in ("Room", "12", "PIN", "12")]
    file = {"segments": [segment("Room 12 PIN 12", 0, 4, words=words)], "word_segments": words, "language": "en"}
    label = Label(3, 3, "PIN", "[PIN_1]", "", None, None)
    document = json.loads(opened(json.dumps(file)).redacted([label])[0])
    assert document["segments"][0]["text"] == "Room 12 PIN [PIN_1]"
    assert [word["word"] for word in document["word_segments"]] == ["Room", "12", "PIN", "[PIN_1]"]


@pytest.mark.parametrize("words", [None, []])
def test_a_segment_without_words_is_said_by_its_text(words: list | None) -> None:
    """Its first word begins and its last one ends with it; more isn't known."""
    file = [segment(" One two", 0.5, 1.5, words=words)]
    assert turns(file) == [("mixed", "One two", 500, 1500)]


def test_whisper_cpp_tells_its_times_twice_and_those_of_a_masked_segment_lie_on_the_grid() -> None:
    file = opened(golden("whisper.cpp/speakers.json"))
    assert (file.read.transcript.turns[1].start_ms, file.read.transcript.turns[1].end_ms) == (5100, 8890)
    whole = Label(11, 21, "PERSON", "[PERSON_1]", "", 5000, 9000)
    _, masked, kept, _ = json.loads(file.redacted([whole])[0])["transcription"]
    assert masked == {
        "timestamps": {"from": "00:00:05,000", "to": "00:00:09,000"},
        "offsets": {"from": 5000, "to": 9000},
        "text": " [PERSON_1].",
        "speaker": "1",
        "tokens": [],
    }
    assert kept["timestamps"] == {"from": "00:00:12,300", "to": "00:00:14,510"}


@pytest.mark.parametrize(
    "file",
    [
        {"segments": [], "text": "", "language": "english", "duration": 0.0},
        {"text": "", "segments": None, "task": "transcribe"},
        {"segments": [segment("", 0, 0)], "word_segments": [], "language": "en"},
        {"transcription": [], "result": {"language": "en"}},
    ],
)
def test_a_call_in_which_nothing_was_said_is_read_and_written(file) -> None:
    assert json.loads(opened(json.dumps(file)).redacted(())[0]) == file
