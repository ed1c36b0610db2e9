"""The commands that keep things, from the first key to erasing, as somebody would use them."""

import fcntl
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from redact.audio.decode import decode
from redact.policy import load
from redact.settings import load as load_settings
from redact.stores.opened import Stores

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
PERSON = "+44 7700 900123"
GIVEN = "2026-03-01T09:00:00+00:00"
CONTROL = SAMPLES / "en-internet-outage-control.wav"


@pytest.fixture
def home(tmp_path):
    (tmp_path / "out").mkdir()
    required = (SAMPLES.parent / "pipelines" / "default.yaml").read_text()
    required = required.replace("lawful_basis: optional", "lawful_basis: required")
    (tmp_path / "required.yaml").write_text(required)
    return tmp_path


def redact(home, *arguments, stdin="", **environment):
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith("REDACT_") or name == "REDACT_CACHE"
    }
    folders = {"XDG_CONFIG_HOME": str(home / "config"), "XDG_DATA_HOME": str(home / "data")}
    command = [sys.executable, "-m", "redact", *map(str, arguments)]
    environment = {**kept, **folders, **environment}
    return subprocess.run(command, cwd=home, capture_output=True, text=True, input=stdin, env=environment)


def done(home, *arguments, stdin="", **environment):
    run = redact(home, *arguments, stdin=stdin, **environment)
    assert run.returncode == 0, run.stderr
    return run.stdout


def table(home, *rows, columns="call_id,person,lawful_basis,purposes,notice_id,given_at,recorded_at"):
    (home / "calls.csv").write_text("\n".join([columns, *rows]) + "\n")
    return "calls.csv"


def row(call_id, given_at=GIVEN, recorded_at="2026-03-01T09:00:10+00:00", basis="consent"):
    return f"{call_id},{PERSON},{basis},quality;training,ivr-3,{given_at},{recorded_at}"


def whole(home):
    """Every byte that is kept."""
    return b"".join(
        path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file() and path.name != "calls.csv"
    )


def test_without_a_master_key_nothing_is_kept(home):
    for command in (["audit", "tail"], ["keys", "list"], ["vault", "list"], ["consent", "show", "x"]):
        run = redact(home, *command)
        assert run.returncode == 12
        assert "redact keys init" in run.stderr


def test_keys_are_made_once_and_changed_while_files_stay(home):
    assert redact(home, "keys", "init").returncode == 0
    assert redact(home, "keys", "init").returncode == 11
    (home / "a.bin").write_bytes(os.urandom(3_000_000))
    done(home, "vault", "seal", "a.bin", "--id", "call-1", "--without-codes")
    sealed = {path: path.read_bytes() for path in (home / "data").rglob("*.sealed")}
    ring = (home / "config" / "redact" / "master.keys").read_bytes()
    done(home, "keys", "rotate")
    assert (home / "config" / "redact" / "master.keys").read_bytes() != ring
    assert {path: path.read_bytes() for path in (home / "data").rglob("*.sealed")} == sealed
    done(home, "vault", "open", "call-1", "-o", "b.bin", "--reason", "test")
    assert (home / "b.bin").read_bytes() == (home / "a.bin").read_bytes()
    assert (home / "b.bin").stat().st_mode & 0o777 == 0o600
    assert len(done(home, "keys", "list").splitlines()) == 2
    (home / "config" / "redact" / "master.keys").unlink()
    (home / "config" / "redact" / "master.keys").write_bytes(ring)
    (home / "config" / "redact" / "master.keys").chmod(0o400)
    assert redact(home, "vault", "open", "call-1", "-o", "c.bin", "--reason", "test").returncode == 12
    assert not (home / "c.bin").exists()


def test_what_is_erased_stays_so_though_its_file_comes_back(home):
    done(home, "keys", "init")
    (home / "a.bin").write_bytes(b"something said" * 1000)
    done(home, "vault", "seal", "a.bin", "--id", "call-1", "--without-codes")
    (sealed,) = (home / "data").rglob("*.sealed")
    content = sealed.read_bytes()
    done(home, "vault", "erase", "call-1", "--reason", "request", "--yes")
    sealed.write_bytes(content)
    assert "destroyed" in done(home, "vault", "list")
    assert redact(home, "vault", "open", "call-1", "-o", "-", "--reason", "test").returncode == 12
    assert redact(home, "vault", "erase", "call-2", "--reason", "request", "--yes").returncode == 2


