"""What it takes to hear an original, beside the right and a reason: what the organisation has set."""

from collections.abc import Callable
from dataclasses import dataclass

from redact.review.desk import Call
from redact.review.security import Refused
from redact.stores.approvals import Approvals
from redact.stores.reviews import User


def _never() -> bool:
    return False


def _nobody() -> frozenset[str]:
    return frozenset()


def _anybody(_user: User) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Access:
    """The rules.

    Attributes:
        approvals: of second persons; None where none is wanted.
        hours: how long one counts.
        is_trained: of a user, where a training is wanted.
        is_frozen: while a breach is being contained.
        restricted: ids of calls that may be kept, and not used.
    """

    approvals: Approvals | None = None
    hours: int = 8
    is_trained: Callable[[User], bool] = _anybody
    is_frozen: Callable[[], bool] = _never
    restricted: Callable[[], frozenset[str]] = _nobody

    def check(self, user: User, call: Call) -> None:
        """Let somebody hear a call's original.

        Raises:
            Refused: `frozen`, `untrained`, or `second_person`: ask for one then.
        """
        if self.is_frozen():
            raise Refused(403, "frozen")
        if not self.is_trained(user):
            raise Refused(403, "untrained")
        if self.approvals and not self.approvals.is_granted(call.name, user.name):
            raise Refused(403, "second_person")


# Where no organisation has set anything.
FREE = Access()
