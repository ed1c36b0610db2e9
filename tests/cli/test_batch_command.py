"""`redact batch` as operations use it, with the real models: from an archive to a night's report."""

import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks" / "speed"))

from made import long_call as cut
from originals import FLACS, LOSSY, MOVED, WAVS, available

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "samples"
SHORT = SAMPLES / "en-hotel-booking-dtmf.wav"
CONTROL = SAMPLES / "en-internet-outage-control.wav"
SECONDS = 15
FAST = ("--model", "tiny.en", "--language", "en")


def environment(home: Path) -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith("REDACT_") or name == "REDACT_CACHE"
    }
    return {
        **kept,
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_DATA_HOME": str(home / "data"),
        "TMPDIR": str(home / "tmp"),
    }


def redact(home: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "redact", *map(str, arguments)]
    return subprocess.run(command, cwd=home, capture_output=True, text=True, check=False, env=environment(home))


def events(run: subprocess.CompletedProcess[str]) -> list[dict]:
    return [json.loads(line) for line in run.stdout.splitlines() if line.startswith('{"at"')]


@pytest.fixture
def home(tmp_path):
    (tmp_path / "archive").mkdir()
    (tmp_path / "tmp").mkdir()
    assert redact(tmp_path, "keys", "init").returncode == 0
    return tmp_path


def policy(home: Path, **changes: str) -> str:
    text = (ROOT / "pipelines" / "default.yaml").read_text()
    for key, value in changes.items():
        lines = [f"{key}: {value}" if line.startswith(f"{key}:") else line for line in text.splitlines()]
        text = "\n".join(lines)
    (home / "mine.yaml").write_text(text)
    return "mine.yaml"


def test_without_keys_it_says_how_to_make_them(tmp_path):
    (tmp_path / "archive").mkdir()
    (tmp_path / "tmp").mkdir()
    run = redact(tmp_path, "batch", "run", "archive", "out")
    assert run.returncode == 12
    assert "redact keys init" in run.stderr


@pytest.mark.models
@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (("run", "none", "out"), 5, "no such folder"),
        (("run", "archive", "archive/out"), 2, "outside"),
        (("run", "archive", "out", "--move-to", "moved"), 2, "originals: move"),
        (("run", "archive", "out", "--until", "soon"), 2, "06:00"),
        (("run", "archive", "out", "--since", "soon"), 2, "2026-03-01"),
        (("run", "archive", "out", "--metadata", "none.csv"), 5, "--metadata"),
        (("run", "archive", "out", "--webhook", "file:///etc/passwd"), 2, "http"),
        (("run", "archive", "out", "--policy", "none"), 3, "policy"),
        (("run", "archive", "out", "--model", "none"), 4, ""),
        (("run", "what://archive", "out"), 2, "s3"),
        (("verify", "out", "--subset", "0%"), 2, "5%"),
        (("report", "out"), 2, "batch status"),
    ],
)
def test_what_makes_no_sense_is_told(home, arguments, code, word):
    run = redact(home, "batch", *arguments)
    assert run.returncode == code, run.stderr
    assert word in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.models
@pytest.mark.slow
def test_a_night_from_the_first_look_to_the_report(home):
    cut(SHORT, SECONDS, home / "archive" / "Desmond Halloway 07700900123.wav")
    cut(CONTROL, SECONDS, home / "archive" / "control.wav")
    (home / "archive" / "broken.wav").write_bytes(SHORT.read_bytes()[:5000])
    (home / "archive" / "notes.txt").write_text("no recording")

    plan = redact(home, "batch", "run", "archive", "out", *FAST, "--dry-run")
    assert plan.returncode == 0, plan.stderr
    assert json.loads(plan.stdout)["calls"] == 3
    assert not (home / "out").exists()

    run = redact(home, "batch", "run", "archive", "out", *FAST, "--metrics", "redact.prom", "--html")
    assert run.returncode == 1, run.stderr
    told = events(run)
    assert [event["event"] for event in told] == ["run_began", *["call_ended"] * 3, "run_ended"]
    assert told[-1]["states"] == {"done": 2, "quarantined": 1}
    assert 'redact_batch_calls{state="done"} 2.0' in (home / "redact.prom").read_text()
    assert len(list((home / "out").glob("??/call-*.redacted.html"))) == 2
    said = run.stdout + run.stderr + (home / "redact.prom").read_text()
    assert "Halloway" not in said
    assert "07700900123" not in said

    status = json.loads(redact(home, "batch", "status", "out", "--json").stdout)
    assert status["states"] == {"done": 2, "quarantined": 1}
    named = json.loads(redact(home, "batch", "status", "out", "--json", "--names").stdout)
    assert named["not_done"][0]["source"].endswith("archive/broken.wav")
    assert "vault.open" in redact(home, "audit", "export").stdout

    night = next((home / "out" / "nights").glob("*.json"))
    account = json.loads(night.read_text())
    assert account["listed"] == {"new": 3, "ignored": 1}
    assert len(account["recordings"]) == 3
    assert night.with_suffix(".html").read_text().startswith("<!doctype html>")
    assert json.loads(redact(home, "batch", "report", "out").stdout) == account

    assert "2 of 2" in redact(home, "batch", "verify", "out").stdout
    again = redact(home, "batch", "run", "archive", "out", *FAST, "--html")
    assert again.returncode == 0
    assert events(again) == []
    assert "1 calls" in redact(home, "batch", "retry", "out").stdout
    (home / "archive" / "broken.wav").unlink()

    victim = next((home / "out").glob("??/*.redacted.txt"))
    victim.write_text("somebody wrote here")
    damaged = redact(home, "batch", "verify", "out")
    assert damaged.returncode == 9
    assert "output changed" in damaged.stdout
    assert list((home / "tmp").iterdir()) == []


