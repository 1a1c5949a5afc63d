"""Learning under way: started by a request, going on after its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from api.errors import LearningUnderWay
from api.triagers import KIND, TriageParts
from kit.clock import Clock
from kit.errors import CareloopError
from kit.ids import WorkspaceId
from kit.log import get_logger
from triage.learning import LearningReport
from triage.models import TriageModels
from triage.registry import ModelRegistry, ModelVersion

_log = get_logger("api.learning")


@dataclass(frozen=True, slots=True)
class LearningRun:
    """One run. With an end it has a ``report``, or ``error`` says why there is none."""

    started_at: datetime
    finished_at: datetime | None = None
    report: LearningReport | None = None
    error: str | None = None


class LearningRuns:
    """Learns in the background of this process, one run of a workspace at a time; remembers the last."""

    def __init__(self, parts: TriageParts, clock: Clock) -> None:
        self._parts = parts
        self._clock = clock
        self._latest: dict[WorkspaceId, LearningRun] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def latest(self, workspace: WorkspaceId) -> LearningRun | None:
        """The last run that this process began, if any."""
        return self._latest.get(workspace)

    def start(self, workspace: WorkspaceId) -> LearningRun:
        """Begin to learn from every correction so far. Raises ``LearningUnderWay``."""
        before = self.latest(workspace)
        if before is not None and before.finished_at is None:
            raise LearningUnderWay("The workspace is learning already; look at GET /v1/triage/learn.")
        run = self._latest[workspace] = LearningRun(self._clock.now())
        task = asyncio.create_task(self._learn(workspace))
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return run

    async def stop(self) -> None:
        """Wait for nothing: a run cut short has promoted its model, or has not begun to."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _learn(self, workspace: WorkspaceId) -> None:
        report, error = None, "internal: The error is in the server's log."
        try:
            parts = self._parts
            await adopt(parts.registry, workspace, parts.triagers.shipped)
            report = await parts.learner.learn(workspace, parts.taxonomy.examples(), at=self._clock.now())
        except CareloopError as expected:
            error = f"{expected.code}: {expected.detail}"
            _log.warning("learning_failed", code=expected.code, reason=expected.detail)
        finally:
            self._latest[workspace] = replace(
                self._latest[workspace],
                finished_at=self._clock.now(),
                report=report,
                error=None if report else error,
            )

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            _log.error("learning_failed", code="internal", error=type(error).__name__)


async def adopt(registry: ModelRegistry, workspace: WorkspaceId, shipped: TriageModels) -> None:
    """Make the intent model that ships the live one, unless one that learned from people is."""
    live = await registry.live(workspace, KIND)
    if live is not None and not _outdated(live, shipped):
        return
    model = shipped.intents
    added = await registry.add(workspace, KIND, model, metrics={}, provenance=model.provenance)
    instead_of = None if live is None else live.version
    await registry.promote(workspace, KIND, added.version, instead_of=instead_of)


async def renew(registry: ModelRegistry, workspaces: Iterable[WorkspaceId], shipped: TriageModels) -> None:
    """After a change of taxonomy or encoder: the model that ships now, where one that shipped is live."""
    for workspace in workspaces:
        if await registry.live(workspace, KIND) is not None:
            await adopt(registry, workspace, shipped)


def _outdated(live: ModelVersion, shipped: TriageModels) -> bool:
    """Whether it cannot answer here, or only learned what shipped before."""
    of_shipped = shipped.intents.provenance
    if live.provenance.get("encoder") != of_shipped["encoder"]:
        return True
    learned = live.provenance.get("corrections")
    return not learned and live.provenance.get("examples_sha256") != of_shipped["examples_sha256"]
