"""Letters to people who asked for something, in their language: as a page to be printed, and as text.

A letter holds a name and an address in clear: it is written where somebody wants it, for its owner alone.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from html import escape
from typing import Literal, get_args

from redact import paper
from redact.errors import PolicyError, UsageError
from redact.governance.asked import Person
from redact.governance.organisation import Organisation
from redact.governance.prose import long_day
from redact.governance.restriction import would_free
from redact.governance.subjects import Request, RequestKind, request, who
from redact.governance.words import words
from redact.stores.cases import Event
from redact.stores.opened import Stores

LetterKind = Literal[
    "acknowledgement", "identity", "extension", "answer", "erased", "rectified", "restriction", "lifted", "refusal",
]  # fmt: skip
KINDS: tuple[LetterKind, ...] = get_args(LetterKind)


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter, ready to be written.

    Attributes:
        sender: lines: who answers for the recordings.
        paragraphs: of its body.
    """

    language: str
    title: str
    sender: tuple[str, ...]
    day: str
    reference: str
    person: Person = field(repr=False)
    dear: str = field(repr=False)
    paragraphs: tuple[str, ...]
    closing: str
    footer: str


def letter(
    stores: Stores,
    rules: Organisation,
    case_id: str,
    kind: LetterKind,
    *,
    now: datetime | None = None,
    zone: tzinfo | None = None,
) -> Letter:
    """A letter of a case.

    Args:
        stores: where things are kept.
        rules: say who writes, and to whom a complaint goes.
        case_id: of the request.
        kind: of the letter.
        now: its date; None for today.
        zone: of dates; None for this machine's.

    Raises:
        UsageError: what it would say is not so.
        PolicyError: the organisation's file doesn't say who writes, or to whom a complaint goes.
        KeyMissing: who it is for is not known any more.
    """
    found = request(stores, case_id)
    required = {"controller.name": rules.controller.name, "authority.name": rules.authority.name}
    if empty := [key for key, value in required.items() if not value]:
        raise PolicyError(f"the organisation's file lacks {empty[0]}", hint="a letter wants it told: fill it in")
    said = words("letters", found.language)
    moment = (now or datetime.now(UTC)).astimezone(zone)
    told = _Told(stores, rules, found, said, stores.cases.events(case_id), zone)
    with stores.audit.action("subject.letter", case_id, reason=kind):
        paragraphs = tuple(filter(None, _BODIES[kind](told)))
        person = who(stores, case_id)
    return Letter(
        found.language, said[_title(kind, found)],
        tuple(filter(None, (rules.controller.name, rules.controller.address, rules.controller.contact))),
        long_day(moment.date().isoformat(), found.language), said["reference"].format(case=case_id), person,
        said["dear"].format(name=person.name), paragraphs,
        said["closing"], said["dpo"].format(dpo=_contact(rules.dpo)) if rules.dpo.name else "",
    )  # fmt: skip


def noted(stores: Stores, case_id: str, kind: LetterKind, *, now: datetime | None = None) -> None:
    """Note on the case, also one that is closed, that a letter was written: once its file is there."""
    stores.cases.change(case_id, "letter", detail={"kind": kind}, at=now)


def _title(kind: LetterKind, found: Request) -> str:
    is_partly = kind == "refusal" and found.case.fields.get("outcome") == "partly"
    return "refusal_partly_title" if is_partly else f"{kind}_title"


def text(written: Letter) -> str:
    """A letter as text."""
    person = written.person
    blocks = [
        "\n".join(written.sender),
        "\n".join((person.name, *person.address)),
        written.day,
        f"{written.reference}\n{written.title}",
        written.dear,
        *written.paragraphs,
        f"{written.closing}\n\n{written.sender[0]}",
        written.footer,
    ]
    return "\n\n".join(filter(None, blocks)) + "\n"


