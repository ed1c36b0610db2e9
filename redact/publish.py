"""Stage, verify, publish: a file's name appears only when its bytes are proven and on the disk.

The outputs of one call are written to files without a name (`O_TMPFILE`), in the folder where they will be. Whatever
ends the process before `Staged.publish`, SIGKILL and a power cut included, leaves nothing behind. Where the file system
has no such files, a hidden one that only its owner may read stands in: `.NAME.<random>.part`. It is removed on any
orderly end, and stays behind after SIGKILL. So may the second name under which a file replaces another (`force`), for
a moment: its bytes are whole.

What is staged must already be redacted: it may reach the disk.
"""

import errno
import io
import os
import re
import secrets
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from redact.errors import CannotWrite

# What says that the file system, or a kernel before 3.11, has no files without a name.
_NO_UNNAMED = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT, errno.ENOSYS})
# What says that the file system has no second names for a file.
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
_OWN_FILES = "/proc/self/fd"
# How the name of an output ends; what is before may be anybody's.
_ENDING = re.compile(r"(\.redacted|\.report)?\.\w{1,5}$")

_HINTS = {
    errno.ENOSPC: "free some space there, or choose another folder with -o",
    errno.EDQUOT: "free some space there, or choose another folder with -o",
    errno.EFBIG: "raise the limit on the size of files, or choose another folder with -o",
    errno.EACCES: "choose a folder that you may write to with -o",
    errno.EPERM: "choose a folder that you may write to with -o",
    errno.EROFS: "choose a folder that can be written to with -o",
    errno.ENOTDIR: "part of the folder's path is a file: choose another folder with -o",
    errno.ENAMETOOLONG: "rename the input to something shorter",
    errno.EISDIR: "a folder has the name of the output: move it away, or choose another folder with -o",
}


def cannot_write(error: OSError, name: str | None) -> CannotWrite:
    """The error for an output of that name, or for the folder, that could not be written.

    Names of files and folders may be personal: nothing but how the name ends is told.
    """
    ending = _ENDING.search(name or "")
    what = "the folder for the outputs" if name is None else f"the {ending[0]} output" if ending else "the output"
    if error.errno == errno.EEXIST:
        return CannotWrite(f"{what} exists already", hint="use --force to replace it, or choose another folder with -o")
    why = os.strerror(error.errno).lower() if error.errno else "the system gave no reason"
    hint = _HINTS.get(error.errno or 0, "check the disk or share, then run again")
    return CannotWrite(f"can't write {what}: {why}", hint=hint)


def check_targets(directory: Path, names: Sequence[str], *, force: bool) -> None:
    """Find out before the work what would keep these files from being published after it.

    `Staged.publish` checks again, at the moment when it counts.

    Args:
        directory: the folder, which need not exist yet.
        names: of the files.
        force: whether files of these names may be replaced.

    Raises:
        CannotWrite: the folder can't be made or written to, or a file is in the way.
    """
    folder = directory
    while not os.path.lexists(folder) and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        raise cannot_write(OSError(errno.ENOTDIR, ""), None)
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        raise cannot_write(OSError(errno.EACCES, ""), None)
    for name in names:
        try:
            found = os.lstat(directory / name)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise cannot_write(error, name) from error
        if stat.S_ISDIR(found.st_mode):
            raise cannot_write(OSError(errno.EISDIR, ""), name)
        if not force:
            raise cannot_write(OSError(errno.EEXIST, ""), name)


class _Output(io.FileIO):
    """A staged file whose failed writes say what the person at the terminal has to know."""

    def __init__(self, fd: int, name: str) -> None:
        super().__init__(fd, "r+")
        self._output = name

    def write(self, data: object, /) -> int:
        with _writing(self._output):
            return super().write(data)  # type: ignore[arg-type]

    def truncate(self, size: int | None = None, /) -> int:
        with _writing(self._output):
            return super().truncate(size)


@contextmanager
def _writing(name: str | None) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise cannot_write(error, name) from error


@dataclass(frozen=True, slots=True)
class _File:
    """A staged file: its name to be, its bytes, and the hidden name that it has where it could not be without one."""

    name: str
    file: io.BufferedRandom
    hidden: str | None


