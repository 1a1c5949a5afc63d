"""Who of several servers does what, and what is known of the last time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import time, timedelta
from typing import Any

import pytest

from kit.clock import ManualClock
from kit.errors import Unavailable
from kit.ids import WorkspaceId
from signals.duties import LEASE, Duties
from signals.rounds import Chore, Rounds
from store.engine import Database

pytestmark = pytest.mark.anyio
NAME = "forecast"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def duties(each_database: Database, clock: ManualClock) -> Duties:
    return Duties(each_database, clock=clock)


async def test_of_two_servers_one_begins(duties: Duties, workspace: WorkspaceId, clock: ManualClock) -> None:
    begun = await asyncio.gather(*(duties.begin(workspace, NAME, clock.now()) for _ in range(2)))
    assert sum(one is not None for one in begun) == 1


async def test_a_time_is_seen_to_once_and_the_next_again(
    duties: Duties, workspace: WorkspaceId, clock: ManualClock
) -> None:
    due = clock.now()
    duty = await duties.begin(workspace, NAME, due)
    assert duty is not None
    await duties.finish(duty, result={"queues": []})
    assert await duties.begin(workspace, NAME, due) is None
    assert await duties.begin(workspace, NAME, due + timedelta(days=1)) is not None
    done = await duties.last(workspace, NAME)
    assert done is not None
    assert (done.result, done.error) == ({"queues": []}, None)


async def test_what_a_dead_server_began_is_begun_again_three_times_at_most(
    duties: Duties, workspace: WorkspaceId, clock: ManualClock
) -> None:
    due = clock.now()
    begun = []
    for _ in range(4):
        begun.append(await duties.begin(workspace, NAME, due))
        clock.advance(LEASE + timedelta(seconds=1))
    assert [one is not None for one in begun] == [True, True, True, False]
    assert await duties.begin(workspace, NAME, due + timedelta(days=1)) is not None


async def test_a_sign_of_life_keeps_others_away(
    duties: Duties, workspace: WorkspaceId, clock: ManualClock
) -> None:
    duty = await duties.begin(workspace, NAME, clock.now())
    assert duty is not None
    for _ in range(3):
        clock.advance(LEASE / 2)
        await duties.keep_alive(duty)
    assert await duties.begin(workspace, NAME, clock.now()) is None


async def test_a_stalled_server_that_comes_back_writes_nothing(
    duties: Duties, workspace: WorkspaceId, clock: ManualClock
) -> None:
    stalled = await duties.begin(workspace, NAME, clock.now())
    clock.advance(LEASE + timedelta(seconds=1))
    other = await duties.begin(workspace, NAME, clock.now())
    assert stalled is not None
    assert other is not None
    await duties.finish(other, result={"by": "other"})
    await duties.finish(stalled, result={"by": "stalled"})
    done = await duties.last(workspace, NAME)
    assert done is not None
    assert done.result == {"by": "other"}


async def test_an_error_leaves_the_last_result(
    duties: Duties, workspace: WorkspaceId, clock: ManualClock
) -> None:
    rounds = _Told(duties, clock, workspace)
    assert await rounds.look() == 1
    clock.advance(timedelta(days=1))
    rounds.broken = True
    assert await rounds.look() == 1
    done = await duties.last(workspace, NAME)
    assert done is not None
    assert done.result == {"times": 1}
    assert done.error == "unavailable: The database sleeps."


async def test_a_chore_that_is_not_due_is_left(
    duties: Duties, workspace: WorkspaceId, clock: ManualClock
) -> None:
    rounds = _Told(duties, clock, workspace)
    assert [await rounds.look(), await rounds.look()] == [1, 0]


async def test_a_server_that_stops_lets_go(
    duties: Duties, workspace: WorkspaceId, clock: ManualClock
) -> None:
    begun, rounds = asyncio.Event(), _Told(duties, clock, workspace)
    rounds.waits = begun
    looking = asyncio.create_task(rounds.look())
    await begun.wait()
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)
    rounds.waits = None
    assert await rounds.look() == 1


@pytest.mark.parametrize(
    ("every", "due"),
    [(time(3), timedelta(hours=3)), (timedelta(minutes=5), timedelta(hours=4, minutes=10))],
)
def test_the_last_time_is_of_the_night_or_of_the_clock(every: time | timedelta, due: timedelta) -> None:
    async def nothing(workspace: WorkspaceId, *, at: object) -> Mapping[str, Any]:
        return {}

    midnight = ManualClock().now()
    now = midnight + timedelta(hours=4, minutes=13)
    assert Chore(NAME, nothing, every).due(now) == midnight + due


class _Told:
    """Rounds with one nightly chore that counts, waits or breaks."""

    def __init__(self, duties: Duties, clock: ManualClock, workspace: WorkspaceId) -> None:
        self.broken, self.times = False, 0
        self.waits: asyncio.Event | None = None

        async def workspaces() -> list[WorkspaceId]:
            return [workspace]

        self._rounds = Rounds(duties, [Chore(NAME, self._work, time(3))], workspaces, clock=clock)

    async def look(self) -> int:
        return await self._rounds.look()

    async def _work(self, workspace: WorkspaceId, *, at: object) -> Mapping[str, Any]:  # noqa: ARG002
        if self.waits is not None:
            self.waits.set()
            await asyncio.sleep(3600)
        if self.broken:
            raise Unavailable("The database sleeps.")
        self.times += 1
        return {"times": self.times}
