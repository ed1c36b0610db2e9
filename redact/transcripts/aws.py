"""Amazon: Transcribe's standard job, Call Analytics, and Contact Lens for Amazon Connect.

Fields: "Data input and output" in the Amazon Transcribe Developer Guide, and "Example Contact Lens output files" in the
Amazon Connect Administrator Guide.
"""

from collections.abc import Sequence
from typing import Any

from redact.transcripts.draft import Draft
from redact.transcripts.fields import First, Kind, Named, Node, Shape, Time

_CONTENT: Shape = {
    "confidence": Kind.CONFIDENCE,
    "content": Kind.WORD,
    "redactions": Kind.DROP,
}
_ITEM: dict[str, Shape] = {
    "id": Kind.NUMBER,
    "type": Kind.CODE,
    "start_time": Time("start"),
    "end_time": Time("end"),
    "alternatives": First(_CONTENT),
    "speaker_label": Kind.SPEAKER,
    "channel_label": Kind.CHANNEL,
    "language_code": Kind.CODE,
    "vocabulary_filter_match": Kind.NUMBER,
}
_SPEAKER_SEGMENT: Shape = {
    "start_time": Time("start"),
    "end_time": Time("end"),
    "speaker_label": Kind.SPEAKER,
    "items": [
        {"start_time": Time("start"), "end_time": Time("end"), "speaker_label": Kind.SPEAKER},
    ],
}
_STANDARD: Shape = {
    "jobName": Kind.HIDDEN,
    "accountId": Kind.HIDDEN,
    "status": Kind.CODE,
    "isRedacted": Kind.NUMBER,
    "results": {
        "language_code": Kind.CODE,
        "language_identification": [{"code": Kind.CODE, "score": Kind.NUMBER}],
        "language_codes": [{"language_code": Kind.CODE, "duration_in_seconds": Kind.NUMBER}],
        "transcripts": [{"transcript": Kind.TEXT}],
        "items": [_ITEM],
        "speaker_labels": {"speakers": Kind.NUMBER, "channel_label": Kind.CHANNEL, "segments": [_SPEAKER_SEGMENT]},
        "channel_labels": {
            "number_of_channels": Kind.NUMBER,
            "channels": [{"channel_label": Kind.CHANNEL, "items": [_ITEM]}],
        },
        "segments": [
            {
                "start_time": Time("start"),
                "end_time": Time("end"),
                "alternatives": First({"transcript": Kind.TEXT, "items": Kind.DROP}),
            }
        ],
        "audio_segments": [
            {
                "id": Kind.NUMBER,
                "transcript": Kind.TEXT,
                "start_time": Time("start"),
                "end_time": Time("end"),
                "speaker_label": Kind.SPEAKER,
                "channel_label": Kind.CHANNEL,
                "language_code": Kind.CODE,
                "items": [Kind.NUMBER],
            }
        ],
    },
}


def _is_standard(document: Any) -> bool:
    results = document.get("results") if isinstance(document, dict) else None
    return isinstance(results, dict) and "transcripts" in results and "items" in results


def _read_standard(draft: Draft) -> None:
    results = draft.root.at("results")
    draft.language = results.at("language_code").text()
    channels = list(results.at("channel_labels", "channels").each())
    items = [(item, channel.at("channel_label")) for channel in channels for item in channel.at("items").each()]
    for item, label in (
        _by_time(items) if channels else [(item, item.at("channel_label")) for item in results.at("items").each()]
    ):
        _item(draft, item, item.at("speaker_label").text(), label.channel())
    if channels:
        _copies(draft, results.at("items"))
    for segment in results.at("speaker_labels", "segments").each():
        for item in segment.at("items").each():
            draft.copy(item)


def _by_time(items: Sequence[tuple[Node, Node]]) -> list[tuple[Node, Node]]:
    """Items of all channels as they were said; a mark, which has no time, stays behind its word."""
    clock = 0
    timed = []
    for item, label in items:
        start_ms, _ = item.times()
        clock = clock if start_ms is None else start_ms
        timed.append((clock, item, label))
    return [(item, label) for _, item, label in sorted(timed, key=lambda told: told[0])]


def _item(draft: Draft, item: Node, speaker: str, channel: int) -> None:
    if item.at("type").text() == "punctuation":
        draft.mark(item)
        return
    draft.turn_of(speaker or f"channel {channel}", channel)
    draft.word(item)


def _copies(draft: Draft, items: Node) -> None:
    before: Node | None = None
    for item in items.each():
        if item.at("type").text() == "punctuation":
            draft.copy_mark(item, before)
        else:
            draft.copy(item)
            before = item


def _mended(document: Any) -> Any:
    """Segments that name only items that are still there."""
    results = document["results"]
    there = {item.get("id") for item in results.get("items", ())}
    for segment in results.get("audio_segments", ()):
        if isinstance(segment.get("items"), list):
            segment["items"] = [number for number in segment["items"] if number in there]
    return document


