"""Operations on many tickets that a request begins and that go on after its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

from api.background import Run, Runs
from api.operations import Operations
from kit.clock import Clock
from kit.errors import CareloopError
from kit.ids import WorkspaceId
from kit.log import get_logger
from triage.backfill import Backfill
from triage.drift import DriftReport
from triage.label_changes import Changes
from triage.proposals import Proposals
from triage.stored_tickets import Selection

_log = get_logger("api.operations")


class OperationRuns:
    """One of a kind and a workspace at a time.

    Backfills are in the database, whoever began them; of the rest this process remembers the last.
    """

    def __init__(self, operations: Operations, clock: Clock) -> None:
        self.operations = operations
        self.discoveries = Runs[Proposals]("discovery", clock)
        self.drifts = Runs[DriftReport]("drift report", clock)
        self.previews = Runs[Changes]("trial of a backfill", clock)
        self._backfills: set[asyncio.Task[Backfill]] = set()

    def discover(
        self, workspace: WorkspaceId, selection: Selection, *, most: int, least: int
    ) -> Run[Proposals]:
        """Begin to look for new intents. Raises ``RunUnderWay``."""
        work = self.operations.propose(workspace, selection, most=most, least=least)
        return self.discoveries.start(workspace, work)

    def compare_times(
        self, workspace: WorkspaceId, *, recent: timedelta, reference: timedelta, most: int
    ) -> Run[DriftReport]:
        """Begin to compare ``recent`` tickets with those of the time before. Raises ``RunUnderWay``."""
        work = self.operations.drift(workspace, recent=recent, reference=reference, most=most)
        return self.drifts.start(workspace, work)

    async def preview_backfill(
        self, workspace: WorkspaceId, selection: Selection, *, route: bool, most: int
    ) -> Run[Changes]:
        """Begin to find out what a backfill would change. Raises ``RunUnderWay``."""
        relabel = self.operations.relabel(await self.operations.triager(workspace), route=route)
        work = self.operations.backfiller.preview(workspace, selection, relabel, most=most)
        return self.previews.start(workspace, work)

    async def start_backfill(self, workspace: WorkspaceId, selection: Selection, *, route: bool) -> Backfill:
        """Begin a backfill. Raises ``BackfillUnderWay`` and ``CannotResume``."""
        triager = await self.operations.triager(workspace)
        backfiller = self.operations.backfiller
        run = await backfiller.start(workspace, selection, model=triager.models.version, route=route)
        self._go_on(backfiller.run(run, self.operations.relabel(triager, route=route)))
        return run

    async def resume_backfill(self, workspace: WorkspaceId) -> Backfill:
        """Go on with the backfill that was interrupted. Raises ``BackfillUnderWay`` and ``CannotResume``."""
        triager = await self.operations.triager(workspace)
        backfiller = self.operations.backfiller
        run = await backfiller.resume(workspace, model=triager.models.version)
        self._go_on(backfiller.run(run, self.operations.relabel(triager, route=run.route)))
        return run

    async def undo_backfill(self, workspace: WorkspaceId) -> Backfill:
        """Begin to take the last backfill back. Raises ``BackfillUnderWay`` and ``NothingToUndo``."""
        backfiller = self.operations.backfiller
        run = await backfiller.undo(workspace)
        self._go_on(backfiller.take_back(run))
        return run

    async def stop(self) -> None:
        """Cut short what is under way; a backfill is interrupted and can be resumed."""
        for runs in (self.discoveries, self.drifts, self.previews):
            await runs.stop()
        for task in self._backfills:
            task.cancel()
        await asyncio.gather(*self._backfills, return_exceptions=True)

    def _go_on(self, work: Coroutine[Any, Any, Backfill]) -> None:
        task = asyncio.create_task(work)
        self._backfills.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Backfill]) -> None:
        self._backfills.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            code = error.code if isinstance(error, CareloopError) else "internal"
            _log.error("backfill_failed", code=code, error=type(error).__name__)
