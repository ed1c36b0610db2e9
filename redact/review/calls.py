"""The routes of calls: the list, one call, its sound, and what is decided about it."""

import time
from collections import Counter
from typing import Any

from fastapi import APIRouter, Request, Response

from redact.naming import opaque
from redact.review import security
from redact.review.bodies import REASONS, Draft, Question, Verdict
from redact.review.desk import Call, Desk
from redact.review.ground import Here, Making, Seen, Signed, page, seen_calls
from redact.review.originals import stretch
from redact.review.security import Refused
from redact.stores.reviews import Review

routes = APIRouter()
# So much of an original is heard before and after a mask.
_AROUND_MS = 2_000


@routes.get("/", name="work_list")
def work_list(request: Request, session: Signed) -> Response:
    """The page of the list."""
    return page(request, "list.html", session)


@routes.get("/calls/{public_id}", name="call_page")
def call_page(request: Request, found: Seen, session: Signed) -> Response:
    """The page of a call."""
    return page(request, "call.html", session, call=found)


@routes.get("/api/calls", name="calls")
def calls(place: Here, session: Signed) -> dict[str, Any]:
    """All calls that may be seen."""
    mine = seen_calls(place, session)
    reviews, now = place.reviews.reviews(), time.time()
    told = [
        {**_row(call, reviews.get(call.name, Review(call.name)), now), "sampled": place.is_sampled(call)}
        for call in mine
    ]
    states = Counter(row["review"] for row in told)
    return {"calls": told, "states": states, "decided_today": place.reviews.decided_today()}


@routes.get("/api/calls/{public_id}", name="call")
def call(place: Here, found: Seen, session: Signed) -> dict[str, Any]:
    """One call, with its words, masks and edits."""
    review = place.reviews.review(found.name)
    return {
        **_row(found, review, time.time()), "turns": _turns(place.desk, found), "intervals": found.intervals,
        "findings": found.findings, "channels": found.channels, "draft": review.draft, "version": review.version,
        "is_mine": review.claimed_by == session.user.name, "can_render": place.maker is not None,
        "decisions": [
            {"at": d.at, "name": d.name, "kind": d.kind, "reason": d.reason}
            for d in (place.reviews.decisions(found.name) if security.tells_decisions(session) else ())
        ],
    }  # fmt: skip


@routes.get("/api/calls/{public_id}/sound", name="sound")
def sound(place: Here, request: Request, found: Seen) -> Response:
    """The redacted sound, whole or in part."""
    copy = place.desk.light_copy(found)
    if copy is None or not copy.mp3:
        raise Refused(404, "no_sound")
    return _ranged(request, copy.mp3, "audio/mpeg")


@routes.get("/api/calls/{public_id}/peaks", name="peaks")
def peaks(place: Here, found: Seen) -> dict[str, Any]:
    """What the waveform is drawn by."""
    copy = place.desk.light_copy(found)
    if copy is None:
        raise Refused(404, "no_sound")
    return {"peaks": [[round(float(x), 3) for pair in channel for x in pair] for channel in copy.peaks]}


@routes.get("/api/calls/{public_id}/original", name="original")
def original(place: Here, found: Seen, start_ms: int, end_ms: int, reason: str, session: Signed) -> Response:
    """The original around one mask, for a reason, noted before it is heard."""
    if place.originals is None:
        raise Refused(404, "no_originals")
    if reason not in REASONS:
        raise Refused(422, "reason")
    if session.user.role != "dpo" and place.reviews.review(found.name).claimed_by != session.user.name:
        raise Refused(409, "not_claimed")
    place.access.check(session.user, found)
    require_around(found, start_ms, end_ms)
    part = {"start_ms": start_ms, "end_ms": end_ms}
    if place.audit:  # what can't be logged is not heard
        place.audit.add("original.hear", "begun", opaque(found.sha256), reason=reason, counts=part)
    place.reviews.decide(found.name, session.user.name, "original", reason, [part])
    return Response(stretch(place.originals, found, start_ms, end_ms), media_type="audio/wav")


@routes.post("/api/calls/{public_id}/ask", name="ask")
def ask(place: Here, found: Seen, given: Question, session: Signed) -> dict[str, Any]:
    """Ask a second person to let one hear the original."""
    if place.access.approvals is None:
        raise Refused(404, "no_second_person")
    if place.reviews.review(found.name).claimed_by != session.user.name and session.user.role != "dpo":
        raise Refused(409, "not_claimed")
    if place.audit:
        place.audit.add("clear.ask", "done", opaque(found.sha256), reason=given.reason)
    place.access.approvals.ask(found.name, session.user.name, given.reason)
    return {}


@routes.post("/api/calls/{public_id}/claim", name="claim")
def claim(place: Here, found: Seen, session: Signed) -> dict[str, Any]:
    """Take a call."""
    name = found.name
    before = place.reviews.review(name)
    review = place.reviews.claim(name, session.user.name)
    if before.claimed_by != session.user.name:
        place.reviews.decide(name, session.user.name, "claim")
    return {"version": review.version, "draft": review.draft}


