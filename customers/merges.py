"""Two customers become one, the elder of the two; and are two again when that was wrong.

A merge hands the younger one's identities, events and consents to the elder, and an un-merge hands exactly
these back: each row says whose it was (``origin_id``), and each customer into whom it went. What came in
meanwhile stays with the elder, but for refusals, which hold for both.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import combinations
from typing import Any, NewType

from sqlalchemy import Row, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.consents import Consents
from customers.errors import MergeImpossible, UnknownMerge
from customers.rows import family, living, locked
from customers.stages import Stages
from kit.ids import CustomerId, WorkspaceId, new_id
from store.tables import customer_consents, customer_events, customer_identities, customers
from store.tables import customer_merges as table

MergeId = NewType("MergeId", str)

_MOVED = (customer_identities, customer_events, customer_consents)


class MergeReason(StrEnum):
    """Why two customers became one."""

    IDENTITY = "identity"  # one message, or one record, named both
    REQUEST = "request"  # somebody said so


@dataclass(frozen=True, slots=True)
class Merge:
    """``absorbed`` went into ``survivor``; ``undone_at`` once they were taken apart again."""

    id: MergeId
    survivor: CustomerId
    absorbed: CustomerId
    reason: MergeReason
    at: datetime
    undone_at: datetime | None = None


class Merges:
    """Merges and un-merges customers; reads which there were."""

    def __init__(self, consents: Consents, stages: Stages) -> None:
        self._consents = consents
        self._stages = stages

    async def merge(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        customers_to_merge: Collection[CustomerId],
        *,
        reason: MergeReason,
        now: datetime,
    ) -> list[Merge]:
        """Make one of living customers: the eldest survives.

        A pair that was taken apart may be merged again by request. Raises ``UnknownCustomer``, and
        ``MergeImpossible`` where they are one customer already.
        """

        async def find() -> list[Row[Any]]:
            roots = {
                row.id: row
                for row in [await living(connection, workspace, one) for one in customers_to_merge]
            }
            return sorted(roots.values(), key=lambda row: (row.created_at, row.id))

        found = await locked(
            connection, workspace, find, whom=lambda rows: [CustomerId(row.id) for row in rows]
        )
        eldest, *others = found
        if not others:
            raise MergeImpossible("They are one customer already.")
        merges = [
            await self._absorb(connection, workspace, eldest, row, reason=reason, now=now) for row in others
        ]
        await self._settle(connection, workspace, [CustomerId(eldest.id)], now=now)
        return merges

    async def unmerge(
        self, connection: AsyncConnection, workspace: WorkspaceId, merge: MergeId, *, now: datetime
    ) -> Merge:
        """Take apart what a merge made one, whatever was merged since. Raises ``UnknownMerge``.

        Raises ``MergeImpossible`` where that was done before.
        """
        found = await self.get(connection, workspace, merge)
        root = CustomerId((await living(connection, workspace, found.absorbed, lock=True)).id)
        found = await self.get(connection, workspace, merge)  # as it is under the lock
        if found.undone_at is not None:
            raise MergeImpossible("The merge was undone before.")
        history = await self._consents.history(connection, workspace, root)
        leaving = await self._tree(connection, workspace, found.absorbed)
        await connection.execute(
            update(table).where(table.c.workspace_id == workspace, table.c.id == merge).values(undone_at=now)
        )
        for moved in _MOVED:
            await connection.execute(
                update(moved)
                .where(
                    moved.c.workspace_id == workspace,
                    moved.c.customer_id == root,
                    moved.c.origin_id.in_(leaving),
                )
                .values(customer_id=found.absorbed)
            )
        await self._set_survivor(connection, workspace, leaving - {found.absorbed}, found.absorbed, now=now)
        await self._set_survivor(connection, workspace, {found.absorbed}, None, now=now)
        await self._consents.hand_on_refusals(
            connection, workspace, history, found.absorbed, own=frozenset(leaving), now=now
        )
        await self._settle(connection, workspace, [root, found.absorbed], now=now)
        return await self.get(connection, workspace, merge)

    async def get(self, connection: AsyncConnection, workspace: WorkspaceId, merge: MergeId) -> Merge:
        """The merge. Raises ``UnknownMerge``."""
        query = select(table).where(table.c.workspace_id == workspace, table.c.id == merge)
        row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise UnknownMerge(f"There is no merge {merge}.")
        return _merge(row)

    async def of_customer(
        self, connection: AsyncConnection, workspace: WorkspaceId, customer: CustomerId
    ) -> list[Merge]:
        """Every merge of a living customer and of those in it, the undone among them, the first first."""
        members = await family(connection, workspace, customer)
        query = select(table).where(
            table.c.workspace_id == workspace,
            or_(table.c.survivor_id.in_(members), table.c.absorbed_id.in_(members)),
        )
        rows = await connection.execute(query.order_by(table.c.merged_at, table.c.id))
        return [_merge(row) for row in rows]

    async def were_taken_apart(
        self, connection: AsyncConnection, workspace: WorkspaceId, found: Iterable[CustomerId]
    ) -> bool:
        """Whether a merge of any two of these living customers, or of those in them, was undone."""
        root_of: dict[str, CustomerId] = {}
        for customer in found:
            root_of |= dict.fromkeys(await family(connection, workspace, customer), customer)
        undone = await connection.execute(
            select(table).where(
                table.c.workspace_id == workspace,
                table.c.undone_at.is_not(None),
                table.c.survivor_id.in_(root_of),
                table.c.absorbed_id.in_(root_of),
            )
        )
        pairs = {frozenset((root_of[row.survivor_id], root_of[row.absorbed_id])) for row in undone}
        return any(frozenset(pair) in pairs for pair in combinations(set(root_of.values()), 2))

    async def _absorb(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        elder: Row[Any],
        younger: Row[Any],
        *,
        reason: MergeReason,
        now: datetime,
    ) -> Merge:
        leaving = await family(connection, workspace, CustomerId(younger.id))
        merge = Merge(MergeId(new_id("mrg")), CustomerId(elder.id), CustomerId(younger.id), reason, now)
        await connection.execute(
            insert(table).values(
                id=merge.id,
                workspace_id=workspace,
                survivor_id=merge.survivor,
                absorbed_id=merge.absorbed,
                reason=reason,
                after_consent=await self._consents.last(connection, workspace),
                merged_at=now,
            )
        )
        for moved in _MOVED:
            await connection.execute(
                update(moved)
                .where(moved.c.workspace_id == workspace, moved.c.customer_id == merge.absorbed)
                .values(customer_id=merge.survivor)
            )
        await self._set_survivor(connection, workspace, leaving, merge.survivor, now=now)
        return merge

    async def _tree(
        self, connection: AsyncConnection, workspace: WorkspaceId, customer: CustomerId
    ) -> set[CustomerId]:
        """The customer and those who were merged into it, directly or through another."""
        found, edge = {customer}, {customer}
        while edge:
            query = select(table.c.absorbed_id).where(
                table.c.workspace_id == workspace,
                table.c.survivor_id.in_(edge),
                table.c.undone_at.is_(None),
            )
            edge = {CustomerId(row.absorbed_id) for row in await connection.execute(query)} - found
            found |= edge
        return found

    async def _set_survivor(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        found: Collection[CustomerId],
        survivor: CustomerId | None,
        *,
        now: datetime,
    ) -> None:
        await connection.execute(
            update(customers)
            .where(customers.c.workspace_id == workspace, customers.c.id.in_(found))
            .values(survivor_id=survivor, updated_at=now)
        )

    async def _settle(
        self, connection: AsyncConnection, workspace: WorkspaceId, found: list[CustomerId], *, now: datetime
    ) -> None:
        """Let journeys and flags follow from the events and consents that each has now."""
        for customer in found:
            await self._stages.retell(connection, workspace, customer)
            await self._consents.settle(connection, workspace, customer, now=now)


def _merge(row: Row[Any]) -> Merge:
    return Merge(
        MergeId(row.id),
        CustomerId(row.survivor_id),
        CustomerId(row.absorbed_id),
        MergeReason(row.reason),
        row.merged_at,
        row.undone_at,
    )
