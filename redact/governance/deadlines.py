"""Deadlines in calendar months, as the law counts them: to the end of the day that has the same number.

Council Regulation (EEC, Euratom) No 1182/71, Art. 3(2)(c): a period of months ends with the last hour of the day of the
same date, or of the month's last day where the month has no such date. That it ends on the next working day where that
day is a holiday (Art. 3(4)) is not counted on: who answers earlier answers in time.
"""

from datetime import UTC, date, datetime, time, tzinfo

LAST_MOMENT = time(23, 59, 59)


def end_of(day: date, zone: tzinfo | None = None) -> datetime:
    """The last second of a day, in UTC.

    Args:
        day: where the clock is.
        zone: of the clock; None for that of this machine.
    """
    moment = datetime.combine(day, LAST_MOMENT)
    return (moment.replace(tzinfo=zone) if zone else moment.astimezone()).astimezone(UTC)


def days_left(due_at: datetime, now: datetime, zone: tzinfo | None = None) -> int:
    """Days from today to the day of a deadline: 0 on that day, negative behind it."""
    return (due_at.astimezone(zone).date() - now.astimezone(zone).date()).days
