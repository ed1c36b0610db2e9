"""What keeps a recording as it is: a legal hold forbids erasing it, a restriction forbids using it.

That somebody has released it from a withdrawal or an objection, which doesn't reach it again then. And that erasing it
has begun: whoever is killed on the way finds by that mark what is to be ended.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from sqlalchemy import Column, MetaData, String, Table, delete, insert, select

from redact.errors import HeldForReview, UsageError
from redact.stores.cases import said
from redact.stores.data_keys import IDS
from redact.stores.database import Database

MarkKind = Literal["legal_hold", "restriction", "erasing", "released"]
KINDS: tuple[MarkKind, ...] = get_args(MarkKind)
# How a mark's reason ends where the original is being erased, and what is redacted stays.
ORIGINAL_ALONE = "original"

_MARKS = Table(
    "marks", MetaData(),
    Column("recording_id", String, primary_key=True), Column("kind", String, primary_key=True),
    Column("reason", String), Column("case_id", String), Column("at", String),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark of one recording, why it has it, and the case that it comes from, if any."""

    recording_id: str
    kind: MarkKind
    reason: str
    case_id: str
    at: str


class Marks:
    """All marks.

    Args:
        database: with the history `governance`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, recording_id: str, kind: MarkKind, reason: str, case_id: str = "") -> None:
        """Mark a recording; one that has the mark keeps the newer reason.

        Raises:
            UsageError: the id can't be one.
        """
        if not IDS.fullmatch(recording_id):
            raise UsageError("the id is not one", hint="use the id of a recording, such as its outputs have")
        row = Mark(recording_id, kind, reason, case_id, said(datetime.now(UTC)))
        with self._database.writing() as connection:
            connection.execute(delete(_MARKS).where(_here(recording_id, kind)))
            connection.execute(insert(_MARKS).values({name: getattr(row, name) for name in Mark.__slots__}))

    def lift(self, recording_id: str, kind: MarkKind) -> bool:
        """Take a mark away; False where there was none."""
        with self._database.writing() as connection:
            return bool(connection.execute(delete(_MARKS).where(_here(recording_id, kind))).rowcount)

    def has(self, recording_id: str, kind: MarkKind) -> bool:
        """True where a recording has a mark."""
        return self.of(recording_id, kind) is not None

    def of(self, recording_id: str, kind: MarkKind) -> Mark | None:
        """A recording's mark of a kind, if it has one."""
        with self._database.reading() as connection:
            row = connection.execute(select(_MARKS).where(_here(recording_id, kind))).first()
        return Mark(**row._mapping) if row else None

    def require_unrestricted(self, recording_id: str) -> None:
        """Nobody uses a recording that is restricted.

        Raises:
            HeldForReview: it is.
        """
        if self.has(recording_id, "restriction"):
            raise HeldForReview(
                "the recording is restricted: it is kept, and must not be used",
                hint="ask who answers for data protection; a request or a withdrawn consent has led to it",
                reason="restricted",
            )

    def all(self, kind: MarkKind) -> tuple[Mark, ...]:
        """All of a kind, by their recordings' ids."""
        wanted = select(_MARKS).where(_MARKS.c.kind == kind).order_by(_MARKS.c.recording_id)
        with self._database.reading() as connection:
            return tuple(Mark(**row._mapping) for row in connection.execute(wanted))


def _here(recording_id: str, kind: MarkKind) -> Any:
    return (_MARKS.c.recording_id == recording_id) & (_MARKS.c.kind == kind)
