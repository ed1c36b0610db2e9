"""The routes of the team's work: who decided what, figures of it, and proposals."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from redact.errors import PolicyError
from redact.governance.figures import figures
from redact.naming import opaque
from redact.policy import ENTITY_TYPES
from redact.review.bodies import Answer, Suggestion
from redact.review.calls import require_around
from redact.review.desk import Call
from redact.review.ground import Here, Seen, Signed, language_of, page, seen_calls
from redact.review.place import Place
from redact.review.security import Refused
from redact.review.terms import form
from redact.stores.proposals import Proposal
from redact.stores.reviews import Session

routes = APIRouter()
Number = Annotated[int, Path(ge=1, le=1 << 40)]


@routes.get("/api/decisions", name="decisions")
def decisions(place: Here, session: Signed) -> list[dict[str, Any]]:
    """Who decided what."""
    by_name = {call.name: call.public_id for call in seen_calls(place, session)}
    return [
        {**asdict(d), "recording_id": by_name[d.recording_id]}
        for d in place.reviews.decisions()
        if d.recording_id in by_name
    ]


@routes.get("/figures", name="figures")
def figures_page(place: Here, request: Request, session: Signed) -> Response:
    """What decisions say about the masks."""
    mine = seen_calls(place, session)
    told = figures(mine, list(place.reviews.decisions()))
    return page(request, "figures.html", session, told=told)


@routes.get("/dpo", name="dpo_page")
def dpo_page(request: Request, place: Here, session: Signed) -> Response:
    """What the data protection officer looks at."""
    if place.supervision is None:
        raise Refused(404, "no_stores")
    try:
        parts, missing = place.supervision(language_of(request, session)), ""
    except PolicyError as error:  # what is missing in the organisation's file
        parts, missing = [], f"{error.message}: {error.hint}"
    return page(request, "dpo.html", session, parts=parts, missing=missing)


@routes.post("/api/calls/{public_id}/proposals", name="propose")
def propose(place: Here, found: Seen, given: Suggestion, session: Signed) -> dict[str, Any]:
    """Propose a term, or an example of a form."""
    if place.proposals is None:
        raise Refused(404, "no_stores")
    if place.reviews.review(found.name).claimed_by != session.user.name:
        raise Refused(409, "not_claimed")
    if given.kind != "allow" and given.entity_type not in ENTITY_TYPES:
        raise Refused(422, "type")
    term = given.term.strip() or _said(place, session, found, given)
    if not term:
        raise Refused(422, "term_missing")
    if given.kind == "recognizer" and not form(term):
        raise Refused(422, "form")
    kind = "" if given.kind == "allow" else given.entity_type
    place.proposals.add(
        found.name, session.user.name, given.kind, term, entity_type=kind, language=found.language
    )  # fmt: skip
    return {}


@routes.get("/proposals", name="proposals_page")
def proposals_page(request: Request, session: Signed) -> Response:
    """The page of proposals."""
    return page(request, "proposals.html", session)


@routes.get("/api/proposals", name="proposals")
def proposals(place: Here, session: Signed) -> list[dict[str, Any]]:
    """All proposals, opened for a lead."""
    by_name = {call.name: call.public_id for call in seen_calls(place, session)}
    return [
        {
            "number": p.number, "at": p.at, "name": p.name, "kind": p.kind, "entity_type": p.entity_type,
            "language": p.language, "state": p.state, "decided_by": p.decided_by, "term": p.term,
            "form": form(p.term) if p.kind == "recognizer" else "", "call": by_name[p.recording_id],
        }
        for p in _proposed(place)
        if p.recording_id in by_name
    ]  # fmt: skip


@routes.post("/api/proposals/{number}", name="decide_proposal")
def decide_proposal(place: Here, number: Number, given: Answer, session: Signed) -> dict[str, Any]:
    """Accept or decline a proposal."""
    mine = {call.name: call for call in seen_calls(place, session)}
    known = {p.number: mine[p.recording_id] for p in _proposed(place) if p.recording_id in mine}
    if place.proposals is None or number not in known:
        raise Refused(404, "no_such_proposal")
    if place.audit:
        reason = "accepted" if given.accept else "declined"
        place.audit.add("terms.decide", "begun", opaque(known[number].sha256), reason=reason)
    place.proposals.decide(number, session.user.name, accept=given.accept)
    return {}


@routes.get("/approvals", name="approvals_page")
def approvals_page(request: Request, session: Signed) -> Response:
    """The page of who wants to hear an original."""
    return page(request, "approvals.html", session)


@routes.get("/api/approvals", name="approvals")
def approvals(place: Here, session: Signed) -> list[dict[str, Any]]:
    """Who wants to hear an original, and who let them."""
    by_name = {call.name: call.public_id for call in seen_calls(place, session)}
    asked = place.access.approvals.all() if place.access.approvals else ()
    return [
        {
            "number": a.number, "call": by_name[a.recording_id], "name": a.name, "reason": a.reason,
            "asked_at": a.asked_at, "state": a.state, "decided_by": a.decided_by, "until": a.until,
            "is_own": a.name == session.user.name,
        }
        for a in asked
        if a.recording_id in by_name
    ]  # fmt: skip


@routes.post("/api/approvals/{number}", name="decide_approval")
def decide_approval(place: Here, number: Number, given: Answer, session: Signed) -> dict[str, Any]:
    """Let somebody hear an original for some hours, or not."""
    mine = {call.name: call for call in seen_calls(place, session)}
    asked = place.access.approvals.all() if place.access.approvals else ()
    known = {a.number: mine[a.recording_id] for a in asked if a.recording_id in mine}
    if place.access.approvals is None or number not in known:
        raise Refused(404, "no_such_question")
    if place.audit:
        reason = "granted" if given.accept else "declined"
        place.audit.add("clear.grant", "begun", opaque(known[number].sha256), reason=reason)
    place.access.approvals.decide(number, session.user.name, grant=given.accept, hours=place.access.hours)
    return {}


def _proposed(place: Place) -> tuple[Proposal, ...]:
    return place.proposals.all() if place.proposals else ()


def _said(place: Place, session: Session, call: Call, given: Suggestion) -> str:
    """What is said in a stretch: of the redacted transcript, or where that has a label, of the one in clear.

    The latter is an original as its sound is: the same rules hold, and it is logged.
    """
    transcript = place.desk.transcript(call)
    words = transcript.words if transcript else ()
    labels = place.desk.entities(call)
    here = [
        (index in labels, word.text)
        for index, word in enumerate(words)
        if word.start_ms is not None
        and word.end_ms is not None
        and given.start_ms <= (word.start_ms + word.end_ms) // 2 < given.end_ms
    ]
    if any(is_label for is_label, _ in here) or not here:
        require_around(call, given.start_ms, given.end_ms)
        place.access.check(session.user, call)
        if place.audit:
            place.audit.add("original.hear", "begun", opaque(call.sha256), reason="proposal")
        return place.clear(call, given.start_ms, given.end_ms)
    return " ".join(text for _, text in here).strip(" .,;:?!")
