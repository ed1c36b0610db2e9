"""`redact review` and `redact users` before any page is opened."""

import hashlib
import json

import pytest

pytest.importorskip("fastapi")

from redact.cli.main import cli
from redact.errors import ModelMissing, UsageError
from redact.review import app

SOME_WORD = "correct horse battery"


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path)

    def told(*arguments):
        cli.main(list(arguments), standalone_mode=False)
        return capsys.readouterr().out

    return told


def test_without_its_script_it_says_how_to_build_it(run, tmp_path, monkeypatch):
    monkeypatch.setattr(app, "STATIC", tmp_path / "none")
    with pytest.raises(ModelMissing) as error:
        run("review", "out")
    assert "npm" in error.value.hint


def test_other_machines_are_let_in_behind_tls_only(run, tmp_path, monkeypatch):
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "main.js").write_text("")
    monkeypatch.setattr(app, "STATIC", tmp_path / "static")
    for options in (["--host", "0.0.0.0"], ["--host", "0.0.0.0", "--team"], ["--host", "0.0.0.0", "--https"]):  # noqa: S104
        with pytest.raises(UsageError) as error:
            run("review", "out", *options)
        assert "--team" in error.value.hint
    with pytest.raises(UsageError):
        run("review", "nowhere")
    with pytest.raises(UsageError):
        run("review", "out", "--sample", "0%")


def test_users_are_added_listed_and_locked_out(run):
    assert "rita is a reviewer" in run("users", "add", "rita", "--queue", "billing", "--password", SOME_WORD)
    run("users", "add", "lea", "--role", "lead", "--language", "fr", "--password", SOME_WORD)
    with pytest.raises(UsageError):
        run("users", "add", "bob", "--password", "short")
    with pytest.raises(UsageError):
        run("users", "disable", "bob")
    run("users", "disable", "rita")
    told = run("users", "list").splitlines()
    assert told[1].split() == ["lea", "lead", "all", "fr"]
    assert told[2].split() == ["rita", "reviewer", "billing", "en", "locked", "out"]


def test_labels_of_approved_calls_are_written(run, tmp_path):
    from redact.stores.database import connect
    from redact.stores.reviews import Reviews

    report = {
        "schema": "callredact.report", "status": "done", "basis": "consent", "language": "en", "masked_ms": 1000,
        "input": {"sha256": "0" * 64, "duration_ms": 5000, "channels": ["mixed"]}, "replacements": {"PERSON": 1},
        "policy": {"sha256": "0" * 64}, "doubts": {}, "outputs": {".wav": "0" * 64},
        "intervals": [{"start_ms": 1000, "end_ms": 2000, "channels": [0], "entity_types": ["PERSON"]}],
    }  # fmt: skip
    for name in ("a", "b"):
        (tmp_path / "out" / f"{name}.report.json").write_text(json.dumps(report))
    reviews = Reviews(connect(f"sqlite:///{tmp_path}/out/.redact-review.db", "qa"), "here")
    digest = hashlib.sha256((tmp_path / "out" / "a.report.json").read_bytes()).hexdigest()
    reviews.decide("a", "me", "approve", state="approved", report=digest)
    reviews.decide("b", "me", "approve", state="approved", report="0" * 64)  # of another file
    reviews.close()
    assert "1 approved" in run("review", "out", "--export-gold", "gold")
    assert [path.name for path in (tmp_path / "gold").iterdir()] == ["a.gold.json"]
