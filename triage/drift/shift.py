"""Means and shares before and after, with the interval of the difference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import fisher_exact, norm

from triage.drift.snapshot import Snapshot
from triage.risk import wilson

_INTERVAL = 0.95


@dataclass(frozen=True, slots=True)
class Shift:
    """A mean or a share before and after, and the 95 % interval of the difference; ``p`` of no difference."""

    before: float
    after: float
    low: float
    high: float
    p: float

    @property
    def difference(self) -> float:
        """After less before."""
        return self.after - self.before


def share_shift(before: int, before_of: int, after: int, after_of: int, *, p: float) -> Shift:
    """``before`` of ``before_of`` messages and ``after`` of ``after_of``; ``p`` is of another test.

    The interval is Newcombe's (1998, method 10), which holds for shares near 0.
    """
    if not before_of or not after_of:
        return Shift(0.0, 0.0, -1.0, 1.0, 1.0)
    one, other = before / before_of, after / after_of
    (one_low, other_low), (one_high, other_high) = wilson(
        (before, after), (before_of, after_of), confidence=_INTERVAL
    )
    low = other - one - float(np.hypot(other - other_low, one_high - one))
    high = other - one + float(np.hypot(other_high - other, one - one_low))
    return Shift(one, other, low, high, p)


def confidence_shift(reference: Snapshot, recent: Snapshot) -> Shift:
    """The mean confidence with Welch's interval; with a hundred messages the normal distribution will do."""
    spread = float(np.sqrt(sum(each.deviation**2 / each.count for each in (reference, recent))))
    difference = recent.confidence - reference.confidence
    if not spread:
        return Shift(reference.confidence, recent.confidence, difference, difference, float(not difference))
    half = float(norm.ppf((1 + _INTERVAL) / 2)) * spread
    p = 2 * float(norm.sf(abs(difference) / spread))
    return Shift(reference.confidence, recent.confidence, difference - half, difference + half, p)


def out_of_scope_shift(reference: Snapshot, recent: Snapshot) -> Shift:
    """The share of messages out of scope, with p of Fisher's exact test."""
    table = [[each.out_of_scope, each.count - each.out_of_scope] for each in (reference, recent)]
    return share_shift(
        reference.out_of_scope,
        reference.count,
        recent.out_of_scope,
        recent.count,
        p=float(fisher_exact(table).pvalue),
    )
