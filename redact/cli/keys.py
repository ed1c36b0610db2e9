"""`redact keys`: the master keys, which wrap the keys of recordings."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from redact.cli.kept import rows, settings, stores
from redact.cli.steps import steps
from redact.errors import UsageError

if TYPE_CHECKING:
    from redact.stores.master import MasterKeys


@click.group()
def keys() -> None:
    """Makes and changes the master keys. Who loses them has lost all that is sealed: keep a copy elsewhere."""


@keys.command("init")
@click.pass_context
def init(ctx: click.Context) -> None:
    """Makes the first master key, in a file that its owner alone may read; or tries the one of the key service."""
    from pathlib import Path

    from redact.stores import kms, master

    named = settings(ctx)["master_keys"]
    service = kms.service(named)
    if service:
        master.check(service)
        stores(ctx).audit.add("keys.init", "done", reason=service.current)
        click.echo(f"the key service wraps and unwraps by {_shown(service.current)}; nothing was made here")
        return
    ring = master.new()
    master.check(ring)
    master.write(ring, Path(named))
    stores(ctx).audit.add("keys.init", "done", reason=ring.current)
    click.echo(
        f"made the master key {ring.current}; copy its file to a safe place, apart from the vault and its backups"
    )


@keys.command("rotate")
@click.option("--resume", is_flag=True, help="Finish what was interrupted, without another new key.")
@click.pass_context
def rotate(ctx: click.Context, *, resume: bool) -> None:
    """Makes a new master key, wraps the keys of all recordings by it, and forgets the old one.

    Sealed files stay as they are. It may be interrupted at any moment: run it with --resume then. A key service makes
    its new keys itself: there, what an older one wraps is wrapped by the one that the alias leads to now.
    """
    from redact.stores import kms
    from redact.stores.rotation import rotate as rotated

    given = settings(ctx)
    with steps("wrapping keys anew", "keys") as advance:
        done = rotated(given, advance, resume=resume)
    if not kms.service(given["master_keys"]):
        click.echo(f"{done.keys} keys wrapped anew by {done.current}, the only master key now")
        return
    click.echo(
        f"{done.keys} keys wrapped anew by {_shown(done.current)}. AWS KMS changes what is in a key by itself "
        "(aws kms enable-key-rotation); for another key, change where the alias leads, and run this again"
    )


@keys.command("move")
@click.argument("target", metavar="TARGET")
@click.pass_context
def move(ctx: click.Context, target: str) -> None:
    """Wraps all keys by the master keys of TARGET: a file, which is made, or a key service such as aws-kms:alias/NAME.

    The settings name where they are now. It may be interrupted at any moment, and run again. When it has ended, let
    the settings name TARGET. Stop batches and the page meanwhile.
    """
    from redact.stores.master import Moving
    from redact.stores.opened import Stores

    given = settings(ctx)
    if target == given["master_keys"]:
        raise UsageError("the settings name this already", hint="move before the settings are changed")
    with ExitStack() as held, steps("wrapping keys anew", "keys") as advance:
        new = _opened(target, held)
        kept = Stores(given, Moving(new, stores(ctx).masters))
        ctx.call_on_close(kept.close)
        with kept.audit.action("keys.rotate", reason="move") as counts:
            counts["keys"] = kept.keys.wrap_anew(advance)
    click.echo(
        f"{counts['keys']} keys wrapped anew by {_shown(new.current)}.\n"
        f'  next: set master_keys = "{target}" and try: redact audit verify; then put the old master keys away'
    )


@keys.command("list")
@click.pass_context
def list_keys(ctx: click.Context) -> None:
    """Lists the master keys, the current one last, and how many keys of recordings each wraps."""
    from redact.stores.kms import KmsKeys

    kept = stores(ctx)
    wrapped = kept.keys.by_master()
    made = kept.masters.made_at if isinstance(kept.masters, KmsKeys) else kept.ring.made_at
    older = sorted(set(wrapped) - set(made))  # an alias led to them, or they were moved half-way
    rows(
        ["KEY", "MADE", "WRAPS"],
        ([_shown(name), made.get(name, "elsewhere"), wrapped.get(name, 0)] for name in (*older, *made)),
    )


def _opened(target: str, held: ExitStack) -> MasterKeys:
    """The master keys to move to; a new file of them where there is none."""
    from pathlib import Path

    from redact.stores import kms, master

    service: MasterKeys | None = kms.service(target)
    if service is None:
        file = Path(target)
        if not file.exists():
            master.write(master.new(), file)
        held.enter_context(master.locked(file))
        service = master.read(file)
    master.check(service)
    return service


def _shown(master_id: str) -> str:
    from redact.stores.kms import shown

    return shown(master_id)
