"""The audit of an installation: each check passes where all is well, and fails once what it is for is broken."""

import ast
import hashlib
import json
import os
import resource
import shutil
import sqlite3
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner
from governance_world import ORGANISATION, Office
from stores_world import files

from redact.cli.main import cli
from redact.errors import ExitCode, RedactError
from redact.governance import machine_checks, security, security_page, store_checks
from redact.governance.check import Check, Installation
from redact.governance.erasure import erase
from redact.governance.words import words
from redact.settings import load
from redact.stores import master
from redact.stores.opened import Stores
from redact.stores.reviews import BY_PROVIDER, IDLE_S, User

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An office that was made once; each test has a copy of it."""
    root = tmp_path_factory.mktemp("office") / "office"
    root.mkdir()
    once = Office(root)
    once.kept.close()
    return once


@pytest.fixture
def here(made):
    """The installation; what a test does to it is undone by the copy that is put back."""
    root = made.world.root
    copy = root.with_name("copy")
    if not copy.exists():
        shutil.copytree(root, copy, symlinks=True)
    kept = made.world.stores()
    yield Installation(made.world.settings(), kept)
    kept.close()
    shutil.rmtree(root)
    shutil.copytree(copy, root, symlinks=True)


def result(here, check_id) -> Check:
    return security._made(check_id, security.CHECKS[check_id], here)


def fails(here, check_id, result_is="failed") -> Check:
    found = result(here, check_id)
    assert (found.result, found.check_id) == (result_is, check_id), found
    assert found.hint
    return found


def root_of(here):
    return here.vault.parent


def test_all_is_well_in_an_installation_that_is_new(here):
    found = {check.check_id: check.result for check in security.checked(here)}
    assert set(found) == set(security.CHECKS)
    assert [name for name, what in found.items() if what == "failed" and name != "core.dumps"] == []
    assert {name for name, what in found.items() if what == "unknown"} <= {
        "keyring.backups",
        "code.whole",
        "versions.lock",
    }


def test_master_keys_that_others_may_read(here):
    here.master_keys.chmod(0o440)
    fails(here, "keys.permissions")
    here.master_keys.chmod(0o400)
    root_of(here).chmod(0o777)
    fails(here, "keys.permissions")
    root_of(here).chmod(0o755)
    here.master_keys.unlink()
    fails(here, "keys.permissions")


@pytest.mark.parametrize("what", ["records.db", "keyring.db", "ledger.db", "heads.jsonl", "sealed", "vault"])
def test_stores_that_others_may_read(here, what):
    path = root_of(here) / what if what != "sealed" else next(here.vault.glob("??/*.sealed"))
    path.chmod(path.stat().st_mode | 0o040)
    found = fails(here, "stores.permissions")
    assert found.evidence["open"] in {"records", "keyring", "ledger", "audit_heads", "vault"}


def test_settings_with_a_password_that_others_may_read(here):
    here.settings.file.chmod(0o644)
    assert result(here, "stores.permissions").result == "ok"
    here.settings.file.write_text('[stores]\nrecords = "postgresql://redact:secret@db/x"\n')
    assert "secret" not in json.dumps(dict(fails(here, "stores.permissions").evidence))
    here.settings.file.chmod(0o600)
    assert result(here, "stores.permissions").result == "ok"
    here.settings.file.chmod(0o620)
    fails(here, "stores.permissions")


def with_settings(here, **changes) -> Installation:
    text = here.settings.file.read_text()
    for name, value in changes.items():
        text = "\n".join(f'{name} = "{value}"' if line.startswith(f"{name} =") else line for line in text.splitlines())
    file = root_of(here) / "other.toml"
    file.write_text(text)
    settings = load(file, environ={})
    return replace(here, settings=settings, stores=Stores(settings))


def test_keys_that_lie_in_the_vault(here):
    inside = here.vault / "master.keys"
    shutil.copy(here.master_keys, inside)
    inside.chmod(0o400)
    assert fails(with_settings(here, master_keys=inside), "keys.apart").evidence["in_vault"] == "master_keys"
    fails(with_settings(here, keyring=f"sqlite:///{here.vault}/keyring.db"), "keys.apart")
    fails(here, "keys.apart", "warning")
    assert result(with_settings(here, master_keys="aws-kms:alias/redact"), "keys.apart").result == "ok"


def test_heads_beside_the_log_and_on_another_file_system(here):
    fails(here, "heads.apart", "warning")
    elsewhere = with_settings(here, audit_heads="/dev/shm/redact-test-heads.jsonl")  # noqa: S108
    shutil.copy(here.heads, elsewhere.heads)
    try:
        assert elsewhere.heads.stat().st_dev != root_of(here).stat().st_dev
        assert result(elsewhere, "heads.apart").result == "ok"
    finally:
        elsewhere.heads.unlink()


def test_core_dumps(here):
    before = resource.getrlimit(resource.RLIMIT_CORE)
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, before[1]))
        assert result(here, "core.dumps").result == "ok"
        if before[1] != 0:
            resource.setrlimit(resource.RLIMIT_CORE, before[1:] * 2)
            fails(here, "core.dumps")
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)


@pytest.mark.parametrize(
    ("lacking", "what"), [((), "ok"), (("network",), "warning"), (("network", "system_calls"), "failed")]
)
def test_a_sandbox_that_lacks_something(here, monkeypatch, lacking, what):
    from redact.audio import decoder

    found = {name: name not in lacking for name in decoder.PROTECTIONS}
    monkeypatch.setattr(decoder, "protections", lambda: found)
    assert result(here, "decoder.sandbox").result == what


def test_files_of_ours_that_were_changed(here, tmp_path, monkeypatch):
    """An installed wheel, as pip leaves it: digests of all files beside them."""
    import base64
    import hashlib
    import sys

    (tmp_path / "redact").mkdir()
    info = tmp_path / "callredact-9.dist-info"
    info.mkdir()
    lines = []
    for name in ("redact/__init__.py", "redact/pipeline.py"):
        (tmp_path / name).write_bytes(b"x = 1\n")
        digest = base64.urlsafe_b64encode(hashlib.sha256(b"x = 1\n").digest()).decode().rstrip("=")
        lines.append(f"{name},sha256={digest},6\n")
    (info / "RECORD").write_text("".join(lines))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: callredact\nVersion: 9\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(machine_checks, "_PACKAGE", tmp_path / "redact")
    assert result(here, "code.whole").result == "ok"
    (tmp_path / "redact/pipeline.py").write_bytes(b"x = 2\n")
    assert fails(here, "code.whole").evidence["changed"] == 1
    (tmp_path / "redact/pipeline.py").unlink()
    fails(here, "code.whole")


def test_a_log_that_was_changed(here):
    assert result(here, "log.whole").evidence["rows"] > 10
    here.stores.close()
    with sqlite3.connect(root_of(here) / "records.db") as raw:
        for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            raw.execute(f"DROP TRIGGER {name}")
        raw.execute("UPDATE audit SET actor = 'nobody' WHERE seq = 3")
    raw.close()
    assert fails(here, "log.whole").evidence == {"error": "Damaged"}


def test_changes_of_keys_that_were_left_half_done(here):
    assert result(here, "keys.current").result == "ok"
    old = replace(here, now=NOW + timedelta(days=400))
    fails(old, "keys.current", "warning")
    here.stores.keys.all_need_successors()
    fails(here, "keys.current", "warning")
    here.master_keys.chmod(0o600)
    master.write(here.stores.ring.with_new(NOW), here.master_keys, replace=True)
    fails(replace(here, stores=Stores(here.settings)), "keys.current")


def test_originals_that_lie_among_outputs(here):
    outputs = root_of(here) / "out"
    (outputs / "nights").mkdir(exist_ok=True)
    (outputs / "nights/20260301T000000Z-abc.html").write_bytes(b"")
    assert result(here, "clear.archives").result == "ok"
    for name in ("Jane Doe.wav", "aa/call.mp3", "aa/transcript.json", "nights/x.wav"):
        path = outputs / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"RIFF")
        found = fails(here, "clear.archives")
        assert found.evidence["files"] == 1
        assert "Jane" not in json.dumps(dict(found.evidence))
        path.unlink()


def test_what_is_not_sealed_in_the_vault(here):
    (here.vault / "aa").mkdir(exist_ok=True)
    (here.vault / "aa/copy.wav").write_bytes(b"RIFF")
    assert fails(here, "clear.vault").evidence["clear"] == 1
    (here.vault / "aa/copy.wav").unlink()
    sealed = next(here.vault.glob("??/*.original.sealed"))
    (sealed.parent / ".x.part").write_bytes(sealed.read_bytes())
    assert fails(here, "clear.vault", "warning").evidence["left_half_done"] == 1


def test_users_and_sessions(here):
    reviews = here.stores.reviews("-")
    reviews.put_user(User("rita", "reviewer"), BY_PROVIDER)
    assert result(here, "users.sign_in").result == "ok"
    reviews.put_user(User("bill", "reviewer"), "$argon2id$x")
    assert fails(here, "users.sign_in", "warning").evidence["by_password"] == 1
    reviews.put_user(User("bill", "reviewer", disabled=True))
    assert result(here, "users.sign_in").result == "ok"
    reviews.begin_session("rita", now=time.time())
    reviews.begin_session("rita", now=time.time() - IDLE_S - 60)
    assert result(here, "users.sessions").evidence == {"live": 1, "expired": 1, "disabled": 0}
    here.stores.close()
    with sqlite3.connect(root_of(here) / "reviews.db") as raw:
        raw.execute("UPDATE users SET disabled = 1")
    raw.close()
    fails(here, "users.sessions")


def test_recordings_that_are_kept_for_too_long(here):
    assert result(here, "retention.overdue").evidence["recordings"] == 0
    later = replace(here, now=NOW + timedelta(days=190))
    found = fails(later, "retention.overdue")
    assert found.evidence["recordings"] == 4
    for row in here.stores.ledger.archive(str(root_of(here) / "out")).rows():
        here.stores.marks.put(row.recording_id, "legal_hold", "litigation")
    assert result(later, "retention.overdue").result == "ok"


def test_what_a_backup_brought_back(here):
    row = next(here.stores.ledger.archive(str(root_of(here) / "out")).rows())
    erase(here.stores, [str(root_of(here) / "out")], row.recording_id, reason="request")
    assert result(here, "erased.gone").result == "ok"
    here.stores.keys.made(row.recording_id)
    assert fails(here, "erased.gone").evidence["back"] == 1


def test_backups_of_keys_are_young_but_there(here, tmp_path):
    with_backups = replace(here, keyring_backups=tmp_path / "backups")
    fails(with_backups, "keyring.backups")
    (tmp_path / "backups").mkdir()
    fails(with_backups, "keyring.backups")
    for name, days, what in (("today", 0, "ok"), ("week", 6, "ok"), ("old", 20, "failed")):
        file = tmp_path / "backups" / name
        file.write_bytes(b"")
        os.utime(file, (time.time() - days * 86400,) * 2)
        assert result(with_backups, "keyring.backups").result == what


def test_what_can_not_be_opened_has_failed_and_the_rest_is_told(here):
    here.stores.close()
    (root_of(here) / "ledger.db").write_bytes(b"no database" * 1000)
    for path in root_of(here).glob("ledger.db-*"):
        path.unlink()
    found = {check.check_id: check for check in security.checked(replace(here, stores=Stores(here.settings)))}
    assert found["retention.overdue"].evidence == {"error": "Damaged"}
    assert found["log.whole"].result == "ok"


def doctor(here, *more):
    return CliRunner().invoke(cli, ["--config", str(here.settings.file), "doctor", *more])


def test_the_command_tells_and_signs_and_finds_a_change(here, tmp_path, monkeypatch):
    limit = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, limit[1]))
    done = doctor(here, "--security", "--json", "-o", str(tmp_path / "reports"))
    resource.setrlimit(resource.RLIMIT_CORE, limit)
    assert done.exit_code == 0, done.output
    report = tmp_path / "reports" / f"audit-{datetime.now(UTC):%Y-%m}.json"
    told = json.loads(report.read_text())
    assert told["schema"] == "callredact.security"
    assert {check["id"] for check in told["checks"]} == set(security.CHECKS)
    assert json.loads(done.stdout)["counts"] == told["counts"]
    assert doctor(here, "--check", str(report)).exit_code == 0
    before = report.read_bytes()
    assert hashlib.sha256(before).hexdigest() in doctor(here, "--check", str(report)).output
    assert doctor(here, "--security", "-o", str(tmp_path / "reports")).exception.exit_code == ExitCode.CANNOT_WRITE
    assert report.read_bytes() == before
    doctor(here, "--security", "-o", str(tmp_path / "reports"), "--force")
    assert json.loads(report.read_bytes())["at"] >= told["at"]
    entry = here.stores.audit.tail(1)[0]
    assert (entry.action, entry.outcome, entry.reason) == ("document.sign", "done", "security")
    changed = json.loads(report.read_text())
    changed["checks"][0]["result"] = "ok" if changed["checks"][0]["result"] != "ok" else "failed"
    report.chmod(0o600)
    report.write_text(json.dumps(changed))
    assert doctor(here, "--check", str(report)).exception.exit_code == ExitCode.DAMAGED
    report.write_text("[]")
    assert doctor(here, "--check", str(report)).exception.exit_code == ExitCode.INPUT_REJECTED


def test_the_command_ends_with_one_where_a_check_fails(here):
    here.master_keys.chmod(0o440)
    done = doctor(here, "--security")
    assert done.exit_code == ExitCode.SOME_FAILED
    assert "FAILED   keys.permissions" in done.output
    assert "chmod 400" in done.output
    assert doctor(here, "--force").exception.exit_code == ExitCode.USAGE
    assert doctor(here, "--json").exception.exit_code == ExitCode.USAGE


def test_a_machine_without_stores_is_checked_without_making_any(tmp_path, monkeypatch):
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    done = CliRunner().invoke(cli, ["doctor", "--security", "--json"])
    told = json.loads(done.stdout)
    assert told["checks"][-1]["id"] == "stores"
    assert not [path for path in files(tmp_path) if path.suffix == ".db"]


def test_nothing_of_a_name_is_in_a_report(made, here):
    made.write({**ORGANISATION, "controller": {"name": "Zephyrine Quastenflosser"}})
    (root_of(here) / "out" / "Zephyrine Quastenflosser.wav").write_bytes(b"RIFF")
    told = json.dumps(security.signed(security.report(security.checked(here), NOW), here.stores.audit))
    assert "Quasten" not in told
    assert str(root_of(here)) not in told


class Cells(HTMLParser):
    """The cells of each row of a page, as text, and all of its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.text = ""
        self.is_in_cell = False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag == "tr":
            self.rows.append([])
        elif tag in {"td", "th"}:
            self.rows[-1].append("")
            self.is_in_cell = True

    def handle_endtag(self, tag):
        self.is_in_cell = self.is_in_cell and tag not in {"td", "th"}

    def handle_data(self, data):
        self.text += data
        if self.is_in_cell:
            self.rows[-1][-1] += data


