"""What was promised: how soon a first response and a resolution are due, and the clock that counts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from triage.calendars import BusinessCalendar, as_utc
from triage.labels import Priority

AT_RISK = 0.75  # share of the time used from which a promise is at risk

_DURATION = re.compile(r"(?:(\d{1,3})d)?\s*(?:(\d{1,4})h)?\s*(?:(\d{1,5})m)?")
_NO_TIME = timedelta(0)


@dataclass(frozen=True, slots=True)
class Duration:
    """A working time: "15m", "4h", "2d", "1d 4h".

    Minutes and hours are those of the calendar it is counted in. A day is a working day of that calendar
    (``BusinessCalendar.working_day``): "2d" from Friday 14:00 is due on Tuesday 14:00, and 48 hours later
    where a calendar never closes.
    """

    days: int
    rest: timedelta

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ``ValueError`` for what is no duration, or none at all."""
        match = _DURATION.fullmatch(text.strip())
        days, hours, minutes = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
        if not days + hours + minutes:
            raise ValueError(f"{text!r} is not a duration such as 15m, 4h, 2d or 1d 4h")
        return cls(days, timedelta(hours=hours, minutes=minutes))

    def in_hours_of(self, calendar: BusinessCalendar) -> timedelta:
        """As working time of ``calendar``."""
        return self.days * calendar.working_day + self.rest


def _as_duration(value: object) -> object:
    if isinstance(value, Duration):
        return value
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a duration such as 15m, 4h or 2d")  # noqa: TRY004 (pydantic's)
    return Duration.parse(value)


Working = Annotated[Duration, BeforeValidator(_as_duration)]


class SlaTarget(BaseModel):
    """How soon, and by which calendar; what is left out stays as it was before this target."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    first_response: Working | None = None
    resolution: Working | None = None
    calendar: str | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("it changes nothing: give first_response, resolution or calendar")
        return self

    def over(self, other: SlaTarget) -> SlaTarget:
        """The same, with ``other`` for what it leaves out."""
        return SlaTarget(
            first_response=self.first_response or other.first_response,
            resolution=self.resolution or other.resolution,
            calendar=self.calendar or other.calendar,
        )


class SlaTargets(BaseModel):
    """Targets by priority, with exceptions.

    ``queues`` and ``tiers`` name only what differs: that of a queue counts over ``targets``, that of a
    customer's tier over that of the queue, since a contract was signed for it. ``tier_fact`` names the fact
    about a customer that holds the tier.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    calendar: str
    targets: dict[Priority, SlaTarget]
    queues: dict[str, dict[Priority, SlaTarget]] = Field(default_factory=dict)
    tiers: dict[str, dict[Priority, SlaTarget]] = Field(default_factory=dict)
    tier_fact: str = "tier"
    at_risk: float = Field(AT_RISK, gt=0, lt=1)

    @model_validator(mode="after")
    def _covers_all(self) -> Self:
        for priority in Priority:
            target = self.targets.get(priority)
            if target is None or target.first_response is None or target.resolution is None:
                raise ValueError(f"{priority} needs first_response and resolution under targets")
        return self

    def target(self, priority: Priority, *, queue: str, tier: object = None) -> SlaTarget:
        """What holds for a ticket; all three of its parts are given."""
        target = self.targets[priority].over(SlaTarget(calendar=self.calendar))
        for exceptions in (self.queues.get(queue, {}), self.tiers.get(str(tier), {})):
            if priority in exceptions:
                target = exceptions[priority].over(target)
        return target

    def calendars(self) -> Iterable[tuple[str, str]]:
        """Every calendar named, with the place it is named in."""
        yield "calendar", self.calendar
        groups: list[tuple[str, Mapping[Priority, SlaTarget]]] = [("targets", self.targets)]
        groups += [(f"queues.{name}", targets) for name, targets in self.queues.items()]
        groups += [(f"tiers.{name}", targets) for name, targets in self.tiers.items()]
        for place, targets in groups:
            for priority, target in targets.items():
                if target.calendar is not None:
                    yield f"{place}.{priority}.calendar", target.calendar


