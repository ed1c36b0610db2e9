"""Figures as tables in Markdown, and as one picture."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

Figures = Mapping[str, Any]
NAMES = {
    "redact": "redact",
    "bare sequential": "faster-whisper, one window after the other",
    "bare batched": "faster-whisper, in batches",
    "sequential": "the first, Presidio and pydub",
    "batched": "the second, Presidio and pydub",
}


def table(name: str, figures: Figures) -> str:
    """A part's figures, with where they were measured."""
    lines = _TABLES[name](figures)
    return f"### {name}\n\n{figures['machine']}, load {figures['load']:.1f} before it.\n\n" + "\n".join(lines) + "\n"


def _rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]


def _spread(figures: Figures, digits: int = 2) -> str:
    median, least, most = (f"{figures[key]:.{digits}f}" for key in ("median", "least", "most"))
    return median if least == most else f"{median} ({least}–{most})"


def _share(figure: float) -> str:
    return f"{100 * figure:.1f} %"


def _calls(figures: Figures) -> list[str]:
    rows = []
    for key, name in NAMES.items():
        quality = figures["quality"][key.removeprefix("bare ")]
        ratio = figures["ratios"].get(key)
        rows.append([
            name, _spread(figures["seconds"][key], 1), _spread(ratio) if ratio else "",
            f"{quality['fully_masked']} of {quality['items']}", _share(quality["leak"]), _share(quality["over"]),
            str(quality["in_text"]),
        ])  # fmt: skip
    return [
        f"{figures['calls']} calls of {figures['minutes']:.1f} minutes together, model {figures['model']}, "
        f"{figures['pairs']} rounds.",
        "",
        *_rows(["", "seconds", "redact takes, of it", "fully masked", "leak", "over-masked", "values in text"], rows),
        "",
        f"Of redact's time: {_shares(figures['stages']['redact'])}.",
    ]


def _shares(stages: Figures) -> str:
    whole = sum(stages.values())
    return ", ".join(
        f"{stage} {_share(seconds / whole)}" for stage, seconds in stages.items() if stage != "load_models"
    )


def _shapes(figures: Figures) -> list[str]:
    rows = [
        [row["model"], str(row["channels"]), _spread(row["seconds"]), _spread(row["bare"]), _spread(row["ratio"])]
        for row in figures["rows"]
    ]
    return _rows(["model", "channels of a minute", "redact, s", "faster-whisper, s", "ratio"], rows)


def _lengths(figures: Figures) -> list[str]:
    rows = []
    for row in figures["rows"]:
        ours, bare = row["redact"], row.get("sequential")
        rows.append([
            f"{row['minutes']:g}", str(row["times"]), _spread(ours["seconds_a_minute"]),
            _spread(bare["seconds_a_minute"]) if bare else "", _spread(row["ratio"]) if bare else "",
            f"{ours['peak_mib']:.0f}", f"{bare['peak_mib']:.0f}" if bare else "",
        ])  # fmt: skip
    head = [
        "minutes", "times", "redact, s a minute", "faster-whisper, s a minute", "ratio", "redact, peak MiB",
        "faster-whisper, peak MiB",
    ]  # fmt: skip
    return [
        f"{'One channel' if figures['mono'] else 'Two channels'}, model {figures['model']}.",
        "",
        *_rows(head, rows),
    ]


def _many(figures: Figures) -> list[str]:
    return [
        f"{figures['calls']} calls of ten seconds, {figures['seconds']:.2f} s each: {figures['early_mib']:.0f} MiB "
        f"held in the second tenth of them, {figures['late_mib']:.0f} in the last."
    ]


def _start(figures: Figures) -> list[str]:
    return [
        f"A call of 30 s in two channels: {_spread(figures['seconds'])} s without loading the models, bare "
        f"faster-whisper {_spread(figures['bare'])} s; ratio {_spread(figures['ratio'])}, with loading "
        f"{_spread(figures['ratio_with_load'])}. `redact --help`: {_spread(figures['help_s'])} s."
    ]


def _text(figures: Figures) -> list[str]:
    rows = [[name, _spread(figures[name], 0)] for name in ("redact", "Presidio")]
    return [*_rows([f"{figures['turns']} turns", "a second"], rows), "", f"Ratio {figures['ratio']:.2f}."]


_TABLES: dict[str, Callable[[Figures], list[str]]] = {
    "calls": _calls, "shapes": _shapes, "lengths": _lengths, "many": _many, "start": _start, "text": _text,
}  # fmt: skip


def plot(known: Figures, path: Path) -> None:
    """Time beside leak, and time and memory by length, as far as they are known."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        print('no picture without matplotlib: pip install "callredact[bench]"')
        return
    lengths = known.get("lengths", {}).get("rows", ())
    panels = ("calls" in known) + 2 * (len(lengths) > 1)
    if not panels:
        return
    figure = Figure(figsize=(4.2 * panels, 3.6), layout="constrained")
    left = list(figure.subplots(1, panels, squeeze=False)[0])
    if "calls" in known:
        _plot_quality(left.pop(0), known["calls"])
    if left:
        _plot_lengths(*left, lengths)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def _plot_quality(axes: Any, calls: Figures) -> None:
    names = {"redact": "redact", "sequential": "an afternoon's pipeline", "batched": "the same in batches"}
    for key, name in names.items():
        x, y = calls["seconds"][key]["median"] / calls["minutes"], 100 * calls["quality"][key]["leak"]
        axes.plot(x, y, "o")
        axes.annotate(name, (x, y), textcoords="offset points", xytext=(0, 7), ha="center", fontsize=8)
    axes.set(xlabel="seconds for a minute of sound", ylabel="leak, %", title="Time and leak")
    axes.set(xlim=(0, axes.get_xlim()[1] * 1.3), ylim=(0, axes.get_ylim()[1] * 1.1))


def _plot_lengths(speed: Any, memory: Any, rows: Sequence[Figures]) -> None:
    for key, name in (("redact", "redact"), ("sequential", "faster-whisper")):
        own = [row for row in rows if key in row]
        minutes = [row["minutes"] for row in own]
        speed.plot(minutes, [row[key]["seconds_a_minute"]["median"] for row in own], "o-", label=name)
        memory.plot(minutes, [row[key]["peak_mib"] for row in own], "o-", label=name)
    speed.set(xlabel="minutes", ylabel="seconds for a minute of sound", title="Time by length", ylim=0)
    memory.set(xlabel="minutes", ylabel="MiB", title="Peak memory by length", ylim=0)
    for axes in (speed, memory):
        axes.legend()
