"""Changing the master key: a new one, the keys of all recordings wrapped by it, and the old one forgotten."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from redact.settings import Settings
from redact.stores import kms, master
from redact.stores.opened import Stores

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Rotated:
    """What was done: how many keys were wrapped anew, and the id of the only master key now."""

    keys: int
    current: str


def _silent(_done: int, _total: int) -> None:
    return None


def rotate(settings: Settings, progress: Progress = _silent, *, resume: bool = False) -> Rotated:
    """Change the master key. It may be killed at any moment; with `resume` it goes on from there.

    Stores that were opened before hold the old key, and have to be opened again.

    Args:
        settings: where things are kept.
        progress: called with keys done and in all.
        resume: finish what was interrupted, without another new key.

    Raises:
        UsageError: the master keys are neither in a file nor in a key service.
        Locked: another run is changing them.
        RedactError: something can't be read or written. What was wrapped stays wrapped by a key that is there.
    """
    before, after = Stores(settings), Stores(settings)
    try:
        if kms.service(settings["master_keys"]):  # which makes its new keys itself
            return _wrapped_anew(after, progress)
        file = before.writable_ring_file
        with master.locked(file):
            if not resume:
                with before.audit.action("keys.rotate", reason="new_key"):
                    ring = before.ring.with_new(datetime.now(UTC))
                    master.check(ring)
                    master.write(ring, file, replace=True)
            return _wrapped_anew(after, progress, lambda: master.write(after.ring.only_current(), file, replace=True))
    finally:
        before.close()
        after.close()


def _wrapped_anew(
    kept: Stores, progress: Callable[[int, int], None], then: Callable[[], None] = lambda: None
) -> Rotated:
    with kept.audit.action("keys.rotate", reason="wrap_anew") as counts:
        counts["keys"] = kept.keys.wrap_anew(progress)
        then()
    return Rotated(counts["keys"], kept.masters.current)
