"""Who may learn, on either database: one at a time, and each night once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from kit.clock import ManualClock
from kit.ids import WorkspaceId
from store.engine import Database
from triage.errors import LearningUnderWay
from triage.learning_ledger import CUT_SHORT, LearningLedger, LearningRun, StartedBy, last_night

pytestmark = pytest.mark.anyio

REPORT: dict[str, Any] = {
    "outcome": "waiting",
    "live": "20260101-a",
    "tried": None,
    "text": "Waiting.",
    "figures": {},
}
NIGHT = datetime(2026, 1, 1, 2, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def ledger(each_database: Database, clock: ManualClock) -> LearningLedger:
    clock.time = NIGHT + timedelta(minutes=1)
    return LearningLedger(each_database, clock=clock)


async def begun(
    ledger: LearningLedger, workspace: WorkspaceId, night: datetime = NIGHT, material: str = "a"
) -> LearningRun:
    run = await ledger.begin_night(workspace, night, material=material)
    assert run is not None
    return run


async def test_one_run_at_a_time_for_each_workspace(
    ledger: LearningLedger, workspace: WorkspaceId, other_workspace: WorkspaceId, clock: ManualClock
) -> None:
    assert await ledger.latest(workspace) is None
    run = await ledger.begin(workspace, started_by=StartedBy.API)
    assert await ledger.latest(workspace) == run
    with pytest.raises(LearningUnderWay, match="since 02:01 UTC"):
        await ledger.begin(workspace, started_by=StartedBy.COMMAND)
    assert await ledger.begin_night(workspace, NIGHT, material="a") is None
    await ledger.begin(other_workspace, started_by=StartedBy.API)
    clock.advance(timedelta(minutes=1))
    ended = await ledger.finish(run, report=REPORT, material="a")
    assert (ended.finished_at, ended.report) == (clock.now(), REPORT)
    assert await ledger.latest(workspace) == ended
    assert (await ledger.begin(workspace, started_by=StartedBy.COMMAND)).id != run.id


async def test_an_error_is_kept_as_long_as_it_fits(ledger: LearningLedger, workspace: WorkspaceId) -> None:
    run = await ledger.begin(workspace, started_by=StartedBy.API)
    await ledger.finish(run, error="internal: " + "x" * 5000)
    found = await ledger.latest(workspace)
    assert found is not None
    assert found.error is not None
    assert len(found.error) == 1000


async def test_of_many_servers_one_learns_at_night(
    each_database: Database, ledger: LearningLedger, workspace: WorkspaceId, clock: ManualClock
) -> None:
    second = Database(each_database.url)
    others = [LearningLedger(database, clock=clock) for database in (each_database, second) for _ in range(4)]
    asked = await asyncio.gather(
        *(one.begin_night(workspace, NIGHT, material="a") for one in (ledger, *others))
    )
    await second.close()
    (run,) = [one for one in asked if one is not None]
    await ledger.finish(run, report=REPORT, material="a")
    assert not await ledger.is_open(workspace, NIGHT)
    assert await ledger.begin_night(workspace, NIGHT, material="b") is None


async def test_a_night_without_news_is_seen_to_and_leaves_the_last_run_as_it_was(
    ledger: LearningLedger, workspace: WorkspaceId
) -> None:
    assert await ledger.begin_night(workspace, NIGHT, material=None) is None
    assert not await ledger.is_open(workspace, NIGHT)
    assert await ledger.latest(workspace) is None
    run = await begun(ledger, workspace, NIGHT + DAY)
    ended = await ledger.finish(run, report=REPORT, material="a")
    assert await ledger.begin_night(workspace, NIGHT + 2 * DAY, material="a") is None
    assert not await ledger.is_open(workspace, NIGHT + 2 * DAY)
    assert await ledger.latest(workspace) == ended
    await begun(ledger, workspace, NIGHT + 3 * DAY, material="b")


async def test_what_failed_is_tried_again_the_next_night_and_no_sooner(
    ledger: LearningLedger, workspace: WorkspaceId
) -> None:
    await ledger.finish(await begun(ledger, workspace), error="triage_model_unreadable: It is gone.")
    assert not await ledger.is_open(workspace, NIGHT)
    await begun(ledger, workspace, NIGHT + DAY)


async def test_a_run_whose_server_died_is_over_after_its_lease(
    ledger: LearningLedger, workspace: WorkspaceId, clock: ManualClock
) -> None:
    died = await begun(ledger, workspace)
    for _ in range(3):
        clock.advance(timedelta(minutes=4))
        await ledger.keep_alive(died)
    last_seen = clock.now()
    assert not await ledger.is_open(workspace, NIGHT)
    clock.advance(timedelta(minutes=5))
    assert await ledger.is_open(workspace, NIGHT)
    found = await ledger.latest(workspace)
    assert found is not None
    assert (found.finished_at, found.error) == (last_seen, CUT_SHORT)
    second = await begun(ledger, workspace)
    # The first was only stalled: it writes no more where another writes.
    await ledger.finish(died, report=REPORT, material="old")
    await ledger.keep_alive(died)
    assert await ledger.latest(workspace) == second


async def test_a_night_that_takes_servers_down_is_given_up(
    ledger: LearningLedger, workspace: WorkspaceId
) -> None:
    for _ in range(3):
        await ledger.cut_short(await begun(ledger, workspace))
    assert not await ledger.is_open(workspace, NIGHT)
    assert await ledger.begin_night(workspace, NIGHT, material="a") is None
    for _ in range(3):
        await ledger.cut_short(await begun(ledger, workspace, NIGHT + DAY))


async def test_what_was_asked_for_and_cut_short_is_not_the_nights_business(
    ledger: LearningLedger, workspace: WorkspaceId
) -> None:
    await ledger.finish(await begun(ledger, workspace), report=REPORT, material="a")
    await ledger.cut_short(await ledger.begin(workspace, started_by=StartedBy.API))
    assert not await ledger.is_open(workspace, NIGHT)


TWO = time(2, 0)
BERLIN = time(2, 30, tzinfo=ZoneInfo("Europe/Berlin"))


def utc(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "at", "expected"),
    [
        (utc(3, 5, 2), TWO, utc(3, 5, 2)),
        (utc(3, 5, 1, 59), TWO, utc(3, 4, 2)),
        (utc(3, 5, 23), TWO, utc(3, 5, 2)),
        (utc(1, 1, 0), TWO, datetime(2025, 12, 31, 2, tzinfo=UTC)),
        (utc(1, 5, 1, 30), BERLIN, utc(1, 5, 1, 30)),
        (utc(7, 5, 0, 30), BERLIN, utc(7, 5, 0, 30)),
        (utc(1, 5, 1, 29), BERLIN, utc(1, 4, 1, 30)),
        # 02:30 comes twice on the last Sunday of October, and not at all on the last one of March.
        (utc(10, 25, 0, 40), BERLIN, utc(10, 25, 0, 30)),
        (utc(10, 25, 1, 40), BERLIN, utc(10, 25, 0, 30)),
        (utc(3, 29, 1, 40), BERLIN, utc(3, 29, 1, 30)),
    ],
)
def test_the_last_night_is_the_last_time_that_the_clock_showed_it(
    now: datetime, at: time, expected: datetime
) -> None:
    assert last_night(now, at=at) == expected
