"""Whose recording it is, is found by the index; the index alone tells nobody whose it is."""

import hashlib
import hmac
import io
import os
import sqlite3

import pytest
from batch_world import World
from stores_world import in_child

from redact.call import Transcript, Turn, Word
from redact.errors import UsageError
from redact.findings import Finding
from redact.governance.erasure import erase
from redact.governance.finding import rebuild, search
from redact.stores.data_keys import INDEX
from redact.stores.opened import Stores
from redact.subjects import written_down
from redact.transcripts import native

PERSON = ("Wilhelmina Quastenflosser", "06 39 98 01 02", "wilhelmina.quastenflosser@example.org", "QF-778-1902")
WANTED = list(zip(("name", "phone", "email", "reference"), PERSON, strict=True))


@pytest.fixture
def world(tmp_path) -> World:
    return World(tmp_path)


@pytest.fixture
def kept(world) -> Stores:
    made = world.stores()
    yield made
    made.close()


def put(kept: Stores, recording_id: str, *values: tuple[str, str]) -> None:
    kept.index.put(recording_id, {term for kind, value in values for term in written_down(kind, value)})


def test_a_search_wants_all_that_is_asked_for(kept):
    put(kept, "call-1", ("name", "Maud Ferrant"), ("phone", "06 12 34 56 78"))
    put(kept, "call-2", ("name", "Maud Halloway"), ("phone", "06 12 34 56 78"))
    put(kept, "call-3", ("name", "Mme Ferrant"))
    assert search(kept, [("phone", "+33 6 12 34 56 78")]) == {"call-1", "call-2"}
    assert search(kept, [("name", "Ferrant")]) == {"call-1", "call-3"}
    assert search(kept, [("name", "Maud Ferrant")]) == {"call-1"}
    assert search(kept, [("name", "Maud Ferrant")], every_word=False) == {"call-1", "call-2", "call-3"}
    assert search(kept, [("name", "Maud"), ("phone", "0612345678")]) == {"call-1", "call-2"}
    assert search(kept, [("name", "Ferrant"), ("phone", "0612345678")]) == {"call-1"}
    assert search(kept, [("name", "Férand")]) == {"call-1", "call-3"}
    assert search(kept, [("name", "Férand")], by_sound=False) == set()
    assert search(kept, [("name", "Maud Ferrant"), ("email", "maud@example.org")]) == set()


@pytest.mark.parametrize("wanted", [[], [("phone", "12")], [("name", "Maud"), ("reference", "-")]])
def test_a_search_for_nothing_is_refused(kept, wanted):
    with pytest.raises(UsageError):
        search(kept, wanted)


def test_what_is_noted_anew_stands_in_place_of_what_was_and_more_stands_beside_it(kept):
    put(kept, "call-1", ("name", "Maud"))
    put(kept, "call-1", ("name", "Iris"))
    assert kept.index.add("call-1", written_down("phone", "0612345678")) == 1
    assert kept.index.add("call-1", written_down("phone", "+33612345678")) == 0
    assert search(kept, [("name", "Maud")]) == set()
    assert search(kept, [("name", "Iris"), ("phone", "0612345678")]) == {"call-1"}
    assert kept.index.has("call-1")
    assert not kept.index.has("call-2")
    assert kept.index.forget("call-1") > 1
    assert not kept.index.has("call-1")


def test_a_dictionary_of_all_numbers_matches_nothing_without_the_key(kept, world):
    number = "0639980102"
    put(kept, "call-1", ("phone", number))
    kept.close()
    with sqlite3.connect(world.root / "governance.db") as raw:
        terms = {term for (term,) in raw.execute("SELECT term FROM index_terms")}
    raw.close()
    assert len(terms) == 1
    guesses = [
        f"phone\0{begins}3998{rest:04}".encode() for begins in ("6", "06", "+336", "7", "07") for rest in range(10_000)
    ]
    keys = [b"", b"index", b"callredact", bytes(32), (world.root / "master.keys").read_bytes()]
    for guess in guesses:
        assert hashlib.sha256(guess).hexdigest()[:32] not in terms
        assert hashlib.md5(guess, usedforsecurity=False).hexdigest() not in terms
    assert not {hmac.digest(key, guess, "sha256").hex()[:32] for key in keys for guess in guesses} & terms
    secret = kept.keys.made(INDEX).secret  # with the key, which is wrapped, it would
    assert {hmac.digest(secret, guess, "sha256").hex()[:32] for guess in guesses} & terms == terms


