"""Turns one a row: JSONL, a JSON array, CSV and its like.

There is no standard; the names of the fields that are known are those that exports of contact centres use, in English
and French. A time is in seconds, or like `00:01:02.5`; in milliseconds where the field's name ends in `_ms`.
"""

import csv
import io
import json
from collections.abc import Mapping
from typing import Any

from redact.errors import InputRejected
from redact.transcripts.draft import Draft
from redact.transcripts.fields import Kind, Node, Shape, Time

TEXTS = ("text", "content", "utterance", "transcript", "message", "texte", "phrase")
SPEAKERS = ("speaker", "role", "participant", "speaker_label", "participant_role", "locuteur", "interlocuteur")
CALLS = (
    "call_id", "callId", "conversation_id", "conversationId", "contact_id", "contactId", "session_id", "appel_id",
)  # fmt: skip
_STARTS = ("start", "start_time", "begin", "begin_time", "offset", "début", "debut")
_ENDS = ("end", "end_time", "stop", "fin")
_LANGUAGES = ("language", "lang", "langue")
_OTHERS: Mapping[str, Shape] = {
    **dict.fromkeys(("channel", "canal"), Kind.CHANNEL),
    **dict.fromkeys(("confidence", "confiance"), Kind.NUMBER),
    **dict.fromkeys(("id", "turn", "turn_id", "index", "tour"), Kind.ID),
    **dict.fromkeys((*_LANGUAGES, "sentiment"), Kind.CODE),
    "duration": Time("duration"),
    "duration_ms": Time("duration", "ms"),
}
_DELIMITERS = ",;\t|"


def _spelled(names: Mapping[str, Shape]) -> dict[str, Shape]:
    """Each name as it is, in lower case, with a capital and in capitals."""
    return {
        way: shape for name, shape in names.items() for way in (name, name.lower(), name.capitalize(), name.upper())
    }


ROW: dict[str, Shape] = _spelled(
    {
        **dict.fromkeys(TEXTS, Kind.TEXT),
        **dict.fromkeys(SPEAKERS, Kind.SPEAKER),
        **dict.fromkeys(CALLS, Kind.ID),
        **dict.fromkeys(_STARTS, Time("start")),
        **dict.fromkeys(_ENDS, Time("end")),
        **{f"{name}_ms": Time("start", "ms") for name in _STARTS},
        **{f"{name}_ms": Time("end", "ms") for name in _ENDS},
        **_OTHERS,
    }
)


def call_of(row: Mapping[str, Any]) -> str:
    """Which call a row belongs to; empty where none of its fields tells."""
    names = _spelled(dict.fromkeys(CALLS, Kind.ID))
    return next((str(value) for key, value in row.items() if key in names and value is not None), "")


def is_row(value: Any) -> bool:
    """True for an object with a text of its own and no words."""
    return isinstance(value, dict) and any(
        ROW.get(key) is Kind.TEXT and isinstance(text, str) for key, text in value.items()
    )


def _read(draft: Draft, rows: Node) -> None:
    for row in rows.each():
        if row.value is None:
            continue  # a blank line
        fields = list(row.children()) if isinstance(row.value, dict) else []
        speaker = next((field.text() for field in fields if field.shape is Kind.SPEAKER), "")
        channel = next((field.channel() for field in fields if field.shape is Kind.CHANNEL), 0)
        language = next(
            (field for field in fields if str(field.path[-1]).lower() in {"language", "lang", "langue"}), None
        )
        draft.language = draft.language or (language.text() if language else "")
        draft.turn(speaker, channel)
        said = next((field for field in fields if field.shape is Kind.TEXT), None)
        if said is not None:
            draft.said(said, row.times())


def _parse_lines(text: str) -> dict[str, Any]:
    """A document of JSONL; a blank line is a row of None."""
    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    rows = [_row(line, number) for number, line in enumerate(lines, start=1)]
    return {"compact": all('":' in line and '": ' not in line for line in lines if line), "rows": rows}


