"""The only place that asks the machine what time it is, so that a test can answer instead."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Something that knows the time."""

    def now(self) -> datetime:
        """The current time, timezone-aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The current time, timezone-aware, in UTC."""
        return datetime.now(UTC)  # noqa: TID251 (this is the one place)


@dataclass
class ManualClock:
    """A clock that stands still until it is moved; for tests and simulations."""

    time: datetime = field(default_factory=lambda: datetime(2026, 1, 1, tzinfo=UTC))

    def now(self) -> datetime:
        """The time it was last set to."""
        return self.time

    def advance(self, by: timedelta) -> None:
        """Move the clock forward by ``by``."""
        self.time += by
