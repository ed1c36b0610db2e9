"""Google: both versions, their wrappers and cases, and a last result that says all words again."""

import json

import pytest
from golden_files import FOLDER, labels, left

from redact.transcripts.formats import opened


def golden(name):
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def turns(document):
    return [(t.speaker, t.channel, t.text) for t in opened(json.dumps(document)).read.transcript.turns if not t.aside]


def redacted(document):
    file = opened(json.dumps(document))
    return json.loads(file.redacted(labels(file.read.transcript))[0])


def word(text, start, end, **more):
    return {"startTime": start, "endTime": end, "word": text, **more}


def result(*words, **more):
    return {"alternatives": [{"transcript": " ".join(each["word"] for each in words), "words": list(words)}], **more}


YES = word("Yes.", "1.100s", "1.400s")
SAID = (word("Hello", "0s", "0.5s"), word("Desmond.", "0.600s", "1s"))


def test_a_last_result_that_says_all_words_again_tells_the_speakers() -> None:
    document = golden("google/again.json")
    assert [turn[0] for turn in turns(document)] == ["speaker 1", "speaker 2"] * 2
    results = redacted(document)["results"]
    assert len(results) == 5
    words = [[each["word"] for each in some["alternatives"][0]["words"]] for some in results]
    assert words[4] == [each for some in words[:4] for each in some]
    assert results[1]["alternatives"][0]["transcript"] == " It's [CUSTOM_1], and the card is [CUSTOM_1]."


def test_a_last_result_after_others_without_words() -> None:
    first = {"alternatives": [{"transcript": "Hello Desmond."}], "resultEndTime": "1s"}
    again = {"alternatives": [{"words": [{**each, "speakerTag": 1} for each in SAID]}]}
    assert turns({"results": [first, again]}) == [("speaker 1", 0, "Hello Desmond.")]
    assert left([json.dumps(redacted({"results": [first, again]}))]) == []


def test_the_same_word_said_twice_is_no_repetition() -> None:
    later = word("Yes.", "3s", "3.400s")
    assert turns({"results": [result(YES), result(later)]}) == [("mixed", 0, "Yes. Yes.")]
    untimed = [{"alternatives": [{"transcript": "Yes."}]}] * 2
    assert turns({"results": untimed}) == [("mixed", 0, "Yes.")] * 2


def test_a_last_result_that_says_other_words_is_read_beside_the_rest() -> None:
    other = result(word("Hello", "0s", "0.5s", speakerTag=1), word("Desmonds.", "0.600s", "1s", speakerTag=2))
    document = {"results": [result(*SAID), other]}
    assert sorted(text for _, _, text in turns(document)) == ["Desmonds.", "Hello", "Hello Desmond."]
    assert left([json.dumps(redacted(document))]) == []


@pytest.mark.parametrize(
    "name", ["google/operation.json", "google/snake_case.json", "google-v2/french_snake_case.json"]
)
def test_channels_are_counted_from_one_and_turns_stand_in_their_order(name) -> None:
    assert [turn[:2] for turn in turns(golden(name))] == [("channel 0", 0), ("channel 1", 1)] * 2


@pytest.mark.parametrize("zero", [{"startTime": "0s"}, {"startTime": "0.000s"}, {"start_time": "0s"}, {}])
def test_times_are_seconds_and_zero_may_be_left_out(zero) -> None:
    document = {"results": [{"alternatives": [{"words": [{**zero, "endTime": "1.300s", "word": "Hi"}]}]}]}
    hi = opened(json.dumps(document)).read.transcript.words[0]
    assert (hi.start_ms, hi.end_ms) == (0 if zero else None, 1300)


@pytest.mark.parametrize(
    ("document", "name"),
    [
        ({"results": [result(YES)]}, "google"),
        ({"results": [result({"startOffset": "1s", "endOffset": "2s", "word": "Yes"})]}, "google-v2"),
        ({"results": [{**result(YES), "resultEndOffset": "2s"}]}, "google-v2"),
        ({"results": [result({"start_offset": "1s", "word": "Yes"})]}, "google-v2"),
        ({"results": [], "metadata": {"totalBilledDuration": "0s"}}, "google-v2"),
        ({"results": [], "totalBilledTime": "0s"}, "google"),
        ({"results": [{"alternatives": [{}]}], "total_billed_time": "0s"}, "google"),
        ({"name": "1", "done": True, "metadata": {}, "response": {"results": [result(YES)]}}, "google"),
        ({"results": {"gs://a/b.wav": {"transcript": {"results": []}}}}, "google-v2-batch"),
        ({"results": {"gs://a/b.wav": {"uri": "x", "inline_result": None}}}, "google-v2-batch"),
    ],
)
def test_versions_are_told_apart(document, name) -> None:
    file = opened(json.dumps(document))
    assert file.format.name == name
    assert opened(file.redacted(())[0]).format.name == name


@pytest.mark.parametrize(
    "alternatives", [[], None, [{}], [{"transcript": "", "words": []}], [{"transcript": None, "words": None}]]
)
def test_a_result_that_says_nothing(alternatives) -> None:
    document = {"results": [{"alternatives": alternatives, "channelTag": None}, result(YES)]}
    assert turns(document) == [("mixed", 0, "Yes.")]
    assert redacted(document)


def test_a_transcript_without_words_ends_where_its_result_does() -> None:
    document = {"results": [{"alternatives": [{"transcript": "Hello Desmond."}], "resultEndTime": "2.500s"}]}
    words = opened(json.dumps(document)).read.transcript.words
    assert [(w.start_ms, w.end_ms) for w in words] == [(None, None), (None, 2500)]
    assert redacted(document)["results"][0]["alternatives"][0]["transcript"] == "Hello [CUSTOM_1]."


def test_speaker_zero_is_nobody_known_in_version_1() -> None:
    tagged = [{**each, "speakerTag": 0} for each in SAID]
    assert turns({"results": [result(*tagged)]}) == [("mixed", 0, "Hello Desmond.")]


def test_names_of_files_in_a_batch_are_hidden_and_both_names_of_a_transcript_are_read() -> None:
    document = golden("google-v2-batch/operation.json")
    results = document["response"]["results"]
    name = next(iter(results))
    results[name]["transcript"] = json.loads(json.dumps(results[name]["inlineResult"]["transcript"]))
    once = turns(golden("google-v2-batch/operation.json"))
    assert turns(document) == once
    written = redacted(document)
    assert list(written["response"]["results"]) == ["[REDACTED] 1", "[REDACTED] 2"]
    file = written["response"]["results"]["[REDACTED] 1"]
    assert file["transcript"] == file["inlineResult"]["transcript"]
    assert file["inlineResult"].keys() == {"transcript"}
    assert left([json.dumps(written)]) == []


def test_turns_of_several_recordings_stay_together() -> None:
    one = {"transcript": {"results": [result(YES), result(word("Bye.", "2s", "3s"))]}}
    document = {"results": {"gs://a": one, "gs://b": one}}
    assert [text for _, _, text in turns(document)] == ["Yes. Bye."] * 2