def page(written: Letter) -> str:
    """A letter as a page to be printed."""
    person = written.person
    parts = [
        f"<p>{_lines(written.sender)}</p>",
        f"<p>{_lines((person.name, *person.address))}</p>",
        f"<p>{escape(written.day)}</p>",
        f'<p class="what">{escape(written.reference)}</p>',
        f"<h1>{escape(written.title)}</h1>",
        f"<p>{escape(written.dear)}</p>",
        *(f"<p>{escape(paragraph)}</p>" for paragraph in written.paragraphs),
        f"<p>{escape(written.closing)}</p>",
        f"<p>{escape(written.sender[0])}</p>",
    ]
    if written.footer:
        parts.append(f'<p class="what">{escape(written.footer)}</p>')
    return paper.page(written.title, parts, written.language)


@dataclass(frozen=True, slots=True)
class _Told:
    """What a letter is made from."""

    stores: Stores
    rules: Organisation
    found: Request
    said: Mapping[str, str]
    events: tuple[Event, ...]
    zone: tzinfo | None

    def filled(self, name: str, **more: str) -> str:
        """A text with all that is known filled in."""
        language = self.found.language
        due = self.found.due_at.astimezone(self.zone).date().isoformat()
        known = {
            "received": long_day(self.found.received.isoformat(), language), "due": long_day(due, language),
            "kind": self.said[f"kind_{self.found.kind}"], "authority": _contact(self.rules.authority),
        }  # fmt: skip
        return self.said[name].format(**known, **more)

    def counted(self, name: str, count: int, **more: str) -> str:
        """A text about so many recordings; that for one, where it reads otherwise."""
        one = f"{name}_one"
        return self.filled(one if count == 1 and one in self.said else name, count=self.recordings(count), **more)

    def recordings(self, count: int) -> str:
        """So many recordings, in words."""
        return self.said["recordings_one"] if count == 1 else self.said["recordings_many"].format(count=count)

    def last(self, what: str) -> Event | None:
        """The last event of a name."""
        return next((event for event in reversed(self.events) if event.what == what), None)


def _acknowledgement(told: _Told) -> Iterator[str]:
    yield told.filled("acknowledgement")
    yield told.said["free"]


def _identity(told: _Told) -> Iterator[str]:
    if told.found.identity == "checked":
        raise _not_so("it is known who asks", "answer the request")
    if told.found.identity == "unchecked":
        raise _not_so(
            "nobody has noted a doubt about who asks", f"redact subject identity {told.found.case_id} doubtful"
        )
    yield told.filled("identity", how=told.said[f"how_{told.found.case.fields['identity_by']}"])


def _extension(told: _Told) -> Iterator[str]:
    extended = told.found.case.fields.get("extended")
    if extended is None:
        raise _not_so("the request was not extended", f"redact subject extend {told.found.case_id}")
    yield told.filled("extension", reason=told.said[f"extension_{extended['reason']}"])
    yield told.filled("rights")


def _answer(told: _Told) -> Iterator[str]:
    exported = told.last("exported")
    if exported is None and (told.found.ids("found", "confirmed", "erased") or told.last("found") is None):
        raise _not_so("there is nothing yet to answer with", _ANSWERED_BY[told.found.kind])
    if exported is None:
        yield told.filled("answer_none")
        yield told.said["informed"]
        yield told.filled("rights")
        return
    yield told.filled("answer", count=told.recordings(len(exported.detail["recordings"])))
    yield told.said["answer_others"]
    if restricted := exported.detail.get("restricted"):
        yield told.filled("answer_restricted", count=told.recordings(len(restricted)))
    yield told.said["answer_open"]
    yield told.said["informed"]
    yield told.filled("rights")


