"""How much a caller may ask for: token buckets, refilled steadily, in bounded memory."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Protocol

from kit.clock import Clock

_LEAST_BURST = 20  # requests; opening the chat page and asking the first question takes eight


@dataclass(frozen=True, slots=True)
class Limit:
    """``rate`` requests a second in the long run, ``burst`` at once."""

    rate: float
    burst: float

    @classmethod
    def per_minute(cls, requests: int) -> Limit:
        """``requests`` a minute, a tenth of them (20 at least, but never more than a minute's) at once."""
        return cls(rate=requests / 60, burst=float(min(requests, max(_LEAST_BURST, requests // 10))))


class RateLimiter(Protocol):
    """Counts requests by caller."""

    async def take(self, caller: str, limit: Limit) -> float:
        """Count one request of ``caller``: 0 if it may proceed, else the seconds until one may."""
        ...


class MemoryRateLimiter:
    """Token buckets in this process.

    At most ``capacity`` callers are remembered; the one unheard of for longest is forgotten first, which
    can only be in its favour.
    """

    def __init__(self, clock: Clock, *, capacity: int = 50_000) -> None:
        self._clock = clock
        self._capacity = capacity
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, when (seconds)

    async def take(self, caller: str, limit: Limit) -> float:
        """Count one request of ``caller``: 0 if it may proceed, else the seconds until one may."""
        now = self._clock.now().timestamp()
        tokens, since = self._buckets.pop(caller, (limit.burst, now))
        tokens = min(limit.burst, tokens + max(0.0, now - since) * limit.rate)
        allowed = tokens >= 1.0
        self._buckets[caller] = (tokens - 1.0 if allowed else tokens, now)
        if len(self._buckets) > self._capacity:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1.0 - tokens) / limit.rate
