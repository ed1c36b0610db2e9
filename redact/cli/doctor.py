"""`redact doctor`: what is installed, which models are there, and what would fail."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from redact.cli.kept import settings, stores
from redact.errors import Damaged, ExitCode, InputRejected, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_FOLDER = click.Path(path_type=Path)
_SIGNS = {"ok": "ok", "warning": "WARNING", "failed": "FAILED", "unknown": "unknown"}

_LIBRARIES = (
    "faster-whisper", "ctranslate2", "presidio-analyzer", "presidio-anonymizer", "spacy", "av", "soundfile", "pydub",
    "onnxruntime", "numpy", "pydantic", "click",
)  # fmt: skip


@click.command()
@click.option("--security", is_flag=True, help="Check the whole installation: keys, log, vault, outputs, users.")
@click.option("--json", "as_json", is_flag=True, help="With --security: print JSON.")
@click.option(
    "-o", "--output", metavar="DIR", type=_FOLDER, help="With --security: write the report, signed, and pages."
)
@click.option("--force", is_flag=True, help="With -o: replace a report and pages of this month that exist.")
@click.option("--keyring-backups", metavar="DIR", type=_FOLDER, help="With --security: backups of the store of keys.")
@click.option("--check", metavar="FILE", type=_FOLDER, help="Tell whether such a report is signed, and as it was.")
@click.pass_context
def doctor(ctx: click.Context, /, *, security: bool, **given: Any) -> None:
    """Tells what is installed, which models are there, and what would fail. Exit code 4 where something is missing.

    With --security it checks an installation, and ends with exit code 1 where a check fails. With -o that is written:
    audit-YYYY-MM.json, signed, and the same to be read in English and French, audit-YYYY-MM.en.html and .fr.html.
    """
    if given["check"]:
        _check(ctx, given["check"])
    elif security:
        _security(ctx, **given)
    elif any(given[name] for name in ("as_json", "output", "force", "keyring_backups")):
        raise UsageError("these options belong to --security", hint="redact doctor --security")
    else:
        _installed(ctx)


def _security(
    ctx: click.Context,
    *,
    as_json: bool,
    output: Path | None,
    force: bool,
    keyring_backups: Path | None,
    check: None,  # noqa: ARG001
) -> None:
    import json
    from datetime import UTC, datetime

    from redact.governance import security, security_page
    from redact.governance.check import Installation
    from redact.publish import check_targets

    now = datetime.now(UTC)
    if output:
        check_targets(output, security_page.names(now), force=force)
    kept = stores(ctx)
    checks = security.checked(Installation(settings(ctx), kept, now, keyring_backups))
    told = security.report(checks, now)
    if as_json:
        click.echo(json.dumps(told, indent=1))
    else:
        for each in checks:
            evidence = ", ".join(f"{name} {value}" for name, value in each.evidence.items() if value != "")
            click.echo(f"  {_SIGNS[each.result]:<8} {each.check_id:<18} {evidence}".rstrip())
            if each.hint and each.result != "ok":
                click.echo(f"           {each.hint}")
    if output:
        signed = security.signed(told, kept.audit)
        with kept.audit.action("document.sign", reason="security") as counts:
            counts |= told["counts"]
            _write(output, security_page.files(signed, now), force=force)
    ctx.exit(ExitCode.SOME_FAILED if told["counts"]["failed"] else ExitCode.OK)


def _write(folder: Path, files: Mapping[str, bytes], *, force: bool) -> None:
    """The report of a month, and its pages; those of later in the month take their place with `force` alone."""
    from redact.publish import Staged

    with Staged(folder, private=True) as staged:
        for name, content in files.items():
            staged.open(name).write(content)
        staged.publish(force=force)
    report, *pages = files
    click.echo(f"signed: {report}\nto read: {' '.join(pages)}", err=True)


def _check(ctx: click.Context, file: Path) -> None:
    import hashlib
    import json

    from redact.governance import security

    try:
        content = file.read_bytes()
        told = json.loads(content)
        is_signed = security.is_signed(told, stores(ctx).audit)
    except (OSError, ValueError, AttributeError):
        raise InputRejected("the file is no report of this command", hint="give an audit-YYYY-MM.json") from None
    if not is_signed:
        raise Damaged("the report was changed, or another log signed it", hint="compare with a copy, or make another")
    click.echo(
        f"signed by this log at {told['at']}, and not changed since; SHA-256 {hashlib.sha256(content).hexdigest()}"
    )


def _installed(ctx: click.Context) -> None:
    missing = 0
    click.echo(
        f"python {platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    )
    for name in _LIBRARIES:
        try:
            click.echo(f"  ok       {name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing += 1
            click.echo(f"  MISSING  {name}: pip install --force-reinstall callredact")
    missing += _models()
    _sandbox()
    ctx.exit(ExitCode.MODEL_MISSING if missing else ExitCode.OK)


def _models() -> int:
    from redact.loaded import DEFAULT_MODEL, SPACY_MODELS
    from redact.models import verify

    click.echo("models that the defaults need")
    missing = 0
    for status in verify((DEFAULT_MODEL, *SPACY_MODELS.values()), thorough=False):
        if status.files:
            click.echo(f"  ok       {status.model.name} sha256 {status.files.digest[:16]}")
        else:
            missing += 1
            click.echo(f"  MISSING  {status.model.name}: {status.state}; {status.model.how_to_get}")
    return missing


_PROTECTIONS = {
    "network": (
        "a network of its own, which leads nowhere",
        "user namespaces are off here: turn them on (sysctl user.max_user_namespaces; in a container its seccomp "
        "profile), or run where there is no network; where the next line is ok, no socket can be made all the same",
    ),
    "system_calls": (
        "no system call that makes a file, a socket or a process",
        "the kernel has no seccomp filters, or this is no x86-64: run redact in a container without network",
    ),
    "limits": (
        "limits on CPU time, memory, files and processes",
        "the system refused them: run redact where its memory and time are limited",
    ),
    "privileges": (
        "no new privileges",
        "the kernel is older than 3.5: run redact as a user without rights",
    ),
}


def _sandbox() -> None:
    """What the decoder's process can't do, each tried on a process like it. What is lacking is no error."""
    from redact.audio.decoder import protections

    click.echo("what keeps the decoder from doing harm, should a file take it over")
    for name, in_force in protections().items():
        what, otherwise = _PROTECTIONS[name]
        click.echo(f"  ok       {what}" if in_force else f"  LACKING  {what}: {otherwise}")
