"""Whether outputs are still what the ledger says: their bytes, and for a share of them their sound."""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from redact.batch.archive import Archive, Item
from redact.batch.work import report_path, shard, wrong_outputs
from redact.errors import RedactError
from redact.stores.ledger import Archived, Row


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a recording's outputs: `report_missing`, `report_changed`, `output_changed`, `still_heard`."""

    recording_id: str
    what: str


def subset(rows: list[Row], share: float, seed: int | None = None) -> list[Row]:
    """A random share of rows, at least one of any."""
    if share >= 1 or not rows:
        return rows
    return random.Random(seed).sample(rows, max(1, round(len(rows) * share)))  # noqa: S311  no secret


def faults(dest: Archive, rows: list[Row], listen: Callable[[Item], bool] | None = None) -> Iterator[Fault | None]:
    """For each row what is wrong with its outputs; None where nothing is.

    Args:
        dest: folder of the outputs.
        rows: done.
        listen: tells of a redacted recording whether anything personal is still heard; None to compare bytes only.

    Raises:
        RedactError: the outputs can't be read.
    """
    for row in rows:
        yield _fault(dest, row, listen)


def _fault(dest: Archive, row: Row, listen: Callable[[Item], bool] | None) -> Fault | None:
    at = f"{shard(row.recording_id)}/{row.recording_id}"
    report = report_path(row.recording_id)
    digest = dest.sha256(report)
    content = dest.read(report)
    if digest is None or content is None:
        return Fault(row.recording_id, "report_missing")
    if digest != row.report:
        return Fault(row.recording_id, "report_changed")
    if wrong_outputs(dest, row.recording_id, json.loads(content)["outputs"]):
        return Fault(row.recording_id, "output_changed")
    sound = dest.item(f"{at}.redacted{row.suffix}")
    if listen and sound and listen(sound):
        return Fault(row.recording_id, "still_heard")
    return None


def still_hears(dest: Archive, verify: Callable[..., tuple[object, tuple[object, ...]]]) -> Callable[[Item], bool]:
    """A function that listens to a redacted recording; True where it fails its checks, or can't be heard."""

    def hears(item: Item) -> bool:
        try:
            with dest.at_hand(item) as path:
                verification, _ = verify(path)
                return not verification.passed  # type: ignore[attr-defined]
        except RedactError:
            return True

    return hears


def done_rows(ledger: Archived) -> list[Row]:
    """All that is done, each output once, in an order that is the same each time."""
    return sorted({row.recording_id: row for row in ledger.rows(states=("done",))}.values(), key=lambda r: r.source)
