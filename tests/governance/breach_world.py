"""What the tests of breaches share: one of which all is known at noon."""

from datetime import UTC, datetime, timedelta

from redact.governance import breach
from redact.governance.breach import Known
from redact.governance.breach_scope import scope
from redact.governance.given_out import Asked

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
TEXTS = {"nature": "A laptop was stolen.", "consequences": "Calls from strangers.", "measures": "The disk was wiped."}
CLOSING = {"facts": "A theft.", "effects": "None was seen.", "remedy": "Disks are encrypted now."}


def later(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


def whole(office, org, **known) -> str:
    """A breach of which all is known at noon, and nobody has been told."""
    told = {"natures": ("confidentiality",), "risk": "high", "texts": TEXTS, **known}
    case = breach.open_breach(office.kept, org, Known(**told), NOON)
    scope(office.kept, org, case.case_id, Asked(whole=True), NOON)
    return case.case_id
