"""The models of one run: found, loaded at first use, and kept."""

from collections.abc import Sequence
from copy import copy
from typing import TYPE_CHECKING

from redact.detect import recognizers
from redact.detect.spoken.base import supported
from redact.errors import HeldForReview, UsageError
from redact.listen import longest_clips
from redact.models import Registry, locate
from redact.transcribe.engine import Clip, Engine

if TYPE_CHECKING:  # it imports Presidio and spaCy, which take seconds
    from redact.detect.detector import Detector

DEFAULT_MODEL = "base"
# The spaCy model of each language that can be redacted: as the registry has them.
SPACY_MODELS = {
    language: model.name
    for model in Registry.load()
    if model.engine == "spacy"
    for language in model.languages
    if language in supported()
}


class Loaded:
    """The speech model and the detectors of a run.

    Attributes:
        digests: SHA-256 of each model that was loaded, by its name.
        language: that is to be spoken in all calls, or `auto`.
    """

    def __init__(
        self,
        model: str | None,
        language: str,
        device: str,
        terms: tuple[tuple[str, ...], tuple[str, ...]],
        own_recognizers: Sequence[str],
        threads: int | None = None,
    ) -> None:
        """Nothing is loaded yet.

        Args:
            model: name or folder of the speech model; None for the default.
            language: ISO 639-1, or `auto`.
            device: `auto`, `cpu` or `cuda`.
            terms: those that are never personal, and those that always are.
            own_recognizers: files of the user's own recognizers.
            threads: of the speech model; None for one a core.

        Raises:
            UsageError: the language is not one that can be redacted.
            PolicyError: a file of recognizers is wrong.
            ModelMissing: a recognizer wants a library or a model that is not here.
        """
        _check(language)
        self.digests: dict[str, str] = {}
        self.language = language
        self._model = model
        self._device = device
        self._threads = threads
        self._terms = terms
        self._recognizers = recognizers.read(own_recognizers)
        self._allowed = recognizers.allowed(own_recognizers)
        self._engine: Engine | None = None
        self._detectors: dict[str, Detector] = {}

    def engine(self) -> Engine:
        """The speech model.

        Raises:
            ModelMissing: it isn't here.
            UsageError: it doesn't know the language.
        """
        if self._engine is None:
            from redact.transcribe.whisper import FasterWhisper

            files = locate(self._model or DEFAULT_MODEL, engine="faster-whisper")
            if self.language != "auto" and not files.covers(self.language):
                raise UsageError(
                    f"the model {files.name} doesn't know the language {self.language!r}",
                    hint="choose a multilingual model, such as: --model base",
                )
            self.digests[files.name] = files.digest
            if self.language == "auto" and len(files.languages) == 1 and files.languages[0] != "*":
                self.language = files.languages[0]
            self._engine = FasterWhisper(files.path, files.name, device=self._device, threads=self._threads)
        return self._engine

    def speaking(self, language: str) -> "Loaded":
        """The same models, for calls in one language.

        Raises:
            UsageError: the language is not one that can be redacted, or the speech model doesn't know it.
            ModelMissing: the speech model isn't here.
        """
        _check(language)
        self.engine()  # loaded once, for all languages
        told = copy(self)
        told.language = language
        return told

    def language_of(self, clips: Sequence[Clip]) -> tuple[str, float | None]:
        """The language of a call and its probability; None where it was given, or nothing is heard.

        Raises:
            HeldForReview: it is one that can't be redacted.
        """
        engine = self.engine()
        if self.language != "auto" or not clips:
            return (self.language if self.language != "auto" else supported()[0]), None
        language, probability = engine.detect_language(longest_clips(clips))
        if language not in supported():
            raise HeldForReview(
                f"the call seems to be in {language!r}, which can't be redacted; nothing was published",
                hint=f"if it is in another language, give it: --language {'|'.join(supported())}",
                reason="language",
            )
        return language, round(probability, 3)

    def language_for(self, declared: str, clips: Sequence[Clip]) -> str:
        """The language of a call whose transcript is given: as chosen, or as the transcript says, or as it is heard.

        Raises:
            UsageError: the transcript says one that can't be redacted.
            HeldForReview: it is heard to be one that can't be redacted.
        """
        if self.language != "auto":
            return self.language
        language = declared.lower().replace("_", "-").partition("-")[0]
        if language in supported():
            return language
        if language:
            raise UsageError(
                "the transcript says it is in a language that can't be redacted",
                hint=f"if it is in another language, give it: --language {'|'.join(supported())}",
            )
        return self.language_of(clips)[0]

    def detector(self, language: str) -> "Detector":
        """What finds personal data in a language.

        Raises:
            ModelMissing: the language's spaCy model is not here.
        """
        if language not in self._detectors:
            from redact.detect.detector import Detector
            from redact.detect.presidio import DenyTerms

            files = locate(SPACY_MODELS[language], engine="spacy")
            self.digests[files.name] = files.digest
            allow, deny = self._terms
            terms = DenyTerms((*allow, *self._allowed), deny)
            self._detectors[language] = Detector(language, files.path, terms, self._recognizers)
        return self._detectors[language]


def _check(language: str) -> None:
    if language != "auto" and language not in supported():
        raise UsageError(
            f"the language {language!r} can't be redacted", hint=f"use auto, or one of: {', '.join(supported())}"
        )
