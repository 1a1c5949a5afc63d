"""Routing rules as a company writes them in YAML: rules, promises, calendars, teams and agents."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from triage.calendars import CalendarSettings
from triage.conditions import Condition
from triage.criteria import BusinessHours, IntentIs, listed
from triage.errors import RoutingInvalid
from triage.labels import Priority
from triage.rules_text import mapping_of
from triage.sla import SlaTarget, SlaTargets

GENERAL = "general"  # the queue of what nobody can place

_REASONS_SHOWN = 10
_LEVELS = tuple(Priority)
Name = Annotated[str, Field(min_length=1, max_length=200)]


class PriorityChange(BaseModel):
    """One change of a priority; a plain "P1" sets it.

    ``raise_by`` and ``lower_by`` count levels and stop at P1 and P4. ``at_least`` and ``at_most`` leave
    alone what is as urgent, or as little, already.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    set: Priority | None = None
    raise_by: int | None = Field(None, ge=1, le=3)
    lower_by: int | None = Field(None, ge=1, le=3)
    at_least: Priority | None = None
    at_most: Priority | None = None

    @model_validator(mode="after")
    def _is_one_change(self) -> Self:
        if len(self.model_dump(exclude_none=True)) != 1:
            raise ValueError("give one of set, raise_by, lower_by, at_least and at_most")
        return self

    def of(self, priority: Priority) -> Priority:
        """``priority`` after the change."""
        level = _LEVELS.index(priority) - (self.raise_by or 0) + (self.lower_by or 0)
        if self.at_least is not None:
            level = min(level, _LEVELS.index(self.at_least))
        if self.at_most is not None:
            level = max(level, _LEVELS.index(self.at_most))
        return self.set or _LEVELS[min(max(level, 0), len(_LEVELS) - 1)]


def _as_change(value: object) -> object:
    return {"set": value} if isinstance(value, str) else value


Names = Annotated[tuple[Name, ...], BeforeValidator(listed)]


class Actions(BaseModel):
    """What a rule does. ``auto_reply`` names a reply; ``close`` needs no person; ``stop`` ends the rules."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    queue: Name | None = None
    priority: Annotated[PriorityChange | None, BeforeValidator(_as_change)] = None
    tags: Names = ()
    skills: Names = ()
    assign_to: Name | None = None
    escalate_to: Names = ()
    sla: SlaTarget | None = None
    auto_reply: Name | None = None
    close: bool = False
    stop: bool = False

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if self == Actions.model_construct():
            raise ValueError("it does nothing")
        return self


class Rule(BaseModel):
    """Under a condition, something is done. Explanations tell rules by their names, which are unique."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    when: Condition
    then: Actions
    description: str = ""


class OutOfHours(BaseModel):
    """Where tickets of this priority or a more urgent one go while a team is closed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    queue: Name
    at_least: Priority = Priority.P1


class Team(BaseModel):
    """Who works on a queue, and when. Without a calendar it never closes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    calendar: Name | None = None
    out_of_hours: OutOfHours | None = None

    @model_validator(mode="after")
    def _can_be_closed(self) -> Self:
        if self.out_of_hours is not None and self.calendar is None:
            raise ValueError("out_of_hours needs a calendar")
        return self


class Agent(BaseModel):
    """A person. Without languages any is understood; without a calendar they work when their team does."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    queues: Annotated[Names, Field(min_length=1)]
    languages: Names = ()
    skills: Names = ()
    capacity: int = Field(ge=1, le=10_000)
    calendar: Name | None = None


class RoutingSettings(BaseModel):
    """All of it. Where ``teams`` are given, they are all the queues there are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: tuple[Rule, ...] = ()
    sla: SlaTargets | None = None
    calendars: dict[Name, CalendarSettings] = Field(default_factory=dict)
    teams: dict[Name, Team] = Field(default_factory=dict)
    agents: tuple[Agent, ...] = ()
    default_queue: Name = GENERAL


KEYS = frozenset(RoutingSettings.model_fields)


