"""One run of a batch, from the options of the command line: its workers, who is told, its report."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from redact.cli.kept import settings, stores
from redact.cli.options import chosen_options, chosen_policy
from redact.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from redact.batch.archive import Archive
    from redact.batch.listing import Choice
    from redact.batch.runner import Batch, Ended, Pool, Tell

_GIB = 1 << 30
# What a worker with the model `base` takes, with room: measured in docs/performance.md.
_WORKER_BYTES = 3 * _GIB // 2


class Run:
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
        self._workers = given["workers"] or _workers(given["device"])
        models, engine = usable_models(options.model)
        scratch = Path(self._ending.enter_context(tempfile.TemporaryDirectory(prefix="redact-batch-")))
        self._job = Job(
            self._from.url, self._to.url, options, settings(ctx), models,
            requires_basis=policy.lawful_basis == "required",
            seals=given["seals"] or policy.originals == "vault" or policy.clear_transcript == "vault", scratch=scratch,
        )  # fmt: skip
        known = metadata.known(self._from, given["metadata"])
        self._batch: Batch = Batch(self._job, kept, engine, known, move_to, lambda event: self._tell(event))
        self._pool: Pool | None = None

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *error: Any) -> None:
        self._ending.close()

    def _choice(self, settled_s: float = 0) -> Choice:
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

    def plan(self) -> dict[str, Any]:
        """What a run would do, and how long that may take. Nothing is written."""
        from redact.batch.runner import USUAL_PACE

        found, pace = self._batch.found(self._choice()), self._batch.ledger.seconds_a_second()
        sound_s = found.sound_s
        return {
            "calls": len(found.tasks), "sound_hours": round(sound_s / 3600, 2), "workers": self._workers,
            "estimated_hours": round(sound_s * (pace or USUAL_PACE) / self._workers / 3600, 2),
            "estimated_from": "calls done before" if pace else "a usual pace",
            "originals_to_retire": len(found.retire), "without_metadata": found.without_metadata,
            "listed": dict(sorted(found.listed.items())),
        }  # fmt: skip

    def once(self, settled_s: float = 0) -> int:
        """One run; the exit code."""
        from redact.batch import events

        with self._telling():
            ended = self._batch.run(self._opened_pool(), self._choice(settled_s))
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
        memory = given["memory_limit"] * _GIB if given["memory_limit"] else 0.9 * _memory_bytes() / self._workers
        return LocalPool(self._workers, self._job, Limits(int(memory), given["time_limit"]), self._interrupts.check)

    def _ray_pool(self) -> Any:
        from redact.batch.pool import Limits
        from redact.batch.ray_pool import RayPool

        limits = Limits(0, self._given["time_limit"])
        cpus, gpus = self._given["threads"], float(self._given["device"] == "cuda")
        return RayPool(self._workers, self._job, limits, self._interrupts.check, cpus=cpus, gpus=gpus)

    def _write_report(self, ended: Ended) -> None:
        from redact.batch import night

        run = next(row for row in self._batch.ledger.runs(10) if row.run_id == ended.run_id)
        told = night.summary(run, list(self._batch.ledger.rows(run_id=run.run_id)))
        contents = {".json": json.dumps(told, indent=1) + "\n", ".html": night.page(told)}
        with tempfile.TemporaryDirectory(prefix="redact-night-") as folder:
            for suffix, content in contents.items():
                file = Path(folder, run.run_id + suffix)
                file.write_text(content, encoding="utf-8")
                self._to.put(file, f"nights/{file.name}")


def _code(ended: Ended) -> int:
    wrong = sum(count for state, count in ended.states.items() if state != "done")
    return int(ExitCode.SOME_FAILED if wrong or ended.left else ExitCode.OK)


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
