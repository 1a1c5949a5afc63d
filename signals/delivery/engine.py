"""The durable engine, the only file that knows DBOS: runs drains, and again those that were cut short.

A drain is a DBOS workflow on one queue; its workflow id is its claim on deliveries. DBOS keeps one drain of a
lane (deduplication), wakes those that are to begin later, and after ``kill -9`` starts the same workflow
again, which goes on with what it had claimed. A workflow for each delivery would cost several times as much
as the delivery itself (docs/adr/0017-durable-delivery.md).
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError
from contextlib import closing, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar, cast

from dbos import DBOS, DBOSConfig
from sqlalchemy.engine import make_url

from kit.errors import Conflict
from kit.ids import WorkspaceId
from kit.log import get_logger
from signals.delivery.delivery import Lane

# A changed version would orphan what others queued; what a drain means never changes: rows are the truth.
_VERSION = "1"
_QUEUE = "careloop-deliveries"
_WORKFLOW = "careloop-drain"
_POLL = 0.25  # seconds
_LANES_AT_ONCE = 32
_KEPT = timedelta(days=1)  # finished drains, for whoever looks into them
_PRUNED_AT_ONCE = 500
_GLANCE = 0.02  # seconds
_log = get_logger("signals.delivery")

T = TypeVar("T")
Drained = Callable[[Lane, str], Awaitable[int]]


class EngineRunning(Conflict):
    """DBOS is one for a process, and runs already."""

    code = "engine_running"


class DurableEngine:
    """Runs ``drain(lane, claim)`` on the event loop that started it, durably.

    ``executor`` names this machine: what it was at when it died, it alone goes on with. Stop it before the
    database is closed.
    """

    def __init__(self, url: str, drain: Drained, *, executor: str = "local") -> None:
        self._url = url
        self._drain = drain
        self._executor = executor
        self._loop: asyncio.AbstractEventLoop | None = None
        self._active: set[Lane] = set()
        self._running = 0
        self._lock = threading.Lock()

    async def start(self) -> None:
        """Launch DBOS and go on with what was cut short. Raises ``EngineRunning``."""
        self._loop = asyncio.get_running_loop()
        _one_of_them.take(self)
        try:
            await _aside(self._launch)
        except BaseException:
            _one_of_them.leave(self)
            raise

    async def idle(self, *, within: float) -> bool:
        """Wait up to ``within`` seconds until no drain runs; whether that is so."""
        try:
            async with asyncio.timeout(within):
                while self._running:  # noqa: ASYNC110 (counted on threads)
                    await asyncio.sleep(_GLANCE)
        except TimeoutError:
            return False
        return True

    async def stop(self, *, patience: float = 5.0) -> None:
        """Wait up to ``patience`` seconds for drains to end, then as long for DBOS itself.

        DBOS waits for its threads, and one that waits for its database may take a minute: it is left behind.
        What it had under way is begun again at the next start.
        """
        await self.idle(within=patience)
        try:
            async with asyncio.timeout(patience):
                await _aside(lambda: DBOS.destroy(workflow_completion_timeout_sec=1))
        except TimeoutError:
            _log.warning("engine_left_behind", seconds=patience)
        _one_of_them.leave(self)

    def is_draining(self, lane: Lane) -> bool:
        """Whether a drain of the lane waits or runs, as far as this process knows."""
        with self._lock:
            return lane in self._active

    async def drain(self, lane: Lane) -> None:
        """Have the lane drained soon; while a drain waits or runs, by that one."""
        with self._lock:
            self._active.add(lane)
        try:
            await _aside(lambda: self._enqueue(lane))
        except BaseException:
            self.ended(lane)
            raise

    async def prune(self, *, at: datetime) -> int:
        """Forget drains that ended more than a day before ``at``; how many there were."""
        return await _aside(lambda: _prune(at - _KEPT))

    def ended(self, lane: Lane) -> None:
        """The lane has no drain any more."""
        with self._lock:
            self._active.discard(lane)

    def perform(self, lane: Lane, claim: str) -> int:
        """A drain, called by DBOS on a thread of its own."""
        assert self._loop is not None
        with self._lock:
            self._active.add(lane)
            self._running += 1
        try:
            return asyncio.run_coroutine_threadsafe(self._run(lane, claim), self._loop).result()
        except CancelledError:
            return 0
        finally:
            with self._lock:
                self._running -= 1
            self.ended(lane)

    async def _run(self, lane: Lane, claim: str) -> int:
        return await self._drain(lane, claim)

    def _launch(self) -> None:
        DBOS(config=_config(self._url, self._executor))
        DBOS.launch()
        DBOS.register_queue(
            _QUEUE, worker_concurrency=_LANES_AT_ONCE, polling_interval_sec=_POLL, on_conflict="always_update"
        )

    @staticmethod
    def _enqueue(lane: Lane) -> None:
        DBOS.enqueue_workflow_with_options(
            {
                "workflow_name": _WORKFLOW,
                "queue_name": _QUEUE,
                "app_version": _VERSION,
                "deduplication_id": f"{lane.workspace}/{lane.connector}",
                "duplication_policy": "return-existing",
            },
            lane.workspace,
            lane.connector,
        )


class _TheOne:
    """DBOS's own state is the process's: so is which engine has it."""

    def __init__(self) -> None:
        self.engine: DurableEngine | None = None

    def take(self, engine: DurableEngine) -> None:
        if self.engine is not None:
            raise EngineRunning("The delivery engine runs in this process already.")
        self.engine = engine

    def leave(self, engine: DurableEngine) -> None:
        if self.engine is engine:
            self.engine = None


_one_of_them = _TheOne()


@DBOS.workflow(name=_WORKFLOW)
def _drain_workflow(workspace: str, connector: str) -> int:
    claim = DBOS.workflow_id
    engine = _one_of_them.engine
    assert claim is not None
    assert engine is not None
    return engine.perform(Lane(WorkspaceId(workspace), connector), claim)


def system_database(data_dir: Path, database_url: str) -> str:
    """Where DBOS keeps its tables: the PostgreSQL of ``database_url``, or a SQLite file in ``data_dir``."""
    if make_url(database_url).get_backend_name() == "postgresql":
        return database_url
    file = data_dir.resolve() / "delivery.db"
    # DBOS leaves the journal as it is; with a write-ahead log readers and writers do not wait for each other.
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    return f"sqlite:///{file}"


def _config(url: str, executor: str) -> DBOSConfig:
    logging.getLogger("dbos").setLevel(logging.WARNING)
    return {
        "name": "careloop",
        "system_database_url": url,
        "application_version": _VERSION,
        "executor_id": executor,
        "enable_otlp": False,
        "log_level": "WARNING",
        "console_log_level": "WARNING",
        "max_executor_threads": _LANES_AT_ONCE + 8,
    }


async def _aside(work: Callable[[], T]) -> T:
    """What ``work`` returns, done on a thread of its own that nobody has to wait for.

    The event loop's own threads are few, and names of hosts are looked up there: DBOS must not hold them
    while it waits for its database, nor hold up the end of the process.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(cast("T", result))

    def run() -> None:
        result, problem = None, None
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 (raised where it is awaited)
            problem = error
        with suppress(RuntimeError):  # the loop has ended: nobody waits any more
            loop.call_soon_threadsafe(settle, result, problem)

    threading.Thread(target=run, name="careloop-engine", daemon=True).start()
    return await done


def _prune(before: datetime) -> int:
    ended = DBOS.list_workflows(
        status=["SUCCESS", "ERROR"],
        queue_name=_QUEUE,
        completed_before=before.isoformat(),
        limit=_PRUNED_AT_ONCE,
        load_input=False,
        load_output=False,
    )
    if ended:
        DBOS.delete_workflows([one.workflow_id for one in ended])
    return len(ended)
