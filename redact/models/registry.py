"""The models that `redact` knows by name: `models.toml`, read and checked.

Pure but for reading that one file. What is on the disk is the business of `redact.models.find`.
"""

import hashlib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, Self

from redact.data import data_path
from redact.errors import ModelMissing, PolicyError

Engine = Literal["faster-whisper", "spacy"]

ENGINES: tuple[Engine, ...] = ("faster-whisper", "spacy")
ANY_LANGUAGE = "*"
"""In a model's languages: all those that its engine knows."""

# Each need with its alternatives. Without tokenizer.json faster-whisper would fetch one from the network.
_NEEDS: dict[Engine, tuple[tuple[str, ...], ...]] = {
    "faster-whisper": (("model.bin",), ("config.json",), ("tokenizer.json",), ("vocabulary.json", "vocabulary.txt")),
    "spacy": (("meta.json",), ("config.cfg",)),
}
WHISPER_FILES = re.compile(r"(model\.bin|(config|preprocessor_config|tokenizer)\.json|vocabulary\.(json|txt))")
"""What faster-whisper reads in a model's folder. It has no `/`: a hostile listing can't name a file elsewhere."""

FOLDER_WAY = "or point to a folder that holds one with --model FOLDER"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_KEYS = {"name", "aliases", "engine", "languages", "licence", "source", "packages", "folder", "hub", "files"}


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of a model.

    Attributes:
        name: relative to the model's folder, with `/`.
        size_bytes: its length.
        sha256: hex digest of its bytes.
        parts: where its pieces lie in the packages, in order; empty where the file is used in place.
    """

    name: str
    size_bytes: int
    sha256: str
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Package:
    """A Python package, at the one version that is accepted, read as data and never imported."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Model:
    """One model of the registry.

    It comes from one package whose `folder` is used in place, from several packages whose `parts` are joined in
    the cache, or from a `hub` repository that is fetched on request only.

    Attributes:
        name: what `--model` and policies call it; also the name of its folder in the cache.
        engine: what loads it.
        languages: ISO 639-1 codes, or `ANY_LANGUAGE`.
        licence: of the weights.
        source: who made it and from what.
        files: every file that the engine reads, with its hash; empty for a hub model.
        packages: all that hold a piece of it.
        folder: the model's folder, relative to where its package is installed.
        hub: repository id on the Hugging Face hub.
        aliases: further names.
    """

    name: str
    engine: Engine
    languages: tuple[str, ...]
    licence: str
    source: str
    files: tuple[ModelFile, ...] = ()
    packages: tuple[Package, ...] = ()
    folder: str | None = None
    hub: str | None = None
    aliases: tuple[str, ...] = ()

    @property
    def pinned(self) -> bool:
        """True where `models.toml` states the hash of every file."""
        return bool(self.files)

    @property
    def hashes(self) -> dict[str, str]:
        """The stated sha256 of each file; empty where it is not pinned."""
        return {file.name: file.sha256 for file in self.files}

    @property
    def size_bytes(self) -> int | None:
        """All files together; None where it is not pinned."""
        return sum(file.size_bytes for file in self.files) or None

    @property
    def how_to_get(self) -> str:
        """The two ways to get this model, as a hint."""
        way = (
            f"fetch it: redact models pull {self.name}" if self.hub else 'install it: pip install "callredact[models]"'
        )
        return f"{way}; {FOLDER_WAY}"


