"""Legal holds: what is on hold is not erased, whatever its age and whoever asks for it."""

from redact.errors import UsageError
from redact.governance.places import Places
from redact.stores.cases import KINDS
from redact.stores.opened import Stores


def place(stores: Stores, places: Places, reference: str, reason: str, case_id: str = "") -> tuple[str, ...]:
    """Put what a reference is of on hold; the ids that are.

    Args:
        stores: where things are kept.
        places: archives of redacted outputs.
        reference: id of a recording or case, or what a call is known by elsewhere.
        reason: one word.
        case_id: of the matter, if it has one here.

    Raises:
        UsageError: nothing is of that reference.
    """
    found = known_as(stores, places, reference)
    for own in found:
        with stores.audit.action("hold.place", own, reason=reason):
            stores.marks.put(own, "legal_hold", reason, case_id)
    return found


def release(stores: Stores, places: Places, reference: str) -> tuple[str, ...]:
    """Lift the hold from what a reference is of; the ids from which it was lifted.

    Raises:
        UsageError: nothing of that reference is on hold.
    """
    held = {mark.recording_id for mark in stores.marks.all("legal_hold")}
    found = (reference,) if reference in held else tuple(sorted(held & set(_of_call(stores, places, reference))))
    if not found:
        raise UsageError("nothing of that id or call is on hold", hint="list the holds with: redact retention hold")
    for own in found:
        with stores.audit.action("hold.lift", own):
            stores.marks.lift(own, "legal_hold")
    return found


def known_as(stores: Stores, places: Places, reference: str) -> tuple[str, ...]:
    """The ids of what a reference is of: of a recording or case itself, or of a call's recordings.

    Raises:
        UsageError: nothing is.
    """
    ledgers = [stores.ledger.archive(archive.url) for archive in places.archives]
    is_known = any(ledger.of(reference) for ledger in ledgers)
    is_known = is_known or any(sealed.recording_id == reference for sealed in stores.vault.listed())
    is_known = is_known or any(case.case_id == reference for kind in KINDS for case in stores.cases.all(kind))
    is_known = is_known or reference in places.loose or reference in places.reports
    own = (reference,) if is_known else ()
    # A call's id may name both what was sealed under it and what a batch has made of the call.
    found = tuple(dict.fromkeys((*own, *_of_call(stores, places, reference))))
    if not found:
        raise UsageError(
            "nothing is known of that id or call", hint="give the id of a recording, such as its outputs have"
        )
    return found


def _of_call(stores: Stores, places: Places, call_id: str) -> tuple[str, ...]:
    pseudonym = stores.ledger.pseudonym("call", call_id)
    found = {
        row.recording_id or row.source
        for archive in places.archives
        for row in stores.ledger.archive(archive.url).rows()
        if pseudonym and row.call == pseudonym
    }
    return tuple(sorted(found))
