"""Streams of turns beside a plain Presidio loop: turns a second, and memory by the length of the stream.

    python benchmarks/transcripts.py [--turns 10000] [--long 200000] [--language en]

Turns are those of the dialogues that detection is tested with, call after call, each call with digits of its own. Both
sides get the same lines and the same spaCy model. The plain side is what Presidio's documentation shows: for each turn
`AnalyzerEngine.analyze`, then `AnonymizerEngine.anonymize`. Both go through the stream in ten parts, in turn, and the
ratio is that of their medians. Memory is that of `redact text` in a process of its own, at its highest.
"""

import argparse
import json
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path

from rich.console import Console
from rich.table import Table

from redact.loaded import SPACY_MODELS
from redact.models import locate
from redact.options import Options
from redact.streams import redacted
from redact.texts import TextRedactor

DIALOGUES = Path(__file__).resolve().parents[1] / "tests" / "detect" / "dialogues"
PARTS = 10


def turns(language: str) -> Iterator[str]:
    """Lines of JSONL without end."""
    chance = random.Random(7)  # noqa: S311 - not for secrets
    calls = [json.loads(path.read_text()) for path in sorted(DIALOGUES.glob("*.json"))]
    for number, call in enumerate(cycle([call for call in calls if call["language"] == language])):
        shift = chance.randrange(10)
        for speaker, *parts in call["turns"]:
            text = " ".join(part if isinstance(part, str) else part["say"] for part in parts)
            text = re.sub(r"\d", lambda digit, shift=shift: str((int(digit[0]) + shift) % 10), text)
            yield json.dumps({"call_id": str(number), "speaker": speaker, "text": text}, ensure_ascii=False)


def plain(language: str) -> Callable[[list[str]], None]:
    """Presidio as its documentation shows it, turn by turn."""
    import logging

    import tldextract
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import NlpEngineProvider
    from presidio_anonymizer import AnonymizerEngine

    logging.getLogger("presidio-analyzer").setLevel(logging.CRITICAL)
    # Its e-mail recognizer would fetch a list of suffixes while the clock runs; the bundled one does.
    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    model = str(locate(SPACY_MODELS[language], engine="spacy").path)
    names = [{"lang_code": language, "model_name": model}]
    nlp = NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": names}).create_engine()
    registry = RecognizerRegistry(supported_languages=[language])
    registry.load_predefined_recognizers(languages=[language], nlp_engine=nlp)
    analyzer = AnalyzerEngine(registry=registry, nlp_engine=nlp, supported_languages=[language])
    anonymizer = AnonymizerEngine()

    def redact(lines: list[str]) -> None:
        for line in lines:
            text = json.loads(line)["text"]
            anonymizer.anonymize(text, analyzer.analyze(text, language))

    return redact


def speeds(language: str, count: int) -> dict[str, list[float]]:
    """Turns a second of each side, part by part."""
    ours = TextRedactor(Options(language=language))
    sides = {"redact": lambda lines: list(redacted(lines, ours)), "Presidio": plain(language)}
    lines = list(islice(turns(language), count))
    for side in sides.values():
        side(lines[:200])  # what is loaded late is loaded now
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    size = count // PARTS
    for part in range(PARTS):
        for name, side in sides.items():
            started = time.perf_counter()
            side(lines[part * size : (part + 1) * size])
            seconds[name].append(time.perf_counter() - started)
    return {name: [size / each for each in taken] for name, taken in seconds.items()}


def peak_mib(language: str, count: int, folder: Path) -> float:
    """Most memory of `redact text` over so many turns."""
    source = folder / f"{count}.jsonl"
    with source.open("w") as file:
        file.writelines(line + "\n" for line in islice(turns(language), count))
    script = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    command = [sys.executable, "-m", "redact", "text", "--language", language, str(source), "-o", f"{source}.out"]
    run = subprocess.run([sys.executable, "-c", script, *command], capture_output=True, text=True, check=True)
    return int(run.stdout) / 1024


def main() -> None:
    """Measure, and show a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=10_000)
    parser.add_argument("--long", type=int, default=200_000, help="turns of the long stream; 0 for none")
    parser.add_argument("--language", default="en")
    options = parser.parse_args()
    console = Console()
    table = Table("", "turns a second", "least", "most", title=f"{options.turns} turns, {options.language}")
    measured = speeds(options.language, options.turns)
    for name, each in measured.items():
        table.add_row(name, *(f"{figure:.0f}" for figure in (statistics.median(each), min(each), max(each))))
    console.print(table)
    ratio = statistics.median(measured["redact"]) / statistics.median(measured["Presidio"])
    console.print(f"ratio {ratio:.2f}")
    if options.long:
        with tempfile.TemporaryDirectory() as folder:
            short, long = (peak_mib(options.language, count, Path(folder)) for count in (options.turns, options.long))
        console.print(
            f"memory {short:.0f} MiB at {options.turns} turns, {long:.0f} MiB at {options.long}: {long / short:.2f}"
        )


if __name__ == "__main__":
    main()
