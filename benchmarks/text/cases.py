"""Labelled texts of four forms, read into one: turns with the stretches that are personal."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redact.call import Transcript, Turn, Word
from redact.errors import InputRejected

# Labels of texts that count as personal. The others (companies, hospitals, nationalities, dates of visits) are read as
# plain text: neither side sets out to mask them.
PERSONAL = {
    "CREDIT_CARD", "EMAIL_ADDRESS", "IBAN_CODE", "PERSON", "PHONE_NUMBER", "STREET_ADDRESS", "US_DRIVER_LICENSE",
    "US_SSN", "ZIP_CODE",
    "ADRESSE", "DATE_NAISSANCE", "IPP", "MAIL", "NDA", "NOM", "PRENOM", "SECU", "TEL", "VILLE", "ZIP",
}  # fmt: skip
# Words of an answer that tell nothing of anybody: they may stay, and may go.
FILLERS = {
    "a", "and", "as", "birth", "born", "code", "date", "first", "for", "full", "hello", "hi", "i", "in", "is", "it",
    "it's", "last", "my", "name", "no", "of", "okay", "on", "please", "post", "postcode", "so", "sure", "surname",
    "that", "the", "uh", "um", "was", "yeah", "yes",
}  # fmt: skip
QUESTIONS = {
    "name": ("Can I take your full name, please?", "And who am I speaking with?", "What's your first and last name?",
             "Could you spell your name for me?"),
    "postcode": ("What's your postcode, please?", "And the postcode for that address?",
                 "Could you give me your post code?", "Can you confirm your postcode for me?"),
    "dob": ("What's your date of birth, please?", "And when were you born?",
            "Can you confirm your date of birth for me?", "Could I have your birth date?"),
}  # fmt: skip
_FAULTS = (OSError, ValueError, LookupError, TypeError, AttributeError)


@dataclass(frozen=True, slots=True)
class Label:
    """One item: characters [start, end) of its turn's text."""

    start: int
    end: int
    type: str


@dataclass(frozen=True, slots=True)
class Said:
    """One turn. `answer` is True where it is labelled whole and its fillers tell nothing of anybody."""

    speaker: str
    text: str = field(repr=False)
    labels: tuple[Label, ...] = ()
    answer: bool = False

    def words(self) -> Iterator[tuple[int, int]]:
        """The words that count, as [start, end) in the text."""
        for match in re.finditer(r"[\w']+" if self.answer else r"\S+", self.text):
            if any(c.isalnum() for c in match[0]) and not (self.answer and match[0].lower() in FILLERS):
                yield match.span()


@dataclass(frozen=True, slots=True)
class Case:
    """Turns that are looked at together: a call, a text, or a question with its answer."""

    name: str
    language: str
    turns: tuple[Said, ...]

    def transcript(self) -> Transcript:
        """As a perfect engine would give it: the words as said, without times."""
        turns = []
        for said in self.turns:
            channel = int(said.speaker == "customer")
            words = tuple(Word(word, None, None, channel) for word in said.text.split())
            turns.append(Turn(said.speaker, channel, words))
        return Transcript(tuple(turns), self.language, "labelled text")


def scripts(folder: Path, mono: str | None = None) -> Iterator[Case]:
    """Calls as `{"id", "language", "effects", "turns": [[speaker, part, ...]]}`, one JSON file each.

    A part is a string or an object: `{"pii", "say"}` is said and labelled; `pause`, `hold` and `dtmf` are not said.

    Args:
        folder: of the scripts.
        mono: whose speakers can't be told apart: None, calls with the `effect` of that name, or `all`.

    Raises:
        InputRejected: there is no script, or one is of another form. So do the other readers.
    """
    files = sorted(folder.glob("*.json"))
    if not files:
        raise InputRejected(f"no scripts in {folder}", hint="give the folder that the .json files are in")
    for file in files:
        try:
            script = json.loads(file.read_text(encoding="utf-8"))
            mixed = mono == "all" or (mono == "effect" and "mono" in script.get("effects", ()))
            turns = [_turn("mixed" if mixed else speaker, parts) for speaker, *parts in script["turns"]]
            yield Case(script["id"], script["language"], tuple(turn for turn in turns if turn.text))
        except _FAULTS as error:
            raise _wrong(file, "a script", error) from None


def _turn(speaker: str, parts: list[Any]) -> Said:
    text, labels = "", []
    for part in parts:
        if isinstance(part, str):
            text += " " * bool(text) + part
        elif "say" in part:
            text += " " * bool(text)
            labels.append(Label(len(text), len(text + part["say"]), part["pii"]))
            text += part["say"]
        elif not part.keys() & {"pause", "hold", "dtmf"}:
            raise ValueError("an unknown part")
    return Said(speaker, text, tuple(labels))


def texts(file: Path, language: str) -> Iterator[Case]:
    """Presidio-evaluator's form: `[{"full_text", "spans": [{"start_position", "end_position", "entity_type"}]}]`."""
    try:
        for number, row in enumerate(json.loads(file.read_text(encoding="utf-8"))):
            spans = [Label(s["start_position"], s["end_position"], s["entity_type"]) for s in row["spans"]]
            if any(not 0 <= span.start < span.end <= len(row["full_text"]) for span in spans):
                raise ValueError("a span outside its text")
            labels = tuple(span for span in spans if span.type in PERSONAL)
            yield Case(str(number), language, (Said("customer", row["full_text"], labels),))
    except _FAULTS as error:
        raise _wrong(file, "a list of texts with spans", error) from None


def inline(file: Path, language: str) -> Iterator[Case]:
    """Texts with `[value](LABEL)` in them, separated by blank lines."""
    try:
        blocks = [re.split(r"\[([^\]]*)\]\(([A-Z_]+)\)", b) for b in file.read_text(encoding="utf-8").split("\n\n")]
        if all(len(pieces) == 1 for pieces in blocks):
            raise ValueError("no label")
    except _FAULTS as error:
        raise _wrong(file, "a text with [value](LABEL) in it", error) from None
    for number, pieces in enumerate(blocks):
        text, labels = pieces[0], []
        for value, label, after in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
            if label in PERSONAL and value:
                labels.append(Label(len(text), len(text) + len(value), label))
            text += value + after
        yield Case(str(number), language, (Said("customer", text, tuple(labels)),))


def answers(file: Path) -> Iterator[Case]:
    """English answers, `{"item", "asr"}` a line, each after a question for its item.

    Left out, as nothing can be told by them: answers of a single word, and those with a `gold` that is empty.
    """
    try:
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines()):
            row = json.loads(line)
            wordings, said = QUESTIONS[row["item"]], row["asr"]
            if row.get("gold", True) and len(said.split()) >= 2:
                answer = Said("customer", said, (Label(0, len(said), row["item"]),), answer=True)
                yield Case(str(number), "en", (Said("agent", wordings[number % len(wordings)]), answer))
    except _FAULTS as error:
        raise _wrong(file, f"lines with an answer and its item ({', '.join(QUESTIONS)})", error) from None


def _wrong(file: Path, form: str, error: Exception) -> InputRejected:
    # The error's own message may quote what was read.
    return InputRejected(f"{file} is not {form}: {type(error).__name__}", hint="docs/evaluation.md shows the forms")
