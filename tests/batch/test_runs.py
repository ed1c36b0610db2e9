"""A run takes what is open, books it, and writes nothing where nothing is to be done."""

import io
import json
import os
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from batch_world import ALL, PLENTY, World, torn
from canaries import Canary, found

from redact.batch import night
from redact.batch.archive import Archive, Item
from redact.batch.listing import Choice, estimated_s, until
from redact.batch.metadata import known
from redact.batch.pool import Limits
from redact.custody import sources_of
from redact.errors import ExitCode, InputRejected, Locked
from redact.stores.consent import read_csv
from redact.stores.vault import Vault


def everything(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {str(p): (p.stat().st_mtime_ns, p.read_bytes()) for p in sorted(folder.rglob("*")) if p.is_file()}


def test_outputs_have_opaque_names_and_are_all_there(world):
    world.add("Desmond Halloway/0612345678.wav", b"one")
    world.add("b.wav", b"two")
    ended, events = world.run()
    assert ended.states == {"done": 2}
    assert ended.error is None
    names = list(world.outputs())
    assert len(names) == 8
    assert all(name[:2] == name[8:10] and name[3:8] == "call-" for name in names)
    assert torn(world.dest) == []
    assert [event.name for event in events] == ["run_began", "call_ended", "call_ended", "run_ended"]
    told = json.dumps([dict(event.facts) for event in events])
    assert "Halloway" not in told
    assert "0612345678" not in told


def test_a_finished_archive_is_left_alone_and_nothing_is_written(world):
    for number in range(3):
        world.add(f"{number}.wav", b"x" * (number + 1))
    world.run()
    before = everything(world.root)
    ended, events = world.run()
    after = everything(world.root)
    assert ended.run_id == ""
    assert ended.listed == {"unchanged": 3}
    assert events == []
    assert {p: v for p, v in after.items() if not p.endswith((".db-wal", ".db-shm"))} == before


def test_what_is_new_or_changed_is_done_and_no_more(world):
    world.add("a.wav", b"one")
    world.add("b.wav", b"two")
    world.run()
    world.add("b.wav", b"two, longer")
    world.add("c.wav", b"three")
    ended, _ = world.run()
    assert ended.listed == {"unchanged": 1, "changed": 1, "new": 1}
    assert ended.states == {"done": 2}
    assert len(world.made()) == 4


def test_a_file_that_was_only_touched_is_not_made_again(world):
    file = world.add("a.wav", b"one")
    world.run()
    file.touch()
    ended, events = world.run()
    assert ended.states == {"done": 1}
    assert [event.facts["adopted"] for event in events if event.name == "call_ended"] == [True]
    assert len(world.made()) == 1


def test_the_same_recording_at_two_places_is_made_once(world):
    world.add("a.wav", b"one")
    world.run()
    world.add("copy.wav", b"one")
    ended, _ = world.run()
    assert ended.states == {"done": 1}
    told = sources_of(world.stores().vault, world.rows()[0].recording_id)
    assert [Path(each["source"]).name for each in told] == ["a.wav", "copy.wav"]
    assert len(world.made()) == 1
    assert len(world.outputs()) == 4


def test_contents_are_looked_at_on_request_where_size_and_time_are_the_same(world):
    file = world.add("a.wav", b"one")
    world.run()
    at = file.stat().st_mtime_ns
    file.write_bytes(b"two")
    os.utime(file, ns=(at, at))
    assert world.run()[0].listed == {"unchanged": 1}
    assert world.run(Choice(include=("*",), rehash=True))[0].listed == {"changed": 1}


def test_another_policy_or_model_is_redone_on_request_only(world):
    world.add("a.wav", b"one")
    world.run()
    other = world.with_policy(in_doubt="report")
    assert other.run()[0].listed == {"done_otherwise": 1}
    ended, _ = other.run(Choice(include=("*",), redo=True))
    assert ended.listed == {"redone": 1}
    assert ended.states == {"done": 1}
    assert len(world.made()) == 2
    assert torn(world.dest) == []


def test_long_recordings_come_first(world):
    for size in (10, 1000, 100):
        world.add(f"{size}.wav", b"x" * size)
    _, events = world.run(workers=1)
    assert [e.facts["sound_s"] for e in events if e.name == "call_ended"] == [1000, 100, 10]


@pytest.mark.parametrize(
    ("content", "state", "reason"),
    [
        (b"held", "held", "in_doubt"),
        (b"damaged", "quarantined", "damaged"),
        (b"unverified", "quarantined", "unverified"),
        (b"unreadable", "failed", "io"),
        (b"bug", "failed", "unexpected_ZeroDivisionError"),
    ],
)
def test_each_file_that_goes_wrong_goes_wrong_alone(world, content, state, reason):
    world.add("a.wav", content)
    world.add("b.wav", b"fine")
    ended, events = world.run()
    assert ended.states == {"done": 1, state: 1}
    row = next(row for row in world.rows() if row.state != "done")
    assert (row.state, row.reason) == (state, reason)
    assert "Halloway" not in json.dumps([dict(event.facts) for event in events])


def test_what_fails_night_after_night_is_set_apart_unless_it_could_not_be_read(world):
    world.add("a.wav", b"bug")
    world.add("b.wav", b"unreadable")
    for _ in range(3):
        world.run()
    assert world.states() == {"quarantined": 1, "failed": 1}
    assert world.run()[0].listed == {"quarantined": 1, "open": 1}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "reason", "limits"),
    [
        (b"crash", "crashed", PLENTY),
        (b"hang", "hung", Limits(4 << 30, 0.5)),
        (b"eat memory", "memory", Limits(300 << 20, 60)),
    ],
)
def test_a_poisonous_file_is_tried_three_times_and_set_apart(world, content, reason, limits):
    world.add("a.wav", content)
    world.add("b.wav", b"fine")
    ended, events = world.run(limits=limits)
    assert ended.states == {"done": 1, "quarantined": 1}
    row = next(row for row in world.rows() if row.state != "done")
    assert (row.reason, row.attempts) == (reason, 3)
    assert [e.facts["tries"] for e in events if e.name == "worker_lost"] == [1, 2, 3]


