"""Originals, for those who may hear them: a stretch of one at a time, and for making a call anew by what was decided.

An original lies in a folder, or in the vault. From the vault it is decrypted into memory, and nowhere else.
"""

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np

from redact.audio import wav
from redact.audio.decode import decode
from redact.call import role_named
from redact.corrections import Correction
from redact.errors import InputRejected, PolicyError
from redact.naming import PAGE_SUFFIX
from redact.options import Custody, Index, Options
from redact.pipeline import Redactor
from redact.report import Result
from redact.review.desk import Call
from redact.stores.vault import Vault

# Around one mask: nobody hears a whole original by asking for one.
LONGEST_MS = 60_000


class Originals(Protocol):
    """Where originals are."""

    def at_hand(self, call: Call) -> AbstractContextManager[Path]:
        """A path by which a call's original can be read, while the context is open."""


class InFolder:
    """Originals of a folder, known by their digest."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[Path, tuple[int, str]] = {}

    @contextmanager
    def at_hand(self, call: Call) -> Iterator[Path]:
        """The path of a call's original.

        Raises:
            InputRejected: no file of the folder is.
        """
        for path in sorted(self._folder.rglob("*")):
            if path.is_file() and self._digest(path) == call.sha256:
                yield path
                return
        raise InputRejected("the original is not in the folder", hint="check --originals", reason="no_original")

    def _digest(self, path: Path) -> str:
        changed = path.stat().st_mtime_ns
        known = self._known.get(path)
        if known is None or known[0] != changed:
            with path.open("rb") as file:
                self._known[path] = changed, hashlib.file_digest(file, "sha256").hexdigest()
        return self._known[path][1]


class InVault:
    """Originals that a batch has sealed, by their recording's id."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def at_hand(self, call: Call) -> AbstractContextManager[Path]:
        """A path to the original, decrypted in memory.

        Raises:
            KeyMissing: the vault doesn't hold it.
        """
        return self._vault.at_hand(call.name, "original")


def stretch(originals: Originals, call: Call, start_ms: int, end_ms: int) -> bytes:
    """A stretch of an original as a WAV: the part that was asked for, and no more of it.

    Raises:
        InputRejected: the original is not there, or the stretch is too long or empty.
    """
    if not 0 <= start_ms < end_ms or end_ms - start_ms > LONGEST_MS:
        raise InputRejected("so much of an original is not given out", hint="ask for less around one mask")
    with originals.at_hand(call) as path, decode(path) as decoded:
        pcm = decoded.pcm
        first, last = (min(time * pcm.sample_rate // 1000, pcm.samples) for time in (start_ms, end_ms))
        sound = pcm.read(first, last)
        if sound.dtype.kind == "f":
            sound = (np.clip(sound, -1, 1) * 32767).astype(np.int16)
        elif sound.dtype.itemsize == 4:
            sound = (sound >> 16).astype(np.int16)
        out = io.BytesIO()
        wav.write_pcm16(iter([sound.astype(np.int16)]), pcm.channels, last - first, pcm.sample_rate, out)
    return out.getvalue()


class Maker:
    """Makes calls anew; models are loaded with the first.

    Args:
        options: as the calls were redacted.
        originals: where theirs are.
        made: told of each that was made, and what came out.
        index: what notes who is in a call; None where that isn't kept.
    """

    def __init__(
        self,
        options: Options,
        originals: Originals,
        made: Callable[[Call, Result], None] = lambda *_: None,
        index: Callable[[Call], Index | None] = lambda _: None,
    ) -> None:
        self._redactor = Redactor(options)
        self._originals = originals
        self._made = made
        self._index = index

    def make(self, call: Call, decided: Sequence[Correction]) -> Result:
        """Redact a call again, by what was decided; its outputs are replaced once the new ones are verified.

        Raises:
            RedactError: one of its kinds; the outputs are as they were then.
        """
        if call.policy != self._redactor.policy.digest:
            raise PolicyError(
                "the call was redacted by another policy than the page was opened with",
                hint="open the page with the same --policy", reason="another_policy",
            )  # fmt: skip
        roles = tuple(role for name in call.channels if (role := role_named(name)))
        with self._originals.at_hand(call) as path:
            custody = Custody(call.basis, index=self._index(call), name=call.name, decided=tuple(decided))
            redactor = self._redactor.for_call(call.language, roles, html=PAGE_SUFFIX in call.outputs)
            done = redactor.redact_file(path, call.folder, custody=custody)
        for suffix in set(call.outputs) - set(done.report["outputs"]):  # it would show what is masked now
            call.output(suffix).unlink(missing_ok=True)
        self._made(call, done)
        return done
