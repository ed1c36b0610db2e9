"""`redact register`: the record of processing activities (GDPR, Art. 30)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from redact.cli.documents import chosen, languages, publish
from redact.cli.kept import organisation, spoken, stores

if TYPE_CHECKING:
    from redact.governance.organisation import Organisation

_FORMATS = ("json", "csv", "html")


@click.group()
def register() -> None:
    """Makes the record of processing from the organisation's file, and from what really ran."""


@register.command("template")
def template() -> None:
    """Prints an organisation's file with every key, commented."""
    from redact.governance import organisation as organisations

    click.echo(organisations.template(), nl=False)


@register.command("build")
@click.option(
    "-o", "--output", "folder", type=click.Path(path_type=Path, file_okay=False), required=True, help="Where."
)
@click.option("--format", "formats", default="json,csv,html", show_default=True, help="json, csv, html.")
@click.option("--lang", help="en, fr, or both. [default: the organisation's languages]")
@click.option("--force", is_flag=True, help="Replace files that exist.")
@click.pass_context
def build(ctx: click.Context, /, folder: Path, formats: str, lang: str | None, *, force: bool) -> None:
    """Makes the register: Art. 30(1) for a controller, 30(2) for a processor.

    Where something that the law wants is missing, exit code 3 and the keys of all that is.
    """
    from redact.governance import ran
    from redact.governance import register as registers
    from redact.governance.prose import refuse_gaps

    wanted = chosen(formats, _FORMATS, "--format")
    wanted_languages = languages(ctx, lang)
    told = organisation(ctx)
    _also_wanted(told, registers.gaps(told))
    refuse_gaps("the register", registers.gaps(told))
    kept = stores(ctx)
    files: dict[str, str] = {}
    with kept.audit.action("document.build", "register", reason="register") as counts:
        found = ran.ran(kept, told.archives), ran.protection(kept, told)
        if "json" in wanted:
            files["register.json"] = json.dumps(registers.build(told, *found), indent=2, ensure_ascii=False) + "\n"
        for language in wanted_languages:
            local = spoken(ctx).in_language(language)
            if "csv" in wanted:
                files[f"register.{language}.csv"] = registers.table(registers.build(local, *found), language)
            if "html" in wanted:
                files[f"register.{language}.html"] = registers.page(local, *found, language)
        publish(folder, files, force=force)
        counts["files"] = len(files)


def _also_wanted(told: Organisation, gaps: list[str]) -> None:
    """The register can do without them, but the first person who asks for access could not be answered."""
    from redact.governance.access import missing

    wanted = [key for key in missing(told) if key not in gaps and not key.startswith("activities")]
    if wanted and told.role == "controller":
        click.echo(
            f"redact: what a person who asks for access is told (GDPR, Art. 15) lacks: {', '.join(wanted)}\n"
            "  next: fill it in now; without it redact subject export refuses",
            err=True,
        )
