"""Kills a batch again and again, its parent or one of its workers, at moments drawn from a seed, until it is through.

What has to hold afterwards, whatever was killed when: each recording has its outputs, whole and once; the ledger says
so; no more work was done twice than one recording a worker a kill; and nothing in clear lies anywhere.
"""

import contextlib
import hashlib
import os
import random
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from batch_world import ALL, PLENTY, FakeMaker, World, as_a_program, torn

from redact.batch.pool import LocalPool, Maker

SECRET = b"Desmond Halloway, 4539 1488 0343 6467"


@dataclass(frozen=True)
class Count:
    """How often what was killed, and how much was done."""

    parents: int
    workers: int
    runs: int
    made: int


def archive(world: World, recordings: int) -> None:
    for number in range(recordings):
        world.add(f"{number}.wav", SECRET + b" " + str(number).encode())


def kill_until_done(
    world: World, seed: int, kills: int, maker: Maker | None = None, workers: int = 2, most_s: float = 0.35
) -> Count:
    """Run until all is done, killing so often on the way.

    More recordings come as long as there are kills left, but where a maker of workers is given. Between two kills at
    most so many seconds pass.
    """
    draw = random.Random(seed)
    parents = killed = runs = number = 0
    while True:
        runs += 1
        if parents + killed < kills and maker is None:
            archive_more(world, number, 12)
            number += 12
        parent = _run_apart(world, maker, workers)
        while parents + killed < kills and _is_alive(parent):
            time.sleep(draw.uniform(0.0, most_s))
            if draw.random() < 0.25:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(parent, signal.SIGKILL)
                    parents += 1
                break
            worker = _a_worker(parent, draw)
            if worker:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)
                    killed += 1
        _, status = os.waitpid(parent, 0)
        if parents + killed >= kills and status == 0:
            return Count(parents, killed, runs, len(world.made()))


def archive_more(world: World, first: int, count: int) -> None:
    for number in range(first, first + count):
        world.add(f"{number}.wav", SECRET + b" " + str(number).encode())


def wrong(world: World, count: Count, workers: int = 2) -> list[str]:
    """What does not hold; empty where all does."""
    found = [f"torn: {name}" for name in torn(world.dest)]
    sources = {path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in world.source.iterdir()}
    reports = sorted(path.name for path in world.dest.glob("??/*.report.json"))
    expected = sorted(f"call-{digest}.report.json" for digest in sources.values())
    found += [f"lost: {name}" for name in set(expected) - set(reports)]
    found += [f"nobody's: {name}" for name in set(reports) - set(expected)]
    states = world.states()
    if states != {"done": len(sources)}:
        found.append(f"ledger: {states}")
    redone = count.made - len(sources)
    allowed = workers * count.parents + count.workers
    if not 0 <= redone <= allowed:
        found.append(f"redone: {redone}, allowed {allowed}")
    found += [f"left over: {path.name}" for path in world.dest.rglob(".*.part")]
    for path in world.root.rglob("*"):
        if path.is_file() and world.source not in path.parents and SECRET in path.read_bytes():
            found.append(f"in clear: {path.name}")
    return found


def _run_apart(world: World, maker: Maker | None, workers: int) -> int:
    """One run in a process of its own; its id."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        batch = world.batch()
        with as_a_program(), LocalPool(workers, maker or FakeMaker(world.job(), world.log, 0.02), PLENTY) as pool:
            ended = batch.run(pool, ALL)
            status = 0 if ended.error is None else 2
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(status)


def _is_alive(process: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def _a_worker(parent: int, draw: random.Random) -> int | None:
    """One of the parent's children that is a worker: Python has a process of its own beside them."""
    with contextlib.suppress(OSError):
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        workers = [child for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]
        return int(draw.choice(workers)) if workers else None
    return None
