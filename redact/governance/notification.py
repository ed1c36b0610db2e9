"""Telling of a breach: the papers of a notification, once nothing that the law wants is missing; and the register.

Nothing is sent: who leads on the breach sends it, and notes when.
"""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

from redact import paper
from redact.errors import PolicyError, UsageError
from redact.governance import breach_papers as papers
from redact.governance.breach import missing, open_case, people, sealed, stage
from redact.governance.organisation import Organisation, Spoken
from redact.governance.prose import cell, entities, term
from redact.governance.words import words
from redact.publish import Staged
from redact.stores.cases import Case, said
from redact.stores.opened import Stores

# Even a first information says this much: who tells, and of what kind of breach.
_LEAST = frozenset({"natures", "organisation.dpo", "organisation.controller", "organisation.controllers", "delay"})
REGISTER_COLUMNS = (
    "case_id", "state", "began_at", "ended_at", "aware_at", "due_at", "natures", "risk", "records", "persons", "types",
    "sent_at", "authority_ref", "persons_told_at", "people", "facts", "effects", "remedy", "delay", "not_notified",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Notified:
    """What was written.

    Attributes:
        missing: what follows in a later phase, by words.
        people: whether people have to be told: `required`, or why not.
        one_language: texts that some papers have in another language than their own, such as `measures (en)`; and the
            organisation's own words, by the file that would have them.
        files: that were written.
    """

    phase: int
    missing: tuple[str, ...]
    people: str
    one_language: tuple[str, ...]
    files: tuple[Path, ...]


def notify(
    stores: Stores, organisation: Organisation | Spoken, case_id: str, folder: Path, now: datetime | None = None,
    phase: int | None = None,
) -> Notified:  # fmt: skip
    """Write the papers of a notification: for the authority and people; for controllers where we process for others.

    Args:
        stores: where things are kept.
        organisation: who tells; where it is `Spoken`, each paper has it as it is told in the paper's language.
        case_id: of the breach.
        folder: to write to; the files are their owner's alone.
        now: the moment; None for this one.
        phase: number of this one, where something may follow later; why, the text `pending` says (GDPR, Art. 33(4)).
            None where all has to be there.

    Raises:
        UsageError: something is missing in the case, or nobody has to be told. Each thing is named.
        PolicyError: something is missing in the organisation's file, and nothing else.
    """
    moment = now or datetime.now(UTC)
    said_by = organisation if isinstance(organisation, Spoken) else Spoken(organisation)
    case = open_case(stores, case_id)
    word = "drill" if case.fields.get("drill") else "breach"
    with stores.audit.action("breach.notify", case_id, reason=word) as counts:
        told = _told(stores, said_by.plain, case, moment, phase)
        files = _write(told, said_by, folder)
        state = "partly" if told.missing else "notified"
        figures = {"phase": told.phase, "files": len(files), "missing": list(told.missing)}

        def fields(current: Case) -> dict[str, Any]:
            return {"phases": [*current.fields.get("phases", ()), {"at": said(moment), "missing": list(told.missing)}]}

        stores.cases.change(case_id, "notified", state=state, fields=fields, detail=figures, at=moment, while_open=True)
        counts |= {"phase": told.phase, "files": len(files), "missing": len(told.missing)}
    return Notified(told.phase, told.missing, told.people, _one_language(told, said_by), files)


def register(stores: Stores, language: str) -> list[dict[str, str]]:
    """All breaches but drills, as rows of `REGISTER_COLUMNS`: those too that no authority was told of, and why."""
    rows = []
    for case in stores.cases.all("breach"):
        if case.fields.get("drill"):
            continue
        told, fields, scope = sealed(stores, case), case.fields, case.fields.get("scope") or {}
        row = {
            "case_id": case.case_id, "state": stage(case), "due_at": case.due_at,
            "natures": ", ".join(fields.get("natures", ())), "records": str(scope.get("records", "")),
            "persons": str(scope.get("persons", "")), "types": ", ".join(scope.get("types", {})),
            "people": "told" if fields.get("persons_told_at") else people(case),
            **{name: told.text(name, language) for name in ("facts", "effects", "remedy", "delay", "not_notified")},
        }  # fmt: skip
        row |= {name: str(fields.get(name, "")) for name in REGISTER_COLUMNS if name not in row}
        rows.append({name: row[name] for name in REGISTER_COLUMNS})
    return rows


def register_file(rows: Sequence[dict[str, str]], ending: str, language: str) -> str:
    """The register as a file.

    Args:
        rows: of it.
        ending: `.csv`, `.json` or `.html`.
        language: of the page.

    Raises:
        UsageError: it is another ending.
    """
    if ending == ".json":
        return json.dumps(
            {"schema": "callredact.breaches", "version": 1, "breaches": rows}, ensure_ascii=False, indent=1
        )
    if ending == ".csv":
        out = io.StringIO()
        writer = csv.DictWriter(out, REGISTER_COLUMNS)
        writer.writeheader()
        writer.writerows({name: cell(value) for name, value in row.items()} for row in rows)
        return out.getvalue()
    if ending == ".html":
        return paper.page(words("breach", language)["register_title"], list(_register_page(rows, language)), language)
    raise UsageError("the register is written as .csv, .json or .html", hint="end the file's name so")


def _told(stores: Stores, organisation: Organisation, case: Case, now: datetime, phase: int | None) -> papers.Told:
    """What the papers are written from, once nothing speaks against writing them."""
    lacking = missing(organisation, case, now)
    following = 1 + len(case.fields.get("phases", ()))
    if phase not in {None, following}:
        raise UsageError(f"the next phase is {following}", hint=f"give --phase {following}, or none where all is known")
    _check(lacking, in_phases=phase is not None, has_reason="pending" in case.fields.get("texts", {}))
    if case.fields.get("risk") == "unlikely" and organisation.role == "controller":
        raise UsageError(
            "nobody has to be told of a breach that is unlikely to be a risk to people (GDPR, Art. 33(1))",
            hint="close it with the text not_notified, which the register keeps; or change its --risk",
        )
    events = stores.cases.events(case.case_id)
    return papers.Told(organisation, case, sealed(stores, case), events, lacking, following, said(now))


def _check(lacking: Sequence[str], *, in_phases: bool, has_reason: bool) -> None:
    refused = [name for name in lacking if name in _LEAST or not in_phases]
    if not refused and lacking and not has_reason:
        refused = ["pending"]
    if not refused:
        return
    message = f"a notification is not complete without: {', '.join(refused)}"
    if all(name.startswith("organisation.") for name in refused):
        raise PolicyError(message, hint="fill in the organisation's file: redact register template")
    raise UsageError(
        message,
        hint="redact breach update ID --text NAME FILE, redact breach scope ID; or --phase N with the text pending",
    )


def _write(told: papers.Told, said_by: Spoken, folder: Path) -> tuple[Path, ...]:
    organisation, is_told = told.organisation, told.people in {"required", "disproportionate"}
    is_controller = organisation.role == "controller"  # a processor tells its controllers, and they tell the others
    start = f"{told.case.case_id}.phase-{told.phase}"
    with Staged(folder, private=True) as staged:
        for language in organisation.languages:
            here = replace(told, organisation=said_by.in_language(language))
            pages = {"authority": papers.authority(here, language)} if is_controller else {}
            if not is_controller:
                for number, controller in enumerate(here.organisation.controllers, start=1):
                    pages[f"controller-{number}"] = papers.controller_notice(here, controller, language)
            if is_controller and is_told and not told.missing:
                pages["people"] = papers.letter(here, language)
            pages["timeline"] = papers.timeline(here, language)
            for name, page in pages.items():
                staged.open(f"{start}.{name}.{language}.html").write(page.encode())
        staged.open(f"{start}.json").write(papers.as_json(told).encode())
        return staged.publish(force=False)


def _one_language(told: papers.Told, said_by: Spoken) -> tuple[str, ...]:
    texts = told.sealed.texts
    files = [f"{name} ({each})" for each, name in said_by.lacking.items() if each in told.organisation.languages]
    lacking = [f"{name} ({each})" for name in texts for each in told.organisation.languages if each not in texts[name]]
    return (*lacking, *files)


def _register_page(rows: Sequence[dict[str, str]], language: str) -> Iterator[str]:
    told = words("breach", language)
    yield f"<h1>{escape(told['register_title'])}</h1>"
    for row in rows:
        yield f"<h2><code>{escape(row['case_id'])}</code></h2>"
        yield paper.table(
            ("", ""),
            [
                (told["persons_told_at" if name == "people" else name], _shown(name, value, language))
                for name, value in _facts(row)
            ],
        )


def _facts(row: dict[str, str]) -> list[tuple[str, str]]:
    """What a breach's row says, but for its id; when people were told stands for that they were."""
    left_out = {("case_id", row["case_id"]), ("people", "told")}
    return [(name, value) for name, value in row.items() if value and (name, value) not in left_out]


def _shown(name: str, value: str, language: str) -> Any:
    told = words("breach", language)
    if name.endswith("_at"):
        return papers.moment(value, language)
    if name == "people":
        return told["people_not_noted" if value == "required" else f"people_{value}"]
    if name == "risk":
        return told[f"risk_{value}"]
    if name == "state":
        return term(value, language)
    if name == "types":
        return ", ".join(entities(dict.fromkeys(value.split(", ")), language))
    return ", ".join(told.get(part, part) for part in value.split(", ")) if name == "natures" else value
