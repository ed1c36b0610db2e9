"""The audit of an installation as files: the report that is signed, and a page of it in each language to be read.

A page has the report's SHA-256, so that whoever holds it on paper knows which file it tells of.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from html import escape
from typing import Any

from redact import paper
from redact.governance.check import RESULTS
from redact.governance.prose import day, month_of, typeset
from redact.governance.security import file_name
from redact.governance.words import LANGUAGES, words

_NO_BREAK = "\N{NO-BREAK SPACE}"


def page_name(now: datetime, language: str) -> str:
    """Of the page of a month."""
    return f"audit-{now:%Y-%m}.{language}.html"


def names(now: datetime) -> list[str]:
    """Of all files of a month, in the order in which they are written."""
    return [file_name(now), *(page_name(now, language) for language in LANGUAGES)]


def files(signed: Mapping[str, Any], now: datetime) -> dict[str, bytes]:
    """All files of a month, by their names.

    Args:
        signed: the report, with its signature.
        now: the moment of the checks.
    """
    report = (json.dumps(signed, indent=1) + "\n").encode()
    digest = hashlib.sha256(report).hexdigest()
    pages = {
        page_name(now, language): page(signed, file_name(now), digest, language).encode() for language in LANGUAGES
    }
    return {file_name(now): report, **pages}


def page(told: Mapping[str, Any], name: str, digest: str, language: str) -> str:
    """The page.

    Args:
        told: the report, with its signature.
        name: of the report's file.
        digest: the SHA-256 of that file, in hex.
        language: of the page.
    """
    # Words alone are typeset: evidence and commands are copied from here, and have to stay as they are.
    said = {key: typeset(text, language) for key, text in words("security", language).items()}
    title = f"{said['title']}, {month_of(told['at'][:7], language)}"
    made = said["made"].format(at=f"{day(told['at'], language)} {told['at'][11:19]}", version=told["redact_version"])
    signed = {
        said["file"]: name,
        said["digest"]: digest,
        said["key"]: told["public_key"],
        said["version"]: f"{told['schema']} {told['version']}",
    }
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="what">{escape(made)}</p>',
        paper.cards({said[result]: str(told["counts"][result]) for result in RESULTS}),
        f"<h2>{escape(said['checks'])}</h2>",
        paper.table(
            [said[column] for column in ("check", "id", "result", "evidence", "hint")],
            [_row(each, said, language) for each in told["checks"]],
        ),
        paper.facts(said["signed"], signed),
        f"<p>{escape(said['how'].format(name=name))}</p>",
        f"<p>{escape(said['no_claim'])}</p>",
    ]
    return paper.page(title, parts, language)


def _row(check: Mapping[str, Any], said: Mapping[str, str], language: str) -> tuple[str, ...]:
    evidence = ", ".join(f"{name} {value}" for name, value in check["evidence"].items() if value != "")
    hint = hint_in(language, check["hint"])
    return said[check["id"]], check["id"], said[check["result"]], evidence, hint


def hint_in(language: str, hint: str) -> str:
    """What to do, in a language; as it is where nobody has translated it, such as that of an error in a store."""
    known = dict(zip(words("security_hints", "en").values(), words("security_hints", language).values(), strict=True))
    found = known.get(hint, hint)
    return found.replace(" : ", f"{_NO_BREAK}: ").replace(" ; ", f"{_NO_BREAK}; ") if language == "fr" else found
