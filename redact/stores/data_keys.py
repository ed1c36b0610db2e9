"""A key for each recording, wrapped by a master key: whoever destroys it has erased the recording.

They live in a small store of their own, whose backups are kept for a short time only: a database that is restored from
a backup of another age can't bring back what was erased. Keys with a name of their own, which are no recordings', are
kept here too: that of the log, and that of pseudonyms.
"""

import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    union_all,
    update,
)

from redact.errors import KeyMissing, UsageError
from redact.stores.database import ROWS_AT_ONCE, Database
from redact.stores.master import KEY_BYTES, MasterKeys

IDS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,79}")
# Ids of keys that are no recordings': the log's, those of pseudonyms and of what is proposed. The vault takes no
# recording of such an id.
LOG, PERSONS, SOURCES = "audit.log", "consent.persons", "batch.sources"
INDEX, PROPOSALS = "subjects.index", "review.proposals"
NO_RECORDINGS = frozenset({LOG, PERSONS, SOURCES, INDEX, PROPOSALS})
# Why something is refused: a word for whoever can go on without it.
NOT_WAITING = "not_waiting"
# Reasons of `KeyMissing`: there is nothing to be had, other than where a key can't be reached at the moment.
NO_KEY, NOTHING_SEALED = "no_key", "nothing_sealed"
# So many keys are wrapped anew in one transaction: what is lost when it is killed.
BATCH = 200

