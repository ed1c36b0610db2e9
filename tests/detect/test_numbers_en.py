"""English numbers, as they are said on the telephone and as recognisers write them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redact.call import Transcript, Turn, Word
from redact.detect.spoken.base import load
from redact.detect.spoken.written import readings, written
from redact.views import turns

ONES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
TEENS = ["ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def transcript_of(text):
    return Transcript((Turn("customer", 0, tuple(Word(part, None, None, 0) for part in text.split())),), "en", "test")


def read(text):
    transcript = transcript_of(text)
    return written(transcript, turns(transcript)[0], load("en")).text


def read_all(text):
    transcript = transcript_of(text)
    return tuple(view.text for view in readings(transcript, turns(transcript)[0], load("en")))


@pytest.mark.parametrize(
    ("said", "figures"),
    [
        ("four nine two nine", "4929"),
        ("oh seven, seven oh oh, nine oh oh", "07700900"),
        ("o seven seven o o", "07700"),
        ("nought one two", "012"),
        ("naught one two", "012"),
        ("nil one two", "012"),
        ("niner five", "95"),
        ("double five oh one", "5501"),
        ("triple seven", "777"),
        ("treble seven", "777"),
        ("quadruple two", "2222"),
        ("double oh seven", "007"),
        ("double-oh seven", "007"),
        ("double o seven", "007"),
        ("double 5 1", "551"),
        ("three zeros five", "0005"),
        ("two zeroes four", "004"),
        ("two fives", "55"),
        ("nineteen eighty-four", "1984"),
        ("nineteen eighty four", "1984"),
        ("twenty oh five", "2005"),
        ("twenty twenty-six", "2026"),
        ("nineteen hundred", "1900"),
        ("forty-five thirty-nine", "4539"),
        ("twelve hundred", "1200"),
        ("twelve hundred and six", "1206"),
        ("a hundred", "100"),
        ("a hundred and five", "105"),
        ("one hundred five", "105"),
        ("four thousand five hundred and thirty-nine", "4539"),
        ("two thousand and five", "2005"),
        ("two thousand twenty-six", "2026"),
        ("seventy-seven hundred", "7700"),
        ("one hundred and twenty thousand", "120000"),
        ("one million two hundred thousand and three", "1200003"),
        ("three hundred five hundred", "300500"),
        ("two thousand three thousand", "20003000"),
        ("two thousand twelve hundred", "20001200"),
        ("nine hundred eight four two", "900842"),
        ("nine hundred, eight, four, two", "900842"),
        ("nine hundred and eight, four, two", "90842"),
        ("4 thousand 539", "4539"),
        ("5 hundred", "500"),
        ("4 million", "4000000"),
        ("4,539 1,488,034", "45391488034"),
        ("217-5-01-09", "21750109"),
        ("555-01-23", "5550123"),
        ("(555) 0123", "5550123"),
        ("4929. 0377. 12", "4929037712"),
        ("um four, uh, two", "um 42"),
        ("twenty, five", "205"),
        ("fourty two", "42"),
    ],
)
def test_what_is_said_is_read(said, figures):
    assert read(said) == figures


@pytest.mark.parametrize(
    ("said", "all_figures"),
    [
        ("twenty five", ("25", "205")),
        ("twenty-five", ("25",)),
        ("twenty, five", ("205",)),
        ("one hundred five", ("105", "1005")),
        ("one hundred and five", ("105",)),
        ("one hundred twenty five", ("125", "100205", "10025")),
        ("two thousand twelve", ("2012", "200012")),
        ("nine hundred eight four two", ("900842", "90842")),
        ("twenty five pounds", ("25 pounds",)),
        ("four two nine", ("429",)),
        ("double five", ("55",)),
        ("p o 7 6 f w", ("P076FW", "PO76FW")),
        ("hello there", ("hello there",)),
    ],
)
def test_what_may_be_meant_otherwise_is_read_otherwise(said, all_figures):
    assert read_all(said) == all_figures


@pytest.mark.parametrize(
    "said",
    [
        "one moment please",
        "one second",
        "one of them",
        "Oh I see",
        "oh dear",
        "May I",
        "Will you",
        "I am for it",
        "someone won",
        "hundreds of times",
        "the thousandth caller",
        "double glazing",
        "triple checked",
        "see you tomorrow",
    ],
)
def test_what_counts_nothing_stays(said):
    assert read(said) == said


@pytest.mark.parametrize(
    ("said", "form"),
    [
        ("Oh, four people", "Oh 4 people"),
        ("four two, oh I see", "42 oh I see"),
        ("four two, oh", "420"),
        ("the 22nd of July", "the 22nd of July"),
        ("at 4pm", "at 4pm"),
        ("four one one moment", "411 moment"),
    ],
)
def test_numbers_among_words(said, form):
    assert read(said) == form


def below_hundred(value):
    if value < 10:
        return ONES[value]
    if value < 20:
        return TEENS[value - 10]
    return TENS[value // 10] + (f"-{ONES[value % 10]}" if value % 10 else "")


def say(value, joint=" and "):
    """A number in words, written anew here: it shares nothing with the reader."""
    if value < 100:
        return below_hundred(value)
    for factor, name in ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred")):
        if value >= factor:
            count, rest = divmod(value, factor)
            head = f"{say(count, joint)} {name}"
            if not rest:
                return head
            return head + (joint if rest < 100 else " ") + say(rest, joint)
    raise AssertionError


def groups_of(digits, lengths):
    at = 0
    for length in lengths:
        if at < len(digits):
            yield digits[at : at + length]
            at += length
    yield from digits[at:]


def say_group(group):
    """A group of digits as one number, its leading zeros one by one; "oh" only where a digit follows."""
    rest = group.lstrip("0")
    return " ".join(["oh" if rest else "zero"] * (len(group) - len(rest)) + ([say(int(rest))] if rest else []))


@settings(deadline=None)
@given(st.integers(0, 10**9), st.sampled_from([" and ", " "]))
def test_any_number_said_is_read_back(value, joint):
    assert str(value) in read_all(say(value, joint))[:1]


@settings(deadline=None)
@given(st.text("0123456789", min_size=1, max_size=19), st.lists(st.integers(1, 4), max_size=12))
def test_any_grouping_with_breaks_is_read_back(digits, lengths):
    said = ", ".join(say_group(group) for group in groups_of(digits, lengths))
    assert read(said) == digits


@settings(deadline=None)
@given(st.text("0123456789", min_size=2, max_size=16), st.integers(1, 3))
def test_equal_groups_without_breaks_are_read_back_in_some_reading(digits, length):
    digits = digits[: len(digits) // length * length] or digits.rjust(length, "0")
    said = " ".join(say_group(group) for group in groups_of(digits, [length] * len(digits)))
    assert digits in read_all(said)


@settings(deadline=None)
@given(st.lists(st.integers(1, 99), min_size=1, max_size=6))
def test_tens_and_units_said_apart_are_some_reading(values):
    tens = [value // 10 * 10 for value in values if value >= 20]
    units = [value % 10 or 1 for value in values if value >= 20]
    said = " ".join(f"{below_hundred(ten)} {ONES[unit]}" for ten, unit in zip(tens, units, strict=True))
    if tens:
        figures = "".join(f"{ten}{unit}" for ten, unit in zip(tens, units, strict=True))
        assert figures in read_all(said)
