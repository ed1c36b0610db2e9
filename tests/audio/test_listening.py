"""The light copy of redacted sound: what is seen and heard of it in a page."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sounds import masked as apply

from redact.audio import listening
from redact.audio.decode import decode
from redact.audio.listening import COLUMNS, light_copy
from redact.audio.mask import replaced
from redact.call import Recording
from redact.findings import AudioInterval, MaskStyle


def recording(samples: int, channels: int = 1, rate: int = 8000) -> Recording:
    return Recording("0" * 64, "wav", "pcm_s16le", rate, samples, "s16", ("other",) * channels)


def in_blocks(pcm: NDArray[np.int16], length: int) -> list[NDArray[np.int16]]:
    return [pcm[:, at : at + length] for at in range(0, pcm.shape[1], length)]


def noise(channels: int, samples: int) -> NDArray[np.int16]:
    return np.random.default_rng(1).integers(-20_000, 20_000, (channels, samples), np.int16)


@settings(deadline=None)
@given(st.integers(1, 9_000), st.integers(1, 3), st.integers(1, 9_000))
def test_peaks_are_the_extremes_of_their_column_however_the_sound_is_cut(
    samples: int, channels: int, length: int
) -> None:
    pcm = noise(channels, samples)
    peaks = listening._Peaks(channels, samples)
    for block in in_blocks(pcm, length):
        peaks.add(block.astype(np.float32) / 32768)
    columns = min(samples, COLUMNS)
    assert peaks.columns.shape == (channels, columns, 2)
    column_of = np.arange(samples) * columns // samples
    for column in {0, columns // 2, columns - 1}:
        part = pcm[:, column_of == column] / 32768
        assert np.allclose(peaks.columns[:, column, 0], np.minimum(part.min(axis=1), 0))
        assert np.allclose(peaks.columns[:, column, 1], np.maximum(part.max(axis=1), 0))


def test_peaks_are_zero_where_silence_masks_and_nowhere_else() -> None:
    pcm = noise(2, 80_000)
    intervals = (AudioInterval(2_000, 5_000, (0, 1), ("PERSON",)),)
    masked = apply(pcm, intervals, MaskStyle("silence"), 8000)
    peaks = light_copy([masked], recording(80_000, 2)).peaks
    ((first, last),) = replaced(intervals, 0, 8000, 80_000)
    inside = slice(-(-first * COLUMNS // 80_000), last * COLUMNS // 80_000)
    assert (peaks[:, inside] == 0).all()
    outside = np.delete(peaks, np.r_[inside.start - 1 : inside.stop + 1], axis=1)
    assert (abs(outside) > 0.05).all()


@pytest.mark.parametrize(("channels", "rate", "heard"), [(1, 8000, 1), (2, 44_100, 2), (6, 11_025, 1)])
def test_the_mp3_has_the_length_and_at_most_two_channels(tmp_path: Path, channels: int, rate: int, heard: int) -> None:
    pcm = noise(channels, 3 * rate)
    copy = light_copy(in_blocks(pcm, 10_007), recording(3 * rate, channels, rate))
    (tmp_path / "copy.mp3").write_bytes(copy.mp3)
    with decode(tmp_path / "copy.mp3") as opened:
        decoded = opened.recording
    assert (decoded.channels, decoded.sample_rate, decoded.tags) == (heard, listening.SAMPLE_RATE, ())
    assert abs(decoded.duration_ms - 3000) <= 1
    assert copy.mixed == (channels > 2)


def test_the_same_sound_gives_the_same_copy_however_it_is_cut() -> None:
    pcm = noise(2, 50_000)
    one, other = (light_copy(in_blocks(pcm, length), recording(50_000, 2)) for length in (50_000, 997))
    assert one.mp3 == other.mp3
    assert (one.peaks == other.peaks).all()


def test_a_long_recording_gets_peaks_and_no_mp3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "LONGEST_MS", 999)
    copy = light_copy([noise(1, 8_000)], recording(8_000))
    assert copy.mp3 == b""
    assert copy.peaks.any()


def test_an_empty_recording_gets_an_empty_copy() -> None:
    copy = light_copy([], recording(0, 2))
    assert copy.peaks.shape == (2, 0, 2)
    assert copy.mp3 == b""
