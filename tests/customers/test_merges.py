from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from sqlalchemy import select

from customers import (
    ConsentChannel,
    ConsentState,
    EventKind,
    Identity,
    IdentityKind,
    Merge,
    MergeId,
    MergeReason,
    Money,
    NewEvent,
    Profile,
    Purpose,
    Stage,
)
from customers.errors import MergeImpossible, UnknownMerge
from kit.clock import ManualClock
from kit.ids import CustomerId, WorkspaceId
from store.engine import Database
from store.tables import (
    customer_consents,
    customer_events,
    customer_identities,
    customer_stages,
    customers,
)
from tests.customers.shop import ADA, ADAS_PHONE, BOB, BOOK, VISITOR, Shop


async def merge(shop: Shop, *found: CustomerId) -> Merge:
    async with shop.database.write() as connection:
        (made,) = await BOOK.merges.merge(
            connection, shop.workspace, found, reason=MergeReason.REQUEST, now=shop.clock.now()
        )
    return made


async def unmerge(shop: Shop, found: MergeId) -> Merge:
    async with shop.database.write() as connection:
        return await BOOK.merges.unmerge(connection, shop.workspace, found, now=shop.clock.now())


async def stored(shop: Shop) -> dict[str, list[Any]]:
    """Every row of the workspace but for times of change and numbers of moves, which are told anew."""
    found: dict[str, list[Any]] = {}
    async with shop.database.read() as connection:
        for table in (customers, customer_identities, customer_events, customer_consents, customer_stages):
            hidden = {"updated_at"} | ({"id"} if table is customer_stages else set())
            columns = [column for column in table.c if column.name not in hidden]
            rows = await connection.execute(select(*columns))
            found[table.name] = sorted(map(repr, rows))
    return found


async def busy(shop: Shop, *identities: Identity) -> CustomerId:
    """A customer of whom there is something in every table."""
    profile = Profile("Ada", attributes={"plan": "fibre"}, value=Money(10, "GBP"))
    customer = (await shop.resolve(*identities, profile=profile)).customer.id
    await shop.happens(customer, EventKind.CHAT, payload={"text": "hello"})
    await shop.happens(customer, EventKind.CRM, "order_placed")
    await shop.says(customer, ConsentState.GRANTED)
    return customer


async def test_identities_that_meet_make_one_and_the_elder_survives(each_shop: Shop) -> None:
    elder, younger = await busy(each_shop, ADA), await busy(each_shop, VISITOR)
    found = await each_shop.resolve(VISITOR, ADA)  # in whichever order
    assert [(m.survivor, m.absorbed, m.reason) for m in found.merges] == [
        (elder, younger, MergeReason.IDENTITY)
    ]
    assert found.customer.id == elder
    assert found.customer.absorbed == (younger,)
    assert await each_shop.get(younger) == await each_shop.get(elder)
    everything = await each_shop.everything(younger)
    assert len(everything.events) == 4
    assert len(everything.consents.records) == 2
    assert {item.origin for item in found.customer.identities} == {elder, younger}


async def test_the_elder_s_profile_is_completed_by_the_younger_s(shop: Shop) -> None:
    elder = await shop.resolve(ADA, profile=Profile("Ada", attributes={"plan": "fibre"}))
    other = Profile("Augusta", "King", attributes={"plan": "sim", "city": "London"}, value=Money(5, "EUR"))
    await shop.resolve(VISITOR, profile=other)
    merged = (await shop.resolve(ADA, VISITOR)).customer
    completed = Profile("Ada", "King", None, {"city": "London", "plan": "fibre"}, Money(5, "EUR"))
    assert merged.profile == completed
    async with shop.database.write() as connection:
        changed = await BOOK.registry.change(
            connection,
            shop.workspace,
            elder.customer.id,
            Profile(attributes={"city": None}),
            now=shop.clock.now(),
        )
    assert changed.profile.attributes == {"plan": "fibre"}


async def test_an_unmerge_gives_back_exactly_what_was_moved(each_shop: Shop) -> None:
    elder, younger = await busy(each_shop, ADA), await busy(each_shop, VISITOR)
    await each_shop.says(younger, ConsentState.WITHDRAWN, Purpose.DATA_SALE, ConsentChannel.ANY)
    before = await stored(each_shop)
    made = await merge(each_shop, younger, elder)
    assert (await each_shop.get(elder)).do_not_sell
    assert await stored(each_shop) != before
    undone = await unmerge(each_shop, made.id)
    assert undone.undone_at == each_shop.clock.now()
    assert await stored(each_shop) == before
    with pytest.raises(MergeImpossible):
        await unmerge(each_shop, made.id)


async def test_merges_of_merges_come_apart_in_any_order(shop: Shop) -> None:
    names = [Identity(IdentityKind.EXTERNAL, str(number)) for number in range(4)]
    people = [await busy(shop, name) for name in names]
    before = await stored(shop)
    for seed in range(4):
        merges = [
            await merge(shop, people[2], people[3]),
            await merge(shop, people[1], people[0]),
            await merge(shop, people[3], people[1]),  # each by the name of one who was merged
        ]
        assert {(await shop.get(person)).id for person in people} == {people[0]}
        random.Random(seed).shuffle(merges)
        for made in merges:
            await unmerge(shop, made.id)
        assert await stored(shop) == before


