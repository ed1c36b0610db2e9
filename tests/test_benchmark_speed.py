"""The benchmark of speed: its made calls, its tables, and one short run of each part."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from redact.audio.decode import decode

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "benchmarks" / "speed"
sys.path.insert(0, str(FOLDER))

from made import long_call  # noqa: E402
from show import table  # noqa: E402

STEREO = ROOT / "samples" / "en-internet-outage-control.wav"


@pytest.mark.parametrize("mono", [False, True])
def test_a_call_is_made_longer_by_repeating_it(tmp_path, mono):
    with decode(STEREO) as once, decode(long_call(STEREO, 200, tmp_path / "long.wav", mono=mono, pause_s=1)) as made:
        sound, repeated = once.pcm.read(), made.pcm.read()
        rate = once.pcm.sample_rate
    expected = np.clip(sound.sum(axis=0, keepdims=True, dtype=np.int32), -32768, 32767) if mono else sound
    assert repeated.shape == (1 if mono else 2, 200 * rate)
    again = expected.shape[1] + rate
    for begin in (0, again):
        length = min(expected.shape[1], repeated.shape[1] - begin)
        assert np.array_equal(repeated[:, begin : begin + length], expected[:, :length])
    assert not repeated[:, expected.shape[1] : again].any()


def test_ratios_are_shown_with_their_spread():
    row = {
        "model": "tiny.en", "channels": 2, "seconds": {"median": 2.0, "least": 1.0, "most": 3.0},
        "bare": {"median": 4.0, "least": 4.0, "most": 4.0}, "ratio": {"median": 0.5, "least": 0.25, "most": 0.75},
    }  # fmt: skip
    shown = table("shapes", {"rows": [row], "machine": "2 cores", "load": 0.0})
    assert "| tiny.en | 2 | 2.00 (1.00–3.00) | 4.00 | 0.50 (0.25–0.75) |" in shown


@pytest.mark.models
@pytest.mark.slow
def test_one_command_measures_and_shows_every_part(tmp_path):
    calls = tmp_path / "calls"
    calls.mkdir()
    long_call(STEREO, 20, calls / STEREO.name)
    gold = json.loads(STEREO.with_suffix(".gold.json").read_text())
    (calls / f"{STEREO.stem}.gold.json").write_text(json.dumps({**gold, "duration": 20}))
    command = [
        sys.executable, FOLDER, "--calls", calls, "--call", STEREO, "--model", "tiny.en", "--models", "tiny.en",
        "--pairs", "1", "--seconds", "6", "--minutes", "0.2", "--many", "3", "--turns", "20", "--out", tmp_path / "out",
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    figures = json.loads((tmp_path / "out" / "speed.json").read_text())
    assert set(figures) == {"calls", "shapes", "lengths", "many", "start", "text"}
    assert figures["calls"]["ratios"]["bare sequential"]["median"] > 0
    assert figures["calls"]["quality"]["redact"]["over"] < figures["calls"]["quality"]["sequential"]["over"]
    assert figures["lengths"]["rows"][0]["redact"]["peak_mib"] > 100
    shown = (tmp_path / "out" / "speed.md").read_text()
    assert [line for line in shown.splitlines() if line.startswith("###")] == [f"### {name}" for name in figures]
