"""`redact report`: the month's report to the data protection officer, who signs it."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from redact.cli.documents import languages, publish
from redact.cli.kept import organisation, rows, stores
from redact.errors import ExitCode, InputRejected

_file = click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
# More than any report has.
_MOST_BYTES = 256 << 20


@click.group()
def report() -> None:
    """Makes the month's report to the data protection officer; has it signed, and checked."""


@report.command("monthly")
@click.option("--month", metavar="YYYY-MM", help="Which, in UTC. [default: the last that is over]")
@click.option(
    "-o", "--output", "folder", type=click.Path(path_type=Path, file_okay=False), required=True, help="Where."
)
@click.option("--lang", help="en, fr, or both. [default: the organisation's languages]")
@click.option("--force", is_flag=True, help="Replace files that exist.")
@click.pass_context
def monthly(ctx: click.Context, /, month: str | None, folder: Path, lang: str | None, *, force: bool) -> None:
    """Makes a month's report, as JSON and as a page in each language."""
    from redact.governance import monthly as reports
    from redact.governance import monthly_page, signing
    from redact.governance.months import Month

    told = organisation(ctx)
    spoken = languages(ctx, lang)
    chosen = Month.parse(month) if month else Month.of(datetime.now(UTC)).before
    name = reports.document_id(chosen)
    kept = stores(ctx)
    with kept.audit.action("document.build", name, reason="monthly") as counts:
        made = reports.build(kept, told, chosen)
        files = {f"{name}.json": reports.write(made)}
        files |= {f"{name}.{language}.html": monthly_page.page(made, language) for language in spoken}
        publish(folder, files, force=force)
        signing.note(kept, name, [content.encode() for content in files.values()])
        counts["files"] = len(files)
    if not made["log_is_whole"]:
        click.echo("redact: the log was changed\n  next: see where with: redact audit verify", err=True)


@report.command("sign")
@_file
@click.option("--decision", type=click.Choice(["approved", "comment"]), required=True, help="What the officer says.")
@click.option("--comment-file", type=click.Path(path_type=Path, allow_dash=True), help="A comment; - for stdin.")
@click.pass_context
def sign(ctx: click.Context, file: Path, decision: str, comment_file: Path | None) -> None:
    """Signs a report in the name of the data protection officer (dpo.name). A comment is sealed in the vault."""
    from redact.governance import signing

    comment = b""
    if comment_file is not None:
        comment = sys.stdin.buffer.read() if str(comment_file) == "-" else _read(comment_file)
    made = signing.sign(stores(ctx), organisation(ctx), _read(file), decision, comment)  # type: ignore[arg-type]
    click.echo(f"{made.document}: {made.decision} by {made.name} at {made.at}, SHA-256 {made.sha256}")


@report.command("list")
@click.pass_context
def list_reports(ctx: click.Context) -> None:
    """Lists the months since the first run, and warns of those whose report nobody has signed."""
    from redact.governance import signing

    found = signing.months(stores(ctx), organisation(ctx))
    rows(
        ["MONTH", "MADE", "DECISION", "BY", "AT", "SHA-256"],
        [
            (each.month, f"{each.built} times", *((s.decision, s.name, s.at, s.sha256) if s else ("-", "-", "-", "-")))
            for each in found
            for s in (each.signatures or (None,))
        ],
    )
    unsigned = [str(each.month) for each in found if each.is_over and not each.signatures]
    if unsigned:
        click.echo(
            f"redact: nobody has signed the report of {', '.join(unsigned)}\n"
            "  next: redact report monthly --month YYYY-MM, then redact report sign",
            err=True,
        )


@report.command("verify")
@_file
@click.option("--comments", is_flag=True, help="Also what was commented: from the vault, in clear, logged.")
@click.pass_context
def verify(ctx: click.Context, file: Path, *, comments: bool) -> None:
    """Checks a report and its signatures: exit code 9 where one was changed, 1 where nobody has signed it."""
    from redact.governance import signing

    kept = stores(ctx)
    found = signing.verify(kept, _read(file), file.name)
    for each in found:
        click.echo(f"{each.document}: {each.decision} by {each.name} at {each.at}, as it was signed")
    if comments:
        for each, said in signing.comments(kept, found):
            click.echo(f"-- {each.name}, {each.at}\n{said.rstrip()}")
    if not found:
        click.echo("as it was made; nobody has signed it")
        ctx.exit(ExitCode.SOME_FAILED)


def _read(file: Path) -> bytes:
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise InputRejected("the file is too large", hint="give the report, or a comment of a page")
        return file.read_bytes()
    except OSError:
        raise InputRejected("the file can't be read", hint="check its path and whose it is") from None
