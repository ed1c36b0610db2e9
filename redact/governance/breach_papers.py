"""What is written about a breach: the form for the authority, the notice to controllers, the letter to people.

All say only what the case and the organisation's file say, in both languages. They hold names: they are their owner's
alone, and are written where somebody asks for them, nowhere else.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from html import escape
from typing import Any

from redact import __version__, paper
from redact.governance.breach import Sealed, Text, data_categories, data_subjects, people
from redact.governance.breach_scope import client
from redact.governance.organisation import Client, Contact, Organisation
from redact.governance.prose import entities, long_day
from redact.governance.words import words
from redact.stores.cases import Case, Event

SCHEMA, VERSION = "callredact.breach", 1


@dataclass(frozen=True, slots=True)
class Told:
    """What the papers are written from.

    Attributes:
        missing: what the law's list lacks still, by words.
        phase: number of the notification.
        at: when it is written, ISO 8601 in UTC.
    """

    organisation: Organisation
    case: Case
    sealed: Sealed
    events: tuple[Event, ...]
    missing: tuple[str, ...]
    phase: int
    at: str

    @property
    def people(self) -> str:
        """Whether people are told, and else why not: a word (GDPR, Art. 34)."""
        return people(self.case)


def authority(told: Told, language: str) -> str:
    """The form for the authority."""
    said = words("breach", language)
    return _page(told, said["authority_title"], [*_head(told, said), *_body(told, said, language)], language)


def controller_notice(told: Told, controller: Client, language: str) -> str:
    """A processor's notice to one of its controllers."""
    said = words("breach", language)
    aware = moment(told.case.fields["aware_at"], language)
    parts = [
        _addressed(said, controller),
        f"<p>{escape(_day(told, language))}</p>",
        f"<p>{escape(said['dear'])}</p><p>{escape(said['processor_intro'].format(aware=aware))}</p>",
        *_who(told.organisation, said),
        *_body(told, said, language, controller),
        f"<p>{escape(said['closing'])}</p>",
        f"<p>{escape(told.organisation.controller.name)}</p>",
    ]
    return _page(told, said["controller_title"], parts, language)


def letter(told: Told, language: str) -> str:
    """The letter to people in plain language, or the notice to all where letters would take too much."""
    said, sealed, organisation = words("breach", language), told.sealed, told.organisation
    is_public = told.people == "disproportionate"
    dear = "" if is_public else f"<p>{escape(said['dear'])}</p>"
    intro = said["public_intro" if is_public else "people_intro"]
    officer = organisation.dpo if organisation.dpo.contact else organisation.controller
    ask = said["people_ask" if organisation.dpo.contact else "people_ask_controller"]
    aware = moment(told.case.fields["aware_at"], language)
    categories = [each for activity in organisation.activities for each in activity.data_categories]
    parts = [
        f"<p>{escape(organisation.controller.name)}<br>{escape(organisation.controller.address)}</p>",
        f"<p>{escape(_day(told, language))}</p>",
        f"{dear}<p>{escape(intro.format(aware=aware))}</p>",
        *_section(said["people_what"], _prose(sealed.text("people", language) or sealed.text("nature", language))),
        *_section(said["people_data"], [_list(dict.fromkeys(categories))]),
        *_section(said["people_effect"], _prose(sealed.text("consequences", language))),
        *_section(said["people_done"], _prose(sealed.text("measures", language))),
        *_section(said["people_contact"], [f"<p>{escape(ask.format(dpo=officer.name, contact=officer.contact))}</p>"]),
    ]
    if organisation.authority.name:
        whom = ", ".join(filter(None, (organisation.authority.name, organisation.authority.contact)))
        parts.append(f"<p>{escape(said['people_complain'].format(authority=whom))}</p>")
    if not is_public:
        parts.append(f"<p>{escape(said['closing'])}</p>")
    parts.append(f"<p>{escape(organisation.controller.name)}</p>")
    return _page(told, said["public_title" if is_public else "people_title"], parts, language)


def timeline(told: Told, language: str) -> str:
    """What was done about a breach, in order."""
    said = words("breach", language)
    rows = [
        (moment(event.at, language), event.actor, said.get(event.what, event.what), _detail(event.detail, said))
        for event in told.events
    ]
    table = paper.table((said["at"], said["actor"], said["what"], said["detail"]), rows)
    return _page(told, said["timeline_title"], [*_times(told, said, language), table], language)


