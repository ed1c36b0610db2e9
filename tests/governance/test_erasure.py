"""Erased is erased: here, in what was sealed, and in a backup that somebody restores."""

import pytest
from batch_world import World
from governance_world import back_up, restore

from redact.errors import InputRejected, KeyMissing, UsageError
from redact.governance.erasure import again, back, erase
from redact.governance.places import Places
from redact.stores.ledger import Done


def erased_again(office) -> int:
    """As `redact retention apply` does."""
    places = Places(office.archives)
    found = back(office.kept, places)
    for recording_id, how in found.items():
        again(office.kept, places, recording_id, how)
    return len(found)


def test_nothing_of_an_erased_recording_is_left(office) -> None:
    gone, *others = office.ids
    office.kept.index.put(gone, [("phone", "0555010101")])
    certificate = erase(office.kept, office.archives, gone, reason="request", case_id="request-1")
    assert office.outputs_of(gone) == []
    assert all(office.outputs_of(other) for other in others)
    with pytest.raises(KeyMissing):
        next(office.kept.vault.opened(gone, "original"))
    assert next(office.kept.vault.opened(others[0], "original"))
    assert office.kept.index.find("phone", "0555010101") == frozenset()
    assert office.world.states() == {"done": 3, "erased": 1}
    assert certificate.counts["outputs"] == 4
    assert office.kept.audit.is_signed(certificate.said(), certificate.signature)
    assert office.kept.certificates.is_erased(gone)


def test_a_batch_does_not_take_it_up_again(office) -> None:
    erase(office.kept, office.archives, office.ids[0], reason="request")
    office.kept.close()
    ended, _ = office.world.run()
    assert ended.states == {}
    assert office.outputs_of(office.ids[0]) == []


def test_a_legal_hold_forbids_it(office) -> None:
    office.kept.marks.put(office.ids[0], "legal_hold", "litigation")
    with pytest.raises(UsageError):
        erase(office.kept, office.archives, office.ids[0], reason="retention")
    assert office.outputs_of(office.ids[0])
    office.kept.marks.lift(office.ids[0], "legal_hold")
    erase(office.kept, office.archives, office.ids[0], reason="retention")
    assert office.outputs_of(office.ids[0]) == []


def test_what_a_restored_backup_brings_back_is_erased_again(office, tmp_path) -> None:
    gone = office.ids[0]
    back_up(office, tmp_path / "backup")
    erase(office.kept, office.archives, gone, reason="request")
    restore(office, tmp_path / "backup")
    assert office.outputs_of(gone)
    assert erased_again(office) == 1
    assert office.outputs_of(gone) == []
    with pytest.raises(KeyMissing):
        next(office.kept.vault.opened(gone, "original"))
    assert erased_again(office) == 0


def test_what_reviewers_proposed_of_it_goes_too(office) -> None:
    gone, other = office.ids[:2]
    url = str(office.world.dest)
    for own in (gone, other):
        office.kept.proposals(url).add(own, "rita", "allow", "Marguerite")
        office.kept.approvals(url).ask(own, "rita", "unsure")
    erase(office.kept, office.archives, gone, reason="request")
    assert [each.recording_id for each in office.kept.proposals(url).all()] == [other]
    assert [each.recording_id for each in office.kept.approvals(url).all()] == [other]


def test_a_batch_that_ends_later_does_not_bring_it_back(office) -> None:
    gone = office.ids[0]
    ledger = office.world.ledger()
    (row,) = ledger.of(gone)
    erase(office.kept, office.archives, gone, reason="request")
    ledger.end(row.source, Done("done", recording_id=gone), policy="p", engine="e")
    assert office.world.states() == {"done": 3, "erased": 1}


def test_an_original_whose_folder_can_t_be_reached_is_not_certified(tmp_path) -> None:
    world = World(tmp_path)
    world.add("2026/call.wav", b"RIFF one")
    world.run()
    kept = world.stores()
    (own,) = [row.recording_id for row in world.rows()]
    (world.source / "2026").rename(tmp_path / "unmounted")
    with pytest.raises(InputRejected):
        erase(kept, [str(world.dest)], own, reason="request")
    assert kept.certificates.all() == ()
    (tmp_path / "unmounted").rename(world.source / "2026")
    assert erase(kept, [str(world.dest)], own, reason="request").counts["originals"] == 1
    kept.close()
