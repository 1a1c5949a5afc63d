"""What was delivered of which week: the same for all servers of a database, one of which sends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from insights.errors import DigestUnderWay
from kit.clock import Clock
from kit.ids import WorkspaceId
from store.engine import Database
from store.tables import digest_deliveries as table

ATTEMPTS = 8  # of the schedule; with the pauses between them they take two days
_FIRST_PAUSE = timedelta(minutes=15)  # doubled after each attempt
_LEASE = timedelta(minutes=30)  # making a digest of many contacts takes minutes; whoever takes longer is dead
_LONGEST_ERROR = 1000  # characters, as the column holds it


class SendState(StrEnum):
    """How far a delivery is."""

    SENDING = "sending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Sending:
    """The delivery of a week to a channel; ``next_attempt_at`` is none once nobody will try again."""

    workspace: WorkspaceId
    week: str
    channel: str
    state: SendState
    attempts: int
    next_attempt_at: datetime | None = None
    delivered_at: datetime | None = None
    error: str | None = None


class DigestLedger:
    """Reads and writes deliveries of digests. Each method is a transaction."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def of(self, workspace: WorkspaceId, week: str) -> dict[str, Sending]:
        """The deliveries of ``week``, by channel."""
        query = select(table).where(table.c.workspace_id == workspace, table.c.week == week)
        async with self._database.read() as connection:
            rows = await connection.execute(query.order_by(table.c.channel))
            return {row.channel: _sending(row) for row in rows}

    async def claim(
        self, workspace: WorkspaceId, week: str, channel: str, *, anew: bool = False
    ) -> Sending | None:
        """Begin to deliver; none where it was delivered, is under way, or has to wait for its next attempt.

        ``anew`` sends also what was delivered or given up before; raises ``DigestUnderWay`` while somebody
        is at it.
        """
        now = self._clock.now()
        async with self._database.write() as connection:
            row = await self._locked(connection, workspace, week, channel)
            under_way = row.claimed_until is not None and row.claimed_until > now
            if anew and under_way:
                raise DigestUnderWay(f"The digest of {week} is being sent, since {row.updated_at:%H:%M} UTC.")
            if not anew and (under_way or not _is_open(row, now)):
                return None
            values = {
                "state": SendState.SENDING,
                "attempts": row.attempts + 1,
                "claimed_until": now + _LEASE,
                "updated_at": now,
            }
            await _write(connection, workspace, week, channel, values=values)
        return Sending(workspace, week, channel, SendState.SENDING, row.attempts + 1)

    async def delivered(self, sending: Sending) -> Sending:
        """Say that the channel has it."""
        now = self._clock.now()
        return await self._settle(sending, state=SendState.DELIVERED, delivered_at=now)

    async def failed(self, sending: Sending, error: str) -> Sending:
        """Say why not; when the next attempt is due follows from how many there were."""
        pause = _FIRST_PAUSE * 2 ** (sending.attempts - 1)
        again = None if sending.attempts >= ATTEMPTS else self._clock.now() + pause
        return await self._settle(
            sending, state=SendState.FAILED, next_attempt_at=again, error=error[:_LONGEST_ERROR]
        )

    async def _settle(
        self,
        sending: Sending,
        *,
        state: SendState,
        delivered_at: datetime | None = None,
        next_attempt_at: datetime | None = None,
        error: str | None = None,
    ) -> Sending:
        values = {
            "state": state,
            "claimed_until": None,
            "delivered_at": delivered_at,
            "next_attempt_at": next_attempt_at,
            "error": error,
            "updated_at": self._clock.now(),
        }
        async with self._database.write() as connection:
            await _write(connection, sending.workspace, sending.week, sending.channel, values=values)
        return Sending(
            sending.workspace,
            sending.week,
            sending.channel,
            state,
            sending.attempts,
            next_attempt_at=next_attempt_at,
            delivered_at=delivered_at,
            error=error,
        )

    async def _locked(
        self, connection: AsyncConnection, workspace: WorkspaceId, week: str, channel: str
    ) -> Row[Any]:
        """The row, made if there is none; nobody else changes it until the transaction ends."""
        upsert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        new = {"state": SendState.SENDING, "attempts": 0, "updated_at": self._clock.now()}
        await connection.execute(
            upsert(table)
            .values(workspace_id=workspace, week=week, channel=channel, **new)
            .on_conflict_do_nothing()
        )
        query = select(table).where(
            table.c.workspace_id == workspace, table.c.week == week, table.c.channel == channel
        )
        return (await connection.execute(query.with_for_update())).one()


def _is_open(row: Row[Any], now: datetime) -> bool:
    """Whether it is to be sent now: for the first time, again after a failure, or after a crash."""
    if row.state == SendState.SENDING:
        return bool(row.attempts < ATTEMPTS)
    return bool(
        row.state == SendState.FAILED and row.next_attempt_at is not None and row.next_attempt_at <= now
    )


def _sending(row: Row[Any]) -> Sending:
    return Sending(
        WorkspaceId(row.workspace_id),
        row.week,
        row.channel,
        SendState(row.state),
        row.attempts,
        next_attempt_at=row.next_attempt_at,
        delivered_at=row.delivered_at,
        error=row.error,
    )


async def _write(
    connection: AsyncConnection, workspace: WorkspaceId, week: str, channel: str, *, values: dict[str, Any]
) -> None:
    await connection.execute(
        update(table)
        .where(table.c.workspace_id == workspace, table.c.week == week, table.c.channel == channel)
        .values(values)
    )
