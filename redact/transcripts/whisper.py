"""The Whisper family: OpenAI's API and command line, WhisperX, faster-whisper, whisper.cpp.

Fields: the types `TranscriptionVerbose` and `TranscriptionDiarized` of OpenAI's Python library, the writers of
openai-whisper and WhisperX, faster-whisper's `Segment`, `Word` and `TranscriptionInfo`, and `output_json` of
whisper.cpp's command line.

Tokens are ids of the very words, characters have a time each: both go.
"""

from collections.abc import Iterable
from typing import Any

from redact.transcripts.draft import Draft
from redact.transcripts.fields import Kind, Node, Shape, Time

_SPAN: dict[str, Shape] = {"start": Time("start"), "end": Time("end")}
_WORD: Shape = {
    **_SPAN,
    "word": Kind.WORD,
    "probability": Kind.CONFIDENCE,
    "score": Kind.CONFIDENCE,
    "speaker": Kind.SPEAKER,
}
_SEGMENT: Shape = {
    **_SPAN,
    "id": Kind.ID,
    "type": Kind.CODE,
    "text": Kind.TEXT,
    "speaker": Kind.SPEAKER,
    "words": [_WORD],
    "tokens": Kind.DROP,
    "chars": Kind.DROP,
    **dict.fromkeys(
        ("seek", "temperature", "avg_logprob", "compression_ratio", "no_speech_prob", "transient"), Kind.NUMBER
    ),
}
_SHAPE: Shape = {
    "task": Kind.CODE,
    "language": Kind.CODE,
    "languages": Kind.DROP,
    "duration": Kind.NUMBER,
    "text": Kind.TEXT,
    "segments": [_SEGMENT],
    "words": [_WORD],
    "word_segments": [_WORD],
    "logprobs": Kind.DROP,
    "usage": {
        "type": Kind.CODE,
        "input_token_details": {"audio_tokens": Kind.NUMBER, "text_tokens": Kind.NUMBER},
        **dict.fromkeys(("seconds", "input_tokens", "output_tokens", "total_tokens"), Kind.NUMBER),
    },
    "info": {
        "language": Kind.CODE,
        "language_probability": Kind.NUMBER,
        "all_language_probs": Kind.DROP,
        "duration": Kind.NUMBER,
        "duration_after_vad": Kind.NUMBER,
        "transcription_options": Kind.DROP,
        "vad_options": {},
    },
}
_CPP: Shape = {
    "systeminfo": Kind.HIDDEN,
    "model": {"type": Kind.CODE, "multilingual": Kind.NUMBER, "vocab": Kind.NUMBER},
    "params": {"model": Kind.HIDDEN, "language": Kind.CODE, "translate": Kind.NUMBER},
    "result": {"language": Kind.CODE},
    "transcription": [
        {
            "timestamps": {"from": Time("start", "clock"), "to": Time("end", "clock")},
            "offsets": {"from": Time("start", "ms"), "to": Time("end", "ms")},
            "text": Kind.TEXT,
            "tokens": Kind.DROP,
            "speaker": Kind.SPEAKER,
            "speaker_turn_next": Kind.NUMBER,
        }
    ],
}
_LANGUAGES = (
    "english:en chinese:zh german:de spanish:es russian:ru korean:ko french:fr japanese:ja portuguese:pt "
    "turkish:tr polish:pl catalan:ca dutch:nl arabic:ar swedish:sv italian:it indonesian:id hindi:hi finnish:fi "
    "vietnamese:vi hebrew:he ukrainian:uk greek:el malay:ms czech:cs romanian:ro danish:da hungarian:hu tamil:ta "
    "norwegian:no thai:th urdu:ur croatian:hr bulgarian:bg lithuanian:lt latin:la maori:mi malayalam:ml welsh:cy "
    "slovak:sk telugu:te persian:fa latvian:lv bengali:bn serbian:sr azerbaijani:az slovenian:sl kannada:kn "
    "estonian:et macedonian:mk breton:br basque:eu icelandic:is armenian:hy nepali:ne mongolian:mn bosnian:bs "
    "kazakh:kk albanian:sq swahili:sw galician:gl marathi:mr punjabi:pa sinhala:si khmer:km shona:sn yoruba:yo "
    "somali:so afrikaans:af occitan:oc georgian:ka belarusian:be tajik:tg sindhi:sd gujarati:gu amharic:am "
    "yiddish:yi lao:lo uzbek:uz faroese:fo pashto:ps turkmen:tk nynorsk:nn maltese:mt sanskrit:sa "
    "luxembourgish:lb myanmar:my tibetan:bo tagalog:tl malagasy:mg assamese:as tatar:tt hawaiian:haw lingala:ln "
    "hausa:ha bashkir:ba javanese:jw sundanese:su cantonese:yue"
)
_ISO = dict(pair.split(":") for pair in _LANGUAGES.split())  # for a language that is named


