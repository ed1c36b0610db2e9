"""The measurements. Each gives what it found as JSON can hold it; none prints more than its progress."""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from made import long_call
from sides import Ran, Side, load

from redact.audio.decode import decode
from redact.audio.resample import Resampled
from redact.evaluate import read_golds
from redact.score import RATE_HZ, CallScore, score_call

SIDES = ("redact", "sequential", "batched")
# Calls that take longer run once.
PAIRED_MINUTES = 5
_CHILD = Path(__file__).with_name("child.py")
_CLI = (sys.executable, "-m", "redact")


def told(text: str) -> None:
    """Progress, apart from the figures."""
    print(text, file=sys.stderr, flush=True)


def spread(figures: Sequence[float]) -> dict[str, float]:
    """Median, least and most."""
    return {"median": statistics.median(figures), "least": min(figures), "most": max(figures)}


def calls(options: argparse.Namespace) -> dict[str, Any]:
    """Each labelled call by each side, in turn; quality from the first round."""
    golds = read_golds(options.calls)
    loaded: dict[tuple[str, str], Side] = {}
    walls: dict[str, list[float]] = {}  # of all calls together, by round
    stages: dict[str, dict[str, float]] = {side: {} for side in SIDES}
    scores: dict[str, list[CallScore]] = {side: [] for side in SIDES}
    sound_s = 0.0
    for pair in range(options.pairs):
        whole: dict[str, float] = {}
        for gold in golds:
            for side in SIDES:
                key = (side, gold.language)
                if key not in loaded:
                    loaded[key] = load(side, options.model, gold.language)
                    _run(loaded[key], gold.audio)  # what is loaded late is loaded now
                with tempfile.TemporaryDirectory() as folder:
                    ran = loaded[key].run(gold.audio, Path(folder))
                    if pair == 0:
                        original = _heard(gold.audio)
                        scores[side].append(score_call(gold, original, _heard(ran.audio), ran.text))
                        sound_s += original.shape[1] / RATE_HZ if side == "redact" else 0
                for stage, seconds in ran.stages.items():
                    stages[side][stage] = stages[side].get(stage, 0.0) + seconds
                whole[side] = whole.get(side, 0.0) + ran.wall_s
                if side != "redact":
                    bare = f"bare {side}"
                    whole[bare] = whole.get(bare, 0.0) + ran.stages["transcribe"]
            told(f"round {pair + 1} of {options.pairs}: {gold.name}")
        for name, seconds in whole.items():
            walls.setdefault(name, []).append(seconds)
    return {
        "calls": len(golds),
        "minutes": sound_s / 60,
        "model": options.model,
        "pairs": options.pairs,
        "seconds": {name: spread(each) for name, each in walls.items()},
        "ratios": {
            name: spread([ours / theirs for ours, theirs in zip(walls["redact"], each, strict=True)])
            for name, each in walls.items()
            if name != "redact"
        },
        "stages": {side: {stage: s / options.pairs for stage, s in each.items()} for side, each in stages.items()},
        "quality": {side: _quality(each) for side, each in scores.items()},
    }


