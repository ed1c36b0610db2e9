"""`redact explain`: what is found in one call, where, and why. Values are hidden, but at a terminal and on request."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from redact.cli.options import TRANSCRIPT_SUFFIXES, chosen_options, chosen_policy, listening, progress
from redact.errors import InputRejected, UsageError

if TYPE_CHECKING:
    from redact.call import Transcript
    from redact.findings import Finding
    from redact.pipeline import Redactor
    from redact.policy import Policy

SCHEMA = "callredact.explanation"
VERSION = 1


@click.command()
@click.argument("call", metavar="FILE", type=click.Path(path_type=Path))
@listening(": it says which findings would be masked")
@click.option("--entities", metavar="TYPES", help="Take only these entity types as wanted, separated by commas.")
@click.option("--threshold", type=click.FloatRange(0, 1), help="Least score of a wanted finding, for all types.")
@click.option(
    "--allow-file",
    type=click.File("r", encoding="utf-8"),
    help="Terms that are never personal, one a line; - for standard input.",
)
@click.option(
    "--deny-file",
    type=click.File("r", encoding="utf-8"),
    help="Terms that always are, one a line; - for standard input.",
)
@click.option("--show-values", is_flag=True, help="Show what was said; only on a terminal.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as where the output is no terminal.")
def explain(call: Path, *, show_values: bool, as_json: bool, **given: Any) -> None:
    """Tells what is found in a call: its type, score, place, who found it, and why. Writes no file.

    FILE is a transcript in any format that is read, or a recording, which is transcribed first. Findings that the
    policy doesn't want are listed too. Values are hidden.
    """
    from redact.pipeline import Redactor

    at_terminal = sys.stdout.isatty()
    if show_values and not at_terminal:
        raise UsageError(
            "--show-values is for the eyes at a terminal, and the output is not one",
            hint="leave out --show-values, or don't redirect the output",
        )
    policy = chosen_policy(given)
    with progress(quiet=as_json or call.suffix.lower() in TRANSCRIPT_SUFFIXES) as (advance, console):
        redactor = Redactor(chosen_options(given, policy), advance)
        transcript = _transcript(redactor, call, given["language"])
        findings = redactor.findings(transcript)
    told = explanation(transcript, findings, policy, values=show_values)
    if as_json or not at_terminal:
        click.echo(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        _table(console, told)


def _transcript(redactor: Redactor, call: Path, language: str) -> Transcript:
    from redact.detect.language import told
    from redact.detect.spoken.base import supported
    from redact.transcripts.formats import read_transcript

    if call.suffix.lower() not in TRANSCRIPT_SUFFIXES:
        return redactor.listen(call)
    transcript = read_transcript(call)
    spoken = transcript.language.lower()[:2] if language == "auto" else language
    transcript = dataclasses.replace(transcript, language=spoken or told(transcript)[0] or "")
    if transcript.language not in supported():
        raise InputRejected(
            f"the transcript seems to be in {spoken or 'another language'!r}, which can't be redacted",
            hint=f"if it is in another language, give it: --language {'|'.join(supported())}",
        )
    return transcript


def explanation(
    transcript: Transcript, findings: tuple[Finding, ...], policy: Policy, *, values: bool = False
) -> dict[str, Any]:
    """Findings with their places and reasons, JSON-ready. Turns and words count from 1.

    Args:
        transcript: of the call.
        findings: in it.
        policy: says which would be masked.
        values: also tell what was said.
    """
    words = transcript.words
    told = []
    for finding in findings:
        own = [words[index] for index in finding.words]
        starts = [word.start_ms for word in own if word.start_ms is not None]
        ends = [word.end_ms for word in own if word.end_ms is not None]
        told.append(
            {
                "entity_type": finding.entity_type,
                "score": finding.score,
                "masked": policy.wants(finding.entity_type, finding.score),
                "recognizer": finding.recognizer,
                "view": finding.view,
                "evidence": list(finding.evidence),
                "channel": own[0].channel,
                "places": _places(transcript, finding.words),
                "start_ms": min(starts, default=None),
                "end_ms": max(ends, default=None),
                **({"value": " ".join(word.text for word in own)} if values else {}),
            }
        )
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "language": transcript.language,
        "policy": {"name": policy.name, "sha256": policy.digest},
        "findings": told,
    }


def _places(transcript: Transcript, indices: tuple[int, ...]) -> list[dict[str, int]]:
    """For each turn with words of a finding: its number, and the first and last of them in it."""
    places = []
    for number, (_, turn) in enumerate(transcript.turn_ranges(), start=1):
        inside = [index - turn.start + 1 for index in indices if index in turn]
        if inside:
            places.append({"turn": number, "first_word": inside[0], "last_word": inside[-1]})
    return places


def _table(console: Any, told: dict[str, Any]) -> None:
    from rich.markup import escape
    from rich.table import Table

    with_values = any("value" in finding for finding in told["findings"])
    table = Table(title=f"{len(told['findings'])} findings, policy {escape(told['policy']['name'])}")
    for heading in ("type", "score", "masked", "turn:words", "time", "recognizer", "view", "evidence"):
        table.add_column(heading, overflow="fold")
    if with_values:
        table.add_column("value", overflow="fold")
    for finding in told["findings"]:
        places = " ".join(f"{p['turn']}:{p['first_word']}-{p['last_word']}" for p in finding["places"])
        cells = [
            finding["entity_type"],
            f"{finding['score']:.2f}",
            "yes" if finding["masked"] else "no",
            places,
            f"{_clock(finding['start_ms'])}-{_clock(finding['end_ms'])}",
            finding["recognizer"],
            finding["view"],
            ", ".join(finding["evidence"]),
            *((finding["value"],) if with_values else ()),
        ]
        table.add_row(*map(escape, cells))
    console.print(table)


def _clock(time_ms: int | None) -> str:
    return "?" if time_ms is None else f"{time_ms // 60_000:02}:{time_ms % 60_000 / 1000:04.1f}"
