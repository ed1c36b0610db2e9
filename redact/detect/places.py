"""Addresses that nobody asked for, by how they are put together: numbers, names and kinds of street in one chain.

"22 Weavers Croft, Leeds, LS9 4KM" names no kind of street that a list would hold, and no list holds all. A chain of
numbers and words that are no everyday words is an address where it has a house number and one more sign: a kind of
street or dwelling, a place that spaCy knows, a second number, or "lives at" before it.
"""

import re
from collections.abc import Iterator, Sequence

from redact.detect import documents
from redact.detect.heard import Heard
from redact.findings import Finding

# A house number has so many digits at most; longer ones in a chain are postcodes, and do for the second number.
HOUSE_NUMBER = re.compile(r"^#?\d{1,5}[a-z]?(?:[-/]\d{1,4})?$")
POSTCODE = re.compile(r"^(?=.*\d)(?!\d+s$)[a-z\d]{2,10}(?:-[a-z\d]{1,4})?$")
LEAST_WORDS, MOST_WORDS = 3, 20
CUE_WORDS = 4


def addresses(heard: Heard, places: Sequence[Finding]) -> Iterator[Finding]:
    """One finding for each chain that is an address.

    Args:
        heard: the call.
        places: the findings of places.
    """
    located = {index for finding in places if finding.entity_type == "LOCATION" for index in finding.words}
    for _, indices in heard.transcript.turn_ranges():
        chain: list[int] = []
        for index in indices:
            if _links(heard, index, located) or (chain and heard.said[index] in heard.language.address_joins):
                chain.append(index)
            else:
                yield from _address(heard, chain, located)
                chain = []
        yield from _address(heard, chain, located)


def _links(heard: Heard, index: int, located: set[int]) -> bool:
    said = heard.said[index]
    if documents.parts_address(heard, index):
        return False
    return (
        index in located
        or index in heard.digits
        or _names(heard, index)
        or said in heard.language.address_words
        or (bool(HOUSE_NUMBER.match(said)) and index not in heard.amounts)
        or not said
    )


def _address(heard: Heard, chain: list[int], located: set[int]) -> Iterator[Finding]:
    while chain and (heard.said[chain[-1]] in heard.language.address_joins or not heard.said[chain[-1]]):
        chain.pop()
    numbers = [i for i in chain if HOUSE_NUMBER.match(heard.said[i]) or i in heard.digits]
    named = [i for i in chain if _names(heard, i) or i in located]
    kinds = [i for i in chain if heard.said[i] in heard.language.address_words]
    stands_there = bool(chain) and chain[0] > 0 and heard.said[chain[0] - 1] in heard.language.address_prepositions
    if len(chain) < (2 if stands_there else LEAST_WORDS) or not numbers or not named:
        return
    if stands_there and len(chain) < LEAST_WORDS and named[0] < numbers[0]:
        yield Finding("STREET_ADDRESS", tuple(chain), 0.45, "places.chain", "transcribed")
    if not kinds and max(named) < min(numbers):
        return
    first = _first(heard, chain, min(numbers[0], *kinds, len(heard.said)))
    kept = (*range(first, chain[0]), *(index for index in chain if index >= first))
    coded = any(i > named[0] and (i in numbers or POSTCODE.match(heard.said[i])) for i in kept)
    told = located & set(kept) or _cued(heard, first) or _alone(heard, kept)
    if LEAST_WORDS <= len(kept) <= MOST_WORDS and (kinds or coded or told):
        yield Finding("STREET_ADDRESS", kept, 0.5, "places.chain", "transcribed")


def _first(heard: Heard, chain: Sequence[int], first: int) -> int:
    """Where an address begins: "the" of "the corner of", and what stands before a street's kind and its number."""
    said, joins = heard.said, heard.language.address_joins
    if 0 < first < len(said) - 1 and said[first] in heard.language.address_words:
        if said[first - 1] in joins and said[first + 1] in joins and said[first - 1]:
            return first - 1
        numbered = heard.document and HOUSE_NUMBER.match(said[first + 1])
        while numbered and first - 1 in chain and _names(heard, first - 1):
            first -= 1
    return first


def _alone(heard: Heard, words: Sequence[int]) -> bool:
    """True for the whole of a sentence: the answer to a question where."""
    return any(set(unit.words) <= set(words) for unit in heard.units if unit.words[0] in words)


def _names(heard: Heard, index: int) -> bool:
    letters = heard.said[index].replace("-", "").replace("'", "").replace(".", "")
    return heard.capital(index) and letters.isalpha() and len(letters) > 1


def _cued(heard: Heard, first: int) -> bool:
    before = heard.said[max(0, first - CUE_WORDS) : first]
    return any(word in heard.language.address_cues for word in before)
