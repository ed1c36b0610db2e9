"""Tell what an audio file is from its first bytes, never from its name.

The name of a file is anybody's to choose, and FFmpeg's own guessing knows some three hundred formats, playlists
that open other files among them. Here a dozen magic numbers decide, and what they don't know is not opened.

Runs in the decoder's child process: standard library only.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

Reason = Literal[
    "chained",
    "changed_format",
    "codec",
    "damaged",
    "died",
    "empty",
    "gap",
    "length",
    "memory",
    "no_audio_stream",
    "no_sound",
    "not_audio",
    "rate",
    "too_long",
    "too_many_channels",
    "too_much_sound",
    "too_slow",
    "truncated",
]


class UnfitError(Exception):
    """The file can't be used, for one of the enumerated reasons. Figures are numbers only, never text of the file."""

    def __init__(self, reason: Reason, **figures: float) -> None:
        super().__init__(reason)
        self.reason: Reason = reason
        self.figures = figures


class Bytes(Protocol):
    """What the file's bytes are read through: `bytes`, or a `mmap` of a file larger than memory."""

    def __len__(self) -> int: ...

    def __getitem__(self, where: slice, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Kind:
    """What a file is.

    Attributes:
        container: our name for it, as in `Recording.container`.
        demuxer: FFmpeg's name for what reads it.
        codecs: names of the codecs that are accepted in it, as FFmpeg calls them.
        start: offset of the first byte after leading ID3v2 tags.
    """

    container: str
    demuxer: str
    codecs: frozenset[str]
    start: int = 0


@dataclass(frozen=True, slots=True)
class Stated:
    """What the container says about its sound.

    Attributes:
        seconds: its duration, None where the container only estimates one or says nothing.
        pcm_md5: FLAC's digest of the samples, None where absent.
        pcm_bits: bits a sample in that digest.
        end: offset of the first byte after the sound, None where the demuxer knows it.
    """

    seconds: float | None = None
    pcm_md5: bytes | None = None
    pcm_bits: int = 0
    end: int | None = None


_WAV = frozenset(
    {"pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le", "pcm_mulaw", "pcm_alaw", "gsm_ms"}
)
_OGG = frozenset({"vorbis", "opus", "flac"})
_MOV = frozenset({"aac", "alac", "amr_nb", "amr_wb"})
_MATROSKA = frozenset({"opus", "vorbis", "aac", "mp3", "flac", "pcm_s16le"})


def id3v2_end(data: Bytes, start: int = 0) -> int:
    """Offset of the first byte after the ID3v2 tags that begin at `start` (there may be several, or none)."""
    while (head := data[start : start + 10])[:3] == b"ID3" and len(head) == 10:
        if any(byte & 0x80 for byte in head[6:]):
            break
        size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
        start += 10 + size + (10 if head[5] & 0x10 else 0)
    return start


def sniff(data: Bytes) -> Kind:
    """What the file is.

    Raises:
        UnfitError: `empty`, or `not_audio` where the first bytes are none that we know.
    """
    if len(data) == 0:
        raise UnfitError("empty")
    kind = _by_magic(data[0:64])
    if kind is None:
        kind = _by_sync(data, id3v2_end(data))
    if kind is None:
        raise UnfitError("not_audio")
    return kind


def _by_magic(head: bytes) -> Kind | None:
    if head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE":
        return Kind("wav", "wav", _WAV)
    if head[:4] == b"OggS":
        return Kind("ogg", "ogg", _OGG)
    if head[:4] == b"fLaC":
        return Kind("flac", "flac", frozenset({"flac"}))
    if head[4:8] == b"ftyp":
        return Kind("mov", "mov", _MOV)
    if head[:4] == b"\x1aE\xdf\xa3":
        return Kind("webm" if b"webm" in head else "matroska", "matroska", _MATROSKA)
    if head[:6] == b"#!AMR\n":
        return Kind("amr", "amr", frozenset({"amr_nb"}))
    if head[:9] == b"#!AMR-WB\n":
        return Kind("amr", "amr", frozenset({"amr_wb"}))
    return None


def _by_sync(data: Bytes, start: int) -> Kind | None:
    """MP3 and ADTS have no magic number but the sync word of their first frame, and FLAC may follow an ID3v2 tag."""
    # Taggers leave zeros between the tag and the first frame.
    while start and data[start : start + 1] == b"\0":
        start += 1
    head = data[start : start + 4]
    if head == b"fLaC":
        return Kind("flac", "flac", frozenset({"flac"}), start)
    if len(head) < 4 or head[0] != 0xFF:
        return None
    if head[1] & 0xE6 == 0xE2:  # layer III of MPEG 1, 2 or 2.5
        return Kind("mp3", "mp3", frozenset({"mp3"}), start)
    if head[1] & 0xF6 == 0xF0:  # twelve bits of sync and layer 0: ADTS
        return Kind("aac", "aac", frozenset({"aac"}), start)
    return None
