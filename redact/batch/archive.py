"""Folders of files, here or anywhere that fsspec reaches (s3, gs, az, sftp): listed, read, written, moved.

A recording from elsewhere is held in memory while it is worked on, never in a file: it is personal data in clear. What
is written elsewhere is staged in a local folder first, and it is redacted by then. Whatever may go better a moment
later is tried again a few times; nothing else is.
"""

import contextlib
import errno
import fnmatch
import hashlib
import logging
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from redact.errors import CannotWrite, InputRejected, RedactError, UsageError
from redact.publish import Staged, sync_directory

# Object stores show an object when all of it is there; elsewhere a file gets its name once it is whole.
_WHOLE_AT_ONCE = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "memory"})
_TRIES = 4
_BLOCK_BYTES = 1 << 20
_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "az": "azure", "abfs": "azure", "sftp": "sftp"}
# More of a recording is not taken into memory; the decoder's own limit is the same.
_MOST_BYTES = 4 << 30
_PERMANENT = (FileNotFoundError, PermissionError, NotADirectoryError, IsADirectoryError, FileExistsError)
_T = TypeVar("_T")

logging.getLogger("s3fs").setLevel(logging.CRITICAL)  # it logs the names of files


@dataclass(frozen=True, slots=True)
class Item:
    """A file of an archive.

    Attributes:
        path: within the archive, with `/` between its parts. It may say something personal.
        size_bytes: of the file.
        stamp: what changes when its content does.
        modified_at: when it last changed; None where the store doesn't tell.
    """

    path: str = field(repr=False)
    size_bytes: int
    stamp: str
    modified_at: datetime | None


