"""Google Cloud Speech-to-Text: recognition results of version 1 and 2, also as long-running operations return them.

Fields: `SpeechRecognitionResult`, `WordInfo` and `BatchRecognizeResults` of the two versions' RPC reference; names as
in JSON and as protocol buffers have them.
"""

from typing import Any

from redact.transcripts.draft import Draft
from redact.transcripts.fields import First, Kind, Node, Shape, Time

_START, _END = Time("start", "span"), Time("end", "span")
_WORD: Shape = {
    **dict.fromkeys(("startTime", "start_time", "startOffset", "start_offset"), _START),
    **dict.fromkeys(("endTime", "end_time", "endOffset", "end_offset"), _END),
    "word": Kind.WORD,
    "confidence": Kind.CONFIDENCE,
    **dict.fromkeys(("speakerTag", "speaker_tag", "speakerLabel", "speaker_label"), Kind.SPEAKER),
}
_RESULT: Shape = {
    "alternatives": First({"transcript": Kind.TEXT, "confidence": Kind.NUMBER, "words": [_WORD]}),
    **dict.fromkeys(("channelTag", "channel_tag"), Kind.NUMBER),
    **dict.fromkeys(("resultEndTime", "result_end_time", "resultEndOffset", "result_end_offset"), _END),
    **dict.fromkeys(("languageCode", "language_code"), Kind.CODE),
    **dict.fromkeys(("isFinal", "is_final", "stability"), Kind.NUMBER),
}
_RESPONSE: dict[str, Shape] = {
    "results": [_RESULT],
    **dict.fromkeys(("totalBilledTime", "total_billed_time"), Kind.DROP),
    **dict.fromkeys(("requestId", "request_id"), Kind.ID),
    "metadata": {
        **dict.fromkeys(("totalBilledDuration", "total_billed_duration"), Kind.DROP),
        **dict.fromkeys(("requestId", "request_id"), Kind.ID),
    },
    "speechAdaptationInfo": Kind.DROP,
}
_SHAPE: Shape = {
    **_RESPONSE,
    "name": Kind.HIDDEN,
    "done": Kind.NUMBER,
    "response": {**_RESPONSE, "@type": Kind.HIDDEN, "results": [_RESULT]},
    "transcript": _RESPONSE,
    "uri": Kind.HIDDEN,
    "error": Kind.DROP,
}
_SPEAKERS = ("speakerTag", "speaker_tag", "speakerLabel", "speaker_label")
_CHANNELS = ("channelTag", "channel_tag")
_LANGUAGES = ("languageCode", "language_code")
_NEW = ("startOffset", "start_offset", "endOffset", "end_offset", "resultEndOffset", "result_end_offset")


def _results(document: Any) -> list[Any]:
    """The results, wherever they stand; none where there are none."""
    for inside in (document, *(document.get(key) for key in ("response", "transcript"))):
        if isinstance(inside, dict) and isinstance(inside.get("results"), list):
            return list(inside["results"])
    return []


def _matches(document: Any, *, new: bool) -> bool:
    results = _results(document) if isinstance(document, dict) else []
    if not results or not all(isinstance(each, dict) and "type" not in each for each in results):
        return False
    alternatives = [each.get("alternatives") for each in results]
    told = str([results[:3]])
    return any(isinstance(each, list) for each in alternatives) and any(name in told for name in _NEW) == new


def _first(node: Node, names: tuple[str, ...]) -> str:
    return next((text for name in names if (text := node.at(name).text())), "")


def _read(draft: Draft) -> None:
    root = draft.root
    inside = next(node for node in (root, root.at("response"), root.at("transcript")) if node.at("results").value)
    results = list(inside.at("results").each())
    words: list[tuple[Node, int, str]] = []
    for result in results:
        draft.language = draft.language or _first(result, _LANGUAGES)
        channel = max(int(_first(result, _CHANNELS) or 1) - 1, 0)
        for alternative in result.at("alternatives").each():
            own = [(word, channel, _first(word, _SPEAKERS)) for word in alternative.at("words").each()]
            if not own and alternative.at("transcript").value:
                draft.turn(f"channel {channel}" if channel else "", channel)
                draft.said(alternative.at("transcript"))
            words += own
    # With diarization the last result has all words again, with their speakers.
    tagged = [told for told in words if told[2] not in ("", "0")]
    several = len({channel for _, channel, _ in words}) > 1
    told = tagged if tagged and not several else words
    for word, channel, speaker in sorted(told, key=lambda each: each[0].times()[0] or 0) if several else told:
        draft.turn_of(f"speaker {speaker}" if speaker else f"channel {channel}" if several else "", channel)
        draft.word(word)
    known = {word.path for word, _, _ in told}
    for word, _, _ in words:
        if word.path not in known:
            draft.copy(word)


FORMATS = tuple(
    {
        "name": name,
        "title": title,
        "shape": _SHAPE,
        "matches": lambda document, new=new: _matches(document, new=new),
        "read": _read,
    }
    for name, title, new in (
        ("google-v2", "Google Speech-to-Text v2", True),
        ("google", "Google Speech-to-Text v1", False),
    )
)
