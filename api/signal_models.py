"""What signals and their outcomes look like on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from api import wire
from api.ticket_models import Moment
from api.triage_models import Json
from signals import next_action
from signals import outcomes as kept
from signals import signal as values
from signals.connectors.connector import OutcomeKind
from signals.signal import Qualification, SignalKind, SignalState, StatedField, Team
from signals.thresholds import ThresholdChange
from signals.tuning import Tuned
from triage.labels import Priority

SIGNAL_ID = "sig_06dbn3v0m5s1t7w9yb2d4f6h8k"
CUSTOMER_ID = "cus_06dbn3v0m5s1t7w9yb2d4f6h8k"
Reason = Annotated[str, Field(min_length=1, max_length=2000, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")]


class SignalQuote(BaseModel):
    """Words of the customer: ``[start, end)`` of the message, in characters (code points)."""

    text: str = Field(examples=["cancel my line"])
    start: int = Field(examples=[12])
    end: int = Field(examples=[26])
    weight: float = Field(description="Its share of all that speaks for it.", examples=[0.7])
    message_id: str | None = Field(
        description="Null where it is a ticket's text.", examples=[wire.MESSAGE_ID]
    )


class StatedWords(BaseModel):
    """What a customer said that qualifies a lead, in a normal form and in their words."""

    field: StatedField = Field(examples=["budget"])
    value: str = Field(
        description="`GBP 40.00`; `decides` or `asks`; `now` to `later`; the words of a need.",
        examples=["GBP 40.00"],
    )
    text: str = Field(examples=["up to £40"])
    start: int = Field(examples=[17])
    end: int = Field(examples=[26])
    message_id: str | None = Field(examples=[wire.MESSAGE_ID])


class Signal(BaseModel):
    """What a customer's words or behaviour mean for sales, customer success or marketing."""

    id: str = Field(examples=[SIGNAL_ID])
    customer_id: str = Field(examples=[CUSTOMER_ID])
    kind: SignalKind = Field(examples=["churn_risk"])
    state: SignalState = Field(examples=["open"])
    probability: float = Field(description="Calibrated, of the surest hearing.", examples=[0.83])
    evidence: list[SignalQuote] = Field(description="Empty where it was seen in behaviour: see `why`.")
    source: str = Field(description="`triage`, or the rule of behaviour that saw it.", examples=["triage"])
    model: str = Field(examples=["telecom-3f2a"])
    conversation_id: str | None = Field(examples=[wire.CONVERSATION_ID])
    ticket_id: str | None = Field(examples=[None])
    link: str | None = Field(
        examples=["https://care.example/v1/conversations/conv_06dbn3v0m5s1t7w9yb2d4f6h8k"]
    )
    team: Team = Field(examples=["customer_success"])
    owner: str | None = Field(examples=["maya"])
    next_action: str | None = Field(examples=["Call within two days and offer what the catalogue allows."])
    priority: Priority = Field(examples=["P2"])
    targets: list[str] | None = Field(
        description="Connectors that the rules name; an empty list tells nobody, null whichever are on.",
        examples=[None],
    )
    why: list[str] = Field(
        description="What was seen, the score's parts, each rule that decided something.",
        examples=[["may leave: priority P2, because fact kind is churn_risk (churn_risk or competitor)"]],
    )
    score: float | None = Field(
        description="Lead score in [0, 100], where the kind has one.", examples=[None]
    )
    qualification: Qualification | None = Field(examples=[None])
    stated: list[StatedWords]
    occurrences: int = Field(description="How often it was heard.", examples=[2])
    revision: int = Field(examples=[2])
    created_at: datetime = Field(examples=["2026-11-21T10:00:00Z"])
    updated_at: datetime = Field(examples=["2026-11-23T09:12:00Z"])
    expires_at: datetime = Field(examples=["2026-12-23T09:12:00Z"])

    @classmethod
    def of(cls, signal: values.Signal) -> Signal:
        """``signal`` as it is sent."""
        plain = {
            name: getattr(signal, name)
            for name in cls.model_fields
            if name not in {"evidence", "stated", "priority"}
        }
        return cls(
            **plain | {"targets": None if signal.targets is None else list(signal.targets)},
            evidence=[_quote(one) for one in signal.evidence],
            stated=[_stated(one) for one in signal.stated],
            priority=Priority(signal.priority),
        )


