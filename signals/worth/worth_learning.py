"""Whether outcomes of a kind of signal teach anything, judged on the youngest of them.

The rows that came since the last model are halved: challengers learn from the elder half and all before, and
the youngest, of which nothing that is compared has seen any, decide between them. The first model of a kind
has to be better than the detector alone, beyond the interval of the difference. A successor, made in the
same way of more and younger outcomes, takes over unless it is worse than the live model or than the detector
beyond that; and a live model that has become worse than the detector is given up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from signals.worth.worth import Case, Floats, WorthModel, fit_worth

WINDOW = timedelta(days=90)  # older outcomes teach nothing
FEWEST = 40  # outcomes to learn from
FEWEST_YOUNG, MOST_YOUNG = 20, 40  # outcomes to judge by, which no model has seen
FEWEST_YOUNG_AGAIN = 10  # the same for a successor
TOO_FEW = f"fewer than {FEWEST} outcomes to learn from, or too few young ones to judge by"
_Z = 1.644854  # one-sided 95 %
_HALF_LIVES = (10.0, 40.0)  # days in which an outcome comes to count half: of a changed and of a steady world
_FOLDS = 5
_MOST_COUNTED = 3.0  # times that a look counts in a fit: as often as it stands for would be all there is
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Row:
    """A signal that was settled: whether it was ``right``, and when that was ``known_at``."""

    case: Case
    right: bool
    known_at: datetime


@dataclass(frozen=True, slots=True)
class Aims:
    """What the operator asks for.

    ``precision`` in (0, 1) is aimed at, but no more is left out for it than leaves ``recall`` of what is
    right. One in 1 / ``looks`` of what is left out is told all the same.
    """

    precision: float = 0.7
    recall: float = 0.8
    looks: float = 0.1


@dataclass(frozen=True, slots=True)
class Live:
    """A model in force since it learnt from outcomes up to ``learnt_until``; ``model`` none: the detector's.

    Signals that it finds less probable than ``cut`` are left out.
    """

    model: WorthModel | None
    cut: float
    learnt_until: datetime


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the outcomes of a kind came to: ``live`` takes the place of what was; none where that stays.

    The losses are mean log losses over the ``judged_on`` youngest outcomes.
    """

    why: str
    rows: int
    judged_on: int = 0
    loss_detector: float | None = None
    loss_live: float | None = None
    loss_challenger: float | None = None
    live: Live | None = None


def study(rows: Sequence[Row], live: Live | None, *, aims: Aims, at: datetime) -> Verdict:
    """What ``rows`` of the window teach beyond ``live``. The same rows, the same verdict."""
    known = sorted((row for row in rows if row.known_at > at - WINDOW), key=lambda row: row.known_at)
    place = _first_young([row.known_at for row in known], live)
    elder, young = known[:place], known[place:]
    if not enough([row.known_at for row in known], live):
        return Verdict(TOO_FEW, len(known), len(young))
    with threadpool_limits(1, user_api="blas"):
        return _decide(known, elder, young, live=live, aims=aims)


def _decide(
    known: Sequence[Row], elder: Sequence[Row], young: Sequence[Row], *, live: Live | None, aims: Aims
) -> Verdict:
    right = np.array([row.right for row in young])
    detector = _losses(_detected(young), right)
    model = None if live is None else live.model
    incumbent = detector if model is None else _losses(model.probabilities(_cases(young)), right)
    tried = [_losses(_fit(elder, days, aims).probabilities(_cases(young)), right) for days in _HALF_LIVES]
    best = int(np.argmin([losses.mean() for losses in tried]))
    challenger, half_life = tried[best], _HALF_LIVES[best]
    until = known[-1].known_at
    verdict = Verdict(
        "not shown to be better",
        len(known),
        len(young),
        loss_detector=float(detector.mean()),
        loss_live=None if model is None else float(incumbent.mean()),
        loss_challenger=float(challenger.mean()),
    )
    if model is None:
        takes_over = _better(challenger, detector)
    else:
        takes_over = not _better(incumbent, challenger) and not _better(detector, challenger)
    if takes_over:
        new = Live(_fit(known, half_life, aims), _cut(known, half_life, aims), until)
        why = "better than the detector alone" if model is None else "of younger outcomes, and no worse"
        return replace(verdict, why=why, live=new)
    if model is not None and _better(detector, incumbent):
        return replace(verdict, why="the detector alone is better by now", live=Live(None, 0.0, until))
    return verdict


