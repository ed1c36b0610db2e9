"""The vault: what was sealed comes back whole or not at all, and is gone with its key."""

import io
import os
import random
import resource
import shutil
import time
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stores_world import BOTH, files, in_child, mode

from redact.errors import CannotWrite, KeyMissing, UsageError
from redact.stores import master, vault
from redact.stores.data_keys import NO_RECORDINGS, DataKeys
from redact.stores.database import connect
from redact.stores.vault import KINDS, Vault

ID = "call-1"
TAG = 16


def content(length, seed=1):
    return random.Random(seed).randbytes(length)


def seal(sealed, what, name=ID, kind="original"):
    """The file that it was sealed in."""
    assert sealed.seal(io.BytesIO(what), name, kind) == len(what)
    return sealed._path(name, kind)


def opened(sealed, name=ID, kind="original"):
    return b"".join(sealed.opened(name, kind))


def refused(sealed, name=ID, kind="original"):
    """True where not even a first byte is given out."""
    with pytest.raises(KeyMissing):
        next(sealed.opened(name, kind))
    with pytest.raises(KeyMissing):
        next(sealed.opened(name, kind))
    return True


def header_bytes(file):
    with file.open("rb") as reading:
        return len(vault._read_header(reading)[1])


LENGTHS = {"0": 0, "1": 1, "CHUNK-1": -1, "CHUNK": 0, "CHUNK+1": 1, "3*CHUNK+5": 5}
CHUNKS = {"0": 0, "1": 0, "CHUNK-1": 1, "CHUNK": 1, "CHUNK+1": 1, "3*CHUNK+5": 3}


