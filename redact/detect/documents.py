"""Documents: letters, forms and notes, in which a value stands behind its label and the sentence goes on."""

import re
from collections.abc import Sequence

from redact.detect.codes import Code
from redact.detect.heard import Heard

# Everyday words in a row that may stand inside an address.
_INSIDE_ADDRESS = 2
_DASHES = re.compile(r"^(?:[-–—|]|\W{4,})$")


def parts_address(heard: Heard, index: int) -> bool:
    """True for a word of a document that is no part of an address: a label, a dash between fields, a title."""
    if not heard.document:
        return False
    text, before = heard.words[index].text, heard.said[index - 1] if index else ""
    titled = heard.said[index] in heard.language.names.titles and before not in heard.language.address_joins
    bracketed = text.startswith("(") and any(map(str.isalpha, text))
    return index in heard.breaks or titled or bracketed or bool(_DASHES.match(text))


def spells(heard: Heard, code: Code) -> bool:
    """True for letters of a document that spell, each by itself; others are abbreviations and marks of a table."""
    return len(set(code.text)) > 2 and all(len(heard.said[index]) == 1 for index in code.words)


def value(heard: Heard, answer: str, words: Sequence[int], anchors: Sequence[int]) -> list[int]:
    """Of the positions of evidence in a sentence, those of the value itself.

    Args:
        heard: the document.
        answer: the kind of answer.
        words: of the sentence.
        anchors: positions in `words` of what may be evidence, in order.
    """
    if answer == "email":
        written = [position for position in anchors if "@" in heard.words[words[position]].text]
        return written[:1] or list(anchors)
    if answer == "date":
        return _date(heard, words, anchors)
    if answer == "address":
        return _address(heard, words, anchors)
    return list(anchors)


def _date(heard: Heard, words: Sequence[int], anchors: Sequence[int]) -> list[int]:
    """The first date, with the words of one that was written out."""
    if not anchors or words[anchors[0]] in heard.dates:
        return list(anchors[:1])
    taken = [anchors[0]]
    for position in anchors[1:]:
        between = words[taken[-1] + 1 : position]
        ended = heard.ends_clause(words[taken[-1]]) and len(taken) > 1
        if (
            ended
            or words[position] in heard.dates
            or any(heard.said[i] not in heard.language.date_words for i in between)
        ):
            break
        taken.append(position)
    return taken


def _address(heard: Heard, words: Sequence[int], anchors: Sequence[int]) -> list[int]:
    """From the first number or kind of street to where the address ends."""

    def begins(position: int) -> bool:
        index = words[position]
        return index in heard.digits or heard.said[index] in heard.language.address_words

    taken: list[int] = []
    for position in anchors:
        if not heard.said[words[position]] or (not taken and not begins(position)):
            continue
        if taken and position - taken[-1] - 1 > _INSIDE_ADDRESS:
            break
        taken.append(position)
    return taken
