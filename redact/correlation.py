"""Two signals that are on or off, correlated at every offset and drift. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STEP_MS = 20
# Offsets that are looked for, either way, and drifts: clocks differ by less than one in a hundred.
SEARCH_MS, MAX_DRIFT = 60_000, 0.01
LAGS = SEARCH_MS // STEP_MS
# So long are the stretches in which words and speech are compared. So many are enough to find the line; what is off
# in a part of the call alone is looked for in parts of so many.
STRETCH_MS, MOST_STRETCHES, PART = 30_000, 60, 4
# The detector takes hold of speech late, and lets go of it later: on 15 calls with exact words, it is behind them by
# 40 to 240 ms, in the middle by this.
LATE_MS = 140
# A line with drift has to agree better by this share than the best one without.
BETTER = 1.02
# How much less than the best offset another has to agree, for the best to be believed.
DISTINCT = 0.85

Grid = NDArray[np.float64]
Heights = NDArray[np.float32]
Span = tuple[int, int]


def steps(spans: Iterable[Span], count: int) -> Grid:
    """1 for each step that any of the spans touches, 0 for the others."""
    grid = np.zeros(count)
    for start, end in spans:
        grid[max(start, 0) // STEP_MS : -(-max(end, 0) // STEP_MS)] = 1
    return grid


@dataclass(frozen=True)
class Surface:
    """How alike words and speech are, for each drift and offset.

    Attributes:
        rows: for each stretch of the call and each lag, the part of the correlation that it brings.
        slopes: drifts, in steps a step; 0 is the middle one.
        heights: correlations by drift and lag.
    """

    rows: Heights
    slopes: Grid
    heights: Heights

    @classmethod
    def of(cls, pairs: Sequence[tuple[Grid, Grid]], count: int) -> "Surface":
        """The surface of pairs of words and the sound that they are heard in, together."""
        size = STRETCH_MS // STEP_MS
        starts = list(range(0, max(count - size // 2, 1), size))
        ends = [*starts[1:], count]
        middles = np.array([(start + end) / 2 - count / 2 for start, end in zip(starts, ends, strict=True)])
        rows = sum((_rows(said, sound, starts, ends) for said, sound in pairs), np.zeros((len(starts), 2 * LAGS + 1)))
        rows = (rows / (sum(np.sqrt(said.var() * sound.var()) * count for said, sound in pairs) + 1e-9)).astype(
            np.float32
        )
        # Finer than this, two drifts differ by less than 40 ms at the call's ends.
        finest = 4 / max(count, 1)
        half = min(int(MAX_DRIFT / finest), 600) if len(starts) > 1 else 0
        slopes = np.linspace(-MAX_DRIFT, MAX_DRIFT, 2 * half + 1) if half else np.zeros(1)
        chosen = np.unique(np.linspace(0, len(starts) - 1, min(len(starts), MOST_STRETCHES)).astype(int))
        heights = np.zeros((len(slopes), 2 * LAGS + 1), np.float32)
        for height, slope in zip(heights, slopes, strict=True):
            for number in chosen:
                height += np.roll(rows[number], -round(slope * middles[number]))
        return cls(rows, slopes, heights * np.float32(len(starts) / len(chosen)))

    @classmethod
    def sum(cls, parts: Sequence["Surface"]) -> "Surface":
        """Surfaces of the same call, added."""
        first = parts[0]
        return cls(first.rows, first.slopes, np.sum([part.heights for part in parts], axis=0))

    def best(self) -> tuple[float, float, int]:
        """Height, slope and lag of the best line; one without drift, unless another is clearly better."""
        level = self.heights[len(self.slopes) // 2]
        row, column = np.unravel_index(int(self.heights.argmax()), self.heights.shape)
        if self.heights[row, column] < BETTER * level.max():
            return float(level.max()), 0.0, int(level.argmax()) - LAGS
        return float(self.heights[row, column]), float(self.slopes[row]), int(column) - LAGS

    def at(self, slope: float, lag: int) -> float:
        """The height at a drift and a lag."""
        return float(self.heights[int(np.abs(self.slopes - slope).argmin()), lag + LAGS])

    def near(self, reach_ms: int) -> float:
        """The best height without drift, of offsets up to that."""
        middle, reach = LAGS + LATE_MS // STEP_MS, reach_ms // STEP_MS
        return float(self.heights[len(self.slopes) // 2, middle - reach : middle + reach + 1].max())

    def elsewhere(self, lag: int) -> float:
        """The best height of offsets that are more than a second away."""
        others = self.heights.max(axis=0)
        away = 1_000 // STEP_MS
        others[max(0, lag + LAGS - away) : lag + LAGS + away + 1] = -1
        return float(others.max())

    def uneven(self, reach_ms: int) -> bool:
        """True where the times agree with the speech in some part of the call at another offset only."""
        middle, reach = LAGS + LATE_MS // STEP_MS, reach_ms // STEP_MS
        usual = self.heights.max() * PART / len(self.rows)
        for first in range(0, len(self.rows) - PART + 1, PART // 2):
            part = self.rows[first : first + PART].sum(axis=0)
            here = part[middle - reach : middle + reach + 1].max()
            if part.max() > max(here / DISTINCT, usual / 2):  # where little is said, anything agrees with anything
                return True
        return False


def _rows(said: Grid, sound: Grid, starts: Sequence[int], ends: Sequence[int]) -> Grid:
    """For each stretch, the covariance of its words with the sound that is so many steps later."""
    rows = []
    less, quiet = said.mean(), sound.mean()
    padded = np.pad(sound, LAGS) - quiet
    for start, end in zip(starts, ends, strict=True):
        own, around = said[start:end] - less, padded[start : end + 2 * LAGS]
        size = 1 << (len(own) + len(around)).bit_length()
        product = np.fft.irfft(np.fft.rfft(around, size) * np.conj(np.fft.rfft(own, size)), size)
        rows.append(product[: 2 * LAGS + 1])
    return np.array(rows)
