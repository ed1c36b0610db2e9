"""`redact dpia`: a draft of the impact assessment (GDPR, Art. 35)."""

from __future__ import annotations

import json
from pathlib import Path

import click

from redact.cli.documents import languages, publish
from redact.cli.kept import organisation, spoken, stores


@click.group()
def dpia() -> None:
    """Drafts the impact assessment: what is known is filled in, what a person has to judge is asked."""


@dpia.command("draft")
@click.option(
    "-o", "--output", "folder", type=click.Path(path_type=Path, file_okay=False), required=True, help="Where."
)
@click.option("--lang", help="en, fr, or both. [default: the organisation's languages]")
@click.option(
    "--review-months", type=click.IntRange(1, 60), default=12, show_default=True, help="To be reviewed after."
)
@click.option("--force", is_flag=True, help="Replace files that exist.")
@click.pass_context
def draft(ctx: click.Context, /, folder: Path, lang: str | None, review_months: int, *, force: bool) -> None:
    """Makes the draft. Where something that the law wants is missing, exit code 3 and the keys of all that is."""
    from redact.governance import dpia as assessment
    from redact.governance.prose import refuse_gaps
    from redact.governance.qa import qa
    from redact.governance.ran import ran

    told = organisation(ctx)
    wanted = languages(ctx, lang)
    refuse_gaps("the impact assessment", assessment.gaps(told))
    kept = stores(ctx)
    with kept.audit.action("document.build", "dpia", reason="dpia") as counts:
        found = assessment.Assessed(ran(kept, told.archives), qa(kept, told.archives))
        draft_made = assessment.build(told, found, review_months)
        files = {"dpia.json": json.dumps(draft_made, indent=2, ensure_ascii=False) + "\n"}
        for language in wanted:
            files[f"dpia.{language}.html"] = assessment.page(
                spoken(ctx).in_language(language), found, language, review_months
            )
        publish(folder, files, force=force)
        counts["files"] = len(files)
