"""Replies: what fills an open slot.

The agent asks for a card number; what the customer says next is a card number, also when a digit was misheard, a
checksum fails, or it comes in four groups with "okay" between them. A reply is followed over sentences and turns until
the subject changes, and masked from its first to its last piece of evidence: digits, spelled letters, names, and words
that the engine itself doubts beside them. A reply without any evidence ("I'd rather not") is left alone.
"""

import re
from collections.abc import Iterator, Sequence

from redact.detect import documents
from redact.detect.heard import Heard, Unit
from redact.detect.requests import Slot
from redact.findings import Finding

# How far a reply is followed.
REPLY_WORDS = 60
REPLY_MS = 40_000
# Everyday words in a row that may stand between two pieces of a reply, by the kind of answer.
GAPS = {"code": 2, "date": 3, "name": 2, "email": 6, "address": 8, "words": 2}
# Words beside the evidence that are taken for misheard parts of it.
EXTENDED_WORDS = 8
# A name is among the first words of a reply.
NAME_WORDS = 9
# Sentences without evidence that may come before the reply ("wait, let me get my glasses"), and how long one is that
# ends it afterwards.
EMPTY_UNITS = 2
EMPTY_WORDS = 4
# Sentences after a read-back's phrase in which the number, or a correction of it, is said.
READ_AGAIN_UNITS = 5
# Digits that show a number to go on after a pause; in a read-back of several digits, those shared with what was given.
BELONGING_DIGITS = 3
READ_BACK_DIGITS = 6
READ_BACK_LETTERS = 3
# A sentence so short with digits or letters in it may be a group of a longer number.
GROUP_WORDS = 9
# Of the words of a sentence that says little but a number, so many say it.
NUMBER_SHARE = 0.6
# A heard reply of so few words is the answer and nothing else, however its words were heard.
SHORT_REPLY_WORDS = 6
# A short reply of which the engine is less sure than this, on average, was misheard.
UNSURE = 0.7
# Sentences that answer a question for something that is nobody's.
PLAIN_REPLY_UNITS = 2
# A sentence so short with one "B comme Bernard" is nothing else.
SHORT_SPELLING_WORDS = 4
_ORDINAL = re.compile(r"^\d{1,2}(?:st|nd|rd|th|er|e|ème)$")
_SCORES = {"code": 0.85, "date": 0.85, "name": 0.75, "email": 0.8, "address": 0.75, "words": 0.7}


def replies(heard: Heard, slots: Sequence[Slot]) -> Iterator[Finding]:
    """One finding for each sentence that fills a slot."""
    opened = {slot.unit for slot in slots}
    for slot in slots:
        for words in _reply(heard, slot, opened):
            yield Finding(slot.entity_type, words, _SCORES[slot.answer], "dialogue.reply", "transcribed")


def read_again(heard: Heard, read_backs: Sequence[tuple[int, int]], found: Sequence[Finding]) -> Iterator[Finding]:
    """What is said again after "let me read that back", and the other's correction: of the type given last before."""
    given = sorted((max(finding.words), finding.entity_type) for finding in found)
    for word, number in read_backs:
        before = [entity_type for last, entity_type in given if last < word]
        entity_type = before[-1] if before else "ACCOUNT_REFERENCE"
        reader = heard.units[number]
        again = False
        for unit in heard.units[number : number + READ_AGAIN_UNITS]:
            own = unit.turn == reader.turn
            corrects = again and any(heard.said[index] in heard.language.corrections for index in unit.words[:3])
            rest = tuple(index for index in unit.words if index > word or not own)
            words = _evident(heard, "code", rest, first=own) if own or corrects else ()
            if words:
                again = True
                yield Finding(entity_type, words, 0.7, "dialogue.again", "transcribed")


