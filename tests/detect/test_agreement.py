"""What is said about recording a call is found with its answer, and nothing else is taken for it."""

import json
from pathlib import Path

import jsonschema
import pytest

from redact.call import Transcript, Turn, Word
from redact.detect.agreement import spoken_consent
from redact.options import Options
from redact.texts import TextRedactor

SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "docs/schemas/report-1.json").read_text())
WORD_MS = 400


def call(language, *said):
    """A call of turns `A: …` and `C: …`, a word each 400 ms; its other attributes don't matter here."""
    turns, at = [], 0
    for line in said:
        speaker, _, text = line.partition(": ")
        words = []
        for word in text.split():
            words.append(Word(word, at, at + WORD_MS - 100, int(speaker == "C")))
            at += WORD_MS
        turns.append(Turn(speaker, int(speaker == "C"), tuple(words)))
    return Transcript(tuple(turns), language, "test")


ANSWERED = [
    ("en", "yes", "A: Hello, this call may be recorded for training, is that okay?", "C: Yes, I agree."),
    ("en", "yes", "A: This call is being recorded. Is that all right with you?", "C: Sure, no problem."),
    ("en", "yes", "A: Calls are recorded for quality.", "A: Are you happy with that?", "C: Um, yes."),
    ("en", "yes", "A: May I record this call?", "C: Of course."),
    ("en", "yes", "A: Do you mind if we record this call?", "C: No, go ahead."),
    ("en", "yes", "A: Do you consent to this conversation being recorded?", "C: I do, yes."),
    ("en", "yes", "A: All calls may be monitored or recorded.", "C: Right.", "A: So.", "C: I consent to that."),
    ("en", "yes", "A: Your call will be recorded.", "C: That's okay, you can record."),
    ("en", "yes", "A: This call will be recorded, if that's okay.", "C: Fine by me."),
    ("en", "yes", "A: How can I help?", "C: Hello, I consent to this call being recorded, by the way."),
    ("en", "none", "A: Please say I agree if you do, and that this call is being recorded.", "C: What?"),
    ("en", "no", "A: This call may be recorded, is that okay?", "C: No, please don't record."),
    ("en", "no", "A: This call may be recorded, is that okay?", "C: I'd rather not."),
    ("en", "no", "A: This call is recorded.", "C: I don't want to be recorded."),
    ("en", "no", "A: May we record this call?", "C: Yes. Well, no, I don't want this to be recorded."),
    ("en", "no", "A: Hello.", "C: Before we begin, please do not record this call.", "A: Sure."),
    ("en", "no", "A: This call is recorded, okay with you?", "C: Yes.", "A: Fine.", "C: Stop recording me, please."),
    ("en", "no", "A: We are recording this call.", "C: I object to being recorded."),
    ("en", "none", "A: This call may be recorded. How can I help?", "C: Yes, I'd like a room."),
    ("en", "none", "A: This call may be recorded. How can I help?", "C: No idea, my screen is black."),
    ("en", "none", "A: This call is recorded.", "C: I agree with the offer you sent."),
    ("en", "none", "A: Your call is being recorded for quality."),
    ("en", "none", "A: Do you mind if I record this call?", "C: Yes."),
    ("fr", "yes", "A: Bonjour, cet appel peut être enregistré, êtes-vous d'accord ?", "C: Oui, d'accord."),
    ("fr", "yes", "A: Cet appel est susceptible d'être enregistré, cela vous convient ?", "C: Pas de souci."),
    ("fr", "yes", "A: Votre appel est enregistré.", "C: Je suis d'accord."),
    ("fr", "none", "A: Service client, c'est appel peut-être enregistré."),  # as engines hear it
    ("fr", "yes", "A: Puis-je enregistrer cette conversation ?", "C: Allez-y."),
    ("fr", "yes", "A: Acceptez-vous que cette conversation soit enregistrée ?", "C: Euh oui, bien sûr."),
    ("fr", "yes", "A: Ça vous dérange si j'enregistre l'appel ?", "C: Non, pas du tout."),
    ("fr", "yes", "A: Nous enregistrons cet appel.", "A: Est-ce que cela vous va ?", "C: C'est bon."),
    ("fr", "yes", "A: Les appels peuvent être écoutés et enregistrés.", "C: J'accepte."),
    ("fr", "yes", "A: Bonjour.", "C: J'accepte que cette conversation soit enregistrée."),
    ("fr", "no", "A: Cet appel est susceptible d'être enregistré.", "C: Non, je ne veux pas être enregistré."),
    ("fr", "no", "A: Cet appel peut être enregistré, vous êtes d'accord ?", "C: Non, désolée."),
    ("fr", "no", "A: L'appel est enregistré.", "C: Je refuse d'être enregistrée."),
    ("fr", "no", "A: Bonjour.", "C: N'enregistrez pas, s'il vous plaît."),
    ("fr", "no", "A: Votre appel peut être enregistré.", "C: Je ne suis pas d'accord."),
    ("fr", "no", "A: Cet appel est enregistré.", "C: Arrêtez l'enregistrement."),
    ("fr", "none", "A: Cet appel peut être enregistré. Que puis-je pour vous ?", "C: Oui, je voudrais une chambre."),
    ("fr", "none", "A: Cet appel est enregistré.", "C: Je suis d'accord avec votre devis."),
    ("fr", "none", "A: Vos appels sont enregistrés à des fins de formation.", "C: J'accepte votre proposition."),
]
NOTHING = [
    ("en", "A: Your account is recorded under Smith, is that okay?", "C: Yes."),
    ("en", "A: The call is recorded as resolved in our system.", "C: Okay, I agree."),
    ("en", "A: Your complaint was recorded last week.", "C: Yes, I agree."),
    ("en", "A: I sent it by recorded delivery.", "C: Sure."),
    ("en", "A: We don't record the card number, please go ahead.", "C: Yes."),
    ("en", "A: Please don't record the number twice.", "C: No."),
    ("en", "A: Is that okay?", "C: Yes, I agree."),
    ("en", "A: Can I record your answer as a no?", "C: Yes."),
    ("en", "A: I don't have a record of that.", "C: I don't want a new record player."),
    ("fr", "A: Votre dossier est enregistré sous le nom Martin, d'accord ?", "C: Oui."),
    ("fr", "A: Votre demande est bien enregistrée.", "C: Oui, d'accord."),
    ("fr", "A: J'ai enregistré votre adresse.", "C: Je suis d'accord."),
    ("fr", "A: N'enregistrez pas le numéro deux fois.", "C: Non."),
    ("fr", "A: Je vous envoie un recommandé, ça vous va ?", "C: Oui."),
    ("fr", "A: La conversation d'hier m'a été utile.", "C: J'accepte l'offre."),
    ("cy", "A: This call may be recorded, is that okay?", "C: Yes."),
]


