"""How long things take and how chance falls, as a port: a test waits for minutes in no time."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import Protocol


class Waiting(Protocol):
    """A stopwatch, a pause and a die."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Let other tasks run for ``seconds``."""
        ...

    def chance(self) -> float:
        """A number in [0, 1)."""
        ...


class SystemWaiting:
    """The machine's own."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Let other tasks run for ``seconds``."""
        await asyncio.sleep(seconds)

    def chance(self) -> float:
        """A number in [0, 1)."""
        return random.random()  # noqa: S311 (jitter, no secret)


@dataclass
class ManualWaiting:
    """Time that passes only by sleeping, at once; ``slept`` holds every pause. For tests and simulations."""

    chances: random.Random = field(default_factory=lambda: random.Random(0))  # noqa: S311 (jitter, no secret)
    time: float = 0.0
    slept: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        """Seconds slept so far."""
        return self.time

    async def sleep(self, seconds: float) -> None:
        """Move the time by ``seconds`` and let other tasks run once."""
        self.slept.append(seconds)
        self.time += seconds
        await asyncio.sleep(0)

    def chance(self) -> float:
        """The next number in [0, 1) of ``chances``."""
        return self.chances.random()
