"""English numbers as they are said."""

from collections.abc import Sequence

from redact.detect.spoken.base import Number, Token

_UNITS = {
    word: value
    for value, words in enumerate(
        (
            ("zero", "oh", "o", "nought", "naught", "nil"),
            ("one",), ("two",), ("three",), ("four",), ("five",), ("six",), ("seven",), ("eight",), ("nine", "niner"),
        )
    )
    for word in words
}  # fmt: skip
_TEENS = {
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14,
    "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19,
}  # fmt: skip
_TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fourty": 40, "fifty": 50,
    "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
_REPEATS = {"double": 2, "triple": 3, "treble": 3, "quadruple": 4}


def read_number(tokens: Sequence[Token], at: int) -> Number | None:
    """The longest number that starts at a token, in figures; None where there is none.

    Single digits are numbers of their own ("four nine" is two), so that any grouping comes out right once
    neighbours are joined: "oh three, double seven" gives 0, 3, 77.
    """
    token = tokens[at]
    if token.text.isdecimal():
        return Number(token.text, 1)
    if token.text in _REPEATS and at + 1 < len(tokens):
        repeated = _digit(tokens[at + 1])
        return Number(repeated * _REPEATS[token.text], 2) if repeated else None
    if token.text in _UNITS and not _UNITS[token.text]:
        return Number("0", 1)
    small = _below_hundred(tokens, at)
    if small is None:
        return None
    value, used = small
    end = at + used
    for word, factor in (("hundred", 100), ("thousand", 1000)):
        if end < len(tokens) and tokens[end].text == word and not tokens[end].after_break:
            value, end = _remainder(tokens, end + 1, value * factor, factor)
    return Number(str(value), end - at)


def _digit(token: Token) -> str:
    if token.text.isdecimal() and len(token.text) == 1:
        return token.text
    return str(_UNITS[token.text]) if token.text in _UNITS else ""


def _below_hundred(tokens: Sequence[Token], at: int) -> tuple[int, int] | None:
    word = tokens[at].text
    if word in _UNITS:
        return _UNITS[word], 1
    if word in _TEENS:
        return _TEENS[word], 1
    if word not in _TENS:
        return None
    following = tokens[at + 1] if at + 1 < len(tokens) else None
    if following and not following.after_break and _UNITS.get(following.text, 0):
        return _TENS[word] + _UNITS[following.text], 2
    return _TENS[word], 1


def _remainder(tokens: Sequence[Token], at: int, value: int, factor: int) -> tuple[int, int]:
    """What follows "hundred" or "thousand": "and thirty-nine", "five hundred", "twelve"; else nothing."""
    joined = at < len(tokens) and tokens[at].text == "and" and not tokens[at].after_break
    start = at + joined
    if start >= len(tokens) or tokens[start].after_break:
        return value, at
    rest = _below_hundred(tokens, start)
    if rest is None or not rest[0]:
        return value, at
    end = start + rest[1]
    if factor == 1000 and rest[0] < 10 and end < len(tokens) and tokens[end].text == "hundred":
        return _remainder(tokens, end + 1, value + rest[0] * 100, 100)
    # "nine hundred eight four two" is dictated digit by digit after the hundred: 900 8 4 2, not 908 4 2.
    dictated = rest[0] < 10 and end < len(tokens) and not tokens[end].after_break and bool(_digit(tokens[end]))
    if dictated and not joined:
        return value, at
    return value + rest[0], end
