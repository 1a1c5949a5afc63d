from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import Table, func, select

from customers import CustomerBook, EventKind, Identity, IdentityKind, Money, Profile, Stage
from customers.errors import (
    CustomerErased,
    IdentityInvalid,
    ProfileInvalid,
    UnknownCustomer,
    UnknownIdentity,
)
from kit.clock import ManualClock
from kit.ids import CustomerId, WorkspaceId
from store.encryption import Cipher
from store.engine import Database
from store.tables import customer_identities, customer_tombstones, customers, metadata
from tests.customers.shop import ADA, ADAS_PHONE, BOB, BOOK, KEY, VISITOR, Shop


async def count(database: Database, table: Table) -> int:
    async with database.read() as connection:
        return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())


async def test_a_customer_is_made_once_and_found_by_each_identity(each_shop: Shop) -> None:
    made = await each_shop.resolve(ADA, ADAS_PHONE)
    written_otherwise = Identity(IdentityKind.EMAIL, " ADA@Example.com")
    national = Identity(IdentityKind.PHONE, "020 7946 0000")
    again = [await each_shop.resolve(one) for one in (written_otherwise, national)]
    assert made.created
    assert [(found.created, found.customer) for found in again] == [(False, made.customer)] * 2
    assert made.customer.latest(IdentityKind.EMAIL) == "ada@example.com"
    assert made.customer.stage is Stage.AWARENESS
    assert await count(each_shop.database, customers) == 1


async def test_an_identity_that_comes_along_is_kept(shop: Shop) -> None:
    known = await shop.known(ADA)
    crm = Identity(IdentityKind.CRM, "003xx", "salesforce")
    found = (await shop.resolve(VISITOR, ADA, crm)).customer
    assert found.id == known
    assert [item.identity.value for item in found.identities] == ["ada@example.com", "visitor_1", "003xx"]
    assert found.crm_ids == {"salesforce": "003xx"}


async def test_who_has_a_new_address_is_reached_there(each_shop: Shop, clock: ManualClock) -> None:
    await each_shop.resolve(ADA)
    clock.advance(timedelta(days=1))
    moved = (await each_shop.resolve(ADA, Identity(IdentityKind.EMAIL, "ada@example.net"))).customer
    assert moved.latest(IdentityKind.EMAIL) == "ada@example.net"
    assert (await each_shop.resolve(ADA)).customer.latest(IdentityKind.EMAIL) == "ada@example.net"
    assert moved.latest(IdentityKind.PHONE) is None


def test_attributes_that_were_removed_leave_room_for_others() -> None:
    full = Profile(attributes={f"a{n}": n for n in range(200)})
    with pytest.raises(ProfileInvalid, match="200"):
        full.changed(Profile(attributes={"one_more": 1}))
    emptied = full.changed(Profile(attributes={f"a{n}": None for n in range(200)}))
    again = emptied.changed(Profile(attributes={f"b{n}": n for n in range(200)}))
    assert again.shown().attributes == {f"b{n}": n for n in range(200)}
    last = again.changed(Profile(attributes={"b0": None}))
    assert len(last.attributes) == 399  # 199 that there are, and the last 200 that were removed
    assert "a0" not in last.attributes
    assert last.attributes["b0"] is None


async def test_nobody_is_made_where_that_is_not_wanted(shop: Shop) -> None:
    with pytest.raises(UnknownCustomer):
        await shop.resolve(ADA, create=False)
    with pytest.raises(IdentityInvalid):
        await shop.resolve()
    assert await count(shop.database, customers) == 0


async def test_workspaces_share_no_customer(
    each_shop: Shop, other_workspace: WorkspaceId, clock: ManualClock
) -> None:
    ours = await each_shop.known(ADA)
    elsewhere = Shop(each_shop.database, clock, other_workspace)
    theirs = await elsewhere.known(ADA)
    assert ours != theirs
    for space, customer in ((each_shop, theirs), (elsewhere, ours)):
        with pytest.raises(UnknownCustomer):
            await space.get(customer)
    async with each_shop.database.read() as connection:
        found = await BOOK.directory.page(connection, other_workspace)
    assert [customer.id for customer in found] == [theirs]


async def test_nothing_personal_is_legible_and_hashes_need_the_key(shop: Shop) -> None:
    profile = Profile("Ada", "Lovelace", "Engines Ltd", {"city": "London"})
    await shop.resolve(ADA, ADAS_PHONE, profile=profile)
    async with shop.database.read() as connection:
        rows = [
            *(await connection.execute(select(customers))).all(),
            *(await connection.execute(select(customer_identities))).all(),
        ]
    legible = " ".join(str(bytes(v) if isinstance(v, memoryview) else v) for row in rows for v in row)
    for word in ("Ada", "Lovelace", "Engines", "London", "example.com", "7946"):
        assert word not in legible
    other_key = CustomerBook(Cipher(KEY), b"another key of thirty-two bytes!")
    async with shop.database.write() as connection:
        stranger = await other_key.registry.resolve(connection, shop.workspace, [ADA], now=shop.clock.now())
    assert stranger.created


