from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from triage.calendars import BusinessCalendar, CalendarSettings, public_holidays

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")
HOUR = timedelta(hours=1)


def calendar(hours: object, *, timezone: str = "Europe/Berlin", **further: Any) -> BusinessCalendar:
    return CalendarSettings.model_validate({"timezone": timezone, "hours": hours, **further}).calendar()


OFFICE = calendar({"mon-fri": "09:00-17:00"})
ALWAYS = calendar("always")
# Hours on both sides of each clock change, and across it.
NIGHTS = calendar({"mon-sun": ["22:00-02:30", "03:15-08:00"]}, timezone="America/New_York")
LUNCH = calendar({"mon-fri": ["09:00-12:00", "13:00-17:00"], "sat": "10:00-13:00"})
SANTIAGO = calendar({"mon-sun": "00:00-24:00"}, timezone="America/Santiago")  # clocks change at midnight
CALENDARS = {"office": OFFICE, "always": ALWAYS, "nights": NIGHTS, "lunch": LUNCH, "santiago": SANTIAGO}

moments = st.datetimes(
    min_value=datetime(2020, 1, 1),  # noqa: DTZ001 (the zone is drawn)
    max_value=datetime(2030, 1, 1),  # noqa: DTZ001 (the zone is drawn)
    timezones=st.sampled_from([UTC, BERLIN, NEW_YORK]),
)
clock_changes = st.builds(
    lambda near, seconds, zone: (near + timedelta(seconds=seconds)).astimezone(zone),
    st.sampled_from(
        [
            datetime(2026, 3, 29, 1, tzinfo=UTC),
            datetime(2026, 10, 25, 1, tzinfo=UTC),
            datetime(2026, 3, 8, 7, tzinfo=UTC),
            datetime(2026, 11, 1, 6, tzinfo=UTC),
            datetime(2026, 4, 5, 3, tzinfo=UTC),
            datetime(2026, 9, 6, 4, tzinfo=UTC),
        ]
    ),
    st.integers(-200_000, 200_000),
    st.sampled_from([UTC, BERLIN, NEW_YORK, ZoneInfo("America/Santiago")]),
)
any_moment = moments | clock_changes
working_times = st.timedeltas(timedelta(0), timedelta(hours=300))
any_calendar = st.sampled_from(sorted(CALENDARS)).map(CALENDARS.__getitem__)


@given(any_calendar, any_moment, working_times)
def test_the_time_worked_until_due_is_the_time_allowed(
    chosen: BusinessCalendar, at: datetime, working: timedelta
) -> None:
    assert chosen.working_time_between(at, chosen.due(at, working)) == working


@given(any_calendar, any_moment, st.timedeltas(timedelta(0), timedelta(days=40)))
def test_due_is_the_first_moment_by_which_that_was_worked(
    chosen: BusinessCalendar, at: datetime, length: timedelta
) -> None:
    end = at.astimezone(UTC) + length
    due = chosen.due(at, chosen.working_time_between(at, end))
    assert due <= end
    assert chosen.working_time_between(due, end) == timedelta(0)


@given(any_calendar, any_moment, working_times, working_times)
def test_more_work_is_never_due_sooner(
    chosen: BusinessCalendar, at: datetime, first: timedelta, more: timedelta
) -> None:
    assert chosen.due(at, first) <= chosen.due(at, first + more)
    assert chosen.due(chosen.due(at, first), more) == chosen.due(at, first + more) or not more


@given(any_calendar, any_moment, st.timedeltas(timedelta(0), timedelta(days=9)), st.integers(0, 100))
def test_working_time_adds_up_at_every_moment(
    chosen: BusinessCalendar, at: datetime, length: timedelta, percent: int
) -> None:
    start = at.astimezone(UTC)
    middle, end = start + length * percent / 100, start + length
    whole = chosen.working_time_between(start, end)
    assert whole == chosen.working_time_between(start, middle) + chosen.working_time_between(middle, end)
    assert timedelta(0) <= whole <= length


