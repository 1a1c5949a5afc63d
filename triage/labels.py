"""What triage says of a message: labels with probabilities, and the words that speak for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from triage.entities import Entity


class Signal(StrEnum):
    """What a message means for the customer relationship."""

    CHURN_RISK = "churn_risk"
    UPSELL = "upsell"
    PURCHASE_INTENT = "purchase_intent"
    RENEWAL = "renewal"
    COMPETITOR = "competitor"
    FEATURE_REQUEST = "feature_request"
    ADVOCACY = "advocacy"
    ESCALATION_RISK = "escalation_risk"
    LEGAL_OR_PRIVACY = "legal_or_privacy"


class Urgency(StrEnum):
    """Why a message cannot wait."""

    OUTAGE = "outage"
    BLOCKED = "blocked"
    DEADLINE = "deadline"
    SAFETY_OR_SECURITY = "safety_or_security"
    MONEY_AT_RISK = "money_at_risk"
    MANY_AFFECTED = "many_affected"
    REPEATED_CONTACT = "repeated_contact"
    VULNERABLE = "vulnerable"


class Sentiment(StrEnum):
    """How the customer feels, worst first."""

    VERY_NEGATIVE = "very_negative"
    NEGATIVE = "negative"
    NEUTRAL = "neutral"
    POSITIVE = "positive"
    VERY_POSITIVE = "very_positive"


class Origin(StrEnum):
    """Who wrote the message: a customer, or something that needs no answer."""

    CUSTOMER = "customer"
    SPAM = "spam"
    AUTO_REPLY = "auto_reply"
    BOUNCE = "bounce"
    NEWSLETTER = "newsletter"


class Priority(StrEnum):
    """How soon it must be dealt with; P1 first."""

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"


class Certainty(StrEnum):
    """How far the intent can be acted on."""

    SURE = "sure"
    NOT_SURE = "not_sure"
    OUT_OF_SCOPE = "out_of_scope"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Words of the original text that speak for a label: ``text[start:end]``, offsets in characters.

    ``weight`` in (0, 1] is their share of all that speaks for it.
    """

    start: int
    end: int
    text: str
    weight: float


@dataclass(frozen=True, slots=True)
class Label:
    """One label with its calibrated probability in [0, 1] and the strongest evidence first."""

    name: str
    probability: float
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class PriorityLabel:
    """``probabilities`` of P1 to P4 add up to 1; ``reasons`` are what raised it, strongest first."""

    name: Priority
    probability: float
    probabilities: tuple[tuple[Priority, float], ...]
    reasons: tuple[Label, ...] = ()


@dataclass(frozen=True, slots=True)
class Triage:
    """What a message is.

    ``intent`` is the likeliest, a parent of the taxonomy ("billing") where none of its leaves
    ("billing.refund") is likely enough; ``certainty`` says whether to act on it; ``in_scope`` is how likely
    any intent fits. ``intents`` are the likeliest leaves, ``further`` those of other sentences of the
    message. ``signals`` and ``urgency`` hold every one of their kind that is likelier than not, likeliest
    first. ``sentiment_score`` is in [-1, 1]. ``model`` names the version of all heads.
    """

    certainty: Certainty
    intent: Label
    in_scope: float
    intents: tuple[Label, ...]
    further: tuple[Label, ...]
    queue: Label
    priority: PriorityLabel
    sentiment: Label
    sentiment_score: float
    origin: Label
    language: Label
    signals: tuple[Label, ...]
    urgency: tuple[Label, ...]
    entities: tuple[Entity, ...]
    model: str = field(default="")
