import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "stores"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "batch"))

from governance_world import Office

from redact.governance.organisation import load
from redact.settings import HANDED_KEYS


@pytest.fixture(scope="session")
def first_night(tmp_path_factory):
    """The folder of an office, a copy of it as it was after its first night, and the ids of its recordings."""
    root = tmp_path_factory.mktemp("night") / "office"
    root.mkdir()
    made = Office(root)
    made.kept.close()
    shutil.copytree(root, root.parent / "before")
    return root, root.parent / "before", made.ids


@pytest.fixture
def office(first_night) -> Office:
    """A batch of four recordings that was redacted, its stores, and an organisation.

    The night was run once for all tests, and is put back for each: it does not lie in `tmp_path`, for a ledger knows
    its archive by its path.
    """
    root, before, ids = first_night
    shutil.rmtree(root)
    shutil.copytree(before, root)
    made = Office.again(root, ids)
    yield made
    made.kept.close()


@pytest.fixture
def org(office):
    """The organisation's file, read."""
    return load(office.world.root / "organisation.yaml")


@pytest.fixture(autouse=True)
def _no_keys_of_the_environment(monkeypatch):
    monkeypatch.delenv(HANDED_KEYS, raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
