"""Identities in the database: encrypted to be read, hashed to be found."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.errors import IdentityInvalid
from customers.identity import (
    Identity,
    IdentityHash,
    IdentityId,
    IdentityKind,
    StoredIdentity,
    normalised,
)
from kit.ids import CustomerId, WorkspaceId, new_id
from store.encryption import Cipher
from store.tables import customer_identities as table
from store.tables import customer_tombstones as tombstones

_MOST = 100  # of one customer: more is a telephone box, or a shared mailbox


class Identities:
    """Reads and writes identities; knows nothing of who merges."""

    def __init__(
        self, cipher: Cipher, identity_hash: IdentityHash, *, country_code: str | None = None
    ) -> None:
        self._cipher = cipher
        self._hash = identity_hash
        self._country_code = country_code

    def hashed(self, workspace: WorkspaceId, identities: Sequence[Identity]) -> dict[str, Identity]:
        """``identities`` as they are compared, by hash, in the given order. Raises ``IdentityInvalid``."""
        found = [normalised(identity, country_code=self._country_code) for identity in identities]
        return {self._hash.of(workspace, identity): identity for identity in found}

    async def owners(
        self, connection: AsyncConnection, workspace: WorkspaceId, hashes: Collection[str]
    ) -> dict[str, CustomerId]:
        """Who has each of ``hashes``, in their order; those that nobody has are left out."""
        query = select(table.c.value_hash, table.c.customer_id).where(
            table.c.workspace_id == workspace, table.c.value_hash.in_(hashes)
        )
        found = {row.value_hash: CustomerId(row.customer_id) for row in await connection.execute(query)}
        return {digest: found[digest] for digest in hashes if digest in found}

    async def attach(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        customer: CustomerId,
        wanted: Mapping[str, Identity],
        *,
        now: datetime,
    ) -> None:
        """Give the customer those of ``wanted`` that nobody has. Raises ``IdentityInvalid`` for too many."""
        known = await self.owners(connection, workspace, wanted)
        fresh = {digest: identity for digest, identity in wanted.items() if digest not in known}
        if not fresh:
            return
        has = len((await self.of(connection, workspace, [customer])).get(customer, ()))
        if has + len(fresh) > _MOST:
            raise IdentityInvalid(f"A customer has {_MOST} identities at most.")
        ids = sorted(new_id("idn") for _ in fresh)  # in the order in which they were given
        rows = [
            {
                "id": name,
                "workspace_id": workspace,
                "customer_id": customer,
                "origin_id": customer,
                "kind": identity.kind,
                "system": identity.system,
                "value": self._cipher.encrypt(identity.value),
                "value_hash": digest,
                "added_at": now,
            }
            for name, (digest, identity) in zip(ids, fresh.items(), strict=True)
        ]
        await connection.execute(insert(table), rows)
        await connection.execute(
            delete(tombstones).where(
                tombstones.c.workspace_id == workspace, tombstones.c.value_hash.in_(list(fresh))
            )
        )

    async def detach(
        self, connection: AsyncConnection, workspace: WorkspaceId, customer: CustomerId, identity: IdentityId
    ) -> bool:
        """Take an identity away; whether the customer had it."""
        result = await connection.execute(
            delete(table).where(
                table.c.workspace_id == workspace, table.c.customer_id == customer, table.c.id == identity
            )
        )
        return bool(result.rowcount)

    async def of(
        self, connection: AsyncConnection, workspace: WorkspaceId, found: Collection[CustomerId]
    ) -> dict[CustomerId, tuple[StoredIdentity, ...]]:
        """The identities of each of ``found``, those first that were added first."""
        query = (
            select(table)
            .where(table.c.workspace_id == workspace, table.c.customer_id.in_(found))
            .order_by(table.c.added_at, table.c.id)
        )
        by_customer: dict[CustomerId, list[StoredIdentity]] = {}
        for row in await connection.execute(query):
            identity = Identity(IdentityKind(row.kind), self._cipher.decrypt(row.value), row.system)
            stored = StoredIdentity(IdentityId(row.id), identity, CustomerId(row.origin_id), row.added_at)
            by_customer.setdefault(CustomerId(row.customer_id), []).append(stored)
        return {customer: tuple(items) for customer, items in by_customer.items()}

    async def were_erased(
        self, connection: AsyncConnection, workspace: WorkspaceId, hashes: Collection[str]
    ) -> bool:
        """Whether any of ``hashes`` was an erased customer's."""
        query = select(tombstones.c.value_hash).where(
            tombstones.c.workspace_id == workspace, tombstones.c.value_hash.in_(hashes)
        )
        return (await connection.execute(query.limit(1))).first() is not None

    async def bury(
        self, connection: AsyncConnection, workspace: WorkspaceId, customer: CustomerId, *, now: datetime
    ) -> None:
        """Leave the keyed hashes of the customer's identities, by which an import of them is known."""
        query = select(table.c.value_hash).where(
            table.c.workspace_id == workspace, table.c.customer_id == customer
        )
        upsert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        rows = [
            {"workspace_id": workspace, "value_hash": row.value_hash, "erased_at": now}
            for row in await connection.execute(query)
        ]
        if rows:
            await connection.execute(upsert(tombstones).on_conflict_do_nothing(), rows)
