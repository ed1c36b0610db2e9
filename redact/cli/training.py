"""`redact training`: who was trained in what, an exercise to hear personal data, and who lacks a training."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from redact.cli.kept import organisation, rows, stores
from redact.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from redact.stores.opened import Stores
    from redact.stores.trainings import Training

_module = click.option("--module", required=True, metavar="NAME", help="Of the organisation's file, under `training`.")
_samples = click.option("--samples", type=click.Path(path_type=Path), help="Labelled calls. [default: the samples]")


@click.group()
def training() -> None:
    """Records trainings by person and module, and sets an exercise. Persons are users of the page, or accounts."""


@training.command("record")
@click.argument("person")
@_module
@click.option("--score", type=click.FloatRange(0, 1), required=True, help="From 0 to 1.")
@click.pass_context
def record(ctx: click.Context, person: str, module: str, score: float) -> None:
    """Records that PERSON took a training elsewhere; exit code 1 where the score doesn't pass."""
    from redact.governance.training import record as recorded

    _told(ctx, recorded(stores(ctx), organisation(ctx), person, module, score))


@training.command("list")
@click.option("--person", metavar="NAME", help="Of this person only.")
@click.option("--json", "as_json", is_flag=True, help="As JSON lines.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="To write to: a .csv.")
@click.option("--language", type=click.Choice(["en", "fr"]), default="en", show_default=True, help="Of the file.")
@click.option("--force", is_flag=True, help="Replace a file that exists.")
@click.pass_context
def list_trainings(
    ctx: click.Context, /, person: str | None, output: Path | None, language: str, *, as_json: bool, force: bool
) -> None:
    """Lists all trainings, the newest last: on the terminal, or as a table for a spreadsheet with -o."""
    from datetime import UTC, datetime

    if output and (as_json or output.suffix.lower() != ".csv"):
        raise UsageError("the list is written as .csv", hint="end the file's name so: -o trainings.csv, without --json")
    if force and not output:
        raise UsageError("--force belongs to -o", hint="redact training list -o trainings.csv --force")
    now, kept = datetime.now(UTC), stores(ctx)
    if output:
        _write(kept, person, output, language, force=force)
        return
    found = kept.trainings.all(person)
    if as_json:
        for each in found:
            click.echo(json.dumps({**asdict(each), "is_valid": each.is_valid(now)}))
        return
    head = ("PERSON", "ROLE", "MODULE", "VERSION", "TAKEN", "SCORE", "STATE", "UNTIL", "RECORDED BY")
    rows(head, (_row(each, is_valid=each.is_valid(now)) for each in found))


@training.command("check")
@click.pass_context
def check(ctx: click.Context) -> None:
    """Tells which users of the page lack a training that their role needs; exit code 1 where some do."""
    from redact.governance.training import lacking

    kept = stores(ctx)
    found = lacking(kept, organisation(ctx))
    if all(user.disabled for user in kept.reviews("").users()):
        click.echo("the page has no users who can sign in, so nobody was looked at: redact users add")
        return
    if not found:
        click.echo("every user has the trainings that their role needs")
        return
    rows(
        ("PERSON", "ROLE", "MODULE", "WHY", "SINCE"), ((x.person, x.role, x.module, x.why, x.since[:10]) for x in found)
    )
    ctx.exit(ExitCode.SOME_FAILED)


@training.command("exercise")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, metavar="DIR", help="To write to.")
@click.option("--seed", type=click.IntRange(0, 999_999_999), help="The same gives the same exercise. [default: any]")
@click.option("--force", is_flag=True, help="Replace files that exist.")
@_samples
def exercise(output: Path, seed: int | None, samples: Path | None, *, force: bool) -> None:
    """Writes ten short clips of made-up calls, some with personal data, and a sheet to fill in.

    What is right is not in the folder: it is worked out from the samples when the sheet is scored.
    """
    import secrets

    from redact.data import data_path
    from redact.governance.exercise import SHEET, make

    drawn = secrets.randbelow(1_000_000_000) if seed is None else seed
    made = make(samples or data_path("samples"), output, drawn, force=force)
    click.echo(f"exercise {made}: fill in {output / SHEET}, then: redact training score")


@training.command("score")
@click.argument("sheet", type=click.Path(path_type=Path))
@click.option("--person", required=True, metavar="NAME", help="Who filled it in.")
@_module
@click.option("--exercise", "expected", default="", metavar="ID", help="That was set; a sheet of another is refused.")
@_samples
@click.pass_context
def score(ctx: click.Context, sheet: Path, person: str, module: str, expected: str, samples: Path | None) -> None:
    """Scores a sheet that PERSON filled in, and records it; exit code 1 where it doesn't pass."""
    from redact.data import data_path
    from redact.governance.exercise import score as scored
    from redact.governance.training import module_of
    from redact.governance.training import record as recorded

    rules = organisation(ctx)
    module_of(rules, module)
    found = scored(sheet, samples or data_path("samples"), expected)
    for answer in found.answers:
        if not answer.is_right:
            click.echo(f"clip {answer.clip}: {' or '.join(answer.types) or 'nothing personal'}")
    _told(ctx, recorded(stores(ctx), rules, person, module, found.share))


def _row(training: Training, *, is_valid: bool) -> tuple[str, ...]:
    state = "valid" if is_valid else "expired" if training.passed else "failed"
    until = training.expires_at[:10] if training.passed else ""
    score = f"{training.score:.0%}"
    what = training.person, training.role, training.module, training.version
    return *what, training.taken_at[:10], score, state, until, training.trainer


def _write(kept: Stores, person: str | None, output: Path, language: str, *, force: bool) -> None:
    """The table, its owner's alone; that it was made is logged, for it takes names of staff out of the stores."""
    from redact.governance.training import table
    from redact.publish import Staged

    with kept.audit.action("document.build", reason="trainings") as counts:
        found = kept.trainings.all(person)
        with Staged(output.parent, private=True) as staged:
            staged.open(output.name).write(table(found, language).encode())
            staged.publish(force=force)
        counts["trainings"] = len(found)
    click.echo(f"{len(found)} training{'' if len(found) == 1 else 's'}")


def _told(ctx: click.Context, training: Training) -> None:
    if training.passed:
        click.echo(f"{training.score:.0%}: passed, valid until {training.expires_at[:10]}")
        return
    click.echo(f"{training.score:.0%}: not passed")
    ctx.exit(ExitCode.SOME_FAILED)
