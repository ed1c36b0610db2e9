"""One call, from the file to its published outputs: `Redactor.redact_file` reads as a table of contents."""

import hashlib
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from redact import __version__, listen, page, relisten, report, text, verify
from redact import policy as policies
from redact.audio import dtmf
from redact.audio.decode import Decoded, decode
from redact.audio.encode import Encoded, encode
from redact.audio.listening import light_copy
from redact.audio.mask import Masked
from redact.audio.pcm import blocks
from redact.call import Recording, Role, Transcript
from redact.detect import recognizers
from redact.detect.spoken.base import load as load_language
from redact.detect.spoken.base import supported
from redact.errors import HeldForReview, RedactError, UsageError, VerificationFailed
from redact.findings import Check, Finding, Plan, Verification
from redact.listen import Survey
from redact.models import Registry, locate
from redact.plan import Mention, make_plan, said, values
from redact.policy import Policy
from redact.publish import Staged, check_targets
from redact.transcribe.engine import Clip, Engine
from redact.transcripts import native, plain, srt, vtt

DEFAULT_MODEL = "base"
# What is still heard when the redacted sound is listened to again is masked too, so often.
REMAKES = 2
# The spaCy model of each language that can be redacted: as the registry has them.
SPACY_MODELS = {
    language: model.name
    for model in Registry.load()
    if model.engine == "spacy"
    for language in model.languages
    if language in supported()
}
# A name with so many digits in a row may hold a phone number or a date: its outputs get an opaque name.
_DIGIT_RUN = re.compile(r"\d{5,}")
_TEXT_SUFFIXES = (".txt", ".vtt", ".srt", ".json")
_PAGE_SUFFIX = ".html"

Progress = Callable[[str, int, int], None]


