"""How often signals were right, what they brought and how long it took: from what became of them.

A signal was right where it was no noise: who lost the customer, or came too late, had been told the truth.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from statistics import median

from signals.connectors.connector import OutcomeKind
from signals.signal import Signal

_Z = 1.959964  # of the normal distribution: two-sided, 95 %
_RIGHT = frozenset({OutcomeKind.WON, OutcomeKind.LOST, OutcomeKind.TOO_LATE})
_TRIED = frozenset({OutcomeKind.WON, OutcomeKind.LOST})
_DAY = 86_400  # seconds


@dataclass(frozen=True, slots=True)
class Interval:
    """A share in [0, 1] with the bounds of its 95 % interval."""

    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Judged:
    """A signal and what became of it, ``outcome`` none while nobody said or it is in dispute."""

    signal: Signal
    outcome: OutcomeKind | None
    at: datetime | None = None
    amount: float | None = None
    currency: str | None = None
    disputed: bool = False
    recorded_at: datetime | None = None

    @property
    def right(self) -> bool | None:
        """Whether the signal was right; none while nobody can say."""
        if self.outcome is None or self.outcome is OutcomeKind.IN_PROGRESS:
            return None
        return self.outcome in _RIGHT


@dataclass(frozen=True, slots=True)
class Precision:
    """What signals of one group were worth.

    ``told`` of them there were, ``counts`` became what; ``precision`` is the share of those settled that
    were right, ``win_rate`` that of won among won and lost, none without any. ``revenue`` is what was won,
    by currency. ``lead_days`` is the median of days from signal to settlement.
    """

    group: str
    told: int
    counts: Mapping[OutcomeKind, int]
    disputed: int
    precision: Interval | None
    win_rate: Interval | None
    lead_days: float | None
    revenue: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PrecisionReport:
    """All signals together, by kind, and by source within each kind ("churn_risk by triage")."""

    total: Precision
    by_kind: tuple[Precision, ...]
    by_source: tuple[Precision, ...]


def wilson(right: int, of: int) -> Interval:
    """The share ``right`` / ``of`` with its interval by Wilson's score (1927), 95 %; ``of`` is not 0.

    Near 0 and 1 and for few it holds what it promises, where the normal interval does not (Brown, Cai and
    DasGupta 2001).
    """
    share, square = right / of, _Z * _Z
    middle = (share + square / (2 * of)) / (1 + square / of)
    reach = _Z / (1 + square / of) * math.sqrt(share * (1 - share) / of + square / (4 * of * of))
    return Interval(share, max(0.0, middle - reach), min(1.0, middle + reach))


def report(judged: Sequence[Judged]) -> PrecisionReport:
    """What ``judged`` signals were worth, in all and by group, groups in the order of their names."""
    return PrecisionReport(
        _precision("all", judged),
        tuple(_grouped(judged, lambda one: str(one.signal.kind))),
        tuple(_grouped(judged, lambda one: f"{one.signal.kind} by {one.signal.source}")),
    )


def _grouped(judged: Sequence[Judged], name: Callable[[Judged], str]) -> Iterable[Precision]:
    for group, members in groupby(sorted(judged, key=name), key=name):
        yield _precision(group, list(members))


def _precision(group: str, judged: Sequence[Judged]) -> Precision:
    counts = {kind: sum(one.outcome is kind for one in judged) for kind in OutcomeKind}
    verdicts = [one.right for one in judged if one.right is not None]
    tried = sum(counts[kind] for kind in _TRIED)
    days = [
        (one.at - one.signal.created_at).total_seconds() / _DAY
        for one in judged
        if one.right is not None and one.at is not None
    ]
    return Precision(
        group,
        told=len(judged),
        counts=counts,
        disputed=sum(one.disputed for one in judged),
        precision=wilson(sum(verdicts), len(verdicts)) if verdicts else None,
        win_rate=wilson(counts[OutcomeKind.WON], tried) if tried else None,
        lead_days=median(days) if days else None,
        revenue=_revenue(judged),
    )


def _revenue(judged: Sequence[Judged]) -> dict[str, float]:
    won: dict[str, float] = {}
    for one in judged:
        if one.outcome is OutcomeKind.WON and one.amount is not None and one.currency is not None:
            won[one.currency] = won.get(one.currency, 0.0) + one.amount
    return dict(sorted(won.items()))
