"""French numbers as they are said, in France, Belgium and Switzerland."""

from collections.abc import Sequence

from redact.detect.spoken.base import Number, Token

_UNITS = {
    "zéro": 0, "zero": 0, "un": 1, "une": 1, "deux": 2, "trois": 3, "quatre": 4,
    "cinq": 5, "six": 6, "sept": 7, "huit": 8, "neuf": 9,
}  # fmt: skip
_TEENS = {"dix": 10, "onze": 11, "douze": 12, "treize": 13, "quatorze": 14, "quinze": 15, "seize": 16}
_TENS = {
    "vingt": 20, "trente": 30, "quarante": 40, "cinquante": 50, "soixante": 60, "septante": 70,
    "huitante": 80, "octante": 80, "nonante": 90,
}  # fmt: skip
_HUNDREDS = {"cent", "cents"}
_REPEATS = {"double": 2, "triple": 3}


def read_number(tokens: Sequence[Token], at: int) -> Number | None:
    """The longest number that starts at a token, in figures; None where there is none.

    Pairs stay apart where a comma or a pause does ("soixante-dix, dix": 70, 10); a hyphen always joins.
    """
    token = tokens[at]
    if token.text.isdecimal():
        return Number(token.text, 1)
    if token.text in _REPEATS and at + 1 < len(tokens):
        repeated = _digit(tokens[at + 1])
        return Number(repeated * _REPEATS[token.text], 2) if repeated else None
    if _UNITS.get(token.text) == 0:
        return Number("0", 1)
    if token.text in _HUNDREDS or token.text == "mille":
        value, end = 1, at
    else:
        small = _below_hundred(tokens, at)
        if small is None:
            return None
        value, end = small
    for words, factor in ((_HUNDREDS, 100), ({"mille"}, 1000)):
        if end < len(tokens) and tokens[end].text in words and (end == at or not tokens[end].after_break):
            value, end = _remainder(tokens, end + 1, value * factor, factor)
    return Number(str(value), end - at)


def _digit(token: Token) -> str:
    if token.text.isdecimal() and len(token.text) == 1:
        return token.text
    return str(_UNITS[token.text]) if token.text in _UNITS else ""


def _follows(tokens: Sequence[Token], at: int) -> bool:
    return at < len(tokens) and not tokens[at].after_break


def _below_hundred(tokens: Sequence[Token], at: int) -> tuple[int, int] | None:
    """(value, index after it) of a number from 0 to 99."""
    word = tokens[at].text
    if word == "quatre" and _follows(tokens, at + 1) and tokens[at + 1].text in {"vingt", "vingts"}:
        return _after_tens(tokens, at + 2, 80, vigesimal=True)
    if word in _UNITS:
        return _UNITS[word], at + 1
    if word in _TEENS:
        if word == "dix" and _follows(tokens, at + 1) and tokens[at + 1].text in {"sept", "huit", "neuf"}:
            return 10 + _UNITS[tokens[at + 1].text], at + 2
        return _TEENS[word], at + 1
    if word in _TENS:
        return _after_tens(tokens, at + 1, _TENS[word], vigesimal=_TENS[word] == 60)
    return None


def _after_tens(tokens: Sequence[Token], at: int, tens: int, *, vigesimal: bool) -> tuple[int, int]:
    start = at + 1 if _follows(tokens, at) and tokens[at].text == "et" else at
    if not _follows(tokens, start):
        return tens, at
    word = tokens[start].text
    if vigesimal and word in _TEENS:
        rest = _below_hundred(tokens, start)
        if rest:
            return tens + rest[0], rest[1]
    if _UNITS.get(word, 0):
        return tens + _UNITS[word], start + 1
    return tens, at


def _remainder(tokens: Sequence[Token], at: int, value: int, factor: int) -> tuple[int, int]:
    """What follows "cent" or "mille"; else nothing."""
    if not _follows(tokens, at):
        return value, at
    if factor == 1000 and tokens[at].text in _HUNDREDS:
        return _remainder(tokens, at + 1, value + 100, 100)
    if _UNITS.get(tokens[at].text) == 0:
        return value, at
    rest = _below_hundred(tokens, at)
    if rest is None:
        return value, at
    if factor == 1000 and rest[0] < 10 and _follows(tokens, rest[1]) and tokens[rest[1]].text in _HUNDREDS:
        return _remainder(tokens, rest[1] + 1, value + rest[0] * 100, 100)
    return value + rest[0], rest[1]
