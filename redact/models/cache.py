"""The folder where models are joined or fetched into, and where it is remembered which files were hashed.

    models/NAME/        a model, whole and checked: it gets this name only then
    building/NAME/      its lock, and at most one half-made model
    stamps/KEY.json     size, time of change and sha256 of each file of a folder, as last read

The cache is made with mode 0700: who can write in it could swap a model. What lies inside has ordinary modes, so
that an administrator who wants to share it has one folder to open.
"""

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from redact.errors import CannotWrite

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Seen:
    """A file as it was when it was hashed."""

    size_bytes: int
    mtime_ns: int
    sha256: str


def cache_dir() -> Path:
    """`$REDACT_CACHE`, else `$XDG_CACHE_HOME/redact`, else `~/.cache/redact`. It need not exist.

    Raises:
        CannotWrite: the user has no home folder, and neither variable is set.
    """
    if own := os.environ.get("REDACT_CACHE"):
        return Path(own).expanduser().absolute()
    # The XDG specification wants a relative path to be ignored.
    if (xdg := os.environ.get("XDG_CACHE_HOME")) and Path(xdg).is_absolute():
        return Path(xdg) / "redact"
    try:
        return Path.home() / ".cache" / "redact"
    except RuntimeError:
        raise cannot_write("there is no home folder") from None


def kept_folder(cache: Path, name: str) -> Path:
    """Where the model `name` lies once it is whole."""
    return cache / "models" / name


def is_folder(path: Path) -> bool:
    """Whether the folder is there and can be reached; `Path.is_dir` raises where a parent can't be entered."""
    return os.path.isdir(path)  # noqa: PTH112


def hash_files(folder: Path, names: Iterable[str], cache: Path, *, trust_stamp: bool = True) -> dict[str, Seen]:
    """The sha256 of each file: remembered where its size and time of change are as they were, else by reading it.

    A change that keeps both goes unnoticed unless `trust_stamp` is False. Where the cache can't be written, every
    call reads the files.

    Raises:
        OSError: a file can't be read.
    """
    stamp = cache / "stamps" / f"{hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:32]}.json"
    known = _read_stamp(stamp)
    found = {name: _see(folder / name, known.get(name) if trust_stamp else None) for name in names}
    if found != known:
        with suppress(OSError):
            _write_stamp(cache, stamp, found)
    return found


def sha256_of(chunks: Iterable[bytes]) -> str:
    """Hex digest of the chunks, one after the other."""
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


def read_chunks(paths: Iterable[Path]) -> Iterator[bytes]:
    """The bytes of the files, one after the other. Raises OSError where one can't be read."""
    for path in paths:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk


def write_file(chunks: Iterable[bytes], target: Path) -> str:
    """Writes a file, which `publish` fsyncs; returns its sha256.

    Raises:
        CannotWrite: the disk is full, or writing is not allowed.
    """
    digest = hashlib.sha256()
    with _writing(), target.open("wb") as file:
        for chunk in chunks:
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


@contextmanager
def building(cache: Path, name: str) -> Iterator[Path]:
    """An empty folder to make the model `name` in; whatever is still in it afterwards is removed.

    One process at a time: another waits here, and should look again whether the model is there by then. What a
    killed process left behind is removed.

    Raises:
        CannotWrite: the cache can't be written.
    """
    workshop = cache / "building" / name
    with _writing():
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        workshop.mkdir(parents=True, exist_ok=True)
        lock = (workshop / "lock").open("ab")
    with lock:
        alone = _lock(lock)
        with _writing():
            if alone:
                for leftover in workshop.glob("*.part*"):
                    shutil.rmtree(leftover, ignore_errors=True)
            staged = Path(tempfile.mkdtemp(suffix=".part", dir=workshop))
            staged.chmod(0o755)
        try:
            yield staged
        finally:
            shutil.rmtree(staged, ignore_errors=True)


def publish(staged: Path, target: Path) -> None:
    """Fsyncs a finished folder and gives it its name, in the place of what had it before.

    Raises:
        CannotWrite: it can't be moved there.
    """
    with _writing():
        for path in staged.iterdir():
            _fsync(path)
        _fsync(staged)
        target.parent.mkdir(parents=True, exist_ok=True)
        old = staged.with_name(f"{staged.name}.old")
        if target.exists():
            target.rename(old)
        staged.rename(target)
        _fsync(target.parent)
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise cannot_write(error) from None


def cannot_write(reason: OSError | str) -> CannotWrite:
    """The error for a cache that can't take what belongs in it."""
    if isinstance(reason, OSError):
        reason = reason.strerror or type(reason).__name__
    return CannotWrite(
        f"the models cache can't be written ({reason})",
        hint="set REDACT_CACHE to a folder that you can write to, on a disk with room for the model",
    )


def _lock(file: IO[bytes]) -> bool:
    """Waits for the lock. False where the file system has none: then nothing may be tidied away."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
    except OSError:
        return False
    return True


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _see(path: Path, known: Seen | None) -> Seen:
    with path.open("rb") as file:
        # Before reading: a file that changes meanwhile no longer fits its stamp afterwards.
        state = os.fstat(file.fileno())
        if known and (known.size_bytes, known.mtime_ns) == (state.st_size, state.st_mtime_ns):
            return known
        return Seen(state.st_size, state.st_mtime_ns, hashlib.file_digest(file, "sha256").hexdigest())


def _read_stamp(stamp: Path) -> dict[str, Seen]:
    """What the stamp remembers; nothing where it is absent, damaged, or may have been written by somebody else."""
    try:
        with stamp.open("rb") as file:
            state = os.fstat(file.fileno())
            if state.st_uid not in (os.geteuid(), 0) or state.st_mode & 0o022:
                return {}
            entries = json.load(file)
        return {name: Seen(int(size), int(mtime_ns), str(sha256)) for name, (size, mtime_ns, sha256) in entries.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _write_stamp(cache: Path, stamp: Path, found: Mapping[str, Seen]) -> None:
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    stamp.parent.mkdir(exist_ok=True)
    entries = {name: [seen.size_bytes, seen.mtime_ns, seen.sha256] for name, seen in found.items()}
    descriptor, temporary = tempfile.mkstemp(dir=stamp.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(entries, file)
        Path(temporary).replace(stamp)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
