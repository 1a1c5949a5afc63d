"""Contacts of the days to come: week, trend, holidays, level, intervals; and whether the staff suffices."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from signals.errors import CountsInvalid
from signals.predictions.forecast import LEAST_DAYS, MOST_AHEAD, DayForecast, Forecast, forecast
from signals.predictions.forecast_terms import DayTerms
from signals.predictions.staffing import find_shortage

MONDAY = date(2025, 1, 6)
WEEK = np.array([100.0, 90.0, 80.0, 80.0, 90.0, 40.0, 20.0])


def never(_: date) -> bool:
    return False


def first_of_month(day: date) -> bool:
    return day.day == 1


def weekly(days: int, *, growth: float = 0.0, seed: int = 0) -> list[int]:
    """Poisson counts around ``WEEK``, times e to the ``growth`` after the last day."""
    rate = np.resize(WEEK, days) * np.exp(growth * np.arange(days) / days)
    return [int(count) for count in np.random.default_rng(seed).poisson(rate)]


def expected(found: Forecast) -> NDArray[np.float64]:
    return np.array([day.expected for day in found.days])


def test_the_days_follow_the_history_with_the_shape_of_its_week() -> None:
    found = forecast(weekly(140), start=MONDAY, ahead=14, is_holiday=never)
    assert [day.day for day in found.days] == [MONDAY + timedelta(days=140 + place) for place in range(14)]
    assert expected(found) == pytest.approx(np.resize(WEEK, 14), rel=0.15)


def test_growth_goes_on() -> None:
    found = forecast(weekly(196, growth=0.7), start=MONDAY, ahead=7, is_holiday=never)
    assert expected(found).sum() == pytest.approx(WEEK.sum() * np.exp(0.7), rel=0.08)


def test_holidays_are_quieter_and_only_they() -> None:
    counts = np.array(weekly(280))
    for place in range(280):
        if first_of_month(MONDAY + timedelta(days=place)):
            counts[place] //= 4
    start = MONDAY + timedelta(days=280)
    found = forecast(counts.tolist(), start=MONDAY, ahead=35, is_holiday=first_of_month)
    plain = np.resize(WEEK, 35)
    holidays = np.array([first_of_month(start + timedelta(days=place)) for place in range(35)])
    assert holidays.any()
    assert np.all((expected(found) / plain)[holidays] < 0.5)
    assert (expected(found) / plain)[~holidays].mean() == pytest.approx(1, abs=0.1)


def test_a_level_that_lasts_is_carried_on_and_one_that_does_not_is_not() -> None:
    random = np.random.default_rng(2)
    blocks = np.repeat(random.choice([0.6, 1.5], 8), 42)  # six weeks each
    lasting = random.poisson(np.resize(WEEK, 336) * blocks)
    fleeting = random.poisson(np.resize(WEEK, 336) * np.repeat(random.choice([0.6, 1.5], 24), 14))
    carried = [
        forecast(counts.tolist(), start=MONDAY, ahead=14, is_holiday=never).carried
        for counts in (lasting, fleeting)
    ]
    assert carried[0] > carried[1]


def test_intervals_hold_as_many_days_as_they_say() -> None:
    held = []
    for seed in range(4):
        counts = weekly(210, seed=seed)
        days = forecast(counts[:182], start=MONDAY, ahead=28, is_holiday=never, coverage=0.8).days
        held += [day.low <= came <= day.high for day, came in zip(days, counts[182:], strict=True)]
    assert 0.65 <= np.mean(held) <= 0.95


def test_a_wider_coverage_has_wider_intervals() -> None:
    counts = weekly(140)
    half, most = (
        forecast(counts, start=MONDAY, ahead=7, is_holiday=never, coverage=coverage).days
        for coverage in (0.5, 0.95)
    )
    assert all(wide.low <= day.low < day.high <= wide.high for day, wide in zip(half, most, strict=True))


def test_the_same_counts_make_the_same_forecast() -> None:
    first, again = (forecast(weekly(100), start=MONDAY, ahead=7, is_holiday=never) for _ in range(2))
    assert first == again


def test_a_queue_with_hardly_a_contact_has_a_forecast() -> None:
    rare = forecast([int(day % 20 == 0) for day in range(120)], start=MONDAY, ahead=7, is_holiday=never)
    assert all(0 <= day.low <= day.expected <= day.high for day in rare.days)
    assert expected(rare).mean() == pytest.approx(0.05, abs=0.05)
    first = forecast([0] * 99 + [1], start=MONDAY, ahead=7, is_holiday=never)
    assert all(0 <= day.low <= day.expected <= day.high for day in first.days)
    assert expected(first).max() <= 2.5  # twice the busiest day, and the level


def test_the_time_of_the_year_needs_more_than_a_year() -> None:
    short, long = (DayTerms(MONDAY, length, never).columns(0, 10).shape[1] for length in (399, 400))
    assert long - short == 8


@pytest.mark.parametrize(
    ("counts", "ahead", "coverage", "reason"),
    [
        ([1] * (LEAST_DAYS - 1), 7, 0.9, "needs 84 days"),
        ([1] * 99 + [-1], 7, 0.9, "0 or more"),
        ([0] * 100, 7, 0.9, "never had a contact"),
        ([1] * 100, 0, 0.9, "1 to 56 days"),
        ([1] * 100, MOST_AHEAD + 1, 0.9, "1 to 56 days"),
        ([1] * 100, 7, 1.0, "between 0 and 1"),
    ],
)
def test_what_cannot_be_forecast_is_refused(
    counts: list[int], ahead: int, coverage: float, reason: str
) -> None:
    with pytest.raises(CountsInvalid, match=reason):
        forecast(counts, start=MONDAY, ahead=ahead, is_holiday=never, coverage=coverage)


def coming(*weeks: float) -> Forecast:
    days = [
        DayForecast(MONDAY + timedelta(days=7 * number + day), share, 0.8 * share, 1.2 * share)
        for number, week in enumerate(weeks)
        for day, share in enumerate(week * WEEK / WEEK.sum())
    ]
    return Forecast(tuple(days), 0.9, 1.0, 1.0)


def test_the_first_week_that_outruns_the_staff_is_told_with_its_growth() -> None:
    found = find_shortage("billing", coming(500, 630, 700), counts=[70] * 28, capacity=[90.0] * 6 + [30.0])
    assert found is not None
    assert found.week == MONDAY + timedelta(days=7)
    assert (found.expected, found.capacity, found.growth) == pytest.approx((630, 570, 630 / 490 - 1))
    # 630 shared out by WEEK: only from Monday to Friday more than 90 come.
    assert found.short_days == tuple(MONDAY + timedelta(days=7 + day) for day in range(5))
    assert found.sure
    assert found.reason == (
        "billing: 630 contacts expected in the week from 2025-01-13 (+29% against the last 4 weeks), "
        "570 can be answered."
    )


def test_a_day_that_another_can_help_out_is_no_shortage() -> None:
    assert find_shortage("billing", coming(500), counts=[70] * 28, capacity=[75.0] * 7) is None


def test_a_shortage_within_the_interval_is_not_sure() -> None:
    found = find_shortage("billing", coming(500), counts=[70] * 28, capacity=(0.95 * WEEK).tolist())
    assert found is not None
    assert not found.sure


def test_part_of_a_week_is_not_judged() -> None:
    part = Forecast(coming(9000).days[:6], 0.9, 1.0, 1.0)
    assert find_shortage("billing", part, counts=[70] * 28, capacity=[1.0] * 7) is None


@pytest.mark.parametrize("capacity", [[1.0] * 6, [1.0] * 6 + [-1.0], [float("nan")] * 7])
def test_a_capacity_that_cannot_be_is_refused(capacity: list[float]) -> None:
    with pytest.raises(CountsInvalid, match="seven numbers"):
        find_shortage("billing", coming(500), counts=[70] * 28, capacity=capacity)


def test_growth_needs_four_weeks() -> None:
    with pytest.raises(CountsInvalid, match="4 weeks"):
        find_shortage("billing", coming(500), counts=[70] * 27, capacity=[1.0] * 7)
