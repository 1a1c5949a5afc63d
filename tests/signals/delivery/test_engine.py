from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from kit.ids import WorkspaceId
from signals.delivery.delivery import DeliveryState, Lane
from signals.delivery.dispatcher import Dispatcher
from signals.delivery.engine import DurableEngine, EngineRunning, system_database
from tests.databases import PostgresServer
from tests.signals.delivery.office import Office


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
