"""Sealed files under fresh keys: always readable, whoever is killed in between, and the old keys gone in the end."""

import io
import random
import signal
import sqlite3
import subprocess
import sys
import time

import pytest
from batch_world import World
from click.testing import CliRunner
from stores_world import files

from redact.cli.main import cli
from redact.errors import ExitCode, KeyMissing
from redact.stores.data_keys import LOG, SOURCES, DataKeys
from redact.stores.database import connect
from redact.stores.vault import Vault


def content_of(number: int) -> bytes:
    return random.Random(number).randbytes(300_000 + 700_000 * (number % 3))


class House:
    """Stores with a log, a ledger and sixteen recordings of up to 1.7 MB, two files each."""

    def __init__(self, root) -> None:
        self.world = World(root)
        self.kept = self.world.stores()
        self.config = ["--config", str(root / "redact.toml")]
        self.ids = [f"more-{number}" for number in range(16)]
        self.kept.audit.add("keys.init", "done")
        assert self.kept.ledger
        for number, name in enumerate(self.ids):
            self.kept.vault.seal(io.BytesIO(content_of(number)), name, "original")
            self.kept.vault.seal(io.BytesIO(b"turns %d" % number), name, "transcript")


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path)
    yield made
    made.kept.close()


def reseal(office, *more):
    return CliRunner().invoke(cli, [*office.config, "vault", "reseal", *more])


def all_sealed(office) -> dict:
    """What is in clear of each sealed file."""
    kept = office.world.stores()
    found = {
        (about.recording_id, about.kind): b"".join(kept.vault.opened(about.recording_id, about.kind))
        for about in kept.vault.listed()
    }
    kept.close()
    return found


def keys_of(office) -> dict:
    kept = office.world.stores()
    found = {key.recording_id: key.key_id for key in kept.keys.listed()}
    kept.close()
    return found


def test_each_recording_has_a_fresh_key_and_what_it_had(house):
    before, keys, secret = all_sealed(house), keys_of(house), house.kept.keys.of("more-1").secret
    others = {name: house.kept.keys.of(name).secret for name in (LOG, SOURCES)}
    told = reseal(house)
    assert told.exit_code == 0, told.output
    assert "MiB/s; 0 wait" in told.output
    assert all_sealed(house) == before
    after = keys_of(house)
    for name in keys:
        assert (keys[name] == after[name]) is ("." in name), name
    fresh = house.world.stores()
    assert {name: fresh.keys.of(name).secret for name in others} == others
    assert fresh.keys.of("more-1").secret != secret
    entry = fresh.audit.tail(1)[0]
    assert (entry.action, entry.outcome) == ("vault.reseal", "done")
    assert '"recordings": 16' in entry.counts
    assert fresh.audit.verify() > 0
    fresh.close()


def test_the_old_key_is_in_no_file_and_opens_nothing(house, tmp_path):
    with sqlite3.connect(tmp_path / "keyring.db") as raw:
        old = dict(raw.execute("SELECT recording_id, wrapped FROM data_keys").fetchall())
    raw.close()
    backup = tmp_path / "backup.db"
    with sqlite3.connect(tmp_path / "keyring.db") as source, sqlite3.connect(backup) as target:
        source.backup(target)
    source.close(), target.close()
    assert reseal(house).exit_code == 0
    house.kept.close()
    there = [path.read_bytes() for path in files(tmp_path) if path.name.startswith("keyring.db")]
    assert old[LOG] in b"".join(there)
    for name in ("more-1", house.ids[0]):
        assert not any(old[name] in content for content in there)
    stolen = Vault(tmp_path / "vault", DataKeys(connect(f"sqlite:///{backup}", "keyring"), house.kept.ring))
    for name in ("more-1", house.ids[0]):
        with pytest.raises(KeyMissing):
            next(stolen.opened(name, "original"))


def test_a_part_at_a_time(house):
    keys = keys_of(house)
    assert "sealed 5 recordings anew" in reseal(house, "--limit", "5").output
    changed = {name for name, key in keys_of(house).items() if keys[name] != key}
    assert len(changed) == 5
    first = keys_of(house)
    told = reseal(house, "--limit", "100").output
    assert "sealed 11 recordings anew" in told
    assert all(keys_of(house)[name] == first[name] for name in changed)  # nothing was done twice
    again = reseal(house, "--limit", "1").output  # all is done: this is the next time
    assert "sealed 1 recordings anew" in again
    assert "; 15 wait" in again


def test_killed_again_and_again_each_file_can_be_read_all_the_time(house):
    before = all_sealed(house)
    command = [sys.executable, "-m", "redact", *house.config, "vault", "reseal"]
    seed = random.Random(11)
    kills = 0
    for _ in range(4):
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        until = time.monotonic() + 20
        while not list((house.world.root / "vault").glob("??/.*.part")) and time.monotonic() < until:
            if child.poll() is not None or waiting(house):
                break
            time.sleep(0.002)
        time.sleep(seed.random() * 0.05)
        child.send_signal(signal.SIGKILL)
        kills += child.wait(20) == -signal.SIGKILL
        child.stderr.close()
        assert all_sealed(house) == before
    assert kills
    assert reseal(house).exit_code == 0
    assert all_sealed(house) == before
    assert waiting(house) == 0


