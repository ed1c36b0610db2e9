"""Microsoft Azure: Speech's batch and fast transcription, and conversations as the Language service takes them.

Each phrase is told four times: as it was said (`lexical`, "four five"), in written form (`itn`, "45"), the same with
profanity masked, and as it is displayed, with capitals and marks. The displayed one is read, for detection needs what
it has, with the times of the words that were said.

Fields: "Get batch transcription results" and "Use the fast transcription API" in the documentation of Azure Speech, the
responses of its REST API (`RecognizedPhrase`, `NBest`), and "Detect and redact PII in conversations" of Azure Language.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from redact.transcripts.draft import UNTIMED, Draft, Times
from redact.transcripts.fields import First, Kind, Node, Shape, Time

_TICKS: dict[str, Shape] = {
    "offsetInTicks": Time("start", "ticks"),
    "durationInTicks": Time("duration", "ticks"),
    "offsetMilliseconds": Time("start", "ms"),
    "durationMilliseconds": Time("duration", "ms"),
}
_SPAN: dict[str, Shape] = {"offset": Time("start", "span"), "duration": Time("duration", "span"), **_TICKS}
_TEXTS: dict[str, Shape] = {
    "lexical": Kind.TEXT,
    "itn": Kind.TEXT,
    "maskedITN": Kind.TEXT,
    "display": Kind.TEXT,
}
_SHOWN: Shape = {**_SPAN, "displayText": Kind.WORD, "confidence": Kind.CONFIDENCE, "sentenceIndex": Kind.NUMBER}
_BATCH: Shape = {
    "source": Kind.HIDDEN,
    "timestamp": Kind.MOMENT,
    "locale": Kind.CODE,
    **_SPAN,
    "combinedRecognizedPhrases": [{"channel": Kind.CHANNEL, **_TEXTS}],
    "recognizedPhrases": [
        {
            "recognitionStatus": Kind.CODE,
            "channel": Kind.CHANNEL,
            "speaker": Kind.SPEAKER,
            "locale": Kind.CODE,
            "confidence": Kind.NUMBER,
            **_SPAN,
            "nBest": First(
                {
                    **_TEXTS,
                    "confidence": Kind.NUMBER,
                    "speaker": Kind.SPEAKER,
                    "sentiment": dict.fromkeys(("negative", "neutral", "positive"), Kind.NUMBER),
                    "words": [{**_SPAN, "word": Kind.WORD, "confidence": Kind.CONFIDENCE}],
                    "displayWords": [_SHOWN],
                    "displayPhraseElements": [_SHOWN],
                }
            ),
        }
    ],
}
_MS: dict[str, Shape] = {"offset": Time("start", "ms"), "duration": Time("duration", "ms"), **_TICKS}
_FAST: Shape = {
    **_MS,
    "combinedPhrases": [{"channel": Kind.CHANNEL, "text": Kind.TEXT}],
    "phrases": [
        {
            **_MS,
            "channel": Kind.CHANNEL,
            "speaker": Kind.SPEAKER,
            "text": Kind.TEXT,
            "words": [{**_MS, "text": Kind.WORD, "confidence": Kind.CONFIDENCE}],
            "locale": Kind.CODE,
            "confidence": Kind.NUMBER,
        }
    ],
}
_ITEM_SPAN: dict[str, Shape] = {"offset": Time("start", "ticks"), "duration": Time("duration", "ticks")}
_ITEM: Shape = {
    "id": Kind.ID,
    "participantId": Kind.SPEAKER,
    "role": Kind.CODE,
    "modality": Kind.CODE,
    "language": Kind.CODE,
    "text": Kind.TEXT,
    "lexical": Kind.TEXT,
    "itn": Kind.TEXT,
    "maskedItn": Kind.TEXT,
    "audioTimings": [{**_ITEM_SPAN, "word": Kind.WORD}],
    "conversationItemLevelTiming": _ITEM_SPAN,
}
_CONVERSATION: dict[str, Shape] = {
    "id": Kind.ID,
    "language": Kind.CODE,
    "modality": Kind.CODE,
    "domain": Kind.CODE,
    "conversationItems": [_ITEM],
}
_CONVERSATIONS: dict[str, Shape] = {**_CONVERSATION, "conversations": [_CONVERSATION]}
_REQUEST: Shape = {
    **_CONVERSATIONS,
    "displayName": Kind.HIDDEN,
    "analysisInput": _CONVERSATIONS,
    "tasks": Kind.DROP,
}


def _has_list(document: Any, key: str) -> bool:
    return isinstance(document, dict) and isinstance(document.get(key), list)


def _is_batch(document: Any) -> bool:
    return _has_list(document, "recognizedPhrases")


def _is_fast(document: Any) -> bool:
    return _has_list(document, "phrases") and _has_list(document, "combinedPhrases")


def _is_conversation(document: Any) -> bool:
    if not isinstance(document, dict):
        return False
    if _has_list(document.get("analysisInput"), "conversations") or _has_list(document, "conversationItems"):
        return True
    conversations = document.get("conversations") if _has_list(document, "conversations") else None
    return bool(conversations) and all(_has_list(each, "conversationItems") for each in conversations or ())


def _read_batch(draft: Draft) -> None:
    draft.language = draft.root.at("locale").text()
    for phrase in draft.root.at("recognizedPhrases").each():
        draft.language = draft.language or phrase.at("locale").text()
        for best in phrase.at("nBest").each():
            speaker = phrase.at("speaker").text() or best.at("speaker").text()
            _phrase(draft, speaker, phrase.at("channel"))
            lists = [best.at(key) for key in ("displayWords", "displayPhraseElements", "words")]
            _said(draft, [best.at(key) for key in ("display", "maskedITN", "itn", "lexical")], lists, phrase.times())


def _read_fast(draft: Draft) -> None:
    for phrase in draft.root.at("phrases").each():
        draft.language = draft.language or phrase.at("locale").text()
        _phrase(draft, phrase.at("speaker").text(), phrase.at("channel"))
        _said(draft, [phrase.at("text")], [phrase.at("words")], phrase.times())


def _read_conversation(draft: Draft) -> None:
    for conversation in _conversations(draft.root):
        draft.language = draft.language or conversation.at("language").text()
        for item in conversation.at("conversationItems").each():
            role = item.at("role").text().lower()
            draft.turn(role if role in {"agent", "customer"} else item.at("participantId").text())
            texts = [item.at(key) for key in ("text", "maskedItn", "itn", "lexical")]
            _said(draft, texts, [item.at("audioTimings")], item.times())


def _conversations(root: Node) -> Iterator[Node]:
    for node in (root, root.at("analysisInput")):
        if node.at("conversationItems").value is not None:
            yield node
        yield from node.at("conversations").each()


def _phrase(draft: Draft, speaker: str, channel: Node) -> None:
    label = f"speaker {speaker}" if speaker.isdigit() else speaker
    draft.turn(label or f"channel {channel.channel()}", channel.channel())


def _said(draft: Draft, texts: Sequence[Node], lists: Sequence[Node], times: Times = UNTIMED) -> None:
    """The best text that there is; where there is none, the first list of words."""
    for text in texts:
        if text.text().strip():
            draft.said(text, times, *lists)
            return
    for words in lists:
        if words.value:
            for word in words.each():
                draft.word(word)
            return


FORMATS = (
    {
        "name": "azure",
        "title": "Azure Speech batch transcription",
        "shape": _BATCH,
        "matches": _is_batch,
        "read": _read_batch,
    },
    {
        "name": "azure-fast",
        "title": "Azure Speech fast transcription",
        "shape": _FAST,
        "matches": _is_fast,
        "read": _read_fast,
    },
    {
        "name": "azure-conversation",
        "title": "Azure Language conversation",
        "shape": _REQUEST,
        "matches": _is_conversation,
        "read": _read_conversation,
    },
)
