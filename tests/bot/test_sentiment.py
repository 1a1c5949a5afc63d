"""The trend of a customer's mood."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sentiment import FEWEST_TURNS, Direction, trend

scores = st.lists(st.floats(-1, 1, allow_subnormal=False), min_size=FEWEST_TURNS, max_size=25)


@dataclass(frozen=True)
class Case:
    scores: list[float]
    direction: Direction


CASES = [
    Case([0.0, -0.4, -0.9], Direction.FALLING),
    Case([0.5, 0.1, -0.3, -0.8], Direction.FALLING),
    Case([-0.9, -0.5, 0.0, 0.4], Direction.RISING),
    Case([0.0, -0.1, -0.1], Direction.STEADY),
    Case([0.1, 0.0, 0.1, -0.9, 0.1, 0.0, 0.1], Direction.STEADY),  # one outburst
    Case([-0.9, -0.9, -0.9, -0.9], Direction.STEADY),  # angry from beginning to end
    Case([0.0, -0.8, 0.0, -0.8, 0.0, -0.8], Direction.STEADY),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.scores))
def test_a_direction_is_named_beyond_noise_only(case: Case) -> None:
    found = trend(case.scores)
    assert found is not None
    assert found.direction is case.direction
    assert found.turns == len(case.scores)


def test_the_slope_is_in_levels_a_turn() -> None:
    found = trend([0.5, 0.0, -0.5])  # positive, neutral, negative
    assert found is not None
    assert found.slope == pytest.approx(-1)


@pytest.mark.parametrize("few", [[], [0.2], [0.9, -0.9]])
def test_two_turns_are_no_trend(few: list[float]) -> None:
    assert trend(few) is None


@given(scores)
def test_the_direction_follows_from_slope_and_margin(said: list[float]) -> None:
    found = trend(said)
    assert found is not None
    assert found.margin > 0
    assert abs(found.slope) <= 4
    assert (found.direction is Direction.RISING) == (found.slope > found.margin)
    assert (found.direction is Direction.FALLING) == (found.slope < -found.margin)


@given(scores)
def test_the_opposite_mood_has_the_opposite_trend(said: list[float]) -> None:
    found, opposite = trend(said), trend([-score for score in said])
    backwards = trend(said[::-1])
    assert found is not None
    assert opposite is not None
    assert backwards is not None
    assert opposite.slope == pytest.approx(-found.slope)
    assert backwards.slope == pytest.approx(-found.slope)
    assert opposite.margin == pytest.approx(found.margin)


@given(st.floats(-1, 1), st.integers(FEWEST_TURNS, 25))
def test_a_mood_that_stays_is_steady(score: float, turns: int) -> None:
    found = trend([score] * turns)
    assert found is not None
    assert found.direction is Direction.STEADY
    assert found.slope == pytest.approx(0, abs=1e-9)


@given(scores.filter(lambda said: len(said) >= 5), st.data())
def test_one_turn_changes_the_slope_no_further_than_the_others_allow(
    said: list[float], data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(said) - 1))
    changed = [*said[:place], data.draw(st.floats(-1, 1)), *said[place + 1 :]]
    after = trend(changed)
    assert after is not None
    slopes = [
        2 * (said[later] - said[earlier]) / (later - earlier)
        for earlier in range(len(said))
        for later in range(earlier + 1, len(said))
        if place not in {earlier, later}
    ]
    assert min(slopes) - 1e-9 <= after.slope <= max(slopes) + 1e-9


@pytest.mark.parametrize("turns", [3, 4, 6, 10])
def test_noise_is_rarely_taken_for_a_trend(turns: int) -> None:
    chance = random.Random(turns)
    drawn = [[chance.gauss(0, 0.165) for _ in range(turns)] for _ in range(3000)]
    alarms = [found for said in drawn if (found := trend(said)) and found.direction is not Direction.STEADY]
    assert 0.01 < len(alarms) / len(drawn) < 0.07
