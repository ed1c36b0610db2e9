"""Redaction of personal data in call recordings and their transcripts."""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from redact.api import Turns, redact_file, redact_transcript
    from redact.call import Transcript, Turn, Word
    from redact.errors import RedactError
    from redact.options import Options
    from redact.texts import RedactedText

__version__ = "0.1.0"
__all__ = [
    "Options", "RedactError", "RedactedText", "Transcript", "Turn", "Turns", "Word", "redact_file", "redact_transcript",
]  # fmt: skip

_HOMES = {
    "Turns": "api", "redact_file": "api", "redact_transcript": "api",
    "Transcript": "call", "Turn": "call", "Word": "call",
    "RedactError": "errors", "Options": "options", "RedactedText": "texts",
}  # fmt: skip

# ONNX Runtime, which faster-whisper detects speech with, reports its use to its maker, and leaves a device's id and a
# session's in the home and temp folders; the hub's client reports too. Both read this when they are first imported.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"


def __getattr__(name: str) -> Any:
    """What is asked for is imported then: the command's help loads none of it."""
    if name not in _HOMES:
        raise AttributeError(f"module 'redact' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"redact.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
