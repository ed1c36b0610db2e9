"""Replaces stretches of sound by a tone, silence or noise.

Samples are replaced, never mixed with: a tone laid over speech can be subtracted again. Two kinds of span matter:

`spans`     the intervals themselves, in samples, rounded outward. Inside, the mask sounds at its full level.
`replaced`  the same, wider by a rim of `RIM_MS` on each side. In the rim the mask rises from zero and falls back to it,
            so that it starts without a click, and there too it replaces: not one sample of the original is left.

What lies outside `replaced` is untouched to the bit. That is why the original itself isn't faded: a fade would change
samples that the encoders promise to copy, or keep a trace of the original beneath the mask. Encoders take their spans
from `replaced`.

The same input gives the same output. Noise comes from a generator with a fixed seed: knowing it gives nothing away,
for nothing is left beneath it.
"""

import random
import warnings
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from redact.audio.pcm import Signal, clipped
from redact.findings import AudioInterval, MaskStyle

RIM_MS = 5
"""Width in milliseconds of the rim on each side of an interval, in which the mask rises and falls."""

_SEED = 1
_HIGHEST_TONE = 0.45  # of the sample rate: from half of it on, a tone turns into silence or into another tone

Span = tuple[int, int]


def spans(intervals: Sequence[AudioInterval], channel: int, sample_rate: int, samples: int) -> tuple[Span, ...]:
    """The intervals of one channel as spans `[first, last)` in samples.

    Rounded outward, clipped to `[0, samples)`, merged where they touch, sorted. Empty intervals vanish.
    """
    return _merged(
        (interval.start_ms * sample_rate // 1000, -(-interval.end_ms * sample_rate // 1000), samples)
        for interval in intervals
        if channel in interval.channels and interval.start_ms < interval.end_ms
    )


def replaced(intervals: Sequence[AudioInterval], channel: int, sample_rate: int, samples: int) -> tuple[Span, ...]:
    """The spans in which `Masked` replaces samples: `spans`, each wider by `RIM_MS` on both sides, and merged."""
    rim = _rim(sample_rate)
    return _merged(
        (first - rim, last + rim, samples) for first, last in spans(intervals, channel, sample_rate, samples)
    )


class Masked:
    """A signal with every interval replaced on its channels: a signal itself, equal to the other outside `replaced`.

    Each sample follows from the intervals and its place alone, however the signal is cut when it is read.

    Attributes:
        replaced: the spans of each channel in which samples are replaced.

    Raises:
        ValueError: an interval names a channel that the signal doesn't have.
    """

    def __init__(self, signal: Signal, intervals: Sequence[AudioInterval], style: MaskStyle) -> None:
        """Nothing is masked before it is read.

        Args:
            signal: what to mask; float sound in [-1, 1].
            intervals: what to replace.
            style: the sound to put in its place. A tone too high for the sample rate is lowered to 45 % of it, and a
                level above full scale to full scale.
        """
        self.channels, self.samples = signal.channels, signal.samples
        self.sample_rate, self.dtype = signal.sample_rate, signal.dtype
        if any(not 0 <= channel < self.channels for interval in intervals for channel in interval.channels):
            raise ValueError("an interval names a channel that the recording does not have")
        self._signal = signal
        frequency_hz = min(float(style.frequency_hz), _HIGHEST_TONE * self.sample_rate)
        self._second = _second(style.kind, frequency_hz, min(style.level_dbfs, 0.0), self.sample_rate)
        channels = range(self.channels)
        self._cores = tuple(spans(intervals, channel, self.sample_rate, self.samples) for channel in channels)
        self.replaced = tuple(replaced(intervals, channel, self.sample_rate, self.samples) for channel in channels)

    def read(self, first: int = 0, last: int | None = None) -> NDArray[Any]:
        """The samples `[first, last)`, clipped to those that there are, of shape (channels, samples)."""
        first, last = clipped(first, last, self.samples)
        masked = self._signal.read(first, last).copy()
        rim = _rim(self.sample_rate)
        for channel, sound in enumerate(masked):
            for start, end in _overlapping(self.replaced[channel], first, last):
                here, until = max(start, first), min(end, last)
                gain = _envelope(here, until, _overlapping(self._cores[channel], here - rim, until + rim), rim)
                tone = self._second[np.arange(here - start, until - start) % len(self._second)]
                sound[here - first : until - first] = _scaled(tone * gain, self.dtype)
        return masked


def _overlapping(sorted_spans: Sequence[Span], first: int, last: int) -> Sequence[Span]:
    """Those of the spans, which lie apart, that have samples in `[first, last)`."""
    begin = bisect_right(sorted_spans, first, key=lambda span: span[1])
    end = bisect_left(sorted_spans, last, key=lambda span: span[0])
    return sorted_spans[begin:end]


def _merged(bounds: Iterable[tuple[int, int, int]]) -> tuple[Span, ...]:
    """Bounds with the number of samples to clip them to, as sorted spans with no two that overlap or touch."""
    merged: list[Span] = []
    for first, last in sorted((max(0, first), min(samples, last)) for first, last, samples in bounds):
        if first >= last:
            continue
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged)


