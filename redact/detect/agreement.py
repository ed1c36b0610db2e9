"""What is said in a call about its being recorded: a notice, and what the other side answers.

It is offered as evidence, for a person to listen to, and never taken for consent. Where nobody asked, a "yes" answers
something else: only an agreement in so many words counts then. A refusal counts wherever it is said.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from regex import Pattern

from redact.call import Transcript, Turn
from redact.detect.spoken.base import RecordingConsent, load, plain, supported

Answer = Literal["yes", "no", "none"]
# So many turns of the other side are looked at for an answer, and so many words of one for how it begins.
ANSWER_TURNS = 2
ANSWER_WORDS = 3
# "I consent to this call being recorded": between the beginnings of both lie so many letters at most.
_SAME_BREATH = 20


@dataclass(frozen=True, slots=True)
class SpokenConsent:
    """Where to listen.

    Attributes:
        notice_ms: start of the notice; None where there was none, or the transcript has no times. So is `answer_ms`.
        answer: what was answered, as far as can be told.
    """

    notice_ms: int | None
    answer_ms: int | None
    answer: Answer


@dataclass(frozen=True, slots=True)
class _Read:
    """A turn without its marks, and the start of each of its words in that text."""

    turn: Turn
    text: str = field(repr=False)
    starts: tuple[int, ...]

    def at(self, position: int) -> int | None:
        """The time of the word at a position of the text; the turn's own where it has none."""
        index = sum(start <= position for start in self.starts) - 1
        start_ms = self.turn.words[max(0, index)].start_ms
        return self.turn.start_ms if start_ms is None else start_ms


def spoken_consent(transcript: Transcript) -> SpokenConsent | None:
    """What a call says about its recording; None where it says nothing, or in a language that is not known.

    A refusal counts more than all else; then an agreement, then the first notice.
    """
    if transcript.language not in supported():
        return None
    phrases = load(transcript.language).recording_consent
    turns = [_read(turn) for turn in transcript.turns if not turn.aside and turn.words]
    found = list(_answers(turns, phrases))
    for wanted in ("no", "yes", "none"):
        for each in found:
            if each.answer == wanted:
                return each
    return None


def _answers(turns: list[_Read], phrases: RecordingConsent) -> Iterator[SpokenConsent]:
    notice_ms, told_by = None, None
    for number, read in enumerate(turns):
        notice = _first((*phrases.minded, *phrases.questions, *phrases.notices), read.text)
        if notice is not None:
            told_by, notice_ms = _side(read.turn), read.at(notice)
            agreed = _first(phrases.agreed, read.text)
            if agreed is not None and 0 < notice - agreed <= _SAME_BREATH:
                yield SpokenConsent(notice_ms, read.at(agreed), "yes")
            yield _answered(turns, number, notice, phrases)
        refusal = _first(phrases.refused, read.text)
        if refusal is not None and _side(read.turn) != told_by:
            yield SpokenConsent(notice_ms, read.at(refusal), "no")


def _answered(turns: list[_Read], number: int, position: int, phrases: RecordingConsent) -> SpokenConsent:
    """What the other side says behind a notice."""
    told = turns[number]
    rest = told.text[position:]
    notice_ms = told.at(position)
    is_asked = _first((*phrases.questions, *phrases.asks), rest) is not None
    is_minded = _first(phrases.minded, rest) is not None
    left = ANSWER_TURNS
    for read in turns[number + 1 :]:
        if _side(read.turn) == _side(told.turn):
            is_asked = is_asked or _first(phrases.asks, read.text) is not None
            continue
        answer = _answer(read, phrases, is_asked=is_asked, is_minded=is_minded)
        if answer:
            return SpokenConsent(notice_ms, read.at(answer[1]), answer[0])
        left -= 1
        if not left:
            break
    return SpokenConsent(notice_ms, None, "none")


def _answer(
    read: _Read, phrases: RecordingConsent, *, is_asked: bool, is_minded: bool
) -> tuple[Answer, int] | None:  # fmt: skip
    refused = _first(phrases.refused, read.text)
    if refused is not None:
        return "no", refused
    agreed = _first(phrases.agreed, read.text)
    if agreed is not None:
        return "yes", agreed
    beginning = " ".join(read.text.split()[: ANSWER_WORDS + 3])
    if is_minded:
        begins = _begins(phrases.not_minding, beginning)
        return ("yes", begins) if begins is not None else None
    for answer, patterns in (("yes", phrases.yes), ("no", phrases.no)) if is_asked else ():
        begins = _begins(patterns, beginning)
        if begins is not None:
            return answer, begins  # type: ignore[return-value]
    return None


def _begins(patterns: Iterable["Pattern[str]"], text: str) -> int | None:
    """Where one of the patterns matches among the first words, "well" and "uh" before it."""
    found = _first(patterns, text)
    return found if found is not None and text[:found].count(" ") < ANSWER_WORDS else None


def _first(patterns: Iterable["Pattern[str]"], text: str) -> int | None:
    places = [match.start() for pattern in patterns if (match := pattern.search(text))]
    return min(places) if places else None


def _side(turn: Turn) -> tuple[int, str]:
    return turn.channel, turn.speaker


def _read(turn: Turn) -> _Read:
    words, starts, length = [], [], 0
    for word in turn.words:
        text = plain(word.text)
        starts.append(length)
        words.append(text)
        length += len(text) + 1
    return _Read(turn, " ".join(words), tuple(starts))
