"""Looks for what is due and has it drained. Rows are the truth: a dispatcher that died is not missed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Protocol

from kit.clock import Clock
from kit.errors import Unavailable
from kit.ids import WorkspaceId
from kit.log import get_logger
from signals.delivery.delivery import Lane
from signals.delivery.store import DeliveryStore
from signals.delivery.target import Targets
from store.engine import Database

_log = get_logger("signals.delivery")
_HOUSEKEEPING = timedelta(minutes=1)


class Engine(Protocol):
    """What has lanes drained; ``signals.delivery.engine.DurableEngine`` is the real one."""

    def is_draining(self, lane: Lane) -> bool:
        """Whether a drain of the lane waits or runs."""
        ...

    async def drain(self, lane: Lane) -> None:
        """Have the lane drained soon."""
        ...

    async def prune(self, *, at: datetime) -> int:
        """Forget drains that ended long before ``at``."""
        ...


class Dispatcher:
    """Asks each lane a few times a second whether anything is due: one look into an index each."""

    def __init__(
        self,
        database: Database,
        store: DeliveryStore,
        engine: Engine,
        clock: Clock,
        *,
        targets: Targets,
        workspaces: Callable[[], Awaitable[Sequence[WorkspaceId]]],
        rests: Callable[[Lane], bool] = lambda _: False,
        every: float = 0.25,
    ) -> None:
        """``rests`` says of a lane that its target wants to be left alone; ``every`` is in seconds."""
        self._database = database
        self._store = store
        self._engine = engine
        self._clock = clock
        self._targets = targets
        self._workspaces = workspaces
        self._rests = rests
        self._every = every
        self._kept_at: datetime | None = None

    async def run(self, stopping: asyncio.Event) -> None:
        """Look and have drained until ``stopping`` is set. A database that is away is waited for."""
        while not stopping.is_set():
            try:
                await self.look()
            except Unavailable as error:
                _log.warning("dispatcher_waits", code=error.code, reason=error.detail)
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), self._every)

    async def look(self) -> list[Lane]:
        """Have every lane drained that has something due; which they were."""
        now = self._clock.now()
        workspaces = await self._workspaces()
        lanes = [Lane(space, name) for space in workspaces for name in self._targets.of(space)]
        if self._kept_at is None or now - self._kept_at >= _HOUSEKEEPING:
            self._kept_at = now
            await self._keep_house(lanes, now)
        idle = [lane for lane in lanes if not (self._engine.is_draining(lane) or self._rests(lane))]
        async with self._database.read() as connection:
            due = [lane for lane in idle if await self._store.is_due(connection, lane, at=now)]
        for lane in due:
            await self._engine.drain(lane)
        return due

    async def _keep_house(self, lanes: Sequence[Lane], now: datetime) -> None:
        async with self._database.write() as connection:
            for lane in lanes:
                lost = await self._store.take_over(connection, lane, at=now)
                if lost:
                    _log.warning("deliveries_taken_over", connector=lane.connector, number=lost)
        await self._engine.prune(at=now)
