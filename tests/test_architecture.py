"""The shape of the house, read from its imports: they go down only, and heavy libraries have one home each."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1] / "redact"
LAYERS = {
    "errors": 0, "call": 0, "findings": 0, "data": 0, "publish": 0, "keys": 0, "paper": 0, "settings": 2,
    "policy": 1, "views": 1, "tokens": 1, "surrogates": 1, "corrections": 1, "plan": 2, "operators": 2, "naming": 3,
    "audio": 3, "transcribe": 3, "transcripts": 3, "detect": 3, "models": 3, "text": 3,
    "verify": 4, "report": 4, "options": 4, "restore": 4, "score": 4, "listen": 4, "page": 4, "subjects": 4,
    "correlation": 3, "alignment": 4, "matching": 4, "given": 5,
    "relisten": 5, "loaded": 5,
    "stores": 4, "custody": 5, "evaluate": 6, "pipeline": 6, "texts": 6, "streams": 7, "api": 7,
    "batch": 7, "governance": 8, "review": 9, "cli": 10, "__main__": 11,
}  # fmt: skip
HOMES = {
    "av": {"audio"},
    "alembic": {"stores"},
    "boto3": {"stores.kms"},
    "botocore": {"stores.kms"},
    "cryptography": {"audio.pcm", "keys", "tokens", "stores"},
    "sqlalchemy": {"stores"},
    "faker": {"surrogates"},
    "pydub": {"audio.mask"},
    "soundfile": {"audio.encode"},
    "faster_whisper": {"transcribe.whisper", "audio.speech"},
    "presidio_analyzer": {"detect.presidio"},
    "presidio_anonymizer": {"operators"},
    "spacy": {"detect.presidio"},
    "tldextract": {"detect.presidio"},
    "huggingface_hub": {"models.hub"},
    "fsspec": {"batch.archive"},
    "tenacity": {"batch.archive"},
    "ray": {"batch.ray_pool"},
    "prometheus_client": {"batch.events"},
    "fastapi": {"review.app", "review.calls", "review.door", "review.ground", "review.team"},
    "jinja2": {"review.ground"},
    "argon2": {"review.security"},
    "uvicorn": {"cli.review"},
    "authlib": {"review.oidc", "cli.review"},
    "joserfc": {"review.oidc"},
    "httpx": {"review.oidc"},
}
HEAVY = (
    "numpy",
    "av",
    "boto3",
    "cryptography",
    "faker",
    "pydub",
    "soundfile",
    "faster_whisper",
    "ctranslate2",
    "presidio_analyzer",
    "spacy",
    "pydantic",
    "rich",
    "sqlalchemy",
    "fsspec",
    "ray",
    "prometheus_client",
    "fastapi",
    "uvicorn",
)


@cache
def modules() -> dict[str, ast.Module]:
    return {
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): ast.parse(file.read_text())
        for file in ROOT.rglob("*.py")
        if file != ROOT / "__init__.py"
    }


def is_module(name: str) -> bool:
    path = ROOT.parent / Path(*name.split("."))
    return name.startswith("redact.") and (path.with_suffix(".py").exists() or (path / "__init__.py").exists())


def imports(tree: ast.Module) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            submodules = {name for name in inside if is_module(name)}
            found |= submodules or ({node.module} if node.module != "redact" else inside)
    return found


@pytest.mark.parametrize("name", sorted(modules()))
def test_imports_go_down_only(name: str) -> None:
    own = name.split(".")[0]
    for imported in imports(modules()[name]):
        if not imported.startswith("redact.") or imported == "redact.__version__":
            continue
        target = imported.split(".")[1]
        same_room = target == own
        assert same_room or LAYERS[target] < LAYERS[own] or {LAYERS[target], LAYERS[own]} <= {0}, (
            f"{name} imports {imported}"
        )


@pytest.mark.parametrize("library", sorted(HOMES))
def test_a_heavy_library_has_one_home(library: str) -> None:
    users = {name for name, tree in modules().items() if any(i.split(".")[0] == library for i in imports(tree))}
    homes = HOMES[library]
    assert users, f"{library} is used nowhere: take it off this list"
    assert all(user in homes or user.split(".")[0] in homes for user in users), users


def test_no_cycles() -> None:
    graph = {
        name: {i.removeprefix("redact.") for i in imports(tree) if i.startswith("redact.")} & set(modules())
        for name, tree in modules().items()
    }

    free: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, " → ".join([*above, name])
        if name not in free:
            for below in graph[name]:
                visit(below, (*above, name))
            free.add(name)

    for name in graph:
        visit(name, ())


def test_help_imports_nothing_heavy() -> None:
    script = f"import sys, redact.cli.main; print([m for m in {HEAVY!r} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
