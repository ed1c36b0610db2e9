"""The dialogue as evidence: a question opens a slot, and what is then said fills it.

The agent asks for a card number; what the customer says next is a card number, also when a digit was
misheard, a checksum fails, or it comes in four groups with "okay" between them. Numbers that nobody asked
for are judged by their shape alone, and long ones are taken for personal: what can't be decided is masked.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from redact.call import Transcript
from redact.detect.spoken.base import Language, plain
from redact.detect.spoken.written import SPELLED_CLOSE, SPELLED_OPEN
from redact.findings import Finding
from redact.views import Passage, View, transcribed, turns

# How far, in words, an answer may be from its question, and from the piece of the answer before it.
REACH_WORDS = 45
PIECE_REACH_WORDS = 14
# How many words a free answer ("words") may take.
FREE_ANSWER_WORDS = 16
# A number that nobody asked for is taken for personal from this many digits on: five-digit numbers are
# mostly prices and quantities, and shorter ones nearly always.
UNASKED_DIGITS = 6
PLAIN_PHRASE_WORDS = 3

_CODE = re.compile(rf"(?<![\w@.{SPELLED_OPEN}])(?=[A-Z]*\d)[A-Z\d]+(?![\w@.])|{SPELLED_OPEN}[A-Z]{{3,}}{SPELLED_CLOSE}")
_NEXT_WORD = re.compile(r"\s*([^\s]+)")


@dataclass(frozen=True, slots=True)
class _Slot:
    """An open question: its type, the kind of its answer, and where the phrase ends."""

    entity_type: str
    answer: str
    word: int
    turn: int


@dataclass(frozen=True, slots=True)
class _Code:
    """A run of digits and letters as found in a written view."""

    text: str = field(repr=False)
    words: tuple[int, ...]
    amount: bool
    plain: bool

    @property
    def digits(self) -> int:
        return sum(character.isdigit() for character in self.text)


def find(transcript: Transcript, written_views: Sequence[View], language: Language) -> tuple[Finding, ...]:
    """What questions ask for, and numbers that are personal by their shape.

    Args:
        transcript: of the call.
        written_views: of all its passages, turns and joined answers.
        language: of the call.
    """
    slots = tuple(_slots(transcript, language))
    codes = [code for view in written_views for code in _codes(view, language)]
    findings = list(_answered_codes(codes, slots))
    findings += _free_answers(transcript, slots, language)
    return tuple(findings)


def nobodys(written_views: Sequence[View], language: Language) -> frozenset[int]:
    """Words of numbers that the words before them say are nobody's: a model, a part number, a menu option."""
    return frozenset(
        word for view in written_views for code in _codes(view, language) if code.plain for word in code.words
    )


def _slots(transcript: Transcript, language: Language) -> Iterator[_Slot]:
    for number, passage in enumerate(turns(transcript)):
        view = transcribed(transcript, passage)
        opened: dict[int, tuple[int, _Slot]] = {}
        for request in language.requests:
            for match in request.pattern.finditer(view.text):
                words = view.words_at(match.start(), match.end())
                length = match.end() - match.start()
                if words and length > opened.get(words[-1], (0, None))[0]:
                    opened[words[-1]] = (length, _Slot(request.entity_type, request.answer, words[-1], number))
        yield from (slot for _, (_, slot) in sorted(opened.items()))


def _codes(view: View, language: Language) -> Iterator[_Code]:
    for match in _CODE.finditer(view.text):
        following = _NEXT_WORD.match(view.text, match.end())
        preceding = view.text[: match.start()].lower().split()[-PLAIN_PHRASE_WORDS:]
        after = following[1].lower() if following else ""
        before = preceding[-1] if preceding else ""
        yield _Code(
            text=match.group(),
            words=view.words_at(match.start(), match.end()),
            amount=after in language.units or before in {"$", "€", "£"},
            plain=any(" ".join(preceding[-n:]) in language.plain_numbers for n in range(1, PLAIN_PHRASE_WORDS + 1)),
        )


def _answered_codes(codes: Sequence[_Code], slots: Sequence[_Slot]) -> Iterator[Finding]:
    taken: dict[_Slot, list[int]] = {}
    for code in sorted(codes, key=lambda code: (code.words[0], code.words[-1])):
        slot = _open_slot(code, slots, taken)
        if code.plain:
            continue
        if slot and not code.amount:
            taken.setdefault(slot, []).append(code.words[-1])
            yield Finding(slot.entity_type, code.words, 0.85, "dialogue.slot", "written")
        elif entity_type := _by_shape(code):
            yield Finding(entity_type, code.words, 0.6, "dialogue.shape", "written")


