"""AssemblyAI: a transcript as its API returns it, with the results of its models.

Fields: the types `Transcript`, `TranscriptUtterance` and `TranscriptWord` of AssemblyAI's Node SDK, which are made from
its OpenAPI specification.
"""

from typing import Any

from redact.transcripts.draft import Draft
from redact.transcripts.fields import Kind, Named, Node, Shape, Time

_SPAN: dict[str, Shape] = {"start": Time("start", "ms"), "end": Time("end", "ms")}
_WORD: dict[str, Shape] = {
    **_SPAN,
    "text": Kind.WORD,
    "confidence": Kind.CONFIDENCE,
    "speaker": Kind.SPEAKER,
    "channel": Kind.CHANNEL,
}
_TRANSLATED = Named(Kind.TRANSLATED, languages=True)
_UTTERANCE: Shape = {
    **_WORD,
    "text": Kind.TEXT,
    "confidence": Kind.NUMBER,
    "words": [_WORD],
    "translated_texts": _TRANSLATED,
}
_FLAGS = (
    "audio_channels audio_duration audio_end_at audio_start_from auto_chapters auto_highlights confidence "
    "content_safety custom_topics disfluencies dual_channel entity_detection filter_profanity format_text "
    "iab_categories is_deleted language_confidence language_confidence_threshold language_detection multichannel "
    "punctuate redact_pii redact_pii_audio sentiment_analysis speaker_labels speakers_expected speech_threshold "
    "speed_boost summarization temperature throttled webhook_auth webhook_status_code"
)
_CODES = (
    "acoustic_model boost_param domain language_code language_model redact_pii_audio_quality redact_pii_sub "
    "remove_audio_tags speech_model speech_model_used status summary_model summary_type"
)
# What the customer asked for: their own words, names among them, and nothing that was said.
_ASKED = "custom_spelling keyterms_prompt prompt topics word_boost redact_pii_audio_options"
_LANGUAGES: Shape = [{"language_code": Kind.CODE, "confidence": Kind.NUMBER}]
_UNDERSTANDING: Shape = {
    "request": Kind.DROP,
    "response": {
        "speaker_identification": {"status": Kind.CODE, "mapping": Kind.DROP},
        "translation": {"status": Kind.CODE},
        "custom_formatting": {
            "status": Kind.CODE,
            "mapping": Kind.DROP,
            "formatted_text": Kind.TEXT,
            "formatted_utterances": Kind.DROP,
        },
    },
}
_SHAPE: Shape = {
    **dict.fromkeys(_FLAGS.split(), Kind.NUMBER),
    **dict.fromkeys(_CODES.split(), Kind.CODE),
    **dict.fromkeys(_ASKED.split(), Kind.DROP),
    "id": Kind.ID,
    "audio_url": Kind.HIDDEN,
    "webhook_url": Kind.HIDDEN,
    "webhook_auth_header_name": Kind.HIDDEN,
    "error": Kind.PROSE,
    "text": Kind.TEXT,
    "summary": Kind.PROSE,
    "language_codes": [Kind.CODE],
    "speech_models": [Kind.CODE],
    "redact_pii_policies": [Kind.CODE],
    "language_detection_results": {"code_switching_languages": _LANGUAGES},
    "speaker_options": {"min_speakers_expected": Kind.NUMBER, "max_speakers_expected": Kind.NUMBER},
    "words": [_WORD],
    "utterances": [_UTTERANCE],
    "translated_texts": _TRANSLATED,
    "chapters": [{**_SPAN, "gist": Kind.PROSE, "headline": Kind.PROSE, "summary": Kind.PROSE}],
    "entities": [{**_SPAN, "entity_type": Kind.CODE, "text": Kind.TEXT}],
    "auto_highlights_result": {
        "status": Kind.CODE,
        "results": [{"text": Kind.TEXT, "count": Kind.NUMBER, "rank": Kind.NUMBER, "timestamps": [_SPAN]}],
    },
    "sentiment_analysis_results": [
        {
            **_SPAN,
            "text": Kind.TEXT,
            "sentiment": Kind.CODE,
            "confidence": Kind.NUMBER,
            "speaker": Kind.SPEAKER,
            "channel": Kind.CHANNEL,
        }
    ],
    "content_safety_labels": {
        "status": Kind.CODE,
        "results": [
            {
                "text": Kind.TEXT,
                "labels": [{"label": Kind.CODE, "confidence": Kind.NUMBER, "severity": Kind.NUMBER}],
                "sentences_idx_start": Kind.NUMBER,
                "sentences_idx_end": Kind.NUMBER,
                "timestamp": _SPAN,
            }
        ],
        "summary": Named(Kind.CONFIDENCE),
        "severity_score_summary": Named({"low": Kind.NUMBER, "medium": Kind.NUMBER, "high": Kind.NUMBER}),
    },
    "iab_categories_result": {
        "status": Kind.CODE,
        "results": [
            {
                "text": Kind.TEXT,
                "labels": [{"label": Kind.CODE, "relevance": Kind.NUMBER}],
                "timestamp": _SPAN,
            }
        ],
        "summary": Named(Kind.CONFIDENCE),
    },
    "speech_understanding": _UNDERSTANDING,
}


def _matches(document: Any) -> bool:
    if not isinstance(document, dict) or "id" not in document:
        return False
    return "audio_url" in document and ("words" in document or "utterances" in document or "text" in document)


def _read(draft: Draft) -> None:
    root = draft.root
    draft.language = root.at("language_code").text()
    utterances = list(root.at("utterances").each())
    words = list(root.at("words").each())
    if utterances and all(utterance.at("words").value for utterance in utterances):
        for utterance in utterances:
            draft.turn(*_who(utterance))
            for word in utterance.at("words").each():
                draft.word(word)
        _copies(draft, root.at("words"))
    elif words:
        for word in words:
            draft.turn_of(*_who(word))
            draft.word(word)
        for utterance in utterances:
            _copies(draft, utterance.at("words"))
    elif utterances:
        for utterance in utterances:
            draft.turn(*_who(utterance))
            draft.said(utterance.at("text"), utterance.times())
    else:
        draft.said(root.at("text"))


def _copies(draft: Draft, words: Node) -> None:
    for word in words.each():
        draft.copy(word)


def _who(node: Node) -> tuple[str, int]:
    """Speaker and channel. Channels are counted from one."""
    label = node.at("channel")
    return node.at("speaker").text(), max(0, label.channel() - 1)


FORMATS = (
    {
        "name": "assemblyai",
        "title": "AssemblyAI",
        "shape": _SHAPE,
        "matches": _matches,
        "read": _read,
    },
)
