"""How much each head counts, so that the sum is a probability; and when none of the labels fits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, StratifiedKFold

from triage.heads import Scores

FOLDS = 5
FOLDS_OF_MANY = 3
MANY = 5_000  # examples, from which a fold less of the data changes little
_SCOPE_FOLDS = 3
_PULL = 1e-3  # toward every head counting once, for the few examples that say otherwise


@dataclass(frozen=True, slots=True)
class Scope:
    """Probability that a message is any of the labels at all: logistic on its energy."""

    weight: float
    bias: float

    def probability(self, energy: NDArray[np.floating]) -> NDArray[np.float64]:
        """In (0, 1), for each of ``energy`` (messages,)."""
        return np.asarray(1 / (1 + np.exp(-np.clip(self.weight * energy + self.bias, -30, 30))))


def weigh_heads(scores: Scores, labels: NDArray[np.intp]) -> NDArray[np.float64]:
    """Weights (heads,), all above 0, at which the softmax of the sum is best on held-out ``scores``.

    ``scores``: (heads, messages, labels), each message scored by heads that had not seen it. Since the
    weights are not made to add up to one, they calibrate as they combine.
    """
    rows = np.arange(len(labels))

    def loss(logs: NDArray[np.float64]) -> float:
        total = np.tensordot(np.exp(logs), scores, 1)
        surprise = logsumexp(total, axis=1) - total[rows, labels]
        return float(surprise.mean() + _PULL * (logs**2).sum())

    return np.asarray(np.exp(minimize(loss, np.zeros(len(scores)), method="L-BFGS-B").x))


def weigh_mark(scores: Scores, holds: NDArray[np.int8]) -> tuple[NDArray[np.float64], float]:
    """Weights (heads,), all above 0, and a bias: the logistic of the sum is then best on ``scores``.

    ``scores``: (heads, messages); ``holds`` (messages,) is 1 where the label holds.
    """
    sign = np.where(holds == 1, 1.0, -1.0)

    def loss(parameters: NDArray[np.float64]) -> float:
        total = np.exp(parameters[:-1]) @ scores + parameters[-1]
        return float(np.logaddexp(0, -sign * total).mean() + _PULL * (parameters[:-1] ** 2).sum())

    # Three heads that each say what the others say count a third to begin with.
    start = np.append(np.full(len(scores), -np.log(len(scores))), 0.0)
    found = minimize(loss, start, method="L-BFGS-B").x
    return np.asarray(np.exp(found[:-1])), float(found[-1])


def softmax(total: NDArray[np.floating]) -> NDArray[np.float64]:
    """Probabilities (messages, labels) that add up to one for each message."""
    share = np.exp(total - total.max(axis=1, keepdims=True))
    return np.asarray(share / share.sum(axis=1, keepdims=True), np.float64)


def energy(total: NDArray[np.floating]) -> NDArray[np.float64]:
    """Log-sum-exp over the labels (messages, labels): high where any label fits (arXiv:2010.03759)."""
    # scipy's logsumexp takes 0.1 ms for one message: it allows for signs, weights and other arrays.
    most = total.max(axis=1)
    return np.asarray(most + np.log(np.exp(total - most[:, None]).sum(axis=1)), np.float64)


def fit_scope(inside: NDArray[np.floating], outside: NDArray[np.floating]) -> Scope:
    """The scope model from energies of messages whose label was among the fitted ones, and was not.

    Both sides weigh the same: how many messages of a company fit no label is not known beforehand.
    """
    energies = np.concatenate([inside, outside])[:, None]
    known = np.concatenate([np.ones(len(inside)), np.zeros(len(outside))])
    model = LogisticRegression(class_weight="balanced").fit(energies, known)
    return Scope(float(model.coef_[0, 0]), float(model.intercept_[0]))


def example_folds(
    labels: NDArray[np.intp], *, seed: int
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Rows to fit on and rows to score: every label on both sides as far as it has examples."""
    rarest = int(np.bincount(labels)[np.unique(labels)].min())
    folds = min(FOLDS_OF_MANY if len(labels) >= MANY else FOLDS, rarest)
    yield from StratifiedKFold(folds, shuffle=True, random_state=seed).split(labels, labels)


def label_folds(
    labels: NDArray[np.intp], *, seed: int, aside: NDArray[np.bool_] | None = None
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]]:
    """Rows to fit on, rows to score whose label was fitted, rows to score whose label was left out.

    A label left out stands for what customers ask that nobody made a label for. With two labels there is
    no leaving one out: nothing is yielded. Rows that are ``aside`` (rows,) are not fitted on; a fifth, drawn
    by ``seed``, where it is not given.
    """
    known = np.unique(labels)
    if len(known) < 3:
        return
    if aside is None:
        aside = np.random.default_rng(seed).random(len(labels)) < 1 / FOLDS
    folds = KFold(min(_SCOPE_FOLDS, len(known) - 1), shuffle=True, random_state=seed)
    for _, left_out in folds.split(known):
        strange = np.isin(labels, known[left_out])
        fitted = ~strange & ~aside
        if len(np.unique(labels[fitted])) >= 2:
            yield np.flatnonzero(fitted), np.flatnonzero(~strange & aside), np.flatnonzero(strange)
