"""Deadlines in calendar months, to the end of the day: ends of months, leap years, and clocks that are put forward."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from subject_world import PERSON, redact

from redact.errors import UsageError
from redact.governance import asked, subjects
from redact.governance.deadlines import days_left, end_of
from redact.governance.months import months_after
from redact.governance.organisation import Organisation

PARIS, NEW_YORK = ZoneInfo("Europe/Paris"), ZoneInfo("America/New_York")
RULES = Organisation()


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        ("2026-01-31", 1, "2026-02-28"),
        ("2028-01-31", 1, "2028-02-29"),
        ("2027-01-29", 1, "2027-02-28"),
        ("2028-02-29", 12, "2029-02-28"),
        ("2026-03-31", 1, "2026-04-30"),
        ("2026-12-31", 1, "2027-01-31"),
        ("2026-11-30", 3, "2027-02-28"),
        ("2026-01-31", 3, "2026-04-30"),
        ("2026-02-28", 1, "2026-03-28"),
        ("2026-06-15", 0, "2026-06-15"),
    ],
)
def test_months_are_those_of_the_calendar(day: str, months: int, expected: str) -> None:
    assert months_after(date.fromisoformat(day), months).isoformat() == expected


@pytest.mark.parametrize(
    ("day", "zone", "expected"),
    [
        ("2026-03-28", PARIS, "2026-03-28T22:59:59+00:00"),  # the night before clocks are put forward
        ("2026-03-29", PARIS, "2026-03-29T21:59:59+00:00"),
        ("2026-10-25", PARIS, "2026-10-25T22:59:59+00:00"),  # put back
        ("2026-11-01", NEW_YORK, "2026-11-02T04:59:59+00:00"),
        ("2026-03-01", UTC, "2026-03-01T23:59:59+00:00"),
    ],
)
def test_a_day_ends_where_the_clock_is(day: str, zone, expected: str) -> None:
    assert end_of(date.fromisoformat(day), zone).isoformat() == expected


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-03-28T23:30:00+01:00", 1),
        ("2026-03-29T00:30:00+01:00", 0),
        ("2026-03-29T23:59:59+02:00", 0),
        ("2026-03-30T00:00:00+02:00", -1),
    ],
)
def test_days_left_are_counted_from_midnight_to_midnight(now: str, expected: int) -> None:
    assert days_left(end_of(date(2026, 3, 29), PARIS), datetime.fromisoformat(now), PARIS) == expected


def a_request(office, received: str, now: datetime) -> subjects.Request:
    told = subjects.Asked("access", "fr", date.fromisoformat(received), "details", asked.person(PERSON.splitlines()))
    return subjects.open_request(office.kept, RULES, told, now=now, zone=PARIS)


def test_a_request_is_overdue_from_the_end_of_its_last_day(office) -> None:
    found = a_request(office, "2026-01-31", datetime(2026, 1, 31, 12, tzinfo=UTC))
    assert found.due_at == datetime(2026, 2, 28, 22, 59, 59, tzinfo=UTC)
    assert not found.case.is_overdue(datetime(2026, 2, 28, 22, 59, 59, tzinfo=UTC))
    assert found.case.is_overdue(datetime(2026, 2, 28, 23, 0, 0, tzinfo=UTC))


def test_it_is_extended_once_and_before_its_deadline(office) -> None:
    found = a_request(office, "2026-01-31", datetime(2026, 1, 31, 12, tzinfo=UTC))
    with pytest.raises(UsageError, match="deadline is over"):
        subjects.extend(
            office.kept, RULES, found.case_id, "number", now=datetime(2026, 2, 28, 23, 0, 0, tzinfo=UTC), zone=PARIS
        )
    on_time = datetime(2026, 2, 28, 22, 59, 59, tzinfo=UTC)
    extended = subjects.extend(office.kept, RULES, found.case_id, "complexity", now=on_time, zone=PARIS)
    assert extended.due_at == datetime(2026, 4, 30, 21, 59, 59, tzinfo=UTC)
    with pytest.raises(UsageError, match="extended before"):
        subjects.extend(office.kept, RULES, found.case_id, "number", now=on_time, zone=PARIS)


def test_a_day_that_has_not_come_is_refused(office) -> None:
    now = datetime(2026, 1, 31, 22, 30, tzinfo=UTC)  # 23:30 in Paris
    assert a_request(office, "2026-01-31", now).received == date(2026, 1, 31)
    with pytest.raises(UsageError, match="not come yet"):
        a_request(office, "2026-02-01", now)


def test_the_list_says_what_is_overdue_and_exits_with_1(office) -> None:
    assert redact(office, "subject", "list", "--overdue").code == 0
    redact(office, "subject", "open", "access", "-", "--language", "en", typed=PERSON)
    assert redact(office, "subject", "list", "--overdue").code == 0
    opened = ("subject", "open", "erasure", "-", "--language", "en", "--received", "2026-01-31")
    late = redact(office, *opened, typed=PERSON)
    assert "due 2026-02-28" in late.text
    told = redact(office, "subject", "list", "--overdue")
    assert told.code == 1
    assert late.first in told.text
    assert len(told.text.splitlines()) == 2
    redact(office, "subject", "close", late.first, "--outcome", "withdrawn")
    assert redact(office, "subject", "list", "--overdue").code == 0
    assert redact(office, "subject", "extend", late.first, "--reason", "number").code == 2
