"""Thresholds follow outcomes: as few wrong signals as asked, and as many right ones as that leaves.

A threshold moves where the interval of its precision leaves the target out: up by ``STEP`` at most, to the
least at which what was told would have met the target; down by half of that, because nobody has seen yet
what is told below. Outcomes of the window count that came since the last move, so that nothing moves twice
for the same news, and what the world was like before it changed is forgotten.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from signals.policy import GREATEST_THRESHOLD, LEAST_THRESHOLD
from signals.precision import Interval, Judged, wilson
from signals.signal import SignalKind

WINDOW = timedelta(days=90)
FEWEST = 20  # outcomes; of fewer the interval is wider than .4 around a half
STEP = 0.05
_GRID = 0.01


@dataclass(frozen=True, slots=True)
class Tuned:
    """What outcomes say of one threshold: ``after`` is ``before`` where it stays, and ``why`` says why."""

    kind: SignalKind
    before: float
    after: float
    settled: int
    precision: Interval | None
    why: str

    @property
    def changed(self) -> bool:
        """Whether it moves."""
        return self.after != self.before

    def because(self, target: float) -> dict[str, Any]:
        """The numbers, to be kept with the change."""
        found = self.precision
        interval = None if found is None else [found.share, found.low, found.high]
        return {"target": target, "settled": self.settled, "precision": interval, "why": self.why}


def tune(
    judged: Sequence[Judged],
    thresholds: Mapping[SignalKind, float],
    *,
    target: float,
    learnt: Collection[SignalKind] = (),
) -> list[Tuned]:
    """Every threshold after what became of ``judged``, those that count for it. ``target`` in (0, 1).

    Of kinds that a model was ``learnt`` of, that model chooses what is left out, and the threshold stays.
    """
    return [
        Tuned(kind, threshold, threshold, 0, None, "a model of outcomes chooses instead")
        if kind in learnt
        else _tune(kind, judged, threshold, target)
        for kind, threshold in thresholds.items()
    ]


def _tune(kind: SignalKind, judged: Sequence[Judged], before: float, target: float) -> Tuned:
    told = [
        (one.signal.probability, one.right)
        for one in judged
        if one.signal.kind is kind and one.right is not None and one.signal.probability >= before
    ]
    if len(told) < FEWEST:
        return Tuned(kind, before, before, len(told), None, f"fewer than {FEWEST} outcomes")
    found = wilson(sum(right for _, right in told), len(told))
    if found.high < target:
        after = _higher(told, before, target)
        why = "below the target" if after > before else "below the target, and as high as it goes"
    elif found.low > target:
        after = round(max(LEAST_THRESHOLD, before - STEP / 2), 4)
        why = "above the target" if after < before else "above the target, and as low as it goes"
    else:
        after, why = before, "the target is within the interval"
    return Tuned(kind, before, after, len(told), found, why)


def _higher(told: Sequence[tuple[float, bool]], before: float, target: float) -> float:
    """The least threshold within a step at which what was told would have met the target, else the step."""
    most = round(min(GREATEST_THRESHOLD, before + STEP), 4)
    for step in range(1, round((most - before) / _GRID) + 1):
        threshold = round(before + step * _GRID, 4)
        kept = [right for probability, right in told if probability >= threshold]
        if kept and sum(kept) / len(kept) >= target:
            return threshold
    return max(before, most)
