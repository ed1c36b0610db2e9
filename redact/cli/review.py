"""`redact review`: the QA team's page, on this machine."""

from __future__ import annotations

import os
import secrets
import socket
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from redact.cli.kept import settings, stores
from redact.cli.options import chosen_options, chosen_policy, listening, share_of
from redact.errors import CannotWrite, ModelMissing, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from redact.options import Index, Options
    from redact.report import Result
    from redact.review.access import Access
    from redact.review.desk import Call
    from redact.review.oidc import Provider
    from redact.review.originals import Maker, Originals
    from redact.stores.database import Database
    from redact.stores.opened import Stores
    from redact.subjects import Term

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
@click.option("--sample", metavar="PERCENT", help="Of what is done, to be reviewed. [default: the policy's]")
@click.option(
    "--export-gold", metavar="DIR", type=click.Path(path_type=Path), help="Write approved calls' labels there."
)
@click.option(
    "--export-terms", metavar="FILE", type=click.Path(path_type=Path), help="Write accepted proposals there, as YAML."
)
@click.option("--https", "is_https", is_flag=True, help="A proxy in front of it speaks TLS: cookies are bound to that.")
@click.option(
    "--proxy", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Whose word on who calls counts."
)
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
    if given["export_terms"]:
        click.echo(f"{_export_terms(_place(ctx, folder, given), given['export_terms'])} proposals were written")
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
        app.build(place), log_level="critical", access_log=False, server_header=False, date_header=False,
        proxy_headers=given["is_https"], forwarded_allow_ips=given["proxy"],
    )  # fmt: skip
    uvicorn.Server(config).run(sockets=[door])


def _place(ctx: click.Context, folder: Path, given: Mapping[str, Any]) -> Any:
    from redact.review import security
    from redact.review.access import FREE
    from redact.review.desk import Desk
    from redact.review.place import LOCAL, Place
    from redact.stores.database import connect
    from redact.stores.proposals import Proposals
    from redact.stores.reviews import Reviews

    is_kept = given["team"] or settings(ctx).has_stores or given["originals"] == "vault"
    kept = stores(ctx) if is_kept else None
    desk = Desk(folder, _told(kept, folder) if kept else dict)  # first: it refuses a folder that isn't there
    where = settings(ctx)["reviews"] if given["team"] else f"sqlite:///{folder.resolve() / _HIDDEN}"
    archive = kept.ledger.pseudonym("archive", str(folder.resolve())) if kept and given["team"] else "here"
    database = connect(where, "qa")
    ctx.call_on_close(database.close)
    reviews, policy = Reviews(database, archive), chosen_policy(given)
    originals = _originals(kept, given["originals"])
    entry = None
    if not given["team"]:
        entry = secrets.token_urlsafe(24)
        reviews.put_user(LOCAL, security.password_hash(secrets.token_urlsafe(24)))
    return Place(
        desk,
        reviews,
        originals,
        _maker(kept, folder, originals, chosen_options({**given, "force": True}, policy)) if originals else None,
        audit=kept.audit if kept else None,
        entry=entry,
        is_https=given["is_https"],
        sample=share_of(given["sample"]) if given["sample"] else policy.review_sample,
        provider=_provider(given),
        proposals=Proposals(database, archive, kept.keys) if kept and given["team"] else None,
        access=_access(kept, database, archive, is_team=given["team"]) if kept else FREE,
        supervision=_supervision(kept) if kept and given["team"] else None,
        clear=_clear(kept) if kept else lambda *_: "",
    )


def _supervision(kept: Stores) -> Callable[[str], list[str]]:
    """The data protection officer's page, by the organisation's file as it is then."""
    from redact.governance.organisation import load
    from redact.governance.supervision import parts

    return lambda language: parts(kept, load(kept.settings["organisation"]), language)


def _originals(kept: Stores | None, where: str | None) -> Originals | None:
    from redact.review.originals import InFolder, InVault

    if where == "vault" and kept:
        return InVault(kept.vault)
    return InFolder(Path(where)) if where else None


def _maker(kept: Stores | None, folder: Path, originals: Originals, options: Options) -> Maker:
    from redact import naming
    from redact.custody import Custodian
    from redact.review.originals import Maker

    def made(call: Call, done: Result) -> None:
        if not kept:
            return
        custodian = Custodian(kept, requires_basis=False, seals=False)
        custodian.require_kept(done.withdraw, call.name, naming.opaque(call.sha256))
        kept.ledger.archive(str(folder.resolve())).corrected(call.name, done.report_sha256)

    is_indexed = kept and options.loaded_policy().subject_index
    return Maker(options, originals, made, _indexing(kept, folder) if kept and is_indexed else lambda _: None)


