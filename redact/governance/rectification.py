"""Putting right what is wrong about a person (GDPR, Art. 16): words of a redacted transcript, or facts of a recording.

What is masked stays so: a mask can't be written over, and no text is taken in which something personal is found, or
that says again what was masked in that recording. All text outputs are written anew together, and their report last.
"""

import hashlib
import io
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from redact import naming, page, report
from redact.audio.decode import decode
from redact.audio.listening import light_copy
from redact.audio.pcm import blocks
from redact.batch.archive import Archive
from redact.batch.work import shard, wrong_outputs
from redact.call import Transcript, Turn, Word
from redact.detect.spoken.base import supported
from redact.errors import Damaged, InputRejected, KeyMissing, UsageError
from redact.findings import Finding, TermKind
from redact.governance import finding
from redact.governance.organisation import Organisation
from redact.governance.subjects import decided
from redact.plan import VALUE_CHARACTERS, said
from redact.policy import Policy
from redact.publish import Staged
from redact.stores.consent import moment
from redact.stores.opened import Stores
from redact.text import RedactedTranscript
from redact.transcripts import native, plain, srt, vtt

_TIME = r"(?:(\d+):)?(\d+)(?:\.(\d{1,3}))?"
_LINE = re.compile(rf"\s*{_TIME}\s*-\s*{_TIME}\s*=\s*(\S.*)")
_QUEUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
# What a report notes of a transcript that was corrected.
RECTIFIED = "transcript rectified"
# So many words in a row may be one value of the index.
_LONGEST_VALUE = 5
_INDEXED: tuple[TermKind, ...] = ("name", "phone", "email", "reference")


@dataclass(frozen=True, slots=True)
class Change:
    """What is to stand in a transcript instead of the words of a stretch."""

    start_ms: int
    end_ms: int
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Looking:
    """What tells whether something in a text is personal.

    Attributes:
        findings: all that is found in a transcript.
        policy: says which of it counts.
    """

    findings: Callable[[Transcript], Sequence[Finding]]
    policy: Policy


def changes(lines: Iterable[str]) -> tuple[Change, ...]:
    """Changes from lines `1:02.5-1:04 = the right words`: minutes, seconds and parts of a second.

    Raises:
        InputRejected: a line is wrong, or there is none. The message tells its number only.
    """
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line.strip("\ufeff\r\n"))
        start, end = (_ms(match.groups()[:3]), _ms(match.groups()[3:6])) if match else (0, 0)
        if match is None or start >= end:
            raise InputRejected(f"line {number} is no change", hint="write it as 1:02.5-1:04 = the right words")
        found.append(Change(start, end, " ".join(match[7].split())))
    if not found:
        raise InputRejected("there is nothing to change", hint="write lines such as 1:02.5-1:04 = the right words")
    return tuple(found)


def rectify(
    stores: Stores,
    rules: Organisation,
    case_id: str,
    recording_id: str,
    wanted: Sequence[Change],
    looking: Looking,
) -> int:
    """Change words of a recording's redacted transcript, in all of its outputs; how many changes were made.

    Raises:
        UsageError: the request doesn't allow it, nobody says anything there, or the text may not stand there.
        Damaged: an output is not what its report says.
        RedactError: it can't be logged, read or written.
    """
    _check(stores, case_id, recording_id)
    archives = [Archive(url) for url in rules.archives]
    here = [archive for archive in archives if archive.read(_path(recording_id, ".report.json")) is not None]
    if not here:
        raise UsageError("no archive has outputs of that recording", hint="check archives in the organisation's file")
    with stores.audit.action("subject.rectify", case_id, reason="text") as counts:
        for archive in here:
            told = json.loads(archive.read(_path(recording_id, ".report.json")) or b"{}")
            if ".json" not in told["outputs"] or wrong_outputs(archive, recording_id, told["outputs"]):
                raise Damaged("an output is not what its report says", hint="redact the recording again")
            before = _read(archive.read(_path(recording_id, ".redacted.json")) or b"")
            after, new = changed(before, wanted)
            _check_text(stores, recording_id, before, (after, new), looking)
            _publish(stores, archive, recording_id, after, {**told, **_noted(told, len(wanted))})
        counts["changes"] = len(wanted)
        detail = {"recording": recording_id, "changes": len(wanted)}
        stores.cases.change(case_id, "rectified", detail=detail)
    return len(wanted)


