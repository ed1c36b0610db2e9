"""Beeps: steady tones of one frequency, as masks are. A recording tells by them where it was redacted."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from redact.audio.pcm import Signal
from redact.audio.resample import Resampled
from redact.call import Stretch

RATE = 8_000
FRAME_MS = 20
# A tone has nearly all of a frame's energy in the bins around one frequency; a sung vowel has harmonics.
SHARE = 0.95
_AROUND = 2  # bins on each side: a Hann window's main lobe
LEAST_DBFS = -60.0
# Shorter ones are no masks.
LEAST_MS = 100
_SIZE = 256
_BLOCK_FRAMES = 3_000


def beeps(sound: Signal) -> tuple[Stretch, ...]:
    """Stretches of each channel in which one tone sounds and nothing else, edges outward by a frame.

    Args:
        sound: in [-1, 1], of any rate.
    """
    heard = Resampled(sound, RATE)
    frame = RATE * FRAME_MS // 1000
    peaks: list[list[NDArray[np.int64]]] = [[] for _ in range(heard.channels)]
    for first in range(0, heard.samples, _BLOCK_FRAMES * frame):
        for channel, samples in enumerate(heard.read(first, first + _BLOCK_FRAMES * frame)):
            peaks[channel].append(_peaks(samples[: len(samples) // frame * frame].reshape(-1, frame)))
    return tuple(
        Stretch(channel, max(0, (first - 1) * FRAME_MS), (last + 1) * FRAME_MS)
        for channel, parts in enumerate(peaks)
        for first, last in _steady(np.concatenate(parts or [np.zeros(0, np.int64)]))
    )


def _peaks(frames: NDArray[np.float32]) -> NDArray[np.int64]:
    """The bin of the tone in each frame, -1 for none."""
    if not len(frames):
        return np.zeros(0, np.int64)
    power = np.abs(np.fft.rfft(frames * np.hanning(frames.shape[1]), _SIZE, axis=1)) ** 2
    peak = power.argmax(axis=1)
    sums = np.pad(power.cumsum(axis=1), ((0, 0), (1, 0)))
    rows = np.arange(len(frames))
    around = sums[rows, np.minimum(peak + _AROUND + 1, power.shape[1])] - sums[rows, np.maximum(peak - _AROUND, 0)]
    loud = np.square(frames).mean(axis=1) > 10 ** (LEAST_DBFS / 10)
    return np.where(loud & (around > SHARE * sums[:, -1]), peak, -1)


def _steady(peaks: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """First frame, and the one after the last, of each run of the same tone that is long enough."""
    changes = np.flatnonzero(np.abs(np.diff(peaks)) > 1) + 1
    for first, last in zip([0, *changes], [*changes, len(peaks)], strict=True):
        if last > first and peaks[first] >= 0 and (last - first) * FRAME_MS >= LEAST_MS:
            yield int(first), int(last)
