"""Google Cloud Speech-to-Text, versions 1 and 2, also as the response of a long-running operation.

Fields: the REST reference of Cloud Speech-to-Text (`RecognizeResponse`, `SpeechRecognitionResult`, `WordInfo`, and
`BatchRecognizeResponse` of version 2). Client libraries write the same fields in snake case.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from redact.plan import said
from redact.transcripts.draft import Draft
from redact.transcripts.fields import First, Kind, Named, Node, Shape, Time

_CAPITAL = re.compile(r"(?<=[a-z])([A-Z])")
_BILLS = {"totalBilledTime", "total_billed_time", "totalBilledDuration", "total_billed_duration"}
_OFFSETS = {"startOffset", "endOffset", "resultEndOffset", "start_offset", "end_offset", "result_end_offset"}
_BILLED: Shape = Time("duration", "span")
_STATUS: Shape = {"code": Kind.NUMBER, "message": Kind.PROSE, "details": Kind.DROP}
_WORD: Shape = {
    "startTime": Time("start", "span"),
    "endTime": Time("end", "span"),
    "startOffset": Time("start", "span"),
    "endOffset": Time("end", "span"),
    "word": Kind.WORD,
    "confidence": Kind.CONFIDENCE,
    "speakerTag": Kind.SPEAKER,
    "speakerLabel": Kind.SPEAKER,
}
_RESULTS: Shape = [
    {
        "alternatives": First({"transcript": Kind.TEXT, "confidence": Kind.NUMBER, "words": [_WORD]}),
        "channelTag": Kind.CHANNEL,
        "resultEndTime": Time("end", "span"),
        "resultEndOffset": Time("end", "span"),
        "languageCode": Kind.CODE,
    }
]
_METADATA: dict[str, Shape] = {"requestId": Kind.ID, "totalBilledDuration": _BILLED, "prompt": Kind.DROP}
_RESPONSE: dict[str, Shape] = {
    "@type": Kind.CODE,
    "results": _RESULTS,
    "totalBilledTime": _BILLED,
    "totalBilledDuration": _BILLED,
    "requestId": Kind.ID,
    "speechAdaptationInfo": {"adaptationTimeout": Kind.NUMBER, "timeoutMessage": Kind.PROSE},
    "usingLegacyModels": Kind.NUMBER,
    "outputConfig": Kind.DROP,
    "outputError": _STATUS,
    "metadata": _METADATA,
}
_FILE: Shape = {
    "error": _STATUS,
    "metadata": _METADATA,
    "uri": Kind.HIDDEN,
    "cloudStorageResult": {"uri": Kind.HIDDEN, "vttFormatUri": Kind.HIDDEN, "srtFormatUri": Kind.HIDDEN},
    "transcript": _RESPONSE,
    # Subtitles go: they say all words again, between clock times that would be taken for numbers.
    "inlineResult": {"transcript": _RESPONSE, "vttCaptions": Kind.DROP, "srtCaptions": Kind.DROP},
}
_BATCH: dict[str, Shape] = {
    "@type": Kind.CODE,
    "results": Named(_FILE, hidden=True),
    "totalBilledDuration": _BILLED,
}


def _operation(response: dict[str, Shape]) -> Shape:
    """The response by itself, or in the operation that it is the response of; in both cases of field names."""
    progress: Shape = {
        **dict.fromkeys(("@type", "version"), Kind.CODE),
        **dict.fromkeys(("startTime", "lastUpdateTime", "createTime", "updateTime"), Kind.MOMENT),
        **_METADATA,
        "progressPercent": Kind.NUMBER,
        "uri": Kind.HIDDEN,
    }
    return _in_both_cases(
        {
            "name": Kind.ID,
            "done": Kind.NUMBER,
            "error": _STATUS,
            **response,
            "metadata": progress,
            "response": response,
        }
    )


def _in_both_cases(shape: Shape) -> Shape:
    if isinstance(shape, First):
        return First(_in_both_cases(shape.shape))
    if isinstance(shape, Named):
        return Named(_in_both_cases(shape.shape), shape.languages, shape.hidden)
    if isinstance(shape, list):
        return [_in_both_cases(shape[0])]
    if isinstance(shape, Mapping):
        inner = {key: _in_both_cases(value) for key, value in shape.items()}
        return inner | {_CAPITAL.sub(r"_\1", key).lower(): value for key, value in inner.items()}
    return shape


def _response(document: Any) -> dict[str, Any]:
    if not isinstance(document, dict):
        return {}
    response = document.get("response")
    return response if isinstance(response, dict) else document


def _results(document: Any) -> list[dict[str, Any]] | None:
    """Results of speech recognition; None where there are none that look like some."""
    response = _response(document)
    results = response.get("results")
    if not isinstance(results, list) or not all(isinstance(each, dict) for each in results):
        return None
    metadata = response.get("metadata")
    if not {*response, *(metadata if isinstance(metadata, dict) else ())}.isdisjoint(_BILLS):
        return results
    alternatives = [best for each in results for best in _listed(each, "alternatives")]
    return results if any(not {"transcript", "words"}.isdisjoint(best) for best in alternatives) else None


def _listed(value: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    found = value.get(key)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _is_second(document: Any) -> bool:
    results = _results(document)
    if results is None:
        return False
    if "metadata" in _response(document) and "done" not in document:
        return True
    words = [word for each in results for best in _listed(each, "alternatives") for word in _listed(best, "words")]
    return any(not _OFFSETS.isdisjoint(each) for each in [*results, *words])


def _is_first(document: Any) -> bool:
    return _results(document) is not None


def _is_batch(document: Any) -> bool:
    results = _response(document).get("results")
    files = list(results.values()) if isinstance(results, dict) else []
    known = {"transcript", "inlineResult", "inline_result", "cloudStorageResult", "cloud_storage_result", "uri"}
    return any(isinstance(each, dict) and known & each.keys() for each in files)


def _read(draft: Draft) -> None:
    root = draft.root
    _read_results(draft, root.at("response", "results") if root.at("response").value else root.at("results"))


def _read_batch(draft: Draft) -> None:
    root = draft.root
    files = root.at("response", "results") if root.at("response").value else root.at("results")
    for file in files.children():
        told = _transcripts(file) if isinstance(file.value, dict) else []
        draft.call(str(file.path[-1]))
        for transcript in told[:1]:
            _read_results(draft, transcript.at("results"))
        for transcript in told[1:]:
            for word in _words(transcript.at("results").each()):
                draft.copy(word)


def _transcripts(file: Node) -> list[Node]:
    """The transcript of one file; some are told twice, also under the name that it had before."""
    both = _either(file, "inlineResult").at("transcript"), file.at("transcript")
    return [each for each in both if each.value is not None]


def _read_results(draft: Draft, results: Node) -> None:
    by_channel: dict[int, list[Node]] = {}
    for result in results.each():
        draft.language = draft.language or _either(result, "languageCode").text()
        # Channels are counted from one; there is no number, or 0, where there is one only.
        by_channel.setdefault(max(0, _either(result, "channelTag").channel() - 1), []).append(result)
    for channel, some in by_channel.items():
        several = len(by_channel) > 1
        *earlier, last = some
        repeated = bool(earlier) and _repeats(last, earlier)
        for result in [last] if repeated else some:
            _read_result(draft, result, channel, several=several)
        for word in _words(earlier) if repeated else ():
            draft.copy(word)


def _repeats(last: Node, earlier: Sequence[Node]) -> bool:
    """True for a last result that says all words once more, with their speakers: from where the first one began."""
    start_ms = next((word.times()[0] for word in _words([last])), None)
    ends = [each.times()[1] for each in (*earlier, *_words(earlier))]
    end_ms = max((end for end in ends if end is not None), default=None)
    if start_ms is None or end_ms is None or start_ms >= end_ms:
        return False
    return bool(_letters([last])) and _letters([last]) == _letters(earlier)


def _letters(results: Iterable[Node]) -> str:
    """All that was said in results, by their words, or by the text of those without."""
    return "".join(
        said(" ".join(word.at("word").text() for word in words) or best.at("transcript").text())
        for result in results
        for best in result.at("alternatives").each()
        for words in [list(best.at("words").each())]
    )


def _words(results: Iterable[Node]) -> Iterator[Node]:
    for result in results:
        for best in result.at("alternatives").each():
            yield from best.at("words").each()


def _read_result(draft: Draft, result: Node, channel: int, *, several: bool) -> None:
    """One result; a turn of its own where there are several channels, so that turns stand in their order."""
    nobody = f"channel {channel}" if several else ""
    for best in result.at("alternatives").each():
        words = list(best.at("words").each())
        speakers = [_speaker(word) or nobody for word in words]
        if several and words:
            draft.turn(speakers[0], channel)
        for word, speaker in zip(words, speakers, strict=True):
            draft.turn_of(speaker, channel)
            draft.word(word)
        if not words and best.at("transcript").text().strip():
            draft.turn(nobody, channel)
            draft.said(best.at("transcript"), result.times())


def _speaker(word: Node) -> str:
    """Who says a word; version 1 numbers speakers from one, and 0 is nobody known."""
    tag = _either(word, "speakerTag").text()
    label = _either(word, "speakerLabel").text() or ("" if tag == "0" else tag)
    return f"speaker {label}" if label.isdigit() else label


def _either(node: Node, key: str) -> Node:
    """The field under this name, or under the same one in snake case."""
    snake = _CAPITAL.sub(r"_\1", key).lower()
    return node.at(snake if node.at(snake).value is not None else key)


FORMATS = (
    {
        "name": "google-v2",
        "title": "Google Speech-to-Text v2",
        "shape": _operation(_RESPONSE),
        "matches": _is_second,
        "read": _read,
    },
    {
        "name": "google",
        "title": "Google Speech-to-Text v1",
        "shape": _operation(_RESPONSE),
        "matches": _is_first,
        "read": _read,
    },
    {
        "name": "google-v2-batch",
        "title": "Google Speech-to-Text v2, batch",
        "shape": _operation(_BATCH),
        "matches": _is_batch,
        "read": _read_batch,
    },
)
