"""`redact restore`, and `redact file` with a policy that encrypts."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from redact.keys import Key
from redact.policy import load
from redact.tokens import Cipher

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
SECRET = bytes(range(32))
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "REDACT_KEY"}


def redact(*arguments, cwd, key=None, stdin=b""):
    environment = {**ENVIRONMENT, **({"REDACT_KEY": key} if key else {})}
    command = [sys.executable, "-m", "redact", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, input=stdin, capture_output=True, env=environment)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "redact.key").write_bytes(SECRET)
    (tmp_path / "redact.key").chmod(0o600)
    token = Cipher(Key(SECRET)).token("PERSON", 'Iris "Vale"')
    (tmp_path / "call.json").write_text(json.dumps({"text": f"so {token}."}))
    return tmp_path


def test_a_file_is_restored_for_its_owner_alone(folder):
    os.umask(0o022)
    done = redact("restore", "call.json", "-o", "out/clear.json", "--key-file", "redact.key", cwd=folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert json.loads((folder / "out/clear.json").read_text()) == {"text": 'so Iris "Vale".'}
    assert stat.S_IMODE((folder / "out/clear.json").stat().st_mode) == 0o600
    again = redact("restore", "call.json", "-o", "out/clear.json", "--key-file", "redact.key", cwd=folder)
    assert again.returncode == 11
    assert b"--force" in again.stderr


def test_standard_input_and_output(folder):
    content = (folder / "call.json").read_bytes()
    done = redact("restore", "-", cwd=folder, key=SECRET.hex(), stdin=content)
    assert json.loads(done.stdout) == {"text": 'so Iris "Vale".'}
    done = redact("restore", "-", "-o", "-", cwd=folder, key=SECRET.hex(), stdin=b"nothing\r\n")
    assert (done.returncode, done.stdout) == (0, b"nothing\r\n")
    assert b"nothing in it is encrypted" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "key", "code", "words"),
    [
        (("call.json",), None, 12, b"needs a key"),
        (("call.json",), "00" * 32, 12, b"another key"),
        (("call.json",), "secret", 12, b"no key"),
        (("call.json", "--key-file", "open.key"), None, 12, b"open to others"),
        (("call.json", "--key-file", "gone.key"), None, 12, b"no such file"),
        (("gone.json", "--key-file", "redact.key"), None, 5, b"no such file"),
        (("call.bin", "--key-file", "redact.key"), None, 5, b"UTF-8"),
        (("call.json", "--key-file", "redact.key", "--format", "docx"), None, 2, b"docx"),
        (("call.html", "--key-file", "redact.key"), None, 2, b"page"),
    ],
)
def test_what_goes_wrong_writes_nothing_and_names_the_next_step(folder, arguments, key, code, words):
    (folder / "open.key").write_bytes(SECRET)
    (folder / "open.key").chmod(0o644)
    (folder / "call.bin").write_bytes(b"\xff\xfe")
    (folder / "call.html").write_text("<p>")
    done = redact("restore", *arguments, "-o", "clear.json", cwd=folder, key=key)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Iris" not in done.stdout + done.stderr
    assert not (folder / "clear.json").exists()


def test_a_policy_that_needs_a_key_is_refused_without_one_before_any_work(folder):
    (folder / "call.wav").write_bytes(b"not looked at")
    done = redact("file", "call.wav", "--label-style", "keyed", cwd=folder)
    assert done.returncode == 12
    assert b"/dev/urandom" in done.stderr


@pytest.mark.slow
@pytest.mark.models
def test_a_call_is_encrypted_and_comes_back(folder):
    policy = {**load("default").model_dump(mode="json"), "name": "encrypts"}
    kinds = ("PERSON", "CREDIT_CARD", "CREDIT_CARD_EXPIRATION", "POSTAL_CODE", "STREET_ADDRESS")
    policy["operators"] = dict.fromkeys(kinds, "encrypt")
    (folder / "encrypts.yaml").write_text(yaml.safe_dump(policy))
    shown = [("plain", ()), ("encrypted", ("--policy", "encrypts.yaml", "--key-file", "redact.key", "--html"))]
    for name, options in shown:
        done = redact("file", SAMPLES / "en-card-payment.wav", "--language", "en", "-o", name, *options, cwd=folder)
        assert done.returncode == 0, done.stderr
    plain, encrypted = (folder / name / "en-card-payment.redacted.json" for name, _ in shown)
    done = redact("restore", encrypted, "--key-file", "redact.key", cwd=folder)
    assert done.returncode == 0, done.stderr
    before, after = (
        [word for turn in json.loads(text)["turns"] for word in turn["words"]]
        for text in (plain.read_text(), done.stdout)
    )
    assert len(before) == len(after)
    changed = [(one, two) for one, two in zip(before, after, strict=True) if one["text"] != two["text"]]
    assert {one["entity_type"] for one, _ in changed} == {
        one["entity_type"] for one in before if one.get("entity_type") in kinds
    }
    assert len(changed) > 3
    for one, two in changed:
        assert one["text"].startswith("[")
        assert "[" not in two["text"]
        assert (one["start_ms"], one["end_ms"]) == (two["start_ms"], two["end_ms"])
    for suffix in (".txt", ".vtt", ".srt"):
        file = encrypted.with_suffix(suffix)
        assert ":e:" in file.read_text()
        assert b":e:" not in redact("restore", file, "--key-file", "redact.key", cwd=folder).stdout
