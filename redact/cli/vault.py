"""`redact vault`: originals and what else is kept, encrypted, each under a key of its own."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from redact.cli.kept import organisation, rows, stores
from redact.errors import ExitCode, InputRejected, KeyMissing, UsageError

_KINDS = ("original", "map", "transcript")
_kind = click.option("--kind", type=click.Choice(_KINDS), default="original", show_default=True, help="What it is.")


@click.group()
def vault() -> None:
    """Keeps originals encrypted, each under a key of its own. `redact file --vault` seals them by itself."""


@vault.command("seal")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--id", "recording_id", required=True, help="Of the recording: letters, digits, and . _ : - between.")
@_kind
@click.option("--without-codes", is_flag=True, help="You know that no card code, PIN or password is in it.")
@click.pass_context
def seal(ctx: click.Context, file: Path, recording_id: str, kind: str, *, without_codes: bool) -> None:
    """Seals FILE. Its own copy in clear stays where it is.

    Card verification codes and PINs may be kept nowhere, encrypted neither. `redact file --vault` leaves them out; this
    command can't know.
    """
    if not without_codes:
        raise UsageError(
            "nobody has looked for card codes and PINs in it, which must not be kept",
            hint="use redact file --vault, which leaves them out, or say --without-codes where you know",
        )
    kept = stores(ctx)
    try:
        opened = file.open("rb")
    except OSError:
        raise InputRejected("the file can't be read", hint="check its path and whose it is") from None
    with opened, kept.audit.action("vault.seal", recording_id, reason="by_hand") as counts:
        if kept.marks.has(recording_id, "legal_hold"):
            raise UsageError("a legal hold is on the recording: nothing takes its place", hint="use another id")
        counts["bytes"] = kept.vault.seal(opened, recording_id, kind)  # type: ignore[arg-type]
    click.echo(f"sealed {counts['bytes']} bytes as the {kind} of {recording_id}")


@vault.command("open")
@click.argument("recording_id", metavar="ID")
@_kind
@click.option("-o", "--output", type=click.Path(path_type=Path, allow_dash=True), required=True, help="- for stdout.")
@click.option("--reason", required=True, metavar="WORD", help="Why, in a word for the log, such as complaint.")
@click.option("--force", is_flag=True, help="Replace an output that exists.")
@click.pass_context
def open_sealed(ctx: click.Context, recording_id: str, kind: str, output: Path, reason: str, *, force: bool) -> None:
    """Gives back what was sealed: personal data in clear. All of it is checked before anything is given out.

    Refused (exit code 8) while a breach has exports frozen, to an account without the training that the organisation
    wants (`clear_access.training`), and before a second person has agreed, where it wants one: they are asked then.
    """
    from redact.governance import second_person, training
    from redact.governance.freeze import require_not_frozen
    from redact.publish import Staged, check_targets
    from redact.stores.audit import actor

    kept = stores(ctx)
    with kept.audit.action("vault.open", recording_id, reason=_word(reason)) as counts:
        kept.marks.require_unrestricted(recording_id)
        require_not_frozen(kept)
        rules = organisation(ctx)
        training.require(kept, rules, actor())
        second_person.require(kept, rules, recording_id, actor(), reason)
        chunks = kept.vault.opened(recording_id, kind)  # type: ignore[arg-type]
        if str(output) == "-":
            for chunk in chunks:
                counts["bytes"] = counts.get("bytes", 0) + sys.stdout.buffer.write(chunk)
            return
        check_targets(output.parent, [output.name], force=force)
        with Staged(output.parent, private=True) as staged:
            written = staged.open(output.name)
            for chunk in chunks:
                counts["bytes"] = counts.get("bytes", 0) + written.write(chunk)
            staged.publish(force=force)


@vault.command("list")
@click.pass_context
def list_sealed(ctx: click.Context) -> None:
    """Lists what is sealed, by recording."""
    kept = stores(ctx)
    known = {(key.recording_id, key.key_id) for key in kept.keys.listed()}
    found = sorted(kept.vault.listed(), key=lambda sealed: (sealed.recording_id, sealed.kind))
    rows(
        ["RECORDING", "KIND", "KEY"],
        ([s.recording_id, s.kind, "here" if (s.recording_id, s.key_id) in known else "destroyed"] for s in found),
    )


@vault.command("erase")
@click.argument("recording_id", metavar="ID")
@click.option("--reason", required=True, metavar="WORD", help="Why, in a word for the log, such as request.")
@click.confirmation_option(prompt="Nobody can bring it back, from no backup of the vault either. Erase it?")
@click.pass_context
def erase(ctx: click.Context, recording_id: str, reason: str) -> None:
    """Destroys a recording's key and removes what was sealed of it."""
    kept = stores(ctx)
    if kept.marks.has(recording_id, "legal_hold"):
        raise UsageError("a legal hold is on the recording", hint="lift it first: redact retention release ID")
    with kept.audit.action("vault.erase", recording_id, reason=_word(reason)):
        if not kept.vault.erase(recording_id):
            raise UsageError("the vault holds nothing of that id", hint="see what it holds with: redact vault list")
    click.echo(f"erased {recording_id}")


@vault.command("reseal")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Of so many recordings; the next run goes on.")
@click.pass_context
def reseal(ctx: click.Context, limit: int | None) -> None:
    """Encrypts all that is sealed anew, each recording under a fresh key, where keys may have become known.

    It may be interrupted at any moment; the next run goes on where it was. Each file can be read all the time.
    """
    from redact.cli.steps import steps
    from redact.stores.data_keys import NOT_WAITING
    from redact.stores.master import KEY_CHANGED
    from redact.stores.vault import NOT_WHOLE

    kept = stores(ctx)
    started = time.monotonic()
    not_whole: list[str] = []
    with kept.audit.action("vault.reseal") as counts, steps("sealing anew", "bytes") as advance:
        chosen = kept.keys.all_need_successors()[:limit]
        total = sum(map(kept.vault.size, chosen))
        counts |= {"recordings": 0, "files": 0, "bytes": 0, "not_whole": 0}
        for recording_id in chosen:
            try:
                files, length = kept.vault.reseal(recording_id)
            except KeyMissing as error:
                if error.reason == NOT_WAITING:  # it was erased meanwhile
                    continue
                if error.reason not in {NOT_WHOLE, KEY_CHANGED}:
                    raise
                not_whole.append(recording_id)
                counts["not_whole"] += 1
                continue
            counts["recordings"] += 1
            counts["files"] += files
            counts["bytes"] += length
            advance(counts["bytes"], total)
        kept.keys.forget()
    pace = counts["bytes"] / 2**20 / max(time.monotonic() - started, 1e-3)
    click.echo(
        f"sealed {counts['recordings']} recordings anew: {counts['files']} files, {counts['bytes'] / 2**20:.1f} MiB, "
        f"{pace:.0f} MiB/s; {kept.keys.waiting()} wait"
    )
    for recording_id in not_whole:
        click.echo(f"{recording_id}: a file is not whole, so that its key stays; restore it, or erase the recording")
    ctx.exit(ExitCode.SOME_FAILED if not_whole else ExitCode.OK)


def _word(reason: str) -> str:
    if not reason.replace("_", "").replace("-", "").isalnum() or len(reason) > 40 or not reason.isascii():
        raise UsageError("the reason is not one word", hint="letters, digits, _ and - only: the log holds no text")
    return reason
