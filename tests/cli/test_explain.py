"""`redact explain`: what was found and why, and values only for eyes at a terminal."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from redact.call import Transcript, Turn, Word
from redact.transcripts import native

CARD = "4539 1488 0343 6467"
SAID = {
    "A": "Thanks . Your loyalty number and your card number , please ?",
    "C": f"It is LC123456 and the card is {CARD} [bold]",
}
SECRETS = ("LC123456", "4539", "6467", "Quillfeather")


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "redact", "explain", *map(str, arguments)]


def redact(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), cwd=cwd, capture_output=True, text=True, check=False)


def at_terminal(*arguments: object, cwd: Path) -> tuple[int, str]:
    """The command with a terminal for its output."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": "200", "TERM": "xterm"}
    run = subprocess.Popen(
        command(*arguments), cwd=cwd, stdout=theirs, stderr=subprocess.DEVNULL, stdin=theirs, env=environment
    )
    os.close(theirs)
    output = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # what Linux says at the end of a terminal
            break
        if not piece:
            break
        output += piece
    os.close(ours)
    return run.wait(), output.decode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    turns = []
    at = 0
    for channel, text in enumerate(SAID.values()):
        words = []
        for word in text.split():
            words.append(Word(word, at, at + 350, channel))
            at += 400
        turns.append(Turn("Quillfeather", channel, tuple(words)))
    (tmp_path / "call.json").write_text(native.write(Transcript(tuple(turns), "en", "x"), duration_ms=None))
    own = {
        "recognizers": [
            {
                "name": "Loyalty card",
                "supported_entity": "LOYALTY_CARD",
                "patterns": [{"name": "loyalty", "regex": r"LC\d{6}", "score": 0.3}],
            }
        ]
    }
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(own))
    return tmp_path


@pytest.mark.models
def test_findings_are_told_with_place_time_and_evidence_but_no_value(folder: Path) -> None:
    run = redact("call.json", "--recognizers", "own.yaml", cwd=folder)
    assert run.returncode == 0, run.stderr
    assert not any(secret in run.stdout + run.stderr for secret in SECRETS)
    told = json.loads(run.stdout)
    assert (told["schema"], told["version"], told["language"]) == ("callredact.explanation", 1, "en")
    by_recognizer = {finding["recognizer"]: finding for finding in told["findings"]}
    card = by_recognizer["CreditCardRecognizer"]
    assert (card["entity_type"], card["score"], card["view"], card["channel"]) == ("CREDIT_CARD", 1.0, "written", 1)
    assert card["places"] == [{"turn": 2, "first_word": 8, "last_word": 11}]
    first = len(SAID["A"].split()) + 7
    assert (card["start_ms"], card["end_ms"]) == (first * 400, (first + 3) * 400 + 350)
    assert "checksum:luhn" in card["evidence"]
    loyalty = by_recognizer["Loyalty card"]
    assert (loyalty["entity_type"], loyalty["score"], loyalty["masked"]) == ("LOYALTY_CARD", 0.3, True)
    assert loyalty["evidence"][0] == "pattern:loyalty"


@pytest.mark.models
def test_the_policy_says_what_is_masked(folder: Path) -> None:
    run = redact("call.json", "--entities", "PERSON", cwd=folder)
    assert {f["entity_type"]: f["masked"] for f in json.loads(run.stdout)["findings"]}["CREDIT_CARD"] is False


@pytest.mark.models
def test_the_options_of_a_policy_file_hold(folder: Path) -> None:
    policy = {"name": "own", "description": "d", "entities": {"PERSON": 0.4}, "recognizers": "../own.yaml"}
    (folder / "sub").mkdir()
    (folder / "sub" / "p.yaml").write_text(yaml.safe_dump(policy))
    run = redact("call.json", "--policy", "sub/p.yaml", cwd=folder)
    assert {f["entity_type"]: f["masked"] for f in json.loads(run.stdout)["findings"]}["LOYALTY_CARD"] is True


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_values_are_refused_where_the_output_is_no_terminal(folder: Path, more: tuple[str, ...]) -> None:
    run = redact("call.json", "--show-values", *more, cwd=folder)
    assert run.returncode == 2
    assert "--show-values" in run.stderr
    assert run.stdout == ""


@pytest.mark.models
def test_a_terminal_gets_a_table_and_values_when_asked(folder: Path) -> None:
    code, hidden = at_terminal("call.json", cwd=folder)
    assert code == 0
    assert "CREDIT_CARD" in hidden
    assert "checksum:luhn" in hidden
    assert not any(secret in hidden for secret in SECRETS)
    code, shown = at_terminal("call.json", "--show-values", cwd=folder)
    assert code == 0
    assert "4539" in shown
    code, as_json = at_terminal("call.json", "--show-values", "--json", cwd=folder)
    assert code == 0
    assert any(CARD in finding["value"] for finding in json.loads(as_json)["findings"])


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("gone.json",), 5, "can't read the transcript"),
        (("latin.json",), 5, "UTF-8"),
        (("german.json",), 5, "'de'"),
        (("empty.json",), 5, ""),
        (("call.json", "--recognizers", "gone.yaml"), 3, "can't read the recognizers"),
        (("call.json", "--recognizers", "bad.yaml"), 3, "unknown key 'patern'"),
        (("call.json", "--recognizers", "model.yaml"), 4, ""),
        (("call.json", "--entities", "LOYALTY_CARD"), 3, "LOYALTY_CARD"),
        (("call.wav",), 5, ""),
    ],
)
def test_wrong_requests_name_the_next_step(folder: Path, arguments: tuple[str, ...], code: int, words: str) -> None:
    (folder / "latin.json").write_bytes(b"\xff\xfe\xfd")
    (folder / "empty.json").write_text("")
    (folder / "german.json").write_text((folder / "call.json").read_text().replace('"en"', '"de"'))
    (folder / "bad.yaml").write_text("recognizers: [{name: a, supported_entity: B, patern: []}]")
    (folder / "model.yaml").write_text(
        "recognizers: [{name: GLiNERRecognizer, type: predefined, model_name: m, entity_mapping: {a: B}}]"
    )
    run = redact(*arguments, cwd=folder)
    assert run.returncode == code, run.stderr
    assert "next:" in run.stderr
    assert words in run.stderr
    assert "Traceback" not in run.stderr
