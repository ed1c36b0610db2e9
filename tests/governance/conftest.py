import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "stores"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "batch"))

from governance_world import Office

from redact.stores import master


@pytest.fixture
def office(tmp_path) -> Office:
    """A batch of four recordings that was redacted, its stores, and an organisation."""
    made = Office(tmp_path)
    yield made
    made.kept.close()


@pytest.fixture(autouse=True)
def _no_keys_of_the_environment(monkeypatch):
    monkeypatch.delenv(master.ENVIRONMENT, raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
