"""Is what one channel says heard on another? Measured over a whole call, so that masks may spare channels.

Windows of a speaker's sound are correlated with the other channel's around them, each frequency for as much as any
other (the phase transform), so that neither filters nor the other side's own voice hide a faint copy. What is heard
across stands out at one lag, in one window, or in the sum of many. Once heard is heard for the whole call: coupling
that comes and goes is not worth the risk. What can't be measured counts as heard.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from redact.audio.pcm import Signal
from redact.call import HeardAcross

RATE = 8000
"""Sample rate in Hz of the signal that `measure` takes."""
# Longest echo looked for, either way: a speaker's own channel may be the delayed one.
REACH_MS = 250
# A peak this many times the spread of all lags is no chance: in a sum of windows, in a single one. On nine calls
# without cross-talk the highest were 5.0 and 9.5; on two with it at -30 dB, 42 and 24.
HEARD = 6.5
HEARD_AT_ONCE = 12.0
# Echo is not one sharp copy: this far around a lag it is masked too.
AROUND_MS = 20
# With fewer windows in which anything sounds nothing is measured.
LEAST_WINDOWS = 6
# Quieter than this a window of the speaker's holds nothing worth hearing. Mean level, dB below full scale.
_QUIET_DBFS = -50.0
_WINDOW = RATE // 2
_REACH = RATE * REACH_MS // 1000
# The telephone band, without the hum of the mains.
_BAND_HZ = (300, 3400)
# Windows are summed over so many, and over the call.
_SUMMED = 24


def measure(sound: Signal) -> tuple[HeardAcross, ...]:
    """All that is heard across, or that can't be told.

    Args:
        sound: of all channels, at `RATE`.
    """
    pairs = [(one, other) for one in range(sound.channels) for other in range(sound.channels) if one != other]
    return tuple(found for pair in pairs if (found := _heard(sound, *pair)))


def _heard(sound: Signal, speaker: int, channel: int) -> HeardAcross | None:
    lags: list[int] = []
    count = 0
    part, whole = np.zeros(2 * _REACH + 1), np.zeros(2 * _REACH + 1)
    for alike in _windows(sound, speaker, channel):
        count += 1
        part, whole = part + alike, whole + alike
        lags += _peak(alike, HEARD_AT_ONCE)
        if count % _SUMMED == 0:
            lags += _peak(part, HEARD)
            part = np.zeros_like(alike)
    if count < LEAST_WINDOWS:
        return HeardAcross(speaker, channel, 0, 0)
    lags += [*_peak(part, HEARD if count % _SUMMED >= LEAST_WINDOWS else HEARD_AT_ONCE), *_peak(whole, HEARD)]
    if not lags:
        return None
    return HeardAcross(speaker, channel, min(*lags, 0) - AROUND_MS, max(*lags, 0) + AROUND_MS)


def _windows(sound: Signal, speaker: int, channel: int) -> Iterator[NDArray[np.float64]]:
    """How alike the speaker's windows are to the other channel, at each lag from -REACH_MS to REACH_MS."""
    size = _WINDOW + 2 * _REACH
    window = np.hanning(_WINDOW)
    hz = np.fft.rfftfreq(size, 1 / RATE)
    band = (hz >= _BAND_HZ[0]) & (hz <= _BAND_HZ[1])
    for first in range(0, sound.samples, _WINDOW // 2):
        begin = first - _REACH
        around = sound.read(max(begin, 0), first + _WINDOW + _REACH).astype(np.float64)
        around = np.pad(around, ((0, 0), (max(-begin, 0), 0)))
        around = np.pad(around, ((0, 0), (0, size - around.shape[1])))
        own = around[speaker, _REACH : _REACH + _WINDOW]
        if np.mean(own**2) <= 10 ** (_QUIET_DBFS / 10) or not np.any(around[channel]):
            continue
        across = np.fft.rfft(around[channel]) * np.conj(np.fft.rfft(own * window, size)) * band
        yield np.fft.irfft(across / (np.abs(across) + 1e-12), size)[: 2 * _REACH + 1]


def _peak(alike: NDArray[np.float64], least: float) -> list[int]:
    """The lag in ms at which a copy is heard, if any."""
    size = np.abs(alike)
    at = int(size.argmax())
    spread = float(np.median(size)) / 0.6745 + 1e-12
    return [round((at - _REACH) * 1000 / RATE)] if size.any() and size[at] > least * spread else []
