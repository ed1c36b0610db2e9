"""What speech is made of before it is written down: numbers, letters, marks, fillers and words.

A letter is told from a word by what stands beside it: "I", "a" and "oh" are mostly words, "hotel" is the H of a
spelling alphabet only among other letters, "SW" is two letters beside a number.
"""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from redact.detect.spoken.base import Language, Token

Kind = Literal["digits", "letter", "mark", "filler", "word", "address"]
# How a letter was said: with its example; as a letter; as one that is also a word ("a"); by a word of a spelling
# alphabet; several at once ("SW"); as what may be the letter O or a zero ("oh").
_Said = Literal["", "example", "plain", "article", "alphabet", "group", "zero"]

_REPEATS = {"double": 2, "triple": 3, "treble": 3}
_BEFORE_LETTER = (("capital",), ("uppercase",), ("lowercase",), ("upper", "case"), ("lower", "case"))
_AFTER_LETTER = (
    ("accent", "aigu"), ("accent", "grave"), ("accent", "circonflexe"), ("tréma",), ("cédille",),
    ("majuscule",), ("minuscule",),
)  # fmt: skip
# Letters' names as recognisers mishear them; only beside an example of that letter ("all for Raja": R).
_MISHEARD = {
    "all": "r", "are": "r", "our": "r", "see": "c", "sea": "c", "be": "b", "bee": "b", "tea": "t", "tee": "t",
    "you": "u", "why": "y", "eye": "i", "queue": "q", "cue": "q", "pea": "p", "jay": "j", "kay": "k", "ex": "x",
    "el": "l", "ell": "l", "em": "m", "en": "n", "an": "n", "eff": "f", "ess": "s", "gee": "g", "dee": "d", "vee": "v",
}  # fmt: skip
_PHRASES_BEGIN = frozenset(phrase[0] for phrase in (*_BEFORE_LETTER, *_AFTER_LETTER))
# Marks that take several words, and what recognisers make of them.
_MARKS = {
    ("at", "sign"): "@", ("at", "symbol"): "@", ("a", "robase"): "@", ("à", "robase"): "@", ("a", "commercial"): "@",
    ("arobas",): "@", ("arobaz",): "@", ("arobase",): "@", ("arrobas",): "@", ("arrobase",): "@", ("arrobaz",): "@",
    ("full", "stop"): ".", ("under", "score"): "_", ("tiret", "bas"): "_",
    ("tiret", "du", "huit"): "_", ("tiret", "du", "8"): "_", ("tiret", "du", "six"): "-", ("tiret", "du", "6"): "-",
    ("trait", "d'union"): "-", ("forward", "slash"): "/",
}  # fmt: skip
_MARK_TOKENS = 3
_MARK_BEGINS = frozenset(phrase[0] for phrase in _MARKS)
# Written in capitals, but no letters of a code.
_ABBREVIATIONS = frozenset(
    "id pin cvv cvc cv iban bic swift ssn nhs dob uk us usa tv ok am pm vat tva rib cb nir edf sncf ni ref no nr bt sms"  # noqa: SIM905
    " pdf atm sim zip lte mr mrs ms dr st my the is it and or to for of on in so yes we you"
    " un une de la le et est".split()
)
_GROUP_LETTERS = 4
# Glued behind a number these are no letters of a code: "2nd", "10h30", "4pm", "500km".
_SUFFIXES = frozenset(
    "st nd rd th s er ère e è ème eme ième nde h min mn am pm k km kg g mg ml cl l m cm mm mb gb go mo w kw x p".split()  # noqa: SIM905
)
# The reading in which "p o 7" is PO7, and "6 n o w" 6N0W.
OH_OTHERWISE = 5
# Words that may begin a letter or a mark, whatever the language.
_BEGINNINGS = frozenset({*_REPEATS, *_MISHEARD, *_MARK_BEGINS, *(phrase[0] for phrase in _BEFORE_LETTER)})
_JOINING = frozenset({"and", "et", "then", "puis"})


