"""Sealed files: originals, id maps, clear transcripts where a policy keeps them, and who a request is from.

A file is cut into chunks, each encrypted with AES-256-GCM under the recording's own key. The nonce of a chunk is the
file's random prefix, the chunk's number, and whether it is the last: the STREAM construction (Hoang, Reyhanitabar,
Rogaway and Vizár, 2015). So no chunk can be changed, moved, left out or added, and no file end early. Each chunk is
bound to the header too, which names recording, kind, schema and key: one file can't take another's place.

Nothing of a file is given out before all of it has been found whole.
"""

import fcntl
import hashlib
import os
import re
import secrets
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, Protocol, get_args

from redact.errors import CannotWrite, Damaged, KeyMissing, NoLawfulBasis, UsageError
from redact.publish import Staged
from redact.stores.data_keys import IDS, NO_RECORDINGS, NOTHING_SEALED, DataKey, DataKeys

Kind = Literal["original", "map", "transcript", "case"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SCHEMA = 1
CHUNK_BYTES = 1 << 20
SUFFIX = ".sealed"
LOCK = ".lock"
# Why something is refused: a word for whoever can go on without it.
NOT_WHOLE = "not_whole"

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
        with self._shared(fcntl.LOCK_SH):
            if self._is_erased(recording_id):
                raise erased()
            key = self._keys.made(recording_id)
            about = Sealed(recording_id, kind, key.key_id)
            with _writing():
                target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                with Staged(target.parent, private=True) as staged:
                    length = encrypt(content, staged.open(target.name), about, key)
                    staged.publish(force=True)
        return length

    def opened(self, recording_id: str, kind: Kind) -> Iterator[bytes]:
        """The content, chunk by chunk; all of it is checked before the first is given out.

        Raises:
            KeyMissing: nothing of the kind is here, its key is gone or another, or it was changed; or it was erased for
                good, and a backup has brought it back. The map may be read then: originals are found by it.
        """
        self._path(recording_id, kind)
        if kind != "map" and self._is_erased(recording_id):
            self._keys.of(recording_id)  # that there is no key says more
            raise KeyMissing(
                "the recording was erased for good: what a backup brought back is not given out",
                hint="erase it again with: redact retention apply", reason="erased",
            )  # fmt: skip
        try:
            with self._file(recording_id, kind) as (sealed, key):
                expected = Sealed(recording_id, kind, key.key_id)
                for _ in decrypt(sealed, expected, key):
                    pass
                sealed.seek(0)
                yield from decrypt(sealed, expected, key)
        except FileNotFoundError:
            self._keys.of(recording_id)  # that there is no key says more
            raise KeyMissing(
                f"the vault holds no {kind} of this recording", hint="see what it holds with: redact vault list",
                reason=NOTHING_SEALED,
            ) from None  # fmt: skip
        except OSError as error:
            raise _unreadable(error) from None

    @contextmanager
    def at_hand(self, recording_id: str, kind: Kind) -> Iterator[Path]:
        """A path by which the content can be read while the context is open: decrypted in memory, and nowhere else.

        Raises:
            KeyMissing: as `opened`.
        """
        fd = os.memfd_create(kind, os.MFD_CLOEXEC)
        try:
            with os.fdopen(fd, "wb", closefd=False) as file:
                for chunk in self.opened(recording_id, kind):
                    file.write(chunk)
            yield Path(f"/proc/{os.getpid()}/fd/{fd}")
        finally:
            os.close(fd)

    def reseal(self, recording_id: str) -> tuple[int, int]:
        """Encrypt all that is sealed of a recording by a fresh key, and forget the old one; files and bytes of them.

        It may be killed at any moment and done again: each file can be read all the time, by the old key or by the
        fresh one, and takes another's place only once it was read back and found the same.

        Raises:
            KeyMissing: the recording doesn't wait for a fresh key (`DataKeys.all_need_successors`), or a file is not
                whole. The old key holds then.
            CannotWrite: the vault can't be written to.
        """
        files = length = 0
        with self._shared(fcntl.LOCK_EX):  # nobody seals by the old key what would outlive it
            fresh = self._keys.successor(recording_id)
            for kind in KINDS:
                with suppress(FileNotFoundError):
                    length += self._resealed(recording_id, kind, fresh)
                    files += 1
            self._keys.succeed(recording_id)
        return files, length

    def size(self, recording_id: str) -> int:
        """Bytes that are sealed of a recording."""
        paths = (self._path(recording_id, kind) for kind in KINDS)
        return sum(path.stat().st_size for path in paths if path.exists())

    def _resealed(self, recording_id: str, kind: Kind, fresh: DataKey) -> int:
        path = self._path(recording_id, kind)
        with self._file(recording_id, kind) as (sealed, key):
            if key.key_id == fresh.key_id:  # it was done before the last kill
                return 0
            content = _Chunks(decrypt(sealed, Sealed(recording_id, kind, key.key_id), key))
            about = Sealed(recording_id, kind, fresh.key_id)
            with _writing(), Staged(path.parent, private=True) as staged:
                target = staged.open(path.name)
                length = encrypt(content, target, about, fresh)
                target.flush()
                target.seek(0)
                again = hashlib.sha256()
                for chunk in decrypt(target, about, fresh):
                    again.update(chunk)
                if again.digest() != content.digest.digest():
                    raise Damaged("what was sealed anew is not what it was", hint="check this machine's memory")
                staged.publish(force=True)
        return length

    @contextmanager
    def _file(self, recording_id: str, kind: Kind) -> Iterator[tuple[BinaryIO, DataKey]]:
        """A sealed file and its key. Where it was sealed anew between the one and the other, both once more."""
        for is_last in (False, True):
            with self._path(recording_id, kind).open("rb") as sealed:
                named = _read_header(sealed)[0].key_id
                key = self._keys.of(recording_id, named)
                if key.key_id == named or is_last:
                    sealed.seek(0)
                    yield sealed, key
                    return

    @contextmanager
    def _shared(self, how: int) -> Iterator[None]:
        """The vault, with others who seal (`LOCK_SH`), or without (`LOCK_EX`)."""
        with _writing():
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            opened = os.open(self._folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            with _writing():
                fcntl.flock(opened, how)
            yield
        finally:
            os.close(opened)

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
        with self._shared(fcntl.LOCK_SH) if self._folder.exists() else nullcontext():
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


class _Readable(Protocol):
    """What chunks are read from."""

    def read(self, size: int, /) -> bytes:
        """So many bytes, or fewer; none at the end."""


class _Chunks:
    """Chunks as a file to read from, and the SHA-256 of what was read."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self.digest = hashlib.sha256()

    def read(self, _size: int, /) -> bytes:
        chunk = next(self._chunks, b"")
        self.digest.update(chunk)
        return chunk


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except (OSError, CannotWrite) as error:
        code = error.errno if isinstance(error, OSError) else None
        why = f": {os.strerror(code).lower()}" if code else ""
        raise CannotWrite(f"can't write to the vault{why}", hint="check its disk and whose it is") from None


def _unreadable(error: OSError) -> Damaged:
    why = os.strerror(error.errno).lower() if error.errno else "the system gave no reason"
    return Damaged(f"the sealed file can't be read: {why}", hint="check the vault's disk and whose it is")


def is_sealed(path: Path) -> bool:
    """True for a file that begins as a sealed one does. Whether it is whole is another question."""
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


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


def encrypt(content: _Readable, target: BinaryIO, about: Sealed, key: DataKey) -> int:
    """Encrypt a file under a key, bound to what stands in its header; the length of its content in bytes.

    Raises:
        CannotWrite: it is too large.
    """
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


def _full(content: _Readable) -> bytes:
    """A chunk, short at the end only: a pipe gives what it has."""
    chunk = content.read(CHUNK_BYTES)
    while 0 < len(chunk) < CHUNK_BYTES and (more := content.read(CHUNK_BYTES - len(chunk))):
        chunk += more
    return chunk


def decrypt(sealed: BinaryIO, expected: Sealed, key: DataKey) -> Iterator[bytes]:
    """The content of an encrypted file, chunk by chunk. Run through it once before anything is given out.

    Raises:
        KeyMissing: it is not what is expected, was cut or changed, or the key is another.
    """
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


def read_about(sealed: BinaryIO) -> Sealed:
    """What stands in the header of an encrypted file. Nobody has vouched for it before all was decrypted.

    Raises:
        KeyMissing: there is none.
    """
    return _read_header(sealed)[0]


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
        reason=NOT_WHOLE,
    )
