"""What a breach exposes: counted from the log, the page's decisions, exports and the ledger, never from the recordings.

Persons are counted three ways, and the ways are told: those on record for a call's lawful basis, by their pseudonyms;
else calls in which the same telephone number or reference was said are one person's; else each call is one. The sum is
approximate: somebody may be on record under two numbers, and one call may have two customers.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from redact.batch.archive import Archive
from redact.custody import call_names, sources_of
from redact.errors import UsageError
from redact.governance.breach import Sealed, open_case, seal, sealed
from redact.governance.given_out import GIVING, Asked, Copy, GivenOut, given_out
from redact.governance.organisation import Organisation
from redact.policy import DROPPED_TYPES
from redact.stores.audit import ACTIONS
from redact.stores.cases import KINDS, Case, said
from redact.stores.ledger import Row
from redact.stores.opened import Stores
from redact.stores.signatures import is_comment

# How ids begin that are no recordings', though they have keys.
_CASES = tuple(f"{kind}-" for kind in KINDS)


@dataclass(frozen=True, slots=True)
class Scope:
    """How much is exposed.

    Attributes:
        records: recordings.
        persons: about so many; the sum of `by_consent`, `by_terms` and `each_its_own`, or what somebody stated.
        agents: distinct pseudonyms of those who spoke for the centre.
        accesses: rows of the log that were counted.
        exported: of the records, those that left in an export.
        log_exports: how many times the log itself was exported: it has ids and accounts, and no recording.
        others: ids in those rows that are no recordings of the archives: cases, files sealed by hand.
        unknown: ids that somebody gave and that are of no recording here; they are not among the records.
        types: how many stretches of each entity type were found in these recordings.
        not_kept: of codes and PINs, how many were found that are kept nowhere: what is sealed is a copy without them.
        sealed_only: of the records, those that nobody can read without keys; `redacted`, `in_clear` the others.
        stated: words for what somebody stated, as it could not be counted: `records`, `persons`.
        by_controller: of what was counted, `records`, `persons` and `types` of each whom we process for, by `client`.
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
    exported: int = 0
    log_exports: int = 0
    others: int = 0
    unknown: int = 0
    types: Mapping[str, int] = field(default_factory=dict)
    not_kept: Mapping[str, int] = field(default_factory=dict)
    sealed_only: int = 0
    redacted: int = 0
    in_clear: int = 0
    stated: tuple[str, ...] = ()
    by_controller: Mapping[str, Any] = field(default_factory=dict)

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
        found, exposed = counted(stores, asked, organisation.archives, moment)
        known = stated or {}
        records, persons = known.get("records", found.records), known.get("persons", found.persons)
        shares = {} if known else _shares(stores, organisation, exposed)
        found = replace(found, records=records, persons=persons, stated=tuple(sorted(known)), by_controller=shares)

        def fields(current: Case) -> dict[str, Any]:
            seal(stores, case_id, Sealed(sealed(stores, current).texts, tuple(sorted(exposed))))
            return {"scope": {**asdict(found), "unintelligible": found.is_unintelligible}}

        figures = {"records": found.records, "persons": found.persons, "accesses": found.accesses}
        apart = {"exported": found.exported, "unknown_ids": found.unknown}
        figures |= {name: count for name, count in apart.items() if count}
        stores.cases.change(case_id, "scoped", fields=fields, detail=figures, at=moment, while_open=True)
        told |= figures
    return found


def counted(stores: Stores, asked: Asked, archives: Sequence[str], now: datetime) -> tuple[Scope, frozenset[str]]:
    """What is exposed, and the ids of the recordings.

    Args:
        stores: where things are kept.
        asked: what to count.
        archives: all of the organisation's.
        now: the moment.
    """
    every = {url: _rows(stores, url) for url in dict.fromkeys((*asked.archives, *archives))}
    rows = _narrowed((row for url in asked.archives or archives for row in every[url]), asked)
    given = given_out(stores, asked, asked.archives or archives)
    touched = frozenset(rows) if asked.whole else frozenset()
    if not asked.whole and (asked.accounts or asked.actions or asked.since or asked.until):
        touched = given.ids & frozenset(rows) if asked.queues else given.ids
    known = frozenset(row.recording_id for found in every.values() for row in found) | _elsewhere(stores)
    exposed = (touched | asked.ids) & known
    copies = _copies(stores, asked, exposed, given, rows)
    persons = _persons(stores, exposed, rows)
    types, not_kept = _types([rows[each] for each in exposed & frozenset(rows)])
    agents = {row.agent for each in exposed & frozenset(rows) for row in rows[each] if row.agent}
    found = Scope(
        said(now), asked.copy, len(exposed), sum(persons.values()), persons["by_consent"], persons["by_terms"],
        persons["each_its_own"], len(agents), given.accesses, len(exposed & given.exported), given.log_exports,
        len(touched - known), len(asked.ids - known), types, not_kept,
        copies["sealed"], copies["redacted"], copies["clear"],
    )  # fmt: skip
    return found, exposed