def test_what_would_go_wrong_with_all_stops_the_run_and_leaves_them_open(world):
    for number in range(6):
        world.add(f"{number}.wav", b"disk full" + bytes([number]))
    ended, _ = world.run()
    assert ended.error is not None
    assert ended.error.exit_code == ExitCode.CANNOT_WRITE
    assert world.states() == {"pending": 6}
    for number in range(6):
        world.add(f"{number}.wav", b"fine" + bytes([number]))
    assert world.run()[0].states == {"done": 6}


def test_retry_makes_anew_what_was_set_apart_or_held(world):
    world.add("a.wav", b"held")
    world.run()
    assert world.run()[0].listed == {"held": 1}
    assert world.ledger().reopen(("held",)) == 1
    ended, _ = world.run()
    assert ended.states == {"held": 1}
    assert len(world.made()) == 2


def test_only_what_matches_is_taken(world):
    for name in ("a.wav", "b.mp3", "notes.txt", "sub/c.wav", ".hidden.wav", ".folder/d.wav"):
        world.add(name, name.encode())
    ended, _ = world.run(Choice(include=("*.wav",), exclude=("sub/*",)))
    assert ended.listed == {"new": 1, "ignored": 3}


def test_limit_since_and_until(world):
    for number in range(4):
        world.add(f"{number}.wav", bytes(number + 1))
    os.utime(world.source / "0.wav", (0, 0))
    since = datetime.now(UTC) - timedelta(hours=1)
    ended, _ = world.run(Choice(include=("*",), since=since, limit=2))
    assert ended.states == {"done": 2}
    assert ended.listed == {"older": 1, "new": 3, "over_limit": 1}
    assert ended.left == 1
    ended, _ = world.run(Choice(include=("*",), until=datetime.now(UTC) - timedelta(seconds=1)))
    assert ended.states == {}
    assert ended.left == 2
    assert world.states() == {"done": 2, "pending": 2}
    assert world.run()[0].states == {"done": 2}


def test_links_that_lead_nowhere_and_in_circles_are_accounted_for(world):
    world.add("a.wav", b"one")
    (world.source / "circle.wav").symlink_to(world.source / "circle.wav")
    (world.source / "nowhere.wav").symlink_to(world.source / "none.wav")
    ended, _ = world.run()
    assert ended.states == {"done": 1, "failed": 1}


def test_what_a_person_has_corrected_is_not_made_again_without_that(world):
    world.add("a.wav", b"one")
    world.run()
    report = next(world.dest.glob("??/*.report.json"))
    report.write_text(json.dumps({**json.loads(report.read_text()), "decisions": 2}))
    before = world.outputs()
    ended, _ = world.with_policy(in_doubt="report").run(Choice(include=("*",), redo=True))
    assert ended.states == {"held": 1}
    assert [row.reason for row in world.rows()] == ["corrected"]
    assert world.outputs() == before


