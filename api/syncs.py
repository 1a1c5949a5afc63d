"""Syncs under way: started by a request, going on after its answer."""

from __future__ import annotations

import asyncio

from api.ports import Synchroniser
from kit.errors import CareloopError
from kit.ids import WorkspaceId
from kit.log import get_logger
from knowledge_base.report import SyncProgress, SyncReport
from knowledge_base.sources.source import Source

BEGINNING = 5.0  # seconds in which a sync fails if it fails at once; a request waits no longer
_log = get_logger("api.syncs")


class Syncs:
    """Runs syncs in the background of this process."""

    def __init__(self, synchroniser: Synchroniser) -> None:
        self._synchroniser = synchroniser
        self._tasks: set[asyncio.Task[SyncReport]] = set()

    async def start(self, workspace_id: WorkspaceId, source: Source) -> None:
        """Begin to sync ``source``; returns once it is well under way, or done.

        Raises what the sync raises if it fails at once.
        """
        begun = asyncio.Event()

        def progress(_progress: SyncProgress) -> None:
            begun.set()

        task = asyncio.create_task(self._synchroniser.sync(workspace_id, source, progress=progress))
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        waiting = asyncio.create_task(begun.wait())
        await asyncio.wait({task, waiting}, timeout=BEGINNING, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if task.done():
            task.result()

    async def stop(self) -> None:
        """Cut short what is under way: what was committed stands, and the next sync goes on from there."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[SyncReport]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            code = error.code if isinstance(error, CareloopError) else "internal"
            _log.error("sync_failed", code=code, error=type(error).__name__)
