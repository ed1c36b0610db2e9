"""Tell whether an audio file is whole, from its own structure, before anything of it is decoded.

FFmpeg plays what it can: it skips what it doesn't understand and stops without a word where the file does. For
redaction that is the worst of answers, so each container is walked from its first byte to its last, and every
byte has to belong to something. What carries no checksum and no structure (the samples of a WAV, the inside of a
lossy frame) can't be told from sound, and is not looked at here.

Runs in the decoder's child process: standard library only.
"""

import struct
import zlib
from collections.abc import Iterator

from redact.audio.frames import adts, amr, mp3
from redact.audio.sniff import Bytes, Kind, Stated, UnfitError

# A data chunk may claim this many bytes more than there are: some recorders count the header in. Half a frame of GSM.
_WAV_SLACK_BYTES = 64
# Bytes that are no chunk may follow the samples, but not as many as so many seconds of sound take.
_LOST_S = 0.5
# Sizes that writers to a pipe leave in the header: none, all ones, and those of SoX and arecord.
_WAV_STREAMED = frozenset({0, 0xFFFFFFFF, 0x7FFFF000, 0x7FFFFFFF, 0x80000000})


def check_structure(data: Bytes, kind: Kind) -> Stated:
    """Walk the whole container.

    Raises:
        UnfitError: `truncated`, `damaged`, `chained` or `no_sound`.
    """
    try:
        match kind.demuxer:
            case "wav":
                return _wav(data)
            case "mp3":
                return mp3(data, kind.start)
            case "aac":
                return adts(data, kind.start)
            case "ogg":
                return _ogg(data)
            case "flac":
                return _flac(data, kind.start)
            case "mov":
                return _mov(data)
            case "matroska":
                return _matroska(data)
            case _:
                return amr(data)
    except (struct.error, IndexError):  # a field lies beyond the file's end
        raise UnfitError("truncated") from None


def _wav(data: Bytes) -> Stated:
    """RIFF, RF64 and BW64: the chunks, and the size that the data chunk states against the bytes that are there."""
    riff_size = struct.unpack("<I", data[4:8])[0]
    long_size = rate = block = None
    samples_a_block = 1
    lost_bytes = 0
    stated: Stated | None = None
    at = 12
    while at + 8 <= len(data):
        name, size = struct.unpack("<4sI", data[at : at + 8])
        body, left = at + 8, len(data) - at - 8
        if stated is not None and name != b"data":
            _wav_after_sound(data, at, name, size, lost_bytes)
        if name == b"ds64":
            long_size = struct.unpack("<Q", data[body + 8 : body + 16])[0]
        elif name == b"fmt ":
            _, rate, _, block = struct.unpack("<HIIH", data[body + 2 : body + 14])
            if data[body : body + 2] == b"\x31\x00":  # GSM 6.10: the samples in a block follow
                samples_a_block = struct.unpack("<H", data[body + 18 : body + 20])[0]
        elif name == b"data":
            if stated is not None or not rate or not block:
                raise UnfitError("damaged")
            if size == 0xFFFFFFFF and long_size:
                size = long_size
            bytes_a_second = rate * block / samples_a_block
            size, seconds = _wav_data(size, left, riff_size, bytes_a_second, len(data))
            stated, lost_bytes = Stated(seconds), int(bytes_a_second * _LOST_S)
        at = body + size + (size & 1)
    if stated is None:
        raise UnfitError("truncated")
    return stated


def _wav_data(size: int, left: int, riff_size: int, bytes_a_second: float, file_size: int) -> tuple[int, float | None]:
    """Bytes of the data chunk that are there, and the seconds that it states (None where it was streamed)."""
    if size == 0 and (left == 0 or riff_size + 8 == file_size):
        raise UnfitError("no_sound")
    if size in _WAV_STREAMED and size != left and (size == 0 or size > left):
        return left, None
    if size > left + _WAV_SLACK_BYTES:
        raise UnfitError("truncated", stated_s=size / bytes_a_second, present_s=left / bytes_a_second)
    return min(size, left), size / bytes_a_second


