"""Masks replace: what lies beneath is gone, what lies outside is untouched."""

import random
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import masked as apply
from sounds import pcm_of

from redact.audio.mask import RIM_MS, Masked, replaced, spans
from redact.findings import AudioInterval, MaskStyle

KINDS = ("tone", "silence", "noise")
DTYPES = (np.int16, np.int32, np.float32)


def interval(start_ms, end_ms, *channels):
    return AudioInterval(start_ms, end_ms, channels or (0,), ("PERSON",))


def loud(shape, dtype, seed):
    draw = np.random.default_rng(seed)
    if dtype == np.float32:
        return draw.uniform(-1, 1, shape).astype(dtype)
    limit = np.iinfo(dtype)
    return draw.integers(limit.min, limit.max, shape, dtype, endpoint=True)


@pytest.mark.parametrize(
    ("intervals", "rate", "samples", "expected"),
    [
        ([interval(1, 2)], 8000, 100, ((8, 16),)),
        ([interval(1, 2)], 11025, 100, ((11, 23),)),  # 11.025 down, 22.05 up
        ([interval(3, 3)], 8000, 100, ()),
        ([interval(5, 2)], 8000, 100, ()),
        ([interval(-5, 2)], 8000, 100, ((0, 16),)),
        ([interval(10, 99)], 8000, 100, ((80, 100),)),
        ([interval(13, 99)], 8000, 100, ()),
        ([interval(5, 7), interval(1, 3)], 8000, 100, ((8, 24), (40, 56))),
        ([interval(1, 3), interval(3, 5)], 8000, 100, ((8, 40),)),
        ([interval(1, 9), interval(2, 3)], 8000, 100, ((8, 72),)),
        ([interval(1, 2, 1), interval(4, 5, 0, 1)], 8000, 100, ((32, 40),)),
        ([], 8000, 100, ()),
    ],
)
def test_spans(intervals, rate, samples, expected):
    assert spans(intervals, 0, rate, samples) == expected


@pytest.mark.parametrize(
    ("intervals", "rate", "expected"),
    [
        ([interval(100, 200)], 8000, ((760, 1640),)),
        ([interval(2, 200)], 8000, ((0, 1640),)),
        ([interval(100, 110), interval(120, 130)], 8000, ((760, 1080),)),  # the rims touch
        ([interval(100, 110), interval(121, 130)], 8000, ((760, 920), (928, 1080))),
        ([interval(100, 200)], 11025, ((1102 - 56, 2205 + 56),)),  # 55.1 samples of rim, up
    ],
)
def test_replaced_is_wider_by_a_rim(intervals, rate, expected):
    assert replaced(intervals, 0, rate, 10_000) == expected


@st.composite
def cuts(draw):
    """Where to cut something of a second's length, with a part that is read twice."""
    edges = sorted(draw(st.lists(st.integers(0, 8000), max_size=6)))
    return [*pairwise([0, *edges, 8000]), (0, draw(st.integers(0, 8000)))]


intervals_in_a_second = st.lists(
    st.builds(
        lambda start, length, channels: AudioInterval(start, start + length, tuple(sorted(channels)), ("PERSON",)),
        st.integers(-50, 1100),
        st.integers(0, 400),
        st.sets(st.integers(0, 2), min_size=1),
    ),
    max_size=6,
)


@given(intervals_in_a_second, st.sampled_from([8000, 11025, 16000, 44100]))
def test_spans_are_rounded_outward_sorted_and_apart(intervals, rate):
    found = spans(intervals, 0, rate, rate)
    assert all(0 <= first < last <= rate for first, last in found)
    assert all(left[1] < right[0] for left, right in pairwise(found))
    inside = np.zeros(rate, bool)
    for first, last in found:
        inside[first:last] = True
    times_ms = np.arange(rate) * 1000 / rate
    for each in intervals:
        if 0 in each.channels:
            assert inside[(times_ms >= each.start_ms) & (times_ms < each.end_ms)].all()


