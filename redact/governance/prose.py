"""How documents are worded: French as it is set, lists as they are said, and what must not be empty."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from redact.errors import PolicyError
from redact.governance.organisation import Activity, Contact, Organisation
from redact.governance.words import words
from redact.page.content import labels

_Value = TypeVar("_Value")
# A space before these, and inside these quotes, does not break in French.
_BEFORE, _AFTER = re.compile(r" (?=[;:!?»%€])"), re.compile(r"(?<=«) ")
_APOSTROPHE = re.compile(r"(?<=\w)(?:'|&#x27;)(?=\w)")  # as it is, and in HTML


def typeset(text: str, language: str) -> str:
    """A text with the spaces and apostrophes that its language wants."""
    if language != "fr":
        return text
    return _APOSTROPHE.sub("’", _AFTER.sub("\N{NO-BREAK SPACE}", _BEFORE.sub("\N{NO-BREAK SPACE}", text)))


def joined(things: Sequence[str], conjunction: str) -> str:
    """`a, b and c`."""
    if len(things) < 2:
        return "".join(things)
    return f"{', '.join(things[:-1])} {conjunction} {things[-1]}"


def term(word: str, language: str) -> str:
    """A word of a fixed list as it is told; as it is, with spaces, where nobody has written how."""
    return words("terms", language).get(word, word.replace("_", " "))


def contact(of: Contact) -> list[str]:
    """Name, address and contact, as far as they are known."""
    return [each for each in (of.name, of.address, of.contact) if each.strip()]


def known(of: Contact | None) -> dict[str, str] | None:
    """The same as a JSON-ready object; None for nobody."""
    return None if of is None else {"name": of.name, "address": of.address, "contact": of.contact}


def entities(of: Mapping[str, _Value], language: str) -> dict[str, _Value]:
    """Values by entity type, each type named as the page of a call names it; as it is where it has no name there."""
    names = labels(language)["types"]
    return {names.get(kind, kind.replace("_", " ")): value for kind, value in of.items()}


def transfers(activity: Activity, language: str = "en") -> list[str]:
    """Each with its safeguard."""
    return [pair(each.country, each.safeguard, language) for each in activity.transfers]


def pair(name: str, what: str, language: str) -> str:
    """`name: what`."""
    return f"{name} : {what}" if language == "fr" else f"{name}: {what}"


def months(number: int, language: str) -> str:
    """So many months."""
    return f"{number} mois" if language == "fr" else f"{number} month{'' if number == 1 else 's'}"


def day(at: str, language: str) -> str:
    """The day of a time, ISO 8601."""
    year, month, date = at[:10].split("-")
    return f"{date}/{month}/{year}" if language == "fr" else at[:10]


def local_day(at: str, language: str) -> str:
    """The day of a time, ISO 8601, where this machine is."""
    return day(datetime.fromisoformat(at).astimezone().isoformat(), language)


def minute(at: str, language: str) -> str:
    """A time, ISO 8601, by the clock of this machine, with its offset."""
    when = datetime.fromisoformat(at).astimezone()
    offset = f"UTC{when.isoformat()[-6:]}" if when.utcoffset() else "UTC"
    clock = f"{day(when.isoformat(), language)} {when:%H:%M}"
    return f"{clock} ({offset})" if language == "fr" else f"{clock} {offset}"


def month_of(month: str, language: str) -> str:
    """A month written as `2026-03`, with its name."""
    year, number = month.split("-")
    return f"{words('terms', language)['month_names'].split()[int(number) - 1]} {year}"


def long_day(iso: str, language: str) -> str:
    """A date as it is written in a letter: `1 March 2026`, `1er mars 2026`."""
    number = int(iso[8:10])
    first = "1er" if language == "fr" else "1"
    return f"{first if number == 1 else number} {month_of(iso[:7], language)}"


def count(number: int, language: str) -> str:
    """A number with its thousands apart."""
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}" if language == "fr" else ",")


def decimal(number: float, language: str, places: int = 1) -> str:
    """A number with one decimal, or so many."""
    return f"{number:.{places}f}".replace(".", "," if language == "fr" else ".")


def share(part: float, language: str) -> str:
    """A share from 0 to 1, in per cent."""
    return f"{100 * part:.1f} %".replace(".", ",") if language == "fr" else f"{part:.1%}"


def cell(text: str) -> str:
    """A cell of a CSV table, such that no spreadsheet takes it for a formula and computes it."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def refuse_gaps(document: str, gaps: Iterable[str]) -> None:
    """Refuse to make a document that would have gaps.

    Args:
        document: its name.
        gaps: keys of the organisation's file that are empty.

    Raises:
        PolicyError: there is one; the message names them all.
    """
    found = list(gaps)
    if found:
        raise PolicyError(
            f"{document} lacks what the law wants; empty in the organisation's file: {', '.join(found)}",
            hint="fill them in; every key is explained by: redact register template",
        )


def empty(values: Mapping[str, object]) -> list[str]:
    """The keys of values that say nothing: no text, nobody, an empty list or one with an empty text in it."""
    return [key for key, value in values.items() if not _says_something(value)]


def empty_contact(of: Contact, key: str, names: Sequence[str] = ("name", "contact")) -> list[str]:
    """The keys that are empty of somebody who has to be known."""
    return empty({f"{key}.{name}": getattr(of, name) for name in names})


def empty_of_activities(organisation: Organisation, names: Sequence[str]) -> list[str]:
    """The keys that are empty in activities; `activities` where there is none.

    Args:
        organisation: whose.
        names: of the keys that must not be; which interest is pursued is wanted with `lawful_basis`.
    """
    gaps = [] if organisation.activities else ["activities"]
    for activity in organisation.activities:
        key = f"activities[{activity.id}]"
        gaps += empty({f"{key}.{name}": getattr(activity, name) for name in names})
        if "lawful_basis" in names and activity.lawful_basis == "legitimate_interest":
            gaps += empty({f"{key}.legitimate_interest": activity.legitimate_interest})
        for number, transfer in enumerate(activity.transfers):
            at = f"{key}.transfers[{number}]"
            gaps += empty({f"{at}.country": transfer.country, f"{at}.safeguard": transfer.safeguard})
    return gaps


def _says_something(value: object) -> bool:
    if isinstance(value, str):
        return bool(value.strip())
    if isinstance(value, tuple | list):
        return bool(value) and all(map(_says_something, value))
    return value is not None