@BOTH
@pytest.mark.parametrize("what", LENGTHS)
@pytest.mark.parametrize("kind_of_file", KINDS)
def test_what_was_sealed_comes_back_byte_for_byte(sealed, small_chunks, what, kind_of_file):
    expected = content(CHUNKS[what] * small_chunks + LENGTHS[what])
    file = seal(sealed, expected, kind=kind_of_file)
    assert opened(sealed, kind=kind_of_file) == expected
    next(sealed.opened(ID, kind_of_file))
    chunks = max(1, -(-len(expected) // small_chunks))
    assert file.stat().st_size == header_bytes(file) + len(expected) + chunks * TAG


@pytest.mark.parametrize("what", LENGTHS)
def test_chunks_of_their_real_size_come_back(sealed, what):
    expected = content(CHUNKS[what] * vault.CHUNK_BYTES + LENGTHS[what])
    seal(sealed, expected)
    assert list(map(len, sealed.opened(ID, "original")))[:-1] == [vault.CHUNK_BYTES] * (
        max(1, -(-len(expected) // vault.CHUNK_BYTES)) - 1
    )
    assert opened(sealed) == expected


class Trickle(io.BytesIO):
    """Gives less than it is asked for, as a pipe does."""

    def read(self, size=-1):
        return super().read(min(size, 7))


def test_a_source_that_gives_little_at_a_time_is_sealed_whole(sealed, small_chunks):
    expected = content(5 * small_chunks + 3)
    assert sealed.seal(Trickle(expected), ID, "original") == len(expected)
    assert opened(sealed) == expected
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as into:
        into.write(expected)
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        assert sealed.seal(pipe, ID, "map") == len(expected)
    assert opened(sealed, kind="map") == expected


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(st.binary(max_size=300))
def test_any_bytes_come_back_and_show_nowhere(sealed, small_chunks, what):
    file = seal(sealed, what)
    assert opened(sealed) == what
    assert len(what) < 6 or what not in file.read_bytes()[header_bytes(file) :]


def test_what_is_sealed_twice_is_encrypted_twice_otherwise(sealed):
    first = seal(sealed, b"the same").read_bytes()
    second = seal(sealed, b"the same").read_bytes()
    assert first[-24:] != second[-24:]


# Every kind of change


@pytest.mark.parametrize("length", [0, 1, 64, 65, 197])
def test_a_file_cut_at_any_length_is_refused(sealed, small_chunks, length):
    file = seal(sealed, content(length))
    whole = file.read_bytes()
    for end in range(len(whole)):
        file.write_bytes(whole[:end])
        assert refused(sealed), end
    file.write_bytes(whole)
    assert opened(sealed) == content(length)


@pytest.mark.parametrize("what", ["3*CHUNK+5", "CHUNK+1"])
def test_a_file_of_real_chunks_cut_at_each_boundary_is_refused(sealed, what):
    file = seal(sealed, content(CHUNKS[what] * vault.CHUNK_BYTES + LENGTHS[what]))
    whole, head = file.read_bytes(), header_bytes(file)
    for end in range(head, len(whole), vault.CHUNK_BYTES + TAG):
        file.write_bytes(whole[:end])
        assert refused(sealed), end


def test_any_flipped_bit_is_refused(sealed, small_chunks):
    file = seal(sealed, content(3 * small_chunks + 5))
    whole = file.read_bytes()
    rng = random.Random(20260301)
    header = header_bytes(file)
    places = {rng.randrange(len(whole) * 8) for _ in range(1_000)} | set(range(header * 8))
    for place in places:
        changed = bytearray(whole)
        changed[place // 8] ^= 1 << place % 8
        file.write_bytes(changed)
        with pytest.raises(KeyMissing):
            next(sealed.opened(ID, "original"))


def cut(whole, head, size=64 + TAG):
    return whole[:head], [whole[at : at + size] for at in range(head, len(whole), size)]


CHANGES = {
    "the first two swapped": lambda parts: [parts[1], parts[0], *parts[2:]],
    "the last two swapped": lambda parts: [*parts[:-2], parts[-1], parts[-2]],
    "the first left out": lambda parts: parts[1:],
    "one in the middle left out": lambda parts: [*parts[:1], *parts[2:]],
    "the last left out": lambda parts: parts[:-1],
    "the first twice": lambda parts: [parts[0], *parts],
    "one in the middle twice": lambda parts: [*parts[:2], *parts[1:]],
    "the last twice": lambda parts: [*parts, parts[-1]],
    "all twice": lambda parts: [*parts, *parts],
    "a byte appended": lambda parts: [*parts, b"\0"],
    "a chunk's length appended": lambda parts: [*parts, bytes(64 + TAG)],
    "none": lambda _: [],
}


@pytest.mark.parametrize("length", [3 * 64 + 5, 4 * 64])
@pytest.mark.parametrize("change", CHANGES)
def test_chunks_that_were_moved_are_refused(sealed, small_chunks, change, length):
    file = seal(sealed, content(length))
    head, parts = cut(file.read_bytes(), header_bytes(file))
    assert len(parts) == 4
    file.write_bytes(head + b"".join(CHANGES[change](parts)))
    assert refused(sealed)


def test_a_chunk_of_an_earlier_version_of_the_same_file_is_refused(sealed, small_chunks):
    file = seal(sealed, content(200))
    _, earlier = cut(file.read_bytes(), header_bytes(file))
    seal(sealed, content(200))
    head, parts = cut(file.read_bytes(), header_bytes(file))
    file.write_bytes(head + b"".join([parts[0], earlier[1], *parts[2:]]))
    assert refused(sealed)


def test_one_recording_s_file_does_not_take_another_s_place(sealed):
    one, two = seal(sealed, b"of one", "call-1"), seal(sealed, b"of two", "call-2")
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second), two.write_bytes(first)
    assert refused(sealed, "call-1")
    assert refused(sealed, "call-2")


def test_one_kind_does_not_take_another_s_place(sealed):
    original, id_map = seal(sealed, b"original"), seal(sealed, b"map", kind="map")
    shutil.copy(id_map, original)
    assert refused(sealed)
    assert opened(sealed, kind="map") == b"map"


@pytest.mark.parametrize("what", ["recording", "kind"])
def test_a_header_that_was_written_anew_is_refused(sealed, what):
    other = {"recording": ("call-2", "original"), "kind": ("call-1", "map")}[what]
    file = seal(sealed, b"x" * 100)
    target = seal(sealed, b"y", *other)
    old, new = header_bytes(file), header_bytes(target)
    target.write_bytes(target.read_bytes()[:new][:-7] + file.read_bytes()[old - 7 :])
    assert refused(sealed, *other)


@BOTH
def test_another_ring_opens_nothing(sealed, folder, keyring):
    seal(sealed, b"x")
    assert refused(Vault(folder, DataKeys(keyring, master.new())))


def test_another_store_of_keys_opens_nothing(sealed, folder, ring, tmp_path):
    seal(sealed, b"x")
    others = DataKeys(connect(f"sqlite:///{tmp_path}/other.db", "keyring"), ring)
    assert refused(Vault(folder, others))
    others.made(ID)
    assert refused(Vault(folder, others))


def test_rotation_leaves_sealed_files_as_they_are(sealed, folder, keyring, ring):
    file = seal(sealed, b"x")
    before = file.read_bytes()
    both = ring.with_new(datetime(2026, 3, 1, tzinfo=UTC))
    DataKeys(keyring, both).wrap_anew(lambda *_: None)
    assert file.read_bytes() == before
    assert opened(Vault(folder, DataKeys(keyring, both.only_current()))) == b"x"


def test_what_was_never_sealed_is_missing(sealed):
    assert refused(sealed)
    seal(sealed, b"x")
    with pytest.raises(KeyMissing, match="holds no map"):
        opened(sealed, kind="map")


# Sealing that fails


class Broken(io.BytesIO):
    def __init__(self, good, error):
        super().__init__(good)
        self._error = error

    def read(self, size=-1):
        return super().read(size) or self._raise()

    def _raise(self):
        raise self._error


@pytest.mark.parametrize(
    ("error", "told"),
    [(OSError(5, "x"), CannotWrite), (OSError(), CannotWrite), (ValueError(), ValueError), (KeyboardInterrupt(),) * 2],
)
def test_a_source_that_breaks_leaves_the_former_file_whole(sealed, folder, small_chunks, error, told):
    seal(sealed, b"former")
    with pytest.raises(told if isinstance(told, type) else type(told)):
        sealed.seal(Broken(content(150), error), ID, "original")
    assert opened(sealed) == b"former"
    assert len(list(folder.glob("??/*"))) == 1


def test_a_full_disk_leaves_the_former_file_whole(sealed, folder, keyring, urls, ring):
    seal(sealed, b"former")

    def fill():
        own = Vault(folder, DataKeys(connect(urls.keyring, "keyring"), ring))
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        with pytest.raises(CannotWrite, match="vault"):
            own.seal(io.BytesIO(bytes(3 << 20)), ID, "original")

    assert in_child(fill, keyring) == 0
    assert opened(sealed) == b"former"
    assert len(list(folder.glob("??/*"))) == 1


def test_sealing_that_is_killed_leaves_the_former_file_whole_and_nothing_in_clear(sealed, folder, keyring, urls, ring):
    seal(sealed, b"former")
    clear = b"what was said " * 100_000

    class Deadly(io.BytesIO):
        def read(self, size=-1):
            return super().read(size) or os.kill(os.getpid(), 9)

    def die():
        Vault(folder, DataKeys(connect(urls.keyring, "keyring"), ring)).seal(Deadly(clear), ID, "original")

    assert in_child(die, keyring) == -9
    assert opened(sealed) == b"former"
    assert [about.recording_id for about in sealed.listed()] == [ID]
    for file in files(folder):  # what a kill leaves of the new file is encrypted, and its owner's alone
        assert b"what was said" not in file.read_bytes()
        assert mode(file) == 0o600


def test_a_vault_that_can_t_be_written_to_says_so(folder, keys):
    folder.parent.mkdir()
    folder.write_bytes(b"in the way")
    with pytest.raises(CannotWrite, match="can't write to the vault"):
        Vault(folder, keys).seal(io.BytesIO(b"x"), ID, "original")


# Names and modes


def test_files_and_folders_are_their_owner_s_alone_whatever_the_umask(sealed, folder):
    former = os.umask(0)
    try:
        file = seal(sealed, b"x")
    finally:
        os.umask(former)
    assert (mode(file), mode(file.parent), mode(folder)) == (0o600, 0o700, 0o700)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "a/b", "a b", ".", "é", "x" * 81, "a\n", *NO_RECORDINGS])
def test_what_can_t_be_a_recording_s_id_is_refused(sealed, keys, name):
    for attempt in (lambda: sealed.seal(io.BytesIO(b"x"), name, "original"), lambda: sealed.erase(name)):
        with pytest.raises(UsageError):
            attempt()
    assert list(keys.listed()) == []
    assert list(sealed.listed()) == []


def test_keys_that_are_no_recordings_are_not_erased(sealed, audit, consent, keys):
    for name in NO_RECORDINGS:
        keys.made(name)
        with pytest.raises(UsageError):
            sealed.erase(name)
        assert keys.of(name)


@pytest.mark.parametrize("name", ["a", "7", "A-", "x" * 80, "call:1", "a..b", "AB", "ab"])
def test_ids_of_every_shape_have_a_place_of_their_own(sealed, name):
    file = seal(sealed, name.encode(), name)
    assert file.parent.parent == sealed._folder
    assert opened(sealed, name) == name.encode()
    assert [about.recording_id for about in sealed.listed()] == [name]


def test_all_that_is_sealed_is_listed_and_strangers_are_not(sealed, folder):
    for name in ("a1", "b1", "a2"):
        seal(sealed, b"x", name)
        seal(sealed, b"x", name, "transcript")
    (folder / "a1" / "note.sealed").write_bytes(b"something else")
    (folder / "a1" / "empty.sealed").touch()
    (folder / "a1" / "folder.sealed").mkdir()
    found = sorted((about.recording_id, about.kind) for about in sealed.listed())
    assert found == [(name, kind) for name in ("a1", "a2", "b1") for kind in ("original", "transcript")]


# Erasure


@BOTH
def test_what_was_erased_stays_unreadable_when_its_file_is_restored(sealed, keys):
    file = seal(sealed, b"x")
    seal(sealed, b"y", kind="map")
    backup = file.read_bytes()
    assert sealed.erase(ID)
    assert list(sealed.listed()) == []
    file.write_bytes(backup)
    assert refused(sealed)
    keys.made(ID)  # a new key does not open it either
    assert refused(sealed)
    assert sealed.erase(ID)
    assert not sealed.erase(ID)


def test_erasing_one_recording_leaves_the_others(sealed):
    seal(sealed, b"x", "call-1")
    seal(sealed, b"y", "call-11")
    sealed.erase("call-1")
    assert opened(sealed, "call-11") == b"y"


def test_a_recording_that_was_erased_while_it_is_read_is_read_no_second_time(sealed, small_chunks):
    seal(sealed, content(200))
    reading = sealed.opened(ID, "original")
    next(reading)
    sealed.erase(ID)
    assert refused(sealed)


@pytest.mark.slow
def test_the_speed_of_the_vault_is_measured(sealed, record_property):
    size = 64 << 20
    what = io.BytesIO(os.urandom(1 << 20) * 64)
    begun = time.perf_counter()
    sealed.seal(what, ID, "original")
    between = time.perf_counter()
    assert sum(map(len, sealed.opened(ID, "original"))) == size
    ended = time.perf_counter()
    figures = f"seal {64 / (between - begun):.0f} MiB/s, open (checked first) {64 / (ended - between):.0f} MiB/s"
    record_property("vault", figures)
    print(figures)  # noqa: T201
