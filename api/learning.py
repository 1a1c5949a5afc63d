"""Learning under way: started by a request, a command or the night, going on by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime

from api.triagers import KIND, TriageParts
from kit.clock import Clock
from kit.errors import CareloopError
from kit.ids import WorkspaceId
from kit.log import get_logger
from triage.learning import LearnedIntents
from triage.learning_ledger import LearningRun, StartedBy
from triage.learning_report import LearningReport
from triage.models import TriageModels
from triage.registry import ModelRegistry, ModelVersion

_INTERNAL = "internal: The error is in the server's log."
_BEAT = 30.0  # seconds between signs of life: the ledger waits ten times as long for one
_log = get_logger("api.learning")


class LearningRuns:
    """Learns in the background of this process, one run of a workspace at a time among all processes."""

    def __init__(self, parts: TriageParts, clock: Clock) -> None:
        self._parts = parts
        self._clock = clock
        self._tasks: set[asyncio.Task[LearningRun]] = set()

    async def latest(self, workspace: WorkspaceId) -> LearningRun | None:
        """The last run of any process, if there was one."""
        return await self._parts.ledger.latest(workspace)

    async def start(self, workspace: WorkspaceId) -> LearningRun:
        """Begin to learn from every correction so far. Raises ``LearningUnderWay``."""
        run = await self._parts.ledger.begin(workspace, started_by=StartedBy.API)
        self._go_on(run)
        return run

    async def learn(self, workspace: WorkspaceId) -> LearningRun:
        """The same for a command, and wait for the end. Cancelled, the run is cut short."""
        return await self._go_on(await self._parts.ledger.begin(workspace, started_by=StartedBy.COMMAND))

    async def learn_tonight(self, workspace: WorkspaceId, night: datetime) -> bool:
        """Learn what was corrected since the last run, unless somebody has seen to ``night``; whether it did.

        Returns when it is done; a failure is in log and ledger. Cancelled, it leaves the run to ``stop``.
        """
        ledger = self._parts.ledger
        if not await ledger.is_open(workspace, night):
            return False
        material = await self._parts.learner.material(workspace, self._parts.taxonomy.examples())
        run = await ledger.begin_night(workspace, night, material=material)
        if run is not None:
            await asyncio.wait({self._go_on(run)})
        return run is not None

    async def stop(self) -> None:
        """Cut short what is under way: it has promoted its model, or has not begun to."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _go_on(self, run: LearningRun) -> asyncio.Task[LearningRun]:
        task = asyncio.create_task(self._learn(run))
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def _learn(self, run: LearningRun) -> LearningRun:
        ledger = self._parts.ledger
        beating = asyncio.create_task(self._stay_alive(run))
        try:
            material = await self._parts.learner.material(run.workspace_id, self._parts.taxonomy.examples())
            report = await self._report(run.workspace_id)
        except CareloopError as expected:
            _log.warning("learning_failed", code=expected.code, reason=expected.detail)
            return await ledger.finish(run, error=f"{expected.code}: {expected.detail}")
        except asyncio.CancelledError:
            await ledger.cut_short(run)
            raise
        except Exception:
            await ledger.finish(run, error=_INTERNAL)
            raise
        else:
            _log.info("learned", workspace=run.workspace_id, outcome=report.outcome, live=report.live)
            return await ledger.finish(run, report=report.record(), material=material)
        finally:
            beating.cancel()

    async def _report(self, workspace: WorkspaceId) -> LearningReport:
        parts = self._parts
        await adopt(parts.registry, workspace, parts.triagers.shipped)
        return await parts.learner.learn(workspace, parts.taxonomy.examples(), at=self._clock.now())

    async def _stay_alive(self, run: LearningRun) -> None:
        while True:
            await asyncio.sleep(_BEAT)
            try:
                await self._parts.ledger.keep_alive(run)
            except CareloopError as error:
                _log.warning("learning_lease_not_renewed", code=error.code, reason=error.detail)

    def _ended(self, task: asyncio.Task[LearningRun]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            _log.error("learning_failed", code="internal", error=type(error).__name__)


async def adopt(registry: ModelRegistry, workspace: WorkspaceId, shipped: TriageModels) -> None:
    """Make the intent model that ships the live one, unless one that learned from people is."""
    live = await registry.live(workspace, KIND)
    if live is not None and not _outdated(live, shipped):
        return
    model = LearnedIntents(shipped.intents, shipped.points)
    added = await registry.add(workspace, KIND, model, metrics={}, provenance=shipped.intents.provenance)
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
