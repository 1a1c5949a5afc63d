from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from insights.contact import Contact, ContactKind, Ending, ReplyKind
from insights.history import Counts
from insights.service import service
from insights.spikes import incidents
from insights.week import Week
from kit.ids import DEFAULT_WORKSPACE
from store.engine import Database
from tests.insights.said import MONDAY, contact, reply, turn
from tests.triage.tiny_models import RULES
from tests.triage.triaged import triaged
from triage.labels import Priority
from triage.routing import Router
from triage.rules import parse_routing

pytestmark = pytest.mark.anyio
WEEK = Week(2026, 48, ZoneInfo("Europe/London"))
PERIOD = WEEK.until(WEEK.end)
ROUTER = Router.of(parse_routing(RULES, source="test"))


async def test_endings_waits_and_days_are_counted(database: Database) -> None:
    asked = turn("How do I cancel?")
    contacts = [
        contact(asked, name="a", replies=(reply(minutes=0.1),)),
        contact(asked, name="b", replies=(reply(minutes=0.3, rating="up"),)),
        contact(asked, name="c", replies=(reply(ReplyKind.HANDOVER, minutes=0.2),), agents=("Hello.",)),
        contact(asked, name="d", replies=(reply(ReplyKind.HANDOVER, minutes=0.2),), handed_over=True),
        contact(turn("A ticket", at=MONDAY + timedelta(days=2)), name="e", kind=ContactKind.TICKET),
    ]
    before = [Counts(endings=Counter({Ending.ASSUMED: 3, Ending.ABANDONED: 1}))]
    async with database.read() as connection:
        found = await service(
            connection, DEFAULT_WORKSPACE, contacts, before, week=WEEK, period=PERIOD, router=None
        )
    assert (found.conversations, found.tickets, found.waiting) == (4, 1, 1)
    assert [count for _, count in found.by_day] == [4, 0, 1, 0, 0, 0, 0]
    assert found.endings == {
        Ending.CONFIRMED: 1, Ending.ASSUMED: 1, Ending.HANDED_OVER: 2, Ending.ABANDONED: 0,
    }  # fmt: skip
    assert found.by_itself is not None
    assert found.by_itself.share == 0.5
    assert found.usual_shares[Ending.ASSUMED] == 0.75
    assert found.person is not None
    assert (found.person.count, found.person.median) == (1, timedelta(minutes=10))
    assert found.bot is not None
    assert (found.bot.count, found.bot.median) == (4, timedelta(seconds=12))
    assert (found.promised, found.broken, found.deliveries) == (0, 0, {})


@pytest.mark.parametrize(
    ("priority", "agents", "expected"),
    [
        (Priority.P1, ("Hello.",), (1, 0)),  # ten minutes where fifteen are promised
        (Priority.P1, (), (1, 1)),
        (Priority.P3, (), (1, 1)),  # a day is over at the end of the week
    ],
)
async def test_a_promise_is_broken_where_no_person_came_in_time(
    database: Database, priority: Priority, agents: tuple[str, ...], expected: tuple[int, int]
) -> None:
    said = replace(turn("It burns"), triage=triaged(priority=priority))
    one = contact(said, replies=(reply(ReplyKind.HANDOVER),), agents=agents, handed_over=True)
    async with database.read() as connection:
        found = await service(
            connection, DEFAULT_WORKSPACE, [one], [], week=WEEK, period=PERIOD, router=ROUTER
        )
    assert (found.promised, found.broken) == expected


async def test_a_promise_that_can_still_be_kept_counts_neither_way(database: Database) -> None:
    said = replace(turn("Hm"), triage=triaged(priority=Priority.P3))
    one = contact(said, replies=(reply(ReplyKind.HANDOVER),), handed_over=True)
    async with database.read() as connection:
        found = await service(
            connection, DEFAULT_WORKSPACE, [one], [], week=WEEK,
            period=WEEK.until(MONDAY + timedelta(hours=3)), router=ROUTER,
        )  # fmt: skip
    assert (found.promised, found.broken) == (0, 0)


def _heard(random: np.random.Generator, week: Week, rate: float) -> Counts:
    """A week of an intent, ``rate`` contacts an hour."""
    moments = np.sort(random.uniform(0, 7 * 24 * 60, size=random.poisson(rate * 168)))
    return Counts(heard=[("outage", week.start + timedelta(minutes=float(one))) for one in moments])


def _burst(count: int) -> list[Contact]:
    """So many contacts about an outage, one a minute, from Monday at nine."""
    return [
        contact(turn("No internet", at=MONDAY + timedelta(minutes=k), intent="outage"), name=f"c{k}")
        for k in range(count)
    ]


def test_a_spike_is_an_incident_and_a_usual_hour_is_none() -> None:
    random = np.random.default_rng(3)
    before = [_heard(random, WEEK.earlier(back), 1.0) for back in (3, 2, 1)]
    (found,) = incidents(_burst(40), before, week=WEEK, period=PERIOD)
    assert found.intent == "outage"
    assert found.at - found.since <= timedelta(minutes=30)
    assert found.count > 5 * found.expected
    assert incidents(_burst(2), before, week=WEEK, period=PERIOD) == ()
    assert incidents(_burst(40), before[:1], week=WEEK, period=PERIOD) == ()
