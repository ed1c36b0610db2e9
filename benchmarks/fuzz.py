"""Broken recordings through the decoder: is any of them believed, and does any of them do harm?

    python benchmarks/fuzz.py [--count 10000] [--seed 1] [--jobs 2] [--findings DIR] [--only NUMBER] [--start]

Mutant NUMBER of a seed is always the same file. Each has to come back as sound whose facts agree with each other,
or be refused with `InputRejected`; within its time, without a process or a file left open behind it. Where more than
half a second of sound is gone and nobody says so, that is a finding too. Findings are written to `--findings`. Ctrl-C
ends it early, with the table of what was done so far. Exit code 1 where something was found.

Nine tenths of a small file's time go into starting an interpreter and its libraries. So here the decoder's process is a
fork of one that has them; all that it does from there on is what it does for `redact`. `--start` starts it anew.
"""

import argparse
import multiprocessing
import os
import random
import re
import resource
import signal
import struct
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from itertools import repeat
from pathlib import Path

import numpy as np
from originals import FLACS, LOSSY, MOVED, WAVS, Original, available

from redact.audio import decoder, decoder_child
from redact.audio.decode import Decoded, DecodeLimits, decode
from redact.audio.wholeness import ogg_crc
from redact.errors import InputRejected

SHORT_S, LONG_S = 0.3, 3.0
LOST_S = 0.5  # less than this may be missing where a format states its length only roughly
LIMITS = DecodeLimits(max_duration_s=600, max_pcm_bytes=1 << 28, wall_s=30, memory_bytes=1 << 28)
_HEAD_BYTES = 200
_EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF)

Data = bytes
Mutation = Callable[[random.Random, bytearray, Sequence[Data]], bytes]


@dataclass(frozen=True, slots=True)
class Seed:
    """A whole recording.

    Attributes:
        name: of its format.
        data: the file.
        seconds: how long it lasts.
        states_length: whether anything in it tells when it is cut between two frames. Nothing does in ADTS, AMR and a
            WAV that was streamed.
    """

    name: str
    data: bytes
    seconds: float
    states_length: bool


