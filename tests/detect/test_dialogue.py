"""The dialogue as evidence: a question, and the answer that fills it."""

import pytest

from redact.call import Transcript, Turn, Word
from redact.detect.detector import in_dialogue
from redact.detect.heard import hear
from redact.detect.spoken.base import load
from redact.detect.spoken.written import written
from redact.views import answers, turns


def call_of(code, *lines):
    """Turns from lines: "A: …" the agent, "C: …" the customer, "M: …" everybody on one channel."""
    made = []
    for line in lines:
        speaker = {"A": "agent", "C": "customer", "M": "mixed"}[line[0]]
        channel = int(speaker == "customer")
        made.append(Turn(speaker, channel, tuple(Word(t, None, None, channel) for t in line[3:].split())))
    return Transcript(tuple(made), code, "test")


def views_of(transcript):
    language = load(transcript.language)

    def acknowledges(turn):
        return language.is_acknowledgement([word.text for word in turn.words])

    own = [written(transcript, passage, language) for passage in turns(transcript)]
    joined = [written(transcript, passage, language) for passage in answers(transcript, acknowledges)]
    return hear(transcript, own, language), [*own, *joined]


def found(code, *lines):
    """(type, text) of all that was found."""
    transcript = call_of(code, *lines)
    return {
        (f.entity_type, " ".join(transcript.words[i].text for i in f.words)) for f in in_dialogue(*views_of(transcript))
    }


def words_of(code, *lines):
    return {word for _, text in found(code, *lines) for word in text.split()}


@pytest.mark.parametrize(
    ("code", "question", "answer", "expected"),
    [
        ("en", "What is your card number?", "It's 4929 0377 1234 5678.", ("CREDIT_CARD", "4929 0377 1234 5678.")),
        ("en", "And the security code?", "Four nine two.", ("CREDIT_CARD_CVV", "Four nine two.")),
        ("en", "What's the expiry date?", "Oh four twenty-seven.", ("CREDIT_CARD_EXPIRATION", "Oh four twenty-seven.")),
        ("en", "Your sort code please?", "20 45 77.", ("BANK_ACCOUNT", "20 45 77.")),
        ("en", "Best number to reach you?", "Five five five, oh one nine nine.", ("PHONE_NUMBER", None)),
        ("en", "Can I have your date of birth?", "March 14th 1984.", ("DATE_OF_BIRTH", None)),
        ("en", "The last four of your social?", "Six seven eight nine.", ("US_SSN", None)),
        ("en", "And your zip code?", "90210.", ("POSTAL_CODE", "90210.")),
        ("en", "Your order number?", "L H seven seven oh four.", ("ACCOUNT_REFERENCE", "L H seven seven oh four.")),
        ("en", "What is your PIN?", "One two three four.", ("CREDENTIAL", "One two three four.")),
        ("en", "What is your full name?", "Desmond Halloway.", ("PERSON", "Desmond Halloway.")),
        ("en", "Your mother's maiden name?", "Marchbanks.", ("SECRET_ANSWER", "Marchbanks.")),
        ("en", "How old are you?", "42.", ("AGE", "42.")),
        ("fr", "Votre numéro de carte ?", "4929 0377 1234 5678.", ("CREDIT_CARD", "4929 0377 1234 5678.")),
        ("fr", "Le cryptogramme ?", "Quatre neuf deux.", ("CREDIT_CARD_CVV", "Quatre neuf deux.")),
        ("fr", "La date d'expiration ?", "Zéro quatre vingt-sept.", ("CREDIT_CARD_EXPIRATION", None)),
        ("fr", "Votre numéro de téléphone ?", "Zéro six, douze, trente-quatre.", ("PHONE_NUMBER", None)),
        ("fr", "Votre date de naissance ?", "Le 14 mars 1984.", ("DATE_OF_BIRTH", "Le 14 mars 1984.")),
        ("fr", "Votre numéro de sécurité sociale ?", "1 84 03 75.", ("FR_NIR", "1 84 03 75.")),
        ("fr", "Le code postal ?", "75011.", ("POSTAL_CODE", "75011.")),
        ("fr", "Votre numéro de commande ?", "A B 77 04.", ("ACCOUNT_REFERENCE", "A B 77 04.")),
        ("fr", "Votre mot de passe ?", "7704.", ("CREDENTIAL", "7704.")),
        ("fr", "Quel est votre nom ?", "Oui, Durand.", ("PERSON", "Durand.")),
        ("fr", "Votre nom de jeune fille ?", "Lemaire.", ("SECRET_ANSWER", "Lemaire.")),
        ("fr", "Quel âge avez-vous ?", "42.", ("AGE", "42.")),
    ],
)
def test_a_question_gives_its_answer_the_type(code, question, answer, expected):
    entity_type, text = expected
    results = found(code, f"A: {question}", f"C: {answer}")
    assert entity_type in {kind for kind, _ in results}
    if text:
        assert expected in results
    else:
        masked = {word for kind, said in results if kind == entity_type for word in said.split()}
        assert {word for word in answer.split() if any(c.isdigit() for c in word)} <= masked
        assert answer.split()[-1] in masked


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("en", "That will be 45 dollars."),
        ("en", "It costs two hundred dollars."),
        ("en", "It takes 20 minutes."),
        ("en", "Delivery is in 10 business days."),
        ("en", "Press 2 for billing."),
        ("en", "It's the model 456789."),
        ("en", "I called on Monday."),
        ("fr", "Cela fait 45 euros."),
        ("fr", "Ça coûte deux cents euros."),
        ("fr", "Comptez 20 minutes."),
        ("fr", "Tapez 2 pour la facturation."),
        ("fr", "C'est le modèle 456789."),
    ],
)
def test_prices_durations_and_options_are_nobodys(code, line):
    assert found(code, f"A: {line}") == set()


