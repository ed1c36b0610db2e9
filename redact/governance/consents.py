"""Consent after the fact: what share of calls had a basis, and what becomes of a call when its basis is gone.

A call is known to the ledger by a keyed pseudonym of its id, and where none was given by the name of its file, which
lies sealed. So a record reaches the recordings that it is of without anything being read back.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, Literal, get_args

from redact import naming, paper
from redact.batch.archive import Archive
from redact.custody import call_names, sources_of
from redact.errors import RedactError, UsageError
from redact.governance import erasure
from redact.governance.organisation import ConsentRules
from redact.governance.places import Places
from redact.governance.prose import day, share, typeset
from redact.governance.restriction import Lifted, end, restricting
from redact.governance.words import words
from redact.options import NO_CUSTODY
from redact.stores.consent import Record
from redact.stores.ledger import Row
from redact.stores.opened import Stores

SCHEMA, VERSION = "callredact.coverage", 1
# What a call that was not processed for lack of a basis is counted under, beside those of which none was recorded.
NONE = NO_CUSTODY.basis
_REFUSED = frozenset({"no_lawful_basis", "table_says_no"})
_EVIDENCE = ("notice_ms", "answer_ms", "answer")


# Why a call is released that a withdrawal or an objection has put on hold: our grounds override the person's
# (GDPR, Art. 21(1)), legal claims (Art. 18(2)), a consent that was given anew, or it was noted by mistake.
Release = Literal["overridden", "claims", "consented_anew", "mistake"]
RELEASES: tuple[Release, ...] = get_args(Release)


@dataclass(frozen=True, slots=True)
class _Gone:
    """Why a recording's basis is gone, and by which call it is."""

    why: str
    call_id: str


@dataclass(slots=True)
class Applied:
    """What became of calls whose basis is gone.

    Attributes:
        calls: how many recordings they have.
        done: how many were held, redacted or erased now; `already` is how many were before.
        released: how many somebody has released from the same withdrawal or objection; they stay as they are.
        failed: why something could not be, in a word, and how often.
    """

    calls: int = 0
    done: int = 0
    already: int = 0
    released: int = 0
    failed: Counter[str] = field(default_factory=Counter)


def apply(stores: Stores, rules: ConsentRules, places: Places) -> Applied:
    """Let withdrawals and objections reach what was already processed, as the organisation says. May be run again.

    `hold`: nobody may use it from now on. `redact`: the original is erased, what is redacted stays. `erase`: all is.

    Raises:
        RedactError: a store can't be read or written, or an archive not be listed.
    """
    applied = Applied()
    with stores.audit.action("consent.apply", reason=rules.on_withdrawal) as counts:
        for recording_id, gone in sorted(_recordings(stores, places).items(), key=itemgetter(0)):
            applied.calls += 1
            if _is_released(stores, recording_id, gone):
                applied.released += 1
                continue
            try:
                changed = _applied(stores, places, recording_id, rules.on_withdrawal, gone.why)
            except RedactError as error:
                applied.failed[error.reason] += 1
            else:
                applied.done += changed
                applied.already += not changed
        counts |= {
            "calls": applied.calls, "done": applied.done, "already": applied.already, "released": applied.released,
            "failed": applied.failed.total(),
        }  # fmt: skip
    return applied


def release(stores: Stores, places: Places, reference: str, reason: Release) -> Lifted:
    """End the hold that a withdrawal or an objection has brought; `apply` passes over it from now on.

    One that is noted anew, at another time, is another one, and reaches the recording again.

    Args:
        stores: where things are kept.
        places: archives of redacted outputs.
        reference: id of a recording or call, or what a person is known by in the records: all of their calls.
        reason: why it ends.

    Raises:
        UsageError: nothing of that reference is on hold for a consent or an objection.
    """
    marks = {mark.recording_id: mark for mark in stores.marks.all("restriction")}
    gone = _recordings(stores, places)
    calls = {reference, *stores.consent.calls_of([reference])}
    wanted = [
        own
        for own in sorted(marks)
        if (own == reference and (own in gone or not marks[own].case_id))
        or (own in gone and gone[own].call_id in calls and not _is_released(stores, own, gone[own]))
    ]
    if not wanted:
        raise UsageError(
            "nothing of that is on hold for a consent or an objection: nothing was released",
            hint="what a request restricts is lifted by: redact subject restrict CASE --lift",
        )
    others = restricting(stores)
    free = []
    for own in wanted:
        with stores.audit.action("consent.release", own, reason=reason) as counts:
            is_free = _released(stores, own, gone.get(own), reference, reason) and end(stores, own, others)
            counts["free"] = int(is_free)
            if is_free:
                free.append(own)
                for archive in places.archives:
                    stores.ledger.archive(archive.url).release(own)
    return Lifted(tuple(free), tuple(own for own in wanted if own not in free))


def _released(stores: Stores, recording_id: str, gone: _Gone | None, reference: str, reason: Release) -> bool:
    """Note that it is released; False where somebody was named, and another person's consent is gone too."""
    if gone is None:
        return True
    if _is_another_s(stores, gone.call_id, {reference, recording_id}):
        return False
    stores.marks.put(recording_id, "released", f"{reason} {_state(stores, gone)}")
    return True


def _is_another_s(stores: Stores, call_id: str, reference: set[str]) -> bool:
    """True where somebody was named, and another person of the same call has withdrawn or objected too."""
    if call_id in reference:
        return False
    records = stores.consent.of(call_id)
    named = {stores.consent.pseudonym(each) for each in reference}
    return any(r.person in named for r in records) and any(_ended(r) and r.person not in named for r in records)


def _is_released(stores: Stores, recording_id: str, gone: _Gone) -> bool:
    mark = stores.marks.of(recording_id, "released")
    return mark is not None and mark.reason.partition(" ")[2] == _state(stores, gone)


def _state(stores: Stores, gone: _Gone) -> str:
    """When what took the basis away was noted to be: withdrawn or objected to anew, it is another."""
    return max(map(_ended, stores.consent.of(gone.call_id)), default="")


def _ended(record: Record) -> str:
    """When consent was withdrawn, or legitimate interest objected to; empty where neither."""
    at = {"withdrawn": record.withdrawn_at, "objection": record.objection_at}.get(record.refusal())
    return at or ""


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
        if not all(row.is_withheld for row in ledger.of(recording_id)):
            ledger.withhold(recording_id)
            is_held = False
    return not is_held


def _recordings(stores: Stores, places: Places) -> dict[str, _Gone]:
    """Recordings that are still here of calls whose basis is gone, and why it is."""
    refused = {call_id: _Gone(why, call_id) for call_id, why in stores.consent.refused().items()}
    by_pseudonym = {stores.ledger.pseudonym("call", call_id): gone for call_id, gone in refused.items()}
    found: dict[str, _Gone] = {}
    for archive in places.archives:
        for row in stores.ledger.archive(archive.url).rows():
            own = row.recording_id or row.source
            if row.state in {"pending", "running", "erased"} or own in found:
                continue
            gone = by_pseudonym.get(row.call) if row.call else _by_name(stores, own, refused)
            if gone:
                found[own] = gone
    for sealed in stores.vault.listed():  # by `redact file --call-id`
        if sealed.recording_id in refused and sealed.kind != "case":
            found[sealed.recording_id] = refused[sealed.recording_id]
    return found


def _by_name(stores: Stores, recording_id: str, refused: Mapping[str, _Gone]) -> _Gone | None:
    """Why the basis is gone of a call that is known by its file's name."""
    names = call_names(sources_of(stores.vault, recording_id))
    return next((refused[name] for name in sorted(names) if name in refused), None)


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
