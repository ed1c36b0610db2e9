"""Where somebody speaks: Silero's voice activity detector, as it ships with faster-whisper."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from redact.call import Stretch

SAMPLE_RATE = 16_000
# Pauses shorter than this don't end a region: they are within a phrase, where cutting would cost context.
MIN_PAUSE_MS = 300
# Silero's own default. At 0.5 it misses next to nothing of the telephone speech measured in docs/decisions/0003.
THRESHOLD = 0.5
# A channel's sound is the other side's, heard across, where it follows the other channel this closely and is this
# much quieter. Cross-talk at -30 dB correlates above 0.9; two people speaking at once, below 0.3.
ECHO_CORRELATION = 0.5
ECHO_BELOW_DB = 10.0
_ECHO_FRAME = 1024
# Sound is audible this far above the level of the channel's quiet parts, and above this of full scale.
AUDIBLE_DB = 12.0
AUDIBLE_DBFS = -50.0
_QUIET_PERCENTILE = 15
_FRAME_MS = 30
# Shorter sounds are clicks.
_LEAST_FRAMES = 3


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


def audible(sound: NDArray[np.float32], channel: int) -> tuple[Stretch, ...]:
    """Stretches of one channel that are well above its noise, whatever sounds there, in time order.

    A detector of speech misses voices that are unlike those it knows: on synthetic voices of low pitch, Silero's found
    27 % of what was said, this with it all. What is heard here has to be listened to by the speech model.

    Args:
        sound: mono samples in [-1, 1] at 16 kHz.
        channel: to name in the stretches.
    """
    frame = SAMPLE_RATE * _FRAME_MS // 1000
    frames = len(sound) // frame
    if not frames:
        return ()
    power = np.square(sound[: frames * frame].reshape(frames, frame)).mean(axis=1)
    level = 10 * np.log10(power + 1e-10)
    loud = level > max(float(np.percentile(level, _QUIET_PERCENTILE)) + AUDIBLE_DB, AUDIBLE_DBFS)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], loud.astype(np.int8), [0])))).reshape(-1, 2)
    return tuple(
        Stretch(channel, int(first) * _FRAME_MS, int(after) * _FRAME_MS)
        for first, after in edges
        if after - first >= _LEAST_FRAMES
    )


def without_echo(sounds: Sequence[NDArray[np.float32]]) -> tuple[NDArray[np.float32], ...]:
    """Each channel with the stretches silenced in which only another channel is heard across.

    Faint copies of the other side's words would be transcribed a second time, and badly. Nothing is lost for masking:
    the words are transcribed where they were spoken, and masks cover all channels. Echo with a delay is not found.

    Args:
        sounds: of equal length, mono at 16 kHz.
    """
    frames = len(sounds[0]) // _ECHO_FRAME
    if len(sounds) < 2 or not frames:
        return tuple(sounds)
    cut = [sound[: frames * _ECHO_FRAME].reshape(frames, _ECHO_FRAME) for sound in sounds]
    power = [np.einsum("ij,ij->i", frame, frame) + 1e-9 for frame in cut]
    result = []
    for own, sound in enumerate(sounds):
        echo = np.zeros(frames, dtype=bool)
        for other in range(len(sounds)):
            if other != own:
                common = np.abs(np.einsum("ij,ij->i", cut[own], cut[other]))
                alike = common > ECHO_CORRELATION * np.sqrt(power[own] * power[other])
                echo |= alike & (power[own] < power[other] * 10 ** (-ECHO_BELOW_DB / 10))
        silenced = sound.copy()
        silenced[: frames * _ECHO_FRAME].reshape(frames, _ECHO_FRAME)[echo] = 0.0
        result.append(silenced)
    return tuple(result)
