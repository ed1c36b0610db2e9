"""Presidio and spaCy: the only module that imports either.

Each language gets two analyzers: one for turns as transcribed (spaCy's names and the patterns that need
words) and one for written views (everything that is made of digits and letters). The spaCy pipeline runs
once over all turns, in a batch, and only with the pipes that name recognition needs.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import regex
import spacy
import tldextract
from presidio_analyzer import AnalyzerEngine, EntityRecognizer, Pattern, PatternRecognizer, RecognizerRegistry
from presidio_analyzer.nlp_engine import NerModelConfiguration, NlpArtifacts, SpacyNlpEngine
from presidio_analyzer.predefined_recognizers import (
    CreditCardRecognizer,
    EmailRecognizer,
    IbanRecognizer,
    IpRecognizer,
    NhsRecognizer,
    PhoneRecognizer,
    SpacyRecognizer,
    UkNinoRecognizer,
    UrlRecognizer,
    UsItinRecognizer,
    UsSsnRecognizer,
)

from redact.detect.spoken.base import Language
from redact.findings import Finding
from redact.views import View

# Presidio logs the text that it looks at (its IBAN validator and its decision tracer do): nothing of it may pass.
for _name in ("presidio-analyzer", "presidio-anonymizer", "decision_process"):
    logging.getLogger(_name).handlers = [logging.NullHandler()]
    logging.getLogger(_name).propagate = False

_SUFFIXES = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
_FLAGS = regex.DOTALL | regex.MULTILINE
_NER_LABELS = {
    "PER": "PERSON", "PERSON": "PERSON", "LOC": "LOCATION", "GPE": "LOCATION", "FAC": "LOCATION",
    "ORG": "ORGANIZATION", "NORP": "NRP", "DATE": "DATE_TIME", "TIME": "DATE_TIME",
}  # fmt: skip
# Pipes that only tag and parse: names don't need them, and they are most of the time.
_UNNEEDED_PIPES = ["tagger", "parser", "attribute_ruler", "lemmatizer", "morphologizer", "senter"]
_BATCH = 64


@dataclass(frozen=True, slots=True)
class DenyTerms:
    """The user's own terms: always personal (`deny`), never personal (`allow`)."""

    allow: tuple[str, ...] = field(default=(), repr=False)
    deny: tuple[str, ...] = field(default=(), repr=False)


NO_TERMS = DenyTerms()


class _OfflineEmail(EmailRecognizer):  # type: ignore[misc]
    """Presidio's, with the suffix list that is bundled instead of one fetched at run time."""

    def validate_result(self, pattern_text: str) -> bool:
        return bool(_SUFFIXES(pattern_text).fqdn)


class _OfflineUrl(UrlRecognizer):  # type: ignore[misc]
    """Presidio's, with the suffix list that is bundled instead of one fetched at run time."""

    def validate_result(self, pattern_text: str) -> bool:
        return bool(_SUFFIXES(pattern_text).fqdn)


class _NlpEngine(SpacyNlpEngine):  # type: ignore[misc]
    """Presidio's spaCy engine over a pipeline that is loaded from a folder and stripped to name recognition."""

    def __init__(self, language: str, model: Path) -> None:
        ignored = [label for label in ("CARDINAL", "ORDINAL", "QUANTITY", "MONEY", "PERCENT", "MISC", "EVENT",
                   "LANGUAGE", "LAW", "PRODUCT", "WORK_OF_ART") if label not in _NER_LABELS]  # fmt: skip
        configuration = NerModelConfiguration(
            labels_to_ignore=ignored, model_to_presidio_entity_mapping=dict(_NER_LABELS)
        )
        super().__init__([{"lang_code": language, "model_name": str(model)}], configuration)
        self.nlp = {language: spacy.load(model, exclude=_UNNEEDED_PIPES)}

    def load(self) -> None:
        """Nothing: the pipeline is loaded when the engine is made, never fetched."""

    def _doc_to_nlp_artifact(self, doc: Any, language: str) -> NlpArtifacts:
        entities, scores = self._get_updated_entities(self._get_entities(doc), self._get_scores_for_entities(doc))
        # Without a lemmatizer the words themselves serve as context.
        return NlpArtifacts(entities, doc, [t.idx for t in doc], [t.lower_ for t in doc], self, language, scores)

    def tokenise(self, text: str, language: str) -> NlpArtifacts:
        """Tokens only: what a written view needs for its context words."""
        return self._doc_to_nlp_artifact(self.nlp[language].make_doc(text), language)


