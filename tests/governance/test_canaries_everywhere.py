"""A real call through all of it: what was said, and what is known of it, is in nothing that is kept, shown or sent."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "review"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks" / "speed"))

from canaries import Canary, everything, found
from fastapi.testclient import TestClient
from made import long_call
from review_world import PASSWORD

from redact.governance import security as audit_of
from redact.governance.check import Installation
from redact.review import app, security
from redact.review.desk import Desk
from redact.review.place import Place
from redact.settings import load
from redact.stores.opened import Stores
from redact.stores.reviews import User

HERE = Path(__file__).resolve()
pytestmark = [pytest.mark.models, pytest.mark.slow]
SAMPLE = HERE.parents[2] / "samples" / "en-card-payment.wav"
SECONDS = 48
# Said in the first seconds of the sample; and what the table of calls, the consents and a file's name tell.
SAID = ("Desmond Halloway", "HALLOWAY")
WRITTEN = ("Zebulon Ostrowhite", "+33 6 39 98 47 11", "Thistledown", "Quillfeather", "vexmailer.org")
CANARIES = tuple(Canary(value) for value in (*SAID, *WRITTEN))


def redact(home: Path, *arguments: object, given: str | None = None) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("REDACT_")}
    environment |= {"REDACT_CACHE": os.environ["REDACT_CACHE"]} if "REDACT_CACHE" in os.environ else {}
    environment |= {"TMPDIR": str(home / "tmp")}
    command = [sys.executable, "-m", "redact", "--config", str(home / "redact.toml"), *map(str, arguments)]
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, env=environment, input=given)
    assert done.returncode in {0, 1}, done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """An installation after one night with one call, its consent imported and withdrawn, and originals in the vault."""
    home = tmp_path_factory.mktemp("home")
    for name in ("tmp", "archive", "told"):
        (home / name).mkdir()
    stores = {
        **{name: f"sqlite:///{home}/{name}.db" for name in ("records", "keyring", "ledger", "reviews", "governance")},
        "vault": home / "vault", "master_keys": home / "master.keys", "audit_heads": home / "heads.jsonl",
        "organisation": home / "organisation.yaml",
    }  # fmt: skip
    (home / "redact.toml").write_text("[stores]\n" + "".join(f'{name} = "{at}"\n' for name, at in stores.items()))
    (home / "organisation.yaml").write_text(f"archives: [{home}/out]\n")
    policy = (HERE.parents[2] / "pipelines" / "default.yaml").read_text()
    lines = ["originals: vault" if line.startswith("originals:") else line for line in policy.splitlines()]
    (home / "mine.yaml").write_text("\n".join(lines))
    long_call(SAMPLE, SECONDS, home / "archive" / "Thistledown Zebulon.wav")
    (home / "archive" / "Quillfeather.wav").write_bytes(b"no recording at all")
    (home / "calls.csv").write_text(
        "file,call_id,agent,queue,recorded_at\n"
        "Thistledown Zebulon.wav,c-1,Quillfeather,billing,2026-03-01T10:00:00+00:00\n"
    )
    (home / "consent.csv").write_text(
        "call_id,person,lawful_basis,purposes\n"
        "c-1,+33 6 39 98 47 11,legitimate_interest,quality\nc-1,Zebulon Ostrowhite,legitimate_interest,quality\n"
        "c-2,zebulon@vexmailer.org,legitimate_interest,quality\n"
    )
    told = [redact(home, "keys", "init"), redact(home, "consent", "import", "consent.csv")]
    told.append(redact(home, "consent", "objection", "-", given="zebulon@vexmailer.org"))
    fast = ("--model", "tiny.en", "--language", "en", "--policy", "mine.yaml")
    told.append(redact(home, "batch", "run", "archive", "out", *fast, "--html", "--metadata", "calls.csv"))
    assert '"state": "done"' in told[-1], told[-1]
    commands = (
        ("batch", "status", "out", "--json"), ("batch", "report", "out"), ("audit", "export"), ("audit", "tail"),
        ("vault", "list"), ("keys", "list"), ("consent", "show", "c-1"), ("config", "show"), ("vault", "reseal"),
        ("keys", "rotate"), ("doctor", "--security", "--json", "-o", "reports"), ("batch", "verify", "out"),
    )  # fmt: skip
    told.extend(redact(home, *command) for command in commands)
    (home / "told" / "terminal").write_text("\n".join(told))
    for given in ("archive", "calls.csv", "consent.csv"):  # what was given is in clear, and goes
        shutil.rmtree(home / given) if (home / given).is_dir() else (home / given).unlink()
    return home


def test_what_is_looked_for_was_there_to_be_found(home):
    """The vault gives back the call, and who it was from; the words are those of the sample."""
    kept = Stores(load(home / "redact.toml", environ={}))
    ids = sorted({about.recording_id for about in kept.vault.listed() if about.kind == "original"})
    assert ids
    mapped = b"".join(kept.vault.opened(ids[0], "map"))
    assert {"Thistledown", "Quillfeather"} <= {each.split()[0] for each in canary_names(mapped)}
    assert len(b"".join(kept.vault.opened(ids[0], "original"))) > SECONDS * 8000
    gold = json.loads(SAMPLE.with_suffix(".gold.json").read_text())["pii"]
    assert {"Desmond Halloway", "Halloway"} <= {each["value"] for each in gold if each["end"] < SECONDS}
    kept.close()


def canary_names(data: bytes) -> set[str]:
    return {told.partition(" as ")[0] for told in found(CANARIES, data)}


def test_nothing_that_was_said_is_in_anything_that_is_kept_or_shown(home):
    report = json.loads(next((home / "out").glob("??/*.report.json")).read_text())
    assert report["replacements"]["PERSON"] >= 1  # it was said, and found
    told = {str(path.relative_to(home)): canary_names(data) for path, data in everything(home)}
    assert len(told) > 20
    assert {name: names for name, names in told.items() if names} == {}


def test_nothing_that_was_said_is_in_any_answer_of_the_page(home):
    kept = Stores(load(home / "redact.toml", environ={}))
    reviews = kept.reviews(str(home / "out"))
    reviews.put_user(User("lea", "lead"), security.password_hash(PASSWORD))
    place = Place(Desk(home / "out"), reviews, None, None, audit=kept.audit)
    client = TestClient(app.build(place), base_url="http://127.0.0.1:8765")
    client.post("/api/sign-in", json={"name": "lea", "password": PASSWORD})
    (call,) = client.get("/api/calls").json()["calls"]
    at = f"/api/calls/{call['id']}"
    paths = ("/", "/figures", f"/calls/{call['id']}", "/api/calls", at, f"{at}/sound", f"{at}/peaks", "/api/decisions")
    for path in paths:
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert canary_names(answer.content + repr(answer.headers).encode()) == set(), path
    kept.close()


def test_nothing_that_was_said_is_in_an_audit_of_the_installation(home):
    settings = load(home / "redact.toml", environ={})
    kept = Stores(settings)
    told = json.dumps([repr(check) for check in audit_of.checked(Installation(settings, kept))])
    assert canary_names(told.encode()) == set()
    kept.close()
