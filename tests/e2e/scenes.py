"""A call that is full of canaries, and the world in which the real command redacts it: see `actor`."""

import json
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from canaries import Canary, everything, found, sounds
from numpy.typing import NDArray

SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "en-card-payment.wav"
ACTOR = Path(__file__).with_name("actor.py")
RATE, SECONDS = 8000, 12
DIALOGUE = (
    (0, "Thanks for calling, my name is Quillfeather. What is your name, please?"),
    (1, "My name is Zebulon Ostrowhite."),
    (0, "And the card number, please?"),
    (1, "4929 7310 2284 6059."),
    (0, "And your phone number?"),
    (1, "079 6551 8823."),
    (0, "Your email address?"),
    (1, "zebulon.ostrowhite@vexmailer.org"),
    (0, "Thank you, Mr. Ostrowhite."),
)
SAID = ("Quillfeather", "Zebulon", "Ostrowhite", "4929731022846059", "07965518823", "vexmailer.org")
# In names of files and folders, in tags, and in a cover; never said.
WRITTEN = ("Thistledown", "Foxglovington", "Coverwhistle", "Marigoldsworth")
CANARIES = tuple(map(Canary, (*SAID, *WRITTEN)))
BY_SOUND, BY_VALUE, BROKEN = "Zebulon O 07965518823.wav", "Quillfeather.mp3", "Thistledown.wav"


def words(dialogue: tuple[tuple[int, str], ...] = DIALOGUE, until_ms: int = SECONDS * 1000) -> list[list[Any]]:
    """The dialogue's words one after another, as long as the call: text, start, end, channel, confidence."""
    said = [(word, channel) for channel, text in dialogue for word in text.split()]
    each = until_ms // len(said)
    return [[word, n * each, (n + 1) * each - 30, channel, 0.9] for n, (word, channel) in enumerate(said)]


def telephone(seconds: float = SECONDS) -> bytes:
    """The beginning of a real call: mu-law samples of its two channels in turn."""
    data = SAMPLE.read_bytes()
    at = data.index(b"data", data.index(b"LIST")) + 8
    return data[at : at + int(seconds * RATE) * 2]


def heard(mu_law: bytes) -> NDArray[np.int16]:
    """Mu-law (ITU-T G.711) as samples of shape (2, samples)."""
    code = ~np.frombuffer(mu_law, np.uint8)
    size = (((code & 15).astype(np.int32) << 3) + 132 << ((code >> 4) & 7)) - 132
    return np.where(code & 128, -size, size).astype(np.int16).reshape(-1, 2).T


def wav(mu_law: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """Mu-law in stereo, with more chunks behind it."""
    form = struct.pack("<HHIIHHH", 7, 2, RATE, 2 * RATE, 2, 8, 0)
    fact = struct.pack("<I", len(mu_law) // 2)
    all_chunks = ((b"fmt ", form), (b"fact", fact), (b"data", mu_law), *chunks)
    body = b"".join(name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2) for name, data in all_chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" + body


def info(value: str) -> tuple[bytes, bytes]:
    text = value.encode() + b"\0" * (2 - len(value) % 2)
    parts = b"".join(name + struct.pack("<I", len(text)) + text for name in (b"IART", b"ICMT", b"INAM"))
    return b"LIST", b"INFO" + parts


def id3(value: str, cover: str) -> bytes:
    """ID3v2.3: a title, a comment, a field of one's own, and a picture."""
    frames = {
        b"TIT2": b"\x03" + value.encode(),
        b"COMM": b"\x01eng\xff\xfe\0\0" + value.encode("utf-16"),
        b"TXXX": b"\x00caller\0" + value.encode(),
        b"APIC": b"\x00image/png\0\x03" + cover.encode() + b"\0\x89PNG\r\n\x1a\n" + cover.encode() * 9,
    }
    body = b"".join(name + struct.pack(">IH", len(data), 0) + data for name, data in frames.items())
    size = len(body)
    return b"ID3\x03\0\0" + bytes((size >> shift) & 127 for shift in (21, 14, 7, 0)) + body


def coded(sound: NDArray[np.int16], path: Path, codec: str, bit_rate: int = 0) -> Path:
    """A recording of that sound, in the container that the path's ending tells."""
    options = {"id3v2_version": "0"} if path.suffix == ".mp3" else {}
    with av.open(str(path), "w", options=options) as out:
        stream = out.add_stream(codec, rate=RATE, layout="stereo")
        if bit_rate:
            stream.bit_rate = bit_rate
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound), format="s16p", layout="stereo")
        frame.sample_rate = RATE
        for packet in (*stream.encode(frame), *stream.encode(None)):
            out.mux(packet)
    return path