def client(name: str) -> str:
    """What a controller is known by in a case, which holds nobody's name."""
    return hashlib.sha256(name.encode()).hexdigest()[:16]


def _shares(stores: Stores, organisation: Organisation, exposed: frozenset[str]) -> dict[str, Any]:
    """How much is whose, of the controllers that have queues of their own."""
    if organisation.role != "processor" or not any(each.queues for each in organisation.controllers):
        return {}
    every = [row for url in organisation.archives for row in _rows(stores, url) if row.recording_id in exposed]
    shares = {}
    for each in organisation.controllers:
        rows: dict[str, list[Row]] = {}
        for row in every:
            if row.queue in each.queues:
                rows.setdefault(row.recording_id, []).append(row)
        if each.queues:
            persons = sum(_persons(stores, frozenset(rows), rows).values())
            shares[client(each.name)] = {"records": len(rows), "persons": persons, "types": _types(rows.values())[0]}
    return shares


def _elsewhere(stores: Stores) -> frozenset[str]:
    """Ids of recordings that no ledger need know: sealed, or erased with a certificate since somebody had them."""
    keyed = (key.recording_id for key in stores.keys.listed())
    sealed_ones = {own for own in keyed if not own.startswith(_CASES) and not is_comment(own)}
    erased = {each.recording_id for each in stores.certificates.all() if each.scope not in {"case", "comment"}}
    return frozenset(sealed_ones | erased)


def _check(asked: Asked, stated: Mapping[str, int] | None) -> None:
    narrow = (asked.since, asked.until, asked.accounts, asked.actions, asked.ids, asked.whole, stated)
    if not any(narrow):
        raise UsageError(
            "nothing tells what is exposed",
            hint="give a period, accounts, actions, ids, a queue, an archive or --whole",
        )
    if asked.actions - set(ACTIONS):
        raise UsageError("the log has no such action", hint=f"such as: {', '.join(GIVING)}")


def _rows(stores: Stores, url: str) -> list[Row]:
    """Rows of an archive's ledger that have recordings."""
    return [row for row in stores.ledger.archive(Archive(url).url).rows() if row.recording_id]


def _narrowed(every: Iterable[Row], asked: Asked) -> dict[str, list[Row]]:
    """Rows by recording: of the queues, and made by the end of the period."""
    found: dict[str, list[Row]] = {}
    for row in every:
        is_there = not row.finished_at or asked.until is None or datetime.fromisoformat(row.finished_at) <= asked.until
        if is_there and (not asked.queues or row.queue in asked.queues):
            found.setdefault(row.recording_id, []).append(row)
    return found


def _copies(
    stores: Stores, asked: Asked, exposed: frozenset[str], given: GivenOut, rows: Mapping[str, list[Row]]
) -> Counter[str]:
    """Of the recordings, how many can nobody read, are redacted, or in clear. In doubt it is in clear."""
    masked = exposed & given.redacted - given.clear
    if asked.copy == "redacted":
        return Counter(redacted=len(exposed))
    if asked.copy == "clear":  # what somebody names, or a whole archive, is taken for what they say it is
        masked = masked - asked.ids if not asked.whole else frozenset()
        return Counter(redacted=len(masked), clear=len(exposed - masked))
    vault = {each.recording_id for each in stores.vault.listed() if each.kind == "original"}
    unread = exposed & vault - given.clear
    only = {each for each in unread if all(row.original in {"vault", "deleted"} for row in rows.get(each, ()))}
    return Counter(sealed=len(only - masked), redacted=len(only & masked), clear=len(exposed - only))


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
            calls = list(call_names(sources_of(stores.vault, each)))
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
