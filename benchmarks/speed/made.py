"""Calls of any length, made by repeating one."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from redact.audio import wav
from redact.audio.decode import decode
from redact.audio.pcm import Pcm, blocks


def long_call(call: Path, seconds: float, made: Path, *, mono: bool = False, pause_s: float = 0.0) -> Path:
    """A WAV of so many seconds: the call and a pause, over and over; its channels in one where that is wanted."""
    with decode(call) as decoded, made.open("wb") as target:
        pcm = decoded.pcm
        samples = round(seconds * pcm.sample_rate)
        sound = _over_and_over(pcm, round(pause_s * pcm.sample_rate), samples)
        if mono:
            sound = (np.clip(block.sum(axis=0, keepdims=True, dtype=np.int32), -32768, 32767) for block in sound)
        channels = 1 if mono else pcm.channels
        wav.write_pcm16((block.astype(np.int16) for block in sound), channels, samples, pcm.sample_rate, target)
    return made


def _over_and_over(pcm: Pcm, pause: int, samples: int) -> Iterator[NDArray[np.int16]]:
    silence = np.zeros((pcm.channels, pause), np.int16)
    while samples > 0:
        for block in (*(block for _, block in blocks(pcm)), silence):
            yield block[:, :samples]
            samples = max(samples - block.shape[1], 0)