@dataclass
class World:
    """A home, a folder for temporary files, and a place to work in, of one scene's own.

    Attributes:
        root: of it all.
        calls: recordings; nothing else may appear there.
        code: of the command's exit, below 0 for the signal that ended it.
        limits: of its process, as it paused.
    """

    root: Path
    calls: Path
    code: int | None = None
    limits: str = ""

    @property
    def out(self) -> Path:
        return self.root / "work" / "out"

    @property
    def told(self) -> Path:
        return self.root / "told"

    @property
    def stdout(self) -> str:
        return (self.told / "stdout").read_text()

    @property
    def stderr(self) -> str:
        return (self.told / "stderr").read_text()

    def scene(self, *arguments: object, **more: Any) -> Path:
        for name in ("home", "tmp", "xdg", "work", "told"):
            (self.root / name).mkdir(parents=True)
        places = ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")
        environment = {
            "HOME": self.root / "home", "TMPDIR": self.root / "tmp", **dict.fromkeys(places, self.root / "xdg"),
            "PYTHONPYCACHEPREFIX": self.root / "pycache", "PYTHONFAULTHANDLER": "1", "PYTHONWARNINGS": "default",
            "CT2_VERBOSE": "3", "LC_ALL": "C.UTF-8",
        }  # fmt: skip
        scene = {
            "arguments": [str(argument) for argument in arguments], "heard": words(), "cwd": str(self.root / "work"),
            "told": str(self.told), "environment": {name: str(value) for name, value in environment.items()}, **more,
        }  # fmt: skip
        path = self.root / "scene.json"
        path.write_text(json.dumps(scene))
        return path

    def leaks(self) -> dict[str, frozenset[str]]:
        """Canaries in whatever there is now of the world but its recordings and its script, by file."""
        folders = [path for path in self.root.iterdir() if path.is_dir()]
        return {str(path): told for path, data in everything(*folders) if (told := found(CANARIES, data))}

    def audible(self, windows: frozenset[bytes]) -> dict[str, int]:
        """How much of the personal sound there is, by file."""
        folders = [path for path in self.root.iterdir() if path.is_dir()]
        return {str(path): n for path, data in everything(*folders) if (n := sounds(windows, data))}


class Players:
    """Plays scenes in processes that have the models of detection at hand."""

    def __init__(self) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ACTOR.parents[2])}
        self._process = subprocess.Popen(
            [sys.executable, str(ACTOR)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def play(self, world: World, scene: Path, *, kill: int = 0) -> World:
        """Play it to its end, or until it says that it pauses and is sent the signal."""
        assert self._process.stdin
        assert self._process.stdout
        print(scene, file=self._process.stdin, flush=True)
        player = int(self._process.stdout.readline())
        if kill:
            _wait_for(world.told / "paused")
            world.limits = Path(f"/proc/{player}/limits").read_text()
            os.kill(player, kill)
        world.code = int(self._process.stdout.readline())
        return world

    def close(self) -> None:
        self._process.communicate("")


def _wait_for(path: Path) -> None:
    until = time.monotonic() + 120
    while not path.exists():
        assert time.monotonic() < until, "it never came to that moment"
        time.sleep(0.02)


def alone(world: World, scene: Path) -> World:
    """Play it in a process that begins with nothing."""
    environment = {**os.environ, "PYTHONPATH": str(ACTOR.parents[2])}
    world.code = subprocess.run([sys.executable, str(ACTOR), str(scene)], env=environment, check=False).returncode
    return world


KILLED, TERMINATED = signal.SIGKILL, signal.SIGTERM


def recordings(folder: Path) -> Path:
    """The call as WAV with tags and as MP3 with tags and a cover, and a file that is no recording."""
    calls = folder / "Marigoldsworth"
    calls.mkdir()
    sound = telephone()
    mp3 = coded(heard(sound), folder / "plain.mp3", "libmp3lame", 32_000).read_bytes()
    (calls / BY_SOUND).write_bytes(wav(sound, info("Foxglovington"), (b"id3 ", id3("Foxglovington", "Coverwhistle"))))
    (calls / BY_VALUE).write_bytes(id3("Foxglovington", "Coverwhistle") + mp3)
    (calls / BROKEN).write_bytes(b"Thistledown is no recording. " * 50)
    return calls


def worlds(folder: Path, calls: Path) -> Iterator[World]:
    """As many as are wanted."""
    number = 0
    while True:
        number += 1
        yield World(folder / f"world-{number}", calls)
