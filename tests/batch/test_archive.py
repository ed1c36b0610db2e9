"""Archives here and elsewhere: the same files, the same promises."""

import os
import selectors
import socket
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from batch_world import ALL, World, torn

from redact.batch.archive import Archive, Item, chosen
from redact.errors import CannotWrite, InputRejected, UsageError


@pytest.fixture(params=["local", "s3"])
def url(request, tmp_path):
    return str(tmp_path / "store") if request.param == "local" else f"{request.getfixturevalue('s3')}/store"


def put(archive: Archive, tmp_path: Path, path: str, content: bytes) -> None:
    (tmp_path / "content").write_bytes(content)
    archive.put(tmp_path / "content", path)


def test_what_is_written_is_there_and_can_be_read(url, tmp_path):
    archive = Archive(url)
    put(archive, tmp_path, "a/one.wav", b"one")
    put(archive, tmp_path, "two.wav", b"second")
    items = {item.path: item for item in archive.items()}
    assert {path: item.size_bytes for path, item in items.items()} == {"a/one.wav": 3, "two.wav": 6}
    with archive.at_hand(items["two.wav"]) as path:
        assert path.read_bytes() == b"second"
    assert archive.read("a/one.wav") == b"one"
    assert archive.read("a/none.wav") is None
    assert archive.sha256("none") is None
    assert archive.item("none") is None


def test_a_file_that_changes_has_another_stamp(url, tmp_path):
    archive = Archive(url)
    put(archive, tmp_path, "one.wav", b"one")
    before = next(archive.items())
    assert archive.item("one.wav").stamp == before.stamp
    put(archive, tmp_path, "one.wav", b"two")
    assert archive.item("one.wav").stamp != before.stamp


def test_what_changes_while_it_is_read_is_refused(s3, tmp_path):
    archive = Archive(f"{s3}/store")
    put(archive, tmp_path, "one.wav", b"one")
    item = next(archive.items())
    put(archive, tmp_path, "one.wav", b"two")
    with pytest.raises(InputRejected) as told, archive.at_hand(item):
        pass
    assert told.value.reason == "io"


def test_a_file_is_moved_to_another_archive(url, tmp_path):
    archive, other = Archive(url), Archive(f"{url}-moved")
    put(archive, tmp_path, "a/one.wav", b"one")
    archive.move(next(archive.items()), other)
    assert list(archive.items()) == []
    assert other.read("a/one.wav") == b"one"


def test_hidden_files_are_none_of_ours(url, tmp_path):
    archive = Archive(url)
    for path in (".one.wav", ".folder/two.wav", "three.wav"):
        put(archive, tmp_path, path, b"x")
    assert [item.path for item in archive.items()] == ["three.wav"]


def test_what_is_not_there_is_told(tmp_path):
    with pytest.raises(InputRejected):
        list(Archive(str(tmp_path / "none")).items())
    with pytest.raises(UsageError):
        Archive("what://is/this")


def test_a_store_that_is_gone_is_told_without_its_names(s3, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr("redact.batch.archive._TRIES", 1)
    archive = Archive("s3://other/Halloway")
    with pytest.raises(InputRejected) as told:
        list(archive.items())
    assert "Halloway" not in told.value.message + told.value.hint
    (tmp_path / "x").write_bytes(b"x")
    with pytest.raises(CannotWrite):
        archive.put(tmp_path / "x", "Halloway.wav")


def test_a_folder_that_can_t_be_written_to(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(CannotWrite):
        Archive(str(tmp_path / "file" / "store")).put(tmp_path / "file", "one.wav")
    with pytest.raises(CannotWrite):
        Archive(str(tmp_path)).remove("none")


def test_nothing_of_a_remote_recording_lies_in_a_file(s3, tmp_path, monkeypatch):
    archive = Archive(f"{s3}/store")
    put(archive, tmp_path, "one.wav", b"a canary named Desmond Halloway")
    (tmp_path / "content").unlink()
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with archive.at_hand(next(archive.items())) as path:
        assert str(path.readlink()).startswith("/memfd:")
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "include", "exclude", "is_chosen"),
    [
        ("a/b.wav", ("*.wav",), (), True),
        ("a/B.WAV", ("*.wav",), (), True),
        ("a/b.mp3", ("*.wav",), (), False),
        ("a/b.wav", ("a/*",), (), True),
        ("c/b.wav", ("a/*",), (), False),
        ("a/b.wav", ("*.wav",), ("a/*",), False),
        ("a/b.wav", ("*.wav",), ("b.*",), False),
    ],
)
def test_what_is_chosen(path, include, exclude, is_chosen):
    assert chosen(path, include, exclude) is is_chosen


def test_names_are_in_no_repr():
    assert "Halloway" not in repr(Item("Halloway.wav", 1, "", None))


@pytest.mark.slow
def test_a_batch_from_one_store_into_another(s3, tmp_path):
    world = World(tmp_path, source_url=f"{s3}/in", dest_url=f"{s3}/out")
    source, dest = Archive(world.source_url), Archive(world.dest_url)
    for number in range(4):
        put(source, tmp_path, f"{number}.wav", b"recording %d" % number)
    put(source, tmp_path, "held.wav", b"held")
    ended, _ = world.run()
    assert ended.states == {"done": 4, "held": 1}
    names = [item.path for item in dest.items()]
    assert len(names) == 4 * 4 + 1
    copied = tmp_path / "copied"
    for name in names:
        (copied / name).parent.mkdir(parents=True, exist_ok=True)
        (copied / name).write_bytes(dest.read(name))
    assert torn(copied) == []
    again, _ = world.run(ALL)
    assert again.run_id == ""
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("call-")] == []


@pytest.mark.slow
def test_a_store_that_goes_away_in_mid_run(s3, tmp_path, object_store):
    """The network is gone for a while: what can't be reached is open, and done by the next run."""
    there = urlsplit(object_store)
    is_up = threading.Event()
    is_up.set()
    door = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                client, _ = door.accept()
            except OSError:
                return
            if not is_up.is_set():
                client.close()
                continue
            threading.Thread(target=_carry, args=(client, (there.hostname, there.port)), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    world = World(tmp_path, source_url=f"{s3}/in", dest_url=str(tmp_path / "out"))
    source = Archive(world.source_url)
    for number in range(6):
        put(source, tmp_path, f"{number}.wav", b"recording %d" % number)
    os.environ["AWS_ENDPOINT_URL_S3"] = f"http://127.0.0.1:{door.getsockname()[1]}"
    os.environ["AWS_MAX_ATTEMPTS"] = "1"
    try:
        ended, _ = world.run(pause_s=0.2, tell=lambda event: event.name == "call_ended" and is_up.clear())
        door.close()
    finally:
        os.environ["AWS_ENDPOINT_URL_S3"] = object_store
        del os.environ["AWS_MAX_ATTEMPTS"]
    states = world.states()
    assert 1 <= states["done"] < 6
    assert sum(states.values()) == 6
    assert ended.error is not None or states.get("failed")
    assert world.run()[0].error is None
    assert world.states() == {"done": 6}


def _carry(client, address) -> None:
    with client, socket.create_connection(address) as server, selectors.DefaultSelector() as ready:
        ready.register(client, selectors.EVENT_READ, server)
        ready.register(server, selectors.EVENT_READ, client)
        while True:
            for key, _ in ready.select(30):
                data = key.fileobj.recv(65536)
                if not data:
                    return
                key.data.sendall(data)
