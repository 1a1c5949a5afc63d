"""The journey of a customer in the database: each move, and where it has led so far."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.event import Event, EventId
from customers.journey import Journey, Move, Stage
from customers.timeline import Timeline
from kit.ids import CustomerId, WorkspaceId
from store.tables import customer_stages, customers


@dataclass(frozen=True, slots=True)
class StoredMove:
    """A move as it is kept: by which rule, through which event, when that happened."""

    was: Stage
    became: Stage
    rule: str
    event: EventId
    at: datetime


class Stages:
    """Moves customers along a journey, as their timeline grows."""

    def __init__(self, journey: Journey, timeline: Timeline) -> None:
        self.journey = journey
        self._timeline = timeline

    async def advance(
        self, connection: AsyncConnection, workspace: WorkspaceId, event: Event, *, stage: Stage
    ) -> None:
        """Move the customer of ``event``, who is in ``stage``, if that event does.

        One that comes late, with others after it in the timeline, has the whole journey told anew.
        """
        if not await self._timeline.is_last(connection, workspace, event):
            await self.retell(connection, workspace, event.customer)
            return
        since = event.occurred_at - self.journey.window
        events = await self._timeline.since(connection, workspace, event.customer, since)
        moves = self.journey.moves(events, stage=stage, first=len(events) - 1)
        await self._store(connection, workspace, event.customer, moves)

    async def retell(self, connection: AsyncConnection, workspace: WorkspaceId, customer: CustomerId) -> None:
        """Work the journey out from the whole timeline, after that has changed."""
        await connection.execute(
            delete(customer_stages).where(
                customer_stages.c.workspace_id == workspace, customer_stages.c.customer_id == customer
            )
        )
        await connection.execute(
            update(customers)
            .where(customers.c.workspace_id == workspace, customers.c.id == customer)
            .values(stage=self.journey.start, stage_since=None, stage_event_id=None)
        )
        events = await self._timeline.since(connection, workspace, customer)
        await self._store(connection, workspace, customer, self.journey.moves(events))

    async def history(
        self, connection: AsyncConnection, workspace: WorkspaceId, customer: CustomerId
    ) -> list[StoredMove]:
        """Every move, the first first."""
        query = select(customer_stages).where(
            customer_stages.c.workspace_id == workspace, customer_stages.c.customer_id == customer
        )
        return [
            StoredMove(Stage(row.was), Stage(row.became), row.rule, EventId(row.event_id), row.moved_at)
            for row in await connection.execute(query.order_by(customer_stages.c.id))
        ]

    async def _store(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        customer: CustomerId,
        moves: Iterable[Move],
    ) -> None:
        rows = [
            {
                "workspace_id": workspace,
                "customer_id": customer,
                "was": move.was,
                "became": move.became,
                "rule": move.rule,
                "event_id": move.event.id,
                "moved_at": move.event.occurred_at,
            }
            for move in moves
        ]
        if not rows:
            return
        await connection.execute(insert(customer_stages), rows)
        last = rows[-1]
        await connection.execute(
            update(customers)
            .where(customers.c.workspace_id == workspace, customers.c.id == customer)
            .values(stage=last["became"], stage_since=last["moved_at"], stage_event_id=last["event_id"])
        )
