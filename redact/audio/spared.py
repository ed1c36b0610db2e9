"""A file that spares libraries the errors of the disk."""

import os
from collections.abc import Callable
from typing import Any, BinaryIO


class Spared:
    """A file for a library to write to that never fails: what goes wrong is kept, and raised when the library is done.

    Libraries meet an error in what they call back in their own ways, and not all pass it on. The file begins where
    `out` stands.
    """

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._start = out.tell()
        self._at = self._end = 0
        self.failure: BaseException | None = None

    def write(self, data: bytes) -> int:
        """Take it all, whatever became of it."""
        self._try(lambda: self._out.write(data))
        self._at += len(data)
        self._end = max(self._end, self._at)
        return len(data)

    def read(self, size: int = -1) -> bytes:
        """What was written; nothing once something failed."""
        data: bytes = self._try(lambda: self._out.read(size)) or b""
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go there, counted from where the file begins."""
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._end}[whence]
        self._try(lambda: self._out.seek(self._start + self._at))
        return self._at

    def tell(self) -> int:
        """Where it stands, counted from where the file begins."""
        return self._at

    def raise_failure(self) -> None:
        """Raise what went wrong first, if anything did."""
        if self.failure is not None:
            raise self.failure

    def _try(self, step: Callable[[], Any]) -> Any:
        if self.failure is None:
            try:
                return step()
            except BaseException as failure:  # an interrupt too: there is no way out through the library
                self.failure = failure
        return None
