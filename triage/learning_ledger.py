"""Who learns in a workspace now, and what came of the last time: the same for all servers of a database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.clock import Clock
from kit.ids import WorkspaceId, new_id
from store.engine import Database
from store.tables import learning_runs
from triage.errors import LearningUnderWay

CUT_SHORT = "cut_short: The server or command stopped before the end; the next run learns it all."
# Whoever gave no sign of life for so long is dead. A run gives one every half minute; one that was only
# stalled can do no harm when it comes back, for a model is promoted only in place of the one it was tried
# against.
_LEASE = timedelta(minutes=5)
_ATTEMPTS = 3  # of one night: learning that takes the server down with it must not do so for ever
_LONGEST_ERROR = 1000  # characters, as the column holds it


class StartedBy(StrEnum):
    """What began a run."""

    NIGHT = "night"
    API = "api"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class LearningRun:
    """One run. With an end it has a ``report`` (``LearningReport.record``), or ``error`` says why not."""

    id: str
    workspace_id: WorkspaceId
    started_by: StartedBy
    started_at: datetime
    finished_at: datetime | None = None
    report: Mapping[str, Any] | None = None
    error: str | None = None


class LearningLedger:
    """The last run of each workspace, and the last night that was seen to. Each method is a transaction.

    While a run is under way nobody else can begin one. A run whose process died is over five minutes later.
    """

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def latest(self, workspace: WorkspaceId) -> LearningRun | None:
        """The last run, if there was any; one that was cut short has an error that says so."""
        row = await self._read(workspace)
        if row is None or row.id is None:
            return None
        run = _run(row)
        if row.finished_at is None and not self._is_under_way(row):
            return replace(run, finished_at=row.alive_at or row.started_at, error=CUT_SHORT)
        return run

    async def begin(self, workspace: WorkspaceId, *, started_by: StartedBy) -> LearningRun:
        """Begin a run. Raises ``LearningUnderWay``."""
        async with self._database.write() as connection:
            row = await _locked(connection, workspace)
            if self._is_under_way(row):
                raise LearningUnderWay(
                    f"The workspace is learning already, since {row.started_at:%H:%M} UTC; "
                    "GET /v1/triage/learn says how far it is."
                )
            return await self._begin(connection, workspace, started_by=started_by)

    async def is_open(self, workspace: WorkspaceId, night: datetime) -> bool:
        """Whether nobody has seen to ``night`` yet, or whoever did was cut short."""
        row = await self._read(workspace)
        return row is None or self._is_open(row, night)

    async def begin_night(
        self, workspace: WorkspaceId, night: datetime, *, material: str | None
    ) -> LearningRun | None:
        """Begin the run of ``night``; None where it is not open, or ``material`` is what was learned before.

        ``material`` is a hash of all there is to learn from, None where there is nothing. Of any number of
        processes that ask, one begins.
        """
        async with self._database.write() as connection:
            row = await _locked(connection, workspace)
            if not self._is_open(row, night):
                return None
            if row.night != night and row.learned_from == material:
                await _write(connection, workspace, night=night, attempts=0)
                return None
            attempts = row.attempts + 1 if row.night == night else 1
            run = await self._begin(connection, workspace, started_by=StartedBy.NIGHT)
            await _write(connection, workspace, night=night, attempts=attempts)
            return run

    async def keep_alive(self, run: LearningRun) -> None:
        """Say that the run goes on."""
        await self._update(run, alive_at=self._clock.now())

    async def finish(
        self,
        run: LearningRun,
        *,
        report: Mapping[str, Any] | None = None,
        material: str | None = None,
        error: str | None = None,
    ) -> LearningRun:
        """End it: with a ``report`` on what was learned from ``material``, or with an ``error``."""
        ended = replace(run, finished_at=self._clock.now(), report=report, error=error)
        learned = {"learned_from": material} if report is not None else {}
        await self._update(
            run,
            finished_at=ended.finished_at,
            report=None if report is None else dict(report),
            error=None if error is None else error[:_LONGEST_ERROR],
            **learned,
        )
        return ended

    async def cut_short(self, run: LearningRun) -> None:
        """Give it up unfinished: whoever looks next may begin another."""
        await self._update(run, alive_at=None)

    def _is_under_way(self, row: Row[Any]) -> bool:
        return (
            row.id is not None
            and row.finished_at is None
            and row.alive_at is not None
            and self._clock.now() - row.alive_at < _LEASE
        )

    def _is_open(self, row: Row[Any], night: datetime) -> bool:
        if self._is_under_way(row):
            return False
        if row.night is None or row.night < night:
            return True
        was_cut_short = row.started_by == StartedBy.NIGHT and row.finished_at is None
        return bool(row.night == night and was_cut_short and row.attempts < _ATTEMPTS)

    async def _begin(
        self, connection: AsyncConnection, workspace: WorkspaceId, *, started_by: StartedBy
    ) -> LearningRun:
        run = LearningRun(new_id("learn"), workspace, started_by, self._clock.now())
        await _write(
            connection,
            workspace,
            id=run.id,
            started_by=started_by,
            started_at=run.started_at,
            alive_at=run.started_at,
            finished_at=None,
            report=None,
            error=None,
        )
        return run

    async def _read(self, workspace: WorkspaceId) -> Row[Any] | None:
        query = select(learning_runs).where(learning_runs.c.workspace_id == workspace)
        async with self._database.read() as connection:
            return (await connection.execute(query)).one_or_none()

    async def _update(self, run: LearningRun, **values: object) -> None:
        """Only as long as it is the last run: one that was taken for dead writes nothing."""
        async with self._database.write() as connection:
            await connection.execute(
                update(learning_runs)
                .where(learning_runs.c.workspace_id == run.workspace_id, learning_runs.c.id == run.id)
                .values(values)
            )


def last_night(now: datetime, *, at: time) -> datetime:
    """The last moment, in UTC, at which the daily run of ``at`` was due: ``now`` or before.

    ``at`` is in its own time zone, or in UTC.
    """
    local = now.astimezone(at.tzinfo or UTC)
    latest = datetime.combine(local.date(), at, tzinfo=local.tzinfo)
    if latest > local:
        latest = datetime.combine(local.date() - timedelta(days=1), at, tzinfo=local.tzinfo)
    return latest.astimezone(UTC)


async def _locked(connection: AsyncConnection, workspace: WorkspaceId) -> Row[Any]:
    """The workspace's row, made if there is none; nobody else changes it until the transaction ends."""
    upsert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    await connection.execute(
        upsert(learning_runs).values(workspace_id=workspace, attempts=0).on_conflict_do_nothing()
    )
    query = select(learning_runs).where(learning_runs.c.workspace_id == workspace)
    return (await connection.execute(query.with_for_update())).one()


async def _write(connection: AsyncConnection, workspace: WorkspaceId, **values: object) -> None:
    await connection.execute(
        update(learning_runs).where(learning_runs.c.workspace_id == workspace).values(values)
    )


def _run(row: Row[Any]) -> LearningRun:
    return LearningRun(
        id=row.id,
        workspace_id=WorkspaceId(row.workspace_id),
        started_by=StartedBy(row.started_by),
        started_at=row.started_at,
        finished_at=row.finished_at,
        report=row.report,
        error=row.error,
    )
