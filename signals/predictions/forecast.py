"""How many contacts a queue will have on each of the next days, and how far off that may be.

A Poisson regression with a ridge on trend, day of the week, time of the year and holidays; times the level of
the last two weeks against it, as far as such a level lasted in the past; intervals from the errors of
forecasts made in the past as this one is made (split conformal).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import PoissonRegressor
from threadpoolctl import threadpool_limits

from signals.errors import CountsInvalid
from signals.predictions.forecast_terms import DayTerms, IsHoliday

Floats = NDArray[np.float64]

LEAST_DAYS = 84  # twelve weeks: half to learn from, half to look back on
MOST_AHEAD = 56
_RIDGE = 1e-3  # of scikit-learn's mean deviance by the mean count
_RECENT = 14  # days whose level is carried on
_ORIGINS, _APART = 10, 14  # how many past forecasts are made again, and how many days lie between them
_CARRIED = (0.0, 0.25, 0.5, 0.75, 1.0)
_LEAST_SEEN = 0.5  # contacts in a history that had none: no rate is 0
_MOST_SEEN = 2.0  # times the busiest day: a trend of a few contacts is not to run away
_SMALL = 5.0  # contacts by which a level is drawn to 1


@dataclass(frozen=True, slots=True)
class DayForecast:
    """``low`` to ``high`` holds the count with the forecast's ``coverage``; all are contacts a day."""

    day: date
    expected: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """The days to come of a queue.

    ``carried`` in [0, 1] is how much of the recent level is carried on, ``level`` is that level: above 1,
    more came in the last two weeks than trend and season explain.
    """

    days: tuple[DayForecast, ...]
    coverage: float
    carried: float
    level: float


@dataclass(frozen=True, slots=True)
class _Made:
    """A forecast for days of the past: by the regression alone, the level at its time, and what came."""

    season: Floats
    level: float
    came: Floats

    def expected(self, carried: float) -> Floats:
        return np.asarray(self.season * self.level**carried, float)


def forecast(
    counts: Sequence[int], *, start: date, ahead: int, is_holiday: IsHoliday, coverage: float = 0.9
) -> Forecast:
    """The ``ahead`` days after ``counts``, one a day from ``start`` on. The same counts, the same forecast.

    Raises ``CountsInvalid`` for fewer than ``LEAST_DAYS`` days, for counts that cannot be or are all 0, and
    for ``ahead`` or ``coverage`` out of their ranges.
    """
    values = _checked(counts, ahead=ahead, coverage=coverage)
    with threadpool_limits(1, user_api="blas"):  # products this small gain nothing from threads
        past = _look_back(values, start, ahead=ahead, is_holiday=is_holiday)
        season, level = _regress(values, start, ahead=ahead, is_holiday=is_holiday)
    errors = [_mean_error(past, carried) for carried in _CARRIED]
    carried = _CARRIED[int(np.argmin(errors))]
    expected = season * level**carried
    below, above = _reach(past, carried, coverage)
    spread = np.sqrt(expected)
    low, high = np.maximum(expected - below * spread, 0.0), expected + above * spread
    days = tuple(
        DayForecast(start + timedelta(days=len(values) + place), float(mean), float(least), float(most))
        for place, (mean, least, most) in enumerate(zip(expected, low, high, strict=True))
    )
    return Forecast(days, coverage, carried, level)


def _look_back(values: Floats, start: date, *, ahead: int, is_holiday: IsHoliday) -> list[_Made]:
    """Forecasts as they would have been made at the last origins, from half of the history at the least."""
    made = []
    horizon = min(ahead, len(values) // 4)
    for number in range(_ORIGINS):
        origin = len(values) - horizon - number * _APART
        if origin < max(LEAST_DAYS // 2, len(values) // 2):
            break
        season, level = _regress(values[:origin], start, ahead=horizon, is_holiday=is_holiday)
        made.append(_Made(season, level, values[origin : origin + horizon]))
    return made


def _regress(values: Floats, start: date, *, ahead: int, is_holiday: IsHoliday) -> tuple[Floats, float]:
    """What trend and season say of the days to come; the level of the last days against them."""
    length, mean = len(values), float(values.mean())
    least = _LEAST_SEEN / length
    if mean == 0:
        return np.full(ahead, least), 1.0
    terms = DayTerms(start, length, is_holiday)
    columns = terms.columns(0, length + ahead)
    # By the mean, so that a ridge weighs as much in a small queue as in a large one.
    model = PoissonRegressor(alpha=_RIDGE, solver="newton-cholesky", max_iter=300)
    model.fit(columns[:length], values / mean)
    fitted = np.clip(model.predict(columns) * mean, least, _MOST_SEEN * values.max())
    usual = float(fitted[length - _RECENT : length].sum())
    level = (float(values[-_RECENT:].sum()) + _SMALL) / (usual + _SMALL)
    return fitted[length:], level


def _mean_error(past: Sequence[_Made], carried: float) -> float:
    return float(np.mean([np.abs(one.expected(carried) - one.came).mean() for one in past]))


def _reach(past: Sequence[_Made], carried: float, coverage: float) -> tuple[float, float]:
    """How many square roots of the expected an interval reaches below it and above it.

    The quantiles are those of split conformal prediction, each end for its half of what is left out.
    """
    errors = np.concatenate(
        [(one.came - one.expected(carried)) / np.sqrt(one.expected(carried)) for one in past]
    )
    share = min(1.0, math.ceil((len(errors) + 1) * (1 + coverage) / 2) / len(errors))
    return max(0.0, float(np.quantile(-errors, share))), max(0.0, float(np.quantile(errors, share)))


def _checked(counts: Sequence[int], *, ahead: int, coverage: float) -> Floats:
    values = np.asarray(counts, dtype=np.float64)
    if len(values) < LEAST_DAYS:
        raise CountsInvalid(f"A forecast needs {LEAST_DAYS} days of counts; there are {len(values)}.")
    if not np.isfinite(values).all() or (values < 0).any():
        raise CountsInvalid("Counts have to be numbers of 0 or more.")
    if not values.any():
        raise CountsInvalid("Nothing can be forecast of a queue that never had a contact.")
    if not 1 <= ahead <= MOST_AHEAD:
        raise CountsInvalid(f"A forecast is for 1 to {MOST_AHEAD} days, not {ahead}.")
    if not 0 < coverage < 1:
        raise CountsInvalid(f"A coverage is between 0 and 1, not {coverage}.")
    return values
