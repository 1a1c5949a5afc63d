"""Learning at night, driven by a clock that stands still until it is moved."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from api.learning import LearningRuns
from api.nightly import Nightly
from api.triagers import KIND, TriageParts
from inference.fakes import HashEncoder
from kit.clock import ManualClock
from kit.ids import DEFAULT_WORKSPACE, WorkspaceId
from store.access import Access, Workspace
from store.encryption import Cipher
from store.engine import Database
from store.errors import DatabaseUnavailable
from tests.api.conftest import OTHER, World, serving
from tests.api.test_triage import triage_of
from tests.api.tiny_triage import full_name, shop_triage
from tests.triage.shop import corrected, messages
from triage.learning_ledger import CUT_SHORT, LearningRun, StartedBy
from triage.registry import ModelState

pytestmark = pytest.mark.anyio

TWO = time(2, tzinfo=ZoneInfo("UTC"))
FEW = corrected([replace(each, label=full_name(each.label)) for each in messages(1, seed=2)], first_id=0)
MANY = corrected([replace(each, label=full_name(each.label)) for each in messages(20, seed=2)], first_id=0)


class Server:
    """One process's share of the night."""

    def __init__(self, database: Database, parts: TriageParts, clock: ManualClock) -> None:
        self.parts = parts
        self.runs = LearningRuns(parts, clock)
        self.night = Nightly(self.runs, Access(database, clock).workspaces, at=TWO, clock=clock)


@pytest.fixture
async def servers(
    each_database: Database, clock: ManualClock, tmp_path: Path
) -> AsyncIterator[Sequence[Server]]:
    """Two of them, each with connections of its own; it is five to two."""
    clock.time = datetime(2026, 1, 1, 1, 55, tzinfo=TWO.tzinfo)
    second = Database(each_database.url)
    found = [
        Server(database, shop_triage(database, Cipher(b"k" * 32), clock, tmp_path / "models"), clock)
        for database in (each_database, second)
    ]
    for server in found:
        assert await server.night.look() == 0  # the night before had nothing to learn from
    yield found
    for server in found:
        await server.runs.stop()
    await second.close()


async def say(
    server: Server, corrections: Sequence[object], workspace: WorkspaceId = DEFAULT_WORKSPACE
) -> None:
    async with server.runs._parts.learner._database.write() as connection:
        for each in corrections:
            await server.parts.tickets.corrections.append(connection, workspace, each)  # type: ignore[arg-type]


async def begun(runs: LearningRuns) -> LearningRun:
    """The first run, as soon as there is one."""
    while True:
        run = await runs.latest(DEFAULT_WORKSPACE)
        if run is not None:
            return run
        await asyncio.sleep(0.01)


async def last(server: Server, workspace: WorkspaceId = DEFAULT_WORKSPACE) -> LearningRun | None:
    return await server.runs.latest(workspace)


async def test_at_night_a_better_model_goes_live_on_one_server(
    servers: Sequence[Server], clock: ManualClock
) -> None:
    first, second = servers
    await say(first, MANY)
    assert await first.night.look() == 0
    clock.advance(timedelta(minutes=6))
    assert sum(await asyncio.gather(*(server.night.look() for server in servers))) == 1
    run = await last(second)
    assert run is not None
    assert (run.started_by, run.error) == (StartedBy.NIGHT, None)
    assert run.report is not None
    assert run.report["outcome"] == "promoted"
    states = [model.state for model in await first.parts.registry.history(DEFAULT_WORKSPACE, KIND)]
    assert sorted(states) == [ModelState.LIVE, ModelState.RETIRED]

    clock.advance(timedelta(days=1))  # and nobody corrected anything
    assert [await server.night.look() for server in servers] == [0, 0]
    assert await last(first) == run


async def test_only_workspaces_with_corrections_learn(servers: Sequence[Server], clock: ManualClock) -> None:
    await say(servers[0], FEW, OTHER)
    clock.advance(timedelta(hours=1))
    assert await servers[0].night.look() == 1
    assert await last(servers[0]) is None
    run = await last(servers[0], OTHER)
    assert run is not None
    assert run.report is not None
    assert run.report["text"].endswith("6 different messages are new; 40 are needed to judge.")
    assert await servers[0].parts.registry.history(DEFAULT_WORKSPACE, KIND) == []


