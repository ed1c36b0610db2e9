"""Presidio and spaCy: the only module that imports either.

Recognizers are Presidio's, called one by one: each on the views that it can find something in, so that a turn without
a digit costs no search for cards, phones or IBANs. What a recognizer finds is scored and freed of duplicates as
Presidio's engine does it, context words included. The spaCy pipeline runs once over all turns, in a batch, and only
with the pipes that name recognition needs.
"""

import inspect
import logging
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import regex
import spacy
import tldextract
from presidio_analyzer import (
    AnalysisExplanation,
    EntityRecognizer,
    LocalRecognizer,
    Pattern,
    PatternRecognizer,
    RecognizerResult,
    predefined_recognizers,
)
from presidio_analyzer.context_aware_enhancers import LemmaContextAwareEnhancer
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

from redact.detect import engines
from redact.detect.recognizers import Custom, Predefined, Recognizer, for_language
from redact.detect.spoken.base import Language
from redact.errors import PolicyError
from redact.findings import Finding
from redact.policy import ENTITY_TYPES, nearest
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
# A pattern that takes longer on one view stops the call: what it would have found must not pass in silence.
PATTERN_TIMEOUT_S = 5.0
# Where more than the words of a pattern is checked, and by what. Sources: Presidio's recognizers of these names.
_CHECKS = {
    "CreditCardRecognizer": "checksum:luhn",
    "IbanRecognizer": "checksum:mod97",
    "NhsRecognizer": "checksum:mod11",
    "EmailRecognizer": "domain:public_suffix",
    "UrlRecognizer": "domain:public_suffix",
}
# Presidio's score for what its own checksum has validated.
PROVEN = 1.0
DENY_LIST = "deny_list"
# Evidence of what one of the user's own recognizers or terms found: not to be doubted by rules of ours.
USERS_OWN = "users_own"
_enhance: Callable[..., list[RecognizerResult]] = LemmaContextAwareEnhancer().enhance_using_context


@dataclass(frozen=True, slots=True)
class DenyTerms:
    """The user's own terms: always personal (`deny`), never personal (`allow`)."""

    allow: tuple[str, ...] = field(default=(), repr=False)
    deny: tuple[str, ...] = field(default=(), repr=False)


NO_TERMS = DenyTerms()


class _OfflineEmail(EmailRecognizer):  # type: ignore[misc]
    """Presidio's, with the suffix list that is bundled instead of one fetched at run time."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**{"name": "EmailRecognizer", **given})

    def validate_result(self, pattern_text: str) -> bool:
        return bool(_SUFFIXES(pattern_text).fqdn)


class _OfflineUrl(UrlRecognizer):  # type: ignore[misc]
    """Presidio's, with the suffix list that is bundled instead of one fetched at run time."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**{"name": "UrlRecognizer", **given})

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
        pipeline = spacy.load(model, exclude=_UNNEEDED_PIPES)
        if "tok2vec" in pipeline.pipe_names and not _listens(pipeline):
            pipeline.remove_pipe("tok2vec")  # it would be worked out for nobody, and take half the time
        self.nlp = {language: pipeline}

    def load(self) -> None:
        """Nothing: the pipeline is loaded when the engine is made, never fetched."""

    def _doc_to_nlp_artifact(self, doc: Any, language: str) -> NlpArtifacts:
        entities, scores = self._get_updated_entities(self._get_entities(doc), self._get_scores_for_entities(doc))
        # Without a lemmatizer the words themselves serve as context.
        return NlpArtifacts(entities, doc, [t.idx for t in doc], [t.lower_ for t in doc], self, language, scores)

    def tokenise(self, text: str, language: str) -> NlpArtifacts:
        """Tokens only: what a written view needs for its context words."""
        return self._doc_to_nlp_artifact(self.nlp[language].make_doc(text), language)


def _listens(pipeline: Any) -> bool:
    """True where a pipe takes its vectors from the shared `tok2vec`."""
    models = [pipe.model for name, pipe in pipeline.pipeline if name != "tok2vec" and hasattr(pipe, "model")]
    return any(node.name.endswith("listener") for model in models for node in model.walk())


