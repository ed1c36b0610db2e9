"""Where originals go once their outputs are certain, as the policy says: they stay, move, or are deleted."""

import json

from redact.batch.archive import Archive, Item
from redact.batch.work import report_path, wrong_outputs
from redact.custody import note_source
from redact.errors import CannotWrite, Locked, RedactError
from redact.policy import Policy
from redact.stores.ledger import Archived
from redact.stores.opened import Stores


class Originals:
    """Retires originals.

    Args:
        source: where they lie.
        dest: where their outputs do.
        ledger: of the outputs.
        stores: where things are kept.
        policy: of the run.
        move_to: where they go, if the policy moves them.
    """

    def __init__(
        self, source: Archive, dest: Archive, ledger: Archived, stores: Stores, policy: Policy, move_to: Archive | None
    ) -> None:
        self._source = source
        self._dest = dest
        self._ledger = ledger
        self._stores = stores
        self._policy = policy
        self._move_to = move_to

    def retire(self, item: Item, source: str, recording_id: str) -> str:
        """Put an original where the policy wants it; why it stays though the policy wants it gone, in one word.

        It goes once its outputs are certain, and never another file of its name. What goes wrong with one doesn't keep
        the others from being redacted.

        Args:
            item: the file.
            source: what the ledger knows it by.
            recording_id: of what was redacted.

        Raises:
            RedactError: what can't be logged or written stops the run.
        """
        if self._policy.originals == "keep":
            return ""
        try:
            reason = self._why_it_stays(item, recording_id)
            if not reason:
                self._dispose(item, source, recording_id)
        except (CannotWrite, Locked):
            raise
        except (RedactError, OSError, ValueError, KeyError, TypeError) as error:
            reason = getattr(error, "reason", type(error).__name__)
        return reason

    def _why_it_stays(self, item: Item, recording_id: str) -> str:
        """One word of few; empty where nothing keeps the original from going."""
        now = self._source.item(item.path)
        if now is None or now.stamp != item.stamp:
            return "changed"
        if self._source.is_link(item.path):
            return "link"
        if self._stores.marks.has(recording_id, "legal_hold"):
            return "legal_hold"
        report = self._dest.read(report_path(recording_id))
        outputs = json.loads(report)["outputs"] if report else {}
        if not outputs or wrong_outputs(self._dest, recording_id, outputs):
            return "outputs"
        if self._policy.originals == "vault":
            for _ in self._stores.vault.opened(recording_id, "original"):  # all of it is checked
                pass
        return ""

    def _dispose(self, item: Item, source: str, recording_id: str) -> None:
        what = self._policy.originals
        with self._stores.audit.action("original.move" if what == "move" else "original.delete", recording_id):
            if what == "move" and self._move_to:
                to = self._move_to
                place = self._source.place_in(to, item.path, self._source.sha256(item.path) or "")
                # Before it is there: whoever is asked to erase it has to find it.
                own = {"source": f"{self._source.url}/{item.path}", "moved_to": f"{to.url}/{place}"}
                note_source(self._stores.vault, recording_id, own)
                self._source.move(item, to)
            else:
                self._source.remove(item.path)
        self._ledger.disposed(source, {"move": "moved", "vault": "vault", "delete": "deleted"}[what])
