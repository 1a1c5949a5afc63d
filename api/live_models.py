"""What the live feed of signals looks like on the wire."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from api.signal_models import Outcome, Signal
from signals.feed import FeedEntry


class SignalNews(BaseModel):
    """News of a signal, which is as it stands now; of outcomes alone there is one."""

    at: datetime = Field(examples=["2026-11-25T10:12:00Z"])
    signal: Signal
    outcome: Outcome | None

    @classmethod
    def of(cls, entry: FeedEntry) -> SignalNews:
        """``entry`` as it is sent."""
        return cls(
            at=entry.at,
            signal=Signal.of(entry.signal),
            outcome=None if entry.outcome is None else Outcome.of(entry.outcome),
        )
