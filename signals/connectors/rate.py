"""No more calls a second than a target allows: a token bucket that also keeps the pauses it asks for."""

from __future__ import annotations

from signals.connectors.waiting import Waiting


class RateLimit:
    """``per_second`` calls on average, ``burst`` at once; shared by all tasks that call one target."""

    def __init__(self, per_second: float, burst: int, waiting: Waiting) -> None:
        self._per_second = per_second
        self._burst = burst
        self._waiting = waiting
        # The moment at which the bucket would be full again: all the state there is ("virtual scheduling",
        # ITU-T I.371, annex A). A caller books its place before it sleeps, so callers leave in order.
        self._full_at = waiting.monotonic()

    async def acquire(self) -> None:
        """Wait until one more call is allowed."""
        now = self._waiting.monotonic()
        self._full_at = max(self._full_at, now) + 1 / self._per_second
        wait = self._full_at - now - self._burst / self._per_second
        if wait > 0:
            await self._waiting.sleep(wait)

    def pause(self, seconds: float) -> None:
        """Allow no further call for ``seconds``: the target has said so."""
        until = self._waiting.monotonic() + seconds
        self._full_at = max(self._full_at, until + (self._burst - 1) / self._per_second)
