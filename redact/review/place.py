"""What a page is about: its calls, its team, and where originals and proposals are."""

from collections.abc import Callable
from dataclasses import dataclass

from redact.review.access import FREE, Access
from redact.review.desk import Call, Desk
from redact.review.oidc import Provider
from redact.review.originals import Maker, Originals
from redact.stores.audit import Audit
from redact.stores.proposals import Proposals
from redact.stores.reviews import Reviews, User

COOKIE, PLAIN_COOKIE = "__Host-redact", "redact"
# Who comes by a one-time link.
LOCAL = User("me", "lead")


@dataclass(frozen=True, slots=True)
class Place:
    """What a page is about.

    Attributes:
        originals: None where nobody may hear any; then calls can't be made anew.
        maker: makes them anew.
        audit: where listening to an original is logged; None without stores.
        entry: a token that signs a local user in once; None where users have passwords.
        is_https: the page is reached by TLS.
        provider: of the organisation's accounts; None where users have passwords only.
        sample: share of the calls that are done which are to be reviewed; all others are.
        access: what it takes to hear an original.
        proposals: for the lists of terms; None without stores, whose keys seal them.
        supervision: parts of the data protection officer's page, in a language; None without stores.
        clear: words of a call between two times, as they were said; empty where no transcript in clear is kept.
    """

    desk: Desk
    reviews: Reviews
    originals: Originals | None = None
    maker: Maker | None = None
    audit: Audit | None = None
    entry: str | None = None
    is_https: bool = False
    sample: float = 1.0
    provider: Provider | None = None
    proposals: Proposals | None = None
    access: Access = FREE
    supervision: Callable[[str], list[str]] | None = None
    clear: Callable[[Call, int, int], str] = lambda *_: ""

    def is_sampled(self, call: Call) -> bool:
        """True for a call that is to be reviewed: always the same of those that are done, and each of the others."""
        return call.state != "done" or int(call.public_id[:8], 16) < self.sample * (1 << 32)

    @property
    def cookie(self) -> str:
        """Its name: the prefix binds it to TLS."""
        return COOKIE if self.is_https else PLAIN_COOKIE
