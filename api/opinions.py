"""Second opinions under way: asked for after a ticket was stored, stored beside it when they come."""

from __future__ import annotations

import asyncio

from api.triagers import TriageParts
from kit.clock import Clock
from kit.errors import CareloopError
from kit.log import get_logger
from store.engine import Database
from triage.labels import Triage
from triage.tickets import Ticket

_log = get_logger("api.opinions")


class Opinions:
    """Asks in the background of this process, so that no ticket waits for a language model."""

    def __init__(self, parts: TriageParts, database: Database, clock: Clock) -> None:
        self._parts = parts
        self._database = database
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()

    def consider(self, ticket: Ticket, said: Triage) -> None:
        """Ask about a ticket of which triage ``said`` so much, if a model is there and it is in doubt."""
        if self._parts.second_opinion is None:
            return
        task = asyncio.create_task(self._ask(ticket, said))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """Ask no further: tickets whose answer is outstanding stay without one."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _ask(self, ticket: Ticket, said: Triage) -> None:
        asking = self._parts.second_opinion
        opinion = None if asking is None else await asking.ask(ticket.read, said)
        if opinion is None:
            return
        async with self._database.write() as connection:
            await self._parts.opinions.add(
                connection, ticket.workspace_id, ticket.id, opinion, at=self._clock.now()
            )

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            code = error.code if isinstance(error, CareloopError) else "internal"
            _log.error("second_opinion_lost", code=code, error=type(error).__name__)
