"""`redact text`: one transcript, or a stream of turns, from a file or standard input to a file or standard output."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from redact.cli.options import chosen_options, chosen_policy, finding, labelling
from redact.errors import InputRejected

if TYPE_CHECKING:
    from redact.texts import TextRedactor

_STREAMS = ("jsonl", "ndjson")
_BUFFER = 1 << 20


@click.command()
@click.argument("source", metavar="[INPUT]", default="-", type=click.Path(path_type=Path, allow_dash=True))
@click.option("-o", "--output", type=click.Path(path_type=Path, allow_dash=True), default=Path("-"),
              help="File to write; - for standard output. [default: -]")  # fmt: skip
@finding()
@labelling()
@click.option("--format", "format_name", help="Format of the transcript. [default: told by what stands in it]")
@click.option("--force", is_flag=True, help="Replace an output that exists.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def text(source: Path, output: Path, **given: Any) -> None:
    """Redacts one transcript, in its own format, or a stream of turns: JSONL of any length, in bounded memory.

    INPUT is a file, or - for standard input. A file that is written appears when it is whole; on standard output whole
    lines stand, up to the first that can't be read.
    """
    from redact import streams
    from redact.publish import Staged, check_targets
    from redact.texts import TextRedactor

    to_file = str(output) != "-"
    if to_file:
        check_targets(output.parent, [output.name], force=given["force"])
    redactor = TextRedactor(chosen_options(given, chosen_policy(given)))
    with _opened(source) as stream:
        head = stream.peek(_BUFFER)[:_BUFFER]
        first = head.split(b"\n", 1)[0].decode("utf-8", "replace")
        streamed = given["format_name"] in _STREAMS or (given["format_name"] is None and streams.is_stream(first))
        parts = _lines(stream, source, redactor, given) if streamed else _whole(stream, redactor, given)
        if to_file:
            with Staged(output.parent) as staged:
                target = staged.open(output.name)
                for part in parts:
                    target.write(part)
                staged.publish(force=given["force"])
            return
        for part in parts:
            sys.stdout.buffer.write(part)
        sys.stdout.buffer.flush()


def _whole(stream: io.BufferedReader, redactor: TextRedactor, given: dict[str, Any]) -> Iterator[bytes]:
    from redact.transcripts import formats

    text = formats.decoded(stream.read(formats.MOST_BYTES + 1))
    yield redactor.redact_text(text, given["format_name"]).text.encode("utf-8")


def _lines(stream: io.BufferedReader, source: Path, redactor: TextRedactor, given: dict[str, Any]) -> Iterator[bytes]:
    from redact import streams

    with _bar(stream, source, quiet=given["quiet"]) as advance:
        read = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="strict", newline="\n")
        for line in streams.redacted(streams.lines(read), redactor, advance):
            yield f"{line}\n".encode()
        read.detach()


@contextmanager
def _opened(source: Path) -> Iterator[io.BufferedReader]:
    """The input, so that its beginning can be looked at.

    Raises:
        InputRejected: it can't be read.
    """
    if str(source) == "-":
        raw = sys.stdin.buffer
        yield raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(raw, _BUFFER)  # type: ignore[arg-type]
        return
    try:
        file: IO[bytes] = source.open("rb", buffering=_BUFFER)
    except OSError as error:
        why = (error.strerror or "the system gave no reason").lower()
        raise InputRejected(f"can't read the transcript: {why}", hint="check the path") from None
    with file:
        yield file  # type: ignore[misc]


@contextmanager
def _bar(stream: io.BufferedReader, source: Path, *, quiet: bool) -> Iterator[Any]:
    """On a terminal: how much is done, of a file whose size is known, and how many turns."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    size = None if str(source) == "-" else source.stat().st_size
    turns = TextColumn("{task.fields[turns]:,} turns")
    with Progress(BarColumn(), turns, TimeElapsedColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("turns", total=size, turns=0)
        yield lambda done: bar.update(task, completed=stream.tell() if size else 0, turns=done)
