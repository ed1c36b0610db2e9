"""faster-whisper, clip by clip: the only module that transcribes with it.

Each clip is one contiguous stretch of sound (docs/decisions/0003) and one window of the model, looked at once: the
library's own loop goes on from the last word to the end of the clip and further, window after window, though nobody
speaks there. Features are made for 30 s at a time, no text of one clip leaks into the next, and clips run side by side
on single-thread workers, which on few cores is faster than one worker on all of them (docs/performance.md).
"""

import logging
import math
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from redact.call import Word
from redact.errors import ModelMissing
from redact.transcribe.engine import RESTS, SAMPLE_RATE, Clip, Progress, Rest, Sound

# The library logs what it hears at debug level, and the language at info.
logging.getLogger("faster_whisper").handlers = [logging.NullHandler()]
logging.getLogger("faster_whisper").propagate = False

BEAM_SIZE = 5
# Whisper's own signs of a failed decoding: text that repeats itself, and text that the model finds unlikely. It would
# then draw words at random, at rising temperatures; a second look that forbids repeats does as well, and the same call
# gives the same words each time (docs/decisions/0004).
LOOPING, UNLIKELY, NO_SPEECH = 2.4, -1.0, 0.6
PENALTY, REPEATED_TOKENS = 1.1, 5
_MAX_WORKERS = 8
# Clips decoded at once: on a processor the batch gains nothing over one worker a core, a graphics card wants many.
BATCH = {"cpu": 1, "cuda": 16}
# Shorter clips hold no word, and too little for the features of one.
_LEAST_SAMPLES = SAMPLE_RATE // 10

# Marks that belong to the word behind them, and before them: faster-whisper's own.
PREPENDED, APPENDED = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"

_Segments = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Encoded:
    """Sounds as the encoder hears them, and the number of feature frames of each."""

    output: Any
    frames: list[int]


_Decode = Callable[[_Encoded], list[_Segments]]


