"""Two machines that deliver from one PostgreSQL: none tells twice, and one that is lost is not missed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from kit.clock import ManualClock
from kit.ids import CustomerId, SignalId, WorkspaceId
from signals.connectors.connector import Dispatch, Receipt
from signals.delivery.delivery import DeliveryState, Lane
from signals.delivery.dispatcher import Dispatcher
from signals.delivery.drain import LEASE
from signals.delivery.target import SameTargets, Target
from signals.signal import SignalKind
from store.engine import Database
from tests.signals.delivery.office import MemoryConnector, Office, SlowConnector

KINDS = (SignalKind.CHURN_RISK, SignalKind.UPSELL, SignalKind.RENEWAL)
PEOPLE = 12


@dataclass
class BusyConnector(MemoryConnector):
    """A target whose answers take a moment, so that two workers get in each other's way."""

    async def deliver(self, dispatch: Dispatch) -> Receipt:
        await asyncio.sleep(0.005)
        return await super().deliver(dispatch)


@dataclass
class NoEngine:
    """Runs nothing: the tests drain themselves."""

    def is_draining(self, _: Lane) -> bool:
        return False

    async def drain(self, _: Lane) -> None:
        return None

    async def prune(self, *, at: object) -> int:  # noqa: ARG002 (the port's)
        return 0


@pytest.fixture(params=["postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The one with several writers."""
    url = str(request.getfixturevalue("_migrated_postgresql"))
    request.getfixturevalue("postgresql").empty(url)
    return url


@pytest.fixture
async def offices(each_database: Database, clock: ManualClock) -> AsyncIterator[tuple[Office, Office]]:
    """Two machines over one database, with one target."""
    second = Database(each_database.url)
    one, other = Office(each_database, clock), Office(second, clock)
    yield one, other
    await second.close()


async def _heard(office: Office) -> dict[CustomerId, list[SignalId]]:
    told: dict[CustomerId, list[SignalId]] = {}
    for number in range(PEOPLE):
        customer = await office.customer(f"person{number}")
        told[customer] = [(await office.hear(customer, kind=kind)).id for kind in KINDS]
    return told


async def test_what_two_workers_deliver_is_delivered_once_and_in_order(
    offices: tuple[Office, Office],
) -> None:
    heard = await _heard(offices[0])
    busy = BusyConnector()
    for office in offices:
        office.targets = SameTargets({"crm": Target(busy, concurrency=3)})
    while any(state is DeliveryState.QUEUED for state in await offices[0].ends()):
        await asyncio.gather(*(office.drain(claim=f"machine {n}") for n, office in enumerate(offices)))
    assert busy.calls == len(busy.told) == PEOPLE * len(KINDS)
    order: dict[CustomerId, list[SignalId]] = {}
    for one in busy.told:
        order.setdefault(one.contact.id, []).append(one.signal.id)
    assert order == heard


async def test_what_a_lost_worker_was_at_is_taken_over_when_its_lease_is_over(
    offices: tuple[Office, Office],
) -> None:
    lost, other = offices
    await lost.hear(await lost.customer())
    slow = SlowConnector()
    lost.targets = SameTargets({"crm": Target(slow)})
    gone = asyncio.create_task(lost.drain(claim="gone"))
    await slow.begun.wait()
    gone.cancel()  # without a word to the database, as a machine that burns
    await asyncio.gather(gone, return_exceptions=True)

    def keeper() -> Dispatcher:
        return Dispatcher(
            other.database,
            other.store,
            NoEngine(),
            other.clock,
            targets=other.targets,
            workspaces=lambda: _workspaces(other),
        )

    assert await keeper().look() == []
    assert await other.drain(claim="other") == 0  # the lease holds
    other.later(seconds=LEASE.total_seconds() + 1)
    assert await keeper().look() == [other.lane]
    assert await other.drain(claim="other") == 1
    assert await other.ends() == [DeliveryState.DELIVERED]


async def _workspaces(office: Office) -> list[WorkspaceId]:
    return [office.workspace]


async def test_who_was_taken_over_from_and_comes_back_changes_nothing(
    offices: tuple[Office, Office],
) -> None:
    late, other = offices
    await late.hear(await late.customer())
    slow = SlowConnector()
    late.targets = SameTargets({"crm": Target(slow)})
    running = asyncio.create_task(late.drain(claim="late"))
    await slow.begun.wait()
    # As if its renewals had not come through:
    async with other.database.write() as connection:
        at = other.clock.now() + LEASE + timedelta(seconds=1)
        assert await other.store.take_over(connection, other.lane, at=at) == 1
    assert await other.drain(claim="other") == 1
    (delivered,) = await other.all()
    slow.may_end.set()
    await running
    assert await other.all() == [delivered]
    assert slow.told[0].key == other.crm.told[0].key  # the target knows it again