@dataclass(frozen=True, slots=True)
class Mutant:
    """A broken recording.

    Attributes:
        number: of it, which with the run's seed makes it again.
        seed: what it was made of.
        how: names of the mutations.
        data: the file.
        whole_s: seconds of sound that went into it; what is accepted must not have lost much of them.
    """

    number: int
    seed: str
    how: str
    data: bytes
    whole_s: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the decoder made of a mutant: `finding` says what is wrong, and is empty where nothing is."""

    mutant: Mutant
    verdict: str
    wall_s: float
    finding: str = ""


@cache
def seeds() -> tuple[Seed, ...]:
    """Short ones, for most of the work, and long ones, of which enough can be lost to be missed."""
    originals: tuple[Original, ...] = available((*WAVS, *FLACS, *LOSSY, *MOVED))
    return tuple(
        Seed(
            str(original),
            original.make(seconds),
            seconds,
            original.form != "streamed" and original.container not in ("aac", "amr"),
        )
        for seconds in (SHORT_S, LONG_S)
        for original in originals
    )


def _flip(rng: random.Random, data: bytearray, _: Sequence[Data]) -> bytes:
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def _flip_head(rng: random.Random, data: bytearray, _: Sequence[Data]) -> bytes:
    for _ in range(rng.choice((1, 1, 2, 4))):
        data[rng.randrange(min(_HEAD_BYTES, len(data)))] ^= 1 << rng.randrange(8)
    return bytes(data)


def _splice(rng: random.Random, data: bytearray, others: Sequence[Data]) -> bytes:
    other = rng.choice(others)
    size = rng.randrange(1, max(2, min(len(other), len(data)) // 4))
    start, to = rng.randrange(len(other) - size + 1), rng.randrange(len(data) - size + 1)
    data[to : to + size] = other[start : start + size]
    return bytes(data)


def _noise(rng: random.Random, data: bytearray, _: Sequence[Data]) -> bytes:
    start, end = _range(rng, data)
    data[start:end] = rng.randbytes(end - start) if rng.random() < 0.7 else bytes(end - start)
    return bytes(data)


def _cut(rng: random.Random, data: bytearray, _: Sequence[Data]) -> bytes:
    return bytes(data[: rng.randrange(len(data))])


def _remove(rng: random.Random, data: bytearray, _: Sequence[Data]) -> bytes:
    start, end = _range(rng, data)
    return bytes(data[:start] + data[end:])


def _double(rng: random.Random, data: bytearray, _: Sequence[Data]) -> bytes:
    start, end = _range(rng, data)
    return bytes(data[:end] + data[start:])


def _extreme(rng: random.Random, data: bytearray, _: Sequence[Data]) -> bytes:
    """A number somewhere, most often in the head, becomes as small or as large as it can be."""
    width = rng.choice((1, 2, 4, 4, 4, 8))
    end = len(data) if rng.random() < 0.3 else min(_HEAD_BYTES, len(data))
    at = rng.randrange(max(1, end - width))
    value = rng.choice((*_EXTREMES, len(data), len(data) * 2, len(data) // 2)) & (1 << 8 * width) - 1
    data[at : at + width] = value.to_bytes(width, rng.choice(("little", "big")))
    return bytes(data)


def _length(rng: random.Random, data: bytearray, _: Sequence[Data]) -> bytes:
    """A length that the container states becomes a wrong one: extreme, or just shorter or longer than it was."""
    after, before = (
        (b"data", b"RIFF", b"ds64", b"fmt "),
        (b"mdat", b"moov", b"trak", b"stsz", b"stts", b"mdhd", b"stco"),
    )
    places = [(data.find(name) + 4, "little") for name in after if name in data]
    places += [(data.find(name) + rng.choice((-4, 8, 12, 16, 20)), "big") for name in before if name in data]
    if data[:4] == b"fLaC":
        places += [(22, "big")]  # of samples, in STREAMINFO
    if not places:
        return _extreme(rng, data, ())
    at, order = rng.choice(places)
    old = int.from_bytes(data[at : at + 4], order)
    value = rng.choice((*_EXTREMES, old // 2, old // 8, old * 2, old - 1, old + 1, rng.randrange(old + 1)))
    data[at : at + 4] = (value & 0xFFFFFFFF).to_bytes(4, order)
    return bytes(data)


def _head_of_another(rng: random.Random, data: bytearray, others: Sequence[Data]) -> bytes:
    size = rng.choice((4, 8, 12, 16, 44, 64, _HEAD_BYTES))
    return rng.choice(others)[:size] + bytes(data[size:])


def _append(rng: random.Random, data: bytearray, _: Sequence[Data]) -> bytes:
    size = rng.choice((1, 2, 7, 100, 5000))
    return bytes(data) + (rng.randbytes(size) if rng.random() < 0.7 else bytes(size))


def _prepend(rng: random.Random, data: bytearray, _: Sequence[Data]) -> bytes:
    return rng.randbytes(rng.choice((1, 2, 10, 100))) + bytes(data)


def _concatenate(rng: random.Random, data: bytearray, others: Sequence[Data]) -> bytes:
    return bytes(data) + (bytes(data) if rng.random() < 0.6 else rng.choice(others))


def _range(rng: random.Random, data: bytearray) -> tuple[int, int]:
    start = rng.randrange(len(data))
    size = rng.choice((1, 2, 4, 16, 188, 512, len(data) // 8, len(data) // 3)) or 1
    return start, min(start + size, len(data))


_MUTATIONS: dict[str, Mutation] = {
    "flip": _flip, "flip_head": _flip_head, "extreme": _extreme, "append": _append, "prepend": _prepend,
    "concatenate": _concatenate, "double": _double, "noise": _noise, "splice": _splice, "cut": _cut, "remove": _remove,
    "head_of_another": _head_of_another, "length": _length,
}  # fmt: skip
# What long recordings are broken by.
_LOSING = ("cut", "remove", "extreme", "length", "length", "concatenate", "head_of_another")


def mutant(run: int, number: int) -> Mutant:
    """Mutant of that number in the run of that seed: always the same."""
    rng = random.Random(f"{run}:{number}")  # noqa: S311  chance, not secrecy
    seed = rng.choice(seeds())
    long = seed.seconds >= LONG_S
    names = [rng.choice(_LOSING if long else tuple(_MUTATIONS))]
    while not long and rng.random() < 0.25:
        names.append(rng.choice(tuple(_MUTATIONS)))
    others = [each.data for each in seeds() if each.seconds == seed.seconds]
    data, whole_s = seed.data, seed.seconds if seed.states_length else 0.0
    for name in names:
        if not data:
            break
        before = len(data)
        data = _MUTATIONS[name](rng, bytearray(data), others)
        if name == "concatenate" and len(data) == 2 * before:
            whole_s *= 2
    if data[:4] != seed.data[:4] or "head_of_another" in names:
        whole_s = 0.0  # it says that it is something else, of which nobody knows the length
    if data[:4] == b"OggS" and rng.random() < 0.5:
        names.append("checksums")
        data = _with_right_checksums(data)
    return Mutant(number, f"{seed.name}-{seed.seconds:g}s", "+".join(names), data, whole_s)


def _with_right_checksums(data: bytes) -> bytes:
    """An Ogg file whose pages are broken, but not by their checksums: else nothing else of them would be looked at."""
    out = bytearray(data)
    at = 0
    while out[at : at + 4] == b"OggS" and at + 27 < len(out):
        end = at + 27 + out[at + 26] + sum(out[at + 27 : at + 27 + out[at + 26]])
        out[at + 22 : at + 26] = bytes(4)
        out[at + 22 : at + 26] = struct.pack("<I", ogg_crc(bytes(out[at:end])))
        at = end
    return bytes(out)


def judge(mutant: Mutant, folder: Path) -> Outcome:
    """Decode the mutant, and tell what came of it."""
    path = folder / f"{mutant.number}.wav"
    path.write_bytes(mutant.data)
    started = time.monotonic()
    finding = ""
    try:
        with decode(path, limits=LIMITS) as decoded:
            verdict, finding = "accepted", _wrong(decoded, mutant)
    except InputRejected as refusal:
        verdict = re.sub(r"\d[\d.]*", "N", refusal.message)
        if "took longer" in verdict:
            finding = "it took all the time that it was given"
    except BaseException as error:  # whatever it is, it is a finding
        verdict, finding = "crashed", f"the parent raised {type(error).__name__}: {error}"
    finally:
        path.unlink()
    wall_s = time.monotonic() - started
    if wall_s > (LIMITS.wall_s or 0) + 5:
        finding = "it took longer than it was allowed to"
    return Outcome(mutant, verdict, wall_s, finding)


def _wrong(decoded: Decoded, mutant: Mutant) -> str:
    """What doesn't fit in the facts of an accepted mutant."""
    recording = decoded.recording
    pcm = decoded.pcm.read()
    if pcm.shape != (recording.channels, recording.samples) or recording.samples < 1:
        return "the sound is not of the stated shape"
    if pcm.dtype.kind == "f" and not np.isfinite(pcm).all():
        return "the sound holds what is no number"
    seconds = recording.samples / recording.sample_rate
    if seconds < mutant.whole_s - LOST_S:
        return f"{mutant.whole_s - seconds:.2f} s of sound are gone ({seconds:.2f} s are left)"
    return ""


