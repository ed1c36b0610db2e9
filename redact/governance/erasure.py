"""Erasing a recording: wherever it is, so that no backup of another age brings it back, and with a certificate.

A mark says that it has begun, and with it the vault and the batch take the recording for erased. Originals go first,
for the way to them is sealed under the recording's key; then outputs, the key, and what the ledger knows. All of it may
be killed at any moment and done again: `resumed` ends what the marks tell of. The certificate comes last.
"""

import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from redact.batch.archive import Archive
from redact.batch.work import outputs, report_path
from redact.custody import known_sources
from redact.errors import InputRejected, KeyMissing, RedactError, UsageError
from redact.governance.places import Places
from redact.stores.certificates import Certificate
from redact.stores.opened import Stores
from redact.stores.vault import NOT_WHOLE

# What is erased: everything; everything but the report, which tells no value; or the original alone.
How = Literal["all", "keeps_report", "original"]


def erase(
    stores: Stores,
    archives: Sequence[str] | Places,
    recording_id: str,
    *,
    reason: str,
    case_id: str = "",
    keeps_report: bool = False,
) -> Certificate:
    """Erase a recording: its key, what was sealed, its original, outputs, index, reviews and what the ledger knows.

    Args:
        stores: where things are kept.
        archives: folders or URLs of outputs; it is removed from each.
        recording_id: of the recording; of one that no batch has read, its source in the ledger.
        reason: one word of few, for log and certificate.
        case_id: of the request that asks for it; empty else.
        keeps_report: the report stays, without its outputs, and what the team has decided: see `erase_analyses`.

    Raises:
        UsageError: a legal hold is on it.
        RedactError: something can't be removed. Run it again: what is gone stays gone.
    """
    how: How = "keeps_report" if keeps_report else "all"
    return _erased(stores, _places(archives), recording_id, how, reason, case_id)


def erase_original(
    stores: Stores, archives: Sequence[str] | Places, recording_id: str, *, reason: str, case_id: str = ""
) -> Certificate:
    """Erase a recording's original, its key and all that was sealed; what is redacted stays.

    Raises:
        UsageError: a legal hold is on it.
        RedactError: something can't be removed. Run it again.
    """
    return _erased(stores, _places(archives), recording_id, "original", reason, case_id)


def erase_analyses(
    stores: Stores, archives: Sequence[str] | Places, recording_id: str, *, reason: str
) -> Certificate:  # fmt: skip
    """Erase what was kept of a recording after it was erased itself: its report, and what the team has decided.

    Raises:
        UsageError: a legal hold is on it.
        RedactError: something can't be removed. Run it again.
    """
    _require_free(stores, recording_id)
    places, removed = _places(archives), Counter[str]()
    with stores.audit.action("erase", recording_id, reason=reason) as counts:
        for archive in places.archives:
            for path in outputs(archive, recording_id):
                archive.remove(path)
                removed["reports"] += 1
            removed["reviews"] += stores.reviews(archive.url).erase(recording_id)
        counts |= removed
        certificate = stores.certificates.add(stores.audit, recording_id, removed, reason=reason, scope="analyses")
        for archive in places.archives:  # last: whoever is killed before finds it again, and certifies it again
            stores.ledger.archive(archive.url).erase(recording_id)
    return certificate


def erase_case(stores: Stores, case_id: str, *, reason: str) -> Certificate:
    """Erase a case that is closed: who it was from, what was sealed about it, and what was done.

    Raises:
        UsageError: a legal hold is on it.
        RedactError: something can't be removed. Run it again.
    """
    _require_free(stores, case_id)
    with stores.audit.action("erase", case_id, reason=reason) as counts:
        counts["sealed"] = int(stores.vault.erase(case_id))
        counts["events"] = len(stores.cases.events(case_id))
        certificate = stores.certificates.add(stores.audit, case_id, counts, reason=reason, scope="case")
        stores.cases.erase(case_id)  # last: whoever is killed before finds it again, and certifies it again
    return certificate


