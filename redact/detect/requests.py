"""Requests: what opens a slot, said well or misheard.

Phrases are matched on each turn as transcribed, and again on a reading in which words that sound like a keyword of
the requests are replaced by it: "le numéro de la carre" asks for a card as "le numéro de la carte" does.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import extractOne
from regex import Pattern

from redact.detect.heard import Heard
from redact.views import Passage, View, ViewBuilder, transcribed, turns

# Likeness of sound from which a word is taken for a keyword: less for long ones, which resemble nothing else.
SHORT_KEY, SHORT_LIKENESS = 5, 0.75
LONG_LIKENESS = 0.68
LONG_KEY = 8
_MOST_WORDS = 3


@dataclass(frozen=True, slots=True)
class Slot:
    """An open question.

    Attributes:
        entity_type: of what is asked for.
        answer: the kind of answer: code, date, name, address, email, words.
        word: the last word of the phrase.
        unit: index of the sentence that it is in.
        stated: the one who says the phrase gives the answer too.
    """

    entity_type: str
    answer: str
    word: int
    unit: int
    stated: bool


def slots(heard: Heard) -> tuple[Slot, ...]:
    """All requests of a call, in the order of their last words' sentences."""
    unit_of = {word: number for number, unit in enumerate(heard.units) for word in unit.words}
    found: dict[int, tuple[int, Slot]] = {}
    for passage in turns(heard.transcript):
        for view in _readings(heard, passage):
            for request in heard.language.requests:
                for match in request.pattern.finditer(view.text):
                    words = view.words_at(match.start(), match.end())
                    if not words:
                        continue
                    length = match.end() - match.start()
                    if length > found.get(words[-1], (0, None))[0]:
                        slot = Slot(request.entity_type, request.answer, words[-1], unit_of[words[-1]], request.stated)
                        found[words[-1]] = (length, slot)
    return tuple(slot for _, slot in sorted(found.values(), key=lambda item: (item[1].unit, item[1].word)))


def read_backs(heard: Heard) -> tuple[tuple[int, int], ...]:
    """(last word, sentence) of each phrase after which something is said again: "let me read that back"."""
    return _phrases(heard, heard.language.read_backs)


def plain_requests(heard: Heard) -> tuple[tuple[int, int], ...]:
    """(last word, sentence) of each question for what is nobody's: "which model is it?"."""
    return _phrases(heard, heard.language.plain_requests)


def _phrases(heard: Heard, patterns: Sequence[Pattern[str]]) -> tuple[tuple[int, int], ...]:
    unit_of = {word: number for number, unit in enumerate(heard.units) for word in unit.words}
    ends = set()
    for passage in turns(heard.transcript):
        view = transcribed(heard.transcript, passage)
        for pattern in patterns:
            ends |= {view.words_at(match.start(), match.end())[-1] for match in pattern.finditer(view.text)}
    return tuple(sorted((end, unit_of[end]) for end in ends))


def _readings(heard: Heard, passage: Passage) -> Iterator[View]:
    yield transcribed(heard.transcript, passage)
    keywords = _keywords(heard, passage)
    if keywords:
        yield keywords


def _keywords(heard: Heard, passage: Passage) -> View | None:
    """The passage with misheard keywords put right; None where there are none."""
    view = ViewBuilder("keywords")
    put_right = False
    at = 0
    while at < len(passage.words):
        for count in (1, 2, 3):
            words = passage.words[at : at + count]
            keyword = _keyword(heard, words) if len(words) == count else None
            if keyword:
                break
        else:
            words, keyword = passage.words[at : at + 1], None
        if keyword:
            apostrophe = heard.said[words[0]].find("'") + 1
            view.add(heard.said[words[0]][:apostrophe] + keyword, words)
            put_right = True
        else:
            view.add(heard.words[words[0]].text, words)
        at += len(words)
    return view.build() if put_right else None


def _keyword(heard: Heard, words: tuple[int, ...]) -> str | None:
    """The keyword that these words sound like; None where they are nothing but everyday words, or are like none."""
    if all(heard.common(index) and not heard.doubtful(index) for index in words):
        return None
    if any(heard.ends_clause(index) for index in words[:-1]) or any(heard.capital(index) for index in words):
        return None
    said = "".join(heard.said[index] for index in words)
    key = heard.language.sound(said.rpartition("'")[2])
    if not key:
        return None
    best = extractOne(
        key, heard.language.keywords.keys(), scorer=Levenshtein.normalized_similarity, score_cutoff=LONG_LIKENESS
    )
    if best is None:
        return None
    like, likeness, _ = best
    if len(like) <= SHORT_KEY and (likeness < SHORT_LIKENESS or len(words) > 1):
        return None
    if like[0] != key[0] and (likeness < SHORT_LIKENESS or len(like) < LONG_KEY):
        return None  # first sounds are heard best
    keyword = heard.language.keywords[like]
    return keyword if keyword != said else None
