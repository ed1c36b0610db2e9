"""Azure: what is displayed with the times of what was said, in each of its three formats."""

import json

import pytest
from golden_files import FOLDER, labels, left

from redact.errors import InputRejected
from redact.transcripts.formats import opened


def golden(name):
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def read(document, name=None):
    return opened(json.dumps(document), name).read.transcript


def turns(document):
    return [(t.speaker, t.channel, t.text) for t in read(document).turns if not t.aside]


def times(document):
    return [(w.text, w.start_ms, w.end_ms) for t in read(document).turns if not t.aside for w in t.words]


def redacted(document):
    file = opened(json.dumps(document))
    return json.loads(file.redacted(labels(file.read.transcript))[0])


def batch(*phrases, **more):
    return {"source": "x", "recognizedPhrases": list(phrases), **more}


def best(**fields):
    return {"recognitionStatus": "Success", "channel": 0, "nBest": [{"confidence": 0.9, **fields}]}


def said(text, *times, unit="offsetInTicks", length="durationInTicks", key="word"):
    return [{key: word, unit: start, length: end} for word, (start, end) in zip(text.split(), times, strict=True)]


def test_what_is_displayed_is_read_and_all_four_forms_are_redacted() -> None:
    document = redacted(golden("azure/display_words.json"))
    phrase = document["recognizedPhrases"][1]["nBest"][0]
    assert phrase["display"] == "It's [CUSTOM_1], and the card is [CUSTOM_1]."
    assert phrase["itn"] == phrase["maskedITN"] == "it's [CUSTOM_1] and the card is [CUSTOM_1]"
    assert phrase["lexical"] == "it's [CUSTOM_1] and the card is [CUSTOM_1]"
    assert [word["displayText"] for word in phrase["displayWords"]] == phrase["display"].split()
    assert len(phrase["words"]) == 7
    assert len(document["recognizedPhrases"][1]["nBest"]) == 1
    assert document["source"] == "[REDACTED]"
    assert left([json.dumps(document)]) == []


@pytest.mark.parametrize(
    ("start", "length", "unit", "unit_of_length"),
    [
        (1_230_000_0, 5_000_000, "offsetInTicks", "durationInTicks"),
        (12300000.0, 5000000.0, "offsetInTicks", "durationInTicks"),
        (1230, 500, "offsetMilliseconds", "durationMilliseconds"),
        ("PT1.23S", "PT0.5S", "offset", "duration"),
        ("PT0M1.23S", "PT0.50S", "offset", "duration"),
    ],
)
def test_times_in_every_unit(start, length, unit, unit_of_length) -> None:
    words = said("hello", (start, length), unit=unit, length=unit_of_length)
    document = batch(best(display="Hello.", words=words))
    assert times(document) == [("Hello.", 1230, 1730)]


def test_hours_and_the_phrase_s_own_times_where_no_word_has_any() -> None:
    phrase = {**best(display="Yes it is."), "offset": "PT1H0M2.5S", "duration": "PT1.5S"}
    assert times(batch(phrase)) == [("Yes", 3_602_500, None), ("it", None, None), ("is.", None, 3_604_000)]


def test_speakers_and_channels() -> None:
    assert [turn[:2] for turn in turns(golden("azure/display_words.json"))] == [("speaker 1", 0), ("speaker 2", 0)] * 2
    assert [turn[:2] for turn in turns(golden("azure/french_stereo.json"))] == [("channel 0", 0), ("channel 1", 1)] * 2
    assert read(golden("azure/french_stereo.json")).language == "fr-FR"


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"display": "Room 45.", "lexical": "room forty five"}, "Room 45."),
        ({"display": "", "itn": "room 45", "lexical": "room forty five"}, "room 45"),
        ({"display": None, "maskedITN": None, "itn": None, "lexical": "room forty five"}, "room forty five"),
        ({"words": said("room five", (0, 1), (2, 3))}, "room five"),
        ({"displayPhraseElements": [{"displayText": "Room"}], "words": []}, "Room"),
    ],
)
def test_the_best_form_that_there_is_is_read(fields, text) -> None:
    assert turns(batch(best(**fields))) == [("channel 0", 0, text)]


