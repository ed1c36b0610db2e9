"""What is known of each word of a call, and the sentences in which its dialogue is read.

Evidence is asked for word by word: is it a digit, a spelled letter, an everyday word, one that the engine itself
doubts? And the dialogue is followed sentence by sentence, in the order in which they were begun: turns of people who
talk at the same time are too coarse for that.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from redact.call import Transcript, Word
from redact.detect.codes import SMALL_DIGITS, Code, apart, codes, is_unit
from redact.detect.spoken.base import Language, plain
from redact.views import Passage, View, transcribed, turns

# Words that the engine gives less than this were often misheard: on telephone speech, with Whisper base, four of five
# misheard words are below, and one in six of the others.
DOUBTFUL = 0.5
# Name recognition sees so many words on either side of one: with them, an excerpt shows it all that the turn does.
NAME_CONTEXT = 6
_OPENING = "\"'«“(<>[-–"
_ENDS_SENTENCE = re.compile(r"[.?!…][\"'»”)]*$")
# A run with so many letters spells, though it has digits too ("R O U, deux T, E").
SPELLED_LETTERS = 4
_NAME_LETTERS = 2
# Words after a price and its unit within which a number of as many digits corrects it.
CORRECTED_WORDS = 6
# Written dates and times are no codes, though they are made of digits.
_DATE = re.compile(
    r"^\W*(?:\d{1,2}[/.|-]\d{1,2}[/.|-](?:\d{4}|\d{2})|\d{4}[/.-]\d{1,2}[/.-]\d{1,2}|\d{1,2}/\d{4}|\d{1,2}/\d{1,2}"
    r"|\d{1,2}:\d{2}(?::\d{2})?|\d{1,2}h\d{0,2})\W*$"
)
# What stands among numbers in typed text and is no part of a number: decimals, intervals, units, labels, columns.
_FIGURE = re.compile(
    r"^\W*(?:\d{1,3}[.,]\d{1,2}|\d+[.,]\d+-\d+[.,]\d+|[\d.,]*[^\W\d]+/\d*[^\W\d]+)\W*$|^\W*\w*[nN][°º]$|^[|=]+$|^[^\d@]+:$"
)
# Titles and initials end in a full stop that ends nothing.
_ABBREVIATION = re.compile(r"^(?:\w\.)+$|^(?:mr|mrs|ms|dr|st|mme|m)\.$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Unit:
    """A sentence, or what is left of a turn after the last one.

    Attributes:
        words: indices into `Transcript.words`, in order.
        turn: index into `Transcript.turns`.
        speaker: None where it can't be told: all speak on one channel, or it is an aside.
        acknowledges: it says no more than "okay, thank you".
        aside: it was not said in the call, and is nobody's answer.
    """

    words: tuple[int, ...]
    turn: int
    speaker: str | None
    acknowledges: bool
    aside: bool = False

    def may_answer(self, asked: "Unit") -> bool:
        """False for what stands in another text than the question."""
        return self.turn == asked.turn or not (self.aside or asked.aside)


@dataclass(frozen=True, slots=True)
class Heard:
    """A call, word by word and sentence by sentence.

    Attributes:
        transcript: of the call.
        words: of the transcript.
        spoken: an engine heard the words, as their confidences or their want of capitals tell; else they may be typed.
        scored: the words come with confidences.
        document: one text that nobody is known to have said: no turns, no confidences.
        cased: typed or corrected with capitals, so that a name has one too; an engine misses some.
        language: its language.
        said: each word in lower case, without the marks around it.
        everyday: everyday words.
        capitals: words written with a capital that are no everyday words.
        codes: runs of digits and letters in the written views of single turns.
        digits: words that say digits of a code that is no amount.
        public: words of telephone numbers that only companies and services have, or of what looks like one.
        amounts: words that say prices, durations, quantities.
        dates: words that are dates in figures; they are among the amounts too.
        breaks: words among typed numbers that are no part of one: dates, and in documents other figures and labels.
        letters: words that spell.
        units: in the order in which they were begun.
        begins: words that begin a turn.
        lines: the call as transcribed, a line for each turn.
    """

    transcript: Transcript = field(repr=False)
    words: tuple[Word, ...] = field(repr=False)
    spoken: bool
    scored: bool
    document: bool
    cased: bool
    language: Language = field(repr=False)
    said: tuple[str, ...] = field(repr=False)
    everyday: frozenset[int] = field(repr=False)
    capitals: frozenset[int] = field(repr=False)
    codes: tuple[Code, ...]
    digits: frozenset[int]
    public: frozenset[int]
    amounts: frozenset[int]
    dates: frozenset[int]
    breaks: frozenset[int]
    letters: frozenset[int]
    units: tuple[Unit, ...]
    begins: frozenset[int]
    lines: View = field(repr=False)

    def doubtful(self, index: int, below: float = DOUBTFUL) -> bool:
        """True where the engine itself is not sure of the word."""
        confidence = self.words[index].confidence
        return confidence is not None and confidence < below and any(map(str.isalnum, self.said[index]))

    def common(self, index: int) -> bool:
        """True for an everyday word."""
        return index in self.everyday

    def capital(self, index: int) -> bool:
        """True for a word written with a capital that is no everyday word."""
        return index in self.capitals

    def named(self, index: int) -> bool:
        """True for a word written as a name is: with a capital, and if it is an everyday one, inside a sentence."""
        return self.capital(index) or self._capital_inside(index)

    def _capital_inside(self, index: int) -> bool:
        text, said = self.words[index].text.lstrip(_OPENING), self.said[index].removesuffix("'s")
        if not (text[:1].isupper() and text[1:2].islower()) or said in self.language.capitals:
            return False
        if self.begins_sentence(index) or self.words[index - 1].text.endswith(":"):
            return False
        if self.document and not self._names_follow(index):
            return False
        # "Will" and "May" are names where no subject follows them.
        verb = index + 1 < len(self.said) and self.said[index + 1] in self.language.names.never
        first_name = said in self.language.first_names and (self.ends_clause(index) or not verb)
        return said not in self.language.grammar_words or first_name

    def begins_sentence(self, index: int) -> bool:
        """True for the first word of a turn, or after one that ends a sentence."""
        before = self.words[index - 1].text if index else ""
        return index in self.begins or bool(_ENDS_SENTENCE.search(before) and not _ABBREVIATION.match(before))

    def _names_follow(self, index: int) -> bool:
        """True after a title or a first name: elsewhere a document's headings and labels have capitals too."""
        before = self.said[index - 1] if index else ""
        return before in self.language.names.titles or before in self.language.first_names

    def is_label(self, index: int) -> bool:
        """True for what is no part of a name in a document: "(interne)", "Fax:", "|", "2/3"."""
        text = self.words[index].text
        said = self.said[index]
        if said in self.language.first_names:
            return False
        return self.document and (
            text.startswith("(") or text.endswith(":") or not any(map(str.isalpha, said)) or any(map(str.isdigit, said))
        )

    def ends_clause(self, index: int) -> bool:
        """True where a mark stands after the word."""
        return self.words[index].text[-1:] in ",.;:?!…"

    def start_ms(self, index: int) -> int | None:
        """When the word begins, if that is known."""
        return self.words[index].start_ms


