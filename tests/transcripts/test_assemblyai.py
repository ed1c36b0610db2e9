"""AssemblyAI: turns from utterances or words, and a file that its vendor has redacted in part."""

import json

import pytest
from golden_files import FOLDER, labels, left

from redact.transcripts.formats import opened

SPEAKERS = json.loads((FOLDER / "assemblyai" / "speakers.json").read_text(encoding="utf-8"))


def word(text, start, end, speaker=None, **more):
    return {"text": text, "start": start, "end": end, "confidence": 0.9, "speaker": speaker, **more}


def document(**fields):
    return {"id": "9f2c1e04-7b5d-4c1a-8a3e-5d0b6f2e9c11", "audio_url": "https://example.org/a.wav", **fields}


def turns(file):
    return [(t.speaker, t.channel, t.text) for t in opened(json.dumps(file)).read.transcript.turns if not t.aside]


def test_a_text_that_the_vendor_redacted_alone_is_not_all_that_is_redacted() -> None:
    """With `redact_pii` only `text` is redacted; words, utterances and the results of all models say it in clear."""
    half = {**SPEAKERS, "text": "It's ####### ########, and the card is #### #### #### ####."}
    assert len(left([json.dumps({**half, "text": ""})])) > 3
    file = opened(json.dumps(half))
    text, told, _ = file.redacted(labels(file.read.transcript))
    assert left([text, *told]) == []


def test_a_speaker_who_was_identified_by_name_gets_a_number_everywhere() -> None:
    file = opened(json.dumps(SPEAKERS))
    text, _, _ = file.redacted(labels(file.read.transcript))
    redacted = json.loads(text)
    assert [turn.speaker for turn in file.read.transcript.turns][:4] == ["agent", "speaker 1"] * 2
    assert {utterance["speaker"] for utterance in redacted["utterances"]} == {"Agent", "Speaker 1"}
    assert {each["speaker"] for each in redacted["sentiment_analysis_results"]} == {"Agent", "Speaker 1"}
    assert {each["speaker"] for each in redacted["words"]} == {"Agent", "Speaker 1"}


def test_times_are_milliseconds_and_those_of_a_masked_word_lie_on_the_grid_everywhere() -> None:
    file = opened(json.dumps(SPEAKERS))
    assert file.read.transcript.turns[1].start_ms == 5100
    redacted = json.loads(file.redacted(labels(file.read.transcript))[0])
    name = next(each for each in redacted["words"] if each["text"].startswith("[CUSTOM_1]"))
    assert (name["start"], name["end"]) == (5400, 6600)
    assert redacted["entities"][0] == {"entity_type": "person_name", "text": "[CUSTOM_1]", "start": 5400, "end": 6600}
    assert redacted["auto_highlights_result"]["results"][0]["timestamps"] == [{"start": 5400, "end": 6600}]
    assert redacted["auto_highlights_result"]["results"][1]["timestamps"] == [{"start": 13690, "end": 14510}]


def test_channels_are_counted_from_one_there_and_from_zero_here() -> None:
    words = [word("Hello", 0, 300, "1", channel="1"), word("Hi", 400, 500, "2", channel="2")]
    assert turns(document(words=words)) == [("1", 0, "Hello"), ("2", 1, "Hi")]


def test_speakers_within_channels_are_nobodys_names() -> None:
    assert turns(document(words=[word("Hello", 0, 300, "1A", channel="1")])) == [("1a", 0, "Hello")]


@pytest.mark.parametrize("words", [None, [], [word("Hello", 0, 300, "A"), word("Hi", 400, 500, "B")]])
def test_utterances_without_words_take_turns_from_what_there_is(words: list | None) -> None:
    utterances = [
        {"speaker": "A", "text": "Hello", "start": 0, "end": 300, "words": None},
        {"speaker": "B", "text": "Hi", "start": 400, "end": 500},
    ]
    assert turns(document(words=words, utterances=utterances)) == [("a", 0, "Hello"), ("b", 0, "Hi")]


@pytest.mark.parametrize("text", [None, "", "Hello there"])
def test_a_file_with_nothing_but_a_text_or_less_is_read(text: str | None) -> None:
    file = document(text=text, words=None, utterances=None, status="queued", entities=None, auto_highlights_result=None)
    assert turns(file) == ([("mixed", 0, text)] if text else [])
    assert json.loads(opened(json.dumps(file)).redacted(())[0]) == {**file, "audio_url": "[REDACTED]"}
