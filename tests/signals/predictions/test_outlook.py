"""What is to be expected, from what is stored: contacts, incidents, who leaves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from sqlalchemy import insert

from customers import Customer, Event, EventId, EventKind, Profile, Stage
from customers.stages import StoredMove
from kit.clock import ManualClock
from kit.ids import ConversationId, CustomerId, MessageId, WorkspaceId
from signals.duties import Duties
from signals.predictions.churn_watch import HORIZON, churn_row
from signals.predictions.contact_counts import TurnContact, bin_counts, daily_counts, record_turn
from signals.predictions.contact_outlook import ContactOutlook, Staffing
from signals.predictions.forecast import LEAST_DAYS
from signals.predictions.incident_watch import BASELINE_DUTY, DUTY, IncidentWatch
from signals.rounds import Chore, Rounds
from store.engine import Database
from store.tables import conversations, tickets

pytestmark = pytest.mark.anyio
MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
DAY = timedelta(days=1)


class History:
    """Tickets and turns of one workspace."""

    def __init__(self, database: Database, workspace: WorkspaceId) -> None:
        self.database, self.workspace = database, workspace
        self._number = 0

    async def tickets(self, moments: list[datetime], *, intent: str = "outage", source: str = "api") -> None:
        rows = []
        for at in moments:
            self._number += 1
            name = f"tkt_{self._number}"
            rows.append({
                "id": name, "workspace_id": self.workspace, "source": source, "external_id": name,
                "channel": "email", "subject": b"", "text": b"", "text_hash": name, "customer": {},
                "labels": {}, "final_labels": {}, "intent": intent, "queue": "technical",
                "created_at": at, "updated_at": at,
            })  # fmt: skip
        async with self.database.write() as connection:
            await connection.execute(insert(tickets), rows)

    async def turn(self, message: str, conversation: str, at: datetime, *, first: bool = True) -> None:
        async with self.database.write() as connection:
            if first:
                await connection.execute(
                    insert(conversations).values(
                        id=conversation, workspace_id=self.workspace, channel="web", owner="bot",
                        status="open", next_sequence=1, answered_sequence=0, created_at=at, updated_at=at,
                    )
                )  # fmt: skip
            said = TurnContact(MessageId(message), ConversationId(conversation), "outage", "technical", at)
            await record_turn(connection, self.workspace, said)

    async def daily(self, until: datetime, zone: str = "UTC") -> Mapping[str, Any]:
        async with self.database.read() as connection:
            found = await daily_counts(connection, self.workspace, days=30, until=until, zone=ZoneInfo(zone))
        return {one.queue: (one.start, one.counts) for one in found}


@pytest.fixture
def history(each_database: Database, workspace: WorkspaceId) -> History:
    return History(each_database, workspace)


async def test_a_conversation_counts_once_a_day_and_today_is_not_over(history: History) -> None:
    await history.turn("msg_1", "conv_1", MONDAY + timedelta(hours=9))
    await history.turn("msg_2", "conv_1", MONDAY + timedelta(hours=10), first=False)
    await history.turn("msg_2", "conv_1", MONDAY + timedelta(hours=10), first=False)
    await history.tickets([MONDAY + timedelta(hours=11), MONDAY + 2 * DAY, MONDAY + 3 * DAY])
    until = MONDAY + 3 * DAY + timedelta(hours=12)
    assert await history.daily(until) == {"technical": (date(2026, 1, 5), (2, 0, 1))}


async def test_days_are_those_of_the_zone(history: History) -> None:
    await history.tickets([MONDAY + timedelta(hours=23)])
    assert (await history.daily(MONDAY + 3 * DAY, "Europe/Berlin"))["technical"][0] == date(2026, 1, 6)


async def test_what_was_imported_has_no_time_of_its_own(history: History) -> None:
    await history.tickets([MONDAY] * 3, source="csv")
    assert await history.daily(MONDAY + 3 * DAY) == {}


async def test_bins_are_five_minutes_of_each_intent(history: History) -> None:
    await history.tickets([MONDAY, MONDAY + timedelta(minutes=4), MONDAY + timedelta(minutes=5)])
    await history.tickets([MONDAY], intent="refund")
    async with history.database.read() as connection:
        found = await bin_counts(
            connection, history.workspace, since=MONDAY, until=MONDAY + timedelta(minutes=12)
        )
    assert (found.intents, found.counts.tolist()) == (("outage", "refund"), [[2, 1], [1, 0]])


async def test_a_queue_is_forecast_once_twelve_weeks_are_known(history: History) -> None:
    outlook = ContactOutlook(history.database, Staffing(UTC, {"technical": [3] * 7}))
    moments = [MONDAY + day * DAY + timedelta(minutes=n) for day in range(20) for n in range(4)]
    await history.tickets(moments)
    (short,) = (await outlook.refresh(history.workspace, at=MONDAY + 20 * DAY))["queues"]
    assert short == {"queue": "technical", "days_known": 20, "days_needed": LEAST_DAYS}
    await history.tickets([moment + 20 * DAY + week * 20 * DAY for week in range(4) for moment in moments])
    (found,) = (await outlook.refresh(history.workspace, at=MONDAY + 100 * DAY))["queues"]
    assert [day["day"] for day in found["days"]][:2] == ["2026-04-15", "2026-04-16"]
    assert all(day["low"] <= day["expected"] <= day["high"] for day in found["days"])
    assert found["days"][0]["expected"] == pytest.approx(4, abs=0.5)
    assert found["shortage"]["capacity"] == 21
    assert "technical" in found["shortage"]["reason"]


async def test_a_spike_is_told_while_it_lasts_and_for_a_week_after(
    history: History, workspace: WorkspaceId
) -> None:
    clock = ManualClock(MONDAY + 21 * DAY)
    duties = Duties(history.database, clock=clock)
    watch = IncidentWatch(history.database, duties)

    async def workspaces() -> list[WorkspaceId]:
        return [workspace]

    rounds = Rounds(
        duties,
        [
            Chore(BASELINE_DUTY, watch.learn, time(0)),
            Chore(DUTY, watch.look, timedelta(minutes=5)),
        ],
        workspaces,
        clock=clock,
    )

    async def look() -> list[Mapping[str, Any]]:
        await rounds.look()
        done = await duties.last(workspace, DUTY)
        assert done is not None
        assert done.error is None
        assert done.result is not None
        incidents: list[Mapping[str, Any]] = done.result["incidents"]
        return incidents

    random = np.random.default_rng(1)
    quiet = [MONDAY + float(bins) * timedelta(minutes=5) for bins in random.uniform(0, 22 * 288, 900)]
    await history.tickets(quiet)
    assert await look() == []
    clock.advance(timedelta(minutes=20))
    await history.tickets([clock.now() - timedelta(seconds=15 * n) for n in range(1, 60)])
    (raised,) = await look()
    assert (raised["intent"], raised["ended_at"]) == ("outage", None)
    assert raised["count"] > 5 * raised["expected"]
    clock.advance(timedelta(minutes=5))
    assert await look() == [raised]
    clock.advance(timedelta(hours=2))
    (over,) = await look()
    assert over["ended_at"] is not None
    clock.advance(timedelta(days=8))
    assert await look() == []


async def test_without_two_weeks_nothing_can_be_said_of_incidents(history: History) -> None:
    duties = Duties(history.database, clock=ManualClock(MONDAY))
    watch = IncidentWatch(history.database, duties)
    await history.tickets([MONDAY])
    found = await watch.learn(history.workspace, at=MONDAY + 5 * DAY)
    assert found == {"days_known": 5, "days_needed": 14}
    assert (await watch.look(history.workspace, at=MONDAY + 5 * DAY))["days_needed"] == 14


def test_a_customer_teaches_by_what_was_known_before_they_left() -> None:
    now = MONDAY + 400 * DAY
    customer = Customer(
        CustomerId("cus_1"), WorkspaceId("w"), Profile(), identities=(), absorbed=(), do_not_sell=False,
        stage=Stage.LOST, stage_since=None, stage_event=None, created_at=MONDAY, updated_at=MONDAY,
    )  # fmt: skip
    late = Event(
        EventId("evt_1"), customer.id, customer.id, EventKind.PAYMENT, "payment_failed", "s", "1", None, {},
        now - DAY, now,
    )  # fmt: skip
    lost = StoredMove(Stage.RETENTION, Stage.LOST, "cancelled", EventId("evt_2"), now - 2 * DAY)
    row = churn_row(customer, [late], [lost], at=now)
    assert row is not None
    assert (row.left, row.features["failed_payments_90d"]) == (True, None)
    assert churn_row(customer, [], [lost], at=now + HORIZON + 3 * DAY) is None
    assert churn_row(customer, [], [], at=MONDAY + DAY) is None