def hear(transcript: Transcript, written_turns: Sequence[View], language: Language) -> Heard:
    """All that is known of a call's words.

    Args:
        transcript: of the call.
        written_turns: the written view of each of its turns.
        language: of the call.
    """
    words = transcript.words
    said = tuple(plain(word.text) for word in words)
    scored = any(word.confidence is not None for word in words)
    document = not scored and len(transcript.turns) == 1
    everyday_words = frozenset(filter(language.is_everyday, set(said))).union(language.headings if document else ())
    everyday = frozenset(index for index, word in enumerate(said) if word in everyday_words)
    capitals = frozenset(index for index, word in enumerate(words) if word.text.lstrip(_OPENING)[:1].isupper())
    dates = frozenset(index for index, word in enumerate(words) if _DATE.match(word.text))
    figures = {index for index, word in enumerate(words) if document and _FIGURE.match(word.text)}
    breaks = frozenset() if scored else dates | figures
    found = [
        part for view in written_turns for code in codes(view, language) for part in apart(code, breaks, transcript)
    ]
    articles = {code.words for code in found if len(code.words) == 1 and said[code.words[0]] in language.articles}
    found = [replace(code, amount=True) if dates.issuperset(code.words) else code for code in found]
    units = tuple(_units(transcript, words, language))
    begun = [
        words[unit.words[0]].text[:1].isupper() and bool(_ENDS_SENTENCE.search(words[unit.words[-1]].text))
        for unit in units
    ]
    cased = sum(begun) * 2 > len(begun)
    begins = frozenset(indices.start for _, indices in transcript.turn_ranges())
    told = _amounts([code for code in found if code.words not in articles], said, language)
    return Heard(
        transcript=transcript,
        words=words,
        spoken=scored or not (cased or document),
        scored=scored,
        document=document,
        cased=cased and not scored,
        language=language,
        said=said,
        everyday=everyday,
        capitals=capitals - everyday,
        codes=told,
        digits=frozenset(
            word for code in told if code.digits and not code.amount and not code.plain for word in code.words
        )
        - dates,
        public=frozenset(word for code in told if code.public and not code.amount for word in code.words),
        amounts=dates.union(word for code in told if code.amount for word in code.words),
        dates=dates,
        breaks=breaks,
        letters=frozenset(
            word
            for code in told
            if not code.digits or len(code.text) - code.digits >= SPELLED_LETTERS
            for word in code.words
        ),
        units=units,
        begins=begins,
        lines=transcribed(transcript, Passage(tuple(range(len(words))), tuple(begins))),
    )


