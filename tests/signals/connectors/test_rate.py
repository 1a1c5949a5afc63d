from __future__ import annotations

import asyncio

import pytest

from signals.connectors.rate import RateLimit
from signals.connectors.waiting import ManualWaiting, SystemWaiting


async def test_a_burst_passes_and_then_the_rate_holds() -> None:
    waiting = ManualWaiting()
    limit = RateLimit(10, 5, waiting)
    for _ in range(5):
        await limit.acquire()
    assert not waiting.slept
    for _ in range(20):
        await limit.acquire()
    assert waiting.time == pytest.approx(2.0)


async def test_after_a_pause_calls_come_at_the_rate_again() -> None:
    waiting = ManualWaiting()
    limit = RateLimit(10, 5, waiting)
    limit.pause(60)
    await limit.acquire()
    assert waiting.time == pytest.approx(60)
    await limit.acquire()
    assert waiting.time == pytest.approx(60.1)


async def test_a_rest_fills_the_bucket_but_not_beyond_its_rim() -> None:
    waiting = ManualWaiting()
    limit = RateLimit(10, 2, waiting)
    waiting.time = 100.0
    for _ in range(3):
        await limit.acquire()
    assert waiting.time == pytest.approx(100.1)


async def test_the_machines_own_time_goes_on() -> None:
    waiting = SystemWaiting()
    before = waiting.monotonic()
    await asyncio.wait_for(waiting.sleep(0), 5)
    assert waiting.monotonic() >= before
    assert 0 <= waiting.chance() < 1
