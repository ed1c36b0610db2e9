"""Which recordings somebody was given, by the log, the page and people's requests; for what a breach exposes.

What was refused gave nothing out. What has begun and not ended did, for all anybody knows. An export of a request
stands in the log under the request: which recordings were in it, the request's own events tell.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from redact.batch.archive import Archive
from redact.errors import UsageError
from redact.governance.access import OWN_VOICE
from redact.governance.subjects import request
from redact.stores.audit import Action, Entry, episodes
from redact.stores.opened import Stores

Copy = Literal["sealed", "redacted", "clear"]
# What gives somebody a recording, or words of it: opened, heard, handed to a person, or written as proposed terms.
GIVING: tuple[Action, ...] = ("vault.open", "original.hear", "subject.export", "review.export")
LOG_EXPORT: Action = "audit.export"
# The log tells parts of a second, events of a case don't.
_EVENT_STEP = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """What to count.

    Attributes:
        since: of the log, from this moment; `until` up to this one.
        accounts: of the log; users of the page too.
        actions: of the log.
        ids: of recordings, whatever the log says. Those of which nothing is known here are told apart.
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
class GivenOut:
    """What somebody had access to.

    Attributes:
        clear: ids of recordings that were given out in clear, wholly or in part; and of other things: a case of which
            nobody knows any more what was in its export, a file that was sealed by hand.
        redacted: ids of recordings of which redacted outputs were given out, in exports.
        exported: those of all of these that left in an export.
        accesses: how many times.
        log_exports: how many times the log itself was exported: ids, times and accounts, and no recording.
    """

    clear: frozenset[str]
    redacted: frozenset[str]
    exported: frozenset[str]
    accesses: int
    log_exports: int

    @property
    def ids(self) -> frozenset[str]:
        """All of them."""
        return self.clear | self.redacted


@dataclass(frozen=True, slots=True)
class _Export:
    """One of a request.

    Attributes:
        ended_at: empty where it began and never ended.
        is_own_voice: the person's own words can be heard in it.
    """

    case_id: str
    actor: str
    began_at: str
    ended_at: str
    is_own_voice: bool


def given_out(stores: Stores, asked: Asked, archives: Iterable[str]) -> GivenOut:
    """What was given out in a period, by accounts, under actions.

    Args:
        stores: where things are kept.
        asked: which period, accounts and actions; all that give recordings out, where it names none.
        archives: of which users of the page heard originals.
    """
    wanted = asked.actions or frozenset((*GIVING, LOG_EXPORT))
    entries = [
        entry
        for entry in stores.audit.entries()
        if entry.action in wanted and (not asked.accounts or entry.actor in asked.accounts)
    ]
    had = _had(entries, asked)
    if "original.hear" in wanted:
        for url in archives:
            for decision in stores.reviews(Archive(url).url).decisions():
                if decision.kind == "original" and decision.name in asked.accounts and asked.within(decision.at):
                    had[decision.name, "original.hear", decision.recording_id] += 1
    counts = {key: count for key, count in had.items() if count > 0}
    exports = [(each.is_own_voice, _recordings(stores, each)) for each in _exports(entries, asked)]
    packed = frozenset[str]().union(*(ids for _, ids in exports))
    own_voice = frozenset[str]().union(*(ids for is_own_voice, ids in exports if is_own_voice))
    written = frozenset(own for _, action, own in counts if action == "review.export")
    return GivenOut(
        frozenset(own for _, _, own in counts) | own_voice, packed - own_voice, packed | written,
        sum(counts.values()) + len(exports),
        sum(entry.action == LOG_EXPORT and entry.outcome == "done" and asked.within(entry.at) for entry in entries),
    )  # fmt: skip


def _had(entries: Iterable[Entry], asked: Asked) -> Counter[tuple[str, str, str]]:
    """How often which account had what under which action; exports of requests are told by `_exports`."""
    had: Counter[tuple[str, str, str]] = Counter()
    for entry in entries:
        if entry.action != "subject.export" and entry.object_id != "-" and asked.within(entry.at):
            key = (entry.actor, entry.action, entry.object_id)
            had[key] += {"begun": 1, "refused": -1}.get(entry.outcome, 0)
    return had


def _exports(entries: Iterable[Entry], asked: Asked) -> Iterator[_Export]:
    """Exports that began or ended in the period, and were not refused."""
    for first, last in episodes(entry for entry in entries if entry.action == "subject.export"):
        if last and last.outcome == "refused":
            continue
        ended_at = last.at if last else ""
        if asked.within(first.at) or (ended_at and asked.within(ended_at)):
            yield _Export(first.object_id, first.actor, first.at, ended_at, first.reason == OWN_VOICE)


def _recordings(stores: Stores, export: _Export) -> frozenset[str]:
    """What was in an export; all that was confirmed, where nobody noted it; the case itself, where it is gone."""
    began = datetime.fromisoformat(export.began_at) - _EVENT_STEP
    noted = [
        event.detail.get("recordings", ())
        for event in stores.cases.events(export.case_id)
        if event.what == "exported" and event.actor == export.actor and began <= datetime.fromisoformat(event.at)
        and (not export.ended_at or datetime.fromisoformat(event.at) <= datetime.fromisoformat(export.ended_at))
    ]  # fmt: skip
    if noted:
        return frozenset[str]().union(*noted)
    try:
        found = frozenset(request(stores, export.case_id).ids("confirmed", "erased"))
    except UsageError:
        found = frozenset()
    return found or frozenset({export.case_id})
