"""What the parts of a page have in common: the call, its kinds of personal data, how texts and times are written."""

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from redact.audio.listening import LightCopy
from redact.text import RedactedTranscript
from redact.transcripts.cues import displayed

_HERE = Path(__file__).resolve().parent
_OTHER_LANGUAGE = "en"


@dataclass(frozen=True, slots=True)
class Kind:
    """One entity type of the call: its family (and so its colour), the number of its pattern, and how it is called."""

    family: str
    pattern: int
    name: str


@dataclass(frozen=True, slots=True)
class Page:
    """The call of a page.

    Attributes:
        copy: of the redacted sound.
        redacted: the transcript as it is published.
        report: as `redact.report.build` makes it.
        name: of the call, as its outputs bear it.
        say: what the page says, in its language (`labels.yaml`).
        kinds: the call's entity types, in the order of the legend.
    """

    copy: LightCopy
    redacted: RedactedTranscript
    report: Mapping[str, Any]
    name: str
    say: Mapping[str, Any]
    kinds: Mapping[str, Kind]

    @property
    def duration_ms(self) -> int:
        """Of the recording; at least 1."""
        return max(1, int(self.report["input"]["duration_ms"]))

    def seconds(self, ms: int) -> str:
        """A duration in seconds, to a tenth."""
        return f"{ms / 1000:.1f}".replace(".", self.say["decimal"]) + " s"

    def at(self, ms: float) -> str:
        """A moment's place from left to right."""
        return f"{min(100.0, 100 * ms / self.duration_ms):.3f}%"

    def kind_names(self, types: Sequence[str]) -> str:
        """Entity types as a person calls them."""
        return ", ".join(self.kinds[entity_type].name for entity_type in types)

    def stretches(self) -> Iterator[tuple[Mapping[str, Any], list[str]]]:
        """The masked intervals, each with its types in the order of the legend."""
        for interval in self.report["intervals"]:
            yield interval, [entity_type for entity_type in self.kinds if entity_type in interval["entity_types"]]


@cache
def _all_labels() -> Mapping[str, Any]:
    read: Mapping[str, Any] = yaml.safe_load((_HERE / "labels.yaml").read_text("utf-8"))
    return read


def labels(language: str) -> Mapping[str, Any]:
    """What the page says, and in which language (`code`): the call's, or English where there are no labels for it."""
    code = language if language in _all_labels() else _OTHER_LANGUAGE
    return {**_all_labels()[code], "code": code}


def kinds_of(redacted: RedactedTranscript, report: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Kind]:
    """The call's entity types, family by family. Types of one family share a colour, not a pattern."""
    types = {*redacted.entities.values(), *report["replacements"]}
    types |= {entity_type for interval in report["intervals"] for entity_type in interval["entity_types"]}
    result: dict[str, Kind] = {}
    for first, (family, known) in enumerate(_all_labels()["families"].items()):
        rest = family == "other"
        own = sorted(types - set(result)) if rest else [entity_type for entity_type in known if entity_type in types]
        for number, entity_type in enumerate(own, start=first):
            name = names.get(entity_type) or entity_type.replace("_", " ").capitalize()
            result[entity_type] = Kind(family, number, name)
    return result


def escaped(text: str) -> str:
    """Text for the page, within an element or an attribute: nothing in it is markup, or turns the reading direction."""
    return html.escape(displayed(text), quote=True)


def clock(ms: int) -> str:
    """`M:SS`, from one hour on `H:MM:SS`; rounded down."""
    minutes, seconds = divmod(max(ms, 0) // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def length(page: Page) -> str:
    """The call's duration, to the nearest second."""
    return clock(page.duration_ms + 500)
