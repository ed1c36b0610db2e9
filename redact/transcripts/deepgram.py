"""Deepgram: the response for a recording, with the results of its models.

Fields: the reference of Deepgram's API ("Transcribe and analyze pre-recorded audio") and the types of its SDKs.
"""

from typing import Any

from redact.transcripts.draft import Draft
from redact.transcripts.fields import First, Kind, Named, Node, Shape, Time

_SPAN: dict[str, Shape] = {"start": Time("start"), "end": Time("end")}
_SENTIMENT: dict[str, Shape] = {"sentiment": Kind.CODE, "sentiment_score": Kind.NUMBER}
# Numbers of words, that are others once words have gone.
_COUNTED: dict[str, Shape] = {"start_word": Kind.DROP, "end_word": Kind.DROP}
_WORD: Shape = {
    **_SPAN,
    **_SENTIMENT,
    "word": Kind.FORM,
    "punctuated_word": Kind.WORD,
    "confidence": Kind.CONFIDENCE,
    "speaker": Kind.SPEAKER,
    "speaker_confidence": Kind.NUMBER,
    "channel": Kind.CHANNEL,
    "language": Kind.CODE,
}


def _segments(key: str, found: Shape) -> dict[str, Shape]:
    return {"segments": [{**_COUNTED, **_SENTIMENT, "text": Kind.PROSE, key: found}], "average": _SENTIMENT}


_TOPICS: Shape = [{"topic": Kind.PROSE, "confidence": Kind.NUMBER, "confidence_score": Kind.NUMBER}]
_INTENTS: Shape = [{"intent": Kind.PROSE, "confidence_score": Kind.NUMBER}]
_ALTERNATIVE: Shape = {
    "transcript": Kind.TEXT,
    "confidence": Kind.NUMBER,
    "words": [_WORD],
    "languages": [Kind.CODE],
    "paragraphs": {
        "transcript": Kind.HIDDEN,  # made anew of the sentences, for "Speaker 0:" in it may be taken for a name
        "paragraphs": [
            {
                **_SPAN,
                **_SENTIMENT,
                "sentences": [{**_SPAN, **_SENTIMENT, "text": Kind.TEXT}],
                "speaker": Kind.SPEAKER,
                "num_words": Kind.NUMBER,
            }
        ],
    },
    "entities": [
        {
            **_COUNTED,
            "label": Kind.CODE,
            "value": Kind.PROSE,
            "raw_value": Kind.PROSE,
            "confidence": Kind.NUMBER,
        }
    ],
    "summaries": [{**_COUNTED, "summary": Kind.PROSE}],
    "topics": [{**_COUNTED, "text": Kind.PROSE, "topics": _TOPICS}],
    "sentiment_segments": [{**_COUNTED, **_SPAN, **_SENTIMENT, "text": Kind.TEXT, "confidence": Kind.NUMBER}],
    "translations": [{"language": Kind.CODE, "translation": Kind.TRANSLATED}],
}
_USE: Shape = {"model_uuid": Kind.ID, "input_tokens": Kind.NUMBER, "output_tokens": Kind.NUMBER}
_SHAPE: Shape = {
    "metadata": {
        "transaction_key": Kind.ID,
        "request_id": Kind.ID,
        "parent_request_id": Kind.ID,
        "sha256": Kind.HIDDEN,
        "created": Kind.MOMENT,
        "duration": Kind.NUMBER,
        "channels": Kind.NUMBER,
        "language": Kind.CODE,
        "models": [Kind.ID],
        "model_info": Named({"name": Kind.CODE, "version": Kind.ID, "arch": Kind.ID}),
        "warnings": [{"parameter": Kind.CODE, "type": Kind.CODE, "message": Kind.PROSE}],
        "tags": [Kind.PROSE],
        "extra": Kind.DROP,
        "callback": Kind.HIDDEN,
        **dict.fromkeys(("summary_info", "sentiment_info", "topics_info", "intents_info"), _USE),
    },
    "results": {
        "channels": [
            {
                "alternatives": First(_ALTERNATIVE),
                "detected_language": Kind.CODE,
                "language_confidence": Kind.NUMBER,
                "search": [
                    {"query": Kind.PROSE, "hits": [{**_SPAN, "confidence": Kind.NUMBER, "snippet": Kind.TEXT}]},
                ],
            }
        ],
        "utterances": [
            {
                **_SPAN,
                **_SENTIMENT,
                "id": Kind.ID,
                "channel": Kind.CHANNEL,
                "speaker": Kind.SPEAKER,
                "confidence": Kind.NUMBER,
                "transcript": Kind.TEXT,
                "words": [_WORD],
                "languages": [Kind.CODE],
            }
        ],
        "summary": {"result": Kind.CODE, "short": Kind.PROSE, "text": Kind.PROSE},
        "topics": {"results": {"topics": _segments("topics", _TOPICS)}, **_segments("topics", _TOPICS)},
        "intents": {"results": {"intents": _segments("intents", _INTENTS)}, **_segments("intents", _INTENTS)},
        "sentiments": {"segments": [{**_COUNTED, **_SENTIMENT, "text": Kind.PROSE}], "average": _SENTIMENT},
    },
}


