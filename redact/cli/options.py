"""What the commands that listen to a call have in common: their options, and what becomes of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from redact.errors import UsageError

if TYPE_CHECKING:
    from redact.call import Role
    from redact.options import Options
    from redact.policy import Policy

TRANSCRIPT_SUFFIXES = frozenset([".json", ".jsonl", ".ndjson", ".vtt", ".srt", ".txt", ".csv", ".tsv"])


def complete_policy(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Names of policies, for the shell."""
    from redact.policy import names

    return [name for name in names() if name.startswith(incomplete)]


def finding(policy: str = "") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The options of a command that finds what is personal, first in its help.

    Args:
        policy: what the policy says to this command.
    """
    return _all(
        click.option(
            "--policy",
            "policy_name",
            default="default",
            show_default=True,
            shell_complete=complete_policy,
            help=f"Name or YAML file of the policy{policy}.",
        ),
        click.option("--language", default="auto", show_default=True, help="auto, en or fr."),
        click.option(
            "--recognizers",
            metavar="FILE",
            help="Your own recognizers, allow and deny lists: YAML as in docs/recognizers.md; beside the policy's.",
        ),
    )


def listening(policy: str = "") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The options of a command that listens to a call, first in its help.

    Args:
        policy: what the policy says to this command.
    """
    return _all(
        finding(policy),
        click.option(
            "--model",
            default="base",
            show_default=True,
            help="Speech model: a name of `redact models list`, or a folder.",
        ),
        click.option("--channels", metavar="ROLES", help="What each channel holds, such as agent,customer."),
        click.option(
            "--device",
            type=click.Choice(["auto", "cpu", "cuda"]),
            default="auto",
            show_default=True,
            help="Where the speech model runs.",
        ),
    )


def labelling() -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The options of a command that puts something in the place of what it finds."""
    return _all(
        click.option("--entities", metavar="TYPES", help="Mask only these entity types, separated by commas."),
        click.option("--threshold", type=click.FloatRange(0, 1), help="Least score of a finding, for all types."),
        click.option(
            "--allow-file",
            type=click.File("r", encoding="utf-8"),
            help="Terms that are never personal, one a line; - for standard input.",
        ),
        click.option(
            "--deny-file",
            type=click.File("r", encoding="utf-8"),
            help="Terms that always are, one a line; - for standard input.",
        ),
        click.option(
            "--label-style",
            type=click.Choice(["type", "numbered", "hash", "keyed"]),
            help="[PERSON], [PERSON_1], #### or [PERSON_7QK2M4ZPXA5T].",
        ),
        key_file,
        click.option(
            "--keep-field",
            "keep_fields",
            metavar="PATH",
            multiple=True,
            help="Of a transcript: an unknown field that may stay, searched and redacted, such as results.items.note.",
        ),
    )


def _all(*options: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Callable[..., Any]:
    """Several options as one decorator, in this order in the help."""

    def with_options(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return with_options


key_file = click.option(
    "--key-file",
    type=click.Path(path_type=Path),
    help="Key of what is hashed, encrypted or replaced by surrogates: 32 random bytes, readable by you alone. "
    "[default: REDACT_KEY of the environment]",
)


def chosen_policy(given: Mapping[str, Any]) -> Policy:
    """The chosen policy with the options laid over it.

    Raises:
        PolicyError: there is no such policy, or it or an option is wrong.
    """
    from redact.policy import load

    policy = load(given["policy_name"])
    if given.get("recognizers"):
        policy = policy.with_recognizers(given["recognizers"])
    changes: dict[str, Any] = {}
    entities = dict(policy.entities)
    if given.get("entities"):
        wanted = [name.strip().upper() for name in given["entities"].split(",") if name.strip()]
        entities = {name: entities.get(name, 0.4) for name in wanted}
    if given.get("threshold") is not None:
        entities = dict.fromkeys(entities, given["threshold"])
    if entities != policy.entities:
        changes["entities"] = entities
    mask = {"kind": given.get("mask_kind"), "frequency_hz": given.get("tone_hz"), "level_dbfs": given.get("level_dbfs")}
    padding = {"before_ms": given.get("pad_before_ms"), "after_ms": given.get("pad_after_ms")}
    for key, values in (("mask", mask), ("padding", padding)):
        set_values = {name: value for name, value in values.items() if value is not None}
        if set_values:
            changes[key] = {**getattr(policy, key).model_dump(), **set_values}
    if given.get("label_style"):
        changes["label_style"] = given["label_style"]
    if given.get("keep_fields"):
        changes["keep_fields"] = (*policy.keep_fields, *given["keep_fields"])
    return policy.changed(**changes) if changes else policy


def chosen_options(given: Mapping[str, Any], policy: Policy) -> Options:
    """How to redact, as a command's options say; what a command doesn't have is as by default.

    Raises:
        UsageError: a channel's role is unknown.
        KeyMissing: the key can't be read.
    """
    from redact import keys
    from redact.options import Options

    keyed = given.get("key_file") or policy.needs_key
    return Options(
        policy=policy,
        model=given.get("model"),
        language=given["language"],
        roles=roles(given.get("channels")),
        device=given.get("device", "auto"),
        threads=given.get("threads"),
        allow=terms(given.get("allow_file")),
        deny=terms(given.get("deny_file")),
        force=given.get("force", False),
        html=given.get("html", False),
        key=keys.read(given.get("key_file")) if keyed else None,
    )


def roles(text: str | None) -> tuple[Role, ...] | None:
    """What each channel holds, as given with --channels.

    Raises:
        UsageError: a role is unknown.
    """
    if text is None:
        return None
    from redact.call import ROLES, role_named

    named = []
    for name in text.split(","):
        role = role_named(name)
        if role is None:
            raise UsageError(f"unknown channel role {name.strip()!r}", hint=f"known roles: {', '.join(ROLES)}")
        named.append(role)
    return tuple(named)


def share_of(percent: str) -> float:
    """A share of all, as given in percent.

    Raises:
        UsageError: it is none.
    """
    try:
        share = float(percent.rstrip("% ")) / 100
    except ValueError:
        share = -1
    if not 0 < share <= 1:
        raise UsageError(f"{percent!r} is no share", hint="such as 5%")
    return share


def terms(source: Any) -> tuple[str, ...]:
    """Terms of an open file, one a line; lines that begin with # are notes."""
    if source is None:
        return ()
    return tuple(line.strip() for line in source if line.strip() and not line.startswith("#"))


@contextmanager
def progress(*, quiet: bool) -> Iterator[tuple[Any, Any]]:
    """A function to report progress to, and the console of the summary."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    if quiet or not sys.stderr.isatty():
        yield (lambda *_: None), console
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("{task.description:<12}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"), TimeElapsedColumn(),
        console=Console(stderr=True), transient=True,
    ) as bar:  # fmt: skip
        task = bar.add_task("starting", total=1)
        yield (
            (lambda stage, done, total: bar.update(task, description=stage, completed=done, total=max(total, 1))),
            console,
        )
