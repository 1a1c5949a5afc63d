from __future__ import annotations

from datetime import timedelta

import pytest

from kit.clock import ManualClock
from kit.ids import WorkspaceId
from store.engine import Database
from tests.triage.ticket_shop import STORE, TicketShop
from triage.corrections import TicketId
from triage.labels import Certainty
from triage.stored_tickets import Selection, StoredTickets

pytestmark = pytest.mark.anyio

TEXTS = [f"I want my money back for lamp {number}, thanks" for number in range(5)]


async def test_tickets_are_selected_newest_first(each_database: Database, clock: ManualClock) -> None:
    shop = TicketShop(each_database, clock)
    start = clock.now()
    made = await shop.take_in(TEXTS, every=timedelta(hours=1))
    await shop.take_in(["where is my parcel"], triaged=False)
    ids = [ticket.id for ticket in reversed(made)]
    middle = Selection(since=start + timedelta(hours=1), until=start + timedelta(hours=4))
    assert await shop.stored.ids(middle) == ids[1:4]
    assert await shop.stored.ids(middle, before=ids[1], most=1) == ids[2:3]
    assert len(await shop.stored.ids(Selection())) == 6
    assert await shop.stored.ids(Selection(intent="billing.refund", queue="nowhere")) == []
    assert await shop.stored.ids(Selection(intent=made[0].intent, queue=made[0].queue)) != []
    every = tuple(Certainty)
    assert await shop.stored.ids(Selection(certainty=every)) == ids
    elsewhere = StoredTickets(each_database, STORE, WorkspaceId("other"))
    assert await elsewhere.ids(Selection()) == []


async def test_they_come_page_by_page_without_those_that_are_gone(
    database: Database, clock: ManualClock
) -> None:
    shop = TicketShop(database, clock)
    await shop.take_in(TEXTS)
    ids = [*await shop.stored.ids(Selection()), TicketId("tkt_gone")]
    pages = [(list(wanted), found) async for wanted, found in shop.stored.pages(ids, size=4)]
    assert [wanted for wanted, _ in pages] == [ids[:4], ids[4:]]
    assert [len(found) for _, found in pages] == [4, 1]
    assert pages[1][1][0].text == TEXTS[0]
