"""What a person who asks for access is given (GDPR, Art. 15): copies of recordings, and what the law wants told.

It is one encrypted file, a pack (`packs`), which holds a ZIP. The ZIP is made in memory: nothing in clear touches the
disk. By default a pack has the redacted outputs. The person's own words can be heard where `OwnVoice` makes them so.
"""

import json
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Protocol, get_args

from redact.batch.archive import Archive
from redact.batch.work import report_path, shard, wrong_outputs
from redact.errors import HeldForReview, InputRejected, PolicyError, RedactError, UsageError
from redact.governance import access_page, packs, second_person, training
from redact.governance.freeze import require_not_frozen
from redact.governance.on_record import OnRecord, on_record, typed_by
from redact.governance.organisation import Organisation, RetentionClass
from redact.governance.rectification import RECTIFIED
from redact.governance.subjects import Request, RequestKind, decided
from redact.naming import PAGE_SUFFIX, TEXT_SUFFIXES
from redact.stores.audit import actor
from redact.stores.opened import Stores

SCHEMA, VERSION = "callredact.access", 1
_KINDS: frozenset[RequestKind] = frozenset({"access", "portability"})
# Classes of what is kept about somebody, each with a period of its own (Art. 15(1)(d)).
_KEPT: tuple[RetentionClass, ...] = get_args(RetentionClass)
_BLOCK_BYTES = 1 << 20
# Why the log has an export in which something is heard that is masked elsewhere; of other exports it has no reason.
OWN_VOICE = "own_voice"


@dataclass(frozen=True, slots=True)
class Made:
    """Copies of a recording in which the person's own words are to be heard: suffix and path of each, in memory."""

    files: Mapping[str, Path]


class OwnVoice(Protocol):
    """Makes such copies."""

    @property
    def own(self) -> str:
        """Whose words: `customer` or `agent`."""

    def made(self, recording_id: str, report: Mapping[str, Any]) -> AbstractContextManager[Made]:
        """Copies of a recording, there while the context is open.

        Raises:
            RedactError: they can't be made; `reason` says why.
        """


@dataclass(frozen=True, slots=True)
class Given:
    """A recording of a pack, as its information tells it.

    Attributes:
        form: `redacted`, or `own` where the person's own words can be heard.
        kept_masked: why those can't be heard, though somebody wanted it; empty else.
        files: paths in the pack.
        corrected: its transcript was, after a request: what is given is the corrected one, masked.
        restricted: its processing is; the person's own right of access is none of what that forbids.
        on_record: what allowed the call, and what is sealed beside it about the person.
    """

    recording_id: str
    recorded_at: str
    queue: str
    language: str
    duration_ms: int
    basis: str
    masked: Mapping[str, int]
    form: str
    kept_masked: str = ""
    files: tuple[str, ...] = ()
    corrected: bool = False
    restricted: bool = False
    on_record: OnRecord = OnRecord()  # noqa: RUF009 - it is frozen


@dataclass(frozen=True, slots=True)
class Exported:
    """What came of an export.

    Attributes:
        left_out: recordings that are not in the pack, and why: `no_outputs` or `damaged`.
        size_bytes: of what was encrypted.
    """

    given: tuple[Given, ...]
    left_out: Mapping[str, str]
    size_bytes: int = 0


def missing(rules: Organisation) -> list[str]:
    """Keys of the organisation's file that Art. 15(1) and (2) want filled in, and that are empty."""
    wanted: dict[str, object] = {
        "controller.name": rules.controller.name,
        "controller.contact": rules.controller.contact or rules.controller.address,
        "authority.name": rules.authority.name,
        "authority.contact": rules.authority.contact or rules.authority.address,
        "source": rules.source,
        "automated_decisions": rules.automated_decisions,
        "activities": rules.activities,
    }
    for activity in rules.activities:
        for name in ("purposes", "data_categories", "recipients"):
            wanted[f"activities.{activity.id}.{name}"] = [each for each in getattr(activity, name) if each]
    return [key for key, value in wanted.items() if not value]


def require_complete(rules: Organisation) -> None:
    """Nothing is given out while something is missing that the law wants told.

    Raises:
        PolicyError: with the first key, and how many more there are.
    """
    keys = missing(rules)
    if keys:
        more = f", and {len(keys) - 1} more" if len(keys) > 1 else ""
        raise PolicyError(
            f"the organisation's file lacks {keys[0]}{more}", hint="GDPR, Art. 15(1) wants it told: fill it in"
        )


