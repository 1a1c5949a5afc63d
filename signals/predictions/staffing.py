"""When more contacts are to be expected in a queue than its people can answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from signals.errors import CountsInvalid
from signals.predictions.forecast import DayForecast, Forecast

_WEEK = 7
_BEFORE = 4  # weeks that growth is told against


@dataclass(frozen=True, slots=True)
class Shortage:
    """The first week of a forecast that outruns what a queue can answer.

    ``expected`` and ``capacity`` are contacts of the seven days from ``week`` on. ``growth`` is what is
    expected against the mean week of the last four, as a share; ``short_days`` are those days that outrun
    their own capacity, ``sure`` says that some day does even at the low end of its interval.
    """

    queue: str
    week: date
    expected: float
    capacity: float
    growth: float
    short_days: tuple[date, ...]
    sure: bool

    @property
    def reason(self) -> str:
        """One sentence for those who plan."""
        return (
            f"{self.queue}: {self.expected:.0f} contacts expected in the week from {self.week:%Y-%m-%d} "
            f"({self.growth:+.0%} against the last {_BEFORE} weeks), {self.capacity:.0f} can be answered."
        )


def find_shortage(
    queue: str, coming: Forecast, *, counts: Sequence[int], capacity: Sequence[float]
) -> Shortage | None:
    """The first whole week of ``coming`` whose contacts outrun the staff; none where all can be answered.

    ``counts`` are the days before the forecast, ``capacity`` the contacts that can be answered from Monday
    to Sunday. What one day cannot answer is taken to be answered on another of its week. Raises
    ``CountsInvalid`` for a capacity that is not seven numbers of 0 or more, and for fewer than four weeks
    of counts.
    """
    if len(capacity) != _WEEK or any(not number >= 0 for number in capacity):
        raise CountsInvalid("A capacity is seven numbers of 0 or more, from Monday to Sunday.")
    if len(counts) < _BEFORE * _WEEK:
        raise CountsInvalid(f"Growth is told against {_BEFORE} weeks; there are {len(counts)} days.")
    before = sum(counts[-_BEFORE * _WEEK :]) / _BEFORE
    whole = len(coming.days) - len(coming.days) % _WEEK
    for first in range(0, whole, _WEEK):
        week = coming.days[first : first + _WEEK]
        expected = sum(day.expected for day in week)
        if expected > sum(capacity):
            return _shortage(queue, week, capacity=capacity, before=before)
    return None


def _shortage(
    queue: str, week: Sequence[DayForecast], *, capacity: Sequence[float], before: float
) -> Shortage:
    expected = sum(day.expected for day in week)
    return Shortage(
        queue=queue,
        week=week[0].day,
        expected=expected,
        capacity=sum(capacity),
        growth=expected / before - 1 if before else float("inf"),
        short_days=tuple(day.day for day in week if day.expected > capacity[day.day.weekday()]),
        sure=any(day.low > capacity[day.day.weekday()] for day in week),
    )
