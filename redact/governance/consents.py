"""Consent after the fact: what share of calls had a basis, and what becomes of a call when its basis is gone.

A call is known to the ledger by a keyed pseudonym of its id, and where none was given by the name of its file, which
lies sealed. So a record reaches the recordings that it is of without anything being read back.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from redact import naming, paper
from redact.batch.archive import Archive
from redact.custody import sources_of
from redact.errors import RedactError
from redact.governance import erasure
from redact.governance.organisation import ConsentRules
from redact.governance.places import Places
from redact.governance.prose import day, share, typeset
from redact.governance.words import words
from redact.options import NO_CUSTODY
from redact.stores.ledger import Row
from redact.stores.opened import Stores

SCHEMA, VERSION = "callredact.coverage", 1
# What a call that was not processed for lack of a basis is counted under, beside those of which none was recorded.
NONE = NO_CUSTODY.basis
_REFUSED = frozenset({"no_lawful_basis", "table_says_no"})
_EVIDENCE = ("notice_ms", "answer_ms", "answer")


@dataclass(slots=True)
class Applied:
    """What became of calls whose basis is gone.

    Attributes:
        calls: how many recordings they have.
        done: how many were held, redacted or erased now; `already` is how many were before.
        failed: why something could not be, in a word, and how often.
    """

    calls: int = 0
    done: int = 0
    already: int = 0
    failed: Counter[str] = field(default_factory=Counter)


def apply(stores: Stores, rules: ConsentRules, places: Places) -> Applied:
    """Let withdrawals and objections reach what was already processed, as the organisation says. May be run again.

    `hold`: nobody may use it from now on. `redact`: the original is erased, what is redacted stays. `erase`: all is.

    Raises:
        RedactError: a store can't be read or written, or an archive not be listed.
    """
    applied = Applied()
    with stores.audit.action("consent.apply", reason=rules.on_withdrawal) as counts:
        for recording_id, why in sorted(_recordings(stores, places).items()):
            applied.calls += 1
            try:
                changed = _applied(stores, places, recording_id, rules.on_withdrawal, why)
            except RedactError as error:
                applied.failed[error.reason] += 1
            else:
                applied.done += changed
                applied.already += not changed
        counts |= {
            "calls": applied.calls, "done": applied.done, "already": applied.already, "failed": applied.failed.total()
        }  # fmt: skip
    return applied


def _applied(stores: Stores, places: Places, recording_id: str, what: str, why: str) -> bool:
    """True where something was to be done."""
    if what == "erase":
        erasure.erase(stores, places, recording_id, reason=why)
        return True
    ledgers = [stores.ledger.archive(archive.url) for archive in places.archives]
    if what == "redact":
        rows = [row for ledger in ledgers for row in ledger.of(recording_id)]
        is_gone = stores.certificates.is_erased(recording_id) and all(row.original == "erased" for row in rows)
        if not is_gone:
            erasure.erase_original(stores, places, recording_id, reason=why)
        return not is_gone
    is_held = stores.marks.has(recording_id, "restriction")
    if not is_held:
        stores.marks.put(recording_id, "restriction", why)
    for ledger in ledgers:
        if any((row.state, row.reason) != ("held", "restricted") for row in ledger.of(recording_id)):
            ledger.withhold(recording_id)
            is_held = False
    return not is_held


def _recordings(stores: Stores, places: Places) -> dict[str, str]:
    """Recordings that are still here of calls whose basis is gone, and why it is."""
    refused = stores.consent.refused()
    by_pseudonym = {stores.ledger.pseudonym("call", call_id): why for call_id, why in refused.items()}
    found: dict[str, str] = {}
    for archive in places.archives:
        for row in stores.ledger.archive(archive.url).rows():
            own = row.recording_id or row.source
            if row.state in {"pending", "running", "erased"} or own in found:
                continue
            why = by_pseudonym.get(row.call, "") if row.call else _by_name(stores, own, refused)
            if why:
                found[own] = why
    for sealed in stores.vault.listed():  # by `redact file --call-id`
        if sealed.recording_id in refused and sealed.kind != "case":
            found[sealed.recording_id] = refused[sealed.recording_id]
    return found


def _by_name(stores: Stores, recording_id: str, refused: Mapping[str, str]) -> str:
    """Why the basis is gone of a call that is known by its file's name."""
    names = (PurePosixPath(told["source"]).stem for told in sources_of(stores.vault, recording_id))
    return next((refused[name] for name in names if name in refused), "")


