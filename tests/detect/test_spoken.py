"""Spoken numbers, letters and addresses in written form."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redact.call import Transcript, Turn, Word
from redact.detect.spoken.base import load, supported
from redact.detect.spoken.written import written
from redact.views import turns

UNITS = {
    "en": ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"],
    "fr": ["zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf"],
}
TEENS = {
    "en": "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split(),  # noqa: SIM905
    "fr": "dix onze douze treize quatorze quinze seize dix-sept dix-huit dix-neuf".split(),  # noqa: SIM905
}
EN_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
FR_TENS = ["vingt", "trente", "quarante", "cinquante", "soixante"]


def view_of(text, code):
    words = tuple(Word(part, None, None, 0) for part in text.split())
    transcript = Transcript((Turn("customer", 0, words),), code, "test")
    return written(transcript, turns(transcript)[0], load(code)), transcript


def read(text, code):
    return view_of(text, code)[0].text


@pytest.mark.parametrize(
    ("said", "figures"),
    [
        ("four nine two nine, oh three double seven", "49290377"),
        ("oh three, double seven", "0377"),
        ("triple six", "666"),
        ("treble five one", "5551"),
        ("niner zero", "90"),
        ("twenty-one", "21"),
        ("twenty one", "21"),
        ("twenty, one", "201"),
        ("thirty four twelve", "3412"),
        ("nineteen eighty four", "1984"),
        ("nineteen oh five", "1905"),
        ("two thousand and twelve", "2012"),
        ("two thousand twenty six", "2026"),
        ("one hundred and twenty-three", "123"),
        ("five hundred", "500"),
        ("nine hundred eight four two", "900842"),
        ("two thousand five hundred", "2500"),
        ("um four, uh, two", "um 42"),
        ("4929 03 77", "49290377"),
        ("4-4-4 now", "444 now"),
        ("double 5 oh 1", "5501"),
        ("L H, seven seven oh four", "LH7704"),
    ],
)
def test_english_numbers(said, figures):
    assert read(said, "en") == figures


@pytest.mark.parametrize(
    ("said", "figures"),
    [
        ("zéro six, soixante-dix, dix", "067010"),
        ("quatre-vingt-dix-sept", "97"),
        ("quatre vingt douze", "92"),
        ("quatre-vingts", "80"),
        ("quatre, vingt", "420"),
        ("quatre-vingt-un", "81"),
        ("soixante et onze", "71"),
        ("soixante-quinze", "75"),
        ("soixante-dix-huit", "78"),
        ("vingt et un", "21"),
        ("septante-cinq", "75"),
        ("huitante deux", "82"),
        ("nonante neuf", "99"),
        ("dix-sept", "17"),
        ("dix, sept", "107"),
        ("double six", "66"),
        ("triple zéro", "000"),
        ("cent", "100"),
        ("cent deux", "102"),
        ("deux cent trois", "203"),
        ("mille neuf cent quatre-vingt-quatre", "1984"),
        ("deux mille douze", "2012"),
        ("zéro un vingt-trois quarante-cinq", "012345"),
        ("06 12 34 euh 56 78", "0612345678"),
    ],
)
def test_french_numbers(said, figures):
    assert read(said, "fr") == figures


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("en", "I have a dog"),
        ("en", "I am here"),
        ("en", "look at me"),
        ("en", "I'll see you at the dot"),
        ("en", "double you"),
        ("en", "someone said anyone can"),
        ("en", "often the weight of freight"),
        ("fr", "y a quelque chose"),
        ("fr", "vous m'avez dit non"),
        ("fr", "à bientôt"),
        ("fr", "au point mort"),
        ("fr", "quatrième centre"),
    ],
)
def test_what_is_no_number_or_spelling_stays_as_it_was(code, said):
    assert read(said, code) == said


@pytest.mark.parametrize(
    ("code", "said", "spelled"),
    [
        ("en", "H, A, double L, O, W, A, Y", "‹HALLOWAY›"),
        ("en", "S for Sierra, B for Bravo", "‹SB›"),
        ("en", "S as in Sierra, T as in Tango", "‹ST›"),
        ("en", "it's H-A-L-L", "it's ‹HALL›"),
        ("en", "T-T-T", "‹TTT›"),
        ("en", "zed, uh, K", "‹ZK›"),
        ("fr", "F comme François, O comme Oscar", "‹FO›"),
        ("fr", "D, U, deux P", "DU2P"),
        ("fr", "M, A, R, euh, T", "‹MART›"),
    ],
)
def test_spelled(code, said, spelled):
    assert read(said, code) == spelled


@pytest.mark.parametrize(
    ("code", "said", "address"),
    [
        ("en", "desmond dot halloway at example dot com", "desmond.halloway@example.com"),
        ("en", "it's john underscore smith at gmail dot com thanks", "john_smith@gmail.com"),
        ("en", "d h four two at example dot co dot uk", "dh42@example.co.uk"),
        ("en", "Anna.Bell@example.org", "anna.bell@example.org"),
        ("en", "go to example dot com slash", "example.com"),
        ("fr", "jean tiret dupont arobase exemple point fr", "jean-dupont@exemple.fr"),
        ("fr", "marie point durand arobase exemple point com", "marie.durand@exemple.com"),
    ],
)
def test_addresses(code, said, address):
    assert address in read(said, code).split()


@st.composite
def dictated(draw, code):
    """Digits, and how they are said: one by one or in pairs, with breaks and fillers between the groups."""
    digits, groups = "", []
    for _ in range(draw(st.integers(1, 12))):
        if draw(st.booleans()):
            digit = draw(st.integers(0, 9))
            digits += str(digit)
            groups.append(UNITS[code][digit])
        else:
            pair = draw(st.integers(0, 99))
            digits += f"{pair:02}"
            groups.append(pair_of(pair, code))
    filler = "um" if code == "en" else "euh"
    text = groups[0]
    for group in groups[1:]:
        text += draw(st.sampled_from([", ", ". ", f", {filler} "])) + group
    return digits, text


def pair_of(value, code):
    tens, unit = divmod(value, 10)
    if not tens:
        return f"{UNITS[code][0]} {UNITS[code][unit]}"
    if tens == 1:
        return TEENS[code][unit]
    if code == "en":
        return EN_TENS[tens - 2] + (f"-{UNITS['en'][unit]}" if unit else "")
    if tens in {7, 9}:
        base = "soixante" if tens == 7 else "quatre-vingt"
        return "soixante et onze" if value == 71 else f"{base}-{TEENS['fr'][unit]}"
    base = FR_TENS[tens - 2] if tens < 7 else "quatre-vingt" + ("s" if not unit else "")
    if unit == 1 and tens < 7:
        return f"{base} et un"
    return base + (f"-{UNITS['fr'][unit]}" if unit else "")


@pytest.mark.parametrize("code", ["en", "fr"])
@settings(deadline=None)
@given(data=st.data())
def test_digits_in_any_grouping_are_read_back(code, data):
    digits, text = data.draw(dictated(code))
    assert read(text, code) == digits


@pytest.mark.parametrize("code", ["en", "fr"])
@settings(deadline=None)
@given(digits=st.text("0123456789", min_size=1, max_size=20), mark=st.sampled_from([" ", ", "]))
def test_digits_said_one_by_one_are_read_back(code, digits, mark):
    assert read(mark.join(UNITS[code][int(digit)] for digit in digits), code) == digits


VOCABULARY = [
    *["four", "double", "oh", "twenty", "hundred,", "um", "S", "for", "Sierra", "at", "dot", "com", "I", "a", "-"],
    *["4-4-4", "T-T-T", "john@x.com", "quatre-vingt", "et", "onze", "comme", "cent", "euh,", "arobase", "point", "fr"],
]


@pytest.mark.parametrize("code", ["en", "fr"])
@settings(deadline=None)
@given(parts=st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=12))
def test_written_views_project_back(code, parts):
    view, transcript = view_of(" ".join(parts), code)
    for piece in view.pieces:
        assert view.words_at(piece.start, piece.end) == tuple(sorted(set(piece.words)))
    first = [piece.words[0] for piece in view.pieces if piece.words]
    assert first == sorted(first)
    known = view.words_at(0, len(view.text))
    lost = [transcript.words[i].text for i in range(len(parts)) if i not in known]
    fillers = {"um", "euh", "et"}
    assert all(text == "-" or re.sub(r"\W", "", text) in fillers for text in lost)


def test_the_supported_languages_load():
    assert supported() == ("en", "fr")
    with pytest.raises(KeyError):
        load("de")


@pytest.mark.parametrize(
    ("code", "said", "expected"),
    [
        ("en", "Okay, thank you.", True),
        ("en", "Mm, got it.", True),
        ("en", "Okay, Desmond.", False),
        ("en", "", False),
        ("fr", "D'accord, merci.", True),
        ("fr", "C'est noté.", True),
        ("fr", "Quel est votre nom ?", False),
    ],
)
def test_acknowledgements(code, said, expected):
    assert load(code).is_acknowledgement(said.split()) is expected
