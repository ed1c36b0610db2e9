"""`redact config`: the settings, and where each comes from."""

from __future__ import annotations

import json

import click

from redact.cli.kept import rows, settings


@click.group()
def config() -> None:
    """Shows the settings. Options are over environment variables, and these over the file."""


@config.command("show")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@click.pass_context
def show(ctx: click.Context, *, as_json: bool) -> None:
    """Shows each setting, its value without passwords, and where it comes from."""
    shown = settings(ctx).shown()
    if as_json:
        click.echo(json.dumps({name: {"value": s.value, "from": s.origin} for name, s in shown.items()}, indent=2))
    else:
        rows(["SETTING", "VALUE", "FROM"], ([name, s.value, s.origin] for name, s in shown.items()))
