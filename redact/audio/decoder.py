"""The decoder's process, as its parent sees it: started, listened to with mistrust, and certainly ended.

The program that runs in it is `redact.audio.decoder_child`.
"""

import contextlib
import fcntl
import json
import math
import os
import re
import select
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NoReturn, Self, cast

import numpy as np

from redact.audio.sandbox import PROTECTIONS, Protection
from redact.audio.sniff import Reason
from redact.call import SampleFormat
from redact.errors import InputRejected

_DTYPES: dict[str, np.dtype[Any]] = {"s16": np.dtype("<i2"), "s32": np.dtype("<i4"), "flt": np.dtype("<f4")}
_PIPE_BYTES = 1 << 20
# So much of the sound is taken at a time, whatever length a record claims to have.
_PIECE_BYTES = 1 << 20
_LIMITS_IN_MESSAGES = ("max_duration_s", "max_channels", "max_pcm_bytes")
_CHILD = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from redact.audio.decoder_child import run_from_argv; run_from_argv()"
)
_PROTECTIONS = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from redact.audio import sandbox; print(json.dumps(sandbox.enter(10, 1 << 28)))"
)
# The child's environment: what the loader needs to find libraries, and no more (no tokens, no keys).
_CHILD_ENVIRONMENT = ("LD_LIBRARY_PATH",)
_PLAIN_NAME = re.compile(r"[a-z0-9_]{1,40}")


_REASONS: dict[Reason, tuple[str, str]] = {
    "chained": ("the file holds several recordings one after another", "split it into one file for each recording"),
    "changed_format": (
        "the sound changes its sample rate or its number of channels on the way",
        "convert it to one format first, and check the result by ear",
    ),
    "codec": (
        "the sound is in a codec that is not supported",
        "supported: PCM, G.711 and GSM in WAV; MP3; Vorbis, Opus and FLAC; AAC and ALAC in M4A; ADTS AAC; AMR; WebM",
    ),
    "damaged": ("the file is damaged", "get an undamaged copy from where the call was recorded"),
    "died": ("the decoder crashed on the file", "the file is damaged or hostile: get another copy of the recording"),
    "empty": ("the file is empty", "check that the recording was written and copied"),
    "gap": (
        "sound is missing: the time stamps jump after {at_s:.1f} s",
        "get a complete copy from where the call was recorded",
    ),
    "length": (
        "the file states {stated_s:.1f} s of sound but {decoded_s:.1f} s could be decoded",
        "get a complete copy from where the call was recorded",
    ),
    "memory": (
        "decoding the file needs more memory than is allowed",
        "the file is damaged or hostile: get another copy",
    ),
    "no_audio_stream": ("the file holds no audio stream", "give the file that holds the call's sound"),
    "no_sound": ("the file holds no sound", "check that the recording was written and copied"),
    "not_audio": (
        "the file is not audio of a known format",
        "known by content, not by name: WAV, MP3, Ogg, FLAC, M4A, AAC, AMR, WebM and Matroska",
    ),
    "rate": ("a sample rate of {rate:.0f} Hz is not supported", "convert the recording to 8 to 48 kHz first"),
    "too_long": (
        "the recording lasts {seconds:.0f} s, longer than the limit of {max_duration_s:.0f} s",
        "split it, or raise the limit on the duration",
    ),
    "too_many_channels": (
        "the recording has {channels:.0f} channels, more than the limit of {max_channels}",
        "keep only the channels with speech",
    ),
    "too_much_sound": (
        "the decoded sound would take more than {max_pcm_bytes} bytes",
        "split the recording, or raise the limit on the sound's size",
    ),
    "too_slow": (
        "decoding took longer than the limit of {wall_s:.0f} s and was stopped",
        "try again on a less busy machine; else the file is damaged or hostile",
    ),
    "truncated": (
        "the file ends too early: a part of it is missing",
        "get a complete copy from where the call was recorded",
    ),
}


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """What one file may cost.

    Attributes:
        max_bytes: size of the file.
        max_duration_s: of the sound; 13 hours hold the longest shift.
        max_channels: channels of the sound.
        max_pcm_bytes: size of the decoded sound, which is spooled.
        wall_s: seconds that decoding may take; None: a minute and a second more for each 20 kB, an hour at most.
        memory_bytes: what the child may allocate to decode.
    """

    max_bytes: int = 4 << 30
    max_duration_s: float = 13 * 3600.0
    max_channels: int = 8
    max_pcm_bytes: int = 8 << 30
    wall_s: float | None = None
    memory_bytes: int = 1 << 30

    def wall_for(self, size_bytes: int) -> float:
        """Seconds that decoding a file of this size may take."""
        return self.wall_s if self.wall_s is not None else min(3600.0, 60.0 + size_bytes / 20_000)


