"""The ledger, in both databases: what is booked stays, each archive has its own, and nothing personal stands in it."""

import json
import os
import time
from dataclasses import replace

import pytest
from stores_world import BOTH, in_child

from redact.errors import Locked
from redact.stores.database import connect
from redact.stores.ledger import STATES, Done, Ledger, Row

POLICY, ENGINE = "p" * 64, "e" * 64
DONE = Done(
    "done", "", "call-0123456789abcdef", "c" * 64, "r" * 64, ".wav", "fr", "consent", 61_000, 4_200, 9_000,
    {"PERSON": 2}, {"low_confidence": 1},
)  # fmt: skip


@pytest.fixture
def database(new_url):
    opened = connect(new_url("ledger"), "batches")
    yield opened
    opened.close()


@pytest.fixture
def ledger(database, keys):
    return Ledger(database, keys)


@pytest.fixture
def here(ledger):
    return ledger.archive("/srv/redacted")


def rows(archive, **how):
    return {row.source: row for row in archive.rows(**how)}


@BOTH
def test_a_recording_from_the_first_look_to_its_outcome(here):
    here.put([Row("a", 5, "5:1", queue="billing"), Row("b", 6, "6:1")])
    here.begin("a", "run-1")
    assert rows(here)["a"].state == "running"
    here.end("a", DONE, policy=POLICY, engine=ENGINE)
    row = rows(here)["a"]
    assert (row.state, row.recording_id, row.queue, row.run_id) == ("done", DONE.recording_id, "billing", "run-1")
    assert (row.policy, row.engine, row.original) == (POLICY, ENGINE, "here")
    assert (row.replacements, row.doubts) == ({"PERSON": 2}, {"low_confidence": 1})
    assert row.finished_at
    here.disposed("a", "moved")
    assert rows(here)["a"].original == "moved"
    assert here.states() == {"done": 1, "pending": 1}
    assert here.seconds_a_second() == pytest.approx(9 / 61)


@BOTH
def test_what_was_withheld_is_again_what_it_was(here):
    doubted = replace(DONE, state="held", reason="in_doubt")
    for source in ("a", "b", "c"):
        here.put([Row(source, 5, "5:1")])
    here.end("a", DONE, policy=POLICY, engine=ENGINE)
    here.end("b", replace(doubted, recording_id="call-b"), policy=POLICY, engine=ENGINE)
    here.end("c", Done("held", "restricted", "call-c"), policy=POLICY, engine=ENGINE)  # by a batch, before it was read
    before = rows(here)
    for recording_id in (DONE.recording_id, "call-b", "call-b"):
        here.withhold(recording_id)
    assert all(row.is_withheld for row in here.rows())
    assert [(row.state, row.reason) for row in sorted(here.processed(), key=lambda row: row.source)] == [
        ("done", ""), ("held", "in_doubt"), ("held", "restricted")
    ]  # fmt: skip
    for recording_id in (DONE.recording_id, "call-b", "call-c", "call-b"):
        here.release(recording_id)
    after = rows(here)
    assert (after["a"], after["b"]) == (before["a"], before["b"])
    assert (after["c"].state, after["c"].reason) == ("pending", "")


@BOTH
def test_putting_a_recording_again_replaces_it(here):
    here.put([Row("a", 5, "5:1")])
    here.end("a", DONE, policy=POLICY, engine=ENGINE)
    here.put([Row("a", 7, "7:1"), Row("c", 1, "1:1")])
    assert (rows(here)["a"].size_bytes, rows(here)["a"].state) == (7, "pending")
    assert len(rows(here)) == 2


@BOTH
def test_what_was_running_is_open_again(here):
    here.put([Row(name, 1, "1:1") for name in "abc"])
    here.begin("a", "run-1")
    here.begin("b", "run-1")
    assert here.reopen(("running",)) == 2
    assert here.states() == {"pending": 3}
    assert here.reopen(("running",)) == 0


@BOTH
def test_archives_are_apart(ledger, here):
    other = ledger.archive("/srv/other")
    here.put([Row("a", 1, "1:1")])
    other.put([Row("a", 2, "2:2")])
    here.begin("a", "run-1")
    assert rows(other)["a"].state == "pending"
    with here.alone(), other.alone():
        pass


@BOTH
def test_only_what_is_asked_for_is_told(here):
    here.put([Row(str(number), number, "x", state=STATES[number % len(STATES)]) for number in range(1400)])
    assert len(rows(here)) == 1400
    assert len(rows(here, states=("held",))) == 1400 // len(STATES)
    assert set(rows(here, sources=[str(number) for number in range(1200, 1500)])) == {str(n) for n in range(1200, 1400)}
    here.begin("3", "run-7")
    assert set(rows(here, run_id="run-7")) == {"3"}


@BOTH
def test_runs_are_kept(here):
    first = here.begin_run("batch" + "h" * 100, POLICY, ENGINE, 2, {"new": 3})
    assert (here.runs(1)[0].outcome, len(here.runs(1)[0].policy_name)) == ("running", 80)
    here.end_run(first, "finished")
    time.sleep(1.1)
    second = here.begin_run("batch", POLICY, ENGINE, 2, {})
    assert [run.run_id for run in here.runs(5)] == [second, first]
    assert here.runs(5)[1].listed == {"new": 3}
    assert here.runs(5)[1].ended_at


