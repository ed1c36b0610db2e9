"""Databases: migrated when opened, private, one writer at a time, and errors that tell no value."""

import io
import os
import resource
import sqlite3
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
from sqlalchemy import inspect, text
from stores_world import BOTH, files, in_child, mode

from redact.errors import CannotWrite, Damaged, Locked, PolicyError, RedactError
from redact.stores import database as module
from redact.stores.database import connect

NAME = "Wilhelmina Canary"
INSERT = text("INSERT INTO current_master VALUES (:one, :master_id)")
TABLES = {
    "records": {"audit", "audit_cuts", "lawful_bases", "alembic_version"},
    "keyring": {"data_keys", "current_master", "successors", "alembic_version"},
    "governance": {
        "alembic_version", "case_events", "cases", "certificates", "index_terms", "marks", "notices", "signatures",
        "trainings",
    },
}  # fmt: skip


def rows(database):
    with database.reading() as connection:
        return connection.execute(text("SELECT one, master_id FROM current_master ORDER BY one")).all()


@BOTH
@pytest.mark.parametrize("history", TABLES)
def test_opening_makes_the_tables_and_opening_again_changes_nothing(new_url, history):
    url = new_url(history)
    for _ in range(2):
        database = connect(url, history)
        with database.reading() as connection:
            assert set(inspect(connection).get_table_names()) == TABLES[history]
        database.close()


@BOTH
def test_one_store_s_database_is_not_taken_for_another_s(new_url):
    url = new_url("shared")
    connect(url, "records").close()
    with pytest.raises(PolicyError, match="another store's") as caught:
        connect(url, "keyring")
    assert "a database of its own" in caught.value.hint


@BOTH
def test_a_newer_version_s_database_is_refused(new_url):
    database = connect(new_url("newer"), "keyring")
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'keyring_9999'"))
    url = str(database._engine.url.render_as_string(hide_password=False))
    database.close()
    with pytest.raises(PolicyError, match="newer version"):
        connect(url, "keyring")


@BOTH
@pytest.mark.parametrize("history", ["records", "governance"])
def test_processes_that_open_an_empty_database_together_all_succeed(new_url, history):
    url = new_url("race")

    def four():
        children = []
        for _ in range(4):
            if (child := os.fork()) == 0:
                try:
                    connect(url, history).close()
                except BaseException:
                    traceback.print_exc()
                    os._exit(1)
                os._exit(0)
            children.append(child)
        assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4

    assert in_child(four) == 0


@BOTH
def test_what_is_written_is_kept_and_what_fails_is_as_if_it_had_never_been(keyring):
    with keyring.writing() as connection:
        connection.execute(INSERT, {"one": 1, "master_id": "a"})
    with pytest.raises(ZeroDivisionError), keyring.writing() as connection:
        raise ZeroDivisionError(connection.execute(INSERT, {"one": 2, "master_id": "b"}))
    assert rows(keyring) == [(1, "a")]


@BOTH
def test_a_writer_that_is_killed_leaves_nothing_of_its_transaction(keyring, urls):
    def die():
        with connect(urls.keyring, "keyring").writing() as connection:
            connection.execute(INSERT, {"one": 1, "master_id": "a"})
            os._exit(9)

    assert in_child(die, keyring) == 9
    assert rows(keyring) == []
    with keyring.writing() as connection:
        connection.execute(INSERT, {"one": 1, "master_id": "b"})
    assert rows(keyring) == [(1, "b")]


@BOTH
def test_an_error_of_the_database_tells_neither_sql_nor_values(keyring):
    with keyring.writing() as connection:
        connection.execute(INSERT, {"one": 1, "master_id": "x"})
    with pytest.raises(Damaged) as caught, keyring.writing() as connection:
        connection.execute(INSERT, {"one": 1, "master_id": NAME[:10]})
    told = io.StringIO()
    traceback.print_exception(caught.value, file=told)
    assert NAME[:10] not in told.getvalue() + caught.value.hint
    assert caught.value.__suppress_context__


def test_sqlite_s_files_are_their_owner_s_alone(keyring, tmp_path):
    with keyring.writing() as connection:
        connection.execute(INSERT, {"one": 1, "master_id": "a"})
    found = {path.name: mode(path) for path in files(tmp_path)}
    assert found == {"keyring.db": 0o600, "keyring.db-wal": 0o600, "keyring.db-shm": 0o600}


def test_a_folder_that_is_made_is_its_owner_s_alone(tmp_path):
    connect(f"sqlite:///{tmp_path}/new/records.db", "records").close()
    assert mode(tmp_path / "new") == 0o700


@pytest.mark.parametrize("setting", [("journal_mode", "wal"), ("synchronous", 2), ("secure_delete", 1)])
def test_sqlite_is_set_to_keep_and_to_forget(records, setting):
    with records.reading() as connection:
        assert connection.exec_driver_sql(f"PRAGMA {setting[0]}").scalar_one() == setting[1]


