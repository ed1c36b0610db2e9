"""Who speaks, as text tells it: a name or a role and a colon before what is said."""

import re

from redact.transcripts.draft import is_nobody

# Who speaks has few words, each with a capital; "the number is: 4" tells nobody.
_MOST_WORDS = 4
_NAME = re.compile(r"^[A-ZÀ-Þ][\w'’.-]*$|^[A-Za-z]?\d{1,3}$|^(?:de|du|des|van|von|le|la|bin|al|d['’])$")


def is_speaker(text: str) -> bool:
    """True for what may stand before a colon as the one who speaks: a role, a number, or what looks like a name."""
    words = text.split()
    return bool(words) and (is_nobody(text) or (len(words) <= _MOST_WORDS and all(map(_NAME.match, words))))
