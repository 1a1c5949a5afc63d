"""Learning every night, in each workspace where people corrected something, on one of all servers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import time

from api.learning import LearningRuns
from kit.clock import Clock
from kit.errors import CareloopError
from kit.log import get_logger
from store.access import Workspace
from triage.learning_ledger import last_night

_log = get_logger("api.nightly")


class Nightly:
    """Lets ``runs`` learn at the time of day ``at``, in its own time zone or UTC.

    Every server looks; the ledger lets one of them begin. A night that was missed, because no server ran, is
    made up for as soon as one does; one that was cut short is begun again.
    """

    def __init__(
        self,
        runs: LearningRuns,
        workspaces: Callable[[], Awaitable[Sequence[Workspace]]],
        *,
        at: time,
        clock: Clock,
    ) -> None:
        self._runs = runs
        self._workspaces = workspaces
        self._at = at
        self._clock = clock

    async def keep_looking(self, *, interval: float = 60.0) -> None:
        """Look every ``interval`` seconds, until cancelled."""
        while True:
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 (outermost boundary: this runs in a task of its own)
                code = error.code if isinstance(error, CareloopError) else "internal"
                _log.error("night_postponed", code=code, error=type(error).__name__)
            await asyncio.sleep(interval)

    async def look(self) -> int:
        """Learn in every workspace where last night's learning is due, one after the other; in how many."""
        night = last_night(self._clock.now(), at=self._at)
        learned = [
            await self._runs.learn_tonight(workspace.id, night) for workspace in await self._workspaces()
        ]
        return sum(learned)
