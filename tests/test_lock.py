"""The lock file names all that the package and its development need."""

import json
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
_NAME = re.compile(r"^[A-Za-z0-9._-]+")


def names(requirements):
    return {re.sub(r"[-_.]+", "-", match[0]).lower() for line in requirements if (match := _NAME.match(line))}


def test_every_dependency_is_locked_with_hashes():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = names([*project["dependencies"], *extras["models"], *extras["dev"]]) - {project["name"]}
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = [entry for entry in re.split(r"\n(?=[A-Za-z0-9])", lock) if "--hash=sha256:" in entry]
    assert wanted <= names(locked)


def test_the_lock_names_no_address():
    assert "://" not in (ROOT / "requirements.lock").read_text(encoding="utf-8")


def test_the_page_s_lock_file_names_no_registry() -> None:
    packages = json.loads((ROOT / "redact/review/web/package-lock.json").read_text())["packages"]
    assert len(packages) > 3
    assert not any("resolved" in package for package in packages.values())
    assert all(package.get("integrity") for name, package in packages.items() if name)
