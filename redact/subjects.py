"""Whose a call is, as terms: names, telephone numbers, addresses and references in the one form that all ways come to.

Pure. Both sides use it: what was said in a call, and what somebody types who looks for it. "Zéro six, douze …",
"06 12 …" and "+33 6 12 …" are one telephone number; "Mme Ferrant" and "Maud FERRANT" have a word in common, and "Feran"
sounds like it. What is made here is personal: it goes to the keyed index, and nowhere else.

Of card numbers, codes and PINs nothing is made, not even a term.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache

from redact import corrections
from redact.call import Stretch, Transcript, Turn, Word
from redact.corrections import Correction
from redact.detect.spoken.base import load, supported
from redact.detect.spoken.written import SPELLED_CLOSE, SPELLED_OPEN, readings
from redact.errors import UsageError
from redact.findings import Finding, Plan, TermKind
from redact.policy import ENTITY_TYPES
from redact.views import Passage

Term = tuple[TermKind, str]
Alternatives = frozenset[str]

# Findings of less are mostly nobody's; those of cards count from where the default policy masks them.
LEAST_SCORE, LEAST_CARD_SCORE = 0.4, 0.3
CARD_TYPES = frozenset({"CREDIT_CARD", "CREDIT_CARD_CVV", "CREDIT_CARD_EXPIRATION", "CREDENTIAL"})
_KINDS: dict[str, TermKind] = {
    "PERSON": "name", "PHONE_NUMBER": "phone", "EMAIL_ADDRESS": "email", "USERNAME": "email",
    **dict.fromkeys(
        ("ACCOUNT_REFERENCE", "IBAN_CODE", "BANK_ACCOUNT", "US_SSN", "US_ITIN", "UK_NINO", "UK_NHS", "FR_NIR",
         "NATIONAL_ID", "PASSPORT", "DRIVER_LICENSE", "VEHICLE_PLATE", "VIN"), "reference",
    ),
}  # fmt: skip
# E.164: a number has up to 15 digits; the shortest national ones that identify anybody have six.
_LEAST_PHONE, _MOST_PHONE = 6, 15
# National numbers have ten digits at most in the regions that are looked for: longer ones begin with a country's code.
_NATIONAL_DIGITS = 10
# ITU-T E.164: calling codes of one digit, and of two; all others have three.
_CODES_1 = frozenset("17")
_CODES_2 = frozenset(
    "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86"  # noqa: SIM905
    " 90 91 92 93 94 95 98".split()
)
# A reference of fewer characters is a code or a count; one of letters alone may be a booking's.
_LEAST_REFERENCE, _LEAST_USERNAME = 5, 4
# ISO/IEC 7812: so many digits has a card number, and a payment card's begins with one of these.
_CARD_DIGITS, _CARDS_BEGIN = range(13, 20), "23456"
# A name said apart is compared joined too, over so many words: "Mac Donald", "de la Porte".
_JOINED_WORDS = 3
# With its full stop: "Mr.", "Mme.", "J.".
_ABBREVIATED = 4
# A shorter sound resembles too many words.
_LEAST_SOUND = 3
# Letters that no accent makes of another one.
_LETTERS = str.maketrans({"œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})
_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_SPELLED = re.compile(f"{SPELLED_OPEN}([^{SPELLED_CLOSE}]+){SPELLED_CLOSE}")
_LETTER_RUN = re.compile(r"[^\W\d_]+")
_POSSESSIVE = re.compile(r"['’]s(?!\w)")
_INTERNATIONAL = re.compile(r"[\s(]*(?:\+|plus\b)", re.IGNORECASE)


def said(
    transcript: Transcript, findings: Sequence[Finding], plan: Plan, decided: Sequence[Correction] = ()
) -> frozenset[Term]:
    """The terms of a call.

    Args:
        transcript: of the call, in clear.
        findings: of all types, whether the policy masks them or not.
        plan: its replacements count too: they hold what is said again, and what a person marked.
        decided: what a person decided; what they said is nobody's makes no term.
    """
    opening = frozenset(indices.start for _, indices in transcript.turn_ranges())
    cards = {i for f in findings if f.entity_type in CARD_TYPES and f.score >= LEAST_CARD_SCORE for i in f.words}
    cards |= {i for r in plan.replacements if r.entity_type in CARD_TYPES for i in range(r.first, r.last + 1)}
    groups = {(f.entity_type, f.words) for f in findings if f.score >= LEAST_SCORE}
    groups |= {(r.entity_type, tuple(range(r.first, r.last + 1))) for r in plan.replacements}
    kept = {i for i, word in enumerate(transcript.words) if decided and _is_kept(word, decided)}
    found: set[Term] = set()
    for entity_type, indices in groups:
        kind = kind_of(entity_type)
        if kind and cards.isdisjoint(indices) and not kept.issuperset(indices):
            opens = tuple(position for position, index in enumerate(indices) if index in opening or not position)
            forms = _heard(kind, entity_type, transcript, Passage(indices, opens))
            found |= {(kind, form) for form in forms if form}
    return frozenset(found)


def kind_of(entity_type: str) -> TermKind | None:
    """The kind of term that an entity type makes; None where it makes none. Types of the user's own are references."""
    return _KINDS.get(entity_type) or (None if entity_type in ENTITY_TYPES else "reference")


