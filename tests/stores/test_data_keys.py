"""Keys of recordings and the master keys that wrap them: kept, changed, killed in between, destroyed."""

import base64
import json
import os
import random
import resource
import signal
import sqlite3
import string
import traceback
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, text
from stores_world import BOTH, files, in_child, mode

from redact.errors import CannotWrite, KeyMissing, Locked, UsageError
from redact.settings import CREDENTIAL, HANDED_KEYS
from redact.stores import data_keys, master
from redact.stores.data_keys import DataKeys
from redact.stores.database import connect

NOW = datetime(2026, 3, 1, tzinfo=UTC)
MANY = 1_000
NO_IDS = ("", ".", "-x", ":x", "a b", "a/b", "../a", "a\n", "é", "\udcff", "a\0b", "x" * 81, "Jane Doe", "+491234")


def many_keys(database, ring, count=MANY):
    """Keys in one transaction; their secrets by recording."""
    made = {f"call-{number:04d}": os.urandom(32) for number in range(count)}
    with database.writing() as connection:
        for number, (name, secret) in enumerate(made.items()):
            bound = data_keys._bound(name, f"{number:016x}")
            row = {"recording_id": name, "key_id": f"{number:016x}", "master_id": ring.current,
                   "wrapped": ring.wrap(secret, bound), "made_at": "2026-03-01T00:00:00+00:00"}  # fmt: skip
            connection.execute(insert(data_keys._KEYS).values(row))
    return made


def secrets_of(keys, names):
    return {name: keys.of(name).secret for name in names}


@BOTH
def test_a_key_is_made_once_and_stays(keys, keyring, ring):
    made = keys.made("call-1")
    assert len(made.secret) == 32
    assert made == keys.made("call-1") == keys.of("call-1") == DataKeys(keyring, ring).of("call-1")
    assert keys.made("call-2").secret != made.secret


@BOTH
def test_the_keys_are_listed_without_being_unwrapped(keys, keyring, ring):
    made = {name: keys.made(name).key_id for name in ("b", "a", "c")}
    strangers = DataKeys(keyring, master.new())
    assert [(one.recording_id, one.key_id, one.master_id) for one in strangers.listed()] == [
        (name, made[name], ring.current) for name in "abc"
    ]
    assert strangers.by_master() == {ring.current: 3}


@BOTH
@pytest.mark.parametrize("name", NO_IDS)
def test_what_is_no_id_has_no_key_and_gets_none(keys, name):
    with pytest.raises(UsageError):
        keys.made(name)
    with pytest.raises(KeyMissing):
        keys.of(name)
    assert list(keys.listed()) == []


@given(st.text(string.ascii_letters + string.digits + "._:-", max_size=90), st.text(max_size=5))
def test_ids_are_short_and_cannot_be_paths(plain, odd):
    for name in (plain, odd, plain + odd):
        if data_keys.IDS.fullmatch(name):
            assert name.isascii()
            assert 0 < len(name) <= 80
            assert not set(name) & set("/\\ \n\0")
            assert name[0].isalnum()


@BOTH
def test_a_destroyed_key_is_gone_and_a_new_one_is_another(keys):
    first = keys.made("call-1")
    assert keys.destroy("call-1")
    assert not keys.destroy("call-1")
    with pytest.raises(KeyMissing, match="no key"):
        keys.of("call-1")
    second = keys.made("call-1")
    assert (second.key_id, second.secret) != (first.key_id, first.secret)


def test_a_destroyed_key_s_bytes_are_in_no_file_whatever_was_destroyed_before(keys, keyring, ring, tmp_path):
    names = list(many_keys(keyring, ring, 60))
    DataKeys(keyring, ring.with_new(NOW)).wrap_anew(lambda *_: None)
    with sqlite3.connect(tmp_path / "keyring.db") as raw:
        wrapped = dict(raw.execute("SELECT recording_id, wrapped FROM data_keys").fetchall())
    raw.close()
    assert wrapped[names[0]] in (tmp_path / "keyring.db").read_bytes()
    random.Random(7).shuffle(names)
    for name in names:
        keys.destroy(name)
        assert not any(wrapped[name] in path.read_bytes() for path in files(tmp_path)), name


