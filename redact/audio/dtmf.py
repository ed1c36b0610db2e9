"""Keypad tones (DTMF): no transcript shows them, and whoever hears them can read the digits.

Each key sounds one of four low and one of four high frequencies (ITU-T Q.23). Goertzel's sums for all eight, and for
their second harmonics, are taken at once over short overlapping frames. A frame holds a key where one low and one high
frequency carry most of the frame's energy, neither much louder than the other, and no second harmonic as speech has.
"""

import numpy as np
from numpy.typing import NDArray

from redact.audio.pcm import Signal
from redact.call import Stretch

LOW_HZ = (697, 770, 852, 941)
HIGH_HZ = (1209, 1336, 1477, 1633)
FRAME_MS = 26
HOP_MS = 10
# ITU-T Q.24: administrations accept 4 to 8 dB between the two; codecs add to it.
TWIST_DB = 10.0
# The two tones' share of the frame's energy: 1 for clean tones, about 0.8 at 10 dB of noise.
SHARE = 0.75
# A second harmonic this near to its tone (dB) is a voice's.
HARMONIC_DB = 12.0
# Quieter than this (dB below full scale) nothing is told from the line's noise.
FLOOR_DBFS = -55.0
# Keys last 40 ms or more (ITU-T Q.24): this many frames must agree.
STEADY_FRAMES = 2
# Presses nearer than this are one burst: the gaps say how many keys were pressed.
BURST_GAP_MS = 600
_BLOCK_FRAMES = 6000


def bursts(signal: Signal, channel: int) -> tuple[Stretch, ...]:
    """Stretches of one channel in which keys were pressed, edges outward by a frame."""
    sample_rate = signal.sample_rate
    keys = _all_keys(signal, channel)
    if not len(keys):
        return ()
    found: list[Stretch] = []
    end_of_sound = -(-signal.samples * 1000 // sample_rate)
    for first, last in _steady(keys):
        start = max(0, first * HOP_MS - FRAME_MS)
        end = min(end_of_sound, last * HOP_MS + 2 * FRAME_MS)
        if found and start - found[-1].end_ms <= BURST_GAP_MS:
            found[-1] = Stretch(channel, found[-1].start_ms, end)
        else:
            found.append(Stretch(channel, start, end))
    return tuple(found)


def _all_keys(signal: Signal, channel: int) -> NDArray[np.int8]:
    """The key in each frame of a channel."""
    size, hop = FRAME_MS * signal.sample_rate // 1000, HOP_MS * signal.sample_rate // 1000
    full_scale = 1.0 if signal.dtype.kind == "f" else float(np.iinfo(signal.dtype).max)
    keys = [np.zeros(0, np.int8)]
    for at in range(0, signal.samples - size + 1, _BLOCK_FRAMES * hop):
        samples = signal.read(at, at + (_BLOCK_FRAMES - 1) * hop + size)[channel]
        frames = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop]
        keys.append(_keys(frames.astype(np.float32) / full_scale, signal.sample_rate))
    return np.concatenate(keys)


def _keys(frames: NDArray[np.float32], sample_rate: int) -> NDArray[np.int8]:
    """The key in each frame, 0 to 15; -1 for none."""
    size = frames.shape[1]
    window = np.hanning(size).astype(np.float32)
    clock = np.arange(size) / sample_rate
    tones = np.array([*LOW_HZ, *HIGH_HZ])
    waves = np.exp(-2j * np.pi * np.outer(clock, [*tones, *(2 * tones)])).astype(np.complex64) * window[:, None]
    power = np.abs(frames @ waves) ** 2 * (2 / window.sum()) ** 2 / 2
    energy = (frames**2 * window**2).sum(1) / (window**2).sum() + 1e-12
    low, high = power[:, :4], power[:, 4:8]
    row, column = low.argmax(1), high.argmax(1)
    at = np.arange(len(frames))
    one, other = low[at, row], high[at, column]
    harmonics = np.maximum(power[at, 8 + row] / (one + 1e-12), power[at, 12 + column] / (other + 1e-12))
    twist = np.abs(10 * np.log10((one + 1e-12) / (other + 1e-12)))
    rest = power[:, :8].sum(1) - one - other
    good = (
        (one + other > SHARE * energy)
        & (twist < TWIST_DB)
        & (harmonics < 10 ** (-HARMONIC_DB / 10))
        & (rest < 0.25 * (one + other))
        & (energy > 10 ** (FLOOR_DBFS / 10))
    )
    return np.where(good, 4 * row + column, -1).astype(np.int8)


def _steady(keys: NDArray[np.int8]) -> list[tuple[int, int]]:
    """First and last frame of each run of frames with the same key that is long enough."""
    changes = np.flatnonzero(np.diff(keys)) + 1
    starts = np.concatenate([[0], changes])
    ends = np.concatenate([changes, [len(keys)]]) - 1
    return [
        (int(first), int(last))
        for first, last in zip(starts, ends, strict=True)
        if keys[first] >= 0 and last - first + 1 >= STEADY_FRAMES
    ]
