"""Giving back what was encrypted in redacted text, with the key that it was encrypted with.

All tokens of a text are opened before anything is given back: a wrong key, or one changed token, and nothing is.
"""

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import PurePath
from typing import Literal, get_args

from redact.errors import InputRejected, UsageError
from redact.keys import Key
from redact.tokens import Cipher
from redact.transcripts import srt, vtt
from redact.transcripts.cues import displayed

Format = Literal["json", "jsonl", "vtt", "srt", "csv", "txt"]
FORMATS: tuple[Format, ...] = get_args(Format)

_SURROGATE = re.compile(r"[\ud800-\udfff]")
_SRT_START = re.compile(r"\s*\d+\r?\n\d+:\d\d:\d\d,\d{3} --> ")
_DELIMITERS = ",;\t|"


def restored(text: str, key: Key) -> str:
    """A text with each token replaced by what it stands for, to the character.

    Raises:
        KeyMissing: a token was changed, or encrypted with another key.
    """
    return Cipher(key).opened(text)


def restored_file(content: str, format_: Format, key: Key) -> str:
    """The content of a file with each token replaced, written as its format wants it; all else stays as it is.

    Half characters (lone surrogates), which no file can hold, become U+FFFD. In subtitles and plain text what is given
    back is on one line, as our writers have it.

    Raises:
        KeyMissing: a token was changed, or encrypted with another key.
        InputRejected: the content is not of that format.
    """
    cipher = Cipher(key)
    if format_ == "csv":
        return _csv(content, cipher)
    if format_ in {"json", "jsonl"}:
        _check_json(content, by_line=format_ == "jsonl")
    return cipher.opened(content, _SHOWN[format_])


def format_of(name: str, content: str) -> Format:
    """The format of a file: by how its name ends; of one without an ending by its content.

    Raises:
        UsageError: it is a page, which can't be restored.
    """
    ending = PurePath(name).suffix.lower().removeprefix(".")
    if ending in {"html", "htm"}:
        raise UsageError("a page can't be restored", hint="restore the .json, .vtt, .srt or .txt that came with it")
    known: dict[str, Format] = {**{format_: format_ for format_ in FORMATS}, "ndjson": "jsonl"}
    return known.get(ending, "txt") if ending else _told(content)


def _told(content: str) -> Format:
    """The format of content without a name. CSV can't be told from text."""
    if content.removeprefix("\ufeff").startswith("WEBVTT"):
        return "vtt"
    if _SRT_START.match(content):
        return "srt"
    for format_, by_line in (("json", False), ("jsonl", True)):
        try:
            _check_json(content, by_line=by_line)
        except InputRejected:
            continue
        return format_  # type: ignore[return-value]
    return "txt"


def _in_json(text: str) -> str:
    return json.dumps(_SURROGATE.sub("\ufffd", text), ensure_ascii=False)[1:-1]


_SHOWN: dict[Format, Callable[[str], str]] = {
    "json": _in_json,
    "jsonl": _in_json,
    "vtt": lambda text: vtt.escaped(displayed(text)),
    "srt": lambda text: srt.escaped(displayed(text)),
    "txt": displayed,
}


def _check_json(content: str, *, by_line: bool) -> None:
    """Raise InputRejected where it is no JSON."""
    parts = [part for part in content.split("\n") if part.strip()] if by_line else [content]
    try:
        for part in parts:
            json.loads(part.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        pass  # raised below, where no traceback holds on to the text
    else:
        return
    raise InputRejected("the file is no valid JSON", hint="check that it is whole, or give its --format")


def _csv(content: str, cipher: Cipher) -> str:
    """Cells are read and written, so that what is given back is quoted where it has to be."""
    cipher.opened(content)  # all of them, before any is written
    end = "\r\n" if "\r\n" in content else "\n"
    first = content.split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=first.count)
    written = io.StringIO(newline="")
    writer = csv.writer(written, delimiter=delimiter, lineterminator=end)
    try:
        for row in csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True):
            writer.writerow([_SURROGATE.sub("\ufffd", cipher.opened(cell)) for cell in row])
    except csv.Error:
        pass  # raised below, where no traceback holds on to the text
    else:
        return written.getvalue()
    raise InputRejected("the file is no valid CSV", hint="check that it is whole, or give --format txt")