def test_a_reader_that_stays_keeps_a_key_from_being_called_destroyed(tmp_path, monkeypatch, ring):
    monkeypatch.setattr("redact.stores.database.BUSY_MS", 50)
    keys = DataKeys(connect(f"sqlite:///{tmp_path}/k.db", "keyring"), ring)
    keys.made("call-1")
    reader = sqlite3.connect(tmp_path / "k.db", isolation_level=None)
    reader.execute("BEGIN")
    wrapped = reader.execute("SELECT wrapped FROM data_keys").fetchone()[0]
    with pytest.raises(Locked):
        keys.destroy("call-1")
    reader.close()
    assert not keys.destroy("call-1")  # run again, as it says: the row is gone, and now the rest too
    assert not any(wrapped in path.read_bytes() for path in files(tmp_path))


@BOTH
@pytest.mark.parametrize("column", ["recording_id", "key_id", "master_id", "wrapped"])
def test_a_row_that_was_changed_opens_nothing(keys, keyring, column):
    keys.made("call-1"), keys.made("call-2")
    other = {"recording_id": "'call-3'", "key_id": "'0'", "master_id": "'other'",
             "wrapped": "(SELECT wrapped FROM data_keys WHERE recording_id = 'call-2')"}[column]  # fmt: skip
    with keyring.writing() as connection:
        connection.execute(text(f"UPDATE data_keys SET {column} = {other} WHERE recording_id = 'call-1'"))  # noqa: S608
    with pytest.raises(KeyMissing):
        keys.of("call-3" if column == "recording_id" else "call-1")
    assert keys.of("call-2")


@pytest.mark.parametrize("wrapped", [b"", b"\0", b"\0" * 12, b"\0" * 60, b"\0" * 500])
def test_what_was_never_wrapped_does_not_open(ring, wrapped):
    with pytest.raises(KeyMissing, match="does not open"):
        ring.unwrap(ring.current, wrapped, b"x")


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=40), st.integers(0, 59), st.integers(0, 7))
def test_a_wrapped_key_opens_only_whole_and_only_with_what_it_is_bound_to(secret, bound, place, bit):
    ring = master.new(NOW)
    wrapped = ring.wrap(secret, bound)
    assert len(wrapped) == 60
    assert ring.unwrap(ring.current, wrapped, bound) == secret
    flipped = bytearray(wrapped)
    flipped[place] ^= 1 << bit
    renamed = replace(ring, secrets={"other": ring.secrets[ring.current]}, made_at={"other": ""})
    for attempt in (
        lambda: ring.unwrap(ring.current, bytes(flipped), bound),
        lambda: ring.unwrap(ring.current, wrapped, bound + b"x"),
        lambda: renamed.unwrap("other", wrapped, bound),
        lambda: ring.unwrap("other", wrapped, bound),
    ):
        with pytest.raises(KeyMissing):
            attempt()


@BOTH
def test_another_ring_opens_nothing(keys, keyring):
    keys.made("call-1")
    with pytest.raises(KeyMissing, match="not among those"):
        DataKeys(keyring, master.new()).of("call-1")


def test_no_key_shows(keys, ring):
    made = keys.made("call-1")
    shown = f"{made!r} {made} {[made]} {ring!r} {ring} {keys!r} {list(keys.listed())}"
    for secret in (made.secret, *ring.secrets.values()):
        for way in (repr(secret)[2:-1], secret.hex(), base64.b64encode(secret).decode()):
            assert way not in shown


# Rotation


@BOTH
def test_all_keys_are_wrapped_anew_and_the_old_master_key_may_go(keyring, ring):
    made = many_keys(keyring, ring, 450)
    both = ring.with_new(NOW)
    told = []
    assert DataKeys(keyring, both).wrap_anew(lambda *figures: told.append(figures)) == 450
    assert told == [(200, 450), (400, 450), (450, 450)]
    after = DataKeys(keyring, both.only_current())
    assert secrets_of(after, made) == made
    assert after.by_master() == {both.current: 450}
    assert after.wrap_anew(lambda *_: pytest.fail("there was nothing to do")) == 0
    with pytest.raises(KeyMissing):
        DataKeys(keyring, ring).of("call-0000")


