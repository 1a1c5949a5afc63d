from __future__ import annotations

from datetime import timedelta

import pytest

from customers import ConsentChannel, ConsentState, NewConsent, Purpose
from customers.errors import UnknownCustomer
from kit.ids import WorkspaceId
from tests.customers.shop import ADA, BOB, BOOK, Shop

EMAIL, ANY = ConsentChannel.EMAIL, ConsentChannel.ANY


async def test_a_history_keeps_every_word_in_the_order_of_recording(each_shop: Shop) -> None:
    customer, other = await each_shop.known(ADA), await each_shop.known(BOB)
    for state in (ConsentState.GRANTED, ConsentState.UNKNOWN, ConsentState.WITHDRAWN):
        await each_shop.says(customer, state)
        await each_shop.says(other, ConsentState.GRANTED)
    records = (await each_shop.everything(customer)).consents.records
    assert [record.state for record in records] == ["granted", "unknown", "withdrawn"]
    assert [record.id for record in records] == sorted(record.id for record in records)
    assert {record.origin for record in records} == {customer}
    assert not await each_shop.may_contact(customer)
    assert await each_shop.may_contact(other)


@pytest.mark.parametrize("channel", list(ConsentChannel))
async def test_who_refuses_the_sale_of_data_on_one_channel_refuses_it(
    shop: Shop, channel: ConsentChannel
) -> None:
    customer, now = await shop.known(ADA), shop.clock.now()
    refusal = NewConsent(Purpose.DATA_SALE, channel, ConsentState.WITHDRAWN, "form", now)
    async with shop.database.write() as connection:
        record = await BOOK.consent(connection, shop.workspace, customer, refusal, now=now)
        found = await BOOK.directory.get(connection, shop.workspace, customer)
    assert (record.channel, found.do_not_sell) == (ANY, True)


async def test_a_withdrawal_of_a_clock_that_is_ahead_counts_at_once(shop: Shop) -> None:
    customer = await shop.known(ADA)
    await shop.says(customer, ConsentState.GRANTED)
    shop.clock.advance(timedelta(minutes=1))
    now = shop.clock.now()
    ahead = NewConsent(Purpose.MARKETING, ANY, ConsentState.WITHDRAWN, "crm", now + timedelta(hours=2))
    async with shop.database.write() as connection:
        record = await BOOK.consent(connection, shop.workspace, customer, ahead, now=now)
    assert record.at == record.recorded_at == now
    assert not await shop.may_contact(customer)


async def test_a_word_that_is_told_late_counts_from_when_it_was_given(shop: Shop) -> None:
    customer = await shop.known(ADA)
    await shop.says(customer, ConsentState.WITHDRAWN)
    now = shop.clock.now()
    earlier = NewConsent(
        Purpose.MARKETING, EMAIL, ConsentState.GRANTED, "paper form", now - timedelta(days=9)
    )
    async with shop.database.write() as connection:
        await BOOK.consent(connection, shop.workspace, customer, earlier, now=now)
    assert not await shop.may_contact(customer)


async def test_the_flag_follows_from_the_history(each_shop: Shop) -> None:
    customer = await each_shop.known(ADA)
    for value in (True, False, True):
        each_shop.clock.advance(timedelta(minutes=1))
        async with each_shop.database.write() as connection:
            found = await BOOK.set_do_not_sell(
                connection,
                each_shop.workspace,
                customer,
                value=value,
                source="privacy page",
                now=each_shop.clock.now(),
            )
        assert found.do_not_sell is value
        assert (await each_shop.get(customer)).do_not_sell is value
        assert await each_shop.may_contact(customer, Purpose.ANALYTICS) is not value


async def test_another_workspace_has_no_say(shop: Shop, other_workspace: WorkspaceId) -> None:
    customer = await shop.known(ADA)
    stranger = Shop(shop.database, shop.clock, other_workspace)
    with pytest.raises(UnknownCustomer):
        await stranger.says(customer, ConsentState.GRANTED)
    with pytest.raises(UnknownCustomer):
        await stranger.may_contact(customer)
