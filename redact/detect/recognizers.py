"""The user's own recognizers, allow lists and deny lists: YAML in the form of Presidio's recognizer registry.

Read and checked here, without Presidio; `redact.detect.presidio` makes recognizers of them. Beyond Presidio's form an
entry may have `view` (which reading of the call it sees) and `allow_list` (what it never reports), and the file may
have an `allow_list` for all recognizers. Keys are closed, as in policies. See docs/recognizers.md.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import regex
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from redact.detect.engines import Aggregation, Kind, Settings, check_folder, require
from redact.errors import PolicyError

ViewName = Literal["transcribed", "written", "both"]

# A pattern must be done with each text within this time: in checks on hostile text, and on every view of a call.
CHECK_TIMEOUT_S = 0.5
# Presidio's own default: IGNORECASE | MULTILINE | DOTALL.
DEFAULT_FLAGS = 26
ENGINE_CLASSES: Mapping[str, Kind] = {"HuggingFaceNerRecognizer": "transformers", "GLiNERRecognizer": "gliner"}
# What most models call names, places and organisations.
_DEFAULT_LABELS = {
    "PER": "PERSON", "PERSON": "PERSON", "LOC": "LOCATION", "GPE": "LOCATION", "LOCATION": "LOCATION",
    "ORG": "ORGANIZATION", "ORGANIZATION": "ORGANIZATION", "DATE": "DATE_TIME", "TIME": "DATE_TIME",
}  # fmt: skip
_PROBE_CHARACTERS = 1500

EntityType = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
Score = Annotated[float, Field(ge=0, le=1)]
Terms = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(repr=False)]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class PatternEntry(_Closed):
    """A regular expression of the `regex` module, and the score of what it matches."""

    name: str
    regex: str = Field(repr=False)
    score: Score


class LanguageEntry(_Closed):
    """A language, and words whose nearness raises the score there."""

    language: str
    context: tuple[str, ...] = ()


class Entry(_Closed):
    """What all recognizers have. Without languages: every language."""

    name: str
    type: Literal["custom", "predefined"] = "custom"
    enabled: bool = True
    supported_language: str | None = None
    supported_languages: tuple[str | LanguageEntry, ...] | None = Field(default=None, min_length=1)
    context: tuple[str, ...] = ()
    allow_list: Terms = ()
    view: ViewName = "both"

    @model_validator(mode="after")
    def _one_way_to_say_languages(self) -> "Entry":
        if self.supported_language and self.supported_languages:
            raise PydanticCustomError("languages", "give supported_language or supported_languages, not both")
        return self

    def context_in(self, language: str) -> tuple[str, ...] | None:
        """Context words in a language; None where the recognizer doesn't serve it."""
        if self.supported_language:
            return self.context if self.supported_language == language else None
        if self.supported_languages is None:
            return self.context
        for given in self.supported_languages:
            if isinstance(given, str) and given == language:
                return self.context
            if isinstance(given, LanguageEntry) and given.language == language:
                return given.context or self.context
        return None


class Custom(Entry):
    """Patterns and deny lists."""

    supported_entity: EntityType
    patterns: tuple[PatternEntry, ...] = ()
    deny_list: Terms = ()
    deny_list_score: Score = 1.0

    @model_validator(mode="after")
    def _finds_something(self) -> "Custom":
        if not self.patterns and not self.deny_list:
            raise PydanticCustomError("nothing", "it has neither patterns nor a deny_list")
        return self


class Predefined(Entry):
    """One of Presidio's own, by the name of its class; `supported_entity` gives what it finds another type."""

    class_name: str | None = None
    supported_entity: EntityType | None = None


class _EngineEntry(Entry):
    class_name: str | None = None
    model_name: str
    threshold: Score = 0.3
    device: str = Field(default="cpu", pattern=r"^(cpu|cuda(:\d+)?)$")


class TransformersEntry(_EngineEntry):
    """A token classifier from a folder."""

    label_mapping: dict[str, EntityType] = Field(default=_DEFAULT_LABELS, min_length=1)
    aggregation_strategy: Aggregation = "simple"


