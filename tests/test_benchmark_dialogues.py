"""The maker of calls from clips: its labels lie where the clips are heard, and `redact evaluate` reads them."""

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from redact.evaluate import read_golds

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"
sys.path.insert(0, str(FOLDER))

import dialogues  # noqa: E402

RATE_HZ = 8000
CLIPS = [
    # file, type, value, silence before, what is said before it, the value, silence after: in milliseconds
    ("phone.wav", "PHONE_NUMBER", "07700900683", 500, 0, 1000, 300),
    ("name.wav", "PERSON_SPELLED", "MAUD", 7, 250, 333, 0),
]


def tone(ms, level):
    return np.tile(np.float32([level, -level]), ms * RATE_HZ // 2000)


@pytest.fixture
def folder(tmp_path):
    gold = []
    for file, kind, value, lead, before, said, after in CLIPS:
        parts = (tone(lead, 0), tone(before, 0.1), tone(said, 0.5), tone(after, 0))
        soundfile.write(tmp_path / file, np.concatenate(parts), RATE_HZ)
        start = (lead + before) / 1000
        times = {"start": start, "end": start + said / 1000, "tokens": [[value, start, start + said / 1000]]}
        gold.append({"file": file, "lang": "en", "voice": "a/b", "type": kind, "value": value, **times})
    (tmp_path / "gold.json").write_text(json.dumps(gold))
    return tmp_path


def speak(text, voice):
    """A quiet voice, so that what is loud is the clips'; as long as what it says."""
    return np.concatenate([tone(100, 0), tone(20 * len(text), 0.2), tone(50, 0)])


@pytest.mark.parametrize("seed", range(8))
def test_labels_lie_where_the_values_are_heard(folder, seed):
    clips = dialogues.read_clips(folder)
    call = dialogues.make_call("x.wav", clips, random.Random(seed), speak)
    assert len(call.sound) == call.gold["duration"] * RATE_HZ
    loud = np.flatnonzero(np.abs(call.sound[:, dialogues.CUSTOMER]) > 0.3)
    runs = np.split(loud, np.flatnonzero(np.diff(loud) > 1) + 1)
    heard = [(run[0] * 1000 / RATE_HZ, (run[-1] + 1) * 1000 / RATE_HZ) for run in runs]
    assert [(round(item["start"] * 1000), round(item["end"] * 1000)) for item in call.gold["pii"]] == heard
    assert [item["type"] for item in call.gold["pii"]] == ["PHONE_NUMBER", "PERSON"]
    assert np.abs(call.sound[:, dialogues.AGENT]).max() < 0.3


def test_a_pause_lies_between_two_turns(folder):
    call = dialogues.make_call("x.wav", dialogues.read_clips(folder), random.Random(1), speak)
    loud = np.flatnonzero(np.abs(call.sound).max(axis=1) > 0.03)
    pauses = np.diff(loud)[np.diff(loud) > 80] * 1000 / RATE_HZ
    assert len(pauses) == 7  # opening, twice question, clip and thanks, closing
    edges = 2 * dialogues._EDGE_MS
    assert pauses.min() >= 500
    assert pauses.max() <= 1000 + edges + 1


def test_the_same_seed_makes_the_same_calls_of_all_clips(folder):
    clips = dialogues.read_clips(folder)
    first, again = (dict(dialogues.make_calls(clips, 3, speak)) for _ in range(2))
    assert sorted(first) == sorted(again)
    assert all(np.array_equal(first[name].sound, again[name].sound) for name in first)
    values = sorted(item["value"] for call in first.values() for item in call.gold["pii"])
    assert values == ["07700900683", "MAUD"]


def test_a_type_that_nothing_asks_for_is_refused(folder):
    gold = json.loads((folder / "gold.json").read_text())
    gold[1]["type"] = "SHOE_SIZE"
    (folder / "gold.json").write_text(json.dumps(gold))
    with pytest.raises(SystemExit, match="SHOE_SIZE"):
        dialogues.read_clips(folder)


@pytest.mark.skipif(shutil.which("pico2wave") is None, reason="needs pico2wave")
def test_what_is_written_can_be_evaluated(folder, tmp_path):
    out = tmp_path / "out"
    command = [sys.executable, FOLDER / "dialogues.py", "--clips", folder, "--out", out]
    subprocess.run(command, check=True, capture_output=True)
    golds = read_golds(out)
    assert sorted(item.value for gold in golds for item in gold.items) == ["07700900683", "MAUD"]
    assert all(soundfile.info(gold.audio).frames == gold.duration_s * RATE_HZ for gold in golds)
