"""E-mail and web addresses, said with "at" and "dot": each becomes one element."""

import re
from collections.abc import Sequence
from dataclasses import replace

from redact.detect.spoken.base import Language
from redact.detect.spoken.elements import Element

TOP_LEVEL_DOMAINS = frozenset(
    "com org net edu gov co uk fr eu be ch ca de es it io info biz me us ie lu mail in au nz za pl nl pt se no dk fi at"  # noqa: SIM905
    " jp br mx sn ci ma tn dz cm re bzh swiss app dev tv online".split()
)
# After "point", and without "arobase" before, these are mostly words: "le point de départ", "the point is".
_ALSO_WORDS = frozenset("de me us it is be es ca co mail info in no at se re app tv online".split())  # noqa: SIM905
_DOMAIN_WORDS = 2
_OCTET_DIGITS, _MOST_OCTET = 3, 255
_TOGETHER = re.compile(
    rf"(?P<name>[a-z0-9]*?)(?P<rest>(?:dot|point)(?:{'|'.join(sorted(TOP_LEVEL_DOMAINS, key=len, reverse=True))}))+"
)
_LABEL = frozenset({"word", "digits", "letter"})


def join(elements: Sequence[Element], language: Language) -> list[Element]:
    """Elements with addresses joined; marks outside addresses are words again."""
    if not any(element.kind == "mark" or _ends_together(element) for element in elements):
        return list(elements)
    result: list[Element] = []
    at = 0
    while at < len(elements):
        if octets := _four_numbers(elements, at):
            result.append(_merge(elements[at:octets]))
            at = octets
            continue
        element = elements[at]
        after_at = bool(result) and result[-1].kind == "mark" and result[-1].text == "@"
        sure = after_at and result[-1].raw.lower() != "at"
        end = _domain_end(elements, at, language, after_at=after_at, sure=sure)
        if not end:
            result.append(element)
            end = at + 1
        elif after_at:
            first = _local_part(result, language)
            if first == len(result) - 1:  # "at example dot com", with nothing before it
                result.append(_merge(elements[at:end]))
                at = end
                continue
            result[first:] = [_merge([*result[first:], *elements[at:end]])]
        else:
            result.append(_merge(elements[at:end]))
        at = end
    return [replace(e, kind="word", text=e.raw) if e.kind == "mark" else e for e in result]


def _four_numbers(elements: Sequence[Element], at: int) -> int:
    """Index after an IP address, each of its numbers in one or more parts ("one ninety-eight dot"); 0 where none is."""
    for octet in range(4):
        end = at
        while end < len(elements) and elements[end].kind == "digits":
            end += 1
        number = "".join(element.text for element in elements[at:end])
        if not 0 < len(number) <= _OCTET_DIGITS or int(number) > _MOST_OCTET:
            return 0
        if octet == 3:
            return end
        if end >= len(elements) or elements[end].kind != "mark" or elements[end].text != ".":
            return 0
        at = end + 1
    return 0


def _ends_together(element: Element) -> bool:
    """True for "gmaildotcom" and "pointcom"."""
    if element.kind != "word":
        return False
    said = element.raw.lower()
    return ("dot" in said or "point" in said) and bool(_TOGETHER.fullmatch(said))


def _split(text: str) -> str:
    """The dots of "gmaildotcom" put in: "gmail.com"."""
    return re.sub(rf"(?:dot|point)(?=(?:{'|'.join(TOP_LEVEL_DOMAINS)})(?:$|dot|point))", ".", text)


def _is_dot(elements: Sequence[Element], at: int) -> bool:
    return at < len(elements) and elements[at].kind == "mark" and elements[at].text in {".", "-"}


def _domain_end(elements: Sequence[Element], at: int, language: Language, *, after_at: bool, sure: bool) -> int:
    """Index after `name (dot name)+` that ends in a top-level domain; 0 where there is none.

    After "@" a name may be spelled: "at b t internet dot com", "point f r".
    """
    end = 0
    position = at
    while position < len(elements) and elements[position].kind in _LABEL:
        spelled = after_at or position > at or elements[at].text == "W"
        label = _label_end(elements, position, spelled=spelled)
        if after_at and position == at:
            label = _more_words(elements, label, language)
        said = "".join(element.text for element in elements[position:label]).lower()
        if _ends_together(elements[label - 1]) and (label - position > 1 or not said.startswith(("dot", "point"))):
            end = label
        words = not sure and said in _ALSO_WORDS and elements[position - 1].raw.lower() == "point"
        if position > at and said in TOP_LEVEL_DOMAINS and not words:
            end = label
        following = elements[label] if label < len(elements) else None
        if following and not following.after_break and _ends_together(following):
            return label + 1  # "gmail pointcom"
        if not _is_dot(elements, label):
            break
        position = label + 1
    return end


def _label_end(elements: Sequence[Element], at: int, *, spelled: bool) -> int:
    """Index after one name of a domain."""
    end = at + 1
    if not spelled:
        return end
    runs = {"letter", "digits"}
    while end < len(elements) and elements[end - 1].kind in runs and elements[end].kind in runs:
        end += 1
    named = end < len(elements) and elements[end].kind == "word" and elements[end - 1].kind in runs
    # "b t internet dot com": the spelled part belongs to the word only if a dot comes after it.
    return end + 1 if named and _is_dot(elements, end + 1) else end


def _more_words(elements: Sequence[Element], end: int, language: Language) -> int:
    """Index after a name of several words, if a dot follows it: "bt internet"."""
    more = end
    while more < len(elements) and more - end < _DOMAIN_WORDS and elements[more].kind == "word":
        if not _is_name(elements[more], language) or not _is_name(elements[more - 1], language):
            break
        more += 1
    return more if _is_dot(elements, more) else end


def _local_part(result: Sequence[Element], language: Language) -> int:
    """Where the part before "@" begins: names joined by marks, or letters and digits that run together."""
    first = len(result) - 1
    while first > 0:
        before = result[first - 1]
        joined = (result[first].kind == "mark" or before.kind == "mark") and before.kind != "address"
        runs_on = {before.kind, result[first].kind} <= {"letter", "digits"}
        named = result[first].kind == "digits" and before.kind == "word" and _is_name(before, language)
        if before.kind == "filler" or not (joined or runs_on or named):
            break
        first -= 1
    return first


def _is_name(element: Element, language: Language) -> bool:
    return element.text.isalpha() and element.text.lower() not in language.common_words


def _merge(elements: Sequence[Element]) -> Element:
    text = "".join(_split(element.text.lower()) if _ends_together(element) else element.text.lower()
                   for element in elements)  # fmt: skip
    words = tuple(dict.fromkeys(word for element in elements for word in element.words))
    tokens = max(element.tokens if element.kind == "digits" else 1 for element in elements)
    return Element("address", text, words, "", elements[0].glued, elements[0].after_break, tokens)