def test_the_pages_tell_what_the_signed_report_tells(here, tmp_path):
    (root_of(here) / "out/call.wav").write_bytes(b"RIFF")
    assert doctor(here, "--security", "-o", str(tmp_path)).exit_code == ExitCode.SOME_FAILED
    month = f"{datetime.now(UTC):%Y-%m}"
    report = tmp_path / f"audit-{month}.json"
    told, digest = json.loads(report.read_text()), hashlib.sha256(report.read_bytes()).hexdigest()
    for language, failed in (("en", "failed"), ("fr", "non conforme")):
        file = tmp_path / f"audit-{month}.{language}.html"
        assert file.stat().st_mode & 0o777 == 0o600
        cells = Cells(file.read_text())
        rows = {row[1]: row for row in cells.rows if len(row) == 5}
        assert {each["id"] for each in told["checks"]} == set(rows) - {words("security", language)["id"]}
        for each in told["checks"]:
            name, _, result, evidence, hint = rows[each["id"]]
            assert (name, result) == tuple(words("security", language)[each[key]] for key in ("id", "result"))
            assert evidence == ", ".join(f"{key} {value}" for key, value in each["evidence"].items() if value != "")
            assert hint == security_page.hint_in(language, each["hint"])
        assert rows["clear.archives"][2] == failed
        assert "find DIR -type f ! -name '*.redacted.*'" in rows["clear.archives"][4]
        for fact in (digest, report.name, told["at"][11:19], told["redact_version"], told["public_key"]):
            assert fact in cells.text
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(security_page.names(datetime.now(UTC)))


