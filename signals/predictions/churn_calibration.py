"""From sums of a churn model to probabilities: a sigmoid or steps, whichever held-out customers prefer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold

Floats = NDArray[np.float64]
Method = Literal["sigmoid", "isotonic"]

_LEAST = 1e-3  # a step of which nobody left says "fewer than one in a thousand", not "never"
_FOLDS = 5
_FAR = 30.0  # a logit beyond which a probability would round to 1
_UNREGULARISED = 1e6


@dataclass(frozen=True, slots=True)
class Calibration:
    """``sums`` to ``probabilities``, both rising, with straight lines between.

    For a sigmoid the second holds logits: lines between, and beyond the ends, are then the sigmoid itself.
    """

    method: Method
    sums: tuple[float, ...]
    values: tuple[float, ...]

    def probabilities(self, sums: Floats) -> Floats:
        """In (0, 1)."""
        if self.method == "isotonic":
            return np.asarray(np.interp(sums, self.sums, self.values), float)
        slope = self.slope
        logits = self.values[0] + slope * (sums - self.sums[0])
        return np.asarray(1 / (1 + np.exp(-np.clip(logits, -_FAR, _FAR))), float)

    @property
    def slope(self) -> float:
        """What the logit gains where the sum gains 1: a sigmoid's; 1 for steps, which have none."""
        if self.method == "isotonic":
            return 1.0
        return (self.values[1] - self.values[0]) / (self.sums[1] - self.sums[0])


def fit_sigmoid(sums: Floats, left: NDArray[np.intp]) -> Calibration:
    """Platt's: a logistic regression on the sum alone."""
    model = LogisticRegression(C=_UNREGULARISED).fit(sums[:, None], left)
    at_zero, slope = float(model.intercept_[0]), float(model.coef_[0, 0])
    return Calibration("sigmoid", (0.0, 1.0), (at_zero, at_zero + slope))


def fit_isotonic(sums: Floats, left: NDArray[np.intp]) -> Calibration:
    """The rising steps that fit best (Zadrozny & Elkan 2002)."""
    model = IsotonicRegression(y_min=_LEAST, y_max=1 - _LEAST, out_of_bounds="clip").fit(sums, left)
    return Calibration(
        "isotonic",
        tuple(float(x) for x in model.X_thresholds_),
        tuple(float(y) for y in model.y_thresholds_),
    )


_FITS: dict[Method, Callable[[Floats, NDArray[np.intp]], Calibration]] = {
    "sigmoid": fit_sigmoid,
    "isotonic": fit_isotonic,
}


def choose_calibration(
    sums: Floats, left: NDArray[np.intp], *, seed: int
) -> tuple[Calibration, dict[Method, float]]:
    """The calibration with the lower log loss on customers it was not fitted on, and the loss of each.

    ``sums`` are of customers the model had not seen. A tie goes to the sigmoid, which is smoother.
    """
    folds = list(StratifiedKFold(_FOLDS, shuffle=True, random_state=seed).split(sums, left))
    losses: dict[Method, float] = {}
    for method, fit in _FITS.items():
        held_out = np.zeros(len(sums))
        for train, test in folds:
            held_out[test] = fit(sums[train], left[train]).probabilities(sums[test])
        losses[method] = float(log_loss(left, held_out, labels=[0, 1]))
    best: Method = "isotonic" if losses["isotonic"] < losses["sigmoid"] else "sigmoid"
    return _FITS[best](sums, left), losses
