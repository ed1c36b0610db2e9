"""Decoding: exact where the format is, whole or refused, and open to nothing but the file."""

import io
import random
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from redact.audio.decode import DecodeLimits, decode
from redact.audio.resample import resample
from redact.errors import InputRejected, UsageError

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
RATE = 8000
CLOCK = np.arange(RATE * 6) / RATE
SOUND = (0.4 * np.sin(2 * np.pi * (200 + 60 * CLOCK) * CLOCK)).astype(np.float32)


def with_soundfile(subtype: str, container: str = "WAV", rate: int = RATE) -> bytes:
    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", rate, 1, format=container, subtype=subtype) as file:
        for block in np.array_split(SOUND, 40):
            file.write(block)
    return buffer.getvalue()


def with_av(container: str, codec: str, rate: int = RATE, sample_format: str = "fltp") -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate)
        stream.layout = "mono"
        stream.bit_rate = 32_000
        kind = np.int16 if sample_format.startswith("s16") else np.float32
        sound = (SOUND * 32767).astype(np.int16) if kind is np.int16 else SOUND
        frame = av.AudioFrame.from_ndarray(sound[None, :].astype(kind), format=sample_format, layout="mono")
        frame.sample_rate = RATE
        resampler = av.AudioResampler(
            stream.codec_context.format, "mono", rate, stream.codec_context.frame_size or 1024
        )
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    return buffer.getvalue()


LOSSY = {
    "mp3": lambda: with_av("mp3", "libmp3lame"),
    "opus": lambda: with_av("ogg", "libopus", 48_000),
    "vorbis": lambda: with_soundfile("VORBIS", "OGG"),
    "m4a": lambda: with_av("ipod", "aac"),
    "adts": lambda: with_av("adts", "aac"),
    "webm": lambda: with_av("webm", "libopus", 48_000),
    "flac": lambda: with_soundfile("PCM_16", "FLAC"),
}


@pytest.mark.parametrize(
    ("subtype", "dtype", "tolerance"),
    [
        ("PCM_U8", np.int16, 2**-7), ("PCM_16", np.int16, 2**-14), ("PCM_24", np.int32, 2**-22),
        ("PCM_32", np.int32, 2**-22), ("FLOAT", np.float32, 0), ("ULAW", np.int16, 0.02), ("ALAW", np.int16, 0.02),
        ("GSM610", np.int16, 0.5),
    ],
)  # fmt: skip
def test_wav_in_all_its_codings(tmp_path: Path, subtype: str, dtype: type, tolerance: float) -> None:
    file = tmp_path / "call.bin"
    file.write_bytes(with_soundfile(subtype))
    decoded = decode(file)
    assert decoded.pcm.dtype == dtype
    assert decoded.recording.roles == ("mixed",)
    full_scale = 1.0 if dtype is np.float32 else float(np.iinfo(dtype).max) + 1
    heard = decoded.pcm.read()[0] / full_scale
    length = min(len(heard), len(SOUND))
    assert abs(len(heard) - len(SOUND)) < 320
    assert np.abs(heard[:length] - SOUND[:length]).max() <= tolerance


@pytest.mark.parametrize("name", sorted(LOSSY))
def test_other_formats_come_whole(tmp_path: Path, name: str) -> None:
    file = tmp_path / "call"
    file.write_bytes(LOSSY[name]())
    decoded = decode(file)
    assert abs(decoded.recording.duration_ms - 6000) < 300
    heard = resample(decoded.pcm.read()[0], decoded.recording.sample_rate, RATE)
    spread = np.correlate(heard[8000:24000], SOUND[8000 + 1200 : 24000 - 1200], "valid")
    alike = spread.max() / (np.linalg.norm(heard[9200:22800]) * np.linalg.norm(SOUND[9200:22800]))
    assert alike > 0.9


@pytest.mark.parametrize("share", [0.5, 0.9])
@pytest.mark.parametrize("name", sorted(LOSSY))
def test_cut_files_are_refused(tmp_path: Path, name: str, share: float) -> None:
    data = LOSSY[name]()
    file = tmp_path / "call"
    file.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(InputRejected):
        decode(file)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("name", sorted(LOSSY))
def test_damaged_files_are_refused(tmp_path: Path, name: str, seed: int) -> None:
    data = bytearray(LOSSY[name]())
    rng = random.Random(seed)
    for position in rng.sample(range(200, len(data)), len(data) // 20):
        data[position] = rng.randrange(256)
    file = tmp_path / "call"
    file.write_bytes(data)
    with pytest.raises(InputRejected) as raised:
        decode(file)
    assert raised.value.hint


@pytest.mark.parametrize("name", ["en-card-payment.wav", "fr-paiement-carte.mp3"])
def test_sample_calls_are_stereo_and_whole(name: str) -> None:
    decoded = decode(SAMPLES / name)
    assert decoded.recording.roles == ("agent", "customer")
    assert decoded.pcm.read().shape == (2, decoded.recording.samples)


@pytest.mark.parametrize("script", [b"ffconcat version 1.0\nfile secret.wav\n", b"#EXTM3U\n#EXTINF:1,\nsecret.wav\n"])
def test_a_script_opens_nothing(tmp_path: Path, script: bytes) -> None:
    (tmp_path / "secret.wav").write_bytes(with_soundfile("PCM_16"))
    file = tmp_path / "call.wav"
    file.write_bytes(script)
    with pytest.raises(InputRejected):
        decode(file)


def test_limits_and_roles(tmp_path: Path) -> None:
    file = tmp_path / "call.wav"
    file.write_bytes(with_soundfile("PCM_16"))
    with pytest.raises(InputRejected):
        decode(file, limits=DecodeLimits(max_duration_s=2))
    with pytest.raises(InputRejected):
        decode(file, limits=DecodeLimits(max_bytes=1000))
    with pytest.raises(UsageError, match=r"2.*1|1.*2"):
        decode(file, roles=("agent", "customer"))
    with pytest.raises(InputRejected):
        decode(tmp_path)