async def test_what_came_in_meanwhile_stays_but_for_refusals_which_hold_for_both(shop: Shop) -> None:
    elder, younger = await busy(shop, ADA), await busy(shop, VISITOR)
    made = await merge(shop, elder, younger)
    event = await shop.happens(younger, EventKind.CHAT)
    await shop.says(younger, ConsentState.GRANTED, Purpose.SALES)
    await shop.says(younger, ConsentState.WITHDRAWN)
    await shop.says(elder, ConsentState.WITHDRAWN, Purpose.DATA_SALE, ConsentChannel.ANY)
    await unmerge(shop, made.id)
    assert event.id in {item.id for item in (await shop.everything(elder)).events}
    assert event.id not in {item.id for item in (await shop.everything(younger)).events}
    for customer in (elder, younger):
        assert not await shop.may_contact(customer)
        assert (await shop.get(customer)).do_not_sell
    assert not await shop.may_contact(younger, Purpose.SALES)
    sources = {record.source for record in (await shop.everything(younger)).consents.records}
    assert sources == {"form", "unmerge"}


async def test_a_merge_keeps_the_more_restrictive_consent(shop: Shop) -> None:
    elder, younger = await shop.known(ADA), await shop.known(VISITOR)
    await shop.says(younger, ConsentState.WITHDRAWN)
    await shop.says(elder, ConsentState.GRANTED)
    assert await shop.may_contact(elder)
    made = await merge(shop, elder, younger)
    assert not await shop.may_contact(elder)
    await shop.says(elder, ConsentState.GRANTED)
    assert await shop.may_contact(elder)
    await unmerge(shop, made.id)
    assert await shop.may_contact(elder)
    assert not await shop.may_contact(younger)


async def test_the_journey_is_told_anew_from_both_timelines(shop: Shop) -> None:
    elder, younger = await shop.known(ADA), await shop.known(VISITOR)
    order = await shop.happens(younger, EventKind.CRM, "order_placed")
    made = await merge(shop, elder, younger)
    merged = await shop.get(elder)
    assert (merged.stage, merged.stage_event) == (Stage.ONBOARDING, order.id)
    await unmerge(shop, made.id)
    assert (await shop.get(elder)).stage is Stage.AWARENESS
    assert (await shop.get(younger)).stage is Stage.ONBOARDING


async def test_two_who_were_taken_apart_do_not_become_one_by_themselves(each_shop: Shop) -> None:
    elder, younger = await each_shop.known(ADA), await each_shop.known(VISITOR)
    made = await merge(each_shop, elder, younger)
    await unmerge(each_shop, made.id)
    assert await each_shop.known(VISITOR, ADA) == younger
    assert await each_shop.known(ADA, VISITOR, ADAS_PHONE) == elder
    async with each_shop.database.write() as connection:
        with pytest.raises(MergeImpossible):
            await BOOK.registry.attach(
                connection, each_shop.workspace, elder, VISITOR, now=each_shop.clock.now()
            )
    await merge(each_shop, elder, younger)  # somebody says so
    assert await each_shop.known(VISITOR) == elder
    async with each_shop.database.read() as connection:
        found = await BOOK.merges.of_customer(connection, each_shop.workspace, elder)
    assert [item.undone_at is None for item in found] == [False, True]


async def test_an_identity_of_another_that_is_added_merges(shop: Shop) -> None:
    elder, younger = await shop.known(ADA), await shop.known(VISITOR)
    async with shop.database.write() as connection:
        found = await BOOK.registry.attach(connection, shop.workspace, younger, ADA, now=shop.clock.now())
    assert (found.customer.id, len(found.merges)) == (elder, 1)


async def test_what_cannot_be_merged_is_said(shop: Shop, other_workspace: WorkspaceId) -> None:
    elder, younger = await shop.known(ADA), await shop.known(VISITOR)
    made = await merge(shop, elder, younger)
    with pytest.raises(MergeImpossible):
        await merge(shop, younger, elder)
    with pytest.raises(UnknownMerge):
        await unmerge(Shop(shop.database, shop.clock, other_workspace), made.id)


async def test_processes_that_merge_and_write_at_once_lose_nothing(
    each_shop: Shop, database_url: str, clock: ManualClock
) -> None:
    people = [await each_shop.known(one) for one in (ADA, BOB, VISITOR, ADAS_PHONE)]
    databases = [each_shop.database, Database(database_url)]
    shops = [Shop(database, clock) for database in databases]

    async def write(number: int) -> None:
        shop, person = shops[number % 2], people[number % 4]
        now = clock.now()
        async with shop.database.write() as connection:
            event = NewEvent(EventKind.CHAT, "message", f"writer{number}", "1", now)
            await BOOK.record(connection, shop.workspace, person, event, now=now)

    async def join(number: int) -> None:
        shop = shops[number % 2]
        async with shop.database.write() as connection:
            await BOOK.registry.resolve(
                connection, shop.workspace, [[ADA, BOB], [BOB, VISITOR], [VISITOR, ADAS_PHONE]][number % 3],
                now=clock.now(),
            )  # fmt: skip

    await asyncio.gather(*(work(number) for number in range(8) for work in (write, join)))
    await databases[1].close()
    everything = await each_shop.everything(people[3])
    assert len(everything.events) == 8
    assert everything.customer.id == people[0]
    assert len(everything.customer.identities) == 4
