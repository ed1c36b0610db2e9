"""The calls of a folder of outputs: what is in them, as far as it may be shown. Nothing here knows an original.

A folder of `redact file`'s outputs and one of a batch's look the same: reports, and beside each its outputs, with or
without folders in between.
"""

import hashlib
import json
import os
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from redact import naming, report
from redact.audio.decode import decode
from redact.audio.listening import LightCopy, light_copy
from redact.audio.pcm import blocks
from redact.call import Transcript
from redact.errors import Damaged, UsageError
from redact.naming import PAGE_SUFFIX, TEXT_SUFFIXES
from redact.transcripts import native

_ENDING = ".report.json"
_PUBLIC_ID = re.compile(r"[a-f0-9]{24}")
# So many light copies of sound are kept in memory.
_COPIES = 8


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the folder.

    Attributes:
        public_id: what stands in addresses: says nothing, whatever the outputs are called.
        name: what its outputs are called.
        folder: in which they lie.
        state: `done`, `held` or `failed`.
        sha256: of its original.
        policy: digest of the policy that it was redacted by.
        report: SHA-256 of its report.
        findings: why things are masked: times, types, scores and reasons.
        changed_at: when its report was written.
    """

    public_id: str
    name: str = field(repr=False)
    folder: Path = field(repr=False)
    state: str
    sha256: str
    language: str
    duration_ms: int
    masked_ms: int
    replacements: Mapping[str, int]
    doubts: Mapping[str, int]
    channels: tuple[str, ...]
    intervals: tuple[Mapping[str, Any], ...]
    outputs: Mapping[str, str]
    changed_at: str
    basis: str
    policy: str
    report: str
    queue: str = ""
    recorded_at: str = ""
    findings: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)

    @property
    def doubt(self) -> int:
        """How much there is to look at: what the engine was unsure of."""
        return sum(self.doubts.values())

    def output(self, suffix: str) -> Path:
        """The path of an output."""
        return self.folder / f"{self.name}.redacted{suffix}"

    @property
    def sound(self) -> Path | None:
        """The redacted recording; None where nothing was published."""
        found = [suffix for suffix in self.outputs if suffix not in {*TEXT_SUFFIXES, PAGE_SUFFIX}]
        return self.output(found[0]) if found else None


class Desk:
    """A folder of outputs, read anew where it has changed.

    Args:
        folder: of the outputs.
        told: queue and time of a call, by its recording id: from a batch's ledger, where there is one.

    Raises:
        UsageError: there is no such folder.
    """

    def __init__(self, folder: Path, told: Callable[[], Mapping[str, tuple[str, str]]] = dict) -> None:
        if not folder.is_dir():
            raise UsageError("there is no such folder", hint="give the folder of the redacted outputs")
        self._folder = folder
        self._told = told
        self._known: dict[Path, tuple[int, Call | None]] = {}
        self._copies: OrderedDict[str, LightCopy] = OrderedDict()
        self._lock = threading.Lock()

    def calls(self) -> list[Call]:
        """All calls, by name."""
        with self._lock:
            told = self._told()
            found: dict[Path, tuple[int, Call | None]] = {}
            for path, changed in _reports(self._folder):
                known = self._known.get(path)
                found[path] = known if known and known[0] == changed else (changed, _call(path))
            self._known = found
        calls = (call for _, call in found.values() if call)
        return sorted((_with_told(call, told) for call in calls), key=lambda call: call.name)

    def call(self, public_id: str) -> Call | None:
        """A call by its public id."""
        if not _PUBLIC_ID.fullmatch(public_id):
            return None
        return next((call for call in self.calls() if call.public_id == public_id), None)

    def transcript(self, call: Call) -> Transcript | None:
        """The redacted transcript; None where nothing was published.

        Raises:
            Damaged: it is not what the report says.
        """
        if ".json" not in call.outputs:
            return None
        return native.read(_checked(call, ".json").decode("utf-8"))

    def entities(self, call: Call) -> dict[int, str]:
        """The entity type of each label of the transcript, by the label's index among its words."""
        if ".json" not in call.outputs:
            return {}
        words = [word for turn in json.loads(_checked(call, ".json"))["turns"] for word in turn["words"]]
        return {index: word["entity_type"] for index, word in enumerate(words) if word.get("entity_type")}

    def light_copy(self, call: Call) -> LightCopy | None:
        """Peaks and MP3 of the redacted sound; None where nothing was published."""
        sound = call.sound
        if sound is None:
            return None
        key = call.outputs[sound.suffix]
        with self._lock:
            if key in self._copies:
                self._copies.move_to_end(key)
                return self._copies[key]
        with decode(sound) as decoded:
            copy = light_copy((block for _, block in blocks(decoded.pcm)), decoded.recording)
        with self._lock:
            self._copies[key] = copy
            while len(self._copies) > _COPIES:
                self._copies.popitem(last=False)
        return copy


def _reports(folder: Path) -> Iterator[tuple[Path, int]]:
    for where, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "nights"]
        for name in names:
            if name.endswith(_ENDING) and not name.startswith("."):
                path = Path(where, name)
                try:
                    yield path, path.stat().st_mtime_ns
                except OSError:
                    continue


def _with_told(call: Call, told: Mapping[str, tuple[str, str]]) -> Call:
    """Queue and time as they are known now: they may have been put right since the report was read."""
    queue, recorded_at = told.get(call.name, ("", ""))
    return (
        call
        if (queue, recorded_at) == (call.queue, call.recorded_at)
        else replace(call, queue=queue, recorded_at=recorded_at)
    )


def _call(path: Path) -> Call | None:
    """What a report tells; None where it is none of a recording's, or of one whose outputs were erased."""
    try:
        content = path.read_bytes()
        read = json.loads(content)
        if read["schema"] != report.SCHEMA or "duration_ms" not in read["input"]:
            return None
        if read["status"] == "done" and not read["outputs"]:
            return None
        name = path.name.removesuffix(_ENDING)
        return Call(
            _public(name, read["input"]["sha256"]), name, path.parent,
            read["status"], read["input"]["sha256"], read["language"], read["input"]["duration_ms"], read["masked_ms"],
            read["replacements"], read["doubts"], tuple(read["input"]["channels"]), tuple(read["intervals"]),
            read["outputs"], datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds"),
            read["basis"], read["policy"]["sha256"], hashlib.sha256(content).hexdigest(),
            findings=tuple(read.get("findings", ())),
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _public(name: str, sha256: str) -> str:
    """An id for addresses; of an opaque name alone, for what is made anew from a vault's copy has another digest."""
    said = name if naming.is_opaque(name) else f"{sha256} {name}"
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def _checked(call: Call, suffix: str) -> bytes:
    try:
        content = call.output(suffix).read_bytes()
    except OSError:
        content = b""
    if hashlib.sha256(content).hexdigest() != call.outputs[suffix]:
        raise Damaged("an output is not what its report says", hint="check with: redact batch verify, or redact again")
    return content
