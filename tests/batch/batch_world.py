"""What the tests of batches share: an archive, stores, and a redactor that is quick and can be told to misbehave.

Everything but listening is real: workers are processes, outputs are staged and published, stores are databases.
"""

import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from redact import __version__, naming
from redact.batch.archive import Archive
from redact.batch.listing import Choice
from redact.batch.metadata import Known, known
from redact.batch.pool import Limits, LocalPool
from redact.batch.runner import Batch, Ended, Event
from redact.batch.work import Job, Worker
from redact.errors import CannotWrite, HeldForReview, InputRejected, VerificationFailed
from redact.options import NO_CUSTODY, Custody, Options
from redact.policy import Policy
from redact.policy import load as load_policy
from redact.publish import Staged
from redact.settings import Settings
from redact.settings import load as load_settings
from redact.stores import master
from redact.stores.opened import Stores
from redact.stores.subject_index import KINDS
from redact.subjects import Term, written_down

PLENTY = Limits(4 << 30, 60)
MODELS = {"fake": "0" * 64}
DATABASES = ("records", "keyring", "ledger", "reviews", "governance")
ALL = Choice(include=("*",))
# How an object store of this machine is reached.
STORE_KEYS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@dataclass(frozen=True)
class FakeRedactor:
    """Does in a moment what the real one takes minutes for: reads a file, publishes outputs, its report last.

    A file's own words say what goes wrong with it: `crash`, `hang`, `eat memory`, `held`, `damaged`, `unverified`,
    `bug`, `disk full`, `unreadable`. Who is in it: `|name=Maud Ferrant|phone=0612345678|`.
    """

    policy: Policy
    log: Path | None = None
    pause_s: float = 0.0

    def for_call(self, language, roles) -> "FakeRedactor":
        return self

    def redact_file(self, path: Path, folder: Path, *, custody: Custody = NO_CUSTODY) -> None:
        content = path.read_bytes()
        _misbehave(content)
        time.sleep(self.pause_s)
        stem = naming.opaque_stem(hashlib.sha256(content).hexdigest())
        outputs = {".wav": b"RIFF" + hashlib.sha256(content).digest(), ".txt": b"[PERSON_1]", ".json": b"{}"}
        state = "held" if b"held" in content else "failed" if b"unverified" in content else "done"
        outputs = outputs if state == "done" else {}
        told = {
            "schema": "callredact.report",
            "version": 1,
            "status": state,
            "redact_version": __version__,
            "basis": custody.basis,
            "policy": {"sha256": self.policy.digest},
            "models": MODELS,
            "language": "en",
            "masked_ms": 100,
            "input": {"sha256": hashlib.sha256(content).hexdigest(), "duration_ms": 1000 * len(content)},
            "replacements": {"PERSON": 1},
            "doubts": {},
            "outputs": {suffix: hashlib.sha256(data).hexdigest() for suffix, data in outputs.items()},
        }
        if self.log:
            with self.log.open("ab") as log:
                log.write(hashlib.sha256(content).hexdigest()[:16].encode() + b"\n")
        with Staged(folder) as staged:
            for suffix, data in outputs.items():
                staged.open(stem + suffix).write(data)
            staged.open(naming.report_name(stem)).write(json.dumps(told).encode())
            if custody.index:
                custody.index(_who(content))
            if custody.seal and state == "done":
                with path.open("rb") as original:
                    custody.seal(original, "original")
            staged.publish(force=True)
        if state == "held":
            raise HeldForReview("held", hint="look", reason="in_doubt")
        if state == "failed":
            raise VerificationFailed("not verified", hint="report", reason="unverified")


def _who(content: bytes) -> frozenset[Term]:
    told = (part.partition("=") for part in content.decode("utf-8", "replace").split("|"))
    return frozenset(term for kind, _, value in told if kind in KINDS for term in written_down(kind, value))


def _misbehave(content: bytes) -> None:
    if b"crash" in content:
        os.kill(os.getpid(), signal.SIGKILL)
    if b"hang" in content:
        time.sleep(3600)
    if b"eat memory" in content:
        eaten = bytearray(400 << 20)
        eaten[::4096] = b"x" * len(eaten[::4096])
        time.sleep(3600)
    if b"damaged" in content:
        raise InputRejected("damaged", hint="get another copy", reason="damaged")
    if b"unreadable" in content:
        raise InputRejected("unreadable", hint="check the disk", reason="io")
    if b"disk full" in content:
        raise CannotWrite("no space", hint="free some")
    if b"bug" in content:
        raise ZeroDivisionError("Desmond Halloway")


