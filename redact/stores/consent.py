"""Lawful bases: what allows each call to be processed, checked before a byte of it is decoded.

A person is known by a keyed pseudonym, never by name. Consent counts where it was given before the recording began and
was not withdrawn; legitimate interest, where nobody objected. Other bases count by being recorded.
"""

import csv
import hmac
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from typing import Literal, TextIO, TypeVar, get_args

from sqlalchemy import Column, ColumnElement, MetaData, String, Table, Text, delete, insert, or_, select, update

from redact.errors import InputRejected, NoLawfulBasis, UsageError
from redact.stores.data_keys import IDS, PERSONS, DataKeys
from redact.stores.database import Database

Basis = Literal[
    "consent", "contract", "legal_obligation", "vital_interests", "public_task", "legitimate_interest"
]  # fmt: skip
BASES: tuple[Basis, ...] = get_args(Basis)
CHANNELS = ("ivr", "agent", "web")
METHODS = ("voice", "keypad", "click", "written")
REQUIRED_COLUMNS = ("call_id", "person", "lawful_basis")
COLUMNS = (
    *REQUIRED_COLUMNS, "purposes", "notice_id", "notice_sha256", "language", "channel", "method", "given_at",
    "recorded_at", "evidence_ref",
)  # fmt: skip
_T = TypeVar("_T")
# Clocks of two machines may be so far apart.
_CLOCKS_APART = timedelta(minutes=10)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PURPOSE = re.compile(r"[a-z][a-z0-9_]{0,39}")
_LANGUAGE = re.compile(r"[A-Za-z0-9-]{0,16}")
_REFERENCE = re.compile(r"[A-Za-z0-9._:/-]{0,80}")

