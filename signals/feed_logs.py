"""The logs of the live feed: signals as they are heard, what became of them, and incidents."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.clock import Clock
from kit.ids import SignalId, WorkspaceId
from signals.duties import Duties
from signals.errors import UnknownSignal
from signals.feed import BATCH, FeedEntry, News, Numbered
from signals.outcomes import OutcomeStore
from signals.predictions.incident_watch import DUTY
from signals.predictions.incidents import Incident
from signals.store import SignalStore
from store.tables import signal_outcomes, signal_sightings

# On PostgreSQL a transaction may commit after another that was given a higher number. What comes after a
# number that is missing waits so long for it: no transaction that writes signals takes as long.
_GRACE = timedelta(seconds=10)


class SightingLog:
    """Signals as they are heard."""

    def __init__(self, store: SignalStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def end(self, connection: AsyncConnection, _: WorkspaceId) -> int:
        """See ``FeedLog``."""
        return await _end(connection, signal_sightings)

    async def after(
        self, connection: AsyncConnection, workspace: WorkspaceId, number: int
    ) -> Sequence[Numbered]:
        """See ``FeedLog``."""
        rows = await _settled(connection, signal_sightings, number, when="seen_at", clock=self._clock)
        return [(row.id, await self._entry(connection, workspace, row)) for row in rows]

    async def _entry(
        self, connection: AsyncConnection, workspace: WorkspaceId, row: Row[Any]
    ) -> FeedEntry | None:
        if row.workspace_id != workspace or row.signal_id is None:
            return None
        try:
            signal = await self._store.get(connection, workspace, SignalId(row.signal_id))
        except UnknownSignal:
            return None
        ids = select(func.min(signal_sightings.c.id)).where(signal_sightings.c.signal_id == row.signal_id)
        is_first = await connection.scalar(ids) == row.id
        return FeedEntry(News.NEW if is_first else News.RENEWED, row.seen_at, signal)


class OutcomeLog:
    """What became of signals, as it is said."""

    def __init__(self, store: SignalStore, outcomes: OutcomeStore, clock: Clock) -> None:
        self._store = store
        self._outcomes = outcomes
        self._clock = clock

    async def end(self, connection: AsyncConnection, _: WorkspaceId) -> int:
        """See ``FeedLog``."""
        return await _end(connection, signal_outcomes)

    async def after(
        self, connection: AsyncConnection, workspace: WorkspaceId, number: int
    ) -> Sequence[Numbered]:
        """See ``FeedLog``."""
        rows = await _settled(connection, signal_outcomes, number, when="recorded_at", clock=self._clock)
        return [(row.id, await self._entry(connection, workspace, row)) for row in rows]

    async def _entry(
        self, connection: AsyncConnection, workspace: WorkspaceId, row: Row[Any]
    ) -> FeedEntry | None:
        if row.workspace_id != workspace:
            return None
        signal = await self._store.get(connection, workspace, SignalId(row.signal_id))
        said = await self._outcomes.of_signal(connection, workspace, signal.id)
        outcome = next((one for one in said if one.id == row.id), None)
        return FeedEntry(News.OUTCOME, row.recorded_at, signal, outcome)


class IncidentLog:
    """Incidents that the last looks told of, numbered by the second in which each was certain."""

    def __init__(self, duties: Duties) -> None:
        self._duties = duties

    async def end(self, _: AsyncConnection, workspace: WorkspaceId) -> int:
        """See ``FeedLog``."""
        return max((_second(one) for one in await self._told(workspace)), default=0)

    async def after(self, _: AsyncConnection, workspace: WorkspaceId, number: int) -> Sequence[Numbered]:
        """See ``FeedLog``."""
        return [
            (_second(one), FeedEntry(News.INCIDENT, one.at, incident=one))
            for one in sorted(await self._told(workspace), key=lambda one: (one.at, one.intent))
            if _second(one) > number
        ]

    async def _told(self, workspace: WorkspaceId) -> list[Incident]:
        done = await self._duties.last(workspace, DUTY)
        told = {} if done is None or done.result is None else done.result
        return [
            Incident(
                one["intent"],
                datetime.fromisoformat(one["since"]),
                datetime.fromisoformat(one["at"]),
                one["count"],
                one["expected"],
            )
            for one in told.get("incidents", ())
        ]


def _second(incident: Incident) -> int:
    return int(incident.at.timestamp())


async def _end(connection: AsyncConnection, table: Table) -> int:
    last: int | None = await connection.scalar(select(func.max(table.c.id)))
    return last or 0


async def _settled(
    connection: AsyncConnection, table: Table, after: int, *, when: str, clock: Clock
) -> Sequence[Row[Any]]:
    """Rows of all workspaces, as numbers are given to all, up to one before which some may still be missing.

    ``when`` is the column that says when a row was made.
    """
    query = select(table).where(table.c.id > after).order_by(table.c.id).limit(BATCH)
    rows = (await connection.execute(query)).all()
    if connection.dialect.name == "sqlite":  # one writer: numbers are committed in their order
        return rows
    old, last = clock.now() - _GRACE, after
    for place, row in enumerate(rows):
        if row.id != last + 1 and getattr(row, when) > old:
            return rows[:place]
        last = row.id
    return rows
