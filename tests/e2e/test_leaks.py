"""Thirteen ways in which redacted recordings leak, and what is written while the power fails."""

import base64
import json
import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import av
import numpy as np
import pytest
import scenes
from numpy.typing import NDArray
from scenes import RATE, Players, World, coded, heard, telephone, wav, words

from redact.audio.decode import decode
from redact.errors import InputRejected

pytestmark = [pytest.mark.models, pytest.mark.slow]
New = Callable[[], World]
Sound = NDArray[np.int16]
SAMPLES = scenes.SAMPLE.parent


def sound_of(path: Path) -> NDArray[np.float64]:
    with decode(path) as decoded:
        samples = decoded.pcm.read()
        return samples / (1.0 if samples.dtype.kind == "f" else float(np.iinfo(samples.dtype).max))


def without_tone(sound: NDArray[np.float64], hz: float = 1000.0) -> NDArray[np.float64]:
    """The sound less the best fit of a tone to it: what whoever subtracts the beep hears."""
    phase = 2 * np.pi * hz * np.arange(len(sound)) / RATE
    basis = np.stack([np.sin(phase), np.cos(phase)], axis=1)
    return sound - basis @ np.linalg.lstsq(basis, sound, rcond=None)[0]


def alike(before: NDArray[np.float64], after: NDArray[np.float64]) -> float:
    """How alike they are beneath a tone, over what chance would allow: 1 is the most that may be left."""
    rest = without_tone(after)
    correlation = abs(float(before @ rest)) / (np.linalg.norm(before) * np.linalg.norm(rest) + 1e-9)
    return correlation / max(0.05, 4 / np.sqrt(len(before)))


def masks(world: World) -> list[tuple[int, int]]:
    """Spans in samples of the one call that was redacted."""
    (report,) = world.out.glob("*.report.json")
    return [(8 * i["start_ms"], 8 * i["end_ms"]) for i in json.loads(report.read_text())["intervals"]]


def output(world: World, suffix: str) -> Path:
    (path,) = world.out.glob(f"*.redacted{suffix}")
    return path


