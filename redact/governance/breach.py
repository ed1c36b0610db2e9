"""A breach of personal data: what is known of it, its deadline, and what the law wants told of it (GDPR, Art. 33).

Texts that somebody writes may hold names: they are sealed in the vault under the case's own key, with the ids of the
recordings that are exposed. The case itself holds times, counts, words of fixed lists, and which texts there are.
"""

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Literal, get_args

from redact.errors import UsageError
from redact.governance.organisation import Organisation
from redact.stores.cases import CLOSED, Case, said
from redact.stores.data_keys import IDS
from redact.stores.opened import Stores

Nature = Literal["confidentiality", "integrity", "availability"]
NATURES: tuple[Nature, ...] = get_args(Nature)
# Whether it is a risk to people decides who is told: unlikely, nobody; a risk, the authority; high, the people too.
Risk = Literal["unlikely", "risk", "high"]
# Why people need not be told, beside that nobody can read the data (GDPR, Art. 34(3)(b) and (c)).
Exemption = Literal["risk_removed", "disproportionate"]
Text = Literal[
    "nature", "consequences", "measures", "people", "delay", "pending", "facts", "effects", "remedy", "not_notified"
]  # fmt: skip
TEXTS: tuple[Text, ...] = get_args(Text)
# What every breach is documented by (GDPR, Art. 33(5)).
_CLOSING: tuple[Text, ...] = ("facts", "effects", "remedy")
_LONGEST_TEXT = 20_000
_TIMES = ("aware_at", "began_at", "ended_at", "sent_at", "persons_told_at")


@dataclass(frozen=True, slots=True)
class Known:
    """What became known of a breach; what is empty stays as it was.

    Attributes:
        aware_at: when somebody here knew of it: the deadline counts from then.
        began_at: when the breach itself began, and `ended_at` when it ended, as far as that is known.
        sent_at: when the authority was told; `persons_told_at` when people were.
        authority_ref: the authority's own number of it.
        texts: by their names, in `language`.
    """

    aware_at: datetime | None = None
    began_at: datetime | None = None
    ended_at: datetime | None = None
    natures: tuple[Nature, ...] = ()
    risk: Risk | None = None
    exemption: Exemption | None = None
    sent_at: datetime | None = None
    persons_told_at: datetime | None = None
    authority_ref: str = ""
    texts: Mapping[Text, str] = field(default_factory=dict, repr=False)
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Sealed:
    """What lies in the vault of a breach.

    Attributes:
        texts: by name and language.
        exposed: ids of recordings.
    """

    texts: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    exposed: tuple[str, ...] = field(default=(), repr=False)

    def text(self, name: Text, language: str) -> str:
        """A text in a language; in another, where it is in that only; empty where there is none."""
        written = self.texts.get(name, {})
        return written.get(language) or next(iter(written.values()), "")


def open_breach(
    stores: Stores, organisation: Organisation, known: Known, now: datetime | None = None, *, drill: bool = False
) -> Case:
    """Open a breach; its deadline counts from when it was known.

    Args:
        stores: where things are kept.
        organisation: says how long the deadline is.
        known: of it.
        now: the moment; None for this one.
        drill: it is made up, as an exercise.

    Raises:
        UsageError: what is known can't be.
    """
    moment = now or datetime.now(UTC)
    aware = known.aware_at or moment
    _check(known, moment)
    with stores.audit.action("breach.open", reason="drill" if drill else "breach"):
        due = aware + timedelta(hours=organisation.breach.deadline_hours)
        fields = {**_fields(known, Sealed()), **_sent(known, None), "drill": drill, "aware_at": said(aware)}
        case = stores.cases.open("breach", due, fields, moment)
        if known.texts:  # sealed under the case's key, so that the case comes first
            told = partial(_fields_sealed, stores, known)
            case = stores.cases.change(case.case_id, "updated", fields=told, at=moment)
    return case


def update(stores: Stores, organisation: Organisation, case_id: str, known: Known, now: datetime | None = None) -> Case:
    """Note what else became known of a breach; of one that is closed, when authority and people were told.

    Raises:
        UsageError: there is no such breach, it is closed and there is more than that, or what is known can't be.
    """
    moment = now or datetime.now(UTC)
    case = breach_case(stores, case_id)
    if case.state == CLOSED and known != _told_late(known):
        open_case(stores, case_id)
    _check(known, moment, case.fields)
    due = known.aware_at + timedelta(hours=organisation.breach.deadline_hours) if known.aware_at else None
    with stores.audit.action("breach.update", case_id, reason=_drill(case)):
        detail: dict[str, Any] = {"texts": sorted(known.texts)}

        def fields(current: Case) -> dict[str, Any]:
            told = {**_fields_sealed(stores, known, current), **_sent(known, current)}
            detail["fields"] = sorted(told)
            return told

        return stores.cases.change(
            case_id, "noted_late" if case.state == CLOSED else "updated", due_at=due, fields=fields, at=moment,
            detail=detail, while_open=case.state != CLOSED,
        )  # fmt: skip


