"""One recording on its way through: decoded, masked, encoded, decoded again."""

import io
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from redact.audio.decode import decode
from redact.audio.encode import Encoded, encode
from redact.audio.mask import Masked, replaced
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


def through(path: Path) -> RoundTrip:
    with decode(path) as decoded:
        recording, pcm = decoded.recording, decoded.pcm.read()
        intervals = tuple(
            replace(each, channels=tuple(c for c in each.channels if c < recording.channels)) for each in INTERVALS
        )
        spans = [
            replaced(intervals, channel, recording.sample_rate, recording.samples)
            for channel in range(recording.channels)
        ]
        masked = Masked(decoded.pcm, intervals, MaskStyle())
        out = io.BytesIO()
        encoded = encode(recording, path, masked, spans, out)
        sound = masked.read()
    outside = np.ones(pcm.shape, bool)
    for channel, of_channel in enumerate(spans):
        for first, last in of_channel:
            outside[channel, first:last] = False
    result = path.with_name("result")
    result.write_bytes(out.getvalue())
    with decode(result) as again:
        return RoundTrip(recording, pcm, sound, outside, encoded, out.getvalue(), again.recording, again.pcm.read())
