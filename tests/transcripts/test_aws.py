"""Amazon: turns of Call Analytics and Contact Lens, and what their models tell."""

import json

import pytest
from golden_files import FOLDER, labels, left

from redact.transcripts.formats import opened

FILES = {"aws-call-analytics": "insights.json", "contact-lens": "summary.json"}


def golden(name):
    return json.loads((FOLDER / name / FILES[name]).read_text(encoding="utf-8"))


def turns(document):
    return [(t.speaker, t.channel, t.text) for t in opened(json.dumps(document)).read.transcript.turns if not t.aside]


def redacted(document):
    file = opened(json.dumps(document))
    return json.loads(file.redacted(labels(file.read.transcript))[0])


BOTH = pytest.mark.parametrize("name", ["aws-call-analytics", "contact-lens"])


@BOTH
def test_turns_have_the_participants_roles(name) -> None:
    assert [turn[0] for turn in turns(golden(name))] == ["agent", "customer"] * 2


def test_items_are_words_with_their_marks_and_times_in_milliseconds() -> None:
    name = opened(json.dumps(golden("aws-call-analytics"))).read.transcript.turns[1].words[2]
    assert (name.text, name.start_ms, name.end_ms, name.confidence) == ("Halloway,", 5970, 6600, 0.987)
    turn = redacted(golden("aws-call-analytics"))["Transcript"][1]
    assert [item["Content"] for item in turn["Items"]] == [
        "It's", "[CUSTOM_1]", ",", "and", "the", "card", "is", "[CUSTOM_1]", ".",
    ]  # fmt: skip
    assert (turn["Items"][1]["BeginOffsetMillis"], turn["Items"][1]["EndOffsetMillis"]) == (5400, 6600)
    assert turn["Content"] == "It's [CUSTOM_1], and the card is [CUSTOM_1]."


def test_what_was_detected_is_redacted_without_the_characters_that_would_tell_its_length() -> None:
    turn = redacted(golden("aws-call-analytics"))["Transcript"][1]
    assert turn["IssuesDetected"] == [{"UnredactedText": "[CUSTOM_1]", "Text": "[CUSTOM_1]"}]
    assert turn["OutcomesDetected"] == [{"RedactedText": "card is [CUSTOM_1]"}]


@BOTH
def test_figures_of_the_call_stay_and_a_category_named_after_somebody_goes(name) -> None:
    before, after = golden(name), redacted(golden(name))
    assert list(after["Categories"]["MatchedDetails"]) == after["Categories"]["MatchedCategories"] == ["card-on-file"]
    for key, figures in before["ConversationCharacteristics"].items():
        if key != "ContactSummary":
            assert after["ConversationCharacteristics"][key] == figures
    assert after["AccountId"] == "[REDACTED]"


def test_a_contact_lens_turn_has_its_own_times_and_a_name_gets_a_number() -> None:
    words = opened(json.dumps(golden("contact-lens"))).read.transcript.turns[1].words
    assert (words[0].start_ms, words[0].end_ms, words[-1].end_ms) == (5100, None, 9030)
    written = redacted(golden("contact-lens"))
    assert written["Participants"][1] == {
        "ParticipantId": "CUSTOMER", "ParticipantRole": "CUSTOMER", "DisplayName": "Speaker 1",
    }  # fmt: skip
    assert written["CustomerMetadata"]["ContactId"] == written["CustomerMetadata"]["InputS3Uri"] == "[REDACTED]"
    assert written["Version"] == "1.1.0"


def test_participants_tell_the_role_of_an_id() -> None:
    agent, caller = "9b0c7f1e-53d2-4a6e-9d1c-2f7e8a4b6c01", "9b0c7f1e-53d2-4a6e-9d1c-2f7e8a4b6c02"
    document = {
        "Version": "1.1.0",
        "Participants": [
            {"ParticipantId": agent, "ParticipantRole": "AGENT"},
            {"ParticipantId": caller, "ParticipantRole": "CUSTOMER"},
        ],
        "Transcript": [
            {"ParticipantId": agent, "Content": "Hello."},
            {"ParticipantId": caller, "Content": "It's Desmond."},
            {"ParticipantId": "SYSTEM", "Content": "Goodbye."},
        ],
    }
    assert turns(document) == [("agent", 0, "Hello."), ("customer", 0, "It's Desmond."), ("system", 0, "Goodbye.")]


@pytest.mark.parametrize(
    ("turn", "said"),
    [
        ({"Content": "Hello Desmond."}, "Hello Desmond."),
        ({"Content": "Hello.", "Items": [], "ParticipantRole": None, "LoudnessScores": None}, "Hello."),
        ({"Content": "Hello.", "Items": None, "IssuesDetected": None}, "Hello."),
        ({"Items": [{"Content": "Hello", "Type": "pronunciation"}, {"Content": ".", "Type": "punctuation"}]}, "Hello."),
        ({"Content": None}, ""),
        ({}, ""),
    ],
)
def test_odd_but_legal_turns(turn, said) -> None:
    document = {"JobStatus": "COMPLETED", "Transcript": [turn], "ConversationCharacteristics": None, "Categories": {}}
    assert turns(document) == [("mixed", 0, said)]
    assert left([json.dumps(redacted(document))]) == []


def test_nothing_was_said() -> None:
    assert turns({"JobStatus": "COMPLETED", "Transcript": []}) == []
