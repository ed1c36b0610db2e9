"""French numbers as they are said, in France, Belgium and Switzerland."""

from collections.abc import Sequence

from redact.detect.spoken.base import Number, Token

_UNITS = {
    "zéro": 0, "zero": 0, "un": 1, "une": 1, "deux": 2, "trois": 3, "quatre": 4,
    "cinq": 5, "six": 6, "sept": 7, "huit": 8, "neuf": 9, "zéros": 0,
}  # fmt: skip
_TEENS = {"dix": 10, "onze": 11, "douze": 12, "treize": 13, "quatorze": 14, "quinze": 15, "seize": 16}
_TENS = {
    "vingt": 20, "vingts": 20, "trente": 30, "quarante": 40, "cinquante": 50, "soixante": 60, "septante": 70,
    "huitante": 80, "octante": 80, "nonante": 90,
}  # fmt: skip
_HUNDREDS = {"cent", "cents"}
_SCALES = {
    "mille": 1_000, "mil": 1_000, "million": 1_000_000, "millions": 1_000_000,
    "milliard": 1_000_000_000, "milliards": 1_000_000_000,
}  # fmt: skip
_REPEATS = {"double": 2, "triple": 3, "quadruple": 4}
# After a lone "un" or "une" these say that it counts nothing.
_AFTER_ARTICLE = frozenset("instant moment petit petite peu autre seconde".split())  # noqa: SIM905
# Before "neuf" these say that it means new.
_BEFORE_NEW = frozenset(
    "tout flambant comme état quasi presque véhicule appareil ordinateur compteur matériel vélo logement".split()  # noqa: SIM905
)
NUMBER_WORDS = frozenset({*_UNITS, *_TEENS, *_TENS, *_HUNDREDS, *_SCALES, *_REPEATS})

_MAIN, _APART, _WORDS, _GROUPS, _SPREAD = 0, 1, 2, 3, 4


def read_number(tokens: Sequence[Token], at: int, reading: int = _MAIN) -> Number | None:
    """The number that starts at a token, in figures; None where there is none.

    Pairs stay apart where a comma or a pause does ("soixante-dix, dix": 70, 10). "et" always joins.

    Args:
        tokens: of a passage.
        at: index of the first token of the number.
        reading: 0 the likeliest ("cent quatre-vingt-dix-huit": 198); 1 every part a number of its own
            (100, 80, 10, 8); 2 cut where twenties are counted (100, 4, 20, 18); 3 cut after hundreds and
            thousands only (100, 98); 4 cut before them too ("deux cents": 2, 100).
    """
    token = tokens[at]
    if token.text in _REPEATS and at + 1 < len(tokens):
        repeated = _digit(tokens[at + 1])
        return Number(repeated * _REPEATS[token.text], 2) if repeated else None
    if _UNITS.get(token.text) == 0:
        return Number("0", 1)
    if times := _times(tokens, at):
        return times
    if _is_no_number(tokens, at):
        return None
    if _scale(tokens, at, first=True) == 1000:
        value, end = 1, at
    else:
        group = _group(tokens, at, reading, first=True)
        if group is None:
            return Number(token.text, 1) if token.text.isdecimal() else None
        value, end = group
    total, smallest = 0, 0
    while (factor := _scale(tokens, end, first=end == at)) and (not smallest or factor < smallest):
        if reading == _SPREAD and end > at and factor == 1000:
            break
        total, smallest, end = total + value * factor, factor, end + 1
        value = 0
        rest = _rest(tokens, end, reading, smallest)
        if rest is None:
            break
        value, end = rest
    return Number(token.text if end == at + 1 and token.text.isdecimal() else str(total + value), end - at)


def _is_no_number(tokens: Sequence[Token], at: int) -> bool:
    """True for the article ("un instant"), the adjective ("flambant neuf") and "pour cent"."""
    word = tokens[at].text
    before = tokens[at - 1].text if at and not tokens[at].after_break else ""
    counted = bool(before) and bool(_digit(tokens[at - 1]) or before in _TENS or before in _TEENS)
    after = _said(tokens, at + 1)
    if word in {"un", "une"}:
        return after in _AFTER_ARTICLE and not counted
    if word == "neuf":
        new = before in _BEFORE_NEW or (before == "de" and at > 1 and tokens[at - 2].text == "quoi")
        return new and not (after in _UNITS or after in _TEENS or after in _TENS or after.isdecimal())
    return word in _HUNDREDS and before == "pour"


def _digit(token: Token) -> str:
    if token.text.isdecimal() and len(token.text) == 1:
        return token.text
    return str(_UNITS[token.text]) if token.text in _UNITS else ""


