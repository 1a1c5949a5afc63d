from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from insights.errors import WeekInvalid
from insights.week import Period, Week

LONDON, BERLIN = ZoneInfo("Europe/London"), ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def test_a_week_begins_on_monday_where_the_company_is() -> None:
    week = Week.of(datetime(2026, 11, 22, 23, 30, tzinfo=UTC), BERLIN)
    assert week.name == "2026-W48"  # half past midnight in Berlin
    assert week.start == datetime(2026, 11, 22, 23, tzinfo=UTC)
    assert week.end - week.start == timedelta(days=7)
    assert Week.of(datetime(2026, 11, 22, 23, 30, tzinfo=UTC), LONDON).name == "2026-W47"


@pytest.mark.parametrize(("name", "hours"), [("2026-W13", 167), ("2026-W43", 169), ("2026-W20", 168)])
def test_a_week_in_which_clocks_change_is_an_hour_shorter_or_longer(name: str, hours: int) -> None:
    week = Week.parse(name, BERLIN, now=NOW)
    assert week.end - week.start == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("text", "name"),
    [("last", "2026-W47"), ("current", "2026-W48"), ("2026-W01", "2026-W01"), ("2020-W53", "2020-W53")],
)
def test_weeks_are_asked_for_by_name(text: str, name: str) -> None:
    assert Week.parse(text, LONDON, now=NOW).name == name


@pytest.mark.parametrize("text", ["", "2026-48", "2026-W00", "2026-W54", "2025-W53", "yesterday", "0000-W01"])
def test_what_is_no_week_is_refused(text: str) -> None:
    with pytest.raises(WeekInvalid, match="is no week"):
        Week.parse(text, LONDON, now=NOW)


def test_a_week_that_has_not_begun_is_refused() -> None:
    with pytest.raises(WeekInvalid, match="2026-W49 has not begun"):
        Week.parse("2026-W49", LONDON, now=NOW)


def test_weeks_go_back_over_new_year() -> None:
    assert Week(2026, 1, LONDON).earlier(1).name == "2025-W52"
    assert Week(2021, 1, LONDON).earlier(1).name == "2020-W53"


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("2026-W48", "23 to 29 November 2026"),
        ("2026-W31", "27 July to 2 August 2026"),
        ("2026-W01", "29 December 2025 to 4 January 2026"),
    ],
)
def test_the_title_says_which_days(name: str, title: str) -> None:
    assert Week.parse(name, LONDON, now=NOW).title == title


def test_a_running_week_is_compared_with_the_same_part_of_those_before() -> None:
    week = Week.of(NOW, LONDON)
    period = week.until(NOW)
    assert period == Period(week.start, NOW)
    earlier = week.earlier(2)
    assert earlier.as_long_as(period) == Period(earlier.start, NOW - timedelta(weeks=2))
    assert week.until(week.end + timedelta(days=3)).end == week.end
