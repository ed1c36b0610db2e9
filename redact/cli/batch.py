"""`redact batch`: an archive of recordings, redacted unattended, on one machine or many."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from redact.cli.batch_run import Run
from redact.cli.kept import rows, stores
from redact.cli.options import chosen_options, chosen_policy, listening, share_of
from redact.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from redact.stores.ledger import Archived, RunRow
    from redact.stores.opened import Stores

_dest = click.argument("dest")


@click.group()
def batch() -> None:
    """Redacts an archive of recordings, and keeps count of every file.

    SOURCE and DEST are folders, or URLs that fsspec reaches: s3, gs, az, sftp. Needs `redact keys init` once.
    """


def _running(command: Any) -> Any:
    """The options of what redacts an archive."""
    for option in reversed(
        [
            listening(": batch wants a lawful basis for each call"),
            click.option(
                "--include", multiple=True, metavar="GLOB", help="Only files like this. [default: recordings]"
            ),
            click.option("--exclude", multiple=True, metavar="GLOB", help="But not files like this."),
            click.option("--since", metavar="DATE", help="Only what changed since then, such as 2026-03-01."),
            click.option("--metadata", metavar="FILE", help="Table of what is known of the calls; or the word beside."),
            click.option("--limit", type=click.IntRange(0), help="So many calls at most."),
            click.option("--until", metavar="HH:MM", help="Begin no call after that."),
            click.option("--redo", is_flag=True, help="Also what was done by another policy, model or version."),
            click.option("--rehash", is_flag=True, help="Look at contents, not just size and time."),
            click.option("--rebuild", is_flag=True, help="Set a damaged ledger aside and make one from the outputs."),
            click.option("--move-to", metavar="URL", help="Where originals go, if the policy says move."),
            click.option("--vault", "seals", is_flag=True, help="Keep each original in the vault as well."),
            click.option("--html", is_flag=True, help="Also a page for a browser for each call."),
            click.option("--key-file", type=click.Path(path_type=Path), help="Key of what the policy has keyed."),
            click.option("--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True),
            click.option(
                "--workers", type=click.IntRange(1), help="Processes. [default: one a core, as memory allows]"
            ),
            click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Of each process."),
            click.option("--memory-limit", type=float, metavar="GIB", help="Of each process, over which it is killed."),
            click.option("--time-limit", type=float, metavar="SECONDS", help="For each call. [default: by its length]"),
            click.option("--metrics", type=click.Path(path_type=Path), help="Figures for Prometheus, in this file."),
            click.option("--webhook", metavar="URL", help="Told when the run begins and ends."),
        ]
    ):
        command = option(command)
    return command


@batch.command("run")
@click.argument("source")
@_dest
@_running
@click.option("-n", "--dry-run", is_flag=True, help="Tell what would be done, and how long it may take.")
@click.pass_context
def run(ctx: click.Context, /, source: str, dest: str, **given: Any) -> None:
    """Redacts what is new in SOURCE into DEST, and ends."""
    with Run(ctx, source, dest, given) as made:
        if given["dry_run"]:
            click.echo(json.dumps(made.plan(), indent=1))
            ctx.exit(ExitCode.OK)
        ctx.exit(made.once())


@batch.command("watch")
@click.argument("source")
@_dest
@_running
@click.option("--every", type=float, default=30, show_default=True, metavar="SECONDS", help="Look again so often.")
@click.option(
    "--settled", type=float, default=30, show_default=True, metavar="SECONDS", help="Leave newer files alone."
)
@click.option("--looks", type=click.IntRange(1), help="End after so many looks. [default: never]")
@click.pass_context
def watch(ctx: click.Context, /, source: str, dest: str, **given: Any) -> None:
    """Redacts recordings as they come, until it is stopped."""
    code = 0
    with Run(ctx, source, dest, given) as made:
        looks = 0
        while given["looks"] is None or looks < given["looks"]:
            if looks:
                time.sleep(given["every"])
            looks += 1
            code = made.once(settled_s=given["settled"]) or code
            if code not in {ExitCode.OK, ExitCode.SOME_FAILED}:
                break
    ctx.exit(code)


@batch.command("status")
@_dest
@click.option("--names", is_flag=True, help="Also the sources of what is not done: from the vault, in clear, logged.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def status(ctx: click.Context, dest: str, *, names: bool, as_json: bool) -> None:
    """Tells how many calls of DEST are in which state, and why those that aren't done are not."""
    kept = stores(ctx)
    ledger = _ledger(kept, dest)
    states = ledger.states()
    last = ledger.runs(1)
    open_rows = list(ledger.rows(states=("held", "failed", "refused", "quarantined")))
    not_done = [{"id": row.recording_id or row.source, "state": row.state, "reason": row.reason} for row in open_rows]
    if names:
        with kept.audit.action("vault.open", reason="batch_status"):
            for each in not_done:
                each["source"] = _source_of(kept, each["id"])
    if as_json:
        told = {"states": dict(sorted(states.items())), "last_run": _run_facts(last[0]) if last else None}
        click.echo(json.dumps({**told, "not_done": not_done}, ensure_ascii=False))
        return
    rows(("state", "calls"), sorted(states.items()))
    if last:
        click.echo(f"last run {last[0].run_id}: {last[0].outcome}")
    if open_rows:
        columns = ("id", "state", "reason", *(("source",) if names else ()))
        rows(columns, [[each[name] for name in columns] for each in not_done])


