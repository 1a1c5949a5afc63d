"""Consent in the database: a history that only grows.

Every function takes the connection of a running transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.consent import (
    ConsentChannel,
    ConsentHistory,
    ConsentRecord,
    ConsentState,
    Join,
    Purpose,
)
from customers.rows import family
from kit.ids import CustomerId, WorkspaceId
from store.tables import customer_consents as table
from store.tables import customer_merges, customers

UNMERGE = "unmerge"  # the source of refusals that an un-merge hands on


@dataclass(frozen=True, slots=True)
class NewConsent:
    """A word of a customer; ``source`` says where it was given: a form, an agent, a CRM."""

    purpose: Purpose
    channel: ConsentChannel
    state: ConsentState
    source: str
    at: datetime


class Consents:
    """Appends and reads what customers consented to."""

    async def append(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        customer: CustomerId,
        consent: NewConsent,
        *,
        now: datetime,
    ) -> ConsentRecord:
        """Record a word of a living customer. A moment after ``now`` is taken as now: clocks differ.

        Data are sold on no channel or on all: who refuses that on one refuses it.
        """
        at = min(consent.at, now)
        refused = consent.purpose is Purpose.DATA_SALE and consent.state is ConsentState.WITHDRAWN
        channel = ConsentChannel.ANY if refused else consent.channel
        result = await connection.execute(
            insert(table)
            .values(
                workspace_id=workspace,
                customer_id=customer,
                origin_id=customer,
                purpose=consent.purpose,
                channel=channel,
                state=consent.state,
                source=consent.source,
                given_at=at,
                recorded_at=now,
            )
            .returning(table.c.id)
        )
        record = ConsentRecord(
            int(result.scalar_one()),
            consent.purpose,
            channel,
            consent.state,
            consent.source,
            at,
            now,
            customer,
        )
        if consent.purpose is Purpose.DATA_SALE:
            await self.settle(connection, workspace, customer, now=now)
        return record

    async def history(
        self, connection: AsyncConnection, workspace: WorkspaceId, customer: CustomerId
    ) -> ConsentHistory:
        """All that a living customer, and whoever was merged into it, ever said."""
        members = await family(connection, workspace, customer)
        return (await self.histories(connection, workspace, {customer: members}))[customer]

    async def histories(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        families: Mapping[CustomerId, Collection[CustomerId]],
    ) -> dict[CustomerId, ConsentHistory]:
        """The same for many at once; ``families`` has each with all who were merged into it."""
        rows = await connection.execute(
            select(table)
            .where(table.c.workspace_id == workspace, table.c.customer_id.in_(families))
            .order_by(table.c.id)
        )
        said: dict[CustomerId, list[ConsentRecord]] = {customer: [] for customer in families}
        for row in rows:
            said[CustomerId(row.customer_id)].append(_record(row))
        return {
            customer: ConsentHistory(tuple(said[customer]), await self._joins(connection, workspace, members))
            for customer, members in families.items()
        }

    async def last(self, connection: AsyncConnection, workspace: WorkspaceId) -> int:
        """The last record of the workspace; 0 before the first."""
        query = select(func.max(table.c.id)).where(table.c.workspace_id == workspace)
        return (await connection.execute(query)).scalar() or 0

    async def settle(
        self, connection: AsyncConnection, workspace: WorkspaceId, customer: CustomerId, *, now: datetime
    ) -> None:
        """Let the customer's flag follow from its history."""
        history = await self.history(connection, workspace, customer)
        await connection.execute(
            update(customers)
            .where(customers.c.workspace_id == workspace, customers.c.id == customer)
            .values(do_not_sell=history.do_not_sell(now))
        )

    async def hand_on_refusals(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        history: ConsentHistory,
        absorbed: CustomerId,
        *,
        own: frozenset[CustomerId],
        now: datetime,
    ) -> None:
        """Record again for ``absorbed`` what was withdrawn while it was merged, as ``history`` has it.

        Nobody can tell which of the two withdrew it, so it holds for both. ``own`` are those whose records
        go back to it anyway.
        """
        for record in history.heard_of(absorbed):
            if record.origin not in own and record.state is ConsentState.WITHDRAWN:
                again = NewConsent(record.purpose, record.channel, record.state, UNMERGE, record.at)
                await self.append(connection, workspace, absorbed, again, now=now)

    async def _joins(
        self, connection: AsyncConnection, workspace: WorkspaceId, members: Collection[CustomerId]
    ) -> tuple[Join, ...]:
        if len(members) == 1:
            return ()
        rows = await connection.execute(
            select(customer_merges).where(
                customer_merges.c.workspace_id == workspace,
                customer_merges.c.absorbed_id.in_(members),
                customer_merges.c.undone_at.is_(None),
            )
        )
        return tuple(
            Join(CustomerId(row.absorbed_id), CustomerId(row.survivor_id), row.after_consent) for row in rows
        )


def _record(row: Row[Any]) -> ConsentRecord:
    return ConsentRecord(
        row.id,
        Purpose(row.purpose),
        ConsentChannel(row.channel),
        ConsentState(row.state),
        row.source,
        row.given_at,
        row.recorded_at,
        CustomerId(row.origin_id),
    )
