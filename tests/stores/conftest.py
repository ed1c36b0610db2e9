"""Stores for tests: SQLite's in a folder of the test, PostgreSQL's on a real server where one is installed."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from stores_world import running_server

from redact.settings import HANDED_KEYS
from redact.stores import master, vault
from redact.stores.audit import Audit
from redact.stores.consent import Consent
from redact.stores.data_keys import DataKeys
from redact.stores.database import connect


@pytest.fixture(scope="session")
def server():
    return running_server()


@pytest.fixture
def kind(request):
    return getattr(request, "param", "sqlite")


@pytest.fixture
def new_url(kind, request, tmp_path):
    """A function that gives the URL of an empty database."""
    if kind == "postgresql":
        running = request.getfixturevalue("server")
        return lambda _: running.new_database()
    return lambda name: f"sqlite:///{tmp_path}/{name}.db"


@dataclass(frozen=True)
class Urls:
    records: str
    keyring: str


@pytest.fixture
def urls(new_url):
    return Urls(new_url("records"), new_url("keyring"))


@pytest.fixture
def records(urls):
    database = connect(urls.records, "records")
    yield database
    database.close()


@pytest.fixture
def keyring(urls):
    database = connect(urls.keyring, "keyring")
    yield database
    database.close()


@pytest.fixture
def ring():
    return master.new()


@pytest.fixture
def keys(keyring, ring):
    return DataKeys(keyring, ring)


@pytest.fixture
def heads(tmp_path) -> Path:
    return tmp_path / "elsewhere" / "heads.jsonl"


@pytest.fixture
def audit(records, keys, heads):
    return Audit(records, keys, heads)


@pytest.fixture
def consent(records, keys):
    return Consent(records, keys)


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "kept" / "vault"


@pytest.fixture
def sealed(folder, keys):
    return vault.Vault(folder, keys)


@pytest.fixture
def small_chunks(monkeypatch):
    """Chunks of 64 bytes, so that every boundary can be tried."""
    monkeypatch.setattr(vault, "CHUNK_BYTES", 64)
    return 64


@pytest.fixture(autouse=True)
def _no_keys_of_the_environment(monkeypatch):
    monkeypatch.delenv(HANDED_KEYS, raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
