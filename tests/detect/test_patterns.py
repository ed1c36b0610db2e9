"""Patterns of the languages' data files, on the views that they are meant for."""

import pytest

from redact.call import Transcript, Turn, Word
from redact.detect.presidio import Presidio
from redact.detect.spoken.base import load
from redact.detect.spoken.written import written
from redact.loaded import SPACY_MODELS
from redact.models import locate
from redact.views import transcribed, turns

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def recognizers():
    return {code: Presidio(load(code), locate(model, engine="spacy").path) for code, model in SPACY_MODELS.items()}


def found(recognizers, code, said):
    transcript = Transcript((Turn("customer", 1, tuple(Word(w, None, None, 1) for w in said.split())),), code, "test")
    (passage,) = turns(transcript)
    findings = recognizers[code].find([transcribed(transcript, passage)], [written(transcript, passage, load(code))])
    return {(f.entity_type, " ".join(transcript.words[i].text for i in f.words)) for f in findings}


@pytest.mark.parametrize(
    ("code", "said", "expected"),
    [
        ("en", "He's in on Tuesday the twelfth of March.", ("DATE_TIME", "twelfth of March.")),
        ("en", "It was March third, twenty twenty-one.", ("DATE_TIME", "March third, twenty twenty-one.")),
        ("fr", "C'était le douze mars deux mille vingt.", ("DATE_TIME", "douze mars deux mille vingt.")),
        ("en", "Well, I'm gay and so is he.", ("SPECIAL_CATEGORY", "gay")),
        ("en", "My wife is Jewish, by the way.", ("SPECIAL_CATEGORY", "Jewish,")),
        ("en", "He has a criminal record.", ("SPECIAL_CATEGORY", "criminal record.")),
        ("fr", "Je suis musulmane, donc sans porc.", ("SPECIAL_CATEGORY", "musulmane,")),
        ("fr", "Il est délégué syndical chez nous.", ("SPECIAL_CATEGORY", "délégué syndical")),
        ("en", "She's got atrial fibrillation.", ("MEDICAL", "atrial fibrillation.")),
        ("fr", "J'ai eu une hernie discale.", ("MEDICAL", "hernie discale.")),
        ("en", "He would have been ninety in May.", ("AGE", "ninety")),
        ("en", "The baby's eighteen months old.", ("AGE", "eighteen")),
        ("fr", "Elle a dix-huit mois.", ("AGE", "dix-huit mois.")),
        ("en", "From one ninety-eight dot fifty-one dot one hundred dot twenty-three, I see.",
         ("IP_ADDRESS", "one ninety-eight dot fifty-one dot one hundred dot twenty-three,")),
        ("fr", "C'est cent quatre-vingt-douze point zéro point deux point douze.",
         ("IP_ADDRESS", "cent quatre-vingt-douze point zéro point deux point douze.")),
        ("en", "It's imtiaz dot s at example dot I N", ("EMAIL_ADDRESS", "imtiaz dot s at example dot I N")),
    ],
)  # fmt: skip
def test_found(recognizers, code, said, expected):
    assert expected in found(recognizers, code, said)


@pytest.mark.parametrize(
    ("code", "said", "kind"),
    [
        ("en", "We sell gay pride flags and Christian Dior.", "SPECIAL_CATEGORY"),
        ("fr", "La fête juive est en avril.", "SPECIAL_CATEGORY"),
        ("en", "Version one dot two is out.", "IP_ADDRESS"),
        ("en", "The loan runs eighteen months.", "AGE"),
        ("fr", "La garantie a deux ans, le contrat douze mois.", "SPECIAL_CATEGORY"),
        ("en", "You may first of all march on.", "DATE_TIME"),
    ],
)
def test_not_found(recognizers, code, said, kind):
    assert not [text for entity_type, text in found(recognizers, code, said) if entity_type == kind]
