"""Policies: what to look for, how to mask it, and what to do in doubt. Data in YAML, checked here.

A policy names every key; an unknown key is an error that names the nearest known one.
"""

import difflib
import hashlib
import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from redact.data import data_path
from redact.errors import PolicyError
from redact.findings import MaskKind, MaskStyle

LabelStyle = Literal["type", "numbered", "hash", "keyed"]
InDoubt = Literal["mask", "hold", "report"]
Unverified = Literal["hold", "reject"]
Channels = Literal["all", "speaker_only"]
Originals = Literal["keep", "move", "vault", "delete"]

ENTITY_TYPES: tuple[str, ...] = (
    "PERSON", "CREDIT_CARD", "CREDIT_CARD_CVV", "CREDIT_CARD_EXPIRATION", "IBAN_CODE", "BANK_ACCOUNT",
    "PHONE_NUMBER", "EMAIL_ADDRESS", "URL", "USERNAME", "STREET_ADDRESS", "POSTAL_CODE", "LOCATION",
    "DATE_OF_BIRTH", "AGE", "US_SSN", "US_ITIN", "UK_NINO", "UK_NHS", "FR_NIR", "NATIONAL_ID", "PASSPORT",
    "DRIVER_LICENSE", "VEHICLE_PLATE", "VIN", "ACCOUNT_REFERENCE", "CREDENTIAL", "SECRET_ANSWER", "IP_ADDRESS",
    "MEDICAL", "SPECIAL_CATEGORY", "KEYPAD_TONES", "ORGANIZATION", "NRP", "DATE_TIME", "NUMBER", "CUSTOM",
)  # fmt: skip

# Codes and PINs are dropped: nothing that is made from them stands anywhere.
DROPPED_TYPES = frozenset({"CREDIT_CARD_CVV", "CREDENTIAL"})
# What a type has to be called to stand in an encrypted text's token.
_TOKEN_NAME = re.compile(r"[^\[\]\s:]+")


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Mask(_Closed):
    """How sound is replaced."""

    kind: MaskKind = "tone"
    frequency_hz: int = Field(default=1000, ge=100, le=4000)
    level_dbfs: float = Field(default=-20.0, ge=-60.0, le=0.0)

    def style(self) -> MaskStyle:
        """As the audio modules take it."""
        return MaskStyle(self.kind, self.frequency_hz, self.level_dbfs)


class Padding(_Closed):
    """How far masks reach beyond the words. Word times are estimates; starts are worse than ends."""

    before_ms: int = Field(default=150, ge=0, le=5000)
    after_ms: int = Field(default=100, ge=0, le=5000)
    merge_gap_ms: int = Field(default=200, ge=0, le=5000)
    grid_ms: int = Field(default=200, ge=1, le=5000)


class ReplaceText(_Closed):
    """A label stands in the text: this one, or by `label_style`."""

    operator: Literal["replace"]
    label: str | None = Field(default=None, pattern=r"^\S(?:[^\r\n\t]{0,58}\S)?$")


class MaskText(_Closed):
    """A fixed number of characters, whatever the length; after them the last letters or digits of a long number."""

    operator: Literal["mask"]
    character: str = Field(default="*", pattern=r"^[^\s\d]$")
    keep_last: int = Field(default=0, ge=0, le=4)


class OtherText(_Closed):
    """The operators without parameters."""

    operator: Literal["redact", "hash", "encrypt", "keep", "surrogate", "custom"]


Operator = Annotated[ReplaceText | MaskText | OtherText, Field(discriminator="operator")]
_OPERATOR_MODELS: dict[str, type[_Closed]] = {
    name: model
    for model in (ReplaceText, MaskText, OtherText)
    for name in get_args(model.model_fields["operator"].annotation)
}
OPERATORS = tuple(_OPERATOR_MODELS)
KEYED_OPERATORS = frozenset({"hash", "encrypt", "surrogate"})


