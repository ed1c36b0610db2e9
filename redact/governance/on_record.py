"""What is on record of a person beside a recording: what allowed the call, and what its sealed metadata say of them.

A call has two sides, and its metadata one customer; so each thing is told only where it is shown to be the person's, by
what they were looked for by, by what they say of themself, or by the side whose words they are given.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from redact import subjects
from redact.custody import call_names, sources_of
from redact.errors import KeyMissing, UsageError
from redact.findings import TermKind
from redact.governance.asked import ways
from redact.governance.subjects import Match, who
from redact.stores.consent import Record
from redact.stores.opened import Stores

# What is told of a record, besides whose it is.
_TOLD = (
    "call_id", "basis", "purposes", "given_at", "channel", "method", "notice_id", "notice_sha256", "language",
    "recorded_at", "evidence_ref", "withdrawn_at", "objection_at",
)  # fmt: skip
# Kinds of what leads to a recording by its sealed metadata, the keys of these, and the kinds of term.
CUSTOMER, CALLER = "customer", "caller"
_SEALED = ("agent", "call_id", "customer_id", "phone")
_BESIDE: Mapping[str, tuple[str, TermKind]] = {CUSTOMER: ("customer_id", "reference"), CALLER: ("phone", "phone")}


@dataclass(frozen=True, slots=True)
class OnRecord:
    """What is told of one recording.

    Attributes:
        lawful_bases: what allowed the call: when and how it was given, and after which notice.
        metadata: what is sealed beside the recording about the person: `call_id`, `customer_id`, `phone`, `agent`.
        kept_back: something is on record that isn't shown to be the person's.
    """

    lawful_bases: tuple[Mapping[str, Any], ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    kept_back: bool = False


def typed_by(stores: Stores, case_id: str) -> frozenset[str]:
    """What the person who asks says of themself: name and contacts; nothing, where that was erased."""
    try:
        person = who(stores, case_id)
    except KeyMissing:
        return frozenset()
    return frozenset({person.name, *person.contact})


def led_by(stores: Stores, recording_id: str, wanted: Iterable[tuple[TermKind, str]]) -> set[str]:
    """`customer` or `caller`, where the customer's number or the telephone beside a recording is what is looked for."""
    sought = tuple(wanted)
    return {
        why
        for told in sources_of(stores.vault, recording_id)
        for why, (key, kind) in _BESIDE.items()
        if any(_is_same(kind, value, told.get(key, "")) for of, value in sought if of == kind)
    }


def on_record(stores: Stores, match: Match, typed: frozenset[str], side: str) -> OnRecord:
    """What is on record of the person who asks, beside one of their recordings.

    Args:
        stores: where things are kept.
        match: the recording, and what led to it.
        typed: what the person says of themself.
        side: whose words are given in clear, `customer` or `agent`; empty for nobody's.
    """
    sources = sources_of(stores.vault, match.recording_id)
    shown = {*match.why, *led_by(stores, match.recording_id, (("phone", each) for each in typed))}
    known: set[str] = set()
    if CUSTOMER in shown or (side == "customer" and "agent" not in shown):
        known |= {"customer_id", "phone"}
    if CALLER in shown and side != "agent":
        known.add("phone")
    if "agent" in shown or side == "agent":
        known.add("agent")
    if known:
        known.add("call_id")
    said = {
        key: {told[key] for told in sources if told.get(key)} for key in ("agent", "call_id", "customer_id", "phone")
    }
    metadata = {key: next(iter(said[key])) for key in sorted(known) if len(said[key]) == 1}  # of places that agree
    records = _records(stores, match.recording_id, sources)
    own = _own(stores, records, {*typed, *(metadata[key] for key in metadata if key != "call_id")})
    if not own and "consent" in shown and len({record.person for record in records}) == 1:
        own = records  # a record of this call led to it, and there is no other's
    others = {"customer_id", "phone"} - metadata.keys() if "agent" not in known else set()
    is_left = any(said[key] for key in others) or (bool(records) and not own)
    return OnRecord(tuple(map(_told, own)), metadata, is_left)


def _records(stores: Stores, recording_id: str, sources: Iterable[Mapping[str, str]]) -> tuple[Record, ...]:
    """The records of a call: by its id, by the name of its file where it has none, or by that of what was sealed."""
    calls = {*call_names(sources), recording_id}
    return tuple(record for call_id in sorted(calls) for record in stores.consent.of(call_id))


def _own(stores: Stores, records: Iterable[Record], values: Iterable[str]) -> tuple[Record, ...]:
    persons = {stores.consent.pseudonym(way) for value in values for way in ways(value)}
    return tuple(record for record in records if record.person in persons)


def _told(record: Record) -> dict[str, Any]:
    return {name: getattr(record, name) for name in _TOLD if getattr(record, name)}


def _is_same(kind: TermKind, typed: str, sealed: str) -> bool:
    forms = {form for _, form in subjects.written_down(kind, sealed)} if sealed else set()
    try:
        return bool(forms) and all(forms & group for group in subjects.sought(kind, typed))
    except UsageError:  # a contact may be an address, or anything
        return False
