"""Customers in the database, found and made by their identities.

Every function takes the connection of a running transaction, so that a turn of a conversation and the
customer it is from are stored together or not at all.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.customer import Customer, Profile
from customers.directory import Directory
from customers.errors import (
    CustomerErased,
    IdentityInvalid,
    MergeImpossible,
    UnknownCustomer,
    UnknownIdentity,
)
from customers.identities import Identities
from customers.identity import Identity, IdentityId
from customers.journey import Stage
from customers.merges import Merge, MergeReason, Merges
from customers.rows import living, locked
from kit.ids import CustomerId, WorkspaceId, new_id
from store.tables import customers

NOBODY = Profile()


@dataclass(frozen=True, slots=True)
class Resolution:
    """Who it is, whether made just now, and what was merged on the way."""

    customer: Customer
    created: bool
    merges: tuple[Merge, ...] = ()


class Registry:
    """Finds, makes, changes and erases customers."""

    def __init__(self, directory: Directory, identities: Identities, merges: Merges, *, start: Stage) -> None:
        """``start`` is the stage of who is new."""
        self._directory = directory
        self._identities = identities
        self._merges = merges
        self._start = start

    async def resolve(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        identities: Sequence[Identity],
        *,
        now: datetime,
        profile: Profile = NOBODY,
        create: bool = True,
        imported: bool = False,
    ) -> Resolution:
        """The customer who has any of ``identities``, and has all of them from now on.

        One that nobody has yet is made, unless ``create`` is off. Where two customers have some of them,
        they become one, unless somebody has taken these two apart before: then it is the one who has the
        first identity. ``imported`` says that it is not the customer who tells us: an erased one is not
        brought back by that. Two processes that ask for the same identity at once get the same customer.
        Raises ``IdentityInvalid``, ``ProfileInvalid``, ``UnknownCustomer`` and ``CustomerErased``.
        """
        if not identities:
            raise IdentityInvalid("A customer is known by one identity at least.")
        wanted = self._identities.hashed(workspace, identities)
        await _lock_hashes(connection, wanted)
        owners = await self._owners(connection, workspace, wanted)
        if not owners:
            if not create:
                raise UnknownCustomer("Nobody is known by that.")
            if imported and await self._identities.were_erased(connection, workspace, wanted):
                raise CustomerErased("The customer was erased; only they can come back themselves.")
            found, merges = await self._make(connection, workspace, now=now), list[Merge]()
        else:
            found, merges = await self._one_of(connection, workspace, owners, now=now)
        await self._identities.attach(connection, workspace, found, wanted, now=now)
        await self._change(connection, workspace, found, profile, now=now)
        customer = await self._directory.get(connection, workspace, found)
        return Resolution(customer, created=not owners, merges=tuple(merges))

    async def attach(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        customer: CustomerId,
        identity: Identity,
        *,
        now: datetime,
    ) -> Resolution:
        """Let the customer have ``identity`` as well. Another who has it becomes one with them.

        Raises ``IdentityInvalid``, ``UnknownCustomer``, and ``MergeImpossible`` where the other was taken
        apart from this one before.
        """
        wanted = self._identities.hashed(workspace, [identity])
        await _lock_hashes(connection, wanted)
        found, others = await self._with_others(connection, workspace, customer, wanted)
        merges: list[Merge] = []
        if others:
            if await self._merges.were_taken_apart(connection, workspace, {found, *others}):
                raise MergeImpossible("Another customer has it, and was taken apart from this one before.")
            merges = await self._merges.merge(
                connection, workspace, {found, *others}, reason=MergeReason.IDENTITY, now=now
            )
            found = merges[0].survivor
        await self._identities.attach(connection, workspace, found, wanted, now=now)
        return Resolution(
            await self._directory.get(connection, workspace, found), created=False, merges=tuple(merges)
        )

    async def detach(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        customer: CustomerId,
        identity: IdentityId,
    ) -> Customer:
        """Take an identity away. Raises ``UnknownCustomer`` and ``UnknownIdentity``."""
        found = CustomerId((await living(connection, workspace, customer, lock=True)).id)
        if not await self._identities.detach(connection, workspace, found, identity):
            raise UnknownIdentity(f"The customer has no identity {identity}.")
        return await self._directory.get(connection, workspace, found)

    async def change(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        customer: CustomerId,
        change: Profile,
        *,
        now: datetime,
    ) -> Customer:
        """The customer with what ``change`` says; an attribute that is none there goes.

        Raises ``UnknownCustomer`` and ``ProfileInvalid``.
        """
        found = CustomerId((await living(connection, workspace, customer, lock=True)).id)
        await self._change(connection, workspace, found, change, now=now)
        return await self._directory.get(connection, workspace, found)

    async def erase(
        self, connection: AsyncConnection, workspace: WorkspaceId, customer: CustomerId, *, now: datetime
    ) -> None:
        """Delete the customer, and all that was merged into it, with everything that hangs on them.

        Keyed hashes of the identities are left, by which an import is known that would bring them back.
        Raises ``UnknownCustomer``.
        """
        found = CustomerId((await living(connection, workspace, customer, lock=True)).id)
        await self._identities.bury(connection, workspace, found, now=now)
        for column in (customers.c.survivor_id, customers.c.id):
            await connection.execute(
                delete(customers).where(customers.c.workspace_id == workspace, column == found)
            )

    async def _owners(
        self, connection: AsyncConnection, workspace: WorkspaceId, wanted: dict[str, Identity]
    ) -> list[CustomerId]:
        """Living customers who have any of ``wanted``, locked, whoever has the first one first."""

        async def find() -> dict[str, CustomerId]:
            return await self._identities.owners(connection, workspace, wanted)

        owners = await locked(connection, workspace, find, whom=lambda found: found.values())
        return list(dict.fromkeys(owners.values()))

    async def _with_others(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        customer: CustomerId,
        wanted: dict[str, Identity],
    ) -> tuple[CustomerId, set[CustomerId]]:
        """The living customer, and others who have any of ``wanted``; all of them locked."""

        async def find() -> tuple[CustomerId, dict[str, CustomerId]]:
            found = CustomerId((await living(connection, workspace, customer)).id)
            return found, await self._identities.owners(connection, workspace, wanted)

        found, owners = await locked(
            connection, workspace, find, whom=lambda found: {found[0], *found[1].values()}
        )
        return found, set(owners.values()) - {found}

    async def _one_of(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        owners: Sequence[CustomerId],
        *,
        now: datetime,
    ) -> tuple[CustomerId, list[Merge]]:
        if len(owners) == 1 or await self._merges.were_taken_apart(connection, workspace, owners):
            return owners[0], []
        merges = await self._merges.merge(connection, workspace, owners, reason=MergeReason.IDENTITY, now=now)
        return merges[0].survivor, merges

    async def _make(
        self, connection: AsyncConnection, workspace: WorkspaceId, *, now: datetime
    ) -> CustomerId:
        made = CustomerId(new_id("cus"))
        await connection.execute(
            insert(customers).values(
                id=made,
                workspace_id=workspace,
                profile=self._directory.encrypted(NOBODY),
                do_not_sell=False,
                stage=self._start,
                created_at=now,
                updated_at=now,
            )
        )
        return made

    async def _change(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        customer: CustomerId,
        change: Profile,
        *,
        now: datetime,
    ) -> None:
        if change == NOBODY:
            return
        row = await living(connection, workspace, customer, lock=True)
        profile = self._directory.own_profile(row).changed(change)
        value = profile.value
        await connection.execute(
            update(customers)
            .where(customers.c.workspace_id == workspace, customers.c.id == customer)
            .values(
                profile=self._directory.encrypted(profile),
                value_amount=None if value is None else value.amount,
                value_currency=None if value is None else value.currency,
                updated_at=now,
            )
        )


async def _lock_hashes(connection: AsyncConnection, hashes: Collection[str]) -> None:
    """Let no other transaction look for these identities until this one ends.

    PostgreSQL has advisory locks for what is not there yet; SQLite has one writer.
    """
    if connection.dialect.name != "postgresql":
        return
    for number in sorted({int(digest[:16], 16) - 2**63 for digest in hashes}):
        await connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})