@routes.post("/api/calls/{public_id}/release", name="release")
def release(place: Here, found: Seen, session: Signed) -> dict[str, Any]:
    """Let go of a call."""
    place.reviews.release(found.name, session.user.name)
    return {}


@routes.put("/api/calls/{public_id}/draft", name="draft")
def draft(place: Here, makings: Making, found: Seen, given: Draft, session: Signed) -> dict[str, Any]:
    """Save edits."""
    if makings.state(found.name)["state"] == "running":
        raise Refused(409, "running")
    for edit in given.edits:
        edit.correction()
    edits = [edit.model_dump() for edit in given.edits]
    return {"version": place.reviews.save_draft(found.name, session.user.name, edits, given.version)}


@routes.post("/api/calls/{public_id}/render", name="render", status_code=202)
def render(place: Here, makings: Making, found: Seen, session: Signed) -> dict[str, Any]:
    """Make a call anew by its edits."""
    review = place.reviews.review(found.name)
    if review.claimed_by != session.user.name:
        raise Refused(409, "not_claimed")
    if place.maker is None:
        raise Refused(404, "no_originals")
    if any(edit["entity_type"] is None for edit in review.draft):  # what was masked will be heard
        place.access.check(session.user, found)
        if place.audit:
            place.audit.add("original.hear", "begun", opaque(found.sha256), reason="released")
    makings.begin(place.maker, found, review, session.user.name)
    return {}


@routes.get("/api/calls/{public_id}/render", name="rendering")
def rendering(makings: Making, found: Seen) -> dict[str, Any]:
    """How far that is."""
    return makings.state(found.name)


@routes.post("/api/calls/{public_id}/decide", name="decide")
def decide(place: Here, makings: Making, found: Seen, given: Verdict, session: Signed) -> dict[str, Any]:
    """Approve a call, send it back or escalate it."""
    review = place.reviews.review(found.name)
    if review.claimed_by != session.user.name:
        raise Refused(409, "not_claimed")
    if makings.state(found.name)["state"] == "running":
        raise Refused(409, "running")
    if given.kind == "approve" and (found.state != "done" or not makings.is_in_file(found, review)):
        raise Refused(409, "not_in_file")
    if given.kind != "approve" and given.reason not in REASONS:
        raise Refused(422, "reason")
    states: dict[str, Any] = {"approve": "approved", "return": "returned", "escalate": "escalated"}
    place.reviews.decide(
        found.name, session.user.name, given.kind, given.reason, state=states[given.kind], report=found.report
    )  # fmt: skip
    return {}


def _row(call: Call, review: Review, now: float) -> dict[str, Any]:
    return {
        "id": call.public_id, "state": call.state, "review": _state(call, review), "queue": call.queue,
        "recorded_at": call.recorded_at or call.changed_at, "language": call.language,
        "duration_ms": call.duration_ms, "masked_ms": call.masked_ms, "doubt": call.doubt, "doubts": call.doubts,
        "replacements": call.replacements, "claimed_by": review.claimed_by if review.is_claimed(now) else "",
    }  # fmt: skip


def _state(call: Call, review: Review) -> str:
    """What the team has made of a call: an approval is of the file that was there, not of another."""
    is_of_another = review.state == "approved" and review.report != call.report
    return "open" if is_of_another else review.state


def require_around(call: Call, start_ms: int, end_ms: int) -> None:
    """Let nobody ask for more of an original than what lies around one mask.

    Raises:
        Refused: it is more, or elsewhere.
    """
    if not any(
        start_ms >= place["start_ms"] - _AROUND_MS and end_ms <= place["end_ms"] + _AROUND_MS
        for place in call.intervals
    ):
        raise Refused(422, "no_mask")


def _turns(desk: Desk, call: Call) -> list[dict[str, Any]]:
    transcript = desk.transcript(call)
    if transcript is None:
        return []
    entities = desk.entities(call)
    return [
        {
            "speaker": turn.speaker, "channel": turn.channel,
            "words": [
                {
                    "text": word.text, "start_ms": word.start_ms, "end_ms": word.end_ms, "type": entities.get(index),
                    "confidence": word.confidence,
                }
                for index, word in zip(indices, turn.words, strict=True)
            ],
        }
        for turn, indices in transcript.turn_ranges()
    ]  # fmt: skip


def _ranged(request: Request, content: bytes, kind: str) -> Response:
    """The whole, or the part of it that a player asks for."""
    asked = request.headers.get("range", "")
    headers = {"Accept-Ranges": "bytes"}
    if not asked.startswith("bytes=") or "," in asked:
        return Response(content, media_type=kind, headers=headers)
    first, _, last = asked.removeprefix("bytes=").partition("-")
    try:
        begin = int(first) if first else max(0, len(content) - int(last))
        end = min(int(last), len(content) - 1) if first and last else len(content) - 1
    except ValueError:
        begin, end = 0, -1
    if not 0 <= begin <= end:
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{len(content)}"})
    headers["Content-Range"] = f"bytes {begin}-{end}/{len(content)}"
    return Response(content[begin : end + 1], 206, headers, kind)