def dictated(heard: Heard) -> Iterator[Finding]:
    """Groups of a number, each answered by "okay", though nobody was heard to ask for it."""
    groups: list[Unit] = []
    acknowledged = 0
    for unit in (*heard.units, None):
        if unit and groups and unit.acknowledges and unit.speaker != groups[-1].speaker:
            acknowledged += 1
        elif unit and unit.speaker and _is_group(heard, unit) and (not groups or unit.speaker == groups[-1].speaker):
            groups.append(unit)
        else:
            if len(groups) >= 2 and acknowledged >= 2:
                for group in groups:
                    words = _evident(heard, "code", group.words, first=True)
                    yield Finding("CREDIT_CARD", words, 0.6, "dialogue.dictated", "transcribed")
            groups = [unit] if unit and unit.speaker and _is_group(heard, unit) else []
            acknowledged = 0


def number_sentences(heard: Heard) -> Iterator[Finding]:
    """Sentences of a dialogue that say little but a number: somebody dictates, whatever was asked for and however."""
    if len(heard.transcript.turns) < 2:
        return
    for unit in heard.units:
        content = [index for index in unit.words if heard.said[index] and not _is_courtesy(heard, index)]
        numbers = [index for index in content if index in heard.digits]
        digits = _digits(heard, numbers)
        asks = heard.words[unit.words[-1]].text.endswith("?")
        if len(digits) >= BELONGING_DIGITS and len(numbers) >= NUMBER_SHARE * len(content) and not asks:
            yield Finding("ACCOUNT_REFERENCE", tuple(numbers), 0.45, "dialogue.number", "transcribed")


def nobodys(heard: Heard, asked: Sequence[tuple[int, int]]) -> frozenset[int]:
    """Words that answer a question for a model, a product, an error: their numbers are nobody's.

    Args:
        heard: the call.
        asked: (last word, sentence) of each such question.
    """
    words: set[int] = set()
    for word, number in asked:
        asker = heard.units[number]
        words.update(index for index in asker.words if index > word)
        following = [unit for unit in heard.units[number + 1 : number + 4] if unit.may_answer(asker)]
        others = [unit for unit in following if unit.speaker != asker.speaker]
        words.update(index for unit in others[:PLAIN_REPLY_UNITS] for index in unit.words)
    return frozenset(words)


def _is_group(heard: Heard, unit: Unit) -> bool:
    spelled = sum(index in heard.letters for index in unit.words) >= READ_BACK_LETTERS
    return len(unit.words) <= GROUP_WORDS and (spelled or any(index in heard.digits for index in unit.words))


def _reply(heard: Heard, slot: Slot, opened: set[int]) -> Iterator[tuple[int, ...]]:
    asked = heard.units[slot.unit]
    rest = tuple(index for index in asked.words if index > slot.word)
    own = _statement(heard, slot, rest)
    if not own and asked.speaker is None and slot.answer == "name" and not slot.stated:
        own = _evident(heard, "name", rest, first=True)  # where all speak on one channel, the answer may lack a pause
    if own:
        yield own
    given = _digits(heard, own)
    filled, empty, spent, waited_for = bool(own), 0, 0, False
    asked_ms = heard.start_ms(slot.word)
    for number in range(slot.unit + 1, len(heard.units)):
        unit = heard.units[number]
        start_ms = heard.start_ms(unit.words[0])
        if (
            spent >= REPLY_WORDS
            or not unit.may_answer(asked)
            or (asked_ms is not None and start_ms is not None and start_ms - asked_ms > REPLY_MS)
        ):
            return
        spent += len(unit.words)
        if unit.acknowledges:
            waited_for = waited_for or unit.speaker != asked.speaker
            continue
        same = unit.speaker is not None and unit.speaker == asked.speaker
        if number in opened and filled and (same or unit.speaker is None):
            return
        if same:
            words = _gone_on(heard, slot, unit, given=given, filled=filled)
            if not words and not filled and waited_for:
                words = _told_late(heard, slot, unit)
        else:
            words = _filling(heard, slot, unit, filled=filled) if _may_reply(heard, slot, stated=bool(own)) else ()
        if not words and filled and slot.answer == "code" and _corrects_unheard(heard, unit.words):
            yield unit.words
            continue
        if words and empty and filled and not _belongs(heard, unit, given, _digits(heard, words)):
            words = ()
        if words:
            filled = True
            given += _digits(heard, words)
            yield words
        elif not same or filled:
            empty += 1
            lasting = slot.answer == "code" or len(unit.words) <= EMPTY_WORDS
            if empty > EMPTY_UNITS or (filled and not lasting):
                return