@pytest.mark.parametrize(("language", "answer", "said"), [(row[0], row[1], row[2:]) for row in ANSWERED], ids=str)
def test_a_notice_and_its_answer_are_found(language, answer, said):
    found = spoken_consent(call(language, *said))
    assert found is not None
    assert found.answer == answer


@pytest.mark.parametrize(("language", "said"), [(row[0], row[1:]) for row in NOTHING], ids=str)
def test_nothing_else_is_taken_for_it(language, said):
    assert spoken_consent(call(language, *said)) is None


def test_times_are_those_of_the_words():
    found = spoken_consent(call("en", "A: Hello. This call may be recorded, okay with you?", "C: Uh, yes."))
    assert (found.notice_ms, found.answer_ms) == (1 * WORD_MS, 10 * WORD_MS)
    alone = spoken_consent(call("en", "C: Please don't record this call."))
    assert (alone.notice_ms, alone.answer_ms) == (None, 0)


def test_an_answer_of_the_one_who_asks_is_none():
    assert spoken_consent(call("en", "A: May I record this call?", "A: Yes, of course.")).answer == "none"


def test_a_text_without_times_has_an_answer_without_times():
    turns = (
        Turn("A", 0, (Word("May", None, None, 0), *(Word(w, None, None, 0) for w in ("we", "record", "this", "call")))),
    )
    found = spoken_consent(Transcript((*turns, Turn("C", 1, (Word("Yes.", None, None, 1),))), "en", "test"))
    assert (found.notice_ms, found.answer_ms, found.answer) == (None, None, "yes")


@pytest.mark.parametrize(
    ("language", "said", "answer"),
    [
        ("en", "Agent: This call may be recorded, is that okay?\nCustomer: Yes, I agree. I am Maud Ferrant.\n", "yes"),
        ("fr", "Agent: Cet appel peut être enregistré.\nClient: Non, je ne veux pas être enregistré.\n", "no"),
        ("en", "Agent: How can I help?\nCustomer: My account is recorded under Maud Ferrant.\n", None),
    ],
)  # fmt: skip
def test_the_report_offers_it_as_evidence(language, said, answer):
    report = dict(TextRedactor(Options(language=language)).redact_text(said).report)
    jsonschema.validate(report, SCHEMA)
    assert report.get("spoken_consent", {}).get("answer") == answer
    assert "Ferrant" not in json.dumps(report)
