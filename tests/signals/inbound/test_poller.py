"""Polls: who polls, from where on, what comes of it, and what a failure leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from customers import CustomerBook
from kit.clock import ManualClock
from kit.errors import InvalidInput
from kit.ids import DEFAULT_WORKSPACE, WorkspaceId
from signals.connectors.connector import DeliveryFailed, InboundOutcome, OutcomeKind, OutcomePage
from signals.connectors.inbound import ConsentChange, ConsentPage, InboundConsent
from signals.delivery.delivery import Lane
from signals.delivery.states import ConnectorState, ConnectorStates
from signals.delivery.target import SameTargets, Target
from signals.inbound.consents import InboundConsents
from signals.inbound.outcomes import InboundOutcomes
from signals.inbound.poller import Poller
from signals.inbound.receiver import Receiver
from signals.inbound.store import NewsStore
from signals.outcomes import Outcome, OutcomeStore
from signals.signal import Signal
from signals.store import SignalStore
from store.engine import Database
from tests.signals.delivery.office import CIPHER, KEY, MemoryConnector, Office

pytestmark = pytest.mark.anyio
OTHER = WorkspaceId("other")
MINUTE = timedelta(minutes=1)


@dataclass
class Crm(MemoryConnector):
    """A target with news, one a page; ``asked`` are the cursors it was asked with, ``errors`` come first."""

    outcomes: list[InboundOutcome] = field(default_factory=list)
    asked: list[str | None] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    gate: asyncio.Event | None = None

    async def poll(self, cursor: str | None) -> OutcomePage:
        self.asked.append(cursor)
        self.begun.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.errors:
            raise self.errors.pop(0)
        if cursor is not None and not cursor.isdigit():
            raise InvalidInput("This is no cursor of mine.")
        first = int(cursor or 0)
        page = self.outcomes[first : first + 1]
        return OutcomePage(page, str(first + len(page)), more=first + 1 < len(self.outcomes))


@dataclass
class Newsletter(Crm):
    """One that tells consents as well."""

    changes: list[InboundConsent] = field(default_factory=list)

    async def poll_consents(self, cursor: str | None) -> ConsentPage:
        first = int(cursor or 0)
        return ConsentPage(self.changes[first:], str(len(self.changes)))


class World:
    """A poller over real parts."""

    def __init__(self, database: Database, clock: ManualClock, **connectors: Crm) -> None:
        self.office = Office(database, clock)
        self.database, self.clock = database, clock
        self.connectors = connectors
        signals = SignalStore(CIPHER)
        self.outcomes = OutcomeStore(CIPHER, signals)
        self.receiver = Receiver(
            database,
            clock,
            news=NewsStore(CIPHER, KEY),
            outcomes=InboundOutcomes(signals, self.outcomes),
            consents=InboundConsents(CustomerBook(CIPHER, KEY)),
        )

    def poller(self) -> Poller:
        async def workspaces() -> Sequence[WorkspaceId]:
            return [DEFAULT_WORKSPACE, OTHER]

        targets = SameTargets({name: Target(one) for name, one in self.connectors.items()})
        return Poller(
            self.database, self.receiver, self.clock, targets=targets, workspaces=workspaces, every=MINUTE
        )

    async def signal(self) -> Signal:
        return await self.office.hear(await self.office.customer())

    async def outcomes_of(self, signal: Signal) -> list[Outcome]:
        async with self.database.read() as connection:
            return await self.outcomes.of_signal(connection, DEFAULT_WORKSPACE, signal.id)

    async def state(self, name: str = "crm") -> ConnectorState:
        async with self.database.read() as connection:
            return await ConnectorStates().get(connection, Lane(DEFAULT_WORKSPACE, name))


def won(signal: Signal, number: int = 1, outcome: OutcomeKind = OutcomeKind.WON) -> InboundOutcome:
    return InboundOutcome(signal.id, outcome, f"deal {number}", signal.created_at, reason=f"call {number}")


async def test_every_page_is_read_once_and_the_next_poll_goes_on_there(
    each_database: Database, clock: ManualClock
) -> None:
    crm = Crm()
    world = World(each_database, clock, crm=crm)
    signal = await world.signal()
    crm.outcomes = [won(signal, 1, OutcomeKind.IN_PROGRESS), won(signal, 2)]
    assert await world.poller().look() == 1
    assert [one.said.outcome for one in await world.outcomes_of(signal)] == ["in_progress", "won"]
    assert await world.poller().look() == 0, "not due yet"
    clock.advance(MINUTE)
    assert await world.poller().look() == 1
    assert crm.asked == [None, "1", "2"]
    assert len(await world.outcomes_of(signal)) == 2
    assert (await world.state()).polled_at == clock.now()


async def test_of_all_servers_one_polls(each_database: Database, clock: ManualClock) -> None:
    crm = Crm(gate=asyncio.Event())
    world = World(each_database, clock, crm=crm)
    first = asyncio.create_task(world.poller().look())
    await crm.begun.wait()
    assert await world.poller().look() == 0
    assert crm.gate is not None
    crm.gate.set()
    assert await first == 1
    assert crm.asked == [None]


async def test_a_poll_that_is_stopped_lets_the_next_server_begin_at_once(
    database: Database, clock: ManualClock
) -> None:
    crm = Crm(gate=asyncio.Event())
    world = World(database, clock, crm=crm)
    first = asyncio.create_task(world.poller().look())
    await crm.begun.wait()
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    crm.gate = None
    assert await world.poller().look() == 1


async def test_whoever_died_is_taken_over_from_and_may_not_write_any_more(
    database: Database, clock: ManualClock
) -> None:
    crm = Crm(gate=asyncio.Event())
    world = World(database, clock, crm=crm)
    signal = await world.signal()
    crm.outcomes = [won(signal)]
    stalled = asyncio.create_task(world.poller().look())
    await crm.begun.wait()
    clock.advance(timedelta(minutes=4))
    gate, crm.gate = crm.gate, None
    assert await world.poller().look() == 1
    assert gate is not None
    gate.set()
    assert await stalled == 1
    assert len(await world.outcomes_of(signal)) == 1
    assert (await world.state()).poll_error is None


async def test_a_failure_is_visible_waits_longer_each_time_and_ends(
    database: Database, clock: ManualClock
) -> None:
    crm = Crm(errors=[DeliveryFailed("It is away.", retry_after=300), DeliveryFailed("It is away."),
                      TimeoutError(), RuntimeError("words of a customer")])  # fmt: skip
    world = World(database, clock, crm=crm)
    seen = []
    for _ in range(4):
        await world.poller().look()
        state = await world.state()
        assert state.next_poll_at is not None
        seen.append((state.poll_error_code, state.poll_failures, state.next_poll_at - clock.now()))
        assert "words" not in (state.poll_error or "")
        clock.advance(state.next_poll_at - clock.now())
    assert seen == [
        ("delivery_failed", 1, 5 * MINUTE),
        ("delivery_failed", 2, 2 * MINUTE),
        ("timeout", 3, 4 * MINUTE),
        ("internal", 4, 8 * MINUTE),
    ]
    await world.poller().look()
    assert (await world.state()).poll_error_code is None
    assert (await world.state()).poll_failures == 0


async def test_one_connector_that_fails_stops_no_other(database: Database, clock: ManualClock) -> None:
    world = World(database, clock, broken=Crm(errors=[RuntimeError("x")]), crm=Crm())
    signal = await world.signal()
    world.connectors["crm"].outcomes = [won(signal)]
    assert await world.poller().look() == 2
    assert len(await world.outcomes_of(signal)) == 1


async def test_a_cursor_of_another_connector_of_that_name_is_forgotten(
    database: Database, clock: ManualClock
) -> None:
    crm = Crm()
    world = World(database, clock, crm=crm)
    await world.poller().look()
    async with database.write() as connection:
        await connection.exec_driver_sql("UPDATE connector_states SET poll_cursor = 'of another'")
    clock.advance(MINUTE)
    await world.poller().look()
    assert crm.asked == [None, "of another", None]
    assert (await world.state()).poll_error is None


async def test_a_paused_connector_is_asked_nothing(database: Database, clock: ManualClock) -> None:
    crm = Crm()
    world = World(database, clock, crm=crm)
    lane = Lane(DEFAULT_WORKSPACE, "crm")
    async with database.write() as connection:
        await ConnectorStates().pause(connection, lane, by="maya", at=clock.now())
    assert await world.poller().look() == 0
    async with database.write() as connection:
        await ConnectorStates().resume(connection, lane)
    assert await world.poller().look() == 1


async def test_consents_are_polled_with_a_cursor_of_their_own(
    each_database: Database, clock: ManualClock
) -> None:
    left = InboundConsent("news", "ada@example.com", ConsentChange.WITHDRAWN, "x", clock.now())
    news = Newsletter(changes=[left])
    world = World(each_database, clock, news=news)
    ada = await world.office.customer("ada")
    for _ in range(2):
        await world.poller().look()
        clock.advance(MINUTE)
    async with each_database.read() as connection:
        history = await world.office.book.consents.history(connection, DEFAULT_WORKSPACE, ada)
    assert [(one.source, one.state) for one in history.records if one.source == "news"] == [
        ("news", "withdrawn")
    ]


async def test_news_is_forgotten_after_ninety_days(database: Database, clock: ManualClock) -> None:
    crm = Crm()
    world = World(database, clock, crm=crm)
    crm.outcomes = [won(await world.signal())]
    poller = world.poller()

    async def kept() -> int:
        async with database.read() as connection:
            return len(await world.receiver.news.page(connection, DEFAULT_WORKSPACE, "crm"))

    await poller.look()
    clock.advance(timedelta(days=89))
    await poller.look()
    assert await kept() == 1
    clock.advance(timedelta(days=2))
    await poller.look()
    assert await kept() == 0


async def test_it_polls_until_it_is_stopped(database: Database, clock: ManualClock) -> None:
    crm, stopping = Crm(), asyncio.Event()
    world = World(database, clock, crm=crm)
    running = asyncio.create_task(world.poller().run(stopping))
    await crm.begun.wait()
    stopping.set()
    await running
    assert crm.asked == [None]
    assert (await world.state()).polled_at == clock.now()
