"""French numbers, as they are said on the telephone and as recognisers write them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redact.call import Transcript, Turn, Word
from redact.detect.spoken.base import load
from redact.detect.spoken.written import readings, written
from redact.views import turns

ONES = ["zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf"]
TEENS = ["dix", "onze", "douze", "treize", "quatorze", "quinze", "seize", "dix-sept", "dix-huit", "dix-neuf"]
TENS = ["", "", "vingt", "trente", "quarante", "cinquante", "soixante"]


def transcript_of(text):
    return Transcript((Turn("customer", 0, tuple(Word(part, None, None, 0) for part in text.split())),), "fr", "test")


def read(text):
    transcript = transcript_of(text)
    return written(transcript, turns(transcript)[0], load("fr")).text


def read_all(text):
    transcript = transcript_of(text)
    return tuple(view.text for view in readings(transcript, turns(transcript)[0], load("fr")))


@pytest.mark.parametrize(
    ("said", "figures"),
    [
        ("zéro six", "06"),
        ("zero six", "06"),
        ("double zéro", "00"),
        ("double zéro sept", "007"),
        ("triple six", "666"),
        ("trois fois zéro, huit", "0008"),
        ("deux zéros", "00"),
        ("zéro six, trente-neuf, quatre-vingt-dix-huit", "063998"),
        ("vingt et un", "21"),
        ("vingt-et-un", "21"),
        ("soixante-dix", "70"),
        ("soixante et onze", "71"),
        ("soixante-et-onze", "71"),
        ("soixante dix-sept", "77"),
        ("soixante-dix-sept", "77"),
        ("quatre-vingts", "80"),
        ("quatre vingt", "80"),
        ("quatre-vingt-un", "81"),
        ("quatre-vingt-onze", "91"),
        ("quatre-vingt-dix-huit", "98"),
        ("quatre vingt dix huit", "98"),
        ("quatre-vingts, dix, huit", "80108"),
        ("soixante quatre-vingts", "6080"),
        ("soixante-quatre vingt", "6420"),
        ("vingt-quatre quatre-vingt-quatre", "2484"),
        ("septante", "70"),
        ("septante et un", "71"),
        ("septante-deux nonante", "7290"),
        ("nonante-neuf", "99"),
        ("huitante-trois", "83"),
        ("octante-trois", "83"),
        ("cent", "100"),
        ("cent un", "101"),
        ("deux cents", "200"),
        ("deux cent trois", "203"),
        ("six cent trois cent", "600300"),
        ("sept cent dix-neuf", "719"),
        ("vingt-deux cent dix", "22110"),
        ("mille", "1000"),
        ("mille deux", "1002"),
        ("mille cent", "1100"),
        ("dix-neuf cent quatre-vingt-quatre", "1984"),
        ("mille neuf cent quatre-vingt-quatre", "1984"),
        ("mil neuf cent quatre-vingt-quatre", "1984"),
        ("deux mille douze", "2012"),
        ("deux mille trois mille", "20003000"),
        ("cent vingt mille", "120000"),
        ("un million deux cent mille trois", "1200003"),
        ("quatre mille cinq cent trente-neuf", "4539"),
        ("4 mille 539", "4539"),
        ("06, 12, 34, 56", "06123456"),
        ("06.12.34.56", "06123456"),
        ("06 12 34 euh 56", "06123456"),
        ("06-12-34-56", "06123456"),
        ("0,6, 39, 98", "063998"),
        ("1 84 07", "18407"),
        ("soixante-dix, dix", "7010"),
    ],
)
def test_what_is_said_is_read(said, figures):
    assert read(said) == figures


@pytest.mark.parametrize(
    ("said", "all_figures"),
    [
        ("quatre-vingt-dix-huit", ("98", "80108", "42018")),
        ("quatre-vingts", ("80", "420")),
        ("soixante-dix-huit", ("78", "60108", "6018")),
        ("soixante-douze", ("72", "6012")),
        ("soixante et onze", ("71",)),
        ("vingt-cinq", ("25", "205")),
        ("vingt-cinq euros", ("25 euros",)),
        ("dix-huit", ("18", "108")),
        ("cent deux", ("102", "1002")),
        ("deux cents", ("200", "2100")),
        ("cent vingt-cinq", ("125", "100205", "10025")),
        ("zéro six douze", ("0612",)),
        ("bonjour madame", ("bonjour madame",)),
    ],
)
def test_what_may_be_meant_otherwise_is_read_otherwise(said, all_figures):
    assert read_all(said) == all_figures


@pytest.mark.parametrize(
    "said",
    [
        "un instant",
        "un moment s'il vous plaît",
        "une autre fois",
        "Pierre",
        "c'est Pierre Martin",
        "flambant neuf",
        "quoi de neuf",
        "la voiture est neuve",
        "quatrième étage",
        "des centaines",
        "le dixième",
        "double vitrage",
        "cinquantaine",
    ],
)
def test_what_counts_nothing_stays(said):
    assert read(said) == said


@pytest.mark.parametrize(
    ("said", "form"),
    [
        ("il y a un problème", "il y a 1 problème"),
        ("à neuf heures", "à 9 heures"),
        ("un véhicule neuf", "1 véhicule neuf"),
        ("dix pour cent", "10 pour cent"),
        ("à 10h30 le 1er mars", "à 10h30 le 1er mars"),
        ("vingt et un moment", "21 moment"),
        ("ordinateur neuf huit sept", "ordinateur 987"),
    ],
)
def test_numbers_among_words(said, form):
    assert read(said) == form


def below_hundred(value, belgian=False):
    if value < 10:
        return ONES[value]
    if value < 20:
        return TEENS[value - 10]
    tens, unit = divmod(value, 10)
    if belgian and tens in {7, 9}:
        base = "septante" if tens == 7 else "nonante"
    elif tens in {7, 9}:
        joint = " et " if value == 71 else "-"
        return ("soixante" if tens == 7 else "quatre-vingt") + joint + TEENS[unit]
    elif tens == 8:
        return "quatre-vingt" + (f"-{ONES[unit]}" if unit else "s")
    else:
        base = TENS[tens]
    if not unit:
        return base
    return f"{base} et un" if unit == 1 else f"{base}-{ONES[unit]}"


def say(value, belgian=False):
    """A number in words, written anew here: it shares nothing with the reader."""
    if value < 100:
        return below_hundred(value, belgian)
    if value < 1000:
        count, rest = divmod(value, 100)
        head = "cent" if count == 1 else f"{ONES[count]} cent" + ("" if rest else "s")
        return head + (f" {say(rest, belgian)}" if rest else "")
    for factor, name in ((10**9, "milliard"), (10**6, "million"), (1000, "mille")):
        if value >= factor:
            count, rest = divmod(value, factor)
            counted = (
                say(count, belgian).removesuffix("s") if factor == 1000 and count % 100 == 0 else say(count, belgian)
            )
            head = name if factor == 1000 and count == 1 else f"{counted} {name}"
            return head + (f" {say(rest, belgian)}" if rest else "")
    raise AssertionError


def groups_of(digits, lengths):
    at = 0
    for length in lengths:
        if at < len(digits):
            yield digits[at : at + length]
            at += length
    yield from digits[at:]


def say_group(group, belgian=False):
    """A group of digits as one number, its leading zeros one by one."""
    rest = group.lstrip("0")
    return " ".join(["zéro"] * (len(group) - len(rest)) + ([say(int(rest), belgian)] if rest else []))


@settings(deadline=None)
@given(st.integers(0, 10**9), st.booleans())
def test_any_number_said_is_read_back(value, belgian):
    assert read(say(value, belgian)) == str(value)


@settings(deadline=None)
@given(st.text("0123456789", min_size=1, max_size=19), st.lists(st.integers(1, 4), max_size=12), st.booleans())
def test_any_grouping_with_breaks_is_read_back(digits, lengths, belgian):
    said = ", ".join(say_group(group, belgian) for group in groups_of(digits, lengths))
    assert read(said) == digits


def twenties(pair):
    """A pair from 80 on as the numbers that its words also are."""
    value = int(pair)
    if 60 < value < 80 and value not in {61, 71}:
        return f"60{value - 60}" if value >= 70 else pair
    if value <= 80:
        return pair if value < 80 else "420"
    return f"420{value - 80}" if value >= 90 else f"42{value - 80}"


@settings(deadline=None)
@given(st.lists(st.integers(0, 99).map("{:02}".format), min_size=1, max_size=8))
def test_twenties_that_are_counted_apart_are_some_reading(pairs):
    said = ", ".join(say_group(pair) for pair in pairs)
    assert "".join(map(twenties, pairs)) in read_all(said)
