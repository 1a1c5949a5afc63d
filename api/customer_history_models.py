"""What happened with customers, on the wire: events, feedback, consent, journey, health, the whole export."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, StrictBool

from api import wire
from api.customer_models import CUSTOMER_ID, EVENT_ID, Customer, Merge, Number
from api.signal_models import Signal
from api.ticket_models import Moment
from api.triage_models import FactName, FactText, FactValue, Json
from customers import (
    ConsentChannel,
    ConsentState,
    ContactDecision,
    EventKind,
    Everything,
    FeedbackKind,
    Purpose,
    Stage,
)
from customers import Event as EventValue
from customers import Health as HealthValue
from customers.consent import ConsentRecord, ContactReason
from customers.health import HealthPart, PartScore
from customers.stages import StoredMove
from signals.signal import Signal as SignalValue

AT = "2026-11-21T10:00:00Z"
Words = Annotated[str, Field(max_length=20_000, pattern=r"^[^\x00]*$")]
When = Annotated[
    Moment | None, Field(description="Null, or a moment that is still to come, is now.", examples=[AT])
]


class NewEvent(wire.Body):
    """Something that happened; ``source`` says whose ``external_id`` it is."""

    kind: EventKind = Field(examples=["crm"])
    name: Annotated[str, Field(pattern="^[a-z][a-z0-9_.-]{0,79}$")] = Field(
        description="What happened. Of kind `stage` the stage, of kind `survey` the question: `csat`, `nps`.",
        examples=["order_placed"],
    )
    source: wire.Channel = Field("api", examples=["shop"])
    external_id: wire.Name | None = Field(
        None,
        description="Its id there: the same one twice is the same event. Null makes a new one each time.",
        examples=["order-8841"],
    )
    occurred_at: When = None
    score: Number | None = Field(
        None,
        description="A survey's on its own scale; of contacts the sentiment, from -1 to 1; else an amount.",
        examples=[29.0],
    )
    text: Words | None = Field(None, examples=["Fibre 500, 24 months"])
    payload: dict[FactName, FactValue] = Field(default_factory=dict, examples=[{"plan": "Fibre 500"}])


class NewFeedback(wire.Body):
    """An answer to CSAT (1 to 5) or NPS (0 to 10), or a review (1 to 5 stars)."""

    kind: FeedbackKind = Field(examples=["csat"])
    score: Number = Field(examples=[5])
    comment: Words | None = Field(None, examples=["Quick and friendly."])
    about: wire.Name | None = Field(
        None, description="What it is of: a conversation, say.", examples=[wire.CONVERSATION_ID]
    )
    source: wire.Channel = Field("api", examples=["survey"])
    external_id: wire.Name | None = Field(None, examples=["answer-17"])
    occurred_at: When = None


class Event(BaseModel):
    """An event of a timeline."""

    id: str = Field(examples=[EVENT_ID])
    kind: EventKind = Field(examples=["crm"])
    name: str = Field(examples=["order_placed"])
    source: str = Field(examples=["shop"])
    external_id: str = Field(examples=["order-8841"])
    score: float | None = Field(examples=[29.0])
    payload: Json = Field(examples=[{"plan": "Fibre 500", "text": "24 months"}])
    origin: str = Field(description="Whose it was before a merge; else the customer.", examples=[CUSTOMER_ID])
    occurred_at: datetime = Field(examples=[AT])
    recorded_at: datetime = Field(examples=[AT])

    @classmethod
    def of(cls, event: EventValue) -> Event:
        """``event`` as it is sent."""
        return cls(
            id=event.id,
            kind=event.kind,
            name=event.name,
            source=event.source,
            external_id=event.external_id,
            score=event.score,
            payload=dict(event.payload),
            origin=event.origin,
            occurred_at=event.occurred_at,
            recorded_at=event.recorded_at,
        )


class RecordedEvent(BaseModel):
    """The event, whether it is new, and where the customer stands after it."""

    created: bool = Field(examples=[True])
    event: Event
    stage: Stage = Field(examples=["onboarding"])


class Timeline(BaseModel):
    """Events, the last first; pass ``next`` as ``before`` for earlier ones."""

    items: list[Event]
    next: str | None = Field(examples=[None])


class NewConsent(wire.Body):
    """A word of the customer on being contacted."""

    purpose: Purpose = Field(examples=["marketing"])
    channel: ConsentChannel = Field(ConsentChannel.ANY, examples=["email"])
    state: ConsentState = Field(examples=["granted"])
    source: wire.Name = Field(description="Where it was given.", examples=["sign-up form"])
    at: When = None


class Consent(BaseModel):
    """A word of the customer, as it is kept."""

    id: int = Field(examples=[17])
    purpose: Purpose = Field(examples=["marketing"])
    channel: ConsentChannel = Field(examples=["email"])
    state: ConsentState = Field(examples=["granted"])
    source: str = Field(examples=["sign-up form"])
    at: datetime = Field(examples=[AT])
    recorded_at: datetime = Field(examples=[AT])
    origin: str = Field(
        description="Of whom it was recorded; that stays through merges.", examples=[CUSTOMER_ID]
    )

    @classmethod
    def of(cls, record: ConsentRecord) -> Consent:
        """``record`` as it is sent."""
        return cls(
            id=record.id,
            purpose=record.purpose,
            channel=record.channel,
            state=record.state,
            source=record.source,
            at=record.at,
            recorded_at=record.recorded_at,
            origin=record.origin,
        )


class ConsentList(BaseModel):
    """Every word of a customer, in the order of recording."""

    items: list[Consent]


class Contact(BaseModel):
    """Whether the customer may be contacted now, why, and by which word of theirs."""

    allowed: bool = Field(examples=[True])
    reason: ContactReason = Field(examples=["granted"])
    record: Consent | None

    @classmethod
    def of(cls, decision: ContactDecision) -> Contact:
        """``decision`` as it is sent."""
        record = None if decision.record is None else Consent.of(decision.record)
        return cls(allowed=decision.allowed, reason=decision.reason, record=record)


class DoNotSell(wire.Body):
    """Whether the customer forbids that data about them is passed on."""

    do_not_sell: StrictBool = Field(examples=[True])
    source: wire.Name = Field(description="Where they said so.", examples=["privacy page"])


class NewStage(wire.Body):
    """Where a person says that the customer stands."""

    stage: Stage = Field(examples=["at_risk"])
    reason: Annotated[FactText, Field(min_length=1)] = Field(examples=["Their champion has left."])


class Move(BaseModel):
    """A step of the journey, by which rule and event."""

    was: Stage = Field(examples=["decision"])
    became: Stage = Field(examples=["onboarding"])
    rule: str = Field(examples=["bought"])
    event: str = Field(examples=[EVENT_ID])
    at: datetime = Field(examples=[AT])

    @classmethod
    def of(cls, move: StoredMove) -> Move:
        """``move`` as it is sent."""
        return cls(was=move.was, became=move.became, rule=move.rule, event=move.event, at=move.at)


class Journey(BaseModel):
    """Where the customer stands, and every step that led there, the first first."""

    stage: Stage = Field(examples=["onboarding"])
    moves: list[Move]


class Part(BaseModel):
    """A part of health: weights of all parts sum to 1."""

    part: HealthPart = Field(examples=["payments"])
    score: float = Field(description="From 0 to 100.", examples=[100.0])
    weight: float = Field(examples=[0.4])
    explanation: str = Field(examples=["0 of 6 payments failed in the last 180 days."])

    @classmethod
    def of(cls, part: PartScore) -> Part:
        """``part`` as it is sent."""
        return cls(part=part.part, score=part.score, weight=part.weight, explanation=part.explanation)


class Health(BaseModel):
    """How well the customer is: the sum of weight times score of its parts."""

    score: float | None = Field(description="From 0 to 100; null where nothing is known.", examples=[81.5])
    parts: list[Part]
    missing: list[HealthPart] = Field(
        description="Parts of which nothing is known; the others have their weight.", examples=[["usage"]]
    )

    @classmethod
    def of(cls, health: HealthValue) -> Health:
        """``health`` as it is sent."""
        parts = [Part.of(part) for part in health.parts]
        return cls(score=health.score, parts=parts, missing=list(health.missing))


class CustomerExport(BaseModel):
    """All that is stored of a customer; events and signals from the first to the last."""

    customer: Customer
    events: list[Event]
    consents: list[Consent]
    journey: list[Move]
    merges: list[Merge]
    health: Health
    signals: list[Signal] = Field(description="Those of who was merged into the customer, too.")

    @classmethod
    def of(cls, everything: Everything, signals: Sequence[SignalValue]) -> CustomerExport:
        """``everything`` as it is sent."""
        return cls(
            customer=Customer.of(everything.customer),
            events=[Event.of(event) for event in everything.events],
            consents=[Consent.of(record) for record in everything.consents.records],
            journey=[Move.of(move) for move in everything.journey],
            merges=[Merge.of(merge) for merge in everything.merges],
            health=Health.of(everything.health),
            signals=[Signal.of(signal) for signal in signals],
        )
