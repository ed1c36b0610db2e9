"""How far word times are off, and what masks of what width cost: leaked against masked time.

    python benchmarks/intervals.py --calls DIR [--model base] [--out docs/pictures]

DIR is a folder as `redact evaluate` reads it. Each call is listened to once; then masks are made again and again, with
other settings. Two kinds of detection are compared: a perfect one, which finds just the words that lie in a labelled
item, so that all that leaks is the word times' fault; and the product's own. Listening again is left out of both.

The plot needs matplotlib: pip install "callredact[bench]".
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from redact.audio.decode import Decoded, decode
from redact.audio.mask import Masked
from redact.audio.resample import Resampled
from redact.call import Transcript, Word
from redact.detect.spoken.base import load as load_language
from redact.evaluate import read_golds
from redact.findings import Finding
from redact.options import Options
from redact.pipeline import Redactor
from redact.plan import Sound, make_plan, said
from redact.policy import Policy
from redact.score import RATE_HZ, CallScore, Gold, GoldItem, score_call

# What stands before, and after, a word is a pause where it is this quiet for so long.
PAUSE_MS, PAUSE_RMS = 200, 0.006
# A word this far from where it was said is another one.
FAR_MS = 2_000
PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
# Milliseconds before and after words, between masks, and of the grid.
SETTINGS = (
    (0, 0, 0, 1), (50, 50, 0, 1), (100, 100, 0, 1), (150, 150, 0, 1), (300, 200, 300, 1), (300, 300, 300, 1),
    (500, 500, 300, 1), (0, 0, 0, 200), (100, 50, 200, 200), (150, 100, 200, 200), (200, 150, 200, 200),
    (300, 200, 300, 200), (150, 100, 200, 100), (150, 100, 200, 300), (150, 100, 200, 500),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Heard:
    """A labelled call and what was heard in it."""

    gold: Gold
    decoded: Decoded
    original: Any
    transcript: Transcript
    sound: Sound
    found: Sequence[Finding]
    policy: Policy


def listen(folder: Path, model: str) -> Iterator[Heard]:
    """Each call of the folder, listened to once."""
    redactors: dict[str, Redactor] = {}
    for gold in read_golds(folder, ""):
        language = gold.language
        redactor = redactors.setdefault(language, Redactor(Options(language=language, model=model)))
        decoded = decode(gold.audio)
        transcript, sound = redactor.hear(decoded.pcm, decoded.recording)
        original = Resampled(decoded.pcm, RATE_HZ).read()
        print(f"listened to {gold.name}", flush=True)
        yield Heard(gold, decoded, original, transcript, sound, redactor.findings(transcript), redactor.policy)


def errors(call: Heard) -> Iterator[tuple[str, bool, int]]:
    """For each item whose first or last word was heard right: which edge, beside a pause or not, and how late it is."""
    for item in call.gold.items:
        words = [w for w in call.transcript.words if w.channel == item.channel and w.start_ms is not None]
        value = said(item.value)
        for edge, at, begins in (("start", item.start_ms, True), ("end", item.end_ms, False)):
            late = [_time(word, begins) - at for word in words if _opens(said(word.text), value, begins)]
            near = min(late, key=abs, default=FAR_MS)
            if abs(near) < FAR_MS:
                outside = (at - PAUSE_MS, at - 20) if begins else (at + 20, at + PAUSE_MS)
                yield edge, _is_quiet(call.original[item.channel], *outside), near


def _time(word: Word, begins: bool) -> int:
    return (word.start_ms if begins else word.end_ms) or 0


def _opens(text: str, value: str, begins: bool) -> bool:
    return len(text) >= 2 and (value.startswith(text) if begins else value.endswith(text))


def _is_quiet(channel: Any, start_ms: int, end_ms: int) -> bool:
    part = channel[max(0, start_ms) * RATE_HZ // 1000 : end_ms * RATE_HZ // 1000]
    return not len(part) or float(np.sqrt(np.square(part).mean())) < PAUSE_RMS


def perfect(call: Heard) -> list[Finding]:
    """The words that lie in an item by their middle; where none does, those that touch it."""
    return [
        Finding("CUSTOM", words, 1.0, "labels", "labels")
        for item in call.gold.items
        if (words := _within(call.transcript.words, item))
    ]


def _within(words: Sequence[Word], item: GoldItem) -> tuple[int, ...]:
    timed = [
        (index, word.start_ms, word.end_ms or word.start_ms)
        for index, word in enumerate(words)
        if word.channel == item.channel and word.start_ms is not None
    ]
    inside = tuple(index for index, start, end in timed if item.start_ms <= (start + end) / 2 < item.end_ms)
    return inside or tuple(index for index, start, end in timed if start < item.end_ms and end > item.start_ms)


def score(call: Heard, found: Sequence[Finding], setting: tuple[int, int, int, int]) -> CallScore:
    """What is heard of a call with these masks."""
    names = ("before_ms", "after_ms", "merge_gap_ms", "grid_ms")
    policy = call.policy.changed(padding=dict(zip(names, setting, strict=True)))
    everyday = load_language(call.transcript.language).is_everyday
    plan = make_plan(call.transcript, found, policy, call.decoded.recording, call.sound, everyday)
    masked = Masked(call.decoded.pcm, plan.intervals, policy.mask.style())
    return score_call(call.gold, call.original, Resampled(masked, RATE_HZ).read())


def totals(scores: Sequence[CallScore]) -> tuple[float, float, float]:
    """Leaked share of the personal voiced time, over-masked share of the other, and the masked ratio."""
    items = [item for score in scores for item in score.items]
    voiced = max(1, sum(item.voiced_ms for item in items))
    other = max(1, sum(score.other_ms for score in scores))
    return (
        sum(item.leaked_ms for item in items) / voiced,
        sum(score.over_masked_ms for score in scores) / other,
        sum(score.masked_ms for score in scores) / voiced,
    )


def print_errors(calls: Sequence[Heard]) -> None:
    """A row for each language, edge and neighbourhood, in milliseconds; late is positive."""
    print(f"\n| | edge | beside | words | {' | '.join(f'{p} %' for p in PERCENTILES)} |")
    print(f"|---|---|---|---|{'---|' * len(PERCENTILES)}")
    for language in sorted({call.gold.language for call in calls}):
        seen = [error for call in calls if call.gold.language == language for error in errors(call)]
        for edge in ("start", "end"):
            for pause, name in ((True, "a pause"), (False, "speech")):
                late = [ms for kind, quiet, ms in seen if (kind, quiet) == (edge, pause)]
                if late:
                    row = " | ".join(f"{round(ms)}" for ms in np.percentile(late, PERCENTILES))
                    print(f"| {language} | {edge} | {name} | {len(late)} | {row} |")


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=Path, required=True, help="labelled calls, as redact evaluate reads them")
    parser.add_argument("--model", default="base", help="speech model")
    parser.add_argument("--out", type=Path, help="folder for the plot, leak-and-width.svg")
    given = parser.parse_args()
    calls = list(listen(given.calls, given.model))
    print_errors(calls)
    print("\n| before | after | gap | grid | perfect: leaked | ratio | own: leaked | over-masked | ratio |")
    print("|---|---|---|---|---|---|---|---|---|")
    points = []
    for setting in SETTINGS:
        exact = totals([score(call, perfect(call), setting) for call in calls])
        own = totals([score(call, call.found, setting) for call in calls])
        points.append((setting, exact, own))
        widths = " | ".join(map(str, setting))
        print(
            f"| {widths} | {exact[0]:.1%} | {exact[2]:.2f} | {own[0]:.1%} | {own[1]:.1%} | {own[2]:.2f} |", flush=True
        )
    if given.out:
        draw(points, given.out / "leak-and-width.svg")


def draw(points: Sequence[tuple[tuple[int, ...], tuple[float, ...], tuple[float, ...]]], path: Path) -> None:
    """Leaked share against the masked ratio, a point for each setting."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "redact"  # the same figures give the same file
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 5))
    for place, name, marker in ((1, "perfect detection", "o"), (2, "redact's own detection", "s")):
        axes.plot([p[place][2] for p in points], [100 * p[place][0] for p in points], marker, label=name, alpha=0.8)
        for setting, *scores in points:
            where = (scores[place - 1][2], 100 * scores[place - 1][0])
            axes.annotate("/".join(map(str, setting)), where, fontsize=6, xytext=(4, 3), textcoords="offset points")
    axes.set_xlabel("masked voiced time / personal voiced time")
    axes.set_ylabel("personal voiced time still heard, %")
    axes.set_title("What width of masks buys: before/after/gap/grid in ms")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