_OFFSETS: dict[str, Shape] = {"BeginOffsetMillis": Time("start", "ms"), "EndOffsetMillis": Time("end", "ms")}
# Offsets in a text that is written anew would point at other words.
_ISSUES: Shape = [{"CharacterOffsets": Kind.DROP, "UnredactedText": Kind.PROSE, "Text": Kind.PROSE, **_OFFSETS}]
_ANALYTICS_TURN: Shape = {
    "Id": Kind.ID,
    "ParticipantRole": Kind.SPEAKER,
    "ParticipantId": Kind.SPEAKER,
    "Content": Kind.TEXT,
    **_OFFSETS,
    "Sentiment": Kind.CODE,
    "LoudnessScores": [Kind.NUMBER],
    "LoudnessScore": [Kind.NUMBER],
    "IssuesDetected": _ISSUES,
    "OutcomesDetected": _ISSUES,
    "ActionItemsDetected": _ISSUES,
    "Redaction": Kind.DROP,
    "Items": [
        {
            "Content": Kind.WORD,
            "Confidence": Kind.CONFIDENCE,
            "Type": Kind.CODE,
            "VocabularyFilterMatch": Kind.NUMBER,
            "Redaction": Kind.DROP,
            **_OFFSETS,
        }
    ],
}
_POINTS: Shape = {"PointsOfInterest": [_OFFSETS]}
_PERIODS: Shape = [{"Score": Kind.NUMBER, **_OFFSETS}]
_CHARACTERISTICS: Shape = {
    "TotalConversationDurationMillis": Kind.NUMBER,
    "ContactSummary": Named({"Content": Kind.PROSE}),
    "Sentiment": {
        "OverallSentiment": Named(Kind.CONFIDENCE),
        "SentimentByPeriod": {"QUARTER": Named(_PERIODS)},
    },
    "TalkSpeed": {"DetailsByParticipant": Named({"AverageWordsPerMinute": Kind.NUMBER})},
    "TalkTime": {
        "TotalTimeMillis": Kind.NUMBER,
        "DetailsByParticipant": Named({"TotalTimeMillis": Kind.NUMBER}),
    },
    "Interruptions": {
        "TotalCount": Kind.NUMBER,
        "TotalTimeMillis": Kind.NUMBER,
        "InterruptionsByInterrupter": Named([{"DurationMillis": Kind.NUMBER, **_OFFSETS}]),
    },
    "NonTalkTime": {"TotalTimeMillis": Kind.NUMBER, "Instances": [{"DurationMillis": Kind.NUMBER, **_OFFSETS}]},
}
_ANALYTICS: dict[str, Shape] = {
    "JobName": Kind.HIDDEN,
    "JobStatus": Kind.CODE,
    "AccountId": Kind.HIDDEN,
    "Channel": Kind.CODE,
    "LanguageCode": Kind.CODE,
    "LanguageIdentification": [{"Code": Kind.CODE, "Score": Kind.NUMBER}],
    "Version": Kind.ID,
    "ContentMetadata": {"Output": Kind.CODE, "RedactionTypes": [Kind.CODE], "RedactionTypesMetadata": Kind.DROP},
    "CustomerMetadata": {"ContactId": Kind.ID, "InputS3Uri": Kind.HIDDEN, "InstanceId": Kind.ID},
    "Participants": [{"ParticipantId": Kind.SPEAKER, "ParticipantRole": Kind.SPEAKER}],
    "Transcript": [_ANALYTICS_TURN],
    "Categories": {"MatchedCategories": [Kind.PROSE], "MatchedDetails": Kind.DROP},
    "ConversationCharacteristics": _CHARACTERISTICS,
}


def _is_analytics(document: Any, *, words: bool) -> bool:
    turns = document.get("Transcript") if isinstance(document, dict) else None
    if not isinstance(turns, list) or not turns or not isinstance(turns[0], dict) or "Content" not in turns[0]:
        return False
    return any(isinstance(turn, dict) and "Items" in turn for turn in turns) == words


def _read_analytics(draft: Draft) -> None:
    root = draft.root
    draft.language = root.at("LanguageCode").text()
    roles = {
        each.at("ParticipantId").text(): each.at("ParticipantRole").text() for each in root.at("Participants").each()
    }
    channels: dict[str, int] = {"agent": 0, "customer": 1}
    for turn in root.at("Transcript").each():
        label = turn.at("ParticipantRole").text() or turn.at("ParticipantId").text()
        speaker = roles.get(label, label)
        draft.turn(speaker, channels.get(speaker.lower(), 0))
        items = list(turn.at("Items").each())
        for item in items:
            (draft.mark if item.at("Type").text() == "punctuation" else draft.word)(item)
        if not items:
            draft.said(turn.at("Content"), turn.times())


FORMATS = (
    {
        "name": "aws",
        "title": "Amazon Transcribe",
        "shape": _STANDARD,
        "matches": _is_standard,
        "read": _read_standard,
        "mend": _mended,
    },
    {
        "name": "aws-call-analytics",
        "title": "Amazon Transcribe Call Analytics",
        "shape": _ANALYTICS,
        "matches": lambda document: _is_analytics(document, words=True),
        "read": _read_analytics,
    },
    {
        "name": "contact-lens",
        "title": "Contact Lens for Amazon Connect",
        "shape": _ANALYTICS,
        "matches": lambda document: _is_analytics(document, words=False),
        "read": _read_analytics,
    },
)
