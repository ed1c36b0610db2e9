"""What the tests of the stores share: a real PostgreSQL server, children that may die, and what lies on the disk."""

import atexit
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import psycopg
import pytest

from redact.stores.database import Database

BOTH = pytest.mark.parametrize("kind", ["sqlite", "postgresql"], indirect=True)


class Server:
    """A PostgreSQL server of its own, on a socket in a folder of its own, as a user that is not root."""

    def __init__(self, programs: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="redact-pg-"))
        self.log = self.folder / "log"
        self._as = _another_user(self.folder)
        data = self.folder / "data"
        initdb = [
            programs / "initdb",
            "--no-sync",
            "--auth=trust",
            "--username=postgres",
            "--encoding=UTF8",
            "-D",
            data,
        ]
        subprocess.run([*self._as, *initdb], check=True, capture_output=True, cwd="/")
        settings = ("listen_addresses=", f"unix_socket_directories={self.folder}", "fsync=off", "max_connections=40",
                    "log_min_duration_statement=0", "shared_buffers=16MB")  # fmt: skip
        command = [*self._as, programs / "postgres", "-D", data, *(part for one in settings for part in ("-c", one))]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/")
        self._wait()
        self._made = 0

    def new_database(self, template: str = "template1") -> str:
        self._made += 1
        with psycopg.connect(self._to("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE test{self._made} TEMPLATE {template} STRATEGY file_copy")
        return f"postgresql://postgres@/test{self._made}?host={self.folder}"

    def copy_of(self, url: str) -> str:
        """The URL of a copy of a database; whoever is connected to it is thrown out, for that wouldn't let it be."""
        name = url.partition("@/")[2].partition("?")[0]
        with psycopg.connect(self._to("postgres"), autocommit=True) as connection:
            others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
            connection.execute(others, [name])
        return self.new_database(name)

    def flush(self) -> None:
        with psycopg.connect(self._to("postgres"), autocommit=True) as connection:
            connection.execute("CHECKPOINT")

    def stop(self) -> None:
        self._process.send_signal(signal.SIGQUIT)  # at once: nothing is to be kept
        self._process.wait(60)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _to(self, database: str) -> str:
        return f"host={self.folder} user=postgres dbname={database}"

    def _wait(self) -> None:
        until = time.monotonic() + 60
        while True:
            try:
                return psycopg.connect(self._to("postgres")).close()
            except psycopg.OperationalError:
                if time.monotonic() > until or self._process.poll() is not None:
                    raise RuntimeError(self.log.read_text()) from None
                time.sleep(0.05)


@cache
def running_server() -> Server:
    """One for all tests of a session."""
    programs = programs_of_postgresql()
    if programs is None:
        pytest.skip("no PostgreSQL server is installed: no initdb in /usr/lib/postgresql/*/bin or on PATH")
    running, own = Server(programs), os.getpid()
    atexit.register(lambda: running.stop() if os.getpid() == own else None)
    return running


def programs_of_postgresql() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).resolve().parent if on_path else None


def _another_user(folder: Path) -> list[str]:
    """What runs a command as somebody who is not root, and owns the folder; nothing where we are not root."""
    if os.geteuid() != 0:
        return []
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        os.chown(folder, user.pw_uid, user.pw_gid)
        return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    pytest.skip("PostgreSQL refuses root, and there is no other user")


def in_child(work: Callable[[], object], *databases: Database, killed_after_s: float | None = None) -> int:
    """Do something in a process of its own; its exit status, negative for a signal.

    SQLite's connections must not go through a fork: databases are closed before, and open again when they are used.
    """
    for database in databases:
        database.close()
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    if killed_after_s is not None:
        time.sleep(killed_after_s)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def files(folder: Path) -> Iterator[Path]:
    yield from (path for path in sorted(folder.rglob("*")) if path.is_file())


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777