def test_two_installations_have_no_term_in_common(tmp_path):
    found = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        own = World(tmp_path / name).stores()
        put(own, "call-1", *WANTED)
        own.close()
        with sqlite3.connect(tmp_path / name / "governance.db") as raw:
            found.append({term for (term,) in raw.execute("SELECT term FROM index_terms")})
        raw.close()
    assert not found[0] & found[1]


def spoken(text: str) -> Transcript:
    words = tuple(Word(word, 1000 * at, 1000 * at + 900, 0) for at, word in enumerate(text.split()))
    return Transcript((Turn("agent", 0, words),), "en", "test")


def names_in(transcript: Transcript) -> tuple[Finding, ...]:
    """What detection finds, told by capitals."""
    at = (i for i, word in enumerate(transcript.words) if word.text[:1].isupper())
    return tuple(Finding("PERSON", (index,), 0.9, "test", "transcribed") for index in at)


def seal(kept: Stores, recording_id: str, text: str) -> None:
    told = native.write(spoken(text), duration_ms=10_000, entities={})
    kept.vault.seal(io.BytesIO(told.encode()), recording_id, "transcript")


def test_an_archive_of_before_is_indexed_from_its_sealed_transcripts(office):
    kept = office.kept
    first, second, third, fourth = office.ids
    seal(kept, first, "this is Maud Ferrant")
    seal(kept, second, "this is Iris Quill")
    seal(kept, third, "this is Maud Quill")
    kept.vault.seal(io.BytesIO(b'[{"source": "x/y.wav", "call_id": "QX-1234", "agent": ""}]'), first, "map")
    kept.vault.seal(io.BytesIO(b'[{"source": "x/z.wav", "call_id": "QX-5678", "agent": ""}]'), fourth, "map")
    sealed = next(kept.vault._folder.glob(f"*/{third}.transcript.sealed"))
    sealed.write_bytes(sealed.read_bytes()[:-1])
    done = rebuild(kept, names_in, office.archives)
    assert done == {"indexed": 2, "not_opened": 1, "without_transcript": 1}
    assert search(kept, [("name", "Maud Ferrant"), ("reference", "QX-1234")]) == {first}
    assert search(kept, [("name", "Quill")]) == {second}
    assert search(kept, [("reference", "QX-5678")]) == {fourth}
    again = rebuild(kept, names_in, office.archives)
    assert again == {"there": 2, "not_opened": 1, "without_transcript": 1}
    assert rebuild(kept, lambda _: (), again=True)["indexed"] == 2
    assert search(kept, [("reference", "QX-1234")]) == {first}
    with pytest.raises(UsageError, match="nothing"):
        search(kept, [])
    assert search(kept, [("name", "Maud")]) == set()
    entries = [entry for entry in kept.audit.entries() if entry.action == "index.build"]
    assert [entry.outcome for entry in entries] == ["begun", "done"] * 3
    assert '"indexed": 2' in entries[1].counts


def test_what_was_erased_does_not_come_back_by_indexing_again(office):
    seal(office.kept, office.ids[0], "this is Maud Ferrant")
    rebuild(office.kept, names_in, office.archives)
    erase(office.kept, office.archives, office.ids[0], reason="request")
    assert search(office.kept, [("name", "Maud")]) == set()
    rebuild(office.kept, names_in, office.archives, again=True)
    assert search(office.kept, [("name", "Maud")]) == set()
    assert not office.kept.index.has(office.ids[0])


def test_two_write_to_the_index_at_the_same_time(world, kept):
    put(kept, "call-0", ("name", "Maud"))
    kept.close()

    def many(first: int) -> None:
        own = world.stores()
        for number in range(first, first + 20):
            put(own, f"call-{number}", *WANTED)

    assert in_child(lambda: in_child_beside(many)) == 0
    assert len(search(kept, WANTED)) == 40


def in_child_beside(many) -> None:
    child = os.fork()
    many(100 if child else 200)
    if child == 0:
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
