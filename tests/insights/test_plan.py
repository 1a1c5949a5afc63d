from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from insights.plan import Plan
from insights.week_time import WeekTime

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY_AT_SEVEN = Plan(BERLIN, WeekTime.parse("mon 07:00"))


@pytest.mark.parametrize(
    ("now", "week"),
    [
        (datetime(2026, 11, 30, 5, 59, tzinfo=UTC), "2026-W47"),  # a minute to seven in Berlin
        (datetime(2026, 11, 30, 6, 0, tzinfo=UTC), "2026-W48"),
        (datetime(2026, 12, 6, 23, 0, tzinfo=UTC), "2026-W48"),
        (datetime(2026, 12, 7, 6, 0, tzinfo=UTC), "2026-W49"),
    ],
)
def test_on_monday_the_week_before_is_due(now: datetime, week: str) -> None:
    due = MONDAY_AT_SEVEN.due(now)
    assert due is not None
    assert due.name == week


def test_a_digest_in_the_middle_of_the_week_is_of_the_last_that_was_over() -> None:
    due = Plan(BERLIN, WeekTime.parse("Thu 18:30")).due(datetime(2026, 11, 27, tzinfo=UTC))
    assert due is not None
    assert due.name == "2026-W47"


def test_without_a_moment_nothing_is_due() -> None:
    assert Plan(BERLIN).due(datetime(2026, 11, 27, tzinfo=UTC)) is None


def test_a_moment_of_the_week_is_a_day_and_a_time() -> None:
    assert WeekTime.parse(" SUN 23:15 ") == WeekTime(6, time(23, 15))


@pytest.mark.parametrize("text", ["", "07:00", "monday 07:00", "mon 7:00", "mon 25:00", "mon"])
def test_what_is_no_moment_of_the_week_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"neither a moment of the week|hour must be"):
        WeekTime.parse(text)
