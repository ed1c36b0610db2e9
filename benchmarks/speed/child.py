"""One side in a process of its own, as JSON: `python child.py SIDE MODEL LANGUAGE CALL TIMES`.

Prints the seconds of loading, of each time the call was redacted and of its stages, the most memory that was held
(VmHWM) and, after each time, what is held (VmRSS), in MiB.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

from sides import load


def status_mib(key: str) -> float:
    """A figure of this process, as the kernel has it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(key))


def main() -> None:
    """Redact, and tell."""
    side, model, language, call, times = sys.argv[1:]
    started = time.perf_counter()
    loaded = load(side, model, language)
    told = {"load_s": time.perf_counter() - started, "wall_s": [], "stages": {}, "held_mib": []}
    for _ in range(int(times)):
        with tempfile.TemporaryDirectory() as folder:
            ran = loaded.run(Path(call), Path(folder))
        told["wall_s"].append(ran.wall_s)
        told["stages"] = ran.stages
        told["held_mib"].append(status_mib("VmRSS"))
    told["peak_mib"] = status_mib("VmHWM")
    print(json.dumps(told))


if __name__ == "__main__":
    main()
