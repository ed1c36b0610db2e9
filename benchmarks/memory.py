"""Peak memory of `redact file` by the length of the call.

    python benchmarks/memory.py [--minutes 5 30 180] [--model tiny.en] [--call CALL] [--policy POLICY] [--pause SECONDS]

Makes stereo calls of these lengths by repeating a call, redacts each in a process of its own, and prints the peak of
its resident memory (VmHWM), that of a second of sound, which is the models and libraries, what is left between the
two, its ratio to the first length's, and seconds for a minute of sound. The decoder's process is counted by itself.
The calls, and what is spooled and published, lie in the folder for temporary files (TMPDIR) while it runs.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from redact.audio import wav
from redact.audio.decode import decode
from redact.audio.pcm import Pcm, blocks

SAMPLE = Path(__file__).resolve().parent.parent / "samples" / "en-internet-outage-control.wav"
_CHILD = """
import json, sys
from pathlib import Path
from redact.options import Options
from redact.pipeline import Redactor
call, out, model, language, policy = sys.argv[1:]
redactor = Redactor(Options(model=model, language=language, policy=policy))
result = redactor.redact_file(Path(call), Path(out))
peak_kb = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps({"peak_mb": peak_kb / 1024, "timings_s": result.report["timings_s"]}))
"""


def long_call(call: Path, seconds: float, pause_s: float, made: Path) -> None:
    """A WAV of so many seconds: the call and a pause, over and over."""
    with decode(call) as decoded, made.open("wb") as target:
        pcm = decoded.pcm
        samples = round(seconds * pcm.sample_rate)
        silence = np.zeros((pcm.channels, round(pause_s * pcm.sample_rate)), np.int16)
        wav.write_pcm16(_over_and_over(pcm, silence, samples), pcm.channels, samples, pcm.sample_rate, target)


def _over_and_over(pcm: Pcm, silence: NDArray[np.int16], samples: int) -> Iterator[NDArray[np.int16]]:
    while samples > 0:
        for block in (*(block for _, block in blocks(pcm)), silence):
            yield block[:, :samples]
            samples = max(samples - block.shape[1], 0)


def redact(call: Path, folder: Path, options: argparse.Namespace) -> tuple[dict, float]:
    """What the process says of itself, and its seconds."""
    started = time.perf_counter()
    command = [sys.executable, "-c", _CHILD, str(call), str(folder), options.model, options.language, options.policy]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1]), time.perf_counter() - started


def main() -> None:
    """Redact the calls and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, nargs="+", default=[5, 30, 180])
    parser.add_argument("--call", type=Path, default=SAMPLE, help="of 16 bit")
    parser.add_argument("--model", default="tiny.en")
    parser.add_argument("--language", default="en")
    parser.add_argument("--policy", default="default")
    parser.add_argument("--pause", type=float, default=0.0)
    options = parser.parse_args()
    first_mb = models_mb = 0.0
    for minutes in (1 / 60, *options.minutes):
        with tempfile.TemporaryDirectory() as folder:
            call = Path(folder) / "call.wav"
            long_call(options.call, minutes * 60, options.pause, call)
            figures, wall_s = redact(call, Path(folder) / "out", options)
        models_mb = models_mb or figures["peak_mb"]
        own_mb = figures["peak_mb"] - models_mb
        first_mb = first_mb or own_mb
        ratio = f", {own_mb / first_mb:.2f} times the first" if first_mb else ""
        print(
            f"{minutes:.2f} min: peak {figures['peak_mb']:.0f} MiB, beyond the models {own_mb:.0f} MiB{ratio}; "
            f"{wall_s:.0f} s, {wall_s / minutes:.1f} s a minute; "
            + ", ".join(f"{stage} {seconds:.0f} s" for stage, seconds in figures["timings_s"].items()),
            flush=True,
        )


if __name__ == "__main__":
    main()
