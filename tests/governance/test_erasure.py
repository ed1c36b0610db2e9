"""Erased is erased: here, in what was sealed, and in a backup that somebody restores."""

import shutil

import pytest

from redact.errors import KeyMissing, UsageError
from redact.governance.erasure import erase, erased_again


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
    office.kept.close()
    backup = tmp_path / "backup"
    backup.mkdir()
    for name in ("keyring.db", "ledger.db"):
        shutil.copy(office.world.root / name, backup / name)
    shutil.copytree(office.world.dest, backup / "out")
    shutil.copytree(office.world.root / "vault", backup / "vault")
    erase(office.kept, office.archives, gone, reason="request")
    office.kept.close()
    for name in ("keyring.db", "ledger.db"):
        for old in office.world.root.glob(f"{name}*"):
            old.unlink()
        shutil.copy(backup / name, office.world.root / name)
    shutil.copytree(backup / "out", office.world.dest, dirs_exist_ok=True)
    shutil.copytree(backup / "vault", office.world.root / "vault", dirs_exist_ok=True)
    assert office.outputs_of(gone)
    assert erased_again(office.kept, office.archives) == 1
    assert office.outputs_of(gone) == []
    with pytest.raises(KeyMissing):
        next(office.kept.vault.opened(gone, "original"))
    assert erased_again(office.kept, office.archives) == 0
