"""The month's report to the data protection officer: what ran, how well, what is due, and who saw anything in clear.

Counts, ids, times and words of fixed lists. Of staff, those are named who heard or opened an original, for that is what
they have to answer for (CNIL); of trainings and decisions there are counts alone.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from redact import __version__, naming
from redact.batch.archive import Archive
from redact.errors import UsageError
from redact.governance import consents
from redact.governance.access import OWN_VOICE
from redact.governance.breach import is_overdue, stage
from redact.governance.months import Month
from redact.governance.organisation import Organisation
from redact.governance.places import Places
from redact.governance.prose import empty_contact, known, refuse_gaps
from redact.governance.qa import Qa, qa
from redact.governance.ran import ALL_RUNS, NO_BASIS, is_whole
from redact.governance.retention import plan
from redact.stores.audit import Entry, episodes
from redact.stores.cases import CLOSED, KINDS, Case
from redact.stores.ledger import STATES, Row, RunRow
from redact.stores.opened import Stores
from redact.stores.reviews import Decision
from redact.stores.trainings import latest

SCHEMA, VERSION = "callredact.monthly", 1
# What ends so soon is told.
_SOON = timedelta(days=30)
# What is written one behind the other is not further apart.
_AT_ONCE = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class _Period:
    """What a report is of, and the moment at which it is made."""

    month: Month
    now: datetime


def document_id(month: Month) -> str:
    """What a month's report is called."""
    return f"monthly-{month}"


def build(
    stores: Stores, organisation: Organisation, month: Month | None = None, now: datetime | None = None
) -> dict[str, Any]:
    """A month's report as a JSON-ready object.

    Args:
        stores: where things are kept.
        organisation: whose archives, limits and officer they are.
        month: which; None for the last that is over.
        now: when it is made; None for this moment.

    Raises:
        UsageError: the month has not begun.
        PolicyError: nobody is named whom it is for.
        RedactError: a store can't be opened, or an archive can't be reached.
    """
    named = empty_contact(organisation.controller, "controller", ("name",))
    refuse_gaps("the report", named + empty_contact(organisation.dpo, "dpo", ("name",)))
    period = _period(month, (now or datetime.now(UTC)).astimezone(UTC))
    runs, rows = _rows(stores, organisation)
    of_month = [row for row in rows if period.month.has(row.finished_at)]
    decided = qa(stores, organisation.archives, period.month.begins, period.month.ends)
    return {
        "schema": SCHEMA, "version": VERSION, "redact_version": __version__,
        "document": document_id(period.month),
        "month": str(period.month),
        "is_over": period.month.ends <= period.now,
        # Up to when it tells: the month's end, or before that the moment at which it is made.
        "covers_until": min(period.month.ends, period.now).isoformat(timespec="seconds"),
        "made_at": period.now.isoformat(timespec="seconds"),
        "controller": known(organisation.controller),
        "dpo": known(organisation.dpo),
        "runs": [_run(run) for run in runs if period.month.has(run.began_at)],
        "recordings": _recordings(of_month),
        "basis": _basis(of_month),
        "quality": {**decided.told(), "of_redacted": sum(row.state == "done" for row in of_month)},
        "retention": _retention(stores, organisation, period.now),
        "clear_access": _clear_access(stores, decided, period),
        "cases": {kind: _cases(stores, stores.cases.all(kind), period) for kind in KINDS},
        "erasures": _erasures(stores, period),
        "trainings": _trainings(stores, period),
        "log_is_whole": is_whole(stores),
    }  # fmt: skip


def write(told: Mapping[str, Any]) -> str:
    """The report's file."""
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def _period(month: Month | None, now: datetime) -> _Period:
    period = _Period(month or Month.of(now).before, now)
    if period.month.begins > now:
        raise UsageError("the month has not begun", hint="leave --month out for the last that is over")
    return period


def _rows(stores: Stores, organisation: Organisation) -> tuple[list[RunRow], list[Row]]:
    """All runs and all rows, in an order that is the same each time."""
    runs: list[RunRow] = []
    rows: list[Row] = []
    for url in organisation.archives:
        ledger = stores.ledger.archive(Archive(url).url)
        runs += ledger.runs(ALL_RUNS)
        rows += ledger.processed()
    return sorted(runs, key=lambda run: (run.began_at, run.run_id)), sorted(rows, key=lambda row: row.source)


def _run(run: RunRow) -> dict[str, Any]:
    return {
        "id": run.run_id, "began_at": run.began_at, "ended_at": run.ended_at, "outcome": run.outcome,
        "policy": {"name": run.policy_name, "sha256": run.policy}, "engine": run.engine, "workers": run.workers,
    }  # fmt: skip


def _recordings(rows: list[Row]) -> dict[str, Any]:
    done = [row for row in rows if row.state == "done"]
    states = Counter(row.state for row in rows)
    sound_ms = sum(row.duration_ms for row in done)
    masked: Counter[str] = Counter()
    for row in done:
        masked.update(row.replacements)
    reasons = Counter((row.state, row.reason) for row in rows if row.reason)
    return {
        "states": {state: states[state] for state in STATES if states[state]},
        "reasons": [{"state": state, "reason": why, "count": n} for (state, why), n in sorted(reasons.items())],
        "sound_hours": round(sound_ms / 3_600_000, 2),
        "masked_share": round(sum(row.masked_ms for row in done) / sound_ms, 4) if sound_ms else 0.0,
        "masked": dict(sorted(masked.items())),
        "languages": dict(sorted(Counter(row.language for row in done if row.language).items())),
    }


