"""Proposals lie sealed, and each is decided once."""

import pytest
from stores_world import BOTH, files

from redact.errors import KeyMissing, Locked, UsageError
from redact.stores import master
from redact.stores.data_keys import DataKeys
from redact.stores.database import connect
from redact.stores.proposals import Proposals


@pytest.fixture
def ring():
    return master.new()


@pytest.fixture
def opened(new_url, ring):
    database, keyring = connect(new_url("reviews"), "qa"), connect(new_url("keyring"), "keyring")
    yield database, DataKeys(keyring, ring)
    database.close()
    keyring.close()


@BOTH
def test_a_proposal_is_made_read_and_decided_once(opened):
    proposals = Proposals(opened[0], "here", opened[1])
    proposals.add("call-1", "rita", "deny", "  Blue   Heron ", entity_type="ORGANIZATION", language="en")
    (made,) = proposals.all()
    assert (made.term, made.kind, made.entity_type, made.state) == ("Blue Heron", "deny", "ORGANIZATION", "open")
    assert "Blue" not in repr(made)
    assert Proposals(opened[0], "elsewhere", opened[1]).all() == ()
    assert proposals.decide(made.number, "lea", accept=True).decided_by == "lea"
    with pytest.raises(Locked):
        proposals.decide(made.number, "leo", accept=False)
    with pytest.raises(UsageError):
        proposals.decide(99, "lea", accept=True)
    assert [p.state for p in proposals.all(("accepted",))] == ["accepted"]
    assert proposals.all(("open",)) == ()


@BOTH
@pytest.mark.parametrize("term", ["", "   ", "x" * 121])
def test_a_term_that_is_none_is_refused(opened, term):
    with pytest.raises(UsageError):
        Proposals(opened[0], "here", opened[1]).add("call-1", "rita", "allow", term)


def test_no_term_stands_in_the_file_and_no_other_key_opens_it(tmp_path, ring):
    database, keyring = (connect(f"sqlite:///{tmp_path}/{name}.db", name) for name in ("qa", "keyring"))
    Proposals(database, "here", DataKeys(keyring, ring)).add("call-1", "rita", "allow", "Desmond Halloway")
    assert all(b"Halloway" not in path.read_bytes() for path in files(tmp_path))
    other = connect(f"sqlite:///{tmp_path}/other.db", "keyring")
    with pytest.raises(KeyMissing):
        Proposals(database, "here", DataKeys(other, master.new())).all()
    with database.writing() as connection:  # the right key, and a row that was moved
        connection.exec_driver_sql("UPDATE proposals SET archive = 'elsewhere'")
    with pytest.raises(KeyMissing):
        Proposals(database, "elsewhere", DataKeys(keyring, ring)).all()
    for each in (database, keyring, other):
        each.close()
