"""The written form of speech: digits, codes, spellings, e-mail and web addresses as one would write them.

    four nine two nine, oh three double seven      →  49290377
    L H, seven seven oh four                       →  LH7704
    H, A, double L, O, W, A, Y                     →  ‹HALLOWAY›
    F comme François, O comme Oscar                →  ‹FO›
    desmond dot halloway at example dot com        →  desmond.halloway@example.com

Neighbouring numbers and letters run together, across fillers and commas, because speech has no spaces
that mean anything. `‹ ›` marks a run of letters only, so that a spelled name can be told from a word.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from redact.call import Transcript
from redact.detect.spoken.base import Language, Token, tokenise
from redact.views import Passage, View, ViewBuilder

SPELLED_OPEN, SPELLED_CLOSE = "‹", "›"
_TOP_LEVEL_DOMAINS = frozenset(
    "com org net edu gov co uk fr eu be ch ca de es it io info biz me us ie lu mail".split()  # noqa: SIM905
)
# Letters that are words of their own, in English or French.
_ALSO_WORDS = frozenset("aiyoàc")
_DIGITS, _LETTER, _MARK, _FILLER, _WORD, _ADDRESS = "digits", "letter", "mark", "filler", "word", "address"


@dataclass(frozen=True, slots=True)
class _Element:
    kind: str
    text: str = field(repr=False)
    words: tuple[int, ...]
    glued: bool = False
    raw: str = field(default="", repr=False)


def written(transcript: Transcript, passage: Passage, language: Language) -> View:
    """The written-form view of a passage."""
    elements = _join_addresses(_elements(tokenise(transcript, passage), language))
    view = ViewBuilder("written")
    at = 0
    while at < len(elements):
        run, end = _run(elements, at)
        if not run:
            view.add(elements[at].text, elements[at].words)
            at += 1
            continue
        spelled = len(run) > 1 and all(element.kind == _LETTER for element in run)
        if spelled:
            view.add(SPELLED_OPEN, ())
        for position, element in enumerate(run):
            view.add(element.text, element.words, separator="" if position or spelled else " ")
        if spelled:
            view.add(SPELLED_CLOSE, (), separator="")
        at = end
    return view.build()


def _elements(tokens: Sequence[Token], language: Language) -> list[_Element]:
    """Numbers and letters read, everything else passed on word by word."""
    elements: list[_Element] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        letter, length = _letter(tokens, at, language)
        number = None if letter else language.read_number(tokens, at)
        if number:
            kind, text, length = _DIGITS, number.digits, number.length
        elif letter:
            kind, text = _LETTER, letter
        elif token.text in language.symbols:
            kind, text, length = _MARK, language.symbols[token.text], 1
        elif token.text in language.fillers:
            kind, text, length = _FILLER, token.raw, 1
        else:
            kind, text, length = _WORD, token.raw, 1
        words = tuple(dict.fromkeys(t.word for t in tokens[at : at + length]))
        elements.append(_Element(kind, text, words, token.glued, token.raw))
        at += length
    return _only_spelled_letters(elements)


def _letter(tokens: Sequence[Token], at: int, language: Language) -> tuple[str, int]:
    """A spelled letter, perhaps with its example ("S for Sierra"), and the tokens it takes; ("", 0) if none."""
    text = tokens[at].text
    repeat = {"double": 2, "triple": 3}.get(text, 1)
    if repeat > 1:
        letter, length = _letter(tokens, at + 1, language) if at + 1 < len(tokens) else ("", 0)
        return letter * repeat, length + 1 if letter else 0
    if len(text) == 1 and text.isalpha():
        for width in (2, 1):
            by = " ".join(token.text for token in tokens[at + 1 : at + 1 + width])
            example = at + 1 + width
            if by in language.spelled_by and example < len(tokens) and tokens[example].text[0] == text[0]:
                return text.upper(), width + 2
        return text.upper(), 1
    if text in language.letters:
        return language.letters[text], 1
    return "", 0


def _only_spelled_letters(elements: Sequence[_Element]) -> list[_Element]:
    """Tells letters from words of one letter ("I", "a", "y") by their neighbours.

    A letter stands beside another letter or a number; one that is also a word, between two of them, or
    beside another capital letter.
    """
    spoken = [element for element in elements if element.kind != _FILLER]
    kept: dict[int, _Element] = {}
    for at, element in enumerate(spoken):
        if element.kind != _LETTER or len(element.words) > 1:
            continue
        also_word = element.raw.lower() in _ALSO_WORDS
        beside = [*spoken[max(0, at - 1) : at], *spoken[at + 1 : at + 2]]
        codes = [other for other in beside if other.kind == _DIGITS or _is_sure_letter(other)]
        capital = element.raw.isupper() and any(_is_sure_letter(other) for other in codes)
        spelled = bool(codes) and (not also_word or len(codes) > 1 or capital or element.glued)
        if not spelled:
            kept[id(element)] = replace(element, kind=_WORD, text=element.raw)
    return [kept.get(id(element), element) for element in elements]


def _is_sure_letter(element: _Element) -> bool:
    """A letter that is no word of its own, or written as a capital."""
    return element.kind == _LETTER and (element.raw.isupper() or element.raw.lower() not in _ALSO_WORDS)


def _join_addresses(elements: list[_Element]) -> list[_Element]:
    """E-mail and web addresses, said with "at" and "dot", become one element each; other marks are words again."""
    result: list[_Element] = []
    at = 0
    while at < len(elements):
        element = elements[at]
        end = _domain_end(elements, at)
        if end and result and result[-1].kind == _MARK and result[-1].text == "@":
            first = _local_part(result)
            joined = [*result[first:], *elements[at:end]]
            result[first:] = [_merge(joined)]
        elif end:
            result.append(_merge(elements[at:end]))
        else:
            result.append(element)
            end = at + 1
        at = end
    return [replace(e, kind=_WORD, text=e.raw) if e.kind == _MARK else e for e in result]


def _domain_end(elements: Sequence[_Element], at: int) -> int:
    """Index after `name (dot name)+` that ends in a top-level domain; 0 where there is none."""
    end = 0
    position = at
    while position < len(elements) and elements[position].kind in {_WORD, _DIGITS, _LETTER}:
        if position > at and elements[position].text.lower() in _TOP_LEVEL_DOMAINS:
            end = position + 1
        dot = position + 1
        dashed = dot < len(elements) and elements[dot].kind == _MARK and elements[dot].text in {".", "-"}
        if not dashed:
            break
        position += 2
    return end


def _local_part(result: Sequence[_Element]) -> int:
    """Where the part before "@" begins: names joined by marks, or letters and digits that run together."""
    first = len(result) - 1
    while first > 0:
        before = result[first - 1]
        joined = result[first].kind == _MARK or before.kind == _MARK
        runs_on = {before.kind, result[first].kind} <= {_LETTER, _DIGITS}
        if before.kind == _FILLER or not (joined or runs_on):
            break
        first -= 1
    return first


def _merge(elements: Sequence[_Element]) -> _Element:
    text = "".join(element.text.lower() for element in elements)
    return _Element(_ADDRESS, text, tuple(dict.fromkeys(w for e in elements for w in e.words)))


def _run(elements: Sequence[_Element], at: int) -> tuple[list[_Element], int]:
    """Numbers and letters from an element on, without the fillers among them, and the index after the last."""
    run: list[_Element] = []
    end = at
    for position, element in enumerate(elements[at:], start=at):
        if element.kind in {_DIGITS, _LETTER}:
            run.append(element)
            end = position + 1
        elif element.kind != _FILLER or not run:
            break
    return run, end
