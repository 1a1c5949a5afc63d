"""What the live feed of signals looks like on the wire."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from api.signal_models import Outcome, Signal
from insights.document import IncidentPart
from signals.feed import FeedEntry


class SignalNews(BaseModel):
    """News of a signal, which is as it stands now, with an outcome where that is the news; or an incident."""

    at: datetime = Field(examples=["2026-11-25T10:12:00Z"])
    signal: Signal | None = None
    outcome: Outcome | None = None
    incident: IncidentPart | None = None

    @classmethod
    def of(cls, entry: FeedEntry) -> SignalNews:
        """``entry`` as it is sent."""
        return cls(
            at=entry.at,
            signal=None if entry.signal is None else Signal.of(entry.signal),
            outcome=None if entry.outcome is None else Outcome.of(entry.outcome),
            incident=None if entry.incident is None else IncidentPart.model_validate(entry.incident),
        )
