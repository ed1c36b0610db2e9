"""What is proposed becomes recognizers that the product takes, and forms that hold nothing of their example."""

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from redact.detect import recognizers as own
from redact.review.terms import form, recognizers
from redact.stores.proposals import Proposal


def proposal(kind, term, entity_type="ACCOUNT_REFERENCE", language="en"):
    return Proposal(1, "call-1", "", "rita", kind, entity_type, language, "accepted", "lea", "", term)


@pytest.mark.parametrize(
    ("example", "also", "never"),
    [
        ("HB-7701", ["ZQ-1234", "zq.1234", "ZQ1234"], ["ZQ-12345", "HBX-7701", "7701"]),
        ("LC112234", ["AB998877"], ["LC11223", "XLC112234"]),
        ("dossier 4471", ["dossier 9902", "facture 1111"], ["dossier 99"]),
        ("réf. 12-34", ["abc 98-76"], ["abcd 98-76"]),
        ("12/34", ["98/76"], ["9876"]),
    ],
)
def test_a_form_is_of_what_looks_alike(example, also, never):
    pattern = regex.compile(form(example), regex.IGNORECASE)
    assert pattern.search(f"it is {example}, I think")
    for text in also:
        assert pattern.search(f"it is {text}, I think"), text
    for text in never:
        assert not pattern.search(f"it is {text}, I think"), text


@pytest.mark.parametrize("example", ["Ferrant", "A1", "", "12 ", "---1"])
def test_what_would_be_anything_has_no_form(example):
    assert form(example) == ""


@given(st.text(min_size=1, max_size=40))
def test_a_form_matches_its_example_and_tells_none_of_it(example):
    example = " ".join(example.split())
    found = form(example)
    if found:
        assert regex.search(found, f" {example} ") or not example[0].isalnum() or not example[-1].isalnum()
        told = (
            found.replace(r"(?<!\w)", "")
            .replace(r"(?!\w)", "")
            .replace(r"[^\W\d_]", "")
            .replace(r"\d", "")
            .replace(r"\w", "")
        )
        told = regex.sub(r"\{\d+\}", "", told).replace(r"[\s.-]+", "").replace("[.-]?", "")
        assert not any(character.isalnum() and character in example for character in told.replace("\\", ""))


def test_the_file_is_one_that_the_product_takes(tmp_path):
    accepted = [
        proposal("allow", "Larkspur", ""), proposal("deny", "Blue Heron", "ORGANIZATION"),
        proposal("deny", "Blauwe Reiger", "ORGANIZATION", "fr"), proposal("recognizer", "HB-7701"),
        proposal("recognizer", "ZQ-1234"),
    ]  # fmt: skip
    file = tmp_path / "proposed.yaml"
    file.write_text(recognizers(accepted), encoding="utf-8")
    assert own.allowed([str(file)]) == ("Larkspur",)
    entries = own.read([str(file)])
    assert len(entries) == 3
    assert "7701" not in file.read_text()
    assert recognizers([]) == ""
