"""Azure AI: batch and fast transcription, and the conversation documents of the Language service.

Fields: "Get transcription results" and "Fast transcription" in the Speech service's documentation, and
`TranscriptConversation` of the Language service's REST reference. Each phrase comes in four forms: lexical (as spoken),
ITN (numbers written), masked ITN (profanity hidden) and display (as one reads it).
"""

from typing import Any

from redact.transcripts.draft import Draft
from redact.transcripts.fields import First, Kind, Node, Shape, Time

_BATCH_TIMES: dict[str, Shape] = {
    "offsetInTicks": Time("start", "ticks"),
    "durationInTicks": Time("duration", "ticks"),
    "offset": Time("start", "span"),
    "duration": Time("duration", "span"),
    "offsetMilliseconds": Time("start", "ms"),
    "durationMilliseconds": Time("duration", "ms"),
}
_FORMS: dict[str, Shape] = dict.fromkeys(("lexical", "itn", "maskedITN", "maskedItn", "display", "text"), Kind.TEXT)
_BATCH: Shape = {
    "source": Kind.HIDDEN,
    "timestamp": Kind.MOMENT,
    "durationInTicks": Kind.NUMBER,
    "durationMilliseconds": Kind.NUMBER,
    "duration": Time("duration", "span"),
    "combinedRecognizedPhrases": [{"channel": Kind.NUMBER, **_FORMS}],
    "recognizedPhrases": [
        {
            "recognitionStatus": Kind.CODE,
            "channel": Kind.NUMBER,
            "speaker": Kind.SPEAKER,
            "locale": Kind.CODE,
            **_BATCH_TIMES,
            "nBest": First(
                {
                    "confidence": Kind.NUMBER,
                    **_FORMS,
                    "words": [{"word": Kind.WORD, "confidence": Kind.CONFIDENCE, **_BATCH_TIMES}],
                    "displayWords": [{"displayText": Kind.WORD, **_BATCH_TIMES}],
                    "displayPhraseElements": Kind.DROP,
                }
            ),
        }
    ],
}
_FAST: Shape = {
    "duration": Kind.NUMBER,
    "durationMilliseconds": Kind.NUMBER,
    "combinedPhrases": [{"channel": Kind.NUMBER, "text": Kind.TEXT}],
    "phrases": [
        {
            "channel": Kind.NUMBER,
            "speaker": Kind.SPEAKER,
            "locale": Kind.CODE,
            "confidence": Kind.NUMBER,
            **dict.fromkeys(("offset", "offsetMilliseconds"), Time("start", "ms")),
            **dict.fromkeys(("duration", "durationMilliseconds"), Time("duration", "ms")),
            "text": Kind.TEXT,
            "words": [
                {
                    "text": Kind.WORD,
                    **dict.fromkeys(("offset", "offsetMilliseconds"), Time("start", "ms")),
                    **dict.fromkeys(("duration", "durationMilliseconds"), Time("duration", "ms")),
                }
            ],
        }
    ],
}
_TICKS: dict[str, Shape] = {"offset": Time("start", "ticks"), "duration": Time("duration", "ticks")}
_ITEM: Shape = {
    "id": Kind.ID,
    "participantId": Kind.SPEAKER,
    "role": Kind.CODE,
    "modality": Kind.CODE,
    "language": Kind.CODE,
    **_FORMS,
    "audioTimings": [{"word": Kind.WORD, **_TICKS}],
    "conversationItemLevelTiming": _TICKS,
    "entities": Kind.DROP,
    "redactedContent": Kind.DROP,
}
_CONVERSATION: dict[str, Shape] = {
    "id": Kind.ID,
    "language": Kind.CODE,
    "modality": Kind.CODE,
    "domain": Kind.CODE,
    "conversationItems": [_ITEM],
    "warnings": Kind.DROP,
}
_CONVERSATIONS: Shape = {
    **_CONVERSATION,
    "conversations": [_CONVERSATION],
    "displayName": Kind.HIDDEN,
    "analysisInput": {"conversations": [_CONVERSATION]},
    "tasks": Kind.DROP,
}


def _read_batch(draft: Draft) -> None:
    phrases = list(draft.root.at("recognizedPhrases").each())
    several = len({phrase.at("channel").channel() for phrase in phrases}) > 1
    for phrase in phrases:
        channel = phrase.at("channel").channel()
        draft.language = draft.language or phrase.at("locale").text()
        for best in phrase.at("nBest").each():
            draft.turn(_who(phrase.at("speaker"), channel, several=several), channel)
            display = best.at("display") if best.at("display").value else best.at("lexical")
            shown = list(best.at("displayWords").each())
            words = list(best.at("words").each()) or shown
            if words:
                draft.said_by(display, words, shown if words is not shown else ())
            else:
                draft.said(display, phrase.times())


def _read_fast(draft: Draft) -> None:
    phrases = list(draft.root.at("phrases").each())
    several = len({phrase.at("channel").channel() for phrase in phrases}) > 1
    for phrase in phrases:
        channel = phrase.at("channel").channel()
        draft.language = draft.language or phrase.at("locale").text()
        draft.turn(_who(phrase.at("speaker"), channel, several=several), channel)
        words = list(phrase.at("words").each())
        if words:
            draft.said_by(phrase.at("text"), words)
        else:
            draft.said(phrase.at("text"), phrase.times())


def _read_conversations(draft: Draft) -> None:
    root = draft.root
    inside = root.at("analysisInput", "conversations") if root.at("analysisInput").value else root.at("conversations")
    for conversation in [root, *inside.each()]:
        draft.language = draft.language or conversation.at("language").text()
        for item in conversation.at("conversationItems").each():
            draft.language = draft.language or item.at("language").text()
            role = item.at("role").text()
            draft.turn(role if role.lower() in {"agent", "customer"} else item.at("participantId").text())
            said = next(
                (form for form in map(item.at, ("text", "display", "itn", "lexical")) if form.value), item.at("text")
            )
            words = list(item.at("audioTimings").each())
            if words:
                draft.said_by(said, words)
            else:
                draft.said(said, item.at("conversationItemLevelTiming").times())


def _who(speaker: Node, channel: int, *, several: bool) -> str:
    label = speaker.text()
    return f"channel {channel}" if several else f"speaker {label}" if label.isdigit() else label


def _has(document: Any, *keys: str) -> bool:
    return isinstance(document, dict) and all(isinstance(document.get(key), list) for key in keys)


def _is_conversation(document: Any) -> bool:
    if not isinstance(document, dict):
        return False
    inside = document.get("analysisInput") or document
    conversations = inside.get("conversations") if isinstance(inside, dict) else None
    if isinstance(conversations, list) and conversations:
        return _has(conversations[0], "conversationItems")
    return _has(document, "conversationItems")


FORMATS = (
    {
        "name": "azure",
        "title": "Azure batch transcription",
        "shape": _BATCH,
        "matches": lambda document: _has(document, "recognizedPhrases"),
        "read": _read_batch,
    },
    {
        "name": "azure-fast",
        "title": "Azure fast transcription",
        "shape": _FAST,
        "matches": lambda document: _has(document, "phrases", "combinedPhrases"),
        "read": _read_fast,
    },
    {
        "name": "azure-conversation",
        "title": "Azure conversations (Language service)",
        "shape": _CONVERSATIONS,
        "matches": _is_conversation,
        "read": _read_conversations,
    },
)