@given(any_calendar, any_moment)
def test_the_next_opening_is_open_and_nothing_before_it_is(chosen: BusinessCalendar, at: datetime) -> None:
    opening = chosen.next_opening(at)
    assert opening >= at
    assert chosen.is_open(opening)
    assert chosen.is_open(at) == (opening == at.astimezone(UTC))
    assert chosen.working_time_between(at, opening) == timedelta(0)


@given(any_moment, working_times)
def test_a_calendar_that_never_closes_counts_every_second(at: datetime, working: timedelta) -> None:
    for never_closed in (ALWAYS, SANTIAGO):
        assert never_closed.is_open(at)
        assert never_closed.due(at, working) - at.astimezone(UTC) == working


def test_an_evening_and_a_weekend_do_not_count() -> None:
    friday = datetime(2026, 7, 3, 16, 0, tzinfo=BERLIN)
    assert OFFICE.due(friday, 3 * HOUR) == datetime(2026, 7, 6, 11, 0, tzinfo=BERLIN)
    assert OFFICE.next_opening(datetime(2026, 7, 4, 12, 0, tzinfo=BERLIN)) == datetime(
        2026, 7, 6, 9, 0, tzinfo=BERLIN
    )


def test_what_fills_the_day_is_due_when_it_ends_and_not_on_the_next_morning() -> None:
    assert OFFICE.due(datetime(2026, 7, 1, 9, 0, tzinfo=BERLIN), 8 * HOUR) == datetime(
        2026, 7, 1, 17, 0, tzinfo=BERLIN
    )
    assert not OFFICE.is_open(datetime(2026, 7, 1, 17, 0, tzinfo=BERLIN))


def test_nothing_allowed_is_due_at_once_even_when_closed() -> None:
    night = datetime(2026, 7, 4, 3, 0, tzinfo=UTC)
    assert OFFICE.due(night, timedelta(0)) == night


def test_moments_are_given_in_utc() -> None:
    for moment in (
        OFFICE.next_opening(datetime(2026, 7, 1, 11, tzinfo=BERLIN)),
        OFFICE.due(datetime(2026, 7, 1, 11, tzinfo=BERLIN), HOUR),
        OFFICE.due(datetime(2026, 7, 1, 11, tzinfo=BERLIN), timedelta(0)),
    ):
        assert moment.tzinfo is UTC


def test_backwards_is_no_working_time() -> None:
    noon = datetime(2026, 7, 1, 12, tzinfo=BERLIN)
    assert OFFICE.working_time_between(noon, noon - HOUR) == timedelta(0)


def test_in_berlin_an_hour_is_missing_in_spring_and_there_twice_in_autumn() -> None:
    sundays = calendar({"sun": "00:00-06:00"})
    spring = datetime(2026, 3, 29, tzinfo=BERLIN), datetime(2026, 3, 30, tzinfo=BERLIN)
    autumn = datetime(2026, 10, 25, tzinfo=BERLIN), datetime(2026, 10, 26, tzinfo=BERLIN)
    assert sundays.working_time_between(*spring) == 5 * HOUR
    assert sundays.working_time_between(*autumn) == 7 * HOUR
    assert sundays.due(spring[0], 4 * HOUR) == datetime(2026, 3, 29, 5, 0, tzinfo=BERLIN)
    assert sundays.due(autumn[0], 4 * HOUR) == datetime(2026, 10, 25, 3, 0, tzinfo=BERLIN)


def test_in_new_york_an_hour_is_missing_in_spring_and_there_twice_in_autumn() -> None:
    sundays = calendar({"sun": "01:00-09:00"}, timezone="America/New_York")
    spring = datetime(2026, 3, 8, tzinfo=NEW_YORK), datetime(2026, 3, 9, tzinfo=NEW_YORK)
    autumn = datetime(2026, 11, 1, tzinfo=NEW_YORK), datetime(2026, 11, 2, tzinfo=NEW_YORK)
    assert sundays.working_time_between(*spring) == 7 * HOUR
    assert sundays.working_time_between(*autumn) == 9 * HOUR
    assert sundays.due(spring[0], 2 * HOUR) == datetime(2026, 3, 8, 4, 0, tzinfo=NEW_YORK)
    assert sundays.due(autumn[0], 2 * HOUR) == datetime(2026, 11, 1, 2, 0, tzinfo=NEW_YORK)


