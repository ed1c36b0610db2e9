"""A run over an archive: what is open is found by the ledger, worked on, and each outcome booked.

The order of writing is what makes it safe. A recording's outputs are published by its worker, its report last; then
the way back from its id is sealed; then the ledger says that it is done; and only then may its original go. Whatever
ends the processes in between, the next run finds the ledger behind the outputs, never before them.
"""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, Self

from redact.batch.archive import Archive, Item
from redact.batch.listing import Choice, Found, Listing
from redact.batch.metadata import Known
from redact.batch.originals import Originals
from redact.batch.pool import TRIES, stopped
from redact.batch.work import Job, Outcome, Task, failure
from redact.custody import Custodian, note_source, terms_beside
from redact.errors import NoLawfulBasis, RedactError
from redact.stores.ledger import Archived, Done
from redact.stores.opened import Stores

# Seconds of work of one thread for one of sound, before anything was measured here.
USUAL_PACE = 0.2


class Pool(Protocol):
    """Where recordings are worked on: processes of this machine, or of a cluster."""

    count: int

    def results(self, tasks: Iterator[Task], lost: Callable[[Task, int], None]) -> Iterator[tuple[Task, Outcome]]:
        """Each task with its outcome, in the order in which they end."""

    def __enter__(self) -> Self:
        """Get ready."""

    def __exit__(self, *error: Any) -> None:
        """End what still works."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, without a personal value: `run_began`, `call_ended`, `worker_lost`, `run_ended`."""

    name: str
    facts: Mapping[str, Any]


