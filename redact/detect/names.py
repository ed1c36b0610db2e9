"""Names by what stands beside them: "this is …", "madame …", "… à votre écoute", "my husband …".

A cue tells that a name stands there also where the name was misheard and looks like none. How much is believed
depends on the cue: after "my name is" anything that is no everyday word, after "thanks" a word with a capital.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from redact.detect.heard import Heard
from redact.detect.spoken.base import Phrase
from redact.findings import Finding

NAME_WORDS = 3
_LOOK_BACK = 2
# Titles of up to so many characters, with their full stop, are abbreviations.
ABBREVIATED = 5
# In documents words of so many capitals are abbreviations.
ABBREVIATION_LETTERS = 3
# After a relation and a comma a name is nearly certain: words half believed are taken for it.
HALF_SURE = 0.65


def names(heard: Heard) -> Iterator[Finding]:
    """One finding for each cue that has a name beside it."""
    cues = heard.language.names
    sure, maybe = _by_first(cues.before), _by_first(cues.maybe_before)
    after = _by_first(cues.after)
    for _, indices in heard.transcript.turn_ranges():
        turn = tuple(indices)
        for position, index in enumerate(turn):
            said = heard.said[index]
            if said in cues.titles and not _ends_here(heard, index):
                yield from _finding(heard, _titled(heard, turn, position), 0.85, "names.titled")
            if said in cues.relatives:
                yield from _finding(heard, _related(heard, turn, position + 1), 0.7, "names.relative")
            for end in _matches(heard, turn, position, sure.get(said, ())):
                yield from _finding(heard, _following(heard, turn, end, sure=True), 0.8, "names.introduced")
            for end in _matches(heard, turn, position, maybe.get(said, ())):
                if heard.words[turn[end - 1]].text[-1:] in ".?!…":
                    continue  # what begins the next sentence is spoken to nobody
                yield from _finding(heard, _following(heard, turn, end, sure=False), 0.6, "names.addressed")
            if any(_matches(heard, turn, position, after.get(said, ()))):
                words = _preceding(heard, turn, position)
                if words:
                    yield Finding("PERSON", words, 0.75, "names.presented", "transcribed")


def first_names(heard: Heard) -> Iterator[Finding]:
    """First names written with a capital inside a sentence, and words with one that stand between commas."""
    for _, indices in heard.transcript.turn_ranges():
        for index in indices:
            if not heard.words[index].text[:1].isupper():
                continue
            if heard.is_label(index):
                continue
            said = heard.said[index].removesuffix("'s")
            named = _is_first_name(heard, index)
            if heard.begins_sentence(index) and (heard.common(index) or not (heard.ends_clause(index) or named)):
                continue
            alone = heard.capital(index) and said.isalpha() and _stands_apart(heard, index)
            alone = alone and not _is_abbreviation(heard, index)
            words = (index, *_surname(heard, index, indices.stop)) if named else (index,)
            named = named and (len(words) > 1 or said not in heard.language.capitals)  # "en France", "France Vaunet"
            if (named or alone) and not is_company(heard, words):
                yield Finding("PERSON", words, 0.6 if named else 0.45, "names.first", "transcribed")


def _surname(heard: Heard, index: int, stop: int) -> tuple[int, ...]:
    """What follows a first name and is written as a name: "Young" after "Grace"."""
    taken: list[int] = []
    while not _breaks(heard, index) and index + 1 < min(stop, index + NAME_WORDS) and len(taken) < NAME_WORDS - 1:
        index += 1
        if heard.is_label(index):
            break
        if not heard.named(index) or _is_never(heard, index) or not heard.said[index].replace("-", "").isalpha():
            break
        taken.append(index)
    return tuple(taken)


def _stands_apart(heard: Heard, index: int) -> bool:
    """True between a comma and the end of a clause: who is spoken to, or who has just been spoken of."""
    return index > 0 and heard.words[index - 1].text.endswith(",") and heard.words[index].text[-1:] in ",.?!"


def unknown_pairs(heard: Heard, others: Sequence[Finding]) -> Iterator[Finding]:
    """Two words with capitals in a row that are no everyday words: in a call, mostly somebody's name.

    Args:
        heard: the call.
        others: findings of places, which are not taken for people.
    """
    named = {index for finding in others if finding.entity_type == "LOCATION" for index in finding.words}
    for _, indices in heard.transcript.turn_ranges():
        run: list[int] = []
        for index in (*indices, None):
            if index is not None and _is_part(heard, index, run):
                run.append(index)
                if not heard.ends_clause(index) or _is_initial(heard, index):
                    continue
            yield from _pair(heard, run, named)
            run = []


def _is_part(heard: Heard, index: int, run: Sequence[int]) -> bool:
    letters = heard.said[index].replace("-", "").replace("'", "")
    if (heard.is_label(index) or _is_abbreviation(heard, index)) and not _is_initial(heard, index):
        return False
    return (heard.capital(index) and letters.isalpha() and index not in heard.letters) or (
        bool(run) and _is_initial(heard, index)
    )


def _is_first_name(heard: Heard, index: int) -> bool:
    said = heard.said[index].removesuffix("'s")
    if said not in heard.language.first_names or said in heard.language.months:
        return False
    if said in heard.language.grammar_words and not heard.named(index):
        return False
    unlikely = _is_abbreviation(heard, index) or said in heard.language.capitals or said in heard.language.headings
    return not (heard.document and unlikely)


def _is_abbreviation(heard: Heard, index: int) -> bool:
    return heard.document and heard.words[index].text.isupper() and len(heard.said[index]) <= ABBREVIATION_LETTERS


def _is_initial(heard: Heard, index: int) -> bool:
    text = heard.words[index].text
    return text[:1].isupper() and len(text.rstrip(".")) == 1


def _pair(heard: Heard, run: Sequence[int], named: set[int]) -> Iterator[Finding]:
    words = [index for index in run if not _is_initial(heard, index)]
    if len(words) < 2 or _in_company(heard, run):
        return
    if named.intersection(words) and not any(_is_first_name(heard, index) for index in words):
        return
    # In capitals alone and beside figures it is a product, a medicine, a unit.
    shouted = all(heard.words[index].text.isupper() for index in words)
    beside = [heard.said[index] for index in (run[0] - 1, run[-1] + 1) if 0 <= index < len(heard.said)]
    if not (shouted and any(any(map(str.isdigit, text)) for text in beside)):
        yield Finding("PERSON", tuple(run), 0.45, "names.unknown", "transcribed")


def _in_company(heard: Heard, run: Sequence[int]) -> bool:
    """True where the words with capitals around a run, everyday ones too, make a company's name with it."""
    end = run[-1]
    while end + 1 < len(heard.said) and not heard.ends_clause(end) and heard.words[end + 1].text[:1].isupper():
        end += 1
    beside = (*run, *range(run[-1], end + 1))
    cues = heard.language.names.companies | heard.language.address_words
    return _after_company_cue(heard, run[0]) or any(heard.said[index] in cues for index in beside)