def _digits(heard: Heard, words: Sequence[int]) -> str:
    """The digits that these words say, with those of the codes they are part of."""
    covered = set(words)
    return "".join(filter(str.isdigit, "".join(code.text for code in heard.codes if covered.intersection(code.words))))


def _belongs(heard: Heard, unit: Unit, given: str, digits: str) -> bool:
    """True for digits that repeat or continue what was given: some, or nothing else in the sentence."""
    alone = all(index in heard.digits or _is_courtesy(heard, index) for index in unit.words)
    return alone or len(digits) >= BELONGING_DIGITS or (len(digits) >= 2 and digits in given)


def _may_reply(heard: Heard, slot: Slot, *, stated: bool) -> bool:
    """Does the other answer? Not to what a customer states of himself."""
    asked = heard.units[slot.unit]
    question = heard.words[asked.words[-1]].text.endswith("?")
    if question or asked.speaker is None or asked.speaker == "agent":
        return True
    return not (slot.stated or stated or asked.speaker == "customer")


def _filling(heard: Heard, slot: Slot, unit: Unit, *, filled: bool) -> tuple[int, ...]:
    """What of the other's sentence fills a slot."""
    if slot.answer == "name" and filled and not _spells(heard, unit.words):
        return ()
    return _evident(heard, slot.answer, unit.words, first=not filled)


def _corrects_unheard(heard: Heard, words: Sequence[int]) -> bool:
    """True for "no, it's sixty-four at the end" where the number was misheard, as the engine's doubts tell."""
    return heard.said[words[0]] in heard.language.corrections and len(words) <= GROUP_WORDS and _is_unsure(heard, words)


def _gone_on(heard: Heard, slot: Slot, unit: Unit, *, given: str, filled: bool) -> tuple[int, ...]:
    """What the one who asked says next: the rest of a statement, or what was given, read back."""
    if slot.answer in {"date", "name", "words"} and not slot.stated:
        return ()
    words = _evident(heard, slot.answer, unit.words, first=False)
    digits = _digits(heard, words)
    spelled = sum(index in heard.letters for index in words) >= READ_BACK_LETTERS
    if not digits and not spelled and not _spells_by_examples(heard, unit.words):
        return ()
    if not filled:
        return words if slot.stated or slot.answer == "address" else ()
    again = len(digits) >= READ_BACK_DIGITS or any(
        digits[at : at + BELONGING_DIGITS] in given for at in range(len(digits) - BELONGING_DIGITS + 1)
    )
    examples = _spells_by_examples(heard, unit.words)
    return words if again or spelled or examples or slot.stated or (len(digits) == 2 and digits in given) else ()


def _told_late(heard: Heard, slot: Slot, unit: Unit) -> tuple[int, ...]:
    """What the one who asked says after the other's "go ahead": it was no question, but an announcement."""
    if slot.answer == "words":
        return _evident(heard, "words", unit.words, first=False)
    return _evident(heard, "code", unit.words, first=False) if slot.answer == "code" and _is_group(heard, unit) else ()


def _statement(heard: Heard, slot: Slot, rest: tuple[int, ...]) -> tuple[int, ...]:
    """What the one who says the phrase adds to it: "the card ending in 5512", "is it still 19 Larch Street?"."""
    if not rest:
        return ()
    at_once = [index for index in rest[:2] if set(heard.words[index].text) & set("$€£")]
    if slot.stated and slot.answer == "code" and at_once:
        return tuple(at_once)  # "the card ending in $5.512": written as a price, and none
    figures = heard.digits | (heard.dates if slot.answer == "date" else frozenset())
    if slot.answer == "email" or any(_is_anchor(heard, slot.answer, i) and i in figures for i in rest):
        return _evident(heard, slot.answer, rest, first=False)
    asks = heard.words[heard.units[slot.unit].words[-1]].text.endswith("?")
    told = slot.stated and (slot.answer == "address" or not asks)
    told = told or heard.said[rest[0]] in heard.language.copulas  # "the password is …"
    return _evident(heard, slot.answer, rest, first=False) if told else ()


