import os
import resource
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from redact.errors import CannotWrite
from redact.models.cache import Seen, building, cache_dir, hash_files, publish, sha256_of, write_file


def change(path: Path, data: bytes, *, keep_mtime: bool = False) -> None:
    before = path.stat()
    path.write_bytes(data)
    later = 0 if keep_mtime else 1_000_000
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + later))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "model"
    made.mkdir()
    (made / "a").write_bytes(b"first")
    (made / "b").write_bytes(b"second")
    return made


def hashes(folder: Path, cache: Path, **options: bool) -> dict[str, str]:
    return {name: seen.sha256 for name, seen in hash_files(folder, ("a", "b"), cache, **options).items()}


@pytest.mark.parametrize(
    ("own", "xdg", "home", "expected"),
    [
        ("/own", "/xdg", "/home/x", "/own"),
        ("~/own", None, "/home/x", "/home/x/own"),
        (None, "/xdg", "/home/x", "/xdg/redact"),
        ("", "/xdg", "/home/x", "/xdg/redact"),
        (None, "relative", "/home/x", "/home/x/.cache/redact"),
        (None, "", "/home/x", "/home/x/.cache/redact"),
        (None, None, "/home/x", "/home/x/.cache/redact"),
    ],
)
def test_where_the_cache_is(
    monkeypatch: pytest.MonkeyPatch, own: str | None, xdg: str | None, home: str, expected: str
) -> None:
    for name, value in (("REDACT_CACHE", own), ("XDG_CACHE_HOME", xdg), ("HOME", home)):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    assert cache_dir() == Path(expected)


def test_a_relative_cache_stays_where_it_was_when_the_program_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REDACT_CACHE", "here")
    assert cache_dir() == tmp_path / "here"


def test_a_user_without_a_home_is_told_of_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REDACT_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", lambda uid: (_ for _ in ()).throw(KeyError(uid)))
    with pytest.raises(CannotWrite) as caught:
        cache_dir()
    assert "REDACT_CACHE" in caught.value.hint


