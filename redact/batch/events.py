"""What is told while a batch runs: a live table at a terminal, JSON lines elsewhere, figures for Prometheus, a webhook.

All of it is ids, states and counts.
"""

import json
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TextIO

from redact.batch.runner import Event, Tell
from redact.errors import CannotWrite
from redact.stores.ledger import STATES

_WRITE_EVERY_S = 10.0
_WEBHOOK_S = 10


class Figures:
    """What has happened so far, as numbers."""

    def __init__(self) -> None:
        self.states: Counter[str] = Counter()
        self.calls = 0
        self.sound_s = 0.0
        self.lost = 0
        self.began = time.monotonic()

    def take(self, event: Event) -> None:
        """One more event."""
        facts = event.facts
        if event.name == "run_began":
            self.calls = facts["calls"]
            self.began = time.monotonic()
        elif event.name == "call_ended":
            self.states[facts["state"]] += 1
            self.sound_s += facts["sound_s"]
        elif event.name == "worker_lost":
            self.lost += 1

    @property
    def ended(self) -> int:
        """How many calls have an outcome."""
        return sum(self.states.values())

    @property
    def speed(self) -> float:
        """Seconds of sound a second."""
        return self.sound_s / max(time.monotonic() - self.began, 1e-3)

    @property
    def left_s(self) -> float | None:
        """Seconds that the rest will take at the pace so far; None before anything ended."""
        if not self.ended:
            return None
        return (time.monotonic() - self.began) / self.ended * (self.calls - self.ended)


def json_lines(out: TextIO) -> Tell:
    """Tell each event as a line of JSON."""

    def tell(event: Event) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        out.write(json.dumps({"at": at, "event": event.name, **event.facts}) + "\n")
        out.flush()

    return tell


@contextmanager
def live_table() -> Iterator[Tell]:
    """Show how far the run is, at a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    figures = Figures()
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:.0f} of {task.total:.0f} calls"),
        TextColumn("{task.fields[told]}"), TimeElapsedColumn(), console=Console(stderr=True),
    ) as bar:  # fmt: skip
        line = bar.add_task("listing", total=None, told="", completed=0)

        def tell(event: Event) -> None:
            figures.take(event)
            left = figures.left_s
            parts = [f"{figures.sound_s / 3600:.2f} h, {figures.speed:.1f}x real time"]
            parts += [f"{count} {state}" for state in STATES if (count := figures.states[state]) and state != "done"]
            parts += [f"{timedelta(seconds=round(left))} left"] if left is not None else []
            bar.update(
                line, description="redacting", total=max(figures.calls, 1), completed=figures.ended,
                told=", ".join(parts),
            )  # fmt: skip

        yield tell


def metrics(file: Path) -> Tell:
    """Write figures for Prometheus's node exporter (textfile collector), every few seconds and at the end.

    Raises:
        CannotWrite: the file's folder can't be written to.
    """
    from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

    figures = Figures()
    registry = CollectorRegistry()
    gauges = {
        name: Gauge(f"redact_batch_{name}", told, registry=registry)
        for name, told in {
            "calls_planned": "calls that this run is to redact",
            "sound_seconds": "seconds of sound redacted in this run",
            "speed": "seconds of sound redacted in a second",
            "workers_lost": "workers that were killed or died",
            "running": "1 while a run is at work",
            "updated_timestamp_seconds": "when these figures were written",
        }.items()
    }
    ended = Gauge("redact_batch_calls", "calls of this run by their outcome", ["state"], registry=registry)
    last = 0.0

    def tell(event: Event) -> None:
        nonlocal last
        figures.take(event)
        if event.name == "call_ended" and time.monotonic() - last < _WRITE_EVERY_S:
            return
        last = time.monotonic()
        for state in STATES:
            ended.labels(state).set(figures.states[state])
        for name, value in {
            "calls_planned": figures.calls, "sound_seconds": figures.sound_s, "speed": figures.speed,
            "workers_lost": figures.lost, "running": float(event.name != "run_ended"),
            "updated_timestamp_seconds": time.time(),
        }.items():  # fmt: skip
            gauges[name].set(value)
        try:
            write_to_textfile(str(file), registry)
        except OSError:
            raise CannotWrite("the figures can't be written", hint="check the folder given with --metrics") from None

    return tell


def webhook(url: str, warn: Callable[[str], None]) -> Tell:
    """Post a run's beginning and end to a URL as JSON. What can't be posted is told, and stops nothing."""

    def tell(event: Event) -> None:
        if event.name not in {"run_began", "run_ended"}:
            return
        body = json.dumps({"event": event.name, **event.facts}).encode()
        request = urllib.request.Request(  # noqa: S310  the scheme was checked
            url, body, {"Content-Type": "application/json", "User-Agent": "redact"}
        )
        try:
            urllib.request.urlopen(request, timeout=_WEBHOOK_S).close()  # noqa: S310
        except (OSError, ValueError) as error:
            warn(f"the webhook was not told ({type(error).__name__})")

    return tell


def all_of(tellers: Sequence[Tell]) -> Tell:
    """Tell several."""

    def tell(event: Event) -> None:
        for each in tellers:
            each(event)

    return tell


def is_terminal() -> bool:
    """True where somebody watches."""
    return sys.stderr.isatty()


def told(counts: Mapping[str, int]) -> str:
    """Counts as a line of text; empty where there are none."""
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if count)