def _no_progress(stage: str, done: int, total: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to redact.

    Attributes:
        policy: name or file of a policy, or the policy itself.
        model: name or folder of the speech model; None for the default.
        language: ISO 639-1, or `auto`.
        roles: what each channel holds; None for the default by their number.
        device: `auto`, `cpu` or `cuda`.
        allow: terms that are never personal.
        deny: terms that always are.
        force: replace outputs that exist.
        html: also write a page for a browser.
    """

    policy: str | Path | Policy = "default"
    model: str | None = None
    language: str = "auto"
    roles: tuple[Role, ...] | None = None
    device: str = "auto"
    allow: tuple[str, ...] = field(default=(), repr=False)
    deny: tuple[str, ...] = field(default=(), repr=False)
    force: bool = False
    html: bool = False


DEFAULTS = Options()


@dataclass(frozen=True, slots=True)
class Result:
    """What came out: paths of the outputs (none in a dry run), the report, and the plan."""

    outputs: tuple[Path, ...]
    report: dict[str, Any]
    plan: Plan
    warnings: tuple[str, ...] = ()


class Redactor:
    """Redacts calls with one set of options. Models are loaded at first use and kept.

    Raises:
        PolicyError: the policy, or a recognizers file that it names, is wrong.
        ModelMissing: a recognizer wants a library or a model that is not here.
        UsageError: the language is not one that can be redacted.
    """

    def __init__(self, options: Options = DEFAULTS, progress: Progress = _no_progress) -> None:
        self._options = options
        self._progress = progress
        self.policy = options.policy if isinstance(options.policy, Policy) else policies.load(options.policy)
        if options.language != "auto" and options.language not in supported():
            raise UsageError(
                f"the language {options.language!r} can't be redacted",
                hint=f"use auto, or one of: {', '.join(supported())}",
            )
        self._recognizers = recognizers.read(self.policy.recognizers)
        self._engine: Engine | None = None
        self._only_language: str | None = None
        self._detectors: dict[str, Any] = {}
        self._models: dict[str, str] = {}

    def redact_file(self, path: Path, out_dir: Path | None = None, *, dry_run: bool = False) -> Result:
        """Redact one recording.

        Args:
            path: of the recording.
            out_dir: for the outputs; by default the recording's own folder.
            dry_run: plan, and publish nothing.

        Raises:
            RedactError: one of its kinds, by what went wrong. Nothing was published then; a held call has its report.
        """
        directory = out_dir or path.parent
        if not dry_run:
            names = _names(_stem(path), path.suffix, html=self._options.html)
            check_targets(directory, names, force=self._options.force)
        clock = _Clock()
        with self._decode(path, clock) as decoded:
            transcript, heard = self._listen(decoded, clock)
            findings = self._detect(transcript, clock)
            call = self._planned(_Call(decoded.recording, heard, transcript, findings))
            if dry_run:
                return Result((), self._report(call, None, {}, (), clock), call.plan, _warnings(transcript))
            stem = _stem(path, self._values(call), decoded.recording.sha256)
            if call.plan.hold:
                self._publish_report_alone(call, None, directory, stem, clock)
                raise HeldForReview(
                    "the call is held for review: the policy wants a person to decide; only its report was published",
                    hint="see doubts in the report, or use a policy with in_doubt: mask",
                )
            while True:
                with Staged(directory) as staged:
                    encoded, hashes = self._stage(staged, stem, path, decoded, call, clock)
                    verification, mentions = self._verify(staged, stem, encoded.suffix, decoded, call, clock)
                    notes = (encoded.note,) if encoded.note else ()
                    if verification.passed and self._options.html:
                        told = self._report(call, verification, hashes, notes, clock)
                        hashes[_PAGE_SUFFIX], check = self._stage_page(staged, stem, encoded.suffix, call, told, clock)
                        verification = Verification((*verification.checks, check))
                    if verification.passed:
                        done = self._report(call, verification, hashes, notes, clock)
                        staged.open(f"{_report_stem(stem)}.report.json").write(report.write(done).encode())
                        outputs = staged.publish(force=self._options.force)
                        return Result(outputs, done, call.plan, (*_warnings(transcript), *notes))
                if not mentions or call.remade == REMAKES:
                    break
                call = self._planned(replace(call, again=(*call.again, *mentions), remade=call.remade + 1))
        self._publish_report_alone(call, verification, directory, stem, clock)
        raise self._unverified(verification)

    def listen(self, path: Path) -> Transcript:
        """The transcript of a recording, before anything is redacted: it holds what was said.

        Raises:
            RedactError: one of its kinds, by what went wrong.
        """
        with self._decode(path, _Clock()) as decoded:
            return self._listen(decoded, _Clock())[0]

    def findings(self, transcript: Transcript) -> tuple[Finding, ...]:
        """All that is found in a transcript, whether the policy wants it or not.

        Raises:
            ModelMissing: the spaCy model of the transcript's language is not here.
        """
        return self._detect(transcript, _Clock())

    def _planned(self, call: "_Call") -> "_Call":
        """The call with a plan for all that is known of it by now."""
        is_everyday = load_language(call.transcript.language).is_everyday
        plan = make_plan(
            call.transcript, call.findings, self.policy, call.recording, call.heard.sound, is_everyday, call.again
        )
        return replace(call, plan=plan)

    def _values(self, call: "_Call") -> frozenset[tuple[str, ...]]:
        """What must not stand in any output."""
        return values(call.transcript, call.plan, load_language(call.transcript.language).is_everyday)

    def _decode(self, path: Path, clock: "_Clock") -> Decoded:
        with clock.stage("decode"):
            self._progress("decode", 0, 1)
            return decode(path, roles=self._options.roles)

    def _listen(self, decoded: Decoded, clock: "_Clock") -> tuple[Transcript, Survey]:
        """Who said what when, and what else is heard."""
        with clock.stage("load_models"):
            self._progress("load models", 0, 1)
            engine = self._loaded_engine()
        with clock.stage("speech"):
            heard = listen.survey(decoded.pcm, decoded.recording, cross_talk=self.policy.channels == "speaker_only")
        with clock.stage("transcribe"):
            language, probability = self._language(engine, heard.clips)
            transcript = listen.transcribe(
                heard, decoded.recording, engine, language, probability, partial(self._progress, "transcribe")
            )
        return transcript, heard

    def _language(self, engine: Engine, cut: Sequence[Clip]) -> tuple[str, float | None]:
        if self._options.language != "auto":
            return self._options.language, None
        if self._only_language or not cut:
            return self._only_language or supported()[0], None
        language, probability = engine.detect_language(listen.longest_clips(cut))
        if language not in supported():
            raise HeldForReview(
                f"the call seems to be in {language!r}, which can't be redacted; nothing was published",
                hint=f"if it is in another language, give it: --language {'|'.join(supported())}",
            )
        return language, round(probability, 3)

    def _loaded_engine(self) -> Engine:
        if self._engine is None:
            from redact.transcribe.whisper import FasterWhisper

            files = locate(self._options.model or DEFAULT_MODEL, engine="faster-whisper")
            if self._options.language != "auto" and not files.covers(self._options.language):
                raise UsageError(
                    f"the model {files.name} doesn't know the language {self._options.language!r}",
                    hint="choose a multilingual model, such as: --model base",
                )
            self._models[files.name] = files.digest
            self._only_language = (
                files.languages[0] if len(files.languages) == 1 and files.languages[0] != "*" else None
            )
            self._engine = FasterWhisper(files.path, files.name, device=self._options.device)
        return self._engine

    def _detect(self, transcript: Transcript, clock: "_Clock") -> tuple[Finding, ...]:
        with clock.stage("load_models"):
            detector = self._detector(transcript.language)
        with clock.stage("detect"):
            self._progress("detect", 0, 1)
            found: tuple[Finding, ...] = detector.find(transcript)
        return found

    def _detector(self, language: str) -> Any:
        if language not in self._detectors:
            from redact.detect.detector import Detector
            from redact.detect.presidio import DenyTerms

            files = locate(SPACY_MODELS[language], engine="spacy")
            self._models[files.name] = files.digest
            allow = (*self._options.allow, *recognizers.allowed(self.policy.recognizers))
            terms = DenyTerms(allow, self._options.deny)
            self._detectors[language] = Detector(language, files.path, terms, self._recognizers)
        return self._detectors[language]

    def _stage(
        self, staged: Staged, stem: str, path: Path, decoded: Decoded, call: "_Call", clock: "_Clock"
    ) -> tuple[Encoded, dict[str, str]]:
        """Render sound and text into the staging area; SHA-256 of each output by its suffix."""
        recording, plan = call.recording, call.plan
        with clock.stage("mask_and_encode"):
            self._progress("mask", 0, 1)
            masked = Masked(decoded.pcm, plan.intervals, self.policy.mask.style())
            sound = staged.open(stem)
            encoded = encode(recording, path, masked, masked.replaced, sound)
            staged.rename(stem, stem + encoded.suffix)
            sound.seek(0)
            hashes = {encoded.suffix: hashlib.file_digest(sound, "sha256").hexdigest()}
        redacted = text.redact(call.transcript, plan, self.policy.label_style)
        contents = {
            ".txt": plain.write(redacted.transcript).encode(),
            ".vtt": vtt.write(redacted.transcript).encode(),
            ".srt": srt.write(redacted.transcript).encode(),
            ".json": native.write(
                redacted.transcript, duration_ms=recording.duration_ms, entities=redacted.entities
            ).encode(),
        }
        for suffix, content in contents.items():
            staged.open(stem + suffix).write(content)
            hashes[suffix] = hashlib.sha256(content).hexdigest()
        return encoded, hashes

    def _verify(
        self, staged: Staged, stem: str, suffix: str, decoded: Decoded, call: "_Call", clock: "_Clock"
    ) -> tuple[Verification, tuple[Mention, ...]]:
        """Check what is staged, and listen to it; with what is still heard, where that is all that is wrong."""
        with decode(staged.path(stem + suffix), roles=call.recording.roles) as written:
            with clock.stage("verify"):
                self._progress("verify", 0, 1)
                checks = verify.check_sound(decoded.pcm, written.pcm, call.plan, self.policy.mask.style())
                checks += verify.check_tones(listen.tones(written.pcm, worth=dtmf.SURE), self.policy)
                checks += (Check("no_tags", not set(written.recording.tags) - {"encoder"}),)
                read = [staged.path(stem + ending).read_text(encoding="utf-8") for ending in _TEXT_SUFFIXES]
                spoken = "\n".join(turn.text for turn in native.read(read[-1]).turns)
                checks += (verify.check_text([*read[:-1], spoken], self._values(call)),)
            if not all(check.passed for check in checks):
                return Verification(checks), ()
            with clock.stage("listen_again"):
                self._progress("listen again", 0, 1)
                mentions = self._listen_again(written, call)
        found = Check("nothing_heard_again", not mentions, float(len(mentions)))
        return Verification((*checks, found)), mentions

    def _listen_again(self, written: Decoded, call: "_Call") -> tuple[Mention, ...]:
        """What is still heard in the redacted sound: at first wherever it matters, later beside the latest masks."""
        transcript, duration_ms = call.transcript, call.recording.duration_ms
        marks = relisten.marks(call.plan, transcript.doubts, duration_ms)
        if call.again:
            marks = relisten.beside(call.again)
        packed = relisten.windows(call.heard.audible, call.plan.intervals, marks, len(call.heard.clips))
        if not packed:
            return ()
        clips = relisten.clips(listen.clean(written.pcm), packed)
        is_everyday = load_language(transcript.language).is_everyday
        names = relisten.names(transcript, call.findings, self.policy, is_everyday)
        told = self._loaded_engine().transcribe_again(clips, transcript.language, names)
        again = relisten.unpacked(told, packed)
        anew = relisten.spliced(transcript, again, packed, call.recording.roles)
        findings = self._detector(transcript.language).find(anew)
        return relisten.mentions(transcript, anew, again, findings, names, call.plan.intervals, self.policy)

    def _unverified(self, verification: Verification) -> RedactError:
        failed = [check.name for check in verification.checks if not check.passed]
        if failed == ["nothing_heard_again"] and self.policy.unverified == "hold":
            return HeldForReview(
                "the call is held for review: listening again, something personal is still heard after two corrections;"
                " only its report was published",
                hint="let a person listen to it, or use a larger model",
            )
        return VerificationFailed(
            f"the redacted call did not pass its checks ({', '.join(failed)}); only its report was published",
            hint="report this with the version from: redact --version",
        )

    def _stage_page(
        self, staged: Staged, stem: str, suffix: str, call: "_Call", told: Mapping[str, Any], clock: "_Clock"
    ) -> tuple[str, Check]:
        """Make the page from what is staged, so from nothing that isn't redacted; its SHA-256 and its check."""
        self._progress("page", 0, 1)
        with clock.stage("page"), decode(staged.path(stem + suffix), roles=call.recording.roles) as written:
            copy = light_copy((block for _, block in blocks(written.pcm)), written.recording)
        redacted = text.redact(call.transcript, call.plan, self.policy.label_style)
        page.write(copy, redacted, told, _report_stem(stem), staged.open(stem + _PAGE_SUFFIX))
        path = staged.path(stem + _PAGE_SUFFIX)
        check = verify.check_text([page.spoken(path)], self._values(call))
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest(), replace(check, name="no_value_in_page")

    def _report(
        self,
        call: "_Call",
        verification: Verification | None,
        hashes: dict[str, str],
        notes: tuple[str, ...],
        clock: "_Clock",
    ) -> dict[str, Any]:
        run = report.Run(self.policy.name, self.policy.digest, self._models, clock.seconds, __version__)
        return report.build(
            run, call.recording, call.transcript, call.findings, call.plan, verification, hashes, notes, call.again
        )

    def _publish_report_alone(
        self, call: "_Call", verification: Verification | None, directory: Path, stem: str, clock: "_Clock"
    ) -> None:
        with Staged(directory) as staged:
            content = report.write(self._report(call, verification, {}, (), clock))
            staged.open(f"{_report_stem(stem)}.report.json").write(content.encode())
            staged.publish(force=self._options.force)


_NO_PLAN = Plan((), ())


@dataclass(frozen=True, slots=True)
class _Call:
    """What is known of a call by now.

    Attributes:
        again: what was still heard when its redacted sound was listened to again.
        remade: how often it was made again for that.
    """

    recording: Recording
    heard: Survey
    transcript: Transcript
    findings: tuple[Finding, ...]
    again: tuple[Mention, ...] = ()
    remade: int = 0
    plan: Plan = _NO_PLAN


class _Clock:
    """Seconds spent in each stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started


def _stem(path: Path, kept: frozenset[tuple[str, ...]] = frozenset(), sha256: str = "") -> str:
    """`NAME.redacted`, or an opaque name where the input's own may say something personal."""
    spoken = said(path.stem)
    personal = _DIGIT_RUN.search(spoken) or any("".join(value) in spoken for value in kept)
    return f"call-{sha256[:16]}.redacted" if personal else f"{path.stem}.redacted"


def _report_stem(stem: str) -> str:
    return stem.removesuffix(".redacted")


def _names(stem: str, suffix: str, *, html: bool) -> tuple[str, ...]:
    ends = (suffix.lower(), *_TEXT_SUFFIXES, *((_PAGE_SUFFIX,) if html else ()))
    return (*(stem + end for end in ends), f"{_report_stem(stem)}.report.json")


def _warnings(transcript: Transcript) -> tuple[str, ...]:
    return () if transcript.words else ("no speech was found in the recording",)
