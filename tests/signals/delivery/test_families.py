"""Customers who become one, and two again: what is heard, what is told, and of whom."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from customers import Identity, IdentityKind, Merge, MergeReason
from kit.ids import ConversationId, CustomerId, MessageId
from signals.delivery.delivery import DeliveryState
from signals.families import HEARD_AS_ANOTHER, Families
from signals.known_customers import KnownCustomers
from signals.signal import Quote, Signal, SignalState, Stated, StatedField
from signals.store import SignalStore
from store.tables import conversations, messages, signal_sightings
from tests.signals.delivery.office import CIPHER, Office
from tests.signals.making import signal

pytestmark = pytest.mark.anyio
STORE = SignalStore(CIPHER)


class Pair:
    """Ann and Bob, who are taken for one; each has a conversation as a visitor of their own."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.ann = self.bob = CustomerId("")

    async def come(self) -> None:
        self.ann, self.bob = [await self._come(name) for name in ("ann", "bob")]

    async def _come(self, name: str) -> CustomerId:
        office = self.office
        customer = await office.customer(name)
        office.later(minutes=1)
        now = office.clock.now()
        async with office.database.write() as connection:
            visitor = Identity(IdentityKind.VISITOR, f"visitor_{name}")
            await office.book.registry.attach(connection, office.workspace, customer, visitor, now=now)
            await connection.execute(
                insert(conversations).values(
                    id=f"conv_{name}", workspace_id=office.workspace, channel="web",
                    visitor_id=f"visitor_{name}", owner="bot", status="open", next_sequence=1,
                    answered_sequence=0, created_at=now, updated_at=now,
                )
            )  # fmt: skip
        return customer

    async def says(self, name: str, words: str, *, of: CustomerId, probability: float) -> Signal:
        """Their words become a signal ``of`` somebody; stored and queued as the intake does it."""
        self.office.later(minutes=1)
        now, place = self.office.clock.now(), ConversationId(f"conv_{name}")
        message = MessageId(f"msg_{words.replace(' ', '_')}")
        heard = signal(
            probability=probability,
            customer_id=of,
            conversation_id=place,
            evidence=(Quote(words, 0, len(words), 1.0, message),),
            stated=(Stated(StatedField.NEED, words, words, 0, len(words), message),),
            created_at=now,
            updated_at=now,
            expires_at=now + timedelta(days=30),
        )
        async with self.office.database.write() as connection:
            await connection.execute(
                insert(messages).values(
                    id=message, workspace_id=self.office.workspace, conversation_id=place,
                    sequence=int(now.timestamp()) // 60, author="customer", text=b"",
                    kind="message", created_at=now,
                )
            )  # fmt: skip
            await STORE.claim(
                connection, heard.workspace_id, heard.kind, message, probability=probability, at=now
            )
            stored = await STORE.put(connection, heard, origin=message)
            await self.office.outbox.put(connection, stored)
        return stored

    async def merge(self) -> Merge:
        self.office.later(minutes=1)
        async with self.office.database.write() as connection:
            (merge,) = await self.office.book.merges.merge(
                connection,
                self.office.workspace,
                (self.ann, self.bob),
                reason=MergeReason.REQUEST,
                now=self.office.clock.now(),
            )
        return merge

    async def unmerge(self, merge: Merge) -> list[Signal]:
        self.office.later(minutes=1)
        now = self.office.clock.now()
        people = KnownCustomers(self.office.book, self.office.clock)
        async with self.office.database.write() as connection:
            undone = await self.office.book.merges.unmerge(
                connection, self.office.workspace, merge.id, now=now
            )
            families = Families(STORE, people, self.office.outbox)
            return await families.taken_apart(connection, self.office.workspace, undone, at=now)

    async def signals(self, customer: CustomerId) -> list[Signal]:
        async with self.office.database.read() as connection:
            return await STORE.all_of(connection, self.office.workspace, customer)

    @property
    def told(self) -> list[tuple[str, str]]:
        return [
            (str(one.contact.email), " ".join(quote.text for quote in one.signal.evidence))
            for one in self.office.crm.told
        ]


@pytest.fixture
async def pair(each_office: Office) -> Pair:
    found = Pair(each_office)
    await found.come()
    return found


