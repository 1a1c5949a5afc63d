"""Daily contacts of queues: trend, week, year, holidays, a level that wanders, more spread than Poisson's.

Week, holidays and the day after are of the form that the forecast has, and it is told the calendar, which
is that of the United States. The rest is not: two queues have a peak of a few weeks in the year besides a
wave, growth bends once, and the logarithm of the level is an autoregression from day to day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from triage.calendars import public_holidays

QUEUES = ("billing", "delivery", "technical", "returns", "sales")

_LASTING, _WANDER = 0.95, 0.02  # of the logarithm of the level, from day to day
_PEAK = {"delivery": date(2024, 12, 18), "returns": date(2024, 1, 6)}  # days of the year, for two of them


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """Contacts of a queue, one number a day from ``start`` on."""

    queue: str
    start: date
    counts: NDArray[np.int64]


def is_holiday(day: date) -> bool:
    """Whether it is a public holiday where the simulated customers live."""
    return day in public_holidays("US", None, day.year)


def draw_queues(seed: int, *, days: int) -> list[QueueCounts]:
    """Every queue for ``days`` from a day that the seed draws; some grow, some shrink."""
    random = np.random.default_rng(seed)
    start = date(2021, 1, 1) + timedelta(days=int(random.integers(0, 365)))
    return [QueueCounts(queue, start, _draw(queue, start, days, random)) for queue in QUEUES]


def _draw(queue: str, start: date, days: int, random: np.random.Generator) -> NDArray[np.int64]:
    dates = [start + timedelta(days=place) for place in range(days)]
    place = np.arange(days)
    week = np.append(random.uniform(0.9, 1.25, 5), random.uniform(0.25, 0.8, 2))
    bend = random.uniform(0.3, 0.8) * days
    growth = (
        random.uniform(-0.1, 0.4) * place / 365
        + random.uniform(-0.2, 0.2) * np.maximum(0, place - bend) / 365
    )
    day_of_year = np.array([day.timetuple().tm_yday for day in dates])
    year = random.uniform(0.05, 0.25) * np.cos(2 * np.pi * (day_of_year - random.integers(365)) / 365.25)
    if queue in _PEAK:
        apart = np.abs(day_of_year - _PEAK[queue].timetuple().tm_yday)
        year += random.uniform(0.3, 0.6) * np.exp(-((np.minimum(apart, 365 - apart) / 14) ** 2))
    closed = np.array([is_holiday(day) for day in dates])
    next_day = np.array([is_holiday(day - timedelta(days=1)) for day in dates]) & ~closed
    quiet = np.where(closed, np.log(random.uniform(0.3, 0.6)), 0.0)
    caught_up = np.where(next_day, np.log(random.uniform(1.05, 1.3)), 0.0)
    level = np.zeros(days)
    for day in range(1, days):
        level[day] = _LASTING * level[day - 1] + random.normal(0, _WANDER)
    weekly = np.log(week[[day.weekday() for day in dates]])
    base = random.uniform(np.log(20), np.log(400))
    rate = np.exp(base + weekly + growth + year + quiet + caught_up + level)
    shape = 1 / random.uniform(0.003, 0.02)
    return np.asarray(random.poisson(random.gamma(shape, rate / shape)), dtype=np.int64)
