"""`redact subject procedure`: how people's requests are answered here."""

from __future__ import annotations

from pathlib import Path

import click

from redact.cli.documents import languages, publish
from redact.cli.kept import spoken


@click.command("procedure")
@click.option(
    "-o", "--output", "folder", type=click.Path(path_type=Path, file_okay=False), required=True, help="Where."
)
@click.option("--lang", help="en, fr, or both. [default: the organisation's languages]")
@click.option("--force", is_flag=True, help="Replace files that exist.")
@click.pass_context
def procedure(ctx: click.Context, folder: Path, lang: str | None, *, force: bool) -> None:
    """Writes the procedure for requests as a page in each language: who, by when, and step by step."""
    from redact.governance.procedure import page

    told = spoken(ctx)
    files = {
        f"procedure.{language}.html": page(told.in_language(language), language) for language in languages(ctx, lang)
    }
    publish(folder, files, force=force)
