"""What a language has to say about itself, so that spoken data can be read in written form.

A language is one module beside this one, named by its ISO 639-1 code and holding
`read_number(tokens, at, reading) -> Number | None` and `NUMBER_WORDS`, the words that begin a number, and one YAML
file of the same name with its words and phrases.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import regex
import yaml

from redact.call import Transcript
from redact.views import Passage

_PARTS = re.compile(r"\d+|[^\W\d_]+(?:['’][^\W\d_]+)*|[^\s]")
_REPEATED = re.compile(r"(.)\1+")
_AROUND = re.compile(r"^[^\w@$€£#+-]+|[^\w@%€$£+#]+$")
_JOINTS = re.compile("[-']")
_FOLDER = Path(__file__).parent
# Keys of a language's file that are sets of words, and attributes of the same name.
_SETS = (
    "letter_words",
    "spelled_by",
    "examples",
    "fillers",
    "acknowledgements",
    "units",
    "clock_units",
    "marks",
    "copulas",
    "plain_numbers",
    "small_numbers",
    "headings",
    "capitals",
    "date_words",
    "months",
    "ordinals",
    "range_words",
    "articles",
    "corrections",
    "courtesies",
    "address_words",
    "address_joins",
    "address_cues",
    "address_prepositions",
)


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


ReadNumber = Callable[[Sequence[Token], int, int], Number | None]


@dataclass(frozen=True, slots=True)
class Request:
    """What opens a slot: a phrase after which an answer of the given type is expected.

    `stated`: the one who says the phrase gives the answer too ("we've moved", "the card ending in").
    """

    entity_type: str
    pattern: "regex.Pattern[str]"
    answer: str
    stated: bool = False


Phrase = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NameCues:
    """What tells that a name stands beside it, each a tuple of words in lower case.

    Attributes:
        titles: "madame", "mr": a name follows at once.
        before: "my name is": a name follows, whatever it looks like.
        maybe_before: "thanks", "bonjour": a name may follow.
        after: "à votre écoute", "speaking": a name stands before.
        relatives: "husband", "voisine": a name may follow.
        particles: "de", "la", "van": may stand inside a name.
        companies: words of which companies' names are made.
        before_companies: words after which a company's name stands.
        never: words that are no name even beside the surest cue.
    """

    titles: frozenset[str]
    before: tuple[Phrase, ...]
    maybe_before: tuple[Phrase, ...]
    after: tuple[Phrase, ...]
    relatives: frozenset[str]
    particles: frozenset[str]
    companies: frozenset[str]
    before_companies: frozenset[str]
    never: frozenset[str]


@dataclass(frozen=True, slots=True)
class RecordingConsent:
    """What is said about recording the call, without marks and in lower case.

    Attributes:
        notices: that it is recorded, or may be.
        questions: the same, asked; `minded` so that who has nothing against it says no.
        asks: "is that okay?", behind a notice.
        agreed: agrees in so many words; `refused` refuses, wherever it is said.
        yes: begins an answer that agrees, where it was asked; `no` one that refuses.
        not_minding: begins an answer that has nothing against it, where that was asked.
    """

    notices: tuple["regex.Pattern[str]", ...]
    questions: tuple["regex.Pattern[str]", ...]
    minded: tuple["regex.Pattern[str]", ...]
    asks: tuple["regex.Pattern[str]", ...]
    agreed: tuple["regex.Pattern[str]", ...]
    refused: tuple["regex.Pattern[str]", ...]
    yes: tuple["regex.Pattern[str]", ...]
    no: tuple["regex.Pattern[str]", ...]
    not_minding: tuple["regex.Pattern[str]", ...]


@dataclass(frozen=True, slots=True)
class Language:
    """All that the recognizers of spoken data know of one language.

    Attributes:
        code: ISO 639-1.
        read_number: the number that starts at a token; its last argument is which of the readings, 0 the likeliest.
        signs: words that may begin a number, a letter or a mark; all others are words and nothing else.
        letters: names of letters ("double u"), of one word or more.
        letter_words: letters that are words too ("a", "y").
        alphabet: words of spelling alphabets ("Tango", "Marcel") to their letters.
        spelled_by: words between a letter and its example ("for", "as in"; "comme").
        examples: those of them that say little else: two in a sentence spell it.
        symbols: words for the marks of e-mail and web addresses, to the marks.
        fillers: words that may stand inside a number without being part of it.
        acknowledgements: words of which an acknowledging turn consists.
        units: words after a number that make it an amount, a duration or a quantity.
        clock_units: those of them that follow a time of day.
        marks: words for marks that stand in codes and passwords.
        copulas: words that join what is asked for to its value.
        plain_numbers: words before a number that say that it is nobody's ("model", "option").
        small_numbers: words before a short number that say so ("page", "press").
        public_numbers: telephone numbers, digits alone, that only companies have.
        first_names: first names, in lower case.
        grammar_words: everyday words that are names of nobody, whatever capital they have.
        headings: words that have a capital in documents and name nobody: roles, headings, kinds of works.
        capitals: other everyday words that have a capital wherever they stand.
        date_words: months, ordinals and what joins them.
        months: those of them that tell a date.
        ordinals: those that tell the day of one, where a date is asked for.
        requests: phrases that open a slot, by type.
        any_request: matches where one of them does: looked for at once, as most texts have none.
        recognizers: Presidio's own that only this language has.
        patterns: further patterns by entity type, on the transcribed or the written view.
        phone_regions: regions whose phone numbers are looked for.
        common_words: everyday words: no names, though written with a capital, and no misheard values.
        range_words: words between the two numbers of a range.
        articles: number words that are mostly something else ("un", "one").
        keywords: what requests are made of, by its sound, to know it misheard.
        plain_requests: questions for what is nobody's.
        read_backs: phrases after which what was given is said again.
        recording_consent: what is said about recording the call.
        corrections: words between a wrong try and the next.
        courtesies: words that may end an answer without being part of it.
        address_words: kinds of street and of dwelling.
        address_joins: words that may stand inside an address.
        address_cues: words before an address.
        address_prepositions: of them, those that stand directly before one.
        names: what stands beside a name.
        sounds: rules, in order, from spelling to sound.
    """

    code: str
    read_number: ReadNumber
    signs: frozenset[str]
    letters: Mapping[str, str]
    letter_words: frozenset[str]
    alphabet: Mapping[str, str]
    spelled_by: frozenset[str]
    examples: frozenset[str]
    symbols: Mapping[str, str]
    fillers: frozenset[str]
    acknowledgements: frozenset[str]
    units: frozenset[str]
    clock_units: frozenset[str]
    marks: frozenset[str]
    copulas: frozenset[str]
    plain_numbers: frozenset[str]
    small_numbers: frozenset[str]
    public_numbers: re.Pattern[str]
    first_names: frozenset[str]
    grammar_words: frozenset[str]
    headings: frozenset[str]
    capitals: frozenset[str]
    date_words: frozenset[str]
    months: frozenset[str]
    ordinals: frozenset[str]
    requests: tuple[Request, ...]
    any_request: "regex.Pattern[str]"
    recognizers: tuple[str, ...]
    patterns: tuple[Mapping[str, Any], ...]
    phone_regions: tuple[str, ...]
    common_words: frozenset[str]
    range_words: frozenset[str]
    articles: frozenset[str]
    keywords: Mapping[str, str]
    plain_requests: tuple["regex.Pattern[str]", ...]
    read_backs: tuple["regex.Pattern[str]", ...]
    recording_consent: RecordingConsent
    corrections: frozenset[str]
    courtesies: frozenset[str]
    address_words: frozenset[str]
    address_joins: frozenset[str]
    address_cues: frozenset[str]
    address_prepositions: frozenset[str]
    names: "NameCues"
    sounds: tuple[tuple[re.Pattern[str], str], ...]

    def sound(self, text: str) -> str:
        """How a word sounds, roughly: equal for spellings that are said alike. Letters only, without accents."""
        folded = unicodedata.normalize("NFKD", text.lower())
        key = "".join(character for character in folded if character.isalpha() or character == "'")
        for pattern, replacement in self.sounds:
            key = pattern.sub(replacement, key)
        return _REPEATED.sub(r"\1", key)

    def is_everyday(self, word: str) -> bool:
        """True for a word, as transcribed or plain, that says nothing of anybody by itself."""
        text = plain(word)
        if text in self.common_words or text in self.fillers or text in self.acknowledgements:
            return True
        parts = _JOINTS.split(text)
        return not any(map(str.isalnum, text)) or (
            len(parts) > 1 and all(len(part) < 2 or part in self.common_words for part in parts)
        )

    def is_acknowledgement(self, words: Sequence[str]) -> bool:
        """True where a turn says no more than "okay, thank you"."""
        said = [part.lower() for word in words for part in _PARTS.findall(word) if part[0].isalnum()]
        return 0 < len(said) <= 6 and all(word in self.acknowledgements or word in self.fillers for word in said)


def plain(text: str) -> str:
    """A transcribed word without the marks around it, in lower case."""
    return _AROUND.sub("", text).lower().replace("’", "'")


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
    module = import_module(f"redact.detect.spoken.{code}")
    requests = tuple(
        Request(entity, _phrase(phrase), spec["answer"], stated=key == "stated")
        for entity, spec in data["requests"].items()
        for key in ("phrases", "stated")
        for phrase in spec.get(key, ())
    )
    words = _FOLDER / f"{code}.words.txt"
    grammar, others = _everyday(words) if words.exists() else (frozenset[str](), frozenset[str]())
    common = grammar.union(others, data["common_words"])
    sounds = tuple((re.compile(pattern), replacement) for pattern, replacement in data["sounds"])
    language = Language(
        code=code,
        read_number=module.read_number,
        signs=module.NUMBER_WORDS.union(
            phrase.split()[0] for key in ("letters", "alphabet", "symbols") for phrase in data[key]
        ),
        letters=data["letters"],
        alphabet=data["alphabet"],
        symbols=data["symbols"],
        public_numbers=re.compile(data["public_numbers"]),
        first_names=(_first_names(data["name_locales"]) - common).union(data["first_names"]),
        requests=requests,
        any_request=regex.compile("|".join(request.pattern.pattern for request in requests), regex.IGNORECASE),
        recognizers=tuple(data["recognizers"]),
        patterns=tuple(_with_words(entry) for entry in data["patterns"]),
        phone_regions=tuple(data["phone_regions"]),
        common_words=common,
        grammar_words=grammar,
        keywords={},
        plain_requests=tuple(_phrase(phrase) for phrase in data["plain_requests"]),
        read_backs=tuple(_phrase(phrase) for phrase in data["read_backs"]),
        recording_consent=_recording_consent(data["recording_consent"]),
        names=_name_cues(data["names"]),
        sounds=sounds,
        **{key: frozenset(data[key]) for key in _SETS},
    )
    return replace(language, keywords={language.sound(word): word for word in data["keywords"]})


def _everyday(file: Path) -> tuple[frozenset[str], frozenset[str]]:
    """Everyday words of a file: those before its second comment, which are names of nobody, and those after it."""
    parts: list[set[str]] = []
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            parts.append(set())
        else:
            parts[-1].update(line.split())
    grammar, others = parts
    return frozenset(grammar), frozenset(others)


def _first_names(locales: Sequence[str]) -> frozenset[str]:
    """First names as Faker knows them, of some of its locales."""
    names: set[str] = set()
    for locale in locales:
        provider = import_module(f"faker.providers.person.{locale}").Provider
        for attribute in ("first_names", "first_names_female", "first_names_male"):
            known = getattr(provider, attribute, ())
            names |= {name.lower() for name in known} if isinstance(known, Iterable) else set()
    return frozenset(name for name in names if len(name) > 2)


def _phrase(phrase: str) -> "regex.Pattern[str]":
    return regex.compile(rf"\b(?:{phrase})(?!\w)", regex.IGNORECASE)


def _with_words(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """A pattern; one that lists `words` (each may be a regular expression) is made of them, in any case."""
    if "words" not in entry:
        return entry
    return {**entry, "regex": rf"(?i:\b(?:{'|'.join(entry['words'])})\b)"}


def _recording_consent(data: Mapping[str, Sequence[str]]) -> RecordingConsent:
    names = [each.name for each in fields(RecordingConsent)]
    return RecordingConsent(**{name: tuple(_phrase(phrase) for phrase in data[name]) for name in names})


def _name_cues(data: Mapping[str, Sequence[str]]) -> NameCues:
    def phrases(key: str) -> tuple[Phrase, ...]:
        return tuple(tuple(phrase.split()) for phrase in data[key])

    return NameCues(
        titles=frozenset(data["titles"]),
        before=phrases("before"),
        maybe_before=phrases("maybe_before"),
        after=phrases("after"),
        relatives=frozenset(data["relatives"]),
        particles=frozenset(data["particles"]),
        companies=frozenset(data["companies"]),
        before_companies=frozenset(data["before_companies"]),
        never=frozenset(data["never"]),
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
