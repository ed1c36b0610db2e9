"""Neural name recognition beyond spaCy, as extras: transformers token classifiers, and GLiNER.

Models come from a folder on this machine and are never fetched; only weights in the safetensors form are read, because
the older form can run code. Both libraries are imported when a model is loaded, and nowhere else.

A long turn is read in windows that overlap: no engine is trusted to say that it cut a text off.
"""

import importlib
import importlib.util
import logging
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from redact.errors import ModelMissing, PolicyError

Kind = Literal["transformers", "gliner"]
Aggregation = Literal["simple", "first", "average", "max"]

_MODULES: Mapping[Kind, tuple[str, ...]] = {"transformers": ("transformers", "torch"), "gliner": ("gliner", "torch")}
_FILES: Mapping[Kind, tuple[tuple[str, ...], ...]] = {
    "transformers": (("config.json",), ("tokenizer.json",), ("model.safetensors", "model.safetensors.index.json")),
    "gliner": (("gliner_config.json",), ("tokenizer_config.json",), ("model.safetensors",)),
}
_PREFIX = re.compile(r"^[BIEOULS]-")
# As GLiNER's own splitter: words, and marks one by one.
_WORD = re.compile(r"\w+(?:[-_]\w+)*|\S")
# GLiNER cuts after `max_len` words; half of it leaves room for words that split into many pieces.
_GLINER_WORDS = 192
_BATCH = 16


class MissingExtra(ModelMissing):
    """An optional library that the work needs is not installed."""


@dataclass(frozen=True, slots=True)
class Span:
    """Characters [start, end) of a text that a model gave a label, and its score in [0, 1]."""

    start: int
    end: int
    label: str
    score: float


@dataclass(frozen=True, slots=True)
class Settings:
    """Which model to load and how to ask it.

    Attributes:
        kind: the library.
        folder: of the model.
        labels: the model's labels (transformers, without `B-`) or what to ask for (GLiNER), to entity types.
        threshold: least score.
        device: `cpu`, `cuda` or `cuda:N`.
        aggregation: how transformers joins pieces of words.
        flat: GLiNER finds no spans inside spans.
        several: GLiNER may give a span several labels.
    """

    kind: Kind
    folder: Path
    labels: Mapping[str, str]
    threshold: float
    device: str = "cpu"
    aggregation: Aggregation = "simple"
    flat: bool = True
    several: bool = False


class Engine(Protocol):
    """A model that labels stretches of text."""

    def find(self, texts: Sequence[str]) -> list[tuple[Span, ...]]:
        """Labelled spans of each text, those of known labels and of enough score."""
        ...


