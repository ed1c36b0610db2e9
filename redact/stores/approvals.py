"""A second person's word on who may hear an original, for how long: where the organisation wants one."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, get_args

from sqlalchemy import Column, Integer, MetaData, String, Table, delete, insert, select, update

from redact.errors import Locked, UsageError
from redact.stores.cases import said
from redact.stores.database import Database

State = Literal["open", "granted", "declined"]

_APPROVALS = Table(
    "approvals", MetaData(),
    Column("number", Integer, primary_key=True), Column("archive", String), Column("recording_id", String),
    Column("name", String), Column("reason", String), Column("asked_at", String), Column("state", String),
    Column("decided_by", String), Column("decided_at", String), Column("until", String),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Approval:
    """What somebody asked for, and what the second person said. Times are ISO 8601 in UTC, or empty.

    Attributes:
        name: of who asks.
        reason: one word of few.
        decided_by: name of the second person.
        until: how long it counts.
    """

    number: int
    recording_id: str
    name: str
    reason: str
    asked_at: str
    state: State
    decided_by: str
    decided_at: str
    until: str


class Approvals:
    """Those of one archive.

    Args:
        database: with the history `qa`.
        archive: pseudonym of the outputs' folder.
    """

    def __init__(self, database: Database, archive: str) -> None:
        self._database = database
        self._archive = archive

    def ask(self, recording_id: str, name: str, reason: str) -> None:
        """Ask to hear a call's original; whoever has asked already keeps waiting."""
        row = {
            "archive": self._archive, "recording_id": recording_id, "name": name, "reason": reason,
            "asked_at": said(datetime.now(UTC)), "state": "open", "decided_by": "", "decided_at": "", "until": "",
        }  # fmt: skip
        waiting = self._of(recording_id, name) & (_APPROVALS.c.state == "open")
        with self._database.writing() as connection:
            if connection.execute(select(_APPROVALS.c.number).where(waiting)).first() is None:
                connection.execute(insert(_APPROVALS).values(row))

    def decide(self, number: int, name: str, *, grant: bool, hours: int) -> Approval:
        """Let somebody hear it for so many hours, or not.

        Raises:
            UsageError: there is no such question here, or it is their own.
            Locked: somebody has answered it.
        """
        here = (_APPROVALS.c.archive == self._archive) & (_APPROVALS.c.number == number)
        now = datetime.now(UTC)
        with self._database.writing() as connection:
            row = connection.execute(select(_APPROVALS).where(here)).one_or_none()
            if row is None:
                raise UsageError("nobody asks for that", hint="load the page again")
            if row.name == name:
                raise UsageError("nobody is their own second person", hint="ask somebody else", reason="own")
            if row.state != "open":
                raise Locked(f"{row.decided_by} has answered", hint="load the page again")
            values = {
                "state": "granted" if grant else "declined", "decided_by": name, "decided_at": said(now),
                "until": said(now + timedelta(hours=hours)) if grant else "",
            }  # fmt: skip
            connection.execute(update(_APPROVALS).where(here).values(values))
            return _approval(connection.execute(select(_APPROVALS).where(here)).one())

    def is_granted(self, recording_id: str, name: str, now: datetime | None = None) -> bool:
        """True while somebody may hear a call's original."""
        until = _APPROVALS.c.until > said(now or datetime.now(UTC))
        wanted = self._of(recording_id, name) & (_APPROVALS.c.state == "granted") & until
        with self._database.reading() as connection:
            return connection.execute(select(_APPROVALS.c.number).where(wanted)).first() is not None

    def all(self, states: Iterable[State] = get_args(State)) -> tuple[Approval, ...]:
        """Those in one of these states, in the order in which they were asked for."""
        here = (_APPROVALS.c.archive == self._archive) & _APPROVALS.c.state.in_(tuple(states))
        with self._database.reading() as connection:
            rows = connection.execute(select(_APPROVALS).where(here).order_by(_APPROVALS.c.number)).all()
        return tuple(map(_approval, rows))

    def forget(self, recording_id: str) -> int:
        """Forget all about a call; how many rows that were."""
        here = (_APPROVALS.c.archive == self._archive) & (_APPROVALS.c.recording_id == recording_id)
        with self._database.writing() as connection:
            count = int(connection.execute(delete(_APPROVALS).where(here)).rowcount)
        self._database.checkpoint()
        return count

    def _of(self, recording_id: str, name: str) -> Any:
        here = (_APPROVALS.c.archive == self._archive) & (_APPROVALS.c.recording_id == recording_id)
        return here & (_APPROVALS.c.name == name)


def _approval(row: Any) -> Approval:
    return Approval(**{key: value for key, value in row._mapping.items() if key != "archive"})
