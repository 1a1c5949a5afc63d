"""Takes customers out of sequences that are over, from time to time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from kit.clock import Clock
from kit.errors import Unavailable
from kit.ids import WorkspaceId
from kit.log import get_logger
from signals.enrolments import Nurture
from store.engine import Database

_log = get_logger("signals.nurture")
_EVERY = 600.0  # seconds; a sequence lasts days


class NurtureRounds:
    """Ends what is over in every workspace; several servers may do so at once."""

    def __init__(
        self,
        database: Database,
        nurture: Nurture,
        clock: Clock,
        *,
        workspaces: Callable[[], Awaitable[Sequence[WorkspaceId]]],
    ) -> None:
        self._database = database
        self._nurture = nurture
        self._clock = clock
        self._workspaces = workspaces

    async def run(self, stopping: asyncio.Event) -> None:
        """Go round until ``stopping`` is set. A database that is away is waited for."""
        while not stopping.is_set():
            try:
                await self.go_round()
            except Unavailable as error:
                _log.warning("nurture_waits", code=error.code, reason=error.detail)
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), _EVERY)

    async def go_round(self) -> int:
        """Take out everybody whose sequence is over; how many there were."""
        left = 0
        for workspace in await self._workspaces():
            async with self._database.write() as connection:
                left += len(await self._nurture.expire(connection, workspace, at=self._clock.now()))
        return left