def _spells(heard: Heard, words: Sequence[int]) -> bool:
    return any(index in heard.letters for index in words) or _spells_by_examples(heard, words)


def _spells_by_examples(heard: Heard, words: Sequence[int]) -> bool:
    examples = sum(heard.said[index] in heard.language.examples for index in words)
    return examples >= 2 or (examples == 1 and len(words) <= SHORT_SPELLING_WORDS)


def _evident(heard: Heard, answer: str, words: Sequence[int], *, first: bool) -> tuple[int, ...]:
    """From the first to the last evidence in a sentence; nothing where there is none."""
    anchors = [position for position, index in enumerate(words) if _is_anchor(heard, answer, index)]
    if answer == "email" and not heard.spoken and not _has_address_marks(heard, words):
        anchors = []
    if _spells_by_examples(heard, words) and (anchors or first):
        return tuple(words)  # "F comme François, O comme Oscar", heard well or not: all of it spells
    if answer == "name":
        anchors = _name_anchors(heard, words, anchors)
    if first and answer == "name" and _unlike_itself(heard, words):
        return tuple(words)
    if heard.document:
        anchors = documents.value(heard, answer, words, anchors)
    if not anchors:
        return _misheard(heard, answer, words) if first else ()
    content = [position for position, index in enumerate(words) if not _is_courtesy(heard, index)]
    if first and heard.spoken and answer in {"name", "code", "date"} and 0 < len(content) <= SHORT_REPLY_WORDS:
        return tuple(words[min(content[0], anchors[0]) : max(content[-1], anchors[-1]) + 1])
    taken: set[int] = set()
    start = last = anchors[0]
    for position in (*anchors[1:], len(words) + REPLY_WORDS):
        if position - last - 1 > GAPS[answer] or _corrects(heard, words[last + 1 : position]):
            unknown = heard.scored or (heard.spoken and first)
            begin, end = (_grown(heard, words, edge, step, unknown=unknown) for edge, step in ((start, -1), (last, 1)))
            taken.update(range(begin, end + 1))
            start = position
        last = position
    numbered = any(
        words[position] in heard.digits and heard.said[words[position]] not in heard.language.date_words
        for position in anchors
    )
    to_end = answer == "email" or (answer == "address" and (first or numbered))
    if to_end and (heard.scored or (heard.spoken and first)):
        taken.update(range(min(taken), _last_content(heard, words, max(taken)) + 1))
    if answer in {"date", "code", "words"}:
        _with_joins(heard, answer, words, taken)
    return tuple(words[position] for position in sorted(taken))


def _with_joins(heard: Heard, answer: str, words: Sequence[int], taken: set[int]) -> None:
    """Take also what leads to the evidence and ends it: "the" of a date, "one", "pound", the letter A."""
    language = heard.language
    joins = language.date_words if answer == "date" else language.marks
    for edge, step in ((min(taken), -1), (max(taken), 1)):
        while 0 <= edge + step < len(words):
            index = words[edge + step]
            if not (heard.said[index] in joins | language.articles or _is_letter_a(heard, index)):
                break
            edge += step
            taken.add(edge)


def _is_letter_a(heard: Heard, index: int) -> bool:
    """True for an A that is no article: with a comma after it, or a capital before digits or inside a sentence."""
    text = heard.words[index].text
    numbered = index + 1 in heard.digits
    return text in {"A,", "a,"} or (text == "A" and (numbered or not heard.begins_sentence(index)))


def _has_address_marks(heard: Heard, words: Sequence[int]) -> bool:
    """True where "at", "dot", "arobase" or a written address is among the words, or letters are spelled."""
    return any("@" in heard.said[i] or heard.said[i] in heard.language.symbols or i in heard.letters for i in words)


