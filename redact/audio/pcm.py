"""The samples of a recording, read by stretches: no stage holds them all.

`Signal` is what can be read so. What resamples, silences echo or masks takes a signal and is one itself: nothing is
computed before it is read, and no more than is read.

`Pcm` is the signal that the others begin with: the decoded samples, spooled. A few are kept in memory; more go to a
file without a name in the folder for temporary files (`TMPDIR`), and never in clear.
"""

import os
import secrets
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes
from numpy.typing import NDArray

from redact.errors import CannotWrite

IN_MEMORY_BYTES = 16 << 20
"""So many bytes of samples stay in memory: those of 8 minutes of a stereo telephone call."""
BLOCK_SAMPLES = 1 << 16
_CIPHER_BLOCK = 16  # bytes, of AES


class Signal(Protocol):
    """Sound of several channels that can be read from any sample on."""

    @property
    def channels(self) -> int:
        """Number of channels."""

    @property
    def samples(self) -> int:
        """Number of samples in each channel."""

    @property
    def sample_rate(self) -> int:
        """In Hz."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the samples: int16, int32 (24 bit: left aligned) or float32."""

    def read(self, first: int = 0, last: int | None = None) -> NDArray[Any]:
        """The samples `[first, last)`, clipped to those that there are, of shape (channels, samples)."""


def clipped(first: int, last: int | None, samples: int) -> tuple[int, int]:
    """The stretch `[first, last)`, by default up to the end, as far as there are samples."""
    first = min(max(first, 0), samples)
    return first, samples if last is None else min(max(last, first), samples)


def blocks(signal: Signal) -> Iterator[tuple[int, NDArray[Any]]]:
    """The whole signal in blocks, each with the number of its first sample."""
    for first in range(0, signal.samples, BLOCK_SAMPLES):
        yield first, signal.read(first, first + BLOCK_SAMPLES)


class Pcm:
    """A recording's decoded samples: a context manager, and a `Signal` while it is open. Threads may share it.

    They are encrypted by AES-256 in counter mode, each spool under a key of its own, which is kept in memory and lost
    with the object. A key encrypts each position once, so that the counter may begin at 0. Nobody else can write to
    the file, so nothing authenticates it.

    Float sound may pass full scale, as decoders of lossy codecs do. It is finite.
    """

    def __init__(self, interleaved: Iterable[bytes | memoryview], channels: int, sample_rate: int, dtype: Any) -> None:
        """Spool the samples to the last.

        Args:
            interleaved: bytes of the samples, a sample of each channel in turn, cut anywhere.
            channels: their number.
            sample_rate: in Hz.
            dtype: of the samples.

        Raises:
            CannotWrite: the folder for temporary files is missing, full, or takes no files.
        """
        self.channels = channels
        self.sample_rate = sample_rate
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        self._key = algorithms.AES(secrets.token_bytes(32))
        self._lock = threading.Lock()
        # It is closed with the object, not at the end of a block.
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115
        try:
            self.samples = self._spool(interleaved) // (self.dtype.itemsize * channels)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the samples. Nothing can be read any more."""
        with suppress(OSError):  # what it still held could not be written: nobody wants it now
            self._file.close()

    def read(self, first: int = 0, last: int | None = None) -> NDArray[Any]:
        """The samples `[first, last)`, clipped to those that there are: shape (channels, samples), read-only.

        Raises:
            CannotWrite: the spool can't be read back.
        """
        first, last = clipped(first, last, self.samples)
        width = self.dtype.itemsize * self.channels
        samples = np.frombuffer(self._read(first * width, (last - first) * width), self.dtype)
        by_channel: NDArray[Any] = np.ascontiguousarray(samples.reshape(-1, self.channels).T)
        by_channel.flags.writeable = False
        return by_channel

    def _cipher(self, block: int) -> CipherContext:
        return Cipher(self._key, modes.CTR(block.to_bytes(_CIPHER_BLOCK, "big"))).encryptor()

    def _spool(self, interleaved: Iterable[bytes | memoryview]) -> int:
        """The number of bytes that were spooled."""
        cipher = self._cipher(0)
        length = 0
        for piece in interleaved:
            with _spooling():
                self._file.write(cipher.update(piece))
            length += len(piece)
        with _spooling():
            self._file.flush()
        return length

    def _read(self, at: int, length: int) -> bytes:
        block, skip = divmod(at, _CIPHER_BLOCK)
        with self._lock, _spooling():
            self._file.seek(at)
            sealed = self._file.read(length)
        if len(sealed) != length:
            raise CannotWrite("the decoded sound can't be read back", hint=_HINT)
        cipher = self._cipher(block)
        cipher.update(bytes(skip))
        return cipher.update(sealed)


_HINT = "free some space in the folder for temporary files, or name another one by setting TMPDIR"


@contextmanager
def _spooling() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = os.strerror(error.errno).lower() if error.errno else "the system gave no reason"
        raise CannotWrite(f"the decoded sound can't be kept in a temporary file: {why}", hint=_HINT) from error
