"""The register of processing (GDPR, Art. 30): of a controller by (1), of a processor by (2), filled from what ran."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from redact import __version__, paper
from redact.governance.organisation import Activity, Organisation
from redact.governance.prose import (
    cell,
    contact,
    count,
    day,
    decimal,
    empty,
    empty_contact,
    empty_of_activities,
    entities,
    known,
    months,
    pair,
    refuse_gaps,
    share,
    term,
    transfers,
    typeset,
)
from redact.governance.ran import Protection, Ran
from redact.governance.words import words

SCHEMA, VERSION = "callredact.register", 1
_OF_CONTROLLER = ("name", "purposes", "lawful_basis", "data_subjects", "data_categories", "recipients")
_OF_PROCESSOR = ("name", "controller")


def gaps(organisation: Organisation) -> list[str]:
    """The keys that Art. 30 wants and that are empty, in the order of the file."""
    is_processor = organisation.role == "processor"
    found = empty_contact(organisation.controller, "controller")
    for number, each in enumerate(organisation.joint_controllers):
        found += empty_contact(each, f"joint_controllers[{number}]")
    if organisation.representative is not None:
        found += empty_contact(organisation.representative, "representative")
    if is_processor:
        found += empty({"controllers": organisation.controllers})
        for number, each in enumerate(organisation.controllers):
            found += empty_contact(each, f"controllers[{number}]")
            if each.name.strip() and not any(a.controller == each.name for a in organisation.activities):
                found.append(f"activities of controllers[{number}]")
    found += empty_contact(organisation.dpo, "dpo")
    found += empty_of_activities(organisation, _OF_PROCESSOR if is_processor else _OF_CONTROLLER)
    if is_processor:
        named = {each.name for each in organisation.controllers}
        found += [
            f"controllers (none is that of activities[{each.id}])"
            for each in organisation.activities
            if each.controller.strip() and each.controller not in named
        ]
    return found + empty({"security_measures": organisation.security_measures})


def build(organisation: Organisation, ran: Ran, found: Protection, now: datetime | None = None) -> dict[str, Any]:
    """The register as a JSON-ready object.

    Args:
        organisation: who answers for it.
        ran: what ran.
        found: what protects it.
        now: the day it is of; None for today.

    Raises:
        PolicyError: something that Art. 30 wants is missing; the message names all of it.
    """
    refuse_gaps("the register", gaps(organisation))
    is_processor = organisation.role == "processor"
    retention = organisation.retention
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "redact_version": __version__,
        "made_on": (now or datetime.now(UTC)).astimezone(UTC).date().isoformat(),
        "article": "30(2)" if is_processor else "30(1)",
        "role": organisation.role,
        "processor" if is_processor else "controller": known(organisation.controller),
        "joint_controllers": [known(each) for each in organisation.joint_controllers],
        "representative": known(organisation.representative),
        "dpo": known(organisation.dpo),
        "controllers": [known(each) for each in organisation.controllers] if is_processor else [],
        "activities": [_activity(each, organisation) for each in organisation.activities],
        "erasure": {
            name: {"months": getattr(retention, name).months, "basis": getattr(retention, name).basis}
            for name in type(retention).model_fields
        },
        "security": {"measures": list(organisation.security_measures), "found": found.told()},
        "ran": ran.told(),
    }  # fmt: skip


def _activity(activity: Activity, organisation: Organisation) -> dict[str, Any]:
    limit = getattr(organisation.retention, activity.retention)
    return {
        "id": activity.id,
        "name": activity.name,
        "controller": activity.controller,
        "purposes": list(activity.purposes),
        "lawful_basis": activity.lawful_basis or "",
        "legitimate_interest": activity.legitimate_interest,
        "data_subjects": list(activity.data_subjects),
        "data_categories": list(activity.data_categories),
        "recipients": list(activity.recipients),
        "transfers": [each.model_dump() for each in activity.transfers],
        "erased_after_months": limit.months,
        "erasure_basis": limit.basis,
    }


_COLUMNS = (
    "id", "name", "controller", "purposes", "lawful_basis", "legitimate_interest", "data_subjects", "data_categories",
    "recipients", "transfers", "erased_after_months", "erasure_basis",
)  # fmt: skip


def table(told: Mapping[str, Any], language: str) -> str:
    """The activities as CSV, with who answers for them and what protects them on each line.

    Args:
        told: what `build` gives.
        language: of the heads.
    """
    said = words("register", language)
    who = told.get("controller") or told["processor"]
    of_all = {
        "controller_or_processor": _one_line(who),
        "joint_controllers": [_one_line(each) for each in told["joint_controllers"]],
        "representative": _one_line(told["representative"] or {}),
        "dpo": _one_line(told["dpo"]),
        "limits": [
            pair(term(name, language), months(of["months"], language), language) for name, of in told["erasure"].items()
        ],
        "security": told["security"]["measures"],
    }
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([typeset(said[name], language) for name in (*_COLUMNS, *of_all)])
    for each in told["activities"]:
        basis = typeset(term(each["lawful_basis"], language), language)
        activity = {
            **each,
            "lawful_basis": basis,
            "transfers": [pair(t["country"], t["safeguard"], language) for t in each["transfers"]],
        }
        writer.writerow([_cell(value) for value in (*(activity[name] for name in _COLUMNS), *of_all.values())])
    return out.getvalue()


def _one_line(of: Mapping[str, str]) -> str:
    return ", ".join(filter(None, of.values()))


def _cell(value: Any) -> str:
    return cell("; ".join(value) if isinstance(value, list) else str(value))


def page(organisation: Organisation, ran: Ran, found: Protection, language: str, now: datetime | None = None) -> str:
    """The same as one page.

    Raises:
        PolicyError: something that Art. 30 wants is missing; the message names all of it.
    """
    told = build(organisation, ran, found, now)
    said = words("register", language)
    is_processor = organisation.role == "processor"
    parts = [
        f"<h1>{said['title']}</h1>",
        f'<p class="what">{said["by_2" if is_processor else "by_1"]} {day(told["made_on"], language)}</p>',
        paper.facts(said["who"], dict(_who(organisation, said))),
        *(_of_activity(each, organisation, language) for each in organisation.activities),
        paper.facts(said["limits"], _limits(organisation, language)),
        paper.facts(
            said["security"], {said["measures"]: list(organisation.security_measures), **_found(found, language)}
        ),
        *_volumes(ran, said, language),
        f"<p>{said['no_claim']}</p>",
    ]
    return typeset(paper.page(said["title"], parts, language), language)


def _who(organisation: Organisation, said: Mapping[str, str]) -> Iterator[tuple[str, Sequence[str]]]:
    is_processor = organisation.role == "processor"
    yield said["processor" if is_processor else "the_controller"], contact(organisation.controller)
    for number, each in enumerate(organisation.joint_controllers, 1):
        yield f"{said['joint_controller']} {number}", contact(each)
    if organisation.representative:
        yield said["representative"], contact(organisation.representative)
    yield said["dpo"], contact(organisation.dpo)
    for number, each in enumerate(organisation.controllers if is_processor else (), 1):
        yield f"{said['for_controller']} {number}", contact(each)


def _of_activity(activity: Activity, organisation: Organisation, language: str) -> str:
    said = words("register", language)
    limit = getattr(organisation.retention, activity.retention)
    basis = term(activity.lawful_basis, language) if activity.lawful_basis else said["not_told"]
    told: dict[str, str | Sequence[str]] = {
        said["controller"]: activity.controller,
        said["purposes"]: activity.purposes,
        said["lawful_basis"]: basis,
        said["legitimate_interest"]: activity.legitimate_interest,
        said["data_subjects"]: activity.data_subjects,
        said["data_categories"]: activity.data_categories,
        said["recipients"]: activity.recipients,
        said["transfers"]: transfers(activity, language) or said["none"],
        said["erasure"]: months(limit.months, language) + (f" ({limit.basis})" if limit.basis else ""),
    }
    return paper.facts(f"{activity.name} ({activity.id})", {name: what for name, what in told.items() if what})


def _limits(organisation: Organisation, language: str) -> dict[str, str]:
    """How long each class is kept, whether an activity names it or not."""
    limits = {name: getattr(organisation.retention, name) for name in type(organisation.retention).model_fields}
    return {
        term(name, language): months(limit.months, language) + (f" ({limit.basis})" if limit.basis else "")
        for name, limit in limits.items()
    }


def _found(found: Protection, language: str) -> dict[str, str]:
    said = words("register", language)
    return {
        said["encrypted"]: said["encrypted_found"].format(sealed=found.sealed, readable=found.readable),
        said["log"]: said["log_whole" if found.log_is_whole else "log_broken"],
        said["roles"]: ", ".join(pair(term(role, language), str(n), language) for role, n in found.users.items())
        or said["none"],
        said["clear_access"]: ", ".join(
            [said["reason_logged"]]
            + [said["second_person"]] * found.needs_second_person
            + [said["training"]] * found.needs_training
        ),
        said["erased"]: str(found.certificates),
        said["kept"]: said["kept_found"].format(holds=found.holds, restrictions=found.restrictions),
    }


def _volumes(ran: Ran, said: Mapping[str, str], language: str) -> Iterator[str]:
    yield f"<h2>{said['ran']}</h2>"
    if not ran.last:
        yield f"<p>{said['nothing_ran']}</p>"
        return
    cards = {
        said["recordings"]: count(sum(ran.states.values()), language),
        said["sound_hours"]: decimal(ran.sound_ms / 3_600_000, language),
        said["masked"]: share(ran.masked_share, language),
    }
    yield paper.cards(cards)
    yield f"<p>{said['between'].format(first=day(ran.first, language), last=day(ran.last, language))}</p>"
    yield from paper.bars(said["states"], {term(state, language): n for state, n in ran.states.items()})
    yield from paper.bars(said["entity_types"], entities(ran.entity_types, language))
    yield from paper.bars(said["bases"], {term(basis, language): n for basis, n in ran.bases.items()})
    yield f"<h2>{said['by']}</h2>"
    rows = [(said["policy"], name, digest) for name, digest in ran.policies]
    rows += [(said["model"], name, digest) for name, digest in ran.models]
    rows += [(said["engine"], ", ".join(ran.versions), engine) for engine in ran.engines]
    yield paper.table(("", said["name"], "SHA-256"), rows)
