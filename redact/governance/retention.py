"""What is kept longer than the organisation says, and erasing it: recordings, what was made from them, logs, requests.

A recording's age counts from when it was recorded, else from when a batch was done with it; a sealed original's that no
batch knows, from when it was sealed; a comment's on a report, from when that was signed. A legal hold keeps what it is
on, whatever its age.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, get_args

from redact.custody import call_names, sources_of
from redact.errors import PolicyError, RedactError
from redact.governance import erasure
from redact.governance.months import months_after
from redact.governance.organisation import Organisation, RetentionClass
from redact.governance.places import Places
from redact.publish import Staged
from redact.stores.audit import Entry
from redact.stores.cases import CLOSED, KINDS
from redact.stores.ledger import Row
from redact.stores.opened import Stores
from redact.stores.signatures import is_comment

CLASSES: tuple[RetentionClass, ...] = get_args(RetentionClass)
SOON = timedelta(days=30)
REASON = "retention"

Progress = Callable[[RetentionClass, int, int], None]


@dataclass(frozen=True, slots=True)
class Due:
    """What of one class is due.

    Attributes:
        months: how long it is kept.
        due: ids of what is to be erased now. Of `logs` the numbers of the first row and the last.
        soon: ids of what will be within `SOON`.
        held: ids of what would be due, and a legal hold keeps.
        undated: how many there are of which nobody knows how old they are.
        count: how much `due` is: rows of the log, else as many as it has ids.
    """

    months: int
    due: tuple[str, ...] = ()
    soon: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    undated: int = 0
    count: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What is due, by class.

    Attributes:
        at: when it was looked.
        unfinished: ids of what was being erased when somebody was interrupted.
        back: ids of what was erased and is here again, from a backup.
        unnamed: how many archives the ledger knows that the organisation's file does not name.
    """

    at: str
    classes: Mapping[RetentionClass, Due]
    unfinished: tuple[str, ...]
    back: tuple[str, ...]
    unnamed: int

    def told(self) -> dict[str, Any]:
        """As a JSON-ready object."""
        return {"at": self.at, **asdict(self)}


@dataclass(slots=True)
class Applied:
    """What was erased.

    Attributes:
        erased: how much of each class, and `unfinished` and `back`.
        failed: why something could not be, in a word, and how often.
    """

    erased: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)


def plan(stores: Stores, rules: Organisation, places: Places, now: datetime | None = None) -> Plan:
    """What is due now, and soon. Nothing is written.

    Raises:
        RedactError: an archive can't be listed, or a store not be read.
    """
    moment = now or datetime.now(UTC)
    held = _held(stores)
    limits = rules.retention
    dated = {
        "recordings": _recordings(stores, places),
        "analyses": _analyses(stores, places),
        "requests": _requests(stores),
        "bases": {own: at for own, (_, at) in _bases(stores, places, _since(limits.bases.months, moment)).items()},
    }
    classes: dict[RetentionClass, Due] = {}
    for name in CLASSES:
        months = getattr(limits, name).months
        classes[name] = (
            _logs(stores, months, moment) if name == "logs" else _due(dated[name], months, held, moment)
        )  # fmt: skip
    return Plan(
        moment.astimezone(UTC).isoformat(timespec="seconds"),
        classes,
        tuple(mark.recording_id for mark in stores.marks.all("erasing")),
        tuple(erasure.back(stores, places)),
        stores.ledger.unnamed(archive.url for archive in places.archives),
    )


def apply(
    stores: Stores,
    rules: Organisation,
    places: Places,
    *,
    now: datetime | None = None,
    progress: Progress = lambda *_: None,
    export_logs: Path | None = None,
) -> Applied:
    """Erase what is due; what was begun before and what a backup brought back comes first.

    It may be killed at any moment and run again. What can't be erased doesn't keep the rest from it.

    Args:
        stores: where things are kept.
        rules: how long.
        places: archives of redacted outputs.
        now: a moment; None for this one.
        progress: told of each class, how much of it is done, and of how much.
        export_logs: a folder for rows of the log before they go; None to let them go.

    Raises:
        PolicyError: the ledger knows an archive that nobody names: what is in it would be certified, and stay.
        Locked: another run is at work, on retention or on one of the archives.
        RedactError: an archive can't be listed, or a store not be read or written.
    """
    applied, moment = Applied(), now or datetime.now(UTC)
    with ExitStack() as alone:
        alone.enter_context(stores.certificates.alone())
        for archive in places.archives:
            alone.enter_context(stores.ledger.archive(archive.url).alone())
        if stores.ledger.unnamed(archive.url for archive in places.archives):
            raise PolicyError(
                "the ledger has recordings of an archive that the organisation's file does not name",
                hint="add its folder or URL to `archives` there",
            )
        with stores.audit.action("retention.apply") as counts:
            _end_what_was_begun(stores, places, applied)
            found = plan(stores, rules, places, moment)
            _erase_due(stores, places, found, _outlived(stores, rules, places, moment), applied, progress)
            _erase_nights(places, found, applied)
            _forget_bases(stores, places, found, applied)
            _cut_logs(stores, months_after(moment, -rules.retention.logs.months), applied, export_logs)
            counts |= {**applied.erased, "failed": applied.failed.total()}
    return applied


