"""`redact verify`: is a recording redacted? Told from its sound, alone or beside its original."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from redact.cli.options import chosen_options, chosen_policy, listening, progress
from redact.errors import ExitCode


@click.command()
@click.argument("redacted", metavar="REDACTED", type=click.Path(path_type=Path))
@click.option(
    "--original",
    type=click.Path(path_type=Path),
    help="The recording that it was made from: what would be masked in it has to be gone, and the rest to be there.",
)
@listening(": it says what must not be heard")
@click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON.")
@click.pass_context
def verify(ctx: click.Context, /, *, redacted: Path, original: Path | None, as_json: bool, **given: Any) -> None:
    """Checks that a recording is redacted, by listening to it. Writes no file, and shows no value.

    Alone it is transcribed, and nothing personal may be found in what is heard. With --original, the original is
    listened to as well: what would be masked there must be gone, and the rest must have stayed. Exit code 7 where a
    check fails.
    """
    from redact.pipeline import Redactor

    policy = chosen_policy(given)
    with progress(quiet=as_json) as (advance, _):
        verification, mentions = Redactor(chosen_options(given, policy), advance).verify_file(redacted, original)
    heard = [
        {
            "start_ms": mention.where.start_ms,
            "end_ms": mention.where.end_ms,
            "channel": mention.where.channel,
            "entity_type": mention.entity_type,
        }
        for mention in mentions
    ]
    if as_json:
        checks = [{"name": c.name, "passed": c.passed, "figure": c.figure} for c in verification.checks]
        click.echo(json.dumps({"passed": verification.passed, "checks": checks, "heard": heard}))
    else:
        for check in verification.checks:
            figure = "" if check.figure is None else f"  {check.figure:g}"
            click.echo(f"{'ok    ' if check.passed else 'FAILED'}  {check.name}{figure}")
        for mention in mentions:
            where = mention.where
            start, end = where.start_ms / 1000, where.end_ms / 1000
            click.echo(f"  {start:8.2f} - {end:8.2f} s  channel {where.channel}  {mention.entity_type}")
    ctx.exit(ExitCode.OK if verification.passed else ExitCode.VERIFICATION_FAILED)