@pytest.mark.parametrize(
    ("code", "question", "answer"),
    [
        ("en", "What is your card number?", "It was 45 dollars."),
        ("fr", "Votre numéro de carte ?", "C'était 45 euros."),
    ],
)
def test_an_amount_fills_no_slot(code, question, answer):
    assert found(code, f"A: {question}", f"C: {answer}") == set()


@pytest.mark.parametrize(
    ("code", "question", "okay", "groups"),
    [
        (
            "en",
            "What is the card number?",
            "Okay.",
            ("Four nine two nine,", "oh three double seven,", "1234", "five six seven eight."),
        ),
        (
            "fr",
            "Quel est le numéro de carte ?",
            "D'accord.",
            ("Quarante-neuf, vingt-neuf,", "zéro trois, soixante-dix-sept,", "1234", "cinquante-six, 78."),
        ),
    ],
)
def test_a_card_in_four_groups_with_okay_between(code, question, okay, groups):
    lines = [f"A: {question}"]
    for group in groups:
        lines += [f"C: {group}", f"A: {okay}"]
    results = found(code, *lines)
    cards = {text for kind, text in results if kind == "CREDIT_CARD"}
    assert " ".join(groups) in cards
    assert okay not in {word for _, text in results for word in text.split()}


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("4929 0377 1234 5678", "CREDIT_CARD"),
        ("0207 946 0958", "PHONE_NUMBER"),
        ("778899", "ACCOUNT_REFERENCE"),
        ("L H 7704", "ACCOUNT_REFERENCE"),
        ("X R 500", None),
        ("H A L L", "PERSON"),
        ("45 100", None),
        ("1984", None),
    ],
)
def test_a_number_that_nobody_asked_for_is_judged_by_its_shape(said, kind):
    assert found("en", f"C: well {said} there") == ({(kind, said)} if kind else set())


def test_an_answer_too_far_from_its_question_is_none():
    chat = "so it goes on and on about nothing at all " * 6
    assert "1234." not in words_of("en", "A: What is your PIN?", f"C: {chat}", "C: One thing: 1234.")


def test_a_statement_answers_itself():
    assert ("CREDENTIAL", "7704.") in found("en", "C: My PIN is 7704.")
    assert ("DATE_OF_BIRTH", "le 14 mars 1984.") in found("fr", "C: Ma date de naissance c'est le 14 mars 1984.")


@pytest.mark.parametrize(
    "lines",
    [
        ("M: What is your full name?", "M: Desmond Halloway."),
        ("M: What is your full name? Desmond Halloway.",),
        ("A: What is your full name?", "C: Sure, okay.", "C: Desmond Halloway."),
    ],
)
def test_a_name_is_found_on_one_channel_and_after_an_acknowledgement(lines):
    assert ("PERSON", "Desmond Halloway.") in found("en", *lines)


def test_nobodys_numbers_are_those_after_words_that_say_so():
    assert "456789" not in words_of("en", "A: It's part number 456789 for 45 dollars.")
    assert "456789" in words_of("en", "A: It's right here: 456789 and that's it.")


def test_findings_hold_no_text():
    findings = in_dialogue(*views_of(call_of("en", "A: What is your PIN?", "C: 7704.")))
    assert findings
    assert all("7704" not in repr(finding) for finding in findings)


