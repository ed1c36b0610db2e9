"""`redact verify`: real sound, real models, and no value shown."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from redact.audio.decode import decode
from redact.audio.encode import encode
from redact.audio.mask import Masked
from redact.findings import AudioInterval, MaskStyle

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
CALL = SAMPLES / "en-card-payment.wav"
pytestmark = pytest.mark.models


def verify(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "redact", "verify", "--model", "tiny.en", *map(str, arguments)],
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout, done.stderr


def masked(tmp_path, start_ms, end_ms):
    """The sample with one beep in it, from so early to so late."""
    target = tmp_path / "call.wav"
    with decode(CALL) as call, target.open("w+b") as out:
        sound = Masked(call.pcm, [AudioInterval(start_ms, end_ms, (0, 1), ("PERSON",))], MaskStyle())
        encode(call.recording, CALL, sound, sound.replaced, out)
    return target


@pytest.mark.slow
def test_what_is_not_redacted_is_told_by_its_place_and_type_alone():
    code, out, _ = verify(CALL, "--json")
    told = json.loads(out)
    assert code == 7
    assert not told["passed"]
    assert {"CREDIT_CARD", "PERSON"} <= {place["entity_type"] for place in told["heard"]}
    assert all(0 <= place["start_ms"] <= place["end_ms"] <= 91_000 for place in told["heard"])
    gold = json.loads((SAMPLES / "en-card-payment.gold.json").read_text())["pii"]
    shown = out.replace(".", "").lower()
    assert not [item["type"] for item in gold if len(item["value"]) > 5 and item["value"].lower() in shown]


@pytest.mark.slow
def test_a_call_that_is_one_long_beep_is_redacted(tmp_path):
    code, out, _ = verify(masked(tmp_path, 0, 100_000))
    assert code == 0
    assert "FAILED" not in out


@pytest.mark.slow
def test_beside_its_original_it_is_told_what_was_left_and_what_was_lost(tmp_path):
    code, out, _ = verify(CALL, "--original", CALL)
    assert code == 7
    assert "FAILED  samples_replaced" in out
    assert "ok      rest_kept" in out
    code, out, _ = verify(masked(tmp_path, 0, 100_000), "--original", CALL)
    assert code == 7
    assert "ok      samples_replaced" in out
    assert "FAILED  rest_kept" in out


def test_what_is_no_recording_is_refused(tmp_path):
    (tmp_path / "call.wav").write_text("no sound")
    code, _, err = verify(tmp_path / "call.wav")
    assert code == 5
    assert "not audio" in err
