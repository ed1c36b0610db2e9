from pathlib import Path

import pytest

import redact.data
from redact.data import data_path
from redact.errors import PolicyError


def test_a_checkout_has_its_data_at_the_root() -> None:
    assert data_path("models.toml").read_text(encoding="utf-8").count("[[model]]") > 3
    assert data_path("pipelines").is_dir()
    assert len(list(data_path("samples").glob("*.gold.json"))) > 3


def test_a_wheel_carries_its_data_and_prefers_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redact.data, "_PACKAGE", tmp_path / "redact")
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "pipelines").mkdir()
    assert data_path("pipelines") == tmp_path / "pipelines"
    (tmp_path / "redact/_data/pipelines").mkdir(parents=True)
    assert data_path("pipelines") == tmp_path / "redact/_data/pipelines"


def test_somebody_elses_folder_beside_the_package_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redact.data, "_PACKAGE", tmp_path / "redact")
    (tmp_path / "pipelines").mkdir()
    with pytest.raises(PolicyError, match="pipelines is missing"):
        data_path("pipelines")
