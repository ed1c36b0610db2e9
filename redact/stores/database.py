"""One of the databases: SQLite by default, PostgreSQL by URL, migrated when it is opened.

No value reaches an error or a log (`hide_parameters`). In SQLite what is deleted is overwritten (`secure_delete`), and
leaves the write-ahead log too when a transaction that deleted something ends (`checkpoint`).
"""

import fcntl
import hashlib
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from redact.errors import CannotWrite, Damaged, Locked, PolicyError, RedactError, UsageError

History = Literal["records", "keyring", "batches", "qa", "governance"]

# How long a writer waits for another.
BUSY_MS = 30_000
# One writer at a time: a number that names this lock among PostgreSQL's advisory ones.
_LOCK = 7_345_012
_FOLDER = Path(__file__).parent
# How PostgreSQL is used: a later reader must see what was there when it got the writers' lock, not when it began to
# wait; and each lock has a session of its own, of which whoever locks all archives needs more than a pool would give.
_ON_SERVER: dict[str, Any] = {"isolation_level": "READ COMMITTED", "max_overflow": -1}
# So many rows are read at a time of a table that may be long: a server's driver would take them all into memory.
ROWS_AT_ONCE = 1000


class Database:
    """A database that is open and has its newest schema.

    Attributes:
        is_sqlite: True for a file, False for a server.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.is_sqlite = engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to read by, in one transaction.

        Raises:
            RedactError: the database is damaged, locked, or gone.
        """
        with _told(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection of the only writer, in one transaction; committed at its end, or as if it had never been.

        Raises:
            RedactError: the database is damaged, locked, gone, or can't be written to.
        """
        with _told(), self._engine.connect() as connection:
            connection = connection.execution_options(is_writer=True)
            with connection.begin():
                if not self.is_sqlite:
                    _wait_for_other_writers(connection)
                yield connection

    def checkpoint(self) -> None:
        """Empty SQLite's write-ahead log, so that nothing that was deleted stands in it.

        Raises:
            Locked: another process reads what stands in it.
        """
        if self.is_sqlite:
            with _told(), self._engine.connect() as connection:
                is_busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar_one()
            if is_busy:
                raise Locked("another process reads the database", hint="wait until it has ended, then run again")

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """What no other process does at the same time; whoever dies lets go, for the system holds the lock.

        Args:
            name: of what is done: a word.

        Raises:
            Locked: another process does it.
        """
        with self._lock_file(name) if self.is_sqlite else self._lock_on_server(name):
            yield

    @contextmanager
    def _lock_file(self, name: str) -> Iterator[None]:
        path = f"{self._engine.url.database}.{name}.lock"
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            raise CannotWrite(
                "no lock can be made beside the database", hint="check the folder and whose it is"
            ) from None
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _another_run() from None
        else:
            yield
        finally:
            os.close(fd)

    @contextmanager
    def _lock_on_server(self, name: str) -> Iterator[None]:
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
        with _told():
            connection = self._engine.connect()
        try:
            with _told():
                is_free = connection.execute(text("SELECT pg_try_advisory_lock(:number)"), {"number": number}).scalar()
                connection.commit()  # the lock is the session's, and no transaction is kept open beside it
            if not is_free:
                raise _another_run()
            try:
                yield
            finally:
                with suppress(SQLAlchemyError):  # a session that ends by itself may hold its lock for a moment more
                    connection.execute(text("SELECT pg_advisory_unlock(:number)"), {"number": number})
        finally:
            with suppress(SQLAlchemyError):
                connection.invalidate()  # the session ends, and its lock with it
            connection.close()

    def close(self) -> None:
        """Close what is open."""
        self._engine.dispose()


def connect(url: str, history: History) -> Database:
    """Open a database, and bring it to the newest schema of its history.

    Args:
        url: SQLAlchemy's, such as `sqlite:////var/lib/redact/records.db` or `postgresql://user@host/redact`.
        history: which tables it has.

    Raises:
        RedactError: the URL is wrong, its driver isn't here, or the database can't be opened.
    """
    engine = _engine(url)
    with _told():
        _migrate(engine, history)
    return Database(engine)


def set_aside(url: str) -> None:
    """Give a database that can't be read another name, so that a new one is made in its place.

    Raises:
        UsageError: it isn't in a file.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise UsageError("only a database in a file can be made anew", hint="restore the server's from its backup")
    at = f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
    for suffix in ("", "-wal", "-shm"):
        file = Path(parsed.database + suffix)
        if file.exists():
            file.rename(f"{file}.damaged-{at}")


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.drivername in {"postgres", "postgresql"}:
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.drivername.partition("+")[0] not in {"sqlite", "postgresql"}:
            raise PolicyError("the database is neither SQLite nor PostgreSQL", hint=_URL_HINT)
        engine = create_engine(
            parsed, hide_parameters=True, pool_pre_ping=True,
            **({} if parsed.get_backend_name() == "sqlite" else _ON_SERVER),
        )  # fmt: skip
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise PolicyError("the database's URL is wrong", hint=_URL_HINT) from None
    except ModuleNotFoundError:
        raise PolicyError(
            "the driver of the database is not installed", hint='for PostgreSQL: pip install "callredact[postgres]"'
        ) from None
    if engine.dialect.name == "sqlite":
        if parsed.database:
            _make_private(Path(parsed.database))
        event.listen(engine, "connect", _set_up)
        event.listen(engine, "begin", _begin)
    return engine


_URL_HINT = "give sqlite:////path/to/file.db, or postgresql://user@host/database"


def _make_private(file: Path) -> None:
    """The file is the owner's alone, and so are those that SQLite makes beside it, which get its mode."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not file.exists():
            file.touch(mode=0o600)
    except OSError as error:
        raise CannotWrite("the database's folder can't be written to", hint="choose another in the settings") from error


def _set_up(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun below, not by the driver
    # First how long to wait, or whoever makes the same file at the same moment is told that it is locked.
    for setting in (f"busy_timeout = {BUSY_MS}", "synchronous = FULL", "secure_delete = ON"):
        connection.execute(f"PRAGMA {setting}")
    _write_ahead(connection)


def _write_ahead(connection: Any) -> None:
    """Turn the write-ahead log on. SQLite doesn't wait for others to do the same, so it is tried until it is on."""
    until = time.monotonic() + BUSY_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def _begin(connection: Connection) -> None:
    is_writer = connection.get_execution_options().get("is_writer")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writer else "BEGIN")