def waiting(office) -> int:
    with sqlite3.connect(office.world.root / "keyring.db", timeout=20) as raw:
        count = raw.execute("SELECT count(*) FROM successors").fetchone()[0]
    raw.close()
    return count


@pytest.mark.parametrize("where", ["successor", "_resealed", "succeed"])
def test_killed_at_a_named_place(house, where):
    before = all_sealed(house)
    script = f"""
import os
from redact.stores import data_keys, vault
for place in (vault.Vault, data_keys.DataKeys):
    if hasattr(place, {where!r}):
        called = getattr(place, {where!r})
        count = []
        def dying(self, *given, called=called):
            count.append(1)
            done = called(self, *given) if {where != "succeed"} else None
            if len(count) >= 3:
                os.kill(os.getpid(), 9)
            return done if {where != "succeed"} else called(self, *given)
        setattr(place, {where!r}, dying)
from redact.cli.main import cli
cli({[*house.config, "vault", "reseal"]!r})
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert all_sealed(house) == before
    assert waiting(house)
    assert reseal(house).exit_code == 0
    assert all_sealed(house) == before
    assert waiting(house) == 0


def test_master_keys_that_change_half_way_wrap_fresh_keys_too(house):
    before = all_sealed(house)
    house.kept.keys.all_need_successors()
    house.kept.keys.successor("more-3")
    house.kept.close()
    told = CliRunner().invoke(cli, [*house.config, "keys", "rotate"])
    assert told.exit_code == 0, told.output
    assert reseal(house).exit_code == 0
    assert all_sealed(house) == before


def test_what_is_not_whole_keeps_its_key_and_does_not_stop_the_others(house):
    keys = keys_of(house)
    path = next((house.world.root / "vault").glob("??/more-4.original.sealed"))
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    told = reseal(house)
    assert told.exit_code == ExitCode.SOME_FAILED
    assert "more-4: a file is not whole" in told.output
    held = house.kept.keys.of("more-4")
    assert held.key_id == keys["more-4"]
    path.write_bytes(content)
    assert reseal(house).exit_code == 0
    assert house.world.stores().keys.of("more-4").key_id != keys["more-4"]


def test_what_is_erased_meanwhile_stays_erased(house):
    house.kept.keys.all_need_successors()
    house.kept.keys.successor("more-5")
    house.kept.vault.erase("more-5")
    house.kept.close()
    assert reseal(house).exit_code == 0
    assert not list((house.world.root / "vault").glob("??/more-5.*"))
    with pytest.raises(KeyMissing):
        house.kept.keys.of("more-5")


def test_what_is_sealed_meanwhile_can_be_read_afterwards(house):
    house.kept.keys.all_need_successors()
    fresh = house.kept.keys.successor("more-6")
    house.kept.vault.seal(io.BytesIO(b"another"), "more-6", "map")
    house.kept.close()
    assert reseal(house).exit_code == 0
    kept = house.world.stores()
    assert kept.keys.of("more-6").key_id == fresh.key_id
    assert b"".join(kept.vault.opened("more-6", "map")) == b"another"
    kept.close()


def test_whoever_reads_meanwhile_reads_what_is_there(house):
    before = all_sealed(house)
    command = [sys.executable, "-m", "redact", *house.config, "vault", "reseal"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as child:
        reads = 0
        while child.poll() is None:
            for name in house.ids:
                assert b"".join(house.kept.vault.opened(name, "transcript")) == before[name, "transcript"]
                reads += 1
    assert child.returncode == 0
    assert reads > len(house.ids)


def test_a_file_that_is_replaced_between_its_header_and_its_key_is_read_again(house, monkeypatch):
    """The fresh key takes the old one's place in the very moment in which a file is opened."""
    before = b"".join(house.kept.vault.opened("more-2", "original"))
    house.kept.keys.all_need_successors()
    of, resealed = DataKeys.of, []

    def replaced(keys, recording_id, key_id=""):
        if not resealed:
            resealed.append(recording_id)
            house.world.stores().vault.reseal(recording_id)
        return of(keys, recording_id, key_id)

    monkeypatch.setattr(DataKeys, "of", replaced)
    assert b"".join(house.kept.vault.opened("more-2", "original")) == before
    assert resealed == ["more-2"]


def test_a_full_disk_leaves_every_file_readable(house):
    before = all_sealed(house)
    limited = f"ulimit -f 200; exec {sys.executable} -m redact {' '.join(house.config)} vault reseal"
    done = subprocess.run(["bash", "-c", limited], capture_output=True, text=True)
    assert done.returncode == ExitCode.CANNOT_WRITE, done.stderr
    assert all_sealed(house) == before
    assert reseal(house).exit_code == 0
    assert all_sealed(house) == before


def test_a_vault_from_before_is_opened_and_brought_to_the_newest_shape(house, tmp_path):
    """A store of keys without the table of fresh keys gets it when it is opened."""
    with sqlite3.connect(tmp_path / "keyring.db") as source, sqlite3.connect(tmp_path / "old.db") as target:
        source.backup(target)
        target.executescript("DROP TABLE successors; UPDATE alembic_version SET version_num = 'keyring_0001'")
    source.close(), target.close()
    keys = DataKeys(connect(f"sqlite:///{tmp_path}/old.db", "keyring"), house.kept.ring)
    assert keys.waiting() == 0
    assert len(keys.all_need_successors()) == 16
    assert keys.waiting() == 16
