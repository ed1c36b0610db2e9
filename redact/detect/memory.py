"""What was learned in the call is looked for again: names by their sound, numbers by their digits.

An engine spells one name three ways, and cuts it into words ("qu'estagnié", "Vasse-Lin", "de la port"). A name is
therefore compared by how it sounds, over one to three words. Numbers are compared digit by digit, in any grouping.
"""

from collections.abc import Iterator, Sequence

from rapidfuzz.distance import Levenshtein

from redact.detect.heard import Heard
from redact.findings import Finding

# Sounds a name needs to be looked for misheard; shorter ones resemble too many words.
FUZZY_SOUNDS = 5
LIKENESS = 0.75
SURE_LIKENESS = 0.6
SPELLED_LETTERS = 4
# Digits that repeat part of a number that is known to be personal: a read-back or a correction.
REPEATED_DIGITS = 3
# Sentences after which two digits are no longer an echo of what was given.
ECHO_UNITS = 2
_MOST_WORDS = 3
# Names that are less sure than this are not looked for elsewhere.
KNOWN_SCORE = 0.5


def names_again(heard: Heard, findings: Sequence[Finding]) -> Iterator[Finding]:
    """Further mentions of the names that were found, however they are spelled."""
    known = _known_names(heard, findings)
    if not known:
        return
    found = {index for finding in findings if finding.entity_type == "PERSON" for index in finding.words}
    for _, indices in heard.transcript.turn_ranges():
        for index in indices:
            if not (_is_unusual(heard, index) or heard.said[index] in heard.language.names.particles):
                continue
            for count in range(_MOST_WORDS, 0, -1):
                words = tuple(range(index, index + count))
                if words[-1] >= indices.stop or found.issuperset(words) or not _is_candidate(heard, words):
                    continue
                score = _likeness(heard, words, known)
                if score:
                    whole = (*words, *_misheard_rest(heard, words[-1], indices.stop))
                    yield Finding("PERSON", whole, score, "memory.name", "transcribed")
                    break


def _misheard_rest(heard: Heard, last: int, stop: int) -> tuple[int, ...]:
    """What follows a known first name as its surname might, heard so badly that it resembles nothing."""
    following = range(last + 1, min(last + _MOST_WORDS, stop))
    if not heard.doubtful(last) or any(heard.ends_clause(index) for index in (last, *following[:-1])):
        return ()
    doubted = [index for index in following if heard.doubtful(index)]
    return tuple(range(last + 1, doubted[-1] + 1)) if doubted else ()


def _known_names(heard: Heard, findings: Sequence[Finding]) -> dict[str, str]:
    """Names and parts of names by their sound."""
    language = heard.language
    known: dict[str, str] = {}
    for finding in findings:
        if finding.entity_type != "PERSON" or finding.score < KNOWN_SCORE:
            continue
        parts = [heard.said[index].removesuffix("'s") for index in finding.words]
        parts = [part for part in parts if len(part) >= 3 and part not in language.names.titles]
        whole = [part for part in parts if part.isalpha() and part not in language.common_words]
        for name in (*whole, "".join(part for part in parts if part.isalpha()) if len(whole) > 1 else ""):
            if name:
                known.setdefault(language.sound(name), name)
    for code in heard.codes:
        if not code.digits and len(code.text) >= SPELLED_LETTERS and set(code.words) & set(_words(findings)):
            known.setdefault(language.sound(code.text), code.text.lower())
    return {sound: name for sound, name in known.items() if sound}


def _words(findings: Sequence[Finding]) -> Iterator[int]:
    for finding in findings:
        if finding.entity_type == "PERSON":
            yield from finding.words


def _is_candidate(heard: Heard, words: Sequence[int]) -> bool:
    """May these words be a name? Everyday words of which the engine is sure are none, nor do they begin or end one."""
    if any(heard.ends_clause(index) for index in words[:-1]) or any(index in heard.digits for index in words):
        return False
    particles = heard.language.names.particles
    inner = [index for index in words if heard.said[index] not in particles] if len(words) > 1 else list(words)
    if not inner or inner[-1] != words[-1]:
        return False
    return all(_is_unusual(heard, index) for index in inner)


def _is_unusual(heard: Heard, index: int) -> bool:
    """True for a word that the engine doubts, or that is no everyday word, written so or by itself."""
    return heard.doubtful(index) or (heard.capital(index) if heard.cased else not heard.common(index))


def _likeness(heard: Heard, words: Sequence[int], known: dict[str, str]) -> float:
    """The score of a mention; 0 where it is none."""
    said = "".join(part for index in words for part in heard.said[index].removesuffix("'s").replace("-", ""))
    if said in known.values():
        return 0.8
    sound = heard.language.sound(said.rpartition("'")[2])
    if len(sound) < FUZZY_SOUNDS:
        return 0.6 if sound in known and len(words) == 1 and heard.capital(words[0]) else 0.0
    best = max((Levenshtein.normalized_similarity(sound, other) for other in known if other[0] == sound[0]), default=0)
    surely = len(words) == 1 and heard.capital(words[0]) and heard.doubtful(words[0])
    return 0.6 if best >= (SURE_LIKENESS if surely else LIKENESS) else 0.0


def numbers_again(heard: Heard, findings: Sequence[Finding]) -> Iterator[Finding]:
    """Digits elsewhere in the call that repeat a part of a number that was found."""
    found = {index for finding in findings for index in finding.words}
    known = [
        (
            "".join(filter(str.isdigit, code.text)),
            next(f.entity_type for f in findings if set(code.words) & set(f.words)),
        )
        for code in heard.codes
        if 2 * len(found.intersection(code.words)) > len(code.words)
    ]
    for code in heard.codes:
        repeated = "".join(filter(str.isdigit, code.text))
        if found.issuperset(code.words) or len(repeated) < REPEATED_DIGITS or code.amount:
            continue
        for value, entity_type in known:
            if repeated in value:
                yield Finding(entity_type, code.words, 0.6, "memory.number", "written")
                break


def groups_again(heard: Heard, findings: Sequence[Finding]) -> Iterator[Finding]:
    """Two digits that somebody repeats at once: "I got four nine, yes"."""
    covered = {index: finding.entity_type for finding in findings for index in finding.words}
    position = {word: number for number, unit in enumerate(heard.units) for word in unit.words}
    for code in heard.codes:
        if code.digits < 2 or code.amount or code.plain or covered.keys() >= set(code.words):
            continue
        place = position[code.words[0]]
        for other in heard.codes:
            near = 0 <= place - position[other.words[-1]] <= ECHO_UNITS and other.words[-1] < code.words[0]
            given = [covered[index] for index in other.words if index in covered]
            again = other.text.endswith(code.text) or (other.digits >= 2 and code.text.endswith(other.text))
            if near and len(given) == len(other.words) and again:
                yield Finding(given[0], code.words, 0.5, "memory.echo", "written")
                break
