"""The threats that the product defends against, T1 to T16, and the tests that prove it.

Each test that is named is there, and nobody has switched it off. What no other test proves is proved here.
"""

import ast
import hashlib
import hmac
import io
import json
import os
import resource
import sqlite3
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import yaml
from batch_world import World
from page_world import page
from stores_world import in_child

from redact.errors import CannotWrite
from redact.review import app, security
from redact.stores.audit import Audit
from redact.stores.consent import COLUMNS, Consent, read_csv
from redact.stores.data_keys import DataKeys
from redact.stores.database import connect

TESTS = Path(__file__).resolve().parents[1]
ROOT = TESTS.parent
# By threat, what proves the defence, as the draft of the impact assessment has them. Paths are below `tests/`.
_TABLE = yaml.safe_load((ROOT / "redact" / "governance" / "threats.yaml").read_text(encoding="utf-8"))
THREATS = {threat["id"]: [name.removeprefix("tests/") for name in threat["tests"]] for threat in _TABLE}
NAMED = [(threat, name) for threat, names in THREATS.items() for name in names]


@cache
def named_in(file: str) -> dict[str, ast.FunctionDef]:
    """Tests of a file by their names as pytest has them, of classes too."""
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    found = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            found |= {f"{node.name}::{each.name}": each for each in node.body if isinstance(each, ast.FunctionDef)}
    return {name: node for name, node in found.items() if name.rpartition("::")[2].startswith("test_")}


def test_each_threat_has_tests():
    assert list(THREATS) == [f"T{number}" for number in range(1, 17)]
    assert all(THREATS.values())


@pytest.mark.parametrize(("threat", "name"), NAMED, ids=[name for _, name in NAMED])
def test_what_proves_it_is_there_and_not_switched_off(threat, name):
    file, _, test = name.partition("::")
    node = named_in(file)[test]
    marks = {part.attr for mark in node.decorator_list for part in ast.walk(mark) if isinstance(part, ast.Attribute)}
    assert not marks & {"skip", "skipif", "xfail"}
    assert any(isinstance(part, ast.Assert | ast.With) for part in ast.walk(node)), "it proves nothing"
    names = [each.name for each in ast.parse((TESTS / file).read_text()).body if isinstance(each, ast.FunctionDef)]
    assert names.count(test) <= 1, "another of the name takes its place"


def test_the_document_names_the_same_tests():
    told = (ROOT / "docs" / "governance" / "security.md").read_text(encoding="utf-8")
    assert [name for _, name in NAMED if f"`{name}`" not in told] == []


@pytest.fixture
def world(tmp_path) -> World:
    return World(tmp_path)


@pytest.fixture
def opened(world):
    made = page(world.root, world.stores())
    yield made
    made.kept.close()


AROUND = {"start_ms": 1500, "end_ms": 3500, "reason": "complaint"}