class GlinerEntry(_EngineEntry):
    """A GLiNER model from a folder."""

    entity_mapping: dict[str, EntityType] = Field(min_length=1)
    flat_ner: bool = True
    multi_label: bool = False


class _File(_Closed):
    supported_languages: tuple[str, ...] | None = None
    global_regex_flags: int = DEFAULT_FLAGS
    allow_list: Terms = ()
    recognizers: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Recognizer:
    """One recognizer of a file.

    Attributes:
        file: where it is written; for messages, and for relative paths in it.
        entry: its keys, checked.
        regex_flags: of the `regex` module, for its patterns.
        allow: terms that it never reports, lower case.
    """

    file: Path
    entry: Custom | Predefined | TransformersEntry | GlinerEntry
    regex_flags: int
    allow: frozenset[str]

    def wrong(self, what: str, hint: str) -> PolicyError:
        """An error that says where."""
        return PolicyError(f"{self.file}: the recognizer {self.entry.name!r}: {what}", hint=hint)

    def engine(self) -> Settings | None:
        """How to load its model; None where it has none."""
        entry = self.entry
        if isinstance(entry, TransformersEntry):
            folder, labels = self.file.parent / entry.model_name, entry.label_mapping
            return Settings(
                "transformers", folder, labels, entry.threshold, entry.device, aggregation=entry.aggregation_strategy
            )
        if isinstance(entry, GlinerEntry):
            folder, labels = self.file.parent / entry.model_name, entry.entity_mapping
            return Settings(
                "gliner", folder, labels, entry.threshold, entry.device, flat=entry.flat_ner, several=entry.multi_label
            )
        return None


def read(files: Iterable[str | Path]) -> tuple[Recognizer, ...]:
    """The recognizers of YAML files, those that are enabled. Models are looked for, and not loaded.

    Raises:
        PolicyError: a file can't be read or is wrong; the message names the file and the entry.
        ModelMissing: an engine's extra is not installed, or its model folder is not whole.
    """
    found = [recognizer for file in files for recognizer in _read_file(Path(file))]
    for number, recognizer in enumerate(found):
        if any(other.entry.name == recognizer.entry.name for other in found[:number]):
            raise recognizer.wrong("there is another of this name", hint="give each recognizer a name of its own")
    kept = tuple(recognizer for recognizer in found if recognizer.entry.enabled)
    for recognizer in kept:
        if settings := recognizer.engine():
            require(settings.kind)
            check_folder(settings.kind, settings.folder)
    return kept


def allowed(files: Iterable[str | Path]) -> tuple[str, ...]:
    """The terms that files allow for all recognizers.

    Raises:
        PolicyError: a file can't be read or is wrong.
    """
    return tuple(term for file in files for term in _parsed(Path(file)).allow_list)


def _parsed(file: Path) -> _File:
    try:
        data = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise PolicyError(f"can't read the recognizers {file}: {error.strerror}", hint="check the path") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = f" (line {line + 1})" if line is not None else ""
        raise PolicyError(f"the recognizers {file} are not valid YAML{where}", hint="mend the file") from None
    if not isinstance(data, dict):
        raise PolicyError(
            f"the recognizers {file} are not a mapping", hint="begin with the key recognizers: and a list below it"
        )
    try:
        return _File.model_validate(data)
    except ValidationError as error:
        raise PolicyError(f"{file}: {_what(error)}", hint=_next_step(error, _File)) from None


def _read_file(file: Path) -> Iterator[Recognizer]:
    parsed = _parsed(file)
    for number, data in enumerate(parsed.recognizers, start=1):
        entry = _entry(file, number, {"name": data, "type": "predefined"} if isinstance(data, str) else data, parsed)
        allow = frozenset(term.lower() for term in entry.allow_list)
        recognizer = Recognizer(file, entry, parsed.global_regex_flags, allow)
        if isinstance(entry, Custom):
            for pattern in entry.patterns:
                _check_pattern(recognizer, pattern)
        yield recognizer


