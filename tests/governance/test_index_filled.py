"""The index is filled by what redacts: of what is said, and of what the table says beside it."""

import contextlib
import hashlib
import os
import signal
import sqlite3

import pytest
from batch_world import ALL, FakeRedactor, World
from stores_world import files, in_child

from redact import naming
from redact.batch.archive import Archive
from redact.batch.metadata import known
from redact.batch.work import Task, Worker
from redact.custody import Custodian
from redact.governance.finding import search
from redact.stores.opened import Stores
from redact.subjects import written_down

PERSON = ("Wilhelmina Quastenflosser", "06 39 98 01 02", "wilhelmina.quastenflosser@example.org", "QF-778-1902")
WANTED = list(zip(("name", "phone", "email", "reference"), PERSON, strict=True))
IN_CALL = ("|" + "|".join(f"{kind}={value}" for kind, value in WANTED) + "|").encode()


@pytest.fixture
def world(tmp_path) -> World:
    return World(tmp_path)


@pytest.fixture
def kept(world) -> Stores:
    made = world.stores()
    yield made
    made.close()


def id_of(content: bytes) -> str:
    return naming.opaque(hashlib.sha256(content).hexdigest())


def test_a_batch_notes_what_is_said_and_what_the_table_says(world, kept):
    world.add("a.wav", b"RIFF one " + IN_CALL)
    world.add("b.wav", b"RIFF two")
    table = world.root / "calls.csv"
    table.write_text(
        "file,call_id,customer_id,phone\na.wav,QX-1234,,\nb.wav,4929037741806517,HV 661 402,+44 7700 900123\n"
    )
    world.run(metadata=known(Archive(str(world.source)), str(table)))
    first, second = id_of(b"RIFF one " + IN_CALL), id_of(b"RIFF two")
    assert search(kept, WANTED) == {first}
    assert search(kept, [("reference", "qx1234")]) == {first}
    assert search(kept, [("reference", "HV661402"), ("phone", "07700 900123")]) == {second}
    assert kept.index.find("reference", "4929037741806517") == {second}
    counts = [entry.counts for entry in kept.audit.entries() if (entry.action, entry.outcome) == ("redact", "done")]
    assert all('"terms"' in each for each in counts)


def test_each_place_of_a_recording_is_found_by_its_own_metadata_also_when_it_is_made_again(world, kept):
    for name in ("a.wav", "b.wav"):
        world.add(name, b"RIFF one")
    table = world.root / "calls.csv"
    table.write_text("file,call_id,phone\na.wav,QX-1234,0612345678\nb.wav,QX-5678,0639980102\n")
    metadata = known(Archive(str(world.source)), str(table))
    world.run(metadata=metadata)
    beside = [("reference", "QX-1234"), ("reference", "QX-5678"), ("phone", "0612345678"), ("phone", "0639980102")]
    assert search(kept, beside) == {id_of(b"RIFF one")}
    kept.close()
    world.ledger().reopen(("done",))
    Custodian(kept, requires_basis=False, seals=False).index(id_of(b"RIFF one"), written_down("name", "Maud"))
    assert search(kept, [*beside, ("name", "Maud")]) == {id_of(b"RIFF one")}


def terms_of(world) -> int:
    with contextlib.closing(sqlite3.connect(world.root / "governance.db")) as raw:
        return raw.execute("SELECT COUNT(*) FROM index_terms").fetchone()[0]


def test_a_policy_that_wants_none_has_none(world):
    world = world.with_policy(subject_index=False)
    world.add("a.wav", b"RIFF one " + IN_CALL)
    world.run()
    assert world.states() == {"done": 1}
    assert terms_of(world) == 0


def test_whether_there_is_an_index_is_no_reason_to_make_calls_again(world):
    world.add("a.wav", b"RIFF one")
    world.run()
    ended, _ = world.with_policy(subject_index=False).run()
    assert ended.listed == {"unchanged": 1}


def test_a_call_that_is_held_is_found_too(world, kept):
    content = b"RIFF held " + IN_CALL
    world.add("a.wav", content)
    world.run()
    assert world.states() == {"held": 1}
    assert search(kept, WANTED) == {id_of(content)}


class Dying(FakeRedactor):
    """Is killed once the index is filled, and nothing published."""

    def redact_file(self, path, folder, *, custody):
        super().redact_file(path, folder, custody=custody.__class__(custody.basis, index=_and_die(custody.index)))


def _and_die(index):
    def noted(terms):
        index(terms)
        os.kill(os.getpid(), signal.SIGKILL)

    return noted


def test_who_is_killed_between_the_index_and_the_outputs_leaves_nothing_that_the_next_does_not_mend(world, kept):
    content = b"RIFF one " + IN_CALL
    world.add("a.wav", content)
    (found,) = [task for task, _ in world.batch().found(ALL).tasks]

    def one() -> None:
        Worker(world.job(), Dying(world.policy))(Task(found.source, found.item, found.metadata))

    assert in_child(one) == -signal.SIGKILL
    assert world.outputs() == {}
    assert search(kept, WANTED) == {id_of(content)}
    kept.close()
    ended, _ = world.run()
    assert ended.states == {"done": 1}
    assert search(kept, WANTED) == {id_of(content)}


def test_no_value_is_in_any_byte_of_the_stores_nor_in_any_name(world, kept):
    world.add("a.wav", b"RIFF one " + IN_CALL)
    table = world.root / "beside" / "calls.csv"
    table.parent.mkdir()
    table.write_text("file,customer_id,phone\na.wav,QF7781902,0639980102\n")
    world.run(metadata=known(Archive(str(world.source)), str(table)))
    assert search(kept, WANTED)
    needles = {"quastenflosser", "wilhelmina", "778-1902", "7781902", "39980102", "39 98 01 02"}
    looked_at = [
        path for path in files(world.root) if not {"archive", "beside"} & set(path.relative_to(world.root).parts)
    ]
    assert {"governance.db", "records.db", "keyring.db", "ledger.db"} <= {path.name for path in looked_at}
    for path in looked_at:
        content = path.read_bytes().lower()
        assert not [n for n in needles if n.encode() in content or n.encode("utf-16-le") in content], path.name
        assert not [n for n in needles if n in str(path).lower()]


def test_where_the_index_can_not_be_written_nothing_is_published(world):
    world.add("a.wav", b"RIFF one " + IN_CALL)
    (world.root / "governance.db").mkdir()
    ended, _ = world.run()
    assert ended.error is not None
    assert world.outputs() == {}
