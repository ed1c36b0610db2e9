"""Which recordings are about the person who asks: looked for by what they are known by, and decided by somebody.

A name can be another's, so what is found counts only once it was confirmed. What is looked for is kept nowhere: a case
holds the ids, and which kind of term led to each.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from redact.batch.archive import Archive
from redact.custody import call_names, sources_of
from redact.errors import UsageError
from redact.findings import TermKind
from redact.governance import finding
from redact.governance.asked import ways
from redact.governance.on_record import led_by
from redact.governance.subjects import Choice, Match, Request, still_open
from redact.stores.cases import Case
from redact.stores.ledger import Archived, Row
from redact.stores.marks import KINDS
from redact.stores.opened import Stores

# What somebody can decide about, and had to be decided.
_UNDONE: tuple[Choice, ...] = ("confirmed", "excluded", "found")


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody decided about what was found.

    Attributes:
        only: these are the person's, all others aren't.
        excluded: these aren't, all others are.
        everything: all of it is the person's.
        by_hand: these are, though nothing led to them.
    """

    only: Sequence[str] = ()
    excluded: Sequence[str] = ()
    everything: bool = False
    by_hand: Sequence[str] = ()

    @property
    def is_one(self) -> bool:
        """True where anything was decided."""
        return bool(self.only or self.excluded or self.everything or self.by_hand)


@dataclass(frozen=True, slots=True)
class Shown:
    """A match with what the ledger and the marks tell of it; empty or 0 where they don't."""

    match: Match
    recorded_at: str = ""
    queue: str = ""
    language: str = ""
    duration_ms: int = 0
    state: str = ""
    marks: tuple[str, ...] = ()


def find(
    stores: Stores,
    archives: Sequence[str],
    case_id: str,
    wanted: Sequence[tuple[TermKind, str]],
    *,
    every_word: bool = True,
    now: datetime | None = None,
) -> Request:
    """Look for the recordings of a person, and note them on the case; what was decided, and what led to them, stays.

    Args:
        stores: where things are kept.
        archives: folders or URLs of outputs.
        case_id: of the request.
        wanted: what the person is known by, with its kind: what any of it leads to is found.
        every_word: all words of a name have to be said, not any one of them.
        now: for the case; None for this moment.

    Raises:
        UsageError: the request is closed, or something can't be looked for.
        RedactError: a store can't be read.
    """
    known = {match.recording_id: match for match in still_open(stores, case_id).matches}
    with stores.audit.action("subject.find", case_id) as counts:
        reasons: dict[str, set[str]] = {}
        for kind, value in wanted:  # each by itself: who has two numbers is in the calls of both
            for recording_id in finding.search(stores, [(kind, value)], every_word=every_word):
                reasons.setdefault(recording_id, set()).add(kind)
        for recording_id, why in _on_record(stores, archives, [value for _, value in wanted]):
            reasons.setdefault(recording_id, set()).add(why)
        for recording_id, found_by in reasons.items():
            found_by |= led_by(stores, recording_id, wanted)
        # Of one whose original alone was erased, the redacted copy is there still.
        erasures = stores.certificates.all() if reasons else ()
        gone = {each.recording_id for each in erasures if each.scope == "recording"}
        found = {own: tuple(sorted(why)) for own, why in reasons.items() if own not in gone}
        counts |= {"terms": len(wanted), "recordings": len(found), "new": len(found.keys() - known.keys())}
        detail = {"terms": len(wanted), "recordings": len(found)}

        def change(before: Mapping[str, Match]) -> list[Match]:
            return [_with(before.get(own), own, why) for own, why in found.items()]

        return noted(stores, case_id, change, ("found", detail), now=now)


def decide(
    stores: Stores, archives: Sequence[str], case_id: str, what: Decision, *, now: datetime | None = None
) -> Request:
    """Note which matches are the person's, and which aren't.

    Raises:
        UsageError: an id is none of the matches, or one that was added by hand is in no archive.
    """
    known = {match.recording_id: match for match in still_open(stores, case_id).matches}
    if what.only and (what.excluded or what.everything):
        raise UsageError("--only says it all", hint="use it without --not and --all")
    if unknown := {*what.only, *what.excluded} - known.keys():
        raise UsageError(f"{len(unknown)} of the ids are no matches", hint="add one by hand with --id")
    for recording_id in what.by_hand:
        if not rows_of(stores, archives, recording_id):
            raise UsageError("no archive has a recording of that id", hint="check the id, and archives in its file")
    with stores.audit.action("subject.find", case_id, reason="decided") as counts:

        def change(before: Mapping[str, Match]) -> list[Match]:
            seen = {own: match for own, match in before.items() if own in known}  # the rest nobody here decided about
            changed = _all_decided(seen, what)
            counts.update({choice: sum(match.choice == choice for match in changed) for choice in _UNDONE})
            return changed

        return noted(stores, case_id, change, ("decided", counts), now=now)