def test_outputs_of_before_that_are_not_made_again_are_removed(world):
    world.add("a.wav", b"one")
    world.run()
    report = next(world.dest.glob("??/*.report.json"))
    told = json.loads(report.read_text())
    report.write_text(json.dumps({**told, "outputs": {**told["outputs"], ".html": "0" * 64}}))
    page = report.parent / report.name.replace(".report.json", ".redacted.html")
    page.write_text("what was masked less")
    world.with_policy(in_doubt="report").run(Choice(include=("*",), redo=True))
    assert not page.exists()


def test_what_may_still_be_written_to_is_left_alone(world):
    world.add("a.wav", b"one")
    assert world.run(Choice(include=("*",), settled_s=60))[0].listed == {"unsettled": 1}


@pytest.mark.parametrize(
    ("clock", "now", "then"),
    [
        ("06:00", datetime(2026, 3, 1, 22, 30, tzinfo=UTC), datetime(2026, 3, 2, 6, 0, tzinfo=UTC)),
        ("23:15", datetime(2026, 3, 1, 22, 30, tzinfo=UTC), datetime(2026, 3, 1, 23, 15, tzinfo=UTC)),
        ("6", datetime(2026, 12, 31, 6, 0, tzinfo=UTC), datetime(2027, 1, 1, 6, 0, tzinfo=UTC)),
    ],
)
def test_until_is_the_next_moment_at_which_a_clock_shows_it(clock, now, then):
    assert until(clock, now) == then


def test_lengths_are_estimated_from_bytes():
    assert estimated_s(Item("a.WAV", 160_000, "", None)) == 10
    assert estimated_s(Item("a.opus", 3_000, "", None)) == 1


def test_a_second_run_on_the_same_archive_is_refused(world):
    world.add("a.wav", b"one")
    with world.ledger().alone(), pytest.raises(Locked) as told:
        world.run()
    assert told.value.exit_code == ExitCode.LOCKED
    assert world.run()[0].states == {"done": 1}


def test_runs_on_two_archives_don_t_meet(world, tmp_path):
    world.add("a.wav", b"one")
    other = World(tmp_path, dest_url=str(tmp_path / "other"))
    with other.ledger().alone():
        assert world.run()[0].states == {"done": 1}


def test_the_way_back_from_an_id_lies_in_the_vault_alone(world):
    world.add("Halloway.wav", b"one")
    world.add("bad.wav", b"unreadable")
    world.run()
    for row in world.rows():
        (told,) = sources_of(world.stores().vault, row.recording_id or row.source)
        assert Path(told["source"]).name == ("Halloway.wav" if row.state == "done" else "bad.wav")
    for name, content in everything(world.root).items():
        if "archive" not in name:
            assert b"Halloway" not in content[1], name


