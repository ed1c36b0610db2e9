"""One recording of an archive, in a worker's process: a lawful basis, then its content, then its redacted outputs."""

import hashlib
import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redact import __version__, naming, report
from redact.batch.archive import Archive, Item
from redact.batch.metadata import Metadata
from redact.custody import Custodian
from redact.errors import (
    CannotWrite,
    Damaged,
    HeldForReview,
    InputRejected,
    KeyMissing,
    Locked,
    ModelMissing,
    NoLawfulBasis,
    PolicyError,
    RedactError,
    VerificationFailed,
)
from redact.loaded import DEFAULT_MODEL, SPACY_MODELS
from redact.models import locate
from redact.options import Custody, Options
from redact.settings import Settings
from redact.stores.ledger import Done
from redact.stores.opened import Stores

if TYPE_CHECKING:
    from redact.pipeline import Redactor

# What would go wrong with the next recording too.
_STOPS = (CannotWrite, Damaged, KeyMissing, Locked, ModelMissing, PolicyError)


@dataclass(frozen=True, slots=True)
class Task:
    """One recording to be redacted.

    Attributes:
        source: what the ledger knows it by.
        adopts: outputs that are there already, made alike from the same content, are taken for its own.
    """

    source: str
    item: Item = field(repr=False)
    metadata: Metadata = field(repr=False)
    adopts: bool = True


@dataclass(frozen=True, slots=True)
class Stop:
    """Why no further recording should be taken: an error of the installation, not of one recording."""

    exit_code: int
    message: str
    hint: str
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a task.

    Attributes:
        adopted: its outputs were there already.
        stop: why the run should end; the recording is as open as it was then.
    """

    source: str
    done: Done
    adopted: bool = False
    stop: Stop | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """How all recordings of a run are worked on; handed to each worker.

    Attributes:
        source: URL of the archive.
        dest: URL of the outputs' folder.
        models: digest of each model that may be used, by its name.
        requires_basis: no recording is read without a lawful basis.
        seals: originals are kept in the vault.
        scratch: a local folder, for outputs on their way to a store elsewhere.
    """

    source: str
    dest: str
    options: Options
    settings: Settings = field(repr=False)
    models: Mapping[str, str]
    requires_basis: bool
    seals: bool
    scratch: Path

    def worker(self) -> "Worker":
        """One worker, its models loaded.

        Raises:
            RedactError: something that all recordings need is missing.
        """
        from redact.batch.canary import check
        from redact.pipeline import Redactor

        redactor = Redactor(replace(self.options, force=True, opaque=True))
        redactor.load()
        check(redactor, self.options.language)
        return Worker(self, redactor)


class Worker:
    """Redacts recordings, one after another. Never raises because of one of them.

    Args:
        job: how.
        redactor: whose outputs replace others, and are called by their input's digest.

    Raises:
        RedactError: the index of who is in which call can't be opened.
    """

    def __init__(self, job: Job, redactor: "Redactor") -> None:
        self._job = job
        self._source, self._dest = Archive(job.source), Archive(job.dest)
        self._stores = Stores(job.settings)
        self._custodian = Custodian(
            self._stores,
            requires_basis=job.requires_basis,
            seals=job.seals,
            indexes=job.options.loaded_policy().subject_index,
        )
        self._custodian.open()
        self._redactor = redactor

    def __call__(self, task: Task) -> Outcome:
        """Do one task."""
        began = time.monotonic()
        try:
            done, adopted = self._done(task)
        except _STOPS as error:
            stop = Stop(int(error.exit_code), error.message, error.hint, error.reason)
            return Outcome(task.source, Done("pending"), stop=stop)
        except RedactError as error:
            done, adopted = failure(error), False
        except Exception as error:  # its message may hold anything: its type is all that is told
            done, adopted = Done("failed", f"unexpected_{type(error).__name__}"[:40]), False
        return Outcome(task.source, replace(done, work_ms=round((time.monotonic() - began) * 1000)), adopted)

    def _done(self, task: Task) -> tuple[Done, bool]:
        known = task.metadata
        basis = self._custodian.basis(known.call_at(task.item.path), known.recorded_at, logged_as="-")
        with self._source.at_hand(task.item) as path:
            content = _sha256(path)
            recording_id = naming.opaque(content)
            try:
                self._custodian.check(recording_id)
            except HeldForReview as error:  # it is kept, with all that came of it
                return replace(failure(error), recording_id=recording_id, content=content), False
            if task.adopts and (there := self._there(content)):
                return there, True
            with self._custodian.of(recording_id, basis) as custody:
                try:
                    return self._redacted(path, content, known, custody), False
                finally:
                    self._custodian.require_kept(lambda: self._withdraw(recording_id), recording_id)

    def _redacted(self, path: Path, content: str, known: Metadata, custody: Custody) -> Done:
        redactor = self._redactor.for_call(known.language, known.roles)
        name = naming.opaque(content)
        before = _told(self._dest.read(report_path(name)))
        if before.get("decisions"):
            raise HeldForReview(
                "a person has corrected this call, and it would be made without that", hint="see it in redact review",
                reason="corrected",
            )  # fmt: skip
        folder = Path(self._dest.root, shard(name)) if self._dest.is_local else self._job.scratch / name
        failed: RedactError | None = None
        try:
            redactor.redact_file(path, folder, custody=custody)
        except (HeldForReview, VerificationFailed) as error:
            failed = error
        try:
            file = folder / naming.report_name(naming.opaque_stem(content))
            if failed and not file.exists():  # held before anything was found out
                return replace(failure(failed), recording_id=name, content=content)
            done = of_report(file.read_bytes())
            if done.content != content:
                raise InputRejected("the file changed while it was read", hint="run again", reason="io")
            if not self._dest.is_local:
                for output in sorted(folder.iterdir(), key=lambda output: output == file):  # the report last
                    self._dest.put(output, f"{shard(name)}/{output.name}")
        finally:
            if not self._dest.is_local:
                shutil.rmtree(folder, ignore_errors=True)
        if failed:
            told = failure(failed)
            return replace(done, state=told.state, reason=told.reason)
        self._remove_stale(name, before)
        return done

    def _withdraw(self, name: str) -> None:
        for path in outputs(self._dest, name):
            self._dest.remove(path)

    def _is_sealed(self, name: str) -> bool:
        """True where the vault has the original already."""
        try:
            return next(iter(self._stores.vault.opened(name, "original")), None) is not None
        except KeyMissing:
            return False

    def _remove_stale(self, name: str, before: Mapping[str, Any]) -> None:
        """Outputs of an earlier policy or option that were not made again would stay as they were."""
        now = _told(self._dest.read(report_path(name)))
        for suffix in set(before.get("outputs", {})) - set(now.get("outputs", {})):
            if self._dest.item(f"{shard(name)}/{name}.redacted{suffix}"):
                self._dest.remove(f"{shard(name)}/{name}.redacted{suffix}")

    def _there(self, content: str) -> Done | None:
        """The outputs that are there of this content, if they are whole and were made as they would be now."""
        name = naming.opaque(content)
        if self._job.seals and not self._is_sealed(name):
            return None
        told = self._dest.read(report_path(name))
        if told is None:
            return None
        try:
            found, done = json.loads(told), of_report(told)
            models = found["models"].items()
            is_alike = (
                done.content == content
                and found["policy"]["sha256"] == self._job.options.loaded_policy().digest
                and found["redact_version"] == __version__
                and models <= self._job.models.items()
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            return None
        is_final = done.state != "quarantined"  # what did not pass may pass another time
        return done if is_alike and is_final and not wrong_outputs(self._dest, name, found["outputs"]) else None


def usable_models(model: str | None) -> tuple[dict[str, str], str]:
    """The digest of each model that may be used, and one of them all with the version: the engine's.

    Args:
        model: name or folder of the speech model; None for the default.

    Raises:
        ModelMissing: one isn't here.
    """
    files = [locate(model or DEFAULT_MODEL, engine="faster-whisper")]
    files += [locate(name, engine="spacy") for name in SPACY_MODELS.values()]
    digests = {each.name: each.digest for each in files}
    return digests, hashlib.sha256(json.dumps([__version__, digests], sort_keys=True).encode()).hexdigest()


def shard(recording_id: str) -> str:
    """The folder of a recording's outputs: few hundred folders hold millions of recordings."""
    return recording_id.rpartition("-")[2][:2]