def _entry(file: Path, number: int, data: Any, parsed: _File) -> Custom | Predefined | TransformersEntry | GlinerEntry:
    named = data.get("name") if isinstance(data, dict) else None
    where = f"{file}: the recognizer {named if isinstance(named, str) else number!r}"
    if not isinstance(data, dict):
        raise PolicyError(f"{where} is not a mapping", hint="give it at least name, supported_entity and patterns")
    model = _model_of(data)
    languages = {"supported_languages", "supported_language"} & set(data)
    given = data if languages or not parsed.supported_languages else {
        **data, "supported_languages": parsed.supported_languages,
    }  # fmt: skip
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise PolicyError(f"{where}: {_what(error)}", hint=_next_step(error, model)) from None


def _model_of(data: Mapping[str, Any]) -> type[Custom | Predefined | TransformersEntry | GlinerEntry]:
    kind = ENGINE_CLASSES.get(str(data.get("class_name") or data.get("name")))
    if data.get("type") == "custom" or "patterns" in data or "deny_list" in data:
        return Custom
    if kind:
        return TransformersEntry if kind == "transformers" else GlinerEntry
    return Predefined if data.get("type") == "predefined" else Custom


def _check_pattern(recognizer: Recognizer, pattern: PatternEntry) -> None:
    """Refuse what does not compile, and what hostile text can keep busy."""
    try:
        compiled = regex.compile(pattern.regex, recognizer.regex_flags)
    except regex.error as error:
        why, place = getattr(error, "msg", "wrong"), getattr(error, "pos", None)
        raise recognizer.wrong(
            f"the pattern {pattern.name!r} is no regular expression: {why} at {place}", hint="mend the regex"
        ) from None
    except (ValueError, OverflowError):
        raise recognizer.wrong(
            "global_regex_flags don't go together", hint=f"leave them out for the default, {DEFAULT_FLAGS}"
        ) from None
    for probe in _probes(pattern.regex):
        try:
            for _ in compiled.finditer(probe, timeout=CHECK_TIMEOUT_S):
                pass
        except TimeoutError:
            raise recognizer.wrong(
                f"the pattern {pattern.name!r} can take very long on some texts",
                hint="avoid repeats inside repeats, such as (a+)+; use possessive ones: a++",
            ) from None


def _probes(pattern: str) -> Iterator[str]:
    """Texts on which patterns that backtrack without end do so: repeats of what may be in the pattern, then a clash.

    After it all its characters, because a pattern is not even tried where one that it must have is missing.
    """
    literal = sorted({character for character in pattern if character.isalnum()})[:40]
    clash = "\x00" + "".join(dict.fromkeys(pattern))
    for piece in dict.fromkeys(["a", "A", "1", " ", "1 ", "a ", "a1", "-", "a.", "a@", *literal, "".join(literal)]):
        if piece:
            yield (piece * _PROBE_CHARACTERS)[:_PROBE_CHARACTERS] + clash


def _what(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"unknown key {key!r}"
    return f"{key}: {first['msg']}" if key else first["msg"]


def _next_step(error: ValidationError, model: type[BaseModel]) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    *path, key = (str(part) for part in first["loc"]) if first["loc"] else ("",)
    nested: Mapping[str, type[BaseModel]] = {"patterns": PatternEntry, "supported_languages": LanguageEntry}
    known = nested.get(path[0], model) if path else model
    if first["type"] != "extra_forbidden":
        return "see docs/recognizers.md, or: redact explain --help"
    close = difflib.get_close_matches(key, list(known.model_fields), 1, 0.4)
    return f"did you mean the key {close[0]!r}?" if close else f"known: {', '.join(known.model_fields)}"


def for_language(recognizers: Sequence[Recognizer], language: str) -> Iterator[tuple[Recognizer, tuple[str, ...]]]:
    """Those that serve a language, each with its context words there."""
    for recognizer in recognizers:
        context = recognizer.entry.context_in(language)
        if context is not None:
            yield recognizer, context
