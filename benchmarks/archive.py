"""How fast an archive is redacted: `redact batch run` beside a loop of `redact file`, by workers, and on Ray.

    python benchmarks/archive.py [--calls 60] [--seconds 60] [--model base] [--only loop one two thick ray resume]

    loop    for each call, `redact file`: a new process, all cores
    one     a batch with one worker of one thread
    two     a batch with a worker of one thread for each core: the default
    thick   a batch with one worker and a thread for each core
    ray     as two, on a Ray cluster of this machine (needs the extra ray)
    resume  a finished archive of 10,000 recordings, run again: seconds, and what was written

The calls are one sample's sound, each begun at another moment and as long as is asked for: no two are the same. Figures
are calls an hour of the clock, loading models included; one run each. Written to archive.json as they come.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent / "speed"))

import numpy as np
from made import long_call

from redact import settings
from redact.audio import wav
from redact.audio.decode import decode
from redact.batch.archive import Archive
from redact.batch.work import usable_models
from redact.policy import load as load_policy
from redact.stores.ledger import Row
from redact.stores.opened import Stores

SAMPLE = Path(__file__).resolve().parents[1] / "samples" / "en-card-payment.wav"


def archive(folder: Path, calls: int, seconds: float) -> Path:
    """So many recordings of so many seconds."""
    folder.mkdir()
    with tempfile.TemporaryDirectory() as temporary:
        whole = long_call(SAMPLE, seconds + calls, Path(temporary) / "long.wav")
        with decode(whole) as decoded:
            rate, channels = decoded.pcm.sample_rate, decoded.pcm.channels
            length = round(seconds * rate)
            for number in range(calls):
                sound = decoded.pcm.read(number * rate, number * rate + length).astype(np.int16)
                with (folder / f"{number:05}.wav").open("wb") as target:
                    wav.write_pcm16(iter([sound]), channels, length, rate, target)
    return folder


class Bench:
    """One machine, one archive."""

    def __init__(self, home: Path, options: argparse.Namespace) -> None:
        self.home = home
        self.options = options
        folders = {"XDG_CONFIG_HOME": str(home / "config"), "XDG_DATA_HOME": str(home / "data")}
        self.environment = {**os.environ, **folders}
        self.redact("keys", "init")

    def redact(self, *arguments: object) -> str:
        """The command; its output."""
        command = [sys.executable, "-m", "redact", *map(str, arguments)]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode not in (0, 1):
            raise SystemExit(done.stderr)
        return done.stdout

    def batch(self, name: str, *how: object) -> dict[str, Any]:
        """A batch over the archive, into a folder of its own."""
        began = time.perf_counter()
        told = self.redact(
            "batch", "run", self.home / "archive", self.home / name, "--model", self.options.model, "--language", "en",
            *how,
        )  # fmt: skip
        states = json.loads(told.splitlines()[-1])["states"]
        return self.figures(time.perf_counter() - began) | {"states": states}

    def figures(self, seconds: float) -> dict[str, Any]:
        """Of so many seconds for the archive."""
        calls = self.options.calls
        sound = calls * self.options.seconds
        return {
            "seconds": round(seconds, 1),
            "calls_an_hour": round(calls / seconds * 3600),
            "real_time": sound / seconds,
        }

    def loop(self) -> dict[str, Any]:
        """As a shell's loop does it."""
        began = time.perf_counter()
        for call in sorted((self.home / "archive").iterdir()):
            self.redact("file", call, "-o", self.home / "loop", "--model", self.options.model, "--language", "en", "-q")
        return self.figures(time.perf_counter() - began)

    def resume(self) -> dict[str, Any]:
        """A ledger that says of ten thousand files that all are done."""
        many, none = self.home / "many", self.home / "none"
        many.mkdir()
        for number in range(10_000):
            (many / f"{number}.wav").write_bytes(b"")
        kept = Stores(settings.load(environ=self.environment))
        _, engine = usable_models(self.options.model)
        policy = load_policy("default").digest
        source = Archive(str(many))
        kept.ledger.archive(str(none)).put(
            Row(
                kept.ledger.pseudonym("source", f"{source.url}\0{item.path}"), item.size_bytes, item.stamp, "done",
                recording_id=f"call-{number:016x}", policy=policy, engine=engine,
            )
            for number, item in enumerate(source.items())
        )  # fmt: skip
        kept.close()
        before = _everything(self.home)
        began = time.perf_counter()
        told = self.redact("batch", "run", many, none, "--model", self.options.model)
        taken = time.perf_counter() - began
        return {"seconds": round(taken, 2), "written": len(_everything(self.home) ^ before), "told": told}


def _everything(folder: Path) -> set[tuple[str, int]]:
    return {(str(path), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


def main() -> None:
    """Measure, and print as it comes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--model", default="base")
    names = ("loop", "one", "two", "thick", "ray", "resume")
    parser.add_argument("--only", nargs="+", choices=names, default=list(names))
    parser.add_argument("--out", type=Path, default=Path("archive.json"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), options)
        archive(Path(folder) / "archive", options.calls, options.seconds)
        cores = len(os.sched_getaffinity(0))
        parts: dict[str, Callable[[], dict[str, Any]]] = {
            "loop": bench.loop,
            "one": lambda: bench.batch("one", "--workers", 1),
            "two": lambda: bench.batch("two", "--workers", cores),
            "thick": lambda: bench.batch("thick", "--workers", 1, "--threads", cores),
            "ray": lambda: bench.batch("ray", "--workers", cores, "--engine", "ray"),
            "resume": bench.resume,
        }
        known: dict[str, Any] = {"calls": options.calls, "seconds_each": options.seconds, "model": options.model}
        for name in options.only:
            known[name] = parts[name]() | {"load_after": os.getloadavg()[0]}
            print(name, json.dumps(known[name]), flush=True)
            options.out.write_text(json.dumps(known, indent=1) + "\n")


if __name__ == "__main__":
    main()
