"""The QA team's records: users and sessions, who has which call, drafts, and every decision.

Names of users are those of staff; of the people in the calls nothing is here. A draft and a decision hold times, types
and words of a fixed list, never a value.
"""

import hashlib
import json
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    update,
)

from redact.errors import Locked, UsageError
from redact.stores.database import Database

Role = Literal["reviewer", "lead", "dpo", "auditor", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
ReviewState = Literal["open", "approved", "returned", "escalated"]
STATES: tuple[ReviewState, ...] = get_args(ReviewState)
Kind = Literal["claim", "render", "approve", "return", "escalate", "original"]
# A session ends when nobody has used it for so long, and in any case after so long.
IDLE_S, ABSOLUTE_S = 30 * 60, 12 * 3600
# A call that nobody has worked on for so long may be claimed by somebody else.
CLAIM_S = 2 * 3600
_LONGEST_NAME = 80
# In the place of a password's hash: they sign in elsewhere. No hash is of it.
BY_PROVIDER = "by_provider"

_META = MetaData()
_USERS = Table(
    "users", _META,
    Column("name", String, primary_key=True), Column("role", String), Column("queues", Text),
    Column("password", String), Column("language", String), Column("disabled", Boolean),
)  # fmt: skip
_SESSIONS = Table(
    "sessions", _META,
    Column("token", String, primary_key=True), Column("name", String), Column("csrf", String),
    Column("made_at", Float), Column("seen_at", Float),
)  # fmt: skip
_REVIEWS = Table(
    "reviews", _META,
    Column("archive", String, primary_key=True), Column("recording_id", String, primary_key=True),
    Column("state", String), Column("claimed_by", String), Column("claimed_at", Float), Column("draft", Text),
    Column("version", Integer), Column("report", String),
)  # fmt: skip
_DECISIONS = Table(
    "decisions", _META,
    Column("number", Integer, primary_key=True), Column("archive", String), Column("recording_id", String),
    Column("at", String), Column("name", String), Column("kind", String), Column("reason", String),
    Column("detail", Text),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class User:
    """Somebody of the team.

    Attributes:
        queues: whose calls they may see; empty for all.
        language: of the page, ISO 639-1.
    """

    name: str
    role: Role
    queues: tuple[str, ...] = ()
    language: str = "en"
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Session:
    """A user who has signed in."""

    user: User
    csrf: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Review:
    """What the team has made of a call so far.

    Attributes:
        draft: edits that are not yet in the redacted file, as the page made them.
        version: goes up with each change of the draft.
        report: SHA-256 of the report that was approved; empty before.
    """

    recording_id: str
    state: ReviewState = "open"
    claimed_by: str = ""
    claimed_at: float = 0.0
    draft: tuple[dict[str, Any], ...] = ()
    version: int = 0
    report: str = ""

    def is_claimed(self, now: float) -> bool:
        """True while somebody has it."""
        return bool(self.claimed_by) and now - self.claimed_at < CLAIM_S


@dataclass(frozen=True, slots=True)
class Decision:
    """Who did what to which call, when, and why."""

    recording_id: str
    at: str
    name: str
    kind: Kind
    reason: str
    detail: tuple[dict[str, Any], ...]


class Reviews:
    """All of it, of one archive.

    Args:
        database: with the history `qa`.
        archive: pseudonym or name of the outputs' folder.
    """

    def __init__(self, database: Database, archive: str) -> None:
        self._database = database
        self._archive = archive

    def users(self) -> tuple[User, ...]:
        """All users, by name."""
        with self._database.reading() as connection:
            rows = connection.execute(select(_USERS).order_by(_USERS.c.name)).all()
        return tuple(_user(row) for row in rows)

    def put_user(self, user: User, password: str = "") -> None:
        """Add a user, or change one; the password stays where none is given.

        Args:
            user: as they are to be.
            password: its argon2 hash.

        Raises:
            UsageError: a new user has no password, or the name is empty or too long.
        """
        if not 1 <= len(user.name) <= _LONGEST_NAME:
            raise UsageError("the name is empty or too long", hint=f"{_LONGEST_NAME} characters at most")
        values = {
            "name": user.name, "role": user.role, "queues": json.dumps(user.queues), "language": user.language,
            "disabled": user.disabled, **({"password": password} if password else {}),
        }  # fmt: skip
        with self._database.writing() as connection:
            if connection.execute(update(_USERS).where(_USERS.c.name == user.name).values(values)).rowcount:
                connection.execute(delete(_SESSIONS).where(_SESSIONS.c.name == user.name))
                return
            if not password:
                raise UsageError("a new user needs a password", hint="give one when asked")
            connection.execute(insert(_USERS).values(values))

    def password_of(self, name: str) -> str:
        """The hash of a user's password; empty for nobody."""
        if "\0" in name:  # anybody may type anything, and PostgreSQL takes no such text
            return ""
        with self._database.reading() as connection:
            row = connection.execute(select(_USERS).where(_USERS.c.name == name)).one_or_none()
        return str(row.password) if row and not row.disabled else ""

    def begin_session(self, name: str, now: float | None = None) -> str:
        """Somebody signs in; the token that proves it, of which only a digest is kept."""
        token, moment = secrets.token_urlsafe(32), now or time.time()
        row = {
            "token": _digest(token), "name": name, "csrf": secrets.token_urlsafe(24), "made_at": moment,
            "seen_at": moment,
        }  # fmt: skip
        with self._database.writing() as connection:
            connection.execute(delete(_SESSIONS).where(_SESSIONS.c.made_at < moment - ABSOLUTE_S))
            connection.execute(insert(_SESSIONS).values(row))
        return token

    def session(self, token: str, now: float | None = None) -> Session | None:
        """Who a token is of; None where it is nobody's, or has expired."""
        moment = now or time.time()
        with self._database.reading() as connection:
            row = connection.execute(
                select(_SESSIONS, _USERS)
                .join(_USERS, _USERS.c.name == _SESSIONS.c.name)
                .where(_SESSIONS.c.token == _digest(token))
            ).one_or_none()
        if row is None or row.disabled or moment - row.made_at > ABSOLUTE_S or moment - row.seen_at > IDLE_S:
            return None
        if moment - row.seen_at > 60:  # once a minute is enough to know that somebody is there
            with self._database.writing() as connection:
                here = _SESSIONS.c.token == _digest(token)
                connection.execute(update(_SESSIONS).where(here).values(seen_at=moment))
        return Session(_user(row), str(row.csrf))

    def end_session(self, token: str) -> None:
        """Somebody signs out."""
        with self._database.writing() as connection:
            connection.execute(delete(_SESSIONS).where(_SESSIONS.c.token == _digest(token)))

    def end_sessions(self, name: str | None = None) -> int:
        """End a user's sessions, or all; how many."""
        with self._database.writing() as connection:
            wanted = delete(_SESSIONS) if name is None else delete(_SESSIONS).where(_SESSIONS.c.name == name)
            return int(connection.execute(wanted).rowcount)

    def sessions(self, now: float | None = None) -> dict[str, int]:
        """How many sessions there are: `live`, `expired`, and `disabled` of users who may not sign in any more."""
        moment = now or time.time()
        counts = {"live": 0, "expired": 0, "disabled": 0}
        both = select(_SESSIONS.c.made_at, _SESSIONS.c.seen_at, _USERS.c.disabled)
        with self._database.reading() as connection:
            for row in connection.execute(both.join(_USERS, _USERS.c.name == _SESSIONS.c.name)):
                is_over = moment - row.made_at > ABSOLUTE_S or moment - row.seen_at > IDLE_S
                counts["disabled" if row.disabled else "expired" if is_over else "live"] += 1
        return counts

    def reviews(self) -> dict[str, Review]:
        """What was made of each call, by its id; calls that nobody has looked at are not in it."""
        with self._database.reading() as connection:
            rows = connection.execute(select(_REVIEWS).where(_REVIEWS.c.archive == self._archive)).all()
        return {row.recording_id: _review(row) for row in rows}

    def review(self, recording_id: str) -> Review:
        """What was made of a call."""
        with self._database.reading() as connection:
            row = connection.execute(select(_REVIEWS).where(self._here(recording_id))).one_or_none()
        return _review(row) if row else Review(recording_id)

    def claim(self, recording_id: str, name: str, now: float | None = None) -> Review:
        """Take a call, so that nobody else does.

        Raises:
            Locked: somebody else has it.
        """
        moment = now or time.time()
        with self._database.writing() as connection:
            before = self._locked(connection, recording_id)
            if before.is_claimed(moment) and before.claimed_by != name:
                raise Locked(f"{before.claimed_by} has this call", hint="take another, or wait until it is free")
            self._change(connection, recording_id, claimed_by=name, claimed_at=moment)
        return self.review(recording_id)

    def release(self, recording_id: str, name: str) -> None:
        """Let go of a call."""
        with self._database.writing() as connection:
            if self._locked(connection, recording_id).claimed_by == name:
                self._change(connection, recording_id, claimed_by="", claimed_at=0.0)

    def save_draft(self, recording_id: str, name: str, draft: Sequence[dict[str, Any]], version: int) -> int:
        """Keep edits; their new version.

        Raises:
            Locked: somebody else has the call, or it was changed since that version was read.
        """
        with self._database.writing() as connection:
            before = self._locked(connection, recording_id)
            if before.claimed_by != name:
                raise Locked("somebody else has this call", hint="claim it first")
            if before.version != version:
                raise Locked("the call was changed in another window", hint="load it again")
            self._change(
                connection, recording_id, draft=json.dumps(list(draft)), version=version + 1, claimed_at=time.time(),
                state="open",
            )  # fmt: skip
        return version + 1

    def decide(
        self,
        recording_id: str,
        name: str,
        kind: Kind,
        reason: str = "",
        detail: Sequence[dict[str, Any]] = (),
        state: ReviewState | None = None,
        report: str = "",
    ) -> None:
        """Note a decision, and the state that the call has by it; making a call anew opens it again.

        Args:
            recording_id: of the call.
            name: of who decided.
            kind: of the decision.
            reason: one word of few.
            detail: edits or stretches.
            state: that the call has from now on; nobody has it any more then.
            report: SHA-256 of the report that was approved.
        """
        row = {
            "archive": self._archive, "recording_id": recording_id, "name": name, "kind": kind, "reason": reason,
            "at": datetime.now(UTC).isoformat(timespec="seconds"), "detail": json.dumps(list(detail)),
        }  # fmt: skip
        with self._database.writing() as connection:
            self._locked(connection, recording_id)
            connection.execute(insert(_DECISIONS).values(row))
            if kind == "render":
                self._change(connection, recording_id, state="open")
            if state:
                self._change(connection, recording_id, state=state, claimed_by="", claimed_at=0.0, report=report)

    def decisions(self, recording_id: str | None = None) -> Iterator[Decision]:
        """Decisions about a call, or about all, in the order in which they were made."""
        wanted = _DECISIONS.c.archive == self._archive
        if recording_id:
            wanted &= _DECISIONS.c.recording_id == recording_id
        with self._database.reading() as connection:
            rows = connection.execute(select(_DECISIONS).where(wanted).order_by(_DECISIONS.c.number)).all()
        for row in rows:
            yield Decision(
                row.recording_id, row.at, row.name, row.kind, row.reason, tuple(json.loads(row.detail))
            )  # fmt: skip

    def decided_today(self) -> int:
        """How many calls were approved, sent back or escalated since midnight (UTC)."""
        today = datetime.now(UTC).date().isoformat()
        wanted = (_DECISIONS.c.archive == self._archive) & (_DECISIONS.c.at >= today)
        wanted &= _DECISIONS.c.kind.in_(("approve", "return", "escalate"))
        with self._database.reading() as connection:
            return int(connection.execute(select(func.count()).select_from(_DECISIONS).where(wanted)).scalar_one())

    def erase(self, recording_id: str) -> int:
        """Forget what was made of a call, and all decisions about it; how many rows that were."""
        count = 0
        with self._database.writing() as connection:
            for table in (_REVIEWS, _DECISIONS):
                here = (table.c.archive == self._archive) & (table.c.recording_id == recording_id)
                count += connection.execute(delete(table).where(here)).rowcount
        self._database.checkpoint()
        return count

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _here(self, recording_id: str) -> Any:
        return (_REVIEWS.c.archive == self._archive) & (_REVIEWS.c.recording_id == recording_id)

    def _locked(self, connection: Connection, recording_id: str) -> Review:
        """A call's review as the only writer sees it; it is made where there was none."""
        row = connection.execute(select(_REVIEWS).where(self._here(recording_id))).one_or_none()
        if row is None:
            new = Review(recording_id)
            connection.execute(
                insert(_REVIEWS).values(
                    archive=self._archive, recording_id=recording_id, state=new.state, claimed_by="", claimed_at=0.0,
                    draft="[]", version=0, report="",
                )
            )  # fmt: skip
            return new
        return _review(row)

    def _change(self, connection: Connection, recording_id: str, **values: Any) -> None:
        connection.execute(update(_REVIEWS).where(self._here(recording_id)).values(**values))


def _user(row: Any) -> User:
    return User(row.name, row.role, tuple(json.loads(row.queues)), row.language, bool(row.disabled))


def _review(row: Any) -> Review:
    draft = tuple(json.loads(row.draft))
    return Review(row.recording_id, row.state, row.claimed_by, row.claimed_at, draft, row.version, row.report)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
