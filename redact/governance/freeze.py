"""Exports stand still while a breach is looked into: nobody is given anything in clear until that is lifted."""

from redact.errors import HeldForReview
from redact.stores.cases import CLOSED
from redact.stores.opened import Stores


def is_frozen(stores: Stores) -> bool:
    """True while a breach is open whose containment froze exports; a drill freezes nothing."""
    return any(
        case.state != CLOSED and case.fields.get("frozen") and not case.fields.get("drill")
        for case in stores.cases.all("breach")
    )


def require_not_frozen(stores: Stores) -> None:
    """Let nothing in clear out while exports are frozen.

    Raises:
        HeldForReview: they are.
    """
    if is_frozen(stores):
        raise HeldForReview(
            "exports are frozen: a breach is being looked into",
            hint="who leads on the breach lifts that: redact breach contain ID --thaw, or closes it",
            reason="frozen",
        )
