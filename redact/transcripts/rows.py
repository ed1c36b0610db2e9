"""Turns one a row: JSONL, a JSON array, CSV and its like.

There is no standard; the names of the fields that are known are those that exports of contact centres use, in English
and French, with capitals, underscores or spaces or without. A time is in seconds, or like `00:01:02.5`; in milliseconds
where the field's name ends in `_ms`. A table separated by semicolons may write `1,5` for a second and a half.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from redact.errors import InputRejected
from redact.transcripts.draft import Draft
from redact.transcripts.fields import Kind, Node, Shape, Time

TEXTS = ("text", "content", "utterance", "transcript", "message", "texte", "phrase")
SPEAKERS = ("speaker", "role", "participant", "speaker_label", "participant_role", "locuteur", "interlocuteur")
CALLS = ("call_id", "conversation_id", "contact_id", "session_id", "appel_id")
_STARTS = ("start", "start_time", "begin", "begin_time", "offset", "début", "debut")
_ENDS = ("end", "end_time", "stop", "fin")
_LANGUAGES = ("language", "lang", "langue")
_OTHERS: Mapping[str, Shape] = {
    **dict.fromkeys(("channel", "canal"), Kind.CHANNEL),
    **dict.fromkeys(("confidence", "confiance"), Kind.CONFIDENCE),
    **dict.fromkeys(("id", "turn", "turn_id", "index", "tour"), Kind.ID),
    **dict.fromkeys((*_LANGUAGES, "sentiment"), Kind.CODE),
    "duration": Time("duration"),
    "duration_ms": Time("duration", "ms"),
}
_DELIMITERS = ",;\t|"
_TELLING = 3
_COMMA = re.compile(r"^-?\d+,\d+$")


def _spelled(names: Mapping[str, Shape]) -> dict[str, Shape]:
    """Each name in all the ways that it is spelled: `start_ms`, `Start MS`, `START-MS`, `startMs`."""
    return {way: shape for name, shape in names.items() for way in _ways(name.split("_"))}


def _ways(parts: Sequence[str]) -> Iterable[str]:
    capitals = [part.capitalize() for part in parts]
    for between in ("_", " ", "-", ""):
        lower = between.join(parts)
        yield from (lower, lower.upper(), lower.capitalize(), between.join(capitals))
        yield between.join([*capitals[:-1], parts[-1].upper()])
    yield parts[0] + "".join(capitals[1:])


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


_CALLS = frozenset(_spelled(dict.fromkeys(CALLS, Kind.ID)))
_LANGUAGE_NAMES = frozenset(_spelled(dict.fromkeys(_LANGUAGES, Kind.CODE)))


def call_of(row: Mapping[str, Any]) -> str:
    """Which call a row belongs to; empty where none of its fields tells."""
    return next((str(value) for key, value in row.items() if key in _CALLS and value is not None), "")


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
        language = next((field.text() for field in fields if field.path[-1] in _LANGUAGE_NAMES), "")
        draft.language = draft.language or language
        draft.call(call_of(row.value) if fields else "")
        draft.turn(speaker, channel)
        said = next((field for field in fields if field.shape is Kind.TEXT), None)
        if said is not None:
            draft.said(said, row.times())


def _parse_lines(text: str) -> dict[str, Any]:
    """A document of JSONL; a blank line is a row of None."""
    lines = text.removesuffix("\n").split("\n")
    return {
        "compact": all('":' in line and '": ' not in line for line in lines if line.strip()),
        "ascii": text.isascii() and "\\u" in text,
        "crlf": lines[0].endswith("\r"),
        "rows": [_row(line, number) for number, line in enumerate(lines, start=1)],
    }


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
    lines = [
        "" if row is None else json.dumps(row, ensure_ascii=document["ascii"], separators=separators) for row in rows
    ]
    end = "\r\n" if document["crlf"] else "\n"
    return end.join(lines) + end


def _are_lines(text: str) -> bool:
    first = text.lstrip().split("\n", 1)[0]
    try:
        return is_row(json.loads(first))
    except (ValueError, RecursionError):
        return False


def _delimiter(text: str) -> str | None:
    """What separates columns, told by the names in the first line: one of a text, or several that are known."""
    header = re.split(r"[\r\n]", text.lstrip(), maxsplit=1)[0]
    for delimiter in _DELIMITERS:
        shapes = [ROW.get(name.strip().strip('"')) for name in header.split(delimiter)]
        if len(shapes) > 1 and (Kind.TEXT in shapes or sum(shape is not None for shape in shapes) >= _TELLING):
            return delimiter
    return None


def _parse_table(text: str) -> dict[str, Any]:
    delimiter = _delimiter(text) or _DELIMITERS[0]
    header, cells = _cells(text, delimiter)
    if not any(ROW.get(name) is Kind.TEXT for name in header):
        raise InputRejected(
            "no column of the table is known to hold what was said",
            hint=f"name one of its columns: {', '.join(TEXTS)}",
        )
    first = text.split("\n", 1)[0]
    rows = [dict(zip(header, row, strict=True)) for row in cells]
    return {
        "delimiter": _DELIMITERS.index(delimiter),
        "crlf": first.endswith("\r"),
        "quoted": first.lstrip().startswith('"'),
        "comma": delimiter != "," and any(_with_points(row) for row in rows),
        "columns": {name: None for name in header if name in ROW},
        "rows": rows,
    }


def _cells(text: str, delimiter: str) -> tuple[list[str], list[list[str]]]:
    """Names of the columns, and the cells of each row that isn't blank."""
    rows: list[list[str]] = []
    csv.field_size_limit(len(text) + 1)
    reader = csv.reader(io.StringIO(text.lstrip("\r\n"), newline=""), delimiter=delimiter, strict=True)
    fault = ""
    try:
        for row in reader:
            if row and rows and len(row) != len(rows[0]):
                fault = f"line {reader.line_num} has not as many columns as the first"
                break
            if row:
                rows.append(row)
    except csv.Error:
        fault = f"line {reader.line_num} is not closed or quoted as it should be"
    header = [name.strip() for name in rows[0]] if rows else []
    twice = next((name for name in header if name in ROW and header.count(name) > 1), None)
    if twice:
        fault = f"two of its columns have the name {twice}"
    if fault:
        raise InputRejected(f"the table can't be read: {fault}", hint="check that the file is whole")
    unlike = [name if header.index(name) == at else f"{name} {at + 1}" for at, name in enumerate(header)]
    return unlike, rows[1:]


