"""Which language a transcript is in, told by its grammar words, where nobody says."""

from collections.abc import Iterable
from functools import cache

from redact.call import Transcript
from redact.detect.spoken.base import load, plain, supported

# Of the words of a call in one of our languages, 40 to 80 % are of its grammar; of one in German, Dutch, Italian or
# Portuguese 4 to 23 % are of any of ours. Spanish, which shares short words with French, can have more.
_FEW = 0.27
_ENOUGH_WORDS = 20
_MOST_WORDS = 2_000


def told(transcript: Transcript) -> tuple[str | None, float | None]:
    """The language that a transcript is in, and what share of the words that tell it speak for it.

    Returns:
        A supported language, or None where enough was said and it is in none of them. Where nothing tells, the first.
    """
    words = [word for word in _plain_words(transcript) if word.isalpha()]
    counts = {language: sum(word in telling for word in words) for language, telling in _telling().items()}
    best = max(counts, key=lambda language: counts[language])
    if len(words) >= _ENOUGH_WORDS and sum(word in _grammar() for word in words) < _FEW * len(words):
        return None, None
    if not counts[best]:
        return supported()[0], None
    return best, round(counts[best] / sum(counts.values()), 3)


def _plain_words(transcript: Transcript) -> Iterable[str]:
    return (plain(word.text) for word in transcript.words[:_MOST_WORDS])


@cache
def _grammar() -> frozenset[str]:
    return frozenset[str]().union(*(load(language).grammar_words for language in supported()))


@cache
def _telling() -> dict[str, frozenset[str]]:
    """Grammar words of each language that no other has."""
    own = {language: load(language).grammar_words for language in supported()}
    return {
        language: words.difference(*(others for other, others in own.items() if other != language))
        for language, words in own.items()
    }
