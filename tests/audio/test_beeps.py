"""Beeps are told from all else that sounds steadily."""

from pathlib import Path

import numpy as np
import pytest
from sounds import pcm_of

from redact.audio.beeps import beeps
from redact.audio.decode import decode
from redact.audio.mask import Masked
from redact.findings import AudioInterval, MaskStyle

SAMPLES = Path(__file__).resolve().parents[2] / "samples"

RATE = 8000


def tone(frequency, seconds, level=0.1, rate=RATE):
    return (level * np.sin(2 * np.pi * frequency * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


@pytest.mark.parametrize("frequency", [150, 440, 1000, 2600])
@pytest.mark.parametrize("level", [0.01, 0.1, 1.0])
@pytest.mark.parametrize("rate", [8000, 44_100])
def test_a_beep_is_found_where_it_is(frequency, level, rate):
    quiet = np.zeros(rate, np.float32)
    (found,) = beeps(pcm_of(np.concatenate([quiet, tone(frequency, 0.5, level, rate), quiet]), rate))
    assert 940 <= found.start_ms <= 1000
    assert 1500 <= found.end_ms <= 1560


@pytest.mark.parametrize(
    "sound",
    [
        np.zeros(RATE, np.float32),
        np.random.default_rng(1).normal(0, 0.1, RATE).astype(np.float32),
        tone(697, 1) + tone(1209, 1),  # a key
        sum(tone(150 * n, 1) / n for n in range(1, 8)),  # a voice's harmonics
        np.concatenate([tone(1000, 0.05), np.zeros(RATE, np.float32)]),
        np.zeros(0, np.float32),
    ],
    ids=["silence", "noise", "key", "harmonics", "click", "nothing"],
)
def test_what_is_no_beep(sound):
    assert beeps(pcm_of(sound, RATE)) == ()


def test_masks_of_a_call_are_found_and_little_else():
    with decode(SAMPLES / "en-card-payment.wav") as call:
        wanted = [AudioInterval(start, start + 1500, (0, 1), ("PERSON",)) for start in range(3_000, 80_000, 9_000)]
        found = beeps(Masked(call.pcm, wanted, MaskStyle()))
    for channel in (0, 1):
        own = [beep for beep in found if beep.channel == channel]
        assert all(any(b.start_ms <= w.start_ms + 40 and b.end_ms >= w.end_ms - 40 for b in own) for w in wanted)
        others = [b for b in own if not any(w.start_ms < b.end_ms and b.start_ms < w.end_ms for w in wanted)]
        assert sum(b.end_ms - b.start_ms for b in others) < 400