def erase_comment(stores: Stores, comment_id: str, *, reason: str) -> Certificate:
    """Erase what was commented when a report was signed; that it was signed stays.

    Raises:
        UsageError: a legal hold is on it.
        RedactError: it can't be removed. Run it again.
    """
    _require_free(stores, comment_id)
    with stores.audit.action("erase", comment_id, reason=reason) as counts:
        counts["sealed"] = int(stores.vault.erase(comment_id))
        # Last: whoever is killed before finds it without a certificate, and erases it again.
        return stores.certificates.add(stores.audit, comment_id, counts, reason=reason, scope="comment")


def resumed(stores: Stores, archives: Sequence[str] | Places) -> Iterator[tuple[str, RedactError | None]]:
    """End each erasure that was begun and not ended; its recording, and what keeps it from being erased, if anything.

    Nothing is done where nobody asks for the next one.
    """
    places = _places(archives)
    for mark in stores.marks.all("erasing"):
        reason, _, how = mark.reason.rpartition(".")
        try:
            _erased(stores, places, mark.recording_id, how, reason, mark.case_id)  # type: ignore[arg-type]
        except RedactError as error:
            yield mark.recording_id, error
        else:
            yield mark.recording_id, None


def back(stores: Stores, archives: Sequence[str] | Places) -> dict[str, How]:
    """What has a certificate and is there all the same, from a backup that was restored; and what of it was erased."""
    places = _places(archives)
    keys = {key.recording_id for key in stores.keys.listed()}
    scopes: dict[str, set[str]] = {}
    for each in stores.certificates.all():
        scopes.setdefault(each.recording_id, set()).add(each.scope)
    found: dict[str, How] = {}
    for recording_id, own in sorted(scopes.items()):
        if "recording" in own:
            keeps_report = _has_report(stores, places, recording_id)
            if recording_id in keys or _is_there(stores, places, recording_id, keeps_report=keeps_report):
                found[recording_id] = "keeps_report" if keeps_report else "all"
        elif "original" in own and recording_id in keys:
            found[recording_id] = "original"
    return found


def again(stores: Stores, places: Places, recording_id: str, how: How) -> Certificate:
    """Erase once more what `back` has found.

    Raises:
        RedactError: as `erase`.
    """
    return _erased(stores, places, recording_id, how, "restored_backup", "")


def _erased(stores: Stores, places: Places, recording_id: str, how: How, reason: str, case_id: str) -> Certificate:
    _require_free(stores, recording_id)
    removed = Counter[str]()
    if stores.marks.has(recording_id, "erasing"):
        removed["resumed"] = 1
    stores.marks.put(recording_id, "erasing", f"{reason}.{how}", case_id)
    with stores.audit.action("erase", recording_id, reason=reason) as counts, _counted(counts, removed):
        failed = None
        try:
            _remove_originals(stores, places, recording_id, removed)
        except RedactError as error:  # what else can go goes all the same
            failed = error
        if how != "original":
            _remove_outputs(stores, places, recording_id, removed, keeps_report=how == "keeps_report")
        if failed:
            raise failed
        removed["sealed"] += stores.vault.erase(recording_id)
        _forget(stores, places, recording_id, removed, how)
    certificate = stores.certificates.add(
        stores.audit, recording_id, removed, reason=reason, case_id=case_id,
        scope="original" if how == "original" else "recording",
    )  # fmt: skip
    stores.marks.lift(recording_id, "erasing")
    return certificate


def _forget(stores: Stores, places: Places, recording_id: str, removed: Counter[str], how: How) -> None:
    """What the ledger and the index know."""
    for archive in places.archives:
        ledger = stores.ledger.archive(archive.url)
        if how == "original":
            removed["ledger"] += ledger.without_original(recording_id)
            continue
        report = archive.read(report_path(recording_id)) if how == "keeps_report" else None
        removed["ledger"] += ledger.erase(recording_id, report=hashlib.sha256(report).hexdigest() if report else "")
    if how != "original":
        removed["index"] += stores.index.forget(recording_id)
        for kind in ("restriction", "released"):
            stores.marks.lift(recording_id, kind)


