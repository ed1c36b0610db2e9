import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from models_world import World, make_world


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    made = make_world(tmp_path)
    monkeypatch.syspath_prepend(str(made.site))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.delenv("REDACT_OFFLINE", raising=False)
    yield made
    assert not {"parts_a", "parts_b", "whole", "whole_fr"} & set(sys.modules)


@pytest.fixture(scope="session")
def real_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache for the real models: base is joined in it once for all tests."""
    return tmp_path_factory.mktemp("models") / "cache"
