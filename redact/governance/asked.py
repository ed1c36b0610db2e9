"""What is typed in about a person: who asks, and what to look for. Read from a file or standard input, line by line.

Nothing of it shows in a `repr` or an error: errors name the line.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from redact.errors import InputRejected
from redact.findings import TermKind

_PERSON: Mapping[str, str] = {
    "name": "name", "nom": "name", "address": "address", "adresse": "address", "contact": "contact",
    "phone": "contact", "email": "contact", "e-mail": "contact", "téléphone": "contact", "courriel": "contact",
}  # fmt: skip
_TERMS: Mapping[str, TermKind] = {
    "name": "name", "nom": "name", "phone": "phone", "tel": "phone", "téléphone": "phone", "telephone": "phone",
    "email": "email", "e-mail": "email", "courriel": "email", "mail": "email",
    "reference": "reference", "référence": "reference", "ref": "reference", "customer": "reference",
}  # fmt: skip
_SPACING = re.compile(r"[\s./()-]+")
_FRENCH = re.compile(r"(?:\+|00)33(?=\d{9}$)")
_LONGEST = 500
_MOST_LINES = 200


@dataclass(frozen=True, slots=True)
class Person:
    """Who a request is from. Sealed in the vault, and nowhere else.

    Attributes:
        address: line by line.
        contact: how to reach them: numbers, e-mail addresses.
    """

    name: str = field(repr=False)
    address: tuple[str, ...] = field(default=(), repr=False)
    contact: tuple[str, ...] = field(default=(), repr=False)

    def sealed(self) -> bytes:
        """What is sealed."""
        told = {"name": self.name, "address": list(self.address), "contact": list(self.contact)}
        return json.dumps(told, ensure_ascii=False).encode()


def unsealed(content: bytes) -> Person:
    """A person, from what was sealed."""
    told = json.loads(content)
    return Person(told["name"], tuple(told["address"]), tuple(told["contact"]))


def person(lines: Iterable[str]) -> Person:
    """Who asks, from lines `name: …`, `address: …`, `contact: …`; the last two may come several times.

    Raises:
        InputRejected: a line is wrong, or there is no name.
    """
    found: dict[str, list[str]] = {"name": [], "address": [], "contact": []}
    for number, key, value in _lines(lines):
        if key not in _PERSON:
            raise _wrong(number, "name:, address: or contact:")
        found[_PERSON[key]].append(value)
    if len(found["name"]) != 1:
        raise InputRejected(
            "it isn't told who the request is from", hint="write one line name: …, and lines address: … and contact: …"
        )
    return Person(found["name"][0], tuple(found["address"]), tuple(found["contact"]))


def terms(lines: Iterable[str]) -> tuple[tuple[TermKind, str], ...]:
    """What to look for, from lines `name: …`, `phone: …`, `email: …`, `reference: …`, each as often as wanted.

    Raises:
        InputRejected: a line is wrong, or there is none.
    """
    found: list[tuple[TermKind, str]] = []
    for number, key, value in _lines(lines):
        if key not in _TERMS:
            raise _wrong(number, "name:, phone:, email: or reference:")
        found.append((_TERMS[key], value))
    if not found:
        raise InputRejected("there is nothing to look for", hint="write lines such as phone: …, or name: …")
    return tuple(dict.fromkeys(found))


def ways(value: str) -> set[str]:
    """How a value may have been written into a table: as it was typed, and numbers without what parts them."""
    plain = _SPACING.sub("", value)
    ways = {value, value.strip()}
    if plain.lstrip("+").isdigit():
        national = _FRENCH.sub("0", plain)
        abroad = {"+33" + national[1:], "0033" + national[1:]} if len(national) == 10 and national[0] == "0" else set()
        ways |= {plain, national, *abroad, *(_paired(number) for number in (plain, national))}
    return ways


def _lines(lines: Iterable[str]) -> Iterator[tuple[int, str, str]]:
    """Number, key and value of each line that isn't empty."""
    number = 0
    for number, line in enumerate(_readable(lines), 1):
        if number > _MOST_LINES or len(line) > _LONGEST:
            raise InputRejected(f"line {number} is too much", hint=f"at most {_MOST_LINES} lines of {_LONGEST} letters")
        key, colon, value = line.lstrip("\ufeff").partition(":")
        if line.strip() and not (colon and value.strip()):
            raise _wrong(number, "KEY: VALUE")
        if line.strip():
            yield number, key.strip().casefold(), " ".join(value.split())


def _readable(lines: Iterable[str]) -> Iterator[str]:
    try:
        yield from lines
    except UnicodeDecodeError:
        failed = True
    else:
        failed = False
    if failed:  # raised here, where no traceback holds on to the text
        raise InputRejected("what was given is no text in UTF-8", hint="save it in UTF-8")


def _wrong(number: int, wanted: str) -> InputRejected:
    return InputRejected(f"line {number} is not one of those that are known", hint=f"write it as {wanted}")


def _paired(number: str) -> str:
    """A number in pairs, as French ones are written."""
    return " ".join(number[at : at + 2] for at in range(0, len(number), 2))
