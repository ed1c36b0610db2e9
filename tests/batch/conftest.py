import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "stores"))

from batch_world import World
from stores_world import Server, programs_of_postgresql

from redact.stores import master


@pytest.fixture
def world(tmp_path) -> World:
    return World(tmp_path)


@pytest.fixture(autouse=True)
def _no_keys_of_the_environment(monkeypatch):
    monkeypatch.delenv(master.ENVIRONMENT, raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)


@pytest.fixture(scope="session")
def postgresql():
    """A function that gives the URL of an empty database on a real server."""
    programs = programs_of_postgresql()
    if programs is None:
        pytest.skip("no PostgreSQL server is installed")
    running = Server(programs)
    yield running.new_database
    running.stop()
