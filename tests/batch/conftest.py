import pytest
from batch_world import World

from redact.stores import master


@pytest.fixture
def world(tmp_path) -> World:
    return World(tmp_path)


@pytest.fixture(autouse=True)
def _no_keys_of_the_environment(monkeypatch):
    monkeypatch.delenv(master.ENVIRONMENT, raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
