"""`redact report`: the month's report to the data protection officer, who signs it."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from redact.cli.documents import languages, publish
from redact.cli.kept import organisation, rows, stores
from redact.errors import ExitCode, InputRejected

if TYPE_CHECKING:
    from redact.governance.signing import Listed
    from redact.stores.signatures import Signature

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
    """Makes a month's report, as JSON and as a page in each language.

    Of a month that is not over it tells up to this moment, and says so. That one can't be signed: make it again then.
    """
    from redact.governance import monthly as reports
    from redact.governance import monthly_page, signing
    from redact.governance.months import Month

    told = organisation(ctx)
    spoken = languages(ctx, lang)
    now = datetime.now(UTC)
    chosen = Month.parse(month) if month else Month.of(now).before
    name = reports.document_id(chosen)
    kept = stores(ctx)
    with kept.audit.action("document.build", name, reason="monthly") as counts:
        made = reports.build(kept, told, chosen, now)
        files = {f"{name}.json": reports.write(made)}
        files |= {f"{name}.{language}.html": monthly_page.page(made, language) for language in spoken}
        publish(folder, files, force=force)
        signing.note(kept, name, [content.encode() for content in files.values()], now)
        counts["files"] = len(files)
    if not made["is_over"]:
        click.echo(
            f"redact: the month is not over: the report tells of it up to {made['covers_until']}, and can't be signed\n"
            f"  next: make it again from {chosen.ends.date()} on, and sign that",
            err=True,
        )
    if not made["log_is_whole"]:
        click.echo("redact: the log was changed\n  next: see where with: redact audit verify", err=True)


@report.command("sign")
@_file
@click.option("--decision", type=click.Choice(["approved", "comment"]), required=True, help="What the officer says.")
@click.option("--comment-file", type=click.Path(path_type=Path, allow_dash=True), help="A comment; - for stdin.")
@click.pass_context
def sign(ctx: click.Context, file: Path, decision: str, comment_file: Path | None) -> None:
    """Signs a report in the name of the data protection officer (dpo.name). A comment is sealed in the vault.

    A report that was made before its month was over is refused (exit code 2).
    """
    from redact.governance import signing

    comment = b""
    if comment_file is not None:
        comment = sys.stdin.buffer.read() if str(comment_file) == "-" else _read(comment_file)
    made = signing.sign(stores(ctx), organisation(ctx), _read(file), decision, comment)  # type: ignore[arg-type]
    click.echo(f"{made.document}: {made.decision} by {made.name} at {made.at}, SHA-256 {made.sha256}")


@report.command("list")
@click.pass_context
def list_reports(ctx: click.Context) -> None:
    """Lists the months since the first run, and warns of those whose report nobody has signed.

    A signature of a report that was made before its month was over is listed, and the month stays due.
    """
    from redact.governance import signing

    found = signing.months(stores(ctx), organisation(ctx))
    rows(
        ["MONTH", "MADE", "DECISION", "BY", "AT", "SHA-256"],
        [
            (
                each.month,
                _times(each),
                *(_signed(each, s) if s else ("-" if each.is_over else "not over", "-", "-", "-")),
            )
            for each in found
            for s in ((*each.partial, *each.signatures) or (None,))
        ],
    )
    unsigned = [str(each.month) for each in found if each.is_due]
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
    """Checks a report and its signatures: exit code 9 where one was changed, 1 where nobody has signed it.

    Exit code 1 too where it was made before its month was over: signed or not, it is not the month's report.
    """
    from redact.governance import signing

    kept = stores(ctx)
    found = signing.verify(kept, _read(file), file.name)
    for each in found.signatures:
        click.echo(f"{each.document}: {each.decision} by {each.name} at {each.at}, as it was signed")
    if comments:
        for each, said in signing.comments(kept, found.signatures):
            told = f"erased: redact retention certificates {each.comment_id}" if said is None else said.rstrip()
            click.echo(f"-- {each.name}, {each.at}\n{told}")
    if not found.signatures:
        click.echo("as it was made; nobody has signed it")
    if found.until:
        click.echo(f"it tells of its month up to {found.until} only: it is not the month's report")
    if found.until or not found.signatures:
        ctx.exit(ExitCode.SOME_FAILED)


def _times(each: Listed) -> str:
    return f"{each.built} times" + (f", {each.early} too early" if each.early and each.is_over else "")


def _signed(each: Listed, signature: Signature) -> tuple[str, str, str, str]:
    part = " of a part" if signature in each.partial else ""
    return signature.decision + part, signature.name, signature.at, signature.sha256


def _read(file: Path) -> bytes:
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise InputRejected("the file is too large", hint="give the report, or a comment of a page")
        return file.read_bytes()
    except OSError:
        raise InputRejected("the file can't be read", hint="check its path and whose it is") from None