def close(stores: Stores, organisation: Organisation, case_id: str, known: Known, now: datetime | None = None) -> Case:
    """Close a breach, once its facts, effects and remedy are told; and the reason, where no authority was told.

    Where the risk is high, people have to be told before, unless something frees of it (`people`); not in a drill.

    Raises:
        UsageError: something is missing. The message names all that is.
    """
    open_case(stores, case_id)
    if known != Known():
        update(stores, organisation, case_id, known, now)
    case = open_case(stores, case_id)
    lacking: list[str] = [name for name in _CLOSING if name not in case.fields.get("texts", {})]
    if "risk" not in case.fields:
        lacking.append("risk")
    if not case.fields.get("sent_at") and "not_notified" not in case.fields.get("texts", {}):
        lacking.append("sent_at or not_notified")
    tells_people = organisation.role == "controller" and not case.fields.get("drill")  # else its controllers do
    if tells_people and people(case) == "required" and not case.fields.get("persons_told_at"):
        lacking.append("persons_told_at or an exemption (Art. 34)")
    with stores.audit.action("breach.close", case_id, reason=_drill(case)):
        if lacking:
            raise UsageError(
                f"a breach is not closed without: {', '.join(lacking)}",
                hint="GDPR, Art. 33(5): give each text with --text NAME FILE, and say when the authority was told "
                "(--sent-at); where the risk is high, people too (--people-told-at), or why not (--exemption)",
            )
        return stores.cases.change(case_id, "closed", state=CLOSED, at=now, while_open=True)


def breach_case(stores: Stores, case_id: str) -> Case:
    """A breach.

    Raises:
        UsageError: there is none of that id.
    """
    case = stores.cases.case(case_id)
    if case.kind != "breach":
        raise UsageError("that case is no breach", hint="list them with: redact breach list")
    return case


def open_case(stores: Stores, case_id: str) -> Case:
    """A breach that is not closed.

    Raises:
        UsageError: there is none of that id, or it is closed.
    """
    case = breach_case(stores, case_id)
    if case.state == CLOSED:
        raise UsageError("the breach is closed", hint="open another: redact breach open")
    return case


def sealed(stores: Stores, case: Case) -> Sealed:
    """What lies in the vault of a breach.

    Raises:
        KeyMissing: its key is gone.
    """
    if not (case.fields.get("texts") or case.fields.get("scope")):
        return Sealed()
    read = json.loads(b"".join(stores.vault.opened(case.case_id, "case")))
    return Sealed(read["texts"], tuple(read["exposed"]))


def seal(stores: Stores, case_id: str, content: Sealed) -> None:
    """Seal what is known of a breach, in place of what was sealed before."""
    told = {"texts": {name: dict(each) for name, each in content.texts.items()}, "exposed": list(content.exposed)}
    stores.vault.seal(io.BytesIO(json.dumps(told).encode()), case_id, "case")


def people(case: Case) -> str:
    """Whether people have to be told of a breach: `required`, or why not, as in GDPR, Art. 34(1) and (3).

    That nobody can read the data, a risk that isn't high, and what was done since free of it; where to write to each
    would take too much, there is a public notice in place of letters (`disproportionate`).
    """
    risk = case.fields.get("risk")
    if risk is None:
        return "unknown"
    if (case.fields.get("scope") or {}).get("unintelligible"):
        return "unintelligible"
    if risk != "high":
        return "low_risk"
    return str(case.fields.get("exemption") or "required")


def stage(case: Case) -> str:
    """How far a breach is, in a word: that papers were written tells nobody; `notified` is whoever was sent them."""
    if case.kind != "breach" or case.state not in {"notified", "partly"}:
        return case.state
    phases = case.fields.get("phases", ())
    is_sent = phases[-1].get("sent_at") if len(phases) > 1 else case.fields.get("sent_at")
    return ("partly_" if case.state == "partly" else "") + ("notified" if is_sent else "prepared")


def owes_notice(case: Case) -> bool:
    """True where an authority is to be told, and was not: not of drills, nor where no risk is likely."""
    fields = case.fields
    return not fields.get("drill") and not fields.get("sent_at") and fields.get("risk") != "unlikely"


def is_overdue(case: Case, now: datetime) -> bool:
    """True where an authority should have been told by now."""
    return owes_notice(case) and case.is_overdue(now)


def missing(organisation: Organisation, case: Case, now: datetime) -> tuple[str, ...]:
    """What the law's list of a notification still lacks (GDPR, Art. 33(1) and (3)), each by a word."""
    return tuple(_missing(organisation, case, now))


