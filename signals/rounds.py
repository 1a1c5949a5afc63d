"""The rounds of a server: which duties of which workspaces are due, seen to one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, Protocol

from kit.clock import Clock
from kit.errors import CareloopError
from kit.ids import WorkspaceId
from kit.log import get_logger
from signals.duties import Duties, Duty
from triage.learning_ledger import last_night

_BEAT = 30.0  # seconds between signs of life: the lease is ten times as long
_log = get_logger("signals.rounds")


class Work(Protocol):
    """What is done for a workspace; gives what came of it, as JSON, or raises."""

    async def __call__(self, workspace: WorkspaceId, *, at: datetime) -> Mapping[str, Any]:
        """``at`` is now."""
        ...


@dataclass(frozen=True, slots=True)
class Chore:
    """``work`` under a ``name``, every night at a time of day, or every so often.

    The first of several chores is done first: what another needs goes before it.
    """

    name: str
    work: Work
    every: time | timedelta

    def due(self, now: datetime) -> datetime:
        """The last time that it was due."""
        if isinstance(self.every, timedelta):
            return now - (now - datetime.min.replace(tzinfo=UTC)) % self.every
        return last_night(now, at=self.every)


class Rounds:
    """Looks for ``chores`` that are due; of any number of servers one does each."""

    def __init__(
        self,
        duties: Duties,
        chores: Sequence[Chore],
        workspaces: Callable[[], Awaitable[Sequence[WorkspaceId]]],
        *,
        clock: Clock,
    ) -> None:
        self._duties = duties
        self._chores = tuple(chores)
        self._workspaces = workspaces
        self._clock = clock

    async def keep_looking(self, *, interval: float = 30.0) -> None:
        """Look every ``interval`` seconds, until cancelled; what is under way is let go of then."""
        while True:
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 (outermost boundary: this runs in a task of its own)
                code = error.code if isinstance(error, CareloopError) else "internal"
                _log.error("rounds_postponed", code=code, error=type(error).__name__)
            await asyncio.sleep(interval)

    async def look(self) -> int:
        """See to what is due, workspace by workspace; how many duties this server saw to."""
        seen = 0
        for workspace in await self._workspaces():
            for chore in self._chores:
                seen += await self.see_to(workspace, chore)
        return seen

    async def see_to(self, workspace: WorkspaceId, chore: Chore) -> bool:
        """Do ``chore`` if it is due and nobody else does; whether it was this server's."""
        duty = await self._duties.begin(workspace, chore.name, chore.due(self._clock.now()))
        if duty is None:
            return False
        beating = asyncio.create_task(self._stay_alive(duty))
        try:
            result = await chore.work(workspace, at=self._clock.now())
        except CareloopError as expected:
            _log.warning("duty_failed", duty=chore.name, code=expected.code, reason=expected.detail)
            await self._duties.finish(duty, error=f"{expected.code}: {expected.detail}")
        except asyncio.CancelledError:
            await self._duties.let_go(duty)
            raise
        except Exception:
            await self._duties.finish(duty, error="internal: The error is in the server's log.")
            raise
        else:
            await self._duties.finish(duty, result=result)
        finally:
            beating.cancel()
            with suppress(asyncio.CancelledError):
                await beating
        return True

    async def _stay_alive(self, duty: Duty) -> None:
        while True:
            await asyncio.sleep(_BEAT)
            try:
                await self._duties.keep_alive(duty)
            except CareloopError as error:
                _log.warning("duty_not_renewed", code=error.code, reason=error.detail)
