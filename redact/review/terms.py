"""What becomes of accepted proposals: one file of recognizers, as `redact file --recognizers` and policies take it."""

import re
from collections import defaultdict
from collections.abc import Iterable
from itertools import groupby
from typing import Any

import yaml

from redact.stores.proposals import Proposal

# A form with fewer characters, or without a digit, would be anything's.
_LEAST = 4
_SCORE = 0.7
# Marks may be left out; a space in an example is one in what is like it, or "is 7701" would be like "HB-7701".
_MARK, _SPACE = "[.-]?", r"[\s.-]+"


def form(example: str) -> str:
    """A pattern of what looks like an example: letters for letters, digits for digits, as many; empty for no form.

    Nothing of the example stands in it but its marks.
    """
    if sum(map(str.isalnum, example)) < _LEAST or not any(map(str.isdecimal, example)):
        return ""
    parts = []
    for piece, characters in groupby(example, _piece):
        count = sum(1 for _ in characters)
        parts.append(piece if count == 1 or piece in {_MARK, _SPACE} else f"{piece}{{{count}}}")
    return rf"(?<!\w){''.join(parts)}(?!\w)"


def recognizers(accepted: Iterable[Proposal]) -> str:
    """The file: terms that are never personal, terms that always are, and forms; empty for no proposal."""
    never: set[str] = set()
    always: dict[tuple[str, str], set[str]] = defaultdict(set)
    forms: dict[tuple[str, str], set[str]] = defaultdict(set)
    for proposal in accepted:
        kind = (proposal.entity_type, proposal.language)
        if proposal.kind == "allow":
            never.add(proposal.term)
        elif proposal.kind == "deny":
            always[kind].add(proposal.term)
        else:
            forms[kind].add(form(proposal.term))
    entries: list[dict[str, Any]] = [
        {**_entry("terms", kind), "deny_list": sorted(terms, key=str.casefold)}
        for kind, terms in sorted(always.items())
    ]
    entries += [{**_entry("forms", kind), "patterns": _patterns(own)} for kind, own in sorted(forms.items())]
    told = {"allow_list": sorted(never, key=str.casefold), "recognizers": entries}
    content = {key: value for key, value in told.items() if value}
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True) if content else ""


def _patterns(forms: set[str]) -> list[dict[str, Any]]:
    return [{"name": f"form {n}", "regex": found, "score": _SCORE} for n, found in enumerate(sorted(forms), 1)]


def _entry(what: str, kind: tuple[str, str]) -> dict[str, Any]:
    entity_type, language = kind
    return {"name": f"proposed {what} {entity_type} {language}", "supported_entity": entity_type,
            "supported_languages": [language]}  # fmt: skip


def _piece(character: str) -> str:
    """What one character of an example becomes."""
    if character.isdecimal():
        return r"\d"
    if character.isalpha():
        return r"[^\W\d_]"
    if character.isalnum():  # a fraction, a raised figure
        return "."
    if character == " ":
        return _SPACE
    return _MARK if character in ".-" else re.escape(character)