def _missing(organisation: Organisation, case: Case, now: datetime) -> Iterator[str]:
    fields, texts = case.fields, case.fields.get("texts", {})
    if not fields.get("natures"):
        yield "natures"
    yield from (name for name in ("nature", "consequences", "measures") if name not in texts)
    scope = fields.get("scope")
    if scope is None:
        yield "scope"
    if not data_subjects(organisation):
        yield "organisation.data_subjects"
    if not (organisation.dpo.name and organisation.dpo.contact) and not organisation.controller.contact:
        yield "organisation.dpo"
    if not organisation.controller.name:
        yield "organisation.controller"
    if organisation.role == "processor" and not organisation.controllers:
        yield "organisation.controllers"
    if scope is not None and not data_categories(organisation, case):
        yield "organisation.data_categories"
    if "risk" not in fields:
        yield "risk"
    is_due = organisation.role == "controller"  # a processor tells its controllers without undue delay (Art. 33(2))
    if is_due and is_late(case, now) and "delay" not in texts:
        yield "delay"


def is_late(case: Case, now: datetime) -> bool:
    """True where the authority was not told within the deadline, and is told now or was told later."""
    return (case.fields.get("sent_at") or said(now)) > case.due_at


def data_subjects(organisation: Organisation) -> tuple[str, ...]:
    """Whose data are processed, of all activities."""
    return tuple(dict.fromkeys(each for activity in organisation.activities for each in activity.data_subjects))


def data_categories(organisation: Organisation, case: Case) -> tuple[str, ...]:
    """What kinds of data are processed, as the register names them; and those in the calls that are kept somewhere."""
    named = dict.fromkeys(each for activity in organisation.activities for each in activity.data_categories)
    return (*named, *sorted((case.fields.get("scope") or {}).get("types", {})))


def _told_late(known: Known) -> Known:
    """Of what is known, what may be noted of a breach that is closed."""
    return Known(
        sent_at=known.sent_at, persons_told_at=known.persons_told_at, authority_ref=known.authority_ref,
        language=known.language,
    )  # fmt: skip


def _check(known: Known, now: datetime, before: Mapping[str, Any] | None = None) -> None:
    for name in _TIMES:
        moment = getattr(known, name)
        if moment is not None and moment > now:
            raise UsageError("that moment has not come yet", hint="give a time that is past, with its offset")
    times = {**(before or {}), **_fields(known, Sealed())}
    if times.get("began_at", "") > times.get("ended_at", "~"):  # both in UTC, so that text goes by time
        raise UsageError("a breach doesn't end before it began", hint="give both: --began-at and --ended-at")
    if known.authority_ref and not IDS.fullmatch(known.authority_ref):
        raise UsageError("the authority's number is not one", hint="letters, digits, and . _ : - between them")
    for name, text in known.texts.items():
        if not text.strip() or len(text) > _LONGEST_TEXT:
            raise UsageError(f"the text {name} is empty or too long", hint=f"{_LONGEST_TEXT} letters at most")


def _fields(known: Known, content: Sealed) -> dict[str, Any]:
    times = {name: getattr(known, name) for name in _TIMES if name != "sent_at"}
    told: dict[str, Any] = {name: said(moment) for name, moment in times.items() if moment}
    if known.natures:
        told["natures"] = [nature for nature in NATURES if nature in known.natures]
    told |= {name: getattr(known, name) for name in ("risk", "exemption", "authority_ref") if getattr(known, name)}
    if known.texts:
        told["texts"] = {name: sorted(each) for name, each in content.texts.items()}
    return told


def _fields_sealed(stores: Stores, known: Known, case: Case) -> dict[str, Any]:
    """What is known as fields, once the texts are sealed beside those that the case has by now."""
    return _fields(known, _seal_texts(stores, case, known) if known.texts else Sealed())


def _sent(known: Known, case: Case | None) -> dict[str, Any]:
    """That the authority was told: of the last phase that was written; the first one's time is the case's."""
    if known.sent_at is None:
        return {}
    phases = [dict(each) for each in case.fields.get("phases", ())] if case else []
    first = {} if len(phases) > 1 and case and case.fields.get("sent_at") else {"sent_at": said(known.sent_at)}
    if phases:
        phases[-1]["sent_at"] = said(known.sent_at)
    return {**first, "phases": phases}


def _seal_texts(stores: Stores, case: Case, known: Known) -> Sealed:
    """Seal new texts beside those that are there; all of them."""
    before = sealed(stores, case)
    if not known.texts:
        return before
    texts = {name: dict(each) for name, each in before.texts.items()}
    for name, text in known.texts.items():
        texts.setdefault(name, {})[known.language] = text.strip()
    content = Sealed(texts, before.exposed)
    seal(stores, case.case_id, content)
    return content


def _drill(case: Case) -> str:
    return "drill" if case.fields.get("drill") else "breach"
