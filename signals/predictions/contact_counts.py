"""How many contacts there were, by queue and day or by intent and five minutes: tickets, and turns of chats.

Every function takes the connection of a running transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.ids import ConversationId, MessageId, WorkspaceId
from signals.predictions.incident_baseline import BIN
from store.tables import contacts, tickets

IMPORTED = ("csv",)  # sources of tickets whose time is that of the import
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class TurnContact:
    """What one turn of a conversation was about; ``id`` is that of its last message."""

    id: MessageId
    conversation: ConversationId
    intent: str
    queue: str
    at: datetime


@dataclass(frozen=True, slots=True)
class DailyCounts:
    """Contacts of a queue, one number a day from ``start`` on."""

    queue: str
    start: date
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class BinCounts:
    """``counts`` of bins of five minutes from ``start`` on, an array of bin and intent."""

    intents: tuple[str, ...]
    start: datetime
    counts: NDArray[np.int64]


async def record_turn(connection: AsyncConnection, workspace: WorkspaceId, turn: TurnContact) -> None:
    """Count a turn; what is labelled again is counted once."""
    known = select(contacts.c.id).where(contacts.c.id == turn.id)
    if (await connection.execute(known)).first() is None:
        values = {"id": turn.id, "workspace_id": workspace, "conversation_id": turn.conversation}
        more = {"intent": turn.intent, "queue": turn.queue, "at": turn.at}
        await connection.execute(insert(contacts).values(**values, **more))


async def daily_counts(
    connection: AsyncConnection, workspace: WorkspaceId, *, days: int, until: datetime, zone: tzinfo
) -> list[DailyCounts]:
    """Contacts of each queue on the ``days`` whole days before ``until``, days of ``zone``.

    From the first day on that had a contact at all. A conversation counts once a day and queue.
    """
    last = until.astimezone(zone).date()  # has not ended yet
    since = datetime.combine(last - days * _DAY, datetime.min.time(), tzinfo=zone)
    seen: set[tuple[str, str, date]] = set()
    chats = select(contacts.c.conversation_id.label("id"), contacts.c.queue, contacts.c.at).where(
        contacts.c.workspace_id == workspace, contacts.c.at >= since, contacts.c.at < until
    )
    written = select(tickets.c.id, tickets.c.queue, tickets.c.created_at.label("at")).where(
        tickets.c.workspace_id == workspace,
        tickets.c.created_at >= since,
        tickets.c.created_at < until,
        tickets.c.queue.is_not(None),
        tickets.c.source.not_in(IMPORTED),
    )
    for query in (chats, written):
        for row in await connection.execute(query):
            day = row.at.astimezone(zone).date()
            if day < last:
                seen.add((row.queue, row.id, day))
    if not seen:
        return []
    counted = Counter((queue, day) for queue, _, day in seen)
    start = min(day for _, day in counted)
    whole = [start + place * _DAY for place in range((last - start).days)]
    return [
        DailyCounts(queue, start, tuple(counted[queue, day] for day in whole))
        for queue in sorted({queue for queue, _ in counted})
    ]


async def bin_counts(
    connection: AsyncConnection,
    workspace: WorkspaceId,
    *,
    since: datetime,
    until: datetime,
    intents: Sequence[str] | None = None,
) -> BinCounts:
    """Contacts of ``intents`` (none: all there were) in the whole bins from ``since`` up to ``until``."""
    start, bins = floor_to_bin(since), (floor_to_bin(until) - floor_to_bin(since)) // BIN
    rows: list[tuple[str, datetime]] = []
    for intent, moment, where in (
        (contacts.c.intent, contacts.c.at, contacts.c.workspace_id == workspace),
        (
            tickets.c.intent,
            tickets.c.created_at,
            (tickets.c.workspace_id == workspace)
            & tickets.c.intent.is_not(None)
            & tickets.c.source.not_in(IMPORTED),
        ),
    ):
        query = select(intent, moment).where(where, moment >= start, moment < start + bins * BIN)
        rows += [(row[0], row[1]) for row in await connection.execute(query)]
    names = tuple(sorted({intent for intent, _ in rows})) if intents is None else tuple(intents)
    places = {intent: place for place, intent in enumerate(names)}
    counts = np.zeros((bins, len(names)), dtype=np.int64)
    for name, at in rows:
        if name in places:
            counts[(at - start) // BIN, places[name]] += 1
    return BinCounts(names, start, counts)


async def first_contact(connection: AsyncConnection, workspace: WorkspaceId) -> datetime | None:
    """When the first contact came that is counted; none before any."""
    moments = [
        (
            await connection.execute(
                select(func.min(contacts.c.at)).where(contacts.c.workspace_id == workspace)
            )
        ),
        (
            await connection.execute(
                select(func.min(tickets.c.created_at)).where(
                    tickets.c.workspace_id == workspace, tickets.c.source.not_in(IMPORTED)
                )
            )
        ),
    ]
    return min((found for one in moments if (found := one.scalar()) is not None), default=None)


def floor_to_bin(at: datetime) -> datetime:
    """The beginning of the bin that ``at`` lies in."""
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (at - midnight) // BIN * BIN
