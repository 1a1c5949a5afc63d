"""Whether more was counted in a week than in the weeks before, as far as that can be told from chance.

What a count is compared with is the predictive distribution of the weeks before (a gamma-Poisson with
Jeffreys' prior, which is negative binomial), widened by how much weeks differ anyway: a dispersion that is
pooled over everything that is counted, as eight weeks of one theme say little about it. Of many themes some
would seem to grow in any week: which of them do is decided together, so that of those that are named one in
ten is chance (Benjamini & Hochberg 1995).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import beta, nbinom
from scipy.stats import t as student

from signals.precision import wilson

FALSE_DISCOVERIES = 0.1  # share of what is said to grow that may be chance
_LEAST = 3  # of what is said to grow: one or two are an anecdote, however rare they were before
_PRIOR = 0.5  # Jeffreys' for a rate: what nobody counted before is rare, not impossible
_CONFIDENCE = 0.95
FEWEST = 5  # of a group that is compared
_NO_VARIANCE = 1e-18  # of two means: what rounding leaves of figures that are all the same
_LEAST_EXPECTED = 0.5  # a mean below says nothing of how weeks differ


@dataclass(frozen=True, slots=True)
class Growth:
    """A count against those of the weeks ``before``, the oldest first.

    ``ratio`` to the ``usual`` (their mean) lies between ``low`` and ``high`` with 95 %; ``high`` is none
    where nothing was counted before. ``p`` is how likely as many or more are if nothing changed. ``grows``
    says that it is more than chance, all that was counted beside it considered.
    """

    now: int
    before: tuple[int, ...]
    usual: float
    ratio: float | None
    low: float
    high: float | None
    p: float
    grows: bool


def growths(counts: Mapping[str, tuple[int, Sequence[int]]]) -> dict[str, Growth]:
    """For each name: its count now and in the weeks before, which are as many for all.

    Without weeks before there is nothing to compare with, and nothing is found.
    """
    weeks = max((len(before) for _, before in counts.values()), default=0)
    if not weeks:
        return {}
    spread = dispersion([before for _, before in counts.values()])
    chances = {name: _chance(now, sum(before), weeks, spread) for name, (now, before) in counts.items()}
    found = _discoveries(chances)
    return {
        name: _growth(now, before, weeks=weeks, spread=spread, p=chances[name], grows=name in found)
        for name, (now, before) in counts.items()
    }


def dispersion(series: Sequence[Sequence[int]]) -> float:
    """The variance of weekly counts as a multiple of their mean, pooled over ``series``; 1 or more."""
    squares, freedom = 0.0, 0
    for counts in series:
        mean = sum(counts) / len(counts)
        if mean >= _LEAST_EXPECTED and len(counts) > 1:
            squares += sum((count - mean) ** 2 for count in counts) / mean
            freedom += len(counts) - 1
    return max(1.0, squares / freedom) if freedom else 1.0


def _chance(now: int, before: int, weeks: int, spread: float) -> float:
    """How likely ``now`` or more is in a week like the ``weeks`` before, which had ``before`` together."""
    mean = (before + _PRIOR) / weeks
    narrow = weeks / (weeks + 1) / spread  # the mean as a share of the variance
    size = mean * narrow / (1 - narrow)
    return float(nbinom.sf(now - 1, size, narrow))


def _discoveries(chances: Mapping[str, float]) -> set[str]:
    ranked = sorted(chances, key=lambda name: (chances[name], name))
    good = [
        place
        for place, name in enumerate(ranked, start=1)
        if chances[name] <= FALSE_DISCOVERIES * place / len(ranked)
    ]
    return set(ranked[: max(good, default=0)])


def _growth(now: int, before: Sequence[int], *, weeks: int, spread: float, p: float, grows: bool) -> Growth:
    total = sum(before)
    low, high = _share_interval(now / spread, total / spread)
    return Growth(
        now=now,
        before=tuple(before),
        usual=total / weeks,
        ratio=now * weeks / total if total else None,
        low=weeks * low / (1 - low),
        high=weeks * high / (1 - high) if total else None,
        p=p,
        grows=grows and now >= _LEAST and now * weeks > total,
    )


def _share_interval(here: float, there: float) -> tuple[float, float]:
    """Of what happened, how much was ``here`` (Clopper & Pearson 1934, of counts as they are or fewer)."""
    tail = (1 - _CONFIDENCE) / 2
    low = float(beta.ppf(tail, here, there + 1)) if here > 0 else 0.0
    high = float(beta.ppf(1 - tail, here + 1, there)) if there > 0 else 1.0
    return low, high


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure less another, with its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def is_sure(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.low > 0 or self.high < 0


def mean_difference(ours: Sequence[float], others: Sequence[float]) -> Difference | None:
    """The difference of two means (Welch 1947); none where one of the groups has fewer than five."""
    if min(len(ours), len(others)) < FEWEST:
        return None
    parts = np.array([np.var(group, ddof=1) / len(group) for group in (ours, others)])
    difference, variance = float(np.mean(ours) - np.mean(others)), float(parts.sum())
    if variance < _NO_VARIANCE:
        same = round(difference, 9)
        return Difference(same, same, same)
    freedom = variance**2 / float((parts**2 / (len(ours) - 1, len(others) - 1)).sum())
    reach = float(student.ppf((1 + _CONFIDENCE) / 2, freedom)) * variance**0.5
    return Difference(difference, difference - reach, difference + reach)


def share_difference(hits: int, of: int, other_hits: int, other_of: int) -> Difference | None:
    """The difference of two shares (Newcombe 1998, method 10); none where one is of fewer than five."""
    if min(of, other_of) < FEWEST:
        return None
    ours, others = wilson(hits, of), wilson(other_hits, other_of)
    difference = ours.share - others.share
    below = np.hypot(ours.share - ours.low, others.high - others.share)
    above = np.hypot(ours.high - ours.share, others.share - others.low)
    return Difference(difference, float(difference - below), float(difference + above))
