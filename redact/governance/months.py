"""Calendar months: one as a span of time, and moments so many months before or behind another."""

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Self, TypeVar

from redact.errors import UsageError

_Day = TypeVar("_Day", bound=date)
_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month, in UTC."""

    year: int
    month: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """A month written as `2026-03`.

        Raises:
            UsageError: it is none.
        """
        found = _MONTH.fullmatch(text)
        if not found or not 1 <= int(found[1]) < 9999:
            raise UsageError("that is no month", hint="write it as 2026-03")
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def of(cls, moment: datetime) -> Self:
        """The month that a moment is in."""
        there = moment.astimezone(UTC)
        return cls(there.year, there.month)

    @property
    def begins(self) -> datetime:
        """Its first moment."""
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    @property
    def ends(self) -> datetime:
        """The first moment behind it."""
        return months_after(self.begins, 1)

    @property
    def before(self) -> Self:
        """The month before."""
        return type(self).of(months_after(self.begins, -1))

    @property
    def after(self) -> Self:
        """The month behind."""
        return type(self).of(self.ends)

    def has(self, at: str) -> bool:
        """True for a time in it, ISO 8601; False for none."""
        return bool(at) and self.begins <= datetime.fromisoformat(at) < self.ends

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"


def months_after(moment: _Day, months: int) -> _Day:
    """So many calendar months later, or earlier: 31 January and one month is the last day of February."""
    years, month = divmod(moment.month - 1 + months, 12)
    last = calendar.monthrange(moment.year + years, month + 1)[1]
    return moment.replace(year=moment.year + years, month=month + 1, day=min(moment.day, last))
