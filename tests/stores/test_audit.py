"""The log: it only grows, every kind of tampering shows, and what can't be logged is not done."""

import json
import os
import resource
import shutil
import sqlite3
import time
from dataclasses import asdict, replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, text
from stores_world import BOTH, files, in_child, mode

from redact.errors import CannotWrite, Damaged, NoLawfulBasis, RedactError
from redact.stores import audit as module
from redact.stores.audit import ACTIONS, OUTCOMES, Audit, Entry
from redact.stores.data_keys import DataKeys
from redact.stores.database import connect
from redact.stores.heads import Head, read_heads

MANY = {"sqlite": 10_000, "postgresql": 300}
COLUMNS = ("at", "actor", "action", "outcome", "object_id", "reason", "counts", "mac")


def fill(audit, count):
    """As many rows as `add` would make, in one transaction, and heads of some."""
    before, entries = module._FIRST, []
    for seq in range(1, count + 1):
        entry = Entry(seq, f"2026-03-01T00:00:00.{seq % 1000:03d}+00:00", "agent", "redact", OUTCOMES[seq % 2],
                      f"call-{seq // 2}", "", json.dumps({"findings": seq}), "")  # fmt: skip
        entry = module._with_mac(entry, audit._mac(entry, before))
        before = entry.mac
        entries.append(entry)
    with audit._database.writing() as connection:
        connection.execute(insert(module._ROWS), [asdict(entry) for entry in entries])
    for entry in [*entries[:: count // 10], entries[-1]]:
        audit._write_head(entry)


@pytest.fixture(scope="module")
def long_log(tmp_path_factory):
    """The files of a log of 10,000 rows, and its ring."""
    from redact.stores import master

    folder, ring = tmp_path_factory.mktemp("log"), master.new()
    databases = [connect(f"sqlite:///{folder}/{name}.db", name) for name in ("records", "keyring")]
    fill(Audit(databases[0], DataKeys(databases[1], ring), folder / "heads.jsonl"), MANY["sqlite"])
    for database in databases:
        database.checkpoint()
        database.close()
    return folder, ring


@pytest.fixture
def filled(kind, request, tmp_path):
    """A long log that may be tampered with."""
    if kind == "postgresql":
        audit = request.getfixturevalue("audit")
        fill(audit, MANY[kind])
        return audit
    folder, ring = request.getfixturevalue("long_log")
    for name in ("records.db", "keyring.db", "heads.jsonl"):
        shutil.copy(folder / name, tmp_path / name)
    records, keyring = (connect(f"sqlite:///{tmp_path}/{name}.db", name) for name in ("records", "keyring"))
    return Audit(records, DataKeys(keyring, ring), tmp_path / "heads.jsonl")


def tamper(audit, *statements, **values):
    """What somebody does who may write to the database: drop the triggers, then anything."""
    on = "" if audit._database.is_sqlite else " ON audit"
    with audit._database.writing() as connection:
        for change in ("update", "delete"):
            connection.execute(text(f"DROP TRIGGER audit_no_{change}{on}"))
        for statement in statements:
            connection.execute(text(statement), {k: v for k, v in values.items() if f":{k}" in statement})


# What is logged


@BOTH
def test_rows_say_who_did_what_to_what_with_what_outcome(audit):
    audit.add("redact", "done", "call-1", reason="by_hand", counts={"words": 7, "findings": 2, "no name": 3})
    audit.add("consent.import", "refused")
    first, second = audit.entries()
    assert (first.seq, first.action, first.outcome, first.object_id, first.reason) == (
        1, "redact", "done", "call-1", "by_hand"
    )  # fmt: skip
    assert json.loads(first.counts) == {"findings": 2, "words": 7}
    assert (second.seq, second.object_id, second.counts) == (2, "-", "{}")
    assert first.actor == second.actor != ""
    assert first.at.endswith("+00:00")
    assert audit.verify() == 2
    assert audit.tail(1) == (second,)
    assert list(audit.entries(after=1)) == [second]


@BOTH
@pytest.mark.parametrize(
    "row",
    [
        ("listen", "done", "-", ""), ("redact", "ended", "-", ""), ("", "", "-", ""),
        ("redact", "done", "Jane Doe", ""), ("redact", "done", "+49301234567", ""), ("redact", "done", "", ""),
        ("redact", "done", "a/b.wav", ""), ("redact", "done", "x" * 81, ""), ("redact", "done", "\udcff", ""),
        ("redact", "done", "-", "Jane Doe"), ("redact", "done", "-", "x" * 41), ("redact", "done", "-", "a\n"),
    ],
)  # fmt: skip
def test_what_is_no_word_and_no_id_is_not_logged(audit, row):
    action, outcome, object_id, reason = row
    with pytest.raises(ValueError, match="the log takes"):
        audit.add(action, outcome, object_id, reason=reason)
    assert list(audit.entries()) == []


@pytest.mark.parametrize("action", ACTIONS)
def test_every_word_is_taken(audit, action):
    for outcome in OUTCOMES:
        audit.add(action, outcome)
    assert audit.verify() == len(OUTCOMES)


@BOTH
@pytest.mark.parametrize(
    ("error", "outcome"),
    [(None, "done"), (NoLawfulBasis("x", hint="x"), "refused"), (ZeroDivisionError("Jane Doe"), "failed"),
     (KeyboardInterrupt(), "failed")],
)  # fmt: skip
def test_an_action_is_logged_before_it_begins_and_when_it_ends(audit, error, outcome):
    def act():
        with audit.action("vault.open", "call-1") as counts:
            assert [entry.outcome for entry in audit.entries()] == ["begun"]
            counts["bytes"] = 5
            if error:
                raise error

    if error:
        with pytest.raises(type(error)):
            act()
    else:
        act()
    _, last = audit.entries()
    assert (last.outcome, last.counts) == (outcome, '{"bytes": 5}')
    assert last.reason == (type(error).__name__ if error else "")
    assert audit.verify() == 2


@pytest.mark.parametrize(
    ("kind", "statement"),
    [
        ("sqlite", "UPDATE audit SET reason = 'x'"),
        ("sqlite", "DELETE FROM audit"),
        ("postgresql", "UPDATE audit SET reason = 'x'"),
        ("postgresql", "DELETE FROM audit"),
        ("postgresql", "TRUNCATE audit"),
    ],
    indirect=["kind"],
)
def test_the_database_itself_refuses_changes(audit, statement):
    audit.add("redact", "done")
    with pytest.raises(RedactError), audit._database.writing() as connection:
        connection.execute(text(statement))
    assert audit.verify() == 1


def test_heads_are_their_owner_s_alone_and_outlive_the_database(audit, heads):
    audit.add("redact", "done")
    assert (mode(heads), mode(heads.parent)) == (0o600, 0o700)
    assert [head.seq for head in read_heads(heads)] == [1]
    assert json.loads(heads.read_text())["signature"] not in repr(list(read_heads(heads)))


def test_the_public_key_stays_the_log_s_own_and_verifies_its_heads(audit, heads, records, keys):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    audit.add("redact", "done")
    (head,) = read_heads(heads)
    assert Audit(records, keys, None).public_key == audit.public_key
    Ed25519PublicKey.from_public_bytes(bytes.fromhex(audit.public_key)).verify(
        bytes.fromhex(head.signature), head.said()
    )


# Cut at its beginning

FAR = datetime(2100, 1, 1, tzinfo=UTC)


@BOTH
def test_a_cut_leaves_the_rest_verified_and_the_log_goes_on(audit):
    for number in range(6):
        audit.add("redact", "done", f"call-{number}")
    before = list(audit.entries())
    assert audit.old(FAR) == tuple(before[:-1])  # never the last
    assert audit.old(FAR, lambda object_id: object_id == "call-4") == tuple(before[:4])
    assert audit.old(datetime.fromisoformat(before[0].at)) == ()
    published = []
    cut = audit.cut(audit.old(FAR)[:4], published.append)
    assert (cut.seq, cut.rows, cut.mac) == (4, 4, before[3].mac)
    lines = [json.loads(line) for line in published[0].splitlines()]
    assert lines[:4] == [asdict(entry) for entry in before[:4]]
    assert (lines[4]["cut"], lines[4]["public_key"]) == (asdict(cut), audit.public_key)
    assert list(audit.entries()) == before[4:]
    assert audit.verify() == 2
    assert audit.add("redact", "done").seq == 7
    assert audit.verify() == 3
    assert audit.cut(audit.old(FAR)).seq == 6
    assert [each.seq for each in audit.cuts()] == [4, 6]
    assert audit.verify() == 1


@BOTH
def test_what_can_t_be_published_is_not_cut(audit):
    for _ in range(3):
        audit.add("redact", "done")

    def full(_):
        raise CannotWrite("no space", hint="free some")

    with pytest.raises(CannotWrite):
        audit.cut(audit.old(FAR), full)
    assert (audit.verify(), audit.cuts()) == (3, ())


@BOTH
def test_a_log_that_was_changed_is_not_cut(audit):
    for _ in range(3):
        audit.add("redact", "done")
    tamper(audit, "UPDATE audit SET actor = 'x' WHERE seq = 1")
    with pytest.raises(Damaged):
        audit.cut(audit.old(FAR))
    assert audit.cuts() == ()
    assert len(list(audit.entries())) == 3


@BOTH
@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM audit WHERE seq > 3", "DELETE FROM audit", "UPDATE audit SET actor = 'x' WHERE seq = 4",
        "DELETE FROM audit_cuts", "UPDATE audit_cuts SET seq = 5",
    ],
)  # fmt: skip
def test_the_database_lets_go_of_what_a_cut_covers_only(audit, statement):
    for _ in range(5):
        audit.add("redact", "done")
    audit.cut(audit.old(FAR)[:3])
    with pytest.raises(RedactError), audit._database.writing() as connection:
        connection.execute(text(statement))
    assert audit.verify() == 2


