"""`python -m redact`."""

from redact.cli.main import run

run()
