"""Who may do what: one guard for every route, and what goes with each answer.

A route that is not in `RIGHTS` answers nobody. What somebody may not see is answered like what isn't there.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping

from redact.review.desk import Call
from redact.stores.reviews import ROLES, Reviews, Role, Session

_ALL = frozenset(ROLES)
_LISTENERS: frozenset[Role] = frozenset({"reviewer", "lead", "dpo"})
_DECIDERS: frozenset[Role] = frozenset({"reviewer", "lead"})
# Who may call each route, by its name; None: anybody, signed in or not.
RIGHTS: Mapping[str, frozenset[Role] | None] = {
    "sign_in_page": None,
    "sign_in": None,
    "enter": None,
    "oidc_begin": None,
    "oidc_return": None,
    "static": None,
    "sign_out": _ALL,
    "me": _ALL,
    "work_list": _LISTENERS,
    "call_page": _LISTENERS,
    "calls": _LISTENERS,
    "call": _LISTENERS,
    "sound": _LISTENERS,
    "peaks": _LISTENERS,
    "original": _LISTENERS,
    "ask": _LISTENERS,
    "approvals_page": frozenset({"lead", "dpo"}),
    "approvals": frozenset({"lead", "dpo"}),
    "decide_approval": frozenset({"lead", "dpo"}),
    "claim": _DECIDERS,
    "release": _DECIDERS,
    "draft": _DECIDERS,
    "render": _DECIDERS,
    "rendering": _DECIDERS,
    "decide": _DECIDERS,
    "decisions": frozenset({"lead", "dpo", "auditor"}),
    "figures": frozenset({"lead", "dpo", "auditor"}),
    "dpo_page": frozenset({"dpo", "auditor"}),
    "propose": _DECIDERS,
    "proposals_page": frozenset({"lead"}),
    "proposals": frozenset({"lead"}),
    "decide_proposal": frozenset({"lead"}),
}
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:; "
        "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
# So many wrong passwords within so long, of one name or from one address.
_ATTEMPTS, _WITHIN_S = 10, 300.0
_MOST_KNOWN = 10_000


class Refused(Exception):
    """An answer that is none.

    Attributes:
        status: of HTTP.
        told: why, in a word.
    """

    def __init__(self, status: int, told: str) -> None:
        super().__init__(told)
        self.status = status
        self.told = told


def may(session: Session | None, route: str) -> Session | None:
    """Whoever is signed in, if they may call a route.

    Raises:
        Refused: they may not (403), or nobody is signed in (401).
    """
    if route not in RIGHTS:
        raise Refused(403, "no_policy")
    allowed = RIGHTS[route]
    if allowed is None:
        return session
    if session is None:
        raise Refused(401, "sign_in")
    if session.user.role not in allowed:
        raise Refused(403, "role")
    return session


def check_origin(method: str, headers: Mapping[str, str], host: str, csrf: str | None) -> None:
    """A request that changes something comes from this page.

    Args:
        method: of the request.
        headers: of it, names in lower case.
        host: that it was sent to.
        csrf: the session's token, which the page sends back; None where there is no session yet.

    Raises:
        Refused: it comes from elsewhere (403).
    """
    if method in _SAFE:
        return
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site not in {None, "same-origin", "none"}:
        raise Refused(403, "origin")
    if origin is not None and origin.partition("://")[2] != host:
        raise Refused(403, "origin")
    if csrf is not None and headers.get("x-csrf-token") != csrf:
        raise Refused(403, "csrf")


def tells_decisions(session: Session) -> bool:
    """True where a user may know who decided what."""
    return session.user.role in (RIGHTS["decisions"] or ())


def sees(session: Session, call: Call) -> bool:
    """True where a call is of one of the user's queues."""
    return not session.user.queues or call.queue in session.user.queues


class Attempts:
    """Counts wrong passwords, by name and by address."""

    def __init__(self) -> None:
        self._failed: OrderedDict[str, list[float]] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, *whose: str, now: float | None = None) -> None:
        """Refuse for a while whoever was wrong too often.

        Raises:
            Refused: 429.
        """
        moment = now or time.monotonic()
        with self._lock:
            for who in whose:
                recent = [at for at in self._failed.get(who, ()) if moment - at < _WITHIN_S]
                if len(recent) >= _ATTEMPTS:
                    raise Refused(429, "too_many_attempts")

    def failed(self, *whose: str, now: float | None = None) -> None:
        """Note a wrong password."""
        moment = now or time.monotonic()
        with self._lock:
            for who in whose:
                recent = [at for at in self._failed.pop(who, []) if moment - at < _WITHIN_S]
                self._failed[who] = [*recent, moment]
            while len(self._failed) > _MOST_KNOWN:
                self._failed.popitem(last=False)


def password_hash(password: str) -> str:
    """argon2id, with the library's own parameters (RFC 9106, second choice)."""
    from argon2 import PasswordHasher

    return PasswordHasher().hash(password)


def is_right(stored: str, password: str) -> bool:
    """True where a password is the one; takes as long where there is nobody of that name."""
    from argon2 import PasswordHasher
    from argon2.exceptions import Argon2Error, InvalidHashError

    try:
        return PasswordHasher().verify(stored or _NOBODY, password) and bool(stored)
    except (Argon2Error, InvalidHashError):
        return False


# Of a random password that nobody knows any more.
_NOBODY = (
    "$argon2id$v=19$m=65536,t=3,p=4$cmVkYWN0LW5vYm9keS1oZXJl$3mY2oK9o6p0Jw5l8mXj2yqk0m3o3k1f8Zt0o8m1Wm2s"
)  # fmt: skip


def session_of(reviews: Reviews, token: str | None) -> Session | None:
    """Who sent a cookie; None for nobody."""
    return reviews.session(token) if token else None
