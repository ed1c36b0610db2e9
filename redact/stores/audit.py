"""The log: who did what to which recording, when, and with what outcome. It only grows, and holds no value.

Each row carries an HMAC over itself and the row before it: a row that is changed, removed, added or moved breaks the
chain, and nobody without the key can mend it. What a chain by itself can't show, that its end was cut off or that the
whole was written anew, shows in the signed heads: after each row its number and HMAC are signed (Ed25519) and written
to a file that should lie elsewhere, with another owner.

What can't be logged is not done: `Audit.action` writes that something begins before it may.

Rows that are older than they may be kept are cut off its beginning, never out of its middle. A *cut* is the number and
HMAC of the last row that went, signed by the key of the heads: the chain of the rest begins with it. The database lets
go of rows that a cut covers and of no others, and a cut that nobody signed breaks the log.
"""

import hmac
import json
import os
import pwd
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, Text, delete, insert, select

from redact.errors import CannotWrite, RedactError
from redact.stores.data_keys import IDS, LOG, DataKeys
from redact.stores.database import ROWS_AT_ONCE, Database
from redact.stores.heads import Head, append, broken, read_heads

Action = Literal[
    "redact", "vault.seal", "vault.open", "vault.erase", "vault.reseal", "keys.init", "keys.rotate",
    "consent.import", "consent.withdraw", "consent.object", "audit.export", "batch.run", "original.move",
    "original.delete", "original.hear", "erase", "hold.place", "hold.lift", "consent.apply", "index.build",
    "consent.release",
    "subject.open", "subject.find", "subject.export", "subject.rectify", "subject.erase", "subject.restrict",
    "subject.extend", "subject.close", "subject.identity", "subject.letter",
    "retention.apply", "document.build", "document.sign", "breach.open",
    "breach.update", "breach.scope", "breach.contain", "breach.notify", "breach.close", "training.record",
    "clear.ask", "clear.grant", "users.change", "terms.decide", "review.export",
]  # fmt: skip
Outcome = Literal["begun", "done", "refused", "failed"]
ACTIONS: tuple[Action, ...] = get_args(Action)
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
_REASON = re.compile(r"[A-Za-z0-9_.-]{0,40}")
_NO_ID = "-"
_DOCUMENT = b"callredact document 1|"  # what is signed as one is signed as nothing else
_FIRST = "0" * 64

_ROWS = Table(
    "audit", MetaData(),
    Column("seq", Integer, primary_key=True), Column("at", String), Column("actor", String), Column("action", String),
    Column("outcome", String), Column("object_id", String), Column("reason", String), Column("counts", Text),
    Column("mac", String),
)  # fmt: skip


