"""How probable it is that a customer leaves, by a sum of what each number about them says."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold
from threadpoolctl import threadpool_limits

from signals.errors import ChurnRowsInvalid
from signals.predictions.churn_calibration import Calibration, Method, choose_calibration
from signals.predictions.churn_terms import Term

Floats = NDArray[np.float64]
Features = Mapping[str, float | None]  # by name; none, NaN and what is not there are missing

LEAST_EACH = 25  # of those who left and of those who stayed: five in each fold
_FOLDS = 5
_STRENGTHS = (0.01, 0.1, 1.0)  # scikit-learn's C, the inverse of the penalty


@dataclass(frozen=True, slots=True)
class ChurnRow:
    """A customer as they were, and whether they had ``left`` some fixed time later."""

    features: Features
    left: bool


@dataclass(frozen=True, slots=True)
class Contribution:
    """What ``value`` of a feature, none where missing, adds to the logit against an average customer."""

    feature: str
    value: float | None
    logit: float


@dataclass(frozen=True, slots=True)
class ChurnScore:
    """``probability`` in (0, 1); ``contributions`` of every feature, those that say most first.

    ``base`` and the contributions add up to the logit. Where the calibration is ``isotonic`` that is the
    logit before it, as steps cannot be shared out.
    """

    probability: float
    base: float
    contributions: tuple[Contribution, ...]


@dataclass(frozen=True, slots=True)
class ChurnModel:
    """A logistic regression on the columns of ``terms``, calibrated.

    ``weights`` has one for each column of each term, in their order. ``losses`` are the mean log losses of
    either calibration on held-out customers, ``trained_on`` how many customers there were.
    """

    terms: tuple[Term, ...]
    weights: tuple[float, ...]
    intercept: float
    calibration: Calibration
    losses: Mapping[Method, float]
    trained_on: int

    @property
    def features(self) -> tuple[str, ...]:
        """Names of what it looks at; others are not read."""
        return tuple(term.name for term in self.terms)

    def probabilities(self, customers: Sequence[Features]) -> Floats:
        """That each leaves, in (0, 1). Raises ``ChurnRowsInvalid`` for a value that is infinite."""
        values = _values(customers, self.features)
        sums = _sums(self.terms, values, np.array(self.weights)) + self.intercept
        return self.calibration.probabilities(sums)

    def score(self, customer: Features) -> ChurnScore:
        """The probability and its reasons. Raises ``ChurnRowsInvalid`` for a value that is infinite."""
        values = _values([customer], self.features)
        slope, weights = self.calibration.slope, np.array(self.weights)
        found, start = [], 0
        for place, term in enumerate(self.terms):
            part = term.columns(values[:, place])[0] @ weights[start : start + term.width]
            value = float(values[0, place])
            found.append(Contribution(term.name, None if math.isnan(value) else value, slope * float(part)))
            start += term.width
        found.sort(key=lambda contribution: -abs(contribution.logit))
        return ChurnScore(float(self.probabilities([customer])[0]), self._base(), tuple(found))

    def _base(self) -> float:
        calibration = self.calibration
        if calibration.method == "isotonic":
            return self.intercept
        return calibration.values[0] + calibration.slope * (self.intercept - calibration.sums[0])


def fit_churn(rows: Sequence[ChurnRow], *, seed: int = 0) -> ChurnModel:
    """A model of ``rows``; the same rows and seed make the same model.

    Strength of the penalty and kind of calibration are those of the lower log loss on held-out folds. Raises
    ``ChurnRowsInvalid`` for fewer than ``LEAST_EACH`` who left or who stayed, and for infinite values.
    """
    left = np.array([row.left for row in rows], dtype=np.intp)
    if min(left.sum(), len(left) - left.sum()) < LEAST_EACH:
        raise ChurnRowsInvalid(
            f"{left.sum()} of {len(left)} customers left; a churn model needs {LEAST_EACH} who left "
            f"and {LEAST_EACH} who stayed."
        )
    names = tuple(sorted({name for row in rows for name in row.features}))
    values = _values([row.features for row in rows], names)
    # One thread: the products are small, and on a busy machine more of them wait for one another.
    with threadpool_limits(1, user_api="blas"):
        folds = list(StratifiedKFold(_FOLDS, shuffle=True, random_state=seed).split(values, left))
        tried = [_held_out(values, left, names, folds=folds, strength=strength) for strength in _STRENGTHS]
        losses = [log_loss(left, 1 / (1 + np.exp(-sums)), labels=[0, 1]) for sums in tried]
        best = int(np.argmin(losses))
        calibration, measured = choose_calibration(tried[best], left, seed=seed)
        terms, weights, intercept = _fit(values, left, names, strength=_STRENGTHS[best])
        return ChurnModel(
            terms, tuple(float(weight) for weight in weights), intercept, calibration, measured, len(rows)
        )


def _held_out(
    values: Floats,
    left: NDArray[np.intp],
    names: Sequence[str],
    *,
    folds: Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]],
    strength: float,
) -> Floats:
    """Sums of each customer by a model that had not seen them."""
    sums = np.zeros(len(left))
    for train, test in folds:
        terms, weights, intercept = _fit(values[train], left[train], names, strength=strength)
        sums[test] = _sums(terms, values[test], weights) + intercept
    return sums


def _fit(
    values: Floats, left: NDArray[np.intp], names: Sequence[str], *, strength: float
) -> tuple[tuple[Term, ...], Floats, float]:
    terms = tuple(Term.fit(name, values[:, place]) for place, name in enumerate(names))
    model = LogisticRegression(C=strength, solver="newton-cholesky").fit(_columns(terms, values), left)
    return terms, np.asarray(model.coef_[0], float), float(model.intercept_[0])


def _sums(terms: Sequence[Term], values: Floats, weights: Floats) -> Floats:
    """Row by row: a matrix product rounds a row differently in other company."""
    return np.asarray((_columns(terms, values) * weights).sum(axis=1), float)


def _columns(terms: Sequence[Term], values: Floats) -> Floats:
    return np.hstack([term.columns(values[:, place]) for place, term in enumerate(terms)])


def _values(customers: Sequence[Features], names: Sequence[str]) -> Floats:
    """A row for each customer, a column for each name, NaN where it is missing."""
    found = [[_number(customer.get(name)) for name in names] for customer in customers]
    values = np.array(found, dtype=np.float64).reshape(len(customers), len(names))
    if np.isinf(values).any():
        column = int(np.argwhere(np.isinf(values))[0, 1])
        raise ChurnRowsInvalid(f"A customer has an infinite {names[column]}.")
    return values


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
