from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from customers import ConsentChannel, Purpose
from kit.clock import ManualClock
from kit.ids import DEFAULT_WORKSPACE, CustomerId
from signals.delivery.delivery import DeliveryState, Lane
from signals.delivery.target import SameTargets, Target
from signals.signal import SignalKind, Team
from signals.store import SignalStore
from store.engine import Database, sqlite_url
from store.tables import workspaces
from tests.signals.delivery.histories import (
    GRANTED,
    PEOPLE,
    WITHDRAWN,
    Drained,
    Event,
    Heard,
    Word,
    all_permitted,
    events,
)
from tests.signals.delivery.office import CIPHER, MemoryConnector, Office


async def test_withdrawing_consent_stops_what_is_queued(each_office: Office) -> None:
    ada = await each_office.customer()
    await each_office.hear(ada)
    await each_office.hear(ada, kind=SignalKind.UPSELL)
    each_office.later(minutes=1)
    await each_office.says(ada, Purpose.SALES, WITHDRAWN)
    await each_office.drain()
    assert each_office.crm.calls == 0
    stopped = await each_office.all()
    assert [(one.state, one.error_code) for one in stopped] == [(DeliveryState.STOPPED, "withdrawn")] * 2


async def test_who_never_said_anything_is_not_told_of(office: Office) -> None:
    await office.hear(await office.customer(consents=False))
    await office.drain()
    assert [(one.state, one.error_code) for one in await office.all()] == [
        (DeliveryState.STOPPED, "no_consent")
    ]


@pytest.mark.parametrize("team", list(Team))
async def test_do_not_sell_stops_everything(office: Office, team: Team) -> None:
    ada = await office.customer()
    await office.says(ada, Purpose.DATA_SALE, WITHDRAWN)
    await office.hear(ada, team=team)
    await office.drain()
    assert office.crm.calls == 0
    assert [one.error_code for one in await office.all()] == ["do_not_sell"]


async def test_a_tool_of_marketing_needs_consent_to_marketing_as_well(office: Office) -> None:
    mail = MemoryConnector("mail")
    office.targets = SameTargets({"crm": Target(office.crm), "mail": Target(mail, purpose=Purpose.MARKETING)})
    ada = await office.customer()
    await office.says(ada, Purpose.MARKETING, WITHDRAWN)
    await office.hear(ada, team=Team.SALES)
    await office.drain()
    await office.drain(Lane(office.workspace, "mail"))
    assert (office.crm.calls, mail.calls) == (1, 0)


async def test_consent_that_comes_back_lets_a_replay_through(office: Office) -> None:
    ada = await office.customer()
    await office.says(ada, Purpose.SALES, WITHDRAWN)
    await office.hear(ada)
    await office.drain()
    (stopped,) = await office.all()
    office.later(minutes=1)
    await office.says(ada, Purpose.SALES, GRANTED)
    async with office.database.write() as connection:
        await office.store.replay(connection, office.workspace, stopped.id, at=office.clock.now())
    await office.drain()
    assert office.crm.calls == 1


TARGETS = {
    "crm": (None, ConsentChannel.ANY),
    "calls": (Purpose.SALES, ConsentChannel.PHONE),
    "mail": (Purpose.MARKETING, ConsentChannel.EMAIL),
}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=events)
def test_nobody_is_told_of_without_consent_whatever_they_said_before(
    history: list[Event], empty_database: bytes, tmp_path: Path
) -> None:
    for leftover in tmp_path.glob("careloop.db*"):
        leftover.unlink()
    file = tmp_path / "careloop.db"
    file.write_bytes(empty_database)
    asyncio.run(live_through([*history, Drained()], file))


async def live_through(history: Sequence[Event], file: Path) -> None:
    clock, database = ManualClock(), Database(sqlite_url(file))
    connectors = {name: MemoryConnector(name) for name in TARGETS}
    office = Office(
        database,
        clock,
        {
            name: Target(connectors[name], purpose=purpose, channel=channel)
            for name, (purpose, channel) in TARGETS.items()
        },
    )
    async with database.write() as connection:
        await connection.execute(
            workspaces.insert().values(
                id=DEFAULT_WORKSPACE, name="office", settings={}, created_at=clock.now()
            )
        )
    customers = [await office.customer(f"person{n}", consents=False) for n in range(PEOPLE)]
    said: list[Word] = []
    for number, event in enumerate(history):
        office.later(minutes=1)
        match event:
            case Word(customer, purpose, channel, state):
                await office.says(customers[customer], purpose, state, channel)
                said.append(event)
            case Heard(customer, team):
                kind = list(SignalKind)[number % len(SignalKind)]
                await office.hear(customers[customer], team=team, kind=kind)
            case Drained():
                before = {name: len(one.told) for name, one in connectors.items()}
                for name in TARGETS:
                    await office.drain(Lane(office.workspace, name))
                for name, connector in connectors.items():
                    for told in connector.told[before[name] :]:
                        assert_permitted(said, customers, name, told.contact.id, told.signal.team)
                assert {one.state for one in await office.all()} <= {
                    DeliveryState.DELIVERED,
                    DeliveryState.STOPPED,
                }
                await assert_the_permitted_are_told(office, said, customers)
    await database.close()


def assert_permitted(
    said: Sequence[Word], customers: Sequence[CustomerId], name: str, customer: CustomerId, team: Team
) -> None:
    own, channel = TARGETS[name]
    whose = customers.index(customer)
    assert all_permitted(said, whose, team, own, channel)


async def assert_the_permitted_are_told(
    office: Office, said: Sequence[Word], customers: Sequence[CustomerId]
) -> None:
    """What was stopped in this very minute was stopped for a reason: the gate is not simply shut."""
    for one in await office.all(state=DeliveryState.STOPPED):
        if one.updated_at < office.clock.now() - timedelta(seconds=1):
            continue
        own, channel = TARGETS[one.connector]
        whose = customers.index(one.customer_id)
        async with office.database.read() as connection:
            team = (await SignalStore(CIPHER).get(connection, office.workspace, one.signal_id)).team
        assert not all_permitted(said, whose, team, own, channel)
