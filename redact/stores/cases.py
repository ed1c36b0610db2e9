"""Requests by people, and breaches: each a case with a deadline, what is known of it, and all that was done about it.

No value stands here, and nobody's name but those of staff: times, words of fixed lists, counts and ids. Who a request
is from lies sealed in the vault, under the case's own key.
"""

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from sqlalchemy import Column, Integer, MetaData, String, Table, Text, delete, insert, select, update

from redact.errors import UsageError
from redact.stores.audit import actor
from redact.stores.database import Database

CaseKind = Literal["request", "breach"]
KINDS: tuple[CaseKind, ...] = get_args(CaseKind)
CLOSED = "closed"

_META = MetaData()
_CASES = Table(
    "cases", _META,
    Column("case_id", String, primary_key=True), Column("kind", String), Column("state", String),
    Column("opened_at", String), Column("due_at", String), Column("fields", Text),
)  # fmt: skip
_EVENTS = Table(
    "case_events", _META,
    Column("number", Integer, primary_key=True), Column("case_id", String), Column("at", String),
    Column("actor", String), Column("what", String), Column("detail", Text),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """A request or a breach as it stands. Times are ISO 8601 in UTC.

    Attributes:
        state: `open`, `closed`, or a word of the kind's own in between.
        fields: what is known, as JSON-ready values.
    """

    case_id: str
    kind: CaseKind
    state: str
    opened_at: str
    due_at: str
    fields: Mapping[str, Any]

    def is_overdue(self, now: datetime) -> bool:
        """True where it isn't closed, and should be."""
        return self.state != CLOSED and datetime.fromisoformat(self.due_at) < now


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was done about a case, or became known of it."""

    case_id: str
    at: str
    actor: str
    what: str
    detail: Mapping[str, Any]


class Cases:
    """All cases.

    Args:
        database: with the history `governance`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, kind: CaseKind, due_at: datetime, fields: Mapping[str, Any], now: datetime | None = None) -> Case:
        """Open a case, at `now` or at this moment."""
        moment = (now or datetime.now(UTC)).astimezone(UTC)
        case_id = f"{kind}-{moment:%Y%m%d}-{secrets.token_hex(4)}"
        row = {
            "case_id": case_id, "kind": kind, "state": "open", "opened_at": said(moment), "due_at": said(due_at),
            "fields": _json(fields),
        }  # fmt: skip
        with self._database.writing() as connection:
            connection.execute(insert(_CASES).values(row))
            connection.execute(insert(_EVENTS).values(_event(case_id, "opened", {}, moment)))
        return self.case(case_id)

    def case(self, case_id: str) -> Case:
        """A case.

        Raises:
            UsageError: there is none of that id.
        """
        with self._database.reading() as connection:
            row = connection.execute(select(_CASES).where(_CASES.c.case_id == case_id)).one_or_none()
        if row is None:
            raise UsageError("there is no such case", hint="list them without an id")
        return _case(row)

    def all(self, kind: CaseKind) -> tuple[Case, ...]:
        """All of a kind, by the time at which they were opened."""
        wanted = select(_CASES).where(_CASES.c.kind == kind).order_by(_CASES.c.opened_at, _CASES.c.case_id)
        with self._database.reading() as connection:
            return tuple(map(_case, connection.execute(wanted)))

    def change(
        self,
        case_id: str,
        what: str,
        *,
        state: str | None = None,
        due_at: datetime | None = None,
        fields: Mapping[str, Any] | Callable[[Case], Mapping[str, Any]] | None = None,
        detail: Mapping[str, Any] | None = None,
        at: datetime | None = None,
        while_open: bool = False,
    ) -> Case:
        """Note that something was done, and what is different by it, in one transaction.

        Args:
            case_id: of the case.
            what: was done, in a word.
            state: that it has from now on.
            due_at: its new deadline.
            fields: those that are new or have changed; or what tells them from the case as it is by now, while nobody
                else can change it. What it raises leaves the case as it was.
            detail: of the event: counts, ids and words.
            at: when; None for this moment.
            while_open: a case that somebody has closed by now stays as it is.

        Raises:
            UsageError: there is no such case, or it is closed and must not be.
        """
        with self._database.writing() as connection:
            row = connection.execute(select(_CASES).where(_CASES.c.case_id == case_id)).one_or_none()
            if row is None:
                raise UsageError("there is no such case", hint="list them without an id")
            before = _case(row)
            if while_open and before.state == CLOSED:
                raise UsageError("the case is closed by now", hint="see what was done about it, by its id")
            new = fields(before) if callable(fields) else fields or {}
            values: dict[str, Any] = {"fields": _json({**before.fields, **new})}
            if state:
                values["state"] = state
            if due_at:
                values["due_at"] = said(due_at)
            connection.execute(update(_CASES).where(_CASES.c.case_id == case_id).values(values))
            moment = (at or datetime.now(UTC)).astimezone(UTC)
            connection.execute(insert(_EVENTS).values(_event(case_id, what, detail or {}, moment)))
        return self.case(case_id)

    def erase(self, case_id: str) -> int:
        """Forget a case and what was done about it; how many rows that were."""
        with self._database.writing() as connection:
            count = int(connection.execute(delete(_EVENTS).where(_EVENTS.c.case_id == case_id)).rowcount)
            count += int(connection.execute(delete(_CASES).where(_CASES.c.case_id == case_id)).rowcount)
        self._database.checkpoint()
        return count

    def events(self, case_id: str) -> tuple[Event, ...]:
        """What was done about a case, in order."""
        wanted = select(_EVENTS).where(_EVENTS.c.case_id == case_id).order_by(_EVENTS.c.number)
        with self._database.reading() as connection:
            rows = connection.execute(wanted).all()
        return tuple(Event(row.case_id, row.at, row.actor, row.what, json.loads(row.detail)) for row in rows)


def said(moment: datetime) -> str:
    """A moment as it is stored: ISO 8601 in UTC, to the second."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def _event(case_id: str, what: str, detail: Mapping[str, Any], at: datetime) -> dict[str, str]:
    return {"case_id": case_id, "at": said(at), "actor": actor(), "what": what[:40], "detail": _json(detail)}


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(dict(content), sort_keys=True)


def _case(row: Any) -> Case:
    return Case(row.case_id, row.kind, row.state, row.opened_at, row.due_at, json.loads(row.fields))
