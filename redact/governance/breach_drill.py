"""A drill: a made-up breach on the real data, from start to end and timed, with a report of what was missing.

It ends no session, changes no key and freezes nothing; its papers say on their first line that it is one.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import TypeVar

from redact import __version__, paper
from redact.errors import PolicyError, UsageError
from redact.governance.breach import Known, Text, close, missing, open_breach, open_case, update
from redact.governance.breach_scope import scope
from redact.governance.containment import contain
from redact.governance.given_out import Asked
from redact.governance.notification import notify
from redact.governance.organisation import Organisation, Spoken
from redact.governance.prose import decimal
from redact.governance.words import words
from redact.publish import Staged
from redact.stores.cases import said
from redact.stores.opened import Stores

_TEXTS: tuple[Text, ...] = (
    "nature", "consequences", "measures", "facts", "effects", "remedy", "not_notified", "pending"
)  # fmt: skip
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Drill:
    """What came of a drill.

    Attributes:
        seconds: that each step took, by name.
        missing: what a real notification would lack, or what would fail, by words.
        records: in the archives; `persons` about so many.
        sessions: that would end; `keys` that would be wrapped anew.
        folder: where papers and report lie.
    """

    case_id: str
    at: str
    seconds: dict[str, float]
    missing: tuple[str, ...]
    records: int
    persons: int
    sessions: int
    keys: int
    folder: Path

    @property
    def total_s(self) -> float:
        """Seconds for all of it."""
        return round(sum(self.seconds.values()), 2)


def drill(stores: Stores, said_by: Organisation | Spoken, folder: Path, now: datetime | None = None) -> Drill:
    """Do all that a breach of all archives would take, but for what stops it, and write the papers and a report.

    Args:
        stores: where things are kept.
        said_by: the organisation, as it would tell; `Spoken`, each paper in its own language.
        folder: for papers and report, in a folder of the drill's own.
        now: the moment; None for this one.

    Raises:
        RedactError: the stores can't be read, or the folder can't be written to.
    """
    moment = now or datetime.now(UTC)
    said_by = said_by if isinstance(said_by, Spoken) else Spoken(said_by)
    organisation = said_by.plain
    seconds: dict[str, float] = {}

    def timed(step: str, way: Callable[[], _T]) -> _T:
        began = time.monotonic()
        try:
            return way()
        finally:
            seconds[step] = round(time.monotonic() - began, 3)

    case = timed("open", lambda: _opened(stores, organisation, moment))
    found = timed("scope", lambda: scope(stores, organisation, case, Asked(whole=True), moment))
    steps = timed("contain", lambda: contain(stores, case, now=moment))
    lacking = [*missing(organisation, open_case(stores, case), moment)]
    lacking += [f"contain.{done.step}" for done in steps if done.failed]
    lacking += [] if organisation.archives else ["organisation.archives"]
    lacking += [] if organisation.authority.name else ["organisation.authority"]
    papers = folder / case
    timed("notify", lambda: _written(stores, said_by, case, papers, moment))
    timed("close", lambda: close(stores, organisation, case, Known(), moment))
    counts = {done.step: done.count for done in steps}
    done = Drill(
        case, said(moment), seconds, tuple(lacking), found.records, found.persons, counts["sessions"], counts["keys"],
        papers,
    )  # fmt: skip
    _report(done, organisation)
    return done


def _opened(stores: Stores, organisation: Organisation, now: datetime) -> str:
    case = open_breach(
        stores, organisation, Known(natures=("confidentiality",), risk="high"), now, drill=True
    )  # fmt: skip
    for language in organisation.languages:
        told = words("breach", language)
        texts = {name: told[f"drill_text_{name}"] for name in _TEXTS}
        update(stores, organisation, case.case_id, Known(texts=texts, language=language), now)
    return case.case_id


def _written(stores: Stores, said_by: Spoken, case_id: str, folder: Path, now: datetime) -> None:
    """Write the papers as far as they go: what keeps a real notification from being written is told as missing."""
    try:
        notify(stores, said_by, case_id, folder, now, phase=1)
    except (PolicyError, UsageError):
        if not missing(said_by.plain, open_case(stores, case_id), now):
            raise


def _report(done: Drill, organisation: Organisation) -> None:
    told = {
        "schema": "callredact.drill", "version": 1, "redact_version": __version__,
        **{name: value for name, value in asdict(done).items() if name != "folder"}, "total_s": done.total_s,
    }  # fmt: skip
    with Staged(done.folder, private=True) as staged:
        for language in organisation.languages:
            staged.open(f"drill.{language}.html").write(_page(done, language).encode())
        staged.open("drill.json").write((json.dumps(told, indent=1) + "\n").encode())
        staged.publish(force=False)


def _page(done: Drill, language: str) -> str:
    told = words("breach", language)
    rows: list[Sequence[object]] = [
        (told[f"{step}_step"], decimal(took, language, 2)) for step, took in done.seconds.items()
    ]
    lacking = [told.get(name.replace(".", "_"), name) for name in done.missing]
    cards = {
        told["total"]: f"{decimal(done.total_s, language)} s",
        told["records"]: str(done.records), told["persons"]: str(done.persons),
        told["sessions"]: str(done.sessions), told["keys"]: str(done.keys),
    }  # fmt: skip
    parts = [
        f"<h1>{escape(told['drill_title'])}</h1>",
        f'<p class="what">{escape(told["case"])} <code>{escape(done.case_id)}</code></p>',
        f"<p>{escape(told['drill_left'])}</p>",
        paper.cards(cards),
        f"<h2>{escape(told['drill_times'])}</h2>",
        paper.table((told["step"], told["seconds"]), [*rows, (told["total"], decimal(done.total_s, language, 2))]),
        f"<h2>{escape(told['drill_missing'])}</h2>",
        "<ul>" + "".join(f"<li>{escape(each)}</li>" for each in lacking) + "</ul>"
        if lacking
        else f"<p>{escape(told['drill_nothing'])}</p>",
    ]
    return paper.page(told["drill_title"], parts, language)