class _Patterns(PatternRecognizer):  # type: ignore[misc]
    """Presidio's patterns, of ours and of the user: one that does not come to an end is an error, not skipped."""

    def analyze(
        self,
        text: str,
        entities: Sequence[str],  # noqa: ARG002
        nlp_artifacts: NlpArtifacts | None = None,  # noqa: ARG002
        regex_flags: int | None = None,  # noqa: ARG002
    ) -> list[RecognizerResult]:
        """What the patterns match.

        Raises:
            PolicyError: a pattern takes too long on this text.
        """
        results = []
        for pattern in self.patterns:
            if pattern.compiled_regex is None:
                pattern.compiled_regex = regex.compile(pattern.regex, self.global_regex_flags)
            try:
                spans = [m.span() for m in pattern.compiled_regex.finditer(text, timeout=PATTERN_TIMEOUT_S)]
            except TimeoutError:
                raise PolicyError(
                    f"the pattern {pattern.name!r} of {self.name!r} takes too long; nothing was published",
                    hint="avoid repeats inside repeats in its regex",
                ) from None
            why = AnalysisExplanation(self.name, pattern.score, pattern_name=pattern.name)
            results += [
                RecognizerResult(self.supported_entities[0], start, end, pattern.score, why)
                for start, end in spans
                if start < end
            ]
        return results


class _Model(LocalRecognizer):  # type: ignore[misc]
    """A model of `redact.detect.engines` as one of Presidio's recognizers."""

    def __init__(self, name: str, settings: engines.Settings, language: str) -> None:
        self._settings = settings
        self._engine = engines.load(settings)
        super().__init__(sorted(set(settings.labels.values())), name=name, supported_language=language)

    def load(self) -> None:
        """Nothing: the model is loaded when the recognizer is made."""

    def analyze(
        self,
        text: str,
        entities: Sequence[str],  # noqa: ARG002
        nlp_artifacts: NlpArtifacts | None = None,  # noqa: ARG002
    ) -> list[RecognizerResult]:
        """What the model labels in a text."""
        return self.analyze_all([text])[0]

    def analyze_all(self, texts: Sequence[str]) -> list[list[RecognizerResult]]:
        """What the model labels in each text, in one batch."""
        return [
            [
                RecognizerResult(
                    self._settings.labels[span.label],
                    span.start,
                    span.end,
                    span.score,
                    AnalysisExplanation(self.name, span.score, textual_explanation=f"model:{span.label}"),
                )
                for span in spans
            ]
            for spans in self._engine.find(texts)
        ]


@dataclass(frozen=True, slots=True)
class _Needs:
    """What a text must have for a recognizer to find anything: so many digits, some mark, a bit that matches."""

    digits: int = 0
    marks: str = ""
    bit: regex.Pattern[str] | None = None

    def met_by(self, text: str, digits: int) -> bool:
        return (
            digits >= self.digits
            and (not self.marks or any(mark in text for mark in self.marks))
            and (self.bit is None or bool(self.bit.search(text)))
        )


_ANYTHING = _Needs()
# Fewest digits of what the recognizer's patterns, checks and numbering plans let through.
_NEEDS: Mapping[type[EntityRecognizer], _Needs] = {
    CreditCardRecognizer: _Needs(digits=12),
    IbanRecognizer: _Needs(digits=4),
    # `phonenumbers` takes up to four marks between digits, "x" among them.
    PhoneRecognizer: _Needs(digits=5, bit=regex.compile(r"(?:\d[\Wx]{0,4}){5}", regex.IGNORECASE)),
    _OfflineEmail: _Needs(marks="@"),
    _OfflineUrl: _Needs(marks="."),
    IpRecognizer: _Needs(bit=regex.compile(r"\d\.\d|[\da-f:]:|:[\da-f]", regex.IGNORECASE)),
    UsSsnRecognizer: _Needs(digits=9),
    UsItinRecognizer: _Needs(digits=9),
    NhsRecognizer: _Needs(digits=10),
    UkNinoRecognizer: _Needs(digits=6),
}


@dataclass(frozen=True, slots=True)
class _Registered:
    """A recognizer, what it needs, terms that it never reports, and whether it is the user's own."""

    recognizer: EntityRecognizer
    needs: _Needs = _ANYTHING
    allow: frozenset[str] = frozenset()
    users: bool = False

    @property
    def proves(self) -> bool:
        """Can it be sure of anything? Language patterns and numbering plans are not."""
        return self.users or not isinstance(self.recognizer, (_Patterns, PhoneRecognizer))