def _due(dated: Mapping[str, str], months: int, held: frozenset[str], moment: datetime) -> Due:
    due, soon, kept, undated = list[str](), list[str](), list[str](), 0
    for own_id, at in sorted(dated.items()):
        began = _moment(at)
        if began is None:
            undated += 1
            continue
        ends = months_after(began, months)
        if ends <= moment:
            (kept if own_id in held else due).append(own_id)
        elif ends <= moment + SOON:
            soon.append(own_id)
    return Due(months, tuple(due), tuple(soon), tuple(kept), undated, len(due))


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _recordings(stores: Stores, places: Places) -> dict[str, str]:
    """When each recording began that is here: of which a batch knows, which is sealed, or which has loose outputs."""
    found: dict[str, str] = {}
    left = set[str]()  # erased, but for their reports

    def note(recording_id: str, at: str) -> None:
        before = found.get(recording_id)
        found[recording_id] = min(before, at) if before and at else before or at

    for archive in places.archives:
        for row in stores.ledger.archive(archive.url).rows():
            if row.state == "erased":
                left.add(row.recording_id)
            elif row.state not in {"pending", "running"}:  # of those nobody knows where they lie yet
                note(row.recording_id or row.source, _began(row))
    made_at = {key.recording_id: key.made_at for key in stores.keys.listed()}
    for sealed in stores.vault.listed():
        own = sealed.recording_id
        if sealed.kind != "case" and own not in found and own in made_at:
            note(own, made_at[own])
    for recording_id, loose in places.loose.items():
        for each in loose:
            if recording_id not in found or recording_id not in made_at:
                note(recording_id, each.made_at.isoformat() if each.made_at else "")
    for recording_id, report_at in places.reports.items():  # of a ledger that was lost, say
        if recording_id not in found:
            note(recording_id, report_at.isoformat() if report_at else "")
    return {own: at for own, at in found.items() if own not in left}


def _began(row: Row) -> str:
    return row.recorded_at or row.finished_at


def _analyses(stores: Stores, places: Places) -> dict[str, str]:
    """When each recording began of which only the report is left; when each run did; and when each comment was made."""
    found = _comments(stores)
    for archive in places.archives:
        for row in stores.ledger.archive(archive.url).rows(states=("erased",)):
            if row.report:
                found[row.recording_id] = _began(row)
    for _, path in places.nights():
        run = _run(path)
        found[run] = run.partition("-")[0]
    return found


def _comments(stores: Stores) -> dict[str, str]:
    """When each comment on a report was made that is sealed, or of which nothing certifies that it was erased.

    Of one that nobody signed, for somebody was interrupted, the key knows.
    """
    made_at = {key.recording_id: key.made_at for key in stores.keys.listed() if is_comment(key.recording_id)}
    erased = {each.recording_id for each in stores.certificates.all() if each.scope == "comment"}
    signed = {each.comment_id: each.at for each in stores.signatures.all() if each.comment_id}
    return {own: at for own, at in {**made_at, **signed}.items() if own in made_at or own not in erased}


def _run(path: str) -> str:
    return path.rpartition("/")[2].partition(".")[0]


def _requests(stores: Stores) -> dict[str, str]:
    """When each case was closed; open ones are not here."""
    cases = (case for kind in KINDS for case in stores.cases.all(kind) if case.state == CLOSED)
    return {case.case_id: max(event.at for event in stores.cases.events(case.case_id)) for case in cases}


def _bases(stores: Stores, places: Places, until: datetime) -> dict[str, tuple[str, str]]:
    """Of calls that are kept nowhere any more, by their pseudonyms: their ids, and when the last was noted of them.

    Args:
        stores: where things are kept.
        places: archives of redacted outputs.
        until: those of which something was noted later are left out. For the others, recordings that are known by the
            names of their files are asked for these, which lie sealed.
    """
    noted = {call_id: at for call_id, at in stores.consent.last_noted().items() if (_moment(at) or until) <= until}
    if not noted:
        return {}
    rows = [row for row in _rows(stores, places) if row.state != "erased"]
    kept, nameless = {row.call for row in rows}, {row.recording_id or row.source for row in rows if not row.call}
    named = frozenset[str]().union(*(call_names(sources_of(stores.vault, own)) for own in nameless))
    known = ((stores.ledger.pseudonym("call", call_id), call_id, at) for call_id, at in noted.items())
    return {own: (call_id, at) for own, call_id, at in known if own not in kept and call_id not in named}


