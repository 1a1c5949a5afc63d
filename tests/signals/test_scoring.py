"""Lead scores: their parts, their reasons, and how much they move."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from signals.data_file import parse_data
from signals.errors import SignalDataInvalid
from signals.scoring import SHIPPED, LeadScore, Scoring, read_scoring, score_lead
from signals.signal import Qualification, SignalKind, Stated, StatedField
from tests.signals.making import NOW, signal

SCORING = read_scoring()
BUDGET = Stated(StatedField.BUDGET, "GBP 40.00", "£40", 0, 3)


def timing(value: str) -> Stated:
    return Stated(StatedField.TIMING, value, value, 0, len(value))


def score(probability: float = 0.8, stated: tuple[Stated, ...] = (), **facts: object) -> LeadScore:
    found = score_lead(SCORING, signal(SignalKind.PURCHASE_INTENT, probability, stated=stated), facts, at=NOW)
    assert found is not None
    return found


def test_parts_multiply_and_say_what_they_are_made_of() -> None:
    found = score(0.8, (BUDGET, timing("now")), segment="business")
    fit, intent, when = found.parts
    assert (fit.value, intent.value, when.value) == pytest.approx((0.8, 0.87, 1.0))
    assert found.score == pytest.approx(100 * 0.8**0.3 * 0.87**0.45)
    assert fit.because == ("to begin with 0.50", "business customer +0.30")
    assert intent.because == ("purchase intent at 0.80 0.72", "budget stated +0.15")
    assert when.because == ("to begin with 0.60", "wanted now +0.40")
    assert found.qualification is Qualification.QUALIFIED
    assert found.lines()[0] == f"lead score {found.score:.0f}: qualified"


def test_no_lead_has_no_score() -> None:
    assert score_lead(SCORING, signal(SignalKind.CHURN_RISK), {}, at=NOW) is None


def test_what_is_said_moves_a_lead_from_marketing_to_sales_and_back() -> None:
    assert score(0.7).qualification is Qualification.NURTURE
    assert score(0.9, (BUDGET, timing("now")), value=1200).qualification is Qualification.QUALIFIED
    assert score(0.9, (BUDGET, timing("later"))).qualification is Qualification.NURTURE
    assert score(0.6, (timing("later"),), stage="lost").qualification is Qualification.NOT_QUALIFIED


@given(st.floats(0.5, 1), st.floats(0.5, 1), st.sampled_from(["now", "weeks", "months", "later", "when"]))
def test_a_score_is_between_0_and_100_and_grows_with_the_probability(a: float, b: float, when: str) -> None:
    low, high = sorted((score(a, (timing(when),)).score, score(b, (timing(when),)).score))
    assert 0 <= low <= high <= 100
    assert (a <= b) == (score(a).score <= score(b).score)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"weights": {"fit": 0.5, "intent": 0.4, "timing": 0.2}}, "add up to 1"),
        ({"nurture_from": 90}, "nurture_from is above"),
        ({"timing": {"base": 2}}, "timing.base"),
    ],
)
def test_numbers_that_cannot_be_are_refused(change: dict[str, object], problem: str) -> None:
    data = yaml.safe_load(SHIPPED.read_text()) | change
    with pytest.raises(SignalDataInvalid, match=problem):
        parse_data(yaml.safe_dump(data), Scoring, source="test.yaml")