def test_office_hours_are_those_of_the_wall_on_both_sides_of_a_clock_change() -> None:
    friday = datetime(2026, 3, 27, 16, 0, tzinfo=BERLIN)
    monday = OFFICE.due(friday, 2 * HOUR)
    assert monday == datetime(2026, 3, 30, 10, 0, tzinfo=BERLIN)
    assert monday - friday.astimezone(UTC) == timedelta(days=2, hours=17)  # not 18: an hour was skipped


@pytest.mark.parametrize(
    ("hours", "worked"),
    [
        ("02:30-06:00", 3 * HOUR),  # opens when the clock jumps from 2:00 to 3:00
        ("00:00-02:30", 2 * HOUR),  # closes then
        (["00:00-02:15", "02:45-04:00"], 3 * HOUR),  # the gap between the two is skipped as well
    ],
)
def test_a_time_that_is_skipped_is_the_moment_of_the_change(hours: object, worked: timedelta) -> None:
    sundays = calendar({"sun": hours})
    assert (
        sundays.working_time_between(
            datetime(2026, 3, 29, tzinfo=BERLIN), datetime(2026, 3, 30, tzinfo=BERLIN)
        )
        == worked
    )


def test_hours_that_are_skipped_altogether_are_no_hours() -> None:
    sundays = calendar({"sun": "02:10-02:50"})
    assert sundays.next_opening(datetime(2026, 3, 29, tzinfo=BERLIN)) == datetime(
        2026, 4, 5, 2, 10, tzinfo=BERLIN
    )


def test_a_time_that_comes_twice_is_its_first_coming() -> None:
    sundays = calendar({"sun": "02:30-06:00"})
    first = datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN)
    assert sundays.next_opening(datetime(2026, 10, 25, tzinfo=BERLIN)) == first.astimezone(UTC)
    assert sundays.is_open(first.replace(minute=10, fold=1))
    assert not sundays.is_open(first.replace(minute=10))


def test_the_zone_a_moment_is_given_in_does_not_matter() -> None:
    before = datetime(2026, 10, 25, 1, 30, tzinfo=BERLIN)
    second = datetime(2026, 10, 25, 2, 15, tzinfo=BERLIN, fold=1)
    assert ALWAYS.due(before, 2 * HOUR) == ALWAYS.due(before.astimezone(UTC), 2 * HOUR)
    assert ALWAYS.working_time_between(before, second) == timedelta(hours=1, minutes=45)


def test_a_night_ends_on_the_next_morning_and_belongs_to_the_day_it_began_on() -> None:
    fridays = calendar({"fri": "22:00-06:00"})
    assert fridays.is_open(datetime(2026, 7, 4, 5, 59, tzinfo=BERLIN))
    assert not fridays.is_open(datetime(2026, 7, 3, 5, 59, tzinfo=BERLIN))


def test_nights_that_overlap_the_next_day_are_counted_once() -> None:
    both = calendar({"mon": "20:00-10:00", "tue": "09:00-11:00"})
    monday = datetime(2026, 7, 6, tzinfo=BERLIN)
    assert both.working_time_between(monday, monday + timedelta(days=3)) == 15 * HOUR


def test_public_holidays_are_those_of_the_country_and_its_part() -> None:
    bavaria = calendar({"mon-fri": "09:00-17:00"}, holidays={"country": "DE", "subdivision": "BY"})
    berlin = calendar({"mon-fri": "09:00-17:00"}, holidays={"country": "DE", "subdivision": "BE"})
    epiphany = datetime(2026, 1, 6, 10, tzinfo=BERLIN)
    assert not bavaria.is_open(epiphany)
    assert berlin.is_open(epiphany)


def test_a_holiday_on_a_weekend_is_kept_in_lieu_where_the_law_says_so() -> None:
    office = calendar({"mon-fri": "09:00-17:00"}, timezone="America/New_York", holidays={"country": "US"})
    assert not office.is_open(datetime(2026, 7, 3, 10, tzinfo=NEW_YORK))


