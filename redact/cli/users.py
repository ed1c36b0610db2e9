"""`redact users`: who may use the QA team's page, and as what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from redact.cli.kept import rows, settings
from redact.errors import UsageError

if TYPE_CHECKING:
    from redact.stores.reviews import Reviews

_ROLES = ("reviewer", "lead", "dpo", "auditor", "admin")
_LEAST_LETTERS = 12


@click.group()
def users() -> None:
    """Says who may use `redact review --team`, and as what."""


@users.command("add")
@click.argument("name")
@click.option("--role", type=click.Choice(_ROLES), default="reviewer", show_default=True, help="What they may do.")
@click.option("--queue", "queues", multiple=True, help="Only calls of this queue; can be given again. [default: all]")
@click.option("--language", type=click.Choice(["en", "fr"]), default="en", show_default=True, help="Of the page.")
@click.option("--oidc", "by_provider", is_flag=True, help="They sign in at the OpenID provider, and have no password.")
@click.option("--password", help="Asked for, if not given; at least twelve characters.")
@click.pass_context
def add(
    ctx: click.Context,
    name: str,
    role: str,
    queues: tuple[str, ...],
    language: str,
    *,
    by_provider: bool,
    password: str | None,
) -> None:
    """Adds NAME, or changes them: their sessions end then."""
    from redact.review.security import password_hash
    from redact.stores.reviews import BY_PROVIDER, User

    if not by_provider:
        password = password or click.prompt("Password", hide_input=True, confirmation_prompt=True)
    if password is not None and len(password) < _LEAST_LETTERS:
        raise UsageError("the password is too short", hint=f"at least {_LEAST_LETTERS} characters")
    user = User(name, role, queues, language)  # type: ignore[arg-type]
    _reviews(ctx).put_user(user, password_hash(password) if password else BY_PROVIDER)
    click.echo(f"{name} is a {role}")


@users.command("disable")
@click.argument("name")
@click.pass_context
def disable(ctx: click.Context, name: str) -> None:
    """Locks NAME out at once. Their decisions stay."""
    from dataclasses import replace

    reviews = _reviews(ctx)
    known = {user.name: user for user in reviews.users()}
    if name not in known:
        raise UsageError("there is no such user", hint="see: redact users list")
    reviews.put_user(replace(known[name], disabled=True))
    click.echo(f"{name} is locked out")


@users.command("list")
@click.pass_context
def list_users(ctx: click.Context) -> None:
    """Lists all users."""
    found = _reviews(ctx).users()
    state = ("", "locked out")
    told = [(u.name, u.role, ",".join(u.queues) or "all", u.language, state[u.disabled]) for u in found]
    rows(("name", "role", "queues", "language", ""), told)


def _reviews(ctx: click.Context) -> Reviews:
    from redact.stores.database import connect
    from redact.stores.reviews import Reviews

    found = Reviews(connect(settings(ctx)["reviews"], "qa"), "")
    ctx.call_on_close(found.close)
    return found
