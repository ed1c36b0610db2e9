"""RIFF bytes: reads where a WAV file keeps its samples, and writes WAV files that hold sound and nothing else.

`copy_masked` is what keeps a WAV bit-identical outside its masks: the bytes of the file itself are copied, and only the
masked ones are overwritten. Decoding and encoding again would not do: mu-law has two zeros, floats have more values
than they need, eight bits become sixteen.

Only `fmt `, `fact` and `data` are written, and their contents anew. No other chunk, no bytes behind the sound.
"""

import os
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from redact.audio.pcm import Signal, blocks
from redact.errors import InputRejected

Span = tuple[int, int]
_Bytes = NDArray[np.uint8]  # (..., bytes of one sample)

_PCM, _FLOAT, _ALAW, _MULAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")  # KSDATAFORMAT_SUBTYPE_*, after its first two bytes
_UNKNOWN = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Sound:
    """Where a WAV file keeps its samples.

    Attributes:
        codec: FFmpeg's name of their coding, a key of `CODECS`.
        channels: their number.
        sample_rate: in Hz.
        frames: number of whole frames (a sample of each channel) that the file holds.
        offset: of the first frame in the file, in bytes.
        fmt: contents of the `fmt ` chunk, reduced to the fields that say how to read the samples.
    """

    codec: str
    channels: int
    sample_rate: int
    frames: int
    offset: int
    fmt: bytes


@dataclass(frozen=True, slots=True)
class _Codec:
    """How one sample is coded.

    `decode` gives what FFmpeg decodes to (`int16`, `int32` left aligned, `float32`), `encode` takes the same.
    """

    tag: int
    width: int
    dtype: type[np.generic]
    decode: Callable[[_Bytes], NDArray[Any]]
    encode: Callable[[NDArray[Any]], _Bytes]


@contextmanager
def opened(source: BinaryIO | Path) -> Iterator[BinaryIO]:
    """The file at a path, or the open file that was given, which stays open.

    Raises:
        InputRejected: the file can't be opened.
    """
    if not isinstance(source, Path):
        yield source
        return
    with reading():
        file = source.open("rb")
    with file:
        yield file


@contextmanager
def reading() -> Iterator[None]:
    """Around reads of the original: an error of the disk becomes `InputRejected`."""
    try:
        yield
    except OSError as error:
        hint = "check the disk or share that it lies on, then run again"
        raise InputRejected("the recording can't be read any more", hint=hint) from error


def locate(source: BinaryIO) -> Sound | None:
    """Find the samples of a WAV file (RIFF, RF64 or BW64), or None where this isn't one whose bytes can be copied.

    Sizes that a writer to a pipe left open (0, or one beyond the end of the file) mean: up to the end of the file.

    Raises:
        InputRejected: the file can't be read.
    """
    with reading():
        return _locate(source)


def _locate(source: BinaryIO) -> Sound | None:
    end = source.seek(0, os.SEEK_END)
    source.seek(0)
    head = source.read(12)
    if head[:4] not in (b"RIFF", b"RF64", b"BW64") or head[8:] != b"WAVE":
        return None
    fmt = b""
    long_size = 0
    while len(chunk := source.read(8)) == 8:
        name, size = struct.unpack("<4sI", chunk)
        at = source.tell()
        if name == b"fmt ":
            fmt = source.read(min(size, 40))
        elif name == b"ds64" and size >= 16:
            long_size = struct.unpack("<8xQ", source.read(16))[0]
        elif name == b"data":
            stated = long_size if size == _UNKNOWN and long_size else size
            return _sound(fmt, at, min(stated or end, end - at))
        source.seek(at + size + (size & 1))
    return None