def _remove_outputs(
    stores: Stores, places: Places, recording_id: str, removed: Counter[str], *, keeps_report: bool
) -> None:
    for archive in places.archives:
        report = report_path(recording_id)
        if keeps_report:
            _empty(archive, report)
        for path in outputs(archive, recording_id):
            if path != report or not keeps_report:
                archive.remove(path)
                removed["outputs"] += 1
        removed["reviews"] += _forget_words(stores, archive.url, recording_id)
        if not keeps_report:
            removed["reviews"] += stores.reviews(archive.url).erase(recording_id)
    for loose in places.loose.get(recording_id, ()):
        for path in loose.paths():
            loose.archive.remove(path)
            removed["outputs"] += 1
        name = loose.name.rpartition("/")[2]
        removed["reviews"] += _forget_words(stores, loose.archive.url, name)
        removed["reviews"] += stores.reviews(loose.archive.url).erase(name)


def _forget_words(stores: Stores, url: str, name: str) -> int:
    """What reviewers proposed of a call may be a name that was said in it; who may hear it is of no use any more."""
    return stores.proposals(url).forget(name) + stores.approvals(url).forget(name)


def _empty(archive: Archive, path: str) -> None:
    """A report whose outputs are gone says so: whoever reads it must not look for them."""
    content = archive.read(path)
    told = json.loads(content) if content else {}
    if not told.get("outputs"):
        return
    with tempfile.TemporaryDirectory(prefix="redact-report-") as folder:
        file = Path(folder, "report.json")
        file.write_text(json.dumps({**told, "outputs": {}}, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        archive.put(file, path)


def _remove_originals(stores: Stores, places: Places, recording_id: str, removed: Counter[str]) -> None:
    """Remove originals that lie where they were found or were moved to, and are still what was redacted.

    One that was never read is known by its size and time instead of its content.

    Raises:
        RedactError: one can't be reached, or removed.
    """
    known = [row for each in places.archives for row in stores.ledger.archive(each.url).of(recording_id)]
    contents = {row.content for row in known} - {""}
    stamps = {row.stamp for row in known if not row.content}
    for told in _sources(stores, recording_id, removed):
        for place in filter(None, (told["source"], told.get("moved_to"))):
            folder, _, name = place.rpartition("/")
            archive = Archive(folder)
            _require_reachable(archive)
            item = archive.item(name)
            if item and (archive.sha256(name) in contents or item.stamp in stamps):
                archive.remove(name)
                removed["originals"] += 1


def _require_reachable(archive: Archive) -> None:
    """A folder that isn't there may be a share that isn't mounted: what lies in it is not erased by that."""
    if archive.is_local and not Path(archive.root).is_dir():
        raise InputRejected(
            "a folder that an original lay in can't be reached",
            hint="mount it, or make it anew if it is gone for good", reason="io",
        )  # fmt: skip


def _sources(stores: Stores, recording_id: str, removed: Counter[str]) -> list[dict[str, str]]:
    """Where it lay. What was damaged can't tell any more, which the certificate says."""
    try:
        return known_sources(stores.vault, recording_id)
    except KeyMissing as error:
        if error.reason != NOT_WHOLE:
            raise
        removed["unknown_places"] += 1
        return []


def _has_report(stores: Stores, places: Places, recording_id: str) -> bool:
    """True where the ledger knows of a report that was left when its recording was erased."""
    ledgers = (stores.ledger.archive(archive.url) for archive in places.archives)
    return any(row.state == "erased" and row.report for ledger in ledgers for row in ledger.of(recording_id))


def _is_there(stores: Stores, places: Places, recording_id: str, *, keeps_report: bool) -> bool:
    allowed = {report_path(recording_id)} if keeps_report else set()
    for archive in places.archives:
        rows = stores.ledger.archive(archive.url).of(recording_id)
        if any(row.state != "erased" for row in rows) or set(outputs(archive, recording_id)) - allowed:
            return True
    return recording_id in places.loose


def _require_free(stores: Stores, recording_id: str) -> None:
    if stores.marks.has(recording_id, "legal_hold"):
        raise UsageError(
            "a legal hold is on the recording", hint="lift it first: redact retention release ID", reason="legal_hold"
        )


@contextmanager
def _counted(counts: dict[str, int], removed: Counter[str]) -> Iterator[None]:
    """The log tells what was removed, also where the rest could not be."""
    try:
        yield
    finally:
        counts |= +removed


def _places(archives: Sequence[str] | Places) -> Places:
    return archives if isinstance(archives, Places) else Places(archives)
