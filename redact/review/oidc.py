"""Signing in by the organisation's own accounts: OpenID Connect, the authorization code flow with PKCE.

Who somebody is, the provider says; whether they may use the page, and as what, `redact users` does.
"""

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from redact.errors import UsageError
from redact.review.security import Refused

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_ALGORITHMS = ["RS256", "ES256", "PS256", "EdDSA"]
# How long somebody may take at the provider, and how many may be there at once.
_PATIENCE_S, _MOST = 600.0, 1000
_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class _Begun:
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    at: float


class Provider:
    """An OpenID provider.

    Args:
        issuer: its URL; what it offers is read from there when somebody first signs in.
        client_id: that it knows this page by.
        secret: of the client; empty for a public client.
        returns_to: URL of this page's `/oidc/return`, as registered there.
        claim: that somebody's name is; `sub` is the only one that no provider lets people change.

    Raises:
        UsageError: the issuer's URL is not https (or on this machine).
    """

    def __init__(self, issuer: str, client_id: str, secret: str, returns_to: str, claim: str = "sub") -> None:
        parts = urlsplit(issuer)
        if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
            raise UsageError("the OpenID provider's URL is not https", hint="give https://…")
        self._issuer = issuer
        self._claim = claim
        self._client_id = client_id
        self._secret = secret
        self._returns_to = returns_to
        self._begun: OrderedDict[str, _Begun] = OrderedDict()
        self._lock = threading.Lock()
        self._offers: Mapping[str, Any] | None = None

    def begin(self) -> tuple[str, str]:
        """Where somebody signs in, and the state by which they are known again.

        Raises:
            Refused: the provider can't be reached (502).
        """
        nonce, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
        with self._client() as client:
            url, state = client.create_authorization_url(
                self._offered("authorization_endpoint"), nonce=nonce, code_verifier=verifier
            )
        with self._lock:
            self._begun[state] = _Begun(nonce, verifier, time.monotonic())
            while len(self._begun) > _MOST:
                self._begun.popitem(last=False)
        return str(url), str(state)

    def end(self, state: str, answer: str) -> str:
        """The name of whoever comes back.

        Args:
            state: that the browser was given.
            answer: the whole URL that the provider sent it to.

        Raises:
            Refused: it is nobody who began here, or the provider's word doesn't hold (401).
        """
        with self._lock:
            begun = self._begun.pop(state, None)
        if begun is None or time.monotonic() - begun.at > _PATIENCE_S:
            raise Refused(401, "sign_in")
        try:
            with self._client(state) as client:
                token = client.fetch_token(
                    self._offered("token_endpoint"), authorization_response=answer, code_verifier=begun.verifier
                )
            claims = self._claims(str(token["id_token"]), begun.nonce)
        except Refused:
            raise
        except Exception:  # whatever a library finds wrong: the reason may hold the token
            raise Refused(401, "provider") from None
        name = str(claims.get(self._claim) or "")
        if not name or (self._claim == "email" and claims.get("email_verified") is not True):
            raise Refused(401, "provider")
        return name

    def _claims(self, id_token: str, nonce: str) -> Mapping[str, Any]:
        from joserfc import jwt
        from joserfc.jwk import KeySet

        keys = KeySet.import_key_set(self._asked(self._offered("jwks_uri")))
        token = jwt.decode(id_token, keys, algorithms=_ALGORITHMS)
        jwt.JWTClaimsRegistry(
            iss={"essential": True, "value": self._issuer}, aud={"essential": True, "value": self._client_id},
            nonce={"essential": True, "value": nonce}, exp={"essential": True}, iat={"essential": True},
        ).validate(token.claims)  # fmt: skip
        claims: Mapping[str, Any] = token.claims
        return claims

    def _client(self, state: str | None = None) -> Any:
        from authlib.integrations.httpx_client import OAuth2Client

        return OAuth2Client(
            self._client_id, self._secret or None, scope="openid profile email", redirect_uri=self._returns_to,
            code_challenge_method="S256", state=state, timeout=_TIMEOUT_S, trust_env=False,
        )  # fmt: skip

    def _offered(self, what: str) -> str:
        if self._offers is None:
            offers = self._asked(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
            if offers.get("issuer") != self._issuer:
                raise Refused(502, "provider")
            self._offers = offers
        return str(self._offers[what])

    def _asked(self, url: str) -> Any:
        import httpx

        try:
            answer = httpx.get(url, timeout=_TIMEOUT_S, trust_env=False)
            answer.raise_for_status()
            return answer.json()
        except (httpx.HTTPError, ValueError):
            raise Refused(502, "provider") from None
