from __future__ import annotations

from datetime import timedelta

import pytest

from kit.errors import Unavailable
from signals.connectors.connector import DeliveryFailed
from signals.delivery.delivery import DeliveryState, Lane
from signals.delivery.frozen import freeze, thaw
from signals.delivery.target import Target
from signals.signal import SignalKind
from signals.store import SignalStore
from store.tables import deliveries, signal_revisions
from tests.signals.delivery.office import CIPHER, MemoryConnector, Office
from tests.signals.making import signal


async def test_a_signal_is_queued_once_for_each_connector_that_is_on(each_office: Office) -> None:
    office = each_office
    office.targets = type(office.targets)(
        {"crm": Target(office.crm), "mail": Target(MemoryConnector("mail"))}
    )
    heard = await office.hear(await office.customer())
    async with office.database.write() as connection:
        await office.outbox.put(connection, heard)
    assert [(one.connector, one.key, one.order_number) for one in await office.all()] == [
        ("crm", f"{heard.id}.1", 1),
        ("mail", f"{heard.id}.1", 1),
    ]


async def test_nothing_is_queued_of_a_turn_that_was_not_stored(office: Office) -> None:
    customer = await office.customer()

    async def turn_that_breaks() -> None:
        async with office.database.write() as connection:
            made = signal(customer_id=customer)
            await SignalStore(CIPHER).put(connection, made, origin="msg_1")
            await office.outbox.put(connection, made)
            raise Unavailable("The turn broke.")

    with pytest.raises(Unavailable):
        await turn_that_breaks()
    assert await office.all() == []


async def test_rules_name_the_targets(office: Office) -> None:
    customer = await office.customer()
    await office.hear(customer, kind=SignalKind.LEGAL_OR_PRIVACY, targets=())
    assert await office.all() == []
    await office.hear(customer, kind=SignalKind.UPSELL, targets=("crm",))
    assert len(await office.all()) == 1


async def test_a_target_that_is_not_on_is_a_dead_letter_until_it_is(office: Office) -> None:
    await office.hear(await office.customer(), targets=("crm", "telegraph"))
    dead = await office.all(state=DeliveryState.DEAD)
    assert [(one.connector, one.error_code) for one in dead] == [("telegraph", "unknown_connector")]
    telegraph = MemoryConnector("telegraph")
    office.targets = type(office.targets)({"telegraph": Target(telegraph)})
    async with office.database.write() as connection:
        await office.store.replay(connection, office.workspace, dead[0].id, at=office.clock.now())
    assert await office.drain(Lane(office.workspace, "telegraph")) == 1
    assert len(telegraph.told) == 1


async def test_each_revision_is_told_as_it_was(each_office: Office) -> None:
    office = each_office
    customer = await office.customer()
    await office.hear(customer, probability=0.6)
    again = await office.hear(customer, probability=0.9)
    assert again.revision == 2
    await office.drain()
    assert [(one.signal.revision, one.signal.probability) for one in office.crm.told] == [(1, 0.6), (2, 0.9)]
    assert [one.order_number for one in await office.all()] == [1, 2]


async def test_what_is_queued_behind_a_retry_waits_as_long(office: Office) -> None:
    customer = await office.customer()
    await office.hear(customer)
    office.crm.faults = [DeliveryFailed("Busy.", retry_after=600)]
    await office.drain()
    await office.hear(customer, kind=SignalKind.UPSELL)
    first, second = await office.all()
    assert second.next_attempt_at == first.next_attempt_at
    assert first.next_attempt_at >= office.clock.now() + timedelta(seconds=600)


async def test_no_word_of_a_customer_is_kept_in_the_open(office: Office) -> None:
    await office.hear(await office.customer())
    async with office.database.read() as connection:
        rows = [*await connection.execute(deliveries.select())]
        rows += [*await connection.execute(signal_revisions.select())]
    assert "cancel my line" not in str(rows)


def test_what_is_frozen_comes_back_as_it_was() -> None:
    made = signal(targets=("crm",), owner="sam@example.com", score=82.0, why=("a", "b"))
    assert thaw(freeze(made, CIPHER), CIPHER) == made
