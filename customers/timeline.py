"""The timeline of a customer in the database.

Every function takes the connection of a running transaction.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.errors import EventInvalid, EventOfAnother
from customers.event import Event, EventId, EventKind, NewEvent
from customers.feedback import check_score
from customers.journey import Stage
from kit.ids import CustomerId, WorkspaceId, new_id
from store.encryption import Cipher
from store.tables import customer_events as table

_LARGEST = 64 * 1024  # characters of a payload as JSON


class Timeline:
    """Appends and reads events; what happened is encrypted, but for its kind, name, time and score."""

    def __init__(self, cipher: Cipher) -> None:
        self._cipher = cipher

    async def append(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        customer: CustomerId,
        event: NewEvent,
        *,
        now: datetime,
    ) -> tuple[Event, bool]:
        """The event with this source and external id, and whether it was appended just now.

        ``customer`` is a living one. A moment after ``now`` is taken as now: clocks differ. Raises
        ``EventInvalid``, ``FeedbackInvalid``, and ``EventOfAnother`` where the source has told another
        customer's event by the same id.
        """
        payload = _checked(event)
        upsert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        statement = upsert(table).values(
            id=new_id("evt"),
            workspace_id=workspace,
            customer_id=customer,
            origin_id=customer,
            kind=event.kind,
            name=event.name,
            source=event.source,
            external_id=event.external_id,
            score=event.score,
            payload=self._cipher.encrypt(payload),
            occurred_at=min(event.occurred_at, now),
            recorded_at=now,
        )
        made = (await connection.execute(statement.on_conflict_do_nothing().returning(table.c.id))).scalar()
        query = select(table).where(
            table.c.workspace_id == workspace,
            table.c.source == event.source,
            table.c.external_id == event.external_id,
        )
        stored = self._event((await connection.execute(query)).one())
        if stored.customer != customer:
            raise EventOfAnother(f"{event.source} has another customer's event by that external id.")
        return stored, made is not None

    async def page(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        customer: CustomerId,
        *,
        kinds: Collection[EventKind] = (),
        before: EventId | None = None,
        limit: int = 50,
    ) -> list[Event]:
        """Events of ``kinds`` (none: all), the last first, before ``before``: the last one's id asks on."""
        query = select(table).where(table.c.workspace_id == workspace, table.c.customer_id == customer)
        if kinds:
            query = query.where(table.c.kind.in_(kinds))
        if before is not None:
            place = select(table.c.occurred_at, table.c.id).where(
                table.c.workspace_id == workspace, table.c.id == before
            )
            found = (await connection.execute(place)).one_or_none()
            if found is None:
                return []
            query = query.where(tuple_(table.c.occurred_at, table.c.id) < (found.occurred_at, found.id))
        rows = await connection.execute(
            query.order_by(table.c.occurred_at.desc(), table.c.id.desc()).limit(limit)
        )
        return [self._event(row) for row in rows]

    async def since(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        customer: CustomerId,
        since: datetime | None = None,
    ) -> list[Event]:
        """Every event that occurred at ``since`` or later (none: ever), the first first."""
        query = select(table).where(table.c.workspace_id == workspace, table.c.customer_id == customer)
        if since is not None:
            query = query.where(table.c.occurred_at >= since)
        rows = await connection.execute(query.order_by(table.c.occurred_at, table.c.id))
        return [self._event(row) for row in rows]

    async def is_last(self, connection: AsyncConnection, workspace: WorkspaceId, event: Event) -> bool:
        """Whether nothing of its customer comes after ``event``."""
        later = select(table.c.id).where(
            table.c.workspace_id == workspace,
            table.c.customer_id == event.customer,
            tuple_(table.c.occurred_at, table.c.id) > event.order,
        )
        return (await connection.execute(later.limit(1))).first() is None

    def _event(self, row: Row[Any]) -> Event:
        return Event(
            id=EventId(row.id),
            customer=CustomerId(row.customer_id),
            origin=CustomerId(row.origin_id),
            kind=EventKind(row.kind),
            name=row.name,
            source=row.source,
            external_id=row.external_id,
            score=row.score,
            payload=json.loads(self._cipher.decrypt(row.payload)),
            occurred_at=row.occurred_at,
            recorded_at=row.recorded_at,
        )


def set_by_hand(stage: Stage, *, source: str, external_id: str, reason: str, at: datetime) -> NewEvent:
    """The event by which a person says where a customer stands."""
    return NewEvent(EventKind.STAGE, stage, source, external_id, at, payload={"reason": reason})


def _checked(event: NewEvent) -> str:
    """The payload as JSON. Raises ``EventInvalid`` or ``FeedbackInvalid``."""
    check_score(event)
    if event.kind is EventKind.STAGE and event.name not in set(Stage):
        raise EventInvalid(f"An event of kind stage is named after a stage: {', '.join(Stage)}.")
    payload = json.dumps(dict(event.payload), ensure_ascii=False)
    if len(payload) > _LARGEST:
        raise EventInvalid(f"The payload of an event has {_LARGEST:,} characters at most.")
    return payload
