"""Canaries through the whole product, and then every byte of all that there is afterwards."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from canaries import everything, found, sounds
from scenes import CANARIES, KILLED, SAID, TERMINATED, Players, World, telephone, wav, words

pytestmark = [pytest.mark.models, pytest.mark.slow]
New = Callable[[], World]


def test_the_canaries_are_in_what_goes_in(calls: Path, personal: frozenset[bytes]) -> None:
    heard = " ".join(word for word, *_ in words()).encode()
    found_in = found(CANARIES, heard + b"".join(data for _, data in everything(calls.parent)))
    assert {told.split(" as ")[0] for told in found_in} == {canary.value for canary in CANARIES}
    assert len({told.split(" as ")[0] for told in found(CANARIES, heard)}) == len(SAID)
    assert sounds(personal, wav(telephone())) > 100


def test_nothing_personal_is_in_outputs_logs_temporary_files_or_names(redacted: World, leaks: dict) -> None:
    assert redacted.code == 1, redacted.stderr
    assert len(list(redacted.out.iterdir())) == 2 * 7
    assert leaks == {}


def test_no_personal_sound_is_in_outputs_or_in_any_file_that_was_open_on_the_way(
    redacted: World, personal: frozenset[bytes]
) -> None:
    moments = {path.name.split("-")[0] for path in (redacted.told / "open").iterdir()}
    assert moments == {"transcribe", "listen_again", "publish"}
    assert redacted.audible(personal) == {}
    assert list((redacted.root / "tmp").iterdir()) == []


def test_what_failed_is_told_without_its_name(redacted: World) -> None:
    assert "next:" in redacted.stderr
    assert "Traceback" not in redacted.stderr
    assert len(redacted.stdout.splitlines()) == 2


@pytest.mark.parametrize(
    ("code", "scene"),
    [
        (8, {"heard": [[*word[:4], 0.01] for word in words()], "policy": {"in_doubt": "hold"}}),
        (7, {"masks_nothing": True}),
    ],
    ids=["held", "not verified"],
)
def test_a_call_that_is_not_published_says_nothing(
    code: int, scene: dict, new_world: New, players: Players, calls: Path, personal: frozenset[bytes]
) -> None:
    world = new_world()
    arguments = ["file", calls / "Quillfeather.mp3", "-o", "out", "--html"]
    if changes := scene.pop("policy", None):
        arguments += ["--policy", _policy(world, changes)]
    players.play(world, world.scene(*arguments, **scene))
    assert world.code == code, world.stderr
    assert [path.name.split(".", 1)[1] for path in world.out.iterdir()] == ["report.json"]
    assert world.leaks() == {}
    assert world.audible(personal) == {}


def _policy(world: World, changes: dict) -> Path:
    from redact.policy import load

    path = world.root.with_name(world.root.name + ".yaml")
    path.write_text(json.dumps(load("default").changed(**changes).model_dump(mode="json")))
    return path


MOMENTS = ("decode", "survey", "transcribe", "detect", "encode", "verify", "listen_again", "page", "publish")


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_crash_tells_no_value_and_leaves_nothing(
    moment: str, new_world: New, players: Players, calls: Path, personal: frozenset[bytes]
) -> None:
    world = new_world()
    accidents = {moment: "crash"}
    (wave,) = calls.glob("Zebulon*")
    players.play(world, world.scene("file", wave, "-o", "out", "--html", accidents=accidents))
    assert world.code == 1, world.stderr
    assert "ValueError in redact" in world.stderr
    assert "Traceback" not in world.stderr
    assert not world.out.exists()
    assert world.leaks() == {}
    assert world.audible(personal) == {}


@pytest.mark.parametrize(
    ("moment", "signal"),
    [
        ("transcribe", KILLED),
        ("listen_again", KILLED),
        ("publish", KILLED),
        ("transcribe", TERMINATED),
        ("page", TERMINATED),
    ],
)
def test_a_process_that_is_ended_leaves_nothing(
    moment: str, signal: int, new_world: New, players: Players, calls: Path, personal: frozenset[bytes]
) -> None:
    world = new_world()
    accidents = {moment: "pause"}
    (wave,) = calls.glob("Zebulon*")
    scene = world.scene("file", wave, "-o", "out", "--html", accidents=accidents)
    players.play(world, scene, kill=signal)
    assert world.code == (143 if signal == TERMINATED else -9), world.stderr
    (core,) = [line.split() for line in world.limits.splitlines() if line.startswith("Max core file size")]
    assert core[4] == "0"  # what was said would be in it
    assert list(everything(*(world.root / name for name in ("tmp", "home", "xdg")))) == []
    # SIGKILL leaves the folder that was made for the outputs
    assert list(everything(world.root / "work")) == ([(world.out, b"out")] if world.out.exists() else [])
    assert world.leaks() == {}
    assert world.audible(personal) == {}


@pytest.mark.parametrize("full", ["out", "tmp"])
def test_a_full_disk_is_told_without_a_value(
    full: str, new_world: New, players: Players, calls: Path, personal: frozenset[bytes]
) -> None:
    world = new_world()
    (wave,) = calls.glob("Zebulon*")
    folder = world.root / ("work/out" if full == "out" else "tmp")
    players.play(world, world.scene("file", wave, "-o", "out", "--html", small=str(folder)))
    if world.code == 77:
        pytest.skip("mounting is not permitted here")
    assert world.code == 11, world.stderr
    assert "no space left" in world.stderr
    assert list(everything(world.told / "left")) == []
    assert world.leaks() == {}
    assert world.audible(personal) == {}


def test_an_explanation_holds_no_value(new_world: New, players: Players, calls: Path) -> None:
    world = new_world()
    players.play(world, world.scene("explain", calls / "Quillfeather.mp3"))
    assert world.code == 0, world.stderr
    assert len(json.loads(world.stdout)["findings"]) >= len(SAID)
    assert world.leaks() == {}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b'{"schema": "callredact.transcript", "Ostrowhite": "Zebulon"}', 5),
        (b'{"text": "Zebulon Ostrowhite, 4929 7310 2284 6059"', 5),
        ("Zebulon Ostrowhité".encode("latin-1"), 5),
        (None, 5),
    ],
    ids=["other keys", "cut off", "not UTF-8", "gone"],
)
def test_a_transcript_that_is_refused_is_told_without_a_value(
    content: bytes | None, code: int, new_world: New, players: Players
) -> None:
    world = new_world()
    transcript = world.root.with_name(f"{world.root.name} Thistledown.json")
    if content is not None:
        transcript.write_bytes(content)
    players.play(world, world.scene("explain", transcript))
    assert world.code == code, world.stderr
    assert world.leaks() == {}


def test_an_evaluation_holds_no_value_of_its_labels(new_world: New, players: Players, tmp_path: Path) -> None:
    name = "Zebulon Ostrowhite"
    item = {"type": "PERSON", "text": name, "value": name, "channel": 1, "start": 1.0, "end": 2.0}
    gold = {"audio": "call.wav", "language": "en", "duration": 12, "pii": [item]}
    (tmp_path / "call.wav").write_bytes(wav(telephone()))
    (tmp_path / "call.gold.json").write_text(json.dumps(gold))
    for more in ("--json", "--misses"):
        world = new_world()
        players.play(world, world.scene("evaluate", tmp_path, more, heard=[]))
        assert world.code == 0, world.stderr
        assert "PERSON" in world.stdout
        assert world.leaks() == {}


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_a_check_of_the_original_tells_what_is_heard_without_its_value(
    more: tuple[str, ...], new_world: New, players: Players, calls: Path, personal: frozenset[bytes]
) -> None:
    world = new_world()
    players.play(world, world.scene("verify", calls / "Quillfeather.mp3", *more))
    assert world.code == 7, world.stderr
    assert "PERSON" in world.stdout
    assert world.leaks() == {}
    assert world.audible(personal) == {}
