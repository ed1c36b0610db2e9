"""Made-up values in place of real ones, by Faker: the same value gives the same one, for the same key.

Which one it is follows from the key, the type and the value alone; of what Faker makes from that seed, the first is
taken that holds no word which is masked in the call. Phone numbers, e-mail and IP addresses come from ranges that are
set aside for examples, so that they are nobody's.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from redact.keys import Key, mac

if TYPE_CHECKING:
    from faker import Faker

# Whose people and places stand for those of a language's calls: the first is Faker's locale, all know first names.
LOCALES = {"en": ("en_GB", "en_IE", "en_NZ", "en_US"), "fr": ("fr_FR", "fr_BE", "fr_CH")}
# How often another one is made where a word of the call is in it. What has none by then gets a label.
ATTEMPTS = 20
MALE_TITLES = frozenset({"mr", "mister", "sir", "monsieur", "m"})
FEMALE_TITLES = frozenset({"mrs", "miss", "ms", "madam", "madame", "mme", "mademoiselle", "mlle", "lady"})
OTHER_TITLES = frozenset({"dr", "doctor", "docteur", "prof", "professor", "me", "maître"})
_TITLES = MALE_TITLES | FEMALE_TITLES | OTHER_TITLES
# More names than this are several people, or a mistake.
MOST_NAMES = 4
# Ofcom's and Arcep's numbers for drama.
_PHONES = {
    "en": ("07700 900###", "01632 960###", "020 7946 0###", "0113 496 0###"),
    "fr": ("06 39 98 ## ##", "01 99 00 ## ##", "02 61 91 ## ##", "03 53 01 ## ##", "04 65 71 ## ##", "05 36 49 ## ##"),
}
# # is a digit, ? a capital letter. National ids are well-formed and not checked: none is meant to be anybody's.
_PATTERNS = {
    "BANK_ACCOUNT": "########",
    "US_SSN": "9##-##-####",
    "US_ITIN": "9##-7#-####",
    "UK_NINO": "QQ ## ## ## C",
    "UK_NHS": "999 ### ####",
    "FR_NIR": "1 ## 13 99 ### ### ##",
    "NATIONAL_ID": "?######?",
    "PASSPORT": "5########",
    "DRIVER_LICENSE": "?????######??9??",
    "VIN": "ZZZ###?#?########",
    "ACCOUNT_REFERENCE": "??-######",
    "IP_ADDRESS": "203.0.113.##",
}
_PART = re.compile(r"[^\W_]+")


class Surrogates:
    """Makes surrogates with one key. Not to be used by two threads at once."""

    def __init__(self, key: Key) -> None:
        self._subkey = key.subkey("surrogate")

    def of(self, entity_type: str, text: str, value: str, language: str, avoided: frozenset[str]) -> str | None:
        """What stands for a value; None where nothing like it can be made up.

        Args:
            entity_type: of the value.
            text: as it was transcribed: how many names it has, and whether the first is a man's or a woman's.
            value: the same free of case and marks, which alone tells which surrogate it gets.
            language: of the call, ISO 639-1.
            avoided: words, free of case and marks, that must not be in it.
        """
        make = _MAKERS.get(entity_type)
        if make is None:
            return None
        language = language if language in LOCALES else "en"
        faker = _faker(language)
        faker.seed_instance(int.from_bytes(mac(self._subkey, entity_type, value)))
        for _ in range(ATTEMPTS):
            made = make(faker, text, language).replace("\n", ", ")
            if avoided.isdisjoint(words_of(made)):
                return made
        return None


def words_of(text: str) -> Iterator[str]:
    """The words of a text as they may be found in it: what spaces part, whole, and what any mark parts."""
    lowered = text.lower()
    for word in lowered.split():
        yield "".join(filter(str.isalnum, word))
    yield from _PART.findall(lowered)


@cache
def _faker(language: str) -> "Faker":
    """One generator a language, seeded for each value: making one takes a tenth of a second."""
    from faker import Faker

    return Faker(LOCALES[language][0], use_weighting=False)


@cache
def _first_names(language: str) -> tuple[frozenset[str], frozenset[str]]:
    """Men's and women's first names; those of both are in neither."""
    providers = [import_module(f"faker.providers.person.{locale}").Provider for locale in LOCALES[language]]
    men, women = (
        {name.lower() for provider in providers for name in getattr(provider, f"first_names_{gender}", ())}
        for gender in ("male", "female")
    )
    return frozenset(men - women), frozenset(women - men)


def _person(faker: "Faker", text: str, language: str) -> str:
    """As many names, of the same gender where the first or a title tells it. A title is not repeated."""
    titles, names = _titles_and_names(text)
    men, women = _first_names(language)
    known = names[:1] and names[0] in men | women
    gender = (
        "male" if titles & MALE_TITLES or (known and names[0] in men)
        else "female" if titles & FEMALE_TITLES or known
        else ""
    )  # fmt: skip
    first: Callable[[], str] = getattr(faker, f"first_name_{gender}") if gender else faker.first_name
    count = min(max(len(names), 1), MOST_NAMES)
    if count == 1:
        return first() if known else str(faker.last_name())
    return " ".join([*(first() for _ in range(count - 1)), faker.last_name()])


def _titles_and_names(text: str) -> tuple[set[str], list[str]]:
    """The titles and the names in a text, without case and marks; letters that were spelled are one name."""
    words = [w for word in text.lower().split() if (w := re.sub(r"[^\w'’-]|_", "", word).strip("-'’"))]
    titles: set[str] = set()
    names: list[str] = []
    spelling = False
    for word, after in zip(words, [*words[1:], ""], strict=True):
        letter = len(word) == 1
        # "M." is monsieur where it is not the beginning of "M A R Y".
        if word in _TITLES and not (letter and (spelling or len(after) == 1)):
            titles.add(word)
            continue
        if letter and spelling:
            names[-1] += word
        else:
            names.append(word)
        spelling = letter
    return titles, names


def _street(faker: "Faker", _text: str, language: str) -> str:
    if language == "fr":
        return f"{faker.random_int(2, 98)} {faker.street_prefix()} {faker.last_name()}"
    return f"{faker.random_int(2, 198)} {faker.street_name()}"


def _born(faker: "Faker", text: str, _language: str) -> str:
    """A date from 1940 to 2004, in figures where it was."""
    day, month, year = faker.random_int(1, 28), faker.random_int(1, 12), faker.random_int(1940, 2004)
    if any(character.isalpha() for character in text):
        return f"{day} {faker.month_name()} {year}"
    return f"{day:02}/{month:02}/{year}"


def _card(faker: "Faker", _text: str, _language: str) -> str:
    """A number of sixteen digits with a right checksum, by fours."""
    digits = str(faker.credit_card_number("visa16"))
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def _iban(faker: "Faker", _text: str, _language: str) -> str:
    iban = str(faker.iban())
    return " ".join(iban[at : at + 4] for at in range(0, len(iban), 4))


_Maker = Callable[["Faker", str, str], str]


def _by_pattern(pattern: str) -> _Maker:
    return lambda faker, _text, _language: faker.bothify(pattern, "ABCDEFGHJKLMNPRSTUVWXYZ")


def _by(make: Callable[[Any], str]) -> _Maker:
    return lambda faker, _text, _language: make(faker)


_MAKERS: dict[str, _Maker] = {
    **{entity_type: _by_pattern(pattern) for entity_type, pattern in _PATTERNS.items()},
    "PERSON": _person,
    "PHONE_NUMBER": lambda faker, _text, language: faker.numerify(faker.random_element(_PHONES[language])),
    "EMAIL_ADDRESS": _by(lambda faker: faker.safe_email()),
    "URL": _by(lambda faker: f"www.{faker.domain_word()}.example"),
    "USERNAME": _by(lambda faker: faker.user_name()),
    "STREET_ADDRESS": _street,
    "POSTAL_CODE": _by(lambda faker: faker.postcode()),
    "LOCATION": _by(lambda faker: faker.city()),
    "ORGANIZATION": _by(lambda faker: faker.company()),
    "VEHICLE_PLATE": _by(lambda faker: faker.license_plate()),
    "IBAN_CODE": _iban,
    "CREDIT_CARD": _card,
    "CREDIT_CARD_EXPIRATION": _by(lambda faker: f"{faker.random_int(1, 12):02}/{faker.random_int(27, 35)}"),
    "DATE_OF_BIRTH": _born,
    "AGE": _by(lambda faker: str(faker.random_int(18, 90))),
}
SURROGATE_TYPES = frozenset(_MAKERS)
