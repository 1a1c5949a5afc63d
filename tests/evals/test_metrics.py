"""Metrics against values worked out by hand."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest

from evals.metrics import (
    auroc,
    bootstrap,
    clopper_pearson,
    ece,
    full_recall,
    hit,
    ndcg,
    quadratic_kappa,
    reciprocal_rank,
    risk_coverage,
    squad_tokens,
    token_f1,
)

RANKED = ["d1", "d2", "d3", "d4"]


def test_recall_at_k_counts_a_question_as_found_when_one_gold_document_is() -> None:
    assert hit(RANKED, {"d3", "d9"}, 2) == 0.0
    assert hit(RANKED, {"d3", "d9"}, 3) == 1.0


def test_full_recall_is_the_share_of_gold_documents() -> None:
    assert full_recall(RANKED, {"d1", "d3", "d8", "d9"}, 4) == 0.5


def test_reciprocal_rank_is_that_of_the_first_gold_document_within_the_depth() -> None:
    assert reciprocal_rank(RANKED, {"d3", "d4"}) == pytest.approx(1 / 3)
    assert reciprocal_rank(RANKED, {"d3"}, 2) == 0.0
    assert reciprocal_rank([], {"d3"}) == 0.0


def test_ndcg_weighs_grades_by_the_logarithm_of_their_rank() -> None:
    # Gold grades 2 (d1) and 1 (d3): gained 2/log2(2) + 1/log2(4) = 2.5; best 2/log2(2) + 1/log2(3).
    assert ndcg(RANKED, {"d1": 2, "d3": 1}, 10) == pytest.approx(2.5 / (2 + 1 / math.log2(3)))
    assert ndcg(RANKED, {"d1": 2, "d3": 1}, 1) == 1.0
    assert ndcg(RANKED, {}, 10) == 0.0


@dataclass(frozen=True)
class F1Case:
    answer: str
    reference: str
    f1: float


@pytest.mark.parametrize(
    "case",
    [
        F1Case("The fee is £30.", "fee is 30", 2 / 3),  # two of three words: the sign stays
        F1Case("a cat", "The cat!", 1.0),
        F1Case("no no no", "no", 0.5),  # 1 shared of 3 and 1
        F1Case("", "", 1.0),
        F1Case("the", "dog", 0.0),
        F1Case("left", "right", 0.0),
    ],
    ids=lambda case: f"{case.answer!r} for {case.reference!r}",
)
def test_token_f1_compares_words_as_squad_does(case: F1Case) -> None:
    assert token_f1(case.answer, case.reference) == pytest.approx(case.f1)


def test_squad_tokens_drop_case_punctuation_and_articles() -> None:
    assert squad_tokens("An apple, THE theatre; a.m.") == ["apple", "theatre", "am"]


def test_auroc_is_the_share_of_pairs_in_order_with_ties_counting_half() -> None:
    # Pairs (positive, negative): .9>.5, .9>.1, .5=.5 (half), .5>.1.
    assert auroc([0.9, 0.5, 0.5, 0.1], [True, True, False, False]) == pytest.approx(3.5 / 4)


def test_auroc_without_both_classes_is_undefined() -> None:
    assert math.isnan(auroc([0.1, 0.2], [True, True]))


def test_ece_is_the_distance_of_probability_and_frequency_over_bins_of_equal_mass() -> None:
    # Two bins of two: mean .15 and nothing happened; mean .85 and half happened.
    error = ece([0.1, 0.2, 0.8, 0.9], [False, False, True, False], bins=2)
    assert error == pytest.approx((0.15 * 2 + abs(0.85 - 0.5) * 2) / 4)


def test_equal_probabilities_share_a_bin_whatever_their_order() -> None:
    one = ece([0.5, 0.5, 0.5, 0.5], [True, True, False, False], bins=4)
    assert one == ece([0.5, 0.5, 0.5, 0.5], [False, True, False, True], bins=4) == 0.0


def test_ece_of_nothing_is_undefined() -> None:
    assert math.isnan(ece([], []))


def test_the_risk_coverage_curve_answers_the_surest_first() -> None:
    curve = risk_coverage([0.2, 0.9, 0.6], [False, True, False], questions=4)
    assert curve.coverage.tolist() == [0.25, 0.5, 0.75]
    assert curve.risk.tolist() == pytest.approx([0.0, 0.5, 2 / 3])
    assert curve.risk_at(0.3) == pytest.approx(0.5)
    assert curve.risk_at(0.75) == pytest.approx(2 / 3)
    assert curve.area == pytest.approx((0 + 0.5 + 2 / 3) / 3)


def test_risk_beyond_what_was_ever_answered_is_undefined() -> None:
    assert math.isnan(risk_coverage([0.9], [True], questions=2).risk_at(0.8))


def test_equally_sure_answers_share_their_errors() -> None:
    curve = risk_coverage([0.5, 0.5, 0.5, 0.5], [True, False, True, False])
    assert curve.risk.tolist() == pytest.approx([0.5] * 4)


def test_no_answers_make_an_empty_curve() -> None:
    curve = risk_coverage([], [])
    assert math.isnan(curve.area)
    assert math.isnan(curve.risk_at(0.0))


def test_the_bootstrap_interval_holds_the_mean_and_narrows_with_more_questions() -> None:
    few, many = np.array([0.0, 1.0] * 10), np.array([0.0, 1.0] * 1000)
    low, high = bootstrap(lambda places: float(few[places].mean()), 20)
    low_many, high_many = bootstrap(lambda places: float(many[places].mean()), 2000)
    assert low < 0.5 < high
    # Standard error of a fair coin over 20 is .112: the interval is about ±1.96 of those.
    assert high - low == pytest.approx(2 * 1.96 * 0.1118, rel=0.15)
    assert high_many - low_many < (high - low) / 5


def test_the_bootstrap_is_repeatable() -> None:
    values = np.arange(50.0)
    assert bootstrap(lambda places: float(values[places].mean()), 50) == bootstrap(
        lambda places: float(values[places].mean()), 50
    )


def test_the_bootstrap_leaves_out_draws_that_are_undefined() -> None:
    truth = np.array([True, False, False])
    low, high = bootstrap(lambda places: auroc([0.9, 0.1, 0.2] @ np.eye(3)[:, places], truth[places]), 3)
    assert (low, high) == (1.0, 1.0)
    assert all(math.isnan(end) for end in bootstrap(lambda _: math.nan, 3))
    assert all(math.isnan(end) for end in bootstrap(lambda _: 1.0, 0))


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    # as binom.test of R gives them
    [(0, 10, 0.0, 0.30850), (1, 10, 0.00253, 0.44502), (10, 10, 0.69150, 1.0), (35, 100, 0.25730, 0.45184)],
)
def test_the_interval_of_a_share_is_exact(hits: int, of: int, low: float, high: float) -> None:
    assert clopper_pearson(hits, of) == pytest.approx((low, high), abs=2e-4)


def test_kappa_weighs_disagreement_by_the_square_of_its_distance() -> None:
    truth, given = np.array([0, 1, 2, 2]), np.array([0, 1, 2, 1])
    counts_truth, counts_given = [1, 1, 2], [1, 2, 1]
    by_chance = sum(
        (row - column) ** 2 * counts_truth[row] * counts_given[column] / 4
        for row in range(3)
        for column in range(3)
    )
    assert quadratic_kappa(truth, given, 3) == pytest.approx(1 - 1 / by_chance)
    assert quadratic_kappa(truth, truth, 3) == 1.0
    assert quadratic_kappa(np.array([0, 2]), np.array([2, 0]), 3) == -1.0
    assert math.isnan(quadratic_kappa(np.array([1, 1]), np.array([1, 1]), 3))
