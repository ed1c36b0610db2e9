"""The encrypted packs of `redact subject`: made, and opened."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from redact.cli.kept import spoken, stores, tell_untold
from redact.cli.options import chosen_options, chosen_policy, listening
from redact.errors import ExitCode, InputRejected

if TYPE_CHECKING:
    from redact.governance.access import Exported
    from redact.governance.organisation import Organisation
    from redact.governance.own_voice import FromVault
    from redact.stores.opened import Stores

case_argument = click.argument("case_id", metavar="CASE")
output_option = click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, help="Where to write it."
)
force_option = click.option("--force", is_flag=True, help="Replace an output that exists.")


def rules_for(ctx: click.Context, case_id: str) -> Organisation:
    """The organisation's file as it is told in the language of a request; on standard error, where it isn't."""
    from redact.governance import subjects

    language = subjects.request(stores(ctx), case_id).language
    said = spoken(ctx)
    tell_untold(said, [language])
    if language in said.lacking:
        click.echo(
            f"redact: the organisation's own words are perhaps not in {language}, in which the person is answered\n"
            f"  next: say them in a file beside it, {said.lacking[language]}",
            err=True,
        )
    return said.in_language(language)


@click.command("export")
@case_argument
@output_option
@click.option(
    "--own-voice", type=click.Choice(["customer", "agent"]), is_flag=False, flag_value="customer", default=None,
    help="Have what the person said be heard, on this side's channel: the original in the vault is listened to anew.",
)  # fmt: skip
@force_option
@listening()
@click.pass_context
def export(ctx: click.Context, /, case_id: str, output: Path, *, force: bool, **given: Any) -> None:
    """Makes the encrypted pack of an access or portability request, and shows its passphrase, once.

    Exit code 1: the pack was made, but recordings are missing from it. --own-voice opens originals: it is refused (exit
    code 8) where `vault open` is, without the training and the second person that the organisation wants.
    """
    from redact.governance import access, packs
    from redact.publish import Staged, check_targets

    kept, told_by = stores(ctx), rules_for(ctx, case_id)
    check_targets(output.parent, [output.name], force=force)
    phrase = packs.passphrase()
    voice = _voice(kept, case_id, given) if given["own_voice"] else None
    with Staged(output.parent, private=True) as staged:
        how = access.Packing(phrase, voice, publish=lambda: staged.publish(force=force))
        done = access.export(kept, told_by, case_id, cast("Any", staged.open(output.name)), how)
    _tell_export(done)
    click.echo(f"passphrase, shown this once: {phrase}\n  send it by another way than the pack")
    if done.left_out:
        ctx.exit(int(ExitCode.SOME_FAILED))


@click.command("open-pack")
@click.argument("pack", metavar="FILE", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="For the ZIP, in clear.")
@click.option("--case", "case_id", default="", metavar="CASE", help="That the pack has to be of.")
@force_option
def open_pack(pack: Path, output: Path, case_id: str, *, force: bool) -> None:
    """Opens a pack. Its passphrase is read from standard input; nothing is written unless all of it is whole."""
    from redact.governance import packs
    from redact.publish import Staged, check_targets

    check_targets(output.parent, [output.name], force=force)
    phrase = click.prompt("Passphrase", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline()
    try:
        opened = pack.open("rb")
    except OSError:
        raise InputRejected("the pack can't be read", hint="check its path and whose it is") from None
    with opened, Staged(output.parent, private=True) as staged:
        written = staged.open(output.name)
        for chunk in packs.opened(opened, phrase, case_id):
            written.write(chunk)
        staged.publish(force=force)
    click.echo("opened: begin with index.html in the ZIP")


def _voice(kept: Stores, case_id: str, given: dict[str, Any]) -> FromVault:
    from dataclasses import replace

    from redact.governance import own_voice, subjects

    options = replace(chosen_options(given, chosen_policy(given)), force=True)
    return own_voice.FromVault(kept.vault, options, given["own_voice"], subjects.who(kept, case_id).name)


def _tell_export(done: Exported) -> None:
    for given in done.given:
        why = f": kept masked, {given.kept_masked.replace('_', ' ')}" if given.kept_masked else ""
        click.echo(f"{given.recording_id}  {'own words heard' if given.form == 'own' else 'masked copy'}{why}")
        if given.on_record.kept_back:
            click.echo(
                f"{given.recording_id}  lawful basis or metadata kept back: not shown to be this person's\n"
                "  next: where they are, redact subject find CASE FILE with reference: or phone:, then export again",
                err=True,
            )
    for recording_id, why in done.left_out.items():
        click.echo(f"{recording_id}  left out: {why.replace('_', ' ')}", err=True)