def coverage(rows: Iterable[Row], at: datetime | None = None) -> dict[str, Any]:
    """What share of the calls had a basis when they were processed, as a JSON-ready object.

    Args:
        rows: of the ledger. What is erased tells nothing any more, and what was not yet looked at nothing yet.
        at: when this is told; None for now.
    """
    counted = [row for row in rows if row.state not in {"pending", "running", "erased"}]
    weeks: dict[str, Counter[str]] = {}
    queues: dict[str, Counter[str]] = {}
    total: Counter[str] = Counter()
    for row in counted:
        kinds = _kinds(row)
        if kinds is None:
            continue
        for counts in (total, weeks.setdefault(_week(row), Counter()), queues.setdefault(row.queue, Counter())):
            counts["calls"] += 1
            counts["with_basis"] += kinds != (NONE,)
            counts.update({f"basis:{kind}": 1 for kind in kinds})
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "at": (at or datetime.now(UTC)).isoformat(timespec="seconds"),
        "all": _told(total),
        "by_week": {week: _told(counts) for week, counts in sorted(weeks.items())},
        "by_queue": {queue: _told(counts) for queue, counts in sorted(queues.items())},
    }


def _kinds(row: Row) -> tuple[str, ...] | None:
    """Kinds of basis of a call; None where it never came so far that somebody asked."""
    if row.state == "refused":
        return (NONE,) if row.reason in _REFUSED else None
    return tuple(row.basis.split(", ")) if row.basis else None


def _week(row: Row) -> str:
    """The ISO week in which it was recorded, else finished, such as `2026-W09`."""
    try:
        year, week, _ = datetime.fromisoformat(row.recorded_at or row.finished_at).isocalendar()
    except ValueError:
        return ""
    return f"{year}-W{week:02}"


def _told(counts: Counter[str]) -> dict[str, Any]:
    calls = counts["calls"]
    bases = {key.removeprefix("basis:"): count for key, count in counts.items() if key.startswith("basis:")}
    return {
        "calls": calls,
        "with_basis": counts["with_basis"],
        "share": round(counts["with_basis"] / calls, 4) if calls else None,
        "by_basis": dict(sorted(bases.items())),
    }


def page(told: Mapping[str, Any], language: str) -> str:
    """The same as one page that loads nothing, in a language of `words`."""
    say = words("consents", language)
    whole = told["all"]
    parts = [
        f"<h1>{say['title']}</h1>",
        f'<p class="what">{say["what"].format(at=day(told["at"], language))}</p>',
        paper.cards({say["calls"]: str(whole["calls"]), say["with_basis"]: _share(whole, language)}),
        *paper.bars(say["by_basis"], {say.get(kind, kind): n for kind, n in whole["by_basis"].items()}),
        *_table(say["by_week"], say["week"], told["by_week"], language),
        *_table(say["by_queue"], say["queue"], told["by_queue"], language),
        f"<p>{say['note']}</p>",
    ]
    return typeset(paper.page(say["title"], parts, language), language)


def _table(title: str, first: str, groups: Mapping[str, Mapping[str, Any]], language: str) -> Iterator[str]:
    if not groups:
        return
    say = words("consents", language)
    yield from paper.bars(title, {name or say["unknown"]: group["calls"] for name, group in groups.items()})
    cells = [
        (name or say["unknown"], group["calls"], group["with_basis"], _share(group, language))
        for name, group in groups.items()
    ]
    yield paper.table((first, say["calls"], say["with_basis"], say["share"]), cells)


def _share(counts: Mapping[str, Any], language: str) -> str:
    return "–" if counts["share"] is None else share(counts["share"], language)


def evidence(archive: Archive) -> Iterator[dict[str, Any]]:
    """Calls of a folder of outputs that speak of their being recorded: id, times, and what was answered.

    Raises:
        InputRejected: the folder can't be read.
    """
    for item in archive.items():
        if not item.path.endswith(".report.json"):
            continue
        try:
            told = json.loads(archive.read(item.path) or b"{}")
            spoken = told["spoken_consent"]
            yield {"id": naming.opaque(told["input"]["sha256"]), **{name: spoken[name] for name in _EVIDENCE}}
        except (ValueError, KeyError, TypeError):
            continue