async def test_two_processes_that_meet_a_new_customer_make_one(
    each_shop: Shop, database_url: str, clock: ManualClock
) -> None:
    other = Database(database_url)

    async def meet(database: Database, *identities: Identity) -> CustomerId:
        async with database.write() as connection:
            found = await BOOK.registry.resolve(connection, each_shop.workspace, identities, now=clock.now())
            await asyncio.sleep(0)  # others go on before this transaction ends
            return found.customer.id

    try:
        orders = ((ADA, ADAS_PHONE), (ADAS_PHONE, ADA), (ADA,), (ADAS_PHONE,))
        tasks = [
            meet(database, *identities)
            for identities in orders * 3
            for database in (each_shop.database, other)
        ]
        found = await asyncio.gather(*tasks)
    finally:
        await other.close()
    living = {(await each_shop.get(customer)).id for customer in set(found)}
    assert len(living) == 1
    assert await count(each_shop.database, customer_identities) == 2


async def test_one_e_mail_address_at_once_is_one_row(
    each_shop: Shop, database_url: str, clock: ManualClock
) -> None:
    databases = [each_shop.database, Database(database_url), Database(database_url)]

    async def meet(database: Database) -> CustomerId:
        async with database.write() as connection:
            found = await BOOK.registry.resolve(connection, each_shop.workspace, [ADA], now=clock.now())
        return found.customer.id

    found = await asyncio.gather(*(meet(database) for database in databases * 4))
    for database in databases[1:]:
        await database.close()
    assert len(set(found)) == 1
    assert await count(each_shop.database, customers) == 1


async def test_a_profile_changes_by_what_is_said(shop: Shop) -> None:
    customer = await shop.known(ADA)
    first = Profile("Ada", attributes={"plan": "fibre", "seats": 3}, value=Money(480.5, "GBP"))
    second = Profile(last_name="Lovelace", attributes={"plan": None, "city": "London"})
    for change in (first, second):
        async with shop.database.write() as connection:
            found = await BOOK.registry.change(
                connection, shop.workspace, customer, change, now=shop.clock.now()
            )
    assert found.profile == Profile(
        "Ada", "Lovelace", None, {"seats": 3, "city": "London"}, Money(480.5, "GBP")
    )
    assert await shop.get(customer) == found


async def test_a_profile_does_not_grow_for_ever(shop: Shop) -> None:
    much = Profile(attributes={str(number): number for number in range(201)})
    with pytest.raises(ProfileInvalid):
        await shop.resolve(ADA, profile=much)
    assert await count(shop.database, customers) == 0  # the whole transaction is taken back


async def test_an_identity_is_taken_away_once(shop: Shop) -> None:
    customer = (await shop.resolve(ADA, ADAS_PHONE)).customer
    email, phone = customer.identities

    async def detach() -> None:
        async with shop.database.write() as connection:
            await BOOK.registry.detach(connection, shop.workspace, customer.id, phone.id)

    await detach()
    assert (await shop.get(customer.id)).identities == (email,)
    assert (await shop.resolve(ADAS_PHONE)).created
    with pytest.raises(UnknownIdentity):
        await detach()


async def test_a_list_is_read_in_pages_and_by_stage(each_shop: Shop, clock: ManualClock) -> None:
    made = [await each_shop.known(Identity(IdentityKind.EXTERNAL, str(number))) for number in range(5)]
    made.sort(reverse=True)  # ids made within one millisecond have no order
    async with each_shop.database.read() as connection:
        first = await BOOK.directory.page(connection, each_shop.workspace, limit=3)
        rest = await BOOK.directory.page(connection, each_shop.workspace, before=first[-1].id, limit=3)
        lost = await BOOK.directory.page(connection, each_shop.workspace, stage=Stage.LOST)
    assert [customer.id for customer in (*first, *rest)] == made
    assert lost == []


async def erase(shop: Shop, customer: CustomerId) -> None:
    async with shop.database.write() as connection:
        await BOOK.registry.erase(connection, shop.workspace, customer, now=shop.clock.now())


async def test_erasing_leaves_nothing_but_keyed_hashes(each_shop: Shop) -> None:
    customer, visitor = await each_shop.known(ADA, ADAS_PHONE), await each_shop.known(VISITOR)
    await each_shop.known(ADA, VISITOR)  # merged
    bystander = await each_shop.known(BOB)
    await each_shop.happens(visitor, EventKind.CHAT)
    await erase(each_shop, visitor)  # by either name
    for gone in (customer, visitor):
        with pytest.raises(UnknownCustomer):
            await each_shop.get(gone)
    assert (await each_shop.get(bystander)).id == bystander
    left = {
        table.name: await count(each_shop.database, table)
        for table in metadata.sorted_tables
        if table.name.startswith("customer")
    }
    assert left.pop("customer_tombstones") == 3
    assert (left.pop("customers"), left.pop("customer_identities")) == (1, 1)
    assert set(left.values()) == {0}


async def test_an_import_does_not_bring_the_erased_back_and_they_may_come_themselves(shop: Shop) -> None:
    await erase(shop, await shop.known(ADA, ADAS_PHONE))
    shop.clock.advance(timedelta(days=30))
    with pytest.raises(CustomerErased):
        await shop.resolve(BOB, ADA, imported=True)
    assert (await shop.resolve(ADA)).created
    assert not (await shop.resolve(ADA, imported=True)).created
    assert await count(shop.database, customer_tombstones) == 1  # of the number, which they did not give
