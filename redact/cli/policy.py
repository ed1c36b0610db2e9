"""`redact policy`: what the policies are and whether one is right."""

from pathlib import Path

import click


@click.group()
def policy() -> None:
    """Lists, shows and checks policies: what is looked for, and how it is masked."""


@policy.command("list")
def list_policies() -> None:
    """Lists the policies that come with the product."""
    from redact.policy import load, names

    for name in names():
        click.echo(f"{name:10} {load(name).description}")


@policy.command("show")
@click.argument("name")
def show_policy(name: str) -> None:
    """Prints a policy's YAML: copy it to make your own."""
    from redact.data import data_path
    from redact.policy import load

    load(name)
    file = Path(name) if name.endswith((".yaml", ".yml")) else data_path("pipelines") / f"{name}.yaml"
    click.echo(file.read_text(encoding="utf-8"), nl=False)


@policy.command("check")
@click.argument("file")
def check_policy(file: str) -> None:
    """Checks a policy; exit code 3 where it is wrong."""
    from redact.policy import load

    checked = load(file)
    click.echo(f"{checked.name}: right; {len(checked.entities)} entity types; sha256 {checked.digest[:16]}")
