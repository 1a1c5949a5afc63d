"""Work that a request begins and that goes on after its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Generic, TypeVar

from api.errors import RunUnderWay
from kit.clock import Clock
from kit.errors import CareloopError
from kit.ids import WorkspaceId
from kit.log import get_logger

Result = TypeVar("Result")

_log = get_logger("api.background")


@dataclass(frozen=True, slots=True)
class Run(Generic[Result]):
    """One run. With an end it has a ``result``, or ``error`` says why there is none."""

    started_at: datetime
    finished_at: datetime | None = None
    result: Result | None = None
    error: str | None = None


class Runs(Generic[Result]):
    """Works in the background of this process, one run of a workspace at a time; remembers its last."""

    def __init__(self, name: str, clock: Clock) -> None:
        self._name = name
        self._clock = clock
        self._latest: dict[WorkspaceId, Run[Result]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def latest(self, workspace: WorkspaceId) -> Run[Result] | None:
        """The last run that this process began, if any."""
        return self._latest.get(workspace)

    def start(self, workspace: WorkspaceId, work: Coroutine[Any, Any, Result]) -> Run[Result]:
        """Begin to ``work``. Raises ``RunUnderWay``."""
        before = self.latest(workspace)
        if before is not None and before.finished_at is None:
            work.close()
            raise RunUnderWay(f"A {self._name} of the workspace is under way already.")
        run: Run[Result] = Run(self._clock.now())
        self._latest[workspace] = run
        task = asyncio.create_task(self._do(workspace, work))
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return run

    async def stop(self) -> None:
        """Cut short what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _do(self, workspace: WorkspaceId, work: Coroutine[Any, Any, Result]) -> None:
        result, error = None, "internal: The error is in the server's log."
        try:
            result = await work
        except CareloopError as expected:
            error = f"{expected.code}: {expected.detail}"
            _log.warning("run_failed", what=self._name, code=expected.code, reason=expected.detail)
        finally:
            self._latest[workspace] = replace(
                self._latest[workspace],
                finished_at=self._clock.now(),
                result=result,
                error=error if result is None else None,
            )

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            _log.error("run_failed", what=self._name, code="internal", error=type(error).__name__)
