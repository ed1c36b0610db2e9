"""Tell whether sound that is stored as bare frames, end to end, is whole: MP3, ADTS and AMR.

These have no container: a header of a few bytes tells where the next one has to be. A decoder that loses its
step looks for the next thing that resembles a header and plays on; here, losing step means that the file is
damaged. A file that was cut between two frames can't be told from a whole one, unless its first frame states
how many there are (Xing, VBRI).

Runs in the decoder's child process: standard library only.
"""

import struct
from functools import cache

from redact.audio.sniff import Bytes, Stated, UnfitError

# MPEG audio, layer III (ISO/IEC 11172-3 and 13818-3): kbit/s by index, for MPEG 1 and for MPEG 2 and 2.5.
_MP3_KBPS = (
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0),
)
_MP3_RATES = {3: (44100, 48000, 32000, 0), 2: (22050, 24000, 16000, 0), 0: (11025, 12000, 8000, 0)}


@cache
def _mp3_frame(second: int, third: int) -> tuple[int, int, int] | None:
    """Bytes in the frame, samples in it and their rate, from the header's second and third byte."""
    version = second >> 3 & 3
    if second & 0xE6 != 0xE2 or version == 1:
        return None
    kbps = _MP3_KBPS[version != 3][third >> 4]
    rate = _MP3_RATES[version][third >> 2 & 3]
    if not kbps or not rate:
        return None
    samples = 1152 if version == 3 else 576
    return samples // 8 * kbps * 1000 // rate + (third >> 1 & 1), samples, rate


def mp3(data: Bytes, start: int) -> Stated:
    """Each frame begins where the one before it ends; tags only at the ends."""
    end = _before_tags(data)
    first = data[start : start + 4]
    same = (first[1] & 0xFE, first[2] & 0x0C)  # version and sample rate never change within a stream
    at = start
    while at < end:
        head = data[at : at + 4]
        if len(head) < 4:
            raise UnfitError("truncated")
        frame = _mp3_frame(head[1], head[2]) if head[0] == 0xFF else None
        if frame is None or (head[1] & 0xFE, head[2] & 0x0C) != same:
            raise UnfitError("damaged")
        at += frame[0]
    if at > end:
        raise UnfitError("truncated")
    return Stated(_mp3_stated(data, start), end=end)


def _mp3_stated(data: Bytes, start: int) -> float | None:
    """Duration by the Xing, Info or VBRI header in the first frame."""
    head = data[start : start + 4]
    frame = _mp3_frame(head[1], head[2])
    if frame is None:
        return None
    length, samples, rate = frame
    first = data[start : start + length]
    mono = head[3] >> 6 == 3
    side = (17 if mono else 32) if samples == 1152 else (9 if mono else 17)
    xing = first[4 + side :]
    if xing[:4] in (b"Xing", b"Info") and xing[7] & 1:
        return int.from_bytes(xing[8:12], "big") * samples / rate
    vbri = first[36:]
    if vbri[:4] == b"VBRI":
        return int.from_bytes(vbri[14:18], "big") * samples / rate
    return None


def _before_tags(data: Bytes) -> int:
    """Where the sound ends and the tags of the file's end (ID3v1, APE) begin."""
    end = len(data)
    while True:
        if end >= 128 and data[end - 128 : end - 125] == b"TAG":
            end -= 128
        elif end >= 32 and data[end - 32 : end - 24] == b"APETAGEX":
            size, _, flags = struct.unpack("<III", data[end - 20 : end - 8])
            if size < 32:  # it counts its own footer
                raise UnfitError("damaged")
            end = max(0, end - size - (32 if flags & 0x80000000 else 0))
        else:
            return end


def adts(data: Bytes, start: int) -> Stated:
    """Each ADTS frame begins where the one before it ends, and all share their fixed header."""
    end = _before_tags(data)
    first = data[start : start + 4]
    same = (first[0], first[1] & 0xFE, first[2], first[3] & 0xF0)
    at = start
    while at < end:
        head = data[at : at + 7]
        if len(head) < 7:
            raise UnfitError("truncated")
        length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
        if (head[0], head[1] & 0xFE, head[2], head[3] & 0xF0) != same or length < 7:
            raise UnfitError("damaged")
        at += length
    if at > end:
        raise UnfitError("truncated")
    return Stated(end=end)


# Octets that follow the first one of a frame, by frame type (RFC 4867); None is reserved.
_AMR_NB = (12, 13, 15, 17, 19, 20, 26, 31, 5, None, None, None, None, None, None, 0)
_AMR_WB = (17, 23, 32, 36, 40, 46, 50, 58, 60, 5, None, None, None, None, 0, 0)


def amr(data: Bytes) -> Stated:
    """Each frame has a known type and clear padding bits, and the last one is complete."""
    wide = data[0:9] == b"#!AMR-WB\n"
    sizes, at = (_AMR_WB, 9) if wide else (_AMR_NB, 6)
    if at == len(data):
        raise UnfitError("no_sound")
    while at < len(data):
        head = data[at : at + 1][0]
        size = sizes[head >> 3 & 15]
        if head & 0x83 or size is None:
            raise UnfitError("damaged")
        at += 1 + size
    if at > len(data):
        raise UnfitError("truncated")
    return Stated()
