"""Is what was staged really redacted? Checked on the staged files themselves, before any of them gets its name."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from redact.audio import mask
from redact.call import Recording
from redact.findings import AudioInterval, Check

# Share of the original's amplitude that may be left inside a mask: lossy codecs smear their neighbours' sound into it.
MAX_GAIN = 0.05
# Shorter or quieter than this a gain is chance. Level in dB below full scale.
MIN_SPAN_MS = 100
QUIET_DBFS = -50.0
# Codecs that state no length may be off by one of their frames; the longest is AAC's, 1024 samples at 8 kHz.
MAX_LENGTH_DIFFERENCE_MS = 130
_WORD = re.compile(r"[^\W_]+(?:['’.,:@/\-+&][^\W_]+)*")


def check_sound(
    original: NDArray[Any], written: NDArray[Any], recording: Recording, written_rate: int, intervals: Sequence[AudioInterval]
) -> tuple[Check, ...]:
    """Compare the written file, decoded again, with the original.

    Args:
        original: shape (channels, samples).
        written: the same of the staged file, as decoded.
        recording: facts of the original.
        written_rate: sample rate of the written file, in Hz.
        intervals: that should be masked.
    """
    same_shape = written.shape[0] == original.shape[0] and written_rate == recording.sample_rate
    difference_ms = abs(written.shape[1] - original.shape[1]) * 1000 / recording.sample_rate
    checks = [
        Check("channels_and_rate_kept", same_shape),
        Check("duration_kept", same_shape and difference_ms <= MAX_LENGTH_DIFFERENCE_MS, round(difference_ms, 3)),
    ]
    if same_shape:
        gain = max(_gains(original, written, recording.sample_rate, intervals), default=0.0)
        checks.append(Check("samples_replaced", gain <= MAX_GAIN, round(gain, 4)))
    return tuple(checks)


def _gains(
    original: NDArray[Any], written: NDArray[Any], rate: int, intervals: Sequence[AudioInterval]
) -> Iterable[float]:
    """For each masked span, how much of the original's amplitude is in what was written."""
    length = min(original.shape[1], written.shape[1])
    for channel in range(original.shape[0]):
        for first, last in mask.spans(intervals, channel, rate, length):
            before, after = _unit(original[channel, first:last]), _unit(written[channel, first:last])
            energy = float(before @ before)
            if last - first >= MIN_SPAN_MS * rate // 1000 and energy / (last - first) > 10 ** (QUIET_DBFS / 10):
                yield abs(float(before @ after)) / energy


def _unit(samples: NDArray[Any]) -> NDArray[np.float64]:
    full_scale = 1.0 if samples.dtype.kind == "f" else float(np.iinfo(samples.dtype).max)
    return samples.astype(np.float64) / full_scale


def check_text(texts: Iterable[str], values: frozenset[tuple[str, ...]]) -> Check:
    """No masked value may stand in any text output, by whole words.

    Args:
        texts: what a reader sees of each output.
        values: masked values, each as its words free of case and marks (`redact.plan.values`).
    """
    left = 0
    for text in texts:
        words = ["".join(c for c in match.lower() if c.isalnum()) for match in _WORD.findall(text)]
        starts: dict[str, list[int]] = {}
        for position, word in enumerate(words):
            starts.setdefault(word, []).append(position)
        left += sum(
            tuple(words[at : at + len(value)]) == value for value in values for at in starts.get(value[0], ())
        )
    return Check("no_value_in_text", left == 0, float(left))
