"""Everything personal in a transcript, by all means together."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from redact.call import Transcript, Turn
from redact.detect import codes, documents, memory, names, places, replies, requests
from redact.detect.heard import Heard, hear, may_name
from redact.detect.presidio import NO_TERMS, DenyTerms, Presidio, without_lone
from redact.detect.recognizers import Recognizer
from redact.detect.spoken.base import load
from redact.detect.spoken.written import readings
from redact.findings import Finding
from redact.views import View, answers, transcribed, turns

# Types that are numbers, and how many digits such a number has at least: four are a year.
_NUMBERS = frozenset({"CREDIT_CARD", "PHONE_NUMBER", "FR_NIR", "UK_NHS", "US_SSN", "US_ITIN"})
_LEAST_DIGITS = 5
# One in eleven numbers of ten digits has an NHS number's check digit: what was asked for (0.85) says more than that.
_NHS_BY_CHANCE = 0.8
# Only checksums make another reading of a number believed, the shortest of ten digits; a reading has at most thrice as
# many digits as the likeliest ("quatre-vingt-dix-huit": 98, or 4 20 10 8).
PROVABLE_DIGITS = 4
# Types that are found by digits alone; among amounts they are none.
_DIGITS_ALONE = frozenset({"PHONE_NUMBER", "POSTAL_CODE"})


class Detector:
    """Finds personal data in transcripts of one language.

    Args:
        language: ISO 639-1 code; see `redact.detect.spoken.base.supported`.
        spacy_model: folder of that language's spaCy pipeline.
        terms: the user's allow and deny lists.
    """

    def __init__(
        self, language: str, spacy_model: Path, terms: DenyTerms = NO_TERMS, recognizers: Sequence[Recognizer] = ()
    ) -> None:
        self._language = load(language)
        self._presidio = Presidio(self._language, spacy_model, terms, recognizers)

    def find(self, transcript: Transcript, known: Sequence[Finding] = ()) -> tuple[Finding, ...]:
        """All findings, sorted by their first word; they may overlap.

        Args:
            transcript: of the call.
            known: what needs no search, such as names that label a speaker: it is looked for elsewhere too.
        """
        language = self._language

        def is_acknowledgement(turn: Turn) -> bool:
            return language.is_acknowledgement([word.text for word in turn.words])

        said = turns(transcript)
        as_said = [transcribed(transcript, passage) for passage in said]
        as_written = [readings(transcript, passage, language, PROVABLE_DIGITS) for passage in said]
        chains = answers(transcript, is_acknowledgement)
        joined = [readings(transcript, passage, language, PROVABLE_DIGITS) for passage in chains]
        main = [view for view, *_ in (*as_written, *joined)]
        heard = hear(transcript, [view for view, *_ in as_written], language)
        others = [view for _, *views in (*as_written, *joined) for view in views]
        # Another reading of a number is believed where a checksum proves it; else a price is a telephone number too.
        proven = self._presidio.proven(others)
        excerpts = [transcribed(transcript, passage) for passage in may_name(heard)]
        findings = [*known, *_likely(heard, [*self._presidio.find(as_said, main, excerpts), *proven])]
        findings += in_dialogue(heard, main, findings)
        kept = without_lone(findings, "LOCATION", ("STREET_ADDRESS", "POSTAL_CODE"))
        return tuple(sorted(set(kept), key=lambda f: (f.words, f.entity_type, -f.score, f.recognizer)))


def in_dialogue(heard: Heard, written_views: Sequence[View], known: Sequence[Finding] = ()) -> list[Finding]:
    """What the dialogue tells, without Presidio: replies, numbers by their shape, names by their cues, and memory.

    Args:
        heard: the call.
        written_views: of all its passages.
        known: what was found by other means.
    """
    asked = requests.slots(heard)
    findings = [*replies.replies(heard, asked), *replies.dictated(heard), *replies.number_sentences(heard)]
    findings += replies.read_again(heard, requests.read_backs(heard), [*known, *findings])
    plainly = replies.nobodys(heard, requests.plain_requests(heard))
    findings = [f for f in findings if f.recognizer != "dialogue.number" or not plainly.issuperset(f.words)]
    told = [
        part
        for view in written_views
        for code in codes.codes(view, heard.language)
        for part in codes.apart(code, heard.breaks, heard.transcript)
    ]
    told = [code for code in told if code.digits or not heard.document or documents.spells(heard, code)]
    acronyms = {slot.word for slot in asked}  # "the C V V?"
    told = [code for code in told if code.digits or acronyms.isdisjoint(code.words)]
    findings += codes.unasked([code for code in told if not (heard.amounts | plainly).issuperset(code.words)])
    findings += names.names(heard)
    findings += names.first_names(heard)
    findings += names.unknown_pairs(heard, known)
    findings += [f for f in places.addresses(heard, known) if not plainly.issuperset(f.words)]
    findings = [names.with_particles(heard, finding) for finding in findings]
    findings += memory.names_again(heard, [*known, *findings])
    findings += memory.numbers_again(heard, [*known, *findings])
    findings += memory.groups_again(heard, [*known, *findings])
    return findings


def _likely(heard: Heard, findings: Sequence[Finding]) -> list[Finding]:
    """Findings without "names" that are everyday words or companies, and without numbers that are nobody's."""
    nobodys = frozenset(word for code in heard.codes if code.plain for word in code.words)
    users = [finding for finding in findings if "users_own" in finding.evidence]
    others = (finding for finding in findings if "users_own" not in finding.evidence)
    trimmed = (_without_breaks(heard, _without_everyday_edges(heard, finding)) for finding in others)
    return users + [_weighed(finding) for finding in trimmed if _is_likely(heard, finding, nobodys)]