@dataclass(frozen=True, slots=True)
class Element:
    """A number, a letter, a mark, a filler or a word, with the words it came from.

    Attributes:
        kind: what it is.
        text: in written form.
        words: indices into `Transcript.words`.
        raw: as transcribed.
        glued: nothing, or only a hyphen, stands between it and the element before.
        after_break: a comma, a full stop or a new turn stands between it and the element before.
        tokens: how many it took.
        said: how a letter was said; empty for all else.
    """

    kind: Kind
    text: str = field(repr=False)
    words: tuple[int, ...]
    raw: str = field(default="", repr=False)
    glued: bool = False
    after_break: bool = False
    tokens: int = 1
    said: _Said = ""


def elements(tokens: Sequence[Token], language: Language, reading: int = 0) -> list[Element]:
    """The elements of a passage's tokens, in one of their readings.

    0 is the likeliest; 1 to 4 read numbers otherwise (see the languages' `read_number`); `OH_OTHERWISE` takes "oh"
    between letters and digits for what it is less likely to be.
    """
    found: list[Element] = []
    at = 0
    while at < len(tokens):
        if _is_word(tokens, at, language):
            found.append(_word(tokens[at], language))
            at += 1
            continue
        kind, text, length, said = _read(tokens, at, language, 0 if reading == OH_OTHERWISE else reading)
        if said == "group" and _is_shouted(tokens):
            kind, text, length, said = "word", tokens[at].raw, 1, ""
        taken = tokens[at : at + length]
        found.append(
            Element(
                kind,
                text,
                tuple(dict.fromkeys(token.word for token in taken)),
                _joined(taken),
                taken[0].glued,
                taken[0].after_break,
                length,
                said,
            )
        )
        at += length
    if not any(element.kind in _IN_CODES for element in found):
        return found
    found = [_unless_listed(found, at) if element.kind in _IN_CODES else element for at, element in enumerate(found)]
    zeros = _zeros_otherwise if reading == OH_OTHERWISE else _zeros
    for rule in (_alphabets_and_groups, zeros, _articles, _lone):
        _each_run(found, language, rule)
    return found


def _is_shouted(tokens: Sequence[Token]) -> bool:
    """True where most words are in capitals: those of few letters are no codes then."""
    return sum(token.raw.isupper() and len(token.raw) > 1 for token in tokens) * 2 > len(tokens) + 2


def _is_word(tokens: Sequence[Token], at: int, language: Language) -> bool:
    """True for a token that can be nothing but a word: most are, and need not be read in all the other ways."""
    token = tokens[at]
    text = token.text
    if text in language.signs or text in _BEGINNINGS or token.raw.isupper() or text.isdecimal():
        return False
    # Two letters beside a number may belong to a code, one letter may be itself.
    return len(text) > 2 or (len(text) == 2 and not token.glued and not (at + 1 < len(tokens) and tokens[at + 1].glued))


def _word(token: Token, language: Language) -> Element:
    kind: Kind = "filler" if token.text in language.fillers else "word"
    return Element(kind, token.raw, (token.word,), token.raw, token.glued, token.after_break)


def _unless_listed(found: Sequence[Element], at: int) -> Element:
    """An element, as a word where it ends a list ("Charlie and Victor"): spellings have no "and" before the last."""
    element = found[at]
    listed = at > 0 and found[at - 1].kind == "filler" and found[at - 1].raw.lower() in _JOINING
    goes_on = at + 1 < len(found) and found[at + 1].kind in {"letter", "digits"}
    article = element.said == "article" and (element.raw.islower() or element.raw == "I")
    return _as_word(element) if listed and (article or (element.said == "alphabet" and not goes_on)) else element


def _joined(tokens: Sequence[Token]) -> str:
    """Tokens as transcribed, near enough: what they are written as where they mean nothing more."""
    return "".join(("" if token.glued or not position else " ") + token.raw for position, token in enumerate(tokens))


