"""Originals are found wherever a batch has left them, and none takes up again what was erased."""

import io
from datetime import UTC, datetime, timedelta

import pytest
from batch_world import World

from redact.errors import NoLawfulBasis
from redact.governance import erasure, retention
from redact.governance.organisation import load
from redact.governance.places import Places

NOW = datetime.now(UTC)


def after(months, days=1):
    return retention.months_after(NOW, months) + timedelta(days=days)


def apply(office, now):
    rules = load(office.world.root / "organisation.yaml")
    return retention.apply(office.kept, rules, Places(office.archives), now=now)


def test_neither_batch_nor_vault_takes_up_again_what_was_erased(office):
    apply(office, after(6))
    with pytest.raises(NoLawfulBasis, match="erased for good"):
        office.kept.vault.seal(io.BytesIO(b"x"), office.ids[0], "original")
    assert not any(key.recording_id == office.ids[0] for key in office.kept.keys.listed())
    office.kept.close()
    office.world.add("again/call-3.wav", b"RIFF call 3" * 4)
    office.world.add("again/new.wav", b"RIFF another")
    ended, _ = office.world.run()
    assert dict(ended.states) == {"refused": 1, "done": 1}
    (row,) = [row for row in office.world.rows() if row.state == "refused"]
    assert (row.reason, row.recording_id) == ("erased", "")
    assert (office.world.source / "again/call-3.wav").exists()
    # The copy that came back is known by its size and time, and goes when it is due itself.
    assert apply(office, after(6, 2)).failed == {}
    assert not (office.world.source / "again/call-3.wav").exists()


def test_an_original_that_was_moved_is_found_and_erased(tmp_path):
    world = World(tmp_path).with_policy(originals="move")
    world.add("a.wav", b"RIFF one"), world.add("b.wav", b"RIFF two")
    (tmp_path / "moved").mkdir()
    (tmp_path / "moved/b.wav").write_bytes(b"another file of that name")
    world.run(move_to=tmp_path / "moved")
    kept = world.stores()
    moved = {path.read_bytes() for path in (tmp_path / "moved").iterdir()}
    assert moved == {b"RIFF one", b"RIFF two", b"another file of that name"}
    for row in world.rows():
        certificate = erasure.erase(kept, [str(world.dest)], row.recording_id, reason="request")
        assert certificate.counts["originals"] == 1
    assert [path.read_bytes() for path in (tmp_path / "moved").iterdir()] == [b"another file of that name"]
    kept.close()


def test_an_original_that_was_never_read_goes_when_it_is_old_unless_it_changed(tmp_path):
    world = World(tmp_path).with_policy(lawful_basis="required")
    world.add("a.wav", b"RIFF one"), world.add("b.wav", b"RIFF two")
    world.run()
    world.dest.mkdir()
    assert world.states() == {"refused": 2}
    (world.source / "b.wav").write_bytes(b"RIFF recorded since")
    kept = world.stores()
    (world.root / "organisation.yaml").write_text(f"archives: [{world.dest}]")
    found = load(world.root / "organisation.yaml")
    applied = retention.apply(kept, found, Places(found.archives), now=after(6))
    assert (applied.erased["recordings"], applied.failed) == (2, {})
    assert [path.name for path in world.source.iterdir()] == ["b.wav"]
    kept.close()
