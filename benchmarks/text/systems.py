"""The two that are compared: each tells, for each character of a case, what it would be masked as."""

import logging
import re
from collections.abc import Callable
from pathlib import Path

from cases import Case

from redact.detect.detector import Detector
from redact.plan import Sound, make_plan
from redact.policy import Policy

# For each turn and each of its characters: a type, or empty where it is left.
Masks = tuple[list[str], ...]
System = Callable[[Case], Masks]
# Types of Presidio that nobody asked for.
UNASKED = {"ORGANIZATION", "NRP", "URL"}


def ours(language: str, spacy_model: Path, policy: Policy) -> System:
    """Our detector and plan: the policy's types and thresholds, whole words, repeated values everywhere."""
    detector = Detector(language, spacy_model)

    def detect(case: Case) -> Masks:
        transcript = case.transcript()
        plan = make_plan(transcript, detector.find(transcript), policy, None, Sound())
        masks = tuple([""] * len(said.text) for said in case.turns)
        for said, mask, (_, words) in zip(case.turns, masks, transcript.turn_ranges(), strict=True):
            places = dict(zip(words, re.finditer(r"\S+", said.text), strict=True))
            for one in plan.replacements:
                if one.first in words and one.entity_type not in UNASKED:
                    start, end = places[one.first].start(), places[one.last].end()
                    end -= said.text[end - 1] in ".?!,"  # the mark after a value stays in a transcript
                    mask[start:end] = [one.entity_type] * (end - start)
        return masks

    return detect


def presidio(language: str, spacy_model: Path) -> System:
    """Presidio as it comes, with all its recognizers for the language, over the same spaCy model, turn by turn."""
    import tldextract
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import NlpEngineProvider

    logging.getLogger("presidio-analyzer").setLevel(logging.CRITICAL)
    # Its e-mail recognizer would fetch a list of suffixes while the clock runs; the bundled one does.
    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    models = [{"lang_code": language, "model_name": str(spacy_model)}]
    nlp = NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": models}).create_engine()
    registry = RecognizerRegistry(supported_languages=[language])
    registry.load_predefined_recognizers(languages=[language], nlp_engine=nlp)
    engine = AnalyzerEngine(registry=registry, nlp_engine=nlp, supported_languages=[language])

    def detect(case: Case) -> Masks:
        masks = tuple([""] * len(said.text) for said in case.turns)
        for said, mask in zip(case.turns, masks, strict=True):
            for found in sorted(engine.analyze(said.text, language), key=lambda one: one.score):
                if found.entity_type not in UNASKED:
                    mask[found.start : found.end] = [found.entity_type] * (found.end - found.start)
        return masks

    return detect
