"""Many tickets of a workspace at once: which ones, and page by page in memory that does not grow."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from kit.ids import WorkspaceId
from store.engine import Database
from store.tables import tickets
from triage.corrections import TicketId
from triage.errors import UnknownTicket
from triage.labels import Certainty
from triage.tickets import Ticket, TicketStore

PAGE = 32


@dataclass(frozen=True, slots=True)
class Selection:
    """Which tickets; none asks for all. Made from ``since`` on and before ``until``."""

    queue: str | None = None
    intent: str | None = None
    certainty: tuple[Certainty, ...] = ()
    since: datetime | None = None
    until: datetime | None = None


class StoredTickets:
    """The tickets of one workspace."""

    def __init__(self, database: Database, store: TicketStore, workspace: WorkspaceId) -> None:
        self._database = database
        self._store = store
        self._workspace = workspace

    async def ids(
        self, selection: Selection, *, before: TicketId | None = None, most: int | None = None
    ) -> list[TicketId]:
        """Of those selected the newest ``most``, newest first; of those older than ``before``."""
        query = select(tickets.c.id).where(tickets.c.workspace_id == self._workspace)
        for column, value in ((tickets.c.queue, selection.queue), (tickets.c.intent, selection.intent)):
            if value is not None:
                query = query.where(column == value)
        if selection.certainty:
            query = query.where(tickets.c.certainty.in_(selection.certainty))
        if selection.since is not None:
            query = query.where(tickets.c.created_at >= selection.since)
        if selection.until is not None:
            query = query.where(tickets.c.created_at < selection.until)
        if before is not None:
            query = query.where(tickets.c.id < before)
        async with self._database.read() as connection:
            rows = await connection.execute(query.order_by(tickets.c.id.desc()).limit(most))
            return [TicketId(row.id) for row in rows]

    async def pages(
        self, ids: Sequence[TicketId], *, size: int = PAGE
    ) -> AsyncIterator[tuple[Sequence[TicketId], list[Ticket]]]:
        """``size`` of ``ids`` at a time with their tickets, of which some may be gone by now."""
        for start in range(0, len(ids), size):
            wanted = ids[start : start + size]
            async with self._database.read() as connection:
                found = []
                for ticket in wanted:
                    try:
                        found.append(await self._store.get(connection, self._workspace, ticket))
                    except UnknownTicket:
                        continue
            yield wanted, found
