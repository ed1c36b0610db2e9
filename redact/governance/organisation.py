"""Who answers for the recordings, and the rules that they set: one YAML file with closed keys, read by all documents.

Its path is the setting `organisation`. `TEMPLATE` is one with every key, commented.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from redact.data import data_path
from redact.errors import PolicyError
from redact.governance.words import LANGUAGES
from redact.policy import nearest
from redact.stores.consent import Basis
from redact.stores.reviews import Role

RetentionClass = Literal["recordings", "analyses", "logs", "requests", "bases"]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


_Text = Annotated[str, Field(max_length=2000)]
_Version = Annotated[str, Field(max_length=40, pattern=r"^[^\x00-\x1f\x7f]*$")]
_Word = Annotated[str, Field(min_length=1, max_length=40)]


class Contact(_Closed):
    """Somebody who can be written to."""

    name: _Text = ""
    address: _Text = ""
    contact: _Text = ""


class Client(Contact):
    """Whom we process for. Calls of `queues` are theirs: a notice of a breach tells how many of these are in it."""

    queues: tuple[_Word, ...] = ()


class Transfer(_Closed):
    """To a third country, and the safeguard it rests on."""

    country: _Text
    safeguard: _Text


class Activity(_Closed):
    """One entry of the register (GDPR, Art. 30). `retention` names the class whose limit holds."""

    id: str = Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")
    name: _Text = ""
    purposes: tuple[_Text, ...] = ()
    lawful_basis: Basis | None = None
    legitimate_interest: _Text = ""
    data_subjects: tuple[_Text, ...] = ()
    data_categories: tuple[_Text, ...] = ()
    recipients: tuple[_Text, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    retention: RetentionClass = "recordings"
    controller: _Text = Field(default="", description="For whom, where we are their processor.")


class Limit(_Closed):
    """How long a class of data is kept, and what that rests on."""

    months: int = Field(ge=1, le=600)
    basis: _Text = ""


class Retention(_Closed):
    """Limits by class. CNIL: recordings 6 months, what is made from them 1 year; logs 6 to 12 months."""

    recordings: Limit = Limit(months=6)
    analyses: Limit = Limit(months=12)
    logs: Limit = Limit(months=12)
    requests: Limit = Limit(months=60)
    bases: Limit = Limit(months=60)


class Requests(_Closed):
    """Time to answer a person (GDPR, Art. 12(3))."""

    months: int = Field(default=1, ge=1, le=12)
    extension_months: int = Field(default=2, ge=0, le=12)


class BreachRules(_Closed):
    """Time to notify the authority from when a breach is known (GDPR, Art. 33(1))."""

    deadline_hours: int = Field(default=72, ge=1, le=720)


class ClearAccess(_Closed):
    """What it takes to hear an original."""

    second_person: bool = False
    training: str = Field(default="", description="A module that has to be valid; empty for none.")
    approval_hours: int = Field(default=8, ge=1, le=168)


class Module(_Closed):
    """A training: who needs it, for how long it counts, and the score that passes.

    `version` is noted with each training; a later one takes none away.
    """

    title: _Text = ""
    version: _Version = ""
    roles: tuple[Role, ...] = ()
    valid_months: int = Field(default=12, ge=1, le=120)
    pass_score: float = Field(default=0.8, ge=0, le=1)


class ConsentRules(_Closed):
    """What becomes of calls that were processed, when consent is withdrawn or somebody objects."""

    on_withdrawal: Literal["hold", "redact", "erase"] = "hold"


class Organisation(_Closed):
    """All of it."""

    role: Literal["controller", "processor"] = "controller"
    controller: Contact = Contact()
    joint_controllers: tuple[Contact, ...] = ()
    representative: Contact | None = None
    controllers: tuple[Client, ...] = Field(default=(), description="Whom we process for, where we are a processor.")
    dpo: Contact = Contact()
    authority: Contact = Contact()
    website: _Text = ""
    languages: tuple[Literal["en", "fr"], ...] = ("en", "fr")
    activities: tuple[Activity, ...] = ()
    automated_decisions: _Text = ""
    provision: _Text = Field(default="", description="Whether people must give their data, and what if they don't.")
    source: _Text = Field(default="", description="Where data come from that people didn't give themselves.")
    security_measures: tuple[_Text, ...] = ()
    archives: tuple[str, ...] = Field(default=(), description="Folders or URLs of redacted outputs.")
    retention: Retention = Retention()
    requests: Requests = Requests()
    breach: BreachRules = BreachRules()
    clear_access: ClearAccess = ClearAccess()
    consent: ConsentRules = ConsentRules()
    training: dict[_Word, Module] = {}


# What is said in words of a language: names, contacts, numbers and words of fixed lists are the same in each.
_TEXTS = ("automated_decisions", "provision", "source", "security_measures")
_ACTIVITY_TEXTS = (
    "name", "purposes", "legitimate_interest", "data_subjects", "data_categories", "recipients", "transfers",
)  # fmt: skip


def load(file: str | Path) -> Organisation:
    """An organisation from its file; one without any entry where there is no such file.

    Raises:
        PolicyError: it can't be read, or something in it is wrong.
    """
    return _checked(_read(Path(file)))


def translated(file: str | Path, language: str) -> Organisation:
    """An organisation as it is told in a language: what stands in `NAME.LANGUAGE.yaml` beside its file is over it.

    Lists and texts are replaced, mappings are gone into; activities are those of the same `id`.

    Args:
        file: of the organisation.
        language: ISO 639-1.

    Raises:
        PolicyError: a file can't be read, or something in it is wrong.
    """
    path = Path(file)
    return _checked(_over(_read(path), _read(path.with_suffix(f".{language}{path.suffix}"))))


@dataclass(frozen=True, slots=True)
class Spoken:
    """An organisation, and how it is told in each language.

    Attributes:
        plain: as its own file has it.
        told: by language.
        lacking: names of files that nobody has written, by language: papers in it have the words of another one.
        untold: keys of texts that a language's file leaves out, by the file's name: papers in it mix languages.
    """

    plain: Organisation
    told: Mapping[str, Organisation] = field(default_factory=dict)
    lacking: Mapping[str, str] = field(default_factory=dict)
    untold: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def in_language(self, language: str) -> Organisation:
        """The organisation as it is told in a language."""
        return self.told.get(language, self.plain)


def spoken(file: str | Path) -> Spoken:
    """An organisation with its words in each language, from its file and those beside it.

    Nothing tells which language its own file is in: where another one's file lies beside it, it is taken for the one
    that has none; where none does, for the first of its `languages`.

    Raises:
        PolicyError: a file can't be read, or something in it is wrong.
    """
    path, plain = Path(file), load(file)
    beside = {each: path.with_suffix(f".{each}{path.suffix}") for each in LANGUAGES}
    has_other = any(other.exists() for other in beside.values())
    lacking = (
        {} if has_other else {each: other.name for each, other in beside.items() if each not in plain.languages[:1]}
    )
    base = _read(path)
    untold = {other.name: tuple(_untold(base, _read(other))) for other in beside.values() if other.exists()}
    told = {each: translated(path, each) for each in LANGUAGES}
    return Spoken(plain, told, lacking, {name: keys for name, keys in untold.items() if keys})


def _untold(below: dict[str, Any], above: dict[str, Any]) -> Iterator[str]:
    """Keys of texts that a file has and the file over it leaves out."""
    yield from (key for key in _TEXTS if below.get(key) and key not in above)
    said = {each.get("id"): each for each in _mappings(above.get("activities"))}
    for each in _mappings(below.get("activities")):
        own = said.get(each.get("id"))
        if own is None:
            yield f"activities[{each.get('id')}]"
            continue
        yield from (
            f"activities[{each.get('id')}].{key}" for key in _ACTIVITY_TEXTS if each.get(key) and key not in own
        )
    for kind, key in (("retention", "basis"), ("training", "title")):
        classes, others = below.get(kind) or {}, above.get(kind) or {}
        for name, each in classes.items():
            if isinstance(each, dict) and each.get(key) and key not in (others.get(name) or {}):
                yield f"{kind}.{name}.{key}"


def _mappings(listed: Any) -> list[dict[str, Any]]:
    return [each for each in listed or () if isinstance(each, dict)]


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    made = dict(below)
    for key, value in above.items():
        before = made.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            made[key] = _over(before, value)
        elif key == "activities" and isinstance(before, list) and isinstance(value, list):
            said = {each.get("id"): each for each in value if isinstance(each, dict)}
            made[key] = [_over(each, said.get(each.get("id"), {})) for each in before if isinstance(each, dict)]
        else:
            made[key] = value
    return made


def _read(path: Path) -> dict[str, Any]:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        return {}
    except OSError:
        raise PolicyError("the organisation's file can't be read", hint="check its path and whose it is") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        raise PolicyError("the organisation's file is not YAML in UTF-8", hint="mend it; docs/governance.md") from None
    if not isinstance(data, dict):
        raise PolicyError("the organisation's file is not a mapping", hint="begin with: redact register template")
    return data


def _checked(data: dict[str, Any]) -> Organisation:
    try:
        return Organisation.model_validate(data)
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
        raise PolicyError(f"the organisation's file is wrong: {_place(fault)}", hint=_hint(fault)) from None


def template() -> str:
    """A file with every key, commented."""
    return (data_path("pipelines") / "governance" / "organisation.yaml").read_text(encoding="utf-8")


def _place(fault: Any) -> str:
    key = ".".join(map(str, fault["loc"]))
    return f"unknown key {key!r}" if fault["type"] == "extra_forbidden" else f"{key}: {fault['msg']}"


def _hint(fault: Any) -> str:
    if fault["type"] != "extra_forbidden" or len(fault["loc"]) != 1:
        return "compare with: redact register template"
    return nearest(str(fault["loc"][0]), tuple(Organisation.model_fields), "key")
