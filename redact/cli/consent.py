"""`redact consent`: what allows each call to be processed."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from redact.cli.kept import moment, organisation, rows, stores
from redact.errors import ExitCode, InputRejected, UsageError

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
    """Notes an objection to legitimate interest: for a call, or for all calls of a person. - reads it from stdin.

    It reaches no other basis, and says how many records have one.
    """
    kept = stores(ctx)

    def note(person: str, when: datetime | None) -> int:
        bases = kept.consent.bases(person)
        reached = bases.pop("legitimate_interest", 0)
        others = _counts(dict(bases))
        if others and not reached:
            raise UsageError(
                f"an objection counts for legitimate interest, and none of these records rests on it: {others}",
                hint="where it is consent: redact consent withdraw",
            )
        kept.consent.object(person, when)
        if others:
            click.echo(
                f"redact: the objection does not reach {bases.total()} records of another basis: {others}\n"
                "  next: where it is consent, redact consent withdraw",
                err=True,
            )
        return reached

    _noted(kept, "consent.object", note, reference, at)


@consent.command("apply")
@click.pass_context
def apply(ctx: click.Context) -> None:
    """Lets withdrawals and objections reach calls that were processed before, as the organisation's file says.

    `consent.on_withdrawal` there: hold, redact (the original is erased) or erase. Exit code 1 where one could not be.
    """
    from redact.governance import consents
    from redact.governance.places import Places

    rules = organisation(ctx)
    applied = consents.apply(stores(ctx), rules.consent, Places(rules.archives))
    what = {"hold": "held", "redact": "without their originals", "erase": "erased"}[rules.consent.on_withdrawal]
    click.echo(
        f"{applied.calls} recordings of calls without a basis: {applied.done} {what}, {applied.already} were before"
        + (f", {applied.released} were released from it" if applied.released else "")
    )
    for reason, count in sorted(applied.failed.items()):
        click.echo(f"{count} could not be: {reason}; run it again", err=True)
    ctx.exit(ExitCode.SOME_FAILED if applied.failed else ExitCode.OK)


@consent.command("release")
@click.argument("reference", metavar="ID_OR_PERSON")
@click.option(
    "--reason", type=click.Choice(["overridden", "claims", "consented_anew", "mistake"]), required=True,
    help="Our grounds override the person's (GDPR, Art. 21(1)), legal claims, a new consent, or noted by mistake.",
)  # fmt: skip
@click.pass_context
def release(ctx: click.Context, reference: str, reason: str) -> None:
    """Ends the hold that a withdrawal or an objection has brought (consent apply), which then stays ended.

    Takes the id of a recording or call, or a person for all of their calls; - reads it from stdin. What is withdrawn or
    objected to anew is held again. Exit code 1 where a recording stays restricted for another cause.
    """
    from redact.governance import consents
    from redact.governance.places import Places

    known = sys.stdin.readline().strip() if reference == "-" else reference
    done = consents.release(stores(ctx), Places(organisation(ctx).archives), known, cast("Any", reason))
    click.echo(f"released: {len(done.free)} recordings")
    if done.left:
        click.echo(
            f"{len(done.left)} stay restricted: a request restricts them, or another person of the call has withdrawn\n"
            "  next: redact subject restrict CASE --lift, or redact consent release ID of the recording",
            err=True,
        )
    ctx.exit(ExitCode.SOME_FAILED if done.left else ExitCode.OK)


@consent.command("coverage")
@click.option(
    "--by", type=click.Choice(["week", "queue"]), default="week", show_default=True, help="In groups of what."
)
@click.option("--json", "as_json", is_flag=True, help="As JSON: both groups.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="A page, as a .html file.")
@click.option("--language", type=click.Choice(["en", "fr"]), default="en", show_default=True, help="Of the page.")
@click.option("--force", is_flag=True, help="Replace a file that exists.")
@click.pass_context
def coverage(ctx: click.Context, *, by: str, as_json: bool, output: Path | None, language: str, force: bool) -> None:
    """Tells what share of the calls that batches have looked at had a lawful basis."""
    from redact.governance import consents
    from redact.governance.places import Places

    kept = stores(ctx)
    places = Places(organisation(ctx).archives)
    if not places.archives:
        raise UsageError(
            "the organisation's file names no archive", hint="list the folders of redacted outputs under `archives`"
        )
    told = consents.coverage(
        row for archive in places.archives for row in kept.ledger.archive(archive.url).processed()
    )  # fmt: skip
    if output:
        from redact.publish import Staged

        with Staged(output.absolute().parent) as staged:
            staged.open(output.name).write(consents.page(told, language).encode())
            staged.publish(force=force)
    if as_json:
        click.echo(json.dumps(told, indent=1))
    elif not output:
        groups = {**told[f"by_{by}"], "all": told["all"]}
        rows(
            [by.upper(), "CALLS", "WITH BASIS", "SHARE", "BASES"],
            (
                [name or "unknown", each["calls"], each["with_basis"], _share(each["share"]), _counts(each["by_basis"])]
                for name, each in groups.items()
            ),
        )


@consent.command("evidence")
@click.argument("folder", metavar="DIR")
@click.option("--answer", type=click.Choice(["yes", "no", "none"]), help="Only these.")
@click.option("--json", "as_json", is_flag=True, help="As JSON lines, times in milliseconds.")
@click.pass_context
def evidence(ctx: click.Context, folder: str, answer: str | None, *, as_json: bool) -> None:  # noqa: ARG001
    """Lists calls of DIR that speak of their being recorded, and where: to be listened to by a person.

    It is a hint, and no consent: record that with `redact consent import`, the id as its evidence_ref.
    """
    from redact.batch.archive import Archive
    from redact.governance import consents

    found = [each for each in consents.evidence(Archive(folder)) if answer in {None, each["answer"]}]
    if as_json:
        for each in found:
            click.echo(json.dumps(each))
        return
    times = ([e["id"], _clock(e["notice_ms"]), _clock(e["answer_ms"]), e["answer"]] for e in found)
    rows(["RECORDING", "NOTICE AT", "ANSWER AT", "ANSWER"], times)


def _clock(ms: int | None) -> str:
    return "-" if ms is None else f"{ms // 60_000}:{ms % 60_000 / 1000:04.1f}"


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items())


def _noted(kept: Stores, action: Action, note: Callable[..., int], reference: str, at: str | None) -> None:
    # A command line stays in the shell's history, and others see it while it runs.
    person = sys.stdin.readline().strip() if reference == "-" else reference
    with kept.audit.action(action) as counts:
        counts["records"] = note(person, moment(at))
    click.echo(f"noted in {counts['records']} records")