def _since(months: int, moment: datetime) -> datetime:
    """What was noted by then is due, or soon will be; months differ in length."""
    return months_after(moment, -months) + 2 * SOON


def _rows(stores: Stores, places: Places) -> Iterator[Row]:
    return (row for archive in places.archives for row in stores.ledger.archive(archive.url).rows())


def _logs(stores: Stores, months: int, moment: datetime) -> Due:
    old = _old(stores, months_after(moment, -months))
    soon = _old(stores, months_after(moment + SOON, -months))[len(old) :]
    return Due(months, _span(old), _span(soon), (), 0, len(old))


def _old(stores: Stores, until: datetime) -> tuple[Entry, ...]:
    held = _held(stores)
    return stores.audit.old(until, lambda object_id: object_id in held)


def _span(rows: tuple[Entry, ...]) -> tuple[str, ...]:
    return (str(rows[0].seq), str(rows[-1].seq)) if rows else ()


def _held(stores: Stores) -> frozenset[str]:
    return frozenset(mark.recording_id for mark in stores.marks.all("legal_hold"))


def _end_what_was_begun(stores: Stores, places: Places, applied: Applied) -> None:
    for _, error in erasure.resumed(stores, places):
        applied.erased["unfinished"] += error is None
        if error and error.reason != "legal_hold":
            applied.failed[error.reason] += 1
    held = _held(stores)
    for recording_id, how in erasure.back(stores, places).items():
        if recording_id not in held:
            _tried(applied, "back", partial(erasure.again, stores, places, recording_id, how))


def _tried(applied: Applied, name: str, what: Callable[[], object]) -> None:
    try:
        what()
    except RedactError as error:
        applied.failed[error.reason] += 1
    else:
        applied.erased[name] += 1


def _outlived(stores: Stores, rules: Organisation, places: Places, moment: datetime) -> frozenset[str]:
    """Recordings whose reports may stay for a while after them: the ledger knows how old they are."""
    months = rules.retention.analyses.months
    began = ((row.recording_id, _moment(_began(row))) for row in _rows(stores, places) if row.recording_id)
    return frozenset(own for own, at in began if at and months_after(at, months) > moment)


def _erase_due(
    stores: Stores, places: Places, found: Plan, outlived: frozenset[str], applied: Applied, progress: Progress
) -> None:
    nights = {_run(path) for _, path in places.nights()}

    def erase(name: RetentionClass, own: str) -> object:
        if name == "recordings":
            return erasure.erase(stores, places, own, reason=REASON, keeps_report=own in outlived)
        if is_comment(own):
            return erasure.erase_comment(stores, own, reason=REASON)
        if name == "analyses":
            return erasure.erase_analyses(stores, places, own, reason=REASON)
        return erasure.erase_case(stores, own, reason=REASON)

    for name in ("recordings", "analyses", "requests"):
        ids = [own for own in found.classes[name].due if own not in nights]
        for number, own in enumerate(ids, 1):
            _tried(applied, name, partial(erase, name, own))
            progress(name, number, len(ids))


def _erase_nights(places: Places, found: Plan, applied: Applied) -> None:
    due = set(found.classes["analyses"].due)
    for archive, path in places.nights():
        if _run(path) in due:
            _tried(applied, "nights", partial(archive.remove, path))


def _forget_bases(stores: Stores, places: Places, found: Plan, applied: Applied) -> None:
    due, moment = found.classes["bases"].due, datetime.fromisoformat(found.at)
    if not due:
        return
    calls = _bases(stores, places, _since(found.classes["bases"].months, moment))
    try:
        stores.consent.forget(calls[own][0] for own in due)
    except RedactError as error:
        applied.failed[error.reason] += 1
    else:
        applied.erased["bases"] += len(due)


def _cut_logs(stores: Stores, until: datetime, applied: Applied, export: Path | None) -> None:
    old = _old(stores, until)
    if not old:
        return

    def publish(rows: bytes) -> None:
        if export:
            with Staged(export, private=True) as staged:
                staged.open(f"audit-{old[0].seq}-{old[-1].seq}.jsonl").write(rows)
                staged.publish(force=True)

    try:
        stores.audit.cut(old, publish)
    except RedactError as error:
        applied.failed[error.reason] += 1
    else:
        applied.erased["logs"] += len(old)
