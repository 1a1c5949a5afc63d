"""From which certainty on a message may be routed without a person, when at most so many may go wrong.

A threshold is certified by exact binomial tests, as in learn-then-test (arXiv:2110.01052) and selection with
guaranteed risk (arXiv:1705.08500): held-out messages are taken surest first, and as long as each larger
share of them is shown to hold fewer errors than asked for, the threshold falls. Several places to begin
split the error probability and hand it on (the fallback procedure, Wiens 2003), so that one wrong label
among the surest does not end it all. Of 1,000 simulated messages this routes about 10 points more than
dividing the probability by the number of thresholds would.

What is guaranteed: with probability ``confidence`` over the draw of held-out messages, the share of errors
among the messages routed is at most the risk asked for, on messages of the same distribution, where errors
become no rarer as the model becomes less sure. It is not guaranteed for all rows of a table at once, and not
when what customers write changes. Conformal risk control (arXiv:2208.02814) would bound the share of wrong
routings among all messages in expectation; among those routed it is no monotone loss, so it does not apply.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri
from scipy.stats import beta, binom

from triage.errors import OperatingPointsUnreadable
from triage.labels import Certainty

RISKS = (
    0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.06,
    0.07, 0.08, 0.09, 0.1, 0.12, 0.15, 0.2, 0.25, 0.3,
)  # fmt: skip
CONFIDENCE = 0.9
SCOPE_FLOOR = 0.5  # below, it is likelier that none of the labels fits
FORMAT = 1
_STARTS = (0.1, 0.2, 0.4, 0.6, 0.8)  # of the messages; more of them help small sets and cost large ones
_STEP = 1.05  # between one share that is tested and the next; smaller steps fail by chance more often

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """What routing at one ``risk`` means, on held-out messages.

    Messages whose certainty is above ``threshold`` are routed; none are, where it is None. ``coverage`` is
    their share of all, ``error`` the share of them that is wrong (0 of none), ``upper`` its exact upper
    bound (Clopper & Pearson 1934), taken by itself, at the confidence of the table.
    """

    risk: float
    threshold: float | None
    coverage: float
    error: float
    upper: float
    accepted: int
    wrong: int


@dataclass(frozen=True, slots=True)
class OperatingPoints:
    """A table of operating points by rising risk; thresholds never rise with it.

    ``scoped`` says that certainty is the probability of the label times that of being in scope, and not the
    former alone. A message less likely in scope than ``scope_floor`` is never routed.
    """

    points: tuple[OperatingPoint, ...]
    messages: int
    confidence: float = CONFIDENCE
    scoped: bool = False
    scope_floor: float = SCOPE_FLOOR

    def at(self, risk: float) -> OperatingPoint | None:
        """The point of the largest risk in the table that is no more than ``risk``; None below the first."""
        fitting = [point for point in self.points if point.risk <= risk + 1e-12]
        return fitting[-1] if fitting else None

    def to_json(self) -> str:
        """As ``from_json`` reads it; numbers come back exactly."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The table that ``to_json`` wrote. Raises ``OperatingPointsUnreadable`` when it is none."""
        try:
            described = json.loads(text)
            if described.pop("format") != FORMAT:
                raise OperatingPointsUnreadable(f"Operating points have another format than {FORMAT}.")
            points = tuple(OperatingPoint(**point) for point in described.pop("points"))
            table = cls(points, **described)
            _check(table)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise OperatingPointsUnreadable(
                f"These are no operating points that `careloop train` wrote: {error!r}"
            ) from error
        return table


def fit_operating_points(
    probability: ArrayLike,
    right: ArrayLike,
    *,
    in_scope: ArrayLike | None = None,
    risks: Iterable[float] = RISKS,
    confidence: float = CONFIDENCE,
    scope_floor: float = SCOPE_FLOOR,
) -> OperatingPoints:
    """The table, from held-out messages: ``probability`` of the top label, whether it was ``right``.

    A message that fits no label is one for which no label was right; with such messages among them
    ``in_scope`` tells the two apart. Routed are those above a threshold, never a part of equals.
    ``ValueError`` for arrays that do not go together and for risks outside (0, 1).
    """
    asked = sorted(set(risks))
    if not all(0 < risk < 1 for risk in asked) or not 0 < confidence < 1:
        raise ValueError("risks and confidence lie between 0 and 1")
    scores = scores_of(probability, in_scope, scope_floor=scope_floor)
    correct = np.asarray(right, bool)
    if scores.shape != correct.shape or np.isnan(scores).any():
        raise ValueError("one probability, which is a number, and one answer for each message")
    shares = _Shares.of(scores, correct)
    points = tuple(shares.point(risk, confidence=confidence) for risk in asked)
    return OperatingPoints(points, len(scores), confidence, in_scope is not None, scope_floor)


