"""How connectors fare in a workspace: paused or not, their health, how their last poll went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.ids import WorkspaceId
from signals.connectors.connector import Health
from signals.delivery.delivery import Lane
from store.tables import connector_states

_LONGEST_DETAIL = 1000  # characters, as the column has it


@dataclass(frozen=True, slots=True)
class ConnectorState:
    """What is known of a connector; ``health`` was asked at ``checked_at``, both none until then.

    ``polled_at`` is when its target was last asked for news, ``poll_error`` why that came to nothing.
    """

    connector: str
    paused_at: datetime | None = None
    paused_by: str | None = None
    health: Health | None = None
    checked_at: datetime | None = None
    polled_at: datetime | None = None
    next_poll_at: datetime | None = None
    poll_failures: int = 0  # one after the other
    poll_error_code: str | None = None
    poll_error: str | None = None


class ConnectorStates:
    """Reads and writes them. Every function takes the connection of a running transaction."""

    async def all(self, connection: AsyncConnection, workspace: WorkspaceId) -> dict[str, ConnectorState]:
        """Every state of the workspace, by connector."""
        query = select(connector_states).where(connector_states.c.workspace_id == workspace)
        return {row.connector: _state(row) for row in await connection.execute(query)}

    async def get(self, connection: AsyncConnection, lane: Lane) -> ConnectorState:
        """The state of one; of one that nothing was ever written of, an empty one."""
        found = await self.all(connection, lane.workspace)
        return found.get(lane.connector, ConnectorState(lane.connector))

    async def pause(self, connection: AsyncConnection, lane: Lane, *, by: str, at: datetime) -> None:
        """Tell the connector nothing until ``resume``; what is under way ends. Twice is once."""
        if (await self.get(connection, lane)).paused_at is None:
            await self._write(connection, lane, paused_at=at, paused_by=by)

    async def resume(self, connection: AsyncConnection, lane: Lane) -> None:
        """Go on where it was paused."""
        await self._write(connection, lane, paused_at=None, paused_by=None)

    async def note_health(
        self, connection: AsyncConnection, lane: Lane, health: Health, *, at: datetime
    ) -> None:
        """Remember what the connector said when it was asked."""
        detail = health.detail[:_LONGEST_DETAIL]
        await self._write(connection, lane, healthy=health.ok, health_detail=detail, checked_at=at)

    async def _write(self, connection: AsyncConnection, lane: Lane, **values: Any) -> None:  # noqa: ANN401 (columns)
        insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        made = insert(connector_states).values(
            workspace_id=lane.workspace, connector=lane.connector, **values
        )
        await connection.execute(
            made.on_conflict_do_update(index_elements=["workspace_id", "connector"], set_=values)
        )


def _state(row: Any) -> ConnectorState:  # noqa: ANN401 (a row)
    return ConnectorState(
        row.connector,
        paused_at=row.paused_at,
        paused_by=row.paused_by,
        health=None if row.healthy is None else Health(row.healthy, row.health_detail),
        checked_at=row.checked_at,
        polled_at=row.polled_at,
        next_poll_at=row.next_poll_at,
        poll_failures=row.poll_failures or 0,
        poll_error_code=row.poll_error_code,
        poll_error=row.poll_error,
    )