class TestMetadata:
    def table(self, world, text: str, name="calls.csv") -> str:
        (world.root / name).write_text(text, encoding="utf-8")
        return str(world.root / name)

    def test_a_table_tells_of_the_calls(self, world):
        world.add("a.wav", b"one")
        world.add("b.wav", b"two")
        table = self.table(
            world,
            "file,call_id,queue,agent,recorded_at,language,channels,consent\n"
            'a.wav,C-1,billing,Ann Quill,2026-03-01T09:30:00+01:00,en,"customer,agent",yes\n'
            "b.wav,C-2,billing,Ann Quill,,,,no\n",
        )
        ended, _ = world.run(metadata=known(Archive(str(world.source)), table))
        assert ended.states == {"done": 1, "refused": 1}
        rows = {row.state: row for row in world.rows()}
        assert rows["done"].queue == "billing"
        assert rows["done"].recorded_at == "2026-03-01T08:30:00+00:00"
        assert rows["done"].agent == rows["refused"].agent != ""
        assert rows["refused"].reason == "table_says_no"
        assert rows["refused"].content == ""
        assert "Quill" not in (world.root / "ledger.db").read_bytes().decode("latin-1")
        (told,) = sources_of(world.stores().vault, rows["done"].recording_id)
        assert told["agent"] == "Ann Quill"

    @pytest.mark.parametrize(
        "content",
        [
            '[{"file": "a.wav", "queue": "billing"}]',
            '{"a.wav": {"queue": "billing"}}',
        ],
    )
    def test_json_does_too(self, world, content):
        world.add("a.wav", b"one")
        world.run(metadata=known(Archive(str(world.source)), self.table(world, content, "calls.json")))
        assert [row.queue for row in world.rows()] == ["billing"]

    def test_or_a_file_beside_each(self, world):
        for name in ("a", "b", "c"):
            world.add(f"{name}.wav", name.encode())
        world.add("a.json", b'{"queue": "billing"}')
        world.add("b.csv", b"queue,consent\nsales,no\n")
        world.add("c.json", b'{"queue": "not a word"}')
        told = known(Archive(str(world.source)), "beside")
        ended, _ = world.run(Choice(include=("*.wav",)), metadata=told)
        assert ended.states == {"done": 1, "refused": 1, "quarantined": 1}
        assert {row.state: (row.queue, row.reason) for row in world.rows()} == {
            "done": ("billing", ""), "refused": ("sales", "table_says_no"), "quarantined": ("", "metadata"),
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("a.wav", "file;consent\na.wav;no\n"),
            ("a.wav", "File , Consent\na.wav, No\n"),
            ("a.wav", "file,consent\n./a.wav,no\n"),
            ("caf\u00e9.wav", "file,consent\ncafe\u0301.wav,no\n"),
            ("sub/a.wav", "file,consent\nsub\\a.wav,no\n"),
        ],
    )
    def test_a_no_is_a_no_however_the_table_is_written(self, world, name, text):
        world.add(name, b"one")
        ended, _ = world.run(metadata=known(Archive(str(world.source)), self.table(world, text)))
        assert ended.states == {"refused": 1}

    def test_files_that_a_table_lacks_are_counted(self, world):
        world.add("a.wav", b"one")
        world.add("b.wav", b"two")
        _, events = world.run(metadata=known(Archive(str(world.source)), self.table(world, "file,queue\na.wav,x\n")))
        assert events[0].facts["without_metadata"] == 1

    def test_what_can_t_be_reached_now_is_tried_again(self, world):
        world.add("a.wav", b"one")
        (world.source / "a.json").mkdir()
        told = known(Archive(str(world.source)), "beside")
        assert world.run(Choice(include=("*.wav",)), metadata=told)[0].states == {"failed": 1}
        (world.source / "a.json").rmdir()
        assert world.run(Choice(include=("*.wav",)), metadata=told)[0].states == {"done": 1}

    @pytest.mark.parametrize(
        "text",
        [
            "nothing,known\n1,2\n",
            "file,queue\na.wav,x,y\n",
            "queue\nbilling\n",
            "file,call_id\na.wav,Desmond Halloway\n",
            "file,recorded_at\na.wav,yesterday\n",
            "file,recorded_at\na.wav,2026-03-01T09:30:00\n",
            "file,language\na.wav,de\n",
            "file,channels\na.wav,Halloway\n",
            "file,consent\na.wav,perhaps\n",
            "file,queue\na.wav,Halloway family\n",
            "file,queue\na.wav,x\na.wav,y\n",
        ],
    )
    def test_a_table_that_is_wrong_stops_everything_and_tells_no_value(self, world, text):
        with pytest.raises(InputRejected) as told:
            known(Archive(str(world.source)), self.table(world, text))
        assert "Halloway" not in told.value.message + told.value.hint

    def test_what_can_t_be_read_is_refused(self, world):
        for name, content in {
            "a.csv": b"\xff\xfe\x00",
            "b.json": b"[1]",
            "c.json": b"{",
            "d.json": b"[" * 100_000,
        }.items():
            (world.root / name).write_bytes(content)
            with pytest.raises(InputRejected):
                known(Archive(str(world.source)), str(world.root / name))
        with pytest.raises(InputRejected):
            known(Archive(str(world.source)), str(world.root / "none.csv"))


class TestConsent:
    @pytest.fixture
    def strict(self, world):
        return world.with_policy(lawful_basis="required")

    def test_a_call_without_a_basis_is_refused_before_it_is_read(self, strict):
        file = strict.add("C-1.wav", b"one")
        file.chmod(0)
        ended, _ = strict.run()
        assert ended.states == {"refused": 1}
        row = strict.rows()[0]
        assert (row.reason, row.content) == ("no_lawful_basis", "")

    def test_and_taken_once_there_is_one(self, strict):
        from io import StringIO

        from redact.stores.consent import read_csv

        strict.add("C-1.wav", b"one")
        strict.run()
        consent = strict.stores().consent
        table = "call_id,person,lawful_basis\nC-1,0700,contract\n"
        consent.add(read_csv(StringIO(table), consent))
        ended, _ = strict.run()
        assert ended.states == {"done": 1}
        assert strict.rows()[0].basis == "contract"


