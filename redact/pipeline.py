"""One call, from the file to its published outputs: `Redactor.redact_file` reads as a table of contents."""

import hashlib
import io
import os
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from redact import __version__, given, listen, naming, page, relisten, report, subjects, text, verify
from redact.alignment import paced
from redact.audio import dtmf
from redact.audio.beeps import beeps
from redact.audio.decode import Decoded, decode
from redact.audio.encode import OWN_TAGS, Encoded, encode
from redact.audio.listening import light_copy
from redact.audio.mask import Masked
from redact.audio.pcm import Signal, blocks
from redact.call import Recording, Role, Transcript
from redact.corrections import is_kept
from redact.detect.spoken.base import load as load_language
from redact.errors import HeldForReview
from redact.findings import AudioInterval, Check, Finding, MaskStyle, Plan, Verification
from redact.listen import Survey
from redact.loaded import Loaded
from redact.options import DEFAULTS, NO_CUSTODY, Custody, Options, Progress, check_basis, no_progress
from redact.plan import IsEveryday, Mention, Sound, make_plan, released, values
from redact.policy import DROPPED_TYPES
from redact.publish import Staged, check_targets
from redact.transcripts import native, plain, srt, vtt

# What is still heard when the redacted sound is listened to again is masked too, so often; and once more for so many
# minutes of a call, for each has places where something may be heard. Two hours of a call needed more than two.
REMAKES, REMAKE_MINUTES = 2, 10
# What is heard even then is most often heard anew beside its own mask, time and again: from then on masks reach so much
# further each time, so that there is an end to it.
STUBBORN_MS = 1000


