"""What a language has to say about itself, so that spoken data can be read in written form.

A language is one module beside this one, named by its ISO 639-1 code and holding
`read_number(tokens, at) -> Number | None`, and one YAML file of the same name with its words and phrases.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

from redact.call import Transcript
from redact.views import Passage

_PARTS = re.compile(r"\d+|[^\W\d_]+(?:['’][^\W\d_]+)*|[^\s]")
_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Token:
    """A number, a word or a mark inside one transcribed word.

    Attributes:
        text: lower case.
        word: index into `Transcript.words`.
        glued: nothing, or only a hyphen, stands between it and the token before.
        after_break: a comma, a full stop or a new turn stands between it and the token before.
        raw: as transcribed.
    """

    text: str = field(repr=False)
    word: int
    glued: bool
    after_break: bool
    raw: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Number:
    """A spoken number in figures, and how many tokens it took."""

    digits: str = field(repr=False)
    length: int


ReadNumber = Callable[[Sequence[Token], int], Number | None]


@dataclass(frozen=True, slots=True)
class Request:
    """What opens a slot: a phrase after which an answer of the given type is expected."""

    entity_type: str
    pattern: re.Pattern[str]
    answer: str


@dataclass(frozen=True, slots=True)
class Language:
    """All that the recognizers of spoken data know of one language.

    Attributes:
        code: ISO 639-1.
        read_number: the longest number that starts at a token.
        letters: spelling-alphabet words to letters, and names of letters ("double-u").
        spelled_by: words between a letter and its example ("for", "as in"; "comme").
        symbols: words for the marks of e-mail and web addresses, to the marks.
        fillers: words that may stand inside a number without being part of it.
        acknowledgements: words of which an acknowledging turn consists.
        units: words after a number that make it an amount, a duration or a quantity.
        plain_numbers: words before a number that say that it is nobody's ("model", "option").
        date_words: months, ordinals and what joins them.
        requests: phrases that open a slot, by type.
        patterns: further patterns by entity type, on the transcribed or the written view.
        phone_regions: regions whose phone numbers are looked for.
        common_words: words that are no names, though written with a capital.
    """

    code: str
    read_number: ReadNumber
    letters: Mapping[str, str]
    spelled_by: frozenset[str]
    symbols: Mapping[str, str]
    fillers: frozenset[str]
    acknowledgements: frozenset[str]
    units: frozenset[str]
    plain_numbers: frozenset[str]
    date_words: frozenset[str]
    requests: tuple[Request, ...]
    patterns: tuple[Mapping[str, Any], ...]
    phone_regions: tuple[str, ...]
    common_words: frozenset[str]

    def is_acknowledgement(self, words: Sequence[str]) -> bool:
        """True where a turn says no more than "okay, thank you"."""
        said = [part.lower() for word in words for part in _PARTS.findall(word) if part[0].isalnum()]
        return 0 < len(said) <= 6 and all(word in self.acknowledgements or word in self.fillers for word in said)


def plain(text: str) -> str:
    """A transcribed word without the marks around it, in lower case."""
    return text.strip(".,;:?!\"'«»()").lower().replace("’", "'")


def supported() -> tuple[str, ...]:
    """Codes of the languages that have a module and a data file."""
    return tuple(sorted(file.stem for file in _FOLDER.glob("*.yaml") if file.with_suffix(".py").exists()))


@cache
def load(code: str) -> Language:
    """The language of that code.

    Raises:
        KeyError: there is none; see `supported`.
    """
    if code not in supported():
        raise KeyError(code)
    data: dict[str, Any] = yaml.safe_load((_FOLDER / f"{code}.yaml").read_text(encoding="utf-8"))
    read_number: ReadNumber = import_module(f"redact.detect.spoken.{code}").read_number
    requests = tuple(
        Request(entity, re.compile(rf"\b(?:{phrase})(?!\w)", re.IGNORECASE), spec["answer"])
        for entity, spec in data["requests"].items()
        for phrase in spec["phrases"]
    )
    return Language(
        code=code,
        read_number=read_number,
        letters=data["letters"],
        spelled_by=frozenset(data["spelled_by"]),
        symbols=data["symbols"],
        fillers=frozenset(data["fillers"]),
        acknowledgements=frozenset(data["acknowledgements"]),
        units=frozenset(data["units"]),
        plain_numbers=frozenset(data["plain_numbers"]),
        date_words=frozenset(data["date_words"]),
        requests=requests,
        patterns=tuple(data["patterns"]),
        phone_regions=tuple(data["phone_regions"]),
        common_words=frozenset(data["common_words"]),
    )


def tokenise(transcript: Transcript, passage: Passage) -> tuple[Token, ...]:
    """The tokens of a passage; marks are dropped, but for signs that mean something and dots inside addresses."""
    words = transcript.words
    tokens: list[Token] = []
    opens = set(passage.opens)
    for position, index in enumerate(passage.words):
        after_break = position in opens
        glued = False
        last_end = 0
        if tokens and not after_break and position:
            after_break = words[passage.words[position - 1]].text.rstrip("\"'»”)")[-1:] in {
                ",",
                ".",
                ";",
                ":",
                "?",
                "!",
            }
        text = words[index].text
        for match in _PARTS.finditer(text):
            part = match.group()
            dotted = (
                part == "."
                and text[match.start() - 1 : match.start()].isalpha()
                and text[match.end() : match.end() + 2].isalpha()
            )
            if part[0].isalnum() or part in "@_$€£%&+#/" or dotted:
                between = text[last_end : match.start()] if last_end else ""
                glued = bool(last_end) and between in {"", "-", "‐", "–"}
                after_break = after_break or any(mark in between for mark in ",.;:")
                tokens.append(Token(part.lower().replace("’", "'"), index, glued, after_break, part))
                last_end = match.end()
                after_break = False
    return tuple(tokens)
