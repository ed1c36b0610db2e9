"""What was processed, as counts that stay when recordings are erased: documents tell of all of it, of nobody in it.

A recording that is erased is added to the total of its day, week, queue, language, basis and engine, and nothing in a
total leads back to it: no id, no place, no time of day.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, MetaData, String, Table, Text, and_, insert, select, update

from redact.stores.ledger_rows import Row

_META = MetaData()
_KEY = ("finished_on", "week_of", "queue", "state", "reason", "language", "basis", "engine")
_COUNTED = ("calls", "duration_ms", "masked_ms", "work_ms")
_PROCESSED = Table(
    "processed", _META,
    Column("archive", String, primary_key=True), *(Column(name, String, primary_key=True) for name in _KEY),
    *(Column(name, BigInteger) for name in _COUNTED), Column("replacements", Text),
)  # fmt: skip
_ENGINES = Table(
    "engines", _META,
    Column("archive", String, primary_key=True), Column("engine", String, primary_key=True),
    Column("models", Text), Column("version", String),
)  # fmt: skip
# Nothing had come of these: all there is to tell is that they were erased.
_NOTHING_YET = ("pending", "running")


@dataclass(frozen=True, slots=True)
class Engine:
    """Name and digest of each model, and the version of the program."""

    models: Mapping[str, str] = field(default_factory=dict)
    version: str = ""


def as_it_was(row: Row) -> Row:
    """A row before it was withheld: what is redacted and restricted is redacted."""
    if not (row.is_withheld and row.was):
        return row
    state, _, reason = row.was.partition(" ")
    return replace(row, state=state, reason=reason, was="")  # type: ignore[arg-type]


def add(connection: Connection, archive: str, row: Row) -> None:
    """Add what came of a recording that is erased now; what was erased before is in its total already."""
    if row.state == "erased":
        return
    known = as_it_was(row)
    if known.state in _NOTHING_YET:
        known = Row("", 0, "", "erased")
    key, masked = _key(archive, known), Counter(known.replacements)
    counts = {"calls": 1, **{name: getattr(known, name) for name in _COUNTED[1:]}}
    here = and_(*(_PROCESSED.c[name] == value for name, value in key.items()))
    before = connection.execute(select(_PROCESSED).where(here)).one_or_none()
    if before is None:
        connection.execute(insert(_PROCESSED).values({**key, **counts, "replacements": _json(masked)}))
        return
    masked.update(json.loads(before.replacements))
    added = {name: before._mapping[name] + count for name, count in counts.items()}
    connection.execute(update(_PROCESSED).where(here).values({**added, "replacements": _json(masked)}))


def of_erased(connection: Connection, archive: str) -> Iterator[Row]:
    """Rows without a name of what was erased: as many as there were, the first of a total with all of its counts."""
    for total in connection.execute(select(_PROCESSED).where(_PROCESSED.c.archive == archive)).all():
        row = Row(
            "", 0, "", total.state, total.reason, queue=total.queue, language=total.language, basis=total.basis,
            engine=total.engine, original="erased", recorded_at=_midnight(total.week_of),
            finished_at=_midnight(total.finished_on),
        )  # fmt: skip
        yield replace(
            row, duration_ms=total.duration_ms, masked_ms=total.masked_ms, work_ms=total.work_ms,
            replacements=json.loads(total.replacements),
        )  # fmt: skip
        for _ in range(1, total.calls):
            yield row


def note_engine(connection: Connection, archive: str, engine: str, by: Engine) -> None:
    """Note what an engine is made of: reports tell it too, until they are erased."""
    if not by.models and not by.version:
        return
    here = (_ENGINES.c.archive == archive) & (_ENGINES.c.engine == engine)
    before = connection.execute(select(_ENGINES.c.models).where(here)).scalar_one_or_none()
    if before is None:
        values = {"archive": archive, "engine": engine, "models": _json(by.models), "version": by.version}
        connection.execute(insert(_ENGINES).values(values))
    elif new := set(by.models.items()) - set(json.loads(before).items()):
        models = {**json.loads(before), **dict(new)}
        connection.execute(update(_ENGINES).where(here).values(models=_json(models)))


def engines(connection: Connection, archive: str) -> dict[str, Engine]:
    """What each engine is made of, by its digest."""
    found = connection.execute(select(_ENGINES).where(_ENGINES.c.archive == archive))
    return {row.engine: Engine(json.loads(row.models), row.version) for row in found}


def _key(archive: str, row: Row) -> dict[str, str]:
    recorded = _day(row.recorded_at)
    return {
        "archive": archive, "finished_on": row.finished_at[:10], "queue": row.queue, "state": row.state,
        "week_of": (recorded - timedelta(days=recorded.weekday())).isoformat() if recorded else "",
        "reason": row.reason, "language": row.language, "basis": row.basis, "engine": row.engine,
    }  # fmt: skip


def _day(at: str) -> date | None:
    try:
        return datetime.fromisoformat(at).date()
    except ValueError:
        return None


def _midnight(day: str) -> str:
    return f"{day}T00:00:00+00:00" if day else ""


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(dict(sorted(content.items())))
