"""Keypad tones: every key through every telephone codec, and nothing else."""

import io

import av
import numpy as np
import pytest
import soundfile
from sounds import pcm_of

from redact.audio import dtmf
from redact.audio.mask import Masked
from redact.findings import AudioInterval, MaskStyle

RATE = 8000
KEYS = [(low, high) for low in dtmf.LOW_HZ for high in dtmf.HIGH_HZ]


def bursts(sound: np.ndarray, rate: int) -> tuple:
    return dtmf.bursts(pcm_of(sound, rate), 0)


def tone(*frequencies: float, ms: int = 90, level_db: float = -12.0) -> np.ndarray:
    clock = np.arange(RATE * ms // 1000) / RATE
    return 10 ** (level_db / 20) * sum(np.sin(2 * np.pi * f * clock) for f in frequencies) / len(frequencies)


def silence(ms: int) -> np.ndarray:
    return np.zeros(RATE * ms // 1000)


def keyed(level_db: float = -12.0) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """All sixteen keys, 90 ms each with 700 ms between, and their times in ms."""
    parts, times, at = [silence(500)], [], 500
    for low, high in KEYS:
        parts += [tone(low, high, level_db=level_db), silence(700)]
        times.append((at, at + 90))
        at += 790
    return np.concatenate(parts).astype(np.float32), times


def through(sound: np.ndarray, codec: str) -> np.ndarray:
    if codec in {"ULAW", "GSM610"}:
        buffer = io.BytesIO()
        soundfile.write(buffer, sound, RATE, format="WAV", subtype=codec)
        buffer.seek(0)
        return soundfile.read(buffer, dtype="float32")[0]
    buffer = io.BytesIO()
    name, rate, container = {"mp3": ("libmp3lame", RATE, "mp3"), "opus": ("libopus", 48_000, "ogg")}[codec]
    with av.open(buffer, "w", format=container) as out:
        stream = out.add_stream(name, rate=rate)
        stream.layout = "mono"
        stream.bit_rate = 16_000 if codec == "mp3" else 12_000
        frame = av.AudioFrame.from_ndarray(sound[None, :], format="fltp", layout="mono")
        frame.sample_rate = RATE
        resampler = av.AudioResampler(stream.codec_context.format, "mono", rate, stream.codec_context.frame_size)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    buffer.seek(0)
    with av.open(buffer) as coded:
        resampler = av.AudioResampler("fltp", "mono", RATE)
        frames = [p for f in coded.decode(audio=0) for p in resampler.resample(f)] + resampler.resample(None)
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


@pytest.mark.parametrize("level_db", [-6.0, -12.0, -30.0])
@pytest.mark.parametrize("codec", ["", "ULAW", "GSM610", "mp3", "opus"])
def test_every_key_is_covered_whole(codec: str, level_db: float) -> None:
    sound, times = keyed(level_db)
    found = bursts(through(sound, codec) if codec else sound, RATE)
    for start, end in times:
        assert any(b.start_ms <= start and end <= b.end_ms for b in found), (codec, start)


def harmonics(base: float, count: int) -> np.ndarray:
    """A voice-like sound whose pitch moves."""
    clock = np.arange(RATE * 3) / RATE
    phase = 2 * np.pi * np.cumsum(base * (1 + 0.15 * np.sin(2 * np.pi * 1.3 * clock))) / RATE
    return sum(np.sin(n * phase) / n for n in range(1, count)) * 0.2


@pytest.mark.parametrize(
    "sound",
    [
        harmonics(120, 20), harmonics(220, 12), harmonics(697 / 3, 9),
        tone(440, 350, ms=2000),
        tone(1000, ms=2000),
        tone(697, ms=1000),
        tone(440, 554.4, 659.3, ms=2000),
        tone(523.3, 659.3, 784, 1046.5, ms=2000),
        np.random.default_rng(1).normal(0, 0.1, RATE * 3), silence(2000),
    ],
    ids=["voice", "high", "near", "dial tone", "beep", "one tone", "A chord", "C chord", "noise", "silence"],
)  # fmt: skip
def test_nothing_else_is_a_key(sound: np.ndarray) -> None:
    assert bursts(sound.astype(np.float32), RATE) == ()


@pytest.mark.parametrize("kind", ["tone", "noise", "silence"])
def test_after_masking_nothing_is_found(kind: str) -> None:
    sound, _ = keyed()
    found = bursts(sound, RATE)
    intervals = [AudioInterval(b.start_ms, b.end_ms, (0,), ("KEYPAD_TONES",)) for b in found]
    assert dtmf.bursts(Masked(pcm_of(sound, RATE), intervals, MaskStyle(kind)), 0) == ()


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float32])
def test_any_rate_and_sample_format(rate: int, dtype: type) -> None:
    clock = np.arange(rate // 5) / rate
    sound = 0.2 * (np.sin(2 * np.pi * 770 * clock) + np.sin(2 * np.pi * 1336 * clock))
    full_scale = 1 if dtype is np.float32 else np.iinfo(dtype).max
    (burst,) = bursts((sound * full_scale).astype(dtype), rate)
    assert (burst.channel, burst.start_ms) == (0, 0)
    assert burst.end_ms >= 200
