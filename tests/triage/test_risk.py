"""Operating points: what is promised holds on fresh data, ties stay together, tables come back exactly."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binomtest

from triage.errors import OperatingPointsUnreadable
from triage.labels import Certainty
from triage.risk import OperatingPoint, OperatingPoints, certainty_of, fit_operating_points, wilson

DRAWS = 200


@dataclass(frozen=True)
class World:
    """A model that says ``probability`` ~ Beta(a, b), and is right that often but for ``noise`` of labels.

    ``digits`` rounds what it says, so that many messages are equally sure.
    """

    a: float
    b: float
    noise: float = 0.0
    digits: int | None = None

    def draw(self, n: int, random: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        probability = random.beta(self.a, self.b, n)
        right = random.random(n) < probability * (1 - self.noise)
        return (probability if self.digits is None else probability.round(self.digits)), right

    def errors_above(self, thresholds: list[float]) -> NDArray[np.float64]:
        """The true ones, from many messages."""
        probability, right = self.draw(400_000, np.random.default_rng(99))
        order = np.argsort(-probability)
        wrong = np.concatenate([[0], np.cumsum(~right[order])])
        above = np.searchsorted(-probability[order], -np.array(thresholds), side="left")
        return np.asarray(wrong[above] / above)


WORLDS = {
    "calibrated": World(5, 0.6),
    "wrong labels in the data": World(5, 0.3, noise=0.01),
    "overconfident": World(5, 0.3, noise=0.06),
    "ties": World(3, 0.7, digits=1),
}


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("risk", [0.05, 0.1])
def test_the_true_error_exceeds_the_risk_in_no_more_draws_than_stated(name: str, risk: float) -> None:
    world, random = WORLDS[name], np.random.default_rng(7)
    chosen = []
    for _ in range(DRAWS):
        (point,) = fit_operating_points(*world.draw(600, random), risks=[risk], confidence=0.9).points
        if point.threshold is not None:
            chosen.append(point.threshold)
    assert chosen or risk < world.noise
    broken = int((world.errors_above(chosen) > risk).sum())
    assert broken <= 20 + 13  # 20 of 200 may be; 13 more would be chance once in a thousand times


def test_routing_is_worth_while_and_fresh_messages_go_wrong_as_seldom_as_asked() -> None:
    world, random = WORLDS["calibrated"], np.random.default_rng(3)
    points = fit_operating_points(*world.draw(2000, random))
    point = points.at(0.05)
    assert point is not None
    assert point.threshold is not None
    assert point.coverage > 0.55  # with the truth known it would be 0.75
    probability, right = world.draw(2000, random)
    taken = probability > point.threshold
    found = binomtest(int((~right[taken]).sum()), int(taken.sum()), 0.05, alternative="greater")
    assert found.pvalue > 0.05


def test_a_higher_confidence_routes_less() -> None:
    probability, right = WORLDS["calibrated"].draw(1000, np.random.default_rng(0))
    covered = []
    for confidence in (0.5, 0.9, 0.99):
        point = fit_operating_points(probability, right, confidence=confidence).at(0.05)
        assert point is not None
        covered.append(point.coverage)
    assert covered == sorted(covered, reverse=True)
    assert covered[0] > covered[2]


@st.composite
def messages(draw: st.DrawFn) -> tuple[list[float], list[bool]]:
    n = draw(st.integers(0, 120))
    sure = draw(st.lists(st.sampled_from([0.2, 0.5, 0.9, 0.95, 0.99, 1.0]), min_size=n, max_size=n))
    return sure, draw(st.lists(st.booleans() | st.just(True), min_size=n, max_size=n))


@given(messages())
def test_more_risk_never_routes_less_and_equals_are_never_parted(
    drawn: tuple[list[float], list[bool]],
) -> None:
    probability, right = np.array(drawn[0], float), np.array(drawn[1], bool)
    points = fit_operating_points(probability, right, confidence=0.5)
    covered = [point.coverage for point in points.points]
    assert covered == sorted(covered)
    for point in points.points:
        if point.threshold is None:
            assert (point.accepted, point.wrong, point.coverage, point.upper) == (0, 0, 0.0, 1.0)
            continue
        taken = probability > point.threshold
        assert point.accepted == taken.sum()
        assert point.wrong == (~right[taken]).sum()
        assert point.coverage == taken.mean()
        assert point.error == (~right[taken]).mean() <= point.risk <= 1


def test_the_order_of_the_messages_does_not_matter() -> None:
    random = np.random.default_rng(5)
    probability, right = WORLDS["ties"].draw(500, random)
    order = random.permutation(500)
    assert fit_operating_points(probability, right) == fit_operating_points(probability[order], right[order])


def test_every_message_is_routed_where_none_is_wrong() -> None:
    points = fit_operating_points(np.full(100, 0.7), np.ones(100))
    point = points.at(0.1)
    assert point is not None
    assert replace(point, upper=0) == OperatingPoint(0.1, 0.0, 1.0, 0.0, 0, 100, 0)
    assert point.upper == pytest.approx(1 - 0.1**0.01)


def test_too_few_messages_promise_nothing() -> None:
    points = fit_operating_points(np.full(20, 0.99), np.ones(20), risks=[0.05])
    assert points.points[0].threshold is None
    assert certainty_of(1.0, 1.0, points=points, risk=0.05) is Certainty.NOT_SURE


def test_no_messages_promise_nothing() -> None:
    points = fit_operating_points([], [])
    assert {point.threshold for point in points.points} == {None}


POINTS = OperatingPoints(
    (
        OperatingPoint(0.01, None, 0.0, 0.0, 1.0, 0, 0),
        OperatingPoint(0.05, 0.8, 0.5, 0.02, 0.04, 50, 1),
        OperatingPoint(0.1, 0.6, 0.7, 0.07, 0.09, 70, 5),
    ),
    messages=100,
)


@pytest.mark.parametrize(
    ("probability", "in_scope", "risk", "expected"),
    [
        (0.81, 1.0, 0.05, Certainty.SURE),
        (0.8, 1.0, 0.05, Certainty.NOT_SURE),  # no surer than what was left out
        (0.8, 1.0, 0.1, Certainty.SURE),
        (0.7, 1.0, 0.0999, Certainty.NOT_SURE),  # the table says nothing of it, so the stricter row counts
        (0.7, 1.0, 0.5, Certainty.SURE),
        (1.0, 1.0, 0.01, Certainty.NOT_SURE),
        (1.0, 1.0, 0.001, Certainty.NOT_SURE),
        (1.0, 0.49, 0.1, Certainty.OUT_OF_SCOPE),
    ],
)
def test_certainty_is_by_the_row_of_the_risk(
    probability: float, in_scope: float, risk: float, expected: Certainty
) -> None:
    assert certainty_of(probability, in_scope, points=POINTS, risk=risk) is expected


def test_doubt_about_the_scope_counts_where_it_counted_in_the_table() -> None:
    assert certainty_of(0.9, 0.7, points=POINTS, risk=0.05) is Certainty.SURE
    assert certainty_of(0.9, 0.7, points=replace(POINTS, scoped=True), risk=0.05) is Certainty.NOT_SURE


def test_messages_out_of_scope_are_kept_from_routing_by_the_scope() -> None:
    random = np.random.default_rng(2)
    probability, right = WORLDS["calibrated"].draw(1000, random)
    strange = random.random(1000) < 0.2
    right &= ~strange
    in_scope = np.where(strange, random.beta(2, 5, 1000), random.beta(9, 1, 1000))
    blind = fit_operating_points(probability, right).at(0.1)
    seeing = fit_operating_points(probability, right, in_scope=in_scope)
    point = seeing.at(0.1)
    assert blind is not None
    assert point is not None
    assert blind.coverage < 0.1
    assert point.coverage > 0.5
    said = [
        certainty_of(one, fits, points=seeing, risk=0.1)
        for one, fits in zip(probability.tolist(), in_scope.tolist(), strict=True)
    ]
    assert sum(one is Certainty.SURE for one in said) == point.accepted


def test_a_table_comes_back_exactly() -> None:
    points = fit_operating_points(*WORLDS["calibrated"].draw(500, np.random.default_rng(1)))
    text = points.to_json()
    assert OperatingPoints.from_json(text) == points
    assert len(text) < 5000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        json.dumps({**json.loads(POINTS.to_json()), "format": 2}),
        json.dumps({**json.loads(POINTS.to_json()), "more": 1}),
        json.dumps({**json.loads(POINTS.to_json()), "scope_floor": None}),
        json.dumps({**json.loads(POINTS.to_json()), "points": [{"risk": 0.1}]}),
        replace(POINTS, points=POINTS.points[::-1]).to_json(),
    ],
)
def test_a_table_that_is_none_is_named(text: str) -> None:
    with pytest.raises(OperatingPointsUnreadable):
        OperatingPoints.from_json(text)


@pytest.mark.parametrize(
    ("probability", "right", "options"),
    [
        ([0.5], [True, False], {}),
        ([float("nan")], [True], {}),
        ([0.5], [True], {"risks": [0.0]}),
        ([0.5], [True], {"confidence": 1.0}),
    ],
)
def test_what_does_not_go_together_is_refused(
    probability: list[float], right: list[bool], options: dict[str, object]
) -> None:
    with pytest.raises(ValueError, match=r"between 0 and 1|for each message"):
        fit_operating_points(probability, right, **options)  # type: ignore[arg-type]  # as a caller may


@pytest.mark.parametrize(("hits", "trials"), [(0, 5), (3, 10), (10, 10), (497, 500)])
def test_the_interval_is_wilsons(hits: int, trials: int) -> None:
    low, high = wilson(hits, trials)
    expected = binomtest(hits, trials).proportion_ci(method="wilson")
    assert (float(low), float(high)) == pytest.approx((expected.low, expected.high))


def test_of_nothing_tried_nothing_is_known() -> None:
    low, high = wilson([0, 1], [0, 2])
    assert (low[0], high[0]) == (0, 1)
    assert 0 < low[1] < 0.5 < high[1] < 1