def certainty_of(probability: float, in_scope: float, *, points: OperatingPoints, risk: float) -> Certainty:
    """Whether a message may be routed when a share of ``risk`` of those routed may be wrong."""
    if in_scope < points.scope_floor:
        return Certainty.OUT_OF_SCOPE
    point = points.at(risk)
    score = probability * in_scope if points.scoped else probability
    sure = point is not None and point.threshold is not None and score > point.threshold
    return Certainty.SURE if sure else Certainty.NOT_SURE


def scores_of(
    probability: ArrayLike, in_scope: ArrayLike | None = None, *, scope_floor: float = SCOPE_FLOOR
) -> Floats:
    """What messages are ranked by: how likely the label is right, 0 where the message is out of scope."""
    own = np.asarray(probability, np.float64)
    if in_scope is None:
        return own
    fits = np.asarray(in_scope, np.float64)
    return np.where(fits < scope_floor, 0.0, own * fits)


def wilson(hits: ArrayLike, trials: ArrayLike, *, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Interval of a share (Wilson 1927), of one or of many; 0 to 1 where nothing was tried."""
    happened, n = np.asarray(hits, np.float64), np.asarray(trials, np.float64)
    z = float(ndtri((1 + confidence) / 2))
    tried = np.maximum(n, 1)
    share = happened / tried
    middle = (share + z**2 / (2 * tried)) / (1 + z**2 / tried)
    half = z / (1 + z**2 / tried) * np.sqrt(share * (1 - share) / tried + z**2 / (4 * tried**2))
    low, high = np.clip(middle - half, 0, share), np.clip(middle + half, share, 1)
    return np.where(n > 0, low, 0.0), np.where(n > 0, high, 1.0)


@dataclass(frozen=True, slots=True)
class _Shares:
    """The shares of the messages that are tested, smallest first: (shares,) each but ``starts``.

    Above ``thresholds`` lie ``accepted`` messages, ``wrong`` of them wrong. The threshold is the certainty of
    the first message left out, so given it those above are a plain sample, however many are equal.
    ``starts`` is how many of ``_STARTS`` fall on a share.
    """

    messages: int
    thresholds: Floats
    accepted: Integers
    wrong: Integers
    starts: Counter[int]

    @classmethod
    def of(cls, scores: Floats, right: NDArray[np.bool_]) -> _Shares:
        n = len(scores)
        order = np.argsort(-scores, kind="stable")
        falling, errors = scores[order], np.concatenate([[0], np.cumsum(~right[order])])
        firsts = -np.concatenate([falling, [0.0]])[np.array(sorted(set(_sizes(n))), np.intp)]
        accepted = np.unique(np.searchsorted(-falling, firsts, side="left"))
        accepted = accepted[accepted > 0]
        thresholds = np.concatenate([falling, [0.0]])[accepted]
        starts: Counter[int] = Counter()
        if len(accepted):
            starts.update(int(np.abs(accepted - share * n).argmin()) for share in _STARTS)
        return cls(n, thresholds, accepted, errors[accepted], starts)

    def point(self, risk: float, *, confidence: float) -> OperatingPoint:
        place = self._largest_certified(risk, allowed=1 - confidence)
        if place is None:
            return OperatingPoint(risk, None, 0.0, 0.0, 1.0, 0, 0)
        accepted, wrong = int(self.accepted[place]), int(self.wrong[place])
        upper = float(beta.ppf(confidence, wrong + 1, accepted - wrong)) if wrong < accepted else 1.0
        return OperatingPoint(
            risk=risk,
            threshold=float(self.thresholds[place]),
            coverage=accepted / self.messages,
            error=wrong / accepted,
            upper=upper,
            accepted=accepted,
            wrong=wrong,
        )

    def _largest_certified(self, risk: float, *, allowed: float) -> int | None:
        """The last share that is shown to hold fewer errors than ``risk``, all falsely with ``allowed``."""
        chances = binom.cdf(self.wrong, self.accepted, risk)  # of so few errors, were there ``risk`` of them
        level, found = 0.0, None
        for place, chance in enumerate(chances.tolist()):
            level += allowed * self.starts[place] / len(_STARTS)
            if level > 0 and chance <= level:
                found = place
            else:
                level = 0.0
        return found


def _sizes(n: int) -> Iterator[int]:
    size = float(n)
    while size >= max(_STARTS[0] * n, 1):
        yield round(size)
        size /= _STEP


def _check(table: OperatingPoints) -> None:
    """``ValueError`` where a table could route more at a lower risk, or by something that is no number."""
    risks = [point.risk for point in table.points]
    thresholds = [math.inf if point.threshold is None else float(point.threshold) for point in table.points]
    if risks != sorted(set(risks)) or thresholds != sorted(thresholds, reverse=True):
        raise ValueError("risks must rise and thresholds must not")
    if not all(math.isfinite(number) for number in (*risks, table.scope_floor, table.confidence)):
        raise ValueError("risks, floor and confidence are numbers")