def loud(before: NDArray[np.float64], spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those in which enough is heard to be compared."""
    return [(a, b) for a, b in spans if len(before[a:b]) > 800 and np.sqrt(np.mean(before[a:b] ** 2)) > 0.003]


@pytest.fixture
def redact(new_world: New, players: Players, tmp_path: Path) -> Callable[..., World]:
    """The command on one recording, given as a file or as mu-law; `said` is what the engine hears."""

    def one(recording: Path | bytes, said: list, *more: object, **scene: object) -> World:
        if isinstance(recording, bytes):
            (tmp_path / "call.wav").write_bytes(wav(recording))
            recording = tmp_path / "call.wav"
        world = new_world()
        return players.play(world, world.scene("file", recording, "-o", "out", *more, heard=said, **scene))

    return one


def test_01_the_unredacted_tail(tmp_path: Path) -> None:
    """Of a damaged MP3 either nothing is taken, or the whole."""
    whole = (SAMPLES / "fr-paiement-carte.mp3").read_bytes()[:80_000]  # 20 s
    refused = 0
    for seed in range(4):
        data, draw = bytearray(whole), random.Random(seed)
        for position in draw.sample(range(2000, len(data)), len(data) // 20 if seed else 0):
            data[position] = draw.randrange(256)
        (tmp_path / "call.mp3").write_bytes(data)
        try:
            sound_of(tmp_path / "call.mp3")
        except InputRejected:
            refused += 1
    assert refused == 4  # the first for its length alone: its header states 84 s


@pytest.mark.parametrize("container", ["wav", "mp3"])
def test_02_a_mixed_in_beep(container: str, redacted: World, reports: dict) -> None:
    """What is left beneath the beep once the tone is subtracted isn't the call."""
    stem = f"call-{reports[container]['input']['sha256'][:16]}"
    after = sound_of(redacted.out / f"{stem}.redacted.{container}")
    (source,) = [path for path in redacted.calls.glob(f"*.{container}") if path.stat().st_size > 5000]
    before = sound_of(source)
    spans = [(8 * i["start_ms"], 8 * i["end_ms"]) for i in reports[container]["intervals"]]
    compared = [(c, a, b) for c in range(2) for a, b in loud(before[c], spans)]
    assert len(compared) > 3
    assert max(alike(before[c, a:b], after[c, a:b]) for c, a, b in compared) <= 1
    c, a, b = compared[0]
    mixed = before[c, a:b] + 0.1 * np.sin(2 * np.pi * 1000 * np.arange(b - a) / RATE)
    assert alike(before[c, a:b], mixed) > 5  # so would a beep that is laid over it be found


@pytest.mark.parametrize("level_db", [-30, -40])
def test_03_the_other_channel(level_db: int, redact: Callable[..., World], tmp_path: Path) -> None:
    """What the customer says is masked where it is heard on the agent's channel, too."""
    sound = heard(telephone())
    sound[0] = np.rint(sound[1] * 10 ** (level_db / 20))
    path = coded(sound, tmp_path / "call.wav", "pcm_s16le")
    world = redact(path, [word for word in words() if word[3] == 1])
    assert world.code == 0, world.stderr
    before, after, spans = sound_of(path), sound_of(output(world, ".wav")), masks(world)
    compared = loud(before[1], spans)
    assert compared
    for a, b in compared:
        assert alike(before[1, a:b], before[0, a:b]) > 5
        assert alike(before[1, a:b], after[0, a:b]) <= 1
        assert alike(before[1, a:b], after[1, a:b]) <= 1


LOW, HIGH, KEYS = (697, 770, 852, 941), (1209, 1336, 1477), "123456789*0#"


def keyed(digits: str) -> Sound:
    """Keys of 90 ms with pauses as long, on the customer's channel."""
    at = np.arange(int(0.09 * RATE)) / RATE
    pause = np.zeros(len(at))
    parts = [np.zeros(RATE)]
    for digit in digits:
        row, column = divmod(KEYS.index(digit), 3)
        parts += [0.2 * np.sin(2 * np.pi * LOW[row] * at) + 0.2 * np.sin(2 * np.pi * HIGH[column] * at), pause]
    sound = np.concatenate([*parts, np.zeros(RATE)])
    noise = np.random.default_rng(2).normal(0, 0.001, (2, len(sound)))
    noise[1] += sound
    return np.rint(noise * 32767).astype(np.int16)


def read_keys(sound: NDArray[np.float64]) -> str:
    """The keys that are heard, by the energy at their frequencies: nothing of the product's own detector."""
    size, read, last = 320, "", ""
    at = 2j * np.pi * np.arange(size) / RATE
    for first in range(0, len(sound) - size, size // 4):
        frame = sound[first : first + size] * np.hanning(size)
        energy = float(frame @ frame) * size / 3
        powers = [[abs(frame @ np.exp(-at * hz)) ** 2 for hz in band] for band in (LOW, HIGH)]
        row, column = (int(np.argmax(band)) for band in powers)
        is_key = energy > 0.01 and min(powers[0][row], powers[1][column]) > 0.2 * energy
        key = KEYS[3 * row + column] if is_key else ""
        read += key if key != last else ""
        last = key
    return read


@pytest.mark.parametrize(
    ("codec", "suffix", "bit_rate"),
    [("pcm_mulaw", ".wav", 0), ("libmp3lame", ".mp3", 16_000), ("libopus", ".opus", 12_000)],
)
def test_04_keypad_tones(codec: str, suffix: str, bit_rate: int, redact: Callable[..., World], tmp_path: Path) -> None:
    number = "5137120488900458"
    path = coded(keyed(number), tmp_path / f"call{suffix}", codec, bit_rate)
    with av.open(str(path)) as file:
        rate = file.streams.audio[0].rate
    assert number in read_keys(sound_of(path)[1][:: rate // RATE])
    world = redact(path, [])
    assert world.code == 0, world.stderr
    assert [read_keys(channel[:: rate // RATE]) for channel in sound_of(output(world, suffix))] == ["", ""]


# Where "Desmond Halloway" is really said on the customer's channel, in ms; and what is said around it.
TRULY = 9845, 10_726
AROUND = [["Hi,", 8900, 9100, 1, 0.9], ["I'm", 9350, 9500, 1, 0.9]], [["and", 11_300, 11_450, 1, 0.9]]


def named(start: int | None, end: int | None) -> list:
    middle = None if start is None or end is None else (start + end) // 2
    name = [["Desmond", start, middle, 1, 0.9], ["Halloway,", middle, end, 1, 0.9]]
    question = [["Your", 5000, 5200, 0, 0.9], ["name,", 5200, 5400, 0, 0.9], ["please?", 5400, 5700, 0, 0.9]]
    return [*question, *AROUND[0], *name, *AROUND[1]]


def leaked_ms(before: NDArray[np.float64], after: NDArray[np.float64]) -> float:
    first, last = (8 * ms for ms in TRULY)
    return float(np.sum(before[1, first:last] == after[1, first:last])) / 8


@pytest.mark.parametrize("times", [(TRULY[0] + 250, TRULY[1] - 150), (TRULY[0] + 100, TRULY[1])])
def test_05_edges(times: tuple[int, int], redact: Callable[..., World]) -> None:
    """A name whose times come late and end early is masked from its first sound to its last."""
    world = redact(telephone(), named(*times))
    assert world.code == 0, world.stderr
    original = heard(telephone()) / 32767
    assert leaked_ms(original, original) > 800
    assert leaked_ms(original, sound_of(output(world, ".wav"))) < 20  # samples that are equal by chance


def test_06_no_time_no_bleep(redact: Callable[..., World]) -> None:
    """A name that the engine gives no time is masked between its neighbours."""
    world = redact(telephone(), named(None, None))
    assert world.code == 0, world.stderr
    assert leaked_ms(heard(telephone()) / 32767, sound_of(output(world, ".wav"))) < 20
    assert "halloway" not in output(world, ".txt").read_text().lower()


def test_07_read_back_and_repeats(redact: Callable[..., World]) -> None:
    """A value is masked wherever it is said again, by whom and in what words ever."""
    said = words((
        (0, "Your name, please?"),
        (1, "My name is Zebulon Ostrowhite."),
        (0, "And the card number?"),
        (1, "4929 7310 2284 6059."),
        (0, "So 4929 7310 2284 6059, well then."),
        (1, "No, wait, 4929 7310 2284 6058."),
        (0, "I see, Ostrowhite it is, and goodbye Zebulon."),
    ))  # fmt: skip
    world = redact(telephone(), said)
    assert world.code == 0, world.stderr
    text = output(world, ".txt").read_text()
    assert not re.search(r"Zebulon|Ostrowhite|4929|7310|2284|605\d", text), text
    spans = masks(world)
    for word, start, end, *_ in said:
        if re.search(r"\d|Zebulon|Ostrowhite", word):
            assert any(a <= 8 * start and 8 * end <= b for a, b in spans), word


def test_08_what_recognition_missed(redact: Callable[..., World]) -> None:
    """Speech in which no word was recognised isn't left audible."""
    world = redact(telephone(), [])
    assert world.code == 0, world.stderr
    before, after = heard(telephone()) / 32767, sound_of(output(world, ".wav"))
    frames = before[:, : before.shape[1] // 160 * 160].reshape(2, -1, 160)
    level = np.sqrt((frames**2).mean(axis=2))
    changed = (frames != after[:, : before.shape[1] // 160 * 160].reshape(2, -1, 160)).mean(axis=2) > 0.5
    speech = level > 0.1 * level.max()
    assert speech.sum() > 100
    assert changed[speech].mean() > 0.97


def test_09_tags_and_names(redacted: World, reports: dict) -> None:
    """Outputs have no tags, and no name that says anything."""
    assert {path.name.split(".")[0] for path in redacted.out.iterdir()} == {
        f"call-{report['input']['sha256'][:16]}" for report in reports.values()
    }
    for path in (*redacted.out.glob("*.wav"), *redacted.out.glob("*.mp3")):
        with av.open(str(path)) as file:
            tags = {**file.metadata, **{k: v for stream in file.streams for k, v in stream.metadata.items()}}
            assert len(file.streams) == 1
        assert set(map(str.lower, tags)) <= {"encoder"}


def test_10_sidecars(redacted: World, reports: dict, tmp_path: Path) -> None:
    """The sound that a page plays is the redacted one, too."""
    page = redacted.out / f"call-{reports['wav']['input']['sha256'][:16]}.redacted.html"
    sound = re.search(r"data:audio/mpeg;base64,([\w+/=]+)", page.read_text())
    assert sound
    (tmp_path / "page.mp3").write_bytes(base64.b64decode(sound[1]))
    before, after = heard(telephone()) / 32767, sound_of(tmp_path / "page.mp3")[:, ::2]  # it plays at 16 kHz
    masked = np.zeros(before.shape[1], bool)
    for interval in reports["wav"]["intervals"]:
        masked[8 * interval["start_ms"] : 8 * interval["end_ms"]] = True

    def correlation(channel: int, where: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Of the page's sound, the beep taken out, with the original's there, by how much later the page's is."""
        size = 2 * before.shape[1]
        original, played = (np.fft.rfft(s, size) for s in (np.where(where, before[channel], 0), after[channel]))
        beep = slice(900 * size // RATE, 1100 * size // RATE)
        original[beep] = played[beep] = 0
        common = np.abs(np.fft.irfft(played * np.conj(original)))[:3000] * size / 2
        return common / (np.linalg.norm(original) * np.linalg.norm(played))

    spared = correlation(0, ~masked)
    delay = int(np.argmax(spared))
    assert spared[delay] > 0.3
    for channel in (0, 1):
        assert correlation(channel, masked)[max(delay - 2, 0) : delay + 3].max() < 0.05


def test_11_our_own_machinery(redacted: World, leaks: dict) -> None:
    """Logs of all libraries at their most talkative, standard output and error: see also test_canary."""
    assert "DEBUG" in (redacted.told / "log").read_text()
    assert "decoder_child" in (redacted.told / "made").read_text()
    assert leaks == {}


def test_12_shape(redact: Callable[..., World]) -> None:
    """Neither a label nor a mask says how long a name is."""
    told = []
    for name, last_ms in (("Ng", 10_600), ("Featherstonehaugh", 10_680)):
        said = named(9850, last_ms)
        said[-2][0] = f"{name},"
        world = redact(telephone(), said)
        assert world.code == 0, world.stderr
        told.append((output(world, ".txt").read_text(), masks(world)))
        assert all(a % (8 * 200) == 0 and b % (8 * 200) == 0 for a, b in masks(world))
    assert "[PERSON_1]" in told[0][0]
    assert told[0] == told[1]


def test_13_partial_success_reported_as_success(redacted: World, redact: Callable[..., World], calls: Path) -> None:
    """One that failed is told by the exit code, whatever became of the others; one that failed has no outputs."""
    assert redacted.code == 1
    assert len(list(redacted.out.glob("*.report.json"))) == len(list(calls.iterdir())) - 1
    assert redact(telephone(2), [], masks_nothing=True).code == 7
    world = redact(calls, words(), "--json", accidents={"encode": "crash once"})
    assert world.code == 1
    assert "unexpected ValueError" in world.stderr
    assert len(world.stdout.splitlines()) == len(list(world.out.glob("*.report.json"))) == 1


KILLS = """
import os, random, sys, time
from pathlib import Path
from redact.publish import Staged
folder, draw = Path(sys.argv[1]), random.Random(7)
for kill in range(60):
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        for turn in range(10_000):
            with Staged(folder) as staged:
                for name in ("wav", "txt", "report.json"):
                    staged.open(f"{kill}-{turn}.{name}").write(b"%d" % (turn % 10) * 100_000)
                if turn == 1:
                    os.write(theirs, b".")
                staged.publish(force=sys.argv[2] == "force")
    os.read(ours, 1)
    time.sleep(draw.uniform(0, 0.01))
    os.kill(child, 9)
    os.waitpid(child, 0)
    os.close(ours), os.close(theirs)
"""


@pytest.mark.parametrize("how", ["new", "force"])
def test_killed_sixty_times_while_it_publishes_nothing_is_torn_and_nothing_is_stray(how: str, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLS, str(tmp_path), how], check=True, timeout=300)
    found = list(tmp_path.iterdir())
    assert len(found) > 60
    for path in found:
        _, turn, *_ = re.split(r"[-.]", path.name.removeprefix("."))
        assert path.read_bytes() == str(int(turn) % 10).encode() * 100_000, path.name
    stray = [path.name for path in found if path.name.startswith(".")]
    assert stray == [] or how == "force"  # to replace a file there has to be a second name for a moment
    complete = {path.name.split(".")[0] for path in found if path.name.endswith(".report.json")}
    assert all((tmp_path / f"{stem}.wav").exists() and (tmp_path / f"{stem}.txt").exists() for stem in complete)
