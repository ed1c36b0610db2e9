"""An archive of recordings, redacted unattended: listed, worked on by many processes, and accounted for."""
