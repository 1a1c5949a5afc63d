"""The churn suite: what the best possible is, and that the model comes near it."""

from __future__ import annotations

import numpy as np
import pytest

from evals.metrics import auroc
from evals.simulators.customer_base import draw_customers
from evals.suites.churn import evaluate_churn, expected_auc


def test_the_model_is_near_the_bayes_limit_and_calibrated() -> None:
    metrics = evaluate_churn([101], trained_on=3000, judged_on=4000).metrics
    assert 0 <= metrics["bayes_gap"] <= 0.02
    assert metrics["ece"] <= 0.04
    assert metrics["bayes_auc"] == pytest.approx(metrics["auc"] + metrics["bayes_gap"])


def test_the_expected_auc_is_the_mean_over_draws() -> None:
    random = np.random.default_rng(5)
    probability, scores = random.random(60), random.integers(0, 9, 60).astype(float)
    drawn = [auroc(scores, random.random(60) < probability) for _ in range(3000)]
    # A draw with fewer who leave has fewer pairs: the mean of ratios is the ratio of means up to 1/n.
    assert expected_auc(scores, probability) == pytest.approx(float(np.mean(drawn)), abs=0.005)


def test_nothing_ranks_better_than_the_truth() -> None:
    base = draw_customers(3000, seed=102)
    best = expected_auc(base.probability, base.probability)
    noise = np.random.default_rng(1).normal(0, 0.02, 3000)
    assert expected_auc(base.probability + noise, base.probability) < best
    assert expected_auc(np.zeros(3000), base.probability) == pytest.approx(0.5)


def test_the_base_is_the_same_for_a_seed_and_leaves_as_often_as_it_says() -> None:
    base, again = draw_customers(4000, seed=3), draw_customers(4000, seed=3)
    assert base.rows() == again.rows()
    assert float(base.left.mean()) == pytest.approx(float(base.probability.mean()), abs=0.02)