def _row(line: str, number: int) -> Any:
    if not line.strip():
        return None
    row: Any = None
    fault = "is not a JSON object"
    try:
        row = json.loads(line)
    except json.JSONDecodeError:
        fault = "is not valid JSON"
    except (ValueError, RecursionError):
        fault = "can't be read"
    if isinstance(row, dict):
        return row
    raise InputRejected(f"line {number} {fault}", hint="each line holds one turn of a call, as a JSON object")


def _write_lines(document: dict[str, Any]) -> str:
    separators = (",", ":") if document["compact"] else None
    rows = document["rows"]
    lines = ["" if row is None else json.dumps(row, ensure_ascii=False, separators=separators) for row in rows]
    return "\n".join(lines).encode("utf-8", "replace").decode() + "\n"


def _are_lines(text: str) -> bool:
    first = next((line for line in text.splitlines() if line.strip()), "")
    try:
        return is_row(json.loads(first))
    except (ValueError, RecursionError):
        return False


def _delimiter(text: str) -> str | None:
    """What separates columns, one of which is a text: told by the first line."""
    header = text.lstrip().split("\n", 1)[0].rstrip("\r")
    for delimiter in _DELIMITERS:
        names = next(csv.reader([header], delimiter=delimiter), [])
        if len(names) > 1 and any(ROW.get(name.strip()) is Kind.TEXT for name in names):
            return delimiter
    return None


def _parse_table(text: str) -> dict[str, Any]:
    delimiter = _delimiter(text)
    if delimiter is None:
        raise InputRejected(
            "no column of the table is known to hold what was said",
            hint=f"name one of its columns: {', '.join(TEXTS)}",
        )
    crlf = "\r\n" in text.split("\n", 1)[0] + "\n"
    quoted = text.lstrip().startswith('"')
    rows: list[dict[str, str]] = []
    fault = 0
    try:
        reader = csv.reader(io.StringIO(text.lstrip("\r\n"), newline=""), delimiter=delimiter, strict=True)
        header = [name.strip() for name in next(reader)]
        for cells in reader:
            if cells and len(cells) != len(header):
                fault = reader.line_num
                break
            if cells:
                rows.append(dict(zip(header, cells, strict=True)))
    except csv.Error:
        fault = reader.line_num
    if fault or len(set(header)) < len(header):
        what = (
            f"line {fault} has not as many columns as the first" if fault else "two of its columns have the same name"
        )
        raise InputRejected(
            f"the table can't be read: {what}", hint="check that the file is whole and its quotes closed"
        )
    return {"delimiter": _DELIMITERS.index(delimiter), "crlf": crlf, "quoted": quoted, "rows": rows}


def _write_table(document: dict[str, Any]) -> str:
    rows = document["rows"]
    header = list(dict.fromkeys(key for row in rows for key in row))
    file = io.StringIO(newline="")
    writer = csv.DictWriter(
        file,
        header,
        restval="",
        delimiter=_DELIMITERS[document["delimiter"]],
        quoting=csv.QUOTE_ALL if document["quoted"] else csv.QUOTE_MINIMAL,
        lineterminator="\r\n" if document["crlf"] else "\n",
    )
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode("utf-8", "replace").decode()


def _are_turns(document: Any) -> bool:
    return isinstance(document, list) and bool(document) and is_row(document[0]) and "words" not in document[0]


FORMATS = (
    {
        "name": "turns",
        "title": "JSON array of turns",
        "shape": [ROW],
        "matches": _are_turns,
        "read": lambda draft: _read(draft, draft.root),
    },
    {
        "name": "jsonl",
        "title": "JSONL, a turn a line",
        "suffix": ".jsonl",
        "shape": {"compact": Kind.NUMBER, "rows": [ROW]},
        "matches": _are_lines,
        "read": lambda draft: _read(draft, draft.root.at("rows")),
        "parse": _parse_lines,
        "write": _write_lines,
    },
    {
        "name": "csv",
        "title": "CSV, a turn a row",
        "suffix": ".csv",
        "shape": {"delimiter": Kind.NUMBER, "crlf": Kind.NUMBER, "quoted": Kind.NUMBER, "rows": [ROW]},
        "matches": lambda text: _delimiter(text) is not None,
        "read": lambda draft: _read(draft, draft.root.at("rows")),
        "parse": _parse_table,
        "write": _write_table,
    },
)
