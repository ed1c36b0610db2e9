"""A run over an archive: what is open is found by the ledger, worked on, and each outcome booked.

The order of writing is what makes it safe. A recording's outputs are published by its worker, its report last; then
the way back from its id is sealed; then the ledger says that it is done; and only then may its original go. Whatever
ends the processes in between, the next run finds the ledger behind the outputs, never before them.
"""

import contextlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any, Protocol, Self

from redact import naming
from redact.batch.archive import Archive, Item, chosen
from redact.batch.metadata import NOTHING, Known, Metadata
from redact.batch.pool import TRIES, stopped
from redact.batch.work import Job, Outcome, Task, report_path, wrong_outputs
from redact.custody import known_sources, terms_beside
from redact.errors import CannotWrite, InputRejected, KeyMissing, Locked, RedactError
from redact.policy import Policy
from redact.stores.ledger import OPEN_STATES, Archived, Done, Row, State
from redact.stores.opened import Stores
from redact.stores.vault import NOT_WHOLE

# So many files are compared with the ledger at a time.
_LOOKED_UP_AT_ONCE = 500
AUDIO = tuple(f"*{suffix}" for suffix in naming.RECORDINGS)
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
class Choice:
    """Which recordings a run takes.

    Attributes:
        include: patterns of names or paths, one of which has to match.
        exclude: patterns, none of which may.
        since: those that changed since then.
        limit: so many at most.
        until: no new recording is begun after that.
        redo: also what is done by another policy or other models.
        rehash: look at the content again where size and time are as they were.
        settled_s: leave alone what changed in so many last seconds: it may still be written to.
    """

    include: tuple[str, ...] = AUDIO
    exclude: tuple[str, ...] = ()
    since: datetime | None = None
    limit: int | None = None
    until: datetime | None = None
    redo: bool = False
    rehash: bool = False
    settled_s: float = 0


