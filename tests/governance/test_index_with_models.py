"""Real calls, redacted by the command: who is in them is found, and nothing in the database tells who."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from batch_world import World

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks" / "speed"))

from made import long_call
from stores_world import files

from redact.cli.review import _indexing, _maker
from redact.corrections import Correction
from redact.errors import NoLawfulBasis
from redact.governance.erasure import erase
from redact.governance.finding import rebuild, search
from redact.options import Options
from redact.pipeline import Redactor
from redact.review.desk import Desk
from redact.review.originals import InFolder, Maker

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.models]
PAYMENT, BOOKING = "en-card-payment", "en-hotel-booking-dtmf"
SAID = ("Desmond Halloway", "LH7704192", "desmond.halloway@example.com", "Thackeray", "303-555-0174", "HV661402")


def redact(world: World, *arguments: object) -> None:
    world.settings()
    command = [sys.executable, "-m", "redact", "--config", world.root / "redact.toml", *arguments]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, env=dict(os.environ))
    assert done.returncode == 0, done.stderr


def test_whose_calls_were_redacted_is_found_and_stands_nowhere(tmp_path):
    world = World(tmp_path)
    policy = tmp_path / "own.yaml"
    text = (ROOT / "pipelines" / "default.yaml").read_text(encoding="utf-8")
    policy.write_text(text.replace("clear_transcript: drop", "clear_transcript: vault"), encoding="utf-8")
    given = ROOT / "tests" / "given"
    redact(
        world, "file", ROOT / "samples" / f"{PAYMENT}.wav", "--transcript", given / f"{PAYMENT}.json", "-o", world.dest,
        "--policy", policy, "--model", "tiny.en", "--language", "en", "--vault", "--call-id", "call-1", "-q",
    )  # fmt: skip
    redact(world, "file", given / f"{BOOKING}.json", "-o", world.dest, "--call-id", "call-2", "-q")
    kept = world.stores()
    payment, booking = frozenset({"call-1"}), frozenset({"call-2"})
    for kind, typed, found in (
        ("name", "M. Desmond HALLOWAY", payment), ("email", "Desmond.Halloway@example.com", payment),
        ("reference", "LH 7704-192", payment), ("reference", "call-1", payment),
        ("name", "Thackeray", booking), ("phone", "+1 303 555 0174", booking), ("phone", "(303) 555-0174", booking),
        ("reference", "HV661402", booking), ("name", "Beatrice", booking),
        ("name", "Halliday", frozenset()), ("phone", "303 555 0175", frozenset()),
    ):  # fmt: skip
        assert search(kept, [(kind, typed)]) == found, typed
    for digits in ("4929037741906517", "4929", "492903774190", "0928", "827"):
        assert kept.index.find("reference", digits) == kept.index.find("phone", digits) == frozenset()
    kept.close()
    needles = {"halloway", "thackeray", "7704192", "3035550174", "555-0174", "example.com"}
    for path in [path for path in files(tmp_path) if path.suffix != ".yaml" and world.dest not in path.parents]:
        content = path.read_bytes().lower()
        assert not [n for n in needles if n.encode() in content], path.name

    kept.index.forget("call-1")
    redactor = Redactor(Options(policy=policy, language="en", model="tiny.en"))
    assert rebuild(kept, redactor.findings)["indexed"] == 1
    assert search(kept, [("name", "Desmond Halloway"), ("email", "desmond.halloway@example.com")]) == payment
    kept.close()


class Erasing(InFolder):
    """Somebody erases the recording as it begins to be made anew."""

    def __init__(self, world: World, recording_id: str) -> None:
        super().__init__(world.source)
        self._erase = lambda: erase(world.stores(), [str(world.dest)], recording_id, reason="request")

    @contextmanager
    def at_hand(self, call):
        with super().at_hand(call) as path:
            self._erase()
            yield path


def test_a_call_that_is_corrected_is_found_by_what_a_person_decided(tmp_path):
    world = World(tmp_path)
    call = long_call(ROOT / "samples" / f"{PAYMENT}.wav", 14, world.source / "call.wav")
    redact(world, "file", call, "-o", world.dest, "--model", "tiny.en", "--language", "en", "-q")
    kept = world.stores()
    (found,) = search(kept, [("name", "Desmond")])
    (here,) = Desk(world.dest).calls()
    assert json.loads((world.dest / "call.report.json").read_text())["input"]["sha256"] == here.sha256
    options = Options(model="tiny.en", language="en", force=True)
    maker = Maker(options, InFolder(world.source), index=_indexing(kept, world.dest))
    maker.make(here, [Correction(0, here.duration_ms, None)])
    assert search(kept, [("name", "Desmond")]) == frozenset()
    (here,) = Desk(world.dest).calls()
    kept.index.put(found, [("name", "desmond")])
    maker.make(here, [])
    assert search(kept, [("name", "Desmond")]) == {found}
    with pytest.raises(NoLawfulBasis):
        _maker(kept, world.dest, Erasing(world, found), options).make(here, [])
    assert [path.name for path in world.dest.iterdir() if "call" in path.name] == []
    assert search(kept, [("name", "Desmond")]) == frozenset()
    kept.close()
