"""Where something is heard: speech or not."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sounds import pcm_of

from redact.audio import speech
from redact.audio.decode import decode
from redact.audio.resample import Resampled
from redact.audio.speech import SAMPLE_RATE, WithoutEcho, hear
from redact.call import Stretch

SAMPLES = Path(__file__).resolve().parents[2] / "samples"


def audible(sound):
    (heard,) = hear(pcm_of(sound, SAMPLE_RATE))
    return heard.audible


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
    _, heard = hear(pcm_of(np.stack([0 * sound, sound]), SAMPLE_RATE))
    assert heard.speech == ()
    (found,) = heard.audible
    assert found.channel == 1
    assert abs(found.start_ms - 2000) <= 30
    assert abs(found.end_ms - 3000) <= 30


@pytest.mark.parametrize("amplitude", [0.1, 0.02, 0.006])
def test_quiet_sounds_are_audible_over_less_noise(amplitude):
    assert len(audible(sound_of((3, 0), (1, amplitude), (3, 0), noise=0.0002))) == 1


@pytest.mark.parametrize("sound", [sound_of((5, 0)), np.zeros(80_000, np.float32), np.zeros(0, np.float32)])
def test_noise_and_silence_are_not(sound):
    assert audible(sound) == ()


def test_a_click_is_not():
    assert audible(sound_of((2, 0), (0.04, 0.3), (2, 0))) == ()


@pytest.fixture(scope="module")
def call():
    with decode(SAMPLES / "en-card-payment.wav") as decoded:
        yield Resampled(decoded.pcm, SAMPLE_RATE)


def test_speech_is_what_the_detector_hears_in_the_whole(call):
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    options = VadOptions(threshold=speech.THRESHOLD, min_silence_duration_ms=speech.MIN_PAUSE_MS, speech_pad_ms=0)
    for channel, (heard, sound) in enumerate(zip(hear(call), call.read(), strict=True)):
        whole = get_speech_timestamps(sound, options)
        expected = [Stretch(channel, r["start"] * 1000 // 16_000, -(-r["end"] * 1000 // 16_000)) for r in whole]
        assert list(heard.speech) == expected
        assert len(expected) > 5


def test_windows_hear_what_is_heard_in_the_whole(call, monkeypatch):
    whole = hear(call)
    monkeypatch.setattr(speech, "WINDOW", 7680 * 3)  # seams within words, pauses and all
    assert hear(call) == whole


def test_an_echo_is_silenced_wherever_the_sound_is_cut(call):
    agent, customer = call.read(0, 600_000)
    clean = WithoutEcho(pcm_of(np.stack([agent + 0.03 * customer, customer]), SAMPLE_RATE))
    whole = clean.read()
    assert np.array_equal(whole[1], customer)
    loud = np.abs(customer) > 0.1
    assert np.mean(whole[0, loud] == 0) > 0.9
    for first, last in [(0, 1), (0, 1024), (1000, 1100), (5000, 99_999), (599_000, 600_000), (400_000, 400_000)]:
        assert np.array_equal(clean.read(first, last), whole[:, first:last])


def test_detecting_speech_leaves_nothing_behind(tmp_path):
    home, temp = tmp_path / "home", tmp_path / "temp"
    home.mkdir()
    temp.mkdir()
    code = (
        "from redact.audio.pcm import Pcm; from redact.audio.speech import hear\n"
        "hear(Pcm([bytes(64000)], 1, 16000, 'f4'))"
    )
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY" and not k.startswith("XDG_")}
    environment |= {"HOME": str(home), "TMPDIR": str(temp), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert [path for folder in (home, temp) for path in folder.rglob("*") if path.is_file()] == []
