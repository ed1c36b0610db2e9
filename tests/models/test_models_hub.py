"""Pulling from a hub of our own on 127.0.0.1, with the real client library."""

import hashlib
import json
import resource
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from models_world import FILES, World, leftovers

from redact.errors import CannotWrite, ModelMissing
from redact.models import Damaged, ModelFiles, NotHere, locate, pull, verify

REPO = "someone/faster-whisper-far"
FIRST, SECOND = "1" * 40, "2" * 40
EXTRA = {"README.md": b"for people", ".gitattributes": b"*.bin lfs", "sub/model.bin": b"not ours", "../escaped": b"no"}


@dataclass
class Hub:
    """What the hub serves and has been asked; the knobs make it misbehave."""

    head: str = FIRST
    revisions: dict[str, dict[str, bytes]] = field(default_factory=lambda: {FIRST: {**FILES, **EXTRA}})
    requests: list[str] = field(default_factory=list)
    status: int | None = None
    cut: int = 0
    lie_about_sha: bool = False
    lie_about_size: int = 0


def listing(hub: Hub, revision: str) -> list[dict[str, object]]:
    entries: list[dict[str, object]] = []
    for name, data in hub.revisions[revision].items():
        entry: dict[str, object] = {"size": len(data), "oid": hashlib.sha1(data, usedforsecurity=False).hexdigest()}
        if name == "config.json":
            entry["size"] = len(data) + hub.lie_about_size
        if name == "model.bin":
            sha256 = "0" * 64 if hub.lie_about_sha else hashlib.sha256(data).hexdigest()
            entry["lfs"] = {"oid": sha256, "sha256": sha256, "size": len(data), "pointerSize": 134}
        entries.append({"name": name, **entry})
    return entries


class Handler(BaseHTTPRequestHandler):
    """The four addresses that the client library asks for."""

    hub: Hub

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, status: int, data: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data[: len(data) - self.hub.cut] if len(data) > 100_000 else data)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.hub.requests.append(path)
        if self.hub.status:
            self.answer(self.hub.status, b"{}")
        elif path.startswith(f"/{REPO}/resolve/"):
            revision, _, name = path.removeprefix(f"/{REPO}/resolve/").partition("/")
            data = self.hub.revisions.get(revision, {}).get(name)
            if data is None:
                self.answer(404, b"", X_Error_Code="EntryNotFound")
            else:
                etag = hashlib.sha256(data).hexdigest()
                self.answer(200, data, X_Repo_Commit=revision, ETag=f'"{etag}"')
        elif path.startswith(f"/api/models/{REPO}"):
            self.answer_api(path.removeprefix(f"/api/models/{REPO}"))
        else:
            self.answer(404, b"{}")

    def answer_api(self, rest: str) -> None:
        revision = rest.rpartition("/")[2] or self.hub.head
        if revision not in self.hub.revisions:
            self.answer(404, b"{}", X_Error_Code="RevisionNotFound")
        elif rest.startswith("/tree/"):
            tree = [{"type": "file", "path": entry.pop("name"), **entry} for entry in listing(self.hub, revision)]
            self.answer(200, json.dumps(tree).encode(), Content_Type="application/json")
        else:
            siblings = [
                {"rfilename": e["name"], "size": e["size"], "lfs": e.get("lfs")} for e in listing(self.hub, revision)
            ]
            info = {"_id": "1", "id": REPO, "modelId": REPO, "sha": revision, "siblings": siblings}
            self.answer(200, json.dumps(info).encode(), Content_Type="application/json")


