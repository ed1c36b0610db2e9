"""Gladia: a pre-recorded job as its API returns it, with the results of its add-ons.

Fields: the type `PreRecordedV2Response` and those in it, of Gladia's SDKs, which are made from its OpenAPI schema.
"""

from typing import Any

from redact.transcripts.draft import Draft
from redact.transcripts.fields import Kind, Node, Shape, Time

_SPAN: dict[str, Shape] = {"start": Time("start"), "end": Time("end")}
_WORD: Shape = {**_SPAN, "word": Kind.WORD, "confidence": Kind.CONFIDENCE}
_UTTERANCE: dict[str, Shape] = {
    **_SPAN,
    "text": Kind.TEXT,
    "words": [_WORD],
    "language": Kind.CODE,
    "confidence": Kind.NUMBER,
    "channel": Kind.CHANNEL,
    "speaker": Kind.SPEAKER,
}
_ERROR: Shape = {"status_code": Kind.NUMBER, "exception": Kind.CODE, "message": Kind.PROSE}
_ADDON: dict[str, Shape] = {
    "success": Kind.NUMBER,
    "is_empty": Kind.NUMBER,
    "exec_time": Kind.NUMBER,
    "error": _ERROR,
}
_PROSE: Shape = {**_ADDON, "results": Kind.PROSE}
# Subtitles are a whole SRT or VTT file in one string. They go: ours are made anew, with times that tell nothing.
_SUBTITLES = Kind.DROP
_SENTENCE: dict[str, Shape] = {**_UTTERANCE, **_ADDON, "words": Kind.DROP, "sentence": Kind.TEXT, "results": Kind.TEXT}
# A translation's words were never heard, and their times are made up.
_TRANSLATED: Shape = {
    "error": _ERROR,
    "full_transcript": Kind.TRANSLATED,
    "languages": [Kind.CODE],
    "sentences": [
        {**_SENTENCE, "text": Kind.TRANSLATED, "sentence": Kind.TRANSLATED, "results": Kind.TRANSLATED},
    ],
    "subtitles": _SUBTITLES,
    "utterances": [{**_UTTERANCE, "text": Kind.TRANSLATED, "words": Kind.DROP}],
}
# Where this is JSON in a string instead of a list, it goes: labels in it would make it none.
_SENTIMENT: Shape = {
    **_SPAN,
    "text": Kind.TEXT,
    "sentiment": Kind.CODE,
    "emotion": Kind.CODE,
    "channel": Kind.CHANNEL,
    "speaker": Kind.SPEAKER,
}
_CHAPTER: Shape = {
    **_SPAN,
    **dict.fromkeys(
        ("headline", "gist", "summary", "abstractive_summary", "extractive_summary", "keywords"), Kind.PROSE
    ),
    "text": Kind.TEXT,
    "sentences": Kind.DROP,
}
_MEASURED = ("audio_duration", "number_of_distinct_channels", "billing_time", "transcription_time")
_RESULT: Shape = {
    "metadata": dict.fromkeys(_MEASURED, Kind.NUMBER),
    "transcription": {
        "full_transcript": Kind.TEXT,
        "languages": [Kind.CODE],
        "utterances": [_UTTERANCE],
        "sentences": [_SENTENCE],
        "subtitles": _SUBTITLES,
    },
    "translation": {**_ADDON, "results": [_TRANSLATED]},
    "sentences": {**_ADDON, "results": Kind.TEXT},
    "display_mode": {**_ADDON, "results": Kind.TEXT},
    "diarization": {**_ADDON, "results": [_UTTERANCE]},
    "named_entity_recognition": {**_ADDON, "results": [{**_SPAN, "entity_type": Kind.CODE, "text": Kind.TEXT}]},
    "sentiment_analysis": {**_ADDON, "results": [_SENTIMENT]},
    "chapterization": {**_ADDON, "results": [_CHAPTER]},
    "audio_to_llm": {
        **_ADDON,
        "results": [{**_ADDON, "results": {"prompt": Kind.PROSE, "response": Kind.PROSE}}],
    },
    "summarization": _PROSE,
    "moderation": _PROSE,
    "name_consistency": _PROSE,
    "structured_data_extraction": _PROSE,
}
_SHAPE: Shape = {
    "id": Kind.ID,
    "request_id": Kind.ID,
    "version": Kind.NUMBER,
    "status": Kind.CODE,
    "kind": Kind.CODE,
    "created_at": Kind.MOMENT,
    "completed_at": Kind.MOMENT,
    "error_code": Kind.NUMBER,
    "custom_metadata": Kind.DROP,
    "post_session_metadata": Kind.DROP,
    "file": {
        "id": Kind.ID,
        "filename": Kind.HIDDEN,
        "source": Kind.HIDDEN,
        "audio_duration": Kind.NUMBER,
        "number_of_channels": Kind.NUMBER,
    },
    # Flags stay; what the customer's vocabulary, prompts and addresses say goes.
    "request_params": {},
    "result": _RESULT,
}


def _matches(document: Any) -> bool:
    result = document.get("result") if isinstance(document, dict) else None
    return isinstance(result, dict) and isinstance(result.get("transcription"), dict)


def _read(draft: Draft) -> None:
    transcription = draft.root.at("result", "transcription")
    draft.language = next((language.text() for language in transcription.at("languages").each()), "")
    utterances = list(transcription.at("utterances").each())
    several = len({utterance.at("channel").text() for utterance in utterances}) > 1
    for utterance in utterances:
        draft.language = draft.language or utterance.at("language").text()
        draft.turn(_speaker(utterance, several), utterance.at("channel").channel())
        words = list(utterance.at("words").each())
        for word in words:
            draft.word(word)
        if not words:
            draft.said(utterance.at("text"), utterance.times())
    if not utterances:
        draft.said(transcription.at("full_transcript"))
    for again in draft.root.at("result", "diarization", "results").each():
        for word in again.at("words").each():
            draft.copy(word)


def _speaker(utterance: Node, several: bool) -> str:
    """Speakers and channels are numbered from zero; without diarization there are only channels."""
    label = utterance.at("speaker").text()
    if not label and several:
        return f"channel {utterance.at('channel').channel()}"
    return f"speaker {label}" if label.isdigit() else label


FORMATS = (
    {
        "name": "gladia",
        "title": "Gladia",
        "shape": _SHAPE,
        "matches": _matches,
        "read": _read,
    },
)