class Presidio:
    """Presidio's recognizers for one language.

    Args:
        language: whose words and patterns to register.
        model: folder of a spaCy pipeline with a `ner` pipe.
        terms: the user's own.
        recognizers: the user's own; those of other languages are passed over.

    Raises:
        PolicyError: one of the user's recognizers can't be made.
        ModelMissing: one of them wants a library or a model that is not here.
    """

    def __init__(
        self, language: Language, model: Path, terms: DenyTerms = NO_TERMS, recognizers: Sequence[Recognizer] = ()
    ) -> None:
        self._language = language
        self._nlp = _NlpEngine(language.code, model)
        self._allow = frozenset(term.lower() for term in terms.allow)
        deny = _deny_list(terms.deny, language.code)
        own = list(_users(recognizers, language.code))
        self._transcribed = [
            *_transcribed_recognizers(language, deny),
            *(registered for view, registered in own if view != "written"),
        ]
        self._written = [
            *_written_recognizers(language, deny),
            *(registered for view, registered in own if view != "transcribed"),
        ]
        _prepare(*self._transcribed, *self._written)

    def find(
        self, transcribed: Sequence[View], written: Sequence[View], excerpts: Sequence[View] | None = None
    ) -> tuple[Finding, ...]:
        """Findings in both kinds of view, projected to words. Overlaps are not resolved.

        Args:
            transcribed: views of what was said.
            written: views of it in written form.
            excerpts: of what was said, where the spaCy pipeline looks for names; None: everywhere.

        Raises:
            PolicyError: a pattern takes too long.
        """
        asked = _before(transcribed)
        named = [own for own in self._transcribed if isinstance(own.recognizer, SpacyRecognizer)]
        others = [own for own in self._transcribed if own not in named]

        findings = self._names(named, transcribed if excerpts is None else excerpts)
        findings += self._findings(others, transcribed, asked, self._tokens)
        findings += self._findings(self._written, written, asked, self._tokens)
        return tuple(findings)

    def proven(self, written: Sequence[View]) -> tuple[Finding, ...]:
        """What a checksum or the user's own terms prove in further written views; the rest isn't looked for.

        Raises:
            PolicyError: a pattern takes too long.
        """
        proving = [own for own in self._written if own.proves]
        found = self._findings(proving, written, lambda _: "", self._tokens)
        return tuple(finding for finding in found if finding.score >= PROVEN)

    def _tokens(self, text: str) -> NlpArtifacts:
        return self._nlp.tokenise(text, self._language.code)

    def _names(self, named: Sequence[_Registered], views: Sequence[View]) -> list[Finding]:
        """People, places, companies and dates, all views in one batch."""
        code = self._language.code
        texts = list(dict.fromkeys(view.text for view in views if view.text))
        batch = self._nlp.process_batch(texts, code, batch_size=_BATCH)
        read = {text: artifacts for text, (_, artifacts) in zip(texts, batch, strict=True)}
        return self._findings(named, views, lambda _: "", read.__getitem__)

    def _findings(
        self,
        registered: Sequence[_Registered],
        views: Sequence[View],
        asked: Callable[[View], str],
        read: Callable[[str], NlpArtifacts],
    ) -> list[Finding]:
        texts = list(dict.fromkeys(view.text for view in views if view.text))
        modelled = {
            id(own): dict(zip(texts, own.recognizer.analyze_all(texts), strict=True))
            for own in registered
            if isinstance(own.recognizer, _Model)
        }
        in_context = any(own.users and own.recognizer.context for own in registered)
        # Turns repeat ("okay"): what was found in a text after a question is found there again.
        known: dict[tuple[str, str], list[tuple[_Registered, RecognizerResult]]] = {}
        findings = []
        for view in views:
            key = (view.text, asked(view) if in_context else "")
            if key not in known:
                known[key] = self._results(registered, *key, modelled, read) if view.text else []
            for own, result in known[key]:
                if words := view.words_at(result.start, result.end):
                    name = own.recognizer.name
                    why = (*_evidence(result, name), *((USERS_OWN,) if own.users else ()))
                    findings.append(Finding(result.entity_type, words, round(result.score, 3), name, view.name, why))
        return findings

    def _results(
        self,
        registered: Sequence[_Registered],
        text: str,
        asked: str,
        modelled: Mapping[int, Mapping[str, list[RecognizerResult]]],
        read: Callable[[str], NlpArtifacts],
    ) -> list[tuple[_Registered, RecognizerResult]]:
        """What is found in one text, and by which recognizer: as Presidio's engine would find it."""
        digits = sum(map(str.isdigit, text))
        results: list[RecognizerResult] = []
        for own in registered:
            if not own.needs.met_by(text, digits):
                continue
            recognizer = own.recognizer
            if id(own) in modelled:
                found = modelled[id(own)][text]
            else:
                names_only = read(text) if isinstance(recognizer, SpacyRecognizer) else None
                found = recognizer.analyze(text, recognizer.supported_entities, names_only)
            for result in found:
                result.recognition_metadata = {RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: recognizer.id}
            if found and recognizer.context:
                context = asked.split() if own.users else None
                found = _enhance(text, found, read(text), [recognizer], context)
            results += [result for result in found if _said(text, result) not in own.allow | self._allow]
        by_id = {own.recognizer.id: own for own in registered}
        kept = EntityRecognizer.remove_duplicates(results) if len(results) > 1 else results
        return [
            (by_id[result.recognition_metadata[RecognizerResult.RECOGNIZER_IDENTIFIER_KEY]], result) for result in kept
        ]