def left_behind() -> list[str]:
    """Child processes, running or dead, that nobody waited for."""
    return [pid for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()]


class Forked:
    """The decoder's process, as `subprocess.Popen` would give it, but forked."""

    def __init__(self, fd: int, options: dict[str, float]) -> None:
        reading, writing = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.dup2(fd, 0)
            os.dup2(writing, 1)
            os.closerange(3, 1 << 16)
            decoder_child.main(options)
            os._exit(0)
        os.close(writing)
        self.stdout = open(reading, "rb", buffering=0)  # noqa: PTH123, SIM115  closed by who asked for it

    def kill(self) -> None:
        """End it at once."""
        os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> None:
        """Until it has ended."""
        os.waitpid(self.pid, 0)


def fork_decoders() -> None:
    """From here on decoders of this process, which must have one thread, are forks of it."""
    decoder_child.load_libraries()
    decoder.start = Forked  # type: ignore[assignment]


def run(numbers: Sequence[int], seed: int, jobs: int, folder: Path, *, forked: bool) -> Iterator[Outcome]:
    """Judge the mutants of these numbers, some at a time; outcomes come as they are known."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, fork_decoders if forked else None) as pool:
        yield from pool.map(_made_and_judged, repeat(seed), numbers, repeat(folder), chunksize=5)


def _made_and_judged(seed: int, number: int, folder: Path) -> Outcome:
    outcome = judge(mutant(seed, number), folder)
    if left := left_behind():
        return replace(outcome, finding=f"{len(left)} processes are left")
    return outcome


def main() -> int:
    """Run, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--findings", type=Path, help="folder for mutants that something is wrong with")
    parser.add_argument("--only", type=int, help="one mutant, by its number")
    parser.add_argument("--start", action="store_true", help="start each decoder anew, as redact does")
    options = parser.parse_args()
    numbers = range(options.count) if options.only is None else [options.only]
    started = time.monotonic()
    verdicts: Counter[str] = Counter()
    found: list[Outcome] = []
    slowest = 0.0
    with tempfile.TemporaryDirectory() as folder:
        try:
            for outcome in run(numbers, options.seed, options.jobs, Path(folder), forked=not options.start):
                verdicts[outcome.verdict] += 1
                slowest = max(slowest, outcome.wall_s)
                if outcome.finding:
                    found.append(outcome)
                    _tell(outcome, options.findings)
                done = verdicts.total()
                if done % 100 == 0:
                    print(f"{done} of {len(numbers)}, {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
    for verdict, count in verdicts.most_common():
        print(f"{count:6}  {verdict}")
    peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    print(
        f"{verdicts.total()} mutants of seed {options.seed} in {time.monotonic() - started:.0f} s, slowest "
        f"{slowest:.1f} s; {len(found)} findings; the largest process: {peak_mb} MB"
    )
    return 1 if found else 0


def _tell(outcome: Outcome, folder: Path | None) -> None:
    made = outcome.mutant
    print(f"FINDING mutant {made.number} ({made.seed}, {made.how}): {outcome.finding}", flush=True)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{made.number}-{made.seed}").write_bytes(made.data)


if __name__ == "__main__":
    sys.exit(main())