Tell = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended.

    Attributes:
        run_id: empty where there was nothing to do, and nothing was written.
        states: how many recordings ended in each state in this run.
        error: what ended it early.
        left: how many recordings it was to redact and did not begin, for `until` or `limit`.
    """

    run_id: str
    states: Mapping[str, int]
    listed: Mapping[str, int]
    error: RedactError | None = None
    left: int = 0


class Batch:
    """Runs over one archive.

    Args:
        job: how its recordings are worked on.
        stores: where things are kept.
        engine: digest of models and version.
        known: what is known of recordings beside their sound.
        move_to: where originals go, if the policy moves them.
        tell: told of each event.
    """

    def __init__(
        self, job: Job, stores: Stores, engine: str, known: Known, move_to: Archive | None, tell: Tell
    ) -> None:
        self.source, self.dest = Archive(job.source), Archive(job.dest)
        self.stores = stores
        self._policy = policy = job.options.loaded_policy()
        self._engine = engine
        self._tell = tell
        self.ledger: Archived = stores.ledger.archive(self.dest.url)
        self._custodian = Custodian(stores, requires_basis=job.requires_basis, seals=job.seals)
        self._listing = Listing(self.source, self.ledger, stores, policy, engine, known)
        self._originals = Originals(self.source, self.dest, self.ledger, stores, policy, move_to)
        self._failures: dict[str, int] = {}

    def found(self, choice: Choice) -> Found:
        """What there is to do. Nothing is written.

        Raises:
            RedactError: the archive can't be listed, or the metadata are wrong.
        """
        return self._listing.found(choice)

    def run(self, pool: Pool, choice: Choice) -> Ended:
        """One run, the only one on this archive at the time.

        Raises:
            Locked: another run is at work on it.
            RedactError: the archive can't be listed, or the stores can't be written to.
        """
        with self.ledger.alone():
            interrupted = self.ledger.reopen(("running",))
            if interrupted:
                self._sweep()
            found = self.found(choice)
            if not found.tasks and not found.retire:
                return Ended("", {}, found.listed)
            with self.stores.audit.action("batch.run") as counts, ExitStack() as ending:
                run_id = self.ledger.begin_run(
                    self._policy.name, self._policy.digest, self._engine, pool.count, found.listed
                )
                outcome = {"name": "killed"}
                ending.callback(lambda: self.ledger.end_run(run_id, outcome["name"]))
                self._tell(Event("run_began", self._opening(run_id, found, pool.count)))
                states: Counter[str] = Counter()
                error = self._worked(pool, found, choice, run_id, states)
                counts |= states
                outcome["name"] = error.reason if error else "finished"
            states = +states  # without those that are none
            done = sum(count for state, count in states.items() if state != "original_stays")
            left = len(found.tasks) - done + found.listed["over_limit"]
            ended = Ended(run_id, states, found.listed, error, left)
            self._tell(Event("run_ended", {"run": run_id, "states": dict(states), "outcome": outcome["name"]}))
            return ended

    def _opening(self, run_id: str, found: Found, workers: int) -> dict[str, Any]:
        pace = self.ledger.seconds_a_second() or USUAL_PACE
        return {
            "run": run_id, "calls": len(found.tasks), "sound_s": round(found.sound_s), "workers": workers,
            "estimated_s": round(found.sound_s * pace / workers), "listed": dict(found.listed),
            "without_metadata": found.without_metadata,
        }  # fmt: skip

    def _worked(
        self, pool: Pool, found: Found, choice: Choice, run_id: str, states: Counter[str]
    ) -> RedactError | None:
        """Have all tasks done and booked; what ended that early, if anything did."""
        self.ledger.put(row for _, row in found.tasks)
        self._failures = {row.source: row.attempts for _, row in found.tasks}
        try:
            for item, row in found.retire:
                states["original_stays"] += self._stays(item, row.source, row.recording_id)
            for task, outcome in pool.results(self._fed(found, choice, run_id, states), self._lost):
                if outcome.stop:
                    self.ledger.reopen(("running",))
                    return stopped(outcome.stop)
                state = self._book(task, outcome)
                states[state] += 1
                if state == "done":
                    states["original_stays"] += self._stays(task.item, task.source, outcome.done.recording_id)
        except RedactError as error:
            with contextlib.suppress(RedactError):
                self.ledger.reopen(("running",))
            return error
        return None

    def _fed(self, found: Found, choice: Choice, run_id: str, states: Counter[str]) -> Iterator[Task]:
        """Tasks, as workers become free for them."""
        for task, row in found.tasks:
            if choice.until and datetime.now(UTC) >= choice.until:
                return
            self.ledger.begin(task.source, run_id)
            if row.state != "pending" or task.metadata.is_refused:  # known before anything is read
                done = Done("refused", "table_says_no") if task.metadata.is_refused else Done(row.state, row.reason)
                states[self._book(task, Outcome(task.source, done))] += 1
                continue
            yield task

    def _lost(self, task: Task, tries: int) -> None:
        self.ledger.lost(task.source, tries)
        self._tell(Event("worker_lost", {"source": task.source, "tries": tries}))

    def _book(self, task: Task, outcome: Outcome) -> str:
        """Seal the way back, then the ledger."""
        done = self._given_up(task.source, outcome.done)
        try:
            self._seal_map(task, done.recording_id or task.source)
        except NoLawfulBasis as error:  # it was erased since its worker ended
            done = failure(error)
        self.ledger.end(task.source, done, policy=self._policy.digest, engine=self._engine)
        self._tell(
            Event(
                "call_ended",
                {
                    "source": task.source, "id": done.recording_id, "state": done.state, "reason": done.reason,
                    "sound_s": round(done.duration_ms / 1000, 1), "work_s": round(done.work_ms / 1000, 1),
                    "adopted": outcome.adopted,
                },
            )
        )  # fmt: skip
        return done.state

    def _given_up(self, source: str, done: Done) -> Done:
        """What fails again and again, other than by not being reached, is set apart."""
        if done.state != "failed" or done.reason == "io":
            return done
        failures = self._failures[source] = self._failures.get(source, 0) + 1
        self.ledger.lost(source, failures)
        return done if failures < TRIES else replace(done, state="quarantined")

    def _seal_map(self, task: Task, recording_id: str) -> None:
        """Keep which file an id is of, and what its metadata say in clear: in the vault, under the recording's key.

        What they say of whose the call is goes to the index as well: of all its places, for here one comes after the
        other, while two workers may be at work on the same recording.
        """
        known = task.metadata
        own = {"source": f"{self.source.url}/{task.item.path}", "agent": known.agent, **known.beside}
        places = note_source(self.stores.vault, recording_id, own)
        if self._policy.subject_index and recording_id != task.source:
            self.stores.index.add(recording_id, {term for place in places for term in terms_beside(place)})
            self._custodian.require_kept(lambda: None, recording_id)

    def _stays(self, item: Item, source: str, recording_id: str) -> bool:
        """Retire an original; True where it stays, though the policy wants it gone."""
        reason = self._originals.retire(item, source, recording_id)
        if reason:
            self._tell(Event("original_stays", {"source": source, "id": recording_id, "reason": reason}))
        return bool(reason)

    def _sweep(self) -> None:
        """Remove what a killed process may have left between two names: whole, redacted, and nobody's any more."""
        if self.dest.is_local:
            for part in Path(self.dest.root).glob("??/.*.part"):
                with contextlib.suppress(OSError):
                    part.unlink()