def _read(tokens: Sequence[Token], at: int, language: Language, reading: int) -> tuple[Kind, str, int, _Said]:
    token = tokens[at]
    mark, length = _mark(tokens, at, language)
    if mark:
        return "mark", mark, length, ""
    suffix = _suffixed(tokens, at)
    if suffix:
        return "word", "".join(token.raw for token in tokens[at : at + suffix]), suffix, ""
    letter, length, said = _letter(tokens, at, language)
    number = None if said == "example" else language.read_number(tokens, at, reading)
    if number and letter and number.length == length:
        return "letter", letter, length, "zero"
    if number and number.length > length:
        return "digits", number.digits, number.length, ""
    if letter:
        return "letter", letter, length, said
    if number:
        return "digits", number.digits, number.length, ""
    return ("filler" if token.text in language.fillers else "word"), token.raw, 1, ""


def _mark(tokens: Sequence[Token], at: int, language: Language) -> tuple[str, int]:
    for length in range(_MARK_TOKENS if tokens[at].text in _MARK_BEGINS else 0, 0, -1):
        mark = _MARKS.get(tuple(token.text for token in tokens[at : at + length]))
        if mark and at + length <= len(tokens):
            return mark, length
    return language.symbols.get(tokens[at].text, ""), 1


def _suffixed(tokens: Sequence[Token], at: int) -> int:
    """How many tokens "2nd", "4pm", "10h30" or the "p.m." of "4 p.m." takes; 0 where there is none."""
    if at and tokens[at].text in {"a", "p"} and at + 1 < len(tokens) and tokens[at + 1].text == "m":
        return 2 if tokens[at + 1].word == tokens[at].word and not tokens[at + 1].glued else 0
    if not tokens[at].text.isdecimal() or at + 1 >= len(tokens) or tokens[at].glued:
        return 0
    suffix = tokens[at + 1]
    if not suffix.glued or suffix.word != tokens[at].word or suffix.raw not in _SUFFIXES:
        return 0
    after = tokens[at + 2] if at + 2 < len(tokens) else None
    if after is None or after.word != suffix.word:
        return 2
    return 3 if suffix.text == "h" and after.text.isdecimal() and len(after.text) == 2 else 0


def _plain(letter: str) -> str:
    """A letter without its accent."""
    return unicodedata.normalize("NFD", letter)[0].upper()


def _letter(tokens: Sequence[Token], at: int, language: Language) -> tuple[str, int, _Said]:
    """A spelled letter, perhaps with its example ("S for Sierra"), the tokens it takes, and how it was said."""
    name, length = _letter_name(tokens, at, language)
    repeat = 1 if name else _REPEATS.get(tokens[at].text, 1)
    before = 1 if repeat > 1 else 0 if name else _phrase_at(tokens, at, _BEFORE_LETTER)
    if before and at + before < len(tokens):
        name, length = _letter_name(tokens, at + before, language)
    start, end = at + before, at + before + length
    single = len(tokens[start].text) == 1 if start < len(tokens) else False
    if not name:
        name, end = _MISHEARD.get(tokens[at].text, ""), at + 1
        example = _example(tokens, end, name, language) if name else 0
        return (name.upper(), end - at + example, "plain") if example else _letters_at_once(tokens, at, language)
    end += _phrase_at(tokens, end, _AFTER_LETTER)
    example = _example(tokens, end, name, language)
    article = single and tokens[start].text in language.letter_words
    if example and (not article or tokens[start].raw.isupper()) and tokens[start].raw != "I":
        return name * repeat, end - at + example, "example"
    said: _Said = "article" if article and end == at + 1 and not example else "plain"
    return name * repeat, end - at + example, said


def _letter_name(tokens: Sequence[Token], at: int, language: Language) -> tuple[str, int]:
    """A single letter, or its name ("double u", "zed", "i grec")."""
    for length in (2, 1):
        name = language.letters.get(" ".join(token.text for token in tokens[at : at + length]))
        if name and at + length <= len(tokens):
            return name, length
    text = tokens[at].text
    # "à" is never the letter A: "trois à cinq".
    return (_plain(text), 1) if len(text) == 1 and text.isalpha() and tokens[at].raw != "à" else ("", 0)


