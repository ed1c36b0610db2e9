"""A light copy of redacted sound, to look at and to listen to: peaks for a picture, and a small MP3 that browsers play.

It is made from sound that is already redacted, block by block, so it can hold nothing that the redacted recording
doesn't. The same sound gives the same copy.
"""

import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from redact.call import Recording

COLUMNS = 2_000
"""Most columns of a channel's picture: about one for each pixel of a wide window."""

LONGEST_MS = 3 * 3_600_000
"""Longer recordings get no MP3: two channels of so long a call take 65 MB."""

SAMPLE_RATE = 16_000  # of the MP3, whatever the recording's: enough for speech, and a rate that all browsers play
BIT_RATE_A_CHANNEL = 24_000
_MOST_CHANNELS = 2  # an MP3 has no more; recordings with more are mixed down to one


@dataclass(frozen=True, slots=True)
class LightCopy:
    """What a page shows and plays of a recording.

    Attributes:
        peaks: lowest and highest sample of each column, in [-1, 1]; shape (channels, columns, 2).
        mp3: the sound, empty where the recording is too long or MP3 can't be written here.
        mixed: True where the MP3's one channel is the mean of more than two.
    """

    peaks: NDArray[np.float32] = field(repr=False)
    mp3: bytes = field(repr=False)
    mixed: bool


def light_copy(blocks: Iterable[NDArray[Any]], recording: Recording) -> LightCopy:
    """Peaks and MP3 of redacted sound.

    Args:
        blocks: of shape (channels, samples), in order, of any length; int16, int32 or float32.
        recording: facts about that sound.
    """
    peaks = _Peaks(recording.channels, recording.samples)
    mixed = recording.channels > _MOST_CHANNELS
    mp3 = _Mp3(1 if mixed else recording.channels, recording.sample_rate) if _is_short(recording) else None
    for block in blocks:
        full_scale = 1.0 if block.dtype.kind == "f" else -float(np.iinfo(block.dtype).min)
        sound = np.clip(block.astype(np.float32) / np.float32(full_scale), -1, 1)
        peaks.add(sound)
        if mp3:
            mp3.add(sound.mean(axis=0, keepdims=True) if mixed else sound)
    return LightCopy(peaks.columns, mp3.done() if mp3 else b"", mixed)


def _is_short(recording: Recording) -> bool:
    return 0 < recording.duration_ms <= LONGEST_MS


class _Peaks:
    """Lowest and highest sample of each of at most `COLUMNS` columns of (nearly) the same width."""

    def __init__(self, channels: int, samples: int) -> None:
        count = min(COLUMNS, samples)
        self._starts = -(-np.arange(count, dtype=np.int64) * samples // max(count, 1))
        self._at = 0
        self.columns = np.zeros((channels, count, 2), np.float32)

    def add(self, sound: NDArray[np.float32]) -> None:
        end = self._at + sound.shape[1]
        first = int(np.searchsorted(self._starts, self._at, side="right")) - 1
        last = int(np.searchsorted(self._starts, end, side="left"))
        if 0 <= first < last:
            cuts = np.maximum(self._starts[first:last] - self._at, 0)
            known = self.columns[:, first:last]
            # Zero, where a column begins, lies between its extremes or is nearer to the axis: a picture hangs on it.
            known[:, :, 0] = np.minimum(known[:, :, 0], np.minimum.reduceat(sound, cuts, axis=1))
            known[:, :, 1] = np.maximum(known[:, :, 1], np.maximum.reduceat(sound, cuts, axis=1))
        self._at = end


class _Mp3:
    """An MP3 without tags, in memory."""

    def __init__(self, channels: int, sample_rate: int) -> None:
        import av

        self._buffer = io.BytesIO()
        self._layout = "mono" if channels == 1 else "stereo"
        self._sample_rate = sample_rate
        self._at = 0
        self._container: Any = None
        try:
            container = av.open(self._buffer, "w", format="mp3", options={"fflags": "+bitexact", "id3v2_version": "0"})
            stream = container.add_stream("libmp3lame", rate=SAMPLE_RATE, options={"flags": "+bitexact"})
        except (av.FFmpegError, av.codec.codec.UnknownCodecError):  # PyAV's wheels differ in the encoders they bring
            return
        stream.codec_context.format = "fltp"
        stream.codec_context.layout = self._layout
        stream.codec_context.thread_count = 1
        stream.codec_context.bit_rate = BIT_RATE_A_CHANNEL * channels
        self._container, self._stream = container, stream
        self._resampler = av.AudioResampler(format="fltp", layout=self._layout, rate=SAMPLE_RATE)

    def add(self, sound: NDArray[np.float32]) -> None:
        import av

        if self._container is None or not sound.shape[1]:
            return
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(sound.T).reshape(1, -1), format="flt", layout=self._layout
        )
        frame.sample_rate = self._sample_rate
        frame.time_base = Fraction(1, self._sample_rate)
        frame.pts = self._at
        self._at += sound.shape[1]
        self._encode(frame)

    def done(self) -> bytes:
        if self._container is None:
            return b""
        self._encode(None)
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._buffer.getvalue()

    def _encode(self, frame: Any) -> None:
        for resampled in self._resampler.resample(frame):
            self._container.mux(self._stream.encode(resampled))
