"""Everything personal in a transcript, by all means together."""

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path

from redact.call import Transcript, Turn
from redact.detect import dialogue
from redact.detect.presidio import NO_TERMS, DenyTerms, Presidio, without_lone
from redact.detect.spoken.base import Language, load, plain
from redact.detect.spoken.written import written
from redact.findings import Finding
from redact.views import answers, transcribed, turns

# A name of this many letters or more is also looked for misheard; shorter ones resemble too many words.
FUZZY_LETTERS = 5
FUZZY_RATIO = 0.8
# Digits that repeat part of a number that is already known to be personal: a read-back or a correction.
REPEATED_DIGITS = 3


class Detector:
    """Finds personal data in transcripts of one language.

    Args:
        language: ISO 639-1 code; see `redact.detect.spoken.base.supported`.
        spacy_model: folder of that language's spaCy pipeline.
        terms: the user's allow and deny lists.
    """

    def __init__(self, language: str, spacy_model: Path, terms: DenyTerms = NO_TERMS) -> None:
        self._language = load(language)
        self._presidio = Presidio(self._language, spacy_model, terms)

    def find(self, transcript: Transcript) -> tuple[Finding, ...]:
        """All findings, sorted by their first word; they may overlap."""
        language = self._language

        def is_acknowledgement(turn: Turn) -> bool:
            return language.is_acknowledgement([word.text for word in turn.words])

        said = turns(transcript)
        as_said = [transcribed(transcript, passage) for passage in said]
        as_written = [written(transcript, passage, language) for passage in said]
        joined = [written(transcript, passage, language) for passage in answers(transcript, is_acknowledgement)]
        findings = [*self._presidio.find(as_said, [*as_written, *joined])]
        nobodys = dialogue.nobodys([*as_written, *joined], language)
        findings = [finding for finding in findings if not nobodys.issuperset(finding.words)]
        findings += dialogue.find(transcript, [*as_written, *joined], language)
        findings = [f for f in findings if not _only_common_words(f, transcript, language)]
        findings += _names_again(findings, transcript, language)
        findings += _numbers_again(findings, transcript)
        kept = without_lone(findings, "LOCATION", ("STREET_ADDRESS", "POSTAL_CODE"))
        return tuple(sorted(set(kept), key=lambda f: (f.words, f.entity_type, -f.score, f.recognizer)))


def _only_common_words(finding: Finding, transcript: Transcript, language: Language) -> bool:
    """True for a "name" that is made of words like "Okay" and "Monday" alone."""
    if finding.entity_type != "PERSON":
        return False
    said = [plain(transcript.words[index].text) for index in finding.words]
    known = language.common_words | language.acknowledgements | language.fillers
    return all(word in known or not word or word.isdigit() for word in said)


def _names_again(findings: Sequence[Finding], transcript: Transcript, language: Language) -> Iterator[Finding]:
    """Other mentions of names that were found, also slightly misheard."""
    names = set()
    for finding in findings:
        if finding.entity_type == "PERSON" and finding.view == "transcribed":
            names |= {plain(transcript.words[index].text) for index in finding.words}
    names = {n for n in names if len(n) >= 3 and n.isalpha() and n not in language.common_words}
    long = [name for name in names if len(name) >= FUZZY_LETTERS]
    found = {index for finding in findings if finding.entity_type == "PERSON" for index in finding.words}
    for index, word in enumerate(transcript.words):
        said = plain(word.text).removesuffix("'s")
        if index in found or not word.text[:1].isupper() or said in language.common_words:
            continue
        if said in names:
            yield Finding("PERSON", (index,), 0.8, "memory.name", "transcribed")
        elif len(said) >= FUZZY_LETTERS and difflib.get_close_matches(said, long, 1, FUZZY_RATIO):
            yield Finding("PERSON", (index,), 0.6, "memory.name", "transcribed")


def _numbers_again(findings: Sequence[Finding], transcript: Transcript) -> Iterator[Finding]:
    """Digits elsewhere in the call that repeat a part of a number that was found."""

    def digits(indices: Sequence[int]) -> str:
        return "".join(
            character for index in indices for character in transcript.words[index].text if character.isdigit()
        )

    known = [(digits(f.words), f.entity_type) for f in findings if f.view == "written"]
    found = {index for finding in findings for index in finding.words}
    for index in range(len(transcript.words)):
        repeated = digits((index,))
        if index in found or len(repeated) < REPEATED_DIGITS:
            continue
        for value, entity_type in known:
            if repeated in value:
                yield Finding(entity_type, (index,), 0.6, "memory.number", "written")
                break