class TestOriginals:
    def test_are_kept_where_the_policy_says_nothing(self, world):
        file = world.add("a.wav", b"one")
        world.run()
        assert file.exists()
        assert [row.original for row in world.rows()] == ["here"]

    def test_are_deleted_once_their_outputs_are_certain(self, world):
        world = world.with_policy(originals="delete")
        gone, held = world.add("a.wav", b"one"), world.add("b.wav", b"held")
        world.run()
        assert not gone.exists()
        assert held.exists()
        assert {row.state: row.original for row in world.rows()} == {"done": "deleted", "held": "here"}
        assert torn(world.dest) == []

    def test_are_moved(self, world, tmp_path):
        world = world.with_policy(originals="move")
        world.add("sub/a.wav", b"one")
        world.run(move_to=tmp_path / "moved")
        assert not (world.source / "sub/a.wav").exists()
        assert (tmp_path / "moved/sub/a.wav").read_bytes() == b"one"
        assert (tmp_path / "moved/sub/a.wav").stat().st_mode & 0o777 == 0o600
        assert world.rows()[0].original == "moved"

    def test_are_handed_to_the_vault(self, world):
        world = world.with_policy(originals="vault")
        file = world.add("a.wav", b"one")
        world.run()
        assert not file.exists()
        row = world.rows()[0]
        assert row.original == "vault"
        assert b"".join(world.stores().vault.opened(row.recording_id, "original")) == b"one"

    def test_stay_where_the_vault_does_not_have_them_whole(self, world, monkeypatch):
        world = world.with_policy(originals="vault")
        file = world.add("a.wav", b"one")
        opened = Vault.opened

        def damaged(self, recording_id, kind):
            for path in (world.root / "vault").rglob("*.original.sealed"):
                path.write_bytes(path.read_bytes()[:-1])
            return opened(self, recording_id, kind)

        monkeypatch.setattr(Vault, "opened", damaged)
        ended, _ = world.run()
        assert ended.states == {"done": 1, "original_stays": 1}
        assert file.exists()

    def test_stay_where_the_outputs_are_not_what_the_report_says(self, world):
        world.add("a.wav", b"one")
        world.run()
        next(world.dest.rglob("*.redacted.wav")).write_bytes(b"changed")
        strict = world.with_policy(originals="delete")
        strict.engine = world.engine
        row = world.rows()[0]
        world.ledger().put([replace(row, policy=strict.policy.digest)])
        strict.run()
        assert (world.source / "a.wav").exists()

    def test_another_file_of_the_name_stays(self, world):
        strict = world.with_policy(originals="delete")
        batch = strict.batch()
        file = world.add("a.wav", b"one")
        item = next(batch.source.items())
        strict.run()
        file.write_bytes(b"something else")
        assert batch._originals.retire(item, "source", strict.rows()[0].recording_id) == "changed"
        assert file.read_bytes() == b"something else"

    def test_one_that_lies_where_another_moves_to_stays_too(self, world, tmp_path):
        world = world.with_policy(originals="move")
        for content in (b"monday", b"tuesday"):
            world.add("call-001.wav", content)
            assert world.run(move_to=tmp_path / "moved")[0].states == {"done": 1}
        kept = {path.read_bytes() for path in (tmp_path / "moved").iterdir()}
        assert kept == {b"monday", b"tuesday"}

    def test_a_link_is_not_taken_for_what_it_leads_to(self, world, tmp_path):
        world = world.with_policy(originals="delete")
        (tmp_path / "elsewhere.wav").write_bytes(b"one")
        (world.source / "a.wav").symlink_to(tmp_path / "elsewhere.wav")
        ended, events = world.run()
        assert ended.states == {"done": 1, "original_stays": 1}
        assert (world.source / "a.wav").exists()
        assert [event.facts["reason"] for event in events if event.name == "original_stays"] == ["link"]

    def test_one_that_can_t_be_disposed_of_does_not_stop_the_others(self, world):
        world = world.with_policy(originals="vault")
        world.add("a.wav", b"one")
        world.run()
        world.stores().vault.erase(world.rows()[0].recording_id)
        world.add("again.wav", b"one")
        world.add("b.wav", b"two")
        ended, _ = world.run()
        assert ended.error is None
        assert ended.states == {"done": 2}
        assert len(world.made()) == 3  # what the vault has lost is sealed again

    def test_a_run_that_was_killed_before_it_could_is_made_up_for(self, world):
        world.add("a.wav", b"one")
        world.run()
        strict = world.with_policy(originals="delete")
        row = world.rows()[0]
        world.ledger().put([replace(row, policy=strict.policy.digest)])
        ended, _ = strict.run()
        assert ended.states == {}
        assert not (world.source / "a.wav").exists()


