"""What the data protection officer looks at: deadlines, lawful bases, retention, who heard what, reports to sign."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from redact import paper
from redact.batch.archive import Archive
from redact.governance import consents, monthly, monthly_page, signing
from redact.governance.breach import owes_notice, stage
from redact.governance.deadlines import days_left
from redact.governance.months import Month
from redact.governance.organisation import Organisation
from redact.governance.prose import count, local_day, minute, month_of, share, term, typeset
from redact.governance.words import words
from redact.stores.cases import CLOSED, KINDS, Case
from redact.stores.opened import Stores

# So many weeks are shown, the last ones.
_WEEKS = 12


def parts(stores: Stores, organisation: Organisation, language: str, now: datetime | None = None) -> list[str]:
    """The parts of the page's body, as HTML.

    Args:
        stores: where things are kept.
        organisation: whose archives and rules they are.
        language: of the page.
        now: None for this moment.

    Raises:
        PolicyError: nobody is named whom it is for.
        RedactError: a store can't be opened, or an archive can't be reached.
    """
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    told = monthly.build(stores, organisation, Month.of(moment), moment)
    listed = signing.months(stores, organisation, moment)
    urls = (Archive(url).url for url in organisation.archives)
    covered = consents.coverage((row for url in urls for row in stores.ledger.archive(url).processed()), moment)
    made = [
        _cards(told, covered, listed, language),
        *_deadlines(stores, moment, language),
        *_weeks(covered["by_week"], language),
        *_reports(listed, language),
        *monthly_page.duties(told, language),
        *monthly_page.people(told, language),
    ]
    return [typeset(part, language) for part in made]


def _cards(told: Mapping[str, Any], covered: Mapping[str, Any], listed: Sequence[signing.Listed], language: str) -> str:
    said = words("supervision", language)
    open_cases = {kind: told["cases"][kind]["open"] for kind in KINDS}
    late = sum(each["is_overdue"] for cases in open_cases.values() for each in cases)
    whole = covered["all"]["share"]
    figures = {
        said["requests"]: count(len(open_cases["request"]), language),
        said["breaches"]: count(len(open_cases["breach"]), language),
        said["late"]: count(late, language),
        said["covered"]: "–" if whole is None else share(whole, language),
        said["overdue"]: count(sum(each["overdue"] for each in told["retention"].values()), language),
        said["heard"]: count(len(told["clear_access"]), language),
        said["to_sign"]: count(sum(each.is_due for each in listed), language),
    }
    return paper.cards(figures) + f"<p>{said['whole' if told['log_is_whole'] else 'broken']}</p>"


def _deadlines(stores: Stores, moment: datetime, language: str) -> Iterator[str]:
    said = words("supervision", language)
    yield f"<h2>{said['deadlines']}</h2>"
    still = sorted(
        (case for kind in KINDS for case in stores.cases.all(kind) if case.state != CLOSED),
        key=lambda case: case.due_at,
    )
    drills = [case for case in still if case.fields.get("drill")]
    rows = [
        (
            case.case_id, said[case.kind], term(stage(case), language),
            minute(case.due_at, language) if case.kind == "breach" else local_day(case.due_at, language),
            days_left(datetime.fromisoformat(case.due_at), moment) if _has_deadline(case) else "–",
        )
        for case in still
        if case not in drills
    ]  # fmt: skip
    if rows:
        yield paper.table([said[name] for name in ("case", "kind", "state", "due", "days")], rows)
    else:
        yield f"<p>{said['no_cases']}</p>"
    if drills:  # one that was interrupted stays open; nobody owes anything for it
        yield f"<p>{said['drills']} {', '.join(f'<code>{case.case_id}</code>' for case in drills)}</p>"


def _has_deadline(case: Case) -> bool:
    """Of a breach that the authority knows of, or need not know, no day is counted any more."""
    return case.kind != "breach" or owes_notice(case)


def _weeks(by_week: Mapping[str, Mapping[str, Any]], language: str) -> Iterator[str]:
    said = words("supervision", language)
    last = dict(sorted(by_week.items())[-_WEEKS:])
    yield from paper.bars(said["weeks"], {week or "–": found["with_basis"] for week, found in last.items()})
    rows = [
        (week or "–", found["calls"], share(found["share"], language) if found["share"] is not None else "–")
        for week, found in last.items()
    ]
    if rows:
        yield paper.table([said[name] for name in ("week", "calls", "share")], rows)


def _reports(listed: Sequence[signing.Listed], language: str) -> Iterator[str]:
    said = words("supervision", language)
    yield f"<h2>{said['reports']}</h2>"
    rows = [
        (
            month_of(str(each.month), language),
            said["early" if each.early and each.is_over else "times"].format(count=each.built, early=each.early),
            "; ".join(_signed(each, language)),
        )
        for each in reversed(listed)
    ]
    if rows:
        yield paper.table([said[name] for name in ("month", "made", "decision")], rows)
    yield f"<p>{said['sign']}</p>"


def _signed(each: signing.Listed, language: str) -> Iterator[str]:
    """Who signed a month's report; that nobody did, also where somebody signed one of a part of the month."""
    said = words("supervision", language)
    for signature in (*each.signatures, *each.partial):
        what = f"{said[signature.decision]}, {signature.name}, {local_day(signature.at, language)}"
        yield said["partial"].format(what=what) if signature in each.partial else what
    if not each.signatures:
        yield said["nobody" if each.is_over else "going_on"]