def _wait_for_other_writers(connection: Connection) -> None:
    """On a server; for as long as SQLite waits: a writer whose machine is gone must not keep all others for ever."""
    connection.execute(text(f"SET LOCAL lock_timeout = {BUSY_MS}"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def _migrate(engine: Engine, history: History) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(_FOLDER / history).replace("%", "%%"))
    newest = ScriptDirectory.from_config(config).get_current_head()
    with engine.connect() as connection:
        if MigrationContext.configure(connection).get_current_revision() == newest:
            return
    with engine.connect().execution_options(is_writer=True) as connection, connection.begin():
        if engine.dialect.name != "sqlite":
            _wait_for_other_writers(connection)
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError:
            raise PolicyError(
                "the database has other tables: it is another store's, or a newer version's",
                hint="give each store a database of its own",
            ) from None


@contextmanager
def _told() -> Iterator[None]:
    """A database's errors as ours. SQL and its parameters are told nowhere."""
    try:
        yield
    except DBAPIError as error:
        raise _error(error.orig) from None
    except SQLAlchemyError as error:
        raise Damaged(
            f"the database refuses ({type(error).__name__})", hint="restore it from its backup, or mend it"
        ) from None


def _of_server(state: str) -> RedactError | None:
    """What PostgreSQL says by its code, where there is something to be done about it."""
    if state[:2] == "53":  # insufficient resources: disk full, too many connections
        return CannotWrite("the database server has no room", hint="free some space or connections there, run again")
    if state == "42501":
        return CannotWrite(
            "the database's role lacks a privilege", hint="docs/stores.md says which it needs: have it granted"
        )
    if state in {"25006", "57P03"}:  # a standby, or a server that is starting or stopping
        return CannotWrite("the database server takes no writers now", hint="give the primary's URL, or run again")
    if state in {"40001", "40P01", "55P03"}:
        return Locked("another process writes to the database", hint="wait until it has ended, then run again")
    return None


def _another_run() -> Locked:
    return Locked("another run is at work on the same", hint="wait until it has ended, then run again")


def _error(cause: BaseException | None) -> RedactError:
    code = getattr(cause, "sqlite_errorcode", None)
    primary = code & 0xFF if isinstance(code, int) else None
    if primary in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return Locked("another process writes to the database", hint="wait until it has ended, then run again")
    if primary in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}:
        return CannotWrite("the database can't be written", hint="check the disk's space, the folder and whose it is")
    if primary in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return Damaged("the database is damaged", hint="restore it from its backup")
    told = _of_server(getattr(cause, "sqlstate", None) or "")
    if told:
        return told
    if type(cause).__name__ == "OperationalError" and not isinstance(cause, sqlite3.Error):
        return CannotWrite("the database can't be reached", hint="check that it runs, and its URL")
    return Damaged(f"the database refuses ({type(cause).__name__})", hint="check it, or restore it from its backup")