def describe(
    stores: Stores,
    rules: Organisation,
    case_id: str,
    recording_id: str,
    facts: Mapping[str, str],
    *,
    now: datetime | None = None,
) -> int:
    """Put right what the ledger says of a recording: `language`, `queue`, `recorded_at`; at how many places it lies.

    Raises:
        UsageError: the request doesn't allow it, or a fact can't be one.
    """
    _check(stores, case_id, recording_id)
    if facts.get("language", "en") not in supported():
        raise UsageError("that language is not known", hint=f"one of: {', '.join(sorted(supported()))}")
    if not _QUEUE.fullmatch(facts.get("queue", "x")):
        raise UsageError("that is no queue", hint="letters, digits and . _ - between them, at most 40")
    told = {**facts, "recorded_at": moment(facts["recorded_at"])} if "recorded_at" in facts else dict(facts)
    with stores.audit.action("subject.rectify", case_id, reason="facts") as counts:
        places = sum(stores.ledger.archive(Archive(url).url).described(recording_id, told) for url in rules.archives)
        counts["places"] = places
        detail = {"recording": recording_id, "facts": sorted(told)}
        stores.cases.change(case_id, "rectified", detail=detail, at=now)
    return places


def changed(before: RedactedTranscript, wanted: Sequence[Change]) -> tuple[RedactedTranscript, frozenset[int]]:
    """A transcript with other words in some stretches, and which of its words are new, by their indices.

    Raises:
        UsageError: in a stretch nobody speaks, several do, or something is masked.
    """
    turns: list[Turn] = []
    entities: dict[int, str] = {}
    new: set[int] = set()
    left = dict(enumerate(wanted))
    written = 0
    for turn, indices in before.transcript.turn_ranges():
        words: list[Word] = []
        done: set[int] = set()
        for index, word in zip(indices, turn.words, strict=True):
            number = next((n for n, change in enumerate(wanted) if _is_in(word, change)), None)
            if number is None:
                if index in before.entities:
                    entities[written + len(words)] = before.entities[index]
                words.append(word)
                continue
            if index in before.entities:
                raise UsageError(f"something is masked in the stretch of change {number + 1}", hint="leave it out")
            if number in done:
                continue
            if left.pop(number, None) is None:
                raise UsageError(f"several speak in the stretch of change {number + 1}", hint="take a shorter one")
            done.add(number)
            spoken = _spoken(wanted[number], turn.channel)
            new |= set(range(written + len(words), written + len(words) + len(spoken)))
            words += spoken
        written += len(words)
        turns.append(Turn(turn.speaker, turn.channel, tuple(words), turn.aside))
    if left:
        raise UsageError(f"nobody speaks in the stretch of change {min(left) + 1}", hint="see the times in the .json")
    return RedactedTranscript(replace(before.transcript, turns=tuple(turns)), entities), frozenset(new)


def _check(stores: Stores, case_id: str, recording_id: str) -> None:
    if recording_id not in decided(stores, case_id, {"rectification"}).ids("confirmed"):
        raise UsageError("the recording is none of the request's", hint=f"redact subject find {case_id} --id ID")


def _check_text(
    stores: Stores,
    recording_id: str,
    before: RedactedTranscript,
    made: tuple[RedactedTranscript, frozenset[int]],
    looking: Looking,
) -> None:
    """Refuse new words in which something is personal, or that were masked in the recording.

    Raises:
        UsageError: they are. It doesn't tell which.
    """
    after, new = made
    transcript = after.transcript
    found = looking.findings(transcript)
    is_personal = any(looking.policy.wants(f.entity_type, f.score) and new & set(f.words) for f in found)
    words = [said(transcript.words[index].text) for index in sorted(new)]
    is_masked = bool(set(words) & _masked(stores, recording_id, before))
    if is_personal or is_masked or _is_indexed(stores, recording_id, [transcript.words[i].text for i in sorted(new)]):
        raise UsageError(
            "the new text holds something personal, which would be masked",
            hint="write it without, or mask it on the page",
        )


def _masked(stores: Stores, recording_id: str, before: RedactedTranscript) -> set[str]:
    """What is known of what was masked, where the transcript in clear is sealed: long words in the masks' times."""
    try:
        clear = native.read(b"".join(stores.vault.opened(recording_id, "transcript")).decode())
    except KeyMissing:
        return set()
    labels = [before.transcript.words[index] for index in before.entities]
    return {
        value
        for word in clear.words
        for label in labels
        if label.start_ms is not None and label.end_ms is not None and word.channel == label.channel
        if _is_in(word, Change(label.start_ms, label.end_ms, ""))
        if len(value := said(word.text)) >= VALUE_CHARACTERS
    }


