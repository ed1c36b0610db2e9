"""Erasing a recording: wherever it is, so that no backup of another age brings it back, and with a certificate.

The key goes first: from then on, nothing that was sealed can be read, whatever else fails. All of it may be killed at
any moment and done again; the certificate comes last.
"""

from collections import Counter
from collections.abc import Sequence

from redact.batch.archive import Archive
from redact.batch.work import shard
from redact.custody import sources_of
from redact.errors import UsageError
from redact.stores.certificates import Certificate
from redact.stores.opened import Stores


def erase(stores: Stores, archives: Sequence[str], recording_id: str, *, reason: str, case_id: str = "") -> Certificate:
    """Erase a recording: its key, what was sealed, its original, outputs, index, reviews and what the ledger knows.

    Args:
        stores: where things are kept.
        archives: folders or URLs of outputs; it is removed from each.
        recording_id: of the recording.
        reason: one word of few, for log and certificate.
        case_id: of the request that asks for it; empty else.

    Raises:
        UsageError: a legal hold is on it.
        RedactError: something can't be removed. Run it again: what is gone stays gone.
    """
    if stores.marks.has(recording_id, "legal_hold"):
        raise UsageError("a legal hold is on the recording", hint="lift it first: redact retention release ID")
    with stores.audit.action("erase", recording_id, reason=reason) as counts:
        removed = Counter[str]()
        removed["originals"] = _remove_originals(stores, archives, recording_id)
        removed["sealed"] = int(stores.vault.erase(recording_id))
        for url in archives:
            archive = Archive(url)
            for path in _outputs(archive, recording_id):
                archive.remove(path)
                removed["outputs"] += 1
            removed["reviews"] += stores.approvals(archive.url).forget(recording_id)
            removed["reviews"] += stores.proposals(archive.url).forget(recording_id)
            removed["reviews"] += stores.reviews(archive.url).erase(recording_id)
            removed["ledger"] += stores.ledger.archive(archive.url).erase(recording_id)
        removed["index"] = stores.index.forget(recording_id)
        stores.marks.lift(recording_id, "restriction")
        counts |= removed
    return stores.certificates.add(recording_id, reason, case_id, removed, stores.audit)


def erased_again(stores: Stores, archives: Sequence[str]) -> int:
    """Erase once more what has a certificate and is there all the same, from a backup that was restored; how many."""
    found = back(stores, archives)
    for recording_id in found:
        erase(stores, archives, recording_id, reason="restored_backup")
    return len(found)


def back(stores: Stores, archives: Sequence[str]) -> tuple[str, ...]:
    """Ids of recordings that have a certificate of erasure, and a key or outputs all the same."""
    known = {key.recording_id for key in stores.keys.listed()}
    erased = sorted({each.recording_id for each in stores.certificates.all()})
    return tuple(each for each in erased if each in known or any(_outputs(Archive(url), each) for url in archives))


def _outputs(archive: Archive, recording_id: str) -> list[str]:
    """Paths of a recording's outputs and report."""
    return archive.beginning(f"{shard(recording_id)}/{recording_id}.")


def _remove_originals(stores: Stores, archives: Sequence[str], recording_id: str) -> int:
    """Remove originals that lie where they were found, and are still what was redacted.

    Raises:
        RedactError: one can't be reached, or removed.
    """
    contents = {row.content for url in archives for row in stores.ledger.archive(Archive(url).url).of(recording_id)}
    count = 0
    for told in sources_of(stores.vault, recording_id):
        folder, _, name = told["source"].rpartition("/")
        archive = Archive(folder)
        if archive.sha256(name) in contents - {""}:
            archive.remove(name)
            count += 1
    return count
