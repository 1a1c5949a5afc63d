"""What deliveries and connectors look like on the wire."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from api.signal_models import CUSTOMER_ID, SIGNAL_ID
from signals.delivery import delivery as values
from signals.delivery.delivery import DeliveryState
from signals.delivery.parts import ConnectorOverview

DELIVERY_ID = "dlv_06dbn3v0m5s1t7w9yb2d4f6h8k"


class Delivery(BaseModel):
    """A signal, as it was at one revision, told to one connector."""

    id: str = Field(examples=[DELIVERY_ID])
    connector: str = Field(examples=["salesforce"])
    signal_id: str = Field(examples=[SIGNAL_ID])
    revision: int = Field(examples=[1])
    customer_id: str = Field(examples=[CUSTOMER_ID])
    order_number: int = Field(
        description="Of the customer's deliveries at this connector; no later one goes first.", examples=[3]
    )
    command: str | None = Field(
        description="`enrol` or `leave`: the customer enters or leaves a sequence; null: the signal is told.",
        examples=[None],
    )
    state: DeliveryState = Field(
        description="`dead`: refused, or tried too often; `stopped`: without consent.", examples=["delivered"]
    )
    attempts: int = Field(examples=[1])
    next_attempt_at: datetime | None = Field(description="Null once it has ended.", examples=[None])
    error_code: str | None = Field(description="Of the last attempt.", examples=[None])
    error: str | None = Field(examples=[None])
    receipt: dict[str, str] | None = Field(
        description="The target's ids, by kind of record.", examples=[{"task": "00T5g00000abcde"}]
    )
    made_at: datetime = Field(examples=["2026-11-21T10:00:00Z"])
    updated_at: datetime = Field(examples=["2026-11-21T10:00:01Z"])

    @classmethod
    def of(cls, one: values.Delivery) -> Delivery:
        """``one`` as it is sent."""
        return cls(
            id=one.id,
            connector=one.connector,
            signal_id=one.signal_id,
            revision=one.revision,
            customer_id=one.customer_id,
            order_number=one.order_number,
            command=one.command,
            state=one.state,
            attempts=one.attempts,
            next_attempt_at=one.next_attempt_at if one.state is DeliveryState.QUEUED else None,
            error_code=one.error_code,
            error=one.error,
            receipt=None if one.receipt is None else dict(one.receipt),
            made_at=one.made_at,
            updated_at=one.updated_at,
        )


class DeliveryPage(BaseModel):
    """Deliveries, youngest first; ``next`` asks for the page after it."""

    items: list[Delivery]
    next: str | None = Field(examples=[None])


class ConnectorHealth(BaseModel):
    """What a connector said when it was last asked."""

    ok: bool = Field(examples=[True])
    detail: str = Field(examples=["The org answers."])
    checked_at: datetime = Field(examples=["2026-11-21T10:00:00Z"])


class ConnectorPoll(BaseModel):
    """When a connector was last asked for outcomes and consents, and how that went."""

    polled_at: datetime = Field(examples=["2026-11-21T10:00:00Z"])
    next_at: datetime | None = Field(examples=["2026-11-21T10:01:00Z"])
    failures: int = Field(description="One after the other, up to now.", examples=[0])
    error_code: str | None = Field(examples=[None])
    error: str | None = Field(examples=[None])


class Connector(BaseModel):
    """A connector, its health, and how many deliveries it has in which state."""

    name: str = Field(examples=["salesforce"])
    on: bool = Field(description="False: it was configured once, and deliveries are left.", examples=[True])
    paused_at: datetime | None = Field(examples=[None])
    paused_by: str | None = Field(examples=[None])
    health: ConnectorHealth | None = Field(description="Null until it was asked.", examples=[None])
    poll: ConnectorPoll | None = Field(
        description="Of the workspace that keeps the cursor; null before the first.", examples=[None]
    )
    deliveries: dict[DeliveryState, int] = Field(examples=[{"delivered": 120, "dead": 1}])

    @classmethod
    def of(cls, one: ConnectorOverview) -> Connector:
        """``one`` as it is sent."""
        state = one.state
        health = None
        if state.health is not None and state.checked_at is not None:
            health = ConnectorHealth(
                ok=state.health.ok, detail=state.health.detail, checked_at=state.checked_at
            )
        poll = None
        if state.polled_at is not None:
            poll = ConnectorPoll(
                polled_at=state.polled_at,
                next_at=state.next_poll_at,
                failures=state.poll_failures,
                error_code=state.poll_error_code,
                error=state.poll_error,
            )
        return cls(
            name=state.connector,
            on=one.on,
            paused_at=state.paused_at,
            paused_by=state.paused_by,
            health=health,
            poll=poll,
            deliveries=dict(one.counts),
        )


class ConnectorList(BaseModel):
    """Every connector of the workspace, by name."""

    items: list[Connector]


class Replayed(BaseModel):
    """How many dead letters are queued again."""

    deliveries: int = Field(examples=[1])
