"""What was done to one call, without a single personal value."""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from redact.call import Recording, Transcript
from redact.detect.agreement import spoken_consent
from redact.findings import AudioInterval, Finding, Plan, Verification
from redact.plan import Mention

SCHEMA = "callredact.report"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Run:
    """How a call was processed: policy and models by digest, seconds spent in each stage, and what allowed it.

    Attributes:
        decisions: how many a person made about what is masked.
        grid_ms: times of findings lie on it, as masks do: a name's own length may tell which it is.
    """

    policy: str
    policy_digest: str
    models: Mapping[str, str]
    timings_s: Mapping[str, float]
    redact_version: str
    basis: str = "not recorded"
    decisions: int = 0
    grid_ms: int = 200


@dataclass(frozen=True, slots=True)
class Result:
    """What came out: paths of the outputs (none in a dry run), the report, and the plan."""

    outputs: tuple[Path, ...]
    report: dict[str, Any]
    plan: Plan
    warnings: tuple[str, ...] = ()

    @property
    def report_sha256(self) -> str:
        """Of the report as it was published, in hex."""
        return hashlib.sha256(write(self.report).encode()).hexdigest()

    def withdraw(self) -> None:
        """Remove what was published: the recording was erased in the meantime."""
        for output in self.outputs:
            output.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class TranscriptFile:
    """What went in where there was no sound.

    Attributes:
        sha256: hex digest of the file's bytes.
        format: that it was read as.
        fields_dropped: how often each field was dropped, by its place. Keys that may be anybody's are hidden.
    """

    sha256: str
    format: str
    fields_dropped: Mapping[str, int]


def build(
    run: Run,
    recording: Recording,
    transcript: Transcript,
    findings: tuple[Finding, ...],
    plan: Plan,
    verification: Verification | None,
    outputs: Mapping[str, str],
    notes: tuple[str, ...] = (),
    again: tuple[Mention, ...] = (),
) -> dict[str, Any]:
    """The report as a JSON-ready object; `docs/schemas/report-1.json` describes it.

    Args:
        run: how.
        recording: what went in.
        transcript: its language and doubts are told, not its words.
        findings: those that count, by type and recognizer.
        plan: what was masked.
        verification: None where nothing was staged.
        outputs: SHA-256 of each output by its suffix.
        notes: such as why the format changed.
        again: what was masked because it was still heard when the redacted sound was listened to again.
    """
    done = _Done(transcript, findings, plan, verification, outputs)
    return _told(
        run,
        done,
        {
            "sha256": recording.sha256,
            "container": recording.container,
            "codec": recording.codec,
            "sample_rate": recording.sample_rate,
            "channels": list(recording.roles),
            "duration_ms": recording.duration_ms,
            "tags_dropped": list(recording.tags),
            "streams_dropped": recording.other_streams,
        },
        notes,
        again,
    )


def build_text(
    run: Run,
    read: TranscriptFile,
    transcript: Transcript,
    findings: tuple[Finding, ...],
    plan: Plan,
    verification: Verification,
    outputs: Mapping[str, str],
) -> dict[str, Any]:
    """The report on a transcript without sound, of the same schema.

    Args:
        run: how.
        read: what went in.
        transcript: its language is told, not its words.
        findings: those that count, by type and recognizer.
        plan: what was masked.
        verification: of what was written.
        outputs: SHA-256 of each output by its suffix.
    """
    told = {
        "sha256": read.sha256,
        "format": read.format,
        "turns": sum(not turn.aside for turn in transcript.turns),
        "words": len(transcript.words),
        "fields_dropped": dict(sorted(read.fields_dropped.items())),
    }
    return _told(run, _Done(transcript, findings, plan, verification, outputs), told)


@dataclass(frozen=True, slots=True)
class _Done:
    """What both kinds of report tell of."""

    transcript: Transcript
    findings: tuple[Finding, ...]
    plan: Plan
    verification: Verification | None
    outputs: Mapping[str, str]


def _told(
    run: Run, done: _Done, read: Mapping[str, Any], notes: Sequence[str] = (), again: Sequence[Mention] = ()
) -> dict[str, Any]:
    plan, verification = done.plan, done.verification
    status = "held" if plan.hold else ("done" if verification and verification.passed else "failed")
    spoken = spoken_consent(done.transcript)
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "redact_version": run.redact_version,
        "status": status,
        "basis": run.basis,
        "input": dict(read),
        "policy": {"name": run.policy, "sha256": run.policy_digest},
        "models": dict(run.models),
        "language": done.transcript.language,
        "language_probability": done.transcript.language_probability,
        "replacements": dict(sorted(Counter(r.entity_type for r in plan.replacements).items())),
        "recognizers": dict(sorted(Counter(f.recognizer for f in done.findings).items())),
        "findings": [_finding(found, done.transcript, run.grid_ms) for found in _masked(done)],
        "heard_again": dict(sorted(Counter(mention.entity_type for mention in again).items())),
        "decisions": run.decisions,
        **({"spoken_consent": asdict(spoken)} if spoken else {}),
        "masked_ms": masked_ms(plan),
        "intervals": [_interval(interval) for interval in plan.intervals],
        "doubts": dict(plan.doubts),
        "checks": [
            {"name": check.name, "passed": check.passed, "figure": check.figure}
            for check in (verification.checks if verification else ())
        ],
        "outputs": dict(done.outputs),
        "notes": list(notes),
        "timings_s": {stage: round(seconds, 3) for stage, seconds in run.timings_s.items()},
    }


def write(report: Mapping[str, Any]) -> str:
    """The report's file."""
    return json.dumps(report, indent=2, ensure_ascii=False) + "\n"


def masked_ms(plan: Plan) -> int:
    """Masked time, each moment counted once."""
    total = until = 0
    for interval in sorted(plan.intervals, key=lambda i: i.start_ms):
        total += max(0, interval.end_ms - max(interval.start_ms, until))
        until = max(until, interval.end_ms)
    return total


def _masked(done: _Done) -> list[Finding]:
    """Findings of what is masked, in the order of their words."""
    types = {index: r.entity_type for r in done.plan.replacements for index in range(r.first, r.last + 1)}
    return sorted(
        (found for found in done.findings if any(index in types for index in found.words)),
        key=lambda found: (found.words, -found.score, found.entity_type),
    )


def _finding(found: Finding, transcript: Transcript, grid_ms: int) -> dict[str, Any]:
    """Why something is masked: times, a score and words of fixed lists."""
    words = [transcript.words[index] for index in found.words]
    starts = [word.start_ms // grid_ms * grid_ms for word in words if word.start_ms is not None]
    ends = [-(-word.end_ms // grid_ms) * grid_ms for word in words if word.end_ms is not None]
    return {
        "start_ms": min(starts, default=None),
        "end_ms": max(ends, default=None),
        "channel": words[0].channel,
        "entity_type": found.entity_type,
        "score": round(found.score, 3),
        "recognizer": found.recognizer,
        "evidence": list(found.evidence),
    }


def _interval(interval: AudioInterval) -> dict[str, Any]:
    return {
        "start_ms": interval.start_ms,
        "end_ms": interval.end_ms,
        "channels": list(interval.channels),
        "entity_types": list(interval.entity_types),
    }


class Clock:
    """Seconds spent in each stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time within to the stage of that name."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started