def as_json(told: Told) -> str:
    """All of it for machines: what the form says, and the texts in their languages."""
    organisation = told.organisation
    content = {
        "schema": SCHEMA, "version": VERSION, "redact_version": __version__, "case_id": told.case.case_id,
        "is_drill": bool(told.case.fields.get("drill")), "phase": told.phase, "is_complete": not told.missing,
        "missing": told.missing, "written_at": told.at, "due_at": told.case.due_at,
        "role": organisation.role,
        "controller": organisation.controller.model_dump(),
        "controllers": [each.model_dump() for each in organisation.controllers],
        "dpo": organisation.dpo.model_dump(), "authority": organisation.authority.model_dump(),
        "data_subjects": data_subjects(organisation), "data_categories": data_categories(organisation, told.case),
        "known": dict(told.case.fields), "texts": told.sealed.texts, "people_told": told.people,
        "timeline": [
            {"at": event.at, "actor": event.actor, "what": event.what, "detail": dict(event.detail)}
            for event in told.events
        ],
    }  # fmt: skip
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def moment(at: str, language: str, zone: tzinfo | None = None) -> str:
    """A moment as people write it, with its offset; in the zone of this machine, if no other is given."""
    when = datetime.fromisoformat(at).astimezone(zone)
    offset = f"UTC{when.isoformat()[-6:]}" if when.utcoffset() else "UTC"
    day = long_day(when.date().isoformat(), language)
    if language == "fr":
        return f"{day} à {when.hour} h {when.minute:02} ({offset})"
    return f"{day}, {when.hour:02}:{when.minute:02} {offset}"


def _day(told: Told, language: str) -> str:
    """The day on which papers are written."""
    return long_day(datetime.fromisoformat(told.at).astimezone().date().isoformat(), language)


def _page(told: Told, title: str, parts: Sequence[str], language: str) -> str:
    said = words("breach", language)
    banner = [f"<p><strong>{escape(said['drill_banner'])}</strong></p>"] if told.case.fields.get("drill") else []
    what = f'<p class="what">{escape(said["case"])} <code>{escape(told.case.case_id)}</code></p>'
    return paper.page(title, [*banner, f"<h1>{escape(title)}</h1>", what, *parts], language)


def _head(told: Told, said: Mapping[str, str]) -> Iterator[str]:
    kind = said["partial" if told.missing else "complete"]
    is_one_of_several = told.missing or told.phase > 1
    yield (
        f"<p>{escape(said['phase'])} {told.phase}{said['colon']} {escape(kind)}</p>"
        if is_one_of_several
        else f"<p>{escape(kind[:1].upper() + kind[1:])}</p>"
    )
    yield _addressed(said, told.organisation.authority)
    yield from _who(told.organisation, said)


def _who(organisation: Organisation, said: Mapping[str, str]) -> Iterator[str]:
    """Who tells, and whom to ask."""
    yield f"<h2>{escape(said['who'])}</h2>"
    people = [(said[organisation.role], organisation.controller), (said["dpo"], organisation.dpo)]
    rows = [(role, each.name, each.address, each.contact) for role, each in people]
    yield paper.table((said["role"], said["name"], said["address"], said["contact"]), rows)


def _addressed(said: Mapping[str, str], to: Contact) -> str:
    return f"<p>{escape(said['to'])}{said['colon']} {escape(to.name)}<br>{escape(to.address)}</p>"


def _body(told: Told, said: Mapping[str, str], language: str, to: Client | None = None) -> Iterator[str]:
    """What is known; to a controller, without what is between it, its authority and its people."""
    fields, sealed = told.case.fields, told.sealed

    def text(name: Text) -> list[str]:
        return _prose(sealed.text(name, language) or said["not_known"])

    yield from _times(told, said, language, to)
    if not to and "delay" in fields.get("texts", {}):
        yield from _section(said["delay"], text("delay"))
    natures = ", ".join(said[nature] for nature in fields.get("natures", ())) or said["not_known"]
    yield from _section(
        said["nature"], [f"<p>{escape(said['natures'] + said['colon'])} {escape(natures)}</p>", *text("nature")]
    )
    yield from _share(told, said, language, to) if to else _extent(told, said, language)
    yield from _section(said["consequences"], text("consequences"))
    yield from _section(said["measures"], text("measures"))
    steps = fields.get("contained", {})
    if steps:
        rows = [
            (said[n], said.get(s["result"], s["result"]), s["count"], moment(s["at"], language))
            for n, s in steps.items()
        ]
        yield f"<h2>{escape(said['contained'])}</h2>"
        yield paper.table((said["step"], said["result"], said["count"], said["at"]), rows)
    risk = said["risk_" + fields.get("risk", "not_known")]
    yield from _section(said["risk"], [f"<p>{escape(risk)}</p>"])
    if not to:
        yield from _section(said["people"], [f"<p>{escape(said['people_' + told.people])}</p>"])
    if told.missing:
        lacking = [said.get(name.replace(".", "_"), name) for name in told.missing]
        yield from _section(said["follows"], [_list(lacking)])
        yield from _section(said["pending"], text("pending"))


