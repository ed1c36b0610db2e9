"""What the commands that keep things have in common: the stores of the settings, and tables of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from redact.governance.organisation import Organisation, Spoken
    from redact.settings import Settings
    from redact.stores.opened import Stores


def settings(ctx: click.Context) -> Settings:
    """The settings of this run."""
    from redact.settings import Settings, load

    return ctx.find_object(Settings) or load()


def stores(ctx: click.Context) -> Stores:
    """Where things are kept. Nothing is opened yet; what is opened is closed with the command."""
    from redact.stores.opened import Stores

    kept = Stores(settings(ctx))
    ctx.call_on_close(kept.close)
    return kept


def organisation(ctx: click.Context) -> Organisation:
    """Who answers for the recordings, as the settings' file has it.

    Raises:
        PolicyError: the file is wrong.
    """
    from redact.governance.organisation import load

    return load(settings(ctx)["organisation"])


def spoken(ctx: click.Context) -> Spoken:
    """The same in each language.

    Raises:
        PolicyError: a file is wrong.
    """
    from redact.governance.organisation import spoken

    return spoken(settings(ctx)["organisation"])


def tell_untold(told: Spoken, languages: Iterable[str]) -> None:
    """Say on stderr which texts a language's file leaves out, where a document is made in that language."""
    for file, keys in told.untold.items():
        if any(file.endswith(f".{language}.{file.rpartition('.')[2]}") for language in languages):
            click.echo(
                f"redact: {file} leaves out {', '.join(keys)}: another language's words stand there\n"
                f"  next: say them in {file}, then make the document again",
                err=True,
            )


def moment(text: str | None) -> datetime | None:
    """A time with its offset, as somebody has typed it; None where nobody has.

    Raises:
        ValueError: it is none.
    """
    from datetime import datetime

    from redact.stores.consent import moment

    return datetime.fromisoformat(moment(text)) if text else None


def local(at: str) -> str:
    """A time as people here read it, on the clock of this machine (`TZ`), with its offset; empty for none."""
    from datetime import datetime

    return datetime.fromisoformat(at).astimezone().isoformat(" ", "minutes") if at else ""


def rows(head: Sequence[str], found: Iterable[Sequence[object]]) -> None:
    """Print rows in columns, each as wide as its widest cell."""
    table = [[str(cell) for cell in row] for row in (head, *found)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
