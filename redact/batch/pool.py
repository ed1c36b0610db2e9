"""Processes of this machine that work side by side, each on one recording at a time.

A worker that crashes, hangs or eats memory takes nothing with it but the recording that it was on: it is killed, the
recording is tried twice more, and then set apart. A process of Python's own pools that dies breaks the whole pool, and
none of them stops one that hangs: so workers are watched here.
"""

import contextlib
import math
import multiprocessing
import os
import resource
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import TracebackType
from typing import Any, Protocol, Self

from redact.audio.sandbox import die_with_parent
from redact.batch.work import Outcome, Stop, Task
from redact.errors import ExitCode, RedactError
from redact.stores.ledger import Done

TRIES = 3
# Of a worker that was to load its models: one that dies then isn't killed by a recording.
_STARTS = 3
_LOOK_EVERY_S = 0.5
_ENDS_WITHIN_S = 2.0
# A recording takes no longer than this and so many seconds for each second that its bytes may hold at 2 kB each.
_HANGS_AFTER_S, _SLOWEST, _LEAST_BYTES_A_S = 600.0, 3.0, 2000
_THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"), "1")

Work = Callable[[Task], Outcome]
Lost = Callable[[Task, int], None]


class Maker(Protocol):
    """What makes a worker, in its process: it is sent there, so it has to be picklable."""

    def worker(self) -> Work:
        """A worker, all that it needs loaded.

        Raises:
            RedactError: something is missing that every recording needs.
        """


@dataclass(frozen=True, slots=True)
class Limits:
    """What one recording may cost.

    Attributes:
        memory_bytes: of a worker and the decoder that it starts, in use.
        wall_s: seconds; None for 10 minutes and three times what its bytes may last.
    """

    memory_bytes: int
    wall_s: float | None = None

    def seconds_for(self, task: Task) -> float:
        """Seconds that a task may take."""
        return self.wall_s or _HANGS_AFTER_S + _SLOWEST * task.item.size_bytes / _LEAST_BYTES_A_S


@dataclass
class _Process:
    """A worker as its parent sees it."""

    process: SpawnProcess
    connection: Connection
    deadline: float
    is_ready: bool = False
    task: Task | None = None


