"""What the commands that make documents have in common: the organisation in each language, and files that are kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from redact.cli.kept import organisation, settings, spoken, tell_untold
from redact.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping


LANGUAGES = ("en", "fr")


def languages(ctx: click.Context, given: str | None) -> tuple[str, ...]:
    """The languages that were asked for, or those of the organisation.

    Raises:
        UsageError: there is no such language.
    """
    chosen = tuple(filter(None, (given or "").replace(" ", "").split(",")))
    chosen = chosen or tuple(organisation(ctx).languages)
    if not chosen or len(set(chosen)) < len(chosen) or not set(chosen) <= set(LANGUAGES):
        raise UsageError("the documents are in en and fr", hint="give --lang en, --lang fr, or --lang en,fr")
    file, told = Path(settings(ctx)["organisation"]), spoken(ctx)
    tell_untold(told, chosen)
    if len(chosen) > 1 and told.lacking:
        click.echo(
            f"redact: the organisation's own words are the same in {' and '.join(chosen)}\n"
            f"  next: say them in the other language in a file beside it, such as {file.stem}.fr{file.suffix}",
            err=True,
        )
    return chosen


def chosen(given: str, known: tuple[str, ...], option: str) -> tuple[str, ...]:
    """Words of a list with commas.

    Raises:
        UsageError: one is not among those that are known.
    """
    words = tuple(filter(None, given.replace(" ", "").split(",")))
    if not words or not set(words) <= set(known):
        raise UsageError(f"{option} takes {', '.join(known)}", hint=f"such as {option} {known[0]}")
    return tuple(dict.fromkeys(words))


def publish(folder: Path, files: Mapping[str, str], *, force: bool) -> None:
    """Write files, all or none, each readable by its owner alone, and tell their digests.

    Raises:
        CannotWrite: one is there already, or the folder can't be written to.
    """
    import hashlib

    from redact.publish import Staged, check_targets

    check_targets(folder, list(files), force=force)
    with Staged(folder, private=True) as staged:
        for name, content in files.items():
            staged.open(name).write(content.encode())
        staged.publish(force=force)
    for name, content in files.items():
        click.echo(f"{hashlib.sha256(content.encode()).hexdigest()}  {name}")
