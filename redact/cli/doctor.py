"""`redact doctor`: what is installed, which models are there, and what would fail."""

import importlib.metadata
import os
import platform
import sys

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
    click.echo(_sandbox())
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


def _sandbox() -> str:
    """Whether the decoder's child process can be cut off from the network."""
    if sys.platform != "linux":
        return "decoder: no network isolation on this system"
    pid = os.fork()
    if pid == 0:
        import ctypes

        os._exit(0 if ctypes.CDLL(None, use_errno=True).unshare(0x10000000 | 0x40000000) == 0 else 1)
    isolated = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    return "decoder: cut off from the network" if isolated else "decoder: limits only; user namespaces are off here"