class Policy(_Closed):
    """One policy, complete. `recognizers`: YAML files of the user's own, absolute or from the current folder."""

    name: str
    description: str
    entities: dict[str, float]
    number_run_digits: int | None = Field(default=None, ge=1)
    label_style: LabelStyle = "numbered"
    operators: dict[str, Operator] = {}
    mask: Mask = Mask()
    padding: Padding = Padding()
    channels: Channels = "all"
    in_doubt: InDoubt = "mask"
    unverified: Unverified = "hold"
    keep_fields: tuple[str, ...] = ()
    recognizers: tuple[str, ...] = ()
    lawful_basis: Literal["required", "optional"] = "optional"
    originals: Originals = "keep"
    clear_transcript: Literal["drop", "vault"] = "drop"
    subject_index: bool = True

    @field_validator("recognizers", "keep_fields", mode="before")
    @classmethod
    def _one_or_several(cls, given: Any) -> Any:
        return () if given is None else (given,) if isinstance(given, str) else given

    @field_validator("operators", mode="before")
    @classmethod
    def _named_or_written_out(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {kind: {"operator": how} if isinstance(how, str) else how for kind, how in given.items()}

    @property
    def needs_key(self) -> bool:
        """True where something in the text is made with a key."""
        return self.label_style == "keyed" or any(how.operator in KEYED_OPERATORS for how in self.operators.values())

    @property
    def digest(self) -> str:
        """SHA-256 of the policy's content: its identity in reports. Whether an index is kept changes no output."""
        content = json.dumps(
            {
                **self.model_dump(mode="json", exclude={"recognizers", "subject_index"}),
                # By what the files say, not by where they lie.
                **({"recognizers": [_read_own(file)[1] for file in self.recognizers]} if self.recognizers else {}),
            },
            sort_keys=True,
        )
        return hashlib.sha256(content.encode()).hexdigest()

    def wants(self, entity_type: str, score: float) -> bool:
        """True where a finding of that type and score is to be masked."""
        threshold = self.entities.get(entity_type)
        return threshold is not None and score >= threshold

    def with_recognizers(self, file: str | Path) -> "Policy":
        """The policy with the recognizers of one more file; entity types of its own are masked at any score.

        Raises:
            PolicyError: the file can't be read.
        """
        return _validated(
            _with_own_types({**self.model_dump(), "recognizers": (*self.recognizers, str(file))}), self.name
        )

    def changed(self, **overrides: Any) -> "Policy":
        """The policy with some keys replaced, checked again.

        Raises:
            PolicyError: an override is wrong.
        """
        return _validated({**self.model_dump(), **overrides}, self.name)


def names() -> tuple[str, ...]:
    """Names of the policies that come with the product."""
    return tuple(sorted(file.stem for file in data_path("pipelines").glob("*.yaml")))


def load(name_or_file: str | Path) -> Policy:
    """A policy by the name of one that comes with the product, or from a YAML file.

    Raises:
        PolicyError: there is no such policy, or it is wrong.
    """
    file = Path(name_or_file)
    if file.suffix not in {".yaml", ".yml"}:
        if str(name_or_file) not in names():
            raise PolicyError(
                f"there is no policy named {str(name_or_file)!r}", hint=nearest(str(name_or_file), names(), "policy")
            )
        file = data_path("pipelines") / f"{name_or_file}.yaml"
    try:
        data = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise PolicyError(f"can't read the policy {file}: {error.strerror}", hint="check the path") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = f" (line {line + 1})" if line is not None else ""
        raise PolicyError(
            f"the policy {file} is not valid YAML{where}", hint="mend the file, then: redact policy check FILE"
        ) from None
    if isinstance(data, dict) and data.get("recognizers"):
        given = data["recognizers"]
        files = [given] if isinstance(given, str) else given
        if not isinstance(files, list) or not all(isinstance(path, str) for path in files):
            raise PolicyError(
                f"the policy {name_or_file} is wrong: recognizers: not a file", hint="give the path of a YAML file"
            )
        data = _with_own_types({**data, "recognizers": [str(file.parent / path) for path in files]})
    return _validated(data, str(name_or_file))


def _read_own(file: str) -> tuple[frozenset[str], str]:
    """The entity types that a recognizers file names, and its SHA-256. Its other faults are found where it is used.

    Raises:
        PolicyError: it can't be read.
    """
    try:
        content = Path(file).read_bytes()
        data = yaml.safe_load(content.decode("utf-8"))
    except OSError as error:
        raise PolicyError(f"can't read the recognizers {file}: {error.strerror}", hint="check the path") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = f" (line {line + 1})" if line is not None else ""
        raise PolicyError(f"the recognizers {file} are not valid YAML{where}", hint="mend the file") from None
    entries = data.get("recognizers") if isinstance(data, dict) else None
    types: set[str] = set()
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict):
            mappings = [entry.get(key) for key in ("label_mapping", "entity_mapping")]
            named = [entry.get("supported_entity"), *(t for m in mappings if isinstance(m, dict) for t in m.values())]
            types |= {entity_type for entity_type in named if isinstance(entity_type, str)}
    return frozenset(types), hashlib.sha256(content).hexdigest()