class Presidio:
    """Presidio's analyzers for one language.

    Args:
        language: whose words and patterns to register.
        model: folder of a spaCy pipeline with a `ner` pipe.
        terms: the user's own.
    """

    def __init__(self, language: Language, model: Path, terms: DenyTerms = NO_TERMS) -> None:
        self._language = language
        self._nlp = _NlpEngine(language.code, model)
        self._allow = frozenset(term.lower() for term in terms.allow)
        deny = _deny_list(terms.deny, language.code)
        self._transcribed = self._engine(_transcribed_recognizers(language, deny))
        self._written = self._engine(_written_recognizers(language, deny))

    def _engine(self, recognizers: list[EntityRecognizer]) -> AnalyzerEngine:
        registry = RecognizerRegistry(recognizers, supported_languages=[self._language.code])
        return AnalyzerEngine(
            registry=registry,
            nlp_engine=self._nlp,
            supported_languages=[self._language.code],
            default_score_threshold=0,
        )

    def find(self, transcribed: Sequence[View], written: Sequence[View]) -> tuple[Finding, ...]:
        """Findings in both kinds of view, projected to words. Overlaps are not resolved."""
        code = self._language.code
        findings: list[Finding] = []
        texts = [view.text for view in transcribed]
        batch = self._nlp.process_batch(texts, code, batch_size=_BATCH)
        for view, (_, artifacts) in zip(transcribed, batch, strict=True):
            findings += self._analyze(self._transcribed, view, artifacts)
        for view in written:
            findings += self._analyze(self._written, view, self._nlp.tokenise(view.text, code))
        return tuple(findings)

    def _analyze(self, engine: AnalyzerEngine, view: View, artifacts: NlpArtifacts) -> list[Finding]:
        if not view.text:
            return []
        findings = []
        for result in engine.analyze(view.text, self._language.code, nlp_artifacts=artifacts):
            words = view.words_at(result.start, result.end)
            allowed = view.text[result.start : result.end].strip(" .,;:?!").lower() in self._allow
            if words and not allowed:
                name = result.recognition_metadata["recognizer_name"]
                findings.append(Finding(result.entity_type, words, round(result.score, 3), name, view.name))
        return findings


def without_lone(findings: Sequence[Finding], entity_type: str, anchors: Sequence[str]) -> tuple[Finding, ...]:
    """Drop findings of a type that are not within 12 words of one of an anchor type: a city alone is no address."""
    anchored = [finding.words for finding in findings if finding.entity_type in anchors]
    return tuple(
        finding
        for finding in findings
        if finding.entity_type != entity_type
        or any(finding.words[0] - 12 <= words[-1] and words[0] <= finding.words[-1] + 12 for words in anchored)
    )


def _deny_list(terms: Sequence[str], language: str) -> list[EntityRecognizer]:
    if not terms:
        return []
    return [PatternRecognizer("CUSTOM", name="deny_list", deny_list=list(terms), supported_language=language)]


def _own(language: Language, view: str) -> list[EntityRecognizer]:
    return [
        PatternRecognizer(
            entry["entity_type"],
            name=entry["name"],
            patterns=[Pattern(entry["name"], entry["regex"], entry["score"])],
            supported_language=language.code,
            global_regex_flags=_FLAGS,
        )
        for entry in language.patterns
        if entry["view"] == view
    ]


def _transcribed_recognizers(language: Language, deny: list[EntityRecognizer]) -> list[EntityRecognizer]:
    code = language.code
    names = SpacyRecognizer(supported_language=code, supported_entities=sorted(set(_NER_LABELS.values())))
    return [names, _OfflineEmail(supported_language=code), IpRecognizer(supported_language=code),
            *_own(language, "transcribed"), *deny]  # fmt: skip


def _written_recognizers(language: Language, deny: list[EntityRecognizer]) -> list[EntityRecognizer]:
    code = language.code
    recognizers: list[EntityRecognizer] = [
        # Presidio's own French set has no credit cards.
        CreditCardRecognizer(supported_language=code),
        IbanRecognizer(supported_language=code),
        PhoneRecognizer(supported_language=code, supported_regions=language.phone_regions),
        _OfflineEmail(supported_language=code),
        _OfflineUrl(supported_language=code),
    ]
    if code == "en":
        recognizers += [UsSsnRecognizer(), UsItinRecognizer(), NhsRecognizer(), UkNinoRecognizer()]
    return [*recognizers, *_own(language, "written"), *deny]
