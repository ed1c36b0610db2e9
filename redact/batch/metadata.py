"""What is known of recordings beside their sound: one table for all, or a small file beside each."""

import csv
import io
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from redact.batch.archive import Archive
from redact.call import ROLES, Role, role_named
from redact.detect.spoken.base import supported
from redact.errors import InputRejected, UsageError
from redact.stores.consent import moment
from redact.stores.data_keys import IDS

COLUMNS = ("file", "call_id", "recorded_at", "agent", "queue", "language", "channels", "consent",
           "customer_id", "phone")  # fmt: skip
BESIDE = "beside"
_QUEUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_SUFFIXES = (".json", ".csv")


@dataclass(frozen=True, slots=True)
class Metadata:
    """What is known of one recording; empty where nobody said.

    Attributes:
        call_id: by which consent is recorded.
        recorded_at: when the recording began, ISO 8601 in UTC.
        agent: who spoke for the centre: becomes a keyed pseudonym.
        queue: that the call was in.
        language: ISO 639-1.
        roles: what each channel holds.
        is_refused: the table says that the call must not be processed.
        customer_id: by which the centre knows the customer: becomes a term of the keyed index.
        phone: of the customer: becomes a term too.
    """

    call_id: str = field(default="", repr=False)
    recorded_at: str = ""
    agent: str = field(default="", repr=False)
    queue: str = ""
    language: str | None = None
    roles: tuple[Role, ...] | None = None
    is_refused: bool = False
    customer_id: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)

    def call_at(self, path: str) -> str:
        """By what the lawful basis of the recording at a path is on record: its call's id, or its file's name."""
        return self.call_id or PurePosixPath(path).stem

    @property
    def beside(self) -> dict[str, str]:
        """What tells whose the call is, by its column; without what is empty, but for `call_id`."""
        more = {"customer_id": self.customer_id, "phone": self.phone}
        return {"call_id": self.call_id, **{name: value for name, value in more.items() if value}}


NOTHING = Metadata()
Known = Callable[[str], Metadata | None]


def known(source: Archive, where: str | None) -> Known:
    """A function that tells what is known of the recording at a path of the archive; None where a table lacks it.

    Args:
        source: the archive.
        where: a CSV or JSON file; `beside` for a JSON or CSV file of the same name beside each recording; None for
            nothing.

    Raises:
        InputRejected: the table can't be read, or something in it is wrong. The message tells where, and no value.
    """
    if where is None:
        return lambda _: NOTHING
    if where == BESIDE:
        return lambda path: _beside(source, path)
    table = Path(where)
    try:
        content = table.read_bytes()
    except OSError:
        raise InputRejected("the metadata can't be read", hint="check the path given with --metadata") from None
    rows = list(_rows(content, table.suffix.lower()))
    if rows and not all(row.get("file") for row in rows):
        raise InputRejected("the metadata name no file in some row", hint=f"its columns are: {', '.join(COLUMNS)}")
    by_path = {_plain(_text(row["file"])): row for row in rows}
    if len(by_path) < len(rows):
        raise InputRejected("the metadata name a file twice", hint="mend the table")
    read = {path: _metadata(row, number) for number, (path, row) in enumerate(by_path.items(), 1)}
    return lambda path: read.get(_plain(path))


def _plain(path: str) -> str:
    """A path as two systems may write it differently."""
    return unicodedata.normalize("NFC", path.replace("\\", "/")).removeprefix("./").strip("/")


def _beside(source: Archive, path: str) -> Metadata | None:
    stem = path.rpartition(".")[0] or path
    for suffix in _SUFFIXES:
        content = source.read(stem + suffix)
        if content is not None:
            rows = list(_rows(content, suffix))
            if len(rows) != 1:
                raise InputRejected(
                    "the metadata beside the recording are not of one call", hint="one object, or one row",
                    reason="metadata",
                )  # fmt: skip
            return _metadata(rows[0], 1)
    return None


