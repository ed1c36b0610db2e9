"""Keypad tones: every key through every telephone codec, and nothing else."""

import io
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from sounds import pcm_of

from redact.audio import dtmf
from redact.audio.mask import Masked
from redact.findings import AudioInterval, MaskStyle

RATE = 8000
SAMPLES = Path(__file__).parents[2] / "samples"
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
    name, rate, container, bit_rate = {
        "mp3": ("libmp3lame", RATE, "mp3", 16_000),
        "opus": ("libopus", 48_000, "ogg", 12_000),
        "amr": ("libopencore_amrnb", RATE, "amr", 12_200),
    }[codec]
    with av.open(buffer, "w", format=container) as out:
        stream = out.add_stream(name, rate=rate)
        stream.layout = "mono"
        stream.bit_rate = bit_rate
        frame = av.AudioFrame.from_ndarray(sound[None, :], format="fltp", layout="mono")
        frame.sample_rate = RATE
        stream.codec_context.open()
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
@pytest.mark.parametrize("codec", ["", "ULAW", "GSM610", "mp3", "opus", "amr"])
def test_every_key_is_covered_whole(codec: str, level_db: float) -> None:
    sound, times = keyed(level_db)
    found = bursts(through(sound, codec) if codec else sound, RATE)
    for start, end in times:
        assert any(b.start_ms <= start and end <= b.end_ms for b in found), (codec, start)


@pytest.mark.parametrize("codec", ["", "ULAW", "mp3"])
@pytest.mark.parametrize("twist_db", [-8.0, 4.0])
@pytest.mark.parametrize("off", [-0.015, 0.0, 0.015])
def test_keys_at_the_edges_of_the_standard_are_covered_whole(off: float, twist_db: float, codec: str) -> None:
    generator = np.random.default_rng(1)
    parts, times = [silence(500)], []
    for low, high in KEYS:
        start = sum(map(len, parts)) * 1000 // RATE
        louder = 10 ** (twist_db / 20)
        key = (tone(low * (1 + off), ms=50) + louder * tone(high * (1 + off), ms=50)) / (1 + louder)
        parts += [key, silence(1700)]
        times.append((start, start + 50))
    sound = np.concatenate(parts)
    sound += generator.normal(0, 0.01, len(sound))
    found = bursts(through(sound.astype(np.float32), codec) if codec else sound.astype(np.float32), RATE)
    for start, end in times:
        assert any(b.start_ms <= start and end <= b.end_ms for b in found), start


def speech(name: str) -> np.ndarray:
    sound = soundfile.read(SAMPLES / name, dtype="float32")[0]
    return sound[:, 0] + sound[:, 1]


def test_keys_beneath_a_voice_are_found() -> None:
    voice = speech("en-internet-outage-control.wav")
    voice *= 0.5 * np.sqrt(0.5) * 10 ** (-12 / 20) / np.sqrt(np.mean(voice[np.abs(voice) > 0.01] ** 2))  # 6 dB below
    found = times = 0
    for at in range(RATE, len(voice) - RATE, 3 * RATE):
        mixed = voice[at - RATE : at + RATE].copy()
        mixed[RATE : RATE + 800] += tone(*KEYS[times % 16], ms=100) * np.sqrt(2)
        found += any(b.start_ms <= 1000 and b.end_ms >= 1100 for b in bursts(mixed, RATE))
        times += 1
    assert found == times


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


@pytest.mark.parametrize("name", ["en-internet-outage-control.wav", "fr-horaires-controle.wav"])
def test_speech_is_no_key(name: str) -> None:
    assert bursts(speech(name), RATE) == ()


def melody(timbre: int) -> np.ndarray:
    """Thirty seconds of chords over two octaves."""
    generator = np.random.default_rng(timbre)
    parts = []
    for _ in range(75):
        root = 220 * 2 ** (generator.integers(24) / 12)
        chord = [root * 2 ** (step / 12) for step in (0, generator.choice([3, 4]), 7)]
        parts.append(
            sum(tone(note * n, ms=400) / n**1.5 for note in chord for n in range(1, timbre) if note * n < 3700)
        )
    return np.concatenate(parts)


@pytest.mark.parametrize("timbre", [4, 6, 9])
def test_music_is_no_key(timbre: int) -> None:
    assert bursts(melody(timbre).astype(np.float32), RATE) == ()


@pytest.mark.parametrize("level_db", [-6.0, -20.0, -40.0])
def test_mask_tones_and_call_progress_tones_are_no_keys(level_db: float) -> None:
    singles = [*range(100, 3900, 40), *dtmf.LOW_HZ, *dtmf.HIGH_HZ]
    pairs = [(440, 480), (480, 620), (350, 440), (400, 450), (2130, 2750), (697, 941), (1209, 1477)]
    sounds = [tone(*hz, ms=400, level_db=level_db) for hz in [*((one,) for one in singles), *pairs]]
    assert bursts(np.concatenate([np.append(s, silence(100)) for s in sounds]).astype(np.float32), RATE) == ()


def test_frames_keep_time_at_rates_that_no_hop_divides() -> None:
    rate = 11_025
    sound = np.zeros(rate * 120, np.float32)
    clock = np.arange(rate // 10) / rate
    sound[110 * rate : 110 * rate + len(clock)] = 0.2 * (
        np.sin(2 * np.pi * 770 * clock) + np.sin(2 * np.pi * 1336 * clock)
    )
    (burst,) = bursts(sound, rate)
    assert 109_900 <= burst.start_ms <= 110_000
    assert 110_100 <= burst.end_ms <= 110_200


@pytest.mark.parametrize("codec", ["", "GSM610", "mp3", "opus"])
@pytest.mark.parametrize("kind", ["tone", "noise", "silence"])
def test_after_masking_nothing_is_found(kind: str, codec: str) -> None:
    sound, _ = keyed()
    found = bursts(sound, RATE)
    intervals = [AudioInterval(b.start_ms, b.end_ms, (0,), ("KEYPAD_TONES",)) for b in found]
    masked = Masked(pcm_of(sound, RATE), intervals, MaskStyle(kind)).read()[0]
    assert bursts(through(masked, codec) if codec else masked, RATE) == ()


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float32])
def test_any_rate_and_sample_format(rate: int, dtype: type) -> None:
    clock = np.arange(rate // 5) / rate
    sound = 0.2 * (np.sin(2 * np.pi * 770 * clock) + np.sin(2 * np.pi * 1336 * clock))
    full_scale = 1 if dtype is np.float32 else np.iinfo(dtype).max
    (burst,) = bursts((sound * full_scale).astype(dtype), rate)
    assert (burst.channel, burst.start_ms) == (0, 0)
    assert burst.end_ms >= 200