def enough(known_at: Sequence[datetime], live: Live | None) -> bool:
    """Whether outcomes that came at ``known_at``, in their order, are enough to learn and to judge by."""
    place = _first_young(known_at, live)
    young = FEWEST_YOUNG if live is None or live.model is None else FEWEST_YOUNG_AGAIN
    return place >= FEWEST and len(known_at) - place >= young


def _first_young(known_at: Sequence[datetime], live: Live | None) -> int:
    """Where those to judge by begin: the later half of what came since ``live``, at first a third."""
    if live is None:
        young = len(known_at) // 3
    else:
        young = sum(moment > live.learnt_until for moment in known_at) // 2
    return len(known_at) - min(young, MOST_YOUNG)


def _better(one: Floats, other: Floats) -> bool:
    """Whether the mean of ``one``'s losses is lower, beyond the interval of the differences."""
    gain = other - one
    return bool(gain.mean() > _Z * gain.std(ddof=1) / math.sqrt(len(gain)))


def _fit(rows: Sequence[Row], half_life: float, aims: Aims) -> WorthModel:
    counts = _ages(rows, half_life) * [min(_MOST_COUNTED, _stands_for(row, aims)) for row in rows]
    return fit_worth(_cases(rows), [row.right for row in rows], weights=counts.tolist())


def _ages(rows: Sequence[Row], half_life: float) -> Floats:
    """What each row counts: 1 for the youngest, half of it for each half-life before."""
    last = max(row.known_at for row in rows)
    days = np.array([(last - row.known_at) / _DAY for row in rows])
    return np.asarray(0.5 ** (days / half_life), float)


def _cut(rows: Sequence[Row], half_life: float, aims: Aims) -> float:
    """The least probability that meets the precision aimed at, as far as the recall allows.

    Judged by models of each row that had not seen it. What was told to look counts for all of its like that
    were not told.
    """
    given = np.zeros(len(rows))
    for fold in range(_FOLDS):
        others = [row for place, row in enumerate(rows) if place % _FOLDS != fold]
        model = _fit(others, half_life, aims)
        for place in range(fold, len(rows), _FOLDS):
            given[place] = model.judge(rows[place].case).probability
    counts = _ages(rows, half_life) * [_stands_for(row, aims) for row in rows]
    right = counts * [row.right for row in rows]
    order = np.argsort(-given)
    told, hits = np.cumsum(counts[order]), np.cumsum(right[order])
    if hits[-1] <= 0:
        return 0.0
    least = int(np.argmax(hits >= aims.recall * hits[-1]))  # the first place where the recall is kept
    met = np.flatnonzero(hits / told >= aims.precision)
    last = max(least, int(met[-1])) if len(met) else least
    return float(given[order][last])


def _stands_for(row: Row, aims: Aims) -> float:
    return 1 / aims.looks if row.case.seen.looked and aims.looks > 0 else 1.0


def _losses(given: Floats, right: NDArray[np.bool_]) -> Floats:
    sure = np.clip(np.where(right, given, 1 - given), 1e-6, 1.0)
    return np.asarray(-np.log(sure), float)


def _detected(rows: Sequence[Row]) -> Floats:
    return np.array([row.case.seen.detected for row in rows])


def _cases(rows: Sequence[Row]) -> list[Case]:
    return [row.case for row in rows]
