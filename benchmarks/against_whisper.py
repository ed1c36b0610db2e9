"""`redact file` beside bare faster-whisper on the same call: same model, beam, threads and word times.

    python benchmarks/against_whisper.py [CALL] [--pairs N] [--model NAME]

Runs both in turn, in one process, models loaded before the clock starts. Bare is what a user would write:
faster-whisper's own decoding, each channel transcribed whole, with all threads. Ours is the whole road, from
the file to checked outputs. Prints each pair, and the median of the ratios with its spread.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

from faster_whisper import WhisperModel, decode_audio

from redact.models import locate
from redact.options import Options
from redact.pipeline import Redactor
from redact.transcribe.whisper import BEAM_SIZE

SAMPLE = Path(__file__).resolve().parent.parent / "samples" / "en-card-payment.wav"


def bare(model: WhisperModel, call: Path, channels: int, language: str) -> float:
    """Seconds that faster-whisper takes for the call's channels."""
    started = time.perf_counter()
    sounds = decode_audio(str(call), split_stereo=True) if channels == 2 else [decode_audio(str(call))]
    for sound in sounds:
        segments, _ = model.transcribe(sound, language=language, beam_size=BEAM_SIZE, word_timestamps=True)
        list(segments)
    return time.perf_counter() - started


def ours(redactor: Redactor, call: Path) -> tuple[float, float, int]:
    """Seconds from the file to published outputs, those of transcribing alone, and the number of channels."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        result = redactor.redact_file(call, Path(folder))
        wall_s = time.perf_counter() - started
    return wall_s, result.report["timings_s"]["transcribe"], len(result.report["input"]["channels"])


def main() -> None:
    """Run the pairs and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("call", type=Path, nargs="?", default=SAMPLE)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--model", default="base")
    parser.add_argument("--language", default="en")
    options = parser.parse_args()
    redactor = Redactor(Options(model=options.model, language=options.language, force=True))
    _, _, channels = ours(redactor, options.call)  # loads the models
    cores = len(os.sched_getaffinity(0))
    folder = locate(options.model, engine="faster-whisper").path
    model = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=cores)
    ratios = []
    for pair in range(options.pairs):
        load = os.getloadavg()[0]
        whisper_s = bare(model, options.call, channels, options.language)
        wall_s, transcribe_s, _ = ours(redactor, options.call)
        ratios.append(wall_s / whisper_s)
        print(
            f"pair {pair + 1}: bare {whisper_s:.2f} s, ours {wall_s:.2f} s (transcribing {transcribe_s:.2f} s), "
            f"ratio {ratios[-1]:.2f}, load {load:.1f}"
        )
    print(f"ratio: median {statistics.median(ratios):.2f}, from {min(ratios):.2f} to {max(ratios):.2f}")


if __name__ == "__main__":
    main()
