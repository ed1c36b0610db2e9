"""Restricting the recordings of a request (GDPR, Art. 18), and what ends that.

A recording has one mark, whoever restricts it: the request whose mark it is, or none where a consent is gone
(`consents`). What ends for one cause goes on for another.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from redact.errors import UsageError
from redact.governance.subjects import Restriction, decided_matches, request, still_open
from redact.stores.cases import Case
from redact.stores.opened import Stores


@dataclass(frozen=True, slots=True)
class Lifted:
    """What came of ending a restriction.

    Attributes:
        free: ids of recordings that nothing restricts any more.
        left: those that stay restricted, for another cause.
    """

    free: tuple[str, ...]
    left: tuple[str, ...]


def restrict(stores: Stores, case_id: str, reason: Restriction, *, now: datetime | None = None) -> int:
    """Mark the recordings of a request, so that nobody uses them; how many.

    Raises:
        UsageError: the request is closed, or a match was not decided.
    """
    found = decided_matches(still_open(stores, case_id))
    with stores.audit.action("subject.restrict", case_id, reason=reason) as counts:
        for recording_id in found:  # what is restricted for another cause stays so when this request's ends
            if not stores.marks.has(recording_id, "restriction"):
                stores.marks.put(recording_id, "restriction", reason, case_id)
        counts["recordings"] = len(found)
        told = {"restricts": {"recordings": list(found), "reason": reason}}
        stores.cases.change(case_id, "restricted", fields=told, detail=told, at=now)
    return len(found)


def lift(stores: Stores, case_id: str, *, now: datetime | None = None) -> Lifted:
    """End the restriction that a request has brought, also one that is closed.

    The person has to be told before (GDPR, Art. 18(3)). What another request restricts too stays restricted, by that;
    what is on hold for a consent that is gone does too.

    Raises:
        UsageError: the request restricts nothing.
    """
    own = _own(stores, case_id)
    if not own:
        raise UsageError(
            "the request restricts nothing: nothing was lifted",
            hint="what a consent that is gone has put on hold is released by: redact consent release",
        )
    others = restricting(stores, but=case_id)
    free = would_free(stores, case_id)
    with stores.audit.action("subject.restrict", case_id, reason="lifted") as counts:
        for mark in stores.marks.all("restriction"):
            if mark.case_id == case_id and mark.recording_id in own:
                end(stores, mark.recording_id, others)
        left = tuple(each for each in own if stores.marks.has(each, "restriction"))
        counts |= {"recordings": len(free), "left": len(left)}
        detail = {"recordings": list(free), "left": list(left)}
        stores.cases.change(case_id, "lifted", fields={"restricts": {}}, detail=detail, at=now)
    return Lifted(free, left)


def would_free(stores: Stores, case_id: str) -> tuple[str, ...]:
    """The recordings that nothing would restrict any more, were the restriction of this request to end."""
    own, others = _own(stores, case_id), restricting(stores, but=case_id)
    by_this = {mark.recording_id for mark in stores.marks.all("restriction") if mark.case_id == case_id}
    return tuple(each for each in own if each in by_this and each not in others)


def restricting(stores: Stores, but: str = "") -> dict[str, Case]:
    """The request that restricts each recording, of all but one; the last to be opened, where several do."""
    found: dict[str, Case] = {}
    for case in stores.cases.all("request"):
        if case.case_id != but:
            found |= dict.fromkeys(case.fields.get("restricts", {}).get("recordings", []), case)
    return found


def end(stores: Stores, recording_id: str, others: Mapping[str, Case]) -> bool:
    """Take a recording's mark away, or hand it to another request that restricts it; True where it is free."""
    other = others.get(recording_id)
    if other is None:
        stores.marks.lift(recording_id, "restriction")
    else:
        stores.marks.put(recording_id, "restriction", other.fields["restricts"]["reason"], other.case_id)
    return other is None


def _own(stores: Stores, case_id: str) -> tuple[str, ...]:
    return tuple(request(stores, case_id).case.fields.get("restricts", {}).get("recordings", ()))