def _with_points(row: dict[str, str]) -> bool:
    """Write the row's times with a point for the comma; True where there was one."""
    commas = [name for name, cell in row.items() if isinstance(ROW.get(name), Time) and _COMMA.match(cell)]
    row.update({name: row[name].replace(",", ".") for name in commas})
    return bool(commas)


def _write_table(document: dict[str, Any]) -> str:
    rows = document["rows"]
    file = io.StringIO(newline="")
    writer = csv.DictWriter(
        file,
        _header(document["columns"], rows),
        restval="",
        delimiter=_DELIMITERS[document["delimiter"]],
        quoting=csv.QUOTE_ALL if document["quoted"] else csv.QUOTE_MINIMAL,
        lineterminator="\r\n" if document["crlf"] else "\n",
    )
    writer.writeheader()
    for row in rows:
        times = [name for name in row if document["comma"] and isinstance(ROW.get(name), Time)]
        writer.writerow({**row, **{name: row[name].replace(".", ",") for name in times}})
    return file.getvalue()


def _header(columns: Mapping[str, None], rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The columns that stay: those that are known, and each other one that a row has, in its place."""
    header = list(columns)
    for row in rows:
        place = 0
        for name in row:
            if name not in header:
                header.insert(place, name)
            place = header.index(name) + 1
    return header


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
        "shape": {"compact": Kind.NUMBER, "ascii": Kind.NUMBER, "crlf": Kind.NUMBER, "rows": [ROW]},
        "matches": _are_lines,
        "read": lambda draft: _read(draft, draft.root.at("rows")),
        "parse": _parse_lines,
        "write": _write_lines,
    },
    {
        "name": "csv",
        "title": "CSV, a turn a row",
        "suffix": ".csv",
        "shape": {
            **dict.fromkeys(("delimiter", "crlf", "quoted", "comma"), Kind.NUMBER),
            "columns": ROW,
            "rows": [ROW],
        },
        "matches": lambda text: _delimiter(text) is not None,
        "read": lambda draft: _read(draft, draft.root.at("rows")),
        "parse": _parse_table,
        "write": _write_table,
    },
)