def shapes(options: argparse.Namespace) -> dict[str, Any]:
    """A stretch in one channel and in two, by model, in turn with bare faster-whisper."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for model in options.models:
            sides = {side: load(side, model, options.language) for side in ("redact", "sequential")}
            for mono in (True, False):
                call = long_call(options.call, options.seconds, Path(folder) / f"{model}-{mono}.wav", mono=mono)
                for side in sides.values():
                    _run(side, call)
                ours, bare = [], []
                for _ in range(options.pairs):
                    bare.append(_run(sides["sequential"], call).stages["transcribe"])
                    ours.append(_run(sides["redact"], call).wall_s)
                ratios = [a / b for a, b in zip(ours, bare, strict=True)]
                rows.append({
                    "model": model, "channels": 1 if mono else 2, "seconds": spread(ours), "bare": spread(bare),
                    "ratio": spread(ratios),
                })  # fmt: skip
                told(f"{model}, {rows[-1]['channels']} channels")
    return {"rows": rows, "pairs": options.pairs}


def lengths(options: argparse.Namespace) -> dict[str, Any]:
    """Seconds for a minute of sound, and peak memory, by length."""
    rows = []
    for minutes in options.minutes:
        paired = minutes <= PAIRED_MINUTES
        found: dict[str, list[dict[str, Any]]] = {}
        with tempfile.TemporaryDirectory() as folder:
            call = Path(folder) / "call.wav"
            long_call(options.call, minutes * 60, call, mono=options.mono, pause_s=options.pause)
            sides = ("redact", *(["sequential"] if minutes <= options.bare_up_to else []))
            try:
                for _ in range(options.pairs if paired else 1):
                    for side in sides:
                        found.setdefault(side, []).append(_child(side, options.model, options.language, call))
            except ChildFailed as error:
                told(f"{minutes:g} minutes: left out, for {side} failed: {error}")
                continue
        row: dict[str, Any] = {"minutes": minutes, "times": len(found["redact"])}
        for side, each in found.items():
            stage = "transcribe" if side == "sequential" else None
            walls = [run["stages"][stage] if stage else run["wall_s"][0] for run in each]
            row[side] = {
                "seconds_a_minute": spread([wall / minutes for wall in walls]),
                "peak_mib": max(run["peak_mib"] for run in each),
                "stages": each[-1]["stages"],
            }
            if side == "redact":
                ours = walls
            else:
                row["ratio"] = spread([a / b for a, b in zip(ours, walls, strict=True)])
        rows.append(row)
        told(f"{minutes:g} minutes")
    return {"rows": rows, "model": options.model, "mono": options.mono}


def many(options: argparse.Namespace) -> dict[str, Any]:
    """Memory over many calls of ten seconds in one process, with the smallest model."""
    with tempfile.TemporaryDirectory() as folder:
        call = long_call(options.call, 10, Path(folder) / "call.wav")
        run = _child("redact", "tiny.en", "en", call, times=options.many)
    held = run["held_mib"]
    tenth = max(1, len(held) // 10)
    early, late = (statistics.median(part) for part in (held[tenth : 2 * tenth], held[-tenth:]))
    return {"calls": options.many, "early_mib": early, "late_mib": late, "seconds": statistics.median(run["wall_s"])}


def start(options: argparse.Namespace) -> dict[str, Any]:
    """A call of 30 s in a new process, and the command's help."""
    ours, bare, ours_all, bare_all, help_s = [], [], [], [], []
    with tempfile.TemporaryDirectory() as folder:
        call = long_call(options.call, 30, Path(folder) / "call.wav")
        command = (
            *_CLI, "file", str(call), "-o", folder, "--model", options.model, "--language", options.language, "--force",
        )  # fmt: skip
        for _ in range(options.pairs + 1):
            taken = _seconds(command)
            report = json.loads((Path(folder) / "call.report.json").read_text())
            ours_all.append(taken)
            ours.append(taken - report["timings_s"]["load_models"])
            started = time.perf_counter()
            run = _bare(call, options)
            bare_all.append(time.perf_counter() - started)
            bare.append(bare_all[-1] - run["load_s"])
            help_s.append(_seconds((*_CLI, "--help")))
    pairs = slice(1, None)  # the first finds nothing in the file cache
    return {
        "seconds": spread(ours[pairs]),
        "bare": spread(bare[pairs]),
        "ratio": spread([a / b for a, b in zip(ours[pairs], bare[pairs], strict=True)]),
        "ratio_with_load": spread([a / b for a, b in zip(ours_all[pairs], bare_all[pairs], strict=True)]),
        "help_s": spread(help_s[pairs]),
    }


def text(options: argparse.Namespace) -> dict[str, Any]:
    """Turns a second beside plain Presidio."""
    from transcripts import speeds

    measured = speeds(options.language, options.turns)
    ratio = statistics.median(measured["redact"]) / statistics.median(measured["Presidio"])
    return {"turns": options.turns, "ratio": ratio, **{name: spread(each) for name, each in measured.items()}}


def _run(side: Side, call: Path) -> Ran:
    with tempfile.TemporaryDirectory() as folder:
        return side.run(call, Path(folder))


def _heard(path: Path) -> Any:
    with decode(path) as decoded:
        return Resampled(decoded.pcm, RATE_HZ).read()


def _quality(scores: Sequence[CallScore]) -> dict[str, float]:
    items = [item for score in scores for item in score.items]
    voiced, other = sum(item.voiced_ms for item in items), sum(score.other_ms for score in scores)
    return {
        "items": len(items),
        "fully_masked": sum(item.fully_masked for item in items),
        "leak": sum(item.leaked_ms for item in items) / voiced if voiced else 0.0,
        "over": sum(score.over_masked_ms for score in scores) / other if other else 0.0,
        "in_text": sum(len(score.text_leaks) for score in scores),
    }


def _child(side: str, model: str, language: str, call: Path, times: int = 1) -> dict[str, Any]:
    command = [sys.executable, str(_CHILD), side, model, language, str(call), str(times)]
    return _told_by(command)


def _told_by(command: Sequence[str]) -> dict[str, Any]:
    """What a process says of itself in its last line.

    Raises:
        ChildFailed: it failed; what it said last is in the message.
    """
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise ChildFailed(done.stderr.strip().splitlines()[-1:])
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


class ChildFailed(Exception):
    """A process that was to be measured ended with an error."""


_BARE = """
import json, os, sys, time
started = time.perf_counter()
from faster_whisper import WhisperModel, decode_audio
call, folder, language = sys.argv[1:]
imported = time.perf_counter()
model = WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=len(os.sched_getaffinity(0)))
loaded = time.perf_counter()
for channel in decode_audio(call, split_stereo=True):
    list(model.transcribe(channel, language=language, beam_size=5, word_timestamps=True)[0])
print(json.dumps({"load_s": loaded - started}))
"""


def _bare(call: Path, options: argparse.Namespace) -> dict[str, Any]:
    """faster-whisper in a process of its own; its imports belong to loading, as ours do."""
    from redact.models import locate

    folder = locate(options.model, engine="faster-whisper").path
    command = [sys.executable, "-c", _BARE, str(call), str(folder), options.language]
    return _told_by(command)


def _seconds(command: Sequence[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started