def _access(kept: Stores, database: Database, archive: str, *, is_team: bool) -> Access:
    """What the organisation wants of whoever hears an original."""
    from redact.governance.freeze import is_frozen
    from redact.governance.organisation import load
    from redact.governance.training import is_valid
    from redact.review.access import Access
    from redact.stores.approvals import Approvals

    organisation = load(kept.settings["organisation"])
    rules = organisation.clear_access
    if rules.second_person and not is_team:
        raise UsageError("your organisation wants a second person for originals", hint="open the page with --team")
    return Access(
        Approvals(database, archive) if rules.second_person else None,
        rules.approval_hours,
        is_trained=lambda user: not rules.training or is_valid(kept, organisation, user.name, rules.training),
        is_frozen=lambda: is_frozen(kept),
        restricted=lambda: frozenset(mark.recording_id for mark in kept.marks.all("restriction")),
    )


def _indexing(kept: Stores, folder: Path) -> Callable[[Call], Index | None]:
    """What notes who is in a call that is made anew, where it is known by the id of its content."""
    from redact import naming
    from redact.custody import Custodian

    custodian = Custodian(kept, requires_basis=False, seals=False)
    booked = kept.ledger.archive(str(folder.resolve()))

    def index(call: Call) -> Index | None:
        recording_id = naming.opaque(call.sha256)
        if not (booked.of(recording_id) or kept.index.has(recording_id)):
            return None

        def note(told: Iterable[Term]) -> None:
            custodian.index(recording_id, told)

        return note

    return index


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
    from redact.review.labels import gold

    reviews = place.reviews.reviews()
    known = {name: review.report for name, review in reviews.items() if review.state == "approved"}
    chosen = [call for call in place.desk.calls() if known.get(call.name) == call.report]
    with _logged(place, "gold", ["-"]) as counts, Staged(folder) as staged:
        counts["calls"] = len(chosen)
        for call in chosen:
            staged.open(f"{call.name}.gold.json").write((json.dumps(gold(call), indent=1) + "\n").encode())
        staged.publish(force=True)
    return len(chosen)


def _export_terms(place: Any, file: Path) -> int:
    """Write accepted proposals as recognizers, for their owner alone: terms may be names; how many there were."""
    from redact.naming import is_opaque, opaque
    from redact.publish import Staged
    from redact.review.terms import recognizers

    if place.proposals is None:
        raise UsageError("there are no stores, so nobody could propose anything", hint="begin with: redact keys init")
    accepted = place.proposals.all(("accepted",))
    known = {call.name: opaque(call.sha256) for call in place.desk.calls()}
    names = {known.get(each.recording_id, each.recording_id) for each in accepted}
    calls = sorted({name if is_opaque(name) else "-" for name in names})  # another may be a person's
    with _logged(place, "terms", calls), Staged(file.absolute().parent, private=True) as staged:
        staged.open(file.name).write(recognizers(accepted).encode())
        staged.publish(force=True)
    return len(accepted)


@contextmanager
def _logged(place: Any, reason: str, of: Sequence[str]) -> Iterator[dict[str, int]]:
    """The log has what is written out, under each call that it is of; `-` for no call in particular."""
    counts: dict[str, int] = {}
    with ExitStack() as logged:
        for own_id in of if place.audit else ():
            counts = logged.enter_context(place.audit.action("review.export", own_id, reason=reason))
        yield counts


def _clear(kept: Stores) -> Callable[[Call, int, int], str]:
    """What was said in a stretch of a call, of the transcript that the vault keeps, where the policy wants one."""
    from redact.errors import KeyMissing
    from redact.transcripts import native

    def said(call: Call, start_ms: int, end_ms: int) -> str:
        try:
            transcript = native.read(b"".join(kept.vault.opened(call.name, "transcript")).decode())
        except KeyMissing:
            return ""
        middles = (
            (word, (word.start_ms or 0) + ((word.end_ms or 0) - (word.start_ms or 0)) // 2) for word in transcript.words
        )
        return " ".join(word.text for word, at in middles if start_ms <= at < end_ms).strip(" .,;:?!")

    return said


def _told(kept: Stores, folder: Path) -> Callable[[], Mapping[str, tuple[str, str]]]:
    ledger = kept.ledger.archive(str(folder.resolve()))
    return lambda: {row.recording_id: (row.queue, row.recorded_at) for row in ledger.rows(states=("done", "held"))}


def _door(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError:
        raise CannotWrite("the port is taken, or not ours", hint="choose another with --port") from None
