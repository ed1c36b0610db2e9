"""Looks for known values in any bytes, however they are written there.

A value is looked for as a person would read it and as a machine would have written it: UTF-8 and UTF-16, upper and
lower case, percent-, JSON- and HTML-escaped, in hex, in base64 at each alignment, as letters alone ("Q-U-I-L-L") and
as digits alone ("49 29, 73"), also in words; and all of that again in what zip, gzip and zlib have packed.
"""

import base64
import gzip
import html
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

import numpy as np
from numpy.typing import NDArray

ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be")
# Fewer of either stand in so many bytes by chance.
LEAST_DIGITS, LEAST_LETTERS = 9, 7
PCM_SAMPLES = 64
_KEY_BYTES = 8
_NO_LETTERS = bytes(set(range(256)) - set(b"abcdefghijklmnopqrstuvwxyz"))
_NO_DIGITS = bytes(set(range(256)) - set(b"0123456789"))
_MOST_UNPACKED = 64 << 20
_UNITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_TEENS = ["ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


@dataclass(frozen=True)
class Canary:
    """A value that stands nowhere but where it was put: a name of letters, or a number."""

    value: str

    def __post_init__(self) -> None:
        enough = len(self.digits) >= LEAST_DIGITS or len(self.letters) >= LEAST_LETTERS
        assert enough, "what is so short stands anywhere by chance"

    @property
    def digits(self) -> str:
        return "".join(c for c in self.value if c.isdigit())

    @property
    def letters(self) -> str:
        return "".join(c for c in self.value.lower() if c.isalpha())


def spoken(digits: str) -> list[str]:
    """How digits are said in English, free of spaces: one by one, with "oh", and in pairs."""
    single = "".join(_UNITS[int(d)] for d in digits)
    doubled = re.sub(r"\d", lambda m: _UNITS[int(m[0])], re.sub(r"(\d)\1", r"double\1", digits))
    pairs = [digits[at : at + 2] for at in range(0, len(digits), 2)]
    return [single, single.replace("zero", "oh"), doubled, "".join(map(_pair, pairs))]


def _pair(digits: str) -> str:
    if len(digits) == 1 or digits[0] == "0":
        return "".join(_UNITS[int(d)] for d in digits)
    if digits[0] == "1":
        return _TEENS[int(digits[1])]
    return _TENS[int(digits[0]) - 2] + (_UNITS[int(digits[1])] if digits[1] != "0" else "")


def found(canaries: Iterable[Canary], data: bytes) -> frozenset[str]:
    """How which canary was found: `VALUE as FORM`, empty where none is."""
    return _found_once(tuple(canaries), data)


@lru_cache(maxsize=256)  # the same file is met again, under other names
def _found_once(canaries: tuple[Canary, ...], data: bytes) -> frozenset[str]:
    return frozenset(told for readable in _unpacked(data) for told in _found(canaries, readable))


def _found(canaries: tuple[Canary, ...], data: bytes) -> Iterator[str]:
    lowered = data.lower()
    readings = {text: name for name, text in (*_unescaped(data), ("plain", lowered))}
    readings = {name: text for text, name in readings.items()}  # each text once
    letters = {name: text.translate(None, _NO_LETTERS) for name, text in readings.items()}
    digits = {name: text.translate(None, _NO_DIGITS) for name, text in readings.items()}
    for canary in canaries:
        for name, text in readings.items():
            if any(canary.value.lower().encode(encoding) in text for encoding in ENCODINGS):
                yield f"{canary.value} as {name}"
        for name, text in letters.items():
            # accents are not letters of ASCII: without them the rest of the name is long enough
            plain = canary.letters.encode("ascii", "ignore")
            if len(plain) >= LEAST_LETTERS and plain in text:
                yield f"{canary.value} as letters, {name}"
            for said in spoken(canary.digits) if len(canary.digits) >= LEAST_DIGITS else ():
                if said.encode() in text:
                    yield f"{canary.value} as words, {name}"
        for name, text in digits.items():
            for part in _parts(canary.digits):
                if part.encode() in text:
                    yield f"{canary.value} as digits, {name}"
        hexes, base64s = _coded(canary.value)
        if any(piece in lowered for piece in hexes):
            yield f"{canary.value} as hex"
        if any(piece in data for piece in base64s):
            yield f"{canary.value} as base64"


def _parts(digits: str) -> Iterator[str]:
    """Each stretch of so many of the digits that it stands nowhere by chance."""
    for at in range(len(digits) - LEAST_DIGITS + 1):
        yield digits[at : at + LEAST_DIGITS]


def _forms(value: str) -> Iterator[bytes]:
    for text in dict.fromkeys((value, value.lower(), value.upper(), value.title())):
        for encoding in ENCODINGS:
            yield text.encode(encoding)


@cache
def _coded(value: str) -> tuple[frozenset[bytes], frozenset[bytes]]:
    """In hex and in base64."""
    forms = list(_forms(value))
    return frozenset(form.hex().encode() for form in forms), frozenset(p for form in forms for p in _base64(form))


def _base64(form: bytes) -> Iterator[bytes]:
    """What is the same in base64 whatever stands before and behind, at each alignment and in both alphabets."""
    for before in range(3):
        written = base64.b64encode(bytes(before) + form)
        whole = (before + len(form)) // 3 * 4
        piece = written[-(-before * 8 // 6) : whole]
        yield piece
        yield piece.translate(bytes.maketrans(b"+/", b"-_"))


def _unescaped(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The bytes with one kind of escape undone, lowered."""
    text = data.decode("utf-8", "replace")
    yield "folded", text.lower().encode()
    yield "URL", unquote_to_bytes(data).lower()
    yield "URL+", unquote_to_bytes(data.replace(b"+", b" ")).lower()
    yield "HTML", html.unescape(text).lower().encode("utf-8", "replace")
    yield "JSON", re.sub(r"\\u([0-9a-fA-F]{4})", lambda m: chr(int(m[1], 16)), text).lower().encode("utf-8", "replace")
    yield (
        "Python",
        re.sub(r"\\x([0-9a-fA-F]{2})", lambda m: chr(int(m[1], 16)), text).lower().encode("latin-1", "replace"),
    )


def _unpacked(data: bytes, depth: int = 3) -> Iterator[bytes]:
    """The bytes, and what is packed in them."""
    yield data
    if depth == 0:
        return
    inner: list[bytes] = []
    if data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            inner += [archive.read(name) for name in archive.namelist()]
    for magic, unpack in (
        (b"\x1f\x8b\x08", _gunzip),
        (b"\x78\x01", _inflate),
        (b"\x78\x9c", _inflate),
        (b"\x78\xda", _inflate),
    ):
        if data.startswith(magic):
            inner += unpack(data)
    for piece in inner:
        yield from _unpacked(piece, depth - 1)


def _gunzip(data: bytes) -> list[bytes]:
    try:
        return [gzip.GzipFile(fileobj=io.BytesIO(data)).read(_MOST_UNPACKED)]
    except (OSError, EOFError, zlib.error):
        return []


def _inflate(data: bytes) -> list[bytes]:
    try:
        return [zlib.decompressobj().decompress(data, _MOST_UNPACKED)]
    except zlib.error:
        return []


def windows(sound: NDArray[np.int16], spans: Iterable[tuple[int, int]]) -> frozenset[bytes]:
    """Bytes by which personal sound is known again in a file, in all forms in which it is held on its way.

    Any piece of twice `PCM_SAMPLES` samples holds one of them.

    Args:
        sound: samples of the original, of shape (channels, samples).
        spans: stretches in it, in samples.
    """
    scaled = sound.astype(np.float32) / np.float32(32768)
    forms = [*sound, sound.T, *scaled, scaled.T, *(sound.astype(np.int32) << 16), (sound.astype(np.int32) << 16).T]
    return frozenset(
        np.ascontiguousarray(form[first : first + PCM_SAMPLES]).tobytes()
        for begin, end in spans
        for first in range(begin, end - PCM_SAMPLES, PCM_SAMPLES)
        if len(np.unique(sound[:, first : first + PCM_SAMPLES])) > PCM_SAMPLES // 4  # silence is nobody's
        for form in forms
    )


def coded_windows(data: bytes, first: int, last: int) -> frozenset[bytes]:
    """The same for a coded recording's own bytes `[first, last)`."""
    pieces = {data[at : at + PCM_SAMPLES] for at in range(first, last - PCM_SAMPLES, PCM_SAMPLES)}
    return frozenset(piece for piece in pieces if len(set(piece)) > PCM_SAMPLES // 4)


def sounds(wanted: frozenset[bytes], data: bytes) -> int:
    """How many times a window stands in the bytes."""
    keys, lengths = _index(wanted)
    many = 0
    if len(data) < min(lengths):
        return 0
    for offset in range(_KEY_BYTES):
        words = np.frombuffer(data, "<u8", max(len(data) - offset, 0) // _KEY_BYTES, offset)
        for place in np.flatnonzero(np.isin(words, keys)):
            at = int(place) * _KEY_BYTES + offset
            many += any(data[at : at + length] in wanted for length in lengths)
    return many


@lru_cache(maxsize=4)
def _index(wanted: frozenset[bytes]) -> tuple[NDArray[np.uint64], tuple[int, ...]]:
    """How windows begin, and how long they are."""
    keys = np.unique(np.frombuffer(b"".join(window[:_KEY_BYTES] for window in wanted), "<u8"))
    return keys, tuple({len(window) for window in wanted})


def everything(*folders: Path) -> Iterator[tuple[Path, bytes]]:
    """The name of each file, folder and link below the folders, and what it holds."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            yield path, str(path.relative_to(folder)).encode("utf-8", "surrogateescape")
            if path.is_symlink():
                yield path, str(path.readlink()).encode()
            elif path.is_file():
                yield path, path.read_bytes()


def escaped(value: str) -> dict[str, bytes]:
    """The value in each form that `found` has to find, for tests of it."""
    return {
        "utf-8": value.encode(),
        "utf-16-le": value.encode("utf-16-le"),
        "utf-16-be": value.encode("utf-16-be"),
        "upper case": value.upper().encode(),
        "percent": quote(value, safe="").encode(),
        "percent, all": "".join(f"%{byte:02x}" for byte in value.encode()).encode(),
        "form": quote(value).replace("%20", "+").encode(),
        "json": "".join(f"\\u{ord(c):04x}" for c in value).encode(),
        "json, capital": "".join(f"\\u{ord(c):04X}" for c in value).encode(),
        "python": "".join(f"\\x{ord(c):02x}" for c in value if ord(c) < 256).encode(),
        "html": "".join(f"&#{ord(c)};" for c in value).encode(),
        "html, hex": "".join(f"&#x{ord(c):x};" for c in value).encode(),
        "hex": value.encode().hex().encode(),
        "HEX": value.encode().hex().upper().encode(),
        "hex of utf-16": value.encode("utf-16-le").hex().encode(),
        **{f"base64 +{n}": base64.b64encode(b"abc"[:n] + value.encode() + b"xyz") for n in range(3)},
        **{f"base64url +{n}": base64.urlsafe_b64encode(b"\xff\xfe\xfd"[:n] + value.encode()) for n in range(3)},
        "base64 of utf-16": base64.b64encode(b"." + value.encode("utf-16-le")),
        "spaced": " ".join(value).encode(),
        "dashed": "-".join(value).encode(),
        "a line each": "\n".join(value).encode(),
        "spaced utf-16": " ".join(value).encode("utf-16-le"),
        "gzip": gzip.compress(value.encode()),
        "zlib": zlib.compress(value.encode()),
        "zip": _zipped(value),
    }


def _zipped(value: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.txt", value)
    return out.getvalue()
