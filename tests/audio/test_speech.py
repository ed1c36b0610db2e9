"""Where something is heard: speech or not."""

import os
import subprocess
import sys

import numpy as np
import pytest

from redact.audio.speech import SAMPLE_RATE, audible, regions


def sound_of(*parts, noise=0.001):
    """Seconds of noise, or of a buzz at a level: (seconds, amplitude)."""
    rng = np.random.default_rng(7)
    made = []
    for seconds, amplitude in parts:
        time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
        made.append(amplitude * np.sign(np.sin(2 * np.pi * 120 * time)) + noise * rng.standard_normal(len(time)))
    return np.concatenate(made).astype(np.float32)


def test_a_buzz_is_audible_though_no_speech():
    sound = sound_of((2, 0), (1, 0.1), (2, 0))
    assert regions(sound, 0) == ()
    (found,) = audible(sound, 1)
    assert found.channel == 1
    assert abs(found.start_ms - 2000) <= 30
    assert abs(found.end_ms - 3000) <= 30


@pytest.mark.parametrize("amplitude", [0.1, 0.02, 0.006])
def test_quiet_sounds_are_audible_over_less_noise(amplitude):
    assert len(audible(sound_of((3, 0), (1, amplitude), (3, 0), noise=0.0002), 0)) == 1


@pytest.mark.parametrize("sound", [sound_of((5, 0)), np.zeros(80_000, np.float32), np.zeros(0, np.float32)])
def test_noise_and_silence_are_not(sound):
    assert audible(sound, 0) == ()


def test_a_click_is_not():
    assert audible(sound_of((2, 0), (0.04, 0.3), (2, 0)), 0) == ()


def test_detecting_speech_leaves_nothing_behind(tmp_path):
    home, temp = tmp_path / "home", tmp_path / "temp"
    home.mkdir()
    temp.mkdir()
    code = "import numpy; from redact.audio.speech import regions; regions(numpy.zeros(16000, numpy.float32), 0)"
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY" and not k.startswith("XDG_")}
    environment |= {"HOME": str(home), "TMPDIR": str(temp), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert [path for folder in (home, temp) for path in folder.rglob("*") if path.is_file()] == []
