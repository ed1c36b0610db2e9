"""`redact evaluate DIR`: how well a folder of labelled calls is redacted."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from redact.errors import ExitCode, HeldForReview, InputRejected, RedactError, VerificationFailed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from redact.evaluate import CallResult, Outcome, RedactOne
    from redact.score import Sound

_ABOUT = (
    "Measured from the redacted sound, in frames of 20 ms. A call without output counts as leaked whole.\n"
    "Speed: seconds of recording for each second of work, without loading the models."
)
_WIDE = 160  # columns for a file or pipe, where nothing says how wide a line may be


@click.command("evaluate")
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--policy", default="default", show_default=True, help="Name or file of the policy to redact by.")
@click.option("--model", default=None, help="Speech model to transcribe with.")
@click.option(
    "--language",
    type=click.Choice(["auto", "en", "fr"]),
    help="Language to redact in; auto detects it. [default: each call's own, from its labels]",
)
@click.option("--only", metavar="PREFIX", default="", help="Takes only the calls whose name begins so.")
@click.option("--json", "json_output", is_flag=True, help="Prints every figure as one JSON object.")
@click.option("--misses", is_flag=True, help="Lists each item that was not fully masked, without its value.")
@click.pass_context
def evaluate(
    ctx: click.Context,
    folder: Path,
    policy: str,
    model: str | None,
    language: str | None,
    only: str,
    json_output: bool,
    misses: bool,
) -> None:
    """Redacts every labelled call in DIR and measures what is still heard.

    DIR holds recordings and, beside each, its labels in NAME.gold.json. Outputs go to a temporary folder and are
    deleted. The exit code is 1 where a call was held or failed.
    """
    from redact.evaluate import as_json, read_golds
    from redact.evaluate import evaluate as run

    read_golds(folder, only)  # wrong labels are told at once, not after loading the models
    redact_one = _redact_one(policy, model, language)
    results = run(folder, redact_one, _hear, only=only, progress=lambda line: click.echo(_printable(line), err=True))
    if json_output:
        click.echo(json.dumps(as_json(results), indent=2))
    else:
        show(_console(), results, misses=misses)
    if any(call.error is not None or call.held for call in results):
        ctx.exit(ExitCode.SOME_FAILED)


def _redact_one(policy: str, model: str | None, language: str | None) -> RedactOne:
    """The product's own redaction of one call. One redactor serves all calls of a language, with its models."""
    from redact.evaluate import Outcome
    from redact.options import Options
    from redact.pipeline import Redactor

    redactors: dict[str, Redactor] = {}

    def redact_one(audio: Path, gold_language: str, out_dir: Path) -> Outcome:
        spoken = language or gold_language
        if spoken not in redactors:
            redactors[spoken] = Redactor(Options(policy=policy, model=model, language=spoken))
        started = time.perf_counter()
        try:
            result = redactors[spoken].redact_file(audio, out_dir)
        except (HeldForReview, VerificationFailed, InputRejected) as error:  # others would stop every call: let them
            return _unpublished(error, time.perf_counter() - started)
        # Models are loaded within the first call that needs them.
        wall_s = time.perf_counter() - started - result.report["timings_s"].get("load_models", 0.0)
        outputs = result.outputs
        texts = [path for path in outputs if path.suffix == ".txt"]
        sounds = [path for path in outputs if path.suffix not in {".txt", ".vtt", ".srt", ".json"}]
        text = texts[0].read_text(encoding="utf-8") if texts else None
        return Outcome(sounds[0] if sounds else None, text, wall_s)

    return redact_one


def _unpublished(error: RedactError, wall_s: float) -> Outcome:
    from redact.evaluate import Outcome

    return Outcome(None, None, wall_s, held=isinstance(error, HeldForReview), error=error.message)


def _hear(path: Path) -> Sound:
    from redact.audio.decode import decode
    from redact.audio.resample import Resampled
    from redact.score import RATE_HZ

    with decode(path) as decoded:
        return Resampled(decoded.pcm, RATE_HZ).read()


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)


def show(console: Console, results: Sequence[CallResult], *, misses: bool) -> None:
    """Prints a table of the calls and languages, one of the entity types, and the misses where asked for."""
    from redact.evaluate import by_language

    groups = by_language(results)
    console.print(_ABOUT, soft_wrap=True)
    tables = [_call_table(results, groups), _type_table(groups), *([_miss_table(results)] if misses else [])]
    for table in tables:
        if table.row_count:
            console.print(table)


def _call_table(results: Sequence[CallResult], groups: Mapping[str, Sequence[CallResult]]) -> Table:
    table = _table("call", "items", "fully", "leaked", "ms", "over", "ratio", "held", "failed", "in text", "speed")
    for call in results:
        table.add_row(_plain(call.name), *_cells([call]))
    table.add_section()
    for language, group in groups.items():
        table.add_row(_plain(f"{language}: {len(group)} calls"), *_cells(group))
    return table


def _cells(calls: Sequence[CallResult]) -> tuple[str, ...]:
    from redact.evaluate import total

    totals = total(calls)
    return (
        str(totals.items),
        _percent(totals.fully_share),
        _percent(totals.leaked_share),
        str(totals.leaked_ms),
        _percent(totals.over_share),
        _number(totals.masked_ratio, "{:.2f}"),
        str(totals.held),
        str(totals.failed),
        str(totals.text_leaks),
        _number(totals.real_time_factor, "{:.1f}x"),
    )


def _type_table(groups: Mapping[str, Sequence[CallResult]]) -> Table:
    from redact.evaluate import total_by_type

    table = _table("by type", "items", "fully", "leaked ms", "of ms")
    for language, group in groups.items():
        for entity_type, row in total_by_type(group).items():
            cells = (row.items, row.fully_masked, row.leaked_ms, row.voiced_ms)
            table.add_row(_plain(f"{language} {entity_type}"), *map(str, cells))
        table.add_section()
    return table


def _miss_table(results: Sequence[CallResult]) -> Table:
    table = _table("not masked in", "type", "channel", "from s", "to s", "left")
    for call in results:
        for item in call.score.items:
            if not item.fully_masked:
                times = f"{item.start_ms / 1000:.2f}", f"{item.end_ms / 1000:.2f}"
                left = _percent(item.share_left)
                table.add_row(_plain(call.name), item.entity_type, str(item.channel), *times, left)
        for entity_type in call.score.text_leaks:
            table.add_row(_plain(call.name), entity_type, "text", "-", "-", "-")
    return table


def _table(first: str, *figures: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE)
    table.add_column(first, overflow="fold")
    for name in figures:
        table.add_column(name, justify="left" if name == "type" else "right", no_wrap=True)
    return table


def _percent(share: float | None) -> str:
    return _number(share, "{:.1%}")


def _number(number: float | None, form: str) -> str:
    return "-" if number is None else form.format(number)


def _plain(name: str) -> Text:
    """A name as it is, with no markup read into it."""
    from rich.text import Text

    return Text(_printable(name))


def _printable(text: str) -> str:
    """Replaces what a terminal might obey: a file's name may hold control characters."""
    return "".join(c if c.isprintable() else "?" for c in text)
