"""Calls that are being made anew, by what reviewers decided, one at a time."""

import threading
from typing import Any

from redact.corrections import settled
from redact.errors import RedactError
from redact.review.bodies import Edit
from redact.review.desk import Call
from redact.review.originals import Maker
from redact.review.security import Refused
from redact.stores.reviews import Review, Reviews


class Makings:
    """Calls that are being made anew, one at a time."""

    def __init__(self, reviews: Reviews) -> None:
        self._reviews = reviews
        self._one = threading.Lock()
        self._states: dict[str, dict[str, Any]] = {}

    def begin(self, maker: Maker, call: Call, review: Review, name: str) -> None:
        """Make a call anew by its draft, in the background.

        Raises:
            Refused: it is being made already.
        """
        if self.state(call.name)["state"] == "running":
            raise Refused(409, "running")
        self._states[call.name] = {"state": "running"}
        threading.Thread(target=self._make, args=(maker, call, review, name), daemon=True).start()

    def state(self, recording_id: str) -> dict[str, Any]:
        """How far it is: `none`, `running`, `done` or `failed`."""
        return self._states.get(recording_id, {"state": "none"})

    def is_in_file(self, call: Call, review: Review) -> bool:
        """True where the draft is what the redacted file was made by."""
        made = [d for d in self._reviews.decisions(call.name) if d.kind == "render"]
        return list(made[-1].detail if made else ()) == list(review.draft)

    def _make(self, maker: Maker, call: Call, review: Review, name: str) -> None:
        decided = settled([Edit.model_validate(edit).correction() for edit in review.draft])
        try:
            with self._one:
                maker.make(call, decided)
            self._reviews.decide(call.name, name, "render", detail=review.draft)
            self._states[call.name] = {"state": "done"}
        except RedactError as error:
            told = {"error": error.reason, "message": error.message, "hint": error.hint}
            self._states[call.name] = {"state": "failed", **told}
        except Exception as error:  # its message may hold anything
            self._states[call.name] = {"state": "failed", "error": type(error).__name__, "message": "", "hint": ""}
