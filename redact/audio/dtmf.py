"""Keypad tones (DTMF): no transcript shows them, and whoever hears them can read the digits.

Each key sounds one of four low and one of four high frequencies (ITU-T Q.23). Goertzel's sums for all eight, and for
their second harmonics, are taken at once over short overlapping frames. Three questions are asked:

1. Does the frame sound like a key? One low and one high frequency carry a good share of its energy, neither much
   louder than the other, and no second harmonic as speech has.
2. Do both frequencies stay where a key has them from frame to frame? The phases tell it to a few hertz. This is what
   tells a key from a voice, so that keys are found beneath a voice as well.
3. Is it enough? Each frame is evidence by the tones' share of it: two frames of clean tones will do, beneath a voice
   it takes more, and beside another key less.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from redact.audio.pcm import Signal
from redact.call import Stretch

LOW_HZ = (697, 770, 852, 941)
HIGH_HZ = (1209, 1336, 1477, 1633)
FRAME_MS = 26
HOP_MS = 10
# ITU-T Q.24: administrations accept 4 to 8 dB between the two; GSM and AMR add to it.
TWIST_DB = 12.0
# The two tones' least share of a frame's energy: 1 for clean tones, 0.9 at 10 dB of noise, 0.5 beneath an equal voice.
SHARE = 0.35
# A second harmonic this near to its tone (dB) is a voice's.
HARMONIC_DB = 9.0
# The next best tones' share of the two.
REST = 0.25
# ITU-T Q.24: keys off by 1.5 % are accepted. Beyond it is what codecs add.
OFF = 0.019
# Beneath a voice frequencies that waver more than this (Hz, standard deviation) are the voice's; clean tones, whose
# share is more than the second on average, may waver by what codecs do to them.
WAVER_HZ = 8.0
CLEAN_SHARE = 0.75
# Quieter than this (dB below full scale) nothing is told from the line's noise.
FLOOR_DBFS = -55.0
# A frame is worth the tones' share above the first; a press is worth its frames together, and must be worth more than
# the second. Keys last 40 ms or more (ITU-T Q.24), which is two whole frames, and parts of others.
WORTHLESS_SHARE = 0.3
PRESSED = 1.2
# What is worth this is no chance: nothing but keys and chords at their very frequencies was, in 20 hours of both.
SURE = 3.0
# Near a key other keys are to be expected: this much will do, within this time.
PRESSED_NEAR = 0.3
NEAR_MS = 1500
# Presses nearer than this are one burst: the gaps say how many keys were pressed.
BURST_GAP_MS = 600
_BLOCK_FRAMES = 6000
# Keys off their frequency are looked for there too: beyond half of OFF a frame as short as this hears them fainter.
_OFFSETS = (0.0, -0.012, 0.012)
# Of each frame: the likeliest key, 0 to 15; the tones' share of the frame's energy, 0 where it is no key; the phases of
# both tones at the frame's start.
_HEARD = np.dtype([("key", np.int8), ("share", np.float32), ("low", np.float32), ("high", np.float32)])


def bursts(signal: Signal, channel: int, *, worth: float = PRESSED) -> tuple[Stretch, ...]:
    """Stretches of one channel in which keys were pressed, edges outward by a frame.

    Args:
        signal: the sound.
        channel: of it.
        worth: what a press must be worth; `SURE` for those beyond doubt.
    """
    sample_rate = signal.sample_rate
    hop = HOP_MS * sample_rate // 1000
    found: list[Stretch] = []
    end_of_sound = -(-signal.samples * 1000 // sample_rate)
    for first, last in _presses(_heard(signal, channel), hop / sample_rate, worth):
        start = max(0, first * hop * 1000 // sample_rate - FRAME_MS)
        end = min(end_of_sound, -(-last * hop * 1000 // sample_rate) + 2 * FRAME_MS)
        if found and start - found[-1].end_ms <= BURST_GAP_MS:
            found[-1] = Stretch(channel, found[-1].start_ms, end)
        else:
            found.append(Stretch(channel, start, end))
    return tuple(found)


def _heard(signal: Signal, channel: int) -> NDArray[Any]:
    """What is heard in each frame of a channel, as `_HEARD`."""
    size, hop = FRAME_MS * signal.sample_rate // 1000, HOP_MS * signal.sample_rate // 1000
    full_scale = 1.0 if signal.dtype.kind == "f" else float(np.iinfo(signal.dtype).max)
    heard = [np.zeros(0, _HEARD)]
    for at in range(0, signal.samples - size + 1, _BLOCK_FRAMES * hop):
        samples = signal.read(at, at + (_BLOCK_FRAMES - 1) * hop + size)[channel]
        frames = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop]
        heard.append(_keys(frames.astype(np.float32) / full_scale, signal.sample_rate))
    return np.concatenate(heard)


def _keys(frames: NDArray[np.float32], sample_rate: int) -> NDArray[Any]:
    """What is heard in each frame, as `_HEARD`."""
    size = frames.shape[1]
    window = np.hanning(size).astype(np.float32)
    clock = np.arange(size) / sample_rate
    tones = np.array([*LOW_HZ, *HIGH_HZ])
    asked = np.concatenate([*(tones * (1 + off) for off in _OFFSETS), 2 * tones])
    waves = np.exp(-2j * np.pi * np.outer(clock, asked)).astype(np.complex64) * window[:, None]
    sums = frames @ waves
    power = np.abs(sums) ** 2 * (2 / window.sum()) ** 2 / 2
    energy = (frames**2) @ window**2 / (window**2).sum() + 1e-12
    exact, harmonic = power[:, :8], power[:, 24:] + 1e-12
    best = power[:, :24].reshape(-1, len(_OFFSETS), 8).max(1) + 1e-12
    row, column = best[:, :4].argmax(1), best[:, 4:].argmax(1)
    at = np.arange(len(frames))
    low, high = best[at, row], best[at, 4 + column]
    # The high tone one to the right of the low one's row is near twice the low one (2 * 697, 1336): no harmonic.
    of_low = np.where(column == row + 1, 0.0, harmonic[at, row] / low)
    rest = exact.sum(1) - exact[at, row] - exact[at, 4 + column]
    good = (
        (low + high > SHARE * energy)
        & (np.abs(10 * np.log10(low / high)) < TWIST_DB)
        & (np.maximum(of_low, harmonic[at, 4 + column] / high) < 10 ** (-HARMONIC_DB / 10))
        & (rest < REST * (low + high))
        & (energy > 10 ** (FLOOR_DBFS / 10))
    )
    heard = np.empty(len(frames), _HEARD)
    heard["key"] = 4 * row + column
    heard["share"] = np.where(good, (low + high) / energy, 0.0)
    heard["low"], heard["high"] = np.angle(sums[at, row]), np.angle(sums[at, 4 + column])
    return heard


def _presses(heard: NDArray[Any], hop_s: float, worth: float) -> list[tuple[int, int]]:
    """First and last frame of each press: the same key in frames side by side, at its frequencies, for long enough."""
    key, is_key = heard["key"], heard["share"] > 0
    low = _off_hz(heard["low"], np.array(LOW_HZ)[key // 4], hop_s)
    high = _off_hz(heard["high"], np.array(HIGH_HZ)[key % 4], hop_s)
    goes_on = is_key[1:] & is_key[:-1] & (key[1:] == key[:-1])
    goes_on &= (np.abs(low) < OFF * np.array(LOW_HZ)[key[:-1] // 4]) & (
        np.abs(high) < OFF * np.array(HIGH_HZ)[key[:-1] % 4]
    )
    edges = np.diff(np.concatenate([[0], goes_on.astype(np.int8), [0]]))
    runs = list(zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True))
    shares = [heard["share"][first : last + 1] for first, last in runs]
    worths = [float((share - WORTHLESS_SHARE).sum()) for share in shares]
    pressed = [
        worths[i] > worth
        and (shares[i].mean() > CLEAN_SHARE or max(low[first:last].std(), high[first:last].std()) < WAVER_HZ)
        for i, (first, last) in enumerate(runs)
    ]
    sure = [run for run, is_pressed in zip(runs, pressed, strict=True) if is_pressed]
    starts, ends = np.array([first for first, _ in sure]), np.array([last for _, last in sure])
    reach = NEAR_MS / 1000 / hop_s

    def is_near(first: int, last: int) -> bool:
        after = int(np.searchsorted(starts, first))
        return (after < len(sure) and starts[after] - last < reach) or (after > 0 and first - ends[after - 1] < reach)

    return [
        run
        for run, is_pressed, value in zip(runs, pressed, worths, strict=True)
        if is_pressed or (value > PRESSED_NEAR and is_near(*run))
    ]


def _off_hz(phases: NDArray[np.float32], tones_hz: NDArray[np.int_], hop_s: float) -> NDArray[np.float64]:
    """How far from each frame's tone its frequency is, by how the phase moved on to the next frame."""
    turns = np.diff(phases.astype(np.float64)) / (2 * np.pi) - tones_hz[:-1] * hop_s
    off: NDArray[np.float64] = (turns - np.rint(turns)) / hop_s
    return off