_CUTS = Table(
    "audit_cuts", MetaData(),
    Column("seq", Integer, primary_key=True), Column("at", String), Column("mac", String), Column("rows", Integer),
    Column("signature", String),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the log.

    Attributes:
        seq: its number, from 1.
        at: when, in UTC.
        actor: name of the account that did it.
        object_id: of the recording or other thing it was done to; `-` for none.
        reason: one of few words, or empty.
        counts: figures.
    """

    seq: int
    at: str
    actor: str
    action: str
    outcome: str
    object_id: str
    reason: str
    counts: str
    mac: str

    def said(self) -> bytes:
        """What the HMAC is over, besides the row before."""
        return json.dumps([getattr(self, name) for name in self.__slots__ if name != "mac"]).encode()


@dataclass(frozen=True, slots=True)
class Cut:
    """Where the log was cut off.

    Attributes:
        seq: number of the last row that went; `mac` is its HMAC.
        at: when it was cut.
        rows: how many went.
    """

    seq: int
    at: str
    mac: str
    rows: int
    signature: str = field(repr=False)

    def said(self) -> bytes:
        """What is signed."""
        return f"callredact audit cut 1|{self.seq}|{self.at}|{self.mac}|{self.rows}".encode()


_WHOLE = Cut(0, "", _FIRST, 0, "")  # of a log that was never cut


class Audit:
    """The log.

    Args:
        database: with the history `records`.
        keys: hold the log's own.
        heads: file for signed heads; None to sign none.
    """

    def __init__(self, database: Database, keys: DataKeys, heads: Path | None) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self._database = database
        self._heads = heads
        secret = keys.made(LOG).secret
        self._chain = hmac.digest(secret, b"chain", "sha256")
        self._signer = Ed25519PrivateKey.from_private_bytes(hmac.digest(secret, b"heads", "sha256"))

    @property
    def public_key(self) -> str:
        """What heads are verified with, in hex: no secret."""
        return self._signer.public_key().public_bytes_raw().hex()

    def add(
        self,
        action: Action,
        outcome: Outcome,
        object_id: str = _NO_ID,
        *,
        reason: str = "",
        counts: Mapping[str, int] | None = None,
    ) -> Entry:
        """Add a row; when this returns, it is on the disk.

        Raises:
            RedactError: it can't be added. What was to be logged must not be done then.
        """
        if action not in ACTIONS or outcome not in OUTCOMES or not _REASON.fullmatch(reason):
            raise ValueError("the log takes its own words only")
        if object_id != _NO_ID and not IDS.fullmatch(object_id):
            raise ValueError("the log takes ids only")
        figures = json.dumps({key: int(value) for key, value in sorted((counts or {}).items()) if key.isidentifier()})
        with self._database.writing() as connection:
            last = connection.execute(select(_ROWS.c.seq, _ROWS.c.mac).order_by(_ROWS.c.seq.desc()).limit(1)).first()
            seq, before = (last.seq + 1, last.mac) if last else (1, _FIRST)  # a cut leaves a row
            at = datetime.now(UTC).isoformat(timespec="milliseconds")
            entry = Entry(seq, at, actor(), action, outcome, object_id, reason, figures, "")
            entry = _with_mac(entry, self._mac(entry, before))
            connection.execute(insert(_ROWS).values(asdict(entry)))
        self._write_head(entry)  # a row without a head is no sign of anything, a head without a row is
        return entry

    def sign(self, document: bytes) -> str:
        """A document's signature in hex, by the key that signs the log's heads; `public_key` verifies it."""
        return self._signer.sign(_DOCUMENT + document).hex()

    def is_signed(self, document: bytes, signature: str) -> bool:
        """True where a document was signed by this log, and not changed since."""
        from cryptography.exceptions import InvalidSignature

        try:
            self._signer.public_key().verify(bytes.fromhex(signature), _DOCUMENT + document)
        except (InvalidSignature, ValueError):
            return False
        return True

    @contextmanager
    def action(self, action: Action, object_id: str = _NO_ID, *, reason: str = "") -> Iterator[dict[str, int]]:
        """Log that something begins, let it be done, and log how it ended; figures may be put into what is given.

        Raises:
            RedactError: it can't be logged, so that it is not done; or what it was refused with.
        """
        self.add(action, "begun", object_id, reason=reason)
        counts: dict[str, int] = {}
        try:
            yield counts
        except BaseException as error:
            outcome: Outcome = "refused" if isinstance(error, RedactError) else "failed"
            name = type(error).__name__
            self.add(action, outcome, object_id, reason=name if _REASON.fullmatch(name) else "error", counts=counts)
            raise
        self.add(action, "done", object_id, reason=reason, counts=counts)

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Rows behind a number, in order."""
        with self._database.reading() as connection:
            yield from self._read(connection, after)

    def tail(self, count: int) -> tuple[Entry, ...]:
        """The last rows."""
        with self._database.reading() as connection:
            rows = connection.execute(select(_ROWS).order_by(_ROWS.c.seq.desc()).limit(count)).all()
        return tuple(Entry(*row) for row in reversed(rows))

    def cuts(self) -> tuple[Cut, ...]:
        """Where rows were cut off, the last at the end."""
        with self._database.reading() as connection:
            return _cuts(connection)

    def old(self, until: datetime, keep: Callable[[str], bool] = lambda _: False) -> tuple[Entry, ...]:
        """The rows that may be cut off: from the first on, all older than a moment; the last row of all is none.

        Args:
            until: the first row that is as young ends them.
            keep: true of the id of what a row is about: such a row ends them too.
        """
        found: list[Entry] = []
        with self._database.reading() as connection:
            for entry in self._read(connection, None):
                if not _is_older(entry.at, until) or keep(entry.object_id):
                    return tuple(found)
                found.append(entry)
        return tuple(found[:-1])

    def cut(self, old: Sequence[Entry], publish: Callable[[bytes], None] = lambda _: None) -> Cut:
        """Cut rows off the log's beginning, once the whole log was found unchanged.

        Args:
            old: as `old` gave them; not empty.
            publish: takes them before they go, as JSON lines, and the signed cut on the last.

        Raises:
            Damaged: somebody changed the log: nothing is cut off.
            RedactError: it can't be written to.
        """
        self.verify()
        last = old[-1]
        cut = Cut(last.seq, datetime.now(UTC).isoformat(timespec="seconds"), last.mac, len(old), "")
        cut = replace(cut, signature=self._signer.sign(cut.said()).hex())
        lines = [*map(asdict, old), {"cut": asdict(cut), "public_key": self.public_key}]
        publish("".join(json.dumps(line) + "\n" for line in lines).encode())
        with self._database.writing() as connection:
            connection.execute(insert(_CUTS).values(asdict(cut)))
            connection.execute(delete(_ROWS).where(_ROWS.c.seq <= cut.seq))
        self._database.checkpoint()
        return cut

    def verify(self, heads: Iterable[Head] | None = None) -> int:
        """Check the whole log against itself, its cuts and the signed heads; the number of its rows.

        Args:
            heads: as `read_heads` gives them; None for those of this log's own file.

        Raises:
            Damaged: somebody changed it. The message tells where it first shows.
        """
        known = list(heads if heads is not None else read_heads(self._heads))
        wanted = {head.seq: head for head in known}
        if len(wanted) < len({(head.seq, head.mac) for head in known}):
            raise broken("two heads of the same number differ", 0)
        with self._database.reading() as connection:
            cut = self._beginning(connection)
            before, count = cut.mac, cut.seq
            if cut.seq in wanted and wanted[cut.seq].mac != cut.mac:
                raise broken("a cut is of another row than the signed head", cut.seq)
            for entry in self._read(connection, None):
                count += 1
                if entry.seq != count:
                    raise broken("rows are missing or were moved", count)
                if not self._holds(entry, before):
                    raise broken("a row was changed, or is not this log's", count)
                head = wanted.get(count)
                if head and head.mac != entry.mac:
                    raise broken("the log was written anew: a signed head is of another row", count)
                before = entry.mac
        if known:
            last = max(known, key=lambda head: head.seq)
            self._check_signed(last.signature, last.said(), "a head was not signed by this log", last.seq)
            if last.seq > count:
                raise broken(f"its end was cut off: a head of row {last.seq} was signed", count)
        elif heads is None and self._heads and count > 1:  # of the very first row it may be on its way still
            raise broken("its signed heads are gone, without which a cut end does not show", count)
        return count - cut.seq

    def _beginning(self, connection: Connection) -> Cut:
        cuts = _cuts(connection)
        for each in cuts:
            self._check_signed(each.signature, each.said(), "its beginning was cut off by somebody else", each.seq)
        return cuts[-1] if cuts else _WHOLE

    def _check_signed(self, signature: str, content: bytes, fault: str, row: int) -> None:
        from cryptography.exceptions import InvalidSignature

        try:
            self._signer.public_key().verify(bytes.fromhex(signature), content)
        except (InvalidSignature, ValueError, TypeError):
            raise broken(fault, row) from None

    @staticmethod
    def _read(connection: Connection, after: int | None) -> Iterator[Entry]:
        rows = select(_ROWS).order_by(_ROWS.c.seq).execution_options(yield_per=ROWS_AT_ONCE)
        for row in connection.execute(rows if after is None else rows.where(_ROWS.c.seq > after)):
            yield Entry(*row)

    def _holds(self, entry: Entry, before: str) -> bool:
        try:
            return hmac.compare_digest(entry.mac.encode(), self._mac(entry, before).encode())
        except (AttributeError, TypeError):  # SQLite keeps what is no text in columns of text
            return False

    def _mac(self, entry: Entry, before: str) -> str:
        return hmac.digest(self._chain, before.encode() + b"|" + entry.said(), "sha256").hex()

    def _write_head(self, entry: Entry) -> None:
        if self._heads is None:
            return
        head = Head(entry.seq, entry.at, entry.mac, "")
        line = json.dumps({**asdict(head), "signature": self._signer.sign(head.said()).hex()})
        try:
            append(self._heads, line)
        except OSError:
            raise CannotWrite(
                "the log's signed heads can't be written, so that nothing was done", hint="check the disk they lie on"
            ) from None


def _cuts(connection: Connection) -> tuple[Cut, ...]:
    return tuple(Cut(*row) for row in connection.execute(select(_CUTS).order_by(_CUTS.c.seq)))


def _is_older(at: str, until: datetime) -> bool:
    try:
        return datetime.fromisoformat(at) < until
    except (ValueError, TypeError):  # somebody changed it, which `verify` tells
        return False


def _with_mac(entry: Entry, mac: str) -> Entry:
    return Entry(**{**asdict(entry), "mac": mac})


def episodes(entries: Iterable[Entry]) -> Iterator[tuple[Entry, Entry | None]]:
    """Rows that tell how something began, each with the one that tells how it ended; None for what never did.

    What ends without having begun, for that row was cut off or is not given, stands for both.

    Args:
        entries: in their order.
    """
    waiting: dict[tuple[str, str, str], list[Entry]] = {}
    for entry in entries:
        begun = waiting.setdefault((entry.action, entry.actor, entry.object_id), [])
        if entry.outcome == "begun":
            begun.append(entry)
        else:
            yield begun.pop(0) if begun else entry, entry
    for left in waiting.values():
        yield from ((entry, None) for entry in left)


def actor() -> str:
    """The account that this process runs as; an id where it has no name."""
    user = os.geteuid()
    try:
        return pwd.getpwuid(user).pw_name[:80]
    except KeyError:
        return f"uid {user}"
