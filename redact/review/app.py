"""The web application: routes, each in a few lines, on the desk, the reviews and the originals."""

import secrets
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, PackageLoader
from pydantic import BaseModel, ConfigDict, Field

from redact.corrections import Correction, settled
from redact.errors import CannotWrite, InputRejected, KeyMissing, Locked, RedactError, UsageError
from redact.naming import opaque
from redact.plan import DOUBT
from redact.policy import ENTITY_TYPES
from redact.review import security
from redact.review.desk import Call, Desk
from redact.review.figures import figures
from redact.review.oidc import Provider
from redact.review.originals import Maker, Originals, stretch
from redact.review.security import Refused
from redact.review.words import LANGUAGES, words
from redact.stores.audit import Audit
from redact.stores.reviews import BY_PROVIDER, Review, Reviews, Session, User

COOKIE, PLAIN_COOKIE = "__Host-redact", "redact"
_BEGUN = "redact-oidc"
# So much of an original is heard before and after a mask.
_AROUND_MS = 2_000
STATIC = Path(__file__).parent / "static"
_STATUS = {Locked: 409, InputRejected: 422, KeyMissing: 404, UsageError: 400, CannotWrite: 507}
# Why somebody listens to an original, or sends a call back.
REASONS = ("unsure", "complaint", "sample", "missed", "too_much", "unclear_sound")


@dataclass(frozen=True, slots=True)
class Place:
    """What a page is about.

    Attributes:
        originals: None where nobody may hear any; then calls can't be made anew.
        maker: makes them anew.
        audit: where listening to an original is logged; None without stores.
        entry: a token that signs a local user in once; None where users have passwords.
        is_https: the page is reached by TLS.
        provider: of the organisation's accounts; None where users have passwords only.
        sample: share of the calls that are done which are to be reviewed; all others are.
    """

    desk: Desk
    reviews: Reviews
    originals: Originals | None = None
    maker: Maker | None = None
    audit: Audit | None = None
    entry: str | None = None
    is_https: bool = False
    sample: float = 1.0
    provider: Provider | None = None

    def is_sampled(self, call: Call) -> bool:
        """True for a call that is to be reviewed: always the same of those that are done, and each of the others."""
        return call.state != "done" or int(call.public_id[:8], 16) < self.sample * (1 << 32)

    @property
    def cookie(self) -> str:
        """Its name: the prefix binds it to TLS."""
        return COOKIE if self.is_https else PLAIN_COOKIE


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Credentials(_Closed):
    """Who signs in."""

    name: str = Field(min_length=1, max_length=80)
    password: str = Field(min_length=1, max_length=200)


class Entry(_Closed):
    """A one-time link's token."""

    token: str = Field(min_length=1, max_length=100)


class Edit(_Closed):
    """One decision about a stretch: masked as a type, or not personal."""

    start_ms: int = Field(ge=0, le=1 << 40)
    end_ms: int = Field(ge=1, le=1 << 40)
    entity_type: str | None = Field(max_length=40)
    was: str | None = Field(default=None, max_length=40, description="Type of the mask that this takes away.")

    def correction(self) -> Correction:
        """As the pipeline takes it.

        Raises:
            InputRejected: it is empty, or of a type that nobody knows.
        """
        if self.start_ms >= self.end_ms:
            raise InputRejected("a mask ends before it begins", hint="draw it again")
        if not {self.entity_type, self.was} <= {None, DOUBT, *ENTITY_TYPES}:
            raise InputRejected("a mask is of a type that nobody knows", hint="choose one of the list")
        return Correction(self.start_ms, self.end_ms, self.entity_type)


class Draft(_Closed):
    """Edits that are not yet in the file."""

    edits: list[Edit] = Field(max_length=2000)
    version: int = Field(ge=0)


class Verdict(_Closed):
    """What becomes of a call."""

    kind: Literal["approve", "return", "escalate"]
    reason: str = Field(default="", max_length=40)