def _wav_after_sound(data: Bytes, at: int, name: bytes, size: int, lost_bytes: int) -> None:
    """What follows the samples: chunks, or rubbish too short to be sound. Else the data chunk ended too early."""
    if name in (b"RIFF", b"RF64", b"BW64") and data[at + 8 : at + 12] == b"WAVE":
        raise UnfitError("chained")
    if all(0x20 <= byte < 0x7F for byte in name) and at + 8 + size <= len(data):
        return
    if len(data) - at > lost_bytes and not _only_zeros(data, at, len(data)):
        raise UnfitError("damaged")


_REVERSED_BITS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def ogg_crc(page: bytes) -> int:
    """Ogg's checksum of a page whose own checksum field is zero.

    Ogg feeds bits in from the other end than zlib does, with the same polynomial: reversing the bits of every
    byte before, and of the result after, makes zlib's fast loop compute it.
    """
    crc = zlib.crc32(page.translate(_REVERSED_BITS), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(crc.to_bytes(4, "little").translate(_REVERSED_BITS), "big")


def _ogg(data: Bytes) -> Stated:
    """Pages lie end to end, with right checksums and no number missing; every stream begins and ends (RFC 3533)."""
    following: dict[int, int] = {}
    ended: set[int] = set()
    heads_over = False
    at = 0
    while at < len(data):
        head = data[at : at + 27]
        if head[:5] != b"OggS\0" and not (len(head) < 5 and b"OggS\0".startswith(head)):
            raise UnfitError("damaged")
        flags, _, serial, number, crc, segments = struct.unpack("<BqIIIB", head[5:])
        size = 27 + segments + sum(data[at + 27 : at + 27 + segments])
        if at + size > len(data):
            raise UnfitError("truncated")
        page = data[at : at + size]
        if ogg_crc(page[:22] + b"\0\0\0\0" + page[26:]) != crc:
            raise UnfitError("damaged")
        if flags & 2:
            if heads_over:
                raise UnfitError("chained")
        elif following.get(serial) != number or serial in ended:
            raise UnfitError("damaged")
        else:
            heads_over = True
        following[serial] = number + 1 & 0xFFFFFFFF
        if flags & 4:
            ended.add(serial)
        at += size
    if ended != set(following):
        raise UnfitError("truncated")
    return Stated()


def _flac(data: Bytes, start: int) -> Stated:
    """The number of samples and their digest. Frames carry checksums, which the decoder verifies."""
    head = data[start + 4 : start + 8 + 34]
    if head[0] & 0x7F != 0 or len(head) < 38:
        raise UnfitError("damaged")
    packed = int.from_bytes(head[14:22], "big")
    rate, bits, samples = packed >> 44, (packed >> 36 & 31) + 1, packed & (1 << 36) - 1
    md5 = head[22:38]
    return Stated(samples / rate if samples and rate else None, md5 if any(md5) else None, bits)


def _mov(data: Bytes) -> Stated:
    """The outermost boxes fill the file. Tables inside and frames are the demuxer's and the decoder's to check."""
    seconds: float | None = None
    seen: set[bytes] = set()
    for name, body, end in _boxes(data, 0, len(data)):
        if name in (b"ftyp", b"moov") and name in seen:
            raise UnfitError("chained")
        seen.add(name)
        if name == b"moov":
            seconds = _mov_seconds(data, body, end)
    return Stated(seconds)


def _boxes(data: Bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """The boxes that fill a part of the file: name, start of the content, end."""
    while at < end:
        size, name = struct.unpack(">I4s", data[at : at + 8])
        body = at + 8
        if 1 < size < 8 or not all(0x20 <= byte < 0x7F or byte == 0xA9 for byte in name):
            if _only_zeros(data, at, end):
                return
            raise UnfitError("damaged")
        if size == 1:
            size, body = struct.unpack(">Q", data[at + 8 : at + 16])[0], at + 16
        elif size == 0:  # up to the end
            size = end - at
        if size < body - at:
            raise UnfitError("damaged")
        at += size
        if at > end:
            raise UnfitError("truncated" if end == len(data) else "damaged")
        yield name, body, at


def _box(data: Bytes, within: tuple[int, int], *path: bytes) -> tuple[int, int] | None:
    """Start and end of the content of the first box at the end of a path, None where there is none."""
    for wanted in path:
        found = next(((body, end) for name, body, end in _boxes(data, *within) if name == wanted), None)
        if found is None:
            return None
        within = found
    return within


def _mov_seconds(data: Bytes, at: int, end: int) -> float | None:
    """Duration of the first track of sound: by its edit list, which may leave out parts, else of all its samples."""
    header = _box(data, (at, end), b"mvhd")
    for name, *track in _boxes(data, at, end):
        handler = _box(data, (track[0], track[1]), b"mdia", b"hdlr") if name == b"trak" else None
        if handler is None or data[handler[0] + 8 : handler[0] + 12] != b"soun":
            continue
        edits = _box(data, (track[0], track[1]), b"edts", b"elst")
        if header and edits and (ticks := _edited_ticks(data, *edits)):
            return ticks / max(1, _clock(data, header[0])[0])
        media = _box(data, (track[0], track[1]), b"mdia", b"mdhd")
        scale, ticks = _clock(data, media[0]) if media else (0, 0)
        return ticks / scale if scale and ticks else None  # none where the samples lie in fragments
    return None


def _clock(data: Bytes, at: int) -> tuple[int, int]:
    """Ticks a second and duration in ticks, from an `mvhd` or `mdhd` box (ISO/IEC 14496-12); all ones: unknown."""
    long = data[at : at + 1] == b"\1"
    scale, ticks = struct.unpack(
        ">IQ" if long else ">II", data[(start := at + (20 if long else 12)) : start + (12 if long else 8)]
    )
    return scale, 0 if ticks == (1 << (64 if long else 32)) - 1 else ticks


def _edited_ticks(data: Bytes, at: int, end: int) -> int:
    """Sum of an edit list's parts, without the empty ones, in ticks of the film; 0 where it is not at normal speed."""
    long = data[at : at + 1] == b"\1"
    row = struct.Struct(">QqI" if long else ">IiI")
    rows = struct.unpack(">I", data[at + 4 : at + 8])[0]
    if at + 8 + rows * row.size > end:
        raise UnfitError("damaged")
    parts = [row.unpack(data[start : start + row.size]) for start in range(at + 8, at + 8 + rows * row.size, row.size)]
    if any(rate != 0x10000 for _, _, rate in parts):
        return 0
    return sum(ticks for ticks, from_, _ in parts if from_ >= 0)


def _only_zeros(data: Bytes, start: int, end: int) -> bool:
    return all(not any(data[at : min(at + 65536, end)]) for at in range(start, end, 65536))


_EBML, _SEGMENT, _CLUSTER, _INFO = 0x1A45DFA3, 0x18538067, 0x1F43B675, 0x1549A966
_CRC, _VOID, _BLOCK_GROUP, _DURATION, _SCALE = 0xBF, 0xEC, 0xA0, 0x4489, 0x2AD7B1
# What may lie in a segment, in a cluster and in a group of blocks (RFC 9559).
_IN_SEGMENT = frozenset(
    {0x114D9B74, 0x1654AE6B, 0x1C53BB6B, 0x1254C367, 0x1941A469, 0x1043A770, _CLUSTER, _INFO, _CRC, _VOID}
)
_IN_CLUSTER = frozenset({0xE7, 0xA3, 0xAB, 0xA7, 0xAF, 0x5854, _BLOCK_GROUP, _CRC, _VOID})
_IN_GROUP = frozenset({0xA1, 0xA2, 0x9B, 0xFB, 0xFD, 0xFA, 0xA4, 0x75A1, 0x75A2, 0x8E, 0xC8, _CRC, _VOID})


def _element(data: Bytes, at: int) -> tuple[int, int, int | None]:
    """An element's identifier, where its content begins, and the content's size (None: unknown, it was streamed)."""
    lead = data[at : at + 1][0]
    id_bytes = 9 - lead.bit_length()
    sized = data[at + id_bytes : at + id_bytes + 8]
    size_bytes = 9 - sized[0].bit_length()
    if id_bytes > 4 or size_bytes > 8:
        raise UnfitError("damaged")
    if len(sized) < size_bytes:
        raise UnfitError("truncated")
    mask = (1 << 7 * size_bytes) - 1
    size = int.from_bytes(sized[:size_bytes], "big") & mask
    identifier = int.from_bytes(data[at : at + id_bytes], "big")
    return identifier, at + id_bytes + size_bytes, None if size == mask else size


def _matroska(data: Bytes) -> Stated:
    """Elements nest and fill their parents to the byte, and their checksums are right."""
    identifier, at, size = _element(data, 0)
    if identifier != _EBML or size is None:
        raise UnfitError("damaged")
    identifier, at, size = _element(data, at + size)
    if identifier != _SEGMENT:
        raise UnfitError("damaged")
    end = len(data) if size is None else at + size
    if end > len(data):
        raise UnfitError("truncated")
    if end < len(data):
        raise UnfitError("damaged")
    seconds: float | None = None
    while at < end:
        identifier, body, size = _element(data, at)
        if identifier not in _IN_SEGMENT or (size is None and identifier != _CLUSTER):
            raise UnfitError("damaged")
        if size is not None and body + size > end:
            raise UnfitError("truncated")
        at = end if size is None else body + size
        if identifier == _CLUSTER:
            at = _matroska_children(data, body, at, _IN_CLUSTER, open_ended=size is None)
        elif identifier == _INFO:
            seconds = _matroska_seconds(data, body, at)
        _matroska_crc(data, body, at)
    return Stated(seconds)


def _matroska_children(data: Bytes, at: int, end: int, known: frozenset[int], *, open_ended: bool = False) -> int:
    """Walk a parent's children; where an open-ended parent stops, which is at the first element of its own parent."""
    while at < end:
        identifier, body, size = _element(data, at)
        if open_ended and identifier in _IN_SEGMENT and identifier not in known:
            return at
        if identifier not in known or size is None:
            raise UnfitError("damaged")
        at = body + size
        if at > end:
            raise UnfitError("truncated" if open_ended else "damaged")
        if identifier == _BLOCK_GROUP:
            _matroska_children(data, body, at, _IN_GROUP)
    return at


def _matroska_crc(data: Bytes, body: int, end: int) -> None:
    """Where an element's first child is a checksum, it covers all that follows in the element."""
    if end - body < 6 or data[body : body + 2] != b"\xbf\x84":
        return
    crc = 0
    for at in range(body + 6, end, 1 << 20):
        crc = zlib.crc32(data[at : min(at + (1 << 20), end)], crc)
    if crc != int.from_bytes(data[body + 2 : body + 6], "little"):
        raise UnfitError("damaged")


def _matroska_seconds(data: Bytes, at: int, end: int) -> float | None:
    """Duration in the segment's information, where one is given."""
    ticks: float | None = None
    scale_ns = 1_000_000
    while at < end:
        identifier, body, size = _element(data, at)
        if size is None or body + size > end:
            raise UnfitError("damaged")
        at = body + size
        if identifier == _SCALE:
            scale_ns = int.from_bytes(data[body:at], "big")
        elif identifier == _DURATION and size in (4, 8):
            ticks = struct.unpack(">f" if size == 4 else ">d", data[body:at])[0]
    return None if ticks is None else ticks * scale_ns / 1e9
