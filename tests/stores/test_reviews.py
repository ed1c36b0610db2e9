"""The QA team's records, in both databases."""

import os
from dataclasses import replace

import pytest
from stores_world import BOTH, files

from redact.errors import Locked, UsageError
from redact.stores.database import connect
from redact.stores.reviews import Reviews, User


@pytest.fixture
def database(new_url):
    opened = connect(new_url("reviews"), "qa")
    yield opened
    opened.close()


@pytest.fixture
def reviews(database):
    made = Reviews(database, "here")
    made.put_user(User("rita", "reviewer", ("billing",)), "hash")
    return made


@BOTH
def test_users_are_added_changed_and_locked_out(reviews):
    assert reviews.users() == (User("rita", "reviewer", ("billing",)),)
    assert reviews.password_of("rita") == "hash"
    assert reviews.password_of("nobody") == ""
    with pytest.raises(UsageError):
        reviews.put_user(User("bob", "lead"))
    token = reviews.begin_session("rita")
    assert reviews.session(token).user.role == "reviewer"
    reviews.put_user(User("rita", "lead"))
    assert reviews.session(token) is None  # whoever is changed signs in again
    assert reviews.password_of("rita") == "hash"
    reviews.put_user(replace(User("rita", "lead"), disabled=True))
    assert reviews.password_of("rita") == ""


@BOTH
def test_a_name_that_can_be_nobody_s(reviews):
    assert reviews.password_of("rita\0") == ""
    for name in ("", "x" * 81):
        with pytest.raises(UsageError):
            reviews.put_user(User(name, "reviewer"), "hash")


@BOTH
def test_a_session_ends_and_its_token_is_kept_nowhere(reviews, database, tmp_path):
    token = reviews.begin_session("rita")
    assert reviews.session(token)
    assert reviews.session(token + "x") is None
    database.close()
    assert not any(token.encode() in path.read_bytes() for path in files(tmp_path))
    reviews.end_session(token)
    assert reviews.session(token) is None
    others = [reviews.begin_session("rita") for _ in range(3)]
    assert reviews.end_sessions() == 3
    assert not any(map(reviews.session, others))


@BOTH
def test_a_call_is_one_person_s_at_a_time(reviews):
    assert reviews.review("call-1").claimed_by == ""
    assert reviews.claim("call-1", "rita", now=1000.0).claimed_by == "rita"
    assert reviews.claim("call-1", "rita", now=1001.0).claimed_by == "rita"
    with pytest.raises(Locked):
        reviews.claim("call-1", "lea", now=1002.0)
    reviews.release("call-1", "lea")
    assert reviews.review("call-1").claimed_by == "rita"
    reviews.release("call-1", "rita")
    assert reviews.claim("call-1", "lea").claimed_by == "lea"


@BOTH
def test_two_who_claim_at_once_don_t_both_get_it(reviews, database):
    database.close()
    children = []
    for name in ("rita", "lea", "bob"):
        child = os.fork()
        if child == 0:
            code = 2
            try:
                reviews.claim("call-1", name)
                code = 0
            except Locked:
                code = 1
            finally:
                os._exit(code)
        children.append(child)
    assert sorted(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children) == [0, 1, 1]


@BOTH
def test_drafts_have_versions(reviews):
    edits = [{"start_ms": 1, "end_ms": 2, "entity_type": None}]
    with pytest.raises(Locked):
        reviews.save_draft("call-1", "rita", edits, 0)
    reviews.claim("call-1", "rita")
    assert reviews.save_draft("call-1", "rita", edits, 0) == 1
    with pytest.raises(Locked):
        reviews.save_draft("call-1", "rita", [], 0)
    assert list(reviews.review("call-1").draft) == edits


@BOTH
def test_decisions_stay_in_order_and_archives_apart(reviews, database):
    reviews.claim("call-1", "rita")
    reviews.decide("call-1", "rita", "original", "sample", [{"start_ms": 0, "end_ms": 9}])
    reviews.decide("call-1", "rita", "approve", state="approved")
    told = [(d.kind, d.reason, d.name) for d in reviews.decisions()]
    assert told == [("original", "sample", "rita"), ("approve", "", "rita")]
    assert reviews.review("call-1").state == "approved"
    assert reviews.review("call-1").claimed_by == ""
    assert reviews.decided_today() == 1
    other = Reviews(database, "elsewhere")
    assert list(other.decisions()) == []
    assert other.reviews() == {}
    assert set(reviews.reviews()) == {"call-1"}
