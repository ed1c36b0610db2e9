"""Whose voice and data are in which recording: keyed pseudonyms of what was said, from which nothing can be read back.

A term is a name, a telephone number, an address or a reference, in the one form that all ways of saying it come to.
What stands here is its HMAC under a key of its own: who has the database alone can't find out whose it is by trying.
"""

import hmac
from collections.abc import Iterable
from typing import get_args

from sqlalchemy import Column, MetaData, String, Table, delete, insert, select

from redact import findings
from redact.stores.data_keys import INDEX, DataKeys
from redact.stores.database import Database

TermKind = findings.TermKind
KINDS: tuple[TermKind, ...] = get_args(TermKind)

_TERMS = Table(
    "index_terms", MetaData(),
    Column("term", String, primary_key=True), Column("kind", String, primary_key=True),
    Column("recording_id", String, primary_key=True),
)  # fmt: skip


class SubjectIndex:
    """The index.

    Args:
        database: with the history `governance`.
        keys: hold that of the pseudonyms.
    """

    def __init__(self, database: Database, keys: DataKeys) -> None:
        self._database = database
        self._secret = keys.made(INDEX).secret

    def put(self, recording_id: str, terms: Iterable[tuple[TermKind, str]]) -> int:
        """Note what is said in a recording, in place of what was noted before; how many terms that are.

        Args:
            recording_id: of the recording.
            terms: kinds, and values in their one form.
        """
        noted = {(self._pseudonym(kind, value), kind) for kind, value in terms if value}
        with self._database.writing() as connection:
            connection.execute(delete(_TERMS).where(_TERMS.c.recording_id == recording_id))
            if noted:
                rows = [{"term": term, "kind": kind, "recording_id": recording_id} for term, kind in sorted(noted)]
                connection.execute(insert(_TERMS), rows)
        return len(noted)

    def add(self, recording_id: str, terms: Iterable[tuple[TermKind, str]]) -> int:
        """Note more of a recording, beside what was noted before; how many terms were new."""
        noted = {(self._pseudonym(kind, value), kind) for kind, value in terms if value}
        with self._database.writing() as connection:
            own = select(_TERMS.c.term, _TERMS.c.kind).where(_TERMS.c.recording_id == recording_id)
            new = noted - {(row.term, row.kind) for row in connection.execute(own)}
            if new:
                rows = [{"term": term, "kind": kind, "recording_id": recording_id} for term, kind in sorted(new)]
                connection.execute(insert(_TERMS), rows)
        return len(new)

    def find(self, kind: TermKind, *values: str) -> frozenset[str]:
        """The ids of the recordings in which something is said; by any of its forms, where it has several."""
        pseudonyms = {self._pseudonym(kind, value) for value in values}
        wanted = _TERMS.c.term.in_(pseudonyms) & (_TERMS.c.kind == kind)
        with self._database.reading() as connection:
            return frozenset(connection.execute(select(_TERMS.c.recording_id).where(wanted)).scalars())

    def has(self, recording_id: str) -> bool:
        """True where anything is noted of a recording."""
        own = select(_TERMS.c.term).where(_TERMS.c.recording_id == recording_id).limit(1)
        with self._database.reading() as connection:
            return connection.execute(own).first() is not None

    def terms(self, kinds: Iterable[TermKind]) -> dict[str, frozenset[str]]:
        """The pseudonyms of some kinds, by the recordings that they are said in."""
        found: dict[str, set[str]] = {}
        wanted = select(_TERMS.c.recording_id, _TERMS.c.term).where(_TERMS.c.kind.in_(tuple(kinds)))
        with self._database.reading() as connection:
            for row in connection.execute(wanted):
                found.setdefault(row.recording_id, set()).add(row.term)
        return {recording_id: frozenset(terms) for recording_id, terms in found.items()}

    def forget(self, recording_id: str) -> int:
        """Forget all of a recording; how many terms that were."""
        with self._database.writing() as connection:
            count = int(connection.execute(delete(_TERMS).where(_TERMS.c.recording_id == recording_id)).rowcount)
        self._database.checkpoint()
        return count

    def _pseudonym(self, kind: TermKind, value: str) -> str:
        said = f"{kind}\0{value}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._secret, said, "sha256").hex()[:32]
