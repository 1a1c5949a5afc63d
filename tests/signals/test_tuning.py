"""When a threshold moves, how far, and when it stays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals.connectors.connector import OutcomeKind
from signals.policy import GREATEST_THRESHOLD, LEAST_THRESHOLD
from signals.precision import Judged, wilson
from signals.signal import SignalKind
from signals.tuning import FEWEST, STEP, Tuned, tune
from tests.signals.making import signal

CHURN = SignalKind.CHURN_RISK


def judged(right: int, wrong: int, probability: float = 0.7) -> list[Judged]:
    one = signal(probability=probability)
    return [Judged(one, OutcomeKind.WON)] * right + [Judged(one, OutcomeKind.NOISE)] * wrong


def tuned(outcomes: list[Judged], *, before: float = 0.6, target: float = 0.7) -> Tuned:
    (found,) = tune(outcomes, {CHURN: before}, target=target)
    return found


def test_few_outcomes_move_nothing() -> None:
    assert not tuned(judged(0, FEWEST - 1)).changed
    assert tuned(judged(0, FEWEST)).changed


def test_it_stays_where_the_target_may_be_met() -> None:
    found = tuned(judged(20, 10))
    assert (found.changed, found.why) == (False, "the target is within the interval")


def test_it_rises_by_a_step_where_nothing_would_have_helped() -> None:
    assert tuned(judged(5, 25)).after == pytest.approx(0.65)


def test_it_rises_no_further_than_it_has_to() -> None:
    assert tuned(judged(0, 30, 0.611) + judged(30, 5, 0.64)).after == pytest.approx(0.62)


def test_it_falls_by_half_a_step_where_more_would_do() -> None:
    assert tuned(judged(60, 2)).after == pytest.approx(0.575)


def test_it_stays_within_its_bounds() -> None:
    assert not tuned(judged(60, 0), before=LEAST_THRESHOLD).changed
    assert not tuned(judged(0, 60, 0.99), before=GREATEST_THRESHOLD).changed


def test_outcomes_of_other_kinds_and_below_the_threshold_and_of_work_in_progress_do_not_count() -> None:
    other = [Judged(signal(SignalKind.UPSELL), OutcomeKind.NOISE)] * 40
    below = judged(0, 40, 0.55)
    working = [Judged(signal(), OutcomeKind.IN_PROGRESS), Judged(signal(), None)] * 40
    assert tuned([*other, *below, *working]).settled == 0


@given(
    st.integers(0, 80), st.integers(0, 80), st.floats(0.5, 0.95), st.floats(0.05, 0.95), st.floats(0.5, 1.0)
)
def test_no_step_is_longer_than_allowed(
    right: int, wrong: int, before: float, target: float, probability: float
) -> None:
    found = tuned(judged(right, wrong, probability), before=before, target=target)
    assert LEAST_THRESHOLD <= found.after <= GREATEST_THRESHOLD
    assert abs(found.after - before) <= STEP + 1e-3


def test_it_comes_to_the_target_and_back_after_the_world_changed() -> None:
    """A signal of probability p is right as often as p says, and from round 25 on .25 less often."""
    random = np.random.default_rng(7)
    threshold, reached = 0.5, []
    for number in range(60):
        shift = 0.25 if number >= 25 else 0.0
        told = random.uniform(threshold, 1.0, 60)
        outcomes = [
            Judged(
                signal(probability=p), OutcomeKind.WON if random.random() < p - shift else OutcomeKind.NOISE
            )
            for p in told
        ]
        threshold = tuned(outcomes, before=threshold, target=0.8).after
        reached.append(float(np.mean(random.uniform(threshold, 1.0, 4000) - shift)))
    assert np.mean(reached[12:25]) == pytest.approx(0.8, abs=0.05)
    assert reached[25] < 0.65
    assert threshold == GREATEST_THRESHOLD  # the best there is: .725 right on average


def test_wilson_s_interval() -> None:
    """The examples of Newcombe (1998), table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29."""
    for right, of, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611)):
        found = wilson(right, of)
        assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)
    assert wilson(1, 29).high == pytest.approx(0.1718, abs=1e-4)
