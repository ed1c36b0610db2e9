"""The ledger of batches: what became of each recording of an archive. It decides what is done, and done once.

It holds no personal data: a recording's path, its call and its agent are keyed pseudonyms, the outputs' names are
opaque. The way back from an id to its source lies in the vault.

A recording is `pending` until a worker has it, `running` until its outcome is known, and then one of the others. What
was `running` when a process was killed is pending again for the next one.
"""

import hmac
import json
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table, Text, case, func, insert, select, update

from redact.stores import processed
from redact.stores.data_keys import SOURCES, DataKeys
from redact.stores.database import ROWS_AT_ONCE, Database
from redact.stores.ledger_rows import STATES, WITHHELD, Done, Row, RunRow, State
from redact.stores.processed import Engine

__all__ = ["OPEN_STATES", "STATES", "Archived", "Done", "Ledger", "Row", "RunRow", "State"]

# What is tried again by the next run without being told: nothing was wrong with the recording itself.
OPEN_STATES: tuple[State, ...] = ("pending", "running", "failed", "refused")
# So many rows are looked up, or written, at a time.
_ROWS_AT_ONCE = 500
# So long a name of a policy is kept: its digest tells which it is.
_LONGEST_NAME = 80
_FINISHED: tuple[State, ...] = ("done", "held", "failed", "refused", "quarantined")

_META = MetaData()
_STRINGS = (
    "state", "reason", "run_id", "call", "agent", "queue", "recorded_at", "recording_id", "content", "policy", "engine",
    "report", "suffix", "language", "basis", "finished_at", "original", "was",
)  # fmt: skip
_RECORDINGS = Table(
    "recordings", _META,
    Column("archive", String, primary_key=True), Column("source", String, primary_key=True),
    Column("size_bytes", BigInteger), Column("stamp", String), Column("attempts", Integer),
    Column("duration_ms", BigInteger), Column("masked_ms", BigInteger), Column("work_ms", BigInteger),
    Column("replacements", Text), Column("doubts", Text), *(Column(name, String) for name in _STRINGS),
)  # fmt: skip
_RUNS = Table(
    "runs", _META,
    Column("run_id", String, primary_key=True), Column("archive", String), Column("began_at", String),
    Column("ended_at", String), Column("outcome", String), Column("policy_name", String), Column("policy", String),
    Column("engine", String), Column("workers", Integer), Column("listed", Text),
)  # fmt: skip


class Ledger:
    """All archives of an installation.

    Args:
        database: with the history `batches`.
        keys: hold that of the pseudonyms.
    """

    def __init__(self, database: Database, keys: DataKeys) -> None:
        self._database = database
        self._secret = keys.made(SOURCES).secret

    def pseudonym(self, what: str, value: str) -> str:
        """What something is known by here: equal for equal values, and not to be found by trying; empty for nothing.

        Args:
            what: kind of the value: a path, a call.
            value: in clear.
        """
        said = f"{what}\0{value}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._secret, said, "sha256").hex()[:32] if value else ""

    def unnamed(self, dests: Iterable[str]) -> int:
        """How many archives have recordings here, besides these by the URLs of their outputs."""
        own = {self.pseudonym("archive", dest) for dest in dests}
        with self._database.reading() as connection:
            return len(set(connection.execute(select(_RECORDINGS.c.archive).distinct()).scalars()) - own)

    def archive(self, dest: str) -> "Archived":
        """The part of the ledger that is of one archive.

        Args:
            dest: the URL or path of its outputs.
        """
        return Archived(self._database, self.pseudonym("archive", dest))


