"""Letters, codes and addresses in written form, and the laws that every reading keeps."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redact.call import Transcript, Turn, Word
from redact.detect.spoken.base import load
from redact.detect.spoken.written import ALTERNATIVES, readings, written
from redact.views import Passage, turns


def transcript_of(text, code):
    return Transcript((Turn("customer", 0, tuple(Word(part, None, None, 0) for part in text.split())),), code, "test")


def read(text, code):
    transcript = transcript_of(text, code)
    return written(transcript, turns(transcript)[0], load(code)).text


@pytest.mark.parametrize(
    ("code", "said", "form"),
    [
        ("en", "S for Sierra, B for Bravo", "‹SB›"),
        ("en", "t as in Tommy, b as in Bravo", "‹TB›"),
        ("en", "S as in sugar", "S"),
        ("en", "X for X-ray, Y", "‹XY›"),
        ("en", "W as in double-u, L, O, W", "‹WLOW›"),
        ("en", "double-u, E, B", "‹WEB›"),
        ("en", "double you E B", "‹WEB›"),
        ("en", "H, A, double L, O, W, A, Y", "‹HALLOWAY›"),
        ("en", "triple S four", "SSS4"),
        ("en", "H, A, L, L, oh, W, A, Y", "‹HALLOWAY›"),
        ("en", "H-A-L-L", "‹HALL›"),
        ("en", "capital L, lower case m, 4", "LM4"),
        ("en", "6 all for Raja", "6R"),
        ("en", "Tango Hotel Alpha", "‹THA›"),
        ("en", "tango, uh, hotel, alpha", "‹THA›"),
        ("en", "it's Bravo Charlie 7 5 Lima", "it's BC75L"),
        ("en", "Whiskey 2 0 Alpha Bravo", "W20AB"),
        ("en", "Sierra 4 5", "S45"),
        ("en", "x-ray, zulu", "x ray zulu"),
        ("en", "Zulu M 4", "ZM4"),
        ("en", "zed K 9", "ZK9"),
        ("en", "L H, seven seven oh four", "LH7704"),
        ("en", "SW1A2A", "SW1A2A"),
        ("en", "SW1A 2AA", "SW1A2AA"),
        ("en", "sw1a 2aa", "SW1A2AA"),
        ("en", "w20 a b", "W20AB"),
        ("en", "CM 05 AE", "CM05AE"),
        ("en", "S W one A two A A", "SW1A2AA"),
        ("en", "GB29 NWBK 6016", "GB29NWBK6016"),
        ("en", "AB-12-34-56-C", "AB123456C"),
        ("fr", "M comme Marcel", "M"),
        ("fr", "M comme Marcel, É comme Émile", "‹ME›"),
        ("fr", "F pour François, 4", "F4"),
        ("fr", "Anatole Berthe 4", "AB4"),
        ("fr", "Tango Hôtel Alpha", "‹THA›"),
        ("fr", "E accent aigu, L, I, double V", "‹ELIW›"),
        ("fr", "i grec, V, E, S", "‹YVES›"),
        ("fr", "double L, O, M majuscule", "‹LLOM›"),
        ("fr", "AB-123-CD", "AB123CD"),
        ("fr", "FR76 3000 4000", "FR7630004000"),
        ("fr", "A N, cinq cent douze", "AN512"),
    ],
)
def test_spelled(code, said, form):
    assert read(said, code) == form


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("en", "I"),
        ("en", "a"),
        ("en", "May I"),
        ("en", "Will you"),
        ("en", "I have a B and a C"),
        ("en", "what are you for Robert"),
        ("en", "I like it"),
        ("en", "a for effort"),
        ("en", "my hotel in November"),
        ("en", "Charlie and Victor"),
        ("en", "Mike called"),
        ("en", "double you"),
        ("en", "plan B"),
        ("en", "THIS IS A TEST OK"),
        ("en", "the point is clear"),
        ("en", "at this point it works"),
        ("en", "look at the dot"),
        ("en", "meet me at work"),
        ("fr", "Pierre"),
        ("fr", "monsieur Louis Martin"),
        ("fr", "il y a"),
        ("fr", "le point de livraison"),
        ("fr", "au point mort"),
        ("fr", "le tiret"),
        ("en", "at dot com"),
        ("fr", "à l'hôtel"),
    ],
)
def test_what_is_not_spelled_stays(code, said):
    assert read(said, code) == said


@pytest.mark.parametrize(
    ("code", "said", "form"),
    [
        ("en", "my PIN is 4 5 6 7", "my PIN is 4567"),
        ("en", "at the hotel 4 nights", "at the hotel 4 nights"),
        ("en", "November 5", "November 5"),
        ("en", "it weighs 20kg", "it weighs 20kg"),
        ("en", "Fresno, CA 93650", "Fresno CA 93650"),
        ("en", "ZIP 93650", "ZIP 93650"),
        ("en", "8 a.m. to 9 p.m.", "8 am to 9 pm"),
        ("fr", "trois à cinq jours", "3 à 5 jours"),
        ("en", "the 3rd and the 21st", "the 3rd and the 21st"),
        ("fr", "le 2e étage", "le 2e étage"),
        ("fr", "mon PIN 4 5 6 7", "mon PIN 4567"),
    ],
)
def test_numbers_that_take_no_letters(code, said, form):
    assert read(said, code) == form


@pytest.mark.parametrize(
    ("code", "said", "address"),
    [
        ("en", "desmond dot halloway at example dot com", "desmond.halloway@example.com"),
        ("en", "desmond dot halloway at sign example dot com", "desmond.halloway@example.com"),
        ("en", "anna underscore bell at example dot co dot uk", "anna_bell@example.co.uk"),
        ("en", "anna under score bell at example full stop com", "anna_bell@example.com"),
        ("en", "anna dash bell at exampledotcom", "anna-bell@example.com"),
        ("en", "anna bell at example dotcom", "bell@example.com"),
        ("en", "d h 42 at example dot org", "dh42@example.org"),
        ("en", "d h 42 at e x example dot org", "dh42@exexample.org"),
        ("en", "desmond 84 at example dot com", "desmond84@example.com"),
        ("en", "d h forty two at example hosting dot com", "dh42@examplehosting.com"),
        ("en", "anna.bell@example.com", "anna.bell@example.com"),
        ("en", "double-u double-u double-u dot example dot com", "www.example.com"),
        ("en", "visit example dot com slash help", "example.com"),
        ("fr", "léa point fontbonne arobase example point com", "léa.fontbonne@example.com"),
        ("fr", "léa point fontbonne a robase example point com", "léa.fontbonne@example.com"),
        ("fr", "léa point fontbonne arrobas example point com", "léa.fontbonne@example.com"),
        ("fr", "léa point fontbonne arobas example pointcom", "léa.fontbonne@example.com"),
        ("fr", "nora tiret bas 88 arobase example point fr", "nora_88@example.fr"),
        ("fr", "nora tiret du huit 88 arobase example point fr", "nora_88@example.fr"),
        ("fr", "nora tiret du 8 roy arobase example point fr", "nora_roy@example.fr"),
        ("fr", "nora tiret du six roy arobase example point fr", "nora-roy@example.fr"),
        ("fr", "nora trait d'union roy arobase example point fr", "nora-roy@example.fr"),
        ("fr", "nora underscore roy arobase examplepointcom", "nora_roy@example.com"),
        ("fr", "nora arobase example point f r", "nora@example.fr"),
        ("fr", "l f douze arobase example point com", "lf12@example.com"),
    ],
)
def test_addresses(code, said, address):
    assert address in read(said, code).split()


VOCABULARY = [
    *["four", "double", "oh", "o", "twenty", "five", "hundred", "thousand,", "and", "um", "S", "for", "Sierra", "one"],
    *["at", "dot", "com", "gmaildotcom", "I", "a", "-", "4-4-4", "T-T-T", "j@x.com", "SW1A", "2nd", "10h30", "Tango"],
    *["quatre-vingt", "quatre", "vingt", "dix-huit", "et", "onze", "comme", "cent", "mille", "euh,", "arobase"],
    *[
        "point",
        "fr",
        "un",
        "moment",
        "trois",
        "fois",
        "zéro",
        "accent",
        "aigu",
        "tiret",
        "du",
        "huit",
        "pointcom",
        "hotel",
    ],
]


@pytest.mark.parametrize("code", ["en", "fr"])
@settings(deadline=None, max_examples=300)
@given(parts=st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=14), cut=st.integers(0, 14))
def test_every_reading_projects_back(code, parts, cut):
    transcript = transcript_of(" ".join(parts), code)
    opens = (0, cut) if 0 < cut < len(parts) else (0,)
    passage = Passage(tuple(range(len(parts))), opens)
    views = readings(transcript, passage, load(code))
    assert views[0] == written(transcript, passage, load(code))
    assert 1 <= len(views) <= 1 + ALTERNATIVES
    assert len({view.text for view in views}) == len(views)
    for view in views:
        ends = 0
        for piece in view.pieces:
            assert ends <= piece.start < piece.end <= len(view.text)
            assert view.words_at(piece.start, piece.end) == tuple(sorted(set(piece.words)))
            assert set(piece.words) <= set(passage.words)
            assert piece.words or view.text[piece.start : piece.end] in "‹›"
            ends = piece.end
        firsts = [piece.words[0] for piece in view.pieces if piece.words]
        assert firsts == sorted(firsts)
        known = set(view.words_at(0, len(view.text)))
        fillers = load(code).fillers | {"-"}
        assert all(parts[index].strip(",") in fillers for index in set(passage.words) - known)


@pytest.mark.parametrize("code", ["en", "fr"])
@settings(deadline=None)
@given(parts=st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=14))
def test_every_reading_covers_the_words_of_its_numbers(code, parts):
    transcript = transcript_of(" ".join(parts), code)
    views = readings(transcript, turns(transcript)[0], load(code))

    def in_numbers(view):
        pieces = [piece for piece in view.pieces if view.text[piece.start : piece.end].isdecimal()]
        return {word for piece in pieces for word in piece.words}

    for view in views[1:]:
        apart = in_numbers(views[0]) - in_numbers(view)
        assert apart <= set(view.words_at(0, len(view.text)))


@pytest.mark.parametrize("code", ["en", "fr"])
def test_reading_takes_little_time(code):
    """A passage of 20 words per 8 s of speech: all its readings in well under a hundredth of that."""
    said = {"en": "four nine two nine twenty five one hundred five at example dot com and so on it goes S for Sierra"}
    said["fr"] = (
        "quatre-vingt-dix-huit zéro six trente-neuf deux cent cinq arobase example point com M comme Marcel euh"
    )
    transcript = transcript_of(said[code], code)
    passage = turns(transcript)[0]
    readings(transcript, passage, load(code))
    began = time.perf_counter()
    for _ in range(20):
        readings(transcript, passage, load(code))
    assert (time.perf_counter() - began) / 20 < 0.08