def _corrects(heard: Heard, between: Sequence[int]) -> bool:
    """True for "no, wait" between two tries."""
    return bool(between) and all(heard.said[i] in heard.language.corrections and not heard.doubtful(i) for i in between)


def _is_anchor(heard: Heard, answer: str, index: int) -> bool:
    if index in heard.letters or (index in heard.digits and answer != "name"):
        return True
    if answer == "code" and index in heard.public:
        return True
    said = heard.said[index]
    if "@" in said or (
        said not in heard.language.units and answer in {"email", "code"} and "." in said and any(map(str.isalpha, said))
    ):
        return True
    if answer == "code":
        return False
    if answer == "date":
        language = heard.language
        ordinal = said in language.ordinals and (not index or heard.said[index - 1] not in language.articles)
        return said in language.months or index in heard.dates or bool(_ORDINAL.match(said)) or ordinal
    if index in heard.amounts:
        return False
    if heard.cased and answer in {"name", "address"}:
        # Where names have capitals, an unknown word without one is none, unless it was misheard.
        return (
            heard.named(index)
            or (heard.doubtful(index) and not heard.common(index))
            or (answer == "address" and said in heard.language.address_words)
        )
    return heard.named(index) or not heard.common(index)


def _name_anchors(heard: Heard, words: Sequence[int], anchors: Sequence[int]) -> list[int]:
    """The anchors of a name: near the beginning, over one comma at most; spelled letters wherever they are."""
    near: list[int] = []
    breaks = 0
    named = any(heard.named(words[position]) for position in anchors)
    for position in anchors:
        index = words[position]
        if named and not (heard.named(index) or heard.doubtful(index) or index in heard.letters):
            continue
        if near:
            breaks += sum(heard.ends_clause(index) for index in words[near[-1] : position])
        if words[position] in heard.letters or (position < NAME_WORDS and breaks <= 1):
            near.append(position)
    return near


def _unlike_itself(heard: Heard, words: Sequence[int]) -> bool:
    """True for a short first reply to "your name?" of which the engine is unsure: a name misheard as everyday words."""
    return len(words) <= SHORT_REPLY_WORDS and _is_unsure(heard, words)


def _is_unsure(heard: Heard, words: Sequence[int]) -> bool:
    """True where the engine is unsure of these words on average."""
    known = [confidence for index in words if (confidence := heard.words[index].confidence) is not None]
    return bool(known) and sum(known) < UNSURE * len(known)


def _misheard(heard: Heard, answer: str, words: Sequence[int]) -> tuple[int, ...]:
    """A first reply without evidence, where most of what could be any is doubted by the engine."""
    content = [p for p, index in enumerate(words) if not _is_courtesy(heard, index) and heard.said[index]]
    doubted = [p for p in content if heard.doubtful(words[p])]
    if not doubted or len(doubted) * 2 < len(content):
        return ()
    last = doubted[-1] if answer != "name" else min(doubted[-1], doubted[0] + NAME_WORDS)
    return tuple(words[doubted[0] : last + 1])


def _grown(heard: Heard, words: Sequence[int], position: int, step: int, *, unknown: bool) -> int:
    """Where misheard parts beside the evidence end: words that are doubted or, where asked for, unknown."""
    reached = position
    skipped = 0
    for at in range(position + step, position + step * (EXTENDED_WORDS + 1), step):
        if not 0 <= at < len(words) or skipped > 1:
            break
        index = words[at]
        if heard.doubtful(index) or (unknown and not heard.common(index)):
            if not _is_courtesy(heard, index):
                reached = at
        else:
            skipped += 1
    return reached


def _last_content(heard: Heard, words: Sequence[int], at: int) -> int:
    """Where a reply that began before a place ends: before an amount, and before words of politeness."""
    last = next((p for p in range(at + 1, len(words)) if words[p] in heard.amounts), len(words)) - 1
    while last > at and _is_courtesy(heard, words[last]):
        last -= 1
    return last


def _is_courtesy(heard: Heard, index: int) -> bool:
    said, language = heard.said[index], heard.language
    return said in language.courtesies or said in language.acknowledgements or said in language.fillers