@pytest.mark.parametrize(
    "phrase",
    [
        {"recognitionStatus": "InitialSilenceTimeout", "nBest": []},
        {"recognitionStatus": "Failure", "nBest": None, "speaker": None, "channel": None},
        {"nBest": [{"display": "", "words": None}]},
        {},
    ],
)
def test_a_phrase_without_words_says_nothing(phrase) -> None:
    document = batch(phrase, combinedRecognizedPhrases=[])
    assert [turn.words for turn in read(document).turns if turn.words] == []
    assert "recognizedPhrases" in redacted(document)


@pytest.mark.parametrize("phrases", [3, "x", {"nBest": 3}])
def test_what_is_no_phrase_is_refused(phrases) -> None:
    with pytest.raises(InputRejected):
        read(batch(phrases))


def test_a_rival_form_that_says_more_than_what_is_displayed_is_looked_at_and_told() -> None:
    """`lexical` has the name, what is displayed hides it as profanity."""
    document = batch(
        best(display="Ask for ****.", lexical="ask for desmond", words=said("ask for desmond", *[(0, 1)] * 3))
    )
    file = opened(json.dumps(document))
    found = [turn.text for turn in file.read.transcript.turns if turn.aside]
    assert "desmond" in found
    text, told, _ = file.redacted(labels(file.read.transcript))
    assert left([text, *told]) == []


def test_the_fast_one_has_milliseconds_and_words_in_their_spoken_form() -> None:
    document = golden("azure-fast/speakers.json")
    assert [turn[0] for turn in turns(document)] == ["speaker 1", "speaker 2"] * 2
    assert times(document)[11][:2] == ("It's", 5100)
    phrase = redacted(document)["phrases"][1]
    assert phrase["text"] == "It's [CUSTOM_1], and the card is [CUSTOM_1]."
    words = phrase["words"]
    assert [word["text"] for word in words][2:6] == ["and", "the", "card", "is"]
    assert (words[1]["offsetMilliseconds"], words[1]["durationMilliseconds"]) == (5400, 1200)


@pytest.mark.parametrize(
    "phrase", [{"text": "Hello there."}, {"text": "Hello there.", "words": [], "speaker": None, "channel": None}]
)
def test_a_fast_phrase_without_words(phrase) -> None:
    phrase = {"offsetMilliseconds": 100, "durationMilliseconds": 900, **phrase}
    document = {"combinedPhrases": [{"text": "Hello there."}], "phrases": [phrase]}
    assert times(document) == [("Hello", 100, None), ("there.", None, 1000)]


def test_nothing_was_said_in_a_fast_one() -> None:
    assert turns({"durationMilliseconds": 10, "combinedPhrases": [], "phrases": []}) == []


def test_a_conversation_s_speakers_are_roles_or_participants() -> None:
    document = golden("azure-conversation/request.json")
    assert [turn[0] for turn in turns(document)] == ["agent", "customer"] * 2
    assert [turn[0] for turn in turns(golden("azure-conversation/french.json"))] == ["agent_1", "speaker 1"] * 2
    items = redacted(document)["analysisInput"]["conversations"][0]["conversationItems"]
    assert {item["participantId"] for item in items} == {"agent_1", "Speaker 1"}
    assert redacted(document)["tasks"] == []


@pytest.mark.parametrize(
    "wrap",
    [
        lambda items: {"conversationItems": items},
        lambda items: {"conversations": [{"conversationItems": items}]},
        lambda items: {"analysisInput": {"conversations": [{"id": "1", "conversationItems": items}]}},
    ],
)
def test_a_conversation_in_each_of_its_wrappers(wrap) -> None:
    item = {"participantId": "customer", "id": "1", "text": "It's Desmond."}
    timed = {**item, "audioTimings": [{"word": "it's", "offset": 0, "duration": 5_000_000}], "lexical": None}
    assert turns(wrap([item, timed])) == [("customer", 0, "It's Desmond.")] * 2
    assert left([json.dumps(redacted(wrap([item, timed])))]) == []
    level = {**item, "conversationItemLevelTiming": {"offset": 10_000, "duration": 20_000}}
    assert times(wrap([level])) == [("It's", 1, None), ("Desmond.", None, 3)]
