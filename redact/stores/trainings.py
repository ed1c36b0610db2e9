"""Who was trained in what, with which score, and until when it counts. Names are those of staff, as on the page."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Column, Float, Integer, MetaData, String, Table, insert, select

from redact.errors import UsageError
from redact.stores.cases import said
from redact.stores.database import Database

_PERSON = re.compile(r"[^\s\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]{0,78}[^\s\x00-\x1f\x7f])?")

_TRAININGS = Table(
    "trainings", MetaData(),
    Column("number", Integer, primary_key=True), Column("person", String), Column("module", String),
    Column("taken_at", String), Column("expires_at", String), Column("score", Float), Column("passed", Boolean),
    Column("trainer", String), Column("role", String), Column("version", String),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Training:
    """That somebody took a training. Times are ISO 8601 in UTC.

    Attributes:
        person: the name of a user of the page, or of an account.
        expires_at: until when it counts; when it was taken, where it was not passed.
        score: from 0 to 1.
        trainer: who recorded it.
        role: of the page, which they had then; empty where they were none of its users, and in records from before it
            was kept.
        version: of the module, as it was then; empty where it has none, and in records from before.
    """

    person: str
    module: str
    taken_at: str
    expires_at: str
    score: float
    passed: bool
    trainer: str
    role: str = ""
    version: str = ""

    def is_valid(self, now: datetime) -> bool:
        """True where it was passed, and counts still."""
        return self.passed and datetime.fromisoformat(self.taken_at) <= now < datetime.fromisoformat(self.expires_at)


class Trainings:
    """All trainings; none is ever changed.

    Args:
        database: with the history `governance`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, training: Training) -> None:
        """Record a training.

        Raises:
            UsageError: the name can't be one, or the score is none.
        """
        if not _PERSON.fullmatch(training.person):
            raise UsageError("the name can't be one", hint="give the name that the person signs in by")
        if not 0 <= training.score <= 1:
            raise UsageError("the score is not from 0 to 1", hint="8 right of 10 are 0.8")
        row = {name: getattr(training, name) for name in Training.__slots__}
        with self._database.writing() as connection:
            connection.execute(insert(_TRAININGS).values(row))

    def all(self, person: str | None = None, module: str | None = None) -> tuple[Training, ...]:
        """All, or those of a person, or in a module, in the order in which they were recorded."""
        wanted = select(_TRAININGS).order_by(_TRAININGS.c.number)
        if person is not None:
            wanted = wanted.where(_TRAININGS.c.person == person)
        if module is not None:
            wanted = wanted.where(_TRAININGS.c.module == module)
        with self._database.reading() as connection:
            return tuple(map(_training, connection.execute(wanted)))


def latest(trainings: Sequence[Training]) -> dict[tuple[str, str], Training]:
    """For each person and module, the training that counts for longest, else the last that was taken."""
    found: dict[tuple[str, str], Training] = {}
    for each in trainings:
        before = found.get((each.person, each.module))
        if before is None or (each.passed, each.expires_at) >= (before.passed, before.expires_at):
            found[each.person, each.module] = each
    return found


def recorded(
    person: str,
    module: str,
    score: float,
    when: tuple[datetime, datetime | None],
    trainer: str,
    *,
    role: str = "",
    version: str = "",
) -> Training:
    """A training as it is to be recorded.

    Args:
        person: who took it.
        module: in what.
        score: from 0 to 1.
        when: it was taken, and until when it counts; None where it was not passed.
        trainer: who records it.
        role: of the person on the page, now.
        version: of the module, now.
    """
    taken, expires = when
    until = said(expires or taken)
    return Training(person, module, said(taken), until, score, expires is not None, trainer, role, version)


def _training(row: Any) -> Training:
    return Training(*(getattr(row, name) for name in Training.__slots__))
