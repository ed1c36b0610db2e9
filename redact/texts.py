"""Transcripts without their sound: redacted in place, whole or as a stream of turns.

The same detection, plan and labels as for a recording, and the same check at the end; only nothing is heard.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from redact import __version__, naming, report, subjects, verify
from redact.call import Transcript
from redact.detect.language import told
from redact.detect.spoken.base import load as load_language
from redact.detect.spoken.base import supported
from redact.errors import HeldForReview, UsageError, VerificationFailed
from redact.findings import Finding, Plan, Verification
from redact.loaded import Loaded
from redact.options import DEFAULTS, NO_CUSTODY, Custody, Options, Progress, check_basis, no_progress
from redact.plan import VALUE_CHARACTERS, Sound, make_plan, said
from redact.publish import Staged, check_targets
from redact.text import Labeller, Numbers, RedactedTranscript
from redact.text import redact as apply
from redact.transcripts import formats, native, plain, srt, vtt
from redact.transcripts.draft import SPEAKER_LABEL
from redact.transcripts.formats import Opened

SAME = "same"
WRITERS: Mapping[str, tuple[str, Callable[[RedactedTranscript], str]]] = {
    "redact": (".json", lambda done: native.write(done.transcript, duration_ms=None, entities=done.entities)),
    "txt": (".txt", lambda done: plain.write(done.transcript)),
    "vtt": (".vtt", lambda done: vtt.write(done.transcript)),
    "srt": (".srt", lambda done: srt.write(done.transcript)),
}
"""What a transcript can be written as besides its own format: suffix and writer."""


@dataclass(frozen=True, slots=True)
class RedactedText:
    """A redacted transcript.

    Attributes:
        text: the file's text, in the format that it was read from.
        transcript: what was said, labels in place of what is masked.
        entities: entity type of each label, by its index in `transcript.words`.
        report: what was done, without a personal value.
    """

    text: str
    transcript: Transcript
    entities: Mapping[int, str]
    report: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Done:
    """A transcript with all that is known of it."""

    opened: Opened
    transcript: Transcript
    findings: tuple[Finding, ...]
    plan: Plan
    values: frozenset[tuple[str, ...]]
    text: str = field(repr=False)
    dropped: Mapping[str, int]
    redacted: RedactedTranscript
    verification: Verification
    basis: str = NO_CUSTODY.basis


class TextRedactor:
    """Redacts transcripts with one set of options. Models are loaded at first use and kept.

    Raises:
        PolicyError: the policy, or a recognizers file that it names, is wrong.
        ModelMissing: a recognizer wants a library or a model that is not here.
        UsageError: the language is not one that can be redacted.
        KeyMissing: the policy needs a key, and there is none.
    """

    def __init__(self, options: Options = DEFAULTS, progress: Progress = no_progress) -> None:
        self._options = options
        self._progress = progress
        self.policy = options.loaded_policy()
        terms = (options.allow, options.deny)
        self._loaded = Loaded(options.model, options.language, options.device, terms, self.policy.recognizers)
        self._labeller = Labeller(self.policy, options.key, options.custom)

    def redact_file(
        self,
        path: Path,
        out_dir: Path | None = None,
        *,
        name: str | None = None,
        to: Sequence[str] = (SAME,),
        dry_run: bool = False,
        custody: Custody = NO_CUSTODY,
    ) -> report.Result:
        """Redact one transcript file.

        Args:
            path: of the file.
            out_dir: for the outputs; by default the file's own folder.
            name: of its format; None to tell by what stands in it.
            to: what to write: `same` for its own format, or keys of `WRITERS`.
            dry_run: find, and publish nothing.
            custody: what allows the transcript to be processed. Its original is not kept.

        Raises:
            RedactError: one of its kinds, by what went wrong. Nothing was published then but, where the check failed,
                the report.
        """
        check_basis(self.policy, custody)
        directory = out_dir or path.parent
        clock = report.Clock()
        with clock.stage("read"):
            self._progress("read", 0, 1)
            content = formats.read_bytes(path)
            opened = formats.opened(formats.decoded(content), name, self.policy.keep_fields)
        suffixes = _suffixes(opened, path, to)
        if not dry_run:
            stem = naming.stem(path)
            names = [*(stem + suffix for suffix in suffixes.values()), naming.report_name(stem)]
            check_targets(directory, names, force=self._options.force)
        done = replace(self._done(opened, clock), basis=custody.basis)
        sha256 = hashlib.sha256(content).hexdigest()
        if dry_run:
            return report.Result((), self._report(done, sha256, {}, clock), done.plan, _warnings(done))
        stem = naming.stem(path, done.values, load_language(done.transcript.language).is_everyday, sha256)
        contents = {
            suffix: (done.text if kind == SAME else WRITERS[kind][1](done.redacted)).encode("utf-8")
            for kind, suffix in suffixes.items()
        }
        hashes = {suffix: hashlib.sha256(content).hexdigest() for suffix, content in contents.items()}
        passed = done.verification.passed
        if custody.index:
            custody.index(subjects.said(done.transcript, done.findings, done.plan))
        told = self._report(done, sha256, hashes if passed else {}, clock)
        with Staged(directory) as staged:
            for suffix, content in contents.items() if passed else ():
                staged.open(stem + suffix).write(content)
            staged.open(naming.report_name(stem)).write(report.write(told).encode())
            outputs = staged.publish(force=self._options.force)
        if not passed:
            raise _unverified()
        return report.Result(outputs, told, done.plan, _warnings(done))

    def redact_text(self, text: str, name: str | None = None, numbers: Numbers | None = None) -> RedactedText:
        """Redact one transcript, as the text of its file.

        Args:
            text: of the file.
            name: of its format; None to tell by what stands in it.
            numbers: of labels, where the call comes in several pieces.

        Raises:
            RedactError: one of its kinds, by what went wrong.
        """
        check_basis(self.policy)
        clock = report.Clock()
        with clock.stage("read"):
            opened = formats.opened(text, name, self.policy.keep_fields)
        done = self._done(opened, clock, numbers)
        if not done.verification.passed:
            raise _unverified()
        told = self._report(done, hashlib.sha256(text.encode("utf-8", "replace")).hexdigest(), {}, clock)
        return RedactedText(done.text, done.redacted.transcript, done.redacted.entities, told)

    def redact(self, transcript: Transcript, numbers: Numbers | None = None) -> RedactedTranscript:
        """Redact what was said.

        Raises:
            RedactError: one of its kinds, by what went wrong.
        """
        spoken = replace(transcript, language=self._language(transcript))
        plan = self._planned(spoken, self._loaded.detector(spoken.language).find(spoken))
        return apply(spoken, self._labeller.labels(spoken, plan, numbers))

    def _language(self, transcript: Transcript) -> str:
        """The language that was given, or the transcript's own, or what its words tell.

        Raises:
            HeldForReview: it is one that can't be redacted.
        """
        if self._loaded.language != "auto":
            return self._loaded.language
        declared = transcript.language.lower()[:2]
        language = declared or told(transcript)[0]
        if language not in supported():
            raise HeldForReview(
                "the transcript seems to be in a language that can't be redacted; nothing was published",
                hint=f"if it is in another language, give it: --language {'|'.join(supported())}",
            )
        return language

    def _planned(self, transcript: Transcript, findings: Sequence[Finding]) -> Plan:
        is_everyday = load_language(transcript.language).is_everyday
        return make_plan(transcript, findings, self.policy, None, Sound(), is_everyday)

    def _done(self, opened: Opened, clock: report.Clock, numbers: Numbers | None = None) -> _Done:
        """Find, plan, write and check."""
        call = opened.read.transcript
        transcript = replace(call, language=self._language(call))
        with clock.stage("load_models"):
            self._progress("load models", 0, 1)
            detector = self._loaded.detector(transcript.language)
        with clock.stage("detect"):
            self._progress("detect", 0, 1)
            known = _named(opened.read.known, transcript)
            findings = opened.read.projected(detector.find(transcript, known))
            plan = self._planned(transcript, findings)
        with clock.stage("write"):
            labels = self._labeller.labels(transcript, plan, numbers)
            text, strings, dropped = opened.redacted(labels)
        with clock.stage("verify"):
            gone = self._labeller.unread(transcript, plan, load_language(transcript.language).is_everyday)
            check = verify.check_text(strings, gone)
        spoken = apply(transcript, labels)
        call_turns = tuple(turn for turn in spoken.transcript.turns if not turn.aside)
        redacted = RedactedTranscript(replace(spoken.transcript, turns=call_turns), spoken.entities)
        return _Done(opened, transcript, findings, plan, gone, text, dropped, redacted, Verification((check,)))

    def _report(self, done: _Done, sha256: str, hashes: Mapping[str, str], clock: report.Clock) -> dict[str, Any]:
        policy = self.policy
        run = report.Run(policy.name, policy.digest, self._loaded.digests, clock.seconds, __version__, done.basis)
        read = report.TranscriptFile(sha256, done.opened.format.name, _nameless(done.dropped, done.values))
        return report.build_text(run, read, done.transcript, done.findings, done.plan, done.verification, hashes)


def _named(known: Sequence[Finding], transcript: Transcript) -> list[Finding]:
    """Names of speakers, and wherever one of their words is said; what says only everyday words names nobody."""
    is_everyday = load_language(transcript.language).is_everyday
    words = transcript.words
    named = [found for found in known if not all(is_everyday(words[index].text) for index in found.words)]
    parts = {said(words[index].text) for found in named for index in found.words if not is_everyday(words[index].text)}
    telling = {part for part in parts if len(part) >= VALUE_CHARACTERS}
    again = [index for index, word in enumerate(words) if telling and said(word.text) in telling]
    own = {index for found in named for index in found.words}
    return [
        *named,
        *(Finding("PERSON", (index,), 1.0, SPEAKER_LABEL, "transcribed") for index in again if index not in own),
    ]


def _nameless(dropped: Mapping[str, int], values: frozenset[tuple[str, ...]]) -> Mapping[str, int]:
    """Places of dropped fields, without a key that says what is masked: a caller's name may be one."""
    telling = {word for value in values for word in value if len(word) >= VALUE_CHARACTERS}
    told: Counter[str] = Counter()
    for place, count in dropped.items():
        keys = ("*" if any(word in said(key) for word in telling) else key for key in place.split("."))
        told[".".join(keys)] += count
    return told


def _suffixes(opened: Opened, path: Path, to: Sequence[str]) -> dict[str, str]:
    """Suffix of each output, by what it is written as.

    Raises:
        UsageError: two would have the same name, or there is no such format.
    """
    unknown = [kind for kind in to if kind != SAME and kind not in WRITERS]
    if unknown:
        raise UsageError(
            f"a transcript can't be written as {unknown[0]!r}", hint=f"known: {', '.join([SAME, *WRITERS])}"
        )
    own = path.suffix.lower() or opened.format.suffix
    suffixes = {kind: own if kind == SAME else WRITERS[kind][0] for kind in to}
    if len(set(suffixes.values())) < len(suffixes):
        raise UsageError("two outputs would have the same name", hint="write them one after the other, with -o")
    return suffixes


def _warnings(done: _Done) -> tuple[str, ...]:
    return () if done.redacted.transcript.words else ("the transcript says nothing",)


def _unverified() -> VerificationFailed:
    return VerificationFailed(
        "the redacted transcript did not pass its check (no_value_in_text); only its report was published",
        hint="report this with the version from: redact --version",
    )
