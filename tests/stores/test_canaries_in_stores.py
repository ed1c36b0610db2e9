"""No person's name or number is in any byte of the stores, in whatever way it may be written."""

import base64
import io
import sqlite3
import time
from collections.abc import Iterator

import pytest
from stores_world import BOTH, files

from redact.errors import KeyMissing, RedactError
from redact.stores.consent import COLUMNS, read_csv

PERSONS = ("Wilhelmina Quastenflosser", "Ödön Canarytéglás", "+49 171 5550 8231 77", "4539 1488 0343 6467")
BEGAN = "2026-03-01T09:00:00+00:00"
SAID = ". ".join(f"My name or number is {person}" for person in PERSONS)


def ways(value: str) -> Iterator[bytes]:
    """The bytes of a value, as it may be written; base64 at each of the three places where it may begin."""
    for text in {value, value.replace(" ", ""), value.lower(), value.casefold()}:
        for raw in (text.encode(), text.encode("utf-16-le"), text.encode("utf-16-be")):
            yield raw
            yield raw.hex().encode()
            yield raw.hex().upper().encode()
            for before in range(3):
                start, end = -(-before * 4 // 3) + (before > 0), (len(raw) + before) // 3 * 4
                yield base64.b64encode(bytes(before) + raw)[start:end]
        yield text.encode("unicode_escape")


def found_in(paths, needles):
    contents = [(path.name, path.read_bytes()) for path in paths]
    return [(name, needle) for name, content in contents for needle in needles if needle in content]


def live(consent, sealed, audit):
    """A call's life in the stores."""
    rows = [
        f"call-{number},{person},consent,quality,n-1,,en,ivr,voice,{BEGAN},{BEGAN},ref-1"
        for number, person in enumerate(PERSONS)
    ]
    with audit.action("consent.import") as counts:
        counts["rows"] = consent.add(read_csv(io.StringIO("\n".join([",".join(COLUMNS), *rows]) + "\n"), consent))
    for number, person in enumerate(PERSONS):
        consent.require(f"call-{number}")
        with audit.action("vault.seal", f"call-{number}"):
            sealed.seal(io.BytesIO(SAID.encode() * 50), f"call-{number}", "original")
            sealed.seal(io.BytesIO(SAID.encode("utf-16")), f"call-{number}", "transcript")
        with pytest.raises(ValueError, match="ids only"):
            audit.add("redact", "done", person)
        with pytest.raises(RuntimeError), audit.action("redact", f"call-{number}"):
            raise RuntimeError(person)
        consent.withdraw(person)
        with pytest.raises(RedactError):
            consent.withdraw(person + " Esq.")
        assert consent.pseudonym(person) == consent.of(f"call-{number}")[0].person


@pytest.fixture
def copy(tmp_path):
    def make(name):
        with sqlite3.connect(tmp_path / f"{name}.db") as source, sqlite3.connect(tmp_path / f"{name}.copy") as target:
            source.backup(target)
        source.close(), target.close()

    return make


@pytest.mark.parametrize("before", [b"", b"x", b"xy", b"xyz"])
def test_what_is_sought_would_be_found(before):
    for person in PERSONS:
        needles = list(ways(person))
        for raw in (person.encode(), person.encode("utf-16-le")):
            for written in (raw, raw.hex().encode(), base64.b64encode(before + raw + b"tail")):
                assert any(needle in written for needle in needles)
        assert all(len(needle) > 8 for needle in needles)


def test_no_name_and_no_number_is_in_any_byte_of_any_file(consent, sealed, audit, tmp_path, copy):
    live(consent, sealed, audit)
    copy("records"), copy("keyring")
    there = list(files(tmp_path))
    assert {"records.db", "records.db-wal", "records.db-shm", "keyring.db", "records.copy", "keyring.copy",
            "heads.jsonl", "call-0.original.sealed"} <= {path.name for path in there}  # fmt: skip
    needles = [needle for person in PERSONS for needle in ways(person)]
    assert found_in(there, needles) == []
    assert not any(needle.decode("latin-1") in str(path) for path in there for needle in needles)
    assert audit.verify() == 2 + 4 * len(PERSONS)


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_no_name_and_no_number_is_in_any_file_of_the_server_nor_in_its_log_of_queries(consent, sealed, audit, server):
    begun = time.time()
    live(consent, sealed, audit)
    server.flush()
    there = [path for path in files(server.folder) if path.stat().st_mtime >= begun - 1]
    assert any("pg_wal" in path.parts for path in there)
    assert b"lawful_bases" in server.log.read_bytes()
    assert found_in(there, [person.encode() for person in PERSONS]) == []


@BOTH
def test_no_name_and_no_number_is_in_what_stores_give_out(consent, sealed, audit):
    live(consent, sealed, audit)
    shown = repr([*audit.entries(), *consent.of("call-0"), *sealed.listed(), consent, sealed, audit])
    assert not any(person.casefold() in shown.casefold() for person in PERSONS)


def test_after_a_recording_s_key_was_destroyed_its_bytes_are_in_no_file(consent, sealed, audit, keys, tmp_path, copy):
    live(consent, sealed, audit)
    with sqlite3.connect(tmp_path / "keyring.db") as raw:
        wrapped = dict(raw.execute("SELECT recording_id, wrapped FROM data_keys").fetchall())
    raw.close()
    assert found_in(files(tmp_path), [wrapped["call-1"]])
    backup = sealed._path("call-1", "original").read_bytes()
    sealed.erase("call-1")
    copy("keyring")
    parts = [wrapped["call-1"], wrapped["call-1"][12:], wrapped["call-1"][12:28], wrapped["call-1"][-16:]]
    assert found_in(files(tmp_path), parts) == []
    assert found_in(files(tmp_path), [wrapped["call-2"]])
    sealed._path("call-1", "original").write_bytes(backup)
    with pytest.raises(KeyMissing):
        next(sealed.opened("call-1", "original"))
    assert b"".join(sealed.opened("call-2", "original")).decode() == SAID * 50
