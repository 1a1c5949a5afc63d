"""When somebody is there to answer: hours of a week in a time zone, public holidays, days of its own."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from types import MappingProxyType
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

import holidays
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ALWAYS = "always"

_NO_TIME = timedelta(0)
_DAY = timedelta(days=1)
_HOURS = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\s*[-–]\s*(?:([01]?\d|2[0-3]):([0-5]\d)|(24):(00))")
_TRIAL_YEAR = 2026  # to ask whether a country is known any year will do


@dataclass(frozen=True, slots=True, order=True)
class Hours:
    """From ``start`` to ``end`` on the clock on the wall, both counted from midnight.

    ``end`` may be on the next day: up to 48 hours, less than 24 after ``start`` or just that.
    """

    start: timedelta
    end: timedelta

    @classmethod
    def parse(cls, text: str) -> Self:
        """Of "09:00-17:30"; "22:00-06:00" ends on the next morning. Raises ``ValueError``."""
        match = _HOURS.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"{text!r} is not hours such as 09:00-17:30")
        start_hour, start_minute, *rest = match.groups()
        end_hour, end_minute = (part for part in rest if part is not None)
        start = timedelta(hours=int(start_hour), minutes=int(start_minute))
        end = timedelta(hours=int(end_hour), minutes=int(end_minute))
        if start == end:
            raise ValueError(f"{text!r} is no time at all; the whole day is 00:00-24:00")
        return cls(start, end if end > start else end + _DAY)

    @property
    def length(self) -> timedelta:
        """How long it is on a day without a clock change."""
        return self.end - self.start


WHOLE_DAY = Hours(_NO_TIME, _DAY)
Day = tuple[Hours, ...]


@dataclass(frozen=True, slots=True)
class BusinessCalendar:
    """The hours that count.

    Every moment is timezone-aware and given in UTC; ``ValueError`` for one that is not aware. A time on the
    wall that a clock change skips is the moment of the change; one that comes twice is its first coming. So
    a day on which the clocks go forward in opening hours is an hour shorter, and a duration spent is never
    counted twice. Hours that end on the next morning belong to the day they begin on.

    ``week`` has seven days from Monday, each its hours in order without overlap. ``closed`` are dates closed
    besides the public holidays of ``country``; ``special`` gives the hours of single dates and beats both.
    """

    zone: ZoneInfo
    week: tuple[Day, ...]
    closed: frozenset[date] = frozenset()
    special: Mapping[date, Day] = field(default_factory=lambda: MappingProxyType({}))
    country: str | None = None
    subdivision: str | None = None

    def __post_init__(self) -> None:
        if not any(self.week):
            raise ValueError("it never opens")

    def is_open(self, at: datetime) -> bool:
        """Whether ``at`` is in the hours; their last moment is not."""
        at = as_utc(at)
        return next(self._openings(at))[0] <= at

    def next_opening(self, at: datetime) -> datetime:
        """The first open moment that is not before ``at``; ``at`` itself where it is open."""
        at = as_utc(at)
        return max(next(self._openings(at))[0], at)

    def working_time_between(self, start: datetime, end: datetime) -> timedelta:
        """How long it is open from ``start`` to ``end``; nothing where ``end`` is not after ``start``."""
        start, end = as_utc(start), as_utc(end)
        total = _NO_TIME
        for opens, closes in self._openings(start):
            if opens >= end:
                break
            total += max(min(closes, end) - max(opens, start), _NO_TIME)
        return total

    def due(self, at: datetime, working: timedelta) -> datetime:
        """The first moment by which ``working`` has passed in the hours since ``at``; ``at`` itself for none.

        It is the end of a day rather than the next morning. Raises ``ValueError`` for less than nothing.
        """
        at = as_utc(at)
        if working < _NO_TIME:
            raise ValueError("a duration cannot be negative")
        if not working:
            return at
        for opens, closes in self._openings(at):
            begin = max(opens, at)
            if closes - begin >= working:
                return begin + working
            working -= closes - begin
        raise AssertionError("a calendar opens for ever")  # pragma: no cover

    @property
    def working_day(self) -> timedelta:
        """How long a working day is: the middle one, by length, of the weekdays that are open.

        Monday to Friday 8:00-18:00 and Saturday 9:00-13:00 make days of ten hours; a calendar that never
        closes has days of 24.
        """
        lengths = (sum((hours.length for hours in day), _NO_TIME) for day in self.week if day)
        return statistics.median_high(lengths)

    def _openings(self, since: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Open times in UTC that end after ``since``, in order and without overlap, without end."""
        last = datetime.min.replace(tzinfo=UTC)
        # Hours may reach into the next day, and where clocks go back at midnight a date comes twice.
        day = since.astimezone(self.zone).date() - 2 * _DAY
        while True:
            for hours in self._hours(day):
                opens = max(self._moment(day, hours.start), last)
                closes = self._moment(day, hours.end)
                if opens < closes:
                    last = closes
                    if closes > since:
                        yield opens, closes
            day += _DAY

    def _hours(self, day: date) -> Day:
        if day in self.special:
            return self.special[day]
        if day in self.closed or self._is_public_holiday(day):
            return ()
        return self.week[day.weekday()]

    def _is_public_holiday(self, day: date) -> bool:
        return self.country is not None and day in public_holidays(self.country, self.subdivision, day.year)

    def _moment(self, day: date, after_midnight: timedelta) -> datetime:
        wall = datetime.combine(day, time(), tzinfo=self.zone) + after_midnight
        # PEP 495: of a time that comes twice, fold 1 is the later; of one that is skipped, the earlier.
        first, second = wall.astimezone(UTC), wall.replace(fold=1).astimezone(UTC)
        return first if first <= second else _clock_change(self.zone, second, first)


