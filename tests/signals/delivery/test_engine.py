from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from dbos import DBOS

from kit.ids import WorkspaceId
from signals.delivery.delivery import DeliveryState, Lane
from signals.delivery.dispatcher import Dispatcher
from signals.delivery.engine import DurableEngine, EngineRunning, system_database
from signals.delivery.service import DeliveryService
from signals.delivery.target import SameTargets, Target
from tests.databases import PostgresServer
from tests.signals.delivery.office import Office, SlowConnector


@pytest.fixture(params=["sqlite", "postgresql"])
def system(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where DBOS keeps its tables: once of each kind."""
    if request.param == "sqlite":
        yield system_database(tmp_path, "sqlite:///anything")
        return
    server: PostgresServer = request.getfixturevalue("postgresql")
    url = server.create()
    yield system_database(tmp_path, url)
    server.drop(url)


async def test_what_is_queued_is_drained_and_what_is_not_is_not(office: Office, system: str) -> None:
    await office.hear(await office.customer())
    drained: asyncio.Queue[tuple[Lane, str, int]] = asyncio.Queue()

    async def drain(lane: Lane, claim: str) -> int:
        number = await office.drain(lane, claim=claim)
        await drained.put((lane, claim, number))
        return number

    async def workspaces() -> Sequence[WorkspaceId]:
        return [office.workspace]

    engine = DurableEngine(system, drain)
    await engine.start()
    try:
        dispatcher = Dispatcher(
            office.database,
            office.store,
            engine,
            office.clock,
            targets=office.targets,
            workspaces=workspaces,
        )
        assert await dispatcher.look() == [office.lane]
        assert await dispatcher.look() == []  # one drain of a lane is enough
        lane, claim, number = await asyncio.wait_for(drained.get(), 30)
        assert (lane, number) == (office.lane, 1)
        assert claim
        with pytest.raises(EngineRunning):
            await DurableEngine(system, drain).start()
    finally:
        await engine.stop()
    assert await office.ends() == [DeliveryState.DELIVERED]
    assert await dispatcher.look() == []


def _service(office: Office, tmp_path: Path, *, grace: float) -> DeliveryService:
    async def workspaces() -> Sequence[WorkspaceId]:
        return [office.workspace]

    return DeliveryService(
        office.database,
        office.courier,
        office.clock,
        targets=office.targets,
        workspaces=workspaces,
        system_database=system_database(tmp_path, "sqlite:///anything"),
        grace=grace,
    )


async def test_a_target_that_never_answers_does_not_hold_up_the_stop(office: Office, tmp_path: Path) -> None:
    await office.hear(await office.customer())
    slow = SlowConnector()
    office.targets = SameTargets({"crm": Target(slow)})
    stopping = asyncio.Event()
    running = asyncio.create_task(_service(office, tmp_path, grace=0.2).run(stopping))
    await asyncio.wait_for(slow.begun.wait(), 30)
    stopping.set()
    await asyncio.wait_for(running, 15)
    assert await office.ends() == [DeliveryState.QUEUED]
    assert slow.told == []


async def test_a_dbos_that_cannot_enqueue_does_not_hold_up_the_stop(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.hear(await office.customer())
    asked, locked = threading.Event(), threading.Event()

    def wait(*_: object) -> None:
        asked.set()
        locked.wait(30)

    monkeypatch.setattr(DBOS, "enqueue_workflow_with_options", wait)
    stopping = asyncio.Event()
    running = asyncio.create_task(_service(office, tmp_path, grace=0.2).run(stopping))
    await asyncio.wait_for(asyncio.to_thread(asked.wait, 30), 30)
    stopping.set()
    await asyncio.wait_for(running, 15)
    locked.set()
    assert await office.ends() == [DeliveryState.QUEUED]


async def test_a_dbos_that_waits_for_its_database_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its threads sleep up to a minute where the database is locked; nothing of ours may wait for them."""
    engine = DurableEngine(system_database(tmp_path, "sqlite:///anything"), _never)
    await engine.start()
    locked, destroy = threading.Event(), DBOS.destroy
    monkeypatch.setattr(DBOS, "destroy", lambda **_: locked.wait(30))
    await asyncio.wait_for(engine.stop(patience=0.2), 10)
    locked.set()
    monkeypatch.undo()
    destroy()


async def _never(lane: Lane, claim: str) -> int:
    raise AssertionError(f"nothing is to be drained, but {lane} was by {claim}")
