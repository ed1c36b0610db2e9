"""What the commands that keep things have in common: the stores of the settings, and tables of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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


def rows(head: Sequence[str], found: Iterable[Sequence[object]]) -> None:
    """Print rows in columns, each as wide as its widest cell."""
    table = [[str(cell) for cell in row] for row in (head, *found)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
