"""What each kind of signal begins with: the one table that detection, intake and tuning share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from signals.signal import SignalKind

LEAST_THRESHOLD = 0.5  # triage tells no label that is less likely than not
GREATEST_THRESHOLD = 0.95  # beyond it hardly anything would be told, and nothing more be learnt


@dataclass(frozen=True, slots=True)
class KindPolicy:
    """``threshold`` in [0.5, 0.95] is the least probability that is told until outcomes say otherwise.

    After ``lasts`` without hearing of it again a signal expires. ``lead`` kinds have a lead score.
    """

    threshold: float
    lasts: timedelta
    lead: bool = False


# A signal that calls a person to a customer who may leave costs a call when it is wrong; one that opens a
# lead costs a seller's trust, so that leads begin higher. Legal and privacy matters are never left out.
POLICIES: Mapping[SignalKind, KindPolicy] = {
    SignalKind.CHURN_RISK: KindPolicy(0.6, timedelta(days=30)),
    SignalKind.UPSELL: KindPolicy(0.65, timedelta(days=30), lead=True),
    SignalKind.PURCHASE_INTENT: KindPolicy(0.65, timedelta(days=21), lead=True),
    SignalKind.RENEWAL: KindPolicy(0.6, timedelta(days=45), lead=True),
    SignalKind.COMPETITOR: KindPolicy(0.6, timedelta(days=30)),
    SignalKind.FEATURE_REQUEST: KindPolicy(0.6, timedelta(days=90)),
    SignalKind.ADVOCACY: KindPolicy(0.65, timedelta(days=60)),
    SignalKind.ESCALATION_RISK: KindPolicy(0.55, timedelta(days=14)),
    SignalKind.LEGAL_OR_PRIVACY: KindPolicy(0.5, timedelta(days=30)),
    SignalKind.REPEATED_CONTACT: KindPolicy(0.5, timedelta(days=14)),
    SignalKind.FALLING_SENTIMENT: KindPolicy(0.5, timedelta(days=14)),
    SignalKind.UNRESOLVED_TWICE: KindPolicy(0.5, timedelta(days=14)),
    SignalKind.USAGE_DROP: KindPolicy(0.5, timedelta(days=30)),
    SignalKind.PAYMENT_PROBLEM: KindPolicy(0.5, timedelta(days=14)),
}
