"""Whatever happens to a batch: nothing torn, lost, done twice or left in clear, and the rest goes on."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import traceback
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from batch_world import ALL, PLENTY, FakeMaker, World, as_a_program, torn
from kill_loop import SECRET, archive_more, kill_until_done, wrong

from redact.batch.interrupts import Interrupts
from redact.batch.pool import LocalPool
from redact.errors import Damaged, ExitCode, InputRejected, KeyMissing, Locked
from redact.stores import ledger, master

KILLS = 100


@pytest.mark.slow
def test_a_hundred_kills(world):
    count = kill_until_done(world, seed=20260301, kills=KILLS)
    assert wrong(world, count) == []
    assert count.parents + count.workers == KILLS
    assert count.parents > 25
    assert count.workers > 25


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_seconds_and_the_next_run_goes_on(world, number):
    archive_more(world, 0, 30)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            batch = world.batch()
            maker = FakeMaker(world.job(), world.log, 0.3)
            with as_a_program(), Interrupts() as noted, LocalPool(2, maker, PLENTY, noted.check) as pool:
                batch.run(pool, ALL)
        except SystemExit as error:
            code = int(error.code or 0)
        except KeyboardInterrupt:
            code = 130
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    while not world.made():
        time.sleep(0.05)
    began = time.monotonic()
    os.kill(child, number)
    _, status = os.waitpid(child, 0)
    assert time.monotonic() - began < 10
    assert os.waitstatus_to_exitcode(status) == {signal.SIGTERM: 143, signal.SIGINT: 130}[number]
    assert torn(world.dest) == []
    assert world.run()[0].error is None
    assert world.states() == {"done": 30}
    assert len(world.made()) <= 32


def test_a_lock_of_a_killed_run_is_nobody_s(world):
    world.add("a.wav", b"one")
    child = os.fork()
    if child == 0:
        with world.ledger().alone():
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert world.run()[0].states == {"done": 1}


def test_two_runs_at_once(world):
    archive_more(world, 0, 10)
    child = os.fork()
    if child == 0:
        with as_a_program(), LocalPool(1, FakeMaker(world.job(), world.log, 0.2), PLENTY) as pool:
            world.batch().run(pool, ALL)
        os._exit(0)
    while not world.made():
        time.sleep(0.05)
    with pytest.raises(Locked) as told:
        world.run()
    assert told.value.exit_code == ExitCode.LOCKED
    os.waitpid(child, 0)
    assert world.states() == {"done": 10}
    assert len(world.made()) == 10


A_RUN = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from batch_world import World
if __name__ == "__main__":
    world = World(Path({root!r}), dest_url={dest!r}, databases={databases!r})
    ended, _ = world.run()
    print(ended.error.exit_code if ended.error else 0, world.states())
"""


def a_run(world: World, *, dest: str = "", ledger: str = "") -> str:
    """A program that runs a batch and tells its exit code and the states; its path."""
    program = world.root / "run.py"
    tests = str(Path(__file__).parent)
    databases = {"ledger": ledger} if ledger else {}
    program.write_text(
        A_RUN.format(tests=tests, root=str(world.root), dest=dest or world.dest_url, databases=databases)
    )
    return str(program)


def with_path() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def on_a_small_disk(world: World, where: str, kib: int, **places: str) -> str:
    """Run a batch where one folder lies on a file system of so many KiB, and then once more with room; what it said."""
    run = f"{sys.executable} {a_run(world, **places)}"
    command = (
        f"mkdir -p {where} && mount -t tmpfs -o size={kib}k none {where} && ({run}; "
        f"mount -o remount,size=64m {where} && {run}; cp -a {where} {world.root}/after)"
    )
    done = subprocess.run(
        ["unshare", "-Urm", "sh", "-c", command], capture_output=True, text=True, timeout=120, check=False,
        env=with_path(),
    )  # fmt: skip
    if "unshare" in done.stderr:
        pytest.skip("no user namespaces on this machine")
    return done.stdout


@pytest.mark.slow
def test_a_full_disk_under_the_outputs(world):
    archive_more(world, 0, 40)
    told = on_a_small_disk(world, str(world.root / "small"), 96, dest=str(world.root / "small" / "out"))
    first, second = told.strip().splitlines()[-2:]
    assert first.startswith("11 ")
    assert "'pending'" in first
    assert second == "0 {'done': 40}"
    assert torn(world.root / "after" / "out") == []


@pytest.mark.slow
def test_a_full_disk_under_the_ledger(world):
    archive_more(world, 0, 40)
    small = world.root / "small"
    told = on_a_small_disk(world, str(small), 120, ledger=f"sqlite:///{small}/ledger.db")
    assert told.strip().splitlines()[-1] == "0 {'done': 40}"
    assert torn(world.dest) == []
    assert len(world.made()) <= 42


