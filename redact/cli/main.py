"""The command `redact`: commands are imported when they are called, so that help answers at once; errors end here."""

import importlib
import resource
import signal
import sys
from pathlib import Path
from types import FrameType

import click

from redact import __version__
from redact.errors import ExitCode, RedactError

_COMMANDS = {
    "file": ("redact.cli.file", "file", "Redact recordings: bleeped audio and redacted transcripts."),
    "text": ("redact.cli.text", "text", "Redact one transcript or a stream of turns, in a pipe."),
    "explain": ("redact.cli.explain", "explain", "Tell what would be found in a call, and why."),
    "verify": ("redact.cli.verify", "verify", "Check that a recording is redacted, by listening to it."),
    "evaluate": ("redact.cli.evaluate", "evaluate", "Measure how well a folder of labelled calls is redacted."),
    "restore": ("redact.cli.restore", "restore", "Give back what was encrypted in redacted text, with the key."),
    "batch": ("redact.cli.batch", "batch", "Redact an archive, unattended; count every file."),
    "review": ("redact.cli.review", "review", "Open the QA team's page on redacted calls."),
    "users": ("redact.cli.users", "users", "Say who may use the QA team's page."),
    "consent": ("redact.cli.consent", "consent", "Record what allows calls to be processed."),
    "subject": ("redact.cli.subject", "subject", "Answer people's requests: access, erasure and so on."),
    "retention": ("redact.cli.retention", "retention", "Erase what is older than it may be, and certify it."),
    "vault": ("redact.cli.vault", "vault", "Keep originals encrypted, and give them back."),
    "keys": ("redact.cli.keys", "keys", "Make and change the master keys."),
    "breach": ("redact.cli.breach", "breach", "Answer a breach: what is exposed, what stops it, who is told."),
    "training": ("redact.cli.training", "training", "Record who was trained, and set an exercise."),
    "audit": ("redact.cli.audit", "audit", "Check and show the log of what was done."),
    "register": ("redact.cli.register", "register", "Make the record of processing, from what really ran."),
    "notice": ("redact.cli.notice", "notice", "Make what callers are told, in versions."),
    "dpia": ("redact.cli.dpia", "dpia", "Draft the impact assessment."),
    "report": ("redact.cli.report", "report", "Make the monthly report; have it signed, and checked."),
    "config": ("redact.cli.config", "config", "Show the settings, and where each comes from."),
    "models": ("redact.cli.models", "models", "List, fetch and check the models."),
    "policy": ("redact.cli.policy", "policy", "List, show and check policies."),
    "doctor": ("redact.cli.doctor", "doctor", "Tell what is installed, and what would fail."),
}


class _Lazy(click.Group):
    """A group that knows its commands' names and one-line help without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Names, in the order of the help."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command that is asked for."""
        if cmd_name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_line) for name, (_, _, help_line) in _COMMANDS.items()])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="redact")
@click.option("--config", metavar="FILE", type=click.Path(path_type=Path), help="Settings to use, in TOML.")
@click.pass_context
def cli(ctx: click.Context, config: Path | None) -> None:
    r"""Redacts personal data in call recordings and their transcripts.

    \b
    redact file CALL.wav        bleeped audio and a redacted transcript, beside the recording
    redact file CALL.wav -n     what would be masked, without writing anything

    Shell completion: eval "$(_REDACT_COMPLETE=bash_source redact)" (or zsh_source, fish_source).
    """
    from redact import settings

    ctx.obj = settings.load(config)
    chosen = ctx.obj.defaults
    if chosen:
        if "policy" in chosen:
            chosen["policy_name"] = chosen["policy"]
        ctx.default_map = dict.fromkeys(_COMMANDS, chosen)


def run() -> None:
    """Run the command line and exit with a code of `redact.errors.ExitCode`."""
    signal.signal(signal.SIGTERM, _terminated)
    # A core dump would hold what was said.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    try:
        code = cli.main(standalone_mode=False)
    except RedactError as error:
        tell(error)
        code = error.exit_code
    except click.exceptions.Abort:
        click.echo("redact: interrupted; nothing half-done was left", err=True)
        code = ExitCode.INTERRUPTED
    except click.ClickException as error:
        error.show()
        code = ExitCode.USAGE
    except BrokenPipeError:
        sys.stderr.close()
        code = ExitCode.SOME_FAILED
    except Exception as error:
        tell(unexpected(error))
        code = ExitCode.SOME_FAILED
    sys.exit(int(code or 0))


def tell(error: RedactError, where: str = "") -> None:
    """Print an error on one line, and its next step on another."""
    click.echo(f"redact: {where}{': ' if where else ''}{error.message}\n  next: {error.hint}", err=True)


def unexpected(error: Exception) -> RedactError:
    """What to tell of an error that nobody raised on purpose: its type and place, for its message may hold anything."""
    told = RedactError(
        f"unexpected {type(error).__name__} in {_place(error)}; nothing was published of what it was about",
        hint="report this with the version from: redact --version",
    )
    told.exit_code = ExitCode.SOME_FAILED
    return told


def _place(error: Exception) -> str:
    """Module and line that raised, without any value."""
    trace = error.__traceback__
    place = "?"
    while trace is not None:
        name = trace.tb_frame.f_globals.get("__name__", "?")
        if name.startswith("redact"):
            place = f"{name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _terminated(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(int(ExitCode.TERMINATED))