def as_utc(at: datetime) -> datetime:
    """The same moment in UTC, without which Python compares and adds what the clocks on the wall say.

    Raises ``ValueError`` for a moment without a time zone.
    """
    if at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} has no time zone")
    return at.astimezone(UTC)


def _clock_change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The moment between the two from which the offset of ``after`` holds."""
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = (before + (after - before) / 2).replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after


@lru_cache(maxsize=1024)
def public_holidays(country: str, subdivision: str | None, year: int) -> frozenset[date]:
    """Public holidays by the ``holidays`` package, days in lieu among them.

    Raises ``ValueError`` for a country or a subdivision that it does not know. Asked for whole years: the
    package's own mapping fills itself while it is read, which two threads must not do at once.
    """
    try:
        return frozenset(holidays.country_holidays(country, subdiv=subdivision, years=year, expand=False))
    except NotImplementedError as error:
        raise ValueError(f"no public holidays are known: {error}") from None


def _as_day(value: object) -> object:
    """Hours of a day from "09:00-17:00", a list of such, or nothing."""
    if value is None or value == "closed":
        return ()
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"{value!r} is not hours such as 09:00-17:30, nor a list of them")
    day = tuple(sorted(Hours.parse(text) for text in texts))
    if any(following.start < hours.end for hours, following in pairwise(day)):
        raise ValueError(f"the hours {', '.join(texts)} overlap")
    return day


def _by_weekday(value: object) -> object:
    """``{"mon-fri": ...}`` spread over the days; "always" is every day from midnight to midnight."""
    if value == ALWAYS:
        return {day: ["00:00-24:00"] for day in WEEKDAYS}
    if not isinstance(value, dict):
        raise ValueError(f"write hours by weekday, such as mon-fri: 09:00-17:00, or {ALWAYS}")  # noqa: TRY004
    spread: dict[str, object] = {}
    for days, hours in value.items():
        for day in _weekdays(days):
            if day in spread:
                raise ValueError(f"{day} is given twice")
            spread[day] = hours
    return spread


def _weekdays(text: object) -> tuple[str, ...]:
    first, _, last = str(text).partition("-")
    if first not in WEEKDAYS or (last and last not in WEEKDAYS):
        raise ValueError(f"{text!r} is not a weekday; write {', '.join(WEEKDAYS)} or a span such as mon-fri")
    begin, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
    if end < begin:
        raise ValueError(f"{text!r} runs backwards")
    return WEEKDAYS[begin : end + 1]


DayHours = Annotated[Day, BeforeValidator(_as_day)]
WeekHours = Annotated[
    dict[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], DayHours], Field(min_length=1)
]


class HolidaySettings(BaseModel):
    """Days closed: ``country`` is ISO 3166-1 alpha-2, ``subdivision`` ISO 3166-2 without the country."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    country: str | None = None
    subdivision: str | None = None
    dates: frozenset[date] = frozenset()

    @model_validator(mode="after")
    def _are_known(self) -> Self:
        if self.country is None and self.subdivision is not None:
            raise ValueError("a subdivision needs a country")
        if self.country is not None:
            public_holidays(self.country, self.subdivision, _TRIAL_YEAR)
        return self


class CalendarSettings(BaseModel):
    """A calendar as a company writes it down."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    timezone: ZoneInfo
    hours: Annotated[WeekHours, BeforeValidator(_by_weekday)]
    holidays: HolidaySettings = HolidaySettings()
    special: dict[date, DayHours] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _opens(self) -> Self:
        self.calendar()
        return self

    def calendar(self) -> BusinessCalendar:
        """The same, able to count. Raises ``ValueError`` where it never opens."""
        hours: dict[str, Day] = {day: self.hours[day] for day in self.hours}
        return BusinessCalendar(
            self.timezone,
            tuple(hours.get(day, ()) for day in WEEKDAYS),
            closed=self.holidays.dates,
            special=MappingProxyType(dict(self.special)),
            country=self.holidays.country,
            subdivision=self.holidays.subdivision,
        )
