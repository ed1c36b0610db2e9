"""The month's report as one page with pictures, in each language."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from redact import paper
from redact.governance.monthly import write
from redact.governance.prose import count, entities, minute, month_of, months, pair, share, term, typeset
from redact.governance.words import words

# So many accesses, cases and certificates are shown; the JSON has all.
_SHOWN = 500
# Of the Okabe-Ito palette: what is as it should be, what waits, what went wrong.
_COLOURS = {"done": "#009e73", "held": "#e69f00", "failed": "#d55e00", "refused": "#56b4e9", "quarantined": "#cc79a7"}


def page(told: Mapping[str, Any], language: str) -> str:
    """The page.

    Args:
        told: what `redact.governance.monthly.build` gives.
        language: of the page.
    """
    said = words("monthly", language)
    title = f"{said['title']} {month_of(told['month'], language)}"
    part = said["not_over"].format(at=minute(told["covers_until"], language))
    parts = [
        f"<h1>{title}</h1>",
        f'<p class="what">{said["made"].format(at=minute(told["made_at"], language))}</p>',
        *([] if told["is_over"] else [f"<p><strong>{part}</strong></p>"]),
        paper.facts(said["for"], {said["controller"]: told["controller"]["name"], said["dpo"]: told["dpo"]["name"]}),
        _cards(told, language),
        *_runs(told, language),
        *_quality(told["quality"], language),
        *duties(told, language),
        *people(told, language),
        f"<p>{said['digest']} <code>{hashlib.sha256(write(told).encode()).hexdigest()}</code></p>",
        f"<p>{said['no_claim']}</p>",
    ]
    return typeset(paper.page(title, parts, language), language)


def _cards(told: Mapping[str, Any], language: str) -> str:
    said = words("monthly", language)
    states, basis = told["recordings"]["states"], told["basis"]["share"]
    return paper.cards(
        {
            said["redacted"]: f"{count(states.get('done', 0), language)} / {count(sum(states.values()), language)}",
            said["masked"]: share(told["recordings"]["masked_share"], language),
            said["with_basis"]: said["unknown"] if basis is None else share(basis, language),
            said["clear"]: count(len(told["clear_access"]), language),
            said["overdue"]: count(sum(each["overdue"] for each in told["retention"].values()), language),
            said["log"]: said["whole" if told["log_is_whole"] else "broken"],
        }
    )


def _runs(told: Mapping[str, Any], language: str) -> Iterator[str]:
    said, recordings = words("monthly", language), told["recordings"]
    if told["runs"]:
        yield f"<h2>{said['runs']}</h2>"
        rows = [
            (
                run["id"],
                minute(run["began_at"], language),
                term(run["outcome"], language),
                run["policy"]["name"],
                run["workers"],
            )
            for run in told["runs"][:_SHOWN]
        ]
        yield paper.table((said["run"], said["began"], said["outcome"], said["policy"], said["workers"]), rows)
    else:
        yield f"<p>{said['no_runs']}</p>"
    colours = {term(state, language): colour for state, colour in _COLOURS.items()}
    yield from paper.bars(said["states"], {term(s, language): n for s, n in recordings["states"].items()}, colours)
    reasons = {_reason(each, language): each["count"] for each in recordings["reasons"]}
    yield from paper.bars(said["reasons"], reasons)
    yield from paper.bars(said["masked_types"], entities(recordings["masked"], language))
    yield from paper.bars(said["bases"], {term(b, language): n for b, n in told["basis"]["by_basis"].items()})


def _reason(each: Mapping[str, str], language: str) -> str:
    """Why it is not redacted; what somebody had restricted waits for no review, so that its state is not told."""
    why = term(each["reason"], language)
    return why if each["reason"] == "restricted" else pair(term(each["state"], language), why, language)


def _quality(quality: Mapping[str, Any], language: str) -> Iterator[str]:
    said = words("monthly", language)
    yield f"<h2>{said['quality']}</h2>"
    sample = said["sample"].format(
        decided=quality["decided"], done=quality["of_redacted"], approved=quality["verdicts"]["approve"],
        returned=quality["verdicts"]["return"], escalated=quality["verdicts"]["escalate"],
    )  # fmt: skip
    yield f"<p>{sample}</p>"
    if quality["overall"] is None:
        yield f"<p>{said['no_figures']}</p>"
        return
    for name in ("recall", "precision"):
        types = {said["all_types"]: quality["overall"], **entities(quality["by_type"], language)}
        rows = [
            (kind, _figures(of[name], of, name, language), *of[name].values()) for kind, of in types.items() if of[name]
        ]
        yield paper.intervals((said[name], said["interval"], ""), rows)
    yield f"<p>{said['figures_note']}</p>"


def _figures(of: Mapping[str, float], counts: Mapping[str, Any], name: str, language: str) -> str:
    against = counts["missed" if name == "recall" else "wrong"]
    figures = f"{share(of['share'], language)} ({share(of['least'], language)} – {share(of['most'], language)})"
    return f"{figures} · {counts['right']} / {counts['right'] + against}"


def duties(told: Mapping[str, Any], language: str) -> Iterator[str]:
    """Retention, cases and erasures."""
    said = words("monthly", language)
    yield f"<h2>{said['retention']}</h2>"
    yield paper.table(
        (said["class"], said["limit"], said["due_soon"], said["overdue"], said["on_hold"], said["undated"]),
        [
            (
                term(name, language), months(of["months"], language), of["due_soon"], of["overdue"],
                of["held"], of["undated"],
            )
            for name, of in told["retention"].items()
        ],
    )  # fmt: skip
    for kind, of in told["cases"].items():
        yield f"<h2>{said[f'{kind}_cases']}</h2>"
        yield f"<p>{said['cases_count'].format(**{name: of[name] for name in ('opened', 'closed', 'overdue')})}</p>"
        rows = [
            (
                each["id"],
                *([term(each["kind"], language) if each["kind"] else "–"] if kind == "request" else []),
                term(each["state"], language),
                minute(each["opened_at"], language),
                minute(each["due_at"], language),
            )
            + ((said["late"],) if each["is_overdue"] else ("",))
            for each in of["open"][:_SHOWN]
        ]
        if rows:
            kinds = [said["kind"]] if kind == "request" else []
            yield paper.table((said["case"], *kinds, said["state"], said["opened"], said["due"], ""), rows)
    erasures = told["erasures"]
    yield f"<h2>{said['erasures']}</h2>"
    yield f"<p>{said['erasures_count'].format(count=erasures['count'], wrong=erasures['wrongly_signed'])}</p>"
    yield from paper.bars(said["why"], {term(why, language): n for why, n in erasures["by_reason"].items()})


def people(told: Mapping[str, Any], language: str) -> Iterator[str]:
    """Who heard or opened an original, and trainings."""
    said = words("monthly", language)
    yield f"<h2>{said['clear']}</h2>"
    yield from _accesses(told["clear_access"], language)
    yield f"<h2>{said['trainings']}</h2>"
    if told["trainings"]:
        yield paper.table(
            (said["module"], said["valid"], said["ends_soon"], said["ended"]),
            [(module, of["valid"], of["ends_soon"], of["ended"]) for module, of in told["trainings"].items()],
        )
    else:
        yield f"<p>{said['no_trainings']}</p>"


def _accesses(accesses: Sequence[Mapping[str, str]], language: str) -> Iterator[str]:
    said = words("monthly", language)
    if not accesses:
        yield f"<p>{said['no_access']}</p>"
        return
    rows = [
        (minute(each["at"], language), each["who"], said[each["what"]], each["of"], term(each["reason"], language))
        for each in accesses[:_SHOWN]
    ]
    yield paper.table((said["when"], said["who"], said["what"], said["recording"], said["why"]), rows)
    if len(accesses) > _SHOWN:
        yield f"<p>{said['more'].format(count=len(accesses) - _SHOWN)}</p>"
