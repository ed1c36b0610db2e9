"""Erasing what a person asked to have erased (GDPR, Art. 17): each recording with a certificate, in one signed file."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from redact.errors import RedactError
from redact.governance.erasure import erase
from redact.governance.organisation import Organisation
from redact.governance.subject_matches import noted
from redact.governance.subjects import Match, RequestKind, decided, decided_matches
from redact.stores.opened import Stores

SCHEMA, VERSION = "callredact.certificates", 1
_KINDS: frozenset[RequestKind] = frozenset({"erasure", "objection"})


@dataclass(frozen=True, slots=True)
class Erased:
    """What came of it.

    Attributes:
        ids: recordings that were erased now.
        left: those that weren't, and why: `legal_hold`, or the word of an error.
    """

    ids: tuple[str, ...]
    left: Mapping[str, str]


def erase_all(stores: Stores, rules: Organisation, case_id: str, *, now: datetime | None = None) -> Erased:
    """Erase all recordings of a request that were confirmed. What goes wrong with one doesn't keep the others.

    It may be killed and run again: what is gone stays gone, and is on the case once it is gone.

    Raises:
        UsageError: the request is of another kind, nobody checked who asks, or a match was not decided.
        RedactError: it can't be logged.
    """
    found = decided(stores, case_id, _KINDS)
    matches = {match.recording_id: match for match in found.matches}
    ids, left = [], {}
    with stores.audit.action("subject.erase", case_id) as counts:
        for recording_id in found.ids("confirmed") if found.ids("erased") else decided_matches(found):
            if stores.marks.has(recording_id, "legal_hold"):
                left[recording_id] = "legal_hold"
                continue
            try:
                erase(stores, rules.archives, recording_id, reason="request", case_id=case_id)
            except RedactError as error:
                left[recording_id] = error.reason
                continue
            ids.append(recording_id)
            gone = Match(recording_id, matches[recording_id].why, "erased")
            _noted_erased(stores, case_id, gone, now)
        counts |= {"recordings": len(ids), "left": len(left)}
        if left:
            stores.cases.change(case_id, "not_erased", detail={"left": left}, at=now)
    return Erased(tuple(ids), left)


def _noted_erased(stores: Stores, case_id: str, gone: Match, now: datetime | None) -> None:
    """On a case that somebody has closed meanwhile too: what is gone is gone."""
    event = ("erased", {"recording": gone.recording_id})
    noted(stores, case_id, lambda _: [gone], event, now=now, while_open=False)


def certificates(stores: Stores, case_id: str) -> dict[str, Any]:
    """All certificates of a request, each signed and all of them too: verified by the key of `redact audit export`."""
    told = {
        "schema": SCHEMA, "version": VERSION, "case": case_id, "public_key": stores.audit.public_key,
        "certificates": [asdict(each) for each in stores.certificates.all(case_id)],
    }  # fmt: skip
    return {**told, "signature": stores.audit.sign(signed_part(told))}


def signed_part(told: Mapping[str, Any]) -> bytes:
    """What the signature of such a file is over."""
    return json.dumps({key: value for key, value in told.items() if key != "signature"}, sort_keys=True).encode()
