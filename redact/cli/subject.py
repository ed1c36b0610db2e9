"""`redact subject`: people's requests about recordings of their calls, from the day they come to the answer."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from redact.cli.kept import organisation, rows, stores
from redact.cli.packs import case_argument, export, force_option, open_pack, output_option, rules_for
from redact.cli.procedure import procedure
from redact.errors import ExitCode, InputRejected, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

    from redact.governance.subjects import Request

_KINDS = ("access", "rectification", "erasure", "restriction", "objection", "portability")
_REFUSALS = (
    "unfounded", "excessive", "not_identified", "others_rights", "legal_obligation", "legal_claims", "no_ground",
    "overriding",
)  # fmt: skip
_LETTERS = (
    "acknowledgement", "identity", "extension", "answer", "erased", "rectified", "restriction", "lifted", "refusal",
)  # fmt: skip


@click.group()
def subject() -> None:
    """Answers people's requests: access, rectification, erasure, restriction, objection, portability.

    What identifies a person is read from a file or standard input (-), never from the command line.
    """


subject.add_command(export)
subject.add_command(open_pack)
subject.add_command(procedure)


@subject.command("open")
@click.argument("kind", type=click.Choice(_KINDS))
@click.argument("person", metavar="FILE", type=click.Path(allow_dash=True, path_type=Path))
@click.option("--received", metavar="DAY", type=click.DateTime(["%Y-%m-%d"]), help="When it came. [default: today]")
@click.option("--language", type=click.Choice(["en", "fr"]), required=True, help="To answer in.")
@click.option(
    "--identity-by", type=click.Choice(["account", "callback", "document", "details"]), default="details",
    show_default=True, help="How it is to be checked who asks.",
)  # fmt: skip
@click.pass_context
def open_case(ctx: click.Context, /, kind: str, person: Path, **given: Any) -> None:
    """Opens a case. FILE (or -) says who asks: lines name: …, address: … and contact: …; it is sealed.

    There is one month to answer, to the end of the day (requests.months of the organisation's file).
    """
    from datetime import datetime

    from redact.governance import asked, subjects

    kept = stores(ctx)
    received = (given["received"] or datetime.now().astimezone()).date()
    with _lines(person) as lines:
        who = asked.person(lines)
    told = subjects.Asked(cast("Any", kind), given["language"], received, given["identity_by"], who)
    opened = subjects.open_request(kept, organisation(ctx), told)
    click.echo(f"{opened.case_id}  due {_due(opened)}")


@subject.command("identity")
@case_argument
@click.argument("state", type=click.Choice(["checked", "doubtful"]))
@click.pass_context
def identity(ctx: click.Context, case_id: str, state: str) -> None:
    """Notes that it was checked who asks, or that there is doubt. Nothing is given out or erased before."""
    from redact.governance import subjects

    subjects.identify(stores(ctx), case_id, cast("Any", state))
    click.echo(f"{case_id}  identity {state}")


@subject.command("extend")
@case_argument
@click.option("--reason", type=click.Choice(["complexity", "number"]), required=True, help="What it rests on.")
@click.pass_context
def extend(ctx: click.Context, case_id: str, reason: str) -> None:
    """Takes two months more, once, and before the deadline. The person has to be told: letter CASE extension."""
    from redact.governance import subjects

    extended = subjects.extend(stores(ctx), organisation(ctx), case_id, cast("Any", reason))
    click.echo(f"{case_id}  due {_due(extended)}\n  next: redact subject letter {case_id} extension -o FILE")


@subject.command("find")
@case_argument
@click.argument("terms", metavar="[FILE]", required=False, type=click.Path(allow_dash=True, path_type=Path))
@click.option("--only", metavar="ID", multiple=True, help="This is the person's; all that isn't named isn't.")
@click.option("--not", "excluded", metavar="ID", multiple=True, help="This is another's; the rest is the person's.")
@click.option("--all", "everything", is_flag=True, help="All of it is the person's.")
@click.option("--id", "by_hand", metavar="ID", multiple=True, help="Add a recording that nothing led to.")
@click.option("--any-word", is_flag=True, help="Any word of a name is enough: finds more, and more of others'.")
@click.pass_context
def find(ctx: click.Context, /, case_id: str, terms: Path | None, **given: Any) -> None:
    """Looks for a person's recordings, and notes which are the person's.

    FILE (or -) says what the person is known by: lines name: …, phone: …, email: … and reference: …; it is not kept.
    Whatever any of them has led to is listed, and what is new; a name may be another's, so nothing counts before you
    have said so.
    """
    from redact.governance import asked, subject_matches, subjects

    kept, archives = stores(ctx), _archives(ctx)
    before = {match.recording_id for match in subjects.request(kept, case_id).matches}
    if terms is not None:
        with _lines(terms) as lines:
            wanted = asked.terms(lines)
        subject_matches.find(kept, archives, case_id, wanted, every_word=not given["any_word"])
    decision = subject_matches.Decision(given["only"], given["excluded"], given["everything"], given["by_hand"])
    if decision.is_one:
        subject_matches.decide(kept, archives, case_id, decision)
    found = subjects.request(kept, case_id).matches
    rows(
        ["RECORDING", "NEW", "DATE", "QUEUE", "LANGUAGE", "SECONDS", "FOUND BY", "DECIDED", "STATE", "MARKS"],
        (
            [
                s.match.recording_id, "" if s.match.recording_id in before else "new",
                s.recorded_at[:10], s.queue, s.language, round(s.duration_ms / 1000),
                ",".join(s.match.why), "" if s.match.choice == "found" else s.match.choice, s.state, ",".join(s.marks),
            ]
            for s in subject_matches.shown(kept, archives, found)
        ),
    )  # fmt: skip
    if terms is not None:
        new = sum(match.recording_id not in before for match in found)
        click.echo(f"{len(found)} recordings, {new} new", err=True)


@subject.command("rectify")
@case_argument
@click.argument("recording_id", metavar="ID")
@click.argument("changes", metavar="[FILE]", required=False, type=click.Path(allow_dash=True, path_type=Path))
@click.option("--set-language", metavar="CODE", help="What the recording's language is.")
@click.option("--set-queue", metavar="WORD", help="Which queue the call was in.")
@click.option("--set-recorded-at", metavar="TIME", help="When it began, as 2026-03-01T09:30:00+01:00.")
@click.option("--policy", "policy_name", default="default", show_default=True, help="Says what is personal.")
@click.pass_context
def rectify(ctx: click.Context, /, case_id: str, recording_id: str, changes: Path | None, **given: Any) -> None:
    """Corrects a redacted transcript, or what is known of a recording.

    FILE (or -) says what to correct: lines 1:02.5-1:04 = the right words. What is masked stays masked, and new words
    in which anything personal is found are refused.
    """
    from redact.governance import rectification

    facts = {name: given[f"set_{name}"] for name in ("language", "queue", "recorded_at") if given[f"set_{name}"]}
    if changes is None and not facts:
        raise UsageError(
            "there is nothing to correct", hint="give FILE, --set-language, --set-queue or --set-recorded-at"
        )
    kept, rules = stores(ctx), organisation(ctx)
    _archives(ctx)
    if facts:
        places = rectification.describe(kept, rules, case_id, recording_id, facts)
        click.echo(f"{recording_id}  {', '.join(sorted(facts))} corrected, at {places} places")
    if changes is not None:
        from redact.options import Options
        from redact.pipeline import Redactor

        with _lines(changes) as lines:
            wanted = rectification.changes(lines)
        redactor = Redactor(Options(policy=given["policy_name"]))
        looking = rectification.Looking(redactor.findings, redactor.policy)
        count = rectification.rectify(kept, rules, case_id, recording_id, wanted, looking)
        click.echo(f"{recording_id}  {count} changes made, in all of its transcripts")


@subject.command("erase")
@case_argument
@output_option
@force_option
@click.confirmation_option(prompt="Nobody can bring the recordings back. Erase them?")
@click.pass_context
def erase(ctx: click.Context, case_id: str, output: Path, *, force: bool) -> None:
    """Erases the recordings of a request, and writes their certificates, signed, as JSON.

    Exit code 1: some were not erased, such as those under a legal hold.
    """
    from redact.governance import subject_erasure
    from redact.publish import Staged, check_targets

    kept = stores(ctx)
    _archives(ctx)
    check_targets(output.parent, [output.name], force=force)
    done = subject_erasure.erase_all(kept, organisation(ctx), case_id)
    told = json.dumps(subject_erasure.certificates(kept, case_id), indent=2) + "\n"
    with Staged(output.parent, private=True) as staged:
        staged.open(output.name).write(told.encode())
        staged.publish(force=force)
    for recording_id, why in done.left.items():
        click.echo(f"{recording_id}  not erased: {why.replace('_', ' ')}", err=True)
    click.echo(f"erased {len(done.ids)} recordings")
    if done.left:
        ctx.exit(int(ExitCode.SOME_FAILED))


@subject.command("restrict")
@case_argument
@click.option("--reason", type=click.Choice(["accuracy", "unlawful", "claims", "objection"]), help="GDPR, Art. 18(1).")
@click.option("--lift", "is_lifted", is_flag=True, help="End it. Tell the person before: letter CASE lifted.")
@click.pass_context
def restrict(ctx: click.Context, case_id: str, reason: str | None, *, is_lifted: bool) -> None:
    """Restricts the recordings of a request: they are kept, and not used. The person may have copies even so.

    Exit code 1: all that was lifted stays restricted for another cause.
    """
    from redact.governance import restriction

    if is_lifted == (reason is not None):
        raise UsageError("it is either restricted for a reason, or lifted", hint="give --reason WORD, or --lift")
    kept = stores(ctx)
    if reason is not None:
        click.echo(f"restricted: {restriction.restrict(kept, case_id, cast('Any', reason))} recordings")
        return
    done = restriction.lift(kept, case_id)
    click.echo(f"lifted: {len(done.free)} recordings")
    if done.left:
        click.echo(
            f"{len(done.left)} stay restricted: another request restricts them, or a consent is gone\n"
            "  next: where it is a consent, redact consent release ID",
            err=True,
        )
    if not done.free:
        ctx.exit(int(ExitCode.SOME_FAILED))


@subject.command("close")
@case_argument
@click.option("--outcome", type=click.Choice(["done", "partly", "refused", "withdrawn"]), required=True)
@click.option(
    "--reason", type=click.Choice(_REFUSALS), help="Of what is refused. An objection: overriding (Art. 21(1))."
)
@click.option("--told", metavar="RECIPIENT", multiple=True, help="Who has the data and was told, as in the file.")
@click.option("--told-all", is_flag=True, help="All recipients of the file were told.")
@click.option("--not-told", type=click.Choice(["impossible", "disproportionate"]), help="Why they weren't.")
@click.pass_context
def close(ctx: click.Context, /, case_id: str, **given: Any) -> None:
    """Closes a request. After a refusal, the letter says what the person can do: letter CASE refusal."""
    from redact.governance import subjects

    rules = organisation(ctx)
    told = list(subjects.recipients(rules).values()) if given["told_all"] else list(given["told"]) or None
    how = subjects.Closing(given["outcome"], given["reason"], told, given["not_told"])
    subjects.close(stores(ctx), rules, case_id, how)
    click.echo(f"{case_id}  closed: {given['outcome']}")


@subject.command("letter")
@case_argument
@click.argument("kind", type=click.Choice(_LETTERS))
@output_option
@force_option
@click.pass_context
def letter(ctx: click.Context, case_id: str, kind: str, output: Path, *, force: bool) -> None:
    """Writes a letter in the language of the request, as FILE.html and FILE.txt, for you alone to read."""
    from redact.governance import letters
    from redact.publish import Staged, check_targets

    stem = output.name.removesuffix(".html").removesuffix(".txt")
    check_targets(output.parent, [f"{stem}.html", f"{stem}.txt"], force=force)
    kept = stores(ctx)
    written = letters.letter(kept, rules_for(ctx, case_id), case_id, cast("Any", kind))
    with Staged(output.parent, private=True) as staged:
        staged.open(f"{stem}.html").write(letters.page(written).encode())
        staged.open(f"{stem}.txt").write(letters.text(written).encode())
        staged.publish(force=force)
    letters.noted(kept, case_id, cast("Any", kind))
    click.echo(f"written: the {kind} letter, as .html and .txt")


@subject.command("list")
@click.option("--overdue", is_flag=True, help="Only those whose deadline is over; exit code 1 if there are any.")
@click.option("--open", "is_open", is_flag=True, help="Only those that are not closed.")
@click.pass_context
def list_cases(ctx: click.Context, *, overdue: bool, is_open: bool) -> None:
    """Lists requests, how many days are left for each, and what comes next."""
    from datetime import UTC, datetime

    from redact.governance.deadlines import days_left
    from redact.governance.procedure import next_step
    from redact.governance.subjects import Request
    from redact.stores.cases import CLOSED

    now = datetime.now(UTC)
    kept = stores(ctx)
    found = [Request(case) for case in kept.cases.all("request")]
    late = [each for each in found if each.case.is_overdue(now)]
    shown = late if overdue else [each for each in found if not is_open or each.case.state != CLOSED]
    rows(
        ["CASE", "KIND", "STATE", "RECEIVED", "DUE", "DAYS LEFT", "IDENTITY", "RECORDINGS", "NEXT"],
        (
            [
                each.case_id, each.kind, each.case.fields.get("outcome", each.case.state), each.received, _due(each),
                "" if each.case.state == CLOSED else days_left(each.due_at, now), each.identity, len(each.matches),
                next_step(kept, each),
            ]
            for each in sorted(shown, key=lambda each: (each.case.state == CLOSED, each.due_at))
        ),
    )  # fmt: skip
    if overdue and late:
        ctx.exit(int(ExitCode.SOME_FAILED))


@subject.command("show")
@case_argument
@click.pass_context
def show(ctx: click.Context, case_id: str) -> None:
    """Shows a case and all that was done about it, as JSON. Who it is from stays sealed."""
    from redact.governance import subjects

    kept = stores(ctx)
    found = subjects.request(kept, case_id)
    events = [asdict(event) for event in kept.cases.events(case_id)]
    click.echo(json.dumps({**asdict(found.case), "events": events}, indent=2, ensure_ascii=False))


def _archives(ctx: click.Context) -> tuple[str, ...]:
    archives = organisation(ctx).archives
    if not archives:
        raise UsageError("no archive is named", hint="name the folders of outputs in the organisation's file: archives")
    return archives


@contextmanager
def _lines(file: Path) -> Iterator[TextIO]:
    if str(file) == "-":
        yield sys.stdin
        return
    try:
        opened = file.open(encoding="utf-8-sig")
    except OSError:
        raise InputRejected("the file can't be read", hint="check its path and whose it is") from None
    with opened:
        yield opened


def _due(found: Request) -> str:
    return found.due_at.astimezone().date().isoformat()


@subject.command("index")
@click.option("--again", is_flag=True, help="Also recordings that are in the index, such as after an update.")
@click.pass_context
def build_index(ctx: click.Context, *, again: bool) -> None:
    """Fills the index for recordings that were redacted before it was kept.

    What was said is read from transcripts in clear, where the policy keeps them sealed; else only what is known beside.
    """
    from redact.governance.finding import rebuild
    from redact.pipeline import Redactor

    done = rebuild(stores(ctx), Redactor().findings, organisation(ctx).archives, again=again)
    click.echo(", ".join(f"{count} {what.replace('_', ' ')}" for what, count in sorted(done.items())) or "nothing")