def _basis(rows: list[Row]) -> dict[str, Any]:
    """What the redacted calls rest on, and what share has a basis of all of which it was asked, as elsewhere."""
    by_basis = Counter(row.basis or NO_BASIS for row in rows if row.state == "done")
    return {
        "by_basis": dict(sorted(by_basis.items())),
        "refused": sum(row.state == "refused" for row in rows),
        "share": consents.coverage(rows)["all"]["share"],
    }  # fmt: skip


def _retention(stores: Stores, organisation: Organisation, now: datetime) -> dict[str, Any]:
    """For each class its limit, how many things are due soon, how many should be gone, and how many may not go."""
    found = plan(stores, organisation, Places(organisation.archives), now).classes
    return {
        name: {
            "months": due.months, "due_soon": len(due.soon), "overdue": due.count, "held": len(due.held),
            "undated": due.undated,
        }
        for name, due in found.items()
    }  # fmt: skip


def _clear_access(stores: Stores, decided: Qa, period: _Period) -> list[dict[str, str]]:
    """Who heard or opened what in clear, when, and why. What was refused gave nothing out.

    The log tells what was heard, also of recordings that were erased since; who it was stands in the QA team's records
    for as long as the recording does. Where it is not there any more, the account that the page runs as is told.
    """
    heard = list(decided.heard)
    found = []
    for first, last in episodes(entry for entry in stores.audit.entries() if period.month.has(entry.at)):
        if first.outcome != "begun":  # in the month before, where it is told
            continue
        if first.action == "original.hear":
            who = next((each for each in heard if _is_same(each, first)), None)
            if who:
                heard.remove(who)
            found.append(
                _access(first.at, who.name if who else first.actor, first.action, first.object_id, first.reason)
            )
        elif _is_clear(first) and (last is None or last.outcome != "refused"):  # None: it may have been most of it
            at = last.at if last else first.at
            found.append(_access(at, first.actor, first.action, first.object_id, first.reason))
    found += [
        _access(each.at, each.name, "original.hear", each.recording_id if naming.is_opaque(each.recording_id) else "-",
                each.reason)
        for each in heard
    ]  # fmt: skip
    return sorted(found, key=lambda each: (each["at"], each["who"], each["of"]))


def _is_clear(entry: Entry) -> bool:
    """True where the vault is opened, or a person given their own voice."""
    return entry.action == "vault.open" or (entry.action == "subject.export" and entry.reason == OWN_VOICE)


def _access(at: str, who: str, what: str, of: str, reason: str) -> dict[str, str]:
    return {"at": at, "who": who, "what": what, "of": of, "reason": reason}


def _is_same(decision: Decision, entry: Entry) -> bool:
    """True where both tell of the same: the page writes one behind the other."""
    apart = datetime.fromisoformat(decision.at) - datetime.fromisoformat(entry.at)
    is_other = decision.recording_id != entry.object_id and naming.is_opaque(decision.recording_id)
    return decision.reason == entry.reason and not is_other and abs(apart) < _AT_ONCE


def _closed_at(stores: Stores, case: Case) -> str:
    return stores.cases.events(case.case_id)[-1].at


def _cases(stores: Stores, cases: Iterable[Case], period: _Period) -> dict[str, Any]:
    """What is open and what was; drills are none, nor what came later. Of a request it is told what kind it is."""
    month = period.month
    known = [each for each in cases if datetime.fromisoformat(each.opened_at) < month.ends]
    every = [each for each in known if not each.fields.get("drill")]
    still = [each for each in every if each.state != CLOSED]
    return {
        "opened": sum(month.has(each.opened_at) for each in every),
        "closed": sum(each.state == CLOSED and month.has(_closed_at(stores, each)) for each in every),
        "overdue": sum(is_overdue(each, period.now) for each in every),
        "open": [
            {
                "id": each.case_id, "kind": each.fields.get("request", ""), "state": stage(each),
                "opened_at": each.opened_at, "due_at": each.due_at,
                "is_overdue": is_overdue(each, period.now),
            }
            for each in still
        ],
    }  # fmt: skip


def _erasures(stores: Stores, period: _Period) -> dict[str, Any]:
    made = [each for each in stores.certificates.all() if period.month.has(each.at)]
    return {
        "count": len(made),
        "by_reason": dict(sorted(Counter(each.reason for each in made).items())),
        "wrongly_signed": sum(not stores.audit.is_signed(each.said(), each.signature) for each in made),
        "certificates": [
            {"id": each.certificate_id, "recording": each.recording_id, "at": each.at, "reason": each.reason}
            for each in made
        ],
    }


def _trainings(stores: Stores, period: _Period) -> dict[str, dict[str, int]]:
    """How many people's trainings in each module are valid, end soon, or have ended."""
    by_module: dict[str, Counter[str]] = {}
    for (_, module), last in latest(stores.trainings.all()).items():
        if not last.passed:
            continue
        ends = datetime.fromisoformat(last.expires_at)
        what = "ended" if ends <= period.now else "ends_soon" if ends <= period.now + _SOON else "valid"
        by_module.setdefault(module, Counter())[what] += 1
    return {
        module: {name: count[name] for name in ("valid", "ends_soon", "ended")}
        for module, count in sorted(by_module.items())
    }