def _phrase_at(tokens: Sequence[Token], at: int, phrases: Sequence[tuple[str, ...]]) -> int:
    """Length of the phrase that starts at a token; 0 where there is none."""
    if at >= len(tokens) or tokens[at].text not in _PHRASES_BEGIN:
        return 0
    for phrase in phrases:
        if tuple(token.text for token in tokens[at : at + len(phrase)]) == phrase:
            return len(phrase)
    return 0


def _example(tokens: Sequence[Token], at: int, letter: str, language: Language) -> int:
    """How many tokens "for Sierra" or "comme Marcel" takes; 0 where no example of that letter follows."""
    for width in (2, 1):
        example = at + width
        by = " ".join(token.text for token in tokens[at:example])
        if by not in language.spelled_by or example >= len(tokens):
            continue
        same = _plain(tokens[example].text[0]) == letter.upper() or _letter_name(tokens, example, language)[0] == letter
        if same:
            rest = example + 1
            while rest < len(tokens) and tokens[rest].glued and tokens[rest].word == tokens[example].word:
                rest += 1  # "X for X-ray"
            return rest - at
    return 0


def _letters_at_once(tokens: Sequence[Token], at: int, language: Language) -> tuple[str, int, _Said]:
    """A word of a spelling alphabet, or letters written together: "SW" beside a number."""
    token = tokens[at]
    if letter := language.alphabet.get(token.text):
        return letter, 1, "alphabet"
    if token.text == "x" or not token.text.isalpha() or token.text in _ABBREVIATIONS:
        return "", 0, ""
    after = tokens[at + 1] if at + 1 < len(tokens) else None
    in_code = (token.glued and tokens[at - 1].text.isdecimal() and tokens[at - 1].word == token.word) or (
        after is not None and after.glued and after.text.isdecimal() and after.word == token.word
    )
    # "CA 94110" is a state and its postal code.
    state = len(token.text) == 2 and after is not None and not after.glued and len(after.text) == 5
    few = len(token.text) <= _GROUP_LETTERS and token.raw.isupper() and not (state and after and after.text.isdecimal())
    if few or (in_code and len(token.text) <= 2 and token.raw.islower()):
        return "".join(_plain(letter) for letter in token.text), 1, "group"
    return "", 0, ""


_IN_CODES = frozenset({"digits", "letter"})
_Run = list[Element]
_Rule = Callable[[_Run, Element | None, Language], _Run]


def _each_run(found: list[Element], language: Language, rule: _Rule) -> None:
    """Apply a rule to each run of numbers and letters, in place; fillers among them stay as they are."""
    at = 0
    while at < len(found):
        if found[at].kind not in _IN_CODES:
            at += 1
            continue
        positions = []
        while at < len(found) and (found[at].kind in _IN_CODES or found[at].kind == "filler"):
            if found[at].kind in _IN_CODES:
                positions.append(at)
            at += 1
        end = positions[-1] + 1
        following = found[end] if end < len(found) else None
        changed = rule([found[position] for position in positions], following, language)
        for position, element in zip(positions, changed, strict=True):
            found[position] = element


def _as_word(element: Element) -> Element:
    return replace(element, kind="word", text=element.raw, said="")


def _is_letter(element: Element) -> bool:
    return element.kind == "letter" and element.said in {"example", "plain", "alphabet", "group"}


def _beside(run: _Run, at: int) -> _Run:
    return [*run[max(0, at - 1) : at], *run[at + 1 : at + 2]]


def _alphabets_and_groups(run: _Run, _following: Element | None, language: Language) -> _Run:
    """Words of spelling alphabets count beside other letters, or alone among digits said one after another."""
    dictated = sum(element.kind == "digits" for element in run) >= 2
    changed = list(run)
    for at, element in enumerate(run):
        if element.said == "alphabet":
            month = element.raw.lower() in language.date_words
            alone = dictated and not month and any(other.kind == "digits" for other in _beside(run, at))
            if not alone and not any(_is_letter(other) for other in _beside(run, at)):
                changed[at] = _as_word(element)
        elif element.said == "group":
            after = run[at + 1] if at + 1 < len(run) else None
            near = not element.after_break or bool(after and not after.after_break)
            if not near or not any(other.kind == "digits" or _is_letter(other) for other in _beside(run, at)):
                changed[at] = _as_word(element)
    return changed