class SignalPage(BaseModel):
    """Signals, youngest first; pass ``next`` as ``before`` for the ones made earlier."""

    items: list[Signal]
    next: str | None = Field(examples=[None])


class NewOutcome(wire.Body):
    """What became of a signal. An amount comes with its currency."""

    outcome: OutcomeKind = Field(examples=["won"])
    amount: float | None = Field(None, ge=0, le=1e12, description="What was won or lost.", examples=[480.0])
    currency: str | None = Field(None, pattern="^[A-Z]{3}$", description="ISO 4217.", examples=["GBP"])
    reason: Reason | None = Field(None, examples=["Took Fibre 300 for two years."])
    source: wire.Channel = Field("api", description="Who says so: a panel, a CRM.", examples=["salesforce"])
    external_id: wire.Name | None = Field(
        None, description="Its id there: the same one twice is the same news.", examples=["006Qx01-closed"]
    )
    at: Moment | None = Field(None, description="When it came to that; now unless given.", examples=[None])


class Dispute(BaseModel):
    """Somebody says that an outcome is not so."""

    who: str = Field(examples=["key_06dbn3v0m5s1t7w9yb2d4f6h8k"])
    reason: str = Field(examples=["The customer did answer the phone."])
    at: datetime = Field(examples=["2026-11-24T08:00:00Z"])
    upheld: bool | None = Field(
        description="What the review said: whether the outcome stands. Null until then.", examples=[None]
    )
    reviewed_by: str | None = Field(examples=[None])
    reviewed_at: datetime | None = Field(examples=[None])


class Outcome(BaseModel):
    """What became of a signal. What is disputed counts nowhere until it is upheld."""

    id: int = Field(examples=[17])
    signal_id: str = Field(examples=[SIGNAL_ID])
    outcome: OutcomeKind = Field(examples=["won"])
    amount: float | None = Field(examples=[480.0])
    currency: str | None = Field(examples=["GBP"])
    reason: str | None = Field(examples=["Took Fibre 300 for two years."])
    who: str | None = Field(examples=["key_06dbn3v0m5s1t7w9yb2d4f6h8k"])
    source: str = Field(examples=["api"])
    external_id: str | None = Field(examples=[None])
    at: datetime = Field(examples=["2026-11-23T16:00:00Z"])
    recorded_at: datetime = Field(examples=["2026-11-23T16:05:00Z"])
    counts: bool = Field(examples=[True])
    dispute: Dispute | None

    @classmethod
    def of(cls, outcome: kept.Outcome) -> Outcome:
        """``outcome`` as it is sent."""
        said, dispute = outcome.said, outcome.dispute
        return cls(
            id=outcome.id,
            signal_id=outcome.signal_id,
            outcome=said.outcome,
            amount=said.amount,
            currency=said.currency,
            reason=said.reason,
            who=said.who,
            source=said.source,
            external_id=said.external_id,
            at=said.at,
            recorded_at=outcome.recorded_at,
            counts=outcome.counts,
            dispute=None
            if dispute is None
            else Dispute(**{name: getattr(dispute, name) for name in Dispute.model_fields}),
        )


class RecordedOutcome(BaseModel):
    """The outcome, and the signal as it stands then."""

    signal: Signal
    outcome: Outcome


class OutcomeList(BaseModel):
    """Outcomes, oldest first."""

    items: list[Outcome]


class NewDispute(wire.Body):
    """Why the outcome is not so."""

    reason: Reason = Field(examples=["The customer did answer the phone."])


