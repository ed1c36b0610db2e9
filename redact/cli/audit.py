"""`redact audit`: the log of what was done."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from redact.cli.kept import rows, stores


@click.group()
def audit() -> None:
    """Checks and shows the log: who did what to which recording, when. It holds no value."""


@audit.command("verify")
@click.option("--heads", type=click.Path(path_type=Path), help="Signed heads. [default: those of the settings]")
@click.pass_context
def verify(ctx: click.Context, heads: Path | None) -> None:
    """Checks the whole log against itself and the signed heads; exit code 9 where somebody changed it."""
    from redact.errors import InputRejected
    from redact.stores.heads import read_heads

    if heads and not heads.is_file():
        raise InputRejected("there is no such file of signed heads", hint="check its path; is the share mounted?")

    log = stores(ctx).audit
    count = log.verify(list(read_heads(heads)) if heads else None)
    cuts = log.cuts()
    told = f"; it begins behind row {cuts[-1].seq}, where it was cut by a signed cut" if cuts else ""
    click.echo(f"{count} rows, none changed, none missing{told}")


@audit.command("export")
@click.option("--after", type=click.IntRange(0), default=0, show_default=True, help="Rows behind this number.")
@click.pass_context
def export(ctx: click.Context, after: int) -> None:
    """Prints the log as JSON lines, and the key that its heads are verified with on the last."""
    log = stores(ctx).audit
    log.add("audit.export", "done")
    for entry in log.entries(after):
        sys.stdout.write(json.dumps({**asdict(entry), "counts": json.loads(entry.counts)}) + "\n")
    sys.stdout.write(json.dumps({"public_key": log.public_key}) + "\n")


@audit.command("tail")
@click.option("-n", "--count", type=click.IntRange(1), default=20, show_default=True, help="Rows.")
@click.pass_context
def tail(ctx: click.Context, count: int) -> None:
    """Shows the last rows."""
    found = stores(ctx).audit.tail(count)
    rows(
        ["ROW", "AT", "WHO", "WHAT", "OUTCOME", "OF", "REASON", "COUNTS"],
        ([e.seq, e.at, e.actor, e.action, e.outcome, e.object_id, e.reason, e.counts] for e in found),
    )