def _rows(content: bytes, suffix: str) -> Iterator[Mapping[str, Any]]:
    try:
        text = content.decode("utf-8-sig")
        if suffix == ".csv":
            yield from _table(text)
            return
        told = json.loads(text) if suffix == ".json" else [json.loads(line) for line in text.splitlines() if line]
    except (UnicodeDecodeError, csv.Error, ValueError, RecursionError):
        told = None
    if isinstance(told, dict):
        is_by_file = told and all(isinstance(value, dict) for value in told.values())
        told = [{**value, "file": path} for path, value in told.items()] if is_by_file else [told]
    if not isinstance(told, list) or not all(isinstance(row, dict) for row in told):
        raise InputRejected(
            "the metadata are no CSV in UTF-8 and no JSON",
            hint=f"a table with the columns {', '.join(COLUMNS)}, or a list of objects with these keys",
            reason="metadata",
        )
    yield from (_with_known_keys({str(key).strip().casefold(): value for key, value in row.items()}) for row in told)


def _table(text: str) -> Iterator[Mapping[str, Any]]:
    """Rows of a CSV, whichever of the usual marks stands between its cells."""
    head = text.splitlines()[0] if text.strip() else ""
    mark = max(",;\t", key=head.count)
    for row in csv.DictReader(io.StringIO(text), delimiter=mark, skipinitialspace=True):
        if None in row:
            raise InputRejected(
                "a row of the metadata has more cells than there are columns", hint="mend it", reason="metadata"
            )
        yield _with_known_keys({name.strip().casefold(): value for name, value in row.items()})


def _with_known_keys(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The row, if it tells anything that is known: a table whose columns nobody knows would be taken for none."""
    if not set(row) & set(COLUMNS):
        raise InputRejected(
            "the metadata have none of the columns that are known", hint=f"they are: {', '.join(COLUMNS)}",
            reason="metadata",
        )  # fmt: skip
    return row


def _metadata(row: Mapping[str, Any], number: int) -> Metadata:
    def wrong(column: str, what: str) -> InputRejected:
        return InputRejected(
            f"row {number} of the metadata: {column} {what}", hint="mend the metadata", reason="metadata"
        )

    cell = {name: _text(row.get(name)) for name in COLUMNS}
    if cell["call_id"] and not IDS.fullmatch(cell["call_id"]):
        raise wrong("call_id", "is not an id: letters, digits, and . _ : - between them, at most 80")
    if cell["queue"] and not _QUEUE.fullmatch(cell["queue"]):
        raise wrong("queue", "is not a word: letters, digits, and . _ - between them, at most 40")
    language = cell["language"].lower().partition("-")[0] or None
    if language and language not in supported():
        raise wrong("language", f"can't be redacted; these can: {', '.join(supported())}")
    if cell["consent"].lower() not in {"", "yes", "no"}:
        raise wrong("consent", "is neither yes nor no")
    try:
        recorded_at = moment(cell["recorded_at"]) if cell["recorded_at"] else ""
    except UsageError:
        raise wrong("recorded_at", "is not a time with its offset, such as 2026-03-01T09:30:00+01:00") from None
    roles = _roles(row.get("channels"))
    if roles is None and cell["channels"]:
        raise wrong("channels", f"name no roles: {', '.join(ROLES)}, with commas or ; between them")
    return Metadata(
        cell["call_id"],
        recorded_at,
        cell["agent"],
        cell["queue"],
        language,
        roles,
        cell["consent"].lower() == "no",
        *("" if isinstance(row.get(name), dict | list) else cell[name] for name in ("customer_id", "phone")),
    )


def _roles(given: Any) -> tuple[Role, ...] | None:
    names: Iterable[Any] = given if isinstance(given, list) else re.split(r"[,;]", _text(given))
    roles = [role_named(_text(name)) for name in names]
    return tuple(role for role in roles if role) if all(roles) else None


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value).strip()