@dataclass
class Found:
    """What listing an archive found: what is to be done, and how many files there were of each kind.

    Attributes:
        tasks: long recordings first.
        retire: done, but their originals are not yet where the policy wants them.
        without_metadata: how many of the tasks the table of metadata lacks.
    """

    tasks: list[tuple[Task, Row]] = field(default_factory=list)
    retire: list[tuple[Item, Row]] = field(default_factory=list)
    listed: Counter[str] = field(default_factory=Counter)
    without_metadata: int = 0

    @property
    def sound_s(self) -> float:
        """Seconds of sound that are to be redacted, as estimated."""
        return sum(estimated_s(task.item) for task, _ in self.tasks)


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
        policy: of the job.
        engine: digest of models and version.
        known: what is known of recordings beside their sound.
        move_to: where originals go, if the policy moves them.
        tell: told of each event.
    """

    def __init__(
        self, job: Job, stores: Stores, policy: Policy, engine: str, known: Known, move_to: Archive | None, tell: Tell
    ) -> None:
        self.source, self.dest = Archive(job.source), Archive(job.dest)
        self.stores = stores
        self._policy = policy
        self._engine = engine
        self._known = known
        self._move_to = move_to
        self._tell = tell
        self.ledger: Archived = stores.ledger.archive(self.dest.url)
        self._failures: dict[str, int] = {}

    def found(self, choice: Choice) -> Found:
        """What there is to do. Nothing is written.

        Raises:
            RedactError: the archive can't be listed, or the metadata are wrong.
        """
        result = Found()
        items: list[Item] = []
        for item in self.source.items():
            if not chosen(item.path, choice.include, choice.exclude):
                result.listed["ignored"] += 1
            elif _is_too_old(item, choice.since):
                result.listed["older"] += 1
            elif _is_unsettled(item, choice.settled_s):
                result.listed["unsettled"] += 1
            else:
                items.append(item)
            if len(items) == _LOOKED_UP_AT_ONCE:
                self._compare(items, choice, result)
                items.clear()
        self._compare(items, choice, result)
        result.tasks.sort(key=lambda each: -estimated_s(each[0].item))
        if choice.limit is not None:
            result.listed["over_limit"] = max(0, len(result.tasks) - choice.limit)
            del result.tasks[choice.limit :]
        return result

    def _compare(self, items: Sequence[Item], choice: Choice, result: Found) -> None:
        sources = {self.stores.ledger.pseudonym("source", f"{self.source.url}\0{item.path}"): item for item in items}
        rows = {row.source: row for row in self.ledger.rows(list(sources))}
        for source, item in sources.items():
            row = rows.get(source)
            kind = self._kind(item, row, choice)
            result.listed[kind] += 1
            if kind in {"new", "changed", "open", "redone"}:
                metadata, wrong = self._metadata(item)
                result.without_metadata += metadata is None
                metadata = metadata or NOTHING
                before = row if row and kind == "open" else None
                fresh = self._row(source, item, metadata, before)
                if wrong:
                    state: State = "failed" if wrong == "io" else "quarantined"
                    fresh = replace(fresh, state=state, reason=wrong)
                # What somebody had tried again is made anew; what a killed process published is not.
                adopts = kind in {"new", "changed"} or (kind == "open" and not (row and row.recording_id))
                result.tasks.append((Task(source, item, metadata, adopts), fresh))
            elif row and self._is_to_retire(row):
                result.retire.append((item, row))

    def _is_to_retire(self, row: Row) -> bool:
        is_done = row.state == "done" and row.policy == self._policy.digest
        return is_done and row.original == "here" and self._policy.originals != "keep"

    def _kind(self, item: Item, row: Row | None, choice: Choice) -> str:
        if row is None:
            return "new"
        if row.size_bytes != item.size_bytes or row.stamp != item.stamp or (choice.rehash and self._differs(item, row)):
            return "changed"
        if row.state in OPEN_STATES:
            return "open"
        if row.state == "done" and (row.policy, row.engine) != (self._policy.digest, self._engine):
            return "redone" if choice.redo else "done_otherwise"
        return "unchanged" if row.state == "done" else row.state

    def _differs(self, item: Item, row: Row) -> bool:
        return bool(row.content) and self.source.sha256(item.path) != row.content

    def _metadata(self, item: Item) -> tuple[Metadata | None, str]:
        """What is known of a recording, and why it can't be: one that is wrong does the others no harm."""
        try:
            return self._known(item.path), ""
        except InputRejected as error:
            return NOTHING, "io" if error.reason == "io" else "metadata"

    def _row(self, source: str, item: Item, metadata: Metadata, before: Row | None) -> Row:
        known = self.stores.ledger.pseudonym
        return replace(
            before or Row(source, item.size_bytes, item.stamp), state="pending", reason="",
            call=known("call", metadata.call_id), agent=known("agent", metadata.agent), queue=metadata.queue,
            recorded_at=metadata.recorded_at or self._recorded_at(item, metadata),
        )  # fmt: skip

    def _recorded_at(self, item: Item, metadata: Metadata) -> str:
        """When a call was recorded, by what is on record of its lawful basis; empty where that doesn't say."""
        records = self.stores.consent.of(metadata.call_id or PurePosixPath(item.path).stem)
        return min((record.recorded_at for record in records if record.recorded_at), default="")

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
                states["original_stays"] += not self._retire(item, row.source, row.recording_id)
            for task, outcome in pool.results(self._fed(found, choice, run_id, states), self._lost):
                if outcome.stop:
                    self.ledger.reopen(("running",))
                    return stopped(outcome.stop)
                state = self._book(task, outcome)
                states[state] += 1
                if state == "done":
                    states["original_stays"] += not self._retire(task.item, task.source, outcome.done.recording_id)
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
        self._seal_map(task, done.recording_id or task.source)
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
        places = self._tell_map(recording_id, own)
        if self._policy.subject_index and recording_id != task.source:
            self.stores.index.add(recording_id, {term for place in places for term in terms_beside(place)})

    def _tell_map(self, recording_id: str, own: Mapping[str, str]) -> Sequence[Mapping[str, str]]:
        """Note what is known of one place at which a recording lies, beside what was known of it; all its places."""
        before: Sequence[Mapping[str, str]] = ()
        try:
            before = known_sources(self.stores.vault, recording_id)
        except KeyMissing as error:
            if error.reason != NOT_WHOLE:  # what can't be read for a moment must not be written over
                raise
        old: Mapping[str, str] = next((each for each in before if each["source"] == own["source"]), {})
        new = {**old, **own}
        places = [*(each for each in before if each["source"] != own["source"]), new]
        if new != old:  # the same recording may lie at several places
            self.stores.vault.seal(BytesIO(json.dumps(places).encode()), recording_id, "map")
        return places

    def _retire(self, item: Item, source: str, recording_id: str) -> bool:
        """Put the original where the policy wants it; False where it stays, though the policy wants it gone.

        It goes once its outputs are certain, and never another file of its name. What goes wrong with one doesn't keep
        the others from being redacted.
        """
        if self._policy.originals == "keep":
            return True
        try:
            reason = self._why_it_stays(item, recording_id)
            if not reason:
                self._dispose(item, source, recording_id)
        except (CannotWrite, Locked):
            raise  # what can't be logged or written stops the run
        except (RedactError, OSError, ValueError, KeyError, TypeError) as error:
            reason = getattr(error, "reason", type(error).__name__)
        if reason:
            self._tell(Event("original_stays", {"source": source, "id": recording_id, "reason": reason}))
        return not reason

    def _why_it_stays(self, item: Item, recording_id: str) -> str:
        """One word of few; empty where nothing keeps the original from going."""
        now = self.source.item(item.path)
        if now is None or now.stamp != item.stamp:
            return "changed"
        if self.source.is_link(item.path):
            return "link"
        if self.stores.marks.has(recording_id, "legal_hold"):
            return "legal_hold"
        report = self.dest.read(report_path(recording_id))
        outputs = json.loads(report)["outputs"] if report else {}
        if not outputs or wrong_outputs(self.dest, recording_id, outputs):
            return "outputs"
        if self._policy.originals == "vault":
            for _ in self.stores.vault.opened(recording_id, "original"):  # all of it is checked
                pass
        return ""

    def _dispose(self, item: Item, source: str, recording_id: str) -> None:
        what = self._policy.originals
        with self.stores.audit.action("original.move" if what == "move" else "original.delete", recording_id):
            if what == "move" and self._move_to:
                to = self._move_to
                place = self.source.place_in(to, item.path, self.source.sha256(item.path) or "")
                # Before it is there: whoever is asked to erase it has to find it.
                own = {"source": f"{self.source.url}/{item.path}", "moved_to": f"{to.url}/{place}"}
                self._tell_map(recording_id, own)
                self.source.move(item, to)
            else:
                self.source.remove(item.path)
        self.ledger.disposed(source, {"move": "moved", "vault": "vault", "delete": "deleted"}[what])

    def _sweep(self) -> None:
        """Remove what a killed process may have left between two names: whole, redacted, and nobody's any more."""
        if self.dest.is_local:
            for part in Path(self.dest.root).glob("??/.*.part"):
                with contextlib.suppress(OSError):
                    part.unlink()


def estimated_s(item: Item) -> float:
    """Seconds of sound in a file, by its size and ending."""
    ending = "." + item.path.rpartition(".")[2].lower()
    return item.size_bytes / naming.RECORDINGS.get(ending, 8_000)


def until(clock: str, now: datetime) -> datetime:
    """The next moment at which a clock shows `HH:MM`, in the time zone of `now`.

    Raises:
        ValueError: it is no such time.
    """
    hour, _, minute = clock.partition(":")
    at = now.replace(hour=int(hour), minute=int(minute or 0), second=0, microsecond=0)
    return at if at > now else at + timedelta(days=1)


def _is_too_old(item: Item, since: datetime | None) -> bool:
    return bool(since and item.modified_at and item.modified_at < since)


def _is_unsettled(item: Item, settled_s: float) -> bool:
    return bool(settled_s and item.modified_at and time.time() - item.modified_at.timestamp() < settled_s)
