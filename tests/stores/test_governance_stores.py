"""What governance keeps, in both databases: cases, marks, certificates, the index, notices, signatures, trainings."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from stores_world import BOTH, in_child

from redact.errors import HeldForReview, Locked, RedactError, UsageError
from redact.stores.cases import CLOSED, Cases
from redact.stores.certificates import Certificates
from redact.stores.database import connect
from redact.stores.marks import Marks
from redact.stores.notices import Notice, Notices
from redact.stores.signatures import Signature, Signatures
from redact.stores.subject_index import SubjectIndex
from redact.stores.trainings import Trainings, latest, recorded

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture
def url(new_url):
    return new_url("governance")


@pytest.fixture
def database(url):
    opened = connect(url, "governance")
    yield opened
    opened.close()


@pytest.fixture
def cases(database):
    return Cases(database)


class TestCases:
    @BOTH
    def test_a_case_from_its_opening_to_its_end(self, cases):
        case = cases.open("breach", NOW + timedelta(hours=72), {"risk": "high", "name": "Ödön\0"}, NOW)
        assert (case.state, case.due_at, case.fields["name"]) == ("open", "2026-03-13T12:00:00+00:00", "Ödön\0")
        assert not case.is_overdue(NOW)
        changed = cases.change(case.case_id, "updated", due_at=NOW, fields={"risk": "risk"}, detail={"a": 1}, at=NOW)
        assert (changed.fields["risk"], changed.fields["name"]) == ("risk", "Ödön\0")
        assert changed.is_overdue(NOW + timedelta(seconds=1))
        cases.change(case.case_id, "closed", state=CLOSED, at=NOW)
        assert [event.what for event in cases.events(case.case_id)] == ["opened", "updated", "closed"]
        assert [event.detail for event in cases.events(case.case_id)] == [{}, {"a": 1}, {}]
        assert cases.all("request") == ()
        assert cases.erase(case.case_id) == 4
        assert (cases.all("breach"), cases.events(case.case_id)) == ((), ())
        with pytest.raises(UsageError):
            cases.change(case.case_id, "updated")

    @BOTH
    def test_cases_are_listed_by_when_they_were_opened(self, cases):
        later, first = (cases.open("request", NOW, {}, NOW + timedelta(days=day)).case_id for day in (1, 0))
        assert [case.case_id for case in cases.all("request")] == [first, later]

    @BOTH
    def test_who_has_closed_a_case_first_has_closed_it(self, cases):
        case_id = cases.open("request", NOW, {}).case_id
        cases.change(case_id, "closed", state=CLOSED, while_open=True)
        with pytest.raises(UsageError, match="closed by now"):
            cases.change(case_id, "closed", state=CLOSED, while_open=True)
        assert [event.what for event in cases.events(case_id)] == ["opened", "closed"]
        assert cases.change(case_id, "lifted", fields={"a": 1}).fields == {"a": 1}

    @BOTH
    def test_what_is_told_by_a_case_as_it_is_may_be_refused(self, cases):
        case_id = cases.open("request", NOW, {"count": 1}).case_id

        def refuse(case):
            raise UsageError(str(case.fields["count"]), hint="none")

        with pytest.raises(UsageError, match="1"):
            cases.change(case_id, "counted", state=CLOSED, fields=refuse)
        assert (cases.case(case_id).state, len(cases.events(case_id))) == ("open", 1)

    @BOTH
    def test_of_many_who_change_a_case_at_once_nobody_s_work_is_lost(self, cases):
        case_id = cases.open("request", NOW, {"found": []}).case_id
        begin = threading.Barrier(4)

        def officer(number):
            begin.wait()
            for turn in range(5):
                own = f"{number}-{turn}"
                cases.change(case_id, "found", fields=lambda case, own=own: {"found": [*case.fields["found"], own]})

        with ThreadPoolExecutor(4) as officers:
            list(officers.map(officer, range(4)))
        wanted = {f"{number}-{turn}" for number in range(4) for turn in range(5)}
        found = cases.case(case_id).fields["found"]
        assert (set(found), len(found), len(cases.events(case_id))) == (wanted, 20, 21)

    @BOTH
    def test_two_processes_change_a_case_at_once(self, cases, database, url):
        case_id = cases.open("request", NOW, {}).case_id

        def officer(name):
            own = Cases(connect(url, "governance"))
            for number in range(20):
                own.change(case_id, "noted", fields={f"{name}{number}": number})

        def two():
            child = os.fork()
            officer("ours" if child else "theirs")
            if child == 0:
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0

        assert in_child(two, database) == 0
        assert (len(cases.case(case_id).fields), len(cases.events(case_id))) == (40, 41)


class TestMarks:
    @BOTH
    def test_marks_are_put_and_lifted(self, database):
        marks = Marks(database)
        marks.put("call-b", "legal_hold", "litigation", "breach-1")
        marks.put("call-b", "legal_hold", "inquiry")
        marks.put("call-a", "legal_hold", "litigation")
        marks.put("call-b", "erasing", "request.keeps_report")
        assert [mark.recording_id for mark in marks.all("legal_hold")] == ["call-a", "call-b"]
        assert (marks.of("call-b", "legal_hold").reason, marks.of("call-b", "legal_hold").case_id) == ("inquiry", "")
        assert marks.lift("call-b", "legal_hold")
        assert not marks.lift("call-b", "legal_hold")
        assert (marks.has("call-b", "legal_hold"), marks.has("call-b", "erasing")) == (False, True)

    @BOTH
    def test_what_is_restricted_is_used_by_nobody(self, database):
        marks = Marks(database)
        marks.require_unrestricted("call-a")
        marks.put("call-a", "restriction", "accuracy")
        with pytest.raises(HeldForReview):
            marks.require_unrestricted("call-a")
        with pytest.raises(UsageError):
            marks.put("no id", "restriction", "accuracy")


@BOTH
def test_certificates_are_signed_and_tell_what_stays_erased(database, audit):
    certificates = Certificates(database)
    first = certificates.add(audit, "call-a", {"outputs": 3, "sealed": 1}, reason="request", case_id="request-1")
    certificates.add(audit, "call-b", {}, reason="retention", scope="original")
    certificates.add(audit, "call-c", {}, reason="retention", scope="analyses")
    assert certificates.all("request-1") == (first,)
    assert len(certificates.all()) == 3
    assert all(audit.is_signed(each.said(), each.signature) for each in certificates.all())
    assert [certificates.is_erased(f"call-{own}") for own in "abcd"] == [True, True, False, False]
    assert [certificates.is_erased(f"call-{own}", with_outputs=True) for own in "ab"] == [True, False]


@BOTH
def test_retention_is_applied_by_one_at_a_time_and_whoever_dies_lets_go(database, url):
    def locked():
        with pytest.raises(Locked), Certificates(connect(url, "governance")).alone():
            pass

    certificates = Certificates(database)
    with certificates.alone():
        locked()
        other = connect(url, "governance")
        with other.alone("another"):  # other work goes on beside it
            pass
        other.close()
    for _ in range(20):  # whoever has ended leaves it to the next at once
        with certificates.alone():
            pass

    def die():
        with Certificates(connect(url, "governance")).alone():
            os._exit(9)

    assert in_child(die, database) == 9
    _free_within(10, certificates)


def _free_within(seconds, certificates):
    """A server takes a moment to see that a client is gone."""
    until = time.monotonic() + seconds
    while True:
        try:
            with certificates.alone():
                return
        except Locked:
            assert time.monotonic() < until
            time.sleep(0.05)


@BOTH
def test_more_archives_can_be_locked_than_a_pool_has_connections(database):
    """Retention locks all archives; one lock waits for none of the others."""
    with ExitStack() as held:
        for number in range(20):
            held.enter_context(database.alone(f"batch-{number}"))
        with pytest.raises(Locked), database.alone("batch-19"):
            pass


@BOTH
def test_the_index_finds_by_pseudonym_and_forgets(database, keys):
    index = SubjectIndex(database, keys)
    assert index.put("call-a", [("phone", "0639981177"), ("name", "wilhelmina"), ("name", "wilhelmina")]) == 2
    assert index.put("call-b", [("phone", "0639981177")]) == 1
    assert index.add("call-b", [("phone", "0639981177"), ("email", "w@canary.example")]) == 1
    assert index.find("phone", "0639981177", "another") == {"call-a", "call-b"}
    assert index.find("email", "0639981177") == frozenset()
    assert {own: len(terms) for own, terms in index.terms(("phone", "email")).items()} == {"call-a": 1, "call-b": 2}
    assert index.put("call-a", [("name", "hal")]) == 1  # in place of the others
    assert index.find("phone", "0639981177") == {"call-b"}
    assert (index.forget("call-b"), index.forget("call-b"), index.has("call-b")) == (2, 0, False)
    with database.reading() as connection:
        kept = str(connection.execute(text("SELECT * FROM index_terms")).all())
    assert "hal" not in kept.replace("call", "")


@BOTH
def test_notices_are_added_all_or_none(database):
    notices = Notices(database)
    first = Notice("calls", 1, "en", "ivr", "0" * 64, "2026-03-10T12:00:00+00:00", "Calls are recorded.\n— «Ödön»")
    notices.add([first, replace(first, language="fr"), replace(first, form="web")])
    notices.add([replace(first, version=2)])
    with pytest.raises(RedactError):
        notices.add([replace(first, version=3), first])
    assert [(each.version, each.language, each.form) for each in notices.all("calls")] == [
        (1, "en", "ivr"), (1, "en", "web"), (1, "fr", "ivr"), (2, "en", "ivr"),
    ]  # fmt: skip
    assert notices.all("calls")[0] == first
    assert notices.newest("calls")["en", "ivr"].version == 2
    assert notices.all("others") == ()


@BOTH
def test_signatures_stay_in_their_order(database, audit):
    signatures = Signatures(database)
    made = [
        signatures.add(Signature("monthly-2026-03", f"{number}" * 64, "", "Maud Ferrant", "approved"), audit, NOW)
        for number in (3, 1, 2)
    ]
    assert signatures.all() == tuple(made)
    assert all(audit.is_signed(each.said(), each.signature) for each in signatures.all())


@BOTH
def test_trainings_come_back_as_they_were_recorded(database):
    trainings = Trainings(database)
    passed = recorded("rita", "calls", 0.8, (NOW, NOW + timedelta(days=365)), "root")
    failed = recorded("rita", "calls", 0.1, (NOW + timedelta(days=1), None), "root")
    assert (passed.role, passed.version) == ("", "")
    other = replace(passed, person="Zoë", module="doors", score=1.0, role="reviewer", version="2026-é")
    for each in (passed, failed, other):
        trainings.add(each)
    assert trainings.all("rita") == (passed, failed)
    assert [type(each.passed) for each in trainings.all("rita")] == [bool, bool]
    assert trainings.all(module="doors") == (other,)
    assert latest(trainings.all())["rita", "calls"] == passed
    assert passed.is_valid(NOW + timedelta(days=2))
    with pytest.raises(UsageError):
        trainings.add(replace(passed, score=1.5))


@BOTH
def test_trainings_from_before_have_no_role_and_no_version(url):
    """A database as the first version made it gets the two columns when it is opened, and loses nothing."""
    old = connect(url, "governance")
    training = recorded("rita", "calls", 0.8, (NOW, NOW + timedelta(days=365)), "root")
    Trainings(old).add(replace(training, role="lead", version="1"))
    with old.writing() as connection:
        for column in ("role", "version"):
            connection.execute(text(f"ALTER TABLE trainings DROP COLUMN {column}"))
        connection.execute(text("UPDATE alembic_version SET version_num = 'governance_0001'"))
    old.close()
    for _ in range(2):
        database = connect(url, "governance")
        assert Trainings(database).all("rita")[0] == training
        database.close()
    database = connect(url, "governance")
    Trainings(database).add(replace(training, role="lead", version="2"))
    assert [(each.role, each.version) for each in Trainings(database).all()] == [("", ""), ("lead", "2")]
    database.close()
