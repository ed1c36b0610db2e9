"""Signals that end a batch, not to be lost.

Python raises what a signal asks for wherever it happens to be, and where that is a finalizer or a callback the
exception is dropped: about one in forty, as tests/batch/test_faults.py measured. So it is noted too, and asked for
again and again.
"""

import signal
import sys
from types import FrameType, TracebackType
from typing import Self

from redact.errors import ExitCode


class Interrupts:
    """While this context is open, SIGINT and SIGTERM are noted besides being raised."""

    def __init__(self) -> None:
        self._noted: int | None = None

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def check(self) -> None:
        """Raise what a signal asked for, if there was one.

        Raises:
            KeyboardInterrupt: SIGINT.
            SystemExit: SIGTERM.
        """
        if self._noted == signal.SIGINT:
            raise KeyboardInterrupt
        if self._noted is not None:
            sys.exit(int(ExitCode.TERMINATED))

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._noted = number
        self.check()