@dataclass(frozen=True, slots=True)
class Sound:
    """What is known of the sound before it is decoded, as in `Recording`."""

    container: str
    codec: str
    sample_rate: int
    channels: int
    sample_format: SampleFormat
    tags: tuple[str, ...]
    other_streams: int

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the samples."""
        return _DTYPES[self.sample_format]


class DecoderProcess:
    """The decoder's process, from its start to its certain end: enter, then take `sound`, then `samples`.

    What the child says is not believed: a hostile file may have taken it over.

    Attributes:
        bit_rate: of the stream in bits a second, once all samples were taken; None where it means nothing.
    """

    bit_rate: int | None = None

    def __init__(self, fd: int, limits: DecodeLimits, size_bytes: int) -> None:
        self._fd = fd
        self._limits = limits
        self._wall_s = limits.wall_for(size_bytes)

    def __enter__(self) -> Self:
        options: dict[str, float] = {
            "cpu_s": math.ceil(self._wall_s) + 1,
            "memory_bytes": self._limits.memory_bytes,
            "max_duration_s": self._limits.max_duration_s,
            "max_channels": self._limits.max_channels,
            "max_pcm_bytes": self._limits.max_pcm_bytes,
        }
        self._deadline = time.monotonic() + self._wall_s
        try:
            self._process = start(self._fd, options)
        except OSError:
            raise InputRejected(
                "the decoder could not be started", hint="check the machine's memory and process limits", reason="io"
            ) from None
        self._out = cast(IO[bytes], self._process.stdout).fileno()
        self._poll = select.poll()
        self._poll.register(self._out, select.POLLIN)
        with contextlib.suppress(OSError):  # a larger pipe only saves switches between the two processes
            fcntl.fcntl(self._out, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        cast(IO[bytes], self._process.stdout).close()
        self._process.wait()

    def sound(self) -> Sound:
        """Facts about the sound, once it is certain that there is some.

        Raises:
            InputRejected: the file is unfit, or the child failed.
        """
        letter, length = self._record()
        if letter != b"H":
            self._refuse_record(letter, length)
        header = self._json(length)
        tags = header.get("tags")
        plausible = (
            _is_name(header.get("container"))
            and _is_name(header.get("codec"))
            and header.get("sample_format") in _DTYPES
            and _is_count(header.get("sample_rate"), 1000, 768_000)
            and _is_count(header.get("channels"), 1, self._limits.max_channels)
            and _is_count(header.get("other_streams"), 0, 1 << 20)
            and isinstance(tags, list)
            and all(_is_name(name) for name in tags)
            and header.keys() == {field.name for field in fields(Sound)}
        )
        if not plausible:
            self._reject("died")
        return Sound(**{**header, "tags": tuple(header["tags"])})

    def samples(self, sound: Sound) -> Iterator[memoryview]:
        """All samples, interleaved, in pieces that are each good until the next is taken. Afterwards `bit_rate` is set.

        Raises:
            InputRejected: the file is unfit, or the child failed.
        """
        width = sound.dtype.itemsize * sound.channels
        piece = memoryview(bytearray(_PIECE_BYTES))
        used = 0
        while True:
            letter, length = self._record()
            if letter == b"T":
                self.bit_rate = self._trailer(length, used // width)
                return
            if letter != b"D" or length % width or used + length > self._limits.max_pcm_bytes:
                self._refuse_record(letter, length)
            used += length
            while length:
                taken = piece[: min(length, _PIECE_BYTES)]
                self._read_into(taken)
                yield taken
                length -= len(taken)

    def _record(self) -> tuple[bytes, int]:
        head = bytearray(5)
        self._read_into(memoryview(head))
        return bytes(head[:1]), struct.unpack("<I", head[1:])[0]

    def _json(self, length: int) -> dict[str, Any]:
        if length > 65536:
            self._reject("died")
        content = bytearray(length)
        self._read_into(memoryview(content))
        try:
            value = json.loads(content)
        except ValueError:
            self._reject("died")
        if not isinstance(value, dict):
            self._reject("died")
        return cast(dict[str, Any], value)

    def _trailer(self, length: int, samples: int) -> int | None:
        trailer = self._json(length)
        bit_rate = trailer.get("bit_rate", -1)
        honest = trailer.get("samples") == samples > 0 and (bit_rate is None or _is_count(bit_rate, 0, 1 << 40))
        if not honest:
            self._reject("died")
        return cast(int | None, bit_rate)

    def _refuse_record(self, letter: bytes, length: int) -> NoReturn:
        """The record is a refusal, or nothing that belongs here."""
        if letter != b"E":
            self._reject("died")
        refusal = self._json(length)
        reason, figures = refusal.get("reason"), refusal.get("figures")
        if reason not in _REASONS or not isinstance(figures, dict):
            self._reject("died")
        self._reject(reason, **{str(k): v for k, v in figures.items() if isinstance(v, (int, float))})

    def _reject(self, reason: Reason, **figures: float) -> NoReturn:
        message, hint = _REASONS[reason]
        known = {"wall_s": self._wall_s, **{name: getattr(self._limits, name) for name in _LIMITS_IN_MESSAGES}}
        try:
            message = message.format(**known, **figures)
        except (KeyError, TypeError, ValueError):
            message, hint = _REASONS["died"]
        raise InputRejected(message, hint=hint, reason=reason)

    def _read_into(self, view: memoryview) -> None:
        """Fill the view from the child's output."""
        while view:
            left_s = self._deadline - time.monotonic()
            if left_s <= 0 or not self._poll.poll(left_s * 1000):
                self._reject("too_slow")
            count = os.readv(self._out, [view])
            if count == 0:
                self._reject("died")
            view = view[count:]


