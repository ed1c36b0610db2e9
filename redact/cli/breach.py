"""`redact breach`: a breach of personal data, from the moment it is known to its entry in the register."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from redact.cli.kept import local, moment, organisation, rows, spoken, stores, tell_untold
from redact.errors import ExitCode, InputRejected, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from redact.governance.breach import Known

# The words of redact.governance.breach and .given_out, told again so that help answers at once.
_NATURES = ("confidentiality", "integrity", "availability")
_RISKS = ("unlikely", "risk", "high")
_EXEMPTIONS = ("risk_removed", "disproportionate")
_TEXTS = (
    "nature", "consequences", "measures", "people", "delay", "pending", "facts", "effects", "remedy", "not_notified",
)  # fmt: skip
_COPIES = ("sealed", "redacted", "clear")
_STEPS = ("exports", "sessions", "ids", "keys")
_LONGEST_BYTES = 1 << 20

_case = click.argument("case_id", metavar="ID")
_language = click.option("--language", type=click.Choice(["en", "fr"]), default="en", show_default=True)
_json = click.option("--json", "as_json", is_flag=True, help="As JSON.")


def _what_is_known(command: Callable[..., None]) -> Callable[..., None]:
    options = (
        click.option("--aware-at", metavar="TIME", help="When it was known here, as 2026-03-01T09:30:00+01:00."),
        click.option("--began-at", metavar="TIME", help="When the breach itself began, if it is known."),
        click.option("--ended-at", metavar="TIME", help="When it ended."),
        click.option("--nature", "natures", type=click.Choice(_NATURES), multiple=True, help="Of what; repeatable."),
        click.option("--risk", type=click.Choice(_RISKS), help="To people."),
        click.option("--exemption", type=click.Choice(_EXEMPTIONS), help="Why no letters go out though it is high."),
        click.option("--sent-at", metavar="TIME", help="When the authority was told."),
        click.option("--people-told-at", "persons_told_at", metavar="TIME", help="When people were told."),
        click.option("--authority-ref", default="", metavar="REF", help="The authority's number of it."),
        click.option(
            "--text", "texts", type=(click.Choice(_TEXTS), click.Path(path_type=Path, allow_dash=True)), multiple=True,
            metavar="NAME FILE", help=f"A text, from a file or - for stdin: {', '.join(_TEXTS)}. It is sealed.",
        ),
        click.option("--language", type=click.Choice(["en", "fr"]), default="en", help="Of the texts. [default: en]"),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


@click.group()
def breach() -> None:
    """Answers a breach of personal data: who has to be told of what, until when, and what stops it.

    Helps with what GDPR, Art. 33 and 34 want; whether and whom to tell, a person decides. Nothing is sent.
    """


@breach.command("open")
@_what_is_known
@click.pass_context
def open_case(ctx: click.Context, /, **given: Any) -> None:
    """Opens a breach, and prints its id and deadline. What is not known yet follows with `update`."""
    from redact.governance.breach import open_breach

    rules = organisation(ctx)
    case = open_breach(stores(ctx), rules, _known(given))
    whom = "the authority" if rules.role == "controller" else "your controllers, without undue delay and"
    click.echo(f"{case.case_id}: tell {whom} until {local(case.due_at)}")


@breach.command("update")
@_case
@_what_is_known
@click.pass_context
def update(ctx: click.Context, /, case_id: str, **given: Any) -> None:
    """Notes what else became known, and when the authority and people were told.

    Of a breach that is closed, --sent-at, --people-told-at and --authority-ref are noted still.
    """
    from datetime import UTC, datetime

    from redact.governance.breach import Known, missing
    from redact.governance.breach import update as updated

    known, rules = _known(given), organisation(ctx)
    if known == Known(language=known.language):
        raise UsageError("nothing new was given", hint="see: redact breach update --help")
    case = updated(stores(ctx), rules, case_id, known)
    lacking = missing(rules, case, datetime.now(UTC))
    click.echo(f"noted; a notification still lacks: {', '.join(lacking) or 'nothing'}")


@breach.command("scope")
@_case
@click.option("--from", "since", metavar="TIME", help="Of the log, from this moment.")
@click.option("--to", "until", metavar="TIME", help="Up to this moment.")
@click.option("--account", "accounts", multiple=True, metavar="NAME", help="Of the log, or a user of the page.")
@click.option("--action", "actions", multiple=True, help="Of the log. [default: those that give out recordings]")
@click.option("--ids", type=click.Path(path_type=Path, allow_dash=True), help="File of recordings' ids; - for stdin.")
@click.option("--queue", "queues", multiple=True, help="Only calls of this queue.")
@click.option("--archive", "archives", multiple=True, metavar="DIR|URL", help="Outputs. [default: the organisation's]")
@click.option("--whole", is_flag=True, help="All that is in the archives.")
@click.option("--copy", type=click.Choice(_COPIES), help="Which copies are exposed. [default: clear]")
@click.option("--records", type=click.IntRange(0), help="You know better how many.")
@click.option("--persons", type=click.IntRange(0), help="You know better how many.")
@_json
@click.pass_context
def scope(ctx: click.Context, /, case_id: str, *, as_json: bool, **given: Any) -> None:
    """Counts what is exposed, by the log, the page, exports and the ledger. No recording is read."""
    from redact.governance.breach_scope import scope as scoped

    stated = {name: given[name] for name in ("records", "persons") if given[name] is not None}
    found = scoped(stores(ctx), organisation(ctx), case_id, _asked(given), stated=stated)
    if as_json:
        click.echo(json.dumps({**asdict(found), "unintelligible": found.is_unintelligible}))
        return
    how = (
        f"{found.by_consent} on record, {found.by_terms} by telephone numbers and references, "
        f"{_many(found.each_its_own, 'call')} counted as one each"
    )
    how = "stated" if "persons" in stated else how
    click.echo(f"{_many(found.records, 'recording')}, about {_many(found.persons, 'person')} ({how})")
    if "records" in stated:
        click.echo("stated: how many are sealed, redacted or in clear is not known")
    else:
        click.echo(f"{found.sealed_only} sealed only, {found.redacted} redacted, {found.in_clear} in clear")
    if given["copy"] is None and "records" not in stated:
        click.echo("all are counted as in clear, as --copy was not given: --copy sealed or redacted, if they are not")
    click.echo(f"{_many(found.accesses, 'access', 'accesses')} counted, {found.others} of other things")
    if found.exported:
        click.echo(f"{_many(found.exported, 'recording')} of these left in exports")
    if found.log_exports:
        click.echo(f"the log was exported {_many(found.log_exports, 'time')}: ids and accounts, no recording")
    if found.unknown:
        click.echo(
            f"redact: {_many(found.unknown, 'id is', 'ids are')} of no recording here, and not counted\n"
            "  next: check the file of --ids; name other folders of outputs with --archive",
            err=True,
        )
    rows(("TYPE", "STRETCHES"), found.types.items())
    for kind, count in found.not_kept.items():
        click.echo(f"{kind}: {count} found and kept nowhere, so not exposed")


@breach.command("contain")
@_case
@click.option("--only", "steps", type=click.Choice(_STEPS), multiple=True, help="Can be repeated. [default: all]")
@click.option("-o", "--ids", type=click.Path(path_type=Path), metavar="FILE", help="For the exposed ids, a line each.")
@click.option("--thaw", is_flag=True, help="Let exports be made again, and do nothing else.")
@click.pass_context
def contain(ctx: click.Context, /, case_id: str, steps: tuple[str, ...], ids: Path | None, *, thaw: bool) -> None:
    """Freezes exports, ends all sessions of the page, lists the exposed ids, and changes the master keys.

    A step that fails keeps no other from being done; exit code 1 then. A page that runs holds the old master keys:
    start it again, as a batch that runs.
    """
    from redact.governance import containment

    kept = stores(ctx)
    if thaw:
        containment.thaw(kept, case_id)
        click.echo("exports can be made again")
        return
    wanted = [step for step in containment.STEPS if not steps or step in steps]
    found = containment.contain(kept, case_id, wanted, ids)
    rows(("STEP", "RESULT", "COUNT", "AT", "BY"), ((d.step, d.result, d.count, local(d.at), d.actor) for d in found))
    if any(done.step == "keys" and done.failed for done in found):
        click.echo("keys: look with redact keys list; where there are two, go on with redact keys rotate --resume")
    if any(done.failed for done in found):
        ctx.exit(ExitCode.SOME_FAILED)


@breach.command("notify")
@_case
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, metavar="DIR", help="To write to.")
@click.option(
    "--phase", type=click.IntRange(1), help="What is missing follows in a later one; the text pending says why."
)
@click.pass_context
def notify(ctx: click.Context, /, case_id: str, output: Path, phase: int | None) -> None:
    """Writes the papers: for the authority, for controllers, for people. Refused where something is missing."""
    from redact.governance.notification import notify as notified
    from redact.governance.words import words

    said_by = spoken(ctx)
    told = notified(stores(ctx), said_by, case_id, output, phase=phase)
    tell_untold(said_by, said_by.plain.languages)
    for file in told.files:
        click.echo(file)
    if told.missing:
        click.echo(f"phase {told.phase}; to follow: {', '.join(told.missing)}")
    if told.one_language:
        click.echo(f"not written in this language, so that another stands there: {', '.join(told.one_language)}")
    if said_by.plain.role == "controller":
        click.echo(f"people: {words('breach', 'en')[f'people_{told.people}']}")
    click.echo("send them, then: redact breach update ID --sent-at TIME")


@breach.command("close")
@_case
@_what_is_known
@click.pass_context
def close(ctx: click.Context, /, case_id: str, **given: Any) -> None:
    """Closes a breach whose facts, effects and remedy are told; and why, where no authority was told.

    Where the risk is high, when people were told is wanted too, or why they need not be.
    """
    from redact.governance.breach import Known
    from redact.governance.breach import close as closed

    known = _known(given)
    if known == Known(language=known.language):
        known = Known()
    closed(stores(ctx), organisation(ctx), case_id, known)
    click.echo(f"closed {case_id}")


@breach.command("list")
@click.option("--overdue", is_flag=True, help="Only those of which an authority should know by now; exit code 1 then.")
@click.option("--drills", is_flag=True, help="Drills too.")
@_json
@click.pass_context
def list_cases(ctx: click.Context, /, *, overdue: bool, drills: bool, as_json: bool) -> None:
    """Lists breaches. Times are those of this machine (TZ), with their offset; in UTC with --json."""
    from datetime import UTC, datetime

    from redact.governance.breach import is_overdue, stage
    from redact.governance.prose import term

    now = datetime.now(UTC)
    found = [c for c in stores(ctx).cases.all("breach") if drills or not c.fields.get("drill")]
    found = [case for case in found if is_overdue(case, now) or not overdue]
    if as_json:
        click.echo(
            json.dumps([{**asdict(case), "state": stage(case), "is_overdue": is_overdue(case, now)} for case in found])
        )
    else:
        told = (
            (
                c.case_id,
                term(stage(c), "en"),
                local(c.due_at),
                c.fields.get("risk", ""),
                *_owed(c.fields, is_overdue(c, now)),
            )
            for c in found
        )
        rows(("CASE", "STATE", "DUE", "RISK", "AUTHORITY TOLD", ""), told)
    if overdue and found:
        ctx.exit(ExitCode.SOME_FAILED)


@breach.command("register")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, metavar="FILE", help=".csv, .json, .html"
)
@_language
@click.option("--force", is_flag=True, help="Replace a file that exists.")
@click.pass_context
def register(ctx: click.Context, /, output: Path, language: str, *, force: bool) -> None:
    """Writes the register of all breaches (Art. 33(5)): those too that no authority was told of, and why."""
    from redact.governance.notification import register as registered
    from redact.governance.notification import register_file
    from redact.publish import Staged

    kept = stores(ctx)
    with kept.audit.action("document.build", reason="breach_register") as counts:
        found = registered(kept, language)
        content = register_file(found, output.suffix.lower(), language)
        with Staged(output.parent, private=True) as staged:
            staged.open(output.name).write(content.encode())
            staged.publish(force=force)
        counts["breaches"] = len(found)
    click.echo(_many(counts["breaches"], "breach", "breaches"))


@breach.command("drill")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, metavar="DIR", help="To write to.")
@click.pass_context
def drill(ctx: click.Context, /, output: Path) -> None:
    """Goes through a made-up breach of all archives, timed; exit code 1 where something was missing.

    It ends no session, changes no key and freezes nothing.
    """
    from redact.governance.breach_drill import drill as drilled

    said_by = spoken(ctx)
    done = drilled(stores(ctx), said_by, output)
    tell_untold(said_by, said_by.plain.languages)
    rows(("STEP", "SECONDS"), [*done.seconds.items(), ("all", done.total_s)])
    click.echo(
        f"{_many(done.records, 'recording')}, about {_many(done.persons, 'person')}; the report is in {done.folder}"
    )
    if done.missing:
        click.echo(f"missing: {', '.join(done.missing)}")
        ctx.exit(ExitCode.SOME_FAILED)


def _known(given: dict[str, Any]) -> Known:
    from redact.governance.breach import Known

    if len({name for name, _ in given["texts"]}) < len(given["texts"]):
        raise UsageError("a text is given twice", hint="give each once")
    if sum(str(file) == "-" for _, file in given["texts"]) > 1:
        raise UsageError("only one text can come from stdin", hint="give the others as files")
    times = {name: moment(given[name]) for name in ("aware_at", "began_at", "ended_at", "sent_at", "persons_told_at")}
    return Known(**{**given, **times, "texts": {name: _read(file) for name, file in given["texts"]}})


def _asked(given: dict[str, Any]) -> Any:
    from redact.governance.given_out import Asked

    ids = frozenset(_read(given["ids"]).split()) if given["ids"] else frozenset()
    accounts, actions = frozenset(given["accounts"]), frozenset(given["actions"])
    queues, archives = frozenset(given["queues"]), given["archives"]
    whole = given["whole"] or bool((queues or archives) and not (accounts or actions or ids))
    since, until = moment(given["since"]), moment(given["until"])
    return Asked(since, until, accounts, actions, ids, queues, archives, given["copy"] or "clear", whole)


def _read(file: Path) -> str:
    try:
        content = sys.stdin.buffer.read(_LONGEST_BYTES) if str(file) == "-" else file.read_bytes()[:_LONGEST_BYTES]
        return content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise InputRejected("the file can't be read as text in UTF-8", hint="check its path, and save it so") from None


def _owed(fields: Any, is_late: bool) -> tuple[str, str]:
    return local(fields.get("sent_at", "")), "overdue" if is_late else "drill" if fields.get("drill") else ""


def _many(count: int, one: str, several: str = "") -> str:
    return f"{count} {one if count == 1 else several or one + 's'}"
