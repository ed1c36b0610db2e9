"""One recording on its way through: decoded, masked, encoded, decoded again."""

import io
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from redact.audio.decode import Decoded, decode
from redact.audio.encode import Encoded, encode
from redact.audio.mask import apply, replaced
from redact.call import Recording
from redact.findings import AudioInterval, MaskStyle

INTERVALS = (AudioInterval(300, 500, (0, 1), ("PERSON",)), AudioInterval(700, 800, (0,), ("CREDIT_CARD",)))


@dataclass(frozen=True)
class RoundTrip:
    recording: Recording
    pcm: np.ndarray
    masked: np.ndarray
    outside: np.ndarray  # of the masks
    encoded: Encoded
    data: bytes
    again: Recording
    heard: np.ndarray


def pcm_of(decoded: Decoded) -> np.ndarray:
    """All of its sound, of shape (channels, samples)."""
    return np.asarray(decoded.pcm)


def written(decoded: Decoded, path: Path, intervals: tuple[AudioInterval, ...]) -> tuple[Encoded, bytes, np.ndarray]:
    """What is written with these intervals masked: the facts, the file, the masked sound."""
    recording, pcm = decoded.recording, pcm_of(decoded)
    masked = apply(pcm, intervals, MaskStyle(), recording.sample_rate)
    spans = [
        replaced(intervals, channel, recording.sample_rate, recording.samples) for channel in range(recording.channels)
    ]
    out = io.BytesIO()
    return encode(recording, path, masked, spans, out), out.getvalue(), masked


def through(path: Path) -> RoundTrip:
    decoded = decode(path)
    recording = decoded.recording
    present = range(recording.channels)
    intervals = tuple(replace(each, channels=tuple(c for c in each.channels if c in present)) for each in INTERVALS)
    encoded, data, masked = written(decoded, path, intervals)
    outside = np.ones((recording.channels, recording.samples), bool)
    for channel in present:
        for first, last in replaced(intervals, channel, recording.sample_rate, recording.samples):
            outside[channel, first:last] = False
    result = path.with_name("result")
    result.write_bytes(data)
    again = decode(result)
    return RoundTrip(recording, pcm_of(decoded), masked, outside, encoded, data, again.recording, pcm_of(again))
