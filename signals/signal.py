"""A signal: what a customer's words or behaviour mean for sales, customer success or marketing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from kit.ids import ConversationId, CustomerId, MessageId, SignalId, WorkspaceId


class SignalKind(StrEnum):
    """The first nine are read from words by triage, the others from what happens over time."""

    CHURN_RISK = "churn_risk"
    UPSELL = "upsell"
    PURCHASE_INTENT = "purchase_intent"
    RENEWAL = "renewal"
    COMPETITOR = "competitor"
    FEATURE_REQUEST = "feature_request"
    ADVOCACY = "advocacy"
    ESCALATION_RISK = "escalation_risk"
    LEGAL_OR_PRIVACY = "legal_or_privacy"
    REPEATED_CONTACT = "repeated_contact"
    FALLING_SENTIMENT = "falling_sentiment"
    UNRESOLVED_TWICE = "unresolved_twice"
    USAGE_DROP = "usage_drop"
    PAYMENT_PROBLEM = "payment_problem"


class SignalState(StrEnum):
    """Whether anything is still to be done about it."""

    OPEN = "open"
    CLOSED = "closed"  # an outcome settled it
    EXPIRED = "expired"  # nobody heard of it again in time


class Team(StrEnum):
    """Who a signal is for."""

    SALES = "sales"
    CUSTOMER_SUCCESS = "customer_success"
    MARKETING = "marketing"


class Qualification(StrEnum):
    """What a lead is worth to sales."""

    QUALIFIED = "qualified"  # a seller's time
    NURTURE = "nurture"  # marketing's patience
    NOT_QUALIFIED = "not_qualified"


class StatedField(StrEnum):
    """What a customer may say that qualifies a lead (BANT)."""

    BUDGET = "budget"
    AUTHORITY = "authority"
    NEED = "need"
    TIMING = "timing"


@dataclass(frozen=True, slots=True)
class Stated:
    """What a customer said of one field: ``text`` is ``[start, end)`` of the message, in characters.

    ``value`` in a normal form: "GBP 40.00" of a budget; ``decides`` or ``asks`` of authority; of timing how
    far off it is: ``now``, ``weeks``, ``months`` or ``later``; of a need the words themselves.
    """

    field: StatedField
    value: str
    text: str
    start: int
    end: int
    message_id: MessageId | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """Words that speak for a signal: ``text`` is ``[start, end)`` of the customer's own message.

    Offsets are in characters; ``weight`` in (0, 1] is its share of all that speaks for it. ``message_id``
    is none for a ticket's text.
    """

    text: str
    start: int
    end: int
    weight: float
    message_id: MessageId | None = None


@dataclass(frozen=True, slots=True)
class Signal:
    """One signal, as it is kept and as connectors are told of it.

    There is one open signal for each customer and kind at most: hearing of it again raises ``occurrences``,
    renews ``expires_at`` and keeps the higher ``probability`` (calibrated, in [0, 1]). ``revision`` grows
    with each change, so that a target can tell old news from new. ``source`` is ``triage``, or the rule of
    behaviour that saw it; ``model`` the version that read it. ``link`` leads to the conversation or ticket.
    ``evidence``, ``source``, ``model`` and where it was heard are those of the hearing that was the surest.
    ``targets`` are the connectors that the routing rules name; none leaves it to which of them are on.
    """

    id: SignalId
    workspace_id: WorkspaceId
    customer_id: CustomerId
    kind: SignalKind
    probability: float
    evidence: tuple[Quote, ...]
    source: str
    model: str
    team: Team
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    conversation_id: ConversationId | None = None
    ticket_id: str | None = None
    link: str | None = None
    next_action: str | None = None
    owner: str | None = None
    score: float | None = None  # lead score in [0, 100], where the kind has one
    occurrences: int = 1
    revision: int = 1
    targets: tuple[str, ...] | None = None
    state: SignalState = SignalState.OPEN
    priority: str = "P3"  # P1 to P4: how soon somebody should act
    why: tuple[
        str, ...
    ] = ()  # a line for each reason: what was seen, the score's parts, rules that routed it
    stated: tuple[Stated, ...] = ()  # of leads: what the customer said last of each field
    qualification: Qualification | None = None  # of leads
