"""Codes: runs of digits and letters in a written view, and what their shape alone says of them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from redact.call import Transcript
from redact.detect.spoken.base import Language
from redact.detect.spoken.written import SPELLED_CLOSE, SPELLED_OPEN
from redact.findings import Finding
from redact.views import View

# A number that nobody asked for is taken for personal from this many digits on: five-digit numbers are
# mostly prices and quantities, and shorter ones nearly always.
UNASKED_DIGITS = 6
PLAIN_PHRASE_WORDS = 5
_CARD_DIGITS, _PHONE_DIGITS = 12, 9
# A page, a room, an option has so many digits at most.
SMALL_DIGITS = 4
# A time of day has so many.
CLOCK_DIGITS = 4

_CODE = re.compile(rf"(?<![\w@.{SPELLED_OPEN}])(?=[A-Z]*\d)[A-Z\d]+(?![\w@.])|{SPELLED_OPEN}[A-Z]{{2,}}{SPELLED_CLOSE}")
_CURRENCIES = frozenset({"$", "€", "£", "chf", "eur", "usd", "gbp", "cad"})
_NEXT_WORD = re.compile(r"\s*([^\s]+)")


@dataclass(frozen=True, slots=True)
class Code:
    """A run of digits and letters.

    Attributes:
        text: in written form.
        words: that say it.
        amount: a unit or a currency stands beside it.
        plain: it is nobody's: a model, a part number, a menu option, by the words before it; or a public number.
        public: it looks like a telephone number that only companies and services have. A piece of an asked-for number
            may look so too.
    """

    text: str = field(repr=False)
    words: tuple[int, ...]
    amount: bool
    plain: bool
    public: bool = False

    @property
    def digits(self) -> int:
        """How many digits it has."""
        return sum(character.isdigit() for character in self.text)


def codes(view: View, language: Language) -> Iterator[Code]:
    """All codes of a written view."""
    for match in _CODE.finditer(view.text):
        following = _NEXT_WORD.match(view.text, match.end())
        preceding = view.text[: match.start()].lower().split()[-PLAIN_PHRASE_WORDS:]
        after = following[1].lower() if following else ""
        before = preceding[-1] if preceding else ""
        public = _is_public(match.group(), language)
        yield Code(
            text=match.group().strip(SPELLED_OPEN + SPELLED_CLOSE),
            words=view.words_at(match.start(), match.end()),
            amount=is_unit(after, match.group(), language) or before in _CURRENCIES,
            plain=public or _is_plain(preceding, match.group(), language),
            public=public,
        )


def is_unit(word: str, text: str, language: Language) -> bool:
    """True for a unit; "am" is none after a long number: "one one one one Am I speaking with …"."""
    clock = word in language.clock_units and sum(map(str.isdigit, text)) > CLOCK_DIGITS
    return word in language.units and not clock


def apart(code: Code, breaks: frozenset[int], transcript: Transcript) -> Iterator[Code]:
    """What is left of a typed code between the words that are no part of it: "C1 3/4/19 C2 1/7/19" is no number.

    Args:
        code: of the transcript.
        breaks: words that are no part of a number.
        transcript: that the code is of.
    """
    first, last = code.words[0], code.words[-1]
    if breaks.isdisjoint(range(first, last + 1)) or len(code.words) == 1:
        yield code
        return
    parts: list[list[int]] = [[]]
    for index in range(first, last + 1):
        if index in breaks:
            parts.append([])
        elif index in code.words:
            parts[-1].append(index)
    for part in filter(None, parts):
        text = "".join(filter(str.isalnum, "".join(transcript.words[index].text for index in part)))
        yield Code(text.upper(), tuple(part), code.amount and part[-1] == last, code.plain)


def _is_plain(preceding: Sequence[str], text: str, language: Language) -> bool:
    """True after "part number" or "the part number is", and for short numbers after "press" or "page"."""
    if _endings(preceding) & language.plain_numbers:
        return True
    if preceding and preceding[-1] in language.copulas:
        return bool(_endings(preceding[:-1]) & language.plain_numbers)
    return sum(map(str.isdigit, text)) <= SMALL_DIGITS and bool(_endings(preceding) & language.small_numbers)


def _endings(words: Sequence[str]) -> set[str]:
    return {" ".join(words[-count:]) for count in range(1, PLAIN_PHRASE_WORDS + 1)}


def _is_public(text: str, language: Language) -> bool:
    """True for telephone numbers that only companies and services have: freephone, premium and short numbers."""
    return bool(language.public_numbers.fullmatch(text))


def unasked(found: Sequence[Code]) -> Iterator[Finding]:
    """Numbers that are personal by their shape, whoever says them and why."""
    for code in found:
        entity_type = None if code.plain else _by_shape(code)
        if entity_type:
            yield Finding(entity_type, code.words, 0.6, "shape", "written")


def _by_shape(code: Code) -> str | None:
    if code.amount and code.digits < _PHONE_DIGITS:
        return None
    if not code.digits:
        return "PERSON" if len(code.text) > 2 else None
    if code.digits >= _CARD_DIGITS:
        return "CREDIT_CARD"
    if code.digits >= _PHONE_DIGITS:
        return "PHONE_NUMBER"
    mixed = code.digits < len(code.text) and len(code.text) >= 6 and code.digits >= min(4, len(code.text) - 4)
    return "ACCOUNT_REFERENCE" if code.digits >= UNASKED_DIGITS or mixed else None