class LocalPool:
    """A context manager; leaving it kills what still works.

    Args:
        count: of processes.
        maker: of workers.
        limits: for each recording.
        check: called now and then; what it raises ends the work.
    """

    def __init__(self, count: int, maker: Maker, limits: Limits, check: Callable[[], None] = lambda: None) -> None:
        self.count = count
        self._check = check
        self._maker = maker
        self._limits = limits
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[_Process] = []
        self._tries: dict[str, int] = {}
        self._again: deque[Task] = deque()
        self._failed_starts = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            self._end(worker)
        self._workers.clear()

    def results(self, tasks: Iterator[Task], lost: Lost = lambda *_: None) -> Iterator[tuple[Task, Outcome]]:
        """Each task with its outcome, in the order in which they end. A task is taken when a worker is free for it.

        Args:
            tasks: to be done.
            lost: told when a worker died on a task, and how often that has happened.

        Raises:
            RedactError: no worker can be started.
        """
        is_over = False
        while True:
            while not is_over and (worker := self._free()):
                task = self._again.popleft() if self._again else next(tasks, None)
                if task is None:
                    is_over = not self._again
                    break
                self._give(worker, task)
            if is_over and not self._again and not any(worker.task for worker in self._workers):
                return
            yield from self._ended(lost)
            is_over = is_over and not self._again

    def _free(self) -> _Process | None:
        """A worker without a task; a new one where there is room."""
        for worker in self._workers:
            if worker.task is None:
                return worker
        return self._start() if len(self._workers) < self.count else None

    def _start(self) -> _Process:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs, self._maker, os.getpid()), daemon=False)
        before = {name: os.environ.get(name) for name in _THREADS}
        os.environ.update(_THREADS)  # read by the libraries when the new process imports them
        try:
            process.start()
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})
        theirs.close()
        worker = _Process(process, ours, deadline=time.monotonic() + _HANGS_AFTER_S)
        self._workers.append(worker)
        return worker

    def _give(self, worker: _Process, task: Task) -> None:
        worker.task = task
        if worker.is_ready:
            self._send(worker)

    def _send(self, worker: _Process) -> None:
        if worker.task:
            worker.deadline = time.monotonic() + self._limits.seconds_for(worker.task)
            with contextlib.suppress(OSError):  # it has died: its sentinel tells
                worker.connection.send(worker.task)

    def _ended(self, lost: Lost) -> Iterator[tuple[Task, Outcome]]:
        """What has ended by now, after a moment's waiting."""
        self._check()
        sources: dict[Any, _Process] = {w.connection: w for w in self._workers} | {
            w.process.sentinel: w for w in self._workers
        }
        ready = {id(sources[source]): sources[source] for source in wait(list(sources), _LOOK_EVERY_S)}
        for worker in ready.values():
            yield from self._heard(worker, lost)
        now = time.monotonic()
        for worker in list(self._workers):
            if now > worker.deadline:
                yield from self._lost(worker, "hung", lost)
            elif worker.task and _memory_of(worker.process.pid) > self._limits.memory_bytes:
                yield from self._lost(worker, "memory", lost)

    def _heard(self, worker: _Process, lost: Lost) -> Iterator[tuple[Task, Outcome]]:
        try:
            told = worker.connection.recv() if worker.connection.poll() else None
        except (EOFError, OSError):
            told = None
        if told is None:
            if not worker.process.is_alive() or worker.connection.closed:
                yield from self._lost(worker, "crashed", lost)
            return
        if isinstance(told, Stop):
            self._drop(worker)
            raise _Stopped(told)
        if told == _READY:
            worker.is_ready = True
            self._failed_starts = 0
            self._send(worker)
            return
        task, worker.task, worker.deadline = worker.task, None, math.inf
        if task:
            self._tries.pop(task.source, None)
            yield task, told

    def _lost(self, worker: _Process, reason: str, lost: Lost) -> Iterator[tuple[Task, Outcome]]:
        """A worker is gone, or has to go."""
        task, was_ready = worker.task, worker.is_ready
        self._drop(worker)
        if not was_ready:
            self._failed_starts += 1
            if self._failed_starts >= _STARTS:
                raise _Stopped(
                    Stop(ExitCode.SOME_FAILED, "workers end before they have begun", "run redact doctor; is there "
                         "memory for so many workers?", "no_worker")
                )  # fmt: skip
            if task:
                self._again.append(task)
            return
        if task is None:
            return
        tries = self._tries[task.source] = self._tries.get(task.source, 0) + 1
        lost(task, tries)
        if tries < TRIES:
            self._again.append(task)
        else:
            del self._tries[task.source]
            yield task, Outcome(task.source, Done("quarantined", reason))

    def _drop(self, worker: _Process) -> None:
        self._workers.remove(worker)
        self._end(worker)

    def _end(self, worker: _Process) -> None:
        worker.connection.close()
        if worker.is_ready and worker.task is None:  # it sees that, and closes what it has open
            worker.process.join(_ENDS_WITHIN_S)
        worker.process.kill()
        worker.process.join()


class _Stopped(RedactError):
    """The run has to end: a worker says so, or there are none."""

    def __init__(self, stop: Stop) -> None:
        super().__init__(stop.message, hint=stop.hint, reason=stop.reason)
        self.exit_code = ExitCode(stop.exit_code)


def stopped(stop: Stop) -> RedactError:
    """A reason to stop as an error."""
    return _Stopped(stop)


_READY = "ready"


def _serve(connection: Connection, maker: Maker, parent: int) -> None:
    """A worker's process: it ends with its parent, and says nothing to anybody else."""
    die_with_parent()
    if os.getppid() != parent:  # it had ended before that was in force
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent's to decide
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    quiet()
    try:
        work = maker.worker()
    except RedactError as error:
        connection.send(Stop(int(error.exit_code), error.message, error.hint, error.reason))
        return
    except Exception as error:
        connection.send(
            Stop(
                ExitCode.SOME_FAILED, f"a worker can't begin: {type(error).__name__}", "run redact doctor", "no_worker"
            )
        )
        return
    connection.send(_READY)
    while True:
        try:
            task = connection.recv()
        except EOFError:
            return
        connection.send(work(task))


def quiet() -> None:
    """Leave no core dump, and say nothing: a library's last words may be personal."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            os.dup2(nowhere, stream.fileno())


def _memory_of(pid: int | None) -> int:
    """Bytes that a process and its children have in use; 0 where it is gone."""
    total = 0
    for one in [pid, *_children(pid)]:
        with contextlib.suppress(OSError, ValueError, IndexError), open(f"/proc/{one}/statm", "rb") as statm:  # noqa: PTH123
            total += int(statm.read().split()[1]) * resource.getpagesize()
    return total


def _children(pid: int | None) -> list[int]:
    with contextlib.suppress(OSError, ValueError), open(f"/proc/{pid}/task/{pid}/children", "rb") as children:  # noqa: PTH123
        return [int(child) for child in children.read().split()]
    return []
