"""Texts that nobody said: letters, forms and notes, with labels, dates and tables among what is personal."""

import pytest

from redact.call import Transcript, Turn, Word
from redact.detect.detector import in_dialogue
from redact.detect.heard import hear
from redact.detect.spoken.base import load
from redact.detect.spoken.written import written
from redact.views import turns


def found(code, text):
    """(type, text) of all that was found in one text."""
    words = tuple(Word(word, None, None, 0) for word in text.split())
    transcript = Transcript((Turn("customer", 0, words),), code, "test")
    language = load(code)
    views = [written(transcript, passage, language) for passage in turns(transcript)]
    return {
        (f.entity_type, " ".join(words[i].text for i in f.words))
        for f in in_dialogue(hear(transcript, views, language), views)
    }


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        ("fr", "Cure le 2/4/19 puis le 3/5/19, dossier 7741 0382 55 clos", ("PHONE_NUMBER", "7741 0382 55")),
        ("fr", "Réf. (IPQ: 4417082935) à classer", ("PHONE_NUMBER", "4417082935)")),
        ("fr", "Patient né(e) le 11/03/1958 à revoir", ("DATE_OF_BIRTH", "11/03/1958")),
        ("fr", "DDN : 11/03/1958 Sexe : F", ("DATE_OF_BIRTH", "11/03/1958")),
        ("fr", "Né le mardi 11.03.1958, suivi depuis le 04.05.2020", ("DATE_OF_BIRTH", "11.03.1958,")),
        ("fr", "Courriel : odile.vasseur@exemple.fr Service de nuit", ("EMAIL_ADDRESS", "odile.vasseur@exemple.fr")),
        ("en", "DOB 11/03/1958 seen on 04/05/2021", ("DATE_OF_BIRTH", "11/03/1958")),
        ("en", "E-mail: ovasey@example.com Website: Fax: none", ("EMAIL_ADDRESS", "ovasey@example.com")),
        ("en", "Wait at the corner of Harrow Lane and Mill Road 12 for me", ("STREET_ADDRESS", None)),
        ("en", "We met Odile Vasey (Trainee) there", ("PERSON", "Odile Vasey")),
        ("en", "It was signed by Brannoch Thistlewood last week", ("PERSON", "Brannoch Thistlewood")),
    ],
)
def test_a_value_ends_where_its_text_goes_on(code, text, expected):
    kind, value = expected
    results = found(code, text)
    assert expected in results if value else kind in {entity_type for entity_type, _ in results}


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("fr", "Cycles : C1 2/4/19 C2 3/5/19 C3 4/6/19 C4 5/7/19"),
        ("fr", "Échelle 0.5 1 1.5 2 2.5 3 3.5 4 4.5 5 5.5 6"),
        ("fr", "Le bilan : glucose 0,431 mol/l et 12.8 mmol/l"),
        ("fr", "Le service de Cardiologie de l'hôpital Georges Lemoine"),
        ("fr", "Compte rendu : Médecin référent, Date de sortie, Poids"),
        ("fr", "Reçu le 12/05/2020 à 10h42 par fax"),
        ("en", "The Harbour Orchestra played for Meridian Technologies"),
        ("en", "Under the Clean Rivers Act of Southern Europe"),
        ("en", "Phone: none Fax: none Address: none"),
        ("en", "The 5 Best Albums Of The 80s"),
    ],
)
def test_dates_figures_headings_and_bodies_are_nobodys(code, text):
    assert found(code, text) == set()


def test_what_is_said_in_turns_is_no_document():
    words = tuple(Word(word, None, None, 0) for word in ["The", "Fax:", "is", "12"])
    two = Transcript((Turn("agent", 0, words), Turn("customer", 0, words)), "en", "test")
    assert not hear(two, [], load("en")).document