async def test_what_is_withdrawn_is_news_too(servers: Sequence[Server], clock: ManualClock) -> None:
    server = servers[0]
    await say(server, FEW)
    clock.advance(timedelta(days=1))
    assert await server.night.look() == 1
    async with server.parts.learner._database.write() as connection:
        stored = await server.parts.tickets.corrections.of_kind(connection, DEFAULT_WORKSPACE, KIND)
        assert stored[0].id is not None
        await server.parts.tickets.withdraw(connection, DEFAULT_WORKSPACE, stored[0].id, at=clock.now())
    clock.advance(timedelta(days=1))
    assert await server.night.look() == 1


async def test_a_night_that_no_server_saw_is_made_up_for_once(
    servers: Sequence[Server], clock: ManualClock
) -> None:
    await say(servers[0], FEW)
    clock.advance(timedelta(days=3, hours=8))
    assert [await server.night.look() for server in servers] == [1, 0]
    await say(servers[0], MANY[:3])
    clock.advance(timedelta(hours=1))
    assert [await server.night.look() for server in servers] == [0, 0]  # not before the next night


async def test_a_night_cut_short_is_begun_again_by_another_server(
    servers: Sequence[Server], clock: ManualClock
) -> None:
    first, second = servers
    await say(first, MANY)
    clock.advance(timedelta(hours=1))
    looking = asyncio.create_task(first.night.look())
    assert (await begun(second.runs)).finished_at is None
    assert await second.night.look() == 0
    looking.cancel()
    await first.runs.stop()
    cut = await last(second)
    assert cut is not None
    assert cut.error == CUT_SHORT
    assert await second.night.look() == 1
    done = await last(first)
    assert done is not None
    assert (done.error, done.report is not None) == (None, True)


async def test_an_error_of_one_workspace_keeps_no_other_from_learning(
    each_database: Database, clock: ManualClock, tmp_path: Path
) -> None:
    strange = HashEncoder(identity="strange@1")
    parts = shop_triage(each_database, Cipher(b"k" * 32), clock, tmp_path / "models", encoder=strange)
    server = Server(each_database, parts, clock)
    for workspace in (DEFAULT_WORKSPACE, OTHER):
        await say(server, FEW, workspace)
    clock.advance(timedelta(days=1))
    assert await server.night.look() == 2
    for workspace in (DEFAULT_WORKSPACE, OTHER):
        run = await last(server, workspace)
        assert run is not None
        assert str(run.error).startswith("triage_model_unreadable: ")


async def test_a_server_looks_by_itself_and_stops_in_the_middle_of_it(world: World) -> None:
    world.clock.advance(timedelta(hours=1))
    parts = replace(triage_of(world), learn_at=TWO)
    server = world.with_services(triage=parts)
    runs: LearningRuns = server.app.state.learning
    for correction in MANY:
        async with world.services.database.write() as connection:
            await parts.tickets.corrections.append(connection, DEFAULT_WORKSPACE, correction)
    async with serving(server.app):
        assert (await begun(runs)).started_by is StartedBy.NIGHT
    cut = await runs.latest(DEFAULT_WORKSPACE)
    assert cut is not None
    assert cut.error == CUT_SHORT


async def test_it_keeps_looking_whatever_happens(servers: Sequence[Server], clock: ManualClock) -> None:
    server = servers[0]
    await say(server, FEW)
    access, failed = Access(server.parts.learner._database, clock), 0

    async def workspaces() -> Sequence[Workspace]:
        nonlocal failed
        failed += 1
        if failed < 3:
            raise DatabaseUnavailable("It does not answer.") if failed < 2 else RuntimeError("a mistake")
        return await access.workspaces()

    clock.advance(timedelta(minutes=6))
    looking = asyncio.create_task(
        Nightly(server.runs, workspaces, at=TWO, clock=clock).keep_looking(interval=0.01)
    )
    await begun(server.runs)
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)
    assert failed == 3


async def test_a_run_gives_signs_of_life(
    servers: Sequence[Server], clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.learning._BEAT", 0.01)
    server = servers[0]
    await say(server, MANY)
    learning = asyncio.create_task(server.runs.learn(DEFAULT_WORKSPACE))
    run = await begun(server.runs)
    clock.advance(timedelta(minutes=4))
    await asyncio.sleep(0.1)
    clock.advance(timedelta(minutes=4))
    again = await last(server)
    assert again is not None
    assert (again.id, again.error) == (run.id, None)
    learning.cancel()
    await asyncio.gather(learning, return_exceptions=True)