def _may_be_name(heard: Heard, index: int) -> bool:
    """True for a word written as a name is; in heard text, and in text without capitals, for any unusual word."""
    if len(heard.said[index]) < _NAME_LETTERS or index in heard.letters or index in heard.digits:
        return False
    return heard.named(index) or ((heard.scored or not heard.capitals) and not heard.common(index))


def may_name(heard: Heard) -> tuple[Passage, ...]:
    """Excerpts of the turns in which names may be, with what stands around them.

    The rest are words that aren't written as a name is: they name nobody, and are most of a call.
    """
    passages = []
    for turn in turns(heard.transcript):
        excerpt: list[int] = []
        seen = turn.words[0]
        for index in filter(partial(_may_be_name, heard), turn.words):
            begin = max(seen, index - NAME_CONTEXT)
            if excerpt and begin > seen:
                passages.append(Passage(tuple(excerpt)))
                excerpt = []
            seen = min(index + NAME_CONTEXT, turn.words[-1]) + 1
            excerpt += range(begin, seen)
        if excerpt:
            passages.append(Passage(tuple(excerpt)))
    return tuple(passages)


def _amounts(found: Sequence[Code], said: Sequence[str], language: Language) -> tuple[Code, ...]:
    """The codes, with the amounts among them that only their neighbours tell.

    A range leads from a number to an amount ("three to five business days"), or a number follows an amount and its
    unit ("thirty-one pounds forty", "dix-huit heures trente").
    """
    result: list[Code] = []
    for code in reversed(found):
        joined = code.words[-1] + 1
        following = result[-1] if result else None
        ranged = bool(following and following.amount and following.words[0] == joined + 1)
        clock = joined < len(said) and is_unit(said[joined], code.text, language)
        result.append(
            replace(code, amount=True) if clock or (ranged and said[joined] in language.range_words) else code
        )
    result.reverse()
    for position, code in enumerate(result[1:], start=1):
        before = result[position - 1]
        trails = before.amount and before.words[-1] + 2 == code.words[0] and said[code.words[0] - 1] in language.units
        if trails and (code.digits <= 2 or said[code.words[-1]] in language.articles):
            result[position] = replace(code, amount=True)
    return tuple(_prices_put_right(result))


def _prices_put_right(found: Sequence[Code]) -> Iterator[Code]:
    """The codes, with the prices among them that are corrected or repeated without their unit.

    "1250 euros, no, sorry, 1350. Let me repeat, 1350": so many digits again at once, or the same ones anywhere.
    """
    prices: set[str] = set()
    before: Code | None = None
    for code in found:
        near = before is not None and code.words[0] - before.words[-1] <= CORRECTED_WORDS
        again = bool(near and before and before.amount and len(code.text) == len(before.text) > 2)
        price = code.text.isdigit() and (again or code.text in prices)
        before = replace(code, amount=True) if price else code
        if before.amount and 2 < len(code.text) <= SMALL_DIGITS + 1:
            prices.add(code.text)
        yield before


def _units(transcript: Transcript, said: Sequence[Word], language: Language) -> list[Unit]:
    made = []
    for number, (turn, indices) in enumerate(transcript.turn_ranges()):
        speaker = None if turn.aside or turn.speaker == "mixed" else turn.speaker
        for words in _sentences(said, indices):
            acknowledges = language.is_acknowledgement([said[index].text for index in words])
            made.append(Unit(words, number, speaker, acknowledges, turn.aside))
    call = [unit for unit in made if not unit.aside]
    if any(said[unit.words[0]].start_ms is None for unit in call):
        return made
    return sorted(call, key=lambda unit: said[unit.words[0]].start_ms or 0) + made[len(call) :]


def _sentences(said: Sequence[Word], indices: range) -> Iterator[tuple[int, ...]]:
    first = indices.start
    for index in indices:
        text = said[index].text
        if _ENDS_SENTENCE.search(text) and not _ABBREVIATION.match(text):
            yield tuple(range(first, index + 1))
            first = index + 1
    if first < indices.stop:
        yield tuple(range(first, indices.stop))
