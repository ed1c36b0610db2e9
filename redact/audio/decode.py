"""Decode an audio file, once: everything later works on the samples made here.

Two decoders may disagree about a damaged file, and sound that one of them never saw would stay unredacted. So there
is one decoding, in a child process that can't reach anything else, and a file that isn't whole is refused.
"""

import hashlib
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from redact.audio.decoder import DecodeLimits, DecoderProcess
from redact.audio.pcm import Pcm
from redact.call import Recording, Role
from redact.errors import InputRejected, UsageError

__all__ = ["DecodeLimits", "Decoded", "decode"]

_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """A recording's facts and its sound: a context manager, which lets go of the sound at its end.

    Attributes:
        recording: the facts.
        pcm: the samples, of `recording.sample_format`. NaN was replaced by 0 and infinities by full scale.
    """

    recording: Recording
    pcm: Pcm = field(repr=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.pcm.close()


_DEFAULT_LIMITS = DecodeLimits()


def decode(path: Path, *, roles: tuple[Role, ...] | None = None, limits: DecodeLimits = _DEFAULT_LIMITS) -> Decoded:
    """Decode the whole file, or refuse it.

    The sound is kept as it is: no resampling, mixing or dithering. Where the file says which samples of its start are
    only the encoder's warming up, they are left out, as players do.

    Args:
        path: the file. Its name says nothing about its format.
        roles: what each channel holds. By default agent and customer in stereo, `mixed` in mono, else `other`.
        limits: what the file may cost.

    Raises:
        InputRejected: the file can't be read, is no audio, is not whole, or is over a limit.
        UsageError: the number of roles is not the number of channels.
        CannotWrite: the decoded sound finds no place.
    """
    fd = _open(path)
    try:
        before = os.fstat(fd)
        _check_file(before, limits)
        digest = _sha256(fd)
        with DecoderProcess(fd, limits, before.st_size) as child:
            sound = child.sound()
            roles = _roles(roles, sound.channels)
            pcm = Pcm(child.samples(sound), sound.channels, sound.sample_rate, sound.dtype)
            bit_rate = child.bit_rate
        if _identity(os.fstat(fd)) != _identity(before):
            pcm.close()
            raise InputRejected(
                "the file changed while it was read",
                hint="wait until the recording is complete, then run again",
                reason="io",
            )
    finally:
        os.close(fd)
    recording = Recording(
        sha256=digest,
        container=sound.container,
        codec=sound.codec,
        sample_rate=sound.sample_rate,
        samples=pcm.samples,
        sample_format=sound.sample_format,
        roles=roles,
        bit_rate=bit_rate,
        tags=sound.tags,
        other_streams=sound.other_streams,
    )
    return Decoded(recording, pcm)


def _open(path: Path) -> int:
    """A descriptor of the file. Never waits, as opening a named pipe would."""
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except FileNotFoundError:
        raise InputRejected("there is no such file", hint="check the path", reason="io") from None
    except PermissionError:
        raise InputRejected("reading the file is not permitted", hint="check its owner and mode", reason="io") from None
    except (OSError, ValueError):
        raise InputRejected("the file can't be opened", hint="check the path and the disk", reason="io") from None


def _check_file(facts: os.stat_result, limits: DecodeLimits) -> None:
    if stat.S_ISDIR(facts.st_mode):
        raise InputRejected("this is a folder, not a recording", hint="give a file in it")
    if not stat.S_ISREG(facts.st_mode):
        raise InputRejected(
            "this is not a regular file", hint="give a file on disk: pipes and devices can't be checked for wholeness"
        )
    if facts.st_size > limits.max_bytes:
        raise InputRejected(
            f"the file has {facts.st_size} bytes, more than the limit of {limits.max_bytes}",
            hint="split it, or raise the limit on the file's size",
            reason="too_large",
        )


def _identity(facts: os.stat_result) -> tuple[int, ...]:
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns


def _sha256(fd: int) -> str:
    """Digest of the whole file. Leaves the descriptor's position where it is."""
    digest = hashlib.sha256()
    at = 0
    try:
        while block := os.pread(fd, _READ_BYTES, at):
            digest.update(block)
            at += len(block)
    except OSError:
        raise InputRejected(
            "the file can't be read to its end", hint="check the disk or the share that it lies on", reason="io"
        ) from None
    return digest.hexdigest()


def _roles(given: tuple[Role, ...] | None, channels: int) -> tuple[Role, ...]:
    if given is None:
        other: Role = "other"
        defaults: dict[int, tuple[Role, ...]] = {1: ("mixed",), 2: ("agent", "customer")}
        return defaults.get(channels, (other,) * channels)
    if len(given) != channels:
        raise UsageError(
            f"{len(given)} channel roles are given but the recording has {channels} channels",
            hint="name a role for each channel, in their order",
        )
    return given
