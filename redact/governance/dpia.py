"""A draft of the impact assessment (GDPR, Art. 35(7)): what is known from what runs is filled in, the rest asked.

The threats, what is done against each, and the tests that prove it are data: `threats.yaml`. How likely and how grave a
risk is here, what remains of it, and whether that may be borne, are a person's to say.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from redact import __version__, paper
from redact.governance.months import months_after
from redact.governance.organisation import Activity, Organisation
from redact.governance.prose import (
    contact,
    count,
    day,
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
from redact.governance.qa import Qa, as_told
from redact.governance.ran import Ran
from redact.governance.words import LANGUAGES, words

SCHEMA, VERSION = "callredact.dpia", 1
# The first risk of all, which no test can put an end to; those of `threats.yaml` begin with T1.
MAIN_RISK = "R0"
_WANTED = ("name", "purposes", "lawful_basis", "data_subjects", "data_categories", "recipients")


@dataclass(frozen=True, slots=True)
class Threat:
    """What may go wrong, the measure against it, and the tests that prove that; texts by language."""

    threat_id: str
    risk: Mapping[str, str]
    measure: Mapping[str, str]
    tests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Assessed:
    """What is measured: what ran, and what the QA team found."""

    ran: Ran
    qa: Qa

    @property
    def held_share(self) -> float:
        """Of all recordings that were looked at, those that wait for a person."""
        total = sum(count for state, count in self.ran.states.items() if state not in {"pending", "running", "erased"})
        return self.ran.states.get("held", 0) / total if total else 0.0


@cache
def threats() -> tuple[Threat, ...]:
    """All threats, in their order."""
    read = yaml.safe_load(Path(__file__).with_name("threats.yaml").read_text(encoding="utf-8"))
    return tuple(
        Threat(
            each["id"], dict(zip(LANGUAGES, each["risk"], strict=True)),
            dict(zip(LANGUAGES, each["measure"], strict=True)), tuple(each["tests"]),
        )
        for each in read
    )  # fmt: skip


def gaps(organisation: Organisation) -> list[str]:
    """The keys that Art. 35(7) wants and that are empty, in the order of the file."""
    found = empty_contact(organisation.controller, "controller")
    found += empty_contact(organisation.dpo, "dpo")
    found += empty_of_activities(organisation, _WANTED)
    return found + empty({"security_measures": organisation.security_measures})


def build(
    organisation: Organisation, found: Assessed, review_months: int = 12, now: datetime | None = None
) -> dict[str, Any]:
    """The draft as a JSON-ready object; what a person has to say is empty.

    Args:
        organisation: who assesses.
        found: what is measured.
        review_months: after how many months it is to be looked at again.
        now: the day it is of; None for today.

    Raises:
        PolicyError: something that Art. 35(7) wants is missing; the message names all of it.
    """
    refuse_gaps("the impact assessment", gaps(organisation))
    today = (now or datetime.now(UTC)).astimezone(UTC)
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "redact_version": __version__,
        "made_on": today.date().isoformat(),
        "review_on": months_after(today, review_months).date().isoformat(),
        "controller": known(organisation.controller),
        "dpo": known(organisation.dpo),
        "description": [_described(each) for each in organisation.activities],
        "measured": {
            **found.ran.told(), "held_share": round(found.held_share, 4), "qa": found.qa.told(),
        },
        "necessity": [_needed(each, organisation) for each in organisation.activities],
        "risks": [_main_risk(found), *(_risk(each) for each in threats())],
        "measures": list(organisation.security_measures),
        "views_of_data_subjects": "",
        "dpo_opinion": "",
        "decision": "",
    }  # fmt: skip


def _described(activity: Activity) -> dict[str, Any]:
    return {
        "id": activity.id, "name": activity.name, "purposes": list(activity.purposes),
        "legitimate_interest": activity.legitimate_interest, "data_subjects": list(activity.data_subjects),
        "data_categories": list(activity.data_categories), "recipients": list(activity.recipients),
        "transfers": transfers(activity),
    }  # fmt: skip


def _needed(activity: Activity, organisation: Organisation) -> dict[str, Any]:
    limit = getattr(organisation.retention, activity.retention)
    return {
        "id": activity.id, "lawful_basis": activity.lawful_basis or "", "erased_after_months": limit.months,
        "why_needed": "",
    }  # fmt: skip


def _risk(threat: Threat) -> dict[str, Any]:
    return {
        "id": threat.threat_id, "risk": dict(threat.risk), "likelihood": "", "severity": "",
        "measure": dict(threat.measure), "tests": list(threat.tests), "residual": "",
    }  # fmt: skip


def _main_risk(found: Assessed) -> dict[str, Any]:
    """That something is missed: its measure is what reviewers found, None where nobody looked."""
    said = {language: words("dpia", language) for language in LANGUAGES}
    return {
        "id": MAIN_RISK, "risk": {language: said[language]["main_risk"] for language in LANGUAGES}, "likelihood": "",
        "severity": "", "measure": {language: said[language]["main_measure"] for language in LANGUAGES}, "tests": [],
        "recall": as_told(found.qa.overall.recall), "residual": "",
    }  # fmt: skip


def page(
    organisation: Organisation, found: Assessed, language: str, review_months: int = 12, now: datetime | None = None
) -> str:
    """The same as one page, with boxes where a person has to say something.

    Raises:
        PolicyError: something that Art. 35(7) wants is missing; the message names all of it.
    """
    told = build(organisation, found, review_months, now)
    said = words("dpia", language)
    dated = said["draft"].format(day=day(told["made_on"], language), review=day(told["review_on"], language))
    parts = [
        f"<h1>{said['title']}</h1>",
        f'<p class="what">{dated}</p>',
        paper.facts(said["who"], {
            said["controller"]: contact(organisation.controller), said["dpo"]: contact(organisation.dpo),
        }),
        *_description(organisation, found, language),
        *_necessity(organisation, found, language),
        *_risks(found, language),
        paper.facts(said["measures"], {said["of_ours"]: list(organisation.security_measures)}),
        paper.fill(said["views"], said["views_prompt"]),
        paper.fill(said["opinion"], said["opinion_prompt"]),
        paper.fill(said["decision"], said["decision_prompt"]),
        f"<p>{said['no_claim']}</p>",
    ]  # fmt: skip
    return typeset(paper.page(said["title"], parts, language), language)


def _description(organisation: Organisation, found: Assessed, language: str) -> Iterator[str]:
    said = words("dpia", language)
    yield f"<h2>{said['description']}</h2>\n<p>{said['flow']}</p>\n<p>{_originals(found.ran, language)}</p>"
    for each in organisation.activities:
        told: dict[str, str | Sequence[str]] = {
            said["purposes"]: each.purposes,
            said["interest"]: each.legitimate_interest,
            said["subjects"]: each.data_subjects,
            said["data"]: each.data_categories,
            said["recipients"]: each.recipients,
            said["transfers"]: transfers(each, language) or said["none"],
        }
        yield paper.facts(f"{each.name} ({each.id})", {name: what for name, what in told.items() if what})
    ran, overall = found.ran, found.qa.overall
    yield f"<h2>{said['measured']}</h2>"
    cards = {
        said["recordings"]: count(sum(ran.states.values()), language),
        said["masked"]: share(ran.masked_share, language),
        said["held"]: share(found.held_share, language),
    }
    for name, figure in (("precision", overall.precision), ("recall", overall.recall)):
        if figure:
            least, most = share(figure.least, language), share(figure.most, language)
            cards[said[name]] = f"{share(figure.share, language)} ({least} – {most})"
    yield paper.cards(cards)
    yield from paper.bars(said["types"], entities(ran.entity_types, language))


def _necessity(organisation: Organisation, found: Assessed, language: str) -> Iterator[str]:
    said = words("dpia", language)
    for each in organisation.activities:
        limit = getattr(organisation.retention, each.retention)
        told: dict[str, str | Sequence[str]] = {
            said["basis"]: term(each.lawful_basis or "", language),
            said["limit"]: months(limit.months, language) + (f" ({limit.basis})" if limit.basis else ""),
            said["minimised"]: said["minimised_how"].format(share=share(found.ran.masked_share, language)),
            said["informed"]: said["informed_how"],
            said["rights"]: said["rights_how"].format(months=months(organisation.requests.months, language)),
        }
        yield paper.facts(pair(said["necessity"], each.name, language), told)
        yield paper.fill(said["why_needed"], said["why_needed_prompt"])


def _originals(ran: Ran, language: str) -> str:
    """Where originals are, as the policies that ran left them."""
    said, where = words("dpia", language), ran.originals
    total = sum(where.values())
    if not total:
        return said["no_originals"]
    sealed, erased = where.get("vault", 0), where.get("deleted", 0) + where.get("erased", 0)
    numbers = {"total": total, "sealed": sealed, "erased": erased, "clear": total - sealed - erased}
    return said["originals"].format(**{name: count(number, language) for name, number in numbers.items()})


def _missed(found: Assessed, language: str) -> str:
    """How often something is missed, as far as it is known."""
    said, recall = words("dpia", language), found.qa.overall.recall
    if recall is None:
        return said["not_measured"]
    figures = {"recall": recall.share, "least": recall.least, "most": recall.most}
    shares = {name: share(figure, language) for name, figure in figures.items()}
    return said["miss_share"].format(**shares, calls=found.qa.figures.calls)


def _risks(found: Assessed, language: str) -> Iterator[str]:
    said = words("dpia", language)
    yield f"<h2>{said['risks']}</h2>\n<p>{said['risks_how']}</p>"
    to_judge = dict.fromkeys((said["likelihood"], said["severity"], said["residual"]), said["to_judge"])
    main = {
        said["risk"]: said["main_risk"], said["measured_miss"]: _missed(found, language),
        said["measure"]: said["main_measure"],
    }  # fmt: skip
    yield paper.facts(MAIN_RISK, {**main, **to_judge})
    for each in threats():
        yield paper.facts(
            each.threat_id,
            {
                said["risk"]: each.risk[language],
                said["measure"]: each.measure[language],
                said["proven_by"]: each.tests,
                **to_judge,
            },
        )