def test_a_file_is_hashed_once_then_known_by_size_and_time(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = hashes(folder, cache)
    assert first == {"a": sha256_of([b"first"]), "b": sha256_of([b"second"])}

    change(folder / "a", b"FIRST", keep_mtime=True)
    assert hashes(folder, cache) == first, "a change that keeps size and time is documented as unnoticed"
    assert hashes(folder, cache, trust_stamp=False)["a"] == sha256_of([b"FIRST"])


@pytest.mark.parametrize(("data", "keep_mtime"), [(b"FIRST", False), (b"longer than before", True)])
def test_a_change_of_time_or_size_is_noticed(folder: Path, tmp_path: Path, data: bytes, keep_mtime: bool) -> None:
    hashes(folder, tmp_path / "cache")
    change(folder / "a", data, keep_mtime=keep_mtime)
    assert hashes(folder, tmp_path / "cache")["a"] == sha256_of([data])


def test_two_folders_do_not_share_what_is_remembered(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for name, data in (("a", b"xxxxx"), ("b", b"yyyyyy")):
        (other / name).write_bytes(data)
        state = (folder / name).stat()
        os.utime(other / name, ns=(state.st_atime_ns, state.st_mtime_ns))
    hashes(folder, tmp_path / "cache")
    assert hashes(other, tmp_path / "cache")["a"] == sha256_of([b"xxxxx"])


@pytest.mark.parametrize(
    "written", [b"", b"{", b"[]", b"null", b'{"a": 1}', b'{"a": [1, 2]}', b'{"a": [1, [], 3]}', b"\xff"]
)
def test_a_damaged_stamp_is_as_none(folder: Path, tmp_path: Path, written: bytes) -> None:
    cache = tmp_path / "cache"
    expected = hashes(folder, cache)
    (stamp,) = (cache / "stamps").iterdir()
    stamp.write_bytes(written)
    assert hashes(folder, cache) == expected
    assert stamp.read_bytes() != written


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_stamp_that_others_can_write_is_not_believed(folder: Path, tmp_path: Path, mode: int) -> None:
    cache = tmp_path / "cache"
    true = hashes(folder, cache)
    (stamp,) = (cache / "stamps").iterdir()
    lie = stamp.read_text().replace(true["a"], "0" * 64)
    stamp.write_text(lie)
    assert hashes(folder, cache)["a"] == "0" * 64, "one's own stamp is believed: that is its purpose"
    stamp.write_text(lie)
    stamp.chmod(mode)
    assert hashes(folder, cache) == true


def test_a_cache_that_can_not_be_made_only_costs_time(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file is in the way")
    assert hashes(folder, tmp_path / "cache") == hashes(folder, tmp_path / "cache")


def test_the_cache_is_closed_to_others(folder: Path, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        hashes(folder, tmp_path / "stamped")
        with building(tmp_path / "built", "x"):
            pass
    finally:
        os.umask(before)
    for cache in (tmp_path / "stamped", tmp_path / "built"):
        assert stat.S_IMODE(cache.stat().st_mode) == 0o700


def test_a_published_folder_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "models" / "x"
    for text in (b"old", b"new"):
        with building(tmp_path, "x") as staged:
            assert list(staged.iterdir()) == []
            assert write_file([text[:1], text[1:]], staged / "file") == sha256_of([text])
            publish(staged, target)
        assert (target / "file").read_bytes() == text
    assert [path.name for path in (tmp_path / "building/x").iterdir()] == ["lock"]
    assert [path.name for path in target.iterdir()] == ["file"]


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"some"
        raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"), building(tmp_path, "x") as staged:
        write_file(broken(), staged / "file")
    assert [path.name for path in (tmp_path / "building/x").iterdir()] == ["lock"]


BUILD_AND_WAIT = """
import sys, time
from pathlib import Path
from redact.models.cache import building
with building(Path(sys.argv[1]), "x") as staged:
    (staged / "half").write_bytes(b"half")
    print(staged, flush=True)
    time.sleep(60)
"""


def start_building(cache: Path) -> tuple["subprocess.Popen[str]", Path]:
    process = subprocess.Popen([sys.executable, "-c", BUILD_AND_WAIT, cache], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    return process, Path(process.stdout.readline().strip())


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    process, left = start_building(tmp_path)
    process.kill()
    process.wait()
    assert (left / "half").exists()
    with building(tmp_path, "x") as staged:
        assert not left.exists()
        assert list(staged.iterdir()) == []


def test_a_second_builder_waits_for_the_first(tmp_path: Path) -> None:
    process, theirs = start_building(tmp_path)
    try:
        with building(tmp_path, "y"):
            assert theirs.exists()  # another model is no concern
        second = subprocess.Popen([sys.executable, "-c", BUILD_AND_WAIT, tmp_path], stdout=subprocess.PIPE, text=True)
        time.sleep(0.5)
        assert len(list((tmp_path / "building/x").glob("*.part"))) == 1
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert second.stdout
        assert Path(second.stdout.readline().strip()).exists()
        second.kill()
        second.wait()
    finally:
        process.kill()
        process.wait()


def test_a_full_disk_is_said_as_such(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(CannotWrite) as caught, building(tmp_path, "x") as staged:
            write_file([b"x" * 5000], staged / "file")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.exit_code == 11
    assert "REDACT_CACHE" in caught.value.hint
    assert [path.name for path in (tmp_path / "building/x").iterdir()] == ["lock"]


def test_a_file_in_the_way_is_said_as_such(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(CannotWrite), building(tmp_path / "cache", "x"):
        pass


def test_hash_files_says_how_big_each_file_is(folder: Path, tmp_path: Path) -> None:
    seen = hash_files(folder, ["b"], tmp_path)["b"]
    assert seen == Seen(6, (folder / "b").stat().st_mtime_ns, sha256_of([b"second"]))