def test_dates_of_its_own_are_closed_and_special_hours_beat_everything() -> None:
    office = calendar(
        {"mon-fri": "09:00-17:00"},
        holidays={"country": "DE", "dates": [date(2026, 12, 24), date(2026, 12, 31)]},
        special={date(2026, 12, 31): "09:00-12:00", date(2026, 12, 26): "10:00-11:00"},
    )
    christmas_eve = datetime(2026, 12, 24, 9, tzinfo=BERLIN)
    assert office.next_opening(christmas_eve) == datetime(2026, 12, 26, 10, tzinfo=BERLIN)
    new_years_eve = datetime(2026, 12, 31, tzinfo=BERLIN)
    assert office.working_time_between(new_years_eve, new_years_eve + timedelta(days=1)) == 3 * HOUR


@pytest.mark.parametrize(
    ("hours", "length"),
    [
        ({"mon-fri": "08:00-18:00", "sat": "09:00-13:00"}, 10 * HOUR),
        ({"mon-thu": ["08:00-12:00", "13:00-17:00"], "fri": "08:00-12:00"}, 8 * HOUR),
        ("always", 24 * HOUR),
    ],
)
def test_a_working_day_is_the_middle_one(hours: object, length: timedelta) -> None:
    assert calendar(hours).working_day == length


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ({"hours": {"mon-fri": "9-17"}}, "'9-17' is not hours such as 09:00-17:30"),
        ({"hours": {"mon": "09:00-09:00"}}, "the whole day is 00:00-24:00"),
        ({"hours": {"mon": ["09:00-12:00", "11:00-13:00"]}}, "overlap"),
        ({"hours": {"mon": 540}}, "540 is not hours"),
        ({"hours": {"mon-fri": "09:00-17:00", "fri": "09:00-12:00"}}, "fri is given twice"),
        ({"hours": {"montag": "09:00-17:00"}}, "'montag' is not a weekday"),
        ({"hours": {"fri-mon": "09:00-17:00"}}, "runs backwards"),
        ({"hours": ["09:00-17:00"]}, "write hours by weekday"),
        ({"hours": {}}, "hours"),
        ({"hours": {"mon-fri": "closed"}}, "it never opens"),
        ({"timezone": "Europe/Atlantis", "hours": "always"}, "timezone"),
        ({"hours": "always", "holidays": {"country": "Atlantis"}}, "Atlantis not available"),
        ({"hours": "always", "holidays": {"country": "DE", "subdivision": "Q"}}, "subdivision Q"),
        ({"hours": "always", "holidays": {"subdivision": "BE"}}, "a subdivision needs a country"),
        ({"hours": "always", "holiday": {}}, "Extra inputs"),
    ],
)
def test_what_cannot_be_a_calendar_is_refused(written: Mapping[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        CalendarSettings.model_validate({"timezone": "Europe/Berlin", **written})


def test_a_calendar_without_hours_is_refused_however_it_is_made() -> None:
    with pytest.raises(ValueError, match="never opens"):
        BusinessCalendar(BERLIN, ((),) * 7)


def test_a_moment_without_a_time_zone_is_refused() -> None:
    naive = datetime(2026, 7, 1, 12)  # noqa: DTZ001 (that is the point)
    aware = datetime(2026, 7, 1, 12, tzinfo=UTC)
    for call in (
        lambda: OFFICE.is_open(naive),
        lambda: OFFICE.next_opening(naive),
        lambda: OFFICE.due(naive, HOUR),
        lambda: OFFICE.working_time_between(naive, aware),
        lambda: OFFICE.working_time_between(aware, naive),
    ):
        with pytest.raises(ValueError, match="has no time zone"):
            call()


def test_less_than_nothing_cannot_be_due() -> None:
    with pytest.raises(ValueError, match="negative"):
        OFFICE.due(datetime(2026, 7, 1, 12, tzinfo=UTC), -HOUR)


def test_public_holidays_of_a_year_are_asked_for_once() -> None:
    assert public_holidays("DE", "BE", 2027) is public_holidays("DE", "BE", 2027)