_META = MetaData()
_CURRENT = Table("current_master", _META, Column("one", Integer, primary_key=True), Column("master_id", String(32)))
_KEYS = Table(
    "data_keys", _META,
    Column("recording_id", String(80), primary_key=True), Column("key_id", String(32)), Column("master_id", String(32)),
    Column("wrapped", LargeBinary), Column("made_at", String(32)),
)  # fmt: skip
# What waits for a fresh key, and, while it is given one, that key: the old one holds until all is encrypted anew.
_SUCCESSORS = Table(
    "successors", _META,
    Column("recording_id", String(80), primary_key=True), Column("key_id", String(32)), Column("master_id", String(32)),
    Column("wrapped", LargeBinary), Column("made_at", String(32)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DataKey:
    """A recording's key, unwrapped.

    Attributes:
        key_id: what stands in the files that it encrypts.
    """

    recording_id: str
    key_id: str
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Listed:
    """What is told of a key without unwrapping it."""

    recording_id: str
    key_id: str
    master_id: str
    made_at: str


class DataKeys:
    """The store of keys.

    Args:
        database: with the history `keyring`.
        masters: what wraps them.
    """

    def __init__(self, database: Database, masters: MasterKeys) -> None:
        self._database = database
        self._masters = masters

    def of(self, recording_id: str, key_id: str = "") -> DataKey:
        """A recording's key.

        Args:
            recording_id: of the recording.
            key_id: of the key that is meant, as a sealed file names it: while a recording is given a fresh key, it has
                two. Empty, or that of no key, for the one that holds.

        Raises:
            KeyMissing: it has none, or had one that was destroyed; or the master key is not here.
        """
        row = None
        if IDS.fullmatch(recording_id):  # what is no id may be anything, and has no key
            with self._database.reading() as connection:
                row = connection.execute(select(_KEYS).where(_KEYS.c.recording_id == recording_id)).one_or_none()
                if row is not None and key_id not in {"", row.key_id}:
                    wanted = (_SUCCESSORS.c.recording_id == recording_id) & (_SUCCESSORS.c.key_id == key_id)
                    row = connection.execute(select(_SUCCESSORS).where(wanted)).one_or_none() or row
        if row is None:
            raise KeyMissing(
                "there is no key for this recording", hint="it was never sealed here, or it was erased", reason=NO_KEY
            )
        return self._unwrapped(row)

    def _unwrapped(self, row: Row[Any]) -> DataKey:
        secret = self._masters.unwrap(row.master_id, row.wrapped, _bound(row.recording_id, row.key_id))
        return DataKey(row.recording_id, row.key_id, secret)

    def made(self, recording_id: str) -> DataKey:
        """A recording's key; a new one where it has none.

        Raises:
            UsageError: the id is not one that can be used as such.
            KeyMissing: the master key is not here.
        """
        if not IDS.fullmatch(recording_id):
            raise UsageError("the id is not one", hint="use letters, digits, and . _ : - between them, at most 80")
        row = self._fresh(recording_id)
        with self._database.writing() as connection:
            if connection.execute(select(_KEYS.c.key_id).where(_KEYS.c.recording_id == recording_id)).first() is None:
                self._check_current(connection)
                connection.execute(insert(_KEYS).values(row))
        return self.of(recording_id)

    def _fresh(self, recording_id: str) -> dict[str, Any]:
        key_id, secret = secrets.token_hex(8), secrets.token_bytes(KEY_BYTES)
        return {
            "recording_id": recording_id,
            "key_id": key_id,
            "master_id": self._masters.current,
            "wrapped": self._masters.wrap(secret, _bound(recording_id, key_id)),
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }

    def all_need_successors(self) -> tuple[str, ...]:
        """The recordings that wait for a fresh key; where none does, all do from now on.

        Keys that are no recordings' are left as they are: a log or a pseudonym of another key would be another.
        """
        with self._database.writing() as connection:
            waiting = select(_SUCCESSORS.c.recording_id).order_by(_SUCCESSORS.c.recording_id)
            found = connection.execute(waiting).scalars().all()
            if not found:
                all_keys = select(_KEYS.c.recording_id).where(_KEYS.c.recording_id.not_in(sorted(NO_RECORDINGS)))
                connection.execute(insert(_SUCCESSORS).from_select(["recording_id"], all_keys))
                found = connection.execute(waiting).scalars().all()
            return tuple(found)

    def waiting(self) -> int:
        """How many recordings wait for a fresh key."""
        with self._database.reading() as connection:
            return int(connection.execute(select(func.count()).select_from(_SUCCESSORS)).scalar_one())

    def successor(self, recording_id: str) -> DataKey:
        """The fresh key of a recording that waits for one; the same until it has taken the old one's place.

        Raises:
            KeyMissing: it doesn't wait, or a master key is not here.
        """
        here = _SUCCESSORS.c.recording_id == recording_id
        row = self._fresh(recording_id)
        with self._database.writing() as connection:
            self._check_current(connection)
            connection.execute(update(_SUCCESSORS).where(here & _SUCCESSORS.c.key_id.is_(None)).values(row))
            found = connection.execute(select(_SUCCESSORS).where(here)).one_or_none()
        if found is None:
            raise KeyMissing("the recording waits for no other key", hint="nothing is to do", reason=NOT_WAITING)
        return self._unwrapped(found)

    def succeed(self, recording_id: str) -> None:
        """Let the fresh key take the old one's place. All must be encrypted by it already; then call `forget`."""
        here = _SUCCESSORS.c.recording_id == recording_id
        with self._database.writing() as connection:
            row = connection.execute(select(_SUCCESSORS).where(here)).one_or_none()
            if row is not None and row.key_id is not None:
                values = dict(row._mapping)
                del values["made_at"]  # of the recording's first key: from when it has been kept
                connection.execute(update(_KEYS).where(_KEYS.c.recording_id == recording_id).values(values))
                connection.execute(delete(_SUCCESSORS).where(here))

    def forget(self) -> None:
        """Have what was deleted or replaced gone from the write-ahead log too.

        Raises:
            Locked: as `destroy`. Run it again.
        """
        self._database.checkpoint()

    def destroy(self, recording_id: str) -> bool:
        """Destroy a recording's key, and with it the recording; False where it has none.

        The row is overwritten and gone from the write-ahead log when this returns.

        Raises:
            Locked: somebody reads the store for so long that the log can't be emptied. Run it again.
        """
        with self._database.writing() as connection:
            gone = connection.execute(delete(_KEYS).where(_KEYS.c.recording_id == recording_id)).rowcount
            connection.execute(delete(_SUCCESSORS).where(_SUCCESSORS.c.recording_id == recording_id))
        self._database.checkpoint()
        return bool(gone)

    def listed(self) -> Iterator[Listed]:
        """All keys, by their recordings' ids, without unwrapping them; two of one that is given a fresh key."""
        held, fresh = (
            select(table.c.recording_id, table.c.key_id, table.c.master_id, table.c.made_at)
            for table in (_KEYS, _SUCCESSORS)
        )
        both = union_all(held, fresh.where(_SUCCESSORS.c.key_id.is_not(None)))
        with self._database.reading() as connection:
            found = both.order_by("recording_id").execution_options(yield_per=ROWS_AT_ONCE)
            for row in connection.execute(found):
                yield Listed(*row)

    def by_master(self) -> dict[str, int]:
        """How many keys each master key wraps."""
        with self._database.reading() as connection:
            found = connection.execute(select(_KEYS.c.master_id, func.count()).group_by(_KEYS.c.master_id))
            return {str(row.master_id): int(row[1]) for row in found}

    def wrap_anew(self, progress: Callable[[int, int], None]) -> int:
        """Wrap all keys by the current master key, those that are not yet; how many there were.

        It may be killed at any moment and run again: each key is wrapped by one of the ring's keys all the time.

        Args:
            progress: called with keys done and in all.

        Raises:
            KeyMissing: a key's master key is not in the ring.
        """
        with self._database.writing() as connection:  # from here on nobody wraps a key by an older one
            connection.execute(delete(_CURRENT))
            connection.execute(insert(_CURRENT).values(one=1, master_id=self._masters.current))
        tables = (_KEYS, _SUCCESSORS)
        with self._database.reading() as connection:
            total = sum(
                connection.execute(select(func.count()).select_from(table).where(self._is_old(table))).scalar_one()
                for table in tables
            )
        done = 0
        for table in tables:
            while count := self._wrap_some_anew(table):
                done += count
                progress(done, max(total, done))
        self._database.checkpoint()
        return done

    def _is_old(self, table: Table) -> ColumnElement[bool]:
        return table.c.master_id != self._masters.current  # NULL is neither

    def _wrap_some_anew(self, table: Table) -> int:
        wanted = select(table).where(self._is_old(table)).order_by(table.c.recording_id).limit(BATCH)
        with self._database.writing() as connection:
            rows = connection.execute(wanted).all()
            for row in rows:
                bound = _bound(row.recording_id, row.key_id)
                secret = self._masters.unwrap(row.master_id, row.wrapped, bound)
                values = {"master_id": self._masters.current, "wrapped": self._masters.wrap(secret, bound)}
                connection.execute(update(table).where(table.c.recording_id == row.recording_id).values(values))
        return len(rows)

    def _check_current(self, connection: Connection) -> None:
        """A process that read the ring before it was changed must not wrap by a key that is about to be forgotten."""
        current = connection.execute(select(_CURRENT.c.master_id)).scalar_one_or_none()
        if current is None:
            connection.execute(insert(_CURRENT).values(one=1, master_id=self._masters.current))
        elif current != self._masters.current:
            raise KeyMissing("the master keys have changed since this run began", hint="run it again")


def _bound(recording_id: str, key_id: str) -> bytes:
    return f"{recording_id}|{key_id}".encode()