@dataclass(frozen=True, slots=True)
class Registry:
    """All models of `models.toml`, in its order."""

    models: tuple[Model, ...]

    @classmethod
    def load(cls, path: Path | None = None) -> Self:
        """Reads `path`, or the registry that ships with `redact`.

        Raises:
            PolicyError: the file can't be read, or says something that makes no sense.
        """
        path = path or data_path("models.toml")
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
            models = tuple(_model(entry) for entry in document["model"])
        except (OSError, KeyError, TypeError, ValueError) as error:
            detail = f"lacks {error}" if isinstance(error, KeyError) else str(error)
            raise PolicyError(f"the models registry can't be used: {detail}", hint=f"mend {path.name}") from error
        names = [name for model in models for name in (model.name, *model.aliases)]
        if len(set(names)) < len(names):
            raise PolicyError("the models registry uses a name twice", hint=f"mend {path.name}")
        return cls(models)

    def __iter__(self) -> Iterator[Model]:
        return iter(self.models)

    def names(self, engine: Engine | None = None) -> tuple[str, ...]:
        """Names, without aliases, of all models or of those for one engine."""
        return tuple(model.name for model in self.models if engine in (None, model.engine))

    def find(self, name: str) -> Model | None:
        """The model with that name or alias."""
        return next((model for model in self.models if name == model.name or name in model.aliases), None)

    def get(self, name: str, engine: Engine | None = None) -> Model:
        """The model with that name or alias.

        Raises:
            ModelMissing: there is none, or it is for another engine than the one asked for.
        """
        model = self.find(name)
        if model and engine in (None, model.engine):
            return model
        known = self.names(engine)
        if model:
            raise ModelMissing(
                f"{model.name} is a model for {model.engine}, not for {engine}",
                hint=f"choose one of {', '.join(known)}",
            )
        near = get_close_matches(name, known, n=1, cutoff=0.5)
        question = f"did you mean {near[0]}? " if near else ""
        raise ModelMissing(
            f"there is no model called {name!r}",
            hint=f"{question}choose one of {', '.join(known)} (redact models list), {FOLDER_WAY}",
        )


def lacking(engine: Engine, names: Iterable[str]) -> list[str]:
    """What an engine needs in a model's folder and does not find among these file names."""
    present = set(names)
    return [" or ".join(need) for need in _NEEDS[engine] if present.isdisjoint(need)]


def digest_of(hashes: Mapping[str, str]) -> str:
    """One sha256 for a model: over its sorted `name NUL sha256 LF` lines.

    The same files give the same digest wherever they lie: it is the model's identity in reports.
    """
    lines = "".join(f"{name}\0{sha256}\n" for name, sha256 in sorted(hashes.items()))
    return hashlib.sha256(lines.encode("utf-8", "surrogateescape")).hexdigest()


def _model(entry: dict[str, Any]) -> Model:
    """One `[[model]]` table. Raises ValueError, KeyError or TypeError with what is wrong."""
    if unknown := set(entry) - _KEYS:
        raise ValueError(f"unknown key {min(unknown)!r}")
    model = Model(
        name=_plain_name(entry["name"]),
        engine=_engine(entry["engine"]),
        languages=tuple(entry["languages"]),
        licence=entry["licence"],
        source=entry["source"],
        files=tuple(_file(file) for file in entry.get("files", ())),
        packages=tuple(Package(name, version) for name, version in entry.get("packages", {}).items()),
        folder=entry.get("folder"),
        hub=entry.get("hub"),
        aliases=tuple(entry.get("aliases", ())),
    )
    in_parts = bool(model.files) and all(file.parts for file in model.files)
    ways = (model.hub is not None, model.folder is not None and len(model.packages) == 1, in_parts)
    if sum(ways) != 1 or (model.hub is None) == (not model.files):
        raise ValueError(f"{model.name} needs one of hub, folder in one package, or files in parts")
    if model.hub and model.engine != "faster-whisper":
        raise ValueError(f"{model.name}: only faster-whisper models come from the hub")
    if model.files and (missing := lacking(model.engine, model.hashes)):
        raise ValueError(f"{model.name} lacks {missing[0]}")
    return model


def _plain_name(name: str) -> str:
    # It becomes the name of a folder, and must not be taken for a path on the command line.
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", name):
        raise ValueError(f"{name!r} can't be a model's name")
    return name


def _engine(value: str) -> Engine:
    if value not in ENGINES:
        raise ValueError(f"unknown engine {value!r}")
    return value


def _file(entry: dict[str, Any]) -> ModelFile:
    if not _SHA256.fullmatch(entry["sha256"]):
        raise ValueError(f"the sha256 of {entry['name']!r} is not 64 lower-case hex digits")
    return ModelFile(entry["name"], int(entry["bytes"]), entry["sha256"], tuple(entry.get("parts", ())))