def test_an_archive_that_vanishes(world, tmp_path):
    world.add("a.wav", b"one")
    batch = world.batch()
    world.source.rename(tmp_path / "elsewhere")
    with as_a_program(), LocalPool(1, FakeMaker(world.job()), PLENTY) as pool, pytest.raises(InputRejected) as told:
        batch.run(pool, ALL)
    assert told.value.exit_code == ExitCode.INPUT_REJECTED


def test_a_recording_that_vanishes_between_listing_and_reading(world):
    archive_more(world, 0, 3)
    batch = world.batch()
    found = batch.found
    batch.found = lambda choice: (found(choice), (world.source / "1.wav").unlink())[0]  # type: ignore[method-assign]
    with as_a_program(), LocalPool(1, FakeMaker(world.job(), world.log), PLENTY) as pool:
        ended = batch.run(pool, ALL)
    assert ended.states == {"done": 2, "failed": 1}
    assert [row.reason for row in world.rows() if row.state == "failed"] == ["io"]


def test_a_recording_that_may_not_be_read(world):
    world.add("a.wav", b"one").chmod(0)
    world.add("b.wav", b"two")
    without_powers = ["setpriv", "--bounding-set=-all"] if os.geteuid() == 0 else []  # root may read all
    done = subprocess.run(
        [*without_powers, sys.executable, a_run(world)], capture_output=True, text=True, check=False, env=with_path()
    )
    assert done.stdout.strip() == "0 {'done': 1, 'failed': 1}", done.stderr
    assert [row.reason for row in world.rows() if row.state == "failed"] == ["io"]


def test_a_damaged_ledger_is_told_and_made_again_from_the_outputs(world):
    archive_more(world, 0, 5)
    world.run()
    file = world.root / "ledger.db"
    content = bytearray(file.read_bytes())
    content[4096:8192] = os.urandom(4096)
    file.write_bytes(content)
    with pytest.raises(Damaged) as told:
        world.run()
    assert told.value.exit_code == ExitCode.DAMAGED
    file.rename(world.root / "ledger.db.damaged")
    ended, events = world.run()
    assert ended.states == {"done": 5}
    assert all(event.facts["adopted"] for event in events if event.name == "call_ended")
    assert len(world.made()) == 5


def test_a_ledger_that_another_process_writes_to_is_waited_for(world):
    archive_more(world, 0, 3)
    world.run()
    archive_more(world, 3, 3)
    other = sqlite3.connect(world.root / "ledger.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    threading.Timer(1, lambda: other.execute("COMMIT")).start()
    assert world.run()[0].states == {"done": 3}


def test_a_key_that_is_missing_or_wrong_stops_it_before_anything_is_read(world):
    world.add("a.wav", b"one")
    world.run()
    keys = world.root / "master.keys"
    keys.chmod(0o600)
    keys.unlink()
    with pytest.raises(KeyMissing) as told:
        world.run()
    assert told.value.exit_code == ExitCode.KEY
    master.write(master.new(), keys)
    with pytest.raises(KeyMissing):
        world.run()
    assert world.made() == world.made()[:1]


def test_master_keys_that_are_changed_in_mid_run(world):
    """What began before can't wrap keys any more: it stops, and the next run goes on with the new key."""
    archive_more(world, 0, 8)
    rotated = []

    def rotate(event):
        if event.name == "call_ended" and not rotated:
            rotated.append(event)
            command = [sys.executable, "-m", "redact", "--config", str(world.root / "redact.toml"), "keys", "rotate"]
            subprocess.run(command, check=True, capture_output=True, env=with_path())

    ended, _ = world.run(tell=rotate, pause_s=0.2)
    assert ended.error is not None
    assert ended.error.exit_code == ExitCode.KEY
    assert world.run()[0].error is None
    assert world.states() == {"done": 8}
    assert torn(world.dest) == []
    for row in world.rows():
        assert b"".join(world.stores().vault.opened(row.recording_id, "map"))


def test_a_clock_that_goes_back_changes_nothing(world, monkeypatch):
    world.add("a.wav", b"one")
    world.run()

    class Back(datetime):
        @classmethod
        def now(cls, tz=None):
            return super().now(tz) - timedelta(hours=1)

    monkeypatch.setattr(ledger, "datetime", Back)
    world.add("b.wav", b"two")
    assert world.run()[0].states == {"done": 1}
    assert world.run()[0].run_id == ""


def test_what_a_killed_process_left_between_two_names_is_removed(world):
    archive_more(world, 0, 1)
    world.run()
    shard = next(world.dest.glob("??"))
    (shard / ".call-1.redacted.wav.0123456789abcdef.part").write_bytes(b"whole and redacted")
    row = world.rows()[0]
    world.ledger().begin(row.source, "a run that was killed")
    world.run()
    assert list(world.dest.rglob(".*.part")) == []
    assert SECRET not in b"".join(world.outputs().values())