def test_without_master_keys_that_can_be_used_nothing_is_signed_or_written(here, tmp_path):
    here.master_keys.chmod(0o440)
    done = doctor(here, "--security", "-o", str(tmp_path))
    assert isinstance(done.exception, RedactError)
    assert "FAILED   keys.permissions" in done.output
    assert list(tmp_path.iterdir()) == []


def test_a_page_that_is_there_already_is_replaced_with_force_alone(here, tmp_path):
    page = tmp_path / security_page.page_name(datetime.now(UTC), "fr")
    page.write_text("mine")
    assert doctor(here, "--security", "-o", str(tmp_path)).exception.exit_code == ExitCode.CANNOT_WRITE
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]
    doctor(here, "--security", "-o", str(tmp_path), "--force")
    assert len(list(tmp_path.iterdir())) == 3
    assert page.read_text() != "mine"


def hints_of(module) -> set[str]:
    """Every hint that stands in a module's source: the fourth of a `Check`, or what `hint` is set to."""
    nodes = list(ast.walk(ast.parse(Path(module.__file__).read_text())))
    made = [n.args[3] for n in nodes if isinstance(n, ast.Call) and ast.unparse(n.func) == "Check" and len(n.args) > 3]
    made += [n.value for n in nodes if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "hint"]
    texts = [node for node in made if isinstance(node, ast.Constant | ast.JoinedStr)]
    return {eval(ast.unparse(node), vars(module)) for node in texts}  # noqa: S307 - our own source


