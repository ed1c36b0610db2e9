"""How far something long is: a bar at a terminal, and a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# So often is it told where nobody watches: in a log of cron, or systemd's.
_LINE_EVERY_S = 30.0


@contextmanager
def steps(what: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    """A function to be called with what is done and what there is in all.

    Args:
        what: is being done, for the line.
        unit: of the counts, such as `keys`; `bytes` are shown as MiB.
    """
    if not sys.stderr.isatty():
        yield _lines(what, unit)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    with Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[told]}"), TimeElapsedColumn(),
        TextColumn("left"), TimeRemainingColumn(), console=Console(stderr=True), transient=True,
    ) as bar:  # fmt: skip
        line = bar.add_task(what, total=None, told="")
        yield lambda done, total: bar.update(line, completed=done, total=max(total, 1), told=_told(done, total, unit))


def _lines(what: str, unit: str) -> Callable[[int, int], None]:
    last = time.monotonic()

    def advance(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= _LINE_EVERY_S:
            last = time.monotonic()
            click.echo(f"{what}: {_told(done, total, unit)}", err=True)

    return advance


def _told(done: int, total: int, unit: str) -> str:
    if unit == "bytes":
        return f"{done / 2**20:,.1f} of {total / 2**20:,.1f} MiB"
    return f"{done:,} of {total:,} {unit}"
