"""Detection on text alone, ours beside plain Presidio over the same spaCy models: recall, precision, F2, speed.

    python benchmarks/text --scripts DIR --presidio FILE --inline FILE --answers FILE [--language fr] [--json FILE]

Each path is a set with figures of its own; docs/evaluation.md says what is read and what is measured.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

import cases
from figures import ALL, Tally
from rich.console import Console
from rich.table import Table
from systems import System, ours, presidio

from redact import policy
from redact.errors import InputRejected, RedactError
from redact.loaded import SPACY_MODELS
from redact.models import locate

COLUMNS = {"whole_share": "whole", "recall": "recall", "same_type_recall": "same", "precision": "prec.", "f2": "F2"}
NAMES = ("ours", "presidio")


def compare(some: list[cases.Case], systems: dict[str, System], values: bool = False) -> dict[str, Any]:
    """Figures of each system over the same cases, one case by both before the next, and how fast each was."""
    tallies = {name: Tally(values) for name in systems}
    for system in systems.values():
        system(some[0])  # what is loaded late is loaded now
    for case in some:
        for name, system in systems.items():
            started = time.perf_counter()
            masks = system(case)
            tallies[name].seconds += time.perf_counter() - started
            tallies[name].add(case, masks)
    words = sum(len(said.text.split()) for case in some for said in case.turns)
    result: dict[str, Any] = {"cases": len(some), "words": words}
    for name, tally in tallies.items():
        speed = round(words / tally.seconds, 1)
        result[name] = {"words_per_second": speed, "types": tally.figures(), "errors": tally.errors}
    return result


def show(console: Console, title: str, result: dict[str, Any]) -> None:
    """One table: a row a type, in each cell ours and then Presidio."""
    table = Table("type", title=f"{title}: {result['cases']} cases, {result['words']} words", title_justify="left")
    for column in ("items", *COLUMNS.values()):
        table.add_column(column if column == "items" else f"{column}\nours | Presidio", justify="right")
    types = [result[name]["types"] for name in NAMES]
    for row in [*sorted({*types[0], *types[1]} - {ALL}), ALL]:
        both = [side.get(row, {}) for side in types]
        cells = [" | ".join(f"{_percent(side.get(key)):>5}" for side in both) for key in COLUMNS]
        table.add_row(row, str(max(side.get("items", 0) for side in both)), *cells, end_section=row == ALL)
    console.print(table)
    over = [f"{_percent(side[ALL]['over_share'])} %" for side in types]
    fast, peer = (result[name]["words_per_second"] for name in NAMES)
    console.print(f"other text masked: {' | '.join(over)}; words/s: {fast} | {peer}, ratio {fast / peer:.2f}\n")


def show_errors(console: Console, errors: list[dict[str, Any]]) -> None:
    """What ours missed, by type, then what it masked for nothing."""
    for error in sorted(errors, key=lambda error: (error["label"] is None, error["label"] or "")):
        what = f"missed {error['label']}" if error["label"] else "masked for nothing"
        place = f"{error['case']} turn {error['turn']} words {error['first']}-{error['last']}"
        line = f"{what}: {place}, masked as {', '.join(error['masked_as']) or '-'}"
        console.print(line, *filter(None, [error.get("value")]), markup=False, highlight=False, soft_wrap=True)


def sets(options: argparse.Namespace) -> Iterator[tuple[str, list[cases.Case]]]:
    """Each set's title and cases, those of one language together."""
    read = chain(
        ((path, cases.scripts(path, options.mono)) for path in options.scripts),
        ((path, cases.texts(path, options.language)) for path in options.presidio),
        ((path, cases.inline(path, options.language)) for path in options.inline),
        ((path, cases.answers(path)) for path in options.answers),
    )
    for path, rows in read:
        some = [case for case in islice(rows, options.limit) if any(said.text.strip() for said in case.turns)]
        languages = {case.language for case in some}
        if not languages or not languages <= SPACY_MODELS.keys():
            raise InputRejected(
                f"{path} has nothing in {' or '.join(SPACY_MODELS)}", hint="take another file or folder"
            )
        for language in sorted(languages):
            yield f"{path} ({language})", [case for case in some if case.language == language]


def main(arguments: list[str]) -> None:
    """Read the sets, let both go over them, show the figures."""
    options = _parser().parse_args(arguments)
    console, wanted, results = Console(), policy.load(options.policy), {}
    loaded: dict[str, dict[str, System]] = {}
    for title, some in sets(options):
        language = some[0].language
        if language not in loaded:
            model = locate(SPACY_MODELS[language], engine="spacy").path
            loaded[language] = {"ours": ours(language, model, wanted), "presidio": presidio(language, model)}
        results[title] = compare(some, loaded[language], options.show_values)
        show(console, title, results[title])
        if options.misses or options.show_values:
            show_errors(console, results[title]["ours"]["errors"])
    if options.json:
        options.json.write_text(json.dumps(results, indent=1), encoding="utf-8")


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("benchmarks/text", description="Detection on text alone, beside plain Presidio.")
    for name, what in {
        "scripts": "folder of calls as scripts",
        "presidio": "texts in Presidio-evaluator's form",
        "inline": "texts with [value](LABEL) in them",
        "answers": "answers with their items, as JSON lines",
    }.items():
        parser.add_argument(f"--{name}", type=Path, nargs="+", default=[], metavar="PATH", help=what)
    parser.add_argument("--language", choices=sorted(SPACY_MODELS), default="en", help="of --presidio and --inline")
    parser.add_argument(
        "--mono", choices=("effect", "all"), help="one mixed speaker in scripts with that effect, or all"
    )
    parser.add_argument("--policy", default="default", metavar="NAME|FILE")
    parser.add_argument("--limit", type=int, default=1500, metavar="N", help="cases of each set (1500)")
    parser.add_argument("--misses", action="store_true", help="list what went wrong, without the words")
    parser.add_argument("--show-values", action="store_true", help="list it with the words, in --json too")
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except RedactError as error:
        print(f"error: {error.message}\n{error.hint}", file=sys.stderr)
        sys.exit(int(error.exit_code))
