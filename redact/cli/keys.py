"""`redact keys`: the master keys, which wrap the keys of recordings."""

from __future__ import annotations

from functools import partial

import click

from redact.cli.kept import rows, settings, stores
from redact.cli.options import progress


@click.group()
def keys() -> None:
    """Makes and changes the master keys. Who loses them has lost all that is sealed: keep a copy elsewhere."""


@keys.command("init")
@click.pass_context
def init(ctx: click.Context) -> None:
    """Makes the first master key, in a file that its owner alone may read."""
    from pathlib import Path

    from redact.stores import master

    file = Path(settings(ctx)["master_keys"])
    ring = master.new()
    master.check(ring)
    master.write(ring, file)
    stores(ctx).audit.add("keys.init", "done", reason=ring.current)
    click.echo(
        f"made the master key {ring.current}; copy its file to a safe place, apart from the vault and its backups"
    )


@keys.command("rotate")
@click.option("--resume", is_flag=True, help="Finish what was interrupted, without another new key.")
@click.pass_context
def rotate(ctx: click.Context, *, resume: bool) -> None:
    """Makes a new master key, wraps the keys of all recordings by it, and forgets the old one.

    Sealed files stay as they are. It may be interrupted at any moment: run it with --resume then.
    """
    from redact.stores.rotation import rotate as rotated

    with progress(quiet=False) as (advance, _):
        done = rotated(settings(ctx), partial(advance, "wrap anew"), resume=resume)
    click.echo(f"{done.keys} keys wrapped anew by {done.current}, the only master key now")


@keys.command("list")
@click.pass_context
def list_keys(ctx: click.Context) -> None:
    """Lists the master keys, the current one last, and how many keys of recordings each wraps."""
    kept = stores(ctx)
    wrapped = kept.keys.by_master()
    rows(
        ["KEY", "MADE", "WRAPS"],
        ([name, kept.ring.made_at[name], wrapped.get(name, 0)] for name in kept.ring.secrets),
    )
