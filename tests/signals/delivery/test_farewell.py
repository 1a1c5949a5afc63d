from __future__ import annotations

from datetime import timedelta

import pytest

from customers import MergeReason
from kit.clock import ManualClock
from kit.ids import CustomerId
from signals.connectors.connector import DeliveryFailed
from signals.connectors.sequences import SequenceTool
from signals.delivery.farewell import Farewell, Farewells
from signals.delivery.recipients import BookRecipients
from signals.delivery.target import SameTargets
from signals.store import SignalStore
from store.engine import Database
from tests.signals.delivery.office import CIPHER
from tests.signals.delivery.test_errands import Desk, Newsletter

pytestmark = pytest.mark.anyio


async def farewell(desk: Desk, customer: CustomerId) -> list[Farewell]:
    farewells = Farewells(desk.database, SignalStore(CIPHER), BookRecipients(desk.book), desk.targets)
    return await farewells.say(desk.workspace, customer, at=desk.clock.now())


def tool_of(desk: Desk) -> Newsletter:
    assert isinstance(desk.news, Newsletter)
    assert isinstance(desk.news, SequenceTool)
    return desk.news


async def test_whoever_is_in_a_sequence_is_taken_out_at_once(
    each_database: Database, clock: ManualClock
) -> None:
    desk = Desk(each_database, clock)
    ada = await desk.customer()
    await desk.interest(ada)
    await desk.empty()
    (said,) = await farewell(desk, ada)
    assert (said.connector, said.error) == ("news", None)
    assert tool_of(desk).done == [("enrol", said.journey), ("leave", said.journey)]


async def test_of_merged_customers_all_are_taken_out(each_database: Database, clock: ManualClock) -> None:
    desk = Desk(each_database, clock)
    ada = await desk.customer()
    clock.advance(timedelta(minutes=1))
    bob = await desk.customer("bob")
    await desk.interest(bob)
    await desk.empty()
    async with desk.database.write() as connection:
        await desk.book.merges.merge(
            connection, desk.workspace, (ada, bob), reason=MergeReason.REQUEST, now=clock.now()
        )
    assert [one.error for one in await farewell(desk, ada)] == [None]
    assert tool_of(desk).whom == [bob, ada]


async def test_who_was_never_let_in_or_has_left_is_told_of_to_nobody(
    each_database: Database, clock: ManualClock
) -> None:
    desk = Desk(each_database, clock)
    ada, bob = await desk.customer(), await desk.customer("bob")
    await desk.interest(ada)
    assert await farewell(desk, ada) == []  # the tool was not asked yet
    await desk.empty()
    await desk.withdraw(ada)
    assert len(await farewell(desk, ada)) == 1  # it was not asked to let them go yet
    await desk.empty()
    assert await farewell(desk, ada) == []
    assert await farewell(desk, bob) == []
    assert await farewell(desk, CustomerId("cus_nobody")) == []


async def test_what_a_tool_does_not_do_is_said(each_database: Database, clock: ManualClock) -> None:
    desk = Desk(each_database, clock)
    ada = await desk.customer()
    await desk.interest(ada)
    await desk.empty()
    tool_of(desk).faults = [DeliveryFailed("Busy."), RuntimeError("broken")]
    assert [one.error for one in await farewell(desk, ada)] == ["delivery_failed"]
    assert [one.error for one in await farewell(desk, ada)] == ["internal"]
    desk.targets = SameTargets({})
    assert [one.error for one in await farewell(desk, ada)] == ["unknown_connector"]
