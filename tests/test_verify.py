"""Checks of the written sound, on sound that is written wrongly in each way that they are for."""

import numpy as np
import pytest
from audio.sounds import pcm_of

from redact import verify
from redact.audio.mask import Masked
from redact.findings import AudioInterval, MaskStyle, Plan

RATE = 8000
PLAN = Plan((AudioInterval(2_000, 3_000, (0, 1), ("PERSON",)),), ())


def speech(seconds=8.0, seed=1):
    """Noise in syllables, as loud as speech; two channels, 16 bit."""
    clock = np.arange(int(seconds * RATE)) / RATE
    noise = np.random.default_rng(seed).normal(0, 3000, (2, len(clock)))
    return (noise * np.sin(2 * np.pi * 2 * clock) ** 2).astype(np.int16)


def rest(written):
    check = verify.check_rest(pcm_of(speech(), RATE), pcm_of(written, RATE), PLAN)
    return check.passed, check.figure


def masked(plan=PLAN):
    return Masked(pcm_of(speech(), RATE), plan.intervals, MaskStyle()).read()


def test_what_was_not_masked_is_there():
    assert rest(masked()) == (True, 1.0)


@pytest.mark.parametrize("shift", [-150, -40, 40, 150])
def test_a_codec_may_move_it_a_little(shift):
    assert rest(np.roll(masked(), shift, axis=1))[0]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda sound: np.zeros_like(sound),
        lambda sound: np.roll(sound, 2_000, axis=1),
        lambda _: speech(seed=2),
        lambda sound: np.concatenate([sound[:, :24_000], np.zeros_like(sound[:, 24_000:])], axis=1),
        lambda sound: sound[::-1],
    ],
    ids=["silence", "moved", "another", "the end lost", "channels swapped"],
)
def test_what_is_lost_is_told(wrong):
    assert not rest(wrong(masked()))[0]


def test_masks_that_are_wider_than_planned_are_told():
    wide = Plan((AudioInterval(1_000, 7_000, (0, 1), ("PERSON",)),), ())
    passed, kept = rest(masked(wide))
    assert not passed
    assert 0.1 < kept < 0.5


@pytest.mark.parametrize("gain", [0.06, 0.2, 1.0])
@pytest.mark.parametrize("channel", [0, 1])
def test_a_mask_that_is_mixed_over_is_told(channel, gain):
    written = masked().astype(np.float64)
    inside = slice(2_000 * RATE // 1000, 3_000 * RATE // 1000)
    written[channel, inside] += gain * speech()[channel, inside]
    checks = verify.check_sound(
        pcm_of(speech(), RATE), pcm_of(written.clip(-32768, 32767).astype(np.int16), RATE), PLAN, MaskStyle()
    )
    assert {check.name: check.passed for check in checks}["samples_replaced"] is False


def test_a_mask_that_replaces_passes():
    checks = verify.check_sound(pcm_of(speech(), RATE), pcm_of(masked(), RATE), PLAN, MaskStyle())
    assert all(check.passed for check in checks)
