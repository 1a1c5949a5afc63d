"""How near a churn model comes to the best that anyone could know, on customers whose truth is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evals.measures import Measures
from evals.metrics import auroc, ece
from evals.report import Report, Stopwatch
from evals.simulators.customer_base import draw_customers
from signals.predictions.churn import ChurnRow, fit_churn

Floats = NDArray[np.float64]

TRAINED_ON, JUDGED_ON = 6000, 20_000  # customers of each seed
_APART = 1_000_000  # seeds of those who are judged are those of training plus this


def evaluate_churn(
    seeds: Sequence[int], *, trained_on: int = TRAINED_ON, judged_on: int = JUDGED_ON
) -> Report:
    """AUC, Bayes AUC and calibration, as means over ``seeds``, each a base to learn and another to judge.

    ``auc`` and ``bayes_auc`` are exact expectations over who leaves, given the true probabilities, so
    that the luck of a draw is in neither, and ``bayes_gap`` is their difference; ``auc_drawn``, ``ece`` and
    ``brier`` are of those who were drawn; ``worst_gap`` is the gap of the worst seed.
    """
    stopwatch, found = Stopwatch(), [_judge(seed, trained_on, judged_on) for seed in seeds]
    measures = Measures()
    for name in found[0]:
        measures.mean(name, [one[name] for one in found])
    measures.number("worst_gap", max(one["bayes_gap"] for one in found))
    return stopwatch.report("churn", "simulated", judged_on * len(found), measures)


def expected_auc(scores: Floats, probability: Floats) -> float:
    """The AUC of ``scores`` to expect where each is positive with its ``probability``; ties count half.

    Weighs each pair by how probable it is that the first leaves and the second stays. The scores that are the
    probabilities themselves have the highest there is (Clémençon, Lugosi & Vayatis 2008).
    """
    _, block = np.unique(scores, return_inverse=True)
    leave, stay = np.bincount(block, weights=probability), np.bincount(block, weights=1 - probability)
    below = np.cumsum(stay) - stay / 2
    # The pair of a customer with themself is none: half of p (1 - p) each, as if tied.
    alone = float((probability * (1 - probability)).sum())
    pairs = float(leave.sum() * stay.sum()) - alone
    return (float((leave * below).sum()) - alone / 2) / pairs


def _judge(seed: int, trained_on: int, judged_on: int) -> dict[str, float]:
    base, judged = draw_customers(trained_on, seed=seed), draw_customers(judged_on, seed=seed + _APART)
    rows = [ChurnRow(row, bool(left)) for row, left in zip(base.rows(), base.left, strict=True)]
    model = fit_churn(rows, seed=seed)
    given = model.probabilities(judged.rows())
    best, reached = (
        expected_auc(judged.probability, judged.probability),
        expected_auc(given, judged.probability),
    )
    return {
        "auc": reached,
        "bayes_auc": best,
        "bayes_gap": best - reached,
        "auc_drawn": auroc(given, judged.left),
        "ece": ece(given, judged.left),
        "brier": float(((given - judged.left) ** 2).mean()),
        "left": float(judged.left.mean()),
        "isotonic_chosen": float(model.calibration.method == "isotonic"),
    }
