"""`redact review`: the QA team's page, on this machine."""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from redact.cli.kept import settings, stores
from redact.cli.options import chosen_options, chosen_policy, listening, share_of
from redact.errors import CannotWrite, ModelMissing, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from redact.review.desk import Call
    from redact.review.oidc import Provider
    from redact.review.originals import Originals
    from redact.stores.opened import Stores

_HIDDEN = ".redact-review.db"
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--originals", metavar="DIR", help="Where the originals lie, or the word vault: to hear, and make anew.")
@click.option("--team", is_flag=True, help="Users of `redact users` sign in, and their decisions go to the stores.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0 for any that is free.")
@click.option(
    "--oidc", metavar="ISSUER", help="OpenID provider of your organisation; its secret in REDACT_OIDC_SECRET."
)
@click.option("--oidc-client", metavar="ID", help="What the provider knows this page by.")
@click.option("--oidc-claim", default="sub", show_default=True, help="What the provider calls people by.")
@click.option("--public-url", metavar="URL", help="Of this page, as browsers see it; for the provider's way back.")
@click.option("--sample", default="100%", show_default=True, metavar="PERCENT", help="Of what is done, to be reviewed.")
@click.option(
    "--export-gold", metavar="DIR", type=click.Path(path_type=Path), help="Write approved calls' labels there."
)
@click.option("--https", "is_https", is_flag=True, help="A proxy in front of it speaks TLS: cookies are bound to that.")
@listening()
@click.pass_context
def review(ctx: click.Context, /, folder: Path, **given: Any) -> None:
    """Opens a web page on FOLDER, where redacted calls are listened to, corrected and approved.

    Without --team it prints a link that lets one person in, once. Without --originals calls can be listened to and
    approved, but not changed.
    """
    try:
        import uvicorn

        from redact.review import app
    except ImportError:
        raise ModelMissing("the page's libraries are not installed", hint='pip install "callredact[review]"') from None
    if given["export_gold"]:
        click.echo(f"{_export(_place(ctx, folder, given), given['export_gold'])} approved calls were written as labels")
        return
    if not (app.STATIC / "main.js").exists():
        raise ModelMissing(
            "the page's script was not built", hint="cd redact/review/web && npm ci && npm run build, then start again"
        )
    if given["host"] not in _LOOPBACK and not (given["team"] and given["is_https"]):
        raise UsageError(
            "other machines could listen in", hint="give --team and --https with --host, behind a proxy that speaks TLS"
        )
    place = _place(ctx, folder, given)
    door = _door(given["host"], given["port"])
    address = f"http://{given['host']}:{door.getsockname()[1]}"
    click.echo(f"{address}/sign-in#token={place.entry}" if place.entry else f"{address}/", err=False)
    # Its log would have the messages of unexpected errors, which may hold anything: the page tells their type.
    config = uvicorn.Config(
        app.build(place), log_level="critical", access_log=False, server_header=False, date_header=False
    )  # fmt: skip
    uvicorn.Server(config).run(sockets=[door])


def _place(ctx: click.Context, folder: Path, given: Mapping[str, Any]) -> Any:
    from redact.review import app, security
    from redact.review.desk import Desk
    from redact.review.originals import InFolder, InVault, Maker
    from redact.stores.database import connect
    from redact.stores.reviews import Reviews

    is_kept = given["team"] or settings(ctx).has_stores or given["originals"] == "vault"
    kept = stores(ctx) if is_kept else None
    desk = Desk(folder, _told(kept, folder) if kept else dict, _restricted(kept) if kept else frozenset)
    where = settings(ctx)["reviews"] if given["team"] else f"sqlite:///{folder.resolve() / _HIDDEN}"
    archive = kept.ledger.pseudonym("archive", str(folder.resolve())) if kept and given["team"] else "here"
    reviews = Reviews(connect(where, "qa"), archive)
    ctx.call_on_close(reviews.close)
    originals: Originals | None = None
    if given["originals"] == "vault" and kept:
        originals = InVault(kept.vault)
    elif given["originals"]:
        originals = InFolder(Path(given["originals"]))
    maker = None
    if originals:
        policy = chosen_policy(given)
        booked = kept.ledger.archive(str(folder.resolve())) if kept else None

        def made(call: Call, report: str) -> None:
            if booked:
                booked.corrected(call.name, report)

        maker = Maker(chosen_options({**given, "force": True}, policy), originals, made)
    entry = None
    if not given["team"]:
        entry = secrets.token_urlsafe(24)
        reviews.put_user(app.LOCAL, security.password_hash(secrets.token_urlsafe(24)))
    return app.Place(
        desk,
        reviews,
        originals,
        maker,
        kept.audit if kept else None,
        entry,
        given["is_https"],
        share_of(given["sample"]),
        _provider(given),
    )


def _restricted(kept: Stores) -> Callable[[], frozenset[str]]:
    """Calls that nobody may use: consent was withdrawn, or a person has asked for it."""
    return lambda: frozenset(mark.recording_id for mark in kept.marks.all("restriction"))


def _provider(given: Mapping[str, Any]) -> Provider | None:
    if not given["oidc"]:
        return None
    if not (given["team"] and given["oidc_client"] and given["public_url"]):
        raise UsageError(
            "--oidc lacks something",
            hint="give --team, --oidc-client and --public-url (https://review.example) with it",
        )
    try:
        import authlib  # noqa: F401
    except ImportError:
        raise ModelMissing("the library for OpenID is not installed", hint='pip install "callredact[oidc]"') from None
    from redact.review.oidc import Provider

    returns_to = f"{given['public_url'].rstrip('/')}/oidc/return"
    return Provider(
        given["oidc"], given["oidc_client"], os.environ.get("REDACT_OIDC_SECRET", ""), returns_to, given["oidc_claim"]
    )


def _export(place: Any, folder: Path) -> int:
    """Write `NAME.gold.json` for each approved call, for `redact evaluate`; how many."""
    import json

    from redact.publish import Staged
    from redact.review.figures import gold

    reviews = place.reviews.reviews()
    known = {name: review.report for name, review in reviews.items() if review.state == "approved"}
    chosen = [call for call in place.desk.calls() if known.get(call.name) == call.report]
    with Staged(folder) as staged:
        for call in chosen:
            staged.open(f"{call.name}.gold.json").write((json.dumps(gold(call), indent=1) + "\n").encode())
        staged.publish(force=True)
    return len(chosen)


def _told(kept: Stores, folder: Path) -> Callable[[], Mapping[str, tuple[str, str]]]:
    ledger = kept.ledger.archive(str(folder.resolve()))
    return lambda: {row.recording_id: (row.queue, row.recorded_at) for row in ledger.rows(states=("done", "held"))}


def _door(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError:
        raise CannotWrite("the port is taken, or not ours", hint="choose another with --port") from None
