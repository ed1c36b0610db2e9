"""The real command on good and bad input: exit codes, messages, and what is left behind."""

import contextlib
import hashlib
import json
import os
import pty
import random
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

SAMPLES = Path(__file__).resolve().parents[2] / "samples"


def redact(*arguments: object, cwd: Path, **kwargs: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "redact", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, **kwargs)


def wav(seconds: float, channels: int = 1, *, level: float = 0.0) -> bytes:
    samples = (np.random.default_rng(1).normal(0, level, (int(8000 * seconds), channels)) * 32767).astype("<i2")
    data = samples.tobytes()
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, 1, channels, 8000,
                       16000 * channels, 2 * channels, 16, b"data", len(data))  # fmt: skip
    return head + data


def damaged(name: str) -> bytes:
    data = bytearray((SAMPLES / name).read_bytes())
    rng = random.Random(5)
    for position in rng.sample(range(len(data)), len(data) // 20):
        data[position] = rng.randrange(256)
    return bytes(data)


def assert_told(run: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    assert run.returncode == code, run.stderr
    assert "Traceback" not in run.stderr
    for word in words:
        assert word in run.stderr


@pytest.mark.models
@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        (b"this is no audio at all, only text that goes on for a while " * 20, ""),
        (wav(2)[:10_000], ""),
        ((SAMPLES / "fr-paiement-carte.mp3").read_bytes()[:150_000], ""),
        (damaged("fr-paiement-carte.mp3"), ""),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", ""),
        (b"#EXTM3U\n#EXTINF:5,\nfile:///etc/passwd\n", ""),
    ],
    ids=["empty", "text", "truncated wav", "truncated mp3", "damaged mp3", "script", "playlist"],
)
def test_bad_recordings_are_refused(tmp_path: Path, content: bytes, word: str) -> None:
    (tmp_path / "call.wav").write_bytes(content)
    assert_told(redact("file", "call.wav", cwd=tmp_path), 5, "input 1, call-", "next:", word)
    assert [path.name for path in tmp_path.iterdir()] == ["call.wav"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("file", "gone.wav"), 5, ("no such file",)),
        (("file", "call.wav", "--language", "xx"), 2, ("'xx'", "en, fr")),
        (("file", "call.wav", "--channels", "agnt"), 2, ("agnt",)),
        (("file", "call.wav", "--policy", "defalt"), 3, ("default",)),
        (("file", "call.wav", "--policy", "p.yaml"), 3, ("label_style",)),
        (("file", "call.wav", "--entities", "PERSN"), 3, ("PERSON",)),
        (("file", "call.wav", "--model", "small"), 4, ("redact models pull small", "--model")),
        (("file", "call.wav", "--model", "bas"), 4, ("base",)),
        (("file", "call.wav", "-o", "/proc/nowhere"), 11, ("can't write", "next:")),
        (("file",), 2, ()),
        (("policy", "check", "p.yaml"), 3, ("label_style",)),
    ],
)
def test_wrong_requests_name_the_next_step(
    tmp_path: Path, arguments: tuple[str, ...], code: int, words: tuple[str, ...]
) -> None:
    (tmp_path / "call.wav").write_bytes(wav(0.5))
    (tmp_path / "p.yaml").write_text("name: p\ndescription: d\nentities: {}\nlable_style: type\n")
    before = sorted(path.name for path in tmp_path.iterdir())
    assert_told(redact(*arguments, cwd=tmp_path), code, *words)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.models
