"""Signed heads: the log's end as it was after each row, in a file that should lie elsewhere, with another owner."""

import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from redact.errors import Damaged

_LONGEST_LINE = 4096  # of a head or a certificate, with much to spare


@dataclass(frozen=True, slots=True)
class Head:
    """The log's end, as it once was."""

    seq: int
    at: str
    mac: str
    signature: str = field(repr=False)

    def said(self) -> bytes:
        """What is signed."""
        return f"callredact audit head 1|{self.seq}|{self.at}|{self.mac}".encode()


def append(file: Path, line: str) -> None:
    """Append a line to a file of lines, for its owner alone: all of it is on the disk then, or nothing.

    Raises:
        OSError: it can't be written.
    """
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    opened = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        before = _whole(opened)
        if os.write(opened, line.encode() + b"\n") <= len(line):  # a full disk: what follows must not join it
            os.ftruncate(opened, before)
            raise OSError
        os.fsync(opened)
    finally:
        os.close(opened)


def last_line(file: Path) -> str:
    """The last line of such a file that is whole; empty where there is none."""
    try:
        with file.open("rb") as opened:
            opened.seek(max(0, opened.seek(0, os.SEEK_END) - 2 * _LONGEST_LINE))
            lines = opened.read().rpartition(b"\n")[0].splitlines()
    except FileNotFoundError:
        return ""
    return lines[-1].decode("utf-8", "replace") if lines else ""


def _whole(opened: int) -> int:
    """The length of an open file of lines; one that a power cut left without its end is cut off."""
    length = os.fstat(opened).st_size
    end = os.pread(opened, _LONGEST_LINE, max(0, length - _LONGEST_LINE))
    if end and not end.endswith(b"\n"):
        length -= len(end) - (end.rfind(b"\n") + 1)
        os.ftruncate(opened, length)
    return length


def read_heads(file: Path | None) -> Iterator[Head]:
    """Signed heads of a file, in its order. The last may be cut off, by a power cut: nothing was done then.

    Raises:
        Damaged: another is no head.
    """
    if file is None or not file.exists():
        return
    text = file.read_text(encoding="ascii", errors="replace")
    lines = text.splitlines()
    for number, line in enumerate(lines):
        try:
            head = Head(**json.loads(line))
            if not (isinstance(head.seq, int) and all(isinstance(x, str) for x in (head.at, head.mac, head.signature))):
                raise TypeError
        except (ValueError, TypeError):
            if number < len(lines) - 1 or text.endswith("\n"):
                raise broken("the file of signed heads is damaged", number + 1) from None
        else:
            yield head


def broken(what: str, row: int) -> Damaged:
    """What a log is refused with that somebody changed."""
    return Damaged(
        f"the log does not hold at row {row}: {what}", hint="keep it as it is, tell who answers for data protection"
    )
