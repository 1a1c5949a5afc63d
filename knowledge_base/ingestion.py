"""The lease under which a source is brought up to date: one run at a time, taken over from the dead."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

import psutil
from sqlalchemy import insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.clock import Clock
from kit.errors import CareloopError
from kit.ids import WorkspaceId, new_id
from knowledge_base.errors import SourceUnknown, SyncRunning, SyncSuperseded
from knowledge_base.records import IngestionState
from knowledge_base.sources.source import EntryState, Failure, Source
from store.engine import Database
from store.errors import DatabaseUnavailable, DatabaseUnwritable
from store.tables import ingestions, sources

HEARTBEAT = timedelta(seconds=5)
_DEAD_AFTER = timedelta(seconds=45)  # nine beats missed: a loaded machine is slow, not dead
MAX_FAILURES_KEPT = 1000  # in the database; the report holds them all

# While a run lasts, ``ingestions.counts`` also holds who runs it and when that was last known alive.
_LEASE = "lease"


class Ingestion:
    """One run, as an async context manager.

    Entering raises ``SyncRunning`` while another live run has the source. Leaving with an error records
    the run as failed; ``complete`` must be called for it to count as completed.
    """

    def __init__(self, database: Database, clock: Clock, workspace_id: WorkspaceId, source: Source) -> None:
        self._database = database
        self._clock = clock
        self._workspace_id = workspace_id
        self._source = source
        self._ended = False
        self.id = new_id("ing")
        self.source_id = ""
        self.state: Mapping[str, EntryState] = {}

    async def __aenter__(self) -> Self:
        async with self._database.write() as connection:
            self.source_id, self.state = await self._source_row(connection)
            await refuse_if_running(connection, self.source_id, self._clock)
            await connection.execute(
                insert(ingestions).values(
                    id=self.id,
                    workspace_id=self._workspace_id,
                    source_id=self.source_id,
                    state=IngestionState.RUNNING.value,
                    counts=self._lease({}),
                    failures=[],
                    started_at=self._clock.now(),
                )
            )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._ended or isinstance(error, SyncSuperseded):
            return
        reason = error.detail if isinstance(error, CareloopError) else "The run was interrupted."
        # A full disk or a lost database ended the run: that error is the one to tell.
        with contextlib.suppress(DatabaseUnwritable, DatabaseUnavailable):
            async with self._database.write() as connection:
                await self._end(connection, IngestionState.FAILED, {}, [Failure("", reason)])

    async def beat(self, connection: AsyncConnection, counts: Mapping[str, int]) -> None:
        """Show that the run is alive and how far it came.

        Raises ``SyncSuperseded`` when another run took its place: the transaction must not commit.
        """
        result = await connection.execute(
            update(ingestions)
            .where(ingestions.c.id == self.id, ingestions.c.state == IngestionState.RUNNING.value)
            .values(counts=self._lease(counts))
        )
        if result.rowcount != 1:
            raise SyncSuperseded("Another run took over this source, as this one had gone silent.")

    async def remember(self, connection: AsyncConnection, state: Mapping[str, EntryState]) -> None:
        """Keep what the source wants to know of its entries next time."""
        await connection.execute(update(sources).where(sources.c.id == self.source_id).values(state=state))

    async def complete(
        self,
        connection: AsyncConnection,
        *,
        state: Mapping[str, EntryState],
        counts: Mapping[str, int],
        failures: Sequence[Failure],
    ) -> None:
        """Record the run as completed."""
        await self.beat(connection, counts)
        await connection.execute(
            update(sources)
            .where(sources.c.id == self.source_id)
            .values(state=dict(state), synced_at=self._clock.now())
        )
        await self._end(connection, IngestionState.COMPLETED, counts, failures)
        self._ended = True

    async def _end(
        self,
        connection: AsyncConnection,
        state: IngestionState,
        counts: Mapping[str, int],
        failures: Sequence[Failure],
    ) -> None:
        kept = [{"key": failure.key, "reason": failure.reason} for failure in failures[:MAX_FAILURES_KEPT]]
        values: dict[str, Any] = {"state": state.value, "failures": kept, "finished_at": self._clock.now()}
        if state is IngestionState.COMPLETED:
            values["counts"] = dict(counts)
        await connection.execute(
            update(ingestions)
            .where(ingestions.c.id == self.id, ingestions.c.state == IngestionState.RUNNING.value)
            .values(values)
        )

    async def _source_row(self, connection: AsyncConnection) -> tuple[str, Mapping[str, EntryState]]:
        upsert = postgresql.insert if self._database.dialect == "postgresql" else sqlite.insert
        await connection.execute(
            upsert(sources)
            .values(
                id=new_id("src"),
                workspace_id=self._workspace_id,
                kind=self._source.kind.value,
                location=self._source.location,
                state={},
                created_at=self._clock.now(),
            )
            .on_conflict_do_nothing()
        )
        result = await connection.execute(
            select(sources.c.id, sources.c.state)
            .where(
                sources.c.workspace_id == self._workspace_id,
                sources.c.kind == self._source.kind.value,
                sources.c.location == self._source.location,
            )
            .with_for_update()
        )
        row = result.one()
        return row.id, row.state

    def _lease(self, counts: Mapping[str, int]) -> dict[str, Any]:
        return {**counts, _LEASE: {**_this_process(), "beat": self._clock.now().timestamp()}}


async def lock_source(connection: AsyncConnection, workspace_id: WorkspaceId, source_id: str) -> None:
    """Hold the source's row to the end of the transaction. Raises ``SourceUnknown``."""
    query = select(sources.c.id).where(sources.c.id == source_id, sources.c.workspace_id == workspace_id)
    if await connection.scalar(query.with_for_update()) is None:
        raise SourceUnknown(f"There is no source {source_id!r} in this workspace.")


async def refuse_if_running(connection: AsyncConnection, source_id: str, clock: Clock) -> None:
    """Raise ``SyncRunning`` if a live run has the source; record dead ones as failed."""
    running = await connection.execute(
        select(ingestions.c.id, ingestions.c.counts, ingestions.c.started_at).where(
            ingestions.c.source_id == source_id, ingestions.c.state == IngestionState.RUNNING.value
        )
    )
    for row in running.all():
        if _is_alive(row.counts.get(_LEASE, {}), clock):
            raise SyncRunning(
                f"This source is being synchronised since {row.started_at:%H:%M:%S} UTC. Wait for it to end."
            )
        await connection.execute(
            update(ingestions)
            .where(ingestions.c.id == row.id)
            .values(
                state=IngestionState.FAILED.value,
                finished_at=clock.now(),
                failures=[{"key": "", "reason": "The process that ran it ended without a word."}],
            )
        )


def without_lease(counts: Mapping[str, Any]) -> dict[str, int]:
    """``counts`` as a reader of the catalogue wants them."""
    return {name: count for name, count in counts.items() if name != _LEASE}


def _this_process() -> dict[str, str | int | float]:
    return {"host": platform.node(), "pid": os.getpid(), "born": psutil.Process().create_time()}


def _is_alive(lease: Mapping[str, Any], clock: Clock) -> bool:
    if clock.now().timestamp() - float(lease.get("beat", 0)) > _DEAD_AFTER.total_seconds():
        return False
    if lease.get("host") != platform.node():
        return True
    try:
        # A process id is used again; together with its time of birth it is not.
        return abs(psutil.Process(lease["pid"]).create_time() - float(lease["born"])) < 1
    except psutil.NoSuchProcess:
        return False
