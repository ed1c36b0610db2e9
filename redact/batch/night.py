"""The report of a run: what became of every file, as JSON and as one HTML page with pictures. Ids and counts only."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from redact import __version__
from redact.stores.ledger import STATES, Row, RunRow

SCHEMA, VERSION = "callredact.night", 1
# So many recordings that are not done are shown on the page; the JSON has all.
_SHOWN = 500
# Of the Okabe-Ito palette, which people tell apart whatever they see; each bar has its word beside it all the same.
_COLOURS = {
    "done": "#009e73", "held": "#e69f00", "failed": "#d55e00", "refused": "#56b4e9", "quarantined": "#cc79a7",
    "pending": "#999999", "running": "#999999",
}  # fmt: skip
_PLAIN = "#0072b2"
_STYLE = """
:root { color-scheme: light dark; --line: #8884; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p.what { margin: .2rem 0 1.5rem; opacity: .75; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: 1rem; }
dl div { border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .8rem; }
dt { font-size: .85rem; opacity: .75; } dd { margin: 0; font-size: 1.4rem; font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .25rem .75rem .25rem 0; }
tr + tr { border-top: 1px solid var(--line); } td.n { text-align: right; font-variant-numeric: tabular-nums; }
td.bar { width: 60%; } svg { display: block; width: 100%; height: 1rem; } code { font-size: .9em; }
"""


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
        *_bars("What became of the calls", told["states"], _COLOURS),
        *_bars("Why", told["reasons"]),
        *_bars("Files of the archive", told["listed"]),
        *_bars("Masked", told["replacements"]),
        *_bars("In doubt", told["doubts"]),
        *_bars("Queues", told["by_queue"]),
        *_bars("Languages", told["by_language"]),
        *_bars("Lawful basis", told["by_basis"]),
        *_table(wanted),
    ]  # fmt: skip
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        'content="width=device-width, initial-scale=1"><meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\"><title>redact: a night</title>"
        f"<style>{_STYLE}</style></head><body>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


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
    return "<dl>" + "".join(f"<div><dt>{k}</dt><dd>{escape(v)}</dd></div>" for k, v in cards.items()) + "</dl>"


def _bars(title: str, counts: Mapping[str, int], colours: Mapping[str, str] | None = None) -> Iterator[str]:
    if not counts:
        return
    most = max(counts.values())
    yield f"<h2>{escape(title)}</h2>\n<table>"
    for name, count in counts.items():
        colour = (colours or {}).get(name, _PLAIN)
        share = 100 * count / most if most else 0
        yield (
            f'<tr><td>{escape(name.replace("_", " "))}</td><td class="n">{count}</td><td class="bar">'
            f'<svg aria-hidden="true"><rect width="{share:.1f}%" height="100%" rx="3" fill="{colour}"/></svg></td></tr>'
        )
    yield "</table>"


def _table(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not rows:
        return
    yield "<h2>Not redacted</h2>\n<table><tr><th>Recording</th><th>State</th><th>Why</th><th>Tries lost</th></tr>"
    for row in rows[:_SHOWN]:
        cells = (row["id"], row["state"], row["reason"].replace("_", " "), row["attempts"])
        yield "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in cells) + "</tr>"
    yield "</table>"
    if len(rows) > _SHOWN:
        yield f"<p>and {len(rows) - _SHOWN} more, in the JSON report</p>"