def with_particles(heard: Heard, finding: Finding) -> Finding:
    """A name with the "Le" or "Van" before it, where that has a capital inside a sentence."""
    words = finding.words
    while finding.entity_type == "PERSON" and words and words[0]:
        before = words[0] - 1
        inside = before > 0 and not heard.words[before - 1].text.endswith((".", "?", "!"))
        if heard.said[before] not in heard.language.names.particles or _breaks(heard, before):
            break
        if not (inside and heard.words[before].text[:1].isupper()):
            break
        words = (before, *words)
    return replace(finding, words=words)


def is_company(heard: Heard, words: Sequence[int]) -> bool:
    """True where a "name" is a company's: one of its words, or the next one, says so."""
    following = words[-1] + 1
    beside = [*words, *([following] if following < len(heard.said) and not _breaks(heard, words[-1]) else [])]
    return _after_company_cue(heard, words[0]) or any(heard.said[i] in heard.language.names.companies for i in beside)


def _after_company_cue(heard: Heard, index: int) -> bool:
    """True after "thank you for calling", "société", "chez"."""
    cues = heard.language.names.before_companies
    return any(heard.said[before] in cues and not _breaks(heard, before) for before in range(max(0, index - 2), index))


def _finding(heard: Heard, words: tuple[int, ...], score: float, name: str) -> Iterator[Finding]:
    if words and not is_company(heard, words):
        yield Finding("PERSON", words, score, name, "transcribed")


def _by_first(phrases: Sequence[Phrase]) -> dict[str, list[Phrase]]:
    result: dict[str, list[Phrase]] = {}
    for phrase in phrases:
        result.setdefault(phrase[0], []).append(phrase)
    return result


def _matches(heard: Heard, turn: Sequence[int], position: int, phrases: Sequence[Phrase]) -> list[int]:
    """Positions after each phrase that starts here; the longest alone where one contains another."""
    if not phrases:
        return []
    said = tuple(heard.said[index] for index in turn[position : position + 6])
    ends = [position + len(phrase) for phrase in phrases if said[: len(phrase)] == phrase]
    return [max(ends)] if ends else []


