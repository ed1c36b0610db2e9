"""Three hundred broken recordings: none does harm, and none is believed that has lost its sound."""

import dataclasses
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import fuzz

COUNT = 300


@pytest.mark.slow
def test_broken_recordings(tmp_path):
    open_before = len(list(Path("/proc/self/fd").iterdir()))
    outcomes = list(fuzz.run(range(COUNT), 1, 2, tmp_path, forked=True))
    assert [f"{each.mutant.number} {each.mutant.how}: {each.finding}" for each in outcomes if each.finding] == []
    assert len(outcomes) == COUNT
    verdicts = {each.verdict for each in outcomes}
    assert {"accepted", "the file is damaged", "the file is not audio of a known format"} <= verdicts
    assert list(tmp_path.iterdir()) == []
    assert len(list(Path("/proc/self/fd").iterdir())) <= open_before + 1  # of multiprocessing


def test_a_few_with_the_real_start_of_the_process(tmp_path):
    before = fuzz.left_behind()
    outcomes = [fuzz.judge(fuzz.mutant(1, number), tmp_path) for number in range(8)]
    assert [each.finding for each in outcomes] == [""] * 8
    assert fuzz.left_behind() == before


def test_a_mutant_is_always_the_same():
    assert fuzz.mutant(7, 3) == fuzz.mutant(7, 3)
    assert fuzz.mutant(7, 3).data != fuzz.mutant(8, 3).data


def test_lost_sound_would_be_found(tmp_path):
    seed = next(each for each in fuzz.seeds() if each.seconds == fuzz.SHORT_S)
    whole = fuzz.Mutant(0, seed.name, "nothing", seed.data, seed.seconds)
    assert fuzz.judge(whole, tmp_path).finding == ""
    assert "s of sound are gone" in fuzz.judge(dataclasses.replace(whole, whole_s=3.0), tmp_path).finding