class Archive:
    """A folder, here or elsewhere.

    Args:
        url: a path, or a URL such as `s3://bucket/calls`. How a store is reached is set as its library wants it: by
            environment variables or fsspec's own configuration files.

    Raises:
        UsageError: nobody knows how to reach such a URL, or what it needs is not installed.
    """

    def __init__(self, url: str) -> None:
        import fsspec

        self.url = url.rstrip("/") or "/"
        scheme = url.partition("://")[0] if "://" in url else "file"
        try:
            self._files, root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            extra = _EXTRAS.get(scheme)
            hint = f'pip install "callredact[{extra}]"' if extra else "give a folder, or a URL of s3, gs, az or sftp"
            raise UsageError(f"archives of {scheme} can't be reached here", hint=hint) from error
        except Exception as error:
            raise _gone(error) from None
        protocols = self._files.protocol
        self._protocols = {protocols} if isinstance(protocols, str) else set(protocols)
        self.is_local = bool(self._protocols & {"file", "local"})
        self.root = str(Path(root).resolve()) if self.is_local else root.rstrip("/")
        if self.is_local:
            self.url = self.root

    def items(self) -> Iterator[Item]:
        """All files, folder by folder; those whose name begins with a dot are left out, and links to folders.

        Raises:
            InputRejected: there is no such folder, or it can't be listed.
        """
        if self.is_local:
            yield from self._local_items(Path(self.root))
            return
        try:
            # A store without folders lists nothing for what isn't there.
            for folder, _, files in self._files.walk(self.root, detail=True, on_error="raise"):
                for name, facts in sorted(files.items()):
                    inside = PurePosixPath(folder.removeprefix(self.root).strip("/"), name)
                    if name and not any(part.startswith(".") for part in inside.parts):
                        yield _item(str(inside), facts)
        except FileNotFoundError:
            if not self._is_empty():
                raise InputRejected("there is no such archive", hint="check its URL", reason="io") from None
        except Exception as error:
            raise _gone(error) from None

    def _is_empty(self) -> bool:
        """True where an object store has the bucket, and nothing of that prefix: it has no folders."""
        is_store = bool(self._protocols & _WHOLE_AT_ONCE)
        return is_store and bool(self._files.exists(self.root.partition("/")[0]))

    def _local_items(self, folder: Path) -> Iterator[Item]:
        if not folder.is_dir():
            raise InputRejected("there is no such folder", hint="check the archive's path", reason="io")

        def refuse(error: OSError) -> None:
            raise _gone(error)

        for where, folders, names in os.walk(folder, onerror=refuse):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                file = Path(where, name)
                if name.startswith("."):
                    continue
                path = str(file.relative_to(folder))
                try:
                    facts = file.stat()
                except FileNotFoundError:  # gone since it was listed
                    continue
                except OSError:  # it is accounted for as one that can't be read
                    yield Item(path, 0, "unreadable", None)
                    continue
                if stat.S_ISREG(facts.st_mode):
                    changed = datetime.fromtimestamp(facts.st_mtime, UTC)
                    yield Item(path, facts.st_size, f"{facts.st_size}:{facts.st_mtime_ns}", changed)

    def item(self, path: str) -> Item | None:
        """A file as it is now; None where it is gone."""
        if self.is_local:
            try:
                facts = Path(self.root, path).stat()
            except (FileNotFoundError, NotADirectoryError):
                return None
            except OSError as error:
                raise _gone(error) from None
            return Item(path, facts.st_size, f"{facts.st_size}:{facts.st_mtime_ns}", None)
        try:
            self._files.invalidate_cache()
            return _item(path, self._again(lambda: self._files.info(self._at(path))))
        except FileNotFoundError:
            return None
        except Exception as error:
            raise _gone(error) from None

    def beginning(self, start: str) -> list[str]:
        """Paths of the files of one folder whose path begins so, those with a dot in front left out.

        Raises:
            InputRejected: the folder is there, and can't be listed.
        """
        folder = start.rpartition("/")[0]
        try:
            if self.is_local:
                names = [entry.name for entry in os.scandir(Path(self.root, folder)) if entry.is_file()]
            else:
                self._files.invalidate_cache()
                names = [path.rpartition("/")[2] for path in self._files.ls(self._at(folder), detail=False)]
        except FileNotFoundError:
            return []
        except Exception as error:
            raise _gone(error) from None
        return sorted(path for name in names if (path := f"{folder}/{name}".lstrip("/")).startswith(start))

    @contextmanager
    def at_hand(self, item: Item) -> Iterator[Path]:
        """A path by which a file can be read; of what lies elsewhere, a copy in memory.

        Raises:
            InputRejected: it can't be read, or changed while it was read.
        """
        if self.is_local:
            yield Path(self.root, item.path)
            return
        if item.size_bytes > _MOST_BYTES:
            raise InputRejected("the recording is too large", hint="split it", reason="too_large")
        fd = os.memfd_create("recording", os.MFD_CLOEXEC)
        try:
            try:
                self._again(lambda: self._read_into(fd, item))
            except RedactError:
                raise
            except Exception as error:
                raise _gone(error) from None
            yield Path(f"/proc/{os.getpid()}/fd/{fd}")
        finally:
            os.close(fd)

    def _read_into(self, fd: int, item: Item) -> None:
        os.ftruncate(fd, 0)
        os.lseek(fd, 0, os.SEEK_SET)
        with self._files.open(self._at(item.path), "rb") as remote:
            while block := remote.read(_BLOCK_BYTES):
                left = memoryview(block)
                while left:
                    left = left[os.write(fd, left) :]
        now = self.item(item.path)
        if os.fstat(fd).st_size != item.size_bytes or now is None or now.stamp != item.stamp:
            raise InputRejected(
                "the file changed while it was read",
                hint="wait until the recording is complete, then run again",
                reason="io",
            )

    def read(self, path: str) -> bytes | None:
        """The bytes of a small file; None where there is none.

        Raises:
            InputRejected: it can't be read.
        """
        try:
            if self.is_local:
                return Path(self.root, path).read_bytes()
            return bytes(self._again(lambda: self._files.cat_file(self._at(path))))
        except FileNotFoundError:
            return None
        except Exception as error:
            raise _gone(error) from None

    def sha256(self, path: str) -> str | None:
        """Of a file; None where there is none.

        Raises:
            InputRejected: it can't be read.
        """

        def hashed() -> str:
            with open(self._at(path), "rb") if self.is_local else self._files.open(self._at(path), "rb") as file:  # noqa: PTH123
                digest = hashlib.sha256()
                while block := file.read(_BLOCK_BYTES):
                    digest.update(block)
            return digest.hexdigest()

        try:
            return self._again(hashed)
        except FileNotFoundError:
            return None
        except Exception as error:
            raise _gone(error) from None

    def put(self, local: Path, path: str) -> None:
        """Write a file that is here under a name there; the name appears when all of it is there.

        Raises:
            CannotWrite: it can't be written.
        """
        target = self._at(path)

        def written() -> None:
            if self._protocols & _WHOLE_AT_ONCE:
                self._files.put_file(str(local), target)
            else:
                self._files.makedirs(target.rpartition("/")[0], exist_ok=True)
                self._files.put_file(str(local), target + ".part")
                self._files.mv(target + ".part", target)
            self._files.invalidate_cache()
            if self._files.size(target) != local.stat().st_size:
                raise OSError(errno.EIO, "")

        try:
            self._again(written)
        except Exception as error:
            raise _not_written(error) from None

    def remove(self, path: str) -> None:
        """Remove a file.

        Raises:
            CannotWrite: it can't be removed.
        """
        try:
            if self.is_local:
                file = Path(self.root, path)
                file.unlink()
                sync_directory(file.parent)
            else:
                self._again(lambda: self._files.rm_file(self._at(path)))
        except Exception as error:
            raise _not_written(error) from None

    def place_in(self, to: "Archive", path: str, digest: str) -> str:
        """Where a file moves to in another archive: beside another one of its name, it has its digest in its own."""
        if to.sha256(path) in {None, digest}:
            return path
        stem, dot, suffix = path.rpartition(".")
        return f"{stem}.{digest[:16]}{dot}{suffix}" if dot else f"{path}.{digest[:16]}"

    def move(self, item: Item, to: "Archive") -> None:
        """Move a file to the same place in another archive: written there and checked, then removed here.

        Another file that lies there already stays: this one then has the beginning of its digest in its name.

        Raises:
            RedactError: it can't be read, written or removed; it is here or there then, or in both.
        """
        digest = self.sha256(item.path) or ""
        path = self.place_in(to, item.path, digest)
        with self.at_hand(item) as here:
            if to.is_local:
                to.put_local(here, path)
            else:
                to.put(here, path)
        if not digest or to.sha256(path) != digest:
            raise CannotWrite("the original was not copied whole; it stays where it is", hint="check the disk or share")
        self.remove(item.path)

    def is_link(self, path: str) -> bool:
        """True for a link: what it leads to is somewhere else."""
        return self.is_local and Path(self.root, path).is_symlink()

    def put_local(self, source: Path, path: str) -> None:
        """Copy a file that is in clear into a folder of this machine, for its owner alone.

        Raises:
            CannotWrite: it can't be written.
        """
        target = Path(self.root, path)
        with Staged(target.parent, private=True) as staged, source.open("rb") as file:
            copy = staged.open(target.name)
            while block := file.read(_BLOCK_BYTES):
                copy.write(block)
            staged.publish(force=True)

    def _at(self, path: str) -> str:
        return f"{self.root}/{path}"

    def _again(self, what: Callable[[], _T]) -> _T:
        """What it gives, tried a few times with longer and longer waits, unless trying can't help."""
        import tenacity

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_not_exception_type((*_PERMANENT, RedactError)),
            wait=tenacity.wait_exponential_jitter(multiplier=0.2, max=5),
            stop=tenacity.stop_after_attempt(_TRIES), reraise=True,
        )  # fmt: skip
        result: _T = retrying(what)
        return result