def information(rules: Organisation, request: Request, done: Exported, now: datetime) -> dict[str, Any]:
    """All that Art. 15(1) and (2) list, and what is in the pack, as a JSON-ready object."""
    kept = rules.retention
    return {
        "schema": SCHEMA, "version": VERSION, "language": request.language,
        "request": {"case": request.case_id, "kind": request.kind, "received": request.received.isoformat()},
        "made_at": now.astimezone(UTC).isoformat(timespec="seconds"),
        "controller": rules.controller.model_dump(), "dpo": rules.dpo.model_dump(),
        "authority": rules.authority.model_dump(),
        "activities": [
            {
                "id": activity.id, "name": activity.name, "purposes": list(activity.purposes),
                "lawful_basis": activity.lawful_basis, "legitimate_interest": activity.legitimate_interest,
                "data_categories": list(activity.data_categories), "recipients": list(activity.recipients),
                "transfers": [transfer.model_dump() for transfer in activity.transfers],
                "retention_months": getattr(kept, activity.retention).months,
            }
            for activity in rules.activities
        ],
        "retention_months": {name: getattr(kept, name).months for name in _KEPT},
        "rights": ["rectification", "erasure", "restriction", "objection", "complaint"],
        "source": rules.source, "automated_decisions": rules.automated_decisions,
        "recordings": [asdict(given) for given in done.given], "left_out": dict(done.left_out),
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Packing:
    """How a pack is made.

    Attributes:
        phrase: that opens it.
        voice: makes the person's own words heard; None for the redacted outputs alone.
        now: for the information; None for this moment.
        publish: gives the finished pack its name. The case is said to be exported only behind that.
    """

    phrase: str = field(repr=False)
    voice: OwnVoice | None = None
    now: datetime | None = None
    publish: Callable[[], object] = lambda: None


def export(stores: Stores, rules: Organisation, case_id: str, target: BinaryIO, how: Packing) -> Exported:
    """Make the pack of a request, of all recordings that were confirmed and can be given out.

    A restriction (Art. 18) keeps nothing from the person themself: Art. 15 goes on, and who asks wants it so.

    The log has that it begins before anything is made, and how it ended. Whoever is given the passphrase only when this
    has returned is given nothing that log and case don't know of.

    Args:
        stores: where things are kept.
        rules: the organisation's file, with its archives.
        case_id: of the request.
        target: for the encrypted pack.
        how: it is made.

    Raises:
        HeldForReview: exports are frozen, for a breach is being looked into; or the person's own words are to be heard,
            and whoever runs it lacks the training or the second person that the organisation wants for that.
        UsageError: the request can't be answered so: of another kind, not checked, not decided, or nothing to give.
        PolicyError: the organisation's file lacks what the law wants told.
        RedactError: it can't be logged, read, written or published; the case has no export then.
    """
    found = decided(stores, case_id, _KINDS)
    require_complete(rules)
    if not found.ids("confirmed"):
        raise UsageError(
            "no recording is confirmed", hint=f"if there is none, say so: redact subject letter {case_id} answer"
        )
    reason = OWN_VOICE if how.voice else ""
    with stores.audit.action("subject.export", case_id, reason=reason) as counts, _in_memory() as content:
        require_not_frozen(stores)
        if how.voice:
            _require_clear_access(stores, rules, found.ids("confirmed"))
        done = _packed(stores, rules, found, content, how)
        if not done.given:
            raise UsageError("none of the recordings can be given out", hint="see why: redact subject find CASE")
        content.seek(0)
        size = packs.write(content, target, case_id, how.phrase)
        restricted = [given.recording_id for given in done.given if given.restricted]
        counts |= {"recordings": len(done.given), "left_out": len(done.left_out), "bytes": size}
        counts["restricted"] = len(restricted)
        how.publish()
        detail = {
            "recordings": [given.recording_id for given in done.given], "left_out": dict(done.left_out),
            "restricted": restricted,
        }  # fmt: skip
        stores.cases.change(case_id, "exported", detail=detail, at=how.now)
    return Exported(done.given, done.left_out, size)


def _packed(stores: Stores, rules: Organisation, found: Request, content: BinaryIO, how: Packing) -> Exported:
    """The ZIP of a request, in clear."""
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as pack:
        done = _filled(stores, rules, found, pack, how.voice)
        told = information(rules, found, done, how.now or datetime.now(UTC))
        pack.writestr("information.json", json.dumps(told, indent=2, ensure_ascii=False) + "\n")
        pack.writestr("index.html", access_page.page(told))
    return done


def _require_clear_access(stores: Stores, rules: Organisation, ids: Sequence[str]) -> None:
    """What holds for opening an original holds for an export in which something of it is heard.

    Raises:
        HeldForReview: a training is missing, or a second person's word. They are asked for all recordings at once.
    """
    training.require(stores, rules, actor())
    waiting = None
    archives = [Archive(url) for url in rules.archives]
    for recording_id in ids:
        if all(archive.read(report_path(recording_id)) is None for archive in archives):
            continue  # of one without outputs nothing is opened either
        try:
            second_person.require(stores, rules, recording_id, actor(), OWN_VOICE)
        except HeldForReview as error:
            waiting = error
    if waiting is not None:
        raise waiting


def _filled(
    stores: Stores, rules: Organisation, found: Request, pack: zipfile.ZipFile, voice: OwnVoice | None
) -> Exported:
    given: list[Given] = []
    left_out: dict[str, str] = {}
    typed = typed_by(stores, found.case_id)
    for match in found.matches:
        if match.choice != "confirmed":
            continue
        recording_id = match.recording_id
        copied = [each for url in rules.archives if (each := _copied(stores, Archive(url), recording_id, pack, voice))]
        if any(isinstance(each, Given) for each in copied):
            told = next(each for each in copied if isinstance(each, Given))
            restricted = stores.marks.has(recording_id, "restriction")
            beside = on_record(stores, match, typed, voice.own if voice else "")
            given.append(replace(told, restricted=restricted, on_record=beside))
        else:
            left_out[recording_id] = next((each for each in copied if isinstance(each, str)), "no_outputs")
    return Exported(tuple(given), left_out)


def _copied(
    stores: Stores, archive: Archive, recording_id: str, pack: zipfile.ZipFile, voice: OwnVoice | None
) -> Given | str | None:
    """A recording's copies in the pack; else a word for why there are none, or None where the archive lacks it."""
    content = archive.read(report_path(recording_id))
    if content is None:
        return None
    try:
        report = json.loads(content)
        outputs: Mapping[str, str] = report["outputs"]
    except (ValueError, KeyError, TypeError):
        return "damaged"
    if report["status"] != "done" or not outputs:
        return "no_outputs"
    if wrong_outputs(archive, recording_id, outputs):
        return "damaged"
    row = next(iter(stores.ledger.archive(archive.url).of(recording_id)), None)
    told = Given(
        recording_id, row.recorded_at if row else "", row.queue if row else "",
        (row.language if row else "") or report["language"], report["input"]["duration_ms"], report["basis"],
        report["replacements"], "redacted", corrected=RECTIFIED in report.get("notes", ()),
    )  # fmt: skip
    if voice is not None:
        try:
            with voice.made(recording_id, report) as made, _at_hand(archive, recording_id, outputs) as redacted:
                files = _with_corrections(made.files, redacted) if told.corrected else made.files
                return replace(told, files=_written(pack, recording_id, files), form="own")
        except RedactError as error:  # then what is masked is given, and it is said why
            told = replace(told, kept_masked=error.reason)
    with _at_hand(archive, recording_id, outputs) as files:
        return replace(told, files=_written(pack, recording_id, files))


def _with_corrections(made: Mapping[str, Path], redacted: Mapping[str, Path]) -> Mapping[str, Path]:
    """The sound in which the person is heard, with the corrected transcripts: those made anew don't have what was."""
    sound = {suffix: path for suffix, path in made.items() if suffix not in TEXT_SUFFIXES}
    return sound | {suffix: path for suffix, path in redacted.items() if suffix in TEXT_SUFFIXES}


@contextmanager
def _at_hand(archive: Archive, recording_id: str, outputs: Mapping[str, str]) -> Iterator[Mapping[str, Path]]:
    """Outputs as files that can be read; a page of them is left out, for it says nothing that they don't."""
    with ExitStack() as stack:
        files = {}
        for suffix in outputs:
            if suffix == PAGE_SUFFIX:
                continue
            item = archive.item(f"{shard(recording_id)}/{recording_id}.redacted{suffix}")
            if item is None:
                raise InputRejected("an output went while it was read", hint="run again", reason="io")
            files[suffix] = stack.enter_context(archive.at_hand(item))
        yield files


def _written(pack: zipfile.ZipFile, recording_id: str, files: Mapping[str, Path]) -> tuple[str, ...]:
    names = []
    for suffix, path in files.items():
        name = f"recordings/{recording_id}{suffix}"
        with path.open("rb") as source, pack.open(name, "w", force_zip64=True) as copy:
            while block := source.read(_BLOCK_BYTES):
                copy.write(block)
        names.append(name)
    return tuple(names)


@contextmanager
def _in_memory() -> Iterator[BinaryIO]:
    """A file that is on no disk."""
    with os.fdopen(os.memfd_create("pack", os.MFD_CLOEXEC), "w+b") as file:
        yield file
