"""`redact consent`: what allows each call to be processed."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from redact.cli.kept import stores
from redact.errors import InputRejected, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from redact.stores.audit import Action
    from redact.stores.opened import Stores


@click.group()
def consent() -> None:
    """Records what allows calls to be processed. Persons are kept as keyed pseudonyms, never by name."""


@consent.command("import")
@click.argument("table", metavar="CSV", type=click.Path(path_type=Path))
@click.pass_context
def import_table(ctx: click.Context, table: Path) -> None:
    """Records the rows of a table: all, or none where one is wrong. Its columns are in docs/stores.md."""
    from redact.stores.consent import read_csv

    kept = stores(ctx)
    try:
        opened = table.open(encoding="utf-8-sig", newline="")
    except OSError:
        raise InputRejected("the table can't be read", hint="check its path and whose it is") from None
    with opened, kept.audit.action("consent.import") as counts:
        try:
            records = list(read_csv(opened, kept.consent))
        except UnicodeDecodeError:
            raise InputRejected("the table is not in UTF-8", hint="save it as CSV in UTF-8") from None
        counts["records"] = kept.consent.add(records)
    click.echo(f"recorded {counts['records']} rows")


@consent.command("show")
@click.argument("call_id", metavar="ID")
@click.pass_context
def show(ctx: click.Context, call_id: str) -> None:
    """Shows what is recorded of a call, as JSON lines, and whether it counts."""
    kept = stores(ctx)
    records = kept.consent.of(call_id)
    if not records:
        raise UsageError("nothing is recorded of that call", hint="record it with: redact consent import CSV")
    for record in records:
        click.echo(json.dumps({**asdict(record), "counts": not record.refusal(), "why_not": record.refusal()}))


_at = click.option("--at", metavar="TIME", help="When, as 2026-03-01T09:30:00+01:00. [default: now]")
_reference = click.argument("reference", metavar="CALL_OR_PERSON")


@consent.command("withdraw")
@_reference
@_at
@click.pass_context
def withdraw(ctx: click.Context, reference: str, at: str | None) -> None:
    """Notes that consent was withdrawn: for a call by its id, or for all calls of a person. - reads it from stdin."""
    kept = stores(ctx)
    _noted(kept, "consent.withdraw", kept.consent.withdraw, reference, at)


@consent.command("objection")
@_reference
@_at
@click.pass_context
def objection(ctx: click.Context, reference: str, at: str | None) -> None:
    """Notes an objection to legitimate interest: for a call, or for all calls of a person. - reads it from stdin."""
    kept = stores(ctx)
    _noted(kept, "consent.object", kept.consent.object, reference, at)


def _noted(kept: Stores, action: Action, note: Callable[..., int], reference: str, at: str | None) -> None:
    # A command line stays in the shell's history, and others see it while it runs.
    person = sys.stdin.readline().strip() if reference == "-" else reference
    with kept.audit.action(action) as counts:
        counts["records"] = note(person, _moment(at))
    click.echo(f"noted in {counts['records']} records")


def _moment(text: str | None) -> datetime | None:
    from datetime import datetime

    from redact.stores.consent import moment

    return datetime.fromisoformat(moment(text)) if text else None