class Redactor:
    """Redacts calls with one set of options. Models are loaded at first use and kept.

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
        self._labeller = text.Labeller(self.policy, options.key, options.custom)
        terms = (options.allow, options.deny)
        self._loaded = Loaded(
            options.model, options.language, options.device, terms, self.policy.recognizers, options.threads
        )

    def for_call(self, language: str | None, roles: tuple[Role, ...] | None) -> "Redactor":
        """The same, for a call of which more is known; models are shared.

        Args:
            language: ISO 639-1; None for what the options say.
            roles: what each channel holds; None for what the options say.

        Raises:
            RedactError: the model can't be loaded, or the language can't be redacted.
        """
        if language is None and roles is None:
            return self
        told = copy(self)
        told._options = replace(self._options, roles=roles or self._options.roles)
        told._loaded = self._loaded.speaking(language) if language else self._loaded
        return told

    def load(self) -> None:
        """Load the speech model now, so that what is wrong with it shows before the first call.

        Raises:
            ModelMissing: it isn't here, or can't be loaded on the device.
            UsageError: it doesn't know the language.
        """
        self._loaded.engine()

    def redact_file(
        self,
        path: Path,
        out_dir: Path | None = None,
        *,
        transcript: Transcript | None = None,
        realign: bool = False,
        dry_run: bool = False,
        custody: Custody = NO_CUSTODY,
    ) -> report.Result:
        """Redact one recording.

        Args:
            path: of the recording.
            out_dir: for the outputs; by default the recording's own folder.
            transcript: of the call, that somebody else made; None to transcribe it.
            realign: move the times of that transcript, where they are measured to be off.
            dry_run: plan, and publish nothing.
            custody: what goes with the call.

        Raises:
            RedactError: one of its kinds, by what went wrong. Nothing was published then; a held call has its report.
        """
        check_basis(self.policy, custody)
        directory = out_dir or path.parent
        if not dry_run:
            is_named = self._options.opaque or custody.name
            names = () if is_named else naming.all_names(naming.stem(path), path.suffix, html=self._options.html)
            check_targets(directory, names, force=self._options.force)
        clock = report.Clock()
        with self._decode(path, clock) as decoded:
            call = replace(self._read(decoded, transcript, clock, realign=realign), custody=custody)
            call = self._planned(call) if custody.decided else call
            if dry_run:
                return report.Result((), self._report(call, None, {}, (), clock), call.plan, _warnings(call.transcript))
            # A name is no text: what the policy keeps in that is not kept in this.
            is_everyday = load_language(call.transcript.language).is_everyday
            kept = values(call.transcript, call.plan, is_everyday)
            self._index(call)
            stem = self._stem(path, custody, decoded.recording.sha256, kept, is_everyday)
            if call.plan.hold:
                self._publish_report_alone(call, None, directory, stem, clock)
                raise HeldForReview(
                    "the call is held for review: the policy wants a person to decide; only its report was published",
                    hint="see doubts in the report, or use a policy with in_doubt: mask",
                    reason="in_doubt",
                )
            for made in range(1 + REMAKES + decoded.recording.duration_ms // (REMAKE_MINUTES * 60_000)):
                done, verification, mentions = self._made(path, directory, stem, decoded, call, clock)
                if done:
                    return done
                if not mentions:
                    break
                stubborn_ms = max(0, made + 1 - REMAKES) * STUBBORN_MS
                wider = tuple(replace(m, where=m.where.widened(stubborn_ms)) for m in mentions)
                call = self._planned(replace(call, again=(*call.again, *wider), latest=wider, remakes=made + 1))
        self._publish_report_alone(call, verification, directory, stem, clock)
        raise verify.refusal(verification, self.policy)

    def verify_file(self, redacted: Path, original: Path | None = None) -> tuple[Verification, tuple[Mention, ...]]:
        """Check a redacted recording by its sound, with its original or alone; with what is still heard in it.

        Raises:
            RedactError: one of its kinds, by what went wrong.
        """
        clock = report.Clock()
        with self._decode(redacted, clock) as written:
            if original is None:
                mentions = self._heard_alone(written, clock)
                return Verification((*self._check_alone(written), verify.check_heard(len(mentions)))), mentions
            with self._decode(original, clock) as decoded:
                call = self._read(decoded, None, clock)
                checks = (*self._check_pair(decoded, written, call), *self._check_alone(written))
                mentions = self._listen_again(written, call) if written.pcm.channels == decoded.pcm.channels else ()
            return Verification((*checks, verify.check_heard(len(mentions)))), mentions

    def listen(self, path: Path) -> Transcript:
        """The transcript of a recording, before anything is redacted: it holds what was said.

        Raises:
            RedactError: one of its kinds, by what went wrong.
        """
        check_basis(self.policy)
        with self._decode(path, report.Clock()) as decoded:
            return self._listen(decoded.pcm, decoded.recording, report.Clock())[0]

    def hear(self, pcm: Signal, recording: Recording) -> tuple[Transcript, Sound]:
        """The same of sound that is decoded already, with what is heard besides words: what plans are made of.

        Raises:
            RedactError: one of its kinds, by what went wrong.
        """
        transcript, heard = self._listen(pcm, recording, report.Clock())
        return transcript, heard.sound

    def findings(self, transcript: Transcript) -> tuple[Finding, ...]:
        """All that is found in a transcript, whether the policy wants it or not.

        Raises:
            ModelMissing: the spaCy model of the transcript's language is not here.
        """
        return self._detect(transcript, report.Clock())

    def _stem(
        self, path: Path, custody: Custody, sha256: str, kept: frozenset[tuple[str, ...]], is_everyday: IsEveryday
    ) -> str:
        """What the outputs are called, without their endings."""
        if custody.name:
            return f"{custody.name}.redacted"
        return naming.opaque_stem(sha256) if self._options.opaque else naming.stem(path, kept, is_everyday, sha256)

    def _planned(self, call: "_Call") -> "_Call":
        """The call with a plan for all that is known of it by now."""
        is_everyday = load_language(call.transcript.language).is_everyday
        plan = make_plan(
            call.transcript, call.findings, self.policy, call.recording, call.heard.sound, is_everyday, call.again,
            call.custody.decided,
        )  # fmt: skip
        return replace(call, plan=plan)

    def _values(self, call: "_Call") -> frozenset[tuple[str, ...]]:
        """What must not stand in any output."""
        is_everyday = load_language(call.transcript.language).is_everyday
        masked = self._labeller.unread(call.transcript, call.plan, is_everyday)
        return released(masked, call.transcript, call.custody.decided)

    def _redacted(self, call: "_Call") -> text.RedactedTranscript:
        return text.redact(call.transcript, self._labeller.labels(call.transcript, call.plan))

    def _decode(self, path: Path, clock: report.Clock) -> Decoded:
        with clock.stage("decode"):
            self._progress("decode", 0, 1)
            return decode(path, roles=self._options.roles)

    def _read(
        self, decoded: Decoded, transcript: Transcript | None, clock: report.Clock, *, realign: bool = False
    ) -> "_Call":
        """Who said what when, by listening or by the transcript that is given; what of it is personal; and a plan."""
        recording = decoded.recording
        if transcript is None:
            transcript, heard = self._listen(decoded.pcm, recording, clock)
            return self._planned(_Call(recording, heard, transcript, self._detect(transcript, clock)))
        heard = self._survey(decoded.pcm, recording, clock)
        transcript = replace(transcript, language=self._loaded.language_for(transcript.language, heard.clips))
        listened = cache(lambda: self._transcribe(heard, recording, clock, transcript.language, None))
        with clock.stage("align"):
            taken = given.taken(transcript, heard, recording, listened, realign=realign)
        call = self._planned(_Call(recording, taken.heard, taken.transcript, self._detect(taken.transcript, clock)))
        taken = given.with_times(taken, call.plan, listened)
        return self._planned(replace(call, transcript=taken.transcript, notes=taken.notes))

    def _listen(self, pcm: Signal, recording: Recording, clock: report.Clock) -> tuple[Transcript, Survey]:
        """Who said what when, and what else is heard."""
        with clock.stage("load_models"):
            self._progress("load models", 0, 1)
            self._loaded.engine()
        heard = self._survey(pcm, recording, clock)
        return self._transcribe(heard, recording, clock, *self._loaded.language_of(heard.clips)), heard

    def _survey(self, pcm: Signal, recording: Recording, clock: report.Clock) -> Survey:
        with clock.stage("speech"):
            return listen.survey(pcm, recording, cross_talk=self.policy.channels == "speaker_only")

    def _transcribe(
        self, heard: Survey, recording: Recording, clock: report.Clock, language: str, probability: float | None
    ) -> Transcript:
        with clock.stage("load_models"):
            engine = self._loaded.engine()
        with clock.stage("transcribe"):
            return listen.transcribe(
                heard, recording, engine, language, probability, partial(self._progress, "transcribe")
            )

    def _detect(self, transcript: Transcript, clock: report.Clock) -> tuple[Finding, ...]:
        with clock.stage("load_models"):
            detector = self._loaded.detector(transcript.language)
        with clock.stage("detect"):
            self._progress("detect", 0, 1)
            found: tuple[Finding, ...] = detector.find(transcript)
        return found

    def _made(
        self, path: Path, directory: Path, stem: str, decoded: Decoded, call: "_Call", clock: report.Clock
    ) -> tuple[report.Result | None, Verification, tuple[Mention, ...]]:
        """Stage, verify, and publish what passes; else with what is still heard, where that is all that is wrong."""
        with Staged(directory) as staged:
            encoded, hashes = self._stage(staged, stem, path, decoded, call, clock)
            verification, mentions = self._verify(staged, stem, encoded.suffix, decoded, call, clock)
            notes = (encoded.note,) if encoded.note else ()
            if verification.passed and self._options.html:
                told = self._report(call, verification, hashes, notes, clock)
                check = self._stage_page(staged, stem, encoded.suffix, hashes, call, told, clock)
                verification = Verification((*verification.checks, check))
            if not verification.passed:
                return None, verification, mentions
            told = self._report(call, verification, hashes, notes, clock)
            staged.open(naming.report_name(stem)).write(report.write(told).encode())
            self._seal(path, decoded, call)
            outputs = staged.publish(force=self._options.force)
            return report.Result(outputs, told, call.plan, (*_warnings(call.transcript), *notes)), verification, ()

    def _stage(
        self, staged: Staged, stem: str, path: Path, decoded: Decoded, call: "_Call", clock: report.Clock
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
        redacted = self._redacted(call)
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

    def _index(self, call: "_Call") -> None:
        """Note who is in the call, where that is kept: also of one that is held then, for it is theirs all the same."""
        if call.custody.index:
            told = subjects.said(call.transcript, call.findings, call.plan, call.custody.decided)
            call.custody.index(told)

    def _seal(self, path: Path, decoded: Decoded, call: "_Call") -> None:
        """Keep the original, where it is kept: its own bytes, or a copy without card codes, PINs and keys pressed.

        Those may be stored nowhere, encrypted neither (PCI DSS 4.0, 3.3.1). The copy lies in memory until it is sealed.
        So does the transcript in clear, where the policy keeps that too.
        """
        seal = call.custody.seal
        if seal is None:
            return
        everything = {**dict.fromkeys(DROPPED_TYPES, 0.0), "KEYPAD_TONES": 0.0}
        codes = self.policy.changed(
            entities=everything,
            operators={},
            label_style="type",
            in_doubt="hold",
            number_run_digits=None,
            channels="all",
        )
        again = [mention for mention in call.again if mention.entity_type in everything]
        plan = make_plan(call.transcript, call.findings, codes, call.recording, call.heard.sound, again=again)
        if self.policy.clear_transcript == "vault":
            labels = text.Labeller(codes).labels(call.transcript, plan)
            clear = text.redact(call.transcript, labels)
            told = native.write(clear.transcript, duration_ms=call.recording.duration_ms, entities=clear.entities)
            seal(io.BytesIO(told.encode()), "transcript")
        dropped = plan.intervals
        if not dropped:
            with path.open("rb") as original:
                seal(original, "original")
            return
        masked = Masked(decoded.pcm, dropped, self.policy.mask.style())
        with os.fdopen(os.memfd_create("original"), "w+b") as copy:
            encode(call.recording, path, masked, masked.replaced, copy)
            copy.seek(0)
            seal(copy, "original")

    def _verify(
        self, staged: Staged, stem: str, suffix: str, decoded: Decoded, call: "_Call", clock: report.Clock
    ) -> tuple[Verification, tuple[Mention, ...]]:
        """Check what is staged, and listen to it; with what is still heard, where that is all that is wrong."""
        with decode(staged.path(stem + suffix), roles=call.recording.roles) as written:
            with clock.stage("verify"):
                self._progress("verify", 0, 1)
                read = [staged.path(stem + ending).read_text(encoding="utf-8") for ending in naming.TEXT_SUFFIXES]
                spoken = "\n".join(turn.text for turn in native.read(read[-1]).turns)
                text_check = verify.check_text([*read[:-1], spoken], self._values(call))
                checks = (*self._check_pair(decoded, written, call), *self._check_alone(written), text_check)
            if not all(check.passed for check in checks):
                return Verification(checks), ()
            with clock.stage("listen_again"):
                self._progress("listen again", 0, 1)
                heard = self._listen_again(written, call)
                mentions = tuple(m for m in heard if not is_kept(m.where, call.custody.decided))
        return Verification((*checks, verify.check_heard(len(mentions)))), mentions

    def _check_pair(self, decoded: Decoded, written: Decoded, call: "_Call") -> tuple[Check, ...]:
        """What is to be gone is gone, and the rest has stayed."""
        rest = verify.check_rest(decoded.pcm, written.pcm, call.plan)
        return (*verify.check_sound(decoded.pcm, written.pcm, call.plan, self.policy.mask.style()), rest)

    def _check_alone(self, written: Decoded) -> tuple[Check, ...]:
        """No keypad tones, and no tags."""
        tags = Check("no_tags", not set(written.recording.tags) - OWN_TAGS)
        return (*verify.check_tones(listen.tones(written.pcm, worth=dtmf.SURE), self.policy), tags)

    def _heard_alone(self, written: Decoded, clock: report.Clock) -> tuple[Mention, ...]:
        """All that is personal in a recording, its beeps left out."""
        heard = beeps(written.pcm)
        masks = [AudioInterval(beep.start_ms, beep.end_ms, (beep.channel,), ()) for beep in heard]
        silent = Masked(written.pcm, masks, MaskStyle("silence"))
        transcript, _ = self._listen(silent, written.recording, clock)
        transcript = relisten.with_masks(transcript, heard, written.recording.roles)
        return relisten.all_mentions(transcript, self._detect(transcript, clock), self.policy)

    def _listen_again(self, written: Decoded, call: "_Call") -> tuple[Mention, ...]:
        """What is still heard in the redacted sound: at first wherever it matters, later beside the latest masks."""
        transcript, duration_ms = call.transcript, call.recording.duration_ms
        marks, reach_ms = relisten.marks(call.plan, transcript.doubts, duration_ms), None
        is_stubborn = call.remakes > REMAKES
        if call.again:
            marks, reach_ms = relisten.beside(call.latest if is_stubborn else call.again), relisten.REACH_MS
        packed = relisten.windows(call.heard.audible, call.plan.intervals, marks, len(call.heard.clips), reach_ms)
        if not packed:
            return ()
        clips = relisten.clips(listen.clean(written.pcm), packed)
        is_everyday = load_language(transcript.language).is_everyday
        names = relisten.names(transcript, call.findings, self.policy, is_everyday)
        told = self._loaded.engine().transcribe_again(clips, transcript.language, names)
        again = relisten.unpacked(told, packed)
        anew = relisten.spliced(paced(transcript), again, packed, call.recording.roles)
        findings = self._loaded.detector(transcript.language).find(anew)
        heard = relisten.mentions(transcript, anew, again, findings, names, call.plan.intervals, self.policy)
        return relisten.near(heard, marks) if is_stubborn else heard

    def _stage_page(
        self,
        staged: Staged,
        stem: str,
        suffix: str,
        hashes: dict[str, str],
        call: "_Call",
        told: Mapping[str, Any],
        clock: report.Clock,
    ) -> Check:
        """Make the page from what is staged, so from nothing that isn't redacted, and check it."""
        self._progress("page", 0, 1)
        with clock.stage("page"), decode(staged.path(stem + suffix), roles=call.recording.roles) as written:
            copy = light_copy((block for _, block in blocks(written.pcm)), written.recording)
        page.write(
            copy, self._redacted(call), told, stem.removesuffix(".redacted"), staged.open(stem + naming.PAGE_SUFFIX)
        )
        path = staged.path(stem + naming.PAGE_SUFFIX)
        check = verify.check_text([page.spoken(path)], self._values(call))
        with path.open("rb") as file:
            hashes[naming.PAGE_SUFFIX] = hashlib.file_digest(file, "sha256").hexdigest()
        return replace(check, name="no_value_in_page")

    def _report(
        self,
        call: "_Call",
        verification: Verification | None,
        hashes: dict[str, str],
        notes: tuple[str, ...],
        clock: report.Clock,
    ) -> dict[str, Any]:
        run = report.Run(
            self.policy.name, self.policy.digest, self._loaded.digests, clock.seconds, __version__, call.custody.basis,
            len(call.custody.decided),
        )  # fmt: skip
        told = (*call.notes, *notes)
        return report.build(
            run, call.recording, call.transcript, call.findings, call.plan, verification, hashes, told, call.again
        )

    def _publish_report_alone(
        self, call: "_Call", verification: Verification | None, directory: Path, stem: str, clock: report.Clock
    ) -> None:
        if call.custody.name:  # outputs that are there already stay, with their report
            return
        with Staged(directory) as staged:
            content = report.write(self._report(call, verification, {}, (), clock))
            staged.open(naming.report_name(stem)).write(content.encode())
            staged.publish(force=self._options.force)


_NO_PLAN = Plan((), ())


@dataclass(frozen=True, slots=True)
class _Call:
    """What is known of a call by now.

    Attributes:
        custody: what goes with it.
        again: what was still heard when its redacted sound was listened to again.
        latest: of that, what was heard the last time.
        remakes: how often it was made anew.
        notes: how the times of a given transcript were judged.
    """

    recording: Recording
    heard: Survey
    transcript: Transcript
    findings: tuple[Finding, ...]
    again: tuple[Mention, ...] = ()
    latest: tuple[Mention, ...] = ()
    remakes: int = 0
    plan: Plan = _NO_PLAN
    custody: Custody = NO_CUSTODY
    notes: tuple[str, ...] = ()


def _warnings(transcript: Transcript) -> tuple[str, ...]:
    return () if transcript.words else ("no speech was found in the recording",)