def test_nothing_is_sealed_by_hand_that_may_hold_codes(home):
    done(home, "keys", "init")
    run = redact(home, "vault", "seal", CONTROL, "--id", "call-1")
    assert run.returncode == 2
    assert "--without-codes" in run.stderr


@pytest.mark.parametrize("reason", ["because she asked", "Zoë", "", "x" * 41])
def test_a_reason_is_one_word(home, reason):
    done(home, "keys", "init")
    assert redact(home, "vault", "open", "call-1", "-o", "-", "--reason", reason).returncode == 2


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([], "not_recorded"),
        ([row(CONTROL.stem, given_at="2026-03-01T09:00:11+00:00")], "given_late"),
        ([row(CONTROL.stem, recorded_at="")], "time_unknown"),
        ([row("another")], "not_recorded"),
    ],
)
def test_a_call_without_a_basis_is_not_read(home, rows, why):
    done(home, "keys", "init")
    if rows:
        done(home, "consent", "import", table(home, *rows))
    run = redact(home, "file", CONTROL, "-o", "out", "--policy", "required.yaml", "--model", "tiny.en")
    assert (run.returncode, list((home / "out").iterdir())) == (6, [])
    assert why in run.stderr
    assert run.stderr.startswith("redact: input 1: ")  # not even its digest was made
    assert "refused" in done(home, "audit", "tail")
    assert CONTROL.stem not in done(home, "audit", "export")


def test_what_cannot_be_read_is_refused_before_it_is_opened(home):
    """A file that nobody can open still ends with the missing basis: nothing was tried."""
    done(home, "keys", "init")
    assert redact(home, "file", "missing.wav", "--policy", "required.yaml").returncode == 6


@pytest.mark.parametrize("command", [["text", "calls.txt"], ["explain", CONTROL], ["file", "calls.txt"]])
def test_no_way_leads_around_the_basis(home, command):
    done(home, "keys", "init")
    (home / "calls.txt").write_text("Agent: Hello.\n")
    run = redact(home, *command, "--policy", "required.yaml")
    assert (run.returncode, run.stdout) == (6, "")


@pytest.mark.models
@pytest.mark.slow
def test_a_call_with_a_basis_is_redacted_logged_and_sealed(home):
    done(home, "keys", "init")
    done(home, "consent", "import", table(home, row("call-7", recorded_at="")))
    how = ("file", CONTROL, "-o", "out", "--policy", "required.yaml", "--model", "tiny.en", "--force", "--vault")
    done(home, *how, "--call-id", "call-7", "--recorded-at", "2026-03-01T10:00:05+01:00")
    assert json.loads(next((home / "out").glob("*.report.json")).read_text())["basis"] == "consent"
    done(home, "vault", "open", "call-7", "-o", "back.wav", "--reason", "test")
    assert (home / "back.wav").read_bytes() == CONTROL.read_bytes()
    shown = [line.split()[3:6] for line in done(home, "audit", "tail").splitlines()[1:]]
    assert shown[-6:-2] == [
        ["redact", "begun", "call-7"], ["vault.seal", "begun", "call-7"], ["vault.seal", "done", "call-7"],
        ["redact", "done", "call-7"],
    ]  # fmt: skip
    done(home, "consent", "withdraw", PERSON)
    assert redact(home, *how, "--call-id", "call-7", "--recorded-at", GIVEN).returncode == 6
    (home / "back.wav").unlink()
    assert PERSON.encode() not in whole(home)
    assert b"900123" not in whole(home)
    assert "none changed" in done(home, "audit", "verify")


