"""A call as one page for a browser: made from what is redacted, and from nothing else."""