@pytest.mark.models
@pytest.mark.slow
def test_a_mixed_archive_is_accounted_for_file_by_file(home):
    """All formats, broken and hostile files, and no basis for some: each has its line."""
    archive = home / "archive"
    each = {(kind.container, kind.codec): kind for kind in available((*WAVS, *FLACS, *LOSSY, *MOVED))}
    kinds = list(each.values())
    for number, original in enumerate(kinds):
        (archive / f"ok-{number:02}.{original.container}").write_bytes(original.make(1.2))
    wrong = {
        "w-1.wav": b"",
        "w-2.wav": b"ffconcat version 1.0\nfile /etc/passwd\n",
        "w-3.mp3": b"#EXTM3U\n#EXTINF:5,\nfile:///etc/passwd\n",
        "w-4.wav": SHORT.read_bytes()[:20_000],
        "w-5.wav": os.urandom(5000),
    }
    for name, content in wrong.items():
        (archive / name).write_bytes(content)
    (archive / "no-1.wav").write_bytes(SHORT.read_bytes())
    basis = "\n".join(f"{path.stem},0700,contract" for path in archive.iterdir() if not path.name.startswith("no"))
    (home / "calls.csv").write_text(f"call_id,person,lawful_basis\n{basis}\n")
    assert redact(home, "consent", "import", "calls.csv").returncode == 0

    run = redact(home, "batch", "run", "archive", "out", *FAST, "--policy", "batch", "--include", "*")
    assert run.returncode == 1, run.stderr
    account = json.loads(next((home / "out" / "nights").glob("*.json")).read_text())
    assert account["listed"] == {"new": len(list(archive.iterdir()))}
    assert account["states"] == {"done": len(kinds), "refused": 1, "quarantined": len(wrong)}, account["reasons"]
    assert len(account["recordings"]) == sum(account["listed"].values())
    assert account["by_basis"] == {"contract": len(kinds)}


@pytest.mark.models
@pytest.mark.slow
def test_originals_go_to_the_vault_with_their_transcript(home):
    cut(SHORT, SECONDS, home / "archive" / "a.wav")
    mine = policy(home, originals="vault", clear_transcript="vault")
    run = redact(home, "batch", "run", "archive", "out", *FAST, "--policy", mine)
    assert run.returncode == 0, run.stderr
    assert list((home / "archive").iterdir()) == []
    name = next((home / "out").glob("??/*.report.json")).name.removesuffix(".report.json")
    for kind in ("original", "transcript", "map"):
        opened = redact(home, "vault", "open", name, "--kind", kind, "-o", f"{kind}.out", "--reason", "test")
        assert opened.returncode == 0, opened.stderr
    words = json.loads((home / "transcript.out").read_text())
    assert words["schema"] == "callredact.transcript"
    assert json.loads((home / "map.out").read_text())[0]["source"].endswith("archive/a.wav")


@pytest.mark.models
@pytest.mark.slow
def test_new_recordings_are_taken_as_they_come(home):
    cut(SHORT, SECONDS, home / "archive" / "a.wav")
    old = time.time() - 3600
    os.utime(home / "archive" / "a.wav", (old, old))
    later = threading.Timer(3, lambda: shutil.copy2(home / "archive" / "a.wav", home / "archive" / "b.wav"))
    later.start()
    run = redact(home, "batch", "watch", "archive", "out", *FAST, "--every", "6", "--settled", "2", "--looks", "3")
    later.join()
    assert run.returncode == 0, run.stderr
    ended = [event["adopted"] for event in events(run) if event["event"] == "call_ended"]
    assert ended == [False, True]


@pytest.mark.models
@pytest.mark.slow
def test_a_policy_that_finds_nothing_begins_no_night(home):
    cut(SHORT, SECONDS, home / "archive" / "a.wav")
    mine = policy(home)
    text = (home / mine).read_text().replace("PERSON: 0.4", "PERSON: 1.0")
    (home / mine).write_text(text)
    run = redact(home, "batch", "run", "archive", "out", *FAST, "--policy", mine)
    assert run.returncode == 3, run.stdout
    assert "PERSON" in run.stderr
    assert not list((home / "out").glob("??"))


@pytest.mark.models
@pytest.mark.slow
def test_a_webhook_is_told_and_may_fail(home):
    told = []

    class Hook(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204 if len(told) == 1 else 500)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    (home / "archive" / "a.wav").write_bytes(b"nothing")
    run = redact(home, "batch", "run", "archive", "out", *FAST, "--webhook", f"http://127.0.0.1:{server.server_port}/")
    server.shutdown()
    assert run.returncode == 1
    assert [event["event"] for event in told] == ["run_began", "run_ended"]
    assert "webhook was not told" in run.stderr
