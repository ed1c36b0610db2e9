"""A stream of turns, JSONL, redacted as it comes: a window of lines in memory, whatever the length of the stream.

Lines of one call belong together, for a question asks for what the next line answers; they may be mixed with those of
other calls. So lines are collected into a window, those of each call are redacted as a dialogue, and the window is
written in the order in which it came. What a call's next lines in the next window have to know, they read once more.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Any

from redact.errors import InputRejected
from redact.text import Numbers
from redact.texts import TextRedactor
from redact.transcripts.rows import call_of

WINDOW_LINES = 2_000
WINDOW_CHARACTERS = 4_000_000
"""The window: more lines make no result better, and take more memory."""

CONTEXT_LINES = 20
"""Lines of a call that are read again before its next ones: the longest dictation of a number in the samples, with
read-back and correction, takes eleven turns."""

LINE_CHARACTERS = 16 * 1024 * 1024
"""A longer line is refused: an hour of speech has 60,000 characters."""

FORMAT = "jsonl"


@dataclass(slots=True)
class _Call:
    """What is known of a call in the windows before."""

    context: list[str] = field(default_factory=list, repr=False)
    numbers: Numbers = field(default_factory=Numbers)


def lines(stream: IO[str]) -> Iterator[str]:
    """The lines of a stream, without their ends.

    Raises:
        InputRejected: one is too long, or no UTF-8.
    """
    number = 0
    while True:
        number += 1
        try:
            line = stream.readline(LINE_CHARACTERS + 1)
        except UnicodeDecodeError:
            raise InputRejected(
                f"line {number} or one soon after it is not UTF-8",
                hint="convert it, for example: iconv -f WINDOWS-1252 -t UTF-8",
            ) from None
        if not line:
            return
        if len(line) > LINE_CHARACTERS:
            raise InputRejected(
                f"line {number} is longer than {LINE_CHARACTERS // 2**20} MiB", hint="a line holds one turn of a call"
            )
        yield line.rstrip("\r\n")


def redacted(
    source: Iterable[str], redactor: TextRedactor, progress: Callable[[int], None] | None = None
) -> Iterator[str]:
    """The lines of a stream, redacted, one for one and in their order; blank ones stay.

    Args:
        source: lines, each a JSON object: a turn.
        redactor: to redact with.
        progress: called with the number of lines done.

    Raises:
        RedactError: one of its kinds, by what went wrong. The lines before were given out whole.
    """
    calls: dict[str, _Call] = {}
    done = 0
    for window in _windows(source):
        known, calls = calls, {}
        written: list[str] = [""] * len(window)
        groups: dict[str, list[int]] = {}
        for position, line in enumerate(window):
            if line.strip():
                groups.setdefault(_call_of(line, done + position + 1), []).append(position)
        for name, positions in groups.items():
            call = known.get(name) or _Call()
            told = [window[position] for position in positions]
            for position, line in zip(positions, _piece(redactor, call, told, done + positions[0] + 1), strict=True):
                written[position] = line
            # Lines of no call may go on for ever, and so would their numbers.
            numbers = call.numbers if name else Numbers()
            calls[name] = _Call([*call.context, *told][-CONTEXT_LINES:], numbers)
        yield from written
        done += len(window)
        if progress:
            progress(done)


def _piece(redactor: TextRedactor, call: _Call, told: Sequence[str], number: int) -> list[str]:
    try:
        text = redactor.redact_text("\n".join([*call.context, *told]), FORMAT, call.numbers).text
    except InputRejected as error:
        raise InputRejected(f"in the lines from {number} on: {error.message}", hint=error.hint) from None
    return text.rstrip("\n").split("\n")[len(call.context) :]


def _windows(source: Iterable[str]) -> Iterator[list[str]]:
    window: list[str] = []
    characters = 0
    for line in source:
        window.append(line)
        characters += len(line)
        if len(window) >= WINDOW_LINES or characters >= WINDOW_CHARACTERS:
            yield window
            window, characters = [], 0
    if window:
        yield window


def _call_of(line: str, number: int) -> str:
    """Which call a line is of; all lines that don't tell are one call's."""
    turn: Any = None
    with suppress(ValueError, RecursionError):
        turn = json.loads(line)
    if not isinstance(turn, dict):
        raise InputRejected(f"line {number} is not a JSON object", hint="each line holds one turn of a call")
    return call_of(turn)


def is_stream(text: str) -> bool:
    """True where the first line is a JSON object by itself."""
    first = text.lstrip("\ufeff \t\r\n").split("\n", 1)[0]
    try:
        return isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False
