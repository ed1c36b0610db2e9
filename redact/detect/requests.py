"""Requests: what opens a slot, said well or misheard.

Phrases are matched on what was transcribed, and again on a reading in which words that sound like a keyword of the
requests are replaced by it: "le numéro de la carre" asks for a card as "le numéro de la carte" does. There are many
phrases and turns are short, so all turns are read at once, a line each: no phrase goes over the end of a line.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import extractOne
from regex import Pattern

from redact.detect.heard import Heard
from redact.views import View, ViewBuilder, turns

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
    for view in (heard.lines, _keywords(heard)):
        if not heard.language.any_request.search(view.text):
            continue
        for request in heard.language.requests:
            for match in request.pattern.finditer(view.text):
                words = view.words_at(match.start(), match.end())
                length = match.end() - match.start()
                if words and length > found.get(words[-1], (0, None))[0]:
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
    view = heard.lines
    matches = (match for pattern in patterns for match in pattern.finditer(view.text))
    ends = {view.words_at(match.start(), match.end())[-1] for match in matches}
    return tuple(sorted((end, unit_of[end]) for end in ends))


def _keywords(heard: Heard) -> View:
    """The turns that have misheard keywords, a line each, with these put right."""
    view = ViewBuilder("keywords")
    for passage in turns(heard.transcript):
        if not any(_may_be_keyword(heard, index) for index in passage.words):
            continue
        pieces = list(_put_right(heard, passage.words))
        if any(keyword for _, keyword in pieces):
            for position, (words, keyword) in enumerate(pieces):
                view.add(keyword or heard.words[words[0]].text, words, separator=" " if position else "\n")
    return view.build()


def _may_be_keyword(heard: Heard, index: int) -> bool:
    """False for everyday words that were surely said."""
    return not heard.common(index) or heard.doubtful(index)


def _put_right(heard: Heard, spoken: Sequence[int]) -> Iterator[tuple[tuple[int, ...], str | None]]:
    """The words one after another, those that sound like a keyword together and with it."""
    at = 0
    while at < len(spoken):
        unsure = [_may_be_keyword(heard, index) for index in spoken[at : at + _MOST_WORDS]]
        words, keyword = tuple(spoken[at : at + 1]), None
        for count in range(unsure.index(True) + 1, len(unsure) + 1) if True in unsure else ():
            together = tuple(spoken[at : at + count])
            if keyword := _keyword(heard, together):
                words = together
                keyword = heard.said[words[0]][: heard.said[words[0]].find("'") + 1] + keyword
                break
        yield words, keyword
        at += len(words)


def _keyword(heard: Heard, words: tuple[int, ...]) -> str | None:
    """The keyword that these words, not all of them everyday words, sound like; None where they are like none."""
    if any(heard.ends_clause(index) for index in words[:-1]) or any(heard.capital(index) for index in words):
        return None
    if any(heard.said[index].isdigit() for index in words):
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
