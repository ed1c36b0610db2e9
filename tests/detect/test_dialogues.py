"""Whole invented dialogues, perfectly transcribed: how much of what is personal is found, and how much else is masked.

They hold what makes speech hard: numbers over many turns, corrections, read-backs, refusals, names that are words.
The floors are a little below what was measured when they were set, so that a rule that costs recall is seen.
"""

import sys
from functools import cache
from pathlib import Path

import pytest

from redact import policy
from redact.loaded import SPACY_MODELS
from redact.models import locate

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks" / "text"))

import cases  # noqa: E402
from figures import ALL, Tally  # noqa: E402
from systems import ours  # noqa: E402

DIALOGUES = Path(__file__).parent / "dialogues"


@cache
def figures_of(language, mono=None):
    """Of all dialogues of a language; `all` gives every one a single mixed speaker."""
    detect = ours(language, locate(SPACY_MODELS[language], engine="spacy").path, policy.load("default"))
    tally = Tally()
    for case in cases.scripts(DIALOGUES, mono):
        if case.language == language:
            tally.add(case, detect(case))
    return tally.figures()


@pytest.mark.models
@pytest.mark.parametrize(
    ("language", "mono", "recall", "precision", "over"),
    [
        ("en", None, 0.92, 0.86, 0.055),
        ("fr", None, 0.94, 0.87, 0.050),
        ("en", "all", 0.94, 0.83, 0.070),
        ("fr", "all", 0.95, 0.83, 0.070),
    ],
)
def test_personal_data_of_whole_dialogues_is_found(language, mono, recall, precision, over):
    figures = figures_of(language, mono)
    assert figures[ALL]["items"] > 1000
    assert figures[ALL]["recall"] >= recall
    assert figures[ALL]["precision"] >= precision
    assert figures[ALL]["over_share"] <= over


@pytest.mark.models
@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("family", ["CREDIT_CARD", "CREDIT_CARD_CVV", "BANK_ACCOUNT", "NATIONAL_ID", "PHONE_NUMBER"])
def test_numbers_are_found_above_all(language, family):
    assert figures_of(language)[family]["recall"] >= 0.88