@pytest.mark.models
@pytest.mark.slow
def test_card_codes_and_keys_pressed_are_not_in_what_is_sealed(home):
    call = SAMPLES / "en-hotel-booking-dtmf.wav"
    done(home, "keys", "init")
    done(home, "file", call, "-o", "out", "--language", "en", "--vault", "--call-id", "call-1", "--policy", "numbers")
    done(home, "vault", "open", "call-1", "-o", "back.wav", "--reason", "test")
    gold = json.loads(call.with_name("en-hotel-booking-dtmf.gold.json").read_text())
    with decode(call) as original, decode(home / "back.wav") as back:
        was, now, rate = original.pcm.read(), back.pcm.read(), original.pcm.sample_rate
    assert was.shape == now.shape
    kinds = set()
    for item in gold["pii"]:
        span = slice(int(item["start"] * rate), int(item["end"] * rate))
        same = np.array_equal(was[item["channel"], span], now[item["channel"], span])
        if item["type"] in {"DTMF", "CVV", "CREDENTIAL"}:
            assert not same, item["type"]
            kinds.add(item["type"])
    assert kinds
    assert np.mean((was == now).all(axis=0)) > 0.5  # the rest is as it was


def test_a_log_that_somebody_changed_is_told_by_exit_code_and_row(home):
    done(home, "keys", "init")
    done(home, "consent", "import", table(home, row("call-1")))
    with sqlite3.connect(home / "data" / "redact" / "records.db") as records:
        records.execute("DROP TRIGGER audit_no_update")
        records.execute("UPDATE audit SET actor = 'nobody' WHERE seq = 2")
    run = redact(home, "audit", "verify")
    assert run.returncode == 9
    assert "row 2" in run.stderr


def test_a_log_whose_end_was_cut_off_is_told_by_the_heads(home):
    done(home, "keys", "init")
    done(home, "consent", "import", table(home, row("call-1")))
    with sqlite3.connect(home / "data" / "redact" / "records.db") as records:
        records.execute("DROP TRIGGER audit_no_delete")
        records.execute("DELETE FROM audit WHERE seq > 1")
    run = redact(home, "audit", "verify")
    assert run.returncode == 9
    assert "cut off" in run.stderr


def test_keys_that_are_being_changed_are_left_alone(home):
    done(home, "keys", "init")
    with (home / "config" / "redact" / ".master.keys.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert redact(home, "keys", "rotate").returncode == 10
    done(home, "keys", "rotate")


def test_a_database_that_is_none_is_told_by_exit_code(home):
    done(home, "keys", "init")
    (home / "data" / "redact" / "records.db").write_bytes(b"no database at all" * 400)
    assert redact(home, "audit", "tail").returncode == 9


def test_settings_say_what_commands_take_by_default(home):
    (home / "redact.toml").write_text('[defaults]\npolicy = "nosuch"\n')
    run = redact(home, "--config", "redact.toml", "file", CONTROL)
    assert run.returncode == 3
    assert "nosuch" in run.stderr
    shown = json.loads(done(home, "--config", "redact.toml", "config", "show", "--json"))
    assert shown["policy"] == {"value": "nosuch", "from": "redact.toml"}
    assert redact(home, "--config", "none.toml", "config", "show").returncode == 3


def test_where_stores_are_set_every_run_is_logged_or_not_done(home):
    run = redact(home, "file", CONTROL, "-o", "out", REDACT_VAULT=str(home / "vault"))
    assert (run.returncode, list((home / "out").iterdir())) == (12, [])


def test_once_there_are_keys_every_run_is_logged_and_what_is_restricted_left_alone(home):
    done(home, "keys", "init")
    kept = Stores(load_settings(environ={"XDG_CONFIG_HOME": f"{home}/config", "XDG_DATA_HOME": f"{home}/data"}))
    kept.marks.put("call-1", "restriction", "claims")
    kept.close()
    run = redact(home, "file", CONTROL, "-o", "out", "--call-id", "call-1")
    assert (run.returncode, list((home / "out").iterdir())) == (8, [])
    assert "call-1" in next(line for line in done(home, "audit", "tail").splitlines() if " redact " in line)


def test_a_person_need_not_stand_on_the_command_line(home):
    done(home, "keys", "init")
    done(home, "consent", "import", table(home, row("call-1"), row("call-2")))
    assert "2 records" in done(home, "consent", "withdraw", "-", stdin=PERSON + "\n")


def test_a_policy_may_require_a_basis():
    assert load("default").lawful_basis == "optional"
    assert load("default").changed(lawful_basis="required").lawful_basis == "required"