@dataclass(frozen=True)
class FakeMaker:
    """Makes workers that are real but for their redactor."""

    job: Job
    log: Path | None = None
    pause_s: float = 0.0

    def worker(self) -> Worker:
        return Worker(self.job, FakeRedactor(self.job.options.loaded_policy(), self.log, self.pause_s))


@dataclass
class World:
    """An archive, its outputs and its stores, in one folder.

    Attributes:
        databases: URLs by their settings, of those that don't lie in files there.
    """

    root: Path
    policy: Policy = field(default_factory=lambda: load_policy("default"))
    source_url: str = ""
    dest_url: str = ""
    databases: Mapping[str, str] = field(default_factory=dict)
    engine: str = "e" * 64

    def __post_init__(self) -> None:
        self.source = self.root / "archive"
        self.dest = self.root / "out"
        self.log = self.root / "log"
        self.source.mkdir(exist_ok=True)
        self.source_url = self.source_url or str(self.source)
        self.dest_url = self.dest_url or str(self.dest)
        keys = self.root / "master.keys"
        if not keys.exists():
            master.write(master.new(), keys)

    def add(self, name: str, content: bytes) -> Path:
        file = self.source / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return file

    def settings(self) -> Settings:
        config = self.root / "redact.toml"
        stores = {
            **{name: f"sqlite:///{self.root}/{name}.db" for name in DATABASES},
            **self.databases,
            "organisation": f"{self.root}/organisation.yaml",
            "vault": f"{self.root}/vault",
            "master_keys": f"{self.root}/master.keys",
            "audit_heads": f"{self.root}/heads.jsonl",
        }
        text = "[stores]\n" + "".join(f'{name} = "{value}"\n' for name, value in stores.items())
        if not config.exists() or config.read_text() != text:
            config.write_text(text)
        return load_settings(config, environ={})

    def job(self, *, seals: bool = False) -> Job:
        return Job(
            self.source_url, self.dest_url, Options(policy=self.policy), self.settings(), MODELS,
            requires_basis=self.policy.lawful_basis == "required", seals=seals or self.policy.originals == "vault",
            scratch=self.root,
        )  # fmt: skip

    def stores(self) -> Stores:
        return Stores(self.settings())

    def batch(self, tell=lambda _: None, metadata: Known | None = None, move_to: Path | None = None) -> Batch:
        job = self.job()
        what = metadata or known(Archive(job.source), None)
        target = Archive(str(move_to)) if move_to else None
        return Batch(job, self.stores(), self.engine, what, target, tell)

    def run(
        self, choice: Choice = ALL, *, workers: int = 2, limits: Limits = PLENTY, pause_s: float = 0,
        tell=lambda _: None, **how,
    ) -> tuple[Ended, list[Event]]:  # fmt: skip
        events: list[Event] = []
        batch = self.batch(lambda event: (events.append(event), tell(event)), **how)
        maker = FakeMaker(self.job(), self.log, pause_s)
        with as_a_program(), LocalPool(workers, maker, limits) as pool:
            try:
                return batch.run(pool, choice), events
            finally:
                batch.stores.close()

    def rows(self) -> list:
        return list(self.stores().ledger.archive(Archive(self.dest_url).url).rows())

    def states(self) -> dict[str, int]:
        return dict(self.stores().ledger.archive(Archive(self.dest_url).url).states())

    def ledger(self):
        return self.stores().ledger.archive(Archive(self.dest_url).url)

    def outputs(self) -> dict[str, bytes]:
        return {
            str(path.relative_to(self.dest)): path.read_bytes()
            for path in sorted(self.dest.rglob("*"))
            if path.is_file() and path.parent.name != "nights"
        }

    def with_policy(self, **changes) -> "World":
        return replace(self, policy=self.policy.changed(**changes))

    def made(self) -> list[str]:
        """Each time that a recording's outputs were made."""
        return self.log.read_text().split() if self.log.exists() else []


class as_a_program:  # noqa: N801
    """New processes begin as those of the command line do: without importing pytest again."""

    def __enter__(self):
        self._main = sys.modules["__main__"]
        plain = type(sys)("__main__")
        sys.modules["__main__"] = plain

    def __exit__(self, *error):
        sys.modules["__main__"] = self._main


def torn(dest: Path) -> list[str]:
    """Outputs that are not what their report says, and those that have none."""
    wrong = []
    reports = {path.name.removesuffix(".report.json"): path for path in dest.glob("??/*.report.json")}
    for name, path in reports.items():
        told = json.loads(path.read_bytes())
        for suffix, digest in told["outputs"].items():
            output = path.parent / f"{name}.redacted{suffix}"
            if not output.exists() or hashlib.sha256(output.read_bytes()).hexdigest() != digest:
                wrong.append(output.name)
    return wrong
