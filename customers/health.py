"""How well a customer is: one figure with its parts, each of which says why.

What counts for how much is data (``health.yaml``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from customers.errors import RulesUnreadable
from customers.event import CONTACTS, Event, EventKind
from customers.feedback import SCALES, feedback_kind

WEIGHTS = Path(__file__).with_name("health.yaml")
_DAYS_OF_A_MONTH = 30.44
_FAILED, _SUCCEEDED = "payment_failed", "payment_succeeded"


class HealthPart(StrEnum):
    """What health is made of."""

    USAGE = "usage"
    PAYMENTS = "payments"
    SENTIMENT = "sentiment"
    CONTACTS = "contacts"
    SURVEY = "survey"
    TENURE = "tenure"


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PartWeight(_Data):
    """How much a part counts, relative to the others, and how many days back it looks."""

    weight: float = Field(ge=0)
    days: int = Field(ge=1)


class TenureWeight(_Data):
    """How much tenure counts, and after how many months 63 of 100 points are reached."""

    weight: float = Field(ge=0)
    months: float = Field(gt=0)


class HealthWeights(_Data):
    """All of ``health.yaml``."""

    usage: PartWeight
    payments: PartWeight
    sentiment: PartWeight
    contacts: PartWeight
    survey: PartWeight
    tenure: TenureWeight
    failure: float = Field(gt=0)
    free: int = Field(ge=0)
    cost: float = Field(ge=0, le=100)

    @classmethod
    def load(cls, path: Path = WEIGHTS) -> HealthWeights:
        """The weights of a YAML file. Raises ``RulesUnreadable``."""
        try:
            return cls.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
            raise RulesUnreadable(f"The weights of health in {path} cannot be used: {error}") from error


@dataclass(frozen=True, slots=True)
class PartScore:
    """A part's ``score`` in [0, 100], its ``weight`` (all of one customer's sum to 1), and why."""

    part: HealthPart
    score: float
    weight: float
    explanation: str


@dataclass(frozen=True, slots=True)
class Health:
    """``score`` in [0, 100] is the sum of weight times score; ``missing`` are parts nothing is known of.

    It is none where nothing is known of any part that has a weight.
    """

    score: float | None
    parts: tuple[PartScore, ...]
    missing: tuple[HealthPart, ...]


_Found = tuple[float, str] | None


def health(events: Sequence[Event], *, since: datetime, at: datetime, weights: HealthWeights) -> Health:
    """The health at the moment ``at`` of who is known since ``since`` and had ``events``, in any order."""
    seen = [event for event in events if event.occurred_at <= at]
    first = min((event.occurred_at for event in seen), default=since)
    parts: Mapping[HealthPart, tuple[float, Callable[[], _Found]]] = {
        HealthPart.USAGE: (weights.usage.weight, lambda: _usage(seen, at, weights)),
        HealthPart.PAYMENTS: (weights.payments.weight, lambda: _payments(seen, at, weights)),
        HealthPart.SENTIMENT: (weights.sentiment.weight, lambda: _sentiment(seen, at, weights)),
        HealthPart.CONTACTS: (weights.contacts.weight, lambda: _contacts(seen, at, weights)),
        HealthPart.SURVEY: (weights.survey.weight, lambda: _survey(seen, at, weights)),
        HealthPart.TENURE: (weights.tenure.weight, lambda: _tenure(min(since, first), at, weights)),
    }
    found = {part: (weight, work()) for part, (weight, work) in parts.items() if weight > 0}
    known = {part: (weight, said) for part, (weight, said) in found.items() if said is not None}
    total = sum(weight for weight, _ in known.values())
    scores = tuple(
        PartScore(part, round(said[0], 1), weight / total, said[1]) for part, (weight, said) in known.items()
    )
    overall = sum(part.score * part.weight for part in scores)
    missing = tuple(part for part in found if part not in known)
    return Health(round(min(100.0, overall), 1) if scores else None, scores, missing)


def _usage(events: Sequence[Event], at: datetime, weights: HealthWeights) -> _Found:
    days = weights.usage.days
    used = [event for event in events if event.kind is EventKind.USAGE and event.score is not None]
    before = sum(event.score or 0 for event in _within(used, at - timedelta(days=days), days))
    now = sum(event.score or 0 for event in _within(used, at, days))
    if before <= 0:
        return None  # nothing to compare with
    share = now / before
    score = 100 * min(1.0, max(0.0, share))
    return score, f"Usage of the last {days} days is {share:.0%} of that of the {days} days before."


def _payments(events: Sequence[Event], at: datetime, weights: HealthWeights) -> _Found:
    days = weights.payments.days
    paid = [event.name for event in _within(events, at, days) if event.kind is EventKind.PAYMENT]
    failed, succeeded = paid.count(_FAILED), paid.count(_SUCCEEDED)
    if not failed + succeeded:
        return None
    score = 100 * succeeded / (succeeded + weights.failure * failed)
    return score, f"{failed} of {failed + succeeded} payments failed in the last {days} days."


def _sentiment(events: Sequence[Event], at: datetime, weights: HealthWeights) -> _Found:
    days = weights.sentiment.days
    scores = [
        event.score
        for event in _within(events, at, days)
        if event.kind in CONTACTS and event.score is not None
    ]
    if not scores:
        return None
    mean = sum(scores) / len(scores)
    return 50 * (1 + mean), f"Mean sentiment of {len(scores)} contacts in the last {days} days: {mean:+.2f}."


def _contacts(events: Sequence[Event], at: datetime, weights: HealthWeights) -> _Found:
    if not events:
        return None
    days = weights.contacts.days
    count = sum(event.is_contact for event in _within(events, at, days))
    score = max(0.0, 100 - weights.cost * max(0, count - weights.free))
    return score, f"{count} contacts in the last {days} days; more than {weights.free} cost points."


def _survey(events: Sequence[Event], at: datetime, weights: HealthWeights) -> _Found:
    days = weights.survey.days
    shares = []
    for event in _within(events, at, days):
        kind = feedback_kind(event.kind, event.name)
        if kind is not None and event.score is not None:
            shares.append(SCALES[kind].share(event.score))
    if not shares:
        return None
    mean = sum(shares) / len(shares)
    return 100 * mean, f"{len(shares)} ratings in the last {days} days, on average {mean:.0%} of the best."


def _tenure(since: datetime, at: datetime, weights: HealthWeights) -> _Found:
    months = max(0.0, (at - since) / timedelta(days=_DAYS_OF_A_MONTH))
    return 100 * (1 - math.exp(-months / weights.tenure.months)), f"Known for {months:.0f} months."


def _within(events: Sequence[Event], end: datetime, days: int) -> list[Event]:
    """Those in the ``days`` up to ``end``, which is included."""
    start = end - timedelta(days=days)
    return [event for event in events if start < event.occurred_at <= end]
