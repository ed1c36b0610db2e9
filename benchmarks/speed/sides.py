"""What is compared: the product, and what somebody would write in an afternoon from the same packages.

Both get the same model, beam, threads and call. The afternoon's pipeline is faster-whisper with its own defaults on
each channel, Presidio's own recognizers on each segment, and pydub's tone over the words that they found. The time of
its transcription alone is that of bare faster-whisper.
"""

import logging
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from redact.audio.decode import decode
from redact.audio.pcm import blocks
from redact.loaded import SPACY_MODELS
from redact.models import locate
from redact.options import Options
from redact.pipeline import Redactor
from redact.transcribe.whisper import BEAM_SIZE

BATCH = 8
_LOUDNESS_DB = -12
# Entity types that say little of a person; kept, they would mask half the call.
_NOT_PERSONAL = {"ORGANIZATION", "URL", "NRP"}


@dataclass(frozen=True, slots=True)
class Ran:
    """One call through one side: seconds in all, without loading models, and of its parts; and what came out."""

    wall_s: float
    stages: dict[str, float]
    audio: Path
    text: str = field(repr=False)


class Side(Protocol):
    """A pipeline with its models loaded."""

    def run(self, call: Path, folder: Path) -> Ran:
        """Redact a call into a folder."""


class Product:
    """`redact file`, without starting a process."""

    def __init__(self, model: str, language: str) -> None:
        self._redactor = Redactor(Options(model=model, language=language, force=True))

    def run(self, call: Path, folder: Path) -> Ran:
        """Redact a call into a folder."""
        started = time.perf_counter()
        result = self._redactor.redact_file(call, folder)
        stages = dict(result.report["timings_s"])
        wall_s = time.perf_counter() - started - stages.pop("load_models", 0.0)
        text = next(path for path in result.outputs if path.suffix == ".txt")
        audio = next(path for path in result.outputs if path.suffix not in {".txt", ".vtt", ".srt", ".json"})
        return Ran(wall_s, stages, audio, text.read_text(encoding="utf-8"))


class Afternoon:
    """faster-whisper, Presidio and pydub, as their first pages show them.

    Args:
        batched: by faster-whisper's batched pipeline instead of one window after the other.
    """

    def __init__(self, model: str, language: str, *, batched: bool = False) -> None:
        import tldextract
        from faster_whisper import BatchedInferencePipeline, WhisperModel
        from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
        from presidio_analyzer.nlp_engine import NlpEngineProvider

        logging.getLogger("presidio-analyzer").setLevel(logging.CRITICAL)
        # Its e-mail recognizer would fetch a list of suffixes while the clock runs; the bundled one does.
        tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
        self._language = language
        threads = len(os.sched_getaffinity(0))
        folder = locate(model, engine="faster-whisper").path
        loaded: Any = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=threads)
        self._options: dict[str, Any] = {"language": language, "beam_size": BEAM_SIZE, "word_timestamps": True}
        if batched:
            loaded = BatchedInferencePipeline(loaded)
            self._options |= {"batch_size": BATCH}
        self._whisper = loaded
        names = [{"lang_code": language, "model_name": str(locate(SPACY_MODELS[language], engine="spacy").path)}]
        nlp = NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": names}).create_engine()
        registry = RecognizerRegistry(supported_languages=[language])
        registry.load_predefined_recognizers(languages=[language], nlp_engine=nlp)
        self._analyzer = AnalyzerEngine(registry=registry, nlp_engine=nlp, supported_languages=[language])

    def run(self, call: Path, folder: Path) -> Ran:
        """Redact a call into a folder."""
        from faster_whisper import decode_audio
        from pydub import AudioSegment

        started = time.perf_counter()
        with decode(call) as decoded:  # pydub would start ffprobe
            pcm = decoded.pcm
            samples = np.concatenate([block.T.ravel() for _, block in blocks(pcm)]).astype(np.int16)
        sound = AudioSegment(samples.tobytes(), sample_width=2, frame_rate=pcm.sample_rate, channels=pcm.channels)
        channels = decode_audio(str(call), split_stereo=True) if sound.channels == 2 else [decode_audio(str(call))]
        segments = [s for channel in channels for s in self._whisper.transcribe(channel, **self._options)[0]]
        transcribed = time.perf_counter()
        lines, spans = [], []
        for segment in segments:
            line, found = self._redacted(segment)
            lines.append(line)
            spans += found
        detected = time.perf_counter()
        audio = folder / f"{call.stem}.wav"
        self._bleeped(sound, spans).export(audio, format="wav")
        ended = time.perf_counter()
        stages = {"transcribe": transcribed - started, "detect": detected - transcribed, "mask": ended - detected}
        return Ran(ended - started, stages, audio, "\n".join(lines))

    def _redacted(self, segment: Any) -> tuple[str, list[tuple[int, int]]]:
        """A segment's text with entity types in the places of values, and the times of their words in ms."""
        found = [f for f in self._analyzer.analyze(segment.text, self._language) if f.entity_type not in _NOT_PERSONAL]
        spans = []
        at = 0
        for word in segment.words or ():
            begins = segment.text.find(word.word, at)
            at = begins + len(word.word)
            if any(f.start < at and begins < f.end for f in found):
                spans.append((int(word.start * 1000), int(word.end * 1000)))
        text = segment.text
        for f in sorted(found, key=lambda f: f.start, reverse=True):
            text = f"{text[: f.start]}<{f.entity_type}>{text[f.end :]}"
        return text, spans

    @staticmethod
    def _bleeped(sound: Any, spans: Iterable[tuple[int, int]]) -> Any:
        from pydub.generators import Sine

        for start, end in spans:
            tone = Sine(1000).to_audio_segment(end - start, volume=_LOUDNESS_DB).set_channels(sound.channels)
            tone = tone.set_frame_rate(sound.frame_rate).set_sample_width(sound.sample_width)
            sound = sound[:start] + tone + sound[end:]
        return sound


def load(side: str, model: str, language: str) -> Side:
    """The side of a name: `redact`, `sequential` or `batched`."""
    if side == "redact":
        return Product(model, language)
    return Afternoon(model, language, batched=side == "batched")
