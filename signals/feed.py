"""The live feed: signals that are raised or heard again, what became of them, and incidents.

Every reader asks the database, so that it hears of what other processes store, and goes on from any place in
it. A place is the last number that was read of each log: "120.7.0".
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from kit.ids import WorkspaceId
from signals.errors import FeedPlaceInvalid
from signals.outcomes import Outcome
from signals.predictions.incidents import Incident
from signals.signal import Signal
from store.engine import Database

BATCH = 100  # entries that are read at once


class News(StrEnum):
    """What an entry tells of."""

    NEW = "signal.new"
    RENEWED = "signal.renewed"  # heard again
    OUTCOME = "outcome"
    INCIDENT = "incident"


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One piece of news: about ``signal``, which is as it stands when it is read, or an ``incident``."""

    news: News
    at: datetime
    signal: Signal | None = None
    outcome: Outcome | None = None
    incident: Incident | None = None


# A number of a log, and what stands there; none where it tells nothing (any more), or not this workspace.
Numbered = tuple[int, FeedEntry | None]


class FeedLog(Protocol):
    """Something that only ever grows at its end, numbered upwards."""

    async def end(self, connection: AsyncConnection, workspace: WorkspaceId) -> int:
        """The last number there is; 0 before the first."""
        ...

    async def after(
        self, connection: AsyncConnection, workspace: WorkspaceId, number: int
    ) -> Sequence[Numbered]:
        """What comes after ``number``, in order, 100 at the most."""
        ...


class SignalFeed:
    """Reads ``logs``; a place has a number for each of them, in their order."""

    def __init__(self, database: Database, logs: Sequence[FeedLog], *, interval: float = 1.0) -> None:
        """The database is asked every ``interval`` seconds, for each reader."""
        self._database = database
        self._logs = tuple(logs)
        self._interval = interval

    def place(self, text: str) -> tuple[int, ...]:
        """The place of ``text``. Raises ``FeedPlaceInvalid``."""
        parts = text.split(".")
        if len(parts) != len(self._logs) or not all(part.isascii() and part.isdigit() for part in parts):
            raise FeedPlaceInvalid(f"{text!r} is no place of the feed: send the id of its last event.")
        return tuple(map(int, parts))

    async def end(self, workspace: WorkspaceId) -> tuple[int, ...]:
        """The place behind everything that is stored now."""
        async with self._database.read() as connection:
            return tuple([await log.end(connection, workspace) for log in self._logs])

    async def follow(
        self, workspace: WorkspaceId, place: Sequence[int]
    ) -> AsyncGenerator[tuple[str, FeedEntry], None]:
        """What comes after ``place``, without end: each entry with the place behind it."""
        at = list(place)
        while True:
            full = False
            for number, log in enumerate(self._logs):
                async with self._database.read() as connection:
                    found = await log.after(connection, workspace, at[number])
                full |= len(found) >= BATCH
                for place_in_log, entry in found:
                    at[number] = place_in_log
                    if entry is not None:
                        yield ".".join(map(str, at)), entry
            if not full:
                await asyncio.sleep(self._interval)