def noted(
    stores: Stores,
    case_id: str,
    change: Callable[[Mapping[str, Match]], Iterable[Match]],
    event: tuple[str, Mapping[str, object]],
    *,
    now: datetime | None = None,
    while_open: bool = True,
) -> Request:
    """Note matches of a case, beside the others that it has by now: somebody else may be at work on it too.

    Args:
        stores: where things are kept.
        case_id: of the request.
        change: gives those that are new or have changed, from those that are there.
        event: says what was done, with its detail.
        now: for the case; None for this moment.
        while_open: a request that somebody has closed by now stays as it is.
    """

    def fields(case: Case) -> dict[str, Any]:
        before = {match.recording_id: match for match in Request(case).matches}
        after = before | {match.recording_id: match for match in change(before)}
        return {"matches": {own: {"why": match.why, "choice": match.choice} for own, match in after.items()}}

    changed = stores.cases.change(case_id, event[0], fields=fields, detail=event[1], at=now, while_open=while_open)
    return Request(changed)


def shown(stores: Stores, archives: Sequence[str], matches: Iterable[Match]) -> Iterator[Shown]:
    """Matches with what is known of them."""
    for match in matches:
        marks = tuple(kind for kind in KINDS if stores.marks.has(match.recording_id, kind))
        rows = rows_of(stores, archives, match.recording_id)
        if rows:
            row = rows[0]
            yield Shown(match, row.recorded_at, row.queue, row.language, row.duration_ms, row.state, marks)
        else:
            yield Shown(match, state="erased" if stores.certificates.is_erased(match.recording_id) else "", marks=marks)


def rows_of(stores: Stores, archives: Sequence[str], recording_id: str) -> tuple[Row, ...]:
    """The rows of a recording in the ledgers of all archives."""
    return tuple(row for ledger in _ledgers(stores, archives) for row in ledger.of(recording_id))


def _with(known: Match | None, recording_id: str, why: Collection[str]) -> Match:
    """A match with what led to it now, beside what had before."""
    before = known or Match(recording_id, (), "found")
    return Match(recording_id, tuple(sorted({*before.why, *why})), before.choice)


def _all_decided(known: Mapping[str, Match], what: Decision) -> list[Match]:
    by_hand = {own: Match(own, known[own].why if own in known else ("by_hand",), "confirmed") for own in what.by_hand}
    return [
        Match(match.recording_id, match.why, _decided(match, what)) if match.choice != "erased" else match
        for match in {**known, **by_hand}.values()
    ]


def _decided(match: Match, what: Decision) -> Choice:
    if match.recording_id in {*what.only, *what.by_hand}:
        return "confirmed"
    if what.only or match.recording_id in what.excluded:
        return "excluded"
    return "confirmed" if what.everything or (what.excluded and match.choice == "found") else match.choice


def _ledgers(stores: Stores, archives: Sequence[str]) -> list[Archived]:
    return [stores.ledger.archive(Archive(url).url) for url in archives]


def _on_record(stores: Stores, archives: Sequence[str], values: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Recordings that records of lawful bases, or the metadata of a batch, tie to a person, and which of them."""
    written = sorted({way for value in values for way in ways(value)})
    consented = stores.consent.calls_of(written)
    known_by = stores.ledger.pseudonym
    ledgers = _ledgers(stores, archives)
    for ledger in ledgers:
        for why, names in (("consent", sorted(consented)), ("call", written)):
            for row in ledger.known_by("call", [known_by("call", name) for name in names]):
                if row.recording_id:
                    yield row.recording_id, why
        for row in ledger.known_by("agent", [known_by("agent", name) for name in written]):
            if row.recording_id:
                yield row.recording_id, "agent"
        for recording_id in _by_file(stores, ledger, consented):
            yield recording_id, "consent"


def _by_file(stores: Stores, ledger: Archived, calls: Collection[str]) -> Iterator[str]:
    """Recordings that are known by their file's name, as calls without metadata are: told by the sealed way back."""
    if not calls:
        return
    for row in ledger.rows():
        is_nameless = row.recording_id and not row.call
        if is_nameless and not call_names(sources_of(stores.vault, row.recording_id)).isdisjoint(calls):
            yield row.recording_id
