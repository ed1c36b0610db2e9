"""Redaction of personal data in call recordings and their transcripts."""

import os

__version__ = "0.1.0"

# ONNX Runtime, which faster-whisper detects speech with, reports its use to its maker, and leaves a device's id and a
# session's in the home and temp folders; the hub's client reports too. Both read this when they are first imported.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
