"""A call as one page for a browser: made from what is redacted, and from nothing else."""

from redact.page.read import spoken
from redact.page.render import write

__all__ = ["spoken", "write"]
