"""Sound at another rate: in its place, and the same however it is cut."""

import numpy as np
import pytest
from sounds import pcm_of

from redact.audio.resample import Resampled, resample

RATES = (1000, 7919, 8000, 11025, 16_000, 22_050, 24_000, 44_100, 48_000, 96_000)


def noise(rate, seconds):
    return np.random.default_rng(3).normal(0, 0.2, (2, round(rate * seconds))).astype(np.float32)


@pytest.mark.parametrize("rate", RATES)
def test_a_stretch_is_what_it_is_in_the_whole(rate):
    sound = noise(rate, 4.3217)
    signal = Resampled(pcm_of(sound, rate), 16_000)
    whole = np.stack([resample(channel, rate, 16_000) for channel in sound])
    assert signal.samples == whole.shape[1]
    assert np.array_equal(signal.read(), whole)
    for first, last in [(0, 1), (1, 2), (0, 30_000), (15_999, 48_001), (33_333, 33_334), (60_000, 99_999)]:
        assert np.array_equal(signal.read(first, last), whole[:, first:last])


@pytest.mark.parametrize("rate", RATES[1:])
def test_sound_keeps_its_place_in_time(rate):
    time = np.arange(round(rate * 4.3217)) / rate
    signal = Resampled(pcm_of(np.sin(2 * np.pi * 440 * time).astype(np.float32), rate), 16_000)
    read = signal.read(32_000, 48_000)[0]
    assert np.abs(read - np.sin(2 * np.pi * 440 * np.arange(32_000, 48_000) / 16_000)).max() < 0.01


def test_samples_of_all_types_are_within_full_scale():
    for dtype, loudest in ((np.int16, -(2**15)), (np.int32, -(2**31)), (np.float32, -1.5)):
        for rate in (16_000, 8000):
            read = Resampled(pcm_of(np.full(8000, loudest, dtype), rate), 16_000).read()
            assert read.dtype == np.float32
            assert read.min() == -1.0