@settings(deadline=None)
@given(intervals_in_a_second, st.sampled_from(KINDS), st.sampled_from(DTYPES), st.sampled_from([8000, 11025]))
def test_nothing_shows_through_and_nothing_else_changes(intervals, kind, dtype, rate):
    one, other = loud((3, rate), dtype, 1), loud((3, rate), dtype, 2)
    before = one.copy()
    style = MaskStyle(kind)
    masked, masked_other = apply(one, intervals, style, rate), apply(other, intervals, style, rate)
    assert np.array_equal(one, before)
    assert masked.dtype == dtype
    for channel in range(3):
        inside = np.zeros(rate, bool)
        for first, last in replaced(intervals, channel, rate, rate):
            inside[first:last] = True
        assert np.array_equal(masked[channel, inside], masked_other[channel, inside])
        assert np.array_equal(masked[channel, ~inside], one[channel, ~inside])


@settings(deadline=None)
@given(intervals_in_a_second, st.sampled_from(KINDS), cuts())
def test_a_part_is_masked_as_it_is_in_the_whole(intervals, kind, cut):
    sound = loud((3, 8000), np.int16, 1)
    masked = Masked(pcm_of(sound, 8000), intervals, MaskStyle(kind, 997))
    whole = masked.read()
    for first, last in cut:
        assert np.array_equal(masked.read(first, last), whole[:, first:last])


