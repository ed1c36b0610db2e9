"""`redact doctor`: what is installed, which models are there, and what would fail."""

import importlib.metadata
import os
import platform

import click

from redact.errors import ExitCode

_LIBRARIES = (
    "faster-whisper", "ctranslate2", "presidio-analyzer", "presidio-anonymizer", "spacy", "av", "soundfile", "pydub",
    "onnxruntime", "numpy", "pydantic", "click",
)  # fmt: skip


@click.command()
@click.pass_context
def doctor(ctx: click.Context) -> None:
    """Tells what is installed, which models are there, and what would fail. Exit code 4 where something is missing."""
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