class NewReview(wire.Body):
    """What the review says: what the signal became; the disputed outcome stands where it is null."""

    became: OutcomeKind | None = Field(None, examples=["lost"])


class OfferCandidate(BaseModel):
    """An offer with what speaks for it and against it."""

    offer: str = Field(examples=["Fibre 300"])
    price: float = Field(description="A month.", examples=[34.0])
    worth: float = Field(
        description="How well it answers what was heard, times how likely that is.", examples=[0.72]
    )
    because: list[str] = Field(examples=[["it answers upsell"]])
    against: list[str] = Field(examples=[[]])

    @classmethod
    def of(cls, candidate: next_action.Candidate) -> OfferCandidate:
        """``candidate`` as it is sent."""
        return cls(
            offer=candidate.offer.name,
            price=candidate.offer.price,
            worth=candidate.worth,
            because=list(candidate.because),
            against=list(candidate.against),
        )


class NextAction(BaseModel):
    """What to do next about the customer, and why every other offer was not it."""

    action: str = Field(
        description="It names the purposes and channels that the customer agreed to.",
        examples=["Offer Fibre 300, as sales by phone."],
    )
    currency: str = Field(examples=["GBP"])
    chosen: OfferCandidate | None
    rejected: list[OfferCandidate]

    @classmethod
    def of(cls, found: next_action.Recommendation, *, currency: str) -> NextAction:
        """``found`` as it is sent."""
        chosen = None if found.chosen is None else OfferCandidate.of(found.chosen)
        rejected = [OfferCandidate.of(one) for one in found.rejected]
        return cls(action=found.action, currency=currency, chosen=chosen, rejected=rejected)


class NewThreshold(wire.Body):
    """The least probability at which a kind of signal is told."""

    kind: SignalKind = Field(examples=["upsell"])
    threshold: float = Field(ge=0.5, le=0.95, examples=[0.7])
    reason: Reason | None = Field(None, examples=["Sales asked for fewer."])


class Threshold(BaseModel):
    """One change of a threshold."""

    kind: SignalKind = Field(examples=["upsell"])
    threshold: float = Field(examples=[0.7])
    previous: float = Field(examples=[0.65])
    who: str = Field(description="`outcomes` where they moved it.", examples=["outcomes"])
    because: Json = Field(examples=[{"target": 0.7, "settled": 42, "precision": [0.5, 0.36, 0.64]}])
    at: datetime = Field(examples=["2026-11-24T02:00:00Z"])

    @classmethod
    def of(cls, change: ThresholdChange) -> Threshold:
        """``change`` as it is sent."""
        return cls(**{name: getattr(change, name) for name in cls.model_fields})


class Thresholds(BaseModel):
    """From which probability on each kind is told now, and every change there was, oldest first."""

    precision_target: float = Field(examples=[0.7])
    current: dict[SignalKind, float] = Field(examples=[{"upsell": 0.7}])
    history: list[Threshold]


class TunedThreshold(BaseModel):
    """What outcomes say of one threshold."""

    kind: SignalKind = Field(examples=["upsell"])
    before: float = Field(examples=[0.65])
    after: float = Field(examples=[0.7])
    settled: int = Field(description="Outcomes since it moved last, 90 days back at most.", examples=[42])
    why: str = Field(examples=["below the target"])

    @classmethod
    def of(cls, tuned: Tuned) -> TunedThreshold:
        """``tuned`` as it is sent."""
        return cls(**{name: getattr(tuned, name) for name in cls.model_fields})


class Tuning(BaseModel):
    """What every threshold came to."""

    items: list[TunedThreshold]


def _quote(quote: values.Quote) -> SignalQuote:
    return SignalQuote(**{name: getattr(quote, name) for name in SignalQuote.model_fields})


def _stated(stated: values.Stated) -> StatedWords:
    return StatedWords(**{name: getattr(stated, name) for name in StatedWords.model_fields})
