"""Who signed which document: by its SHA-256, with a decision, bound together by the log's key.

A document is noted here when it is made, too (`built`), so that one that was changed before anybody signed it shows.
What was commented lies sealed in the vault, for it may hold anything, and is kept as long as analyses are
(`redact.governance.retention`); the signature itself stays.
"""

import json
import re
import secrets
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import Column, Integer, MetaData, String, Table, insert, select

from redact.stores.audit import Audit
from redact.stores.cases import said
from redact.stores.database import Database

Decision = Literal["built", "approved", "comment"]
_COMMENT = re.compile(r"[a-z]+-\d{4}-\d{2}-comment-[0-9a-f]{8}")

_SIGNATURES = Table(
    "signatures", MetaData(),
    Column("number", Integer, primary_key=True), Column("document", String), Column("sha256", String),
    Column("at", String), Column("name", String), Column("decision", String), Column("comment_id", String),
    Column("signature", String),
)  # fmt: skip


def new_comment(document: str) -> str:
    """An id under which a comment on a document is sealed."""
    return f"{document}-comment-{secrets.token_hex(4)}"


def is_comment(own_id: str) -> bool:
    """True for the id of a comment, which is no recording's and no case's."""
    return _COMMENT.fullmatch(own_id) is not None


@dataclass(frozen=True, slots=True)
class Signature:
    """One.

    Attributes:
        document: its id, such as `monthly-2026-03`.
        sha256: of the file.
        at: ISO 8601 in UTC.
        name: of who signed; of the account that made it, where it was `built`.
        comment_id: under which a comment lies in the vault; empty for none.
        signature: by the log's key, over all the rest.
    """

    document: str
    sha256: str
    at: str
    name: str
    decision: Decision
    comment_id: str = ""
    signature: str = ""

    def said(self) -> bytes:
        """What is signed."""
        return json.dumps({**asdict(self), "signature": ""}, sort_keys=True).encode()


class Signatures:
    """All of them; none is ever changed.

    Args:
        database: with the history `governance`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, unsigned: Signature, audit: Audit, now: datetime | None = None) -> Signature:
        """Sign by the log's key, and keep it.

        Args:
            unsigned: all but the time and the signature.
            audit: whose key signs.
            now: the time; None for this moment.
        """
        dated = replace(unsigned, at=said(now or datetime.now(UTC)))
        signed = replace(dated, signature=audit.sign(dated.said()))
        with self._database.writing() as connection:
            connection.execute(insert(_SIGNATURES).values(asdict(signed)))
        return signed

    def all(self) -> tuple[Signature, ...]:
        """All, in the order in which they were made."""
        names = (_SIGNATURES.c[name] for name in Signature.__slots__)
        with self._database.reading() as connection:
            rows = connection.execute(select(*names).order_by(_SIGNATURES.c.number)).all()
        return tuple(Signature(**row._mapping) for row in rows)
