"""`redact retention`: what is kept longer than the organisation says, erasing it, and what must not be erased."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from redact.cli.kept import organisation, rows, stores
from redact.errors import Damaged, ExitCode, UsageError

if TYPE_CHECKING:
    from redact.governance.organisation import Organisation
    from redact.governance.places import Places
    from redact.governance.retention import Plan

_json = click.option("--json", "as_json", is_flag=True, help="As JSON.")
_reference = click.argument("reference", metavar="ID_OR_CALL")


@click.group()
def retention() -> None:
    """Erases what is older than the organisation's file says, certifies it, and keeps what is on legal hold."""


@retention.command("plan")
@_json
@click.pass_context
def plan(ctx: click.Context, *, as_json: bool) -> None:
    """Shows what is due now and within 30 days, by class. Nothing is written."""
    from redact.governance import retention as own

    rules, places = _rules(ctx)
    _show(own.plan(stores(ctx), rules, places), as_json=as_json)


@retention.command("apply")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be erased, as `plan` does.")
@click.option(
    "--export-logs", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
    help="Write rows of the log there before they go: names of accounts, ids and times, for their owner alone.",
)  # fmt: skip
@_json
@click.pass_context
def apply(ctx: click.Context, *, dry_run: bool, export_logs: Path | None, as_json: bool) -> None:
    """Erases what is due, with a certificate for each. It may be interrupted, and goes on when it is run again.

    First comes what was begun before, and what a restored backup has brought back. Exit code 1 where something that is
    due could not be erased.
    """
    from redact.governance import retention as own

    rules, places = _rules(ctx)
    kept = stores(ctx)
    if dry_run:
        _show(own.plan(kept, rules, places), as_json=as_json)
        return
    is_terminal = sys.stderr.isatty()

    def progress(name: str, done: int, total: int) -> None:
        if is_terminal:
            click.echo(f"\r{name}: {done} of {total}", err=True, nl=done == total)

    applied = own.apply(kept, rules, places, progress=progress, export_logs=export_logs)
    if as_json:
        click.echo(json.dumps({"erased": applied.erased, "failed": applied.failed}, sort_keys=True))
    else:
        rows(["WHAT", "ERASED"], sorted((+applied.erased).items()) or [["nothing", 0]])
        for reason, count in sorted(applied.failed.items()):
            click.echo(f"{count} could not be erased: {reason}; run it again", err=True)
    ctx.exit(ExitCode.SOME_FAILED if applied.failed else ExitCode.OK)


@retention.command("hold")
@click.argument("reference", metavar="[ID_OR_CALL]", required=False)
@click.option("--reason", metavar="WORD", help="Why, in a word for the log, such as litigation.")
@click.option("--case", "case_id", default="", metavar="ID", help="A case that it belongs to.")
@click.pass_context
def hold(ctx: click.Context, reference: str | None, reason: str | None, case_id: str) -> None:
    """Keeps recordings or a case from being erased, by id or by the call's reference. - reads it from stdin.

    Without any, lists what is on hold.
    """
    from redact.governance import holds
    from redact.stores.data_keys import IDS

    kept = stores(ctx)
    if reference is None:
        held = kept.marks.all("legal_hold")
        rows(["ID", "SINCE", "REASON", "CASE"], ([m.recording_id, m.at, m.reason, m.case_id or "-"] for m in held))
        return
    if not reason or not reason.replace("_", "").isalnum() or not reason.isascii() or len(reason) > 40:
        raise UsageError("a hold wants a reason of one word", hint="such as --reason litigation: the log holds no text")
    if case_id and not (IDS.fullmatch(case_id) and len(case_id) <= 40):
        raise UsageError("--case is not an id", hint="give the id of a request or breach")
    found = holds.place(kept, _rules(ctx)[1], _typed(reference), reason, case_id)
    click.echo(f"on hold: {', '.join(found)}")


@retention.command("release")
@_reference
@click.pass_context
def release(ctx: click.Context, reference: str) -> None:
    """Lifts a hold, by id or by the call's reference. - reads it from stdin. What is overdue is erased next time."""
    from redact.governance import holds

    found = holds.release(stores(ctx), _rules(ctx)[1], _typed(reference))
    click.echo(f"released: {', '.join(found)}")


@retention.command("certificates")
@click.argument("recording_id", metavar="[ID]", required=False)
@_json
@click.pass_context
def certificates(ctx: click.Context, recording_id: str | None, *, as_json: bool) -> None:
    """Lists certificates of what was erased, and checks their signatures; exit code 9 where one was changed."""
    kept = stores(ctx)
    found = [each for each in kept.certificates.all() if recording_id in {None, each.recording_id}]
    wrong = [each for each in found if not kept.audit.is_signed(each.said(), each.signature)]
    if as_json:
        for each in found:
            click.echo(json.dumps({**asdict(each), "public_key": kept.audit.public_key, "signed": each not in wrong}))
    else:
        table = (
            [c.certificate_id, c.recording_id, c.at, c.scope, c.reason, c.case_id or "-", "no" if c in wrong else "yes"]
            for c in found
        )
        rows(["CERTIFICATE", "OF", "AT", "WHAT", "REASON", "CASE", "SIGNED"], table)
    if wrong:
        raise Damaged(
            f"{len(wrong)} certificates are not as they were signed", hint="tell who answers for data protection"
        )


def _rules(ctx: click.Context) -> tuple[Organisation, Places]:
    from redact.governance.places import Places

    rules = organisation(ctx)
    return rules, Places(rules.archives)


def _show(found: Plan, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(found.told(), indent=1))
        return
    lines: list[list[Any]] = []
    for name, each in found.classes.items():
        soon = f"{each.soon[0]}-{each.soon[1]}" if name == "logs" and each.soon else len(each.soon)
        lines.append([name, f"{each.months} months", each.count, soon, len(each.held), each.undated])
    rows(["CLASS", "KEPT FOR", "DUE", "IN 30 DAYS", "DUE BUT ON HOLD", "NO DATE"], lines)
    for what, count in (
        ("were being erased when a run was interrupted", len(found.unfinished)),
        ("were erased, and are here again from a backup", len(found.back)),
        ("archives of the ledger are not named in the organisation's file: apply refuses", found.unnamed),
    ):
        if count:
            click.echo(f"{count} {what}")


def _typed(reference: str) -> str:
    """A reference may be anybody's: a command line stays in the shell's history."""
    return sys.stdin.readline().strip() if reference == "-" else reference