def sought(kind: TermKind, typed: str, *, by_sound: bool = True) -> tuple[Alternatives, ...]:
    """What has to be said in a call for it to be found: of each of the sets, one form at least.

    Args:
        kind: of what is looked for.
        typed: as somebody wrote it, or as it is said, in any of the languages.
        by_sound: names that sound alike are found too.

    Raises:
        UsageError: nothing can be looked for by it. The message does not tell it.
    """
    groups: tuple[Alternatives, ...]
    if kind == "name":
        groups = _sought_name(typed, by_sound=by_sound)
    else:
        read = [[typed], *_spoken(typed)]
        if any(_is_card(likeliest) for likeliest, *_ in read):
            raise UsageError(
                "card numbers are not in the index", hint="look for a name, a phone, an e-mail or a reference"
            )
        groups = (frozenset(filter(None, (_FORMS[kind](text) for texts in read for text in texts))),)
    if not groups or not all(groups):
        raise UsageError(f"nothing can be looked for by that {kind}", hint=_HINTS[kind])
    return groups


def written_down(kind: TermKind, value: str) -> frozenset[Term]:
    """The terms of a value that stands beside a call, in its metadata; none where it makes none."""
    if kind == "name":
        words = _words_of_name(value)
        return frozenset((kind, form) for at in range(len(words)) for form in _around(words, at, supported()))
    form = _FORMS[kind](value)
    return frozenset({(kind, form)} if form and not _is_card(value) else ())


def of_id(call_id: str) -> frozenset[Term]:
    """The term of a call's id, which is nobody's card number however many digits it has."""
    form = _reference(call_id)
    return frozenset({("reference", form)} if form else ())


def _is_kept(word: Word, decided: Sequence[Correction]) -> bool:
    return corrections.is_kept(Stretch(word.channel, word.start_ms or 0, word.end_ms or 0), decided)


def _heard(kind: TermKind, entity_type: str, transcript: Transcript, passage: Passage) -> Iterator[str]:
    """The forms of what stands in a passage, in each of its readings."""
    texts = _read(transcript, passage)
    plainly = " ".join(transcript.words[index].text for index in passage.words)
    if kind == "name":
        spelled = ([_folded(run)] for text in texts for run in _SPELLED.findall(text))
        for words in (*map(_words_of_name, _breaths(transcript, passage)), *spelled):
            for at in range(len(words)):
                yield from _around(words, at, (transcript.language,))
    elif entity_type == "EMAIL_ADDRESS":
        yield from (_email(address) for text in (*texts, plainly) for address in _ADDRESS.findall(text))
    elif entity_type == "FR_NIR" or not (_is_card(texts[0]) or _is_card(plainly)):
        for text in texts:
            yield _FORMS[kind](text)
            if kind == "reference":
                yield from (_reference(part) for part in text.split() if any(map(str.isdigit, part)))


def _breaths(transcript: Transcript, passage: Passage) -> Iterator[str]:
    """What is said of a name between marks and everyday words, which are taken for names where much was misheard.

    A word that is everyday and a name too ("Grace") has its capital, unless nothing has one.
    """
    language = load(transcript.language)
    is_cased = any(word.text[:1].isupper() for word in transcript.words)
    breath: list[str] = []
    for index in passage.words:
        text = transcript.words[index].text
        is_small = is_cased and text[:1].islower() and _folded(text) not in _of_names("particles")
        nobodys = is_small and language.is_everyday(text)
        if not nobodys:
            breath.append(text)
        if nobodys or text[-1:] in ",;:?!" or (text.endswith(".") and len(text) > _ABBREVIATED):
            yield " ".join(breath)
            breath = []
    yield " ".join(breath)


def _sought_name(typed: str, *, by_sound: bool) -> tuple[Alternatives, ...]:
    """For each word of a name: itself, alone or joined with its neighbours. Particles count where there is no other."""
    words = _words_of_name(typed)
    particles = _of_names("particles")
    languages = supported() if by_sound else ()
    telling = [at for at, word in enumerate(words) if word not in particles and len(word) > 1]
    wanted = telling or [at for at, word in enumerate(words) if len(word) > 1]
    return tuple(_around(words, at, languages) for at in wanted)


