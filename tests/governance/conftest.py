import shutil
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
def restored_office(first_night) -> Office:
    """An office as `office`, whose first night was run once for all tests. It does not lie in `tmp_path`."""
    root, before, ids = first_night
    shutil.rmtree(root)
    shutil.copytree(before, root)
    made = Office.again(root, ids)
    yield made
    made.kept.close()


@pytest.fixture(autouse=True)
def _no_keys_of_the_environment(monkeypatch):
    monkeypatch.delenv(master.ENVIRONMENT, raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