def build(place: Place) -> FastAPI:
    """The application for a place."""
    app = FastAPI(title="redact review", docs_url=None, redoc_url=None, openapi_url=None)
    pages = Environment(loader=PackageLoader("redact.review", "pages"), autoescape=True)
    attempts, makings = security.Attempts(), Makings(place)
    entry = {"token": place.entry}

    def guard(request: Request) -> Session | None:
        """The one dependency of every route: who calls, whether they may, and whether it comes from this page."""
        session = security.session_of(place.reviews, request.cookies.get(place.cookie))
        name = getattr(request.scope.get("route"), "name", "")
        session = security.may(session, name)
        headers = {key.lower(): value for key, value in request.headers.items()}
        security.check_origin(
            request.method, headers, request.headers.get("host", ""), session.csrf if session else None
        )  # fmt: skip
        return session

    app.router.dependencies.append(Depends(guard))

    @app.middleware("http")
    async def with_headers(request: Request, following: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await following(request)
        for name, value in security.HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    @app.exception_handler(Refused)
    def refused(request: Request, error: Refused) -> Response:
        if error.status == 401 and not request.url.path.startswith("/api/"):
            return RedirectResponse("/sign-in", 303)
        return JSONResponse({"error": error.told}, error.status)

    @app.exception_handler(RedactError)
    def failed(_request: Request, error: RedactError) -> Response:
        status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 422)
        return JSONResponse({"error": error.reason, "message": error.message, "hint": error.hint}, status)

    @app.exception_handler(Exception)
    def unexpected(_request: Request, error: Exception) -> Response:
        # It is answered outside of `with_headers`.
        told = {"error": "unexpected", "message": type(error).__name__, "hint": ""}
        return JSONResponse(told, 500, headers=dict(security.HEADERS))

    def seen(session: Session, public_id: str) -> Call:
        call = place.desk.call(public_id)
        if call is None or not security.sees(session, call):
            raise Refused(404, "no_such_call")
        return call

    def page(name: str, language: str, **facts: Any) -> HTMLResponse:
        nonce = secrets.token_urlsafe(16)  # for the style sheet that the waveform's own elements bring
        content = pages.get_template(name).render(say=words(language), language=language, nonce=nonce, **facts)
        policy = security.HEADERS["Content-Security-Policy"]
        allowed = policy.replace("style-src 'self'", f"style-src 'self' 'nonce-{nonce}'")
        return HTMLResponse(content, headers={"Content-Security-Policy": allowed})

    @app.get("/sign-in", name="sign_in_page")
    def sign_in_page(request: Request) -> Response:
        is_local, has_provider = place.entry is not None, place.provider is not None
        return page("sign_in.html", _preferred(request), is_local=is_local, has_provider=has_provider)

    @app.get("/oidc/begin", name="oidc_begin")
    def oidc_begin() -> Response:
        if place.provider is None:
            raise Refused(404, "no_provider")
        url, state = place.provider.begin()
        response = RedirectResponse(url, 303)
        # Lax: it has to come along when the provider sends the browser back.
        response.set_cookie(
            _BEGUN, state, max_age=600, httponly=True, secure=place.is_https, samesite="lax", path="/oidc"
        )  # fmt: skip
        return response

    @app.get("/oidc/return", name="oidc_return")
    def oidc_return(request: Request) -> Response:
        state = request.cookies.get(_BEGUN, "")
        if place.provider is None or not secrets.compare_digest(state, request.query_params.get("state", "-")):
            raise Refused(401, "sign_in")
        name = place.provider.end(state, str(request.url))
        if place.reviews.password_of(name) != BY_PROVIDER:  # somebody else's name is nobody's here
            return page("sign_in.html", _preferred(request), is_local=False, has_provider=True, unknown=True)
        # By a page of ours: a strict cookie isn't sent on a way that began at the provider.
        response = page("signed_in.html", _preferred(request))
        _set_cookie(response, place, place.reviews.begin_session(name))
        response.delete_cookie(_BEGUN, path="/oidc")
        return response

    @app.post("/api/sign-in", name="sign_in")
    def sign_in(request: Request, given: Credentials) -> Response:
        address = request.client.host if request.client else "-"
        attempts.check(f"name {given.name}", f"address {address}")
        if not security.is_right(place.reviews.password_of(given.name), given.password):
            attempts.failed(f"name {given.name}", f"address {address}")
            raise Refused(401, "wrong")
        return _signed_in(place, place.reviews.begin_session(given.name))

    @app.post("/api/enter", name="enter")
    def enter(given: Entry) -> Response:
        expected = entry["token"]
        if not expected or not secrets.compare_digest(expected, given.token):
            raise Refused(401, "wrong")
        entry["token"] = None  # it opens once
        return _signed_in(place, place.reviews.begin_session(LOCAL.name))

    @app.post("/api/sign-out", name="sign_out")
    def sign_out(request: Request) -> Response:
        place.reviews.end_session(request.cookies.get(place.cookie, ""))
        response = JSONResponse({})
        response.delete_cookie(place.cookie, path="/")
        return response

    @app.get("/api/me", name="me")
    def me(session: Annotated[Session, Depends(guard)]) -> dict[str, Any]:
        return {
            "name": session.user.name, "role": session.user.role, "csrf": session.csrf, "reasons": REASONS,
            "hears_originals": place.originals is not None, "types": ENTITY_TYPES,
            "decides": session.user.role in {"reviewer", "lead"},
        }  # fmt: skip

    @app.get("/", name="work_list")
    def work_list(request: Request, session: Annotated[Session, Depends(guard)]) -> Response:
        return page("list.html", _language(request, session.user), user=session.user)

    @app.get("/calls/{public_id}", name="call_page")
    def call_page(request: Request, public_id: str, session: Annotated[Session, Depends(guard)]) -> Response:
        call = seen(session, public_id)
        return page("call.html", _language(request, session.user), user=session.user, call=call)

    @app.get("/api/calls", name="calls")
    def calls(session: Annotated[Session, Depends(guard)]) -> dict[str, Any]:
        mine = [call for call in place.desk.calls() if security.sees(session, call)]
        reviews, now = place.reviews.reviews(), time.time()
        told = [
            {**_row(call, reviews.get(call.name, Review(call.name)), now), "sampled": place.is_sampled(call)}
            for call in mine
        ]
        states = Counter(row["review"] for row in told)
        return {"calls": told, "states": states, "decided_today": place.reviews.decided_today()}

    @app.get("/api/calls/{public_id}", name="call")
    def call(public_id: str, session: Annotated[Session, Depends(guard)]) -> dict[str, Any]:
        found = seen(session, public_id)
        review = place.reviews.review(found.name)
        return {
            **_row(found, review, time.time()), "turns": _turns(place.desk, found), "intervals": found.intervals,
            "channels": found.channels, "draft": review.draft, "version": review.version,
            "is_mine": review.claimed_by == session.user.name, "can_render": place.maker is not None,
            "decisions": [
                {"at": d.at, "name": d.name, "kind": d.kind, "reason": d.reason}
                for d in place.reviews.decisions(found.name)
            ],
        }  # fmt: skip

    @app.get("/api/calls/{public_id}/sound", name="sound")
    def sound(request: Request, public_id: str, session: Annotated[Session, Depends(guard)]) -> Response:
        copy = place.desk.light_copy(seen(session, public_id))
        if copy is None or not copy.mp3:
            raise Refused(404, "no_sound")
        return _ranged(request, copy.mp3, "audio/mpeg")

    @app.get("/api/calls/{public_id}/peaks", name="peaks")
    def peaks(public_id: str, session: Annotated[Session, Depends(guard)]) -> dict[str, Any]:
        copy = place.desk.light_copy(seen(session, public_id))
        if copy is None:
            raise Refused(404, "no_sound")
        return {"peaks": [[round(float(x), 3) for pair in channel for x in pair] for channel in copy.peaks]}

    @app.get("/api/calls/{public_id}/original", name="original")
    def original(
        public_id: str, start_ms: int, end_ms: int, reason: str, session: Annotated[Session, Depends(guard)]
    ) -> Response:
        found = seen(session, public_id)
        if place.originals is None:
            raise Refused(404, "no_originals")
        if reason not in REASONS:
            raise Refused(422, "reason")
        if session.user.role != "dpo" and place.reviews.review(found.name).claimed_by != session.user.name:
            raise Refused(409, "not_claimed")
        if not _is_around(found, place.reviews.review(found.name), start_ms, end_ms):
            raise Refused(422, "no_mask")
        part = {"start_ms": start_ms, "end_ms": end_ms}
        if place.audit:  # what can't be logged is not heard
            place.audit.add("original.hear", "begun", opaque(found.sha256), reason=reason, counts=part)
        place.reviews.decide(found.name, session.user.name, "original", reason, [part])
        return Response(stretch(place.originals, found, start_ms, end_ms), media_type="audio/wav")

    @app.post("/api/calls/{public_id}/claim", name="claim")
    def claim(public_id: str, session: Annotated[Session, Depends(guard)]) -> dict[str, Any]:
        name = seen(session, public_id).name
        before = place.reviews.review(name)
        review = place.reviews.claim(name, session.user.name)
        if before.claimed_by != session.user.name:
            place.reviews.decide(name, session.user.name, "claim")
        return {"version": review.version, "draft": review.draft}

    @app.post("/api/calls/{public_id}/release", name="release")
    def release(public_id: str, session: Annotated[Session, Depends(guard)]) -> dict[str, Any]:
        place.reviews.release(seen(session, public_id).name, session.user.name)
        return {}

    @app.put("/api/calls/{public_id}/draft", name="draft")
    def draft(public_id: str, given: Draft, session: Annotated[Session, Depends(guard)]) -> dict[str, Any]:
        found = seen(session, public_id)
        if makings.state(found.name)["state"] == "running":
            raise Refused(409, "running")
        for edit in given.edits:
            edit.correction()
        edits = [edit.model_dump() for edit in given.edits]
        return {"version": place.reviews.save_draft(found.name, session.user.name, edits, given.version)}

    @app.post("/api/calls/{public_id}/render", name="render", status_code=202)
    def render(public_id: str, session: Annotated[Session, Depends(guard)]) -> dict[str, Any]:
        found = seen(session, public_id)
        review = place.reviews.review(found.name)
        if review.claimed_by != session.user.name:
            raise Refused(409, "not_claimed")
        if place.maker is None:
            raise Refused(404, "no_originals")
        makings.begin(place.maker, found, review, session.user.name)
        return {}

    @app.get("/api/calls/{public_id}/render", name="rendering")
    def rendering(public_id: str, session: Annotated[Session, Depends(guard)]) -> dict[str, Any]:
        return makings.state(seen(session, public_id).name)

    @app.post("/api/calls/{public_id}/decide", name="decide")
    def decide(public_id: str, given: Verdict, session: Annotated[Session, Depends(guard)]) -> dict[str, Any]:
        found = seen(session, public_id)
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

    @app.get("/api/decisions", name="decisions")
    def decisions(session: Annotated[Session, Depends(guard)]) -> list[dict[str, Any]]:
        by_name = {call.name: call.public_id for call in place.desk.calls() if security.sees(session, call)}
        return [
            {**asdict(d), "recording_id": by_name[d.recording_id]}
            for d in place.reviews.decisions()
            if d.recording_id in by_name
        ]

    @app.get("/figures", name="figures")
    def figures_page(request: Request, session: Annotated[Session, Depends(guard)]) -> Response:
        mine = [call for call in place.desk.calls() if security.sees(session, call)]
        told = figures(mine, list(place.reviews.decisions()))
        return page("figures.html", _language(request, session.user), user=session.user, told=told)

    app.mount("/static", StaticFiles(directory=STATIC, check_dir=False), name="static")
    return app


