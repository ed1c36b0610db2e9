"""`redact file`: recordings and transcripts in, redacted ones out."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from redact.cli.options import TRANSCRIPT_SUFFIXES, chosen_options, chosen_policy, labelling, listening, progress
from redact.errors import ExitCode, HeldForReview, InputRejected, NoLawfulBasis, RedactError, UsageError

if TYPE_CHECKING:
    from redact.custody import Custodian
    from redact.options import Custody, Options
    from redact.pipeline import Redactor
    from redact.policy import Policy
    from redact.report import Result
    from redact.texts import TextRedactor


@click.command()
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output-dir",
    "out_dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the outputs. [default: beside each input]",
)
@listening()
@labelling()
@click.option("--mask", "mask_kind", type=click.Choice(["tone", "silence", "noise"]), help="What stands in the sound.")
@click.option("--tone-hz", type=click.IntRange(100, 4000), help="Frequency of the tone.")
@click.option("--level-dbfs", type=click.FloatRange(-60, 0), help="Level of the tone or noise.")
@click.option("--pad-before-ms", type=click.IntRange(0, 5000), help="Masked before each word.")
@click.option("--pad-after-ms", type=click.IntRange(0, 5000), help="Masked after each word.")
@click.option(
    "--offline",
    is_flag=True,
    help="Never use the network. It isn't used here anyway; models are fetched by `redact models pull` alone.",
)
@click.option(
    "--transcript",
    "transcript_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A transcript of the recording by another engine: its words and times are taken, once they are found to fit.",
)
@click.option("--realign", is_flag=True, help="Move the times of --transcript, where they are measured to be off.")
@click.option("--format", "format_name", help="Format of transcripts. [default: told by what stands in them]")
@click.option(
    "--to",
    default="same",
    show_default=True,
    metavar="FORMATS",
    help="What transcripts are written as: same, redact (our JSON), txt, vtt, srt; separated by commas.",
)
@click.option("--vault", "seals", is_flag=True, help="Keep each original in the vault, without card codes and PINs.")
@click.option("--call-id", metavar="ID", help="Of the one call, in records, log and vault. [default: by its name]")
@click.option("--recorded-at", metavar="TIME", help="When the one recording began, as 2026-03-01T09:30:00+01:00.")
@click.option("--html", is_flag=True, help="Also one page for a browser: waveform, player, transcript and figures.")
@click.option(
    "-n", "--dry-run", is_flag=True, help="Show what would be masked at first, without values, and write nothing."
)
@click.option("--force", is_flag=True, help="Replace outputs that exist.")
@click.option("-q", "--quiet", is_flag=True, help="No progress and no summary.")
@click.option("--json", "as_json", is_flag=True, help="Print each call's report as one JSON line.")
@click.pass_context
def file(ctx: click.Context, /, **given: Any) -> None:
    """Redacts recordings: a bleeped copy, and transcripts without personal data. And transcripts alone.

    INPUT is a recording, a transcript, or a folder of recordings or, where it has none, of transcripts. For each
    NAME.wav there come NAME.redacted.wav (in the recording's own format), .redacted.txt, .vtt, .srt and .json, and
    NAME.report.json; for each transcript NAME.redacted.EXT in its own format, and NAME.report.json. One failing input
    doesn't stop the others.
    """
    paths = list(_expanded(given["inputs"]))
    _check_transcript(given, paths)
    policy = chosen_policy(given)
    options = chosen_options(given, policy)
    custodian = _custodian(ctx, given, paths, policy=policy)
    with progress(quiet=given["quiet"] or given["as_json"]) as (advance, console):
        redact = _Redact(options, given, advance, custodian)
        errors = [error for n, path in enumerate(paths, 1) if (error := _one(redact, path, n, given, console))]
    if errors and len(paths) == 1:
        ctx.exit(errors[0].exit_code)
    ctx.exit(ExitCode.SOME_FAILED if errors else ExitCode.OK)


class _Redact:
    """Redacts inputs of both kinds; what it takes for one is loaded with the first that needs it."""

    def __init__(self, options: Options, given: dict[str, Any], advance: Any, custodian: Custodian | None) -> None:
        self._options = options
        self._given = given
        self._advance = advance
        self._custodian = custodian
        self._recordings: Redactor | None = None
        self._transcripts: TextRedactor | None = None

    def __call__(self, path: Path) -> Result:
        if self._custodian is None:
            return self._redacted(path)
        from redact.custody import opaque_id

        call_id, recorded_at = self._given["call_id"], self._given["recorded_at"] or ""
        basis = self._custodian.basis(call_id or path.stem, recorded_at, logged_as=call_id or "-")
        own, beside = opaque_id(path), {"call_id": call_id or ""}
        self._custodian.check(own, call_id or own)
        with self._custodian.of(call_id or own, basis, beside) as custody:
            result = self._redacted(path, custody=custody)
            self._custodian.require_kept(result.withdraw, own, call_id or own)
            return result

    def _redacted(self, path: Path, **custody: Custody) -> Result:
        out_dir, dry_run = self._given["out_dir"], self._given["dry_run"]
        if path.suffix.lower() in TRANSCRIPT_SUFFIXES:
            if self._transcripts is None:
                from redact.texts import TextRedactor

                self._transcripts = TextRedactor(self._options, self._advance)
            to = [name.strip() for name in self._given["to"].split(",") if name.strip()]
            return self._transcripts.redact_file(
                path, out_dir, name=self._given["format_name"], to=to, dry_run=dry_run, **custody
            )
        if self._recordings is None:
            from redact.pipeline import Redactor

            self._recordings = Redactor(self._options, self._advance)
        from redact.transcripts.formats import read_transcript

        own = self._given["transcript_file"]
        transcript = read_transcript(own, self._given["format_name"]) if own else None
        return self._recordings.redact_file(
            path, out_dir, transcript=transcript, realign=self._given["realign"], dry_run=dry_run, **custody
        )


def _custodian(ctx: click.Context, given: dict[str, Any], paths: list[Path], *, policy: Policy) -> Custodian | None:
    """What takes calls into custody; None where nothing is kept, logged or required."""
    if len(paths) != 1 and (given["call_id"] or given["recorded_at"]):
        raise UsageError("--call-id and --recorded-at are of one call", hint="give one recording with them")
    from redact.cli.kept import settings

    is_required = policy.lawful_basis == "required"
    is_kept = is_required or given["seals"] or settings(ctx).has_stores
    if not is_kept:
        return None
    from redact.cli.kept import stores
    from redact.custody import Custodian
    from redact.stores.consent import moment
    from redact.stores.data_keys import IDS

    if given["call_id"] and not IDS.fullmatch(given["call_id"]):
        raise UsageError("--call-id is not an id", hint="letters, digits, and . _ : - between them, at most 80")
    given["recorded_at"] = moment(given["recorded_at"]) if given["recorded_at"] else ""
    return Custodian(stores(ctx), requires_basis=is_required, seals=given["seals"], indexes=policy.subject_index)


def _check_transcript(given: dict[str, Any], paths: list[Path]) -> None:
    """--transcript goes with one recording, and --realign with --transcript."""
    if given["realign"] and not given["transcript_file"]:
        raise UsageError("--realign moves the times of a transcript, and none is given", hint="add --transcript FILE")
    if given["transcript_file"] and (len(paths) != 1 or paths[0].suffix.lower() in TRANSCRIPT_SUFFIXES):
        raise UsageError("--transcript goes with one recording", hint="give exactly one recording with it")


def _one(redact: _Redact, path: Path, number: int, given: dict[str, Any], console: Any) -> RedactError | None:
    """Redact one input and tell what came of it; the error, if any, is told and returned."""
    from redact.cli.main import tell, unexpected

    try:
        result = redact(path)
    except RedactError as error:
        if not isinstance(error, (HeldForReview, InputRejected)) and error.exit_code in {
            ExitCode.BAD_POLICY, ExitCode.MODEL_MISSING, ExitCode.USAGE, ExitCode.KEY,
        }:  # fmt: skip
            raise  # it would fail the same for every input
        # A call that must not be processed is not read for a name either.
        is_refused = isinstance(error, NoLawfulBasis) and not sys.stderr.isatty()
        tell(error, f"input {number}" if is_refused else _called(path, number, sys.stderr))
        return error
    except Exception as error:
        told = unexpected(error)
        tell(told, _called(path, number, sys.stderr))
        return told
    for warning in result.warnings:
        click.echo(f"redact: {_called(path, number, sys.stderr, result)}: {warning}", err=True)
    if given["as_json"]:
        click.echo(json.dumps(result.report, ensure_ascii=False))
    elif not given["quiet"]:
        _summary(console, _called(path, number, sys.stdout, result), result, dry_run=given["dry_run"])
    return None


def _called(path: Path, number: int, stream: TextIO, result: Result | None = None) -> str:
    """What an input is called: by its name at a terminal, and where that may be kept as its outputs are.

    Without outputs nobody knows whether the name says something personal.
    """
    from redact import naming

    if stream.isatty():
        return path.name
    if result and result.outputs:
        return result.outputs[0].stem.removesuffix(".redacted")
    try:
        if path.is_file():
            with path.open("rb") as file:
                return f"input {number}, {naming.opaque(hashlib.file_digest(file, 'sha256').hexdigest())}"
    except OSError:
        pass  # what can't be read has no digest
    return f"input {number}"


def _expanded(inputs: tuple[Path, ...]) -> Iterator[Path]:
    """Files as given; of folders, the recordings in them that are not outputs."""
    from redact.naming import RECORDINGS, is_report

    for given in inputs:
        if not given.is_dir():
            yield given
            continue
        inside = sorted(p for p in given.iterdir() if ".redacted" not in p.name and not is_report(p.name))
        recordings, transcripts = (
            [path for path in inside if path.suffix.lower() in kinds] for kinds in (RECORDINGS, TRANSCRIPT_SUFFIXES)
        )
        if not recordings and not transcripts:
            known = " ".join(sorted({*RECORDINGS, *TRANSCRIPT_SUFFIXES}))
            raise InputRejected("the folder holds no recordings and no transcripts", hint=f"known endings: {known}")
        yield from recordings or transcripts  # a transcript beside a recording would have outputs of the same names


def _summary(console: Any, name: str, result: Result, *, dry_run: bool) -> None:
    from rich.markup import escape

    done = result.report
    read = done["input"]
    console.print(f"[bold]{escape(name)}[/bold]: {'would be redacted' if dry_run else 'redacted'}")
    sure = done["language_probability"]
    console.print(f"  language   {done['language']}{f' ({sure:.0%})' if sure is not None else ''}")
    found = ", ".join(f"{count} {name}" for name, count in done["replacements"].items()) or "nothing"
    if "format" in read:
        console.print(f"  format     {read['format']}, {read['turns']} turns")
        console.print(f"  found      {found}")
        if read["fields_dropped"]:
            console.print(f"  dropped    {escape(', '.join(read['fields_dropped']))}")
    else:
        console.print(f"  speakers   {', '.join(read['channels'])}")
        console.print(f"  found      {found}")
        seconds = read["duration_ms"] / 1000
        console.print(
            f"  masked     {done['masked_ms'] / 1000:.1f} of {seconds:.1f} s, in {len(done['intervals'])} places"
        )
    if done["heard_again"]:
        again = ", ".join(f"{count} {name}" for name, count in done["heard_again"].items())
        console.print(f"  and then   {again}, still heard in the redacted sound, and masked too")
    if done["doubts"]:
        console.print(f"  in doubt   {_doubts(done['doubts'])}")
    if dry_run:
        for interval in done["intervals"]:
            start, end = interval["start_ms"] / 1000, interval["end_ms"] / 1000
            console.print(f"    {start:8.2f} - {end:8.2f} s  {', '.join(interval['entity_types'])}")
    for output in result.outputs:
        console.print(f"  wrote      {escape(str(output if sys.stdout.isatty() else output.name))}")


def _doubts(doubts: dict[str, int]) -> str:
    return ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in doubts.items())
