"""What a speech engine promises, so that another can take faster-whisper's place as one module."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from redact.call import Stretch, Word

SAMPLE_RATE = 16_000
Sound = NDArray[np.float32]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Clip:
    """A contiguous stretch of one channel, at most 30 s long.

    Attributes:
        where: the stretch.
        sound: reads its sound: mono, 16 kHz, in [-1, 1]. It is not kept. Threads may call it.
    """

    where: Stretch
    sound: Callable[[], Sound]

    @property
    def duration_ms(self) -> int:
        """How long it is."""
        return self.where.end_ms - self.where.start_ms

    def part(self, where: Stretch) -> "Clip":
        """A clip of a stretch within this one."""
        first, last = (
            (time_ms - self.where.start_ms) * SAMPLE_RATE // 1000 for time_ms in (where.start_ms, where.end_ms)
        )
        return Clip(where, lambda: self.sound()[first:last])


Rest = Callable[[Clip, Sequence[Word]], Clip | None]
"""Of a clip and the words that were heard in it: what has to be listened to again, behind them; None for nothing."""

RESTS = 4
"""How often what is left of a clip is listened to."""


class Engine(Protocol):
    """Turns clips into words.

    Attributes:
        name: engine and model, for the transcript's `source`.
    """

    name: str

    def detect_language(self, clips: Sequence[Clip]) -> tuple[str, float]:
        """The language spoken in the clips (ISO 639-1) and its probability."""

    def transcribe(self, clips: Sequence[Clip], language: str, progress: Progress, rest: Rest) -> tuple[Word, ...]:
        """The words of all clips, by clip, with times on the recording's clock.

        `progress` is called with milliseconds done and in all. The result is complete: nothing lazy is left in it. An
        engine that may stop in the middle of a clip goes on with the `rest`, up to `RESTS` times.
        """

    def transcribe_again(self, clips: Sequence[Clip], language: str, expected: Sequence[str]) -> tuple[Word, ...]:
        """The words of all clips, heard with less care and with other settings than by `transcribe`.

        `expected` are names that may be said in them.
        """
