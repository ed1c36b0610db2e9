"""Speechmatics: a transcript in the format json-v2.

Fields: the definition `RetrieveTranscriptResponse` of the specification of the Batch API, in Speechmatics' JS SDK.
"""

from typing import Any

from redact.transcripts.draft import Draft
from redact.transcripts.fields import First, Kind, Named, Node, Shape, Time

_SPAN: dict[str, Shape] = {"start_time": Time("start"), "end_time": Time("end")}
_CONTENT: Shape = {
    "content": Kind.WORD,
    "confidence": Kind.CONFIDENCE,
    "language": Kind.CODE,
    "speaker": Kind.SPEAKER,
    "tags": [Kind.CODE],
    "display": {"direction": Kind.CODE},
}
# A channel's label is the customer's choice, and may be who speaks there.
_RESULT: Shape = {
    **_SPAN,
    "type": Kind.CODE,
    "channel": Kind.SPEAKER,
    "volume": Kind.NUMBER,
    "is_eos": Kind.NUMBER,
    "attaches_to": Kind.CODE,
    "entity_class": Kind.PROSE,
    "alternatives": First(_CONTENT),
    # An entity is one word, as it is written. Its other forms are the same in other words, with times of their own.
    "spoken_form": Kind.DROP,
    "written_form": Kind.DROP,
}
_ERRORS: Shape = [{"type": Kind.CODE, "message": Kind.PROSE}]
_COUNTS: dict[str, Shape] = dict.fromkeys(("positive_count", "negative_count", "neutral_count"), Kind.NUMBER)
_CONFIG: Shape = {
    **dict.fromkeys(("language", "output_locale", "domain", "model", "operating_point", "diarization"), Kind.CODE),
    **dict.fromkeys(("enable_entities", "max_delay", "max_delay_mode"), Kind.NUMBER),
    "channel_diarization_labels": [Kind.SPEAKER],
    "additional_vocab": Kind.DROP,
}
_PASSAGE: dict[str, Shape] = {**_SPAN, "text": Kind.TEXT, "speaker": Kind.SPEAKER, "channel": Kind.SPEAKER}
_EVENTS: Shape = Named({"total_duration": Kind.NUMBER, "count": Kind.NUMBER})
_SHAPE: Shape = {
    "format": Kind.NUMBER,
    "job": {
        "created_at": Kind.MOMENT,
        "data_name": Kind.HIDDEN,
        "text_name": Kind.HIDDEN,
        "duration": Kind.NUMBER,
        "id": Kind.ID,
        "tracking": Kind.DROP,
    },
    "metadata": {
        "created_at": Kind.MOMENT,
        "type": Kind.CODE,
        "orchestrator_version": Kind.ID,
        "transcription_config": _CONFIG,
        **dict.fromkeys(
            (
                "translation_errors",
                "summarization_errors",
                "sentiment_analysis_errors",
                "topic_detection_errors",
                "auto_chapters_errors",
            ),
            _ERRORS,
        ),
        "language_pack_info": {
            "adapted": Kind.NUMBER,
            "itn": Kind.NUMBER,
            "language_description": Kind.CODE,
            "word_delimiter": Kind.PROSE,
            "writing_direction": Kind.CODE,
        },
        "language_identification": {
            "results": [{**_SPAN, "alternatives": [{"language": Kind.CODE, "confidence": Kind.NUMBER}]}],
            "error": Kind.CODE,
            "message": Kind.PROSE,
        },
    },
    "results": [_RESULT],
    "speakers": [{"label": Kind.SPEAKER, "speaker_identifiers": Kind.DROP}],
    "translations": Named(
        [{**_SPAN, "content": Kind.TRANSLATED, "speaker": Kind.SPEAKER, "channel": Kind.SPEAKER}], languages=True
    ),
    "summary": {"content": Kind.PROSE},
    "chapters": [{**_SPAN, "title": Kind.PROSE, "summary": Kind.PROSE}],
    "sentiment_analysis": {
        "sentiment_analysis": {
            "segments": [{**_PASSAGE, "sentiment": Kind.CODE, "confidence": Kind.NUMBER}],
            "summary": {
                "overall": _COUNTS,
                "speakers": [{**_COUNTS, "speaker": Kind.SPEAKER}],
                "channels": [{**_COUNTS, "channel": Kind.SPEAKER}],
            },
        }
    },
    # How often each topic came up has the topics for keys: they are the customer's, or made of what was said.
    "topics": {
        "segments": [{**_PASSAGE, "topics": [{"topic": Kind.PROSE}]}],
        "summary": {"overall": Kind.DROP},
    },
    "audio_events": [{**_SPAN, "type": Kind.CODE, "confidence": Kind.NUMBER, "channel": Kind.SPEAKER}],
    "audio_event_summary": {"overall": _EVENTS, "channels": Kind.DROP},
}


def _matches(document: Any) -> bool:
    if not isinstance(document, dict) or not isinstance(document.get("results"), list):
        return False
    return "metadata" in document and ("job" in document or "format" in document)


def _read(draft: Draft) -> None:
    draft.language = _language(draft.root)
    labels = [label.text() for label in _config(draft.root).at("channel_diarization_labels").each()]
    sentences = sorted(_sentences(draft.root), key=lambda items: items[0].times()[0] or 0)
    for sentence in sentences:
        label = sentence[0].at("channel")
        name = label.text()
        if name and name not in labels:
            labels.append(name)
        channel = label.channel() - 1 if label.channel() else labels.index(name) if name else 0
        draft.turn_of(_speaker(sentence[0]) or name, channel)
        for item in sentence:
            if _is_mark(item):
                draft.mark(item)
            else:
                draft.word(item)


def _sentences(root: Node) -> list[list[Node]]:
    """Results cut where a channel's sentence ends or its speaker changes; channels come mixed, word by word."""
    sentences: list[list[Node]] = []
    open_on: dict[str, list[Node]] = {}
    for item in root.at("results").each():
        if not item.at("alternatives").value:
            continue
        channel = item.at("channel").text()
        sentence = open_on.get(channel)
        if sentence is None or (not _is_mark(item) and _speaker(item) != _speaker(sentence[0])):
            sentence = open_on[channel] = []
            sentences.append(sentence)
        sentence.append(item)
        if item.at("is_eos").value is True:
            del open_on[channel]
    return sentences


def _is_mark(item: Node) -> bool:
    """True for a mark that belongs to the word before. One that belongs to the next (¿) is a word of its own."""
    return item.at("type").text() == "punctuation" and item.at("attaches_to").text() not in {"next", "none"}


def _speaker(item: Node) -> str:
    """The speaker, empty where it isn't known."""
    label = next((each.at("speaker").text() for each in item.at("alternatives").each()), "")
    return "" if label == "UU" else label


def _config(root: Node) -> Node:
    return root.at("metadata", "transcription_config")


def _language(root: Node) -> str:
    asked = _config(root).at("language").text()
    if asked and asked != "auto":
        return asked
    for found in root.at("metadata", "language_identification", "results").each():
        for likeliest in found.at("alternatives").each():
            return likeliest.at("language").text()
    return ""


FORMATS = (
    {
        "name": "speechmatics",
        "title": "Speechmatics",
        "shape": _SHAPE,
        "matches": _matches,
        "read": _read,
    },
)