@pytest.fixture
def hub(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    from huggingface_hub import constants

    made = Hub()
    handler = type("Mine", (Handler,), {"hub": made})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def get(world: World, *, offline: bool = False) -> ModelFiles:
    return pull("far", cache=world.cache, registry=world.registry, offline=offline)


def find(world: World) -> ModelFiles:
    return locate("far", engine="faster-whisper", cache=world.cache, registry=world.registry)


def record(found: ModelFiles) -> dict[str, object]:
    entry: dict[str, object] = json.loads((found.path / "pulled.json").read_text())
    return entry


def assert_nothing_left(world: World) -> None:
    assert leftovers(world.cache) == []
    assert not (world.cache / "models").exists()
    assert not (world.cache.parent / "escaped").exists()


def test_a_model_of_the_hub_is_never_fetched_silently(world: World, hub: Hub) -> None:
    with pytest.raises(NotHere) as caught:
        find(world)
    assert caught.value.exit_code == 4
    assert "redact models pull far" in caught.value.hint
    assert "--model FOLDER" in caught.value.hint
    assert verify(["far"], cache=world.cache, registry=world.registry)[0].state == "not pulled"
    assert hub.requests == []
    assert not world.cache.exists()


def test_a_pull_brings_the_files_that_are_needed_and_records_them(world: World, hub: Hub) -> None:
    found = get(world)
    assert {path.name for path in found.path.iterdir()} == {*FILES, "pulled.json"}
    assert {name: (found.path / name).read_bytes() for name in FILES} == FILES
    assert not any(path.is_symlink() for path in found.path.iterdir())
    entry = record(found)
    assert (entry["repo"], entry["revision"], entry["date"]) == (REPO, FIRST, found.recorded)
    assert entry["sha256"] == {name: hashlib.sha256(data).hexdigest() for name, data in FILES.items()}
    assert not found.pinned
    assert leftovers(world.cache) == []
    assert not (world.cache.parent / "escaped").exists()

    hub.requests.clear()
    assert find(world) == get(world) == get(world, offline=True) == found
    assert found.digest == locate("joined", engine="faster-whisper", cache=world.cache, registry=world.registry).digest
    status = verify(["far"], cache=world.cache, registry=world.registry)[0]
    assert (status.state, status.detail) == ("ready", f"recorded {found.recorded}")
    assert hub.requests == [], "a model that is here needs no network"


@pytest.mark.parametrize("how", ["flipped", "gone", "one more"])
def test_a_pulled_model_that_was_changed_is_mended_from_the_same_revision(world: World, hub: Hub, how: str) -> None:
    found = get(world)
    if how == "flipped":
        (found.path / "model.bin").write_bytes(FILES["model.bin"][::-1])
    elif how == "gone":
        (found.path / "config.json").unlink()
    else:
        (found.path / "preprocessor_config.json").write_text("{}")
    with pytest.raises(Damaged, match="damaged or was changed") as caught:
        find(world)
    assert caught.value.hint == "mend it: redact models pull far"

    hub.head, hub.revisions[SECOND] = SECOND, {**FILES, "model.bin": b"newer"}
    assert get(world) == find(world) == found
    assert record(found)["revision"] == FIRST
    assert leftovers(world.cache) == []


def test_other_bytes_under_the_recorded_revision_are_refused(world: World, hub: Hub) -> None:
    found = get(world)
    (found.path / "config.json").write_text("changed")
    hub.revisions[FIRST]["config.json"] = b'{"other": 1}'
    with pytest.raises(ModelMissing, match="not those of the first pull"):
        get(world)
    assert (found.path / "config.json").read_text() == "changed"
    assert leftovers(world.cache) == []
    with pytest.raises(Damaged):
        find(world)


@pytest.mark.parametrize("data", [None, "", "{}", '{"repo": 1, "revision": 2, "date": 3, "sha256": 4}'])
def test_a_model_without_its_record_is_damaged_and_pulled_anew(world: World, hub: Hub, data: str | None) -> None:
    found = get(world)
    if data is None:
        (found.path / "pulled.json").unlink()
    else:
        (found.path / "pulled.json").write_text(data)
    with pytest.raises(Damaged, match="record"):
        find(world)
    assert get(world) == found


@pytest.mark.parametrize("lacks", sorted(FILES))
def test_a_repository_that_is_no_whole_model_is_refused(world: World, hub: Hub, lacks: str) -> None:
    del hub.revisions[FIRST][lacks]
    with pytest.raises(ModelMissing, match="holds no faster-whisper model"):
        get(world)
    assert_nothing_left(world)


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_a_hub_that_refuses(world: World, hub: Hub, status: int) -> None:
    hub.status = status
    with pytest.raises(ModelMissing, match="could not be fetched") as caught:
        get(world)
    assert "--model FOLDER" in caught.value.hint
    assert_nothing_left(world)


@pytest.mark.parametrize(("sha", "size", "file"), [(True, 0, "model.bin"), (False, 1, "config.json")])
def test_a_file_that_is_not_what_the_hub_states_is_refused(
    world: World, hub: Hub, sha: bool, size: int, file: str
) -> None:
    hub.lie_about_sha, hub.lie_about_size = sha, size
    with pytest.raises(ModelMissing, match=f"{file} came damaged"):
        get(world)
    assert_nothing_left(world)


@pytest.mark.slow  # the client library tries five times
def test_a_connection_that_breaks_off(world: World, hub: Hub) -> None:
    hub.cut = 1000
    with pytest.raises(ModelMissing, match="could not be fetched"):
        get(world)
    assert_nothing_left(world)


def test_no_network(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{port}")
    with pytest.raises(ModelMissing, match="could not be fetched: ConnectError") as caught:
        get(world)
    assert caught.value.exit_code == 4
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert_nothing_left(world)


def test_a_full_disk(world: World, hub: Hub) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(FILES["model.bin"]) - 1, hard))
    try:
        with pytest.raises(CannotWrite) as caught:
            get(world)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.exit_code == 11
    assert_nothing_left(world)


@pytest.mark.parametrize(
    ("flag", "variable", "value"),
    [
        (True, "HF_HUB_OFFLINE", ""),
        (False, "HF_HUB_OFFLINE", "1"),
        (False, "HF_HUB_OFFLINE", "true"),
        (False, "HF_HUB_OFFLINE", "YES"),
        (False, "REDACT_OFFLINE", "1"),
        (False, "REDACT_OFFLINE", "on"),
    ],
)
def test_offline_is_honoured(
    world: World, hub: Hub, monkeypatch: pytest.MonkeyPatch, flag: bool, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(NotHere, match="forbids fetching") as caught:
        get(world, offline=flag)
    assert "--model FOLDER" in caught.value.hint
    assert hub.requests == []
    assert_nothing_left(world)


@pytest.mark.parametrize("value", ["0", "", "no", "false"])
def test_offline_switched_off_is_off(world: World, hub: Hub, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("REDACT_OFFLINE", value)
    assert get(world).recorded


def test_a_damaged_pulled_model_is_not_mended_offline(world: World, hub: Hub) -> None:
    found = get(world)
    (found.path / "config.json").unlink()
    hub.requests.clear()
    with pytest.raises(ModelMissing, match="forbids fetching"):
        get(world, offline=True)
    assert hub.requests == []


def test_pulls_at_once_fetch_once(world: World, hub: Hub) -> None:
    digests: list[str] = []
    threads = [threading.Thread(target=lambda: digests.append(get(world).digest)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(digests) == 3
    assert len(set(digests)) == 1
    assert sum(request.endswith(f"resolve/{FIRST}/model.bin") for request in hub.requests) <= 2  # HEAD and GET


def test_nothing_is_kept_in_the_cache_of_the_hub_library(
    world: World, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "theirs"))
    get(world)
    assert not [path for path in (tmp_path / "theirs").rglob("*") if path.is_file()]
