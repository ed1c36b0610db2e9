"""Originals are found wherever a batch has left them, and none takes up again what was erased."""

import hashlib
import io
from datetime import UTC, datetime, timedelta

import pytest
from batch_world import World
from governance_world import ALL, back_up, restore

from redact import naming
from redact.errors import CannotWrite, Damaged, KeyMissing, NoLawfulBasis
from redact.governance import erasure, retention
from redact.governance.organisation import load
from redact.governance.places import Places
from redact.stores import certificates
from redact.stores.certificates import BESIDE

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


class TestARestoreOfEverything:
    """Of all databases, outputs and the vault; what lies beside the log's heads is as it was."""

    def test_it_brings_nothing_back(self, office, tmp_path):
        _ = office.kept.reviews("").users()
        back_up(office, tmp_path / "backup", ALL)
        gone, stays = office.ids[:2]
        certificate = erasure.erase(office.kept, office.archives, gone, reason="request")
        erasure.erase_original(office.kept, office.archives, stays, reason="request")
        restore(office, tmp_path / "backup")
        with pytest.raises(KeyMissing, match="not given out"):
            next(office.kept.vault.opened(gone, "original"))
        assert certificate in office.kept.certificates.all()
        assert not office.kept.is_gone(stays)
        assert office.outputs_of(gone)
        assert apply(office, NOW).erased["back"] == 2
        assert office.outputs_of(gone) == []
        assert office.outputs_of(stays)
        with pytest.raises(Damaged, match="heads of the same number"):  # that rows are lost is told too
            office.kept.audit.verify()

    def test_a_batch_takes_nothing_up_again(self, office, tmp_path):
        back_up(office, tmp_path / "backup", (*ALL[:-1],))
        content = b"RIFF call 0"
        gone = naming.opaque(hashlib.sha256(content).hexdigest())
        erasure.erase(office.kept, office.archives, gone, reason="request")
        restore(office, tmp_path / "backup")
        office.kept.close()
        office.world.add("again/call.wav", content)
        office.world.run()
        assert [row.reason for row in office.world.rows() if row.state == "refused"] == ["erased"]

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda text: text.replace('"request"', '"retention"', 1), lambda text: text.replace("{", "", 1),
            lambda text: text + "[]\n",
        ],
    )  # fmt: skip
    def test_a_file_that_somebody_changed_is_told(self, office, tmp_path, spoil):
        back_up(office, tmp_path / "backup", (*ALL[:-1],))
        for recording_id in office.ids[:2]:
            erasure.erase(office.kept, office.archives, recording_id, reason="request")
        restore(office, tmp_path / "backup")
        file = office.world.root / BESIDE
        file.write_text(spoil(file.read_text()))
        with pytest.raises(Damaged, match=r"line [13]"):
            _ = office.kept.certificates

    def test_a_line_that_a_power_cut_left_is_certified_again(self, office, tmp_path):
        back_up(office, tmp_path / "backup", (*ALL[:-1],))
        erasure.erase(office.kept, office.archives, office.ids[0], reason="request")
        file = office.world.root / BESIDE
        file.write_text(file.read_text() + file.read_text()[:40])
        erasure.erase(office.kept, office.archives, office.ids[1], reason="request")
        restore(office, tmp_path / "backup")
        assert all(map(office.kept.is_gone, office.ids[:2]))

    def test_where_it_can_t_be_written_the_erasure_is_not_over(self, office, monkeypatch):
        monkeypatch.setattr(certificates, "append", _full)
        with pytest.raises(CannotWrite):
            erasure.erase(office.kept, office.archives, office.ids[0], reason="request")
        monkeypatch.undo()
        assert list(erasure.resumed(office.kept, office.archives)) == [(office.ids[0], None)]
        assert office.ids[0] in (office.world.root / BESIDE).read_text()


def _full(*_):
    raise OSError
