"""Kills batches, and looks at what is left: the long form of what tests/batch/test_faults.py does.

    python benchmarks/kills.py [--kills 1000] [--seed 1]

Parents and workers are killed with SIGKILL at moments drawn from the seed, while recordings keep coming. The redactor
is the tests' quick one; all else is real. Ends with 1 where anything is torn, lost, done twice, or left in clear.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "batch"))

from batch_world import World
from kill_loop import kill_until_done, wrong


def main() -> int:
    """Kill, count, and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        began = time.monotonic()
        count = kill_until_done(world, options.seed, options.kills)
        faults = wrong(world, count)
        recordings = len(list(world.source.iterdir()))
        print(
            f"{count.parents} parents and {count.workers} workers killed in {count.runs} runs, "
            f"{time.monotonic() - began:.0f} s; {recordings} recordings, {count.made - recordings} made a second time"
        )
        print("\n".join(faults) or "nothing torn, lost, doubled or left in clear")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
