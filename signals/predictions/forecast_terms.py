"""What a day is to the forecast of contacts: trend, day of the week, time of the year, holidays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
IsHoliday = Callable[[date], bool]

_YEAR = 365.25  # days
_WAVES = 4  # per year: what is shorter than a quarter of one is not a season
_SEASON_FROM = 400  # days of history from which a year has been seen once, and a month of the next
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class DayTerms:
    """Columns for days, counted from ``start``; ``length`` is how many days of history there are.

    The trend is 0 at the first day of the history and 1 at its end. Without more than a year of history there
    are no columns for the time of the year: they would be a second trend.
    """

    start: date
    length: int
    is_holiday: IsHoliday

    def columns(self, first: int, number: int) -> Floats:
        """A row for each of ``number`` days from day ``first`` on, of which day 0 is ``start``."""
        days = np.arange(first, first + number)
        dates = [self.start + int(day) * _DAY for day in days]
        weekday = np.eye(7)[[day.weekday() for day in dates]]
        holiday = np.array([self.is_holiday(day) for day in dates], dtype=float)
        after = np.array([self.is_holiday(day - _DAY) for day in dates], dtype=float) * (1 - holiday)
        # A holiday takes more from a working day than from a Sunday on which few write anyway.
        weekend = weekday[:, 5:].sum(axis=1)
        parts = [days / self.length, *weekday.T, holiday, holiday * weekend, after]
        if self.length >= _SEASON_FROM:
            ordinal = np.array([day.toordinal() for day in dates])
            for wave in range(1, _WAVES + 1):
                angle = 2 * np.pi * wave * ordinal / _YEAR
                parts += [np.sin(angle), np.cos(angle)]
        return np.column_stack(parts)