_ROWS = Table(
    "lawful_bases", MetaData(),
    Column("call_id", String), Column("person", String), Column("basis", String), Column("purposes", Text),
    Column("notice_id", String), Column("notice_sha256", String), Column("language", String),
    Column("channel", String), Column("method", String), Column("given_at", String), Column("recorded_at", String),
    Column("evidence_ref", String), Column("withdrawn_at", String), Column("objection_at", String),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Record:
    """What allows one call to be processed, of one person. Times are ISO 8601 in UTC, or empty; see `COLUMNS`."""

    call_id: str
    person: str
    basis: str
    purposes: tuple[str, ...]
    notice_id: str
    notice_sha256: str
    language: str
    channel: str
    method: str
    given_at: str
    recorded_at: str
    evidence_ref: str
    withdrawn_at: str | None = None
    objection_at: str | None = None

    def refusal(self, recorded_at: str = "") -> str:
        """Why it does not count, in a word; empty where it does.

        Args:
            recorded_at: when the recording began, where the record does not say.
        """
        if self.basis == "legitimate_interest":
            return "objection" if self.objection_at else ""
        if self.basis != "consent":
            return ""
        if self.withdrawn_at:
            return "withdrawn"
        began = self.recorded_at or recorded_at
        if not began or not self.given_at:
            return "time_unknown"
        return "" if self.given_at <= began else "given_late"


class Consent:
    """The records.

    Args:
        database: with the history `records`.
        keys: hold that of the pseudonyms.
    """

    def __init__(self, database: Database, keys: DataKeys) -> None:
        self._database = database
        self._secret = keys.made(PERSONS).secret

    def pseudonym(self, person: str) -> str:
        """What a person is known by, from what they are known by elsewhere: a number, an address, a reference."""
        same = " ".join(unicodedata.normalize("NFKC", person).casefold().split())
        return hmac.digest(self._secret, same.encode("utf-8", "surrogatepass"), "sha256").hex()[:32]

    def add(self, records: Iterable[Record]) -> int:
        """Add records, all or none; how many. One of the same call and person is replaced, but stays withdrawn."""
        count = 0
        with self._database.writing() as connection:
            for record in records:
                here = (_ROWS.c.call_id == record.call_id) & (_ROWS.c.person == record.person)
                row = {**asdict(record), "purposes": json.dumps(record.purposes)}
                kept = {key: value for key, value in row.items() if key not in {"withdrawn_at", "objection_at"}}
                if not connection.execute(update(_ROWS).where(here).values(kept)).rowcount:
                    connection.execute(insert(_ROWS).values(row))
                count += 1
        return count

    def of(self, call_id: str) -> tuple[Record, ...]:
        """The records of a call."""
        if not IDS.fullmatch(call_id):  # what is no id may be anything, and is not shown to a server
            return ()
        with self._database.reading() as connection:
            rows = connection.execute(select(_ROWS).where(_ROWS.c.call_id == call_id).order_by(_ROWS.c.person)).all()
        return tuple(Record(**{**row._mapping, "purposes": tuple(json.loads(row.purposes))}) for row in rows)

    def notices(self) -> tuple[tuple[str, str, str, str, str], ...]:
        """Call id, basis, notice id, the notice's SHA-256 and when consent was given, of every record, by call."""
        columns = (_ROWS.c.call_id, _ROWS.c.basis, _ROWS.c.notice_id, _ROWS.c.notice_sha256, _ROWS.c.given_at)
        with self._database.reading() as connection:
            return tuple(tuple(row) for row in connection.execute(select(*columns).order_by(*columns)))

    def calls_of(self, persons: Iterable[str]) -> frozenset[str]:
        """The ids of the calls of which something is on record of one of these persons, known as in `pseudonym`."""
        wanted = _ROWS.c.person.in_({self.pseudonym(person) for person in persons})
        with self._database.reading() as connection:
            return frozenset(connection.execute(select(_ROWS.c.call_id).where(wanted)).scalars())

    def persons_by_call(self) -> dict[str, frozenset[str]]:
        """The pseudonyms of the persons on record, by the ids of their calls."""
        found: dict[str, set[str]] = {}
        with self._database.reading() as connection:
            for row in connection.execute(select(_ROWS.c.call_id, _ROWS.c.person)):
                found.setdefault(row.call_id, set()).add(row.person)
        return {call_id: frozenset(persons) for call_id, persons in found.items()}

    def last_noted(self) -> dict[str, str]:
        """When each call of which something is on record was recorded, or the last was noted; empty where untold."""
        found: dict[str, str] = {}
        with self._database.reading() as connection:
            for row in connection.execute(select(_ROWS)):
                times = (row.recorded_at, row.given_at, row.withdrawn_at, row.objection_at, found.get(row.call_id))
                found[row.call_id] = max(filter(None, times), default="")
        return found

    def forget(self, call_ids: Iterable[str]) -> int:
        """Erase the records of calls; how many records there were."""
        count = 0
        with self._database.writing() as connection:
            for call_id in call_ids:
                count += connection.execute(delete(_ROWS).where(_ROWS.c.call_id == call_id)).rowcount
        self._database.checkpoint()
        return count

    def withdraw(self, reference: str, at: datetime | None = None) -> int:
        """Note that consent was withdrawn, for a call or for all calls of a person; how many records say so now."""
        return self._note("withdrawn_at", reference, at)

    def object(self, reference: str, at: datetime | None = None) -> int:
        """Note an objection, for a call or for all calls of a person; how many records say so now."""
        return self._note("objection_at", reference, at)

    def bases(self, reference: str) -> Counter[str]:
        """How many records a call or a person has of each basis; none where nothing is known of them."""
        with self._database.reading() as connection:
            return Counter(connection.execute(select(_ROWS.c.basis).where(self._of(reference))).scalars())

    def require(self, call_id: str, recorded_at: str = "") -> tuple[Record, ...]:
        """The records of a call, each of which counts.

        Args:
            call_id: of the call.
            recorded_at: when the recording began, where the records do not say.

        Raises:
            NoLawfulBasis: there is none, or one does not count.
        """
        records = self.of(call_id)
        refusals = sorted({why for record in records if (why := record.refusal(recorded_at))})
        if not records:
            refusals = ["not_recorded"]
        if refusals:
            raise NoLawfulBasis(f"no lawful basis for the call: {', '.join(refusals)}", hint=_HINTS[refusals[0]])
        return records

    def refused(self) -> dict[str, str]:
        """Calls of which a record does not count any more, and why: `withdrawn` or `objection`."""
        said = _ROWS.c.withdrawn_at.is_not(None) | _ROWS.c.objection_at.is_not(None)
        with self._database.reading() as connection:
            rows = connection.execute(select(_ROWS).where(said).order_by(_ROWS.c.call_id, _ROWS.c.person)).all()
        found = {}
        for row in rows:
            why = Record(**{**row._mapping, "purposes": tuple(json.loads(row.purposes))}).refusal()
            if why in {"withdrawn", "objection"}:
                found[row.call_id] = why
        return found

    def _note(self, what: str, reference: str, at: datetime | None) -> int:
        when = (at or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds")
        with self._database.writing() as connection:
            count = connection.execute(update(_ROWS).where(self._of(reference)).values({what: when})).rowcount
        if not count:
            raise UsageError("no record is of that call or person", hint="look with: redact consent show ID")
        return count

    def _of(self, reference: str) -> ColumnElement[bool]:
        """The records of a call, by its id, or of a person."""
        known_by = [self.pseudonym(reference), *([reference] if IDS.fullmatch(reference) else [])]
        return or_(_ROWS.c.call_id.in_(known_by), _ROWS.c.person.in_(known_by))


_HINTS: Mapping[str, str] = {
    "not_recorded": "record it with: redact consent import CSV",
    "withdrawn": "consent was withdrawn: the call must not be processed on it",
    "objection": "the person objected: the call must not be processed on legitimate interest",
    "time_unknown": "tell when the recording began (recorded_at) and when consent was given (given_at)",
    "given_late": "consent given after the recording began does not count",
}


def read_csv(file: TextIO, consent: Consent) -> Iterator[Record]:
    """Records of a table, with , or ; between its cells; persons become pseudonyms here.

    Raises:
        InputRejected: a column is missing or unknown, or a row is wrong. The message tells line and column only.
    """
    header = _readable(None, file.readline)
    delimiter = ";" if header.count(";") > header.count(",") else ","  # as French spreadsheets write it
    rows = csv.DictReader(chain([header], file), delimiter=delimiter)
    columns = [name.strip() for name in _readable(rows, lambda: rows.fieldnames) or ()]
    missing = [name for name in REQUIRED_COLUMNS if name not in columns]
    unknown = len([name for name in columns if name not in COLUMNS])
    if len(set(columns)) < len(columns):
        raise InputRejected("the table has a column twice", hint="mend the table")
    if missing or unknown:
        what = f"lacks the column {missing[0]!r}" if missing else f"has {unknown} columns that are not known"
        raise InputRejected(f"the table {what}", hint=f"its columns are: {', '.join(COLUMNS)}")
    rows.fieldnames = columns
    while (row := _readable(rows, lambda: next(rows, None))) is not None:
        yield _record(row, rows.line_num, consent)


def _readable(rows: "csv.DictReader[str] | None", what: Callable[[], _T]) -> _T:
    try:
        return what()
    except (csv.Error, UnicodeDecodeError):
        line = rows.line_num if rows else 0  # raised below, where no traceback holds on to the table
    raise InputRejected(
        f"the table can't be read behind line {line}: it is no CSV in UTF-8", hint="save it as CSV, in UTF-8"
    )


def _record(row: Mapping[str | None, str | None], line: int, consent: Consent) -> Record:
    def wrong(column: str, what: str) -> InputRejected:
        return InputRejected(
            f"line {line}: {column} {what}", hint="mend the table and import it again: nothing was kept"
        )

    if None in row:
        raise InputRejected(f"line {line}: there are more cells than columns", hint="mend the table")
    cell = {name: (row.get(name) or "").strip() for name in COLUMNS}
    if not IDS.fullmatch(cell["call_id"]):
        raise wrong("call_id", "is not an id: letters, digits, and . _ : - between them, at most 80")
    if not cell["person"]:
        raise wrong("person", "is empty")
    if cell["lawful_basis"] not in BASES:
        raise wrong("lawful_basis", f"is none of: {', '.join(BASES)}")
    purposes = tuple(filter(None, (purpose.strip() for purpose in cell["purposes"].split(";"))))
    if not all(map(_PURPOSE.fullmatch, purposes)):
        raise wrong("purposes", "are not words of small letters, with ; between them")
    if cell["notice_sha256"] and not _SHA256.fullmatch(cell["notice_sha256"].lower()):
        raise wrong("notice_sha256", "is not 64 hex digits")
    if cell["channel"] and cell["channel"].lower() not in CHANNELS:
        raise wrong("channel", f"is none of: {', '.join(CHANNELS)}")
    if cell["method"] and cell["method"].lower() not in METHODS:
        raise wrong("method", f"is none of: {', '.join(METHODS)}")
    if not _LANGUAGE.fullmatch(cell["language"]):
        raise wrong("language", "is not a language, such as en or fr-CA")
    for name in ("notice_id", "evidence_ref"):
        if not _REFERENCE.fullmatch(cell[name]):
            raise wrong(name, "is not a reference: letters, digits and . _ : / - only")
    times = {name: _time(cell[name], partial(wrong, name)) for name in ("given_at", "recorded_at")}
    if cell["lawful_basis"] == "consent" and not (times["given_at"] and purposes and cell["notice_id"]):
        raise wrong("given_at, purposes, notice_id", "are wanted for consent: when, to what, and after which notice")
    return Record(
        cell["call_id"], consent.pseudonym(cell["person"]), cell["lawful_basis"], purposes, cell["notice_id"],
        cell["notice_sha256"].lower(), cell["language"], cell["channel"].lower(), cell["method"].lower(),
        times["given_at"], times["recorded_at"], cell["evidence_ref"],
    )  # fmt: skip


def _time(text: str, wrong: Callable[[str], InputRejected]) -> str:
    """A time as it is kept; empty where there is none. What is still to come nobody can have consented to."""
    try:
        told = moment(text) if text else ""
    except UsageError:
        raise wrong("is not a time with its offset, such as 2026-03-01T09:30:00+01:00") from None
    if told > (datetime.now(UTC) + _CLOCKS_APART).isoformat(timespec="seconds"):
        raise wrong("is still to come")
    return told


def moment(text: str) -> str:
    """A time as it is kept, in UTC.

    Raises:
        UsageError: it is none, or lacks its offset.
    """
    try:
        parsed = datetime.fromisoformat(text)
        utc = parsed.astimezone(UTC) if parsed.tzinfo else None
    except (ValueError, OverflowError):
        utc = None
    if utc is None:
        raise UsageError("that is not a time with its offset", hint="write it as 2026-03-01T09:30:00+01:00")
    return utc.isoformat(timespec="seconds")
