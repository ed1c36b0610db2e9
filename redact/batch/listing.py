"""What there is to do in an archive: its files, beside what the ledger knows of them. Nothing is written."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from redact import naming
from redact.batch.archive import Archive, Item, chosen
from redact.batch.metadata import NOTHING, Known, Metadata
from redact.batch.work import Task
from redact.errors import InputRejected
from redact.policy import Policy
from redact.stores.ledger import OPEN_STATES, Archived, Row, State
from redact.stores.opened import Stores

# So many files are compared with the ledger at a time.
_LOOKED_UP_AT_ONCE = 500
AUDIO = tuple(f"*{suffix}" for suffix in naming.RECORDINGS)


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


class Listing:
    """Lists an archive.

    Args:
        source: of the recordings.
        ledger: of their outputs.
        stores: where things are kept.
        policy: of the run.
        engine: digest of models and version.
        known: what is known of recordings beside their sound.
    """

    def __init__(
        self, source: Archive, ledger: Archived, stores: Stores, policy: Policy, engine: str, known: Known
    ) -> None:
        self._source = source
        self._ledger = ledger
        self._stores = stores
        self._policy = policy
        self._engine = engine
        self._known = known

    def found(self, choice: Choice) -> Found:
        """What there is to do.

        Raises:
            RedactError: the archive can't be listed, or the metadata are wrong.
        """
        result = Found()
        items: list[Item] = []
        for item in self._source.items():
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
        sources = {self._stores.ledger.pseudonym("source", f"{self._source.url}\0{item.path}"): item for item in items}
        rows = {row.source: row for row in self._ledger.rows(list(sources))}
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
        return bool(row.content) and self._source.sha256(item.path) != row.content

    def _metadata(self, item: Item) -> tuple[Metadata | None, str]:
        """What is known of a recording, and why it can't be: one that is wrong does the others no harm."""
        try:
            return self._known(item.path), ""
        except InputRejected as error:
            return NOTHING, "io" if error.reason == "io" else "metadata"

    def _row(self, source: str, item: Item, metadata: Metadata, before: Row | None) -> Row:
        known = self._stores.ledger.pseudonym
        return replace(
            before or Row(source, item.size_bytes, item.stamp), state="pending", reason="",
            call=known("call", metadata.call_id), agent=known("agent", metadata.agent), queue=metadata.queue,
            recorded_at=metadata.recorded_at or self._recorded_at(item, metadata),
        )  # fmt: skip

    def _recorded_at(self, item: Item, metadata: Metadata) -> str:
        """When a call was recorded, by what is on record of its lawful basis; empty where that doesn't say."""
        records = self._stores.consent.of(metadata.call_at(item.path))
        return min((record.recorded_at for record in records if record.recorded_at), default="")


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