@pytest.mark.parametrize(
    ("code", "lines", "expected"),
    [
        ("en", ("A: Can I take your name, please?", "C: Yes, it's Grace Young."), {"Grace", "Young."}),
        ("en", ("C: My name is Bill Long.",), {"Bill", "Long."}),
        ("en", ("A: Thank you, Mr. Price.",), {"Mr.", "Price."}),
        ("en", ("A: That's fine, Miss May. Will that be all?",), {"Miss", "May."}),
        ("en", ("A: You're speaking to Will.", "C: Hello Will, I need help."), {"Will.", "Will,"}),
        ("fr", ("A: Merci, madame Petit.",), {"madame", "Petit."}),
        ("fr", ("A: Je m'appelle Pierre Leroy.",), {"Pierre", "Leroy."}),
    ],
)
def test_names_that_are_everyday_words(code, lines, expected):
    assert expected <= words_of(code, *lines)


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("en", "A: Hello. May I take the price of that?"),
        ("en", "A: Thank you. Will you hold for a long moment?"),
        ("en", "A: Perfect. And What about the young rose in May?"),
        ("fr", "A: Bonjour. Un petit mur en pierre, blanc et long."),
        ("fr", "A: Merci Votre petite commande arrive."),
    ],
)
def test_everyday_words_are_no_names(code, line):
    assert not [text for kind, text in found(code, line) if kind == "PERSON"]


@pytest.mark.parametrize(
    ("code", "lines", "expected"),
    [
        # Two digits that the other repeats at once.
        (
            "en",
            ("A: The card number?", "C: Four seven one six, six nine.", "C: Four nine.", "A: I got four nine."),
            "four nine.",
        ),
        # Who is only told to go on gives what was announced.
        (
            "en",
            ("C: I have the IBAN here.", "A: I can, fire away.", "C: I E thirty-eight N W B K"),
            "I E thirty-eight N W B K",
        ),
        (
            "en",
            ("A: I'll reset your password. Ready?", "C: Go ahead.", "A: Wombat, dash, seven oh nine."),
            "Wombat, dash, seven oh nine.",
        ),
        (
            "fr",
            ("A: Je réinitialise ton mot de passe. Tu notes ?", "C: Vas-y.", "A: Citron, tiret, quarante-sept."),
            "Citron, tiret, quarante-sept.",
        ),
        # A copula joins a value to what it answers.
        ("en", ("A: Your username is wombat underscore nine?",), "wombat underscore nine?"),
        ("fr", ("A: Ton login, c'est drose zéro deux ?",), "drose zéro deux"),
        # Marks and the letter A at the edges of a code.
        ("en", ("A: And the gate code?", "C: Pound, zero six one eight."), "Pound, zero six one eight."),
        ("en", ("A: The passport number?", "C: A one eight, double zero, six."), "A one eight, double zero, six."),
        ("fr", ("A: Le digicode ?", "C: Dix-neuf, étoile, cinq."), "Dix-neuf, étoile, cinq."),
        # Ordinals where a date is asked for.
        ("en", ("A: Your date of birth?", "C: Ninth of the tenth."), "Ninth of the tenth."),
        # "am" after a long number is no time of day.
        (
            "en",
            ("A: Your application number?", "C: two two zero seven one one one Am I right?"),
            "two two zero seven one one one",
        ),
    ],
)
def test_what_goes_with_an_answer(code, lines, expected):
    assert set(expected.split()) <= words_of(code, *lines)


@pytest.mark.parametrize(
    ("code", "lines", "price"),
    [
        ("en", ("A: That's 1250 euros, no, sorry, 1350.", "A: Let me read that back, 1350."), "1350."),
        ("fr", ("C: Mille deux cents euros. Euh non, pardon, mille trois cents.",), "trois"),
    ],
)
def test_a_price_put_right_is_a_price(code, lines, price):
    assert price not in words_of(code, *lines)


@pytest.mark.parametrize(
    ("code", "question", "answer", "kind"),
    [
        ("en", "What's your social insurance number?", "Nine four seven, zero eight one.", "NATIONAL_ID"),
        ("en", "And your tax file number?", "One two three, four five six.", "NATIONAL_ID"),
        ("en", "Do you have the NHS number?", "Nine four three, four seven six.", "UK_NHS"),
        ("en", "Can you read me the VIN?", "One H G C M eight two six.", "VIN"),
        ("en", "What IP address does it show?", "Two oh three, zero, one one three, seven.", "IP_ADDRESS"),
        ("fr", "Votre numéro national ?", "Quatre-vingt-cinq, zéro sept, trente.", "NATIONAL_ID"),
        ("fr", "Le numéro de châssis ?", "V F un, six, huit, neuf.", "VIN"),
    ],
)  # fmt: skip
def test_numbers_of_further_kinds(code, question, answer, kind):
    assert (kind, answer) in found(code, f"A: {question}", f"C: {answer}")