def _weighed(finding: Finding) -> Finding:
    is_by_chance = finding.entity_type == "UK_NHS" and finding.score > _NHS_BY_CHANCE
    return replace(finding, score=_NHS_BY_CHANCE) if is_by_chance else finding


def _is_likely(heard: Heard, finding: Finding, nobodys: frozenset[int]) -> bool:
    known = nobodys | heard.amounts | heard.dates if finding.entity_type in _DIGITS_ALONE else nobodys
    return bool(finding.words) and not known.issuperset(finding.words) and _is_name(heard, finding)


def _without_breaks(heard: Heard, finding: Finding) -> Finding:
    """A number without the dates that stand beside it in typed text; nothing of it where little is left."""
    if finding.entity_type not in _NUMBERS:
        return finding
    words = tuple(index for index in finding.words if index not in heard.breaks)
    digits = sum(code.digits for code in heard.codes if set(code.words) & set(words))
    return replace(finding, words=words if digits >= _LEAST_DIGITS else ())


def _without_everyday_edges(heard: Heard, finding: Finding) -> Finding:
    """A name as spaCy finds it, without the "You" or "C'est" that begins the next sentence."""
    if finding.entity_type != "PERSON" and not (heard.document and finding.entity_type == "LOCATION"):
        return finding
    kept = list(finding.words)
    for edge in (0, -1):
        while kept and _is_no_name(heard, kept[edge]):
            kept.pop(edge)
    return replace(finding, words=tuple(kept))


def _is_no_name(heard: Heard, index: int) -> bool:
    """True for a label, and for an everyday word that is written as one and is no title."""
    everyday = heard.common(index) and not heard.named(index)
    return heard.is_label(index) or (everyday and heard.said[index] not in heard.language.names.titles)


def _is_name(heard: Heard, finding: Finding) -> bool:
    if finding.entity_type == "DATE_OF_BIRTH":
        return not all(heard.said[index] in heard.language.names.never for index in finding.words)
    if heard.document and finding.entity_type == "LOCATION":
        return not names.is_company(heard, finding.words)
    if finding.entity_type != "PERSON":
        return True
    everyday = all(
        (heard.common(index) and not heard.named(index)) or heard.said[index].isdigit() for index in finding.words
    )
    return not everyday and not names.is_company(heard, finding.words)
