"""The report of a run: what became of every file, as JSON and as one HTML page with pictures. Ids and counts only."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from redact import __version__, paper
from redact.stores.ledger import STATES, Row, RunRow

SCHEMA, VERSION = "callredact.night", 1
# So many recordings that are not done are shown on the page; the JSON has all.
_SHOWN = 500
# Of the Okabe-Ito palette, as all bars.
_COLOURS = {
    "done": "#009e73", "held": "#e69f00", "failed": "#d55e00", "refused": "#56b4e9", "quarantined": "#cc79a7",
    "pending": "#999999", "running": "#999999",
}  # fmt: skip


def summary(run: RunRow, rows: Sequence[Row]) -> dict[str, Any]:
    """What a run did, as a JSON-ready object.

    Args:
        run: the run.
        rows: the recordings that it took.
    """
    done = [row for row in rows if row.state == "done"]
    sound_ms = sum(row.duration_ms for row in done)
    states = Counter(row.state for row in rows)
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "redact_version": __version__,
        "run": {
            "id": run.run_id, "began_at": run.began_at, "ended_at": run.ended_at, "outcome": run.outcome,
            "workers": run.workers, "policy": {"name": run.policy_name, "sha256": run.policy}, "engine": run.engine,
        },
        "listed": dict(run.listed),
        "states": {state: states[state] for state in STATES if states[state]},
        "reasons": {f"{state}: {why}": n for (state, why), n in _reasons(rows).most_common()},
        "sound_s": round(sound_ms / 1000),
        "masked_share": round(sum(row.masked_ms for row in done) / sound_ms, 4) if sound_ms else 0,
        "work_s": round(sum(row.work_ms for row in rows) / 1000),
        "by_queue": dict(sorted(Counter(row.queue for row in done if row.queue).items())),
        "by_language": dict(sorted(Counter(row.language for row in done if row.language).items())),
        "by_basis": dict(sorted(Counter(row.basis for row in done).items())),
        "originals": dict(sorted(Counter(row.original for row in rows).items())),
        "replacements": _summed(row.replacements for row in done),
        "doubts": _summed(row.doubts for row in rows),
        "recordings": [_told(row) for row in sorted(rows, key=lambda row: (row.state, row.recording_id, row.source))],
    }  # fmt: skip


def page(told: Mapping[str, Any]) -> str:
    """The same as one page that loads nothing."""
    run = told["run"]
    wanted = [row for row in told["recordings"] if row["state"] != "done"]
    parts = [
        f'<h1>Night of {escape(run["began_at"][:10])}</h1>',
        f'<p class="what">Run <code>{escape(run["id"])}</code>, {escape(run["outcome"])}; policy '
        f'{escape(run["policy"]["name"])}, {run["workers"]} workers</p>',
        _cards(told),
        *paper.bars("What became of the calls", told["states"], _COLOURS),
        *paper.bars("Why", told["reasons"]),
        *paper.bars("Files of the archive", told["listed"]),
        *paper.bars("Masked", told["replacements"]),
        *paper.bars("In doubt", told["doubts"]),
        *paper.bars("Queues", told["by_queue"]),
        *paper.bars("Languages", told["by_language"]),
        *paper.bars("Lawful basis", told["by_basis"]),
        *_not_redacted(wanted),
    ]  # fmt: skip
    return paper.page("redact: a night", parts)


def _reasons(rows: Sequence[Row]) -> Counter[tuple[str, str]]:
    return Counter((row.state, row.reason) for row in rows if row.reason)


def _summed(counts: Any) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(total.most_common())


def _told(row: Row) -> dict[str, Any]:
    return {
        "id": row.recording_id or row.source, "state": row.state, "reason": row.reason, "attempts": row.attempts,
        "sound_s": round(row.duration_ms / 1000, 1), "work_s": round(row.work_ms / 1000, 1), "original": row.original,
        "queue": row.queue, "language": row.language,
    }  # fmt: skip


def _cards(told: Mapping[str, Any]) -> str:
    pace = told["sound_s"] / told["work_s"] if told["work_s"] else 0
    cards = {
        "Redacted": f"{told['states'].get('done', 0)} of {sum(told['states'].values())}",
        "Sound": f"{told['sound_s'] / 3600:.1f} h",
        "Masked": f"{told['masked_share']:.1%}",
        "A worker's pace": f"{pace:.1f}x",
    }
    return paper.cards(cards)


def _not_redacted(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not rows:
        return
    yield "<h2>Not redacted</h2>"
    cells = [(row["id"], row["state"], row["reason"].replace("_", " "), row["attempts"]) for row in rows[:_SHOWN]]
    yield paper.table(("Recording", "State", "Why", "Tries lost"), cells)
    if len(rows) > _SHOWN:
        yield f"<p>and {len(rows) - _SHOWN} more, in the JSON report</p>"
