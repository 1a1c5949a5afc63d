"""The parts of delivery, together, as routes and commands call them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from kit.ids import WorkspaceId
from signals.delivery.delivery import DeliveryState, Lane
from signals.delivery.errors import UnknownConnector
from signals.delivery.outbox import DeliveryOutbox
from signals.delivery.states import ConnectorState, ConnectorStates
from signals.delivery.store import DeliveryStore
from signals.delivery.target import Targets


@dataclass(frozen=True, slots=True)
class ConnectorOverview:
    """A connector as it stands: its state, and how many deliveries it has in each of theirs."""

    state: ConnectorState
    counts: Mapping[DeliveryState, int]
    on: bool


@dataclass(frozen=True, slots=True)
class DeliveryParts:
    """Everything about deliveries but what makes them. Functions take a running transaction."""

    store: DeliveryStore
    states: ConnectorStates
    targets: Targets
    outbox: DeliveryOutbox

    async def connectors(
        self, connection: AsyncConnection, workspace: WorkspaceId
    ) -> dict[str, ConnectorOverview]:
        """Every connector that is on, and every other that deliveries are left of, by name."""
        on = self.targets.of(workspace)
        states = await self.states.all(connection, workspace)
        counts = await self.store.counts(connection, workspace)
        return {
            name: ConnectorOverview(states.get(name, ConnectorState(name)), counts.get(name, {}), name in on)
            for name in sorted({*on, *counts})
        }

    async def connector(
        self, connection: AsyncConnection, workspace: WorkspaceId, name: str
    ) -> ConnectorOverview:
        """One of them. Raises ``UnknownConnector``."""
        found = (await self.connectors(connection, workspace)).get(name)
        if found is None:
            raise UnknownConnector(f"There is no connector {name}.")
        return found

    async def pause(
        self, connection: AsyncConnection, workspace: WorkspaceId, name: str, *, by: str, at: datetime
    ) -> ConnectorOverview:
        """Tell it nothing until it is resumed. Raises ``UnknownConnector``."""
        await self.connector(connection, workspace, name)
        await self.states.pause(connection, Lane(workspace, name), by=by, at=at)
        return await self.connector(connection, workspace, name)

    async def resume(
        self, connection: AsyncConnection, workspace: WorkspaceId, name: str
    ) -> ConnectorOverview:
        """Go on. Raises ``UnknownConnector``."""
        await self.connector(connection, workspace, name)
        await self.states.resume(connection, Lane(workspace, name))
        return await self.connector(connection, workspace, name)

    async def replay_all(
        self, connection: AsyncConnection, workspace: WorkspaceId, name: str, *, at: datetime
    ) -> int:
        """Queue every dead letter of a connector again; how many. Raises ``UnknownConnector``."""
        await self.connector(connection, workspace, name)
        return await self.store.replay_all(connection, workspace, name, at=at)
