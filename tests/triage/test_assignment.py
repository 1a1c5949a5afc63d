from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from triage.assignment import Needed, Roster
from triage.calendars import CalendarSettings
from triage.rules import Agent, Team

NOON = datetime(2026, 7, 6, 10, 0, tzinfo=UTC)  # a Monday, noon in Berlin
NIGHT = datetime(2026, 7, 6, 22, 0, tzinfo=UTC)
OFFICE = CalendarSettings.model_validate({"timezone": "Europe/Berlin", "hours": {"mon-fri": "08:00-18:00"}})
NIGHTS = CalendarSettings.model_validate({"timezone": "Europe/Berlin", "hours": {"mon-fri": "22:00-06:00"}})

AGENTS = (
    Agent(name="Ana", queues=("billing", "sales"), languages=("en", "de"), skills=("win_back",), capacity=10),
    Agent(name="Ben", queues=("billing",), languages=("en",), skills=("win_back", "enterprise"), capacity=4),
    Agent(name="Cem", queues=("billing",), languages=("de", "tr"), capacity=10),
    Agent(name="Dua", queues=("billing",), capacity=2, calendar="nights"),
)
ROSTER = Roster(
    AGENTS,
    {"billing": Team(calendar="office")},
    {"office": OFFICE.calendar(), "nights": NIGHTS.calendar()},
)


def taken(needed: Needed, *, at: datetime = NOON, load: Mapping[str, int] | None = None) -> str | None:
    return ROSTER.assign(needed, at=at, load=load or {}).agent


def test_the_least_loaded_for_their_capacity_takes_it_and_names_break_ties() -> None:
    assert taken(Needed("billing", "en")) == "Ana"
    assert taken(Needed("billing", "en"), load={"Ana": 3, "Ben": 1}) == "Ben"
    assert taken(Needed("billing", "en"), load={"Ana": 2, "Ben": 1}) == "Ana"


def test_language_and_skills_are_needed() -> None:
    assert taken(Needed("billing", "tr")) == "Cem"
    assert taken(Needed("billing", "en", skills=("enterprise",))) == "Ben"


def test_a_language_nobody_could_tell_keeps_nobody_out() -> None:
    assert taken(Needed("billing"), load={"Ana": 9, "Ben": 3}) == "Cem"


def test_who_is_full_takes_nothing() -> None:
    assert taken(Needed("billing", "tr"), load={"Cem": 10}) is None
    assert taken(Needed("billing", "en"), load={"Ana": 10}) == "Ben"


def test_out_of_hours_only_those_with_hours_of_their_own_are_there() -> None:
    assert taken(Needed("billing", "fr"), at=NIGHT) == "Dua"
    assert taken(Needed("sales", "en"), at=NIGHT) == "Ana"  # a team without a calendar never closes


@pytest.mark.parametrize(
    ("needed", "load", "reason"),
    [
        (Needed("field_service"), {}, "no agents work on field_service"),
        (Needed("billing", "fr"), {}, "none of Ana or Ben or Cem speaks fr"),
        (Needed("billing", "de", skills=("enterprise",)), {}, "none of Ana or Cem knows enterprise"),
        (Needed("billing", "tr"), {"Cem": 11}, "none of Cem has room"),
        (Needed("billing", "tr"), {"Cem": 5}, "Cem has 5 of 10 tickets, the least share"),
        (Needed("billing", "de", wished="Ben"), {"Ben": 3}, "Ben was asked for, and has room"),
    ],
)
def test_the_reason_is_told(needed: Needed, load: Mapping[str, int], reason: str) -> None:
    assert ROSTER.assign(needed, at=NOON, load=load).reason == reason


def test_nobody_is_at_work_when_all_are_off() -> None:
    roster = Roster(AGENTS[:2], ROSTER.teams, ROSTER.calendars)
    assert roster.assign(Needed("billing"), at=NIGHT, load={}).reason == "none of Ana or Ben is at work"


def test_an_agent_asked_for_who_is_away_or_full_leaves_it_to_others() -> None:
    assert taken(Needed("billing", "en", wished="Ben"), load={"Ben": 4}) == "Ana"
    assert taken(Needed("billing", "en", wished="Dua")) == "Ana"
    assert taken(Needed("billing", "en", wished="Dua"), at=NIGHT) == "Dua"
