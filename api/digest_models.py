"""What deliveries of digests look like on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from api import wire
from insights.delivery import ledger

WeekName = Annotated[str, Field(pattern="^([0-9]{4}-W[0-9]{2}|current|last)$", examples=["2026-W48"])]


class SendOrder(wire.Body):
    """Which digest to send: by default to whomever it was not delivered to."""

    week: WeekName = "last"
    anew: bool = Field(False, description="Send it also to whoever has it already.")


class DigestDelivery(BaseModel):
    """How the digest of a week fares at one receiver; a recipient of mail is known by a hash."""

    week: str = Field(examples=["2026-W48"])
    channel: str = Field(examples=["email:5f0c1b2a3d4e5f60"])
    state: ledger.SendState = Field(examples=["delivered"])
    attempts: int = Field(examples=[1])
    delivered_at: datetime | None = Field(examples=["2026-11-30T07:00:12Z"])
    next_attempt_at: datetime | None = Field(examples=[None])
    error: str | None = Field(examples=[None])

    @classmethod
    def of(cls, sending: ledger.Sending) -> DigestDelivery:
        """``sending`` as it is sent."""
        return cls(
            week=sending.week,
            channel=sending.channel,
            state=sending.state,
            attempts=sending.attempts,
            delivered_at=sending.delivered_at,
            next_attempt_at=sending.next_attempt_at,
            error=sending.error,
        )


class DigestDeliveries(BaseModel):
    """Every receiver of one week."""

    items: list[DigestDelivery]