def _before(turns: Sequence[View]) -> Callable[[View], str]:
    """For a view of what was said: the text of the turn before it, which may ask for it."""
    spoken = sorted((turn.pieces[0].words[0], turn.text) for turn in turns if turn.pieces and turn.pieces[0].words)
    firsts = [first for first, _ in spoken]

    def asked(view: View) -> str:
        first = min((word for piece in view.pieces for word in piece.words), default=0)
        place = bisect_left(firsts, first)
        return spoken[place - 1][1] if place else ""

    return asked


def _said(text: str, result: RecognizerResult) -> str:
    return text[result.start : result.end].strip(" .,;:?!").lower()


def _evidence(result: RecognizerResult, recognizer: str) -> tuple[str, ...]:
    """Why: names of patterns, checks and labels, and context words of the recognizer's own list."""
    why = result.analysis_explanation
    if why is None:
        return ()
    found = []
    if why.pattern_name:
        found.append("deny_list" if why.pattern_name == "deny_list" else f"pattern:{why.pattern_name}")
    elif (why.textual_explanation or "").startswith("model:"):
        found.append(why.textual_explanation)
    elif recognizer == "SpacyRecognizer":
        found.append(f"ner:{result.entity_type}")
    elif recognizer == "PhoneRecognizer":
        found.append("numbering_plan")
    if why.validation_result:
        found.append(_CHECKS.get(recognizer, "validated"))
    if why.supportive_context_word:
        found.append(f"context:{why.supportive_context_word}")
    return tuple(found)


def _registered(recognizer: EntityRecognizer) -> _Registered:
    return _Registered(recognizer, _NEEDS.get(type(recognizer), _ANYTHING), users=recognizer.name == DENY_LIST)


def _prepare(*registered: _Registered) -> None:
    """Load and compile now what would be at the first text that needs it: a call is not to wait for it."""
    _SUFFIXES("example.com")
    for own in registered:
        if isinstance(own.recognizer, PatternRecognizer):
            own.recognizer.analyze("", own.recognizer.supported_entities)


def _users(recognizers: Sequence[Recognizer], language: str) -> Iterator[tuple[str, _Registered]]:
    """The user's recognizers of a language, each with the views that it is for."""
    for own, context in for_language(recognizers, language):
        entry = own.entry
        made: EntityRecognizer
        if settings := own.engine():
            made = _Model(entry.name, settings, language)
        elif isinstance(entry, Custom):
            made = _Patterns(
                entry.supported_entity,
                name=entry.name,
                patterns=[Pattern(p.name, p.regex, p.score) for p in entry.patterns],
                deny_list=list(entry.deny_list),
                deny_list_score=entry.deny_list_score,
                context=list(context),
                supported_language=language,
                global_regex_flags=own.regex_flags,
            )
        else:
            made = _predefined(own, context, language)
        yield entry.view, _Registered(made, _NEEDS.get(type(made), _ANYTHING), own.allow, not isinstance(made, _Model))


