"""How much of what is labelled was masked, and how much else."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from cases import Case, Label, Said
from systems import Masks

ALL = "all"
# An answer is covered with at most this share of its words left.
LEFT_SHARE = 0.2
# Our types, Presidio's and the labels have several names for one thing. Plain Presidio knows of dates, not whose.
FAMILIES = {
    name: family
    for family, names in {
        "PERSON": "NOM PRENOM name",
        "CREDIT_CARD_CVV": "CVV",
        "CREDIT_CARD_EXPIRATION": "CARD_EXPIRY",
        "BANK_ACCOUNT": "IBAN_CODE US_BANK_NUMBER",
        "PHONE_NUMBER": "TEL",
        "EMAIL_ADDRESS": "MAIL",
        "ADDRESS": "STREET_ADDRESS POSTAL_CODE LOCATION ZIP_CODE ADRESSE VILLE ZIP postcode",
        "DATE_OF_BIRTH": "DATE_TIME DATE_NAISSANCE dob",
        "NATIONAL_ID": "GOVERNMENT_ID US_SSN US_ITIN UK_NINO UK_NHS FR_NIR SECU PASSPORT US_PASSPORT UK_PASSPORT "
        "DRIVER_LICENSE US_DRIVER_LICENSE UK_DRIVING_LICENCE",
        "VEHICLE_PLATE": "UK_VEHICLE_REGISTRATION VIN",
        "ACCOUNT_REFERENCE": "IPP NDA MEDICAL_LICENSE",
        "CREDENTIAL": "SECRET_ANSWER",
    }.items()
    for name in names.split()
}


@dataclass(slots=True)
class Tally:
    """Counts so far, by (family, what), and where what went wrong; `values` keeps the words of that too."""

    values: bool = False
    seconds: float = 0.0
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    errors: list[dict[str, Any]] = field(default_factory=list, repr=False)

    def add(self, case: Case, masks: Masks) -> None:
        """Count one case."""
        for turn, (said, mask) in enumerate(zip(case.turns, masks, strict=True)):
            wrong: list[tuple[int, int, str | None]] = []
            for label in said.labels:
                whole = _covered(said, mask, label)
                self._count(FAMILIES.get(label.type, label.type), items=1, whole=whole)
                wrong += [] if whole else [(label.start, label.end, label.type)]
            for start, end in said.words():
                label_here = next((one for one in said.labels if one.start < end and start < one.end), None)
                self._word(said, mask, (start, end), label_here)
                wrong += [(start, end, None)] if any(mask[start:end]) and not label_here else []
            self.errors += [self._error(case.name, turn, said, mask, *one) for one in wrong]
            inside = {i for label in said.labels for i in range(label.start, label.end)}
            outside = [bool(masked_as) for i, masked_as in enumerate(mask) if i not in inside]
            self.counts[ALL, "other"] += len(outside)
            self.counts[ALL, "over"] += sum(outside)

    def figures(self) -> dict[str, dict[str, Any]]:
        """By family: counts, and shares that are None where there is nothing to take them of."""
        return {name: self._family(name) for name in (*sorted({name for name, _ in self.counts} - {ALL}), ALL)}

    def _word(self, said: Said, mask: list[str], word: tuple[int, int], label: Label | None) -> None:
        start, end = (max(word[0], label.start), min(word[1], label.end)) if label else word
        types = [mask[i] for i in range(start, end) if said.text[i].isalnum()]
        masked_as = next((FAMILIES.get(one, one) for one in types if one), None)
        if label:
            expected = FAMILIES.get(label.type, label.type)
            self._count(expected, words=1, masked=all(types), same=all(types) and masked_as == expected)
        if masked_as:
            self._count(masked_as, found=1, right=label is not None)

    def _count(self, name: str, **what: int) -> None:
        for key, number in what.items():
            self.counts[name, key] += number
            self.counts[ALL, key] += number

    def _family(self, name: str) -> dict[str, Any]:
        count = {what: self.counts[name, what] for what in ("items", "whole", "words", "masked", "found")}
        shares = {"recall": ("masked", "words"), "precision": ("right", "found"), "same_type_recall": ("same", "words")}
        shares |= {"whole_share": ("whole", "items")} | ({"over_share": ("over", "other")} if name == ALL else {})
        result = {key: self._share(name, part, whole) for key, (part, whole) in shares.items()}
        return count | result | {"f2": f2(result["recall"], result["precision"])}

    def _share(self, name: str, part: str, whole: str) -> float | None:
        return self.counts[name, part] / self.counts[name, whole] if self.counts[name, whole] else None

    def _error(
        self, case: str, turn: int, said: Said, mask: list[str], start: int, end: int, label: str | None
    ) -> dict[str, Any]:
        """First and last word, as split on whitespace, of an item not covered or of a word masked for nothing."""
        first, last = (len(said.text[:at].split()) - 1 for at in (start + 1, end))
        place = {"case": case, "turn": turn, "first": first, "last": last, "label": label}
        place["masked_as"] = sorted(set(filter(None, mask[start:end])))
        return place | ({"value": said.text[start:end]} if self.values else {})


def f2(recall: float | None, precision: float | None) -> float | None:
    """The F-measure that gives recall four times the weight of precision; None where either is."""
    if recall is None or precision is None:
        return None
    return 5 * precision * recall / (4 * precision + recall) if precision and recall else 0.0


def _covered(said: Said, mask: list[str], label: Label) -> bool:
    if said.answer:
        left = [not all(mask[start:end]) for start, end in said.words()]
        return sum(left) <= LEFT_SHARE * len(left)
    # Marks and spaces tell nothing of anybody.
    return all(mask[i] for i in range(label.start, label.end) if said.text[i].isalnum())