def _ends_here(heard: Heard, index: int) -> bool:
    """True where a sentence ends with a title; "Mr." ends none."""
    text = heard.words[index].text
    return text.endswith(("?", "!")) or (text.endswith(".") and len(text) > ABBREVIATED)


def _breaks(heard: Heard, index: int) -> bool:
    return heard.ends_clause(index)


def _is_never(heard: Heard, index: int) -> bool:
    said = heard.said[index]
    return said in heard.language.names.never or said in heard.language.fillers or index in heard.digits


def _following(heard: Heard, turn: Sequence[int], at: int, *, sure: bool) -> tuple[int, ...]:
    taken: list[int] = []
    for position in range(at, min(at + NAME_WORDS, len(turn))):
        index = turn[position]
        everyday = heard.common(index) and not heard.named(index)
        unlikely = everyday or _is_never(heard, index) or index in heard.amounts
        if sure and unlikely and heard.scored and heard.doubtful(index) and index not in heard.amounts:
            taken.append(index)  # a name was said here, and heard as something else
            continue
        ends = position + 1 == len(turn) or heard.words[index].text[-1:] in ".?!"
        last = ends and heard.doubtful(index)
        named = heard.named(index) if not sure else not unlikely
        if unlikely or not (named or (sure or last or taken)):
            break
        taken.append(index)
        if _breaks(heard, index):
            break
    return tuple(taken)


def _titled(heard: Heard, turn: Sequence[int], at: int) -> tuple[int, ...]:
    """The title and its name, with particles: "monsieur de la porte"."""
    if (
        heard.words[turn[at]].text[-1:] in ",;:"
    ):  # "merci, madame, quittendier,": only what is no word at all is a name then
        apart = turn[at + 1] if at + 1 < len(turn) else None
        named = apart is not None and heard.ends_clause(apart) and not heard.common(apart) and apart not in heard.digits
        return (apart,) if apart is not None and named else ()
    particles = heard.language.names.particles
    end = at + 1
    while end < len(turn) and end - at < 4 and heard.said[turn[end]] in particles and not _breaks(heard, turn[end]):
        end += 1
    after_particle = end > at + 1
    if end == len(turn):
        return ()
    index = turn[end]
    if _is_never(heard, index) or (heard.common(index) and not heard.named(index) and not after_particle):
        return ()
    if heard.cased and not (heard.named(index) or heard.doubtful(index) or (after_particle and heard.spoken)):
        return ()
    taken = [*turn[at : end + 1]]
    while not _breaks(heard, taken[-1]) and len(taken) < 5 and taken[-1] + 1 <= turn[-1]:
        following = taken[-1] + 1
        if not heard.named(following) and not (heard.doubtful(following) and not heard.common(following)):
            break
        taken.append(following)
    return tuple(taken)


def _related(heard: Heard, turn: Sequence[int], at: int) -> tuple[int, ...]:
    """The name after "my husband"; after "my husband," also one that was misheard as words the engine doubts."""
    aside = at < len(turn) and heard.words[turn[at - 1]].text.endswith(",")
    if at < len(turn) and heard.said[turn[at]] in {"is", "est"}:
        at += 1
    taken: list[int] = []
    for position in range(at, min(at + NAME_WORDS + 1, len(turn))):
        index = turn[position]
        doubted = (
            aside and heard.doubtful(index, HALF_SURE) and not heard.language.is_acknowledgement([heard.said[index]])
        )
        if _is_never(heard, index) or index in heard.amounts or not (heard.named(index) or doubted):
            break
        taken.append(index)
        if _breaks(heard, index):
            break
    return tuple(taken)


def _preceding(heard: Heard, turn: Sequence[int], at: int) -> tuple[int, ...]:
    """The one or two words before "à l'appareil"."""
    taken: list[int] = []
    before = tuple(turn[max(at - _LOOK_BACK, 0) : at])
    if heard.scored and any(map(heard.doubtful, before)) and not any(map(heard.ends_clause, before)):
        return before  # a name was said here, and heard as something else
    for position in range(at - 1, max(at - 1 - _LOOK_BACK, -1), -1):
        index = turn[position]
        if _is_never(heard, index) or (taken and (_breaks(heard, index) or not _likely(heard, index))):
            break
        if heard.said[index] in heard.language.grammar_words - heard.language.first_names and not _likely(heard, index):
            break  # "I'm speaking"
        taken.insert(0, index)
    return tuple(taken)


def _likely(heard: Heard, index: int) -> bool:
    return heard.named(index) or heard.doubtful(index)
