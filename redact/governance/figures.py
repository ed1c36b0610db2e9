"""What reviewers' decisions say about the masks: how many were right, how many were missed, and how long a call takes.

Only calls that were approved count. A mask that a reviewer took away was wrong; one that they added was missed; those
that they left were right. What nobody heard is in none of these figures: recall is that of the reviewers.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from statistics import median
from typing import Protocol

from redact.policy import ENTITY_TYPES
from redact.stores.reviews import Decision

# Of the normal distribution, for intervals that hold the true value 19 times in 20.
_Z = 1.959964
_VERDICTS = frozenset({"approve", "return", "escalate"})


class Reviewed(Protocol):
    """A call as far as figures need it: `name`, and how many of each entity type are masked in it now."""

    @property
    def name(self) -> str:
        """What its outputs are called."""

    @property
    def replacements(self) -> Mapping[str, int]:
        """How many of each entity type are masked."""


@dataclass(frozen=True, slots=True)
class Share:
    """A share of so many, with its 95 % interval (Wilson, 1927)."""

    share: float
    least: float
    most: float

    @classmethod
    def of(cls, right: int, total: int) -> "Share | None":
        """The share; None of nothing."""
        if total == 0:
            return None
        share, z2 = right / total, _Z * _Z
        middle = (share + z2 / (2 * total)) / (1 + z2 / total)
        half = _Z * math.sqrt(share * (1 - share) / total + z2 / (4 * total * total)) / (1 + z2 / total)
        return cls(share, max(0.0, middle - half), min(1.0, middle + half))


@dataclass(frozen=True, slots=True)
class TypeFigures:
    """Of one entity type: how many masks were right, wrong and missed."""

    entity_type: str
    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> Share | None:
        """Of the masks that there were, those that were right."""
        return Share.of(self.right, self.right + self.wrong)

    @property
    def recall(self) -> Share | None:
        """Of what reviewers wanted masked, what was."""
        return Share.of(self.right, self.right + self.missed)


@dataclass(frozen=True, slots=True)
class Figures:
    """Over all approved calls.

    Attributes:
        seconds: median from claiming a call to deciding on it; None before that was done.
        by_name: how many calls each reviewer has decided on.
        agreed: of the calls on which two have decided, those that the second left as they were and decided alike.
    """

    calls: int
    types: tuple[TypeFigures, ...]
    seconds: float | None
    by_name: Mapping[str, int]
    agreed: Share | None = None


def figures(calls: Iterable[Reviewed], decisions: Sequence[Decision]) -> Figures:
    """Figures of the approved calls among these."""
    by_call: dict[str, list[Decision]] = defaultdict(list)
    for decision in decisions:
        by_call[decision.recording_id].append(decision)
    right, wrong, missed = Counter[str](), Counter[str](), Counter[str]()
    approved = 0
    for call in calls:
        made = by_call[call.name]
        if not any(decision.kind == "approve" for decision in made):
            continue
        approved += 1
        edits = next((d.detail for d in reversed(made) if d.kind == "render"), ())
        own_wrong = Counter(edit["was"] for edit in edits if edit["entity_type"] is None and edit.get("was"))
        own_missed = Counter(edit["entity_type"] for edit in edits if edit["entity_type"] and not edit.get("was"))
        wrong += own_wrong
        missed += own_missed
        right += Counter(call.replacements) - own_missed
    types = tuple(
        TypeFigures(kind, right[kind], wrong[kind], missed[kind])
        for kind in ENTITY_TYPES
        if right[kind] + wrong[kind] + missed[kind]
    )
    verdicts = [decision for decision in decisions if decision.kind in _VERDICTS]
    by_name = dict(Counter(decision.name for decision in verdicts))
    return Figures(approved, types, _seconds(by_call), by_name, _agreed(by_call))


def _agreed(by_call: Mapping[str, Sequence[Decision]]) -> Share | None:
    """Two have decided where two names gave a verdict; the second agrees with the same verdict and without an edit."""
    twice = agreed = 0
    for made in by_call.values():
        verdicts = [number for number, decision in enumerate(made) if decision.kind in _VERDICTS]
        for first, second in pairwise(verdicts):
            if made[first].name != made[second].name:
                twice += 1
                is_changed = any(decision.kind == "render" for decision in made[first:second])
                agreed += made[first].kind == made[second].kind and not is_changed
    return Share.of(agreed, twice)


def _seconds(by_call: Mapping[str, Sequence[Decision]]) -> float | None:
    taken = []
    for made in by_call.values():
        claimed: dict[str, datetime] = {}
        for decision in made:
            at = datetime.fromisoformat(decision.at)
            if decision.kind == "claim":
                claimed[decision.name] = at
            elif decision.kind in _VERDICTS and decision.name in claimed:
                taken.append((at - claimed.pop(decision.name)).total_seconds())
    return median(taken) if taken else None
