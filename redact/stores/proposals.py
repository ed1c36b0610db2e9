"""What reviewers propose: terms that are never personal, terms that always are, and examples of what was missed.

A term may be anybody's name: it is sealed (AES-256-GCM) under a key of its own, and opened for a lead who decides.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from sqlalchemy import Column, Integer, LargeBinary, MetaData, String, Table, delete, insert, select, update

from redact.errors import KeyMissing, Locked, UsageError
from redact.stores.data_keys import PROPOSALS, DataKeys
from redact.stores.database import Database

ProposalKind = Literal["allow", "deny", "recognizer"]
KINDS: tuple[ProposalKind, ...] = get_args(ProposalKind)
State = Literal["open", "accepted", "declined"]
LONGEST = 120
_NONCE_BYTES = 12

_PROPOSALS = Table(
    "proposals", MetaData(),
    Column("number", Integer, primary_key=True), Column("archive", String), Column("recording_id", String),
    Column("at", String), Column("name", String), Column("kind", String), Column("entity_type", String),
    Column("language", String), Column("term", LargeBinary), Column("state", String), Column("decided_by", String),
    Column("decided_at", String),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Proposal:
    """One proposal, opened.

    Attributes:
        number: by which it is known.
        recording_id: of the call that it comes from.
        name: of who proposes it.
        kind: `allow` and `deny` for terms; `recognizer` for an example of a form.
        entity_type: that it is to be masked as; empty for `allow`.
        term: as it was said.
        decided_by: name of the lead; empty while it is open.
    """

    number: int
    recording_id: str
    at: str
    name: str
    kind: ProposalKind
    entity_type: str
    language: str
    state: State
    decided_by: str
    decided_at: str
    term: str = field(repr=False)


class Proposals:
    """Those of one archive.

    Args:
        database: with the history `qa`.
        archive: pseudonym of the outputs' folder.
        keys: hold the key of the terms.
    """

    def __init__(self, database: Database, archive: str, keys: DataKeys) -> None:
        self._database = database
        self._archive = archive
        self._secret = keys.made(PROPOSALS).secret

    def add(
        self, recording_id: str, name: str, kind: ProposalKind, term: str, *, entity_type: str = "", language: str = ""
    ) -> None:
        """Propose a term.

        Raises:
            UsageError: it is empty, of several lines, or too long.
        """
        term = " ".join(term.split())
        if not term or len(term) > LONGEST:
            raise UsageError("the term is empty, or too long", hint=f"give at most {LONGEST} characters")
        row = {
            "archive": self._archive, "recording_id": recording_id, "at": _now(), "name": name, "kind": kind,
            "entity_type": entity_type, "language": language, "state": "open", "decided_by": "", "decided_at": "",
            "term": self._sealed(term),
        }  # fmt: skip
        with self._database.writing() as connection:
            connection.execute(insert(_PROPOSALS).values(row))

    def all(self, states: Iterable[State] = get_args(State)) -> tuple[Proposal, ...]:
        """Those in one of these states, in the order in which they were made.

        Raises:
            KeyMissing: one was sealed by another key, or changed.
        """
        here = (_PROPOSALS.c.archive == self._archive) & _PROPOSALS.c.state.in_(tuple(states))
        with self._database.reading() as connection:
            rows = connection.execute(select(_PROPOSALS).where(here).order_by(_PROPOSALS.c.number)).all()
        return tuple(self._opened(row) for row in rows)

    def decide(self, number: int, name: str, *, accept: bool) -> Proposal:
        """Accept or decline one.

        Raises:
            UsageError: there is no such proposal here.
            Locked: somebody has decided on it already.
        """
        here = (_PROPOSALS.c.archive == self._archive) & (_PROPOSALS.c.number == number)
        with self._database.writing() as connection:
            row = connection.execute(select(_PROPOSALS).where(here)).one_or_none()
            if row is None:
                raise UsageError("there is no such proposal", hint="load the page again")
            if row.state != "open":
                raise Locked(f"{row.decided_by} has decided on it", hint="load the page again")
            values = {"state": "accepted" if accept else "declined", "decided_by": name, "decided_at": _now()}
            connection.execute(update(_PROPOSALS).where(here).values(values))
            return self._opened(connection.execute(select(_PROPOSALS).where(here)).one())

    def forget(self, recording_id: str) -> int:
        """Forget what was proposed of a call; how many that were."""
        here = (_PROPOSALS.c.archive == self._archive) & (_PROPOSALS.c.recording_id == recording_id)
        with self._database.writing() as connection:
            count = int(connection.execute(delete(_PROPOSALS).where(here)).rowcount)
        self._database.checkpoint()
        return count

    def _sealed(self, term: str) -> bytes:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + AESGCM(self._secret).encrypt(nonce, term.encode("utf-8", "surrogatepass"), self._bound)

    def _opened(self, row: Any) -> Proposal:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            term = AESGCM(self._secret).decrypt(row.term[:_NONCE_BYTES], row.term[_NONCE_BYTES:], self._bound)
        except InvalidTag:
            raise KeyMissing(
                "a proposal was sealed by another key, or was changed", hint="restore the keyring that it was made with"
            ) from None
        values = {key: value for key, value in row._mapping.items() if key not in {"archive", "term"}}
        return Proposal(**values, term=term.decode("utf-8", "surrogatepass"))

    @property
    def _bound(self) -> bytes:
        return self._archive.encode()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
