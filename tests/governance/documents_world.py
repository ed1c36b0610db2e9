"""What the tests of documents share: a page as a reader sees it, the command line, and what an officer's file lacks."""

import copy
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from click.testing import CliRunner
from governance_world import ORGANISATION

from redact.cli import main
from redact.errors import RedactError
from redact.governance.organisation import Organisation
from redact.governance.prose import typeset
from redact.governance.words import words

# Values that only people in calls, and comments about them, have.
CANARIES = ("Wilhelmina Quastenflosser", "Ödön Canarytéglás", "0639981234", "4539148803436467")
_VOID = {"meta", "br"}


@dataclass
class Section:
    """What stands under a heading: all rows, each cell a list of its texts; the same by their first cell; the rest."""

    lines: list[list[list[str]]] = field(default_factory=list)
    rows: dict[str, list[list[str]]] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)


class Page(HTMLParser):
    """A page: language, title, sections by heading; fails on tags that do not match, and on what loads or runs."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.language = self.title = ""
        self.sections: dict[str, Section] = {"": Section()}
        self.boxes = 0
        self._open: list[str] = []
        self._heading = ""
        self._row: list[list[str]] | None = None
        self._text: list[str] = []
        self.feed(content)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        assert tag not in {"script", "img", "iframe", "link", "form", "object"}
        assert not {name for name in given if name.startswith("on") or name in {"src", "href"}}
        self.boxes += given.get("class") == "fill"
        if tag == "html":
            self.language = given["lang"] or ""
        if tag == "tr":
            self._row = []
        if tag in {"td", "th", "li", "h1", "h2", "p", "title", "dt", "dd"}:
            self._text = []
        if tag in {"td", "th"} and self._row is not None:
            self._row.append([])
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in {"rect", "line", "circle"}

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        text = " ".join("".join(self._text).split())
        here = self.sections[self._heading]
        if tag in {"h1", "h2"}:
            self._heading = text
            self.sections.setdefault(text, Section())
        elif tag == "title":
            self.title = text
        elif tag in {"p", "dd", "dt"}:
            here.texts.append(text)
        elif tag in {"td", "th", "li"} and self._row:
            self._row[-1] += [text] if text else []
        elif tag == "tr" and self._row is not None:
            here.lines.append(self._row)
            if self._row and self._row[0]:
                here.rows[self._row[0][0]] = self._row[1:]
            self._row = None
        if tag in {"td", "th", "li", "h1", "h2", "p", "title", "dt", "dd"}:
            self._text = []

    def handle_data(self, data: str) -> None:
        self._text.append(data)

    def cells(self, heading: str, name: str) -> list[str]:
        """The texts of the first cell beside a name."""
        return self.sections[heading].rows[name][0]


def said(name: str, language: str) -> dict[str, str]:
    """A document's words as a reader sees them: set as the language wants, spaces made one."""
    return {key: " ".join(typeset(text, language).split()) for key, text in words(name, language).items()}


def without(path: str) -> dict[str, Any]:
    """The office's organisation, with one key of its file empty: `dpo.name`, `activities.0.purposes`."""
    told: Any = copy.deepcopy(ORGANISATION)
    keys = path.split(".")
    node = told
    for key in keys[:-1]:
        node = node[int(key)] if key.isdigit() else node[key]
    last = node[keys[-1]]
    node[keys[-1]] = None if keys[-1] == "lawful_basis" else type(last)()
    return told


def organisation(told: dict[str, Any] | None = None, **changes: Any) -> Organisation:
    return Organisation.model_validate({**(told or ORGANISATION), **changes})


@dataclass(frozen=True)
class Told:
    """How a command ended, and all that it printed."""

    exit_code: int
    output: str


def run(office: Any, *arguments: object, **how: Any) -> Told:
    """The command, ended by its own errors as on the command line."""
    result = CliRunner().invoke(main.cli, [*office.config, *map(str, arguments)], **how)
    error = result.exception
    if isinstance(error, RedactError):
        return Told(int(error.exit_code), f"{result.output}{error.message}\n{error.hint}")
    if error and not isinstance(error, SystemExit):
        raise error
    return Told(result.exit_code, result.output)
