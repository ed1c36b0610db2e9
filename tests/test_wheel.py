"""The wheel holds what the product needs, and works from an empty folder."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.slow
def test_the_wheel_brings_its_data(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", tmp_path, ROOT], check=True, capture_output=True
    )
    (wheel,) = tmp_path.glob("callredact-*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(site)
    assert {"redact/_data/models.toml", "redact/_data/pipelines/default.yaml", "redact/detect/spoken/fr.yaml"} <= names
    assert {f"redact/page/{name}" for name in ("page.css", "page.js", "labels.yaml")} <= names
    assert not [name for name in names if name.startswith(("tests/", "samples/", "docs/"))]
    run = subprocess.run(
        [sys.executable, "-m", "redact", "policy", "list"], cwd=tmp_path, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(site)},
    )  # fmt: skip
    assert "numbers" in run.stdout
    where = subprocess.run(
        [sys.executable, "-c", "import redact.data; print(redact.data.data_path('pipelines'))"], cwd=tmp_path,
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(site)},
    )  # fmt: skip
    assert where.stdout.strip().startswith(str(site))
