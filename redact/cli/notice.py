"""`redact notice`: what callers are told before they are recorded (GDPR, Art. 13)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from redact.cli.documents import languages, publish
from redact.cli.kept import rows, spoken, stores
from redact.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from redact.governance.notices import Built

_ENDINGS = {"ivr": "ivr.txt", "web": "html", "agent": "agent.txt"}


@click.group()
def notice() -> None:
    """Makes what callers are told: on the telephone, on the web, and by the agent. Each text has its versions."""


@notice.command("build")
@click.option(
    "-o", "--output", "folder", type=click.Path(path_type=Path, file_okay=False), required=True, help="Where."
)
@click.option("--lang", help="en, fr, or both. [default: the organisation's languages]")
@click.option("--id", "notice_id", default="call-recording", show_default=True, help="As rows of consent name it.")
@click.option("--force", is_flag=True, help="Replace files that exist.")
@click.pass_context
def build(ctx: click.Context, /, folder: Path, lang: str | None, notice_id: str, *, force: bool) -> None:
    """Makes the texts of the organisation's file; a new version where one has changed.

    Exit code 3 where something that the law wants is missing, or the announcement takes longer than 20 seconds.
    """
    from redact.governance import notices

    told = {language: spoken(ctx).in_language(language) for language in languages(ctx, lang)}
    kept = stores(ctx)
    notices.check_id(notice_id)
    with kept.audit.action("document.build", notice_id, reason="notice") as counts:
        built = notices.build(told, kept.notices, notice_id)
        files = {
            f"{each.notice_id}-v{each.version}.{each.language}.{_ENDINGS[each.form]}": each.content
            for each in built.notices
        }
        first = built.notices[0]
        files[f"{notice_id}-v{first.version}.json"] = _manifest(files, built)
        publish(folder, files, force=force)
        counts |= {"files": len(files), "version": first.version}
    for language, seconds in built.seconds.items():
        click.echo(f"the announcement in {language} takes about {seconds:.0f} s", err=True)
    click.echo(f"version {first.version}: {'new' if built.is_new else 'nothing has changed'}", err=True)


def _manifest(files: dict[str, str], built: Built) -> str:
    told = [
        {
            "file": name, "language": each.language, "form": each.form, "version": each.version,
            "valid_from": each.valid_from, "sha256": each.sha256,
        }
        for name, each in zip(files, built.notices, strict=True)
    ]  # fmt: skip
    manifest = {"schema": "callredact.notice", "version": 1, "notice_id": built.notices[0].notice_id, "texts": told}
    return json.dumps(manifest, indent=2) + "\n"


@notice.command("list")
@click.pass_context
def list_notices(ctx: click.Context) -> None:
    """Lists all versions of all texts, with the hashes that rows of consent point to."""
    found = stores(ctx).notices.all()
    rows(
        ["NOTICE", "VERSION", "LANGUAGE", "FORM", "VALID FROM", "SHA-256"],
        ([n.notice_id, n.version, n.language, n.form, n.valid_from, n.sha256] for n in found),
    )


@notice.command("show")
@click.argument("notice_id", metavar="ID")
@click.option("--version", type=click.IntRange(1), help="Which. [default: the newest]")
@click.option("--lang", type=click.Choice(["en", "fr"]), help="Only in this language.")
@click.option("--form", type=click.Choice(list(_ENDINGS)), help="Only in this form.")
@click.pass_context
def show(ctx: click.Context, notice_id: str, version: int | None, lang: str | None, form: str | None) -> None:
    """Shows what people were told. ID may be a notice's, or the SHA-256 of one text."""
    known = stores(ctx).notices.all()
    found = [each for each in known if notice_id in (each.notice_id, each.sha256)]
    newest: dict[tuple[str, str], int] = {}
    for each in found:
        newest[each.language, each.form] = max(each.version, newest.get((each.language, each.form), 0))
    wanted = [
        each
        for each in found
        if each.version == (version or newest[each.language, each.form])
        and lang in (None, each.language)
        and form in (None, each.form)
    ]
    if not wanted:
        raise UsageError("there is no such notice", hint="see all with: redact notice list")
    for each in wanted:
        click.echo(f"== {each.notice_id} version {each.version}, {each.language}, {each.form}, {each.sha256}", err=True)
        click.echo(each.content, nl=False)


@notice.command("check")
@click.pass_context
def check(ctx: click.Context) -> None:
    """Checks that rows of consent point to notices that there are; exit code 1 where one does not.

    So it is where consent was given before the notice was valid.
    """
    from redact.governance import notices

    kept = stores(ctx)
    told = notices.check(kept.consent, kept.notices)
    wrong = [(call_id, "no notice has this hash") for call_id in told.unknown]
    wrong += [(call_id, "the hash is another notice's") for call_id in told.other]
    wrong += [(call_id, "consent was given before the notice was valid") for call_id in told.early]
    if wrong:
        rows(["CALL", "WRONG"], wrong)
    click.echo(
        f"{told.known} rows point to a notice, {len(told.unknown)} to none, {len(told.other)} to another, "
        f"{len(told.early)} to one that was not yet valid; {told.unhashed} rows of consent name no hash"
    )
    ctx.exit(ExitCode.SOME_FAILED if wrong else ExitCode.OK)
