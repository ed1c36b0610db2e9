"""`redact batch`: an archive of recordings, redacted unattended, on one machine or many."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from redact.cli.kept import rows, settings, stores
from redact.cli.options import chosen_options, chosen_policy, listening, share_of
from redact.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from redact.batch.archive import Archive
    from redact.batch.listing import Choice, Found
    from redact.batch.runner import Batch, Ended, Pool, Tell
    from redact.stores.ledger import Archived, RunRow
    from redact.stores.opened import Stores

_GIB = 1 << 30
# What a worker with the model `base` takes, with room: measured in docs/performance.md.
_WORKER_BYTES = 3 * _GIB // 2
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
    with _Run(ctx, source, dest, given) as made:
        if given["dry_run"]:
            found = made.batch.found(made.choice())
            pace = made.batch.ledger.seconds_a_second()
            click.echo(json.dumps(_plan(found, pace, made.workers), indent=1))
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
    with _Run(ctx, source, dest, given) as made:
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


class _Run:
    """What a run needs, made from the options; a context manager."""

    def __init__(self, ctx: click.Context, source: str, dest: str, given: dict[str, Any]) -> None:
        from redact.batch import events, metadata
        from redact.batch.archive import Archive
        from redact.batch.interrupts import Interrupts
        from redact.batch.runner import Batch
        from redact.batch.work import Job, usable_models
        from redact.stores.database import set_aside

        self._given = given
        self._ending = ExitStack()
        self._interrupts = self._ending.enter_context(Interrupts())
        self._tell: Tell = events.all_of(())
        self._until: datetime | None = None
        policy = chosen_policy(given)
        options = chosen_options(given, policy)
        self._from, self._to = Archive(source), Archive(dest)
        move_to = _checked(self._from, self._to, given["move_to"], policy.originals)
        kept = stores(ctx)
        if given["rebuild"]:
            set_aside(settings(ctx)["ledger"])
        self.workers = given["workers"] or _workers(given["device"])
        models, engine = usable_models(options.model)
        scratch = Path(self._ending.enter_context(tempfile.TemporaryDirectory(prefix="redact-batch-")))
        self._job = Job(
            self._from.url, self._to.url, options, settings(ctx), models,
            requires_basis=policy.lawful_basis == "required",
            seals=given["seals"] or policy.originals == "vault" or policy.clear_transcript == "vault", scratch=scratch,
        )  # fmt: skip
        known = metadata.known(self._from, given["metadata"])
        self.batch: Batch = Batch(self._job, kept, policy, engine, known, move_to, lambda event: self._tell(event))
        self._pool: Pool | None = None

    def __enter__(self) -> _Run:
        return self

    def __exit__(self, *error: Any) -> None:
        self._ending.close()

    def choice(self, settled_s: float = 0) -> Choice:
        """Which recordings, as the options say."""
        from redact.batch import listing

        given = self._given
        try:
            since = datetime.fromisoformat(given["since"]) if given["since"] else None
            if given["until"] and self._until is None:  # once: the next look is not tomorrow's
                self._until = listing.until(given["until"], datetime.now().astimezone())
        except ValueError:
            raise UsageError("--since or --until is no date or time", hint="such as 2026-03-01, and 06:00") from None
        if since and since.tzinfo is None:
            since = since.astimezone()
        return listing.Choice(
            include=given["include"] or listing.AUDIO, exclude=given["exclude"], since=since, limit=given["limit"],
            until=self._until, redo=given["redo"], rehash=given["rehash"], settled_s=settled_s,
        )  # fmt: skip

    def once(self, settled_s: float = 0) -> int:
        """One run; the exit code."""
        from redact.batch import events

        with self._telling():
            ended = self.batch.run(self._opened_pool(), self.choice(settled_s))
        if ended.run_id:
            self._write_report(ended)
        if events.is_terminal():
            told = events.told(ended.states) or "nothing to do"
            where = f"; its report: {self._to.url}/nights/{ended.run_id}.html" if ended.run_id else ""
            click.echo(f"{told} ({events.told(ended.listed)}){where}", err=True)
        if ended.error:
            from redact.cli.main import tell

            tell(ended.error)
            return int(ended.error.exit_code)
        return _code(ended)

    def _telling(self) -> ExitStack:
        from redact.batch import events

        stack = ExitStack()
        tellers: list[Tell] = []
        if events.is_terminal():
            tellers.append(stack.enter_context(events.live_table()))
        else:
            tellers.append(events.json_lines(sys.stdout))
        if self._given["metrics"]:
            tellers.append(events.metrics(self._given["metrics"]))
        if self._given["webhook"]:
            url = self._given["webhook"]
            if not url.startswith(("http://", "https://")):
                raise UsageError("--webhook is not an address of the web", hint="give http://… or https://…")
            tellers.append(events.webhook(url, lambda what: click.echo(f"redact: {what}", err=True)))
        self._tell = events.all_of(tellers)
        return stack

    def _opened_pool(self) -> Pool:
        """Workers, which are kept from one look to the next."""
        if self._pool is None:
            made = self._ray_pool() if self._given["engine"] == "ray" else self._local_pool()
            self._pool = self._ending.enter_context(made)
        return self._pool

    def _local_pool(self) -> Any:
        from redact.batch.pool import Limits, LocalPool

        given = self._given
        memory = given["memory_limit"] * _GIB if given["memory_limit"] else 0.9 * _memory_bytes() / self.workers
        return LocalPool(self.workers, self._job, Limits(int(memory), given["time_limit"]), self._interrupts.check)

    def _ray_pool(self) -> Any:
        from redact.batch.pool import Limits
        from redact.batch.ray_pool import RayPool

        limits = Limits(0, self._given["time_limit"])
        cpus, gpus = self._given["threads"], float(self._given["device"] == "cuda")
        return RayPool(self.workers, self._job, limits, self._interrupts.check, cpus=cpus, gpus=gpus)

    def _write_report(self, ended: Ended) -> None:
        from redact.batch import night

        run = next(row for row in self.batch.ledger.runs(10) if row.run_id == ended.run_id)
        told = night.summary(run, list(self.batch.ledger.rows(run_id=run.run_id)))
        contents = {".json": json.dumps(told, indent=1) + "\n", ".html": night.page(told)}
        with tempfile.TemporaryDirectory(prefix="redact-night-") as folder:
            for suffix, content in contents.items():
                file = Path(folder, run.run_id + suffix)
                file.write_text(content, encoding="utf-8")
                self._to.put(file, f"nights/{file.name}")


def _plan(found: Found, pace: float | None, workers: int) -> dict[str, Any]:
    from redact.batch.runner import USUAL_PACE

    sound_s = found.sound_s
    return {
        "calls": len(found.tasks), "sound_hours": round(sound_s / 3600, 2), "workers": workers,
        "estimated_hours": round(sound_s * (pace or USUAL_PACE) / workers / 3600, 2),
        "estimated_from": "calls done before" if pace else "a usual pace",
        "originals_to_retire": len(found.retire), "without_metadata": found.without_metadata,
        "listed": dict(sorted(found.listed.items())),
    }  # fmt: skip


def _code(ended: Ended) -> int:
    wrong = sum(count for state, count in ended.states.items() if state != "done")
    return int(ExitCode.SOME_FAILED if wrong or ended.left else ExitCode.OK)


def _ledger(kept: Stores, dest: str) -> Archived:
    from redact.batch.archive import Archive

    return kept.ledger.archive(Archive(dest).url)


def _run_facts(run: RunRow) -> dict[str, Any]:
    return {"id": run.run_id, "began_at": run.began_at, "ended_at": run.ended_at, "outcome": run.outcome}


def _source_of(kept: Stores, recording_id: str) -> str:
    from redact.custody import sources_of

    return ", ".join(each["source"] for each in sources_of(kept.vault, recording_id)) or "unknown"


def _checked(source: Archive, dest: Archive, move_to: str | None, originals: str) -> Archive | None:
    """Where originals move to; refuses what would have a run eat its own outputs."""
    from redact.batch.archive import Archive

    target = Archive(move_to) if move_to else None
    if (originals == "move") != (target is not None):
        raise UsageError(
            "the policy moves originals, and nobody says where" if target is None else "--move-to, and a policy that "
            "leaves originals where they are", hint="--move-to URL goes with originals: move in the policy",
        )  # fmt: skip
    for place in (dest, target):
        if place and _is_within(place, source):
            raise UsageError("outputs would lie in the archive itself", hint="choose a folder outside of it")
    if target and (_is_within(target, dest) or _is_within(dest, target)):
        raise UsageError("originals would lie among the outputs", hint="choose a folder of their own for --move-to")
    return target


def _is_within(place: Archive, other: Archive) -> bool:
    return f"{place.url}/".startswith(f"{other.url}/")


def _workers(device: str) -> int:
    if device == "cuda":
        return 1
    return max(1, min(len(os.sched_getaffinity(0)), int(_memory_bytes() // _WORKER_BYTES)))


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