class Archived:
    """What is known of one archive."""

    def __init__(self, database: Database, archive: str) -> None:
        self._database = database
        self._archive = archive
        self._here = _RECORDINGS.c.archive == archive

    def alone(self) -> AbstractContextManager[None]:
        """Be the only run on this archive.

        Raises:
            Locked: another one is at work.
        """
        return self._database.alone(f"batch-{self._archive[:16]}")

    def rows(
        self, sources: Sequence[str] | None = None, *, states: Sequence[State] = STATES, run_id: str = ""
    ) -> Iterator[Row]:
        """Rows, in no order.

        Args:
            sources: of these recordings; None for all.
            states: in one of these states.
            run_id: of this run, if not empty.
        """
        wanted = self._here & _RECORDINGS.c.state.in_(states)
        if run_id:
            wanted &= _RECORDINGS.c.run_id == run_id
        parts = [None] if sources is None else list(_parts(sources))
        with self._database.reading() as connection:
            for part in parts:
                here = wanted if part is None else wanted & _RECORDINGS.c.source.in_(part)
                found = select(*_ROW_COLUMNS).where(here).execution_options(yield_per=ROWS_AT_ONCE)
                for row in connection.execute(found):
                    yield _row(row)

    def processed(self) -> Iterator[Row]:
        """All rows as documents count them: by what came of each, also where it was restricted or erased since.

        What was erased has neither a name nor a place here: see `redact.stores.processed`.
        """
        for row in self.rows():
            if row.state != "erased":
                yield processed.as_it_was(row)
        with self._database.reading() as connection:
            yield from processed.of_erased(connection, self._archive)

    def engines(self) -> dict[str, Engine]:
        """Models and versions of each engine that something was done by, by its digest."""
        with self._database.reading() as connection:
            return processed.engines(connection, self._archive)

    def states(self) -> Counter[str]:
        """How many recordings are in each state."""
        with self._database.reading() as connection:
            rows = connection.execute(
                select(_RECORDINGS.c.state, func.count().label("count")).where(self._here).group_by(_RECORDINGS.c.state)
            ).all()
        return Counter({state: int(count) for state, count in rows})

    def seconds_a_second(self) -> float | None:
        """Seconds of work for a second of sound, over all that is done; None where nothing is."""
        with self._database.reading() as connection:
            work, sound = connection.execute(
                select(func.sum(_RECORDINGS.c.work_ms), func.sum(_RECORDINGS.c.duration_ms)).where(
                    self._here & (_RECORDINGS.c.state == "done")
                )
            ).one()
        return float(work) / float(sound) if work and sound else None

    def put(self, rows: Iterable[Row]) -> None:
        """Add rows, or replace those of the same source."""
        for part in _parts(list(rows)):
            values = [{"archive": self._archive, **_stored(asdict(row))} for row in part]
            with self._database.writing() as connection:
                known = set(
                    connection.execute(
                        select(_RECORDINGS.c.source).where(
                            self._here & _RECORDINGS.c.source.in_([row.source for row in part])
                        )
                    ).scalars()
                )
                for value in values:
                    if value["source"] in known:
                        connection.execute(self._of(value["source"]).values(value))
                new = [value for value in values if value["source"] not in known]
                if new:
                    connection.execute(insert(_RECORDINGS), new)

    def begin(self, source: str, run_id: str) -> None:
        """A worker takes a recording."""
        self._change(source, {"state": "running", "run_id": run_id})

    def end(self, source: str, done: Done, *, policy: str, engine: str) -> None:
        """The outcome of a recording is known. When this returns, it is on the disk."""
        at = datetime.now(UTC).isoformat(timespec="seconds")
        told = _stored(asdict(done))
        by = Engine(told.pop("models"), told.pop("version"))
        values = {**told, "policy": policy, "engine": engine, "finished_at": at, "was": ""}
        with self._database.writing() as connection:  # what was erased meanwhile stays so
            connection.execute(self._of(source).where(_RECORDINGS.c.state != "erased").values(values))
            processed.note_engine(connection, self._archive, engine, by)

    def lost(self, source: str, attempts: int) -> None:
        """A worker died on a recording."""
        self._change(source, {"attempts": attempts})

    def disposed(self, source: str, original: str) -> None:
        """The original is where the policy wants it."""
        self._change(source, {"original": original})

    def corrected(self, recording_id: str, report: str) -> None:
        """A person had a recording made anew: its report is another now."""
        here = self._here & (_RECORDINGS.c.recording_id == recording_id)
        with self._database.writing() as connection:
            connection.execute(update(_RECORDINGS).where(here).values(report=report))

    def of(self, recording_id: str) -> tuple[Row, ...]:
        """The rows of a recording, one for each place that it lies at; of one that was never read, by its source."""
        here = self._known_as(recording_id)
        with self._database.reading() as connection:
            return tuple(map(_row, connection.execute(select(*_ROW_COLUMNS).where(here))))

    def known_by(self, column: Literal["call", "agent"], pseudonyms: Sequence[str]) -> tuple[Row, ...]:
        """The rows of calls, or of agents, by their pseudonyms."""
        with self._database.reading() as connection:
            return tuple(
                _row(row)
                for part in _parts(pseudonyms)
                for row in connection.execute(select(*_ROW_COLUMNS).where(self._here & _RECORDINGS.c[column].in_(part)))
            )

    def described(self, recording_id: str, facts: Mapping[str, str]) -> int:
        """What was known of a recording was wrong: language, queue or time; how many places it lies at."""
        if not set(facts) <= {"language", "queue", "recorded_at"}:
            raise ValueError("of a recording, only what was told of it can be put right")
        here = self._here & (_RECORDINGS.c.recording_id == recording_id)
        with self._database.writing() as connection:
            return int(connection.execute(update(_RECORDINGS).where(here).values(dict(facts))).rowcount)

    def erase(self, recording_id: str, *, report: str = "") -> int:
        """Forget a recording but for the place it lay at, so that no batch takes it up again; how many places.

        What came of it is added to the totals of what was processed, in the same transaction.

        Args:
            recording_id: of the recording; of one that was never read, its source.
            report: SHA-256 of its report, where that stays for a while; id and times stay with it then.
        """
        with self._database.writing() as connection:
            found = connection.execute(select(*_ROW_COLUMNS).where(self._known_as(recording_id))).all()
            for row in map(_row, found):
                processed.add(connection, self._archive, row)
                kept = Row(row.source, row.size_bytes, row.stamp, "erased", original="erased", report=report)
                if report:
                    kept = replace(kept, recording_id=row.recording_id)
                    kept = replace(kept, recorded_at=row.recorded_at, finished_at=row.finished_at)
                connection.execute(self._of(row.source).values(_stored(asdict(kept))))
        self._database.checkpoint()
        return len(found)

    def withhold(self, recording_id: str) -> int:
        """Hold a recording back, so that nothing of it is given out; how many places it lies at."""
        with self._database.writing() as connection:
            here = self._known_as(recording_id) & (_RECORDINGS.c.state != "erased")
            return int(connection.execute(update(_RECORDINGS).where(here).values(_withheld())).rowcount)

    def release(self, recording_id: str) -> None:
        """End that a recording is held back: it is what it was before; what never came to anything is pending."""
        with self._database.writing() as connection:
            for row in map(_row, connection.execute(select(*_ROW_COLUMNS).where(self._known_as(recording_id))).all()):
                if not row.is_withheld:
                    continue
                before = processed.as_it_was(row)
                if before.is_withheld or before.state == "running":
                    before = replace(before, state="pending", reason="", attempts=0)
                connection.execute(self._of(row.source).values(_stored(asdict(before))))

    def without_original(self, recording_id: str) -> int:
        """The original was erased, and the redacted outputs stay; how many places it lay at."""
        with self._database.writing() as connection:
            here = self._known_as(recording_id) & (_RECORDINGS.c.state != "erased")
            return int(connection.execute(update(_RECORDINGS).where(here).values(original="erased")).rowcount)

    def reopen(self, states: Sequence[State]) -> int:
        """What is in these states is pending again; how many. Nothing is written where there is none."""
        wanted = self._here & _RECORDINGS.c.state.in_(states)
        with self._database.reading() as connection:
            count = connection.execute(select(func.count()).select_from(_RECORDINGS).where(wanted)).scalar_one()
        if count:
            with self._database.writing() as connection:
                connection.execute(update(_RECORDINGS).where(wanted).values(state="pending", reason="", attempts=0))
        return int(count)

    def begin_run(self, policy_name: str, policy: str, engine: str, workers: int, listed: Mapping[str, int]) -> str:
        """A run begins; its id."""
        now = datetime.now(UTC)
        run_id = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        row = RunRow(
            run_id, self._archive, now.isoformat(timespec="seconds"), "", "running", policy_name[:_LONGEST_NAME],
            policy, engine, workers, listed,
        )  # fmt: skip
        with self._database.writing() as connection:
            connection.execute(insert(_RUNS).values({**asdict(row), "listed": json.dumps(dict(listed))}))
        return run_id

    def end_run(self, run_id: str, outcome: str) -> None:
        """A run has ended."""
        at = datetime.now(UTC).isoformat(timespec="seconds")
        with self._database.writing() as connection:
            here = _RUNS.c.run_id == run_id
            connection.execute(update(_RUNS).where(here).values(ended_at=at, outcome=outcome[:16]))

    def runs(self, count: int = 1) -> tuple[RunRow, ...]:
        """The last runs, the last first."""
        with self._database.reading() as connection:
            found = connection.execute(
                select(*(_RUNS.c[each.name] for each in fields(RunRow)))
                .where(_RUNS.c.archive == self._archive)
                .order_by(_RUNS.c.began_at.desc(), _RUNS.c.run_id.desc())
                .limit(count)
            ).all()
        return tuple(RunRow(**{**row._mapping, "listed": json.loads(row.listed)}) for row in found)

    def _known_as(self, recording_id: str) -> Any:
        column = _RECORDINGS.c.recording_id
        never_read = (column == "") & (_RECORDINGS.c.source == recording_id)
        return self._here & ((column == recording_id) | never_read)

    def _of(self, source: str) -> Any:
        return update(_RECORDINGS).where(self._here & (_RECORDINGS.c.source == source))

    def _change(self, source: str, values: Mapping[str, Any]) -> None:
        with self._database.writing() as connection:
            connection.execute(self._of(source).values(dict(values)))


_ROW_COLUMNS = tuple(_RECORDINGS.c[each.name] for each in fields(Row))
_COUNTS = ("replacements", "doubts")


def _withheld() -> dict[str, Any]:
    """What is withheld stays what it was before, also where it is withheld twice."""
    state, reason = WITHHELD
    is_so = (_RECORDINGS.c.state == state) & (_RECORDINGS.c.reason == reason)
    was = case((is_so, _RECORDINGS.c.was), else_=_RECORDINGS.c.state + " " + _RECORDINGS.c.reason)
    return {"state": state, "reason": reason, "was": was}


def _stored(values: dict[str, Any]) -> dict[str, Any]:
    return {**values, **{name: json.dumps(dict(sorted(values[name].items()))) for name in _COUNTS if name in values}}


def _row(row: Any) -> Row:
    values = dict(row._mapping)
    return Row(**{**values, **{name: json.loads(values[name]) for name in _COUNTS}})


def _parts(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for at in range(0, len(items), _ROWS_AT_ONCE):
        yield items[at : at + _ROWS_AT_ONCE]
