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
_SCALES = {"thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
_REPEATS = {"double": 2, "triple": 3, "treble": 3, "quadruple": 4}
# "three zeros", "two fives".
_PLURALS = {
    f"{word}{'es' if word == 'six' else 's'}": value for word, value in _UNITS.items() if word not in {"o", "oh"}
}
_PLURALS["zeroes"] = 0
# After a lone "one" these say that it counts nothing: "one moment", "one of them".
_AFTER_PRONOUN = frozenset("moment moments second sec more of another thing thanks please".split())  # noqa: SIM905
NUMBER_WORDS = frozenset({*_UNITS, *_TEENS, *_TENS, *_REPEATS, *_PLURALS})

_MAIN, _APART, _GROUPS, _JOINED = 0, 1, 2, 3


def read_number(tokens: Sequence[Token], at: int, reading: int = _MAIN) -> Number | None:
    """The number that starts at a token, in figures; None where there is none.

    Single digits are numbers of their own ("four nine" is two), so that any grouping comes out right once
    neighbours are joined: "oh three, double seven" gives 0, 3, 77.

    Args:
        tokens: of a passage.
        at: index of the first token of the number.
        reading: 0 the likeliest ("one hundred twenty five": 125); 1 every part a number of its own (100, 20, 5);
            2 cut after hundreds and thousands only (100, 25); 3 as 0, but a last digit always belongs to its
            hundred, also where single digits follow ("nine hundred eight four": 908, 4). A hyphen and "and"
            join in all.
    """
    token = tokens[at]
    if token.text in _REPEATS and at + 1 < len(tokens):
        repeated = _digit(tokens[at + 1])
        return Number(repeated * _REPEATS[token.text], 2) if repeated else None
    if _UNITS.get(token.text) == 0 or _PLURALS.get(token.text) == 0:
        return Number("0", 1)
    several = _digit(token)
    if several and int(several) > 1 and (plural := _PLURALS.get(_said(tokens, at + 1))) is not None:
        return Number(str(plural) * int(several), 2)
    if token.text == "one" and _is_pronoun(tokens, at):
        return None
    group = _group(tokens, at, reading)
    if group is None:
        return Number(token.text, 1) if token.text.isdecimal() else None
    value, end = group
    total, smallest = 0, 0
    while (factor := _scale(tokens, end)) and (not smallest or factor < smallest):
        total, smallest, end = total + value * factor, factor, end + 1
        value = 0
        rest = _rest(tokens, end, reading, smallest)
        if rest is None:
            break
        value, end = rest
    return Number(token.text if end == at + 1 and token.text.isdecimal() else str(total + value), end - at)


def _is_pronoun(tokens: Sequence[Token], at: int) -> bool:
    after = tokens[at + 1] if at + 1 < len(tokens) else None
    beside_number = at > 0 and not tokens[at].after_break and bool(_digit(tokens[at - 1]))
    return bool(after and not after.after_break and after.text in _AFTER_PRONOUN and not beside_number)


def _digit(token: Token) -> str:
    if token.text.isdecimal() and len(token.text) == 1:
        return token.text
    return str(_UNITS[token.text]) if token.text in _UNITS else ""


def _said(tokens: Sequence[Token], at: int) -> str:
    """The token there, if it goes on without a break."""
    return tokens[at].text if at < len(tokens) and not tokens[at].after_break else ""


def _scale(tokens: Sequence[Token], at: int) -> int:
    return _SCALES.get(_said(tokens, at), 0)


def _is_scaled(tokens: Sequence[Token], at: int) -> bool:
    return _said(tokens, at) == "hundred" or bool(_scale(tokens, at))


def _below_hundred(tokens: Sequence[Token], at: int, reading: int) -> tuple[int, int] | None:
    """(value, index after it) of a number from 0 to 99."""
    word = tokens[at].text
    if word in _UNITS:
        return _UNITS[word], at + 1
    if word in _TEENS:
        return _TEENS[word], at + 1
    if word not in _TENS:
        return None
    unit = _UNITS.get(_said(tokens, at + 1), 0)
    if unit and (reading != _APART or tokens[at + 1].glued):
        return _TENS[word] + unit, at + 2
    return _TENS[word], at + 1


def _group(tokens: Sequence[Token], at: int, reading: int) -> tuple[int, int] | None:
    """(value, index after it) of what may stand before "thousand", "million" or the end: "twelve hundred and five"."""
    word = tokens[at].text
    if word == "a" and _is_scaled(tokens, at + 1):
        small: tuple[int, int] | None = (1, at + 1)
    elif word.isdecimal():
        small = (int(word), at + 1) if len(word) <= 3 and _is_scaled(tokens, at + 1) else None
    else:
        small = _below_hundred(tokens, at, reading)
    if small is None or not small[0] or _said(tokens, small[1]) != "hundred":
        return small
    value, end = small[0] * 100, small[1] + 1
    rest = _rest(tokens, end, reading, 100)
    return (value + rest[0], rest[1]) if rest else (value, end)


def _rest(tokens: Sequence[Token], at: int, reading: int, factor: int) -> tuple[int, int] | None:
    """What follows "hundred" or "thousand" and belongs to it: "and thirty-nine", "five hundred", "twelve"."""
    joined = _said(tokens, at) == "and"
    start = at + joined
    if not _said(tokens, start) or (not joined and reading in {_APART, _GROUPS}):
        return None
    word = tokens[start].text
    if word.isdecimal():
        # "4 thousand 539"; "4 thousand 5" may be dictated, and so may anything behind a hundred.
        rest = _group(tokens, start, reading) or (int(word), start + 1)
        fits = word[0] != "0" and (joined or len(word) == len(str(factor)) - 1 or rest[1] > start + 1)
        rest = rest if fits else (0, start)
    else:
        rest = (_below_hundred if factor == 100 else _group)(tokens, start, reading) or (0, start)
    value, end = rest
    if not value or value >= factor:
        return None
    following = _said(tokens, end)
    if following == "hundred" or (_scale(tokens, end) >= factor and factor > 100):
        return None
    # "nine hundred eight four two" is dictated digit by digit after the hundred: 900 8 4 2, not 908 4 2.
    dictated = value < 10 and bool(following) and bool(_digit(tokens[end])) and not _is_scaled(tokens, end + 1)
    return None if dictated and not joined and reading != _JOINED else (value, end)