def _zeros(run: _Run, following: Element | None, _language: Language) -> _Run:
    """Tells what "oh" is: a zero beside a digit, the letter O among letters, else a word of surprise."""
    changed = list(run)
    at = 0
    while at < len(run):
        end = at
        while end < len(run) and run[end].said == "zero":
            end += 1
        if end == at:
            at += 1
            continue
        beside = [*run[max(0, at - 1) : at], *run[end : end + 1]]
        digits = any(element.kind == "digits" for element in beside)
        letters = any(_is_letter(element) for element in beside)
        for position in range(at, end):
            element = run[position]
            if digits and not _is_exclamation(run, at, end, following):
                changed[position] = replace(element, kind="digits", text="0" * len(element.text), said="")
            elif letters and not digits:
                changed[position] = replace(element, said="plain")
            elif len(element.text) > 1 or end - at > 1:
                changed[position] = replace(element, kind="digits", text="0" * len(element.text), said="")
            else:
                changed[position] = _as_word(element)
        at = end
    return changed


def _zeros_otherwise(run: _Run, following: Element | None, language: Language) -> _Run:
    """In codes of letters and digits, "oh" as what `_zeros` did not take it for."""
    read = _zeros(run, following, language)
    mixed = any(element.kind == "digits" for element in run) and any(_is_letter(element) for element in run)
    changed = []
    for was, now in zip(run, read, strict=True):
        if not mixed or was.said != "zero" or now.kind == "word":
            changed.append(now)
        elif now.kind == "digits":
            changed.append(replace(was, said="plain"))
        else:
            changed.append(replace(was, kind="digits", text="0" * len(was.text), said=""))
    return changed


def _is_exclamation(run: _Run, at: int, end: int, following: Element | None) -> bool:
    """True for "oh, four people" and "four two, oh I see", but not "oh, three, double seven"."""
    if end - at > 1 or len(run[at].text) > 1:
        return False
    rest = run[end:]
    if rest and all(element.said == "article" for element in rest):
        following, rest = rest[0], []
    if at == 0:
        digits = sum(element.kind == "digits" for element in run)
        return end < len(run) and run[end].after_break and digits < 2
    return not rest and run[at].after_break and following is not None and not following.after_break


def _articles(run: _Run, following: Element | None, _language: Language) -> _Run:
    """Takes "I", "a" and "y" from the ends of a run, where nothing says that they are spelled."""
    changed = list(run)
    first, last = 0, len(run) - 1
    while first <= last and run[first].said == "article" and not _opens_spelling(run[first : last + 1]):
        changed[first] = _as_word(run[first])
        first += 1
    while last >= first and run[last].said == "article" and not _ends_spelling(run[first : last + 1], following):
        changed[last] = _as_word(run[last])
        following = run[last]
        last -= 1
    return changed


def _opens_spelling(run: _Run) -> bool:
    if len(run) < 2:
        return False
    element, after = run[:2]
    capital = element.raw.isupper() and (_is_letter(after) or (after.said == "article" and after.raw.isupper()))
    begins = element.after_break and len(run) >= 4 and _is_letter(after) and not after.after_break
    return capital or after.glued or begins


def _ends_spelling(run: _Run, following: Element | None) -> bool:
    if len(run) < 2:
        return False
    before, element = run[-2:]
    capital = element.raw.isupper() and (_is_letter(before) or (before.said == "article" and before.raw.isupper()))
    ends = following is None or following.after_break
    return capital or element.glued or (ends and len(run) >= 3 and not element.after_break)


def _lone(run: _Run, _following: Element | None, _language: Language) -> _Run:
    """A letter that is alone is none, unless it has its example."""
    if len(run) > 1 or run[0].kind != "letter" or run[0].said == "example" or run[0].tokens > 1 < len(run[0].text):
        return run
    return [_as_word(run[0])]