def _extent(told: Told, said: Mapping[str, str], language: str) -> Iterator[str]:
    scope = told.case.fields.get("scope")
    rows = _extent_rows(told, said, scope, language)
    if scope and "records" not in scope["stated"]:
        rows.append((said["agents"], scope["agents"] or said["unknown"]))
    if scope and scope.get("not_kept"):
        rows.append((said["not_kept"], _types(scope["not_kept"], language)))
    yield paper.table(("", ""), rows)
    if not scope:
        return
    yield from _how_counted(scope, said)
    if scope.get("exported"):
        yield f"<p>{escape(said['left_in_exports'].format(count=scope['exported']))}</p>"
    if scope["stated"]:
        what = ", ".join(said[name] for name in scope["stated"])
        yield f"<p>{escape(said['stated'].format(what=what))}</p>"


def _how_counted(scope: Mapping[str, Any], said: Mapping[str, str]) -> Iterator[str]:
    """What was stated was not counted: neither how many are whose, nor how many are which copies, is known of it."""
    if "persons" not in scope["stated"]:
        yield f"<p>{escape(said['method'].format(**scope))}</p>"
    copies = said["copies_unknown"] if "records" in scope["stated"] else said["copies"].format(**scope)
    yield f"<p>{escape(copies)}.</p>"


def _share(told: Told, said: Mapping[str, str], language: str, to: Client) -> Iterator[str]:
    """What of it is a controller's own: all of it where there is no other, else what lies in its queues."""
    organisation, scope = told.organisation, told.case.fields.get("scope")
    own = tuple(each for each in organisation.activities if each.controller == to.name)
    here = replace(told, organisation=organisation.model_copy(update={"activities": own or organisation.activities}))
    if len(organisation.controllers) == 1:
        yield from _extent(here, said, language)
        return
    share = ((scope or {}).get("by_controller") or {}).get(client(to.name))
    yield paper.table(("", ""), _extent_rows(here, said, share, language))
    yield f"<p>{escape(said['own_share' if share else 'own_unknown'])}</p>"


def _extent_rows(
    told: Told, said: Mapping[str, str], counts: Mapping[str, Any] | None, language: str
) -> list[tuple[str, object]]:
    named = dict.fromkeys(e for activity in told.organisation.activities for e in activity.data_categories)
    rows: list[tuple[str, object]] = [
        (said["data_subjects"], ", ".join(data_subjects(told.organisation)) or said["not_known"]),
        (said["persons"], counts["persons"] if counts else said["not_known"]),
        (said["records"], counts["records"] if counts else said["not_known"]),
        (said["data_categories"], ", ".join(named) or said["not_known"]),
    ]
    if counts:
        nothing = said["unknown" if "records" in counts.get("stated", ()) else "none"]
        rows.append((said["types"], _types(counts["types"], language) or nothing))
    return rows


def _types(counts: Mapping[str, int], language: str) -> str:
    return ", ".join(f"{kind} {count}" for kind, count in entities(counts, language).items())


def _times(told: Told, said: Mapping[str, str], language: str, to: Client | None = None) -> Iterator[str]:
    """When what was; a controller's own deadline counts from when it is told, so that ours is not told it."""
    fields = told.case.fields
    times = {name: fields[name] for name in ("began_at", "ended_at") if name in fields}
    times |= {"aware_at": fields["aware_at"], "due_at": told.case.due_at, "written_at": told.at}
    times |= {name: fields[name] for name in ("sent_at", "persons_told_at") if name in fields}
    ours = {"due_at", "sent_at", "persons_told_at"} if to or told.organisation.role == "processor" else set()
    rows = [(said[name], moment(at, language)) for name, at in times.items() if name not in ours]
    if "authority_ref" in fields and not to:
        rows.append((said["authority_ref"], fields["authority_ref"]))
    yield f"<h2>{escape(said['when'])}</h2>"
    yield paper.table(("", ""), rows)


def _section(title: str, parts: Sequence[str]) -> list[str]:
    return [f"<h2>{escape(title)}</h2>", *parts]


def _prose(text: str) -> list[str]:
    """Paragraphs, as they are parted by empty lines."""
    return [f"<p>{escape(part.strip())}</p>" for part in text.split("\n\n") if part.strip()]


def _list(items: Mapping[str, Any] | Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"


def _detail(detail: Mapping[str, Any], said: Mapping[str, str]) -> str:
    told = []
    for name, value in detail.items():
        shown = ", ".join(said.get(str(v), str(v)) for v in value) if isinstance(value, list) else str(value)
        if name not in {"at", "actor"} and shown:
            told.append(f"{said.get(name, name)}{said['colon']} {said.get(shown, shown)}")
    return " / ".join(told)
