"""Signing in at an OpenID provider: a real one on this machine, honest and not."""

import hashlib
import socket
import threading
import time
from base64 import urlsafe_b64encode
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

pytest.importorskip("authlib")

import httpx
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from redact.errors import UsageError
from redact.review import app
from redact.review.oidc import Provider
from redact.stores.reviews import BY_PROVIDER, User

pytestmark = [pytest.mark.models, pytest.mark.slow]


class Idp:
    """A provider that says of whoever comes that they are `rita`, unless it is told to lie."""

    def __init__(self):
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
        self.other = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
        self.lies = {}
        self.name = "rita"
        self.codes = {}
        door = socket.create_server(("127.0.0.1", 0))
        self.issuer = f"http://127.0.0.1:{door.getsockname()[1]}"
        served = FastAPI()

        @served.get("/.well-known/openid-configuration")
        def offers():
            return {
                "issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token", "jwks_uri": f"{self.issuer}/keys",
            }  # fmt: skip

        @served.get("/keys")
        def keys():
            return KeySet([self.key]).as_dict(private=False)

        @served.get("/authorize")
        def authorize(state: str, nonce: str, redirect_uri: str, code_challenge: str, code_challenge_method: str):
            assert code_challenge_method == "S256"
            code = f"code-{len(self.codes)}"
            self.codes[code] = (nonce, code_challenge)
            return RedirectResponse(f"{redirect_uri}?code={code}&state={state}", 303)

        @served.post("/token")
        async def token(request: Request):
            form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
            nonce, challenge = self.codes.pop(form["code"])
            digest = urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
            assert digest == challenge
            now = int(time.time())
            claims = {
                "iss": self.issuer, "aud": "review", "sub": "17", "preferred_username": self.name, "nonce": nonce,
                "iat": now, "exp": now + 60, **{k: v for k, v in self.lies.items() if k != "key"},
            }  # fmt: skip
            key = self.other if "key" in self.lies else self.key
            signed = jwt.encode({"alg": "RS256", "kid": "one"}, claims, key)
            return {"access_token": "x", "token_type": "Bearer", "id_token": signed, "expires_in": 60}

        self.server = uvicorn.Server(uvicorn.Config(served, log_level="critical"))
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [door]}, daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)


@pytest.fixture
def idp():
    made = Idp()
    yield made
    made.server.should_exit = True
    made.thread.join(10)


@pytest.fixture
def signed(team, idp):
    """The page, with a provider."""
    provider = Provider(idp.issuer, "review", "", "http://127.0.0.1:8765/oidc/return", "preferred_username")
    team.place.reviews.put_user(User("rita", "reviewer"), BY_PROVIDER)
    team.application = app.build(replace(team.place, provider=provider))
    return team


def through(team, idp):
    """What a browser goes through; the client and the last answer."""
    client = team.client()
    away = client.get("/oidc/begin", follow_redirects=False)
    assert away.status_code == 303
    back = httpx.get(away.headers["location"], follow_redirects=False).headers["location"]
    parts = urlsplit(back)
    return client, client.get(f"{parts.path}?{parts.query}", follow_redirects=False), parse_qs(parts.query)


def test_whoever_is_a_user_here_is_signed_in(signed, idp):
    assert "/oidc/begin" in signed.client().get("/sign-in").text
    client, answer, _ = through(signed, idp)
    assert answer.status_code == 200
    assert 'data-page="signed-in"' in answer.text
    assert client.get("/api/me").json()["name"] == "rita"


def test_whoever_is_none_is_not(signed, idp):
    idp.name = "somebody"
    client, answer, _ = through(signed, idp)
    assert 'role="alert"' in answer.text
    assert client.get("/api/me").status_code == 401
    signed.place.reviews.put_user(User("somebody", "reviewer"), BY_PROVIDER)
    client, _, _ = through(signed, idp)
    assert client.get("/api/me").json()["role"] == "reviewer"
    answer = signed.client().post("/api/sign-in", json={"name": "somebody", "password": BY_PROVIDER})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "lies",
    [
        {"key": "another"}, {"iss": "http://elsewhere"}, {"aud": "another page"}, {"nonce": "another"},
        {"exp": 1}, {"preferred_username": "", "email": "", "sub": ""},
    ],
    ids=lambda lies: next(iter(lies)),
)  # fmt: skip
def test_a_word_that_does_not_hold_is_not_believed(signed, idp, lies):
    idp.lies = lies
    client, answer, _ = through(signed, idp)
    assert answer.status_code in {303, 401}
    assert client.get("/api/me").status_code == 401


def test_a_user_with_a_password_is_not_whoever_the_provider_calls_so(signed, idp):
    idp.name = "lea"
    client, answer, _ = through(signed, idp)
    assert 'role="alert"' in answer.text
    assert client.get("/api/me").status_code == 401


def test_an_answer_is_good_once_and_for_who_began(signed, idp):
    client, _, query = through(signed, idp)
    again = f"/oidc/return?code={query['code'][0]}&state={query['state'][0]}"
    assert client.get(again, follow_redirects=False).status_code == 303  # to sign in
    other = signed.client()
    other.get("/oidc/begin", follow_redirects=False)
    other.get(again, follow_redirects=False)
    assert other.get("/api/me").status_code == 401


def test_a_provider_is_reached_by_tls_and_may_be_gone(team):
    with pytest.raises(UsageError):
        Provider("http://idp.example", "review", "", "https://review.example/oidc/return")
    gone = Provider("http://127.0.0.1:9", "review", "", "http://127.0.0.1:8765/oidc/return")
    team.application = app.build(replace(team.place, provider=gone))
    assert team.client().get("/oidc/begin", follow_redirects=False).status_code == 502


def test_without_a_provider_there_is_no_such_way(team):
    assert team.client().get("/oidc/begin", follow_redirects=False).status_code == 404
    assert "/oidc/begin" not in team.client().get("/sign-in").text
