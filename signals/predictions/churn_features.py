"""What a churn model looks at: numbers from a customer's profile and history, by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from customers import Customer, Event, EventKind, FeedbackKind
from customers.feedback import SCALES, feedback_kind

_RECENT, _LONG = 30, 90  # days
_DAY = timedelta(days=1)
_PAYMENT_FAILED = "payment_failed"


def churn_features(customer: Customer, events: Sequence[Event], *, at: datetime) -> dict[str, float | None]:
    """The numbers of ``customer`` at the moment ``at``; none where nothing is known.

    Days since they were first known, the logarithm of their value, contacts in 30 and 90 days, the mean
    sentiment of the latter in [-1, 1] and its change to the 30, usage of 30 days as a share of the 30 before
    (2 at the most), days since the last use, payments that failed in 90 days, the last CSAT and NPS as shares
    of the best. Events of later are not read.
    """
    seen = sorted((event for event in events if event.occurred_at <= at), key=lambda event: event.order)
    first = min([customer.created_at, *(event.occurred_at for event in seen)])
    contacts = _within(seen, at, days=_LONG, holds=lambda event: event.is_contact)
    recent = _within(contacts, at, days=_RECENT, holds=lambda _: True)
    mood, lately = _mean_score(contacts), _mean_score(recent)
    used = [event for event in seen if event.kind is EventKind.USAGE]
    value = customer.profile.value
    return {
        "tenure_days": max(0.0, (at - first) / _DAY),
        "log_value": None if value is None else math.log1p(max(0.0, float(value.amount))),
        "contacts_30d": float(len(recent)),
        "contacts_90d": float(len(contacts)),
        "sentiment_90d": mood,
        "sentiment_change": None if mood is None or lately is None else lately - mood,
        "usage_share": _usage_share(used, at),
        "days_since_use": (at - used[-1].occurred_at) / _DAY if used else None,
        "failed_payments_90d": _failed_payments(seen, at),
        "csat": _last_rating(seen, FeedbackKind.CSAT),
        "nps": _last_rating(seen, FeedbackKind.NPS),
    }


def _failed_payments(events: Sequence[Event], at: datetime) -> float | None:
    if not any(event.kind is EventKind.PAYMENT for event in events):
        return None  # nobody tells us of payments
    failed = _within(events, at, days=_LONG, holds=lambda event: event.name == _PAYMENT_FAILED)
    return float(len(failed))


def _usage_share(used: Sequence[Event], at: datetime) -> float | None:
    def total(end: datetime) -> float:
        return sum(event.score or 0.0 for event in _within(used, end, days=_RECENT, holds=lambda _: True))

    before = total(at - _RECENT * _DAY)
    return min(2.0, total(at) / before) if before > 0 else None


def _last_rating(events: Sequence[Event], kind: FeedbackKind) -> float | None:
    for event in reversed(events):
        if event.score is not None and feedback_kind(event.kind, event.name) is kind:
            return SCALES[kind].share(event.score)
    return None


def _mean_score(events: Sequence[Event]) -> float | None:
    scores = [event.score for event in events if event.score is not None]
    return sum(scores) / len(scores) if scores else None


def _within(
    events: Sequence[Event], end: datetime, *, days: int, holds: Callable[[Event], bool]
) -> list[Event]:
    start = end - days * _DAY
    return [event for event in events if start < event.occurred_at <= end and holds(event)]
