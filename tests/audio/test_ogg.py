"""Ogg pages with another serial number are still whole pages of the same stream."""

import io
import struct

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from redact.audio.ogg import set_serial


def vorbis(seconds):
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, (8000 * seconds, 1)).astype(np.float32)
    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", 8000, 1, format="OGG", subtype="VORBIS") as file:
        for at in range(0, len(sound), 1024):
            file.write(sound[at : at + 1024])
    return buffer.getvalue()


def with_serial(data, serial):
    file = io.BytesIO(b"kept" + data)
    file.seek(4)
    set_serial(file, serial)
    assert file.getvalue()[:4] == b"kept"
    return file.getvalue()[4:]


def checksum(data):
    """RFC 3533's checksum, bit by bit."""
    value = 0
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value & 0x80000000 else 0)) & 0xFFFFFFFF
    return value


def pages(data):
    at = 0
    while at < len(data):
        segments = data[at + 26]
        end = at + 27 + segments + sum(data[at + 27 : at + 27 + segments])
        yield data[at:end]
        at = end


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 0xFFFFFFFF))
def test_pages_stay_whole(serial):
    original = vorbis(2)
    changed = with_serial(original, serial)
    before, after = list(pages(original)), list(pages(changed))
    assert len(before) == len(after) > 2
    for old, new in zip(before, after, strict=True):
        assert new[14:18] == struct.pack("<I", serial)
        assert new[22:26] == struct.pack("<I", checksum(new[:22] + bytes(4) + new[26:]))
        assert (new[:14], new[18:22], new[26:]) == (old[:14], old[18:22], old[26:])


def test_two_encodings_become_the_same():
    one, other = vorbis(5), vorbis(5)
    assert with_serial(one, 1) == with_serial(other, 1)
    assert np.array_equal(soundfile.read(io.BytesIO(with_serial(one, 1)))[0], soundfile.read(io.BytesIO(one))[0])


@pytest.mark.parametrize("data", [b"OggS", b"RIFF" + bytes(40), vorbis(1)[:-1], vorbis(1) + b"x"])
def test_other_bytes_are_refused(data):
    with pytest.raises(ValueError, match="Ogg page"):
        with_serial(data, 1)
