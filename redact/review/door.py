"""Who comes in, and goes: by a link, a password, or the organisation's own accounts."""

import secrets
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from redact.policy import ENTITY_TYPES
from redact.review import security
from redact.review.bodies import REASONS, Credentials, Entry
from redact.review.ground import Here, Signed, page
from redact.review.place import LOCAL, Place
from redact.review.security import Attempts, Refused
from redact.stores.reviews import BY_PROVIDER

routes = APIRouter()
_BEGUN = "redact-oidc"


@routes.get("/sign-in", name="sign_in_page")
def sign_in_page(place: Here, request: Request) -> Response:
    """The page to sign in on."""
    is_local, has_provider = place.entry is not None, place.provider is not None
    return page(request, "sign_in.html", is_local=is_local, has_provider=has_provider)


@routes.get("/oidc/begin", name="oidc_begin")
def oidc_begin(place: Here) -> Response:
    """To the organisation's provider."""
    if place.provider is None:
        raise Refused(404, "no_provider")
    url, state = place.provider.begin()
    response = RedirectResponse(url, 303)
    # Lax: it has to come along when the provider sends the browser back.
    response.set_cookie(
        _BEGUN, state, max_age=600, httponly=True, secure=place.is_https, samesite="lax", path="/oidc"
    )  # fmt: skip
    return response


@routes.get("/oidc/return", name="oidc_return")
def oidc_return(place: Here, request: Request) -> Response:
    """Back from the provider, with its word on who it is."""
    state = request.cookies.get(_BEGUN, "")
    if place.provider is None or not secrets.compare_digest(state, request.query_params.get("state", "-")):
        raise Refused(401, "sign_in")
    name = place.provider.end(state, str(request.url))
    if place.reviews.password_of(name) != BY_PROVIDER:  # somebody else's name is nobody's here
        return page(request, "sign_in.html", is_local=False, has_provider=True, unknown=True)
    # By a page of ours: a strict cookie isn't sent on a way that began at the provider.
    response = page(request, "signed_in.html")
    _set_cookie(response, place, place.reviews.begin_session(name))
    response.delete_cookie(_BEGUN, path="/oidc")
    return response


@routes.post("/api/sign-in", name="sign_in")
def sign_in(place: Here, request: Request, given: Credentials) -> Response:
    """In, by a password."""
    address = request.client.host if request.client else "-"
    attempts: Attempts = request.app.state.attempts
    attempts.check(f"name {given.name}", f"address {address}")
    if not security.is_right(place.reviews.password_of(given.name), given.password):
        attempts.failed(f"name {given.name}", f"address {address}")
        raise Refused(401, "wrong")
    return _signed_in(place, place.reviews.begin_session(given.name))


@routes.post("/api/enter", name="enter")
def enter(request: Request, place: Here, given: Entry) -> Response:
    """In, by the one-time link."""
    expected = request.app.state.entry
    if not expected or not secrets.compare_digest(expected, given.token):
        raise Refused(401, "wrong")
    request.app.state.entry = None  # it opens once
    return _signed_in(place, place.reviews.begin_session(LOCAL.name))


@routes.post("/api/sign-out", name="sign_out")
def sign_out(place: Here, request: Request) -> Response:
    """Out: the session ends here."""
    place.reviews.end_session(request.cookies.get(place.cookie, ""))
    response = JSONResponse({})
    response.delete_cookie(place.cookie, path="/")
    return response


@routes.get("/api/me", name="me")
def me(place: Here, session: Signed) -> dict[str, Any]:
    """Who has signed in, and what they may do."""
    return {
        "name": session.user.name, "role": session.user.role, "csrf": session.csrf, "reasons": REASONS,
        "hears_originals": place.originals is not None, "types": ENTITY_TYPES,
        "proposes": place.proposals is not None,
        "decides": session.user.role in {"reviewer", "lead"},
    }  # fmt: skip


def _signed_in(place: Place, token: str) -> Response:
    response = JSONResponse({})
    _set_cookie(response, place, token)
    return response


def _set_cookie(response: Response, place: Place, token: str) -> None:
    response.set_cookie(place.cookie, token, httponly=True, secure=place.is_https, samesite="strict", path="/")
