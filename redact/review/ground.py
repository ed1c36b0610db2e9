"""What all routes stand on: the place, the guard, and pages in the reader's language."""

import secrets
from typing import Annotated, Any, cast

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader

from redact.naming import opaque
from redact.review import security
from redact.review.desk import Call
from redact.review.makings import Makings
from redact.review.place import Place
from redact.review.security import Refused
from redact.review.words import LANGUAGES, words
from redact.stores.reviews import Session

_PAGES = Environment(loader=PackageLoader("redact.review", "pages"), autoescape=True)


def place_of(request: Request) -> Place:
    """What the page is about."""
    return cast("Place", request.app.state.place)


def makings_of(request: Request) -> Makings:
    """What is being made anew."""
    return cast("Makings", request.app.state.makings)


def guard(request: Request) -> Session | None:
    """The one dependency of every route: who calls, whether they may, and whether it comes from this page.

    Raises:
        Refused: they may not.
    """
    place = place_of(request)
    session = security.session_of(place.reviews, request.cookies.get(place.cookie))
    session = security.may(session, getattr(request.scope.get("route"), "name", ""))
    headers = {key.lower(): value for key, value in request.headers.items()}
    token = session.csrf if session else None
    security.check_origin(request.method, headers, request.headers.get("host", ""), token)
    return session


Here = Annotated[Place, Depends(place_of)]
Making = Annotated[Makings, Depends(makings_of)]
Signed = Annotated[Session, Depends(guard)]


def seen(place: Here, session: Signed, public_id: str) -> Call:
    """A call that somebody may see.

    Raises:
        Refused: there is none, or it is not of their queues, which is answered alike.
    """
    call = place.desk.call(public_id)
    if call is None or not _sees(place, session, call):
        raise Refused(404, "no_such_call")
    return call


Seen = Annotated[Call, Depends(seen)]


def seen_calls(place: Place, session: Session) -> list[Call]:
    """All calls that somebody may see."""
    restricted = _hidden(place, session)
    return [call for call in place.desk.calls() if security.sees(session, call) and not _ids(call) & restricted]


def _sees(place: Place, session: Session, call: Call) -> bool:
    return security.sees(session, call) and not _ids(call) & _hidden(place, session)


def _ids(call: Call) -> frozenset[str]:
    """By which a call may be known: what its outputs are called, and the id of its content."""
    return frozenset((call.name, opaque(call.sha256)))


def _hidden(place: Place, session: Session) -> frozenset[str]:
    """Calls that are kept, and not used, are there for the DPO alone (GDPR, Art. 18(2))."""
    return frozenset() if session.user.role == "dpo" else place.access.restricted()


def page(request: Request, name: str, session: Session | None = None, **facts: Any) -> HTMLResponse:
    """A page in the language of who has signed in, or else of their browser."""
    language = language_of(request, session)
    nonce = secrets.token_urlsafe(16)  # for the style sheet that the waveform's own elements bring
    told = {**facts, **({"user": session.user} if session else {})}
    content = _PAGES.get_template(name).render(say=words(language), language=language, nonce=nonce, **told)
    policy = security.HEADERS["Content-Security-Policy"]
    allowed = policy.replace("style-src 'self'", f"style-src 'self' 'nonce-{nonce}'")
    return HTMLResponse(content, headers={"Content-Security-Policy": allowed})


def language_of(request: Request, session: Session | None) -> str:
    """Of who has signed in, or else of their browser."""
    return session.user.language if session and session.user.language in LANGUAGES else preferred(request)


def preferred(request: Request) -> str:
    """The first language of the browser's list that the page speaks."""
    for part in request.headers.get("accept-language", "").split(","):
        code = part.partition(";")[0].strip().lower().partition("-")[0]
        if code in LANGUAGES:
            return code
    return LANGUAGES[0]