def test_a_call_without_speech_is_published_with_a_warning_and_kept_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "call.wav").write_bytes(wav(0.03))
    os.utime(tmp_path / "call.wav", (1_000_000_000, 1_000_000_000))
    started = time.time()
    run = redact("file", "call.wav", "-o", "out", cwd=tmp_path)
    assert_told(run, 0, "no speech")
    # When a call was recorded is not told by its outputs' times.
    assert all(path.stat().st_mtime > started - 1 for path in (tmp_path / "out").iterdir())
    names = {f"call.redacted.{end}" for end in ("wav", "txt", "vtt", "srt", "json")} | {"call.report.json"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    report = json.loads((tmp_path / "out" / "call.report.json").read_text())
    assert (report["status"], report["basis"]) == ("done", "not recorded")
    before = (tmp_path / "out" / "call.redacted.wav").stat()
    assert_told(redact("file", "call.wav", "-o", "out", cwd=tmp_path), 11, "--force")
    assert (tmp_path / "out" / "call.redacted.wav").stat() == before
    assert_told(redact("file", "call.wav", "-o", "out", "--force", cwd=tmp_path), 0)
    assert (tmp_path / "out" / "call.redacted.wav").stat().st_ino != before.st_ino


@pytest.mark.models
def test_html_adds_a_page_which_is_kept_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "call.wav").write_bytes(wav(0.03))
    assert_told(redact("file", "call.wav", "--html", "-o", "out", cwd=tmp_path), 0)
    page = (tmp_path / "out" / "call.redacted.html").read_text()
    assert "No speech was found in this call." in page
    assert str(tmp_path) not in page
    for other in (tmp_path / "out").iterdir():
        if other.suffix != ".html":
            other.unlink()
    assert_told(
        redact("file", "call.wav", "--html", "-o", "out", cwd=tmp_path),
        11,
        "the .redacted.html output exists",
        "--force",
    )


@pytest.mark.models
def test_one_bad_file_does_not_stop_the_others(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"nothing")
    (tmp_path / "b.wav").write_bytes(wav(0.1, 2))
    run = redact("file", ".", "-o", "out", "--json", cwd=tmp_path)
    assert_told(run, 1, "input 1, call-")
    assert json.loads(run.stdout)["input"]["channels"] == ["agent", "customer"]
    assert (tmp_path / "out" / "b.redacted.wav").exists()


@pytest.mark.models
def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav(0.1))
    run = redact("file", "a.wav", "--dry-run", cwd=tmp_path)
    assert_told(run, 0)
    assert "would be redacted" in run.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def at_terminal(*arguments: object, cwd: Path) -> str:
    """What the command says at a terminal."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "redact", *map(str, arguments)]
    environment = {**os.environ, "COLUMNS": "300", "TERM": "dumb"}
    run = subprocess.Popen(command, cwd=cwd, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    said = b""
    with contextlib.suppress(OSError):  # what Linux says at the end of a terminal
        while piece := os.read(ours, 65536):
            said += piece
    os.close(ours)
    run.wait()
    return said.decode()


def test_an_input_is_called_by_its_name_at_a_terminal_alone(tmp_path: Path) -> None:
    (tmp_path / "Iris Quillfeather.wav").write_bytes(b"nothing")
    opaque = f"call-{hashlib.sha256(b'nothing').hexdigest()[:16]}"
    assert "redact: Iris Quillfeather.wav: " in at_terminal("file", "Iris Quillfeather.wav", cwd=tmp_path)
    run = redact("file", "Iris Quillfeather.wav", "gone Quillfeather.wav", cwd=tmp_path)
    assert_told(run, 1, f"redact: input 1, {opaque}: ", "redact: input 2: there is no such file")
    assert "Quillfeather" not in run.stdout + run.stderr


@pytest.mark.models
def test_an_output_in_the_way_is_told_without_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "Quillfeather"
    folder.mkdir()
    (folder / "Iris.wav").write_bytes(wav(0.03))
    run = redact("file", folder / "Iris.wav", cwd=tmp_path)
    assert_told(run, 0, "Iris: no speech")  # it is in no call's words: its outputs bear it, too
    assert "Quillfeather" not in run.stdout + run.stderr
    run = redact("file", folder / "Iris.wav", cwd=tmp_path)
    assert_told(run, 11, "the .redacted.wav output exists already")
    assert "Quillfeather" not in run.stderr
    assert "Iris" not in run.stderr