def _open_slot(code: _Code, slots: Sequence[_Slot], taken: dict[_Slot, list[int]]) -> _Slot | None:
    """The last question before a code that its shape may answer, if it is near enough."""
    enough = 2
    for slot in reversed(slots):
        if slot.word >= code.words[0]:
            continue
        from_slot = code.words[0] - slot.word
        if from_slot > REACH_WORDS * 3:
            return None
        near = [word for word in taken.get(slot, ()) if abs(code.words[0] - word) <= PIECE_REACH_WORDS]
        reach = bool(near) or (from_slot <= REACH_WORDS and slot not in taken)
        if not reach:
            return None
        if slot.answer in {"code", "date"} and (code.digits >= enough or not code.digits):
            return slot
        if slot.answer == "name" and not code.digits:
            return slot
        if slot.answer in {"words", "address"} and code.digits:
            return slot
    return None


def _by_shape(code: _Code) -> str | None:
    if code.amount and code.digits < 9:
        return None
    if not code.digits:
        return "PERSON"
    if code.digits >= 12:
        return "CREDIT_CARD"
    if code.digits >= 9:
        return "PHONE_NUMBER"
    mixed = code.digits < len(code.text) and len(code.text) >= 5 and code.digits >= 2
    return "ACCOUNT_REFERENCE" if code.digits >= UNASKED_DIGITS or mixed else None


def _free_answers(transcript: Transcript, slots: Sequence[_Slot], language: Language) -> Iterator[Finding]:
    passages = turns(transcript)
    owner = [turn.speaker for turn in transcript.turns if turn.words]
    for slot in slots:
        if slot.answer in {"code", "address"}:
            continue
        answer = _answer_turn(passages, owner, slot, transcript, language)
        if answer is None:
            continue
        words = {
            "name": lambda a: _names(transcript, a, language),
            "date": lambda a: _dates(transcript, a, language),
            "words": lambda a: _content(transcript, a, language),
        }[slot.answer](answer)
        if words:
            yield Finding(slot.entity_type, words, 0.75, "dialogue.answer", "transcribed")


def _answer_turn(
    passages: Sequence[Passage], owner: Sequence[str], slot: _Slot, transcript: Transcript, language: Language
) -> tuple[int, ...] | None:
    """Words of the turn that answers: the other speaker's next, or in mono what follows the question."""
    asker = owner[slot.turn]
    rest = tuple(index for index in passages[slot.turn].words if index > slot.word)
    question = any(transcript.words[index].text.endswith("?") for index in (slot.word, *rest))
    if not question and len(rest) >= 2:
        return rest  # a statement: "my date of birth is …"
    if asker == "mixed" and question:
        end = next((i for i in (slot.word, *rest) if transcript.words[i].text.endswith("?")), slot.word)
        tail = tuple(index for index in rest if index > end)
        if len(tail) >= 2:
            return tail
    for number in range(slot.turn + 1, min(slot.turn + 4, len(passages))):
        words = passages[number].words
        acknowledged = language.is_acknowledgement([transcript.words[index].text for index in words])
        if (asker == "mixed" or owner[number] != asker) and not acknowledged:
            return words
    return None


def _names(transcript: Transcript, answer: Sequence[int], language: Language) -> tuple[int, ...]:
    """Capitalised words that are not common ones, among the first words of an answer."""
    return tuple(
        index
        for index in answer[:FREE_ANSWER_WORDS]
        if transcript.words[index].text[:1].isupper()
        and len(plain(transcript.words[index].text)) > 1
        and not {plain(transcript.words[index].text), plain(transcript.words[index].text).split("'")[0]}
        & language.common_words
        and plain(transcript.words[index].text) not in language.fillers
    )


def _dates(transcript: Transcript, answer: Sequence[int], language: Language) -> tuple[int, ...]:
    """From the first to the last word of a date in an answer."""
    said = [plain(transcript.words[index].text) for index in answer]
    dated = [
        position
        for position, text in enumerate(said)
        if any(character.isdigit() for character in text)
        or text in language.date_words - {"the", "of", "le", "may", "second"}
    ]
    return tuple(answer[dated[0] : dated[-1] + 1]) if dated else ()


def _content(transcript: Transcript, answer: Sequence[int], language: Language) -> tuple[int, ...]:
    """A free answer without the fillers that lead into it."""
    said = [plain(transcript.words[index].text) for index in answer]
    first = 0
    while first < len(said) and (said[first] in language.acknowledgements or said[first] in language.fillers):
        first += 1
    return tuple(answer[first : first + FREE_ANSWER_WORDS])