def require(kind: Kind) -> None:
    """Check that an engine's libraries are installed, without importing them.

    Raises:
        MissingExtra: they are not.
    """
    missing = [name for name in _MODULES[kind] if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtra(
            f"the recognizers file wants {kind}, and {' and '.join(missing)} is not installed",
            hint=f'pip install "callredact[{kind}]"',
        )


def check_folder(kind: Kind, folder: Path) -> None:
    """Check that a folder holds what an engine reads.

    Raises:
        ModelMissing: something is not there.
    """
    for names in _FILES[kind]:
        if not any((folder / name).is_file() for name in names):
            raise ModelMissing(
                f"the model folder {folder} has no {' or '.join(names)}",
                hint=f"put a {kind} model with safetensors weights and its tokenizer there; models are not fetched",
            )


def load(settings: Settings) -> Engine:
    """Load a model from its folder.

    Raises:
        MissingExtra: the library is not installed.
        ModelMissing: the folder does not hold a whole model that can be loaded.
        PolicyError: the model gives none of the labels that are asked for.
    """
    require(settings.kind)
    check_folder(settings.kind, settings.folder)
    return _Transformers(settings) if settings.kind == "transformers" else _Gliner(settings)


class _Transformers:
    """A token classifier."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pipeline = _loaded(settings, self._load)
        given = {_PREFIX.sub("", label) for label in self._pipeline.model.config.id2label.values()}
        if not given & set(settings.labels):
            raise PolicyError(
                f"the model in {settings.folder} gives none of the labels in label_mapping",
                hint=f"its labels: {', '.join(sorted(given - {'O'}))}",
            )

    def _load(self) -> Any:
        transformers = importlib.import_module("transformers")
        folder = str(self._settings.folder)
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = transformers.AutoModelForTokenClassification.from_pretrained(
            folder, local_files_only=True, use_safetensors=True
        )
        # Tokenizers often don't know their model's limit, and some models keep two positions for themselves.
        limit = (getattr(model.config, "max_position_embeddings", None) or 514) - 2
        tokenizer.model_max_length = min(tokenizer.model_max_length, limit)
        return transformers.pipeline(
            "token-classification",
            model=model,
            tokenizer=tokenizer,
            aggregation_strategy=self._settings.aggregation,
            device=self._settings.device,
        )

    def find(self, texts: Sequence[str]) -> list[tuple[Span, ...]]:
        """As `Engine.find`. The windows are ours: where the library's own overlap, it drops what it found twice."""
        limit = self._pipeline.tokenizer.model_max_length
        windows = [
            (number, offset, window)
            for number, text in enumerate(texts)
            for offset, window in fitting(text, max(1, limit // 2), self._fits)
        ]
        answers = self._pipeline([window for _, _, window in windows], batch_size=_BATCH) if windows else []
        spans: list[dict[Span, None]] = [{} for _ in texts]
        for (number, offset, _), answer in zip(windows, answers, strict=True):
            spans[number].update(dict.fromkeys(self._spans(answer, offset)))
        return [tuple(found) for found in spans]

    def _fits(self, text: str) -> bool:
        tokenizer = self._pipeline.tokenizer
        tokens: list[int] = tokenizer(text, verbose=False)["input_ids"]
        return len(tokens) <= int(tokenizer.model_max_length)

    def _spans(self, answer: Sequence[Mapping[str, Any]], offset: int) -> Iterator[Span]:
        for found in answer:
            label, score = _PREFIX.sub("", str(found["entity_group"])), float(found["score"])
            if label in self._settings.labels and score >= self._settings.threshold:
                yield Span(int(found["start"]) + offset, int(found["end"]) + offset, label, score)


class _Gliner:
    """A model that is asked for labels in words."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._model = _loaded(settings, self._load)
        self._words = min(_GLINER_WORDS, int(getattr(self._model.config, "max_len", 384)) // 2)

    def _load(self) -> Any:
        gliner = importlib.import_module("gliner")
        model = gliner.GLiNER.from_pretrained(
            str(self._settings.folder), local_files_only=True, map_location=self._settings.device
        )
        return model.eval()

    def find(self, texts: Sequence[str]) -> list[tuple[Span, ...]]:
        """As `Engine.find`."""
        windows = [(number, *window) for number, text in enumerate(texts) for window in windowed(text, self._words)]
        answers = self._ask([window for _, _, window in windows]) if windows else []
        spans: list[dict[Span, None]] = [{} for _ in texts]
        for (number, offset, _), answer in zip(windows, answers, strict=True):
            for found in answer:
                span = Span(found["start"] + offset, found["end"] + offset, found["label"], float(found["score"]))
                spans[number][span] = None
        return [tuple(found) for found in spans]

    def _ask(self, texts: list[str]) -> list[list[dict[str, Any]]]:
        settings = self._settings
        answers: list[list[dict[str, Any]]] = self._model.inference(
            texts,
            list(settings.labels),
            flat_ner=settings.flat,
            threshold=settings.threshold,
            multi_label=settings.several,
            batch_size=_BATCH,
        )
        return answers


def windowed(text: str, words: int) -> Iterator[tuple[int, str]]:
    """Stretches of a text of at most so many words, each with its offset; neighbours share a quarter of them."""
    found = [match.span() for match in _WORD.finditer(text)]
    step = max(1, words - words // 4)
    for first in range(0, len(found), step):
        part = found[first : first + words]
        yield part[0][0], text[part[0][0] : part[-1][1]]
        if first + words >= len(found):
            break


def fitting(text: str, words: int, fits: Callable[[str], bool]) -> Iterator[tuple[int, str]]:
    """Windows of a text that fit, each with its offset: of so many words, or fewer where they take more room."""
    for offset, window in windowed(text, words):
        if words == 1 or fits(window):
            yield offset, window
        else:
            yield from ((offset + inner, part) for inner, part in fitting(window, words // 2, fits))


def _loaded(settings: Settings, make: Callable[[], Any]) -> Any:
    for name in ("transformers", "gliner"):
        logging.getLogger(name).setLevel(logging.ERROR)
    importlib.import_module("transformers").utils.logging.disable_progress_bar()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return make()
        # Whatever these libraries raise for a broken folder, of their many kinds, means the same to the user.
        except Exception as error:
            raise ModelMissing(
                f"the {settings.kind} model in {settings.folder} can't be loaded ({type(error).__name__})",
                hint="check that the folder holds the whole model, and that it is of this kind",
            ) from None
