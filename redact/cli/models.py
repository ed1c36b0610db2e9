"""`redact models`: which models are there, and making them ready."""

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

import click
from click.shell_completion import CompletionItem

from redact.errors import ModelMissing
from redact.models import ANY_LANGUAGE, ModelFiles, Registry, Status, locate, pull, verify

_COLOURS = {"ready": "green", "damaged": "red"}
_COLUMNS = ("name", "engine", "languages", "size", "licence", "pinned", "state")


def _complete(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in Registry.load().names() if name.startswith(incomplete)]


@click.group()
def models() -> None:
    """Shows, checks and fetches the models that listen and read."""


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_models(as_json: bool) -> None:
    """Lists all models that have a name, and whether they are ready."""
    _show(verify(thorough=False), as_json=as_json)


@models.command("pull")
@click.argument("names", metavar="NAME...", nargs=-1, required=True, shell_complete=_complete)
@click.option("--offline", is_flag=True, help="Never use the network.")
def pull_models(names: tuple[str, ...], offline: bool) -> None:
    """Makes models ready: joins their parts, fetches them where they live on the hub, mends damaged ones."""
    for name in names:
        files = pull(name, offline=offline, progress=sys.stderr.isatty())
        click.echo(f"{files.name}: ready, {_pinned(files)}, {_size(files.size_bytes)}, digest {files.digest[:16]}")


@models.command("verify")
@click.argument("names", metavar="[NAME...]", nargs=-1, shell_complete=_complete)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify_models(names: tuple[str, ...], as_json: bool) -> None:
    """Reads every file of the models and compares its sha256. Without names: of those that are on this machine."""
    results = verify(names)
    if not names:
        results = tuple(result for result in results if result.state in ("ready", "damaged"))
    if not results and not as_json:
        click.echo("no model is on this machine")
        return
    _show(results, as_json=as_json)
    if bad := [result.model.name for result in results if result.state != "ready"]:
        raise ModelMissing(
            f"{len(bad)} of {len(results)} models can't be used: {', '.join(bad)}",
            hint=f"redact models pull {' '.join(bad)}",
        )


@models.command("path")
@click.argument("name", shell_complete=_complete)
def model_path(name: str) -> None:
    """Prints the folder of a model that is ready; joins its parts first where that is still to be done."""
    click.echo(str(locate(name, engine=Registry.load().get(name).engine).path))


def _show(results: Sequence[Status], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([_entry(result) for result in results], indent=2))
        return
    rows = [_COLUMNS, *(_row(result) for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    # click drops colours where the output is no terminal; NO_COLOR drops them there too.
    colour = False if os.environ.get("NO_COLOR") else None
    for number, row in enumerate(rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        if number == 0:
            click.secho(" ".join(cells).upper().rstrip(), bold=True, color=colour)
        else:
            state = click.style(row[-1], fg=_COLOURS.get(row[-1]))
            detail = results[number - 1].detail
            click.echo(" ".join([*cells[:-1], state]) + (f"  ({detail})" if detail else ""), color=colour)


def _row(result: Status) -> tuple[str, ...]:
    model = result.model
    languages = ", ".join("multilingual" if language == ANY_LANGUAGE else language for language in model.languages)
    pinned = "yes" if model.pinned else "no"
    return (model.name, model.engine, languages, _size(_bytes(result)), model.licence, pinned, result.state)


def _entry(result: Status) -> dict[str, Any]:
    model, files = result.model, result.files
    return {
        "name": model.name,
        "aliases": list(model.aliases),
        "engine": model.engine,
        "languages": list(model.languages),
        "licence": model.licence,
        "source": model.source,
        "pinned": model.pinned,
        "recorded": files.recorded if files else None,
        "bytes": _bytes(result),
        "digest": files.digest if files else None,
        "state": result.state,
        "detail": result.detail,
    }


def _bytes(result: Status) -> int | None:
    return result.files.size_bytes if result.files else result.model.size_bytes


def _pinned(files: ModelFiles) -> str:
    if files.pinned:
        return "pinned"
    return f"unpinned (recorded {files.recorded})"


def _size(size_bytes: int | None) -> str:
    return "unknown" if size_bytes is None else f"{size_bytes / 1e6:.0f} MB"
