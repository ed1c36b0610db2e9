"""Redaction of personal data in call recordings and their transcripts."""

__version__ = "0.1.0"
