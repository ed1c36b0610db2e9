"""Ogg pages: gives a stream a serial number of its own choosing.

libsndfile draws the number at random, so that the same sound never gives the same file twice. Pages are described in
RFC 3533, section 6.
"""

import os
import struct
from functools import cache
from typing import BinaryIO

_CRC_POLYNOMIAL = 0x04C11DB7  # RFC 3533, section 6, field 7; most significant bit first
_HEAD = struct.Struct(
    "<4sBBqIIIB"
)  # capture pattern, version, type, granule position, serial, sequence, checksum, segments
_LONGEST_PAGE = _HEAD.size + 255 + 255 * 255


def set_serial(file: BinaryIO, serial: int) -> None:
    """Give every page of an Ogg file this serial number, in place, and set its checksum right.

    Args:
        file: with one stream, from the current position to the end.
        serial: the number.

    Raises:
        ValueError: these are not whole Ogg pages. Those before the fault were changed.
    """
    at = file.tell()
    end = file.seek(0, os.SEEK_END)
    while at < end:
        file.seek(at)
        head = file.read(_HEAD.size + 255)
        if len(head) < _HEAD.size:
            raise ValueError("the last Ogg page is not whole")
        pattern, *fields, segments = _HEAD.unpack_from(head)
        length = _HEAD.size + segments + sum(head[_HEAD.size : _HEAD.size + segments])
        if pattern != b"OggS" or at + length > end:
            raise ValueError("not an Ogg page")
        version, kind, granule, old, sequence, checksum = fields
        # A checksum is linear in the bytes: a change of four of them changes it by the checksum of that change alone.
        checksum ^= _change(old ^ serial)[length - 18]
        file.seek(at)
        file.write(_HEAD.pack(pattern, version, kind, granule, serial, sequence, checksum, segments))
        at += length


@cache
def _table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1) ^ (_CRC_POLYNOMIAL if value & 0x80000000 else 0)
            value &= 0xFFFFFFFF
        table.append(value)
    return tuple(table)


@cache
def _change(difference: int) -> tuple[int, ...]:
    """The checksum of the four bytes of `difference`, followed by as many zeros as the index says."""
    table = _table()
    value = 0
    for byte in struct.pack("<I", difference):
        value = (value << 8 & 0xFFFFFFFF) ^ table[value >> 24 ^ byte]
    values = [value]
    for _ in range(_LONGEST_PAGE):
        value = (value << 8 & 0xFFFFFFFF) ^ table[value >> 24]
        values.append(value)
    return tuple(values)