@BOTH
def test_a_process_that_still_has_the_old_ring_makes_no_key_that_would_be_lost(keyring, ring):
    before = DataKeys(keyring, ring)
    before.made("call-1")
    both = ring.with_new(NOW)
    DataKeys(keyring, both).wrap_anew(lambda *_: None)
    with pytest.raises(KeyMissing, match="have changed"):
        before.made("call-2")
    assert DataKeys(keyring, both.only_current()).made("call-2")


@BOTH
def test_rotation_killed_after_each_batch_and_resumed_loses_no_key(keyring, urls, ring):
    made = many_keys(keyring, ring)
    both = ring.with_new(NOW)

    def die_after_a_batch():
        DataKeys(connect(urls.keyring, "keyring"), both).wrap_anew(lambda *_: os._exit(9))

    keys = DataKeys(keyring, both)
    for step in range(1, MANY // data_keys.BATCH + 1):
        assert in_child(die_after_a_batch, keyring) == 9
        assert secrets_of(keys, made) == made
        assert keys.by_master()[both.current] == step * data_keys.BATCH
    assert in_child(die_after_a_batch, keyring) == 0
    assert secrets_of(DataKeys(keyring, both.only_current()), made) == made


class Deadly:
    """A ring that kills its process when it has wrapped so many keys: in the middle of a transaction."""

    def __init__(self, ring, left):
        self._ring, self._left = ring, left
        self.current, self.unwrap = ring.current, ring.unwrap

    def wrap(self, key, bound_to):
        self._left -= 1
        if self._left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return self._ring.wrap(key, bound_to)


@BOTH
def test_rotation_killed_in_the_middle_of_a_batch_and_resumed_loses_no_key(keyring, urls, ring, monkeypatch):
    monkeypatch.setattr(data_keys, "BATCH", 7)
    made = many_keys(keyring, ring)
    both = ring.with_new(NOW)
    keys = DataKeys(keyring, both)
    rng = random.Random(20260301)
    done = 0
    for _ in range(6):
        wraps = rng.randrange(150)

        def die(wraps=wraps):
            DataKeys(connect(urls.keyring, "keyring"), Deadly(both, wraps)).wrap_anew(lambda *_: None)

        assert in_child(die, keyring) == -signal.SIGKILL
        done += wraps // 7 * 7
        assert secrets_of(keys, made) == made
        assert keys.by_master().get(both.current, 0) == done
    keys.wrap_anew(lambda *_: None)
    assert secrets_of(DataKeys(keyring, both.only_current()), made) == made
    assert keys.by_master() == {both.current: MANY}


@BOTH
def test_rotation_killed_at_any_moment_and_resumed_loses_no_key(keyring, urls, ring):
    made = many_keys(keyring, ring)
    both = ring.with_new(NOW)
    rng = random.Random(20260301)
    work = lambda: DataKeys(connect(urls.keyring, "keyring"), both).wrap_anew(lambda *_: None)  # noqa: E731
    for _ in range(3):
        assert in_child(work, keyring, killed_after_s=rng.uniform(0.02, 0.3)) in {-signal.SIGKILL, 0}
        assert secrets_of(DataKeys(keyring, both), made) == made
    DataKeys(keyring, both).wrap_anew(lambda *_: None)
    assert secrets_of(DataKeys(keyring, both.only_current()), made) == made


@BOTH
def test_a_key_of_an_unknown_master_key_stops_rotation_and_changes_nothing_of_its_batch(keyring, ring):
    made = many_keys(keyring, ring, 5)
    stranger = master.new()
    with pytest.raises(KeyMissing, match=ring.current):
        DataKeys(keyring, stranger).wrap_anew(lambda *_: None)
    assert secrets_of(DataKeys(keyring, ring), made) == made


def test_two_rotations_at_once_lose_no_key(keyring, urls, ring):
    made = many_keys(keyring, ring, 400)
    both = ring.with_new(NOW)
    work = lambda: DataKeys(connect(urls.keyring, "keyring"), both).wrap_anew(lambda *_: None)  # noqa: E731

    def two():
        if (child := os.fork()) == 0:
            os._exit(1 if work() is None else 0)
        work()
        assert os.waitpid(child, 0)[1] == 0

    assert in_child(two, keyring) == 0
    assert secrets_of(DataKeys(keyring, both.only_current()), made) == made


# The file of master keys


@pytest.fixture
def ring_file(tmp_path):
    return tmp_path / "own" / "master.keys"


def test_a_ring_is_read_as_it_was_written_for_its_owner_alone(ring, ring_file):
    two = ring.with_new(NOW)
    master.write(two, ring_file)
    assert master.read(ring_file) == two
    assert master.read(ring_file).current == two.current
    assert (mode(ring_file), mode(ring_file.parent)) == (0o400, 0o700)
    assert [path.name for path in files(ring_file.parent)] == ["master.keys"]


def test_a_ring_replaces_another_only_where_that_is_said(ring, ring_file):
    master.write(ring, ring_file)
    other = master.new()
    with pytest.raises(CannotWrite, match="already"):
        master.write(other, ring_file)
    assert master.read(ring_file) == ring
    master.write(other, ring_file, replace=True)
    assert master.read(ring_file) == other
    assert mode(ring_file) == 0o400
    assert len(list(files(ring_file.parent))) == 1


def test_a_full_disk_leaves_the_former_ring_whole(ring, ring_file):
    master.write(ring, ring_file)

    def fill():
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
        with pytest.raises(CannotWrite):
            master.write(master.new(), ring_file, replace=True)

    assert in_child(fill) == 0
    assert master.read(ring_file) == ring
    assert [path.name for path in files(ring_file.parent)] == ["master.keys"]


@pytest.mark.parametrize("open_to", [0o440, 0o404, 0o640, 0o604, 0o620, 0o602, 0o410, 0o777])
def test_a_ring_that_others_may_read_or_change_is_refused(ring, ring_file, open_to):
    master.write(ring, ring_file)
    ring_file.chmod(open_to)
    with pytest.raises(KeyMissing, match="open to others") as caught:
        master.read(ring_file)
    assert "chmod 400" in caught.value.hint


def test_the_environment_gives_a_ring_where_no_file_is_named(ring, ring_file, monkeypatch):
    master.write(ring, ring_file)
    monkeypatch.setenv(HANDED_KEYS, ring_file.read_text())
    assert master.read(None) == ring
    other = master.new()
    master.write(other, ring_file, replace=True)
    assert master.read(ring_file) == other


@pytest.mark.parametrize("mode_of_credential", [0o400, 0o440])  # systemd's ACL for a service's account shows as 0440
def test_a_systemd_credential_gives_a_ring_and_comes_before_the_environment(
    ring, tmp_path, monkeypatch, mode_of_credential
):
    master.write(ring, tmp_path / CREDENTIAL)
    (tmp_path / CREDENTIAL).chmod(mode_of_credential)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    monkeypatch.setenv(HANDED_KEYS, "something else")
    assert master.read(None) == ring
    (tmp_path / CREDENTIAL).chmod(0o444)
    with pytest.raises(KeyMissing, match="open to others"):
        master.read(None)


def test_without_a_ring_there_is_none_and_it_says_how_to_make_one(tmp_path):
    with pytest.raises(KeyMissing, match="no master key") as caught:
        master.read(None)
    assert "redact keys init" in caught.value.hint
    with pytest.raises(KeyMissing, match="no such file"):
        master.read(tmp_path / "none")


CANARY = "Q0FOQVJZ-canary"
SHORT = base64.b64encode(b"canary").decode()
GARBAGE = {
    "nothing": " ",
    "text": CANARY,
    "cut JSON": f'{{"redact_master_keys": 1, "keys": [{{"id": "{CANARY}',
    "a list": json.dumps([CANARY]),
    "a number": "12345678901234567890",
    "no keys": json.dumps({"redact_master_keys": 1, "keys": []}),
    "keys of another shape": json.dumps({"redact_master_keys": 1, "keys": CANARY}),
    "a key without a date": json.dumps({"redact_master_keys": 1, "keys": [{"id": CANARY, "secret": SHORT}]}),
    "a short key": json.dumps({"redact_master_keys": 1, "keys": [{"id": CANARY, "secret": SHORT, "made_at": CANARY}]}),
    "no base64": json.dumps({"redact_master_keys": 1, "keys": [{"id": "a", "secret": CANARY + "!", "made_at": ""}]}),
    "another version": json.dumps({"redact_master_keys": 2, "keys": [{"id": "a", "secret": CANARY, "made_at": ""}]}),
    "deep": "[" * 100_000,
    "not UTF-8": b"\xff\xfe\xfa" + CANARY.encode(),
}


@pytest.mark.parametrize("what", GARBAGE)
def test_what_is_no_ring_is_refused_without_being_told(tmp_path, monkeypatch, what):
    content = GARBAGE[what] if isinstance(GARBAGE[what], bytes) else GARBAGE[what].encode()
    file = tmp_path / "keys"
    file.write_bytes(content)
    file.chmod(0o400)
    attempts = [lambda: master.read(file)]
    if isinstance(GARBAGE[what], str):
        monkeypatch.setenv(HANDED_KEYS, GARBAGE[what])
        attempts.append(lambda: master.read(None))
    for attempt in attempts:
        with pytest.raises(KeyMissing) as caught:
            attempt()
        told = "".join(traceback.format_exception(caught.value)) + caught.value.hint
        assert CANARY not in told
        assert SHORT not in told
        assert caught.value.__context__ is None


def test_a_whole_disk_is_not_read_because_a_path_was_wrong(tmp_path):
    with pytest.raises(KeyMissing):
        master.read(Path("/dev/zero"))
    file = tmp_path / "huge"
    file.touch(0o600)
    os.truncate(file, 1 << 40)
    with pytest.raises(KeyMissing, match="no ring"):
        master.read(file)


def test_only_the_current_key_is_left_of_a_ring(ring):
    three = ring.with_new(NOW).with_new(NOW)
    assert len(three.secrets) == 3
    assert list(three.only_current().secrets) == [three.current]
    assert list(three.only_current().made_at) == [three.current]
    master.check(three)


def test_one_run_at_a_time_changes_the_ring(ring_file):
    ring_file.parent.mkdir()
    with master.locked(ring_file), pytest.raises(Locked), master.locked(ring_file):
        pass
    with master.locked(ring_file):
        pass


# Fresh keys in the place of others


@BOTH
def test_a_fresh_key_takes_the_old_one_s_place_when_it_is_told_to(keys, keyring, ring):
    old = {name: keys.made(name) for name in ("a", "b", data_keys.LOG)}
    assert keys.all_need_successors() == ("a", "b")
    keys.made("c")  # what is made meanwhile is fresh by itself
    assert keys.all_need_successors() == ("a", "b")
    fresh = keys.successor("a")
    assert keys.successor("a") == fresh
    assert keys.of("a") == keys.of("a", old["a"].key_id) == old["a"]
    assert keys.of("a", fresh.key_id) == fresh
    assert keys.of("a", "another") == old["a"]
    assert [one.recording_id for one in keys.listed()] == ["a", "a", data_keys.LOG, "b", "c"]
    keys.succeed("b")  # it has no fresh key yet, and keeps its own
    assert keys.of("b") == old["b"]
    keys.succeed("a")
    keys.forget()
    assert keys.of("a") == keys.of("a", old["a"].key_id) == fresh
    assert keys.waiting() == 1
    for name in ("a", "c", data_keys.LOG):
        with pytest.raises(KeyMissing) as told:
            keys.successor(name)
        assert told.value.reason == data_keys.NOT_WAITING


@BOTH
def test_fresh_keys_are_wrapped_anew_and_destroyed_with_the_others(keys, keyring, ring):
    keys.made("a"), keys.made("b")
    keys.all_need_successors()
    fresh = keys.successor("a")
    two = ring.with_new(NOW)
    assert DataKeys(keyring, two).wrap_anew(lambda *_: None) == 3
    only = DataKeys(keyring, two.only_current())
    assert only.of("a", fresh.key_id).secret == fresh.secret
    assert only.successor("b")
    assert only.destroy("a")
    assert only.waiting() == 1
    with pytest.raises(KeyMissing):
        only.of("a", fresh.key_id)
    with pytest.raises(KeyMissing):
        DataKeys(keyring, ring).successor("b")
