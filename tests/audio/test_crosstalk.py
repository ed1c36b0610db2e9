"""What is heard across is found, however faint, late or filtered; and nothing else is."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from sounds import pcm_of

from redact.audio import crosstalk
from redact.call import HeardAcross

RATE = crosstalk.RATE
SAMPLES = Path(__file__).parents[2] / "samples"
CLEAN = ["en-internet-outage-control.wav", "fr-horaires-controle.wav"]


def call(name: str, seconds: int = 40) -> np.ndarray:
    return np.ascontiguousarray(soundfile.read(SAMPLES / name, dtype="float32", frames=seconds * RATE)[0].T)


def coded(sound: np.ndarray) -> np.ndarray:
    """In steps of mu-law, the least of which are all that is left of faint sound."""
    mu = 255.0
    small = np.sign(sound) * np.log1p(mu * np.abs(sound)) / np.log1p(mu)
    small = np.round(small * 127) / 127
    return (np.sign(small) * np.expm1(np.abs(small) * np.log1p(mu)) / mu).astype(np.float32)


def leaking(sound: np.ndarray, level_db: float, delay_ms: int = 0, filtered: bool = False) -> np.ndarray:
    """Channel 0 heard on channel 1 as well."""
    copy = np.concatenate([np.zeros(RATE * delay_ms // 1000), sound[0]])[: sound.shape[1]]
    if filtered:
        copy = np.convolve(copy, 0.8 ** np.arange(40))[: sound.shape[1]]
        copy *= np.sqrt(np.mean(sound[0] ** 2) / np.mean(copy**2))
    return np.stack([sound[0], coded(sound[1] + copy * 10 ** (level_db / 20))]).astype(np.float32)


def measure(sound: np.ndarray) -> tuple[HeardAcross, ...]:
    return crosstalk.measure(pcm_of(sound, RATE))


@pytest.mark.parametrize("name", CLEAN)
def test_nothing_is_heard_across(name: str) -> None:
    assert measure(call(name)) == ()


@pytest.mark.parametrize("filtered", [False, True])
@pytest.mark.parametrize("delay_ms", [0, 40, 200])
@pytest.mark.parametrize("level_db", [-20, -30, -40])
def test_what_is_heard_across_is_found(level_db: float, delay_ms: int, filtered: bool) -> None:
    found = measure(leaking(call(CLEAN[0]), level_db, delay_ms, filtered))
    (path,) = [p for p in found if p.speaker == 0]
    assert path.earliest_ms <= delay_ms <= path.latest_ms


@pytest.mark.parametrize("level_db", [-20, -30])
def test_beneath_the_other_sides_own_voice_too(level_db: float) -> None:
    sound = np.stack([call(CLEAN[0])[0], call(CLEAN[1])[0]])
    loud = np.abs(sound[1]) > 0.01
    assert loud.mean() > 0.1
    assert measure(sound) == ()
    assert [p.speaker for p in measure(leaking(sound, level_db))].count(0) == 1


def test_heard_for_two_seconds_is_heard_for_the_whole_call() -> None:
    sound = call(CLEAN[0])
    leak = leaking(sound, -20)
    energy = np.cumsum(sound[0] ** 2)
    at = int(np.argmax(energy[2 * RATE :] - energy[: -2 * RATE]))
    sound[1, at : at + 2 * RATE] = leak[1, at : at + 2 * RATE]
    assert [p.speaker for p in measure(sound)].count(0) == 1


def test_what_cannot_be_measured_counts_as_heard() -> None:
    assert measure(call(CLEAN[0], 1)) == (HeardAcross(0, 1), HeardAcross(1, 0))


def test_one_channel_is_heard_on_no_other() -> None:
    assert measure(call(CLEAN[0])[:1]) == ()
