"""The procedure for people's requests: what is done, by whom and by when, made from the organisation's file.

The same steps tell of an open request which one is next.
"""

from redact import paper
from redact.governance.organisation import Organisation
from redact.governance.prose import contact, months, refuse_gaps, typeset
from redact.governance.subjects import Request, RequestKind
from redact.governance.words import words
from redact.stores.cases import CLOSED
from redact.stores.opened import Stores

# What answers a request of each kind, once it is known who asks and which recordings are theirs.
_DEEDS: dict[RequestKind, str] = {
    "access": "export", "portability": "export", "rectification": "rectify", "erasure": "erase",
    "objection": "erase", "restriction": "restrict",
}  # fmt: skip
_EVENTS = {"export": "exported", "rectify": "rectified", "erase": "erased", "restrict": "restricted"}
_STEPS = ("open", "identity", "find", "export", "rectify", "erase", "restrict", "letter", "close")


def gaps(organisation: Organisation) -> list[str]:
    """Keys of the organisation's file without which nobody could follow it."""
    needed = {"controller": organisation.controller, "dpo": organisation.dpo, "authority": organisation.authority}
    found = [f"{key}.{name}" for key, of in needed.items() for name in ("name", "contact") if not getattr(of, name)]
    return found if organisation.archives else [*found, "archives"]


def page(organisation: Organisation, language: str) -> str:
    """The procedure, as an HTML page.

    Args:
        organisation: whose it is, in this language.
        language: of the page.

    Raises:
        PolicyError: something in the organisation's file is empty.
    """
    refuse_gaps("the procedure", gaps(organisation))
    said, limits = words("procedure", language), organisation.requests
    asked = organisation.retention.requests.months
    parts = [
        paper.facts(
            said["who"],
            {
                said["controller"]: contact(organisation.controller),
                said["dpo"]: contact(organisation.dpo),
                said["authority"]: contact(organisation.authority),
            },
        ),
        paper.facts(
            said["clock"],
            {
                said["within"]: months(limits.months, language),
                said["extension"]: months(limits.extension_months, language),
                said["late"]: said["late_said"],
            },
        ),
        f"<h2>{said['steps']}</h2>",
        paper.table(
            (said["step"], said["command"], said["what"]),
            [(number, f"redact subject {step}", said[step]) for number, step in enumerate(_STEPS, 1)],
        ),
        paper.facts(
            said["keeping"], {said["kept"]: months(asked, language), said["where"]: list(organisation.archives)}
        ),
    ]
    return paper.page(said["title"], [typeset(part, language) for part in parts], language)


def next_step(stores: Stores, request: Request) -> str:
    """What of `redact subject` comes next; empty of a case that is closed."""
    if request.case.state == CLOSED:
        return ""
    if request.identity != "checked":
        return "identity"
    if not request.matches or request.ids("found"):
        return "find"
    deed = _DEEDS[request.kind]
    is_done = any(event.what == _EVENTS[deed] for event in stores.cases.events(request.case_id))
    return "letter, close" if is_done else deed
