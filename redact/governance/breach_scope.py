"""What a breach exposes: counted from the log, the page's decisions and the ledger, never from the recordings.

Persons are counted three ways, and the ways are told: those on record for a call's lawful basis, by their pseudonyms;
else calls in which the same telephone number or reference was said are one person's; else each call is one. The sum is
approximate: somebody may be on record under two numbers, and one call may have two customers.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any, Literal

from redact.batch.archive import Archive
from redact.custody import sources_of
from redact.errors import UsageError
from redact.governance.access import OWN_VOICE
from redact.governance.breach import Sealed, open_case, seal, sealed
from redact.governance.organisation import Organisation
from redact.policy import DROPPED_TYPES
from redact.stores.audit import ACTIONS, Action
from redact.stores.cases import KINDS, Case, said
from redact.stores.ledger import Row
from redact.stores.opened import Stores

Copy = Literal["sealed", "redacted", "clear"]
# What gives somebody a recording in clear; of exports those of a person's own voice.
CLEAR_ACTIONS: tuple[Action, ...] = ("vault.open", "original.hear", "subject.export")
# How ids begin that are no recordings', though they have keys.
_CASES = tuple(f"{kind}-" for kind in KINDS)


@dataclass(frozen=True, slots=True)
class Asked:
    """What to count.

    Attributes:
        since: of the log, from this moment; `until` up to this one.
        accounts: of the log; users of the page too.
        actions: of the log.
        ids: of recordings, whatever the log says.
        queues: only calls of these.
        archives: whole folders of outputs, or those that are looked through.
        copy: which copies are exposed: those in the vault without its keys, redacted outputs, or originals in clear.
        whole: all that is in the archives, not what the log tells.
    """

    since: datetime | None = None
    until: datetime | None = None
    accounts: frozenset[str] = frozenset()
    actions: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()
    queues: frozenset[str] = frozenset()
    archives: tuple[str, ...] = ()
    copy: Copy = "clear"
    whole: bool = False

    def within(self, at: str) -> bool:
        """True for a moment of the period."""
        moment = datetime.fromisoformat(at)
        return (self.since is None or moment >= self.since) and (self.until is None or moment <= self.until)


@dataclass(frozen=True, slots=True)
class Scope:
    """How much is exposed.

    Attributes:
        records: recordings.
        persons: about so many; the sum of `by_consent`, `by_terms` and `each_its_own`, or what somebody stated.
        agents: distinct pseudonyms of those who spoke for the centre.
        accesses: rows of the log that were counted.
        others: ids in those rows that are no recordings of the archives: cases, files sealed by hand.
        types: how many stretches of each entity type were found in these recordings.
        not_kept: of codes and PINs, how many were found that are kept nowhere: what is sealed is a copy without them.
        sealed_only: of the records, those that nobody can read without keys; `redacted`, `in_clear` the others.
        stated: words for what somebody stated, as it could not be counted: `records`, `persons`.
    """

    at: str
    copy: Copy
    records: int = 0
    persons: int = 0
    by_consent: int = 0
    by_terms: int = 0
    each_its_own: int = 0
    agents: int = 0
    accesses: int = 0
    others: int = 0
    types: Mapping[str, int] = field(default_factory=dict)
    not_kept: Mapping[str, int] = field(default_factory=dict)
    sealed_only: int = 0
    redacted: int = 0
    in_clear: int = 0
    stated: tuple[str, ...] = ()

    @property
    def is_unintelligible(self) -> bool:
        """True where nobody can read any of it (GDPR, Art. 34(3)(a))."""
        return self.copy == "sealed" and self.records == self.sealed_only > 0


def scope(
    stores: Stores, organisation: Organisation, case_id: str, asked: Asked, now: datetime | None = None,
    stated: Mapping[str, int] | None = None,
) -> Scope:  # fmt: skip
    """Count what a breach exposes, and keep counts with the case and ids in the vault.

    Args:
        stores: where things are kept.
        organisation: has the archives.
        case_id: of the breach.
        asked: what to count.
        now: the moment; None for this one.
        stated: `records` and `persons` where somebody knows better than what can be counted.

    Raises:
        UsageError: there is no such breach, or nothing was asked for.
    """
    moment = now or datetime.now(UTC)
    case = open_case(stores, case_id)
    _check(asked, stated)
    with stores.audit.action("breach.scope", case_id, reason="drill" if case.fields.get("drill") else "breach") as told:
        found, exposed = counted(stores, asked, asked.archives or organisation.archives, moment)
        known = stated or {}
        records, persons = known.get("records", found.records), known.get("persons", found.persons)
        found = replace(found, records=records, persons=persons, stated=tuple(sorted(known)))

        def fields(current: Case) -> dict[str, Any]:
            seal(stores, case_id, Sealed(sealed(stores, current).texts, tuple(sorted(exposed))))
            return {"scope": {**asdict(found), "unintelligible": found.is_unintelligible}}

        figures = {"records": found.records, "persons": found.persons, "accesses": found.accesses}
        stores.cases.change(case_id, "scoped", fields=fields, detail=figures, at=moment, while_open=True)
        told |= figures
    return found


def counted(stores: Stores, asked: Asked, archives: Iterable[str], now: datetime) -> tuple[Scope, frozenset[str]]:
    """What is exposed, and the ids of the recordings."""
    rows = _rows(stores, archives, asked)
    cleared, accesses = _accessed(stores, asked, archives)
    touched = asked.ids
    if asked.whole:
        touched |= frozenset(rows)
    elif asked.accounts or asked.actions or asked.since or asked.until:
        touched |= cleared & frozenset(rows) if asked.queues else cleared
    keyed = frozenset(key.recording_id for key in stores.keys.listed() if not key.recording_id.startswith(_CASES))
    exposed = frozenset(each for each in touched if each in rows or each in asked.ids or each in keyed)
    copies = _copies(stores, asked, exposed, cleared, rows)
    persons = _persons(stores, exposed, rows)
    types, not_kept = _types([rows[each] for each in exposed & frozenset(rows)])
    agents = {row.agent for each in exposed & frozenset(rows) for row in rows[each] if row.agent}
    found = Scope(
        said(now), asked.copy, len(exposed), sum(persons.values()), persons["by_consent"], persons["by_terms"],
        persons["each_its_own"], len(agents), accesses, len(touched - exposed), types, not_kept,
        copies["sealed"], copies["redacted"], copies["clear"],
    )  # fmt: skip
    return found, exposed


def _check(asked: Asked, stated: Mapping[str, int] | None) -> None:
    narrow = (asked.since, asked.until, asked.accounts, asked.actions, asked.ids, asked.whole, stated)
    if not any(narrow):
        raise UsageError(
            "nothing tells what is exposed",
            hint="give a period, accounts, actions, ids, a queue, an archive or --whole",
        )
    if asked.actions - set(ACTIONS):
        raise UsageError("the log has no such action", hint=f"such as: {', '.join(CLEAR_ACTIONS)}")


def _rows(stores: Stores, archives: Iterable[str], asked: Asked) -> dict[str, list[Row]]:
    """Rows of the ledger by recording: of the queues, and made by the end of the period."""
    found: dict[str, list[Row]] = {}
    for url in archives:
        for row in stores.ledger.archive(Archive(url).url).rows():
            is_there = (
                not row.finished_at or asked.until is None or datetime.fromisoformat(row.finished_at) <= asked.until
            )
            if row.recording_id and is_there and (not asked.queues or row.queue in asked.queues):
                found.setdefault(row.recording_id, []).append(row)
    return found


def _accessed(stores: Stores, asked: Asked, archives: Iterable[str]) -> tuple[frozenset[str], int]:
    """The ids that somebody had access to, by log and page, and how many times.

    What was refused gave nothing out. What has begun and not ended did, for all anybody knows.
    """
    wanted = asked.actions or frozenset(CLEAR_ACTIONS)
    had: Counter[tuple[str, str, str]] = Counter()
    for entry in stores.audit.entries():
        is_asked = entry.action in wanted and (not asked.accounts or entry.actor in asked.accounts)
        if entry.action == "subject.export" and entry.reason != OWN_VOICE and not asked.actions:
            continue  # redacted outputs, encrypted for the person that they are of
        if is_asked and entry.object_id != "-" and asked.within(entry.at):
            key = (entry.actor, entry.action, entry.object_id)
            had[key] += {"begun": 1, "refused": -1}.get(entry.outcome, 0)
    if "original.hear" in wanted:
        for url in archives:
            for decision in stores.reviews(Archive(url).url).decisions():
                if decision.kind == "original" and decision.name in asked.accounts and asked.within(decision.at):
                    had[decision.name, "original.hear", decision.recording_id] += 1
    counts = {key: count for key, count in had.items() if count > 0}
    return frozenset(object_id for _, _, object_id in counts), sum(counts.values())


def _copies(
    stores: Stores, asked: Asked, exposed: frozenset[str], cleared: frozenset[str], rows: Mapping[str, list[Row]]
) -> Counter[str]:
    """Of the recordings, how many can nobody read, are redacted, or in clear. In doubt it is in clear."""
    if asked.copy != "sealed":
        return Counter({asked.copy: len(exposed)})
    vault = {each.recording_id for each in stores.vault.listed() if each.kind == "original"}
    only = {
        each
        for each in exposed & vault - cleared
        if all(row.original in {"vault", "deleted"} for row in rows.get(each, ()))
    }
    return Counter({"sealed": len(only), "clear": len(exposed - only)})


def _types(exposed: Iterable[Sequence[Row]]) -> tuple[dict[str, int], dict[str, int]]:
    """Stretches that were found in recordings, by type; and those of codes and PINs that no copy has any more.

    Where the original lies elsewhere, or where it lay, they are in it.
    """
    types: Counter[str] = Counter()
    not_kept: Counter[str] = Counter()
    for rows in exposed:
        is_sealed = all(row.original in {"vault", "deleted", "erased"} for row in rows)
        for kind, count in rows[0].replacements.items():
            (not_kept if is_sealed and kind in DROPPED_TYPES else types)[kind] += count
    return dict(sorted(types.items())), dict(sorted(not_kept.items()))


def _persons(stores: Stores, exposed: frozenset[str], rows: Mapping[str, list[Row]]) -> Counter[str]:
    on_record = stores.consent.persons_by_call()
    by_pseudonym = {stores.ledger.pseudonym("call", call_id): call_id for call_id in on_record}
    known: set[str] = set()
    others = []
    for each in sorted(exposed):
        calls = [by_pseudonym.get(row.call, "") for row in rows.get(each, ()) if row.call]
        if not any(calls) and on_record:
            calls = [s.get("call_id") or PurePosixPath(s["source"]).stem for s in sources_of(stores.vault, each)]
        persons = frozenset[str]().union(*(on_record.get(call, frozenset()) for call in calls))
        known |= persons
        if not persons:
            others.append(each)
    terms = stores.index.terms(("phone", "reference"))
    indexed = [terms[each] for each in others if each in terms]
    return Counter(by_consent=len(known), by_terms=_groups(indexed), each_its_own=len(others) - len(indexed))


def _groups(found: Iterable[frozenset[str]]) -> int:
    """How many groups there are of sets that share something, directly or by others."""
    above: dict[str, str] = {}

    def root(term: str) -> str:
        while above.setdefault(term, term) != term:
            above[term] = above[above[term]]
            term = above[term]
        return term

    for terms in found:
        first, *others = sorted(terms)
        for other in others:
            above[root(other)] = root(first)
        root(first)
    return sum(term == parent for term, parent in above.items())
