"""Sound at another sample rate, by FFmpeg's resampler."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from redact.audio.pcm import Signal, clipped

# Samples of one channel that are handed to the resampler at a time.
_BLOCK = 1 << 18
# Sound before and after a stretch that is resampled with it: some ten times as far as the resampler's filter reaches
# at the lowest rate that is decoded, 1000 Hz.
_CONTEXT_S = 0.1


class Resampled:
    """A signal at another sample rate: float32 in [-1, 1], of `ceil(samples * to_rate / rate)` samples.

    A stretch is the same to the bit, however the signal is cut when it is read.
    """

    def __init__(self, signal: Signal, to_rate: int) -> None:
        self._signal = signal
        self.channels = signal.channels
        self.sample_rate = to_rate
        self.samples = -(-signal.samples * to_rate // signal.sample_rate)
        self.dtype: np.dtype[Any] = np.dtype(np.float32)

    def read(self, first: int = 0, last: int | None = None) -> NDArray[Any]:
        """The samples `[first, last)`, clipped to those that there are, of shape (channels, samples)."""
        first, last = clipped(first, last, self.samples)
        rate = self._signal.sample_rate
        common = math.gcd(rate, self.sample_rate)
        # So many samples of each last equally long: a stretch that begins with such a unit begins at one of either.
        unit, unit_there = self.sample_rate // common, rate // common
        around = math.ceil(_CONTEXT_S * rate / unit_there)
        begin, end = max(first // unit - around, 0), -(-last // unit) + around
        sound = self._signal.read(begin * unit_there, end * unit_there)
        skip, count = first - begin * unit, last - first
        return np.stack([resample(channel, rate, self.sample_rate)[skip : skip + count] for channel in sound])


def resample(channel: NDArray[Any], rate: int, to_rate: int) -> NDArray[np.float32]:
    """One channel at another sample rate.

    Args:
        channel: samples of shape (samples,), int16, int32 or float32.
        rate: of these samples, in Hz.
        to_rate: of the result, in Hz.

    Returns:
        float32 in [-1, 1], of `ceil(len(channel) * to_rate / rate)` samples; sound keeps its place in time.
    """
    if rate == to_rate:
        return _full_scale(channel)
    import av  # deferred: else only the decoder's process needs it

    result = np.zeros(-(-len(channel) * to_rate // rate), np.float32)
    resampler = av.AudioResampler(format="flt", layout="mono", rate=to_rate)
    filled = 0

    def take(frame: Any) -> None:
        nonlocal filled
        for out in resampler.resample(frame):
            samples = out.to_ndarray()[0][: len(result) - filled]
            result[filled : filled + len(samples)] = samples
            filled += len(samples)

    for at in range(0, len(channel), _BLOCK):
        frame = av.AudioFrame.from_ndarray(_full_scale(channel[at : at + _BLOCK])[None], format="flt", layout="mono")
        frame.sample_rate = rate
        take(frame)
    take(None)
    np.clip(result, -1.0, 1.0, out=result)  # filters overshoot
    return result


def _full_scale(samples: NDArray[Any]) -> NDArray[np.float32]:
    """Samples of any of our formats as float32 in [-1, 1]."""
    if samples.dtype.kind == "f":
        samples = np.clip(samples, -1.0, 1.0)
        return samples.astype(np.float32)
    scale = np.float32(2.0 ** (1 - 8 * samples.dtype.itemsize))
    return samples.astype(np.float32) * scale