async def test_of_two_open_signals_of_one_kind_one_is_told_and_heard_again(pair: Pair) -> None:
    first = await pair.says("bob", "bob leaves", of=pair.bob, probability=0.9)
    second = await pair.says("ann", "ann leaves", of=pair.ann, probability=0.8)
    merge = await pair.merge()
    await pair.office.drain()
    assert pair.told == [("bob@example.com", "ann leaves")]  # the elder's own, at the newest address
    stopped = [one for one in await pair.office.all() if one.state is DeliveryState.STOPPED]
    assert [(one.signal_id, one.error_code) for one in stopped] == [(first.id, HEARD_AS_ANOTHER)]
    again = await pair.says("bob", "bob leaves now", of=pair.ann, probability=0.7)
    assert (again.id, again.occurrences) == (second.id, 2)

    changed = await pair.unmerge(merge)
    assert {one.id for one in changed} == {first.id, second.id}
    await pair.office.drain()
    assert set(pair.told[1:]) == {("ann@example.com", "ann leaves"), ("bob@example.com", "bob leaves")}


async def test_what_one_of_two_wrote_goes_back_with_them(pair: Pair) -> None:
    merge = await pair.merge()
    heard = await pair.says("bob", "bob leaves", of=pair.ann, probability=0.9)
    await pair.office.drain()
    changed = await pair.unmerge(merge)
    (anns,), (bobs,) = await pair.signals(pair.ann), await pair.signals(pair.bob)
    assert changed == [anns, bobs]
    assert (anns.id, anns.evidence, anns.stated, anns.conversation_id) == (heard.id, (), (), None)
    assert (anns.state, anns.revision) == (SignalState.EXPIRED, 2)
    assert (bobs.evidence, bobs.stated, bobs.conversation_id) == (heard.evidence, heard.stated, "conv_bob")
    assert (bobs.state, bobs.revision, bobs.occurrences) == (SignalState.OPEN, 1, 1)
    async with pair.office.database.read() as connection:
        assert list(await connection.scalars(select(signal_sightings.c.signal_id))) == [bobs.id]
    await pair.office.drain()
    assert sorted(pair.told[1:]) == [("ann@example.com", ""), ("bob@example.com", "bob leaves")]
    assert (await pair.office.all())[-1].state is DeliveryState.DELIVERED


async def test_what_both_said_is_two_signals_again(pair: Pair) -> None:
    merge = await pair.merge()
    await pair.says("ann", "ann leaves", of=pair.ann, probability=0.7)
    heard = await pair.says("bob", "bob leaves", of=pair.ann, probability=0.9)
    assert (heard.occurrences, heard.probability) == (2, 0.9)
    await pair.unmerge(merge)
    (anns,), (bobs,) = await pair.signals(pair.ann), await pair.signals(pair.bob)
    assert (anns.state, anns.evidence, anns.probability, anns.occurrences) == (SignalState.OPEN, (), 0.7, 1)
    assert (bobs.state, bobs.probability, bobs.occurrences) == (SignalState.OPEN, 0.9, 1)
    assert bobs.evidence == heard.evidence


async def test_what_was_heard_before_the_merge_or_of_oneself_stays_as_it_was(pair: Pair) -> None:
    before = await pair.says("ann", "ann leaves", of=pair.ann, probability=0.7)
    merge = await pair.merge()
    after = await pair.says("ann", "ann still leaves", of=pair.ann, probability=0.8)
    assert after.id == before.id
    assert await pair.unmerge(merge) == []
    assert (await pair.signals(pair.ann), await pair.signals(pair.bob)) == ([after], [])


async def test_the_younger_ones_signal_that_the_elder_renewed_goes_back_too(pair: Pair) -> None:
    mine = await pair.says("bob", "bob leaves", of=pair.bob, probability=0.7)
    merge = await pair.merge()
    renewed = await pair.says("ann", "ann leaves", of=pair.ann, probability=0.9)
    assert (renewed.id, renewed.customer_id) == (mine.id, pair.bob)
    await pair.unmerge(merge)
    (anns,), (bobs,) = await pair.signals(pair.ann), await pair.signals(pair.bob)
    assert [quote.text for quote in anns.evidence] == ["ann leaves"]
    assert (bobs.id, bobs.evidence, bobs.probability, bobs.state) == (mine.id, (), 0.7, SignalState.OPEN)


async def test_a_settled_signal_goes_back_settled(pair: Pair) -> None:
    merge = await pair.merge()
    heard = await pair.says("bob", "bob leaves", of=pair.ann, probability=0.9)
    async with pair.office.database.write() as connection:
        await STORE.set_state(connection, heard, SignalState.CLOSED, at=pair.office.clock.now())
    await pair.unmerge(merge)
    (anns,), (bobs,) = await pair.signals(pair.ann), await pair.signals(pair.bob)
    assert (anns.state, anns.evidence) == (SignalState.CLOSED, ())
    assert (bobs.state, bobs.evidence) == (SignalState.CLOSED, heard.evidence)
