"""Who polls a connector now, and from where the next poll goes on: the same for all servers of a database."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import and_, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from signals.delivery.delivery import Lane
from store.tables import connector_states as table

Feed = Literal["outcomes", "consents"]
_LONGEST_ERROR = 1000  # characters, as the column has it


@dataclass(frozen=True, slots=True)
class Cursors:
    """Where polls for outcomes and for consents go on; ``failures`` is how many polls failed up to now."""

    outcomes: str | None = None
    consents: str | None = None
    failures: int = 0

    def of(self, feed: Feed) -> str | None:
        """Where ``feed`` goes on."""
        return self.outcomes if feed == "outcomes" else self.consents

    def moved(self, feed: Feed, cursor: str | None) -> Cursors:
        """The same after a page of ``feed``."""
        if feed == "outcomes":
            return replace(self, outcomes=cursor)
        return replace(self, consents=cursor)


@dataclass(frozen=True, slots=True)
class PollError:
    """Why a poll came to nothing."""

    code: str
    detail: str


class Polls:
    """A lease on a connector's row of state. Every function takes the connection of a running transaction."""

    async def is_due(self, connection: AsyncConnection, lane: Lane, *, at: datetime) -> bool:
        """Whether a poll could begin."""
        row = (await connection.execute(select(_is_due(at)).where(_of(lane)))).one_or_none()
        return row is None or bool(row[0])

    async def begin(
        self, connection: AsyncConnection, lane: Lane, who: str, *, at: datetime, until: datetime
    ) -> Cursors | None:
        """Let ``who`` poll until ``until``; none where it is not due, paused, or somebody else is at it."""
        insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        made = insert(table).values(workspace_id=lane.workspace, connector=lane.connector)
        await connection.execute(made.on_conflict_do_nothing())
        taken = (
            update(table)
            .where(_of(lane), _is_due(at))
            .values(polling_by=who, polling_until=until)
            .returning(table.c.poll_cursor, table.c.consent_cursor, table.c.poll_failures)
        )
        row = (await connection.execute(taken)).one_or_none()
        if row is None:
            return None
        return Cursors(row.poll_cursor, row.consent_cursor, row.poll_failures or 0)

    async def go_on(
        self, connection: AsyncConnection, lane: Lane, who: str, cursors: Cursors, *, until: datetime
    ) -> bool:
        """Remember how far ``who`` is; whether it may go on."""
        return await self._write(
            connection,
            lane,
            who,
            poll_cursor=cursors.outcomes,
            consent_cursor=cursors.consents,
            polling_until=until,
        )

    async def end(
        self,
        connection: AsyncConnection,
        lane: Lane,
        who: str,
        *,
        at: datetime,
        next_at: datetime,
        failures: int = 0,
        error: PollError | None = None,
    ) -> bool:
        """End the poll of ``who``; whether it was still theirs."""
        return await self._write(
            connection,
            lane,
            who,
            polling_by=None,
            polling_until=None,
            polled_at=at,
            next_poll_at=next_at,
            poll_failures=failures,
            poll_error_code=None if error is None else error.code,
            poll_error=None if error is None else error.detail[:_LONGEST_ERROR],
        )

    async def give_up(self, connection: AsyncConnection, lane: Lane, who: str) -> None:
        """Let anybody go on from where ``who`` was."""
        await self._write(connection, lane, who, polling_by=None, polling_until=None)

    async def _write(self, connection: AsyncConnection, lane: Lane, who: str, **values: Any) -> bool:  # noqa: ANN401 (columns)
        theirs = update(table).where(_of(lane), table.c.polling_by == who)
        return bool((await connection.execute(theirs.values(**values))).rowcount)


def _is_due(at: datetime) -> Any:  # noqa: ANN401 (a condition)
    return and_(
        table.c.paused_at.is_(None),
        or_(table.c.next_poll_at.is_(None), table.c.next_poll_at <= at),
        or_(table.c.polling_until.is_(None), table.c.polling_until <= at),
    )


def _of(lane: Lane) -> Any:  # noqa: ANN401 (a condition)
    return and_(table.c.workspace_id == lane.workspace, table.c.connector == lane.connector)
