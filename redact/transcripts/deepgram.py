"""Deepgram: the answer to a request for a recording.

Fields: `ListenV1Response` and the pages on features of Deepgram's API reference.
"""

from typing import Any

from redact.transcripts.draft import Draft
from redact.transcripts.fields import First, Kind, Named, Shape, Time

_SPAN: dict[str, Shape] = {"start": Time("start"), "end": Time("end")}
_WORD: Shape = {
    **_SPAN,
    "punctuated_word": Kind.WORD,
    "word": Kind.FORM,
    "confidence": Kind.CONFIDENCE,
    "speaker": Kind.SPEAKER,
    "speaker_confidence": Kind.NUMBER,
    "language": Kind.CODE,
}
_PLACED: dict[str, Shape] = {"start_word": Kind.DROP, "end_word": Kind.DROP}
_TOPICS: Shape = [{"topic": Kind.PROSE, "confidence_score": Kind.NUMBER, "confidence": Kind.NUMBER}]
_SEGMENTS: Shape = [
    {
        "text": Kind.PROSE,
        **_PLACED,
        "topics": _TOPICS,
        "intents": [{"intent": Kind.PROSE, "confidence_score": Kind.NUMBER}],
        "sentiment": Kind.CODE,
        "sentiment_score": Kind.NUMBER,
    }
]
_ALTERNATIVE: Shape = {
    "transcript": Kind.TEXT,
    "confidence": Kind.NUMBER,
    "words": [_WORD],
    "languages": [Kind.CODE],
    "paragraphs": {
        "transcript": Kind.TEXT,
        "paragraphs": [
            {
                **_SPAN,
                "sentences": [{**_SPAN, "text": Kind.TEXT, "sentiment": Kind.CODE, "sentiment_score": Kind.NUMBER}],
                "speaker": Kind.SPEAKER,
                "num_words": Kind.DROP,
                "sentiment": Kind.CODE,
                "sentiment_score": Kind.NUMBER,
            }
        ],
    },
    "entities": [
        {"label": Kind.CODE, "value": Kind.PROSE, "raw_value": Kind.PROSE, "confidence": Kind.NUMBER, **_PLACED}
    ],
    "summaries": [{"summary": Kind.PROSE, **_PLACED}],
    "topics": _SEGMENTS,
    "translations": Kind.DROP,
}
_SHAPE: Shape = {
    "metadata": {
        "transaction_key": Kind.HIDDEN,
        "request_id": Kind.ID,
        "sha256": Kind.ID,
        "created": Kind.MOMENT,
        "duration": Kind.NUMBER,
        "channels": Kind.NUMBER,
        "models": [Kind.ID],
        "warnings": Kind.DROP,
        "model_info": Named({"name": Kind.CODE, "version": Kind.ID, "arch": Kind.CODE}),
    },
    "results": {
        "channels": [
            {
                "search": Kind.DROP,
                "alternatives": First(_ALTERNATIVE),
                "detected_language": Kind.CODE,
                "language_confidence": Kind.NUMBER,
            }
        ],
        "utterances": [
            {
                **_SPAN,
                "confidence": Kind.NUMBER,
                "channel": Kind.NUMBER,
                "transcript": Kind.TEXT,
                "words": [_WORD],
                "speaker": Kind.SPEAKER,
                "id": Kind.ID,
                "sentiment": Kind.CODE,
                "sentiment_score": Kind.NUMBER,
            }
        ],
        "summary": {"result": Kind.CODE, "short": Kind.PROSE},
        "topics": {"segments": _SEGMENTS},
        "intents": {"segments": _SEGMENTS},
        "sentiments": {"segments": _SEGMENTS, "average": {"sentiment": Kind.CODE, "sentiment_score": Kind.NUMBER}},
    },
}


def _matches(document: Any) -> bool:
    results = document.get("results") if isinstance(document, dict) else None
    channels = results.get("channels") if isinstance(results, dict) else None
    return isinstance(channels, list) and all(isinstance(each, dict) and "alternatives" in each for each in channels)


def _read(draft: Draft) -> None:
    results = draft.root.at("results")
    channels = list(results.at("channels").each())
    words = []
    for number, channel in enumerate(channels):
        draft.language = draft.language or channel.at("detected_language").text()
        for alternative in channel.at("alternatives").each():
            words += [(word, number) for word in alternative.at("words").each()]
            if not alternative.at("words").value:
                draft.turn(f"channel {number}", number)
                draft.said(alternative.at("transcript"))
    for word, number in sorted(words, key=lambda told: told[0].times()[0] or 0) if len(channels) > 1 else words:
        speaker = word.at("speaker").text() if len(channels) == 1 else f"channel {number}"
        draft.turn_of(f"speaker {speaker}" if speaker.isdigit() else speaker, number)
        draft.word(word)
    for utterance in results.at("utterances").each():
        for word in utterance.at("words").each():
            draft.copy(word)


FORMATS = (
    {
        "name": "deepgram",
        "title": "Deepgram",
        "shape": _SHAPE,
        "matches": _matches,
        "read": _read,
    },
)