def _times(tokens: Sequence[Token], at: int) -> Number | None:
    """A digit said several times: "trois fois zéro", "trois zéros"."""
    several = _digit(tokens[at])
    if not several or int(several) < 2:
        return None
    if _said(tokens, at + 1) == "zéros":
        return Number("0" * int(several), 2)
    repeated = _digit(tokens[at + 2]) if _said(tokens, at + 1) == "fois" and _said(tokens, at + 2) else ""
    if repeated and tokens[at + 2].text == "quatre" and _eighty(tokens, at + 2):
        return None
    return Number(repeated * int(several), 3) if repeated else None


def _said(tokens: Sequence[Token], at: int) -> str:
    """The token there, if it goes on without a break."""
    return tokens[at].text if at < len(tokens) and not tokens[at].after_break else ""


def _scale(tokens: Sequence[Token], at: int, *, first: bool = False) -> int:
    return _SCALES.get(tokens[at].text if first else _said(tokens, at), 0)


def _eighty(tokens: Sequence[Token], at: int) -> bool:
    return tokens[at].text == "quatre" and _said(tokens, at + 1) in {"vingt", "vingts"}


def _below_hundred(tokens: Sequence[Token], at: int, reading: int) -> tuple[int, int] | None:
    """(value, index after it) of a number from 0 to 99."""
    word = tokens[at].text
    if _eighty(tokens, at) and reading != _WORDS:
        return _after_tens(tokens, at + 2, 80, reading)
    if word in _UNITS:
        return _UNITS[word], at + 1
    if word == "dix" and reading != _APART and _said(tokens, at + 1) in {"sept", "huit", "neuf"}:
        return 10 + _UNITS[tokens[at + 1].text], at + 2
    if word in _TEENS:
        return _TEENS[word], at + 1
    return _after_tens(tokens, at + 1, _TENS[word], reading) if word in _TENS else None


def _after_tens(tokens: Sequence[Token], at: int, tens: int, reading: int) -> tuple[int, int]:
    joined = _said(tokens, at) == "et"
    start = at + joined
    word = _said(tokens, start)
    if not word or (reading == _APART and not joined):
        return tens, at
    if tens in {60, 80} and word in _TEENS and (joined or reading != _WORDS):
        rest = _below_hundred(tokens, start, reading)
        return (tens + rest[0], rest[1]) if rest else (tens, at)
    # "soixante quatre-vingts": the hyphen says which of its neighbours "quatre" goes with.
    of_next = _eighty(tokens, start) and tokens[start + 1].glued and not tokens[start].glued
    if _UNITS.get(word, 0) and not of_next:
        return tens + _UNITS[word], start + 1
    return tens, at


def _group(tokens: Sequence[Token], at: int, reading: int, *, first: bool = False) -> tuple[int, int] | None:
    """(value, index after it) of what may stand before "mille", "million" or the end: "deux cent cinq"."""
    word = tokens[at].text
    if word in _HUNDREDS and (first or not tokens[at].after_break):
        value, end = 1, at
    elif word.isdecimal():
        following = _said(tokens, at + 1)
        counts = len(word) <= 3 and (following in _SCALES or (len(word) == 1 and following in _HUNDREDS))
        if not counts:
            return None
        value, end = int(word), at + 1
    else:
        small = _below_hundred(tokens, at, reading)
        if small is None:
            return None
        value, end = small
    hundreds = end < len(tokens) and tokens[end].text in _HUNDREDS and (end == at or not tokens[end].after_break)
    # "dix-neuf cent", but not "vingt-deux cent": those are two numbers.
    if not hundreds or not (0 < value < 10 or 10 < value < 20) or (reading == _SPREAD and end > at):
        return value, end
    value, end = value * 100, end + 1
    rest = _rest(tokens, end, reading, 100)
    return (value + rest[0], rest[1]) if rest else (value, end)


def _rest(tokens: Sequence[Token], at: int, reading: int, factor: int) -> tuple[int, int] | None:
    """What follows "cent" or "mille" and belongs to it."""
    joined = _said(tokens, at) == "et"
    start = at + joined
    word = _said(tokens, start)
    if not word or (reading != _MAIN and not joined):
        return None
    if word.isdecimal():
        rest = _group(tokens, start, reading) or (int(word), start + 1)
        fits = word[0] != "0" and (joined or len(word) == len(str(factor)) - 1 or rest[1] > start + 1)
        rest = rest if fits else (0, start)
    elif word in _SCALES and factor > 1000:
        rest = (1, start)
    else:
        rest = (_below_hundred if factor == 100 else _group)(tokens, start, reading) or (0, start)
    value, end = rest
    if not value or value >= factor:
        return None
    # "six cent trois cent", "deux mille trois mille": the last number belongs to what follows.
    following = _said(tokens, end)
    again = (following in _HUNDREDS and factor == 100) or (_scale(tokens, end) >= factor and factor > 100)
    return None if again else (value, end)