def _rim(sample_rate: int) -> int:
    return -(-RIM_MS * sample_rate // 1000)


def _envelope(first: int, last: int, cores: Iterable[Span], rim: int) -> NDArray[np.float64]:
    """The mask's gain over a stretch: 1 within the cores, rising from 0 before each and falling to 0 after each."""
    gain = np.zeros(last - first)
    rise = np.sin(np.pi / 2 * np.arange(rim) / rim) ** 2
    for start, end in cores:
        for begin, shape in ((start - rim, rise), (end, rise[::-1])):
            here, until = max(begin, first), min(begin + rim, last)
            if here < until:
                part = gain[here - first : until - first]
                np.maximum(part, shape[here - begin : until - begin], out=part)
        gain[max(start - first, 0) : max(end - first, 0)] = 1.0
    return gain


def _scaled(sound: NDArray[np.float64], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Sound in units of 16 bit, as samples of the given type. It stays a 16-bit sound in all of them."""
    whole = np.rint(sound).astype(np.int16)
    if dtype == np.int16:
        return whole
    if dtype == np.int32:
        return whole.astype(np.int32) << 16
    return (whole / np.float32(32768)).astype(np.float32)


@lru_cache(maxsize=8)
def _second(kind: str, frequency_hz: float, level_dbfs: float, sample_rate: int) -> NDArray[np.int16]:
    """One second of mask, 16 bit, to be repeated: pydub makes its sounds sample by sample in Python, which is slow.

    With a whole number of periods in it a tone goes on without a break where the second is repeated.
    """
    with warnings.catch_warnings():
        # On import pydub warns that it found no ffmpeg program (none is needed to make sounds), and its source has
        # escapes that newer Pythons warn about.
        warnings.simplefilter("ignore")
        from pydub import AudioSegment
        from pydub.generators import SignalGenerator, Sine

    class Noise(SignalGenerator):  # type: ignore[misc]
        """White noise that is the same each time; pydub's own draws on the process' global generator."""

        def generate(self) -> Iterator[float]:
            draw = random.Random(_SEED)  # noqa: S311 - a sound, not a secret
            while True:
                yield draw.uniform(-1.0, 1.0)

    if kind == "silence":
        segment = AudioSegment.silent(duration=1000, frame_rate=sample_rate)
    elif kind == "tone":
        segment = Sine(round(frequency_hz), sample_rate=sample_rate).to_audio_segment(1000, volume=level_dbfs)
    else:
        segment = Noise(sample_rate=sample_rate).to_audio_segment(1000, volume=level_dbfs)
    second: NDArray[np.int16] = np.array(segment.get_array_of_samples(), dtype=np.int16)
    second.flags.writeable = False
    return second
