"""The written form of speech: digits, codes, spellings, e-mail and web addresses as one would write them.

    four nine two nine, oh three double seven      →  49290377
    L H, seven seven oh four                       →  LH7704
    H, A, double L, O, W, A, Y                     →  ‹HALLOWAY›
    F comme François, O comme Oscar                →  ‹FO›
    desmond dot halloway at example dot com        →  desmond.halloway@example.com

Neighbouring numbers and letters run together, across fillers and commas, because speech has no spaces
that mean anything. `‹ ›` marks a run of letters only, so that a spelled name can be told from a word.

Speech has no brackets either: "quatre-vingt-dix-huit" is 98, or 80 10 8, or 4 20 18. What may be meant otherwise is
read otherwise too, each reading a view of its own.
"""

from collections.abc import Sequence

from redact.call import Transcript
from redact.detect.spoken.addresses import join
from redact.detect.spoken.base import Language, Token, tokenise
from redact.detect.spoken.elements import OH_OTHERWISE, Element, elements
from redact.views import Passage, View, ViewBuilder

SPELLED_OPEN, SPELLED_CLOSE = "‹", "›"
# At most so many views beside the main one: each is looked through like a turn of its own.
ALTERNATIVES = 2
# The readings beside the likeliest, see `elements`.
_OTHER_READINGS = (1, 2, 3, 4, OH_OTHERWISE)
_OH = frozenset({"o", "oh"})


def written(transcript: Transcript, passage: Passage, language: Language) -> View:
    """The written-form view of a passage, its numbers read in the likeliest way."""
    return _view(_elements(tokenise(transcript, passage), language))


def readings(transcript: Transcript, passage: Passage, language: Language, least_digits: int = 0) -> tuple[View, ...]:
    """The view of `written`, then up to two in which numbers are read otherwise, if any of them may be.

    All are named `written`; no two have the same text. A number with a unit behind it has one reading, and so has a
    passage with fewer digits than `least_digits` in the likeliest.
    """
    tokens = tokenise(transcript, passage)
    main = _elements(tokens, language)
    views = [_view(main)]
    if sum(map(str.isdigit, views[0].text)) < least_digits or not _is_ambiguous(main, language):
        return tuple(views)
    for reading in _OTHER_READINGS:
        other = _view(_elements(tokens, language, reading))
        if all(other.text != view.text for view in views):
            views.append(other)
        if len(views) > ALTERNATIVES:
            break
    return tuple(views)


def _elements(tokens: Sequence[Token], language: Language, reading: int = 0) -> list[Element]:
    return join(elements(tokens, language, reading), language)


def _is_ambiguous(found: Sequence[Element], language: Language) -> bool:
    """True where a number of several words stands without a unit ("vingt-cinq", not "vingt-cinq euros"), or an "oh"."""
    for at, element in enumerate(found):
        if element.kind in {"digits", "letter"} and element.raw.lower() in _OH:
            return True
        if element.kind in {"digits", "address"} and element.tokens > 1:
            following = found[at + 1] if at + 1 < len(found) else None
            if following is None or following.kind != "word" or following.text.lower() not in language.units:
                return True
    return False


def _view(found: Sequence[Element]) -> View:
    view = ViewBuilder("written")
    at = 0
    while at < len(found):
        run, end = _run(found, at)
        if not run:
            view.add(found[at].text, found[at].words)
            at += 1
            continue
        spelled = len(run) > 1 and all(element.kind == "letter" for element in run)
        if spelled:
            view.add(SPELLED_OPEN, ())
        for position, element in enumerate(run):
            view.add(element.text, element.words, separator="" if position or spelled else " ")
        if spelled:
            view.add(SPELLED_CLOSE, (), separator="")
        at = end
    return view.build()


def _run(found: Sequence[Element], at: int) -> tuple[list[Element], int]:
    """Numbers and letters from an element on, without the fillers among them, and the index after the last."""
    run: list[Element] = []
    end = at
    for position, element in enumerate(found[at:], start=at):
        if element.kind in {"digits", "letter"}:
            run.append(element)
            end = position + 1
        elif element.kind != "filler" or not run:
            break
    return run, end