def copy_masked(
    sound: Sound, source: BinaryIO, masked: Signal, spans_by_channel: Sequence[Sequence[Span]], out: BinaryIO
) -> bool:
    """Write the file's own samples, with those inside the spans taken from `masked`.

    Each copied sample is compared with `masked` on the way, so that what is copied is what was listened to.

    Args:
        sound: as found by `locate` in `source`.
        source: the original file.
        masked: the masked sound, of the type that the codec decodes to.
        spans_by_channel: for each channel the spans `[first, last)` to take from `masked`.
        out: written from its current position on.

    Returns:
        False where the file's samples are not those of `masked` outside the spans. What was written is of no use then.

    Raises:
        InputRejected: the file can't be read.
    """
    codec = CODECS[sound.codec]
    if (masked.channels, masked.samples) != (sound.channels, sound.frames) or masked.dtype != codec.dtype:
        return False
    frame_bytes = codec.width * sound.channels
    out.write(header(sound.fmt, sound.frames * frame_bytes, sound.frames))
    with reading():
        source.seek(sound.offset)
    for start, heard in blocks(masked):
        count = heard.shape[1]
        with reading():
            raw = source.read(count * frame_bytes)
        if len(raw) != count * frame_bytes:
            return False
        block = np.frombuffer(raw, np.uint8).reshape(count, sound.channels, codec.width).copy()
        keep = np.ones((count, sound.channels), bool)
        for channel, spans in enumerate(spans_by_channel):
            for first, last in spans:
                keep[max(first - start, 0) : max(last - start, 0), channel] = False
        if not _same(codec.decode(block), heard.T, keep):
            return False
        block[~keep] = codec.encode(heard.T[~keep])
        out.write(block.tobytes())
    out.write(bytes(sound.frames * frame_bytes & 1))
    return True


def write_pcm16(
    blocks: Iterable[NDArray[np.int16]], channels: int, frames: int, sample_rate: int, out: BinaryIO
) -> None:
    """Write a PCM 16 WAV from blocks of samples of shape (channels, samples), `frames` samples in all."""
    fmt = struct.pack("<HHIIHH", _PCM, channels, sample_rate, sample_rate * channels * 2, channels * 2, 16)
    if channels > 2:  # the plain form is defined for one and two; a mask of 0 gives the channels no loudspeakers
        fmt = struct.pack("<H", _EXTENSIBLE) + fmt[2:] + struct.pack("<HHIH14s", 22, 16, 0, _PCM, _GUID_TAIL)
    out.write(header(fmt, frames * channels * 2, frames))
    out.writelines(block.T.astype("<i2").tobytes() for block in blocks)


def header(fmt: bytes, data_bytes: int, frames: int) -> bytes:
    """All that stands before the samples. Where the sizes don't fit 32 bits it is that of RF64 (EBU Tech 3306)."""
    chunks = struct.pack("<4sI", b"fmt ", len(fmt)) + fmt
    if _coding(fmt) != _PCM:
        chunks += struct.pack("<4sII", b"fact", 4, min(frames, _UNKNOWN))
    body = 4 + len(chunks) + 8 + data_bytes + (data_bytes & 1)
    if body <= _UNKNOWN:
        riff = struct.pack("<4sI4s", b"RIFF", body, b"WAVE")
        return riff + chunks + struct.pack("<4sI", b"data", data_bytes)
    riff = struct.pack("<4sI4s", b"RF64", _UNKNOWN, b"WAVE")
    riff += struct.pack("<4sIQQQI", b"ds64", 28, body + 36, data_bytes, frames, 0)
    return riff + chunks + struct.pack("<4sI", b"data", _UNKNOWN)