def _words_of_name(text: str) -> list[str]:
    """The words of a name, folded, without titles; "O'Brien" and "Jean-Luc" are two each."""
    titles = _of_names("titles")
    words = [_folded(run) for run in _LETTER_RUN.findall(_POSSESSIVE.sub("", text))]
    return [word for word in words if word and word not in titles]


@cache
def _of_names(key: str) -> frozenset[str]:
    """Titles or particles of all languages, folded."""
    return frozenset(_folded(word) for code in supported() for word in getattr(load(code).names, key))


def _around(words: Sequence[str], at: int, languages: Sequence[str]) -> Alternatives:
    """A word of a name, joined with up to two neighbours too; each as it is written, and as it sounds."""
    joined = set()
    for first in range(max(0, at - _JOINED_WORDS + 1), at + 1):
        for end in range(at + 1, min(first + _JOINED_WORDS, len(words)) + 1):
            if any(len(word) > 1 for word in words[first:end]):
                joined.add("".join(words[first:end]))
    sounds = ((code, load(code).sound(word)) for code in languages for word in joined)
    return frozenset({*joined, *(f"{code}~{sound}" for code, sound in sounds if len(sound) >= _LEAST_SOUND)})


def _phone(text: str) -> str:
    """The national significant number, without the zeros before it; empty where there is none."""
    digits = _digits(text)
    if len(digits) > _MOST_PHONE:
        return ""
    has_code = bool(_INTERNATIONAL.match(text)) or digits.startswith("00")
    digits = digits.lstrip("0")
    while digits and (has_code or len(digits) > _NATIONAL_DIGITS):
        length = 1 if digits[0] in _CODES_1 else 2 if digits[:2] in _CODES_2 else 3
        digits, has_code = digits[length:].lstrip("0"), False
    return digits if len(digits) >= _LEAST_PHONE else ""


def _email(text: str) -> str:
    """An address, or a user name, without case, accents and the marks that are said in many ways or not at all."""
    found = _ADDRESS.search(text)
    local, _, domain = (found.group() if found else text).rpartition("@") if found else (text, "", "")
    name = _alphanumeric(local)
    if not found:
        return name if len(name) >= _LEAST_USERNAME else ""
    host = ".".join(filter(None, map(_alphanumeric, domain.split("."))))
    return f"{name}@{host}" if name and "." in host else ""


def _reference(text: str) -> str:
    """Letters and digits, with a zero for each O: nobody hears which it was."""
    form = _alphanumeric(text).replace("o", "0")
    return form if len(form) >= _LEAST_REFERENCE else ""


_FORMS = {"phone": _phone, "email": _email, "reference": _reference}
_HINTS: dict[TermKind, str] = {
    "name": "give a name of at least two letters",
    "phone": f"give a telephone number of {_LEAST_PHONE} to {_MOST_PHONE} digits",
    "email": f"give an e-mail address, or a user name of at least {_LEAST_USERNAME} letters and digits",
    "reference": f"give a reference of at least {_LEAST_REFERENCE} letters and digits",
}


def _read(transcript: Transcript, passage: Passage) -> list[str]:
    """The readings of a passage in written form, the likeliest first; without marks that are left as words."""
    language = load(transcript.language)
    marks = {word for word, mark in language.symbols.items() if mark in "._-/"}
    texts = [view.text for view in readings(transcript, passage, language)]
    return [" ".join(part for part in text.split() if part.lower() not in marks) for text in texts]


def _spoken(typed: str) -> Iterator[list[str]]:
    """What somebody typed, read as if it were said, in each language."""
    words = tuple(Word(text, None, None, 0) for text in typed.split())
    for code in supported() if words else ():
        yield _read(Transcript((Turn("", 0, words),), code, ""), Passage(tuple(range(len(words)))))


def _digits(text: str) -> str:
    return "".join(str(unicodedata.decimal(character)) for character in text if character.isdecimal())


def _is_card(text: str) -> bool:
    """True for what may be a payment card's number: its digits, its beginning, its checksum (ISO/IEC 7812-1)."""
    digits = _digits(text)
    is_like_one = len(digits) in _CARD_DIGITS and digits[0] in _CARDS_BEGIN and _alphanumeric(text) == digits
    if not is_like_one or _INTERNATIONAL.match(text):
        return False
    doubled = (int(digit) * (1 + number % 2) for number, digit in enumerate(reversed(digits)))
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0


def _folded(text: str) -> str:
    """Without case and accents."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(character for character in apart if not unicodedata.combining(character))
    return plain.casefold().translate(_LETTERS)


def _alphanumeric(text: str) -> str:
    return "".join(filter(str.isalnum, _folded(text)))
