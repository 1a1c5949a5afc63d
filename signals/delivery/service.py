"""Everything that delivers, as one thing that runs until it is told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from kit.clock import Clock
from kit.ids import WorkspaceId
from signals.delivery.courier import Courier
from signals.delivery.dispatcher import Dispatcher
from signals.delivery.drain import LEASE, Drain
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
        lease: timedelta = LEASE,
        grace: float = 3.0,
    ) -> None:
        """``system_database`` is DBOS's, ``executor`` this machine's name there.

        ``grace`` is how many seconds attempts under way may take to end once it is to stop.
        """
        store = DeliveryStore()
        self._grace = grace
        self._drain = Drain(database, store, courier, clock, targets=targets, lease=lease)
        self._engine = DurableEngine(system_database, self._drain.run, executor=executor)
        self._dispatcher = Dispatcher(
            database,
            store,
            self._engine,
            clock,
            targets=targets,
            workspaces=workspaces,
            rests=self._drain.rests,
        )

    async def run(self, stopping: asyncio.Event) -> None:
        """Deliver until ``stopping`` is set: what waits is left queued, what is under way may end.

        What has not ended within the grace is cut off and queued again: however slow a target is, this
        returns within seconds.
        """
        await self._engine.start()
        try:
            await self._dispatch(stopping)
        finally:
            self._drain.stop()
            await self._engine.idle(within=self._grace)
            self._drain.cut()
            await self._engine.stop()

    async def _dispatch(self, stopping: asyncio.Event) -> None:
        """Look for what is due until ``stopping`` is set; a look that DBOS's database holds up is cut off."""
        looking = asyncio.create_task(self._dispatcher.run(stopping))
        told = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait({looking, told}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({looking}, timeout=self._grace)
            if looking.done():
                looking.result()  # raises what ended it
        finally:
            looking.cancel()
            told.cancel()