def _matches(document: Any) -> bool:
    results = document.get("results") if isinstance(document, dict) else None
    return isinstance(results, dict) and isinstance(results.get("channels"), list)


def _read(draft: Draft) -> None:
    results = draft.root.at("results")
    utterances = list(results.at("utterances").each())
    words: list[tuple[int, Node]] = []
    wordless: list[tuple[int, Node]] = []
    for channel, node in enumerate(results.at("channels").each()):
        draft.language = draft.language or node.at("detected_language").text()
        for best in node.at("alternatives").each():
            some = list(best.at("words").each())
            words += [(channel, word) for word in some]
            if not some and best.at("transcript").text().strip():
                wordless.append((channel, best))
    for channel, word in _by_time(words):
        draft.turn_of(_who(word, channel), channel)
        draft.word(word)
    if wordless and utterances and not words:
        for utterance in utterances:
            _read_utterance(draft, utterance)
        return
    for utterance in utterances:
        for word in utterance.at("words").each():
            draft.copy(word)
    for channel, best in wordless:
        draft.turn(_who(best, channel), channel)
        draft.said(best.at("transcript"))


def _read_utterance(draft: Draft, utterance: Node) -> None:
    channel = utterance.at("channel").channel()
    draft.turn(_who(utterance, channel), channel)
    words = list(utterance.at("words").each())
    for word in words:
        draft.word(word)
    if not words:
        draft.said(utterance.at("transcript"), utterance.times())


def _by_time(words: list[tuple[int, Node]]) -> list[tuple[int, Node]]:
    """Words of all channels as they were said."""
    return sorted(words, key=lambda told: told[1].times()[0] or 0) if len({c for c, _ in words}) > 1 else words


def _who(node: Node, channel: int) -> str:
    label = node.at("speaker").text()
    return f"speaker {label}" if label.isdigit() else label or f"channel {channel}"


def _mended(document: Any) -> Any:
    """Paragraphs that tell how many words are still there, and their text as they have it now."""
    for channel in filter(None, document["results"]["channels"]):
        for best in filter(None, channel.get("alternatives") or ()):
            told = best.get("paragraphs") or {}
            paragraphs = list(filter(None, told.get("paragraphs") or ()))
            texts = [
                " ".join(str(each.get("text") or "") for each in filter(None, paragraph.get("sentences") or ()))
                for paragraph in paragraphs
            ]
            for paragraph, text in zip(paragraphs, texts, strict=True):
                if paragraph.get("num_words") is not None:
                    paragraph["num_words"] = len(text.split())
            if told.get("transcript"):
                speakers = [paragraph.get("speaker") for paragraph in paragraphs]
                told["transcript"] = "\n" + "\n\n".join(
                    text if speaker is None else f"Speaker {speaker}: {text}"
                    for speaker, text in zip(speakers, texts, strict=True)
                )
    return document


FORMATS = (
    {
        "name": "deepgram",
        "title": "Deepgram",
        "shape": _SHAPE,
        "matches": _matches,
        "read": _read,
        "mend": _mended,
    },
)
