"""The real command with a stand-in for the speech engine, and with accidents at chosen moments. Runs by itself.

`python actor.py SCENE.json` plays one scene; `python actor.py` loads the models of detection once, and then plays each
scene that is named on a line of its standard input in a process of its own, and says on its output when it begins
(its process) and ends (its exit code). A scene: the words that are heard, the command's arguments, the environment,
where its output goes, and what happens at which moment.
"""

import ctypes
import importlib
import json
import logging
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Scene = dict[str, Any]
NOT_PERMITTED = 77
# Moments of a call, in their order, and the function that is called at each.
MOMENTS = {
    "decode": ("redact.pipeline", "decode"),
    "survey": ("redact.listen", "survey"),
    "transcribe": ("actor", "Engine.transcribe"),
    "detect": ("redact.detect.detector", "Detector.find"),
    "encode": ("redact.pipeline", "encode"),
    "verify": ("redact.verify", "check_sound"),
    "listen_again": ("actor", "Engine.transcribe_again"),
    "page": ("redact.page", "write"),
    "publish": ("redact.publish", "Staged.publish"),
}


class Engine:
    """Hears the scene's words, whatever is said."""

    name = "stand-in"
    heard: tuple[Any, ...] = ()

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def detect_language(self, clips: Any) -> tuple[str, float]:
        return "en", 0.9

    def transcribe(self, clips: Any, language: str, progress: Any, rest: Any) -> tuple[Any, ...]:
        for clip in clips:
            clip.sound()
        return self.heard

    def transcribe_again(self, clips: Any, language: str, expected: Any) -> tuple[Any, ...]:
        return ()


def play(scene: Scene) -> None:
    """Be the command; never comes back."""
    kept = {
        "PATH",
        "PYTHONPATH",
        *(name for name in os.environ if name.endswith("_TELEMETRY")),
    }  # redact's own, if imported
    environment = {**{name: os.environ[name] for name in kept}, **scene["environment"]}
    os.environ.clear()
    os.environ.update(environment)
    for fd, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(Path(scene["told"]) / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), fd)
    os.chdir(scene["cwd"])
    sys.argv = ["redact", *scene["arguments"]]
    logging.basicConfig(level=logging.DEBUG, filename=Path(scene["told"]) / "log", force=True)
    for logger in map(logging.getLogger, list(logging.root.manager.loggerDict)):
        logger.setLevel(logging.DEBUG)
    _note_what_is_started_and_made(Path(scene["told"]) / "made")

    import redact.cli.main
    import redact.transcribe.whisper
    from redact.audio import pcm
    from redact.call import Word

    Engine.heard = tuple(Word(*word) for word in scene["heard"])
    redact.transcribe.whisper.FasterWhisper = Engine
    _leave_out_the_weights()
    pcm.IN_MEMORY_BYTES = 1  # all sound is spooled to a file
    if scene.get("masks_nothing"):
        from redact.audio.mask import Masked

        Masked.read = lambda self, *where: self._signal.read(*where)
    for moment, what in scene.get("accidents", {}).items():
        module, name = MOMENTS[moment]
        _before(module, name, Accident(scene, moment, what))
    small = Path(scene["small"]) if "small" in scene else None
    if small and not _mounted(small):
        os._exit(NOT_PERMITTED)
    try:
        redact.cli.main.run()
    finally:
        if small:
            shutil.copytree(small, Path(scene["told"]) / "left")


def _leave_out_the_weights() -> None:
    """The stand-in needs none, and to join them takes seconds and a hundred megabytes."""
    from redact import loaded
    from redact.models.find import ModelFiles

    real = loaded.locate
    nothing = ModelFiles(
        Path("nowhere"), "base", "faster-whisper", "0" * 64, pinned=False, languages=("*",), size_bytes=0
    )
    loaded.locate = lambda name, *, engine: real(name, engine=engine) if engine == "spacy" else nothing


def _mounted(folder: Path) -> bool:
    """Put a file system that is soon full on the folder, for this process alone."""
    libc = ctypes.CDLL(None, use_errno=True)
    folder.mkdir(parents=True, exist_ok=True)
    new_mounts, private_below = 0x20000, 0x44000
    return (
        libc.unshare(new_mounts) == 0
        and libc.mount(b"none", b"/", None, private_below, None) == 0
        and libc.mount(b"none", str(folder).encode(), b"tmpfs", 0, b"size=64k") == 0
    )


class Accident:
    """What happens at a moment: `crash`, `crash once`, `pause` (and say so) or `copy` (all open files)."""

    def __init__(self, scene: Scene, moment: str, what: str) -> None:
        self._scene, self._moment, self._what = scene, moment, what

    def __call__(self, *given: object) -> None:
        secret = " ".join(word[0] for word in self._scene["heard"])
        if self._what == "pause":
            (Path(self._scene["told"]) / "paused").touch()
            time.sleep(600)
        if self._what == "copy":
            _copy_open_files(Path(self._scene["told"]) / "open", self._moment)
        if self._what.startswith("crash"):
            if self._what == "crash once":
                self._what = ""
            raise ValueError(f"could not convert: {secret!r}", given)


def _before(module: str, name: str, accident: Callable[..., None]) -> None:
    holder: Any = sys.modules[__name__] if module == "actor" else importlib.import_module(module)
    *path, last = name.split(".")
    for part in path:
        holder = getattr(holder, part)
    real = getattr(holder, last)

    def late(*given: Any, **named: Any) -> Any:
        accident(*given)
        return real(*given, **named)

    setattr(holder, last, late)


def _note_what_is_started_and_made(path: Path) -> None:
    """Processes with their arguments and environments, and files that are opened to be written, by name."""
    notes = path.open("a", buffering=1)

    def note(event: str, given: tuple[Any, ...]) -> None:
        if event == "subprocess.Popen":
            notes.write(f"started {given[1]!r} {given[3]!r}\n")
        elif event == "open" and isinstance(given[2], int) and given[2] & (os.O_WRONLY | os.O_RDWR):
            notes.write(f"opened {given[0]!r}\n")

    sys.addaudithook(note)


def _copy_open_files(folder: Path, moment: str) -> None:
    """What would stay on the disk, had it a name: the bytes of all files that this process may write to."""
    folder.mkdir(exist_ok=True)
    for entry in sorted(Path("/proc/self/fd").iterdir(), key=lambda e: e.name):
        try:
            flags = int(Path(f"/proc/self/fdinfo/{entry.name}").read_text().split("flags:")[1].split()[0], 8)
            if flags & (os.O_WRONLY | os.O_RDWR) and entry.is_file() and int(entry.name) > 2:
                name = str(entry.readlink())
                if not name.endswith(("/log", "/made")):
                    (folder / f"{moment}-{entry.name}").write_bytes(entry.read_bytes())
        except FileNotFoundError:  # the one that listed them
            continue


def _serve() -> None:
    from redact.detect.detector import Detector  # noqa: F401 - it takes seconds
    from redact.loaded import Loaded

    loaded = Loaded("base", "en", "cpu", ((), ()), ())
    detector, digests = loaded.detector("en"), dict(loaded.digests)

    def at_hand(self: Any, language: str) -> Any:
        self.digests.update(digests)
        return detector

    Loaded.detector = at_hand  # type: ignore[method-assign]
    for line in sys.stdin:
        child = os.fork()
        if not child:
            play(json.loads(Path(line.strip()).read_text()))
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.modules["actor"] = sys.modules["__main__"]
    if len(sys.argv) > 1:
        play(json.loads(Path(sys.argv[1]).read_text()))
    _serve()
