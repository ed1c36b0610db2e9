"""Questions open slots, and what is said next fills them."""

import pytest

from redact.call import Transcript, Turn, Word
from redact.detect import dialogue
from redact.detect.spoken.base import load
from redact.detect.spoken.written import written
from redact.views import answers, turns

A, C = "agent", "customer"


def found(language: str, *said: tuple[str, str]) -> set[tuple[str, str]]:
    """(entity type, words) of each finding."""
    lines = tuple(
        Turn(who, 0 if who == A else 1, tuple(Word(w, None, None, 0 if who == A else 1) for w in line.split()))
        for who, line in said
    )
    transcript, words = Transcript(lines, language, "test"), load(language)
    joined = answers(transcript, lambda turn: words.is_acknowledgement([word.text for word in turn.words]))
    views = [written(transcript, passage, words) for passage in (*turns(transcript), *joined)]
    return {
        (f.entity_type, " ".join(transcript.words[i].text for i in f.words))
        for f in dialogue.find(transcript, views, words)
    }


@pytest.mark.parametrize(
    ("language", "question", "answer", "entity_type", "value"),
    [
        ("en", "May I have the long number on the front of the card?", "It's 4929 0377.", "CREDIT_CARD", "4929 0377."),
        ("en", "And the three digits on the back?", "eight two seven", "CREDIT_CARD_CVV", "eight two seven"),
        ("en", "And the expiry date?", "oh nine, twenty-eight", "CREDIT_CARD_EXPIRATION", "oh nine, twenty-eight"),
        ("en", "What's your date of birth?", "The 4th of June, 1984.", "DATE_OF_BIRTH", "4th of June, 1984."),
        ("en", "Could you spell the last name?", "H, A, L, L, O", "PERSON", "H, A, L, L, O"),
        ("en", "What's the order number?", "L H, seven seven oh four", "ACCOUNT_REFERENCE", "L H, seven seven oh four"),
        ("fr", "Et les trois chiffres au dos ?", "six cent quatorze", "CREDIT_CARD_CVV", "six cent quatorze"),
        ("fr", "Le numéro de commande ?", "A N, cinq cent douze", "ACCOUNT_REFERENCE", "A N, cinq cent douze"),
        ("fr", "Votre date de naissance ?", "Le 12 juillet 1984.", "DATE_OF_BIRTH", "12 juillet 1984."),
        ("fr", "Votre numéro de sécurité sociale ?", "1 84 07 69", "FR_NIR", "1 84 07 69"),
    ],
)
def test_an_answer_takes_its_question_s_type(
    language: str, question: str, answer: str, entity_type: str, value: str
) -> None:
    assert (entity_type, value) in found(language, (A, question), (C, answer))


def test_a_card_in_groups_is_one_answer() -> None:
    said = ((A, "The card number?"), (C, "4929"), (A, "Okay."), (C, "0377"), (A, "Okay."), (C, "4180"))
    assert {("CREDIT_CARD", "4929"), ("CREDIT_CARD", "0377"), ("CREDIT_CARD", "4180")} <= found("en", *said)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "It is model 450 for $289."),
        ("en", "We are open from 8 to 10, every day but Sunday."),
        ("en", "That takes three to five business days and costs 20 percent."),
        ("en", "The label says part number 771040."),
        ("fr", "Ça fait 138,50 euros, la livraison prend 3 à 5 jours."),
        ("fr", "C'est ouvert de 9 heures à 18 heures."),
        ("fr", "Tapez 2, puis attendez 10 minutes."),
    ],
)
def test_prices_hours_and_products_are_nobody_s(language: str, said: str) -> None:
    assert found(language, (A, said)) == set()


def test_a_long_number_that_nobody_asked_for_is_taken_for_personal() -> None:
    assert ("CREDIT_CARD", "4929 0377 4180 6517") in found("en", (C, "so 4929 0377 4180 6517 then"))
