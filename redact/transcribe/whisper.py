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

_Segments = list[dict[str, Any]]
_Decode = Callable[[Sequence[Sound]], list[_Segments]]


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

    def _all(self, clips: Sequence[Clip], decoded: _Decode, progress: Progress, rest: Rest) -> tuple[Word, ...]:
        total = sum(clip.duration_ms for clip in clips)
        done = 0
        words: list[Word] = []
        batches = [clips[at : at + self._batch] for at in range(0, len(clips), self._batch)]
        with ThreadPoolExecutor(self._workers) as pool:
            told = pool.map(partial(_heard, decoded=decoded, rest=rest), batches)
            for batch, heard in zip(batches, told, strict=True):
                words += heard
                done += sum(clip.duration_ms for clip in batch)
                progress(done, total)
        return tuple(words)

    def _decoded_twice(self, sounds: Sequence[Sound], *, language: str) -> list[_Segments]:
        """What is said in each sound; where the decoding fails, as a second look finds it."""
        decoded = partial(self._decoded, language=language, beam_size=self._beam_size)
        found = decoded(sounds)
        failed = [number for number, segments in enumerate(found) if any(map(_has_failed, segments))]
        if failed:
            again = decoded(
                [sounds[number] for number in failed],
                repetition_penalty=PENALTY, no_repeat_ngram_size=REPEATED_TOKENS,
            )  # fmt: skip
            for number, segments in zip(failed, again, strict=True):
                found[number] = segments
        return found

    def _decoded(self, sounds: Sequence[Sound], *, language: str, **settings: Any) -> list[_Segments]:
        """Segments of each sound, of 30 s at most, from one window of the model; times are from the sound's start."""
        from faster_whisper.audio import pad_or_trim
        from faster_whisper.tokenizer import Tokenizer
        from faster_whisper.transcribe import BatchedInferencePipeline, get_compression_ratio

        multilingual = self._model.model.is_multilingual
        tokenizer = Tokenizer(
            self._model.hf_tokenizer, multilingual, task="transcribe", language=language if multilingual else "en"
        )
        features = np.stack([pad_or_trim(self._model.feature_extractor(sound)[..., :-1]) for sound in sounds])
        options = _options(tokenizer, settings)
        encoded, outputs = BatchedInferencePipeline(self._model).generate_segment_batched(features, tokenizer, options)
        frames = [min(len(sound) // self._model.feature_extractor.hop_length, features.shape[-1]) for sound in sounds]
        found: list[_Segments] = []
        for count, output in zip(frames, outputs, strict=True):
            parts, _, _ = self._model._split_segments_by_timestamps(
                tokenizer=tokenizer, tokens=output["tokens"], time_offset=0.0, segment_size=count,
                segment_duration=count / self._model.frames_per_second, seek=0,
            )  # fmt: skip
            ratio = get_compression_ratio(tokenizer.decode(output["tokens"]).strip())
            found.append([{**output, **part, "seek": 0, "compression_ratio": ratio} for part in parts])
        # Whole seconds, as the library's batches have them, would put some words a tenth of a second late.
        self._model.add_word_timestamps(
            found, tokenizer, encoded, frames, options.prepend_punctuations, options.append_punctuations, 0.0
        )
        return [[segment for segment in segments if not _is_silence(segment)] for segments in found]


def _heard(batch: Sequence[Clip], decoded: _Decode, rest: Rest) -> list[Word]:
    """The words of a batch of clips, and of what is left of them behind these."""
    words: list[Word] = []
    left = list(batch)
    for _ in range(1 + RESTS):
        sounds = [(clip, sound) for clip in left if len(sound := clip.sound()) >= _LEAST_SAMPLES]
        if not sounds:
            break
        found = decoded([sound for _, sound in sounds])
        left = []
        for (clip, _), segments in zip(sounds, found, strict=True):
            spoken = [word for segment in segments for word in _words(segment, clip)]
            words += spoken
            if part := rest(clip, spoken):
                left.append(part)
    return sorted(words, key=lambda word: (word.channel, word.start_ms or 0))


def _options(tokenizer: Any, settings: Mapping[str, Any]) -> Any:
    """faster-whisper's options: its own defaults, no text before a window, no chance, and these settings."""
    from faster_whisper.transcribe import TranscriptionOptions, get_suppressed_tokens

    defaults = {
        "beam_size": BEAM_SIZE, "best_of": 1, "patience": 1, "length_penalty": 1, "repetition_penalty": 1,
        "no_repeat_ngram_size": 0, "log_prob_threshold": None, "no_speech_threshold": None,
        "compression_ratio_threshold": None, "condition_on_previous_text": False, "prompt_reset_on_temperature": 0.5,
        "temperatures": [0.0], "initial_prompt": None, "prefix": None, "suppress_blank": True,
        "suppress_tokens": get_suppressed_tokens(tokenizer, [-1]), "without_timestamps": False,
        "max_initial_timestamp": 1.0, "word_timestamps": True, "prepend_punctuations": "\"'“¿([{-",
        "append_punctuations": "\"'.。,，!！?？:：”)]}、", "multilingual": False, "max_new_tokens": None,
        "clip_timestamps": None, "hallucination_silence_threshold": None, "hotwords": None,
    }  # fmt: skip
    return TranscriptionOptions(**{**defaults, **settings})


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
