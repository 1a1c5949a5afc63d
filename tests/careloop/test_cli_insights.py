"""``careloop insights`` over a database with three weeks of tickets."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest

from kit.clock import SystemClock
from kit.ids import DEFAULT_WORKSPACE
from store.access import Access
from store.engine import Database, sqlite_url
from store.migrate import upgrade
from tests.careloop.test_cli import Careloop, careloop, data_dir
from tests.signals.predictions.test_outlook import History

__all__ = ["careloop", "data_dir"]  # fixtures


@pytest.fixture
def tickets(data_dir: Path) -> None:
    """Four tickets a day of one queue, for twenty days."""
    url = sqlite_url(data_dir.resolve() / "careloop.db")
    upgrade(url)

    async def work() -> None:
        database = Database(url)
        await Access(database, SystemClock()).ensure_workspace(DEFAULT_WORKSPACE, name="Shop")
        begin = SystemClock().now() - timedelta(days=20)
        moments = [begin + timedelta(days=day, hours=hour) for day in range(20) for hour in range(4)]
        await History(database, DEFAULT_WORKSPACE).tickets(moments)
        await database.close()

    asyncio.run(work())


@pytest.mark.usefixtures("tickets")
def test_what_is_expected_is_shown_or_how_much_is_missing(careloop: Careloop) -> None:
    assert "not enough data: 20 of 84 days" in careloop("insights", "forecast").stdout
    (queue,) = json.loads(careloop("insights", "forecast", "--json").stdout)["queues"]
    assert (queue["queue"], queue["days_known"], queue["days_needed"]) == ("technical", 20, 84)
    assert "Not enough data: 0 of 14 days" in careloop("insights", "incidents").stdout
    done = json.loads(careloop("insights", "refresh", "--json").stdout)
    assert done == dict.fromkeys(("baseline", "incidents", "upkeep", "forecast", "churn"), "done")
    found = json.loads(careloop("insights", "incidents", "--json").stdout)
    assert (found["items"], found["looked_at"] is None) == ([], False)
