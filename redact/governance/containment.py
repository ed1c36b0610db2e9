"""What stops a breach: exports frozen, sessions ended, master keys changed, the exposed ids listed. Each is logged.

One that fails doesn't keep the others from being done, and is told. Of a drill nothing is done but counted.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from redact.errors import RedactError
from redact.governance.breach import open_case, sealed
from redact.publish import Staged
from redact.stores.audit import actor
from redact.stores.cases import Case, said
from redact.stores.opened import Stores
from redact.stores.rotation import rotate

# In this order: what is quick and stops most comes first. The keys come last: stores that are open hold the old ones.
Step = Literal["exports", "sessions", "ids", "keys"]
STEPS: tuple[Step, ...] = get_args(Step)


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a step.

    Attributes:
        result: `done`, `drill`, or the word of what it failed by.
        count: sessions that were ended, keys that were wrapped anew, ids that were listed.
    """

    step: Step
    at: str
    actor: str
    result: str
    count: int = 0

    @property
    def failed(self) -> bool:
        """True where it was not done, and should have been."""
        return self.result not in {"done", "drill"}


def contain(
    stores: Stores, case_id: str, steps: Sequence[Step] = STEPS, ids: Path | None = None, now: datetime | None = None
) -> tuple[Done, ...]:
    """Do what stops a breach, each step on its own. Close the stores afterwards: they hold the old master keys.

    Args:
        stores: where things are kept.
        case_id: of the breach.
        steps: to do.
        ids: file for the exposed ids, a line each; None to count them only.
        now: the moment; None for this one.

    Raises:
        UsageError: there is no such breach, or it is closed.
    """
    case = open_case(stores, case_id)
    is_drill = bool(case.fields.get("drill"))
    ways = _drilled(stores, case) if is_drill else _real(stores, case, ids)
    return tuple(_do(stores, case, step, ways[step], now or datetime.now(UTC)) for step in STEPS if step in steps)


def thaw(stores: Stores, case_id: str, now: datetime | None = None) -> Case:
    """Let exports be made again, while the breach stays open.

    Raises:
        UsageError: there is no such breach, or it is closed.
    """
    open_case(stores, case_id)
    with stores.audit.action("breach.contain", case_id, reason="thaw"):
        return stores.cases.change(case_id, "thawed", fields={"frozen": False}, at=now)


def _do(stores: Stores, case: Case, step: Step, way: Callable[[], int], now: datetime) -> Done:
    word = "drill" if case.fields.get("drill") else "done"
    try:
        with stores.audit.action("breach.contain", case.case_id, reason=step) as counts:
            counts["count"] = way()
        done = Done(step, said(now), actor(), word, counts["count"])
    except (RedactError, OSError) as error:
        done = Done(step, said(now), actor(), getattr(error, "reason", type(error).__name__))
    told = {name: value for name, value in asdict(done).items() if name != "step"}

    def fields(current: Case) -> dict[str, Any]:
        return {"contained": {**current.fields.get("contained", {}), step: told}}

    stores.cases.change(case.case_id, f"contained_{step}", fields=fields, detail=told, at=now)
    return done


def _real(stores: Stores, case: Case, ids: Path | None) -> dict[Step, Callable[[], int]]:
    def exports() -> int:
        stores.cases.change(case.case_id, "frozen", fields={"frozen": True})
        return 1

    return {
        "exports": exports,
        "sessions": lambda: stores.reviews("").end_sessions(),
        "ids": lambda: _list(sealed(stores, case).exposed, ids),
        "keys": lambda: rotate(stores.settings).keys,
    }


def _drilled(stores: Stores, case: Case) -> dict[Step, Callable[[], int]]:
    def keys() -> int:
        _ = stores.writable_ring_file  # where they can't be changed, a drill says so
        return sum(stores.keys.by_master().values())

    return {
        "exports": lambda: 1,
        "sessions": lambda: sum(stores.reviews("").sessions().values()),
        "ids": lambda: len(sealed(stores, case).exposed),
        "keys": keys,
    }


def _list(exposed: Sequence[str], file: Path | None) -> int:
    if file is not None:
        with Staged(file.parent, private=True) as staged:
            staged.open(file.name).write("".join(f"{each}\n" for each in exposed).encode())
            staged.publish(force=False)
    return len(exposed)
