"""All formats that transcripts are read from and written back to, and how one is told from another.

A format is a shape and a few lines that say how its turns are made. It is recognised by what stands in the file, never
by the file's name.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redact.call import Transcript
from redact.errors import InputRejected, UsageError
from redact.findings import Label
from redact.transcripts import (
    assemblyai,
    aws,
    azure,
    deepgram,
    gladia,
    google,
    native,
    plain,
    rewrite,
    rows,
    speechmatics,
    srt,
    vtt,
    whisper,
)
from redact.transcripts.draft import Draft, Read
from redact.transcripts.fields import Node, Shape, whole

MOST_BYTES = 128 * 1024 * 1024
"""Larger files are refused: a day of speech with a time for each word takes about a tenth of it."""

_INDENT = re.compile(r"^[\[{]\s*\n( +|\t+)\S")


@dataclass(frozen=True, slots=True)
class Layout:
    """How a JSON file is laid out, so that it can be written alike."""

    indent: str | None = None
    compact: bool = False
    ascii: bool = False


@dataclass(frozen=True, slots=True)
class Format:
    """One format.

    Attributes:
        name: as `--format` takes it.
        title: as people call it.
        suffix: of files that are written.
        shape: of its documents.
        matches: True for a document of this format.
        read: makes the turns.
        parse: from the file's text to a document; None where that is JSON. Raises `InputRejected`.
        write: from a document to the file's text; None where that is JSON.
        mend: what has to agree with the rest after fields have gone.
    """

    name: str
    title: str
    suffix: str
    shape: Shape
    matches: Callable[[Any], bool]
    read: Callable[[Draft], None]
    parse: Callable[[str], Any] | None = None
    write: Callable[[Any], str] | None = None
    mend: Callable[[Any], Any] | None = None


_VENDORS = (aws, azure, deepgram, google, assemblyai, speechmatics, gladia, whisper)
FORMATS: tuple[Format, ...] = tuple(
    Format(**{"suffix": ".json", **kind})
    for module in (native, *_VENDORS, vtt, srt, rows, plain)
    for kind in module.FORMATS
)


@dataclass(frozen=True, slots=True)
class Opened:
    """A transcript that was read, and how to write it back.

    Attributes:
        format: which.
        root: the document.
        layout: of the file.
        read: the call in it.
    """

    format: Format
    root: Node
    layout: Layout
    read: Read

    def redacted(self, labels: Iterable[Label]) -> tuple[str, tuple[str, ...], Mapping[str, int]]:
        """The redacted file's text, all strings in it, and how often each field was dropped, by its place."""
        document, dropped = rewrite.rewritten(self.root, self.read, labels)
        if self.format.mend is not None:
            document = self.format.mend(document)
        document = _finite(document)
        text = self.format.write(document) if self.format.write else _json(document, self.layout)
        return whole(text), tuple(rewrite.strings(document)), dropped


def names() -> tuple[str, ...]:
    """Names of all formats."""
    return tuple(each.name for each in FORMATS)


def opened(text: str, name: str | None = None, kept: Iterable[str] = ()) -> Opened:
    """Read a transcript.

    Args:
        text: of the file.
        name: of its format; None to tell by what stands in it.
        kept: unknown fields that may stay, searched and redacted, such as `results.items.note`.

    Raises:
        InputRejected: it can't be read, or its format can't be told.
        UsageError: there is no such format.
    """
    chosen, document, layout = _recognised(text.removeprefix("\ufeff"), name)
    root = Node(document, chosen.shape, (), frozenset(tuple(path.split(".")) for path in kept))
    draft = Draft(root)
    chosen.read(draft)
    return Opened(chosen, root, layout, draft.build(chosen.name))


def decoded(content: bytes) -> str:
    """A file's text: UTF-8, or UTF-16 with a byte order mark.

    Raises:
        InputRejected: it is neither, or too large.
    """
    if len(content) > MOST_BYTES:
        raise InputRejected(
            f"the transcript is larger than {MOST_BYTES // 2**20} MiB", hint="split it into calls, or write JSONL"
        )
    encoding = "utf-16" if content[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise InputRejected(
            f"the transcript is not {encoding.upper().removesuffix('-SIG')} (byte {error.start})",
            hint="convert it, for example: iconv -f WINDOWS-1252 -t UTF-8",
        ) from None


def read_transcript(path: Path, name: str | None = None) -> Transcript:
    """The call in a transcript file: its turns, without what is told about it.

    Raises:
        InputRejected: it can't be read, or its format can't be told.
        UsageError: there is no such format.
    """
    call = opened(read_text(path), name).read.transcript
    return Transcript(tuple(turn for turn in call.turns if not turn.aside), call.language, call.source)


def read_text(path: Path) -> str:
    """A file's text.

    Raises:
        InputRejected: it can't be read, is too large, or in another encoding.
    """
    return decoded(read_bytes(path))


def read_bytes(path: Path) -> bytes:
    """A file's bytes, one more than are allowed where there are more.

    Raises:
        InputRejected: it can't be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        why = (error.strerror or "the system gave no reason").lower()
        raise InputRejected(f"can't read the transcript: {why}", hint="check the path") from None


def _recognised(text: str, name: str | None) -> tuple[Format, Any, Layout]:
    candidates = [each for each in FORMATS if name is None or each.name == name]
    if not candidates:
        raise UsageError(f"there is no transcript format {name!r}", hint=f"known: {', '.join(names())}")
    if not text.strip():
        raise InputRejected("the transcript is empty", hint="check that the file is whole")
    document: Any = None
    if text.lstrip()[:1] in {"{", "["} and any(each.parse is None for each in candidates):
        document = _parsed(text, forgiving=any(each.parse for each in candidates))
    if document is not None:
        for each in candidates:
            if each.parse is None and each.matches(document):
                return each, document, _layout(text)
    for each in candidates:
        if each.parse is not None and (each.matches(text) or name is not None):
            return each, each.parse(text), Layout()
    if name is not None:
        raise InputRejected(f"this is not a transcript of the format {name}", hint="leave --format out to have it told")
    raise InputRejected(
        "the transcript's format isn't known", hint=f"name it with --format; known: {', '.join(names())}"
    )


def _parsed(text: str, *, forgiving: bool) -> Any:
    """JSON, or None where it is none and may be something else."""
    fault = ""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        fault = f"it is not valid JSON (line {error.lineno}, column {error.colno})"
    except RecursionError:
        fault = "it is nested too deeply"
    except ValueError:
        fault = "it holds a number that is too long"
    if forgiving and _looks_like_lines(text):
        return None
    raise InputRejected(f"the transcript can't be read: {fault}", hint="check that the file is whole and unchanged")


def _looks_like_lines(text: str) -> bool:
    """True where the first line is JSON by itself, as in JSONL, or is no JSON at all, as in plain text."""
    first = text.lstrip().split("\n", 1)[0].strip()
    try:
        json.loads(first)
    except RecursionError:
        return False
    except ValueError:
        return not first.startswith(("{", '["', "[{"))
    return True


def _layout(text: str) -> Layout:
    indent = _INDENT.match(text.lstrip())
    return Layout(indent[1] if indent else None, '":' in text and '": ' not in text, text.isascii() and "\\u" in text)


def _json(document: Any, layout: Layout) -> str:
    separators = (",", ":") if layout.compact else None
    text = json.dumps(document, ensure_ascii=layout.ascii, indent=layout.indent, separators=separators, allow_nan=False)
    return text + "\n"


def _finite(value: Any) -> Any:
    """The document without numbers that JSON can't hold."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, float) and (value != value or value in {float("inf"), float("-inf")}):
        return None
    return value
