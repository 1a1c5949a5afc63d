"""Everything that delivers, as one thing that runs until it is told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from kit.clock import Clock
from kit.ids import WorkspaceId
from signals.delivery.courier import Courier
from signals.delivery.dispatcher import Dispatcher
from signals.delivery.drain import Drain
from signals.delivery.engine import DurableEngine
from signals.delivery.store import DeliveryStore
from signals.delivery.target import Targets
from store.engine import Database


class DeliveryService:
    """Dispatcher, engine and drains of this process; one of them a process (``EngineRunning``)."""

    def __init__(
        self,
        database: Database,
        courier: Courier,
        clock: Clock,
        *,
        targets: Targets,
        workspaces: Callable[[], Awaitable[Sequence[WorkspaceId]]],
        system_database: str,
        executor: str = "local",
    ) -> None:
        """``system_database`` is DBOS's, ``executor`` this machine's name there."""
        store = DeliveryStore()
        self._drain = Drain(database, store, courier, clock, targets=targets)
        self._engine = DurableEngine(system_database, self._drain.run, executor=executor)
        self._dispatcher = Dispatcher(
            database, store, self._engine, clock, targets=targets, workspaces=workspaces
        )

    async def run(self, stopping: asyncio.Event) -> None:
        """Deliver until ``stopping`` is set; attempts under way are ended, what waits is left queued."""
        await self._engine.start()
        try:
            await self._dispatcher.run(stopping)
        finally:
            self._drain.stop()
            await self._engine.stop()
