"""Deepgram: words of all channels, in two forms, and what its models tell of them."""

import json

import pytest
from golden_files import FOLDER, labels, left

from redact.transcripts.formats import opened


def golden(name):
    return json.loads((FOLDER / "deepgram" / name).read_text(encoding="utf-8"))


def turns(document):
    return [(t.speaker, t.channel, t.text) for t in opened(json.dumps(document)).read.transcript.turns if not t.aside]


def redacted(document):
    file = opened(json.dumps(document))
    return json.loads(file.redacted(labels(file.read.transcript))[0])


def document(*alternatives, **results):
    return {"metadata": {}, "results": {"channels": [{"alternatives": [each]} for each in alternatives], **results}}


def word(text, start, end, **more):
    return {"word": text, "start": start, "end": end, "confidence": 0.9, **more}


def test_a_word_is_read_with_its_marks_and_masked_in_both_forms() -> None:
    file = golden("models.json")
    assert turns(file)[1] == ("speaker 1", 0, "It's Desmond Halloway, and the card is 4539 1488 0343 6467.")
    words = redacted(file)["results"]["channels"][0]["alternatives"][0]["words"]
    name = words[12]
    assert (name["word"], name["punctuated_word"]) == ("[CUSTOM_1]", "[CUSTOM_1],")
    assert (name["start"], name["end"], name["speaker"]) == (5.4, 6.6, 1)


def test_a_form_that_says_another_word_than_the_one_with_marks_is_not_let_out() -> None:
    said = [word("desmond", 0, 1, punctuated_word="Hello.")]
    written = redacted(document({"transcript": "Hello.", "words": said}))
    assert written["results"]["channels"][0]["alternatives"][0]["words"][0]["word"] == "Hello."


def test_words_without_marks_are_read_and_a_copy_that_is_unknown_goes() -> None:
    said = [word("hello", 0, 1), word("desmond", 1, 2)]
    utterance = {"start": 0, "end": 2, "transcript": "hello desmond", "channel": 0}
    file = document(
        {"transcript": "hello desmond", "words": said},
        utterances=[{**utterance, "words": [*said, word("halloway", 2, 3)]}],
    )
    assert turns(file) == [("channel 0", 0, "hello desmond")]
    written = redacted(file)
    assert [each["word"] for each in written["results"]["utterances"][0]["words"]] == ["hello", "[CUSTOM_1]"]
    assert left([json.dumps(written)]) == []


def test_channels_are_one_dialogue_by_time() -> None:
    assert [turn[:2] for turn in turns(golden("channels.json"))] == [("channel 0", 0), ("channel 1", 1)] * 2


def test_paragraphs_count_the_words_that_are_left() -> None:
    best = redacted(golden("models.json"))["results"]["channels"][0]["alternatives"][0]
    counts = [each["num_words"] for each in best["paragraphs"]["paragraphs"]]
    assert counts == [11, 7, 6, 3]
    assert "start_word" not in json.dumps(best)
    assert "\nSpeaker 1: It's [CUSTOM_1], and the card is [CUSTOM_1]." in best["paragraphs"]["transcript"]


def test_what_is_told_of_the_file_is_kept_where_it_is_nobody_s() -> None:
    written = redacted(golden("models.json"))["metadata"]
    assert list(written["model_info"]) == written["models"]
    assert next(iter(written["model_info"].values())) == {
        "name": "general-nova-3", "version": "2024-12-20.0", "arch": "nova-3",
    }  # fmt: skip
    assert written["created"] == "2026-11-20T10:15:00.123Z"
    assert (written["sha256"], written["parent_request_id"]) == ("[REDACTED]", "[REDACTED]")
    assert "extra" not in written


def test_results_of_models_are_redacted_as_the_words_are() -> None:
    results = redacted(golden("models.json"))["results"]
    best = results["channels"][0]["alternatives"][0]
    assert best["entities"] == [
        {"label": "NAME", "value": "[CUSTOM_1]", "raw_value": "[CUSTOM_1]", "confidence": 0.9},
        {"label": "CREDIT_CARD", "value": "[CUSTOM_1]", "raw_value": "[CUSTOM_1]", "confidence": 0.9},
    ]
    assert [each["query"] for each in results["channels"][0]["search"]] == ["[CUSTOM_1]", "[CUSTOM_1]"]
    assert results["summary"]["short"] == "[CUSTOM_1] calls from [CUSTOM_1] and gives the card [CUSTOM_1]."
    assert len(results["channels"][0]["alternatives"]) == 1


def test_utterances_tell_turns_where_there_are_no_words() -> None:
    file = document(
        {"transcript": "Hello. It's Desmond."},
        utterances=[
            {"start": 0, "end": 1.5, "transcript": "Hello.", "channel": 0, "speaker": 0},
            {"start": 2.5, "end": 4, "transcript": "It's Desmond.", "channel": 0, "speaker": 1, "words": None},
        ],
    )
    assert turns(file) == [("speaker 0", 0, "Hello."), ("speaker 1", 0, "It's Desmond.")]
    words = opened(json.dumps(file)).read.transcript.words
    assert [(w.start_ms, w.end_ms) for w in words] == [(0, 1500), (2500, None), (None, 4000)]
    assert redacted(file)["results"]["channels"][0]["alternatives"][0]["transcript"] == "Hello. It's [CUSTOM_1]."


@pytest.mark.parametrize(
    ("alternatives", "said"),
    [
        ([], []),
        ([{"transcript": "", "words": []}], []),
        ([{"transcript": None, "words": None, "paragraphs": None, "confidence": 0}], []),
        ([{"transcript": "Hello Desmond."}], [("channel 0", 0, "Hello Desmond.")]),
        ([{"words": [word("hi", None, None)]}], [("channel 0", 0, "hi")]),
        (
            [{"words": [word("hi", 0, 1, speaker=0), word("yes", 1, 2, speaker=1)]}],
            [("speaker 0", 0, "hi"), ("speaker 1", 0, "yes")],
        ),
    ],
)
def test_odd_but_legal_files(alternatives, said) -> None:
    file = {"results": {"channels": [{"alternatives": alternatives, "search": None}], "utterances": None}}
    assert turns(file) == said
    assert left([json.dumps(redacted(file))]) == []


def test_nothing_was_transcribed() -> None:
    assert turns({"metadata": None, "results": {"channels": []}}) == []


def test_the_language_is_the_one_that_was_detected() -> None:
    assert opened(json.dumps(golden("models.json"))).read.transcript.language == "en"