def _is_whisper(document: Any) -> bool:
    if not isinstance(document, dict):
        return False
    if document.get("segments") is not None:
        return _are_segments(document["segments"]) and bool(document["segments"] or "text" in document)
    # By itself, a text is a line of anybody's.
    return isinstance(document.get("text"), str) and bool(document.keys() & {"task", "usage", "logprobs"})


def _is_whisperx(document: Any) -> bool:
    return isinstance(document, dict) and "word_segments" in document and _are_segments(document.get("segments"))


def _are_segments(value: Any) -> bool:
    """True for a list of segments: each with a text, a start and an end."""
    return isinstance(value, list) and all(
        isinstance(segment, dict) and segment.keys() >= {"text", "start", "end"} for segment in value
    )


def _is_list(document: Any) -> bool:
    """True for segments with what only a model tells of them: a list of texts with times may be anybody's turns."""
    return (
        isinstance(document, list)
        and bool(document)
        and _are_segments(document)
        and all(segment.keys() & {"words", "tokens", "avg_logprob", "no_speech_prob"} for segment in document)
    )


def _is_cpp(document: Any) -> bool:
    if not isinstance(document, dict) or not isinstance(document.get("transcription"), list):
        return False
    return all(isinstance(segment, dict) and "offsets" in segment for segment in document["transcription"])


def _read(draft: Draft) -> None:
    root = draft.root
    told = root.at("language").text() or root.at("info", "language").text()
    draft.language = _ISO.get(told.lower(), told)
    segments, words = list(root.at("segments").each()), list(root.at("words").each())
    if words and not any(segment.at("words").value for segment in segments):
        _read_words(draft, words, segments)
        return
    if segments:
        _read_segments(draft, segments)
    else:
        draft.said(root.at("text"))
    for word in (*words, *root.at("word_segments").each()):
        draft.copy(word)


def _read_list(draft: Draft) -> None:
    _read_segments(draft, draft.root.each())


def _read_segments(draft: Draft, segments: Iterable[Node]) -> None:
    for segment in segments:
        speaker = segment.at("speaker").text()
        words = list(segment.at("words").each())
        if not words:
            draft.turn(speaker)
            draft.said(segment.at("text"), segment.times())
        for position, word in enumerate(words):
            begin = draft.turn if position == 0 else draft.turn_of
            begin(word.at("speaker").text() or speaker)
            draft.word(word)


def _read_words(draft: Draft, words: Iterable[Node], segments: Iterable[Node]) -> None:
    """Words that stand beside the segments: each begins a turn."""
    starts = [start for segment in segments if (start := segment.times()[0]) is not None]
    for word in words:
        start, _ = word.times()
        if start is not None and starts and start >= starts[0]:
            draft.turn(word.at("speaker").text())
            starts = [later for later in starts if later > start]
        draft.word(word)


def _read_cpp(draft: Draft) -> None:
    draft.language = draft.root.at("result", "language").text()
    for segment in draft.root.at("transcription").each():
        label = segment.at("speaker").text()
        draft.turn(f"speaker {label}" if label.isdigit() else label)
        draft.said(segment.at("text"), segment.times())


_OTHERS = {"shape": _SHAPE, "read": _read}
FORMATS = (
    {"name": "whisperx", "title": "WhisperX", "matches": _is_whisperx, **_OTHERS},
    {"name": "openai", "title": "OpenAI's Whisper, API or command line", "matches": _is_whisper, **_OTHERS},
    {
        "name": "faster-whisper",
        "title": "faster-whisper's segments",
        "shape": [_SEGMENT],
        "matches": _is_list,
        "read": _read_list,
    },
    {
        "name": "whisper.cpp",
        "title": "whisper.cpp",
        "shape": _CPP,
        "matches": _is_cpp,
        "read": _read_cpp,
    },
)