_OFFLINE: Mapping[str, type[EntityRecognizer]] = {"EmailRecognizer": _OfflineEmail, "UrlRecognizer": _OfflineUrl}


def _predefined(own: Recognizer, context: tuple[str, ...], language: str) -> EntityRecognizer:
    """One of Presidio's recognizers that need nothing but themselves, by the name of its class."""
    entry = own.entry
    assert isinstance(entry, Predefined)  # noqa: S101 - the other kinds are made elsewhere
    known: dict[str, type[EntityRecognizer]] = {
        name: kind
        for name, kind in vars(predefined_recognizers).items()
        if inspect.isclass(kind)
        and issubclass(kind, (PatternRecognizer, PhoneRecognizer))
        and kind is not PatternRecognizer
    }
    known.update(_OFFLINE)
    name = entry.class_name or entry.name
    if name not in known:
        raise own.wrong(
            f"Presidio has no recognizer {name!r} for use here", nearest(name, tuple(sorted(known)), "recognizer")
        )
    given: dict[str, Any] = {"supported_language": language, "name": entry.name}
    if context:
        given["context"] = list(context)
    if entry.supported_entity:
        given["supported_entity"] = entry.supported_entity
    made = known[name](**given)
    if unknown := sorted(set(made.supported_entities) - {*ENTITY_TYPES, entry.supported_entity}):
        raise own.wrong(
            f"it finds {unknown[0]}, which no policy masks",
            f"add supported_entity: one of the types that policies know, or {unknown[0]} itself",
        )
    return made


def without_lone(findings: Sequence[Finding], entity_type: str, anchors: Sequence[str]) -> tuple[Finding, ...]:
    """Drop findings of a type that are not within 12 words of one of an anchor type: a city alone is no address.

    The user's own stay.
    """
    anchored = [finding.words for finding in findings if finding.entity_type in anchors]
    return tuple(
        finding
        for finding in findings
        if finding.entity_type != entity_type
        or USERS_OWN in finding.evidence
        or any(finding.words[0] - 12 <= words[-1] and words[0] <= finding.words[-1] + 12 for words in anchored)
    )


def _deny_list(terms: Sequence[str], language: str) -> list[EntityRecognizer]:
    if not terms:
        return []
    return [_Patterns("CUSTOM", name=DENY_LIST, deny_list=list(terms), supported_language=language)]


def _own(language: Language, view: str) -> list[_Registered]:
    return [
        _Registered(
            _Patterns(
                entry["entity_type"],
                name=entry["name"],
                patterns=[Pattern(entry["name"], entry["regex"], entry["score"])],
                supported_language=language.code,
                global_regex_flags=_FLAGS,
            ),
            _Needs(digits=entry.get("digits", 0)),
        )
        for entry in language.patterns
        if entry["view"] == view
    ]


def _transcribed_recognizers(language: Language, deny: list[EntityRecognizer]) -> list[_Registered]:
    code = language.code
    names = SpacyRecognizer(supported_language=code, supported_entities=sorted(set(_NER_LABELS.values())))
    others = [names, _OfflineEmail(supported_language=code), IpRecognizer(supported_language=code), *deny]
    return [*map(_registered, others), *_own(language, "transcribed")]


def _written_recognizers(language: Language, deny: list[EntityRecognizer]) -> list[_Registered]:
    code = language.code
    recognizers: list[EntityRecognizer] = [
        # Presidio's own French set has no credit cards.
        CreditCardRecognizer(supported_language=code),
        IbanRecognizer(supported_language=code),
        PhoneRecognizer(supported_language=code, supported_regions=language.phone_regions),
        _OfflineEmail(supported_language=code),
        _OfflineUrl(supported_language=code),
        IpRecognizer(supported_language=code),
    ]
    recognizers += [getattr(predefined_recognizers, name)(supported_language=code) for name in language.recognizers]
    return [*map(_registered, recognizers), *_own(language, "written"), *map(_registered, deny)]