def start(fd: int, options: dict[str, float]) -> subprocess.Popen[bytes]:
    """Start the program with the file as its input; it says what it has to say on its output."""
    return subprocess.Popen(  # noqa: S603  our own interpreter and program
        [*_command(_CHILD), json.dumps(options)],
        stdin=fd,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        cwd="/",
        env=_environment(),
    )


def protections() -> dict[Protection, bool]:
    """Which protections the decoder's process has on this machine, as a process like it finds out by taking them."""
    found: dict[Protection, bool] = dict.fromkeys(PROTECTIONS, False)
    with contextlib.suppress(OSError, subprocess.SubprocessError, ValueError):
        done = subprocess.run(  # noqa: S603  our own interpreter and program
            _command(_PROTECTIONS), stdin=subprocess.DEVNULL, capture_output=True, timeout=60, cwd="/",
            env=_environment(), check=True,
        )  # fmt: skip
        found |= json.loads(done.stdout)
    return found


def _command(program: str) -> list[str]:
    """Our interpreter, shut off from the user's settings, with a program that finds our modules where we do."""
    path = json.dumps([str(Path(entry).absolute()) for entry in sys.path if isinstance(entry, str)])
    return [sys.executable, "-I", "-c", program, path]


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _CHILD_ENVIRONMENT if name in os.environ}
    # One thread: a process with several can't leave its network, and the work is sequential.
    return kept | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def _is_count(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_name(value: object) -> bool:
    return isinstance(value, str) and _PLAIN_NAME.fullmatch(value) is not None