def _sound(fmt: bytes, offset: int, data_bytes: int) -> Sound | None:
    if len(fmt) < 16:
        return None
    tag, channels, sample_rate, _, block, bits = struct.unpack("<HHIIHH", fmt[:16])
    extensible = tag == _EXTENSIBLE
    if extensible and (len(fmt) < 40 or fmt[26:] != _GUID_TAIL):
        return None
    for name, codec in CODECS.items():
        if (codec.tag, codec.width * channels) == (_coding(fmt), block):
            if not 0 < bits <= 8 * codec.width:  # some writers of G.711 state the 16 bits that it decodes to
                bits = 8 * codec.width
            fields = struct.pack("<HHIIHH", tag, channels, sample_rate, sample_rate * block, block, bits)
            if extensible:
                fields += struct.pack("<H", 22) + fmt[18:40]
            elif tag != _PCM:
                fields += struct.pack("<H", 0)
            return Sound(name, channels, sample_rate, data_bytes // block, offset, fields)
    return None


def _coding(fmt: bytes) -> int:
    """The format tag; that of the subformat in an extensible `fmt `."""
    tag = int.from_bytes(fmt[:2], "little")
    return int.from_bytes(fmt[24:26], "little") if tag == _EXTENSIBLE else tag


def _same(decoded: NDArray[Any], heard: NDArray[Any], where: NDArray[np.bool_]) -> bool:
    """Whether the samples are the same. What is not a number may have been heard as anything."""
    equal = decoded == heard
    if decoded.dtype == np.float32:
        equal |= ~np.isfinite(decoded)
    return bool(np.all(equal | ~where))


def _plain(dtype: str) -> tuple[Callable[[_Bytes], NDArray[Any]], Callable[[NDArray[Any]], _Bytes]]:
    """Decoding and encoding of samples that numpy reads as they are."""
    width = np.dtype(dtype).itemsize
    narrow = np.float32 if dtype[1] == "f" else np.dtype(f"i{width}")

    def decode(raw: _Bytes) -> NDArray[Any]:
        with np.errstate(over="ignore"):  # a double beyond float's range becomes infinite, as it does in FFmpeg
            return raw.reshape(*raw.shape[:-1], width).view(dtype)[..., 0].astype(narrow)

    def encode(pcm: NDArray[Any]) -> _Bytes:
        raw: _Bytes = np.ascontiguousarray(pcm.astype(dtype)).view(np.uint8)
        return raw.reshape(*pcm.shape, width)

    return decode, encode


def _decode_8(raw: _Bytes) -> NDArray[np.int16]:
    return (raw[..., 0].astype(np.int16) - 128) << 8


def _encode_8(pcm: NDArray[np.int16]) -> _Bytes:
    rounded = np.minimum((pcm.astype(np.int32) + 128) >> 8, 127)
    codes: _Bytes = (rounded + 128).astype(np.uint8)
    return codes[..., None]


def _decode_24(raw: _Bytes) -> NDArray[np.int32]:
    wide = np.zeros((*raw.shape[:-1], 4), np.uint8)
    wide[..., 1:] = raw
    return wide.view("<i4")[..., 0].astype(np.int32)


def _encode_24(pcm: NDArray[np.int32]) -> _Bytes:
    wide: _Bytes = np.ascontiguousarray(pcm.astype("<i4")).view(np.uint8).reshape(*pcm.shape, 4)
    return wide[..., 1:]


@cache
def _g711_levels(tag: int) -> NDArray[np.int16]:
    """The 16-bit value of each of G.711's 256 codes (ITU-T G.711, tables 1 and 2, left aligned)."""
    code = np.arange(256)
    if tag == _MULAW:
        turned = ~code & 0xFF
        magnitude = (((turned & 0x0F) << 3) + 0x84 << (turned >> 4 & 7)) - 0x84
        return np.where(turned & 0x80, -magnitude, magnitude).astype(np.int16)
    turned = code ^ 0x55
    step, segment = turned & 0x0F, turned >> 4 & 7
    magnitude = np.where(segment == 0, (step << 4) + 8, (step << 4) + 0x108 << np.maximum(segment - 1, 0))
    return np.where(turned & 0x80, magnitude, -magnitude).astype(np.int16)


@cache
def _g711_codes(tag: int) -> _Bytes:
    """For each 16-bit value, from -32768 on, the code of the nearest level."""
    levels = _g711_levels(tag).astype(np.int32)
    order = np.argsort(levels, kind="stable")
    bounds = (levels[order][:-1] + levels[order][1:] + 1) >> 1
    return order[np.searchsorted(bounds, np.arange(-32768, 32768), side="right")].astype(np.uint8)


def _g711(tag: int) -> _Codec:
    def encode(pcm: NDArray[np.int16]) -> _Bytes:
        codes: _Bytes = _g711_codes(tag)[pcm.astype(np.int32) + 32768]
        return codes[..., None]

    return _Codec(tag, 1, np.int16, lambda raw: _g711_levels(tag)[raw[..., 0]], encode)


CODECS: Mapping[str, _Codec] = {
    "pcm_u8": _Codec(_PCM, 1, np.int16, _decode_8, _encode_8),
    "pcm_s16le": _Codec(_PCM, 2, np.int16, *_plain("<i2")),
    "pcm_s24le": _Codec(_PCM, 3, np.int32, _decode_24, _encode_24),
    "pcm_s32le": _Codec(_PCM, 4, np.int32, *_plain("<i4")),
    "pcm_f32le": _Codec(_FLOAT, 4, np.float32, *_plain("<f4")),
    "pcm_f64le": _Codec(_FLOAT, 8, np.float32, *_plain("<f8")),
    "pcm_mulaw": _g711(_MULAW),
    "pcm_alaw": _g711(_ALAW),
}
"""The codings whose bytes can be copied, by FFmpeg's name."""
