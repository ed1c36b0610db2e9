"""From words to findings."""
