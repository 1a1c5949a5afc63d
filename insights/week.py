"""Weeks as people count them: from Monday to Sunday in the time zone of the company."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from insights.errors import WeekInvalid

CURRENT, LAST = "current", "last"
_NAME = re.compile(r"([0-9]{4})-W([0-9]{2})")


@dataclass(frozen=True, slots=True)
class Period:
    """Moments from ``start`` (UTC) up to and without ``end``."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Week:
    """An ISO 8601 week in ``zone``; it may have an hour more or less than 168."""

    year: int
    number: int
    zone: ZoneInfo

    @classmethod
    def of(cls, moment: datetime, zone: ZoneInfo) -> Self:
        """The week that ``moment`` is in."""
        year, number, _ = moment.astimezone(zone).isocalendar()
        return cls(year, number, zone)

    @classmethod
    def parse(cls, text: str, zone: ZoneInfo, *, now: datetime) -> Week:
        """The week of ``text``: ``2026-W48``, ``current``, or ``last``, which is the last that is over.

        Raises ``WeekInvalid`` for what is no week, and for one that has not begun by ``now``.
        """
        running = cls.of(now, zone)
        if text in {CURRENT, LAST}:
            return running if text == CURRENT else running.earlier(1)
        match = _NAME.fullmatch(text)
        try:
            found = cls.of(datetime.combine(_monday(match), time(12), tzinfo=zone), zone)
        except (ValueError, OverflowError):
            raise WeekInvalid(f"{text!r} is no week such as 2026-W48, current or last.") from None
        if found.start > now:
            raise WeekInvalid(f"The week {found.name} has not begun.")
        return found

    @property
    def name(self) -> str:
        """As ISO 8601 writes it: 2026-W48."""
        return f"{self.year:04d}-W{self.number:02d}"

    @property
    def monday(self) -> date:
        """Its first day."""
        return date.fromisocalendar(self.year, self.number, 1)

    @property
    def start(self) -> datetime:
        """Its first moment, in UTC."""
        return self._midnight(self.monday)

    @property
    def end(self) -> datetime:
        """The first moment after it, in UTC."""
        return self._midnight(self.monday + timedelta(days=7))

    @property
    def title(self) -> str:
        """Such as "23 to 29 November 2026"."""
        first, last = self.monday, self.monday + timedelta(days=6)
        begin = f"{first.day}" if first.month == last.month else f"{first.day} {first:%B}"
        begin += "" if first.year == last.year else f" {first.year}"
        return f"{begin} to {last.day} {last:%B} {last.year}"

    def earlier(self, weeks: int) -> Week:
        """The week so many weeks before."""
        year, number, _ = (self.monday - timedelta(weeks=weeks)).isocalendar()
        return Week(year, number, self.zone)

    def until(self, now: datetime) -> Period:
        """As much of it as is over by ``now``: all of it, or the part up to now."""
        return Period(self.start, max(self.start, min(self.end, now)))

    def as_long_as(self, period: Period) -> Period:
        """The part of this week that corresponds to ``period``, which begins with a week of its own."""
        return Period(self.start, min(self.end, self.start + period.length))

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), tzinfo=self.zone).astimezone(UTC)


def _monday(match: re.Match[str] | None) -> date:
    if match is None:
        raise ValueError
    return date.fromisocalendar(int(match[1]), int(match[2]), 1)
