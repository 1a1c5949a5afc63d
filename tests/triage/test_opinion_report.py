"""What second opinions cost and what they are worth."""

from __future__ import annotations

import math

import pytest

from triage.opinion_report import Prices, report
from triage.second_opinion import OVER_BUDGET, SecondOpinion

NAMES = ("refund", "delivery", "password", "invoice", "advert")


def opinion(
    label: str | None = None, *, failure: str | None = None, tokens: tuple[int, int] | None = (100, 10)
) -> SecondOpinion:
    agrees = None if failure else label == "refund"
    read, written = (None, None) if failure or tokens is None else tokens
    return SecondOpinion("refund", NAMES, label, agrees, "", "m", "p@1", read, written, 0.5, failure)


def test_a_report_counts_what_was_asked_and_what_it_cost() -> None:
    found = report(
        [
            (opinion("refund"), None),
            (opinion("refund", tokens=None), "refund"),
            (opinion("delivery"), None),
            (opinion(None), None),
            (opinion(failure="model_timeout"), "refund"),
            (opinion(failure="model_timeout"), None),
            (opinion(failure="model_malformed"), None),
            (opinion(failure=OVER_BUDGET), None),
        ]
    )
    assert (found.asked, found.answered, found.none, found.over_budget) == (7, 4, 1, 1)
    assert found.failures == (("model_timeout", 2), ("model_malformed", 1))
    assert (found.agreed.hits, found.agreed.trials, found.agreed.value) == (2, 4, 0.5)
    assert (found.input_tokens, found.output_tokens, found.uncounted) == (300, 30, 1)
    assert found.seconds == 0.5
    assert (found.settled, found.differing) == (1, 0)
    assert math.isnan(found.gain)
    assert found.gain_interval == (-1.0, 1.0)
    assert found.text().splitlines() == [
        "7 asked, 4 answered, 1 with none of the labels.",
        "1 in doubt were not asked: the budget was spent.",
        "2 failed: model_timeout.",
        "1 failed: model_malformed.",
        "Agreed with the classifier: 2 of 4 (50%, 95 % interval 15% to 85%).",
        "Tokens: 300 in, 30 out, 1 answers uncounted; 0.5 seconds an answer.",
        "No message that they differ about has a final label yet.",
    ]


def test_the_gain_is_counted_where_they_differ_and_people_have_decided() -> None:
    settled = [
        *[(opinion("delivery"), "delivery")] * 30,  # the model was right
        *[(opinion("delivery"), "refund")] * 10,  # the classifier was
        *[(opinion("delivery"), "password")] * 5,  # neither
        *[(opinion(None), "complaint")] * 3,  # none of those on offer: the model
        *[(opinion(None), "advert")] * 2,  # it was on offer: neither
        *[(opinion("refund"), "delivery")] * 20,  # they agree: no difference
        *[(opinion("delivery"), None)] * 40,  # nobody knows yet
    ]
    found = report(settled)
    assert (found.settled, found.differing) == (70, 50)
    assert (found.opinion_right.hits, found.classifier_right.hits) == (33, 10)
    assert found.gain == pytest.approx(0.46)
    # By hand: (34 − 11) / 52 ± 1.96 √((34 / 52 + 11 / 52 − (23 / 52)²) / 52)
    assert found.gain_interval == pytest.approx((0.2199, 0.6647), abs=1e-4)
    assert found.tokens_per_correction == pytest.approx(110 * 70 / 23)
    assert "Gain: +46 points" in found.text()
    # Wrong were 30 of delivery, 5 of password, 3 of complaint, 2 of advert and the 20 both got wrong.
    assert (found.put_right.hits, found.put_right.trials) == (33, 60)
    assert "the model got right: 33 of 60 (55%, 95 % interval 42% to 67%)." in found.text()


def test_prices_make_tokens_money() -> None:
    settled = [(opinion("delivery", tokens=(400_000, 50_000)), "delivery")] * 2
    found = report([*settled, (opinion("refund", tokens=(200_000, 0)), None)], prices=Prices(2.0, 8.0))
    assert found.cost == pytest.approx(2.0 * 1.0 + 8.0 * 0.1)
    assert found.cost_per_correction == pytest.approx(2.8 * 2 / 3 / 2)
    assert "Cost: 2.80." in found.text()
    without = report(settled)
    assert (without.cost, without.cost_per_correction) == (None, None)
    assert "Cost" not in without.text()


def test_a_model_that_is_worse_costs_without_end() -> None:
    found = report([(opinion("delivery"), "refund")] * 5)
    assert found.gain == -1
    assert found.gain_interval[0] == -1
    assert found.gain_interval[1] < 0
    assert math.isinf(found.tokens_per_correction)
    assert "put right" not in found.text()


def test_a_report_on_nothing_can_be_read() -> None:
    assert report([]).text().splitlines()[0] == "0 asked, 0 answered, 0 with none of the labels."
