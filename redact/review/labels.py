"""Approved calls as labels to measure by. What reviewers decided is counted in `redact.governance.figures`."""

from typing import Any

from redact.policy import ENTITY_TYPES
from redact.review.desk import Call


def gold(call: Call) -> dict[str, Any]:
    """An approved call's masks as labels that `redact evaluate` reads; what was said there isn't known.

    They are as long as masks are, so wider than words: a recall that is measured on them is a little low.
    """
    return {
        "audio": f"{call.name}{call.sound.suffix if call.sound else ''}",
        "language": call.language,
        "duration": call.duration_ms / 1000,
        "pii": [
            {
                "type": kind, "text": "(masked)", "value": "(masked)", "channel": channel,
                "start": interval["start_ms"] / 1000, "end": interval["end_ms"] / 1000,
            }
            for interval in call.intervals
            for kind in interval["entity_types"]
            for channel in interval["channels"][:1]
            if kind in ENTITY_TYPES
        ],
    }  # fmt: skip
