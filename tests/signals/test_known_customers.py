"""Customers as signals see them, over the real customer book."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from customers import (
    ConsentChannel,
    ConsentState,
    CustomerBook,
    EventKind,
    Identity,
    IdentityKind,
    Money,
    NewConsent,
    NewEvent,
    Profile,
    Purpose,
)
from kit.clock import ManualClock
from kit.ids import ConversationId, CustomerId, WorkspaceId
from signals.customer import Contact, Moment, MomentKind
from signals.known_customers import KnownCustomers
from store.encryption import Cipher
from store.engine import Database
from store.tables import conversations, tickets
from tests.signals.making import NOW

pytestmark = pytest.mark.anyio
EMAIL = Identity(IdentityKind.EMAIL, "zoe@example.org")
VISITOR = Identity(IdentityKind.VISITOR, "visitor_1")


class Known:
    """Zoe, who is known by address and as a visitor, in one database."""

    def __init__(self, database: Database, clock: ManualClock, workspace: WorkspaceId) -> None:
        self.book = CustomerBook(Cipher(bytes(32)), bytes(32))
        self.customers = KnownCustomers(self.book, clock)
        self.database = database
        self.workspace = workspace
        self.zoe = CustomerId("")

    async def come(self) -> None:
        profile = Profile(company="Zoe's", attributes={"plan": "Fibre 100"}, value=Money(348, "GBP"))
        async with self.database.write() as connection:
            found = await self.book.registry.resolve(
                connection, self.workspace, [EMAIL, VISITOR], profile=profile, now=NOW
            )
            self.zoe = found.customer.id

    async def happens(
        self, kind: EventKind, name: str, external_id: str, *, at: datetime = NOW, **more: Any
    ) -> None:
        async with self.database.write() as connection:
            event = NewEvent(kind, name, "test", external_id, at, **more)
            await self.book.record(connection, self.workspace, self.zoe, event, now=NOW + timedelta(days=99))

    async def says(
        self,
        state: ConsentState,
        purpose: Purpose = Purpose.SALES,
        channel: ConsentChannel = ConsentChannel.ANY,
    ) -> None:
        async with self.database.write() as connection:
            said = NewConsent(purpose, channel, state, "form", NOW)
            await self.book.consent(connection, self.workspace, self.zoe, said, now=NOW)


@pytest.fixture
async def known(each_database: Database, clock: ManualClock, workspace: WorkspaceId) -> Known:
    found = Known(each_database, clock, workspace)
    await found.come()
    return found


async def test_facts_consent_and_merges(known: Known, other_workspace: WorkspaceId) -> None:
    async with known.database.read() as connection:
        zoe = await known.customers.get(connection, known.workspace, known.zoe)
        assert zoe is not None
        assert zoe.facts == {"plan": "Fibre 100", "value": 348.0, "stage": "awareness", "company": "Zoe's"}
        assert not zoe.may_be_offered
        assert await known.customers.get(connection, other_workspace, known.zoe) is None
    await known.says(ConsentState.GRANTED)
    async with known.database.read() as connection:
        zoe = await known.customers.get(connection, known.workspace, known.zoe)
        assert zoe is not None
        assert (zoe.may_be_offered, zoe.may_be_nurtured) == (True, False)
    await known.says(ConsentState.GRANTED, Purpose.MARKETING)
    async with known.database.read() as connection:
        zoe = await known.customers.get(connection, known.workspace, known.zoe)
        assert zoe is not None
        assert zoe.may_be_nurtured
    await known.says(ConsentState.WITHDRAWN, Purpose.DATA_SALE)
    async with known.database.read() as connection:
        zoe = await known.customers.get(connection, known.workspace, known.zoe)
        assert zoe is not None
        assert (zoe.may_be_offered, zoe.may_be_nurtured) == (False, False)


async def test_offers_and_sequences_need_consent_to_their_own_purpose_and_channel(known: Known) -> None:
    async def zoe() -> tuple[bool, bool, tuple[str, ...]]:
        async with known.database.read() as connection:
            found = await known.customers.get(connection, known.workspace, known.zoe)
        assert found is not None
        return found.may_be_offered, found.may_be_nurtured, found.offer_ways

    assert await zoe() == (False, False, ())
    await known.says(ConsentState.GRANTED, Purpose.SALES, ConsentChannel.PHONE)
    assert await zoe() == (True, False, ("sales by phone",))
    await known.says(ConsentState.GRANTED, Purpose.MARKETING, ConsentChannel.SMS)
    assert await zoe() == (True, False, ("sales by phone", "marketing by sms"))
    await known.says(ConsentState.GRANTED, Purpose.MARKETING)
    assert await zoe() == (True, True, ("sales by phone", "marketing"))
    await known.says(ConsentState.WITHDRAWN, Purpose.MARKETING, ConsentChannel.EMAIL)
    assert not (await zoe())[1]


async def test_whose_a_conversation_or_ticket_is(known: Known) -> None:
    async with known.database.write() as connection:
        for name, visitor in (("conv_1", "visitor_1"), ("conv_2", "visitor_2"), ("conv_3", None)):
            await connection.execute(
                insert(conversations).values(
                    id=name, workspace_id=known.workspace, channel="web", visitor_id=visitor, owner="bot",
                    status="open", next_sequence=1, answered_sequence=0, created_at=NOW, updated_at=NOW,
                )
            )  # fmt: skip
        for name, facts in (
            ("tkt_1", {"email": "ZOE@example.org", "tier": "gold"}),
            ("tkt_2", {"email": "no address"}),
            ("tkt_3", {}),
        ):
            await connection.execute(
                insert(tickets).values(
                    id=name, workspace_id=known.workspace, source="test", external_id=name, channel="api",
                    subject=b"", text=b"", text_hash="", customer=facts, labels={}, final_labels={},
                    created_at=NOW, updated_at=NOW,
                )
            )  # fmt: skip
    await known.happens(EventKind.CHAT, "conversation", "conv_3")
    async with known.database.write() as connection:
        whose = [
            await known.customers.of_conversation(connection, known.workspace, ConversationId(name))
            for name in ("conv_1", "conv_2", "conv_3", "conv_4")
        ]
        theirs = [
            await known.customers.of_ticket(connection, known.workspace, name)
            for name in ("tkt_1", "tkt_2", "tkt_3", "tkt_4")
        ]
    assert [one and one.id for one in whose] == [known.zoe, None, known.zoe, None]
    assert [one and one.id for one in theirs] == [known.zoe, None, None, None]


async def test_what_happened_as_rules_read_it(known: Known) -> None:
    def day(number: int) -> datetime:
        return NOW + timedelta(days=number)

    await known.happens(EventKind.CHAT, "turn", "msg_1", score=0.2, payload={"conversation_id": "conv_1"})
    await known.happens(EventKind.USAGE, "minutes", "use_1", at=day(1), score=40.0)
    await known.happens(
        EventKind.CHAT, "turn", "msg_2", at=day(2), score=-0.5, payload={"conversation_id": "conv_1"}
    )
    await known.happens(
        EventKind.CHAT, "end", "msg_3", at=day(3), payload={"conversation_id": "conv_1", "resolved": False}
    )
    await known.happens(EventKind.TICKET, "ticket", "tkt_1", at=day(4), payload={"resolved": True})
    await known.happens(EventKind.PAYMENT, "payment_failed", "pay_1", at=day(5))
    await known.happens(EventKind.PAYMENT, "payment_succeeded", "pay_2", at=day(6))
    async with known.database.read() as connection:
        found = await known.customers.moments(connection, known.workspace, known.zoe, since=NOW)
        assert len(await known.customers.moments(connection, known.workspace, known.zoe, since=day(4))) == 2
    use, conversation, ticket, payment = found
    assert (use.kind, use.amount) == (MomentKind.USAGE, 40.0)
    assert conversation == Moment("conv_1", MomentKind.CONTACT, day(3), sentiment=-0.5, resolved=False)
    assert ticket == Moment("tkt_1", MomentKind.CONTACT, day(4), resolved=True)
    assert payment.kind is MomentKind.PAYMENT_FAILED


async def test_what_a_customer_writes_joins_the_timeline_once(known: Known) -> None:
    chat = Contact("msg_1", NOW, -0.5, ConversationId("conv_1"))
    later = Contact("msg_2", NOW + timedelta(hours=1), 0.25, ConversationId("conv_1"))
    ticket = Contact("tkt_1", NOW + timedelta(hours=2), 0.0)
    for contact in (chat, chat, later, ticket):
        async with known.database.write() as connection:
            await known.customers.wrote(connection, known.workspace, known.zoe, contact)
    async with known.database.read() as connection:
        events = await known.book.timeline.since(connection, known.workspace, known.zoe)
        found = await known.customers.moments(connection, known.workspace, known.zoe, since=NOW)
        whose = await known.customers.of_ticket(connection, known.workspace, "tkt_1")
    assert [(event.kind, event.external_id, event.score) for event in events] == [
        (EventKind.CHAT, "msg_1", -0.5),
        (EventKind.CHAT, "msg_2", 0.25),
        (EventKind.TICKET, "tkt_1", 0.0),
    ]
    assert [(moment.id, moment.sentiment) for moment in found] == [("conv_1", 0.25), ("tkt_1", 0.0)]
    assert whose is not None
    assert whose.id == known.zoe
