"""Small recordings of every container and codec that is read, made on the spot, to be masked or to be broken."""

import io
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache

import av
import numpy as np
import soundfile
from numpy.typing import NDArray

LAYOUTS = ("", "mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
# Of each coding that is written here by hand: its format tag and the bytes of a sample.
_WAV_CODINGS = {
    "pcm_u8": (1, 1), "pcm_s16le": (1, 2), "pcm_s24le": (1, 3), "pcm_s32le": (1, 4),
    "pcm_f32le": (3, 4), "pcm_f64le": (3, 8), "pcm_alaw": (6, 1), "pcm_mulaw": (7, 1),
}  # fmt: skip
_BLOCK = 1024


@dataclass(frozen=True, slots=True)
class Original:
    """How a recording is made.

    Attributes:
        codec: as `Recording.codec` has it.
        container: as `Recording.container` has it.
        rate: in Hz.
        channels: their number.
        encoder: FFmpeg's name; empty where libsndfile (Vorbis, GSM) or this module (PCM) encodes.
        muxer: FFmpeg's name, where it isn't the container's.
        feed: format of the samples that the encoder is fed; for WAV empty.
        bit_rate: in bits a second, 0 for the encoder's default.
        options: further ones of the encoder.
        form: of a WAV: "plain", "extensible", "rf64" or "streamed" (sizes left open).
    """

    codec: str
    container: str
    rate: int
    channels: int = 1
    encoder: str = ""
    muxer: str = ""
    feed: str = ""
    bit_rate: int = 0
    options: Mapping[str, str] = field(default_factory=dict, hash=False)
    form: str = "plain"

    def __str__(self) -> str:
        form = "" if self.form == "plain" else f"-{self.form}"
        depth = f"-{self.feed}" if self.codec in ("flac", "alac") else ""
        return f"{self.container}-{self.codec}{depth}{form}-{self.rate}-{self.channels}ch"

    def make(self, seconds: float, tags: Mapping[str, str] | None = None) -> bytes:
        """The file, with so much sound in it."""
        sound = voice(self.rate, self.channels, seconds)
        if self.codec in _WAV_CODINGS and self.container == "wav":
            return wav(self, sound)
        if not self.encoder:
            return _by_libsndfile(self, sound, tags or {})
        return _by_ffmpeg(self, sound, tags or {})


def _ffmpeg(codec: str, container: str, rate: int, channels: int, encoder: str, **more: object) -> Original:
    return Original(codec, container, rate, channels, encoder, **more)  # type: ignore[arg-type]


WAVS = (
    *(Original(codec, "wav", 8000, channels) for codec in _WAV_CODINGS for channels in (1, 2)),
    *(Original("pcm_s16le", "wav", rate) for rate in (11025, 16000, 22050, 32000, 44100, 48000)),
    *(Original("pcm_s16le", "wav", 16000, channels, form="extensible") for channels in range(3, 9)),
    Original("pcm_s24le", "wav", 48000, 2, form="extensible"),
    Original("pcm_s16le", "wav", 8000, 2, form="rf64"),
    Original("pcm_mulaw", "wav", 8000, 2, form="streamed"),
)
FLACS = (
    _ffmpeg("flac", "flac", 8000, 1, "flac", feed="s16"),
    _ffmpeg("flac", "flac", 16000, 2, "flac", feed="s24"),
    _ffmpeg("flac", "flac", 48000, 6, "flac", feed="s16"),
    _ffmpeg("flac", "flac", 16000, 8, "flac", feed="s16"),
    _ffmpeg("flac", "ogg", 16000, 2, "flac", feed="s16"),
    _ffmpeg("alac", "mov", 16000, 2, "alac", muxer="ipod", feed="s16p"),
    _ffmpeg("alac", "mov", 44100, 1, "alac", muxer="ipod", feed="s32p"),
)
LOSSY = (
    Original("gsm_ms", "wav", 8000),
    Original("vorbis", "ogg", 8000),
    Original("vorbis", "ogg", 44100, 2),
    _ffmpeg("mp3", "mp3", 8000, 1, "libmp3lame", feed="fltp", bit_rate=16_000),
    _ffmpeg("mp3", "mp3", 16000, 2, "libmp3lame", feed="fltp", bit_rate=48_000),
    _ffmpeg("mp3", "mp3", 44100, 2, "libmp3lame", feed="fltp", bit_rate=96_000),
    _ffmpeg("opus", "ogg", 48000, 1, "libopus", feed="flt", bit_rate=16_000),
    _ffmpeg("opus", "ogg", 48000, 2, "libopus", feed="flt", bit_rate=48_000),
    _ffmpeg("opus", "webm", 48000, 2, "libopus", feed="flt", bit_rate=48_000),
    _ffmpeg("aac", "mov", 8000, 1, "aac", muxer="ipod", feed="fltp", bit_rate=24_000),
    _ffmpeg("aac", "mov", 44100, 2, "aac", muxer="ipod", feed="fltp", bit_rate=96_000),
    _ffmpeg("aac", "aac", 16000, 1, "aac", muxer="adts", feed="fltp", bit_rate=32_000),
    _ffmpeg("amr_nb", "amr", 8000, 1, "libopencore_amrnb", feed="s16", bit_rate=12_200),
    _ffmpeg("amr_nb", "amr", 8000, 1, "libopencore_amrnb", feed="s16", bit_rate=5_150),
)
# What is read, but written to another container or as WAV.
MOVED = (
    _ffmpeg("amr_wb", "amr", 16000, 1, "libvo_amrwbenc", feed="s16", bit_rate=23_850),
    _ffmpeg("amr_nb", "mov", 8000, 1, "libopencore_amrnb", muxer="3gp", feed="s16", bit_rate=12_200),
    _ffmpeg("opus", "matroska", 48000, 1, "libopus", feed="flt", bit_rate=24_000),
    _ffmpeg("aac", "matroska", 16000, 1, "aac", feed="fltp", bit_rate=32_000),
    _ffmpeg("mp3", "matroska", 16000, 1, "libmp3lame", feed="fltp", bit_rate=32_000),
    _ffmpeg("flac", "matroska", 16000, 1, "flac", feed="s16"),
    _ffmpeg("pcm_s16le", "matroska", 8000, 2, "pcm_s16le", feed="s16"),
)


def available(originals: tuple[Original, ...]) -> tuple[Original, ...]:
    """Those that this PyAV has an encoder for."""
    return tuple(each for each in originals if not each.encoder or each.encoder in av.codecs_available)


@cache
def voice(rate: int, channels: int, seconds: float) -> NDArray[np.float64]:
    """A gliding pitch with overtones, in syllables, another on each channel: what speech codecs expect."""
    t = np.arange(int(rate * seconds)) / rate
    result = np.zeros((channels, len(t)))
    draw = np.random.default_rng(0)
    for channel in range(channels):
        pitch = 110 + 15 * channel + 30 * np.sin(2 * np.pi * draw.uniform(0.4, 0.9) * t + draw.uniform(0, 6))
        phase = 2 * np.pi * np.cumsum(pitch) / rate
        for overtone in range(1, 18):
            result[channel] += np.sin(overtone * phase + draw.uniform(0, 6)) / (1 + abs(overtone - 4))
        result[channel] *= np.clip(np.sin(2 * np.pi * draw.uniform(2, 3) * t + channel), 0.02, 1)
    return 0.5 * result / np.abs(result).max()


def chunk(name: bytes, body: bytes) -> bytes:
    """A chunk of RIFF, padded to an even length."""
    return name + struct.pack("<I", len(body)) + body + bytes(len(body) & 1)


def wav(original: Original, sound: NDArray[np.float64], before: bytes = b"", after: bytes = b"") -> bytes:
    """A WAV of these samples, with other chunks before and after those of the sound."""
    tag, width = _WAV_CODINGS[original.codec]
    block = width * original.channels
    extensible = original.form == "extensible"
    fmt = struct.pack(
        "<HHIIHH", 0xFFFE if extensible else tag, original.channels, original.rate, original.rate * block, block,
        8 * width,
    )  # fmt: skip
    if extensible:
        fmt += struct.pack("<HHIH", 22, 8 * width, 0, tag) + _GUID_TAIL
    elif tag != 1:
        fmt += b"\0\0"
    data = _pcm(original.codec, sound)
    open_ended = original.form in ("rf64", "streamed")
    body = b"WAVE"
    if original.form == "rf64":
        body += chunk(b"ds64", struct.pack("<QQQI", 0, len(data), sound.shape[1], 0))
    body += before + chunk(b"fmt ", fmt)
    body += b"data" + struct.pack("<I", 0xFFFFFFFF if open_ended else len(data)) + data
    body += (bytes(len(data) & 1) + after) if after else b""
    name = b"RF64" if original.form == "rf64" else b"RIFF"
    return name + struct.pack("<I", 0xFFFFFFFF if open_ended else len(body)) + body


def _pcm(codec: str, sound: NDArray[np.float64]) -> bytes:
    packed = np.ascontiguousarray(sound.T)
    if codec in ("pcm_f32le", "pcm_f64le"):
        return packed.astype("<f4" if codec == "pcm_f32le" else "<f8").tobytes()
    if codec == "pcm_u8":
        return (np.rint(packed * 127) + 128).astype(np.uint8).tobytes()
    if codec == "pcm_s24le":
        wide = np.rint(packed * (2**23 - 1)).astype("<i4")
        return np.ascontiguousarray(wide.view(np.uint8).reshape(-1, 4)[:, :3]).tobytes()
    if codec == "pcm_s32le":
        return np.rint(packed * (2**31 - 1)).astype("<i4").tobytes()
    if codec == "pcm_s16le":
        return np.rint(packed * 32767).astype("<i2").tobytes()
    buffer = io.BytesIO()  # G.711
    subtype = "ULAW" if codec == "pcm_mulaw" else "ALAW"
    soundfile.write(buffer, packed, 8000, format="RAW", subtype=subtype)
    return buffer.getvalue()


def _by_libsndfile(original: Original, sound: NDArray[np.float64], tags: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    container, subtype = {"vorbis": ("OGG", "VORBIS"), "gsm_ms": ("WAV", "GSM610")}[original.codec]
    with soundfile.SoundFile(buffer, "w", original.rate, original.channels, format=container, subtype=subtype) as file:
        for name, text in tags.items():
            setattr(file, name, text)
        for at in range(0, sound.shape[1], _BLOCK):
            file.write(np.ascontiguousarray(sound[:, at : at + _BLOCK].T.astype(np.float32)))
    return buffer.getvalue()


def _by_ffmpeg(original: Original, sound: NDArray[np.float64], tags: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    packed, samples = _fed(original.feed, sound)
    with av.open(buffer, "w", format=original.muxer or original.container) as container:
        container.metadata.update(tags)
        stream = container.add_stream(original.encoder, rate=original.rate, options=dict(original.options))
        context = stream.codec_context
        context.format = {"s24": "s32"}.get(original.feed, original.feed)
        context.layout = LAYOUTS[original.channels]
        context.thread_count = 1
        if original.bit_rate:
            context.bit_rate = original.bit_rate
        for at in range(0, samples.shape[1], _BLOCK):
            block = np.ascontiguousarray(samples[:, at : at + _BLOCK].T).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(block, format=packed, layout=LAYOUTS[original.channels])
            frame.sample_rate, frame.pts, frame.time_base = original.rate, at, Fraction(1, original.rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def _fed(feed: str, sound: NDArray[np.float64]) -> tuple[str, NDArray[np.generic]]:
    """Format of the samples and the samples, as an encoder is fed them, interleaved."""
    bits = {"s16": 16, "s16p": 16, "s24": 24, "s32": 32, "s32p": 24}.get(feed)
    if bits is None:
        return "flt", sound.astype(np.float32)
    whole = np.rint(sound * (2 ** (bits - 1) - 1)).astype(np.int64) << {24: 8}.get(bits, 0)
    return ("s16", whole.astype(np.int16)) if bits == 16 else ("s32", whole.astype(np.int32))