@batch.command("retry")
@_dest
@click.option(
    "--state", "wanted", multiple=True, type=click.Choice(["failed", "quarantined", "held", "refused"]),
    default=("failed", "quarantined"), show_default=True, help="Of these states.",
)  # fmt: skip
@click.pass_context
def retry(ctx: click.Context, dest: str, wanted: tuple[str, ...]) -> None:
    """Has the next run try again what failed or was set apart."""
    ledger = _ledger(stores(ctx), dest)
    with ledger.alone():
        click.echo(f"{ledger.reopen(wanted)} calls will be tried again by the next run")  # type: ignore[arg-type]


@batch.command("report")
@_dest
@click.option("--run", "run_id", help="Of which run. [default: the last]")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="A .html or .json file. [default: JSON, printed]")
@click.option("--force", is_flag=True, help="Replace a file that exists.")
@click.pass_context
def report(ctx: click.Context, dest: str, run_id: str | None, output: Path | None, *, force: bool) -> None:
    """Tells what a run did with every file."""
    from redact.batch import night
    from redact.publish import Staged

    ledger = _ledger(stores(ctx), dest)
    found = [row for row in ledger.runs(1 if run_id is None else 10_000) if run_id in {None, row.run_id}]
    if not found:
        raise UsageError("there was no such run", hint="see the last one with: redact batch status DEST")
    told = night.summary(found[0], list(ledger.rows(run_id=found[0].run_id)))
    if output is None:
        click.echo(json.dumps(told, indent=1))
        return
    with Staged(output.absolute().parent) as staged:
        content = night.page(told) if output.suffix == ".html" else json.dumps(told, indent=1) + "\n"
        staged.open(output.name).write(content.encode())
        staged.publish(force=force)


@batch.command("verify")
@_dest
@click.option("--subset", default="100%", show_default=True, metavar="PERCENT", help="Of all that is done, by chance.")
@click.option("--listen", is_flag=True, help="Listen to them too: is anything personal still heard?")
@click.option("--seed", type=int, help="Of the choice, to make it again.")
@listening()
@click.pass_context
def verify(ctx: click.Context, /, dest: str, **given: Any) -> None:
    """Checks outputs against the ledger, byte by byte. Exit code 9 where one was changed or is missing."""
    from redact.batch import check
    from redact.batch.archive import Archive

    kept = stores(ctx)
    ledger = _ledger(kept, dest)
    chosen = check.subset(check.done_rows(ledger), share_of(given["subset"]), given["seed"])
    place = Archive(dest)
    listen = None
    if given["listen"]:
        from redact.pipeline import Redactor

        listen = check.still_hears(place, Redactor(chosen_options(given, chosen_policy(given))).verify_file)
    faults = [fault for fault in check.faults(place, chosen, listen) if fault]
    for fault in faults:
        click.echo(f"{fault.recording_id}: {fault.what.replace('_', ' ')}")
    click.echo(f"{len(chosen) - len(faults)} of {len(chosen)} are as the ledger says")
    if any(fault.what != "still_heard" for fault in faults):
        ctx.exit(ExitCode.DAMAGED)
    ctx.exit(ExitCode.VERIFICATION_FAILED if faults else ExitCode.OK)


def _ledger(kept: Stores, dest: str) -> Archived:
    from redact.batch.archive import Archive

    return kept.ledger.archive(Archive(dest).url)


def _run_facts(run: RunRow) -> dict[str, Any]:
    return {"id": run.run_id, "began_at": run.began_at, "ended_at": run.ended_at, "outcome": run.outcome}


def _source_of(kept: Stores, recording_id: str) -> str:
    from redact.custody import sources_of

    return ", ".join(each["source"] for each in sources_of(kept.vault, recording_id)) or "unknown"
