"""A person's own words in a recording, to be heard by that person: others' data stay masked (GDPR, Art. 15(3) and (4)).

The sealed original is redacted once more, through the same pipeline and with the same checks, by corrections that say
of what the person said on their own channel that it may stay. It needs a channel for each side. Kept masked even so:
what was said on the other channel; names that are not the person's, for they are agents' and third persons'; card
numbers, codes and passwords; and all that is in doubt. A third person's number that the person says can't be told from
their own, and stays.
"""

import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from redact.audio.decode import decode
from redact.call import Role, Transcript, role_named
from redact.corrections import Correction
from redact.detect.spoken.base import load as load_language
from redact.errors import CannotWrite, HeldForReview, PolicyError
from redact.findings import Plan, Replacement
from redact.governance.access import Made
from redact.options import Custody, Options
from redact.pipeline import Redactor
from redact.plan import DOUBT, make_plan, said
from redact.stores.vault import Vault
from redact.subjects import CARD_TYPES

Own = Literal["customer", "agent"]
# What is nobody's to hear: card data (PCI DSS 4.0, 3.4.1), codes, what is in doubt, and keys that were pressed.
_NEVER = CARD_TYPES | {DOUBT, "KEYPAD_TONES", "NUMBER"}
_MEMORY, _PREFIX = Path("/dev/shm"), "redact-own-"  # noqa: S108 - of this process's user alone, and it is no disk
_Stretch = tuple[int, int]


class FromVault:
    """Makes copies in which one side's own words can be heard; models are loaded with the first.

    Args:
        vault: has the originals.
        options: as the recordings were redacted.
        own: the side of the person who asks.
        name: of that person.
    """

    def __init__(self, vault: Vault, options: Options, own: Own, name: str) -> None:
        self._vault = vault
        self._redactor = Redactor(options)
        self._own: Own = own
        self._name = frozenset(filter(None, map(said, name.replace("-", " ").split())))

    @property
    def own(self) -> Own:
        """The side of the person who asks."""
        return self._own

    @contextmanager
    def made(self, recording_id: str, report: Mapping[str, Any]) -> Iterator[Made]:
        """Copies of a recording, in memory while the context is open.

        Args:
            recording_id: of the recording.
            report: on its redacted outputs.

        Raises:
            RedactError: they can't be made; `reason` says why: `one_channel`, `another_policy`, `nothing_own`, others.
        """
        roles = tuple(role for each in report["input"]["channels"] if (role := role_named(each)))
        if roles.count(self._own) != 1 or len(roles) != 2 or set(roles) != {"agent", "customer"}:
            raise HeldForReview("who speaks can't be told by the channels", hint="-", reason="one_channel")
        if report["policy"]["sha256"] != self._redactor.policy.digest:
            raise PolicyError(
                "it was redacted by another policy", hint="name it with --policy", reason="another_policy"
            )
        redactor = self._redactor.for_call(report["language"], roles)
        with self._vault.at_hand(recording_id, "original") as path, memory_folder() as folder:
            decided = self._decided(redactor, path, roles)
            custody = Custody(report["basis"], name=recording_id, decided=decided)
            done = redactor.redact_file(path, folder, custody=custody)
            yield Made({s: folder / f"{recording_id}.redacted{s}" for s in done.report["outputs"]})

    def _decided(self, redactor: Redactor, path: Path, roles: tuple[Role, ...]) -> tuple[Correction, ...]:
        """What may be heard, and over it what may not: the later of two corrections counts."""
        with decode(path, roles=roles) as decoded:
            transcript, sound = redactor.hear(decoded.pcm, decoded.recording)
            is_everyday = load_language(transcript.language).is_everyday
            found = redactor.findings(transcript)
            plan = make_plan(transcript, found, redactor.policy, decoded.recording, sound, is_everyday)
        decided = released(transcript, plan, roles.index(self._own), self._name, redactor.policy.padding.before_ms)
        if not any(correction.entity_type is None for correction in decided):
            raise HeldForReview("nothing was found that is the person's own", hint="-", reason="nothing_own")
        return decided


def released(
    transcript: Transcript, plan: Plan, own_channel: int, name: frozenset[str], pad_ms: int
) -> tuple[Correction, ...]:
    """Corrections by which a person's own words stay, and all else that the plan masks stays masked.

    Args:
        transcript: of the original.
        plan: that masks all of it.
        own_channel: of the person.
        name: words of the person's name, free of case and marks.
        pad_ms: by which what stays masked is widened.

    Raises:
        HeldForReview: a masked word has no time, so that it may be anywhere.
    """
    own: list[_Stretch] = []
    others: list[tuple[_Stretch, str]] = []
    for replacement in plan.replacements:
        start, end = _stretch(transcript, replacement)
        if _is_own(transcript, replacement, own_channel, name):
            own.append((start, end))
        else:
            others.append(((max(0, start - pad_ms), end + pad_ms), replacement.entity_type))
    kept = [Correction(start, end, None) for start, end in own]
    for interval in plan.intervals:
        whole = (interval.start_ms, interval.end_ms)
        is_others = _touches(whole, [stretch for stretch, _ in others]) or bool(_NEVER & set(interval.entity_types))
        if _touches(whole, own) and not is_others:
            kept.append(Correction(*whole, None))
    masked = [Correction(start, end, kind) for (start, end), kind in others]
    masked += [
        Correction(interval.start_ms, interval.end_ms, DOUBT)
        for interval in plan.intervals
        if set(interval.entity_types) <= {DOUBT, "KEYPAD_TONES"}
    ]
    return (*kept, *masked)


def _is_own(transcript: Transcript, replacement: Replacement, own_channel: int, name: frozenset[str]) -> bool:
    words = transcript.words[replacement.first : replacement.last + 1]
    if replacement.entity_type in _NEVER or any(word.channel != own_channel for word in words):
        return False
    return replacement.entity_type != "PERSON" or all(said(word.text) in name for word in words if said(word.text))


def _stretch(transcript: Transcript, replacement: Replacement) -> _Stretch:
    words = transcript.words[replacement.first : replacement.last + 1]
    starts = [word.start_ms for word in words if word.start_ms is not None]
    ends = [word.end_ms for word in words if word.end_ms is not None]
    if len(starts) < len(words) or len(ends) < len(words):
        raise HeldForReview("a masked word has no time", hint="-", reason="no_times")
    return min(starts), max(ends)


def _touches(whole: _Stretch, parts: Sequence[_Stretch]) -> bool:
    return any(start < whole[1] and whole[0] < end for start, end in parts)


@contextmanager
def memory_folder(root: Path = _MEMORY) -> Iterator[Path]:
    """A folder in memory for its owner alone, gone with the context; those that killed processes left are removed too.

    Raises:
        CannotWrite: there is no memory to be had as a folder here.
    """
    if not _is_memory(root):
        raise CannotWrite("there is no folder in memory", hint="mount a tmpfs at /dev/shm", reason="no_memory_folder")
    for left in root.glob(f"{_PREFIX}*"):
        pid = left.name.removeprefix(_PREFIX).partition("-")[0]
        if not Path("/proc", pid).exists():
            shutil.rmtree(left, ignore_errors=True)
    folder = root / f"{_PREFIX}{os.getpid()}-{secrets.token_hex(8)}"
    try:
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_memory(folder: Path) -> bool:
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    return any(line.split()[1:3] == [str(folder), "tmpfs"] for line in mounts)