def report_path(recording_id: str) -> str:
    """Where a recording's report lies among the outputs."""
    return f"{shard(recording_id)}/{naming.report_name(recording_id)}"


def outputs(dest: Archive, recording_id: str) -> list[str]:
    """Paths of a recording's outputs and report."""
    return dest.beginning(f"{shard(recording_id)}/{recording_id}.")


def wrong_outputs(dest: Archive, recording_id: str, outputs: Mapping[str, str]) -> list[str]:
    """The suffixes of outputs that are missing or are not what the report says."""
    at = f"{shard(recording_id)}/{recording_id}.redacted"
    return [suffix for suffix, digest in outputs.items() if dest.sha256(at + suffix) != digest]


def of_report(content: bytes) -> Done:
    """What a report tells of its call.

    Raises:
        ValueError, KeyError, TypeError: it is no report.
    """
    told: dict[str, Any] = json.loads(content)
    if told["schema"] != report.SCHEMA:
        raise ValueError("no report")
    state = {"done": "done", "held": "held", "failed": "quarantined"}[told["status"]]
    sounds = [suffix for suffix in told["outputs"] if suffix not in {*naming.TEXT_SUFFIXES, naming.PAGE_SUFFIX}]
    return Done(
        state=state,  # type: ignore[arg-type]
        reason={"held": "in_doubt", "quarantined": "unverified"}.get(state, ""),
        recording_id=naming.opaque(told["input"]["sha256"]),
        content=told["input"]["sha256"],
        report=hashlib.sha256(content).hexdigest(),
        suffix=sounds[0] if sounds else "",
        language=told["language"],
        basis=told["basis"],
        duration_ms=told["input"]["duration_ms"],
        masked_ms=told["masked_ms"],
        replacements=told["replacements"],
        doubts=told["doubts"],
        models=told.get("models", {}),
        version=told.get("redact_version", ""),
    )


def _told(content: bytes | None) -> Mapping[str, Any]:
    """What a report says; nothing where there is none, or it can't be read."""
    try:
        told = json.loads(content or b"{}")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def failure(error: RedactError) -> Done:
    """What a recording's state is after an error of its own."""
    if isinstance(error, NoLawfulBasis):
        return Done("refused", "erased" if error.reason == "erased" else "no_lawful_basis")
    if isinstance(error, HeldForReview):
        return Done("held", error.reason)
    if isinstance(error, InputRejected) and error.reason == "io":
        return Done("failed", "io")
    return Done("quarantined", error.reason)


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        raise InputRejected("the recording can't be read", hint="check the disk or share", reason="io") from None
