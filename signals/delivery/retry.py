"""When a delivery that failed is tried again, and when it is given up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Full jitter (Brooker, "Exponential backoff and jitter", AWS 2015) between attempts that fail.

    The pause is drawn from [0, ``first`` * 2^(attempts - 1)], never more than ``longest``; where the target
    asked for longer, it is that much and the same draw on top, so that all who wait do not come at once.

    It is given up when ``age`` has passed since it was queued and there were ``attempts`` attempts. Attempts
    alone would make dead letters of everything that is queued for a target that is away for a night; age
    alone, of what a worker that was off for a week has not tried.
    """

    first: timedelta = timedelta(seconds=5)
    longest: timedelta = timedelta(hours=1)
    attempts: int = 10
    age: timedelta = timedelta(days=3)

    def over(self, attempts: int, due_since: datetime, *, at: datetime) -> bool:
        """Whether it is given up after so many attempts, the last of which ended ``at``."""
        return attempts >= self.attempts and at - due_since >= self.age

    def next(
        self, attempts: int, *, at: datetime, chance: float, retry_after: float | None = None
    ) -> datetime:
        """When to try again; ``chance`` is in [0, 1), ``retry_after`` in seconds."""
        doubled = self.first * float(2 ** min(attempts - 1, 30))
        pause = min(self.longest, doubled) * chance
        return at + timedelta(seconds=max(retry_after or 0.0, 0.0)) + pause