def read_routing(file: Path, *, intents: Collection[str] = ()) -> RoutingSettings:
    """The rules of a YAML file that holds nothing else.

    ``intents`` are the full names of all leaves and parents there are; where given, rules may name no
    others. Raises ``RoutingInvalid``, which names the file, the places in it and what is wrong with each.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise RoutingInvalid(f"{file} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise RoutingInvalid(f"{file} is not UTF-8: {error.reason} at byte {error.start}.") from None
    data = mapping_of(text, source=str(file), keys=KEYS)
    return parse_only_routing(data, source=str(file), intents=intents)


def parse_only_routing(
    data: Mapping[str, object], *, source: str, intents: Collection[str] = ()
) -> RoutingSettings:
    """As ``parse_routing``, of what holds nothing but rules: a key that is not known is refused."""
    unknown = [(str(key), f"it is not known here{_meant(str(key), KEYS)}") for key in data if key not in KEYS]
    _refuse(source, unknown)
    return parse_routing(data, source=source, intents=intents)


def parse_routing(
    data: Mapping[str, object], *, source: str, intents: Collection[str] = ()
) -> RoutingSettings:
    """The rules among ``data``, a mapping read from ``source`` that may hold other things besides.

    ``intents`` and errors as with ``read_routing``.
    """
    own = {key: value for key, value in data.items() if key in KEYS}
    try:
        settings = RoutingSettings.model_validate(own)
    except ValidationError as error:
        _refuse(source, [(_place(found["loc"]), _reason(found["msg"])) for found in error.errors()])
        raise AssertionError from error  # pragma: no cover
    _refuse(source, [(found.place, found.reason) for found in _wrong_names(settings, intents)])
    return settings


def _refuse(source: str, problems: list[tuple[str, str]]) -> None:
    if problems:
        shown = "; ".join(f"{place}: {reason}" for place, reason in problems[:_REASONS_SHOWN])
        more = f"; and {len(problems) - _REASONS_SHOWN} more" if len(problems) > _REASONS_SHOWN else ""
        raise RoutingInvalid(f"{source}: {shown}{more}.", problems)


def _place(location: Iterable[str | int]) -> str:
    """Such as "rules[2].when.all[0].at_least", without the tags of conditions in angle brackets."""
    steps = (step for step in location if not str(step).startswith("<") and step != "[key]")
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(".")


def _reason(message: str) -> str:
    message = message.removeprefix("Value error, ")
    return "it is not known here" if message.startswith("Extra inputs") else message


@dataclass(frozen=True, slots=True)
class _Problem:
    place: str
    reason: str


def _wrong_names(settings: RoutingSettings, intents: Collection[str]) -> Iterator[_Problem]:
    """Names that say nothing, and those that are given twice."""
    for kind, things in (("rules", settings.rules), ("agents", settings.agents)):
        names = [thing.name for thing in things]
        for number, name in enumerate(names):
            if name in names[:number]:
                yield _Problem(f"{kind}[{number}].name", f"{name!r} is there twice")
    if settings.sla is None:
        for number, rule in enumerate(settings.rules):
            if rule.then.sla is not None:
                yield _Problem(f"rules[{number}].then.sla", "there is no sla to change")
    for what, known, named in (
        ("calendar", settings.calendars, _calendars_named(settings)),
        ("queue", settings.teams, _queues_named(settings) if settings.teams else ()),
        ("agent", {agent.name for agent in settings.agents}, _agents_named(settings)),
        ("intent", set(intents), _intents_named(settings) if intents else ()),
    ):
        for place, name in named:
            if name not in known:
                yield _Problem(place, f"there is no {what} {name!r}{_meant(name, known)}")


def _meant(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; {close[0]!r} was meant?" if close else ""


def _calendars_named(settings: RoutingSettings) -> Iterator[tuple[str, str]]:
    if settings.sla is not None:
        yield from ((f"sla.{place}", name) for place, name in settings.sla.calendars())
    for number, rule in enumerate(settings.rules):
        for condition in rule.when.within():
            if isinstance(condition, BusinessHours):
                yield f"rules[{number}].when", condition.calendar
        if rule.then.sla is not None and rule.then.sla.calendar is not None:
            yield f"rules[{number}].then.sla.calendar", rule.then.sla.calendar
    for queue, team in settings.teams.items():
        if team.calendar is not None:
            yield f"teams.{queue}.calendar", team.calendar
    for number, agent in enumerate(settings.agents):
        if agent.calendar is not None:
            yield f"agents[{number}].calendar", agent.calendar


def _queues_named(settings: RoutingSettings) -> Iterator[tuple[str, str]]:
    yield "default_queue", settings.default_queue
    for number, rule in enumerate(settings.rules):
        if rule.then.queue is not None:
            yield f"rules[{number}].then.queue", rule.then.queue
    for queue, team in settings.teams.items():
        if team.out_of_hours is not None:
            yield f"teams.{queue}.out_of_hours.queue", team.out_of_hours.queue
    for number, agent in enumerate(settings.agents):
        yield from ((f"agents[{number}].queues", queue) for queue in agent.queues)
    if settings.sla is not None:
        yield from ((f"sla.queues.{queue}", queue) for queue in settings.sla.queues)


def _agents_named(settings: RoutingSettings) -> Iterator[tuple[str, str]]:
    for number, rule in enumerate(settings.rules):
        if rule.then.assign_to is not None:
            yield f"rules[{number}].then.assign_to", rule.then.assign_to


def _intents_named(settings: RoutingSettings) -> Iterator[tuple[str, str]]:
    for number, rule in enumerate(settings.rules):
        for condition in rule.when.within():
            if isinstance(condition, IntentIs):
                yield from ((f"rules[{number}].when", intent) for intent in condition.intent)
