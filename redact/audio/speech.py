"""Where somebody speaks: Silero's voice activity detector, as it ships with faster-whisper."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from redact.call import Stretch

SAMPLE_RATE = 16_000
# Pauses shorter than this don't end a region: they are within a phrase, where cutting would cost context.
MIN_PAUSE_MS = 300
# Silero's own default. At 0.5 it misses next to nothing of the telephone speech measured in docs/decisions/0003.
THRESHOLD = 0.5


def regions(sound: NDArray[np.float32], channel: int) -> tuple[Stretch, ...]:
    """Stretches of one channel in which somebody speaks, in time order.

    Args:
        sound: mono samples in [-1, 1] at 16 kHz.
        channel: to name in the stretches.
    """
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    if not len(sound):
        return ()
    options = VadOptions(threshold=THRESHOLD, min_silence_duration_ms=MIN_PAUSE_MS, speech_pad_ms=0)
    found: list[dict[str, Any]] = get_speech_timestamps(sound, options)
    return tuple(
        Stretch(
            channel, int(r["start"]) * 1000 // SAMPLE_RATE, -(-min(int(r["end"]), len(sound)) * 1000 // SAMPLE_RATE)
        )
        for r in found
    )