def _is_indexed(stores: Stores, recording_id: str, words: Sequence[str]) -> bool:
    """True where some of the words, as somebody would look for them, lead to the recording."""
    for start in range(len(words)):
        for end in range(start + 1, min(len(words), start + _LONGEST_VALUE) + 1):
            for kind in _INDEXED:
                with suppress(UsageError):  # what can't be looked for is not in the index
                    if recording_id in finding.search(stores, [(kind, " ".join(words[start:end]))], by_sound=False):
                        return True
    return False


def _read(content: bytes) -> RedactedTranscript:
    transcript = native.read(content.decode())
    words = [word for turn in json.loads(content)["turns"] for word in turn["words"]]
    entities = {index: word["entity_type"] for index, word in enumerate(words) if word.get("entity_type")}
    return RedactedTranscript(transcript, entities)


def _noted(told: Mapping[str, Any], count: int) -> dict[str, Any]:
    """What the report says of it: a person decided, so that no batch writes over it."""
    notes = [*told.get("notes", []), *([RECTIFIED] if RECTIFIED not in told["notes"] else [])]
    return {"notes": notes, "decisions": told.get("decisions", 0) + count, "outputs": dict(told["outputs"])}


def _publish(
    stores: Stores, archive: Archive, recording_id: str, after: RedactedTranscript, told: dict[str, Any]
) -> None:
    """Write all text outputs anew, the report last, and tell the ledger."""
    duration_ms = told["input"]["duration_ms"]
    contents = {
        ".txt": plain.write(after.transcript), ".vtt": vtt.write(after.transcript), ".srt": srt.write(after.transcript),
        ".json": native.write(after.transcript, duration_ms=duration_ms, entities=after.entities),
    }  # fmt: skip
    files = {suffix: content.encode() for suffix, content in contents.items() if suffix in told["outputs"]}
    told["outputs"] |= {suffix: hashlib.sha256(content).hexdigest() for suffix, content in files.items()}
    if naming.PAGE_SUFFIX in told["outputs"]:
        files[naming.PAGE_SUFFIX] = _page(archive, recording_id, after, told)
        told["outputs"][naming.PAGE_SUFFIX] = hashlib.sha256(files[naming.PAGE_SUFFIX]).hexdigest()
    ended = report.write(told).encode()
    named = {f"{recording_id}.redacted{suffix}": content for suffix, content in files.items()}
    _put(archive, shard(recording_id), {**named, f"{recording_id}.report.json": ended})
    stores.ledger.archive(archive.url).corrected(recording_id, hashlib.sha256(ended).hexdigest())


def _put(archive: Archive, folder: str, files: Mapping[str, bytes]) -> None:
    if archive.is_local:
        with Staged(Path(archive.root, folder)) as staged:
            for name, content in files.items():
                staged.open(name).write(content)
            staged.publish(force=True)
        return
    for name, content in files.items():
        with os.fdopen(os.memfd_create("output", os.MFD_CLOEXEC), "wb") as file:
            file.write(content)
            file.flush()
            archive.put(Path(f"/proc/{os.getpid()}/fd/{file.fileno()}"), f"{folder}/{name}")


def _page(archive: Archive, recording_id: str, after: RedactedTranscript, told: Mapping[str, Any]) -> bytes:
    """The page of a call, made anew from its redacted sound."""
    sound = next(s for s in told["outputs"] if s not in {*naming.TEXT_SUFFIXES, naming.PAGE_SUFFIX})
    item = archive.item(_path(recording_id, f".redacted{sound}"))
    if item is None:
        raise Damaged("the redacted recording is gone", hint="redact the recording again")
    with archive.at_hand(item) as path, decode(path) as decoded:
        copy = light_copy((block for _, block in blocks(decoded.pcm)), decoded.recording)
    made = io.BytesIO()
    page.write(copy, after, told, recording_id, made)
    return made.getvalue()


def _path(recording_id: str, ending: str) -> str:
    return f"{shard(recording_id)}/{recording_id}{ending}"


def _is_in(word: Word, change: Change) -> bool:
    if word.start_ms is None or word.end_ms is None:
        return False
    return change.start_ms <= (word.start_ms + word.end_ms) // 2 < change.end_ms


def _spoken(change: Change, channel: int) -> list[Word]:
    """The words of a change, spread evenly over its stretch."""
    texts = change.text.split()
    at = [change.start_ms + (change.end_ms - change.start_ms) * n // len(texts) for n in range(len(texts) + 1)]
    return [Word(text, at[n], at[n + 1], channel) for n, text in enumerate(texts)]


def _ms(parts: Sequence[str | None]) -> int:
    minutes, seconds, fraction = (part or "0" for part in parts)
    return (int(minutes) * 60 + int(seconds)) * 1000 + int(fraction.ljust(3, "0"))