@pytest.mark.parametrize(
    "url",
    ["", "nonsense", "mysql://host/db", "oracle://host/db", "sqlite+nothing:///x.db", "postgresql://host:port/db"],
)
def test_a_url_that_is_none_is_refused(url):
    with pytest.raises(PolicyError) as caught:
        connect(url, "records")
    assert "sqlite:////path" in caught.value.hint


def test_a_password_in_a_wrong_url_is_not_told():
    with pytest.raises(PolicyError) as caught:
        connect(f"mysql://user:{NAME.split()[1]}@host/db", "records")
    assert "Canary" not in "".join(traceback.format_exception(caught.value))


def test_a_server_that_is_not_there_can_t_be_reached(tmp_path):
    with pytest.raises(CannotWrite, match="can't be reached"):
        connect(f"postgresql://user@/db?host={tmp_path}", "records")


@pytest.mark.parametrize("content", [b"no database at all, but text " * 100, b"SQLite format 3\0" + b"\xff" * 4000])
def test_a_file_that_is_no_database_is_damaged(tmp_path, content):
    file = tmp_path / "x.db"
    file.write_bytes(content)
    with pytest.raises(Damaged):
        connect(f"sqlite:///{file}", "records")
    assert file.read_bytes() == content


def test_a_folder_in_the_file_s_place_can_t_be_written(tmp_path):
    with pytest.raises(CannotWrite):
        connect(f"sqlite:///{tmp_path}", "records")
    Path(tmp_path / "file").touch()
    with pytest.raises(CannotWrite):
        connect(f"sqlite:///{tmp_path}/file/x.db", "records")


def test_another_writer_is_waited_for_and_then_told_of(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BUSY_MS", 50)
    database = connect(f"sqlite:///{tmp_path}/x.db", "keyring")
    other = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Locked), database.writing():
        pass
    assert rows(database) == []  # a reader need not wait
    other.close()
    with database.writing():
        pass


def test_a_full_disk_is_told_as_such_and_keeps_what_was_there(keyring, urls, tmp_path):
    with keyring.writing() as connection:
        connection.execute(INSERT, {"one": 1, "master_id": "a"})

    def fill():
        database = connect(urls.keyring, "keyring")
        resource.setrlimit(resource.RLIMIT_FSIZE, (1, 1))
        with pytest.raises(CannotWrite), database.writing() as connection:
            connection.execute(INSERT, {"one": 2, "master_id": "b"})

    assert in_child(fill, keyring) == 0
    assert rows(keyring) == [(1, "a")]


def test_what_was_deleted_stands_in_no_file_after_a_checkpoint(keyring, tmp_path):
    with keyring.writing() as connection:
        connection.execute(INSERT, {"one": 1, "master_id": NAME})
    with keyring.writing() as connection:
        connection.execute(text("DELETE FROM current_master"))
    assert any(NAME.encode() in path.read_bytes() for path in files(tmp_path))
    keyring.checkpoint()
    assert not any(NAME.encode() in path.read_bytes() for path in files(tmp_path))


def test_a_checkpoint_that_a_reader_keeps_from_ending_is_not_taken_for_one(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BUSY_MS", 50)
    database = connect(f"sqlite:///{tmp_path}/x.db", "keyring")
    with database.writing() as connection:
        connection.execute(INSERT, {"one": 1, "master_id": NAME})
    reader = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM current_master").fetchall()
    with database.writing() as connection:
        connection.execute(text("DELETE FROM current_master"))
    with pytest.raises(Locked, match="reads"):
        database.checkpoint()
    reader.close()
    database.checkpoint()
    assert not any(NAME.encode() in path.read_bytes() for path in files(tmp_path))


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_who_waits_for_a_writer_of_a_server_waits_no_longer_than_in_sqlite(new_url, monkeypatch):
    url = new_url("records")
    first, second = connect(url, "records"), connect(url, "records")
    monkeypatch.setattr(module, "BUSY_MS", 100)
    with first.writing(), pytest.raises(Locked), second.writing():
        pass
    with second.writing():
        pass


@BOTH
def test_every_error_has_a_hint(new_url):
    database = connect(new_url("x"), "records")
    with pytest.raises(RedactError) as caught, database.reading() as connection:
        connection.execute(text("SELECT * FROM nowhere"))
    assert caught.value.hint
    assert "nowhere" not in str(caught.value)


def test_processes_that_make_the_same_database_at_the_same_moment_wait_for_each_other(tmp_path):
    """A batch's workers do, on the first night."""
    script = (
        "import sys; from redact.stores.database import connect; sys.stdin.readline()\n"
        "for number in range(12): connect(f'sqlite:///{sys.argv[1]}/{number}.db', 'governance').close()"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", script, tmp_path], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    told = [process.communicate(b"\n")[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, told