@contextmanager
def full_disk(limit: int):
    """No file of this process grows beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("full", ["heads", "records"])
def test_t8_an_original_that_can_t_be_logged_is_not_heard(opened, full):
    original = f"/api/calls/{opened.public_id}/original"
    dpo = opened.client("dpo")
    heard = dpo.get(original, params=AROUND)
    assert (heard.status_code, heard.content[:4]) == (200, b"RIFF")
    rows = len(list(opened.kept.audit.entries()))
    decided = len(list(opened.place.reviews.decisions()))
    if full == "heads":
        audit = Audit(opened.kept._records, opened.kept.keys, Path("/dev/full"))
        opened.place = replace(opened.place, audit=audit)
        opened.application = app.build(opened.place)
        answer = opened.client("dpo").get(original, params=AROUND)
    else:
        with full_disk(1024):
            answer = dpo.get(original, params=AROUND)
    assert answer.status_code == 507
    assert b"RIFF" not in answer.content
    assert answer.json()["error"] == "CannotWrite"
    assert len(list(opened.place.reviews.decisions())) == decided
    assert len(list(opened.kept.audit.entries())) - rows <= (full == "heads")


@pytest.mark.parametrize("command", ["open", "erase", "reseal"])
def test_t8_what_can_t_be_logged_is_not_opened_on_the_command_line(world, command):
    kept = world.stores()
    kept.vault.seal(io.BytesIO(b"what was said"), "call-1", "original")
    key = kept.keys.of("call-1").key_id
    kept.audit.add("keys.init", "done")
    kept.close()
    arguments = {
        "open": ["open", "call-1", "-o", str(world.root / "clear.wav"), "--reason", "sample"],
        "erase": ["erase", "call-1", "--reason", "request", "--yes"],
        "reseal": ["reseal"],
    }[command]
    config = world.root / "redact.toml"
    config.write_text(config.read_text().replace(f"{world.root}/heads.jsonl", "/dev/full"))
    run = subprocess.run(
        [sys.executable, "-m", "redact", "--config", str(config), "vault", *arguments], capture_output=True
    )
    assert run.returncode == 11, run.stderr
    assert not (world.root / "clear.wav").exists()
    kept = World(world.root).stores()
    assert kept.keys.of("call-1").key_id == key
    assert b"".join(kept.vault.opened("call-1", "original")) == b"what was said"
    kept.close()


def test_t8_a_full_disk_under_the_log_alone_stops_it_too(world):
    kept = world.stores()
    kept.audit.add("keys.init", "done")
    records = connect(world.settings()["records"], "records")

    def act():
        audit = Audit(records, world.stores().keys, None)
        with full_disk(1), pytest.raises(CannotWrite), audit.action("vault.open", "call-1"):
            os._exit(3)

    kept.close()
    assert in_child(act, records) == 0


def test_t10_a_script_that_was_said_is_text(opened):
    reviewer = opened.client("lead")
    listed = reviewer.get(f"/calls/{opened.public_id}")
    assert "<script>alert" not in listed.text
    told = reviewer.get(f"/api/calls/{opened.public_id}")
    assert told.headers["Content-Type"].startswith("application/json")
    assert told.headers["X-Content-Type-Options"] == "nosniff"
    assert "<script>alert(1)</script>" in json.dumps(told.json())  # it is data, and no page is made of it here
    script = (ROOT / "redact" / "review" / "web").rglob("*.ts")
    assert not [path for path in script if "node_modules" not in path.parts and "innerHTML" in path.read_text()]


def requests(public_id: str):
    """One of each route, and more than one where it answers in several ways."""
    call = f"/api/calls/{public_id}"
    yield from (
        ("sign_in_page", "GET", "/sign-in", None), ("oidc_begin", "GET", "/oidc/begin", None),
        ("oidc_return", "GET", "/oidc/return?state=x&code=y", None),
        ("sign_in", "POST", "/api/sign-in", {"name": "nobody", "password": "x"}),
        ("enter", "POST", "/api/enter", {"token": "x"}), ("me", "GET", "/api/me", None),
        ("work_list", "GET", "/", None), ("call_page", "GET", f"/calls/{public_id}", None),
        ("calls", "GET", "/api/calls", None), ("call", "GET", call, None), ("call", "GET", "/api/calls/x", None),
        ("sound", "GET", f"{call}/sound", None), ("peaks", "GET", f"{call}/peaks", None),
        ("original", "GET", f"{call}/original?start_ms=1500&end_ms=3500&reason=sample", None),
        ("original", "GET", f"{call}/original?start_ms=0&end_ms=900000&reason=sample", None),
        ("original", "GET", f"{call}/original?start_ms=x", None), ("claim", "POST", f"{call}/claim", None),
        ("draft", "PUT", f"{call}/draft", {"edits": [], "version": 0}), ("draft", "PUT", f"{call}/draft", {"x": 1}),
        ("render", "POST", f"{call}/render", None), ("rendering", "GET", f"{call}/render", None),
        ("decide", "POST", f"{call}/decide", {"kind": "return", "reason": "sample"}),
        ("release", "POST", f"{call}/release", None), ("decisions", "GET", "/api/decisions", None),
        ("figures", "GET", "/figures", None), ("dpo_page", "GET", "/dpo", None),
        ("ask", "POST", f"{call}/ask", {"reason": "sample"}), ("approvals_page", "GET", "/approvals", None),
        ("approvals", "GET", "/api/approvals", None), ("decide_approval", "POST", "/api/approvals/1", {"accept": True}),
        ("propose", "POST", f"{call}/proposals", {"kind": "allow", "start_ms": 0, "end_ms": 1, "term": "Larkspur"}),
        ("proposals_page", "GET", "/proposals", None), ("proposals", "GET", "/api/proposals", None),
        ("decide_proposal", "POST", "/api/proposals/1", {"accept": False}),
        ("static", "GET", "/static/nothing.js", None),
        ("static", "GET", "/static/../app.py", None), ("", "GET", "/nowhere", None), ("", "PATCH", "/api/me", None),
        ("sign_out", "POST", "/api/sign-out", None),
    )  # fmt: skip


@pytest.mark.parametrize("role", [None, "reviewer", "dpo", "auditor"])
def test_t12_each_answer_of_each_route_is_kept_nowhere(opened, role):
    client, met, statuses = opened.client(role), set(), set()
    for route, method, path, body in requests(opened.public_id):
        for headers in ({}, {"Range": "bytes=0-99"}, {"Range": "bytes=99999999-"}):
            answer = client.request(method, path, json=body, headers=headers, follow_redirects=False)
            assert answer.headers.get("Cache-Control") == "no-store", (route, path, answer.status_code)
            assert answer.headers.get("X-Content-Type-Options") == "nosniff", (route, path)
            assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
            met.add(route)
            statuses.add(answer.status_code)
    assert set(security.RIGHTS) <= met, "a route is not asked here"
    assert {200, 401, 404} <= statuses if role is None else {200, 206, 416} <= statuses or role == "auditor"


def test_t12_an_error_that_nobody_expected_is_kept_nowhere_either(opened, monkeypatch):
    def fails():
        raise KeyError("Desmond Halloway")

    client = opened.client("lead")
    monkeypatch.setattr(opened.place.desk, "calls", fails)
    answer = client.get("/api/calls")
    assert (answer.status_code, answer.headers.get("Cache-Control")) == (500, "no-store")
    assert "Halloway" not in answer.text


def test_t11_a_session_that_was_ended_is_refused_on_every_route(opened):
    client = opened.client("lead")
    stolen = opened.client()
    stolen.cookies.update(dict(client.cookies))
    stolen.headers["X-CSRF-Token"] = client.headers["X-CSRF-Token"]
    assert stolen.get("/api/me").status_code == 200
    assert client.post("/api/sign-out").status_code == 200
    for route, method, path, body in requests(opened.public_id):
        if security.RIGHTS.get(route) is not None:
            answer = stolen.request(method, path, json=body, follow_redirects=False)
            assert answer.status_code in {303, 401}, route


def test_t13_no_dictionary_of_numbers_finds_a_person(world):
    """Twenty thousand numbers, among them the one, by each way of digesting them that needs no key."""
    person = "06 39 98 12 34"
    kept = world.stores()
    table = f"{','.join(COLUMNS)}\ncall-1,{person},legitimate_interest" + "," * (len(COLUMNS) - 3) + "\n"
    kept.consent.add(read_csv(io.StringIO(table), kept.consent))
    kept.index.put("call-1", [("phone", "0639981234")])
    stored = stored_words(world.root)
    numbers = {f"06{n:08d}" for n in range(39_972_000, 39_992_000)}
    assert "0639981234" in numbers
    forms = [form for number in numbers for form in (number, "+33" + number[1:], "0033" + number[1:], number[1:])]
    for name in ("md5", "sha1", "sha256", "sha512", "blake2b", "sha3_256"):
        for form in (*forms, person, person.replace(" ", "-"), f"phone|{person}"):
            digest = hashlib.new(name, form.encode()).hexdigest()
            assert not {digest[:16], digest[:24], digest[:32], digest[:40], digest} & stored, name
    guessed = [b"", b"consent.persons", b"subjects.index", b"callredact", bytes(32)]
    for key in guessed:
        tried = {hmac.digest(key, form.encode(), "sha256").hex()[:32] for form in forms[:20_000]}
        assert not tried & stored
    other = DataKeys(connect(f"sqlite:///{world.root}/other-keys.db", "keyring"), kept.ring)
    house = Consent(connect(f"sqlite:///{world.root}/other.db", "records"), other)
    assert house.pseudonym(person) not in stored
    assert kept.consent.pseudonym(person) in stored  # so the dictionary had something to find
    kept.close()


def stored_words(root: Path) -> set[str]:
    """Each text and each value in hex of each table of each database, and beginnings of it."""
    words = set()
    for file in root.glob("*.db"):
        with sqlite3.connect(file) as raw:
            for (table,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                for row in raw.execute(f"SELECT * FROM {table}"):  # noqa: S608
                    texts = [each.hex() if isinstance(each, bytes) else str(each) for each in row]
                    words |= {text[:end] for text in texts for end in (16, 24, 32, 40, len(text)) if len(text) >= end}
        raw.close()
    return words


def test_t13_no_vault_takes_codes_that_nobody_looked_for(world):
    world.settings()
    file = world.root / "call.wav"
    file.write_bytes(b"RIFF the code is 123")
    command = [sys.executable, "-m", "redact", "--config", str(world.root / "redact.toml"), "vault", "seal", str(file)]
    run = subprocess.run([*command, "--id", "call-1"], capture_output=True, text=True)
    assert run.returncode == 2
    assert "card codes" in run.stderr
    assert not (world.root / "vault").exists()


def short_call(root: Path) -> Path:
    sys.path.insert(0, str(ROOT / "benchmarks" / "speed"))
    from made import long_call

    return long_call(ROOT / "samples" / "en-hotel-booking-dtmf.wav", 10, root / "call.wav")


@pytest.mark.models
@pytest.mark.slow
def test_t14_a_call_is_redacted_without_any_network(tmp_path):
    call = short_call(tmp_path)
    command = [sys.executable, "-m", "redact", "file", str(call), "-o", str(tmp_path / "out"), "--model", "tiny.en"]
    run = subprocess.run(["unshare", "-rn", *command, "--language", "en"], capture_output=True, text=True)
    if "unshare:" in run.stderr:
        pytest.skip("user namespaces are off here")
    assert run.returncode == 0, run.stderr
    report = json.loads(next((tmp_path / "out").glob("*.report.json")).read_text())
    assert report["status"] == "done"
    assert report["models"]["tiny.en"]


@pytest.mark.models
@pytest.mark.slow
def test_t14_a_model_of_which_one_byte_was_changed_redacts_nothing(tmp_path):
    from redact.models import locate

    call = short_call(tmp_path)
    cache_folder = tmp_path / "cache"
    model = locate("base", engine="faster-whisper", cache=cache_folder).path / "model.bin"
    with model.open("r+b") as file:
        file.seek(50_000_000)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))
    os.utime(model)
    command = [sys.executable, "-m", "redact", "file", str(call), "-o", str(tmp_path / "out"), "--language", "en"]
    environment = {**os.environ, "REDACT_CACHE": str(cache_folder)}
    run = subprocess.run([*command, "--model", "base"], capture_output=True, text=True, env=environment)
    assert run.returncode in {4, 9}, run.stderr
    assert not list((tmp_path / "out").glob("*"))
    told = subprocess.run(
        [sys.executable, "-m", "redact", "models", "verify", "base"], capture_output=True, text=True, env=environment
    )
    assert told.returncode == 4


@pytest.mark.models
@pytest.mark.parametrize(
    ("entities", "allow", "left"),
    [
        ({"PERSON": 1.0}, (), "PERSON"),
        ({"PHONE_NUMBER": 1.0}, (), "PHONE_NUMBER"),
        # The recognizer that knows the checksum is kept from it, and what else finds it is not believed.
        ({"CREDIT_CARD": 1.0}, ("4539 1488 0343 6467", "4539148803436467"), "CREDIT_CARD"),
    ],
)
def test_t16_a_policy_that_would_leave_a_sample_call_in_clear_begins_nothing(entities, allow, left):
    from redact.batch.canary import check
    from redact.errors import PolicyError
    from redact.options import Options
    from redact.pipeline import Redactor
    from redact.policy import load

    policy = load("default")
    changed = policy.changed(entities={**policy.entities, **entities})
    with pytest.raises(PolicyError) as told:
        check(Redactor(Options(policy=changed, allow=allow)), "en")
    assert told.value.exit_code == 3
    assert left in told.value.message
    check(Redactor(Options(policy=policy)), "en")
