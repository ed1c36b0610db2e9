"""People's requests: access, rectification, erasure, restriction, objection, portability (GDPR, Art. 15 to 21).

Each is a case with a deadline. The case holds words of fixed lists, ids and times; who it is from is sealed in the
vault under the case's own key. What is done about recordings is in
`subject_matches`, `subject_erasure`, `access`, `rectification` and `restriction`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from io import BytesIO
from typing import Any, Literal, get_args

from redact.errors import RedactError, UsageError
from redact.governance.asked import Person, unsealed
from redact.governance.deadlines import end_of
from redact.governance.months import months_after
from redact.governance.organisation import Organisation
from redact.stores.cases import CLOSED, Case
from redact.stores.opened import Stores

RequestKind = Literal["access", "rectification", "erasure", "restriction", "objection", "portability"]
Identity = Literal["unchecked", "checked", "doubtful"]
IdentityBy = Literal["account", "callback", "document", "details"]
Choice = Literal["found", "confirmed", "excluded", "erased"]
# GDPR, Art. 12(3): what an extension may rest on.
Extension = Literal["complexity", "number"]
# Art. 18(1), a to d.
Restriction = Literal["accuracy", "unlawful", "claims", "objection"]
Result = Literal["done", "partly", "refused", "withdrawn"]
# Art. 12(5), 11(2) and 12(2), 15(4), 17(3), 21(1), 16 to 18.
Refusal = Literal[
    "unfounded", "excessive", "not_identified", "others_rights", "legal_obligation", "legal_claims", "no_ground",
    "overriding",
]  # fmt: skip
# Art. 19: why recipients were not told.
NotTold = Literal["impossible", "disproportionate"]
KINDS: tuple[RequestKind, ...] = get_args(RequestKind)
# Reasons that the law knows for requests of some kinds alone. An objection needs none but the person's situation, and
# access and portability need none at all: it is us who have to show grounds against an objection.
_ONLY_FOR: Mapping[Refusal, frozenset[RequestKind]] = {
    "no_ground": frozenset({"rectification", "erasure", "restriction"}), "overriding": frozenset({"objection"}),
}  # fmt: skip
# Art. 19: what recipients have to be told of.
_TOLD_OF: frozenset[RequestKind] = frozenset({"rectification", "erasure", "restriction"})
# What must have been done before a request can be closed as done.
_DONE_BY: Mapping[RequestKind, tuple[str, ...]] = {
    "access": ("exported",), "portability": ("exported",), "rectification": ("rectified",), "erasure": ("erased",),
    "restriction": ("restricted",), "objection": ("restricted", "erased"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Match:
    """A recording that may be about the person who asks.

    Attributes:
        why: kinds of what led to it: `name`, `phone`, `email`, `reference`, `consent`, `call`, `agent`, `by_hand`;
            `customer` and `caller` where the number of the customer, or the telephone, is sealed beside it.
        choice: what somebody decided about it: a name can be another's.
    """

    recording_id: str
    why: tuple[str, ...]
    choice: Choice


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it comes in.

    Attributes:
        received: the day on which it came.
        identity_by: how it is to be checked who asks.
    """

    kind: RequestKind
    language: Literal["en", "fr"]
    received: date
    identity_by: IdentityBy
    person: Person = field(repr=False)


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it stands."""

    case: Case

    @property
    def case_id(self) -> str:
        """Of the case."""
        return self.case.case_id

    @property
    def kind(self) -> RequestKind:
        """What is asked for."""
        return self.case.fields["request"]  # type: ignore[no-any-return]

    @property
    def language(self) -> str:
        """In which the person is answered."""
        return str(self.case.fields["language"])

    @property
    def received(self) -> date:
        """The day on which it came."""
        return date.fromisoformat(self.case.fields["received"])

    @property
    def due_at(self) -> datetime:
        """By when it has to be answered."""
        return datetime.fromisoformat(self.case.due_at)

    @property
    def identity(self) -> Identity:
        """Whether it is known who asks."""
        return self.case.fields["identity"]  # type: ignore[no-any-return]

    @property
    def matches(self) -> tuple[Match, ...]:
        """Recordings that may be about the person, by their ids."""
        told = self.case.fields.get("matches", {})
        return tuple(Match(key, tuple(told[key]["why"]), told[key]["choice"]) for key in sorted(told))

    def ids(self, *choices: Choice) -> tuple[str, ...]:
        """The recordings of which somebody decided so."""
        return tuple(match.recording_id for match in self.matches if match.choice in choices)


def open_request(
    stores: Stores, rules: Organisation, asked: Asked, *, now: datetime | None = None, zone: tzinfo | None = None
) -> Request:
    """Open a case for a request, and seal who it is from.

    Args:
        stores: where things are kept.
        rules: say how many months there are to answer.
        asked: the request.
        now: at this moment; None for the clock's.
        zone: in which a day ends; None for this machine's.

    Raises:
        UsageError: it came on a day that has not come yet.
        RedactError: it can't be sealed or logged. The case is closed again then.
    """
    moment = now or datetime.now(UTC)
    if asked.received > moment.astimezone(zone).date():
        raise UsageError("the day on which it was received has not come yet", hint="give it as --received YYYY-MM-DD")
    due_at = end_of(months_after(asked.received, rules.requests.months), zone)
    fields = {
        "request": asked.kind, "language": asked.language, "received": asked.received.isoformat(),
        "identity": "unchecked", "identity_by": asked.identity_by, "matches": {},
    }  # fmt: skip
    with stores.audit.action("subject.open", reason=asked.kind):
        case = stores.cases.open("request", due_at, fields, moment)
        try:
            stores.vault.seal(BytesIO(asked.person.sealed()), case.case_id, "case")
        except RedactError:
            stores.cases.change(case.case_id, "not_sealed", state=CLOSED, fields={"outcome": "not_opened"}, at=moment)
            raise
    return Request(case)


def request(stores: Stores, case_id: str) -> Request:
    """A request by its case's id.

    Raises:
        UsageError: there is none.
    """
    case = stores.cases.case(case_id)
    if case.kind != "request":
        raise UsageError("that case is no person's request", hint="list them with: redact subject list")
    return Request(case)


def still_open(stores: Stores, case_id: str) -> Request:
    """A request that can still be worked on.

    Raises:
        UsageError: there is none, or it is closed.
    """
    found = request(stores, case_id)
    if found.case.state == CLOSED:
        raise UsageError("the request is closed", hint="open another, if the person asks again")
    return found


def decided(stores: Stores, case_id: str, kinds: Collection[RequestKind]) -> Request:
    """A request of which all is known that acting on it takes.

    Raises:
        UsageError: it is closed or of another kind, who asks was not checked, or a match was not decided.
    """
    found = still_open(stores, case_id)
    if found.kind not in kinds:
        raise UsageError(
            f"the request is one of {found.kind}, which this is not for", hint=f"it is for: {', '.join(sorted(kinds))}"
        )
    if found.identity != "checked":
        raise UsageError(
            "it was not checked who asks", hint=f"check it, then: redact subject identity {case_id} checked"
        )
    if found.ids("found"):
        raise UsageError(
            f"{len(found.ids('found'))} recordings may be another person's: nobody has decided",
            hint=f"redact subject find {case_id} with --only ID, --not ID or --all",
        )
    return found


def who(stores: Stores, case_id: str) -> Person:
    """Who a request is from.

    Raises:
        KeyMissing: it was erased, or the key is not here.
    """
    return unsealed(b"".join(stores.vault.opened(case_id, "case")))


def identify(stores: Stores, case_id: str, state: Identity, *, now: datetime | None = None) -> Request:
    """Note whether it is known by now who asks.

    Raises:
        UsageError: there is no such request, or it is closed.
    """
    still_open(stores, case_id)
    told = {"identity": state}
    with stores.audit.action("subject.identity", case_id, reason=state):
        return Request(stores.cases.change(case_id, "identity", fields=told, detail=told, at=now, while_open=True))


def extend(
    stores: Stores,
    rules: Organisation,
    case_id: str,
    reason: Extension,
    *,
    now: datetime | None = None,
    zone: tzinfo | None = None,
) -> Request:
    """Take more time for a request: once, and before its deadline (GDPR, Art. 12(3)). The person has to be told.

    The months are counted from the day on which it was received.

    Raises:
        UsageError: it was extended before, or its deadline is over.
    """
    moment = now or datetime.now(UTC)
    found = still_open(stores, case_id)
    _check_not_extended(found)
    if moment > found.due_at:
        raise UsageError("the deadline is over: it can't be extended any more", hint="answer the request at once")
    months = rules.requests.months + rules.requests.extension_months
    due_at = end_of(months_after(found.received, months), zone)
    with stores.audit.action("subject.extend", case_id, reason=reason):
        told = {"extended": {"reason": reason, "before": found.case.due_at}}

        def fields(case: Case) -> dict[str, Any]:
            _check_not_extended(Request(case))  # by somebody else meanwhile
            return told

        return Request(
            stores.cases.change(
                case_id, "extended", due_at=due_at, fields=fields, detail=told, at=moment, while_open=True
            )
        )


def _check_not_extended(found: Request) -> None:
    if "extended" in found.case.fields:
        raise UsageError("the request was extended before", hint="it can be extended once only: answer it")


def decided_matches(found: Request) -> tuple[str, ...]:
    """The recordings that were confirmed.

    Raises:
        UsageError: there is none, or there are others that nobody has decided about.
    """
    if found.ids("found") or not found.ids("confirmed"):
        what = "nobody has decided about a match" if found.ids("found") else "no recording is confirmed"
        raise UsageError(what, hint=f"redact subject find {found.case_id} with --only ID, --not ID or --all")
    return found.ids("confirmed")


@dataclass(frozen=True, slots=True)
class Closing:
    """How a request ends.

    Attributes:
        reason: of what was refused, all or part of it.
        told: recipients that were told, as the organisation's file has them; None for nobody.
        not_told: why, where they weren't.
    """

    outcome: Result
    reason: Refusal | None = None
    told: Sequence[str] | None = None
    not_told: NotTold | None = None


def close(stores: Stores, rules: Organisation, case_id: str, how: Closing, *, now: datetime | None = None) -> Request:
    """Close a request. Who it was from stays sealed until the retention class `requests` is over.

    Raises:
        UsageError: it can't be closed so: nothing was done, a reason is missing, or recipients were not told.
    """
    found = still_open(stores, case_id)
    if (how.outcome in {"refused", "partly"}) != (how.reason is not None):
        raise UsageError("a refusal needs its reason, and nothing else has one", hint=f"--reason {'|'.join(REFUSALS)}")
    if how.reason and found.kind not in _ONLY_FOR.get(how.reason, KINDS):
        raise UsageError(
            f"{how.reason} is no reason to refuse a request of {found.kind}",
            hint="an objection: --reason overriding (compelling legitimate grounds, GDPR, Art. 21(1)) or legal_claims"
            if found.kind == "objection"
            else f"--reason {'|'.join(each for each in REFUSALS if found.kind in _ONLY_FOR.get(each, KINDS))}",
        )
    if how.outcome in {"done", "partly"}:
        _check_done(stores, found, how)
    fields: dict[str, Any] = {"outcome": how.outcome, "told": _recipients_told(rules, found, how)}
    if how.reason:
        fields["reason"] = how.reason
    if how.not_told:
        fields["not_told"] = how.not_told
    with stores.audit.action("subject.close", case_id, reason=how.outcome) as counts:
        counts["recipients_told"] = len(fields["told"])
        closed = stores.cases.change(
            case_id, "closed", state=CLOSED, fields=fields, detail=fields, at=now, while_open=True
        )
        return Request(closed)


REFUSALS: tuple[Refusal, ...] = get_args(Refusal)


def _check_done(stores: Stores, found: Request, how: Closing) -> None:
    if found.ids("found"):
        decided_matches(found)
    done = {event.what for event in stores.cases.events(found.case_id)}
    if how.outcome == "done" and not done & {"found", "decided"}:
        raise UsageError("nobody has looked for recordings yet", hint=f"redact subject find {found.case_id} FILE")
    if found.ids("confirmed", "erased") and not done & set(_DONE_BY[found.kind]):
        raise UsageError(
            f"nothing was done about it yet: none of {', '.join(_DONE_BY[found.kind])}",
            hint="do it, or close it as refused",
        )
    if found.kind == "erasure" and how.outcome == "done" and found.ids("confirmed"):
        raise UsageError(
            f"{len(found.ids('confirmed'))} recordings were not erased",
            hint="erase them, or: --outcome partly --reason",
        )


def recipients(rules: Organisation) -> dict[str, str]:
    """All recipients of the organisation's file, by the place at which they stand there."""
    return {
        f"{activity.id}/{number}": name
        for activity in rules.activities
        for number, name in enumerate(activity.recipients, 1)
    }


def _recipients_told(rules: Organisation, found: Request, how: Closing) -> list[str]:
    """The places of the recipients that were told."""
    known = recipients(rules)
    unknown = [name for name in how.told or () if name not in known.values()]
    if unknown:
        raise UsageError(
            "that recipient is not in the organisation's file", hint="write it as it stands there, or use --told-all"
        )
    has_to_tell = found.kind in _TOLD_OF and how.outcome in {"done", "partly"} and bool(known)
    if has_to_tell and how.told is None and how.not_told is None:
        raise UsageError(
            "whoever has received the data must be told of it (GDPR, Art. 19)",
            hint="tell them, then --told NAME or --told-all; or --not-told impossible or disproportionate",
        )
    return [place for place, name in known.items() if name in (how.told or ())]