def chosen(path: str, include: Sequence[str], exclude: Sequence[str]) -> bool:
    """True where a path matches one of the first patterns and none of the others, by its name or from the root."""

    def matches(patterns: Sequence[str]) -> bool:
        name = path.rpartition("/")[2]
        return any(
            fnmatch.fnmatchcase(path.lower(), p.lower()) or fnmatch.fnmatchcase(name.lower(), p.lower())
            for p in patterns
        )

    return matches(include) and not matches(exclude)


def _item(path: str, facts: dict[str, Any]) -> Item:
    size = int(facts.get("size") or 0)
    when = facts.get("LastModified") or facts.get("last_modified") or facts.get("mtime") or facts.get("updated")
    if isinstance(when, int | float):
        when = datetime.fromtimestamp(when, UTC)
    elif isinstance(when, str):
        with contextlib.suppress(ValueError):
            when = datetime.fromisoformat(when)
    moment = when if isinstance(when, datetime) else facts.get("created")
    moment = moment if isinstance(moment, datetime) else None
    if moment is not None and moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    tag = facts.get("ETag") or facts.get("etag") or (moment.isoformat() if moment else "")
    return Item(path, size, hashlib.sha256(f"{size}:{tag}".encode()).hexdigest()[:32], moment)


def _gone(error: BaseException) -> InputRejected:
    why = os.strerror(error.errno).lower() if isinstance(error, OSError) and error.errno else type(error).__name__
    return InputRejected(
        f"the archive can't be read: {why}", hint="check that it can be reached, and who may read it", reason="io"
    )


def _not_written(error: BaseException) -> CannotWrite:
    why = os.strerror(error.errno).lower() if isinstance(error, OSError) and error.errno else type(error).__name__
    return CannotWrite(f"the archive can't be written: {why}", hint="check its space, and who may write to it")