class Step(StrEnum):
    """What happens to a clock."""

    STARTED = "started"
    PAUSED = "paused"  # the company waits for the customer
    RESUMED = "resumed"  # the customer wrote again, or the ticket was opened again
    STOPPED = "stopped"  # the promise is kept, or too late to be


@dataclass(frozen=True, slots=True)
class SlaEvent:
    """A step of a clock, and when."""

    step: Step
    at: datetime


@dataclass(frozen=True, slots=True)
class SlaClock:
    """Working time used of ``allowed``: a function of what has happened, and of when it is asked.

    Events may come in any order, as helpdesks send them; those of the same moment count in the order given.
    A pause within a pause, and whatever comes before the start, changes nothing.
    """

    calendar: BusinessCalendar
    allowed: timedelta
    events: tuple[SlaEvent, ...]

    @classmethod
    def start(cls, calendar: BusinessCalendar, allowed: timedelta, *, at: datetime) -> Self:
        """A clock that runs from ``at``. Raises ``ValueError`` unless ``allowed`` is more than nothing."""
        if allowed <= _NO_TIME:
            raise ValueError("a clock needs time to count down")
        return cls(calendar, allowed, (SlaEvent(Step.STARTED, at),))

    def after(self, step: Step, *, at: datetime) -> SlaClock:
        """The clock once ``step`` has happened as well."""
        return SlaClock(self.calendar, self.allowed, (*self.events, SlaEvent(step, at)))

    def pause(self, at: datetime) -> SlaClock:
        """The clock, waiting for the customer since ``at``."""
        return self.after(Step.PAUSED, at=at)

    def resume(self, at: datetime) -> SlaClock:
        """The clock, running again since ``at``."""
        return self.after(Step.RESUMED, at=at)

    def stop(self, at: datetime) -> SlaClock:
        """The clock, done at ``at``."""
        return self.after(Step.STOPPED, at=at)

    def state(self, now: datetime) -> Step | None:
        """The last step that counted by ``now``; None before the start."""
        state: Step | None = None
        for event in self._until(now):
            state = _next_state(state, event.step)
        return state

    def used(self, now: datetime) -> timedelta:
        """Working time that ran from the start to ``now``, without pauses."""
        total = _NO_TIME
        state: Step | None = None
        since = now
        for event in self._until(now):
            if _runs(state):
                total += self.calendar.working_time_between(since, event.at)
            state, since = _next_state(state, event.step), event.at
        return total + self.calendar.working_time_between(since, now) if _runs(state) else total

    def remaining(self, now: datetime) -> timedelta:
        """Working time left; less than nothing once the promise is broken."""
        return self.allowed - self.used(now)

    def share_used(self, now: datetime) -> float:
        """Of what is allowed: 0 at the start, 1 when due, above 1 when broken."""
        return self.used(now) / self.allowed

    def breached(self, now: datetime) -> bool:
        """Whether more was used than allowed; a clock that stopped too late stays so."""
        return self.used(now) > self.allowed

    def at_risk(self, now: datetime, *, share: float = AT_RISK) -> bool:
        """Whether it still runs or waits, is not broken, and ``share`` or more of the time is used."""
        open_still = self.state(now) not in (None, Step.STOPPED)
        return open_still and not self.breached(now) and self.share_used(now) >= share

    def due(self, now: datetime) -> datetime | None:
        """When the promise breaks, or broke, if it runs on; None while it does not run and is not broken."""
        state: Step | None = None
        left, since = self.allowed, now
        for event in self._until(now):
            if _runs(state):
                used = self.calendar.working_time_between(since, event.at)
                if used > left:
                    break
                left -= used
            state, since = _next_state(state, event.step), event.at
        return self.calendar.due(since, left) if _runs(state) else None

    def _until(self, now: datetime) -> list[SlaEvent]:
        moments = sorted((as_utc(event.at), place) for place, event in enumerate(self.events))
        return [self.events[place] for moment, place in moments if moment <= as_utc(now)]


def _runs(state: Step | None) -> bool:
    return state in (Step.STARTED, Step.RESUMED)


def _next_state(state: Step | None, step: Step) -> Step | None:
    if state is None:
        return step if step is Step.STARTED else None
    if step is Step.STARTED or (step is Step.PAUSED and state is Step.STOPPED):
        return state
    return step
