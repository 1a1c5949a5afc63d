from __future__ import annotations

import asyncio

import pytest

from api.background import Run, Runs
from api.errors import RunUnderWay
from kit.clock import ManualClock
from kit.errors import Unavailable
from kit.ids import DEFAULT_WORKSPACE, WorkspaceId

pytestmark = pytest.mark.anyio


@pytest.fixture
def runs(clock: ManualClock) -> Runs[int]:
    return Runs[int]("count", clock)


async def ended(runs: Runs[int]) -> Run[int]:
    while True:
        run = runs.latest(DEFAULT_WORKSPACE)
        assert run is not None
        if run.finished_at is not None:
            return run
        await asyncio.sleep(0)


async def test_a_run_goes_on_and_its_result_is_remembered(runs: Runs[int]) -> None:
    assert runs.latest(DEFAULT_WORKSPACE) is None
    go = asyncio.Event()

    async def work() -> int:
        await go.wait()
        return 7

    run = runs.start(DEFAULT_WORKSPACE, work())
    assert (run.finished_at, run.result) == (None, None)
    with pytest.raises(RunUnderWay, match="A count of the workspace"):
        runs.start(DEFAULT_WORKSPACE, work())
    other = runs.start(WorkspaceId("other"), work())
    assert other.finished_at is None
    go.set()
    assert (await ended(runs)).result == 7


async def test_one_that_fails_says_why_and_the_next_may_begin(runs: Runs[int]) -> None:
    async def fails() -> int:
        raise Unavailable("The encoder does not answer.")

    async def breaks() -> int:
        raise RuntimeError("secret words of a customer")

    runs.start(DEFAULT_WORKSPACE, fails())
    assert (await ended(runs)).error == "unavailable: The encoder does not answer."
    runs.start(DEFAULT_WORKSPACE, breaks())
    assert (await ended(runs)).error == "internal: The error is in the server's log."


async def test_what_is_under_way_can_be_cut_short(runs: Runs[int]) -> None:
    async def waits() -> int:
        await asyncio.Event().wait()
        return 1

    runs.start(DEFAULT_WORKSPACE, waits())
    await asyncio.sleep(0)
    await runs.stop()
    assert (await ended(runs)).result is None
