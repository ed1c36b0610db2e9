import contextlib
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "stores"))

from batch_world import STORE_KEYS, World
from stores_world import running_server

from redact.settings import HANDED_KEYS

BUCKET = "calls"


@pytest.fixture
def world(tmp_path) -> World:
    return World(tmp_path)


@pytest.fixture(autouse=True)
def _no_keys_of_the_environment(monkeypatch):
    monkeypatch.delenv(HANDED_KEYS, raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)


@pytest.fixture(scope="session")
def postgresql():
    """A function that gives the URL of an empty database on a real server."""
    return running_server().new_database


@pytest.fixture(scope="session")
def object_store():
    """A store that speaks S3, on this machine."""
    server = pytest.importorskip("moto.server").ThreadedMotoServer(port=0, ip_address="127.0.0.1", verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(object_store, monkeypatch):
    """The URL of an empty bucket."""
    fsspec = pytest.importorskip("fsspec")
    pytest.importorskip("s3fs")
    for name, value in {"AWS_ENDPOINT_URL_S3": object_store, **STORE_KEYS}.items():
        monkeypatch.setenv(name, value)
    files = fsspec.filesystem("s3", skip_instance_cache=True)
    with contextlib.suppress(FileNotFoundError):
        files.rm(BUCKET, recursive=True)
    files.invalidate_cache()
    with contextlib.suppress(FileExistsError):
        files.mkdir(BUCKET)
    return f"s3://{BUCKET}"