def test_a_mask_of_many_seconds_is_the_same_in_parts():
    masked = Masked(pcm_of(loud((1, 40_000), np.int16, 1), 8000), [interval(300, 4500)], MaskStyle("noise"))
    parts = [masked.read(first, first + 777) for first in range(0, 40_000, 777)]
    assert np.array_equal(np.concatenate(parts, axis=1), masked.read())
    assert np.array_equal(masked.read(4000, 12_000), masked.read(12_000, 20_000))  # a second comes again


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("frequency_hz", "level_dbfs"), [(1000, -20.0), (440, -6.0), (697, 0.0)])
def test_tone_is_at_its_level_and_frequency_in_all_of_the_interval(dtype, frequency_hz, level_dbfs):
    rate = 8000
    style = MaskStyle("tone", frequency_hz, level_dbfs)
    masked = apply(loud((1, 4 * rate), dtype, 3), [interval(500, 3500)], style, rate)
    full_scale = 1.0 if dtype == np.float32 else float(np.iinfo(dtype).max)
    inside = masked[0, 4000:28000] / full_scale
    peak = 10 ** (level_dbfs / 20)
    for block in inside.reshape(-1, rate // 10):  # each tenth of a second, the first and the last too
        assert np.abs(block).max() == pytest.approx(peak, rel=0.08)
        assert np.sqrt(np.mean(block**2)) == pytest.approx(peak / np.sqrt(2), rel=0.03)
    spectrum = np.abs(np.fft.rfft(inside))
    assert np.argmax(spectrum) * rate / len(inside) == pytest.approx(frequency_hz, abs=1)


@pytest.mark.parametrize("start_ms", [0, 1, 3, 100, 333])
def test_tone_has_no_click(start_ms):
    rate, frequency_hz = 16000, 1000
    masked = apply(np.zeros((1, rate), np.float32), [interval(start_ms, 600)], MaskStyle("tone", frequency_hz), rate)
    steepest = 0.1 * 2 * np.pi * frequency_hz / rate
    assert np.abs(np.diff(masked[0], prepend=0)).max() <= steepest * 1.02


@pytest.mark.parametrize("kind", ["tone", "noise"])
def test_mask_rises_and_falls_in_the_rim(kind):
    rate = 48000
    rim = RIM_MS * rate // 1000
    ones = np.ones((1, rate), np.float32)
    masked = apply(ones, [interval(400, 600)], MaskStyle(kind, 12000), rate)[0]
    first, last = 400 * rate // 1000, 600 * rate // 1000
    assert masked[first - rim - 1] == 1.0
    assert masked[last + rim] == 1.0
    for ramp in (masked[first - rim : first], masked[last : last + rim][::-1]):
        quarters = [np.abs(part).max() for part in np.array_split(ramp, 4)]
        assert ramp[0] == 0.0
        assert quarters == sorted(quarters)
        assert quarters[0] < 0.02
        assert quarters[3] > 0.07


def test_a_subtracted_tone_leaves_nothing():
    rate = 8000
    speech = loud((1, 2 * rate), np.int16, 5) // 4
    masked = apply(speech, [interval(0, 2000)], MaskStyle("tone"), rate)[0].astype(float)
    t = np.arange(2 * rate) / rate
    tone = np.stack([np.sin(2 * np.pi * 1000 * t), np.cos(2 * np.pi * 1000 * t)], 1)
    rest = masked - tone @ np.linalg.lstsq(tone, masked, rcond=None)[0]
    assert np.abs(rest).max() <= 1.0  # rounding
    assert abs(np.corrcoef(masked, speech[0])[0, 1]) < 0.05


def test_silence_is_silent():
    masked = apply(loud((1, 8000), np.int16, 6), [interval(100, 200)], MaskStyle("silence"), 8000)
    assert not masked[0, 760:1640].any()


def test_noise_is_the_same_each_time_and_leaves_the_global_generator_alone():
    random.seed(7)
    state = random.getstate()
    sound = loud((1, 24000), np.int16, 8)
    first = apply(sound, [interval(500, 2500)], MaskStyle("noise"), 8000)
    assert random.getstate() == state
    random.seed(9)
    assert np.array_equal(first, apply(sound, [interval(500, 2500)], MaskStyle("noise"), 8000))
    noise = first[0, 4000:20000].astype(float)
    assert np.abs(noise).max() == pytest.approx(3276, rel=0.02)
    assert abs(np.corrcoef(noise[:-1], noise[1:])[0, 1]) < 0.05


@pytest.mark.parametrize("frequency_hz", [4000, 5000, 20000])
def test_a_tone_too_high_for_the_sample_rate_still_sounds(frequency_hz):
    masked = apply(loud((1, 8000), np.int16, 4), [interval(100, 900)], MaskStyle("tone", frequency_hz), 8000)
    spectrum = np.abs(np.fft.rfft(masked[0, 800:7200]))
    assert np.argmax(spectrum) * 8000 / 6400 == pytest.approx(3600, abs=2)
    assert np.sqrt(np.mean(masked[0, 800:7200].astype(float) ** 2)) == pytest.approx(2316, rel=0.05)


@pytest.mark.parametrize("level_dbfs", [0.0, 12.0])
def test_a_level_above_full_scale_is_full_scale(level_dbfs):
    masked = apply(np.zeros((1, 8000), np.int16), [interval(100, 900)], MaskStyle("tone", 1000, level_dbfs), 8000)
    assert masked.max() == 32767


@pytest.mark.parametrize("channel", [2, -1])
def test_an_unknown_channel_is_refused(channel):
    with pytest.raises(ValueError, match="channel"):
        apply(np.zeros((2, 8000), np.int16), [interval(1, 2, channel)], MaskStyle(), 8000)


def test_pydub_is_imported_late_and_in_silence(tmp_path):
    script = (
        "import sys, warnings; import numpy as np; from redact.audio.mask import Masked\n"
        "from redact.audio.pcm import Pcm; from redact.findings import *\n"
        "assert 'pydub' not in sys.modules\n"
        "warnings.simplefilter('always')\n"
        "for kind in ('tone', 'noise', 'silence'):\n"
        "    with Pcm([bytes(16000)], 1, 8000, np.int16) as pcm:\n"
        "        Masked(pcm, [AudioInterval(1, 9, (0,), ())], MaskStyle(kind)).read()\n"
        "assert 'pydub' in sys.modules"
    )
    # No program to be found, and sources compiled anew: both make pydub warn.
    command = [sys.executable, "-X", f"pycache_prefix={tmp_path}", "-c", script]
    done = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
