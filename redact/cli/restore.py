"""`redact restore`: what was encrypted in redacted text, given back with the key."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from redact.cli.options import key_file
from redact.errors import InputRejected

if TYPE_CHECKING:
    from redact.restore import Format

_FORMATS = ("json", "jsonl", "vtt", "srt", "csv", "txt")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, allow_dash=True),
    default=Path("-"),
    help="File to write, which only you may read; - for standard output.  [default: -]",
)
@key_file
@click.option(
    "--format",
    "format_",
    type=click.Choice(_FORMATS),
    help="Of the file. [default: by its ending, else by its content]",
)
@click.option("--force", is_flag=True, help="Replace an output that exists.")
def restore(file: Path, output: Path, key_file: Path | None, format_: Format | None, *, force: bool) -> None:
    """Gives back what was encrypted in a redacted transcript: personal data in clear.

    FILE is JSON, JSONL, WebVTT, SRT, CSV or text, in UTF-8; - is standard input. What isn't encrypted stays as it is. A
    wrong key, or one changed character in what is encrypted: exit code 12, and nothing is given back.
    """
    from redact.keys import read, required
    from redact.publish import Staged, check_targets
    from redact.restore import format_of, restored_file
    from redact.tokens import holds_tokens

    if str(output) != "-":
        check_targets(output.parent, [output.name], force=force)
    key = required(read(key_file), "redact restore")
    content = _read(file)
    done = restored_file(content, format_ or format_of(str(file), content), key).encode()
    if not holds_tokens(content):
        click.echo("redact: nothing in it is encrypted", err=True)
    if str(output) == "-":
        sys.stdout.buffer.write(done)
        return
    with Staged(output.parent, private=True) as staged:
        staged.open(output.name).write(done)
        staged.publish(force=force)


def _read(file: Path) -> str:
    """The content of a file or of standard input, its line ends as they are."""
    try:
        with click.open_file(str(file), "rb") as opened:
            return str(opened.read(), "utf-8")
    except UnicodeDecodeError:
        pass
    except OSError as error:
        raise InputRejected(
            f"can't read the file: {(error.strerror or 'no reason given').lower()}", hint="check the path"
        ) from None
    raise InputRejected("the file is not text in UTF-8", hint="give a redacted transcript: .json, .vtt, .srt or .txt")