class FasterWhisper:
    """The engine. Loading it takes a second or so; do it once.

    Args:
        folder: of a model in CTranslate2's format.
        name: of the model, for `source`.
        device: `auto`, `cpu` or `cuda`.
        beam_size: hypotheses kept while decoding.
        threads: clips heard side by side, each on a thread; None for one a core.

    Raises:
        ModelMissing: the folder holds no such model, or the device isn't there.
    """

    def __init__(
        self, folder: Path, name: str, *, device: str = "auto", beam_size: int = BEAM_SIZE, threads: int | None = None
    ) -> None:
        from faster_whisper import WhisperModel

        self.name = f"faster-whisper {name}"
        self._beam_size = beam_size
        self._workers = threads or min(len(os.sched_getaffinity(0)), _MAX_WORKERS)
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
        self._batch = BATCH[self._model.model.device]

    def detect_language(self, clips: Sequence[Clip]) -> tuple[str, float]:
        """The language that is likeliest over the clips together, and its mean probability."""
        sums: dict[str, float] = {}
        for clip in clips:
            for language, probability in self._model.detect_language(clip.sound())[2]:
                sums[language] = sums.get(language, 0.0) + probability
        best = max(sums, key=lambda language: sums[language])
        return best, sums[best] / len(clips)

    def transcribe(self, clips: Sequence[Clip], language: str, progress: Progress, rest: Rest) -> tuple[Word, ...]:
        """The words of all clips, in the clips' order."""
        return self._all(clips, partial(self._decoded_twice, language=language), progress, rest)

    def transcribe_again(self, clips: Sequence[Clip], language: str, expected: Sequence[str]) -> tuple[Word, ...]:
        """The words of all clips as a greedy search finds them, with the names as hotwords and without a second look.

        Hotwords make an engine repeat them over what it can't make out: that is forbidden from the start.
        """
        again = partial(
            self._decoded, language=language, beam_size=1, hotwords=", ".join(expected) or None,
            repetition_penalty=PENALTY, no_repeat_ngram_size=REPEATED_TOKENS,
        )  # fmt: skip
        return self._all(clips, again, lambda *_: None, lambda *_: None)

    def _all(self, clips: Sequence[Clip], decode: _Decode, progress: Progress, rest: Rest) -> tuple[Word, ...]:
        total = sum(clip.duration_ms for clip in clips)
        done = 0
        # The longest first, so that the workers end together, and clips of a batch are about as long.
        order = sorted(range(len(clips)), key=lambda number: -clips[number].duration_ms)
        batches = [order[at : at + self._batch] for at in range(0, len(order), self._batch)]
        heard: dict[int, list[Word]] = {}
        with ThreadPoolExecutor(self._workers) as pool:
            told = pool.map(lambda batch: self._heard([clips[number] for number in batch], decode, rest), batches)
            for batch, found in zip(batches, told, strict=True):
                heard.update(zip(batch, found, strict=True))
                done += sum(clips[number].duration_ms for number in batch)
                progress(done, total)
        return tuple(word for number in range(len(clips)) for word in heard[number])

    def _heard(self, batch: Sequence[Clip], decode: _Decode, rest: Rest) -> list[list[Word]]:
        """The words of each clip of a batch, and of what is left of it behind these, in time order."""
        words: list[list[Word]] = [[] for _ in batch]
        left = list(enumerate(batch))
        for _ in range(1 + RESTS):
            sounds = [(number, clip, sound) for number, clip in left if len(sound := clip.sound()) >= _LEAST_SAMPLES]
            if not sounds:
                break
            found = decode(self._encoded([sound for _, _, sound in sounds]))
            left = []
            for (number, clip, _), segments in zip(sounds, found, strict=True):
                spoken = [word for segment in segments for word in _words(segment, clip)]
                words[number] += spoken
                if part := rest(clip, spoken):
                    left.append((number, part))
        return [sorted(each, key=lambda word: word.start_ms or 0) for each in words]

    def _decoded_twice(self, encoded: _Encoded, *, language: str) -> list[_Segments]:
        """What is said in each sound; where the decoding fails, as a second look finds it."""
        decoded = partial(self._decoded, encoded, language=language, beam_size=self._beam_size)
        found = decoded()
        failed = [number for number, segments in enumerate(found) if any(map(_has_failed, segments))]
        if failed:
            again = decoded(repetition_penalty=PENALTY, no_repeat_ngram_size=REPEATED_TOKENS)
            for number in failed:
                found[number] = again[number]
        return found

    def _encoded(self, sounds: Sequence[Sound]) -> _Encoded:
        """Sounds, of 30 s at most, as the model's encoder hears them."""
        from faster_whisper.audio import pad_or_trim

        hop = self._model.feature_extractor.hop_length
        features = np.stack([pad_or_trim(self._model.feature_extractor(sound)[..., :-1]) for sound in sounds])
        frames = [min(len(sound) // hop, features.shape[-1]) for sound in sounds]
        return _Encoded(self._model.encode(features), frames)

    def _decoded(self, encoded: _Encoded, *, language: str, **settings: Any) -> list[_Segments]:
        """Segments of each sound; timed from its start. `settings` are those of `Whisper.generate`."""
        from faster_whisper.tokenizer import Tokenizer
        from faster_whisper.transcribe import get_compression_ratio

        multilingual = self._model.model.is_multilingual
        tokenizer = Tokenizer(
            self._model.hf_tokenizer, multilingual, task="transcribe", language=language if multilingual else "en"
        )
        found: list[_Segments] = []
        for count, output in zip(encoded.frames, self._generated(encoded, tokenizer, **settings), strict=True):
            parts, _, _ = self._model._split_segments_by_timestamps(
                tokenizer=tokenizer, tokens=output["tokens"], time_offset=0.0, segment_size=count,
                segment_duration=count / self._model.frames_per_second, seek=0,
            )  # fmt: skip
            ratio = get_compression_ratio(tokenizer.decode(output["tokens"]).strip())
            found.append([{**output, **part, "seek": 0, "compression_ratio": ratio} for part in parts])
        self._model.add_word_timestamps(found, tokenizer, encoded.output, encoded.frames, PREPENDED, APPENDED, 0.0)
        return [[segment for segment in segments if not _is_silence(segment)] for segments in found]

    def _generated(
        self, encoded: _Encoded, tokenizer: Any, *, hotwords: str | None = None, **settings: Any
    ) -> list[dict[str, Any]]:
        """The likeliest tokens of each sound, with no text before them, and how sure the model is of them."""
        from faster_whisper.transcribe import get_suppressed_tokens

        prompt = self._model.get_prompt(tokenizer, [], hotwords=hotwords)
        results = self._model.model.generate(
            encoded.output, [prompt] * len(encoded.frames), max_length=self._model.max_length, suppress_blank=True,
            suppress_tokens=get_suppressed_tokens(tokenizer, [-1]), return_scores=True, return_no_speech_prob=True,
            **settings,
        )  # fmt: skip
        outputs = []
        for result in results:
            tokens = result.sequences_ids[0]
            mean = result.scores[0] * len(tokens) / (len(tokens) + 1)  # over the end's token too
            outputs.append({"tokens": tokens, "avg_logprob": mean, "no_speech_prob": result.no_speech_prob})
        return outputs


def _has_failed(segment: Mapping[str, Any]) -> bool:
    return bool(segment["compression_ratio"] > LOOPING or segment["avg_logprob"] < UNLIKELY)


def _is_silence(segment: Mapping[str, Any]) -> bool:
    """Whisper's own sign that what it wrote was never said."""
    return bool(segment["no_speech_prob"] > NO_SPEECH and segment["avg_logprob"] < UNLIKELY)


def _words(segment: Mapping[str, Any], clip: Clip) -> list[Word]:
    """A segment's words on the recording's clock, rounded outward and kept inside the clip."""
    offset, end = clip.where.start_ms, clip.where.end_ms
    result: list[Word] = []
    for word in segment.get("words") or ():
        text = word["word"].strip()
        if not text:
            continue
        start_ms = min(max(offset, offset + math.floor(float(word["start"]) * 1000)), end)
        end_ms = min(max(start_ms, offset + math.ceil(float(word["end"]) * 1000)), end)
        spoken = Word(text, start_ms, end_ms, clip.where.channel, round(float(word["probability"]), 3))
        if result and not word["word"][:1].isspace():  # "C" + "'est": the engine splits what is one word
            result[-1] = _joined(result[-1], spoken)
        else:
            result.append(spoken)
    return result


def _joined(first: Word, second: Word) -> Word:
    confidence = min(first.confidence or 0.0, second.confidence or 0.0)
    return Word(first.text + second.text, first.start_ms, second.end_ms, first.channel, confidence)
