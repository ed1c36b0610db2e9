"""The log: who did what to which recording, when, and with what outcome. It only grows, and holds no value.

Each row carries an HMAC over itself and the row before it: a row that is changed, removed, added or moved breaks the
chain, and nobody without the key can mend it. What a chain by itself can't show, that its end was cut off or that the
whole was written anew, shows in the signed heads: after each row its number and HMAC are signed (Ed25519) and written
to a file that should lie elsewhere, with another owner.

What can't be logged is not done: `Audit.action` writes that something begins before it may.
"""

import fcntl
import hmac
import json
import os
import pwd
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, Text, insert, select

from redact.errors import CannotWrite, Damaged, RedactError
from redact.stores.data_keys import IDS, LOG, DataKeys
from redact.stores.database import Database

Action = Literal[
    "redact", "vault.seal", "vault.open", "vault.erase", "vault.reseal", "keys.init", "keys.rotate",
    "consent.import", "consent.withdraw", "consent.object", "audit.export", "batch.run", "original.move",
    "original.delete", "original.hear", "erase", "hold.place", "hold.lift", "consent.apply", "index.build",
    "subject.open", "subject.find", "subject.export", "subject.rectify", "subject.erase", "subject.restrict",
    "subject.extend", "subject.close", "subject.identity", "subject.letter",
    "retention.apply", "document.build", "document.sign", "breach.open",
    "breach.update", "breach.scope", "breach.contain", "breach.notify", "breach.close", "training.record",
    "clear.ask", "clear.grant", "users.change", "terms.decide",
]  # fmt: skip
Outcome = Literal["begun", "done", "refused", "failed"]
ACTIONS: tuple[Action, ...] = get_args(Action)
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
_REASON = re.compile(r"[A-Za-z0-9_.-]{0,40}")
_NO_ID = "-"
_DOCUMENT = b"callredact document 1|"  # what is signed as one is signed as nothing else
_FIRST = "0" * 64
_LONGEST_LINE = 4096  # of the file of heads, with much to spare

_ROWS = Table(
    "audit", MetaData(),
    Column("seq", Integer, primary_key=True), Column("at", String), Column("actor", String), Column("action", String),
    Column("outcome", String), Column("object_id", String), Column("reason", String), Column("counts", Text),
    Column("mac", String),
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
class Head:
    """The log's end, as it once was."""

    seq: int
    at: str
    mac: str
    signature: str = field(repr=False)

    def said(self) -> bytes:
        """What is signed."""
        return f"callredact audit head 1|{self.seq}|{self.at}|{self.mac}".encode()


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
            seq, before = (last.seq + 1, last.mac) if last else (1, _FIRST)
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

    def verify(self, heads: Iterable[Head] | None = None) -> int:
        """Check the whole log against itself and the signed heads; its number of rows.

        Args:
            heads: as `read_heads` gives them; None for those of this log's own file.

        Raises:
            Damaged: somebody changed it. The message tells where it first shows.
        """
        known = list(heads if heads is not None else read_heads(self._heads))
        wanted = {head.seq: head for head in known}
        if len(wanted) < len({(head.seq, head.mac) for head in known}):
            raise _broken("two heads of the same number differ", 0)
        before, count = _FIRST, 0
        with self._database.reading() as connection:
            for entry in self._read(connection, None):
                count += 1
                if entry.seq != count:
                    raise _broken("rows are missing or were moved", count)
                if not self._holds(entry, before):
                    raise _broken("a row was changed, or is not this log's", count)
                head = wanted.get(count)
                if head and head.mac != entry.mac:
                    raise _broken("the log was written anew: a signed head is of another row", count)
                before = entry.mac
        if known:
            last = max(known, key=lambda head: head.seq)
            self._check(last)
            if last.seq > count:
                raise _broken(f"its end was cut off: a head of row {last.seq} was signed", count)
        return count

    def _check(self, head: Head) -> None:
        from cryptography.exceptions import InvalidSignature

        try:
            self._signer.public_key().verify(bytes.fromhex(head.signature), head.said())
        except (InvalidSignature, ValueError):
            raise _broken("a head was not signed by this log", head.seq) from None

    @staticmethod
    def _read(connection: Connection, after: int | None) -> Iterator[Entry]:
        rows = select(_ROWS).order_by(_ROWS.c.seq)
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
        line = json.dumps({**asdict(head), "signature": self._signer.sign(head.said()).hex()}) + "\n"
        try:
            self._heads.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            opened = os.open(self._heads, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                fcntl.flock(opened, fcntl.LOCK_EX)
                before = _whole(opened)
                if os.write(opened, line.encode()) < len(line):  # a full disk: what follows must not join it
                    os.ftruncate(opened, before)
                    raise OSError
                os.fsync(opened)
            finally:
                os.close(opened)
        except OSError:
            raise CannotWrite(
                "the log's signed heads can't be written, so that nothing was done", hint="check the disk they lie on"
            ) from None


def _whole(heads: int) -> int:
    """The length of the file of heads; a line that a power cut left without its end is cut off."""
    length = os.fstat(heads).st_size
    end = os.pread(heads, _LONGEST_LINE, max(0, length - _LONGEST_LINE))
    if end and not end.endswith(b"\n"):
        length -= len(end) - (end.rfind(b"\n") + 1)
        os.ftruncate(heads, length)
    return length


def read_heads(file: Path | None) -> Iterator[Head]:
    """Signed heads of a file, in its order. The last may be cut off, by a power cut: nothing was done then.

    Raises:
        Damaged: another is no head.
    """
    if file is None or not file.exists():
        return
    text = file.read_text(encoding="ascii", errors="replace")
    lines = text.splitlines()
    for number, line in enumerate(lines):
        try:
            head = Head(**json.loads(line))
            if not (isinstance(head.seq, int) and all(isinstance(x, str) for x in (head.at, head.mac, head.signature))):
                raise TypeError
        except (ValueError, TypeError):
            if number < len(lines) - 1 or text.endswith("\n"):
                raise _broken("the file of signed heads is damaged", number + 1) from None
        else:
            yield head


def _with_mac(entry: Entry, mac: str) -> Entry:
    return Entry(**{**asdict(entry), "mac": mac})


def _broken(what: str, row: int) -> Damaged:
    return Damaged(
        f"the log does not hold at row {row}: {what}", hint="keep it as it is, tell who answers for data protection"
    )


def actor() -> str:
    """The account that this process runs as; an id where it has no name."""
    user = os.geteuid()
    try:
        return pwd.getpwuid(user).pw_name[:80]
    except KeyError:
        return f"uid {user}"