class Staged:
    """The outputs of one call, written out of sight and published together.

    A context manager. Leaving it without `publish` leaves nothing behind, not even folders made for the purpose.
    """

    def __init__(self, directory: Path, *, private: bool = False) -> None:
        """Nothing happens before the context is entered.

        Args:
            directory: where the files are to appear; made with its parents where missing.
            private: nobody but their owner may read the files (mode 0600).
        """
        self._directory = directory
        self._private = private
        self._fd = -1
        self._files: dict[str, _File] = {}
        self._made: list[Path] = []
        self._published = False

    def __enter__(self) -> Self:
        with _writing(None):
            try:
                self._make_directory()
                self._fd = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except OSError:
                self._remove_made()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for staged in self._files.values():
            with suppress(OSError, CannotWrite):  # it would have been written to the last: nobody wants it now
                staged.file.close()
            if staged.hidden:
                self._remove(staged.hidden)
        os.close(self._fd)
        if not self._published:
            self._remove_made()

    def open(self, name: str) -> io.BufferedRandom:
        """A new, empty file, to be written and read; it is published under `name`, in the order of these calls.

        Its writes raise `CannotWrite`. It is closed with the context.

        Raises:
            CannotWrite: the folder takes no file.
            ValueError: the name is not that of a file in the folder, or was used before.
        """
        self._check_name(name)
        with _writing(name):
            fd, hidden = self._unnamed(name)
            self._files[name] = _File(name, io.BufferedRandom(_Output(fd, name)), hidden)
        return self._files[name].file

    def rename(self, name: str, to: str) -> None:
        """Have the file that was opened last published under another name.

        Raises:
            ValueError: the name is not that of a file in the folder, or was used before.
        """
        self._check_name(to)
        self._files[to] = replace(self._files.pop(name), name=to)

    def path(self, name: str) -> Path:
        """A path by which another process of the same user can read the staged file while the context is open."""
        staged = self._files[name]
        staged.file.flush()
        if staged.hidden:
            return self._directory / staged.hidden
        return Path(f"/proc/{os.getpid()}/fd/{staged.file.fileno()}")

    def publish(self, *, force: bool) -> tuple[Path, ...]:
        """Give the files their names, in the order in which they were opened, and return their paths.

        Their bytes are on the disk before the first name appears. Each name appears at once or not at all, and never
        through a symbolic link. Without `force` all appear or none: on a failure those that this call made are removed.
        With `force` a file that was replaced can't come back, so those before the failure stay.

        Raises:
            CannotWrite: a file of that name exists and `force` is not set, or the disk does not take the files.
        """
        for staged in self._files.values():
            with _writing(staged.name):
                staged.file.flush()
                os.fsync(staged.file.fileno())
        if force:
            self._replace_all()
        else:
            self._link_all()
        self._published = True
        with _writing(None):
            os.fsync(self._fd)
            for made in self._made:
                sync_directory(made.parent)
        return tuple(self._directory / name for name in self._files)

    def _check_name(self, name: str) -> None:
        if name in self._files or name in ("", ".", "..") or "/" in name or "\0" in name:
            raise ValueError("not a new name of a file in the folder")

    def _make_directory(self) -> None:
        missing = []
        folder = self._directory
        while not folder.exists():
            missing.append(folder)
            folder = folder.parent
        for folder in reversed(missing):
            with suppress(FileExistsError):  # somebody else's, made just now
                folder.mkdir()
                self._made.append(folder)

    def _remove_made(self) -> None:
        for folder in reversed(self._made):
            with suppress(OSError):  # somebody has put something in it
                folder.rmdir()

    def _unnamed(self, name: str) -> tuple[int, str | None]:
        """A file without a name, or else a hidden one and its name."""
        flags = os.O_RDWR | os.O_CLOEXEC
        if Path(_OWN_FILES).is_dir():  # the way to name it later
            try:
                return os.open(".", flags | os.O_TMPFILE, 0o600 if self._private else 0o666, dir_fd=self._fd), None
            except OSError as error:
                if error.errno not in _NO_UNNAMED:
                    raise
        hidden = _hidden(name)
        return os.open(hidden, flags | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=self._fd), hidden

    def _link_all(self) -> None:
        try:
            for staged in self._files.values():
                with _writing(staged.name):
                    self._link(staged, staged.name)
        except BaseException:
            for staged in self._files.values():
                with suppress(OSError):
                    self._remove_own(staged)
            raise

    def _replace_all(self) -> None:
        """Names that nobody looks at come first: what can go wrong there goes wrong before anything is replaced."""
        ready: dict[str, str] = {}
        try:
            for staged in self._files.values():
                with _writing(staged.name):
                    ready[staged.name] = staged.hidden or _hidden(staged.name)
                    if staged.hidden:
                        self._open_to_others(staged.file.fileno())
                    else:
                        self._link(staged, ready[staged.name])
            for name, hidden in ready.items():
                with _writing(name):
                    os.replace(hidden, name, src_dir_fd=self._fd, dst_dir_fd=self._fd)
        finally:
            for hidden in ready.values():
                self._remove(hidden)

    def _link(self, staged: _File, name: str) -> None:
        """Give the file a name that nothing has, or raise OSError."""
        fd = staged.file.fileno()
        if staged.hidden is None:
            # With a directory given, Python calls linkat with AT_SYMLINK_FOLLOW. Without, it links the link in /proc.
            os.link(f"{_OWN_FILES}/{fd}", name, dst_dir_fd=self._fd, follow_symlinks=True)
            return
        self._open_to_others(fd)
        try:
            os.link(staged.hidden, name, src_dir_fd=self._fd, dst_dir_fd=self._fd, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            self._rename(staged.hidden, name)

    def _rename(self, hidden: str, name: str) -> None:
        """For file systems without links, such as FAT: a file of that name made in this very moment would be lost."""
        try:
            os.stat(name, dir_fd=self._fd, follow_symlinks=False)
        except FileNotFoundError:
            os.rename(hidden, name, src_dir_fd=self._fd, dst_dir_fd=self._fd)
        else:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))

    def _open_to_others(self, fd: int) -> None:
        """Give a file that was its owner's alone the mode that a new file has, unless it is to stay private."""
        if self._private:
            return
        umask = os.umask(0o077)  # the only way to read it; a file made meanwhile elsewhere is just stricter
        os.umask(umask)
        os.fchmod(fd, 0o666 & ~umask)

    def _remove_own(self, staged: _File) -> None:
        """Remove the name if it is this file's, not another's that stood in the way."""
        found = os.stat(staged.name, dir_fd=self._fd, follow_symlinks=False)
        if os.path.samestat(found, os.fstat(staged.file.fileno())):
            os.unlink(staged.name, dir_fd=self._fd)

    def _remove(self, name: str) -> None:
        with suppress(OSError):
            os.unlink(name, dir_fd=self._fd)


def _hidden(name: str) -> str:
    return f".{name[:40]}.{secrets.token_hex(8)}.part"


def sync_directory(folder: Path) -> None:
    """Put on the disk which names a folder has."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
