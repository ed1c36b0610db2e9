"""A second person's word before anything is opened in clear on the command line, where the organisation wants one."""

from redact.batch.archive import Archive
from redact.errors import HeldForReview
from redact.governance.organisation import Organisation
from redact.stores.opened import Stores


def require(stores: Stores, organisation: Organisation, recording_id: str, account: str, reason: str) -> None:
    """Let nobody open an original by themselves; whoever may not is asked for on the page, under *Originals*.

    Args:
        stores: where things are kept.
        organisation: its `clear_access` says whether it wants that, its archives where the recording may be.
        recording_id: of the recording.
        account: of who wants to open it.
        reason: why, in a word.

    Raises:
        HeldForReview: no second person has agreed. They are asked now, where an archive has the recording.
    """
    if not organisation.clear_access.second_person:
        return
    urls = [Archive(url).url for url in organisation.archives]
    here = [url for url in urls if stores.ledger.archive(url).of(recording_id)]
    if any(stores.approvals(url).is_granted(recording_id, account) for url in here):
        return
    for url in here:
        stores.approvals(url).ask(recording_id, account, reason)
    raise HeldForReview(
        "a second person has to agree before this is opened",
        hint="a lead or the DPO answers on the page, under Originals; then run it again"
        if here
        else "no archive of the organisation's file has this recording: nobody can be asked there",
        reason="second_person",
    )
