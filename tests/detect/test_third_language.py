"""A language is one module and one YAML file: nothing else knows which there are."""

import sys
from types import ModuleType

import pytest
import yaml

import redact.detect.spoken
from redact.call import Transcript, Turn, Word
from redact.detect.detector import Detector
from redact.detect.spoken import base
from redact.loaded import SPACY_MODELS
from redact.models import locate

NUMBERS = {"un": 1, "dau": 2, "tri": 3, "pedwar": 4, "pump": 5, "chwech": 6, "saith": 7, "wyth": 8, "naw": 9, "dim": 0}
MODULE = f"""
from redact.detect.spoken.base import Number

DIGITS = {NUMBERS!r}
NUMBER_WORDS = frozenset(DIGITS)


def read_number(tokens, at, reading=0):
    text = tokens[at].text
    return Number(str(DIGITS.get(text, text)), 1) if text in DIGITS or text.isdecimal() else None
"""


@pytest.fixture
def welsh(tmp_path, monkeypatch):
    """Welsh, poorly: English's file with a few words changed."""
    data = yaml.safe_load((base._FOLDER / "en.yaml").read_text(encoding="utf-8"))
    data["requests"]["CREDENTIAL"]["phrases"] = ["eich rhif pin"]
    data["fillers"], data["recognizers"] = ["ym"], []
    (tmp_path / "cy.yaml").write_text(yaml.safe_dump(data), encoding="utf-8")
    (tmp_path / "cy.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.setattr(base, "_FOLDER", tmp_path)
    monkeypatch.setattr(redact.detect.spoken, "__path__", [*redact.detect.spoken.__path__, str(tmp_path)])
    base.load.cache_clear()
    yield
    base.load.cache_clear()
    sys.modules.pop("redact.detect.spoken.cy", None)


@pytest.mark.models
def test_one_module_and_one_yaml_make_a_language(welsh):
    assert base.supported() == ("cy",)
    detector = Detector("cy", locate(SPACY_MODELS["en"], engine="spacy").path)
    lines = [("agent", 0, "Beth yw eich rhif pin ?"), ("customer", 1, "Ym, pedwar, dau, ym, naw, un.")]
    turns = tuple(Turn(who, ch, tuple(Word(w, None, None, ch) for w in said.split())) for who, ch, said in lines)
    transcript = Transcript(turns, "cy", "test")
    found = {
        transcript.words[index].text
        for finding in detector.find(transcript)
        if finding.entity_type == "CREDENTIAL"
        for index in finding.words
    }
    assert {"pedwar,", "dau,", "naw,", "un."} <= found
    assert isinstance(sys.modules["redact.detect.spoken.cy"], ModuleType)