def test_every_check_result_and_hint_has_its_words_in_both_languages():
    english, french = (words("security", language) for language in ("en", "fr"))
    assert {*security.CHECKS, "stores", *security.RESULTS} <= set(english)
    assert [key for key in english if not french[key] or not english[key]] == []
    assert len({french[check] for check in security.CHECKS}) == len(security.CHECKS)
    hints = set().union(*map(hints_of, (machine_checks, store_checks, security)))
    assert len(hints) > 35
    assert hints == set(words("security_hints", "en").values())
    assert all(security_page.hint_in("en", hint) == hint for hint in hints)
    translated = {security_page.hint_in("fr", hint) for hint in hints}
    assert hints & translated == {"pip install --require-hashes -r requirements.lock"}
    assert any("! -name '*.redacted.*'" in hint for hint in translated)  # a command is to be copied as it is
    assert security_page.hint_in("fr", "of an error") == "of an error"


def test_a_machine_without_stores_has_its_page_too():
    checks = (Check("stores", "unknown", {"stores": "none"}, "nothing is kept here yet; begin with: redact keys init"),)
    told = {**security.report(checks, NOW), "public_key": "<key>"}
    page = security_page.page(told, "audit.json", "0" * 64, "fr")
    assert "<key>" not in page
    assert Cells(page).rows[1][:3] == ["les magasins de données", "stores", "inconnu"]
