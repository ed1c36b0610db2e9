"""What people are told before they are recorded: each text in all its versions, known by the SHA-256 of its bytes."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from sqlalchemy import Column, Integer, MetaData, String, Table, Text, insert, select

from redact.stores.database import Database

Form = Literal["ivr", "web", "agent"]

_NOTICES = Table(
    "notices", MetaData(),
    Column("notice_id", String, primary_key=True), Column("version", Integer, primary_key=True),
    Column("language", String, primary_key=True), Column("form", String, primary_key=True),
    Column("sha256", String), Column("valid_from", String), Column("content", Text),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Notice:
    """One text.

    Attributes:
        version: from 1; all texts that were made together have the same.
        language: ISO 639-1.
        sha256: of its bytes in UTF-8, as rows of consent have it.
        valid_from: ISO 8601 in UTC.
    """

    notice_id: str
    version: int
    language: str
    form: Form
    sha256: str
    valid_from: str
    content: str


class Notices:
    """All notices; none is ever changed.

    Args:
        database: with the history `governance`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, notices: Sequence[Notice]) -> None:
        """Add texts, all or none."""
        with self._database.writing() as connection:
            connection.execute(insert(_NOTICES), [asdict(each) for each in notices])

    def all(self, notice_id: str | None = None) -> tuple[Notice, ...]:
        """All, or those of an id, by id, version, language and form."""
        columns = (_NOTICES.c.notice_id, _NOTICES.c.version, _NOTICES.c.language, _NOTICES.c.form)
        wanted = select(_NOTICES).order_by(*columns)
        if notice_id is not None:
            wanted = wanted.where(_NOTICES.c.notice_id == notice_id)
        with self._database.reading() as connection:
            return tuple(Notice(**row._mapping) for row in connection.execute(wanted))

    def newest(self, notice_id: str) -> dict[tuple[str, str], Notice]:
        """The newest text of each language and form of an id."""
        return {(each.language, each.form): each for each in self.all(notice_id)}
