"""What the QA team decided about calls of the archives, and what that says about the masks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from redact.batch.archive import Archive
from redact.governance.figures import Figures, Share, TypeFigures, figures
from redact.governance.ran import report_of
from redact.stores.opened import Stores
from redact.stores.reviews import Decision

_VERDICTS = frozenset({"approve", "return", "escalate"})


@dataclass(frozen=True, slots=True)
class Approved:
    """A call that was approved, and how many of each entity type are masked in it."""

    name: str
    replacements: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Qa:
    """Over calls on which somebody decided.

    Attributes:
        decided: how many calls; `approved`, `returned` and `escalated` of these, by their last verdict.
        figures: of the approved ones.
        heard: decisions to hear an original.
    """

    decided: int
    verdicts: Mapping[str, int]
    figures: Figures
    heard: tuple[Decision, ...]

    @property
    def overall(self) -> TypeFigures:
        """Over all entity types."""
        types = self.figures.types
        return TypeFigures("*", sum(t.right for t in types), sum(t.wrong for t in types), sum(t.missed for t in types))

    def told(self) -> dict[str, Any]:
        """As a JSON-ready object, without names."""
        types = self.figures.types
        return {
            "decided": self.decided,
            "verdicts": dict(self.verdicts),
            "sampled": self.figures.calls,
            "seconds_a_call": self.figures.seconds,
            "reviewers": len(self.figures.by_name),
            "second_reviewer_agreed": as_told(self.figures.agreed),
            "overall": _of_type(self.overall) if types else None,
            "by_type": {each.entity_type: _of_type(each) for each in types},
        }


def qa(stores: Stores, archives: Sequence[str], since: datetime | None = None, until: datetime | None = None) -> Qa:
    """What was decided.

    Args:
        stores: where things are kept.
        archives: folders or URLs of outputs.
        since: only decisions from then on; None for all.
        until: only decisions before; None for all.

    Raises:
        RedactError: a store can't be opened, or an archive can't be reached.
    """
    calls: list[Approved] = []
    decisions: list[Decision] = []
    for url in archives:
        archive = Archive(url)
        made = [
            each
            for each in stores.reviews(archive.url).decisions()
            if (since is None or datetime.fromisoformat(each.at) >= since)
            and (until is None or datetime.fromisoformat(each.at) < until)
        ]
        decisions += made
        approved = sorted({each.recording_id for each in made if each.kind == "approve"})
        calls += [Approved(name, report_of(archive, name).get("replacements", {})) for name in approved]
    last = {each.recording_id: each.kind for each in decisions if each.kind in _VERDICTS}
    verdicts = {kind: sum(v == kind for v in last.values()) for kind in ("approve", "return", "escalate")}
    heard = tuple(each for each in decisions if each.kind == "original")
    return Qa(len(last), verdicts, figures(calls, decisions), heard)


def as_told(share: Share | None) -> dict[str, float] | None:
    """A share and its 95 % interval, as a JSON-ready object; None of nothing."""
    if share is None:
        return None
    return {"share": round(share.share, 6), "least": round(share.least, 6), "most": round(share.most, 6)}


def _of_type(of: TypeFigures) -> dict[str, Any]:
    return {
        "right": of.right, "wrong": of.wrong, "missed": of.missed, "precision": as_told(of.precision),
        "recall": as_told(of.recall),
    }  # fmt: skip