LOCAL = User("me", "lead")


class Makings:
    """Calls that are being made anew, one at a time."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._one = threading.Lock()
        self._states: dict[str, dict[str, Any]] = {}

    def begin(self, maker: Maker, call: Call, review: Review, name: str) -> None:
        """Make a call anew by its draft, in the background.

        Raises:
            Refused: it is being made already.
        """
        if self.state(call.name)["state"] == "running":
            raise Refused(409, "running")
        self._states[call.name] = {"state": "running"}
        threading.Thread(target=self._make, args=(maker, call, review, name), daemon=True).start()

    def state(self, recording_id: str) -> dict[str, Any]:
        """How far it is: `none`, `running`, `done` or `failed`."""
        return self._states.get(recording_id, {"state": "none"})

    def is_in_file(self, call: Call, review: Review) -> bool:
        """True where the draft is what the redacted file was made by."""
        made = [d for d in self._place.reviews.decisions(call.name) if d.kind == "render"]
        return list(made[-1].detail if made else ()) == list(review.draft)

    def _make(self, maker: Maker, call: Call, review: Review, name: str) -> None:
        decided = settled([Edit.model_validate(edit).correction() for edit in review.draft])
        try:
            with self._one:
                maker.make(call, decided)
            self._place.reviews.decide(call.name, name, "render", detail=review.draft)
            self._states[call.name] = {"state": "done"}
        except RedactError as error:
            told = {"error": error.reason, "message": error.message, "hint": error.hint}
            self._states[call.name] = {"state": "failed", **told}
        except Exception as error:  # its message may hold anything
            self._states[call.name] = {"state": "failed", "error": type(error).__name__, "message": "", "hint": ""}


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


def _is_around(call: Call, review: Review, start_ms: int, end_ms: int) -> bool:
    """True for a stretch around one mask, or around an edit."""
    places = [*call.intervals, *review.draft]
    return any(
        start_ms >= place["start_ms"] - _AROUND_MS and end_ms <= place["end_ms"] + _AROUND_MS for place in places
    )  # fmt: skip


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


def _signed_in(place: Place, token: str) -> Response:
    response = JSONResponse({})
    _set_cookie(response, place, token)
    return response


def _set_cookie(response: Response, place: Place, token: str) -> None:
    response.set_cookie(place.cookie, token, httponly=True, secure=place.is_https, samesite="strict", path="/")


def _language(request: Request, user: User) -> str:
    return user.language if user.language in LANGUAGES else _preferred(request)


def _preferred(request: Request) -> str:
    """The first language of the browser's list that the page speaks."""
    for part in request.headers.get("accept-language", "").split(","):
        code = part.partition(";")[0].strip().lower().partition("-")[0]
        if code in LANGUAGES:
            return code
    return LANGUAGES[0]
