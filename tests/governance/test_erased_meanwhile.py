"""A recording that is erased while it is worked on: whatever comes after is withdrawn."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from batch_world import ALL, FakeRedactor, World
from click.testing import CliRunner

from redact import naming
from redact.batch.work import Task, Worker
from redact.cli.main import cli
from redact.governance import erasure
from redact.texts import TextRedactor

CONTENT = b"RIFF one |name=Maud Ferrant|"
NAME = naming.opaque(hashlib.sha256(CONTENT).hexdigest())
TURNS = "Agent: Who is calling?\nCustomer: My name is Maud Ferrant.\n"


@dataclass(frozen=True)
class Racing(FakeRedactor):
    """Something happens at one moment of its work: as who is in it is `noted`, once it is `sealed` or `published`."""

    at: str = ""
    happens: Callable[[], None] = lambda: None

    def redact_file(self, path, folder, *, custody):
        def noted(terms):
            self._reached("noted")
            custody.index(terms)

        def sealed(content, kind):
            custody.seal(content, kind)
            self._reached("sealed")

        super().redact_file(path, folder, custody=replace(custody, index=noted, seal=custody.seal and sealed))
        self._reached("published")

    def _reached(self, moment):
        if moment == self.at:
            self.happens()


def erase(world, recording_id, **how):
    kept = world.stores()
    erasure.erase(kept, [str(world.dest)], recording_id, reason="request", **how)
    kept.close()


def nothing_left(kept, recording_id) -> bool:
    keys = {key.recording_id for key in kept.keys.listed()}
    return recording_id not in keys and not kept.index.has(recording_id) and not list(kept.vault.listed())


@pytest.mark.parametrize("keeps_report", [False, True])
@pytest.mark.parametrize("at", ["noted", "sealed", "published"])
def test_what_a_worker_publishes_of_it_is_withdrawn(tmp_path, at, keeps_report) -> None:
    world = World(tmp_path).with_policy(originals="vault")
    world.add("a.wav", CONTENT)
    ((found, _),) = world.batch().found(ALL).tasks
    redactor = Racing(world.policy, at=at, happens=lambda: erase(world, NAME, keeps_report=keeps_report))
    outcome = Worker(world.job(), redactor)(Task(found.source, found.item, found.metadata))
    assert (outcome.done.state, outcome.done.reason, outcome.stop) == ("refused", "erased", None)
    assert world.outputs() == {}
    kept = world.stores()
    assert nothing_left(kept, NAME)
    assert kept.audit.tail(1)[0].reason == "NoLawfulBasis"
    kept.close()


def test_what_is_redacted_stays_where_its_original_alone_is_erased(tmp_path) -> None:
    world = World(tmp_path)
    world.add("a.wav", CONTENT)
    ((found, _),) = world.batch().found(ALL).tasks

    def happens() -> None:
        kept = world.stores()
        erasure.erase_original(kept, [str(world.dest)], NAME, reason="request")
        kept.close()

    redactor = Racing(world.policy, at="published", happens=happens)
    Worker(world.job(), redactor)(Task(found.source, found.item, found.metadata))
    assert len(world.outputs()) == 4


@pytest.mark.parametrize("by", ["content", "call id"])
def test_what_one_command_publishes_of_it_is_withdrawn(tmp_path, monkeypatch, by) -> None:
    world = World(tmp_path)
    file = world.add("a.txt", TURNS.encode())
    own = naming.opaque(hashlib.sha256(file.read_bytes()).hexdigest())
    real = TextRedactor.redact_file

    def redact_file(self, *given, **how):
        result = real(self, *given, **how)
        assert all(output.exists() for output in result.outputs)
        erase(world, own if by == "content" else "call-1")
        return result

    monkeypatch.setattr(TextRedactor, "redact_file", redact_file)
    world.settings()
    command = [
        "--config",
        world.root / "redact.toml",
        "file",
        file,
        "-o",
        world.dest,
        "--call-id",
        "call-1",
        "--language",
        "en",
    ]
    done = CliRunner().invoke(cli, list(map(str, command)))
    assert done.exit_code == 6
    assert world.outputs() == {}
