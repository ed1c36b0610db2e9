"""What is said and what is typed meet in one form, and what is somebody else's does not."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redact.call import Transcript, Turn, Word
from redact.corrections import Correction
from redact.errors import UsageError
from redact.findings import Finding, Plan, Replacement
from redact.policy import ENTITY_TYPES
from redact.subjects import CARD_TYPES, Term, kind_of, of_id, said, sought, written_down

NO_PLAN = Plan((), ())


def call(*turns: str, language: str = "en") -> Transcript:
    at, spoken = 0, []
    for text in turns:
        words = text.split()
        spoken.append(Turn("", 0, tuple(Word(w, 1000 * (at + i), 1000 * (at + i + 1), 0) for i, w in enumerate(words))))
        at += len(words)
    return Transcript(tuple(spoken), language, "test")


def heard(entity_type: str, *turns: str, language: str = "en") -> frozenset[Term]:
    """The terms of a call that says only that, and in which all of it is found to be of a type."""
    transcript = call(*turns, language=language)
    whole = Finding(entity_type, tuple(range(len(transcript.words))), 0.9, "test", "transcribed")
    return said(transcript, (whole,), NO_PLAN)


def meets(terms: frozenset[Term], kind: str, typed: str, **how: bool) -> bool:
    forms = {form for own, form in terms if own == kind}
    return all(group & forms for group in sought(kind, typed, **how))


SAME = [
    ("en", "PHONE_NUMBER", "phone", "double five five oh one two three", "555 0123"),
    ("en", "PHONE_NUMBER", "phone", "oh seven seven double oh, nine hundred, one two three", "+44 7700 900123"),
    ("en", "PHONE_NUMBER", "phone", "07700 900123.", "0044 (0)7700 900-123"),
    ("en", "PHONE_NUMBER", "phone", "zero double seven zero zero nine double zero one two three", "(07700) 900 123"),
    ("en", "PHONE_NUMBER", "phone", "plus double four, double seven double oh, nine hundred, one two 3", "07700900123"),
    ("en", "PHONE_NUMBER", "phone", "three oh three, five five five, oh one seven four", "+1 (303) 555-0174"),
    ("en", "PHONE_NUMBER", "phone", "1-303-555-0174", "303.555.0174"),
    ("en", "PHONE_NUMBER", "phone", "3 0 3 5 5 5 0 1 7 4", "three zero three five five five zero one seven four"),
    ("fr", "PHONE_NUMBER", "phone", "zéro six, douze, trente-quatre, cinquante-six, soixante-dix-huit", "+33612345678"),
    ("fr", "PHONE_NUMBER", "phone", "06 12 34 56 78", "0033612345678"),
    ("fr", "PHONE_NUMBER", "phone", "zéro six quatre-vingt-douze trente-quatre soixante-seize vingt", "0692347620"),
    ("fr", "PHONE_NUMBER", "phone", "plus trente-trois six trente-neuf quatre-vingt-dix-huit zéro un", "06 39 98 01"),
    ("fr", "PHONE_NUMBER", "phone", "zéro un quatre-vingt-dix-neuf zéro zéro douze quatorze", "01 99 00 12 14"),
    ("fr", "PHONE_NUMBER", "phone", "02 123 45 67", "+32 2 123 45 67"),
    ("fr", "PHONE_NUMBER", "phone", "zéro six douze trente-quatre cinquante-six septante-huit", "0612345678"),
    ("fr", "PHONE_NUMBER", "phone", "33 6 12 34 56 78", "06 12 34 56 78"),
    ("en", "EMAIL_ADDRESS", "email", "john dot smith at gmail dot com", "John.Smith@Gmail.com"),
    ("en", "EMAIL_ADDRESS", "email", "john.smith@gmail.com.", "john.smith@gmail.com"),
    ("en", "EMAIL_ADDRESS", "email", "j o h n underscore smith at hotmail dot co dot uk", "john_smith@hotmail.co.uk"),
    ("en", "EMAIL_ADDRESS", "email", "desmond dot halloway at example dot com", "<desmond.halloway@example.com>"),
    ("fr", "EMAIL_ADDRESS", "email", "hélène point martin arobase free point fr", "helene.martin@free.fr"),
    ("fr", "EMAIL_ADDRESS", "email", "jean tiret paul arobase orange point fr", "jean-paul@orange.fr"),
    ("fr", "EMAIL_ADDRESS", "email", "léa point fontbonne, arobase, example point com", "lea.fontbonne@example.com"),
    ("en", "USERNAME", "email", "desmond underscore h", "desmond_h"),
    ("en", "ACCOUNT_REFERENCE", "reference", "L H, seven seven oh four, one nine two", "LH7704192"),
    ("en", "ACCOUNT_REFERENCE", "reference", "LH-7704-192,", "lh 7704 192"),
    ("en", "ACCOUNT_REFERENCE", "reference", "P O seven seven oh four", "PO7704"),
    ("fr", "ACCOUNT_REFERENCE", "reference", "A N, cinq cent douze, soixante-dix-huit", "AN 51278"),
    ("en", "IBAN_CODE", "reference", "GB33 BUKB 2020 1555 5555 55", "gb33bukb20201555555555"),
    ("en", "PASSPORT", "reference", "five double three one one seven nine eight oh", "533117980"),
    ("fr", "FR_NIR", "reference", "un quatre-vingt-cinq zéro sept soixante-quinze onze zéro un", "1 85 07 75 11 01"),
    ("fr", "VEHICLE_PLATE", "reference", "A B, cent vingt-trois, C D", "AB-123-CD"),
    ("en", "MEMBER_CARD", "reference", "member number double four one one two", "44112"),
    ("en", "PERSON", "name", "Maud Ferrant", "Maud Ferrant"),
    ("en", "PERSON", "name", "Maud Ferrant's", "FERRANT"),
    ("en", "PERSON", "name", "Ferrant, Maud", "Mrs. Maud Ferrant"),
    ("fr", "PERSON", "name", "madame Ferrant", "Mme Ferrand"),
    ("fr", "PERSON", "name", "Hélène Lefèvre", "helene lefevre"),
    ("fr", "PERSON", "name", "Jean-Luc de la Porte", "Jean Luc Delaporte"),
    ("fr", "PERSON", "name", "Delaporte", "de La Porte"),
    ("fr", "PERSON", "name", "monsieur d’Artagnan", "Dartagnan"),
    ("en", "PERSON", "name", "Siobhan O'Brien", "obrien"),
    ("en", "PERSON", "name", "Mac Donald", "MacDonald"),
    ("en", "PERSON", "name", "H, A, double L, O, W, A, Y", "Halloway"),
    ("en", "PERSON", "name", "Tango, Hotel, Alpha, Charlie, Kilo, Echo, Romeo, Alpha, Yankee", "Thackeray"),
    ("en", "PERSON", "name", "Grace Young", "grace young"),
    ("en", "PERSON", "name", "Le Van", "le van"),
    ("fr", "PERSON", "name", "Cœur", "coeur"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "entity_type", "kind", "spoken", "typed"), SAME)
def test_what_is_said_meets_what_is_typed(language, entity_type, kind, spoken, typed):
    assert meets(heard(entity_type, spoken, language=language), kind, typed)


@pytest.mark.parametrize(("language", "entity_type", "kind", "spoken", "typed"), SAME)
def test_it_meets_what_is_typed_as_it_is_said(language, entity_type, kind, spoken, typed):
    if kind != "name":  # nobody types a name as it is spelled
        assert meets(heard(entity_type, spoken, language=language), kind, spoken)
    assert meets(heard(entity_type, typed, language=language) | written_down(kind, typed), kind, typed)


OTHERS = [
    ("fr", "PHONE_NUMBER", "phone", "06 12 34 56 78", "06 12 34 56 79"),
    ("fr", "PHONE_NUMBER", "phone", "06 12 34 56 78", "07 12 34 56 78"),
    ("fr", "PHONE_NUMBER", "phone", "06 12 34 56 78", "12 34 56 78"),
    ("fr", "PHONE_NUMBER", "phone", "zéro six, douze, trente-quatre, cinquante-six, soixante-dix-huit", "0612345660"),
    ("fr", "PHONE_NUMBER", "phone", "02 123 45 67", "021 234 56 78"),
    ("en", "PHONE_NUMBER", "phone", "303 555 0174", "555 0174"),
    ("en", "PHONE_NUMBER", "phone", "double five five oh one two three", "55 01 23"),
    ("en", "PHONE_NUMBER", "email", "john.smith@gmail.com", "john.smith@gmail.com"),
    ("en", "EMAIL_ADDRESS", "email", "john.smith@gmail.com", "john.smith@hotmail.com"),
    ("en", "EMAIL_ADDRESS", "email", "john.smith@gmail.com", "jon.smith@gmail.com"),
    ("en", "EMAIL_ADDRESS", "email", "john.smith@gmail.com", "smith@gmail.com"),
    ("en", "EMAIL_ADDRESS", "email", "john.smith@gmail.com", "johnsmith"),
    ("en", "EMAIL_ADDRESS", "email", "at example dot com", "john@example.com"),
    ("en", "ACCOUNT_REFERENCE", "reference", "LH7704192", "LH7704193"),
    ("en", "ACCOUNT_REFERENCE", "reference", "LH7704192", "7704192"),
    ("en", "ACCOUNT_REFERENCE", "reference", "LH7704192", "LH7704"),
    ("en", "PERSON", "name", "Maud Ferrant", "Maud Halloway"),
    ("en", "PERSON", "name", "Mr. Ferrant", "Maud Ferrant"),
    ("en", "PERSON", "name", "Thackeray", "Thackrah"),
    ("fr", "PERSON", "name", "monsieur Martin", "Marchand"),
    ("fr", "PERSON", "name", "Jean de la Porte", "Jean de la Tour"),
    ("en", "PERSON", "name", "that's Maud, and so on", "so"),
    ("en", "STREET_ADDRESS", "name", "Ferrant Street", "Ferrant"),
    ("en", "ORGANIZATION", "name", "Ferrant", "Ferrant"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "entity_type", "kind", "spoken", "typed"), OTHERS)
def test_what_is_somebody_else_s_does_not(language, entity_type, kind, spoken, typed):
    assert not meets(heard(entity_type, spoken, language=language), kind, typed)


@pytest.mark.parametrize(("spoken", "typed"), [("Ferran", "Ferrant"), ("Feran", "Ferrand"), ("Martain", "Martin")])
def test_names_that_sound_alike_meet_unless_that_is_not_wanted(spoken, typed):
    terms = heard("PERSON", spoken, language="fr")
    assert meets(terms, "name", typed)
    assert not meets(terms, "name", typed, by_sound=False)
    assert meets(terms, "name", spoken, by_sound=False)


def test_a_number_that_the_other_interrupts_is_one():
    transcript = call("zero seven seven", "okay", "double oh nine hundred", "yes", "one two three")
    finding = Finding("PHONE_NUMBER", (0, 1, 2, 4, 5, 6, 7, 9, 10, 11), 0.9, "test", "written")
    assert meets(said(transcript, (finding,), NO_PLAN), "phone", "07700 900123")


@pytest.mark.parametrize("kind", ["name", "phone", "email", "reference"])
@pytest.mark.parametrize("typed", ["", " ", "-", "m.", "a", "…", "12", "@", "\0", "𝟙"])
def test_what_says_nobody_is_refused_without_telling_it(kind, typed):
    with pytest.raises(UsageError) as refused:
        sought(kind, typed)
    assert not typed.strip() or typed in "a-m." or typed not in refused.value.message + refused.value.hint


CARDS = ("4929 0377 4190 6517", "4970103288550742", "3782 822463 10005", "5555-5555-5555-4444")


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("entity_type", [*ENTITY_TYPES, "MEMBER_CARD"])
def test_no_term_is_made_of_a_card_number_whatever_it_was_taken_for(card, entity_type):
    if entity_type != "FR_NIR":  # that has as many digits, and is known by its own checksum
        assert not {term for term in heard(entity_type, card) if len(term[1]) > 5}


@pytest.mark.parametrize("card", CARDS)
def test_a_card_number_can_not_be_looked_for_nor_given_beside_a_call(card):
    with pytest.raises(UsageError, match="card numbers are not in the index"):
        sought("reference", card)
    assert not written_down("reference", card)
    assert not written_down("phone", card)


@pytest.mark.parametrize("entity_type", sorted(CARD_TYPES))
def test_what_may_be_card_data_is_nothing_else_beside(entity_type):
    transcript = call("seven seven oh four one nine two")
    words = tuple(range(7))
    card = Finding(entity_type, words[3:], 0.3, "test", "written")
    other = Finding("ACCOUNT_REFERENCE", words, 0.9, "test", "written")
    assert said(transcript, (other,), NO_PLAN)
    assert not said(transcript, (other, card), NO_PLAN)
    assert not said(transcript, (other,), Plan((), (Replacement(3, 6, entity_type, ""),)))
    assert kind_of(entity_type) is None


def test_what_a_person_marked_makes_terms_and_what_they_released_makes_none():
    transcript = call("Maud Ferrant called")
    found = Finding("PERSON", (0, 1), 0.9, "test", "transcribed")
    assert not said(transcript, (found,), NO_PLAN, (Correction(0, 2000, None),))
    assert meets(said(transcript, (), Plan((), (Replacement(0, 1, "PERSON", ""),))), "name", "Maud Ferrant")


def test_findings_that_are_hardly_believed_make_none():
    transcript = call("Maud")
    assert not said(transcript, (Finding("PERSON", (0,), 0.39, "test", "transcribed"),), NO_PLAN)
    assert said(transcript, (Finding("PERSON", (0,), 0.4, "test", "transcribed"),), NO_PLAN)


def test_a_call_s_id_is_a_reference_however_many_digits_it_has():
    assert of_id("4929037741906517") == {("reference", "4929037741906517")}
    assert not of_id("")


DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
CHIFFRES = ("zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf")
national = st.text(string.digits, min_size=8, max_size=8).map(lambda rest: "6" + rest)


@settings(max_examples=60, deadline=None)
@given(national, st.sampled_from([("en", DIGITS), ("fr", CHIFFRES)]), st.sampled_from(["0", "+33", "0033", "+33 (0)"]))
def test_a_number_said_digit_by_digit_meets_it_in_each_written_form(number, spoken_in, begins):
    language, words = spoken_in
    spoken = " ".join(words[int(digit)] for digit in "0" + number)
    assert meets(heard("PHONE_NUMBER", spoken, language=language), "phone", begins + number)


@settings(max_examples=60, deadline=None)
@given(national, national)
def test_two_numbers_meet_only_where_they_are_one(number, other):
    assert meets(heard("PHONE_NUMBER", "0" + number), "phone", "+33" + other) == (number == other)


@settings(max_examples=60, deadline=None)
@given(st.text(string.ascii_uppercase + string.digits, min_size=6, max_size=10), st.sampled_from(["", " ", "-", "."]))
def test_a_reference_meets_itself_however_it_is_parted(code, mark):
    parted = mark.join(code[i : i + 3] for i in range(0, len(code), 3))
    assert meets(written_down("reference", code), "reference", parted)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["name", "phone", "email", "reference"]), st.text(max_size=30))
def test_what_can_be_looked_for_meets_itself(kind, text):
    try:
        sought(kind, text)
    except UsageError:
        return
    assert kind != "name" or meets(written_down(kind, text), kind, text)
