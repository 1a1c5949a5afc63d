"""Time that passes faster: vendors ask for pauses of up to a minute, which a bench need not sit through."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import UTC, datetime, timedelta

HURRY = 100.0  # times faster


class HurriedClock:
    """Runs ``HURRY`` times as fast as the machine's since ``start`` (seconds of the epoch)."""

    def __init__(self, start: float) -> None:
        self._start = start

    def now(self) -> datetime:
        """The hurried time, in UTC; the same in every process that was given the same start."""
        passed = (time.time() - self._start) * HURRY
        return datetime.fromtimestamp(self._start, UTC) + timedelta(seconds=passed)


class HurriedWaiting:
    """Pauses are ``HURRY`` times shorter than what was asked for."""

    def monotonic(self) -> float:
        """Hurried seconds since some fixed moment."""
        return time.monotonic() * HURRY

    async def sleep(self, seconds: float) -> None:
        """Let other tasks run for ``seconds`` of hurried time."""
        await asyncio.sleep(seconds / HURRY)

    def chance(self) -> float:
        """A number in [0, 1)."""
        return random.random()
