"""How fast, beside what somebody would run instead, with what it masks and misses in every row.

    python benchmarks/speed [--calls samples] [--pairs 5] [--only calls lengths …] [--out .]

Parts, each of which can be asked for by itself:

    calls    every labelled call of a folder, with the product, with bare faster-whisper in sequence and in batches, and
             with an afternoon's pipeline on it
    shapes   a minute (--seconds) in one channel and in two, by model
    lengths  seconds for a minute of sound and peak memory by length, each in a process of its own
    many     memory over many short calls in one process
    start    from nothing to the first result, and `redact --help`
    text     turns a second beside plain Presidio

Sides run in turn, models loaded; ratios are those of a pair, given as the median, the least and the most. Calls of 30
minutes and more run once. Each part is written as soon as it is done, to speed.json, and all that is known to speed.md
and speed.svg (which needs matplotlib: pip install "callredact[bench]").
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for the benchmark of text

import parts
import show

PARTS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "calls": parts.calls,
    "shapes": parts.shapes,
    "lengths": parts.lengths,
    "many": parts.many,
    "start": parts.start,
    "text": parts.text,
}
SAMPLES = Path(__file__).resolve().parents[2] / "samples"


def main() -> None:
    """Measure what is asked for, and show all that is known."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=Path, default=SAMPLES, help="folder as `redact evaluate` reads it")
    parser.add_argument("--call", type=Path, default=SAMPLES / "en-card-payment.wav", help="made longer and shorter")
    parser.add_argument("--language", default="en", help="of that call")
    parser.add_argument("--model", default="base")
    parser.add_argument("--models", nargs="+", default=["tiny.en", "base"], help="for shapes")
    parser.add_argument("--seconds", type=float, default=60, help="of sound, for shapes")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--minutes", type=float, nargs="+", default=[1, 5, 30, 60, 120])
    parser.add_argument("--bare-up-to", type=float, default=60, metavar="MINUTES", help="longer ones: ours alone")
    parser.add_argument("--mono", action=argparse.BooleanOptionalAction, default=True, help="lengths in one channel")
    parser.add_argument("--pause", type=float, default=0, metavar="SECONDS", help="between repeats, for lengths")
    parser.add_argument("--many", type=int, default=500, help="short calls")
    parser.add_argument("--turns", type=int, default=10_000, help="for text")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--out", type=Path, default=Path())
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    written = options.out / "speed.json"
    known: dict[str, Any] = json.loads(written.read_text()) if written.exists() else {}
    for name in options.only:
        load = os.getloadavg()[0]
        known[name] = PARTS[name](options) | {"load": load, "machine": machine()}
        written.write_text(json.dumps(known, indent=1) + "\n")
        print(show.table(name, known[name]), flush=True)
    (options.out / "speed.md").write_text("\n".join(show.table(name, known[name]) for name in PARTS if name in known))
    show.plot(known, options.out / "speed.svg")


def machine() -> str:
    """Processor and cores, as the kernel names them."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine()
    )
    return f"{len(os.sched_getaffinity(0))} cores of {model}"


if __name__ == "__main__":
    main()
