"""The same work on a Ray cluster: an actor a worker, its models loaded once, one recording a task.

An actor that dies, with its node or alone, is replaced by a new one where there is room, and its task is tried again.
Ray does that by itself if it is asked to, but would not tell how often, and a recording that kills its worker has to be
set apart. What travels is a task and its outcome, never sound: a worker reads and writes the archive itself.
"""

import math
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from redact.batch.pool import TRIES, Limits, Lost, Maker, quiet, stopped
from redact.batch.work import Outcome, Stop, Task
from redact.errors import ExitCode, ModelMissing, RedactError
from redact.stores.ledger import Done

_LOOK_EVERY_S = 1.0


class RayPool:
    """A context manager; leaving it ends the actors, and the cluster if it was begun here.

    Args:
        count: of actors. Those for which there is no room yet wait until the cluster has grown.
        maker: of workers.
        limits: for each recording; of memory Ray takes care itself.
        check: called now and then; what it raises ends the work.
        cpus: of each actor.
        gpus: of each actor.

    Raises:
        ModelMissing: Ray isn't installed, or its cluster can't be reached.
    """

    def __init__(
        self,
        count: int,
        maker: Maker,
        limits: Limits,
        check: Callable[[], None] = lambda: None,
        *,
        cpus: float = 1,
        gpus: float = 0,
    ) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would tell its makers
        try:
            import ray
        except ImportError:
            raise ModelMissing("Ray is not installed", hint='pip install "callredact[ray]"') from None
        self.count = count
        self._ray = ray
        self._maker = maker
        self._limits = limits
        self._check = check
        self._needs = {"num_cpus": cpus, "num_gpus": gpus}
        self._actors: list[Any] = []
        self._idle: list[Any] = []
        self._calls: dict[Any, _Call] = {}
        self._has_begun = False
        self._begun_here = False

    def __enter__(self) -> Self:
        if not self._ray.is_initialized():
            try:
                # With an address (RAY_ADDRESS) it joins that cluster, else it begins one on this machine.
                self._ray.init(log_to_driver=False, include_dashboard=False, configure_logging=False)
            except (ConnectionError, RuntimeError, ValueError) as error:
                raise ModelMissing(
                    "the Ray cluster can't be reached", hint="check RAY_ADDRESS, and ray status"
                ) from error
            self._begun_here = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for actor in self._actors:
            self._ray.kill(actor)
        self._actors.clear()
        self._idle.clear()
        self._calls.clear()
        if self._begun_here:
            self._ray.shutdown()

    def results(self, tasks: Iterator[Task], lost: Lost = lambda *_: None) -> Iterator[tuple[Task, Outcome]]:
        """Each task with its outcome, in the order in which they end; see `LocalPool.results`.

        Raises:
            RedactError: no worker can begin.
        """
        tries: dict[str, int] = {}
        again: deque[Task] = deque()
        is_over = False
        self._calls.clear()
        self._idle.clear()
        for actor in self._actors:
            self._ask(actor)
        while len(self._actors) < self.count:
            self._begin()
        while True:
            if is_over and not again and not any(call.task for call in self._calls.values()):
                return  # actors that there is no room for are waited for no longer
            for reference, told in self._ended():
                call = self._calls.pop(reference)
                if isinstance(told, Outcome) and call.task:
                    tries.pop(call.task.source, None)
                    yield call.task, told
                elif isinstance(told, str):
                    self._replace(call.actor)
                    if call.task and (outcome := self._lost(call.task, told, tries, again, lost)):
                        yield call.task, outcome
                    continue
                task = again.popleft() if again else next(tasks, None)
                is_over = task is None
                if task:
                    self._give(call.actor, task)
                else:
                    self._idle.append(call.actor)
            while again and self._idle:
                self._give(self._idle.pop(), again.popleft())

    def _ended(self) -> Iterator[tuple[Any, Outcome | str | None]]:
        """Calls that have ended, after a moment's waiting: their outcome, why they have none, or None of a greeting."""
        self._check()
        ready, _ = self._ray.wait(list(self._calls), num_returns=1, timeout=_LOOK_EVERY_S)
        for reference in ready:
            yield reference, self._answer(reference)
        now = time.monotonic()
        for reference, call in list(self._calls.items()):
            if now > call.deadline:
                yield reference, "hung"

    def _answer(self, reference: Any) -> Outcome | str | None:
        try:
            told = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            if not self._has_begun:
                raise stopped(
                    Stop(ExitCode.SOME_FAILED, "workers end before they have begun", "see the logs of Ray", "no_worker")
                ) from error
            return "crashed"
        if isinstance(told, Stop):
            raise stopped(told)
        self._has_begun = True
        answer: Outcome | None = told
        return answer

    def _lost(
        self, task: Task, why: str, tries: dict[str, int], again: deque[Task], lost: Lost
    ) -> Outcome | None:  # fmt: skip
        tries[task.source] = tries.get(task.source, 0) + 1
        lost(task, tries[task.source])
        if tries[task.source] < TRIES:
            again.append(task)
            return None
        return Outcome(task.source, Done("quarantined", why))

    def _begin(self) -> None:
        actor = self._ray.remote(_Actor).options(**self._needs).remote(self._maker)
        self._actors.append(actor)
        self._ask(actor)

    def _replace(self, actor: Any) -> None:
        self._actors.remove(actor)
        self._ray.kill(actor)
        self._begin()

    def _ask(self, actor: Any) -> None:
        self._calls[actor.ready.remote()] = _Call(actor)

    def _give(self, actor: Any, task: Task) -> None:
        self._calls[actor.work.remote(task)] = _Call(actor, task, time.monotonic() + self._limits.seconds_for(task))


@dataclass(frozen=True, slots=True)
class _Call:
    """What an actor was asked: a task, or whether it is ready."""

    actor: Any
    task: Task | None = None
    deadline: float = math.inf


class _Actor:
    """A worker in a process of Ray's."""

    def __init__(self, maker: Maker) -> None:
        quiet()
        self._stop: Stop | None = None
        try:
            self._work = maker.worker()
        except RedactError as error:
            self._stop = Stop(int(error.exit_code), error.message, error.hint, error.reason)

    def ready(self) -> Stop | None:
        """Whether it can work."""
        return self._stop

    def work(self, task: Task) -> Outcome | Stop:
        """Do one task."""
        return self._stop or self._work(task)