def _erased(told: _Told) -> Iterator[str]:
    certificates = told.stores.certificates.all(told.found.case_id)
    if not certificates:
        raise _not_so("nothing was erased", f"redact subject erase {told.found.case_id}")
    ids = ", ".join(each.certificate_id for each in certificates)
    count = len({each.recording_id for each in certificates})
    name = "erased_of_objection" if told.found.kind == "objection" else "erased"
    yield told.counted(name, count, certificates=ids)
    yield told.said["informed"]
    if left := told.found.ids("confirmed"):
        yield told.filled("erased_left", count=told.recordings(len(left)))
        yield told.filled("remedies")


def _rectified(told: _Told) -> Iterator[str]:
    ids = {event.detail["recording"] for event in told.events if event.what == "rectified"}
    if not ids:
        raise _not_so("nothing was rectified", f"redact subject rectify {told.found.case_id}")
    yield told.filled("rectified", count=told.recordings(len(ids)))
    yield told.said["informed"]


def _restriction(told: _Told) -> Iterator[str]:
    restricted = told.found.case.fields.get("restricts", {}).get("recordings", [])
    if not restricted:
        raise _not_so("nothing is restricted", f"redact subject restrict {told.found.case_id}")
    of = told.found.kind if told.found.kind in {"restriction", "objection"} else "another"
    yield told.filled(f"restriction_of_{of}", count=told.recordings(len(restricted)))
    yield told.said["informed"]


def _lifted(told: _Told) -> Iterator[str]:
    if told.last("restricted") is None:
        raise _not_so("nothing was restricted", f"redact subject restrict {told.found.case_id}")
    if not _ends(told):
        raise _not_so(
            "nothing that this request restricts is free by it",
            "another request restricts it too, or a consent is gone: redact consent release",
        )
    yield told.filled("lifted_of_objection" if told.found.kind == "objection" else "lifted")
    yield told.filled("rights")


def _ends(told: _Told) -> bool:
    """True where some recording is free, or is going to be, by the end of this request's restriction."""
    if told.found.case.fields.get("restricts", {}).get("recordings"):
        return bool(would_free(told.stores, told.found.case_id))
    lifted = told.last("lifted")
    return bool(lifted and lifted.detail["recordings"])


def _refusal(told: _Told) -> Iterator[str]:
    fields = told.found.case.fields
    if fields.get("outcome") not in {"refused", "partly"}:
        raise _not_so("the request was not refused", "redact subject close CASE --outcome refused --reason WORD")
    plain = f"refusal_{fields['reason']}"
    name = "refusal_partly" if fields["outcome"] == "partly" else "refusal"
    yield told.filled(name, reason=told.said.get(f"{plain}_of_{told.found.kind}", told.said[plain]))
    yield told.filled("remedies")


# What answers a request of each kind, for the letter `answer` goes with a pack, or says that nothing was found.
_ANSWERED_BY: Mapping[RequestKind, str] = {
    **dict.fromkeys(("access", "portability"), "redact subject find CASE, then export CASE"),
    "rectification": "redact subject find CASE, rectify CASE, then letter CASE rectified",
    "erasure": "redact subject find CASE, erase CASE, then letter CASE erased",
    "restriction": "redact subject find CASE, restrict CASE, then letter CASE restriction",
    "objection": (
        "redact subject find CASE, restrict CASE --reason objection, then letter CASE restriction; "
        "or erase CASE, then letter CASE erased; or close it as refused, then letter CASE refusal"
    ),
}
_BODIES: Mapping[LetterKind, Callable[[_Told], Iterator[str]]] = {
    "acknowledgement": _acknowledgement, "identity": _identity, "extension": _extension, "answer": _answer,
    "erased": _erased, "rectified": _rectified, "restriction": _restriction, "lifted": _lifted, "refusal": _refusal,
}  # fmt: skip


def _not_so(what: str, instead: str) -> UsageError:
    return UsageError(f"the letter would say what is not so: {what}", hint=instead)


def _contact(contact: object) -> str:
    return ", ".join(filter(None, (getattr(contact, name) for name in ("name", "address", "contact"))))


def _lines(lines: tuple[str, ...]) -> str:
    return "<br>".join(map(escape, lines))
