"""Work that one of all servers does for the rest: who does it now, and what came of the last time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.clock import Clock
from kit.ids import WorkspaceId, new_id
from store.engine import Database
from store.tables import duties as table

# Whoever gave no sign of life for so long is dead; what it was at is begun again. One that was only stalled
# does no harm when it comes back: it may not write its end any more, and every duty can be done twice.
LEASE = timedelta(minutes=5)
_ATTEMPTS = 3  # of one time: work that takes the server down with it must not do so for ever
_LONGEST_ERROR = 1000  # characters, as the column holds it


@dataclass(frozen=True, slots=True)
class Duty:
    """The right to do ``name`` in a workspace for the time that was ``due``."""

    workspace: WorkspaceId
    name: str
    holder: str
    due: datetime


@dataclass(frozen=True, slots=True)
class Done:
    """What came of the last time that ended: a ``result``, or ``error`` says why there is none.

    After an error the result is still that of the time before.
    """

    finished_at: datetime
    result: Mapping[str, Any] | None
    error: str | None


class Duties:
    """Hands out duties; each method is a transaction."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def begin(self, workspace: WorkspaceId, name: str, due: datetime) -> Duty | None:
        """The duty of the time that is ``due``; none where somebody sees to it, or did. One begins."""
        async with self._database.read() as connection:
            known = (await connection.execute(_find(workspace, name))).one_or_none()
        if known is not None and not self._is_open(known, due):
            return None  # without a lock: every server asks every minute
        async with self._database.write() as connection:
            row = await _locked(connection, workspace, name)
            if not self._is_open(row, due):
                return None
            duty = Duty(workspace, name, new_id("duty"), due)
            await connection.execute(
                _write(workspace, name).values(
                    holder=duty.holder,
                    alive_at=self._clock.now(),
                    due=due,
                    attempts=row.attempts + 1 if row.due == due else 1,
                )
            )
            return duty

    async def keep_alive(self, duty: Duty) -> None:
        """Say that it goes on."""
        await self._update(duty, alive_at=self._clock.now())

    async def finish(
        self, duty: Duty, *, result: Mapping[str, Any] | None = None, error: str | None = None
    ) -> None:
        """End it, with a ``result`` or with an ``error``."""
        values: dict[str, Any] = {"finished_at": self._clock.now(), "alive_at": None}
        if error is None:
            values |= {"result": result, "error": None}
        else:
            values |= {"error": error[:_LONGEST_ERROR]}
        await self._update(duty, **values)

    async def let_go(self, duty: Duty) -> None:
        """Give it back undone: whoever looks next begins it again."""
        await self._update(duty, alive_at=None, due=None)

    async def last(self, workspace: WorkspaceId, name: str) -> Done | None:
        """What came of the last time; none before the first has ended."""
        async with self._database.read() as connection:
            row = (await connection.execute(_find(workspace, name))).one_or_none()
        return (
            None if row is None or row.finished_at is None else Done(row.finished_at, row.result, row.error)
        )

    def _is_open(self, row: Row[Any], due: datetime) -> bool:
        if row.alive_at is not None and self._clock.now() - row.alive_at < LEASE:
            return False
        if row.due is None or row.due < due:
            return True
        cut_short = row.alive_at is not None
        return row.due == due and cut_short and row.attempts < _ATTEMPTS

    async def _update(self, duty: Duty, **values: object) -> None:
        async with self._database.write() as connection:
            statement = _write(duty.workspace, duty.name).where(table.c.holder == duty.holder)
            await connection.execute(statement.values(**values))


def _find(workspace: WorkspaceId, name: str) -> Any:  # noqa: ANN401 (a generic of a row's columns)
    return select(table).where(table.c.workspace_id == workspace, table.c.name == name)


def _write(workspace: WorkspaceId, name: str) -> Any:  # noqa: ANN401
    return update(table).where(table.c.workspace_id == workspace, table.c.name == name)


async def _locked(connection: AsyncConnection, workspace: WorkspaceId, name: str) -> Row[Any]:
    """The row, made if there is none; nobody else changes it until the transaction ends."""
    upsert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    await connection.execute(
        upsert(table).values(workspace_id=workspace, name=name, attempts=0).on_conflict_do_nothing()
    )
    return (await connection.execute(_find(workspace, name).with_for_update())).one()