def test_a_database_of_before_is_brought_to_the_newest_shape(records, keys, heads, tmp_path):
    audit = Audit(records, keys, heads)
    audit.add("redact", "done")
    with records.writing() as connection:  # as it was when the first version made it
        for name in ("no_update", "no_delete"):
            connection.execute(text(f"DROP TRIGGER audit_cuts_{name}"))
        connection.execute(text("DROP TABLE audit_cuts"))
        connection.execute(text("DROP TRIGGER audit_no_delete"))
        connection.execute(
            text(
                "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'it only grows'); END"
            )
        )
        connection.execute(text("UPDATE alembic_version SET version_num = 'records_0001'"))
    records.close()
    again = Audit(connect(f"sqlite:///{tmp_path}/records.db", "records"), keys, heads)
    again.add("redact", "done")
    assert again.cut(again.old(FAR)).seq == 1
    assert again.verify() == 1


# Tampering

SWAP = tuple(
    f"UPDATE audit SET seq = {new} WHERE seq = {old}"  # noqa: S608
    for old, new in ((":middle", "-5"), (":middle + 1", ":middle"), ("-5", ":middle + 1"))
)
SHIFT_DOWN = ("UPDATE audit SET seq = -seq WHERE seq > :middle", "UPDATE audit SET seq = -seq - 1 WHERE seq < 0")
SHIFT_UP = ("UPDATE audit SET seq = -seq WHERE seq > :middle", "UPDATE audit SET seq = -seq + 1 WHERE seq < 0")
COPY = "INSERT INTO audit SELECT {}, at, actor, action, outcome, object_id, reason, counts, mac FROM audit WHERE {}"
TAMPERINGS = {
    **{f"{column} of a row changed": (f"UPDATE audit SET {column} = 'x' WHERE seq = :middle",) for column in COLUMNS},  # noqa: S608
    **{f"{column} of the last row changed": (f"UPDATE audit SET {column} = 'x' WHERE seq = :last",) for column in COLUMNS},  # noqa: S608, E501
    "a word's case changed": ("UPDATE audit SET actor = 'Agent' WHERE seq = 1",),
    "a figure changed": ("UPDATE audit SET counts = '{\"findings\": 0}' WHERE seq = :middle",),
    "a HMAC that is no ASCII": ("UPDATE audit SET mac = 'é' WHERE seq = :middle",),
    "an outcome and its HMAC copied": (
        "UPDATE audit SET outcome = 'done', mac = (SELECT mac FROM audit WHERE seq = 1) WHERE seq = :middle",
    ),
    "a row renumbered": ("UPDATE audit SET seq = :last + 5 WHERE seq = :middle",),
    "the last row renumbered": ("UPDATE audit SET seq = :last + 5 WHERE seq = :last",),
    "the first row deleted": ("DELETE FROM audit WHERE seq = 1",),
    "a row deleted": ("DELETE FROM audit WHERE seq = :middle",),
    "a row deleted and the rest renumbered": ("DELETE FROM audit WHERE seq = :middle", *SHIFT_DOWN),
    "the last row deleted": ("DELETE FROM audit WHERE seq = :last",),
    "the end cut off": ("DELETE FROM audit WHERE seq > :middle",),
    "all but the end deleted": ("DELETE FROM audit WHERE seq < :middle",),
    "everything deleted": ("DELETE FROM audit",),
    "two rows swapped": SWAP,
    "a row added at the end": (COPY.format(":last + 1", "seq = :last"),),
    "a row added in between": (*SHIFT_UP, COPY.format(":middle + 1", "seq = :middle")),
    "a row added before the first": (COPY.format("0", "seq = 1"),),
    "a row added far before the first": (COPY.format("-1000", "seq = 1"),),
}  # fmt: skip
IN_SQLITE = {
    "a HMAC that is no text": "UPDATE audit SET mac = x'ff' WHERE seq = 5000",
    "a HMAC that is a number": "UPDATE audit SET mac = 5 WHERE seq = 5000",
    "an actor that is no text": "UPDATE audit SET actor = x'ff' WHERE seq = 5000",
    "an actor that is no UTF-8": "UPDATE audit SET actor = CAST(x'ff' AS TEXT) WHERE seq = 5000",
}