def _with_own_types(data: dict[str, Any]) -> dict[str, Any]:
    """Policy data with the types that its recognizers files add: masked at any score where nothing else is said."""
    own = {entity_type for file in data["recognizers"] for entity_type in _read_own(file)[0]} - set(ENTITY_TYPES)
    entities = data.get("entities")
    if not isinstance(entities, dict):
        return data
    return {**data, "entities": {**dict.fromkeys(sorted(own), 0.0), **entities}}


def _validated(data: Any, origin: str) -> Policy:
    if not isinstance(data, dict):
        raise PolicyError(f"the policy {origin} is not a mapping", hint="compare with: redact policy show default")
    try:
        policy = Policy.model_validate(data)
    except ValidationError as error:
        raise PolicyError(f"the policy {origin} is wrong: {_explain(error)}", hint=_key_hint(error)) from None
    known = {*ENTITY_TYPES, *(t for own in policy.recognizers for t in _read_own(own)[0])}
    for entity_type, threshold in policy.entities.items():
        if entity_type not in known:
            raise PolicyError(
                f"the policy {origin} names an unknown entity type {entity_type!r}",
                hint=nearest(entity_type, tuple(sorted(known)), "entity type"),
            )
        if not 0 <= threshold <= 1:
            raise PolicyError(
                f"the threshold of {entity_type} in {origin} is not between 0 and 1", hint="give a number from 0 to 1"
            )
    _check_operators(policy, known, origin)
    return policy


def _check_operators(policy: Policy, known: set[str], origin: str) -> None:
    for entity_type, how in policy.operators.items():
        if entity_type not in known:
            raise PolicyError(
                f"the policy {origin} has an operator for an unknown entity type {entity_type!r}",
                hint=nearest(entity_type, tuple(sorted(known)), "entity type"),
            )
        if entity_type in DROPPED_TYPES and (
            how.operator not in {"replace", "redact", "mask"} or (isinstance(how, MaskText) and how.keep_last)
        ):
            raise PolicyError(
                f"the policy {origin} would keep something of {entity_type}: such codes are dropped",
                hint="use replace, redact, or mask with keep_last: 0",
            )
        if how.operator == "encrypt" and not _TOKEN_NAME.fullmatch(entity_type):
            raise PolicyError(
                f"the policy {origin} encrypts {entity_type!r}, whose name can't stand in an encrypted text",
                hint="name the type without spaces, brackets and colons",
            )


def _explain(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    path = _path(first)
    key = ".".join(path)
    if first["type"] == "union_tag_invalid":
        return f"{key}: unknown operator {first['ctx']['tag']!r}"
    if first["type"] == "union_tag_not_found":
        return f"{key}: names no operator"
    return f"unknown key {key!r}" if first["type"] == "extra_forbidden" else f"{key}: {first['msg']}"


def _path(fault: Any) -> list[str]:
    """Where a fault is, as the policy is written: not with the operator's name, which pydantic puts in between."""
    path = [str(part) for part in fault["loc"]]
    return [*path[:2], *path[3:]] if path[:1] == ["operators"] else path


def _key_hint(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    if first["type"] == "union_tag_invalid":
        return nearest(str(first["ctx"]["tag"]), OPERATORS, "operator")
    if first["type"] == "union_tag_not_found":
        return f"give operator: one of {', '.join(OPERATORS)}"
    if first["type"] != "extra_forbidden":
        return "compare with: redact policy show default"
    *path, key = _path(first)
    nested: dict[str, type[_Closed]] = {"mask": Mask, "padding": Padding}
    model: type[_Closed] = nested.get(path[0], Policy) if path else Policy
    if path[:1] == ["operators"]:
        model = _OPERATOR_MODELS[str(first["loc"][2])]
    return nearest(key, tuple(model.model_fields), "key")


def nearest(name: str, known: tuple[str, ...], what: str) -> str:
    """A hint that names the known name nearest to an unknown one, or all of them."""
    close = difflib.get_close_matches(name, known, 1, 0.4) or difflib.get_close_matches(name.upper(), known, 1, 0.4)
    if close:
        return f"did you mean the {what} {close[0]!r}?"
    return f"known: {', '.join(known)}"
