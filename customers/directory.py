"""Reading customers: each with its identities, and with what the customers had who were merged into it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.customer import Customer, Money, Profile
from customers.identities import Identities
from customers.identity import StoredIdentity
from customers.journey import Stage
from customers.rows import living, living_of
from kit.ids import CustomerId, WorkspaceId
from store.encryption import Cipher
from store.tables import customers


class Directory:
    """Reads customers; every function takes the connection of a running transaction."""

    def __init__(self, cipher: Cipher, identities: Identities) -> None:
        self._cipher = cipher
        self._identities = identities

    async def get(
        self, connection: AsyncConnection, workspace: WorkspaceId, customer: CustomerId
    ) -> Customer:
        """The customer, or the one it was merged into. Raises ``UnknownCustomer``."""
        row = await living(connection, workspace, customer)
        return (await self._customers(connection, workspace, [row]))[0]

    async def several(
        self, connection: AsyncConnection, workspace: WorkspaceId, wanted: Collection[CustomerId]
    ) -> dict[CustomerId, Customer]:
        """Each of ``wanted``, or the one it was merged into, in few queries; who is not known is left out."""
        rows = await living_of(connection, workspace, wanted)
        distinct = {row.id: row for row in rows.values()}
        found = await self._customers(connection, workspace, list(distinct.values()))
        by_id = {customer.id: customer for customer in found}
        return {asked: by_id[CustomerId(row.id)] for asked, row in rows.items()}

    async def page(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        *,
        stage: Stage | None = None,
        before: CustomerId | None = None,
        limit: int = 50,
    ) -> list[Customer]:
        """Living customers, the newest first, before ``before``: the last one's id asks for the next page."""
        query = select(customers).where(
            customers.c.workspace_id == workspace, customers.c.survivor_id.is_(None)
        )
        if stage is not None:
            query = query.where(customers.c.stage == stage)
        if before is not None:
            query = query.where(customers.c.id < before)
        rows = await connection.execute(query.order_by(customers.c.id.desc()).limit(limit))
        return await self._customers(connection, workspace, rows.all())

    def encrypted(self, profile: Profile) -> bytes:
        """A customer's own profile as it is stored, but for its value."""
        names = ("first_name", "last_name", "company")
        record = {name: getattr(profile, name) for name in names}
        record["attributes"] = dict(profile.attributes)
        return self._cipher.encrypt(json.dumps(record, ensure_ascii=False))

    def own_profile(self, row: Row[Any]) -> Profile:
        """What a row of ``customers`` has, before it is completed by those who were merged into it."""
        value = None if row.value_amount is None else Money(row.value_amount, row.value_currency)
        return replace(Profile(**json.loads(self._cipher.decrypt(row.profile))), value=value)

    async def _customers(
        self, connection: AsyncConnection, workspace: WorkspaceId, rows: Sequence[Row[Any]]
    ) -> list[Customer]:
        ids = [CustomerId(row.id) for row in rows]
        query = (
            select(customers)
            .where(customers.c.workspace_id == workspace, customers.c.survivor_id.in_(ids))
            .order_by(customers.c.created_at, customers.c.id)
        )
        absorbed: dict[str, list[Row[Any]]] = {}
        for row in await connection.execute(query):
            absorbed.setdefault(row.survivor_id, []).append(row)
        identities = await self._identities.of(connection, workspace, ids)
        return [
            self._customer(row, absorbed.get(row.id, []), identities.get(CustomerId(row.id), ()))
            for row in rows
        ]

    def _customer(
        self, row: Row[Any], absorbed: Iterable[Row[Any]], identities: tuple[StoredIdentity, ...]
    ) -> Customer:
        profile = self.own_profile(row)
        for other in absorbed:
            profile = profile.completed(self.own_profile(other))
        return Customer(
            id=CustomerId(row.id),
            workspace_id=WorkspaceId(row.workspace_id),
            profile=profile.shown(),
            absorbed=tuple(CustomerId(other.id) for other in absorbed),
            do_not_sell=row.do_not_sell,
            stage=Stage(row.stage),
            stage_since=row.stage_since,
            stage_event=row.stage_event_id,
            created_at=row.created_at,
            updated_at=row.updated_at,
            identities=identities,
        )
