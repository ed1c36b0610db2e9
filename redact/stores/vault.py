"""Sealed files: originals, id maps, clear transcripts where a policy keeps them, and who a request is from.

A file is cut into chunks, each encrypted with AES-256-GCM under the recording's own key. The nonce of a chunk is the
file's random prefix, the chunk's number, and whether it is the last: the STREAM construction (Hoang, Reyhanitabar,
Rogaway and Vizár, 2015). So no chunk can be changed, moved, left out or added, and no file end early. Each chunk is
bound to the header too, which names recording, kind, schema and key: one file can't take another's place.

Nothing of a file is given out before all of it has been found whole.
"""

import os
import re
import secrets
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, get_args

from redact.errors import CannotWrite, Damaged, KeyMissing, NoLawfulBasis, UsageError
from redact.publish import Staged
from redact.stores.data_keys import IDS, NO_RECORDINGS, DataKey, DataKeys

Kind = Literal["original", "map", "transcript", "case"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SCHEMA = 1
CHUNK_BYTES = 1 << 20
SUFFIX = ".sealed"

_MAGIC = b"REDACTV\x01"
_PREFIX_BYTES, _TAG_BYTES = 7, 16
_MOST_CHUNKS = 1 << 32
# What the magic is followed by: schema, and the lengths of recording id, kind and key id.
_HEAD = struct.Struct(">HBBB")
_NONCE = struct.Struct(">IB")


@dataclass(frozen=True, slots=True)
class Sealed:
    """What stands in a sealed file's header, for everybody to read."""

    recording_id: str
    kind: Kind
    key_id: str
    schema: int = SCHEMA


class Vault:
    """A folder of sealed files.

    Args:
        folder: made where it isn't there, for its owner alone.
        keys: of the recordings.
        is_erased: tells of an id whether it was erased for good; nothing is sealed or given out under it any more.
    """

    def __init__(self, folder: Path, keys: DataKeys, is_erased: Callable[[str], bool] = lambda _: False) -> None:
        self._folder = folder
        self._keys = keys
        self._is_erased = is_erased

    def seal(self, content: BinaryIO, recording_id: str, kind: Kind) -> int:
        """Seal a file, all of it or nothing; its length in bytes. What was sealed of that kind before is replaced.

        Raises:
            UsageError: the id can't be one.
            NoLawfulBasis: it was erased for good.
            KeyMissing: the master key is not here.
            CannotWrite: the vault can't be written to.
        """
        target = self._path(recording_id, kind)
        if self._is_erased(recording_id):
            raise erased()
        key = self._keys.made(recording_id)
        about = Sealed(recording_id, kind, key.key_id)
        try:
            for folder in (self._folder, target.parent):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with Staged(target.parent, private=True) as staged:
                length = _encrypt(content, staged.open(target.name), about, key)
                staged.publish(force=True)
        except (OSError, CannotWrite) as error:
            code = error.errno if isinstance(error, OSError) else None
            why = f": {os.strerror(code).lower()}" if code else ""
            raise CannotWrite(f"can't write to the vault{why}", hint="check its disk and whose it is") from None
        return length

    def opened(self, recording_id: str, kind: Kind) -> Iterator[bytes]:
        """The content, chunk by chunk; all of it is checked before the first is given out.

        Raises:
            KeyMissing: nothing of the kind is here, its key is gone or another, or it was changed; or it was erased for
                good, and a backup has brought it back. The map may be read then: originals are found by it.
        """
        key = self._keys.of(recording_id)
        if kind != "map" and self._is_erased(recording_id):
            raise KeyMissing(
                "the recording was erased for good: what a backup brought back is not given out",
                hint="erase it again with: redact retention apply", reason="erased",
            )  # fmt: skip
        try:
            with self._path(recording_id, kind).open("rb") as sealed:
                expected = Sealed(recording_id, kind, key.key_id)
                for _ in _decrypt(sealed, expected, key):
                    pass
                sealed.seek(0)
                yield from _decrypt(sealed, expected, key)
        except FileNotFoundError:
            raise KeyMissing(
                f"the vault holds no {kind} of this recording", hint="see what it holds with: redact vault list"
            ) from None
        except OSError as error:
            why = os.strerror(error.errno).lower() if error.errno else "the system gave no reason"
            raise Damaged(
                f"the sealed file can't be read: {why}", hint="check the vault's disk and whose it is"
            ) from None

    def listed(self) -> Iterator[Sealed]:
        """What the vault holds, in no order; files that are none are left out."""
        for path in self._folder.glob(f"??/*{SUFFIX}"):
            with suppress(OSError, KeyMissing), path.open("rb") as sealed:
                yield _read_header(sealed)[0]

    def erase(self, recording_id: str) -> bool:
        """Destroy a recording's key, then remove its files; False where it had neither.

        Raises:
            CannotWrite: a file can't be removed. Nobody can read it any more.
        """
        paths = [self._path(recording_id, kind) for kind in KINDS]
        had_key = self._keys.destroy(recording_id)
        had_file = False
        for path in paths:
            with suppress(FileNotFoundError):
                _remove(path)
                had_file = True
        return had_key or had_file

    def _path(self, recording_id: str, kind: Kind) -> Path:
        if not IDS.fullmatch(recording_id) or recording_id in NO_RECORDINGS:
            raise UsageError("the id is not one", hint="use letters, digits, and . _ : - between them, at most 80")
        spread = re.sub(r"[^A-Za-z0-9]", "", recording_id)[-2:].rjust(2, "0")
        return self._folder / spread.lower() / f"{recording_id}.{kind}{SUFFIX}"


def _remove(path: Path) -> None:
    try:
        path.unlink()
    except FileNotFoundError:
        raise
    except OSError:
        raise CannotWrite(
            "a sealed file can't be removed; its key is gone", hint="check the vault's disk and whose it is"
        ) from None


def erased() -> NoLawfulBasis:
    """What a recording is refused with that was erased for good and is here again."""
    return NoLawfulBasis(
        "the recording was erased for good: it is not taken up again",
        hint="see why with: redact retention certificates; the copy that came back should be removed",
        reason="erased",
    )


def _header(about: Sealed) -> bytes:
    names = [about.recording_id.encode(), about.kind.encode(), about.key_id.encode()]
    return _MAGIC + _HEAD.pack(about.schema, *map(len, names)) + b"".join(names)


def _encrypt(content: BinaryIO, target: BinaryIO, about: Sealed, key: DataKey) -> int:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    cipher = AESGCM(key.secret)
    prefix = secrets.token_bytes(_PREFIX_BYTES)
    header = _header(about) + prefix
    target.write(header)
    length = number = 0
    chunk = _full(content)
    while True:
        following = _full(content)
        if number == _MOST_CHUNKS:
            raise CannotWrite("the file is too large for the vault", hint="cut it into parts")
        nonce = prefix + _NONCE.pack(number, not following)
        target.write(cipher.encrypt(nonce, chunk, header))
        length += len(chunk)
        number += 1
        if not following:
            return length
        chunk = following


def _full(content: BinaryIO) -> bytes:
    """A chunk, short at the end only: a pipe gives what it has."""
    chunk = content.read(CHUNK_BYTES)
    while 0 < len(chunk) < CHUNK_BYTES and (more := content.read(CHUNK_BYTES - len(chunk))):
        chunk += more
    return chunk


def _decrypt(sealed: BinaryIO, expected: Sealed, key: DataKey) -> Iterator[bytes]:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    about, header = _read_header(sealed)
    if about != expected:
        raise _changed()
    prefix = header[-_PREFIX_BYTES:]
    cipher = AESGCM(key.secret)
    number = 0
    chunk = sealed.read(CHUNK_BYTES + _TAG_BYTES)
    while True:
        following = sealed.read(CHUNK_BYTES + _TAG_BYTES)
        try:
            yield cipher.decrypt(prefix + _NONCE.pack(number, not following), chunk, header)
        except InvalidTag:
            raise _changed() from None
        number += 1
        if not following:
            return
        chunk = following


def _read_header(sealed: BinaryIO) -> tuple[Sealed, bytes]:
    head = sealed.read(len(_MAGIC) + _HEAD.size)
    if len(head) < len(_MAGIC) + _HEAD.size or not head.startswith(_MAGIC):
        raise _changed()
    schema, *lengths = _HEAD.unpack(head[len(_MAGIC) :])
    rest = sealed.read(sum(lengths) + _PREFIX_BYTES)
    if schema != SCHEMA or len(rest) < sum(lengths) + _PREFIX_BYTES:
        raise _changed()
    ends = [sum(lengths[: number + 1]) for number in range(len(lengths))]
    try:
        recording_id, kind, key_id = (rest[end - n : end].decode("ascii") for n, end in zip(lengths, ends, strict=True))
    except UnicodeDecodeError:
        raise _changed() from None
    if kind not in KINDS:
        raise _changed()
    return Sealed(recording_id, kind, key_id, schema), head + rest


def _changed() -> KeyMissing:
    return KeyMissing(
        "the sealed file is not whole, was changed, or is another recording's; nothing of it was given out",
        hint="restore it from a backup of the vault",
    )
