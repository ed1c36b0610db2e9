"""faster-whisper, clip by clip: the only module that transcribes with it.

Each clip is one contiguous stretch of sound (docs/decisions/0003), transcribed on its own: features are made for
30 s at a time, no text of one clip leaks into the next, and clips run side by side on single-thread workers, which
on few cores is faster than one worker on all of them.
"""

import logging
import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from redact.call import Word
from redact.errors import ModelMissing
from redact.transcribe.engine import Clip, Progress, Sound

# The library logs what it hears at debug level, and the language at info.
logging.getLogger("faster_whisper").handlers = [logging.NullHandler()]
logging.getLogger("faster_whisper").propagate = False

BEAM_SIZE = 5
# Whisper's own signs of a failed decoding: text that repeats itself, and text that the model finds unlikely. It would
# then draw words at random, at rising temperatures; a second look that forbids repeats does as well, and the same call
# gives the same words each time (docs/decisions/0004).
LOOPING, UNLIKELY = 2.4, -1.0
PENALTY, REPEATED_TOKENS = 1.1, 5
_MAX_WORKERS = 8


class FasterWhisper:
    """The engine. Loading it takes a second or so; do it once.

    Args:
        folder: of a model in CTranslate2's format.
        name: of the model, for `source`.
        device: `auto`, `cpu` or `cuda`.
        beam_size: hypotheses kept while decoding.

    Raises:
        ModelMissing: the folder holds no such model, or the device isn't there.
    """

    def __init__(self, folder: Path, name: str, *, device: str = "auto", beam_size: int = BEAM_SIZE) -> None:
        from faster_whisper import WhisperModel

        cores = len(os.sched_getaffinity(0))
        self.name = f"faster-whisper {name}"
        self._beam_size = beam_size
        self._workers = min(cores, _MAX_WORKERS)
        try:
            self._model = WhisperModel(
                str(folder), device=device, compute_type="default" if device == "cuda" else "int8",
                cpu_threads=1, num_workers=self._workers, local_files_only=True,
            )  # fmt: skip
        except (RuntimeError, ValueError, OSError):
            raise ModelMissing(
                f"the speech model {name} can't be loaded on the device {device!r}",
                hint="check it with: redact models verify, or choose --device cpu",
            ) from None

    def detect_language(self, clips: Sequence[Clip]) -> tuple[str, float]:
        """The language that is likeliest over the clips together, and its mean probability."""
        sums: dict[str, float] = {}
        for clip in clips:
            for language, probability in self._model.detect_language(clip.sound())[2]:
                sums[language] = sums.get(language, 0.0) + probability
        best = max(sums, key=lambda language: sums[language])
        return best, sums[best] / len(clips)

    def transcribe(self, clips: Sequence[Clip], language: str, progress: Progress) -> tuple[Word, ...]:
        """The words of all clips, in the clips' order."""
        return self._all(clips, partial(self._one, language=language, beam_size=self._beam_size), progress)

    def transcribe_again(self, clips: Sequence[Clip], language: str, expected: Sequence[str]) -> tuple[Word, ...]:
        """The words of all clips as a greedy search finds them, with the names as hotwords and without a second look.

        Hotwords make an engine repeat them over what it can't make out: that is forbidden from the start.
        """
        again = partial(
            self._once, language=language, beam_size=1, hotwords=", ".join(expected) or None,
            repetition_penalty=PENALTY, no_repeat_ngram_size=REPEATED_TOKENS,
        )  # fmt: skip
        return self._all(clips, again, lambda *_: None)

    def _all(self, clips: Sequence[Clip], one: Callable[[Clip], list[Word]], progress: Progress) -> tuple[Word, ...]:
        total = sum(clip.duration_ms for clip in clips)
        done = 0
        words: list[Word] = []
        with ThreadPoolExecutor(self._workers) as pool:
            for clip, heard in zip(clips, pool.map(one, clips), strict=True):
                words += heard
                done += clip.duration_ms
                progress(done, total)
        return tuple(words)

    def _one(self, clip: Clip, *, language: str, beam_size: int) -> list[Word]:
        sound = clip.sound()
        decoded = partial(self._decoded, sound, language=language, beam_size=beam_size)
        segments = decoded()
        if any(s.compression_ratio > LOOPING or s.avg_logprob < UNLIKELY for s in segments):
            segments = decoded(repetition_penalty=PENALTY, no_repeat_ngram_size=REPEATED_TOKENS)
        return [word for segment in segments for word in _words(segment, clip)]

    def _once(self, clip: Clip, **settings: Any) -> list[Word]:
        return [word for segment in self._decoded(clip.sound(), **settings) for word in _words(segment, clip)]

    def _decoded(self, sound: Sound, **settings: Any) -> list[Any]:
        segments, _ = self._model.transcribe(
            sound, word_timestamps=True, condition_on_previous_text=False, temperature=[0.0], **settings
        )
        return list(segments)


def _words(segment: Any, clip: Clip) -> list[Word]:
    """A segment's words on the recording's clock, rounded outward and kept inside the clip."""
    offset, end = clip.where.start_ms, clip.where.end_ms
    result: list[Word] = []
    for word in segment.words or ():
        text = word.word.strip()
        if not text:
            continue
        start_ms = min(max(offset, offset + math.floor(float(word.start) * 1000)), end)
        end_ms = min(max(start_ms, offset + math.ceil(float(word.end) * 1000)), end)
        spoken = Word(text, start_ms, end_ms, clip.where.channel, round(float(word.probability), 3))
        if result and not word.word[:1].isspace():  # "C" + "'est": the engine splits what is one word
            result[-1] = _joined(result[-1], spoken)
        else:
            result.append(spoken)
    return result


def _joined(first: Word, second: Word) -> Word:
    confidence = min(first.confidence or 0.0, second.confidence or 0.0)
    return Word(first.text + second.text, first.start_ms, second.end_ms, first.channel, confidence)