@BOTH
@pytest.mark.parametrize("what", TAMPERINGS)
def test_tampering_is_found(filled, kind, what):
    last = MANY[kind]
    tamper(filled, *TAMPERINGS[what], last=last, middle=last // 2)
    with pytest.raises(Damaged) as caught:
        filled.verify()
    assert "keep it as it is" in caught.value.hint


CUTS = {
    "by nobody": (
        "INSERT INTO audit_cuts SELECT 3, at, mac, 3, 'ab' FROM audit WHERE seq = 3",
        "DELETE FROM audit WHERE seq <= 3",
    ),
    "with a signature that is of another": (
        "INSERT INTO audit_cuts SELECT 4, at, (SELECT mac FROM audit WHERE seq = 4), rows, signature FROM audit_cuts",
        "DELETE FROM audit WHERE seq <= 4",
    ),
    "and more": ("DELETE FROM audit WHERE seq = 3",),
    "and undone": ("DROP TRIGGER audit_cuts_no_delete{cuts}", "DELETE FROM audit_cuts"),
    "and moved": ("DROP TRIGGER audit_cuts_no_update{cuts}", "UPDATE audit_cuts SET seq = 1"),
    "and its HMAC changed": ("DROP TRIGGER audit_cuts_no_update{cuts}", "UPDATE audit_cuts SET mac = 'x'"),
    "and all that is left deleted": ("DELETE FROM audit",),
    "and a row of before put back": (COPY.format("2", "seq = 3"),),
    "and a row behind it changed": ("UPDATE audit SET reason = 'x' WHERE seq = 4",),
}  # fmt: skip


@BOTH
@pytest.mark.parametrize("what", CUTS)
def test_tampering_with_a_cut_is_found(audit, what):
    for _ in range(6):
        audit.add("redact", "done")
    audit.cut(audit.old(FAR)[:2])
    assert audit.verify() == 4
    cuts = "" if audit._database.is_sqlite else " ON audit_cuts"
    tamper(audit, *(statement.format(cuts=cuts) for statement in CUTS[what]))
    with pytest.raises(Damaged):
        audit.verify()


@BOTH
def test_a_log_that_was_written_anew_and_cut_with_its_own_key_is_found_by_its_heads(audit, records, keys):
    for _ in range(4):
        audit.add("vault.open", "done")
    tamper(audit, "DELETE FROM audit")
    forged = Audit(records, keys, None)
    for _ in range(5):
        forged.add("redact", "done")
    with pytest.raises(Damaged):
        audit.cut(audit.old(FAR))
    heads, audit._heads = audit._heads, None  # by somebody who has key and heads, and not the copy of these
    audit.cut(audit.old(FAR))
    audit._heads = heads
    with pytest.raises(Damaged, match="a cut is of another row than the signed head"):
        audit.verify()


@pytest.mark.parametrize("what", IN_SQLITE)
def test_what_is_no_text_is_found(filled, what):
    tamper(filled, IN_SQLITE[what])
    with pytest.raises(Damaged):
        filled.verify()


def test_a_row_that_replaces_another_past_the_triggers_is_found(filled):
    with filled._database.writing() as connection:
        connection.execute(text("REPLACE INTO audit SELECT 7, at, actor, action, outcome, object_id, reason, counts, "
                                "mac FROM audit WHERE seq = 8"))  # fmt: skip
    with pytest.raises(Damaged, match="row 7"):
        filled.verify()


@BOTH
@pytest.mark.parametrize("length", ["shorter", "as long", "longer"])
def test_a_log_that_was_written_anew_with_its_own_key_is_found_by_its_heads(audit, records, keys, length):
    for _ in range(4):
        audit.add("vault.open", "done", "call-1")
    tamper(audit, "DELETE FROM audit")
    forged = Audit(records, keys, None)
    for _ in range({"shorter": 3, "as long": 4, "longer": 6}[length]):
        forged.add("redact", "done", "call-1")
    assert audit.verify(heads=[]) > 0  # by itself the chain can't show it
    with pytest.raises(Damaged):
        audit.verify()


@BOTH
def test_an_end_that_was_written_anew_shows_where_it_begins(audit, records, keys):
    for _ in range(4):
        audit.add("vault.open", "done")
    tamper(audit, "DELETE FROM audit WHERE seq > 2")
    Audit(records, keys, None).add("vault.open", "done")
    with pytest.raises(Damaged, match="row 3: the log was written anew"):
        audit.verify()


@BOTH
def test_another_log_s_key_verifies_nothing(audit, records, heads, tmp_path):
    from redact.stores import master

    audit.add("redact", "done")
    other = connect(f"sqlite:///{tmp_path}/other.db", "keyring")
    with pytest.raises(Damaged, match="not this log's"):
        Audit(records, DataKeys(other, master.new()), heads).verify()


def forged(head, **values):
    return json.dumps({**asdict(head), **values})


HEADS = {
    "not signed": lambda head: forged(head, seq=99),
    "signed for another row": lambda head: forged(head, seq=3, mac="0" * 64),
    "of the same row, and another": lambda head: forged(head, mac="0" * 64),
    "of another shape": lambda _: '{"seq": 1}',
    "with more in it": lambda head: forged(head, extra=1),
    "whose number is a text": lambda head: forged(head, seq="9"),
    "whose signature is a number": lambda head: forged(head, seq=9, signature=5),
    "whose HMAC is a list": lambda head: forged(head, mac=[]),
    "no hex": lambda head: forged(head, seq=9, signature="zz"),
    "no JSON": lambda _: "something",
    "not ASCII": lambda _: "é",
}


@pytest.mark.parametrize("what", HEADS)
def test_a_head_that_is_none_is_told_of(audit, heads, what):
    for _ in range(2):
        audit.add("redact", "done")
    last = list(read_heads(heads))[-1]
    with heads.open("a") as file:
        file.write(HEADS[what](last) + "\n")
    with pytest.raises(Damaged):
        audit.verify()


def test_heads_of_a_copy_that_lies_elsewhere_verify_too(audit, heads):
    audit.add("redact", "done")
    copy = list(read_heads(heads))
    heads.unlink()
    assert audit.verify() == 1
    tamper(audit, "DELETE FROM audit")
    assert audit.verify() == 0  # that is why they should lie elsewhere
    with pytest.raises(Damaged, match="cut off"):
        audit.verify(copy)
    with pytest.raises(Damaged, match="not signed"):
        audit.verify([replace(copy[0], at="2027-01-01")])


@pytest.mark.parametrize("gone", ["removed", "emptied"])
def test_a_log_without_its_heads_is_not_said_to_be_whole(audit, records, keys, heads, gone):
    audit.add("redact", "begun")
    audit.add("redact", "done")
    copy = list(read_heads(heads))
    heads.unlink() if gone == "removed" else heads.write_bytes(b"")
    with pytest.raises(Damaged, match="heads are gone"):
        audit.verify()
    assert audit.verify(copy) == 2
    assert Audit(records, keys, None).verify() == 2  # which signs none
    audit.add("redact", "done")
    assert audit.verify() == 3


def test_a_power_cut_in_a_head_s_line_spoils_neither_it_nor_the_next(audit, heads):
    for _ in range(3):
        audit.add("redact", "done")
    whole = heads.read_bytes()
    for cut in (1, 2, 50, 300):
        heads.write_bytes(whole[:-cut])
        assert audit.verify() == len(list(audit.entries()))
        entry = audit.add("redact", "done")
        assert list(read_heads(heads))[-1].seq == entry.seq
        assert audit.verify() == entry.seq
    assert all(isinstance(head, Head) for head in read_heads(heads))


def test_ten_thousand_rows_are_verified_and_the_time_is_told(filled, record_property):
    begun = time.process_time()
    assert filled.verify() == MANY["sqlite"]
    taken = time.process_time() - begun
    record_property("seconds", taken)
    print(f"10,000 rows verified in {taken:.2f} s of CPU")  # noqa: T201


# What can't be logged is not done


def never():
    raise AssertionError("it was done")


@pytest.mark.parametrize("full", ["database", "heads"])
def test_a_full_disk_stops_the_action(urls, ring, records, keyring, tmp_path, full):
    heads = tmp_path / "heads.jsonl"
    Audit(records, DataKeys(keyring, ring), heads).add("redact", "done")
    limit = 1
    if full == "heads":  # larger than any of the database's files
        limit = 16 << 20
        heads.write_bytes(b"\n" * limit)

    def act():
        audit = Audit(connect(urls.records, "records"), DataKeys(connect(urls.keyring, "keyring"), ring), heads)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        with pytest.raises(CannotWrite), audit.action("vault.open", "call-1"):
            os._exit(3)

    assert in_child(act, records, keyring) == 0
    if full == "heads":
        assert heads.stat().st_size == limit
    else:
        assert Audit(records, DataKeys(keyring, ring), heads).verify() == 1


def test_heads_that_can_t_be_written_stop_the_action(records, keys, tmp_path):
    (tmp_path / "file").touch()
    audit = Audit(records, keys, tmp_path / "file" / "heads")
    with pytest.raises(CannotWrite, match="nothing was done"), audit.action("vault.open", "call-1"):
        never()


def test_a_log_that_is_gone_stops_the_action(audit):
    tamper(audit, "DROP TABLE audit")
    with pytest.raises(RedactError), audit.action("vault.open", "call-1"):
        never()


# Many at once


@BOTH
def test_four_processes_that_write_at_once_make_one_log(urls, ring, records, keyring, heads):
    def write():
        audit = Audit(connect(urls.records, "records"), DataKeys(connect(urls.keyring, "keyring"), ring), heads)
        for number in range(50):
            audit.add("redact", "done", f"call-{number}")

    def four():
        children = []
        for _ in range(4):
            if (child := os.fork()) == 0:
                try:
                    write()
                finally:
                    os._exit(0)
            children.append(child)
        for child in children:
            os.waitpid(child, 0)

    assert in_child(four, records, keyring) == 0
    audit = Audit(records, DataKeys(keyring, ring), heads)
    assert audit.verify() == 200
    assert {head.seq for head in read_heads(heads)} == set(range(1, 201))


def test_a_copy_made_while_the_log_is_written_verifies(audit, tmp_path, keys):
    audit.add("redact", "done")
    with sqlite3.connect(tmp_path / "records.db") as source, sqlite3.connect(tmp_path / "copy.db") as target:
        source.backup(target)
    source.close(), target.close()
    audit.add("redact", "done")
    copy = Audit(connect(f"sqlite:///{tmp_path}/copy.db", "records"), keys, None)
    assert copy.verify() == 1
    assert any(path.name == "copy.db" for path in files(tmp_path))