@BOTH
def test_one_run_at_a_time_and_the_dead_let_go(here, database, keyring):
    def hold() -> None:
        with here.alone():
            os._exit(3)  # without letting go

    with here.alone(), pytest.raises(Locked):
        in_child_locked(here)
    assert in_child(hold, database, keyring) == 3
    with here.alone():
        pass


def in_child_locked(archive) -> None:
    """Another one, by a connection of its own."""
    with archive.alone():
        pass


@BOTH
def test_pseudonyms_are_keyed_and_told_apart_by_what_they_are_of(ledger):
    name = ledger.pseudonym("source", "/srv/Halloway.wav")
    assert name == ledger.pseudonym("source", "/srv/Halloway.wav")
    assert name != ledger.pseudonym("call", "/srv/Halloway.wav")
    assert len(name) == 32
    assert ledger.pseudonym("agent", "") == ""


@BOTH
def test_many_writers_book_side_by_side(here, database, keyring):
    here.put([Row(str(number), 1, "x") for number in range(40)])
    database.close()
    keyring.close()
    children = []
    for part in range(4):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                for number in range(part * 10, part * 10 + 10):
                    here.end(str(number), replace(DONE, recording_id=f"call-{number}"), policy=POLICY, engine=ENGINE)
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 4
    assert here.states() == {"done": 40}


def test_counts_are_json_in_the_same_order_each_time(here):
    here.put([Row("a", 1, "x", replacements={"PERSON": 1, "AGE": 2})])
    with here._database.reading() as connection:
        stored = connection.exec_driver_sql("SELECT replacements FROM recordings").scalar_one()
    assert list(json.loads(stored)) == ["AGE", "PERSON"]


@BOTH
def test_what_is_erased_stays_counted_without_its_name_and_once(here, ledger):
    here.put([Row(name, 1, "x", recorded_at="2026-03-04T09:30:00+00:00", queue="sales") for name in "abc"])
    for name in "ab":
        here.end(name, replace(DONE, recording_id=f"call-{name}"), policy=POLICY, engine=ENGINE)
    here.withhold("call-b")
    before = [(row.state, row.reason, row.duration_ms, row.replacements) for row in here.processed()]
    assert sorted(before)[:2] == [("done", "", 61_000, {"PERSON": 2})] * 2
    for name in ("call-a", "call-b", "call-b", "c"):
        here.erase(name)
    first, second, third = sorted(here.processed(), key=lambda row: (row.state, -row.duration_ms))
    assert (first.duration_ms, first.masked_ms, first.replacements) == (122_000, 8_400, {"PERSON": 4})
    assert (second.duration_ms, second.replacements) == (0, {})
    for row in (first, second):
        assert (row.state, row.language, row.basis, row.engine) == ("done", "fr", "consent", ENGINE)
        assert (row.queue, row.recorded_at, row.original) == ("sales", "2026-03-02T00:00:00+00:00", "erased")
        assert (row.source, row.recording_id, row.call, row.content) == ("", "", "", "")
        assert row.finished_at.endswith("T00:00:00+00:00")
    assert (third.state, third.recorded_at, third.queue) == ("erased", "", "")
    assert list(ledger.archive("/srv/other").processed()) == []


@BOTH
def test_what_an_engine_is_made_of_is_known_when_its_reports_are_gone(here):
    here.put([Row("a", 1, "x"), Row("b", 1, "x")])
    for name, models in (("a", {"base": "1" * 64}), ("b", {"other": "2" * 64})):
        here.end(name, replace(DONE, models=models, version="0.1.0"), policy=POLICY, engine=ENGINE)
    known = here.engines()[ENGINE]
    assert (known.models, known.version) == ({"base": "1" * 64, "other": "2" * 64}, "0.1.0")


def test_an_older_ledger_counts_what_it_still_knows(new_url, keys):
    url = new_url("older")
    database = connect(url, "batches")
    here = Ledger(database, keys).archive("/srv/redacted")
    rows = [Row("a", 1, "x", "erased"), Row("b", 1, "x", "erased", finished_at="2026-03-04T09:30:00+00:00")]
    here.put([*rows, Row("c", 1, "x", "held", "restricted", suffix=".wav"), Row("d", 1, "x", "held", "restricted")])
    with database.writing() as connection:  # as it was before
        for change in (
            "DROP TABLE processed", "DROP TABLE engines", "ALTER TABLE recordings DROP COLUMN was",
            "UPDATE alembic_version SET version_num = 'batches_0001'",
        ):  # fmt: skip
            connection.exec_driver_sql(change)
    database.close()
    database = connect(url, "batches")
    found = [(row.state, row.finished_at[:10]) for row in Ledger(database, keys).archive("/srv/redacted").processed()]
    database.close()
    assert sorted(found) == [("done", ""), ("erased", ""), ("erased", "2026-03-04"), ("held", "")]