def test_the_ledger_may_lie_in_postgresql(world, postgresql):
    world.databases = {"ledger": postgresql()}
    for number in range(6):
        world.add(f"{number}.wav", b"recording %d" % number)
    world.add("held.wav", b"held")
    ended, _ = world.run()
    assert ended.states == {"done": 6, "held": 1}
    assert world.run()[0].run_id == ""
    with world.ledger().alone(), pytest.raises(Locked):
        world.run()


def test_no_name_or_number_stands_in_anything_that_a_batch_keeps(world):
    """Names in paths and metadata, and what was said, in whatever form: databases, their logs, outputs, the vault."""
    told = "Desmond Halloway", "4539 1488 0343 6467", "Annabel Quillfeather", "C-07700900123"
    table = world.root / "calls.csv"
    table.write_text(f"file,call_id,agent\n{told[0]}.wav,{told[3]},{told[2]}\nheld {told[1]}.wav,C-2,{told[2]}\n")
    world.add(f"{told[0]}.wav", f"{told[0]}, {told[1]}".encode())
    world.add(f"held {told[1]}.wav", b"held")
    strict = world.with_policy(originals="vault")
    _, events = strict.run(metadata=known(Archive(str(world.source)), str(table)))
    table.unlink()
    canaries = [Canary(value) for value in told]
    kept = [path for path in world.root.rglob("*") if path.is_file() and world.source not in path.parents]
    assert len(kept) > 10
    for path in kept:
        assert not found(canaries, path.read_bytes()), path
        assert not found(canaries, str(path.relative_to(world.root)).encode()), path
    assert not found(canaries, json.dumps([dict(event.facts) for event in events]).encode())
    page = night.page(night.summary(world.ledger().runs(1)[0], world.rows()))
    assert not found(canaries, page.encode())


def test_the_report_of_a_night_accounts_for_every_file(world):
    contents = [b"one", b"two", b"held", b"damaged", b"unreadable", b"bug", b"unverified"]
    for number, content in enumerate(contents):
        world.add(f"{number}.wav", content)
    world.add("notes.txt", b"no recording")
    ended, _ = world.run(Choice(include=("*.wav",)))
    run = world.ledger().runs(1)[0]
    told = night.summary(run, list(world.ledger().rows(run_id=ended.run_id)))
    assert sum(told["listed"].values()) == len(contents) + 1
    assert sum(told["states"].values()) == len(contents) == len(told["recordings"])
    assert told["states"] == {"done": 2, "held": 1, "failed": 2, "quarantined": 2}
    assert run.outcome == "finished"
    page = night.page(told)
    assert "quarantined" in page
    assert all(row["id"] in page for row in told["recordings"] if row["state"] != "done")


def test_ten_thousand_that_are_done_are_passed_over_in_seconds(world):
    from redact.stores.ledger import Row

    batch = world.batch()
    for number in range(10_000):
        (world.source / f"{number}.wav").write_bytes(b"")
    known_as = world.stores().ledger.pseudonym
    rows = [
        Row(known_as("source", f"{batch.source.url}\0{item.path}"), item.size_bytes, item.stamp, state="done",
            recording_id="call-0", policy=world.policy.digest, engine=world.engine)
        for item in batch.source.items()
    ]  # fmt: skip
    world.ledger().put(rows)
    began = time.process_time()
    ended, _ = world.run(ALL)
    assert ended.listed == {"unchanged": 10_000}
    assert time.process_time() - began < 5


def test_when_a_call_was_recorded_is_taken_from_what_is_on_record_of_its_basis(world):
    world.add("call-7.wav", b"RIFF seven")
    world.add("call-8.wav", b"RIFF eight")
    stores = world.stores()
    table = "call_id,person,lawful_basis,recorded_at\ncall-7,someone,contract,2026-03-01T09:30:00+01:00\n"
    stores.consent.add(read_csv(io.StringIO(table), stores.consent))
    stores.close()
    world.run()
    assert sorted(row.recorded_at for row in world.rows()) == ["", "2026-03-01T08:30:00+00:00"]
