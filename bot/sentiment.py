"""Whether a customer's mood falls or rises over a conversation, as far as it can be told from noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from math import sqrt
from statistics import median

LEVELS_PER_SCORE = 2.0  # scores from -1 to 1 span the five levels, which lie four apart
FEWEST_TURNS = 3
# How far the levels that triage expects of messages of one true level spread: their pooled standard
# deviation in held-out folds of triage/labelled_messages.
_SPREAD = 0.33
_QUANTILE = 1.96  # of the normal distribution: two-sided, 95 %
_MAD_TO_SIGMA = 1.4826  # for normal noise


class Direction(StrEnum):
    """Where a mood goes."""

    FALLING = "falling"
    STEADY = "steady"  # or too little is known
    RISING = "rising"


@dataclass(frozen=True, slots=True)
class SentimentTrend:
    """``slope`` in levels of sentiment (of five) per turn, over ``turns`` turns.

    It is called falling or rising where it is beyond ``margin``, within which 95 of 100 slopes lie while the
    mood stays as it is. Drawn from our own held-out messages: of conversations of 3 to 20 turns without a
    change 3 to 6 % are said to have one, of those that go from neutral to very negative in 3 to 6 turns a
    quarter to a third are noticed. The trend is a reason to look, and its absence none to relax.
    """

    direction: Direction
    slope: float
    margin: float
    turns: int


def trend(scores: Sequence[float]) -> SentimentTrend | None:
    """The trend of sentiment scores in [-1, 1], one a turn, oldest first; none of fewer than three.

    The slope is the median of those between any two turns (Theil 1950, Sen 1968): one outburst in a calm
    conversation does not make it. Its noise is what least squares would have for equally spaced turns, by
    the larger of what triage's scores spread anyway and of what the turns spread around the slope.
    """
    n = len(scores)
    if n < FEWEST_TURNS:
        return None
    levels = [LEVELS_PER_SCORE * score for score in scores]
    slope = median(
        (levels[later] - levels[earlier]) / (later - earlier) for earlier, later in combinations(range(n), 2)
    )
    left = [level - slope * turn for turn, level in enumerate(levels)]
    middle = median(left)
    spread = max(_SPREAD, _MAD_TO_SIGMA * median(abs(value - middle) for value in left))
    margin = _QUANTILE * spread * sqrt(12 / (n**3 - n))
    if abs(slope) <= margin:
        direction = Direction.STEADY
    else:
        direction = Direction.RISING if slope > 0 else Direction.FALLING
    return SentimentTrend(direction, slope, margin, n)
