"""The live feed: signals that are raised or heard again, and what became of them, in the order of the store.

Every reader asks the database, so that it hears of what other processes store, and goes on from any place in
it. A place is the last number that was read of each log: "120.7".
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from sqlalchemy import Row, Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.clock import Clock
from kit.ids import SignalId, WorkspaceId
from signals.errors import FeedPlaceInvalid, UnknownSignal
from signals.outcomes import Outcome, OutcomeStore
from signals.signal import Signal
from signals.store import SignalStore
from store.engine import Database
from store.tables import signal_outcomes, signal_sightings

_BATCH = 100  # entries that are read at once
# On PostgreSQL a transaction may commit after another that was given a higher number. What comes after a
# number that is missing waits so long for it: no transaction that writes signals takes as long.
_GRACE = timedelta(seconds=10)


class News(StrEnum):
    """What an entry tells of."""

    NEW = "signal.new"
    RENEWED = "signal.renewed"  # heard again
    OUTCOME = "outcome"


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One piece of news about ``signal``, which is as it stands when it is read; ``id`` is its log's."""

    id: int
    news: News
    at: datetime
    signal: Signal
    outcome: Outcome | None = None


class FeedLog(Protocol):
    """Rows that are only ever appended, numbered upwards, ``at`` being the column of when."""

    @property
    def table(self) -> Table:
        """Where they are."""
        ...

    @property
    def at(self) -> str:
        """Name of the column that says when."""
        ...

    async def entry(
        self, connection: AsyncConnection, workspace: WorkspaceId, row: Row[Any]
    ) -> FeedEntry | None:
        """What a row tells; none where it tells nothing any more."""
        ...


class SightingLog:
    """Signals as they are heard."""

    table = signal_sightings
    at = "seen_at"

    def __init__(self, store: SignalStore) -> None:
        self._store = store

    async def entry(
        self, connection: AsyncConnection, workspace: WorkspaceId, row: Row[Any]
    ) -> FeedEntry | None:
        """See ``FeedLog``."""
        if row.signal_id is None:
            return None
        try:
            signal = await self._store.get(connection, workspace, SignalId(row.signal_id))
        except UnknownSignal:
            return None
        first = await connection.scalar(
            select(func.min(self.table.c.id)).where(self.table.c.signal_id == row.signal_id)
        )
        return FeedEntry(row.id, News.NEW if first == row.id else News.RENEWED, row.seen_at, signal)


class OutcomeLog:
    """What became of signals, as it is said."""

    table = signal_outcomes
    at = "recorded_at"

    def __init__(self, store: SignalStore, outcomes: OutcomeStore) -> None:
        self._store = store
        self._outcomes = outcomes

    async def entry(
        self, connection: AsyncConnection, workspace: WorkspaceId, row: Row[Any]
    ) -> FeedEntry | None:
        """See ``FeedLog``."""
        signal = await self._store.get(connection, workspace, SignalId(row.signal_id))
        said = await self._outcomes.of_signal(connection, workspace, signal.id)
        outcome = next((one for one in said if one.id == row.id), None)
        return FeedEntry(row.id, News.OUTCOME, row.recorded_at, signal, outcome)


class SignalFeed:
    """Reads ``logs``; a place has a number for each of them, in their order."""

    def __init__(
        self, database: Database, logs: Sequence[FeedLog], clock: Clock, *, interval: float = 1.0
    ) -> None:
        """The database is asked every ``interval`` seconds, for each reader."""
        self._database = database
        self._logs = tuple(logs)
        self._clock = clock
        self._interval = interval

    def place(self, text: str) -> tuple[int, ...]:
        """The place of ``text``. Raises ``FeedPlaceInvalid``."""
        parts = text.split(".")
        if len(parts) != len(self._logs) or not all(part.isascii() and part.isdigit() for part in parts):
            raise FeedPlaceInvalid(f"{text!r} is no place of the feed: send the id of its last event.")
        return tuple(map(int, parts))

    async def end(self) -> tuple[int, ...]:
        """The place behind everything that is stored now."""
        async with self._database.read() as connection:
            last = [await connection.scalar(select(func.max(log.table.c.id))) for log in self._logs]
        return tuple(number or 0 for number in last)

    async def follow(
        self, workspace: WorkspaceId, place: Sequence[int]
    ) -> AsyncIterator[tuple[str, FeedEntry]]:
        """What comes after ``place``, without end: each entry with the place behind it."""
        at = list(place)
        while True:
            read = 0
            for number, log in enumerate(self._logs):
                async with self._database.read() as connection:
                    rows = await self._rows(connection, log, at[number])
                    entries = [
                        (row.id, await log.entry(connection, workspace, row))
                        for row in rows
                        if row.workspace_id == workspace
                    ]
                for row_id, entry in entries:
                    at[number] = row_id
                    if entry is not None:
                        yield ".".join(map(str, at)), entry
                if rows:
                    at[number] = rows[-1].id
                read += len(rows)
            if read < _BATCH:
                await asyncio.sleep(self._interval)

    async def _rows(self, connection: AsyncConnection, log: FeedLog, after: int) -> Sequence[Row[Any]]:
        """Rows of all workspaces, as numbers are given to all, up to one that may still be missing."""
        query = select(log.table).where(log.table.c.id > after).order_by(log.table.c.id).limit(_BATCH)
        rows = (await connection.execute(query)).all()
        if connection.dialect.name == "sqlite":  # one writer: numbers are committed in their order
            return rows
        settled, last = self._clock.now() - _GRACE, after
        for place, row in enumerate(rows):
            if row.id != last + 1 and getattr(row, log.at) > settled:
                return rows[:place]
            last = row.id
        return rows
