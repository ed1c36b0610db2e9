"""Gladia: words that begin with a space, add-ons that failed, and fields that say a whole file."""

import json

import pytest
from golden_files import FOLDER, labels, left

from redact.transcripts.formats import opened

SPEAKERS = (FOLDER / "gladia" / "speakers.json").read_text(encoding="utf-8")


def utterance(text, start, end, **more):
    return {"text": text, "start": start, "end": end, "language": "fr", **more}


def document(*utterances, **transcription):
    return {"id": "G-1", "status": "done", "result": {"transcription": {"utterances": [*utterances], **transcription}}}


def turns(file):
    return [(t.speaker, t.channel, t.text) for t in opened(json.dumps(file)).read.transcript.turns if not t.aside]


@pytest.fixture
def redacted():
    file = opened(SPEAKERS)
    text, _, dropped = file.redacted(labels(file.read.transcript))
    return json.loads(text), dropped


def test_the_space_before_a_word_stands_before_its_label(redacted) -> None:
    words = redacted[0]["result"]["transcription"]["utterances"][1]["words"]
    assert [word["word"] for word in words[:3]] == [" It's", " [CUSTOM_1],", " and"]
    assert (words[1]["start"], words[1]["end"]) == (5.4, 6.6)


def test_speakers_are_numbered_from_zero_and_words_of_the_diarization_are_the_same_words(redacted) -> None:
    assert [turn.speaker for turn in opened(SPEAKERS).read.transcript.turns][:2] == ["speaker 0", "speaker 1"]
    result = redacted[0]["result"]
    assert result["diarization"]["results"] == result["transcription"]["utterances"]


def test_subtitles_and_what_the_customer_asked_for_go_and_are_told(redacted) -> None:
    document, dropped = redacted
    assert document["result"]["transcription"]["subtitles"] == []
    assert document["request_params"] == {"diarization": True, "custom_vocabulary": True}
    assert {"result.transcription.subtitles", "custom_metadata", "request_params.custom_spelling_config"} <= set(
        dropped
    )


def test_a_translation_hides_what_it_has_in_common_with_the_call(redacted) -> None:
    translation = redacted[0]["result"]["translation"]["results"][0]
    said = "C'est [CUSTOM_1], et la carte est [CUSTOM_1]."
    assert translation["utterances"][1]["text"] == translation["sentences"][0]["results"][1] == said
    assert said in translation["full_transcript"]


def test_a_name_that_the_translation_spells_otherwise_is_hidden_too() -> None:
    file = json.loads(SPEAKERS)
    translated = file["result"]["translation"]["results"][0]
    translated["utterances"][1]["text"] = "It's Дезмонд Холлоуэй, and the card is 4539 1488 0343 6467."
    read = opened(json.dumps(file))
    text = json.loads(read.redacted(labels(read.read.transcript))[0])
    assert text["result"]["translation"]["results"][0]["utterances"][1]["text"].startswith("It's [CUSTOM_1], and the")


def test_without_diarization_channels_are_the_speakers_if_there_are_several() -> None:
    pair = [utterance("Oui", 0, 1, channel=0), utterance("Non", 2, 3, channel=1)]
    assert turns(document(*pair)) == [("channel 0", 0, "Oui"), ("channel 1", 1, "Non")]
    assert turns(document(pair[0])) == [("mixed", 0, "Oui")]


@pytest.mark.parametrize(("languages", "language"), [(["en"], "en"), ([], "fr"), (None, "fr"), (["en", "fr"], "en")])
def test_the_language_is_the_first_of_those_found(languages, language) -> None:
    file = document(utterance("Oui", 0, 1, words=[]), languages=languages)
    assert opened(json.dumps(file)).read.transcript.language == language


def test_a_job_with_nothing_but_its_text_is_read() -> None:
    file = document(full_transcript="Oui, allô")
    assert turns(file) == [("mixed", 0, "Oui, allô")]
    assert turns(document(full_transcript=None)) == []


def test_add_ons_without_results_are_read() -> None:
    file = document(utterance("Oui", 0, 1, words=None))
    for addon in (
        "translation",
        "diarization",
        "named_entity_recognition",
        "chapterization",
        "audio_to_llm",
        "sentences",
    ):
        file["result"][addon] = {"success": False, "is_empty": True, "exec_time": 0, "error": None, "results": None}
    assert json.loads(opened(json.dumps(file)).redacted(())[0]) == file


def test_sentiments_in_a_string_go_and_in_a_list_stay(redacted) -> None:
    assert "results" not in redacted[0]["result"]["sentiment_analysis"]
    file = opened((FOLDER / "gladia" / "channels.json").read_text(encoding="utf-8"))
    text = file.redacted(labels(file.read.transcript))[0]
    sentiments = json.loads(text)["result"]["sentiment_analysis"]["results"]
    assert sentiments[1]["text"] == "It's [CUSTOM_1], and the card is [CUSTOM_1]."
    assert left([text]) == []
