"""How one number about a customer enters the logit of churn: a bent line, and what its absence says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_KNOTS = (0.2, 0.4, 0.6, 0.8)  # quantiles at which the line may bend
_TAIL = 0.01  # what is beyond the outermost hundredth of what was seen counts as that hundredth


@dataclass(frozen=True, slots=True)
class Term:
    """The columns of feature ``name``: the value, a hinge at each of ``knots``, and whether it is missing.

    Values are held to [``low``, ``high``] and divided by ``scale``. Columns have their ``means`` over the
    known values taken off: all are 0 for an average customer, and all but the last for a missing value.
    """

    name: str
    low: float
    high: float
    scale: float
    knots: tuple[float, ...]
    means: tuple[float, ...]

    @classmethod
    def fit(cls, name: str, values: Floats) -> Self:
        """Knots and scale from ``values``, of which NaN are missing; all of them may be."""
        known = values[~np.isnan(values)]
        if not len(known):
            return cls(name, 0.0, 0.0, 1.0, (), (0.0,))
        low, high = (float(end) for end in np.quantile(known, [_TAIL, 1 - _TAIL]))
        scale = float(np.clip(known, low, high).std()) or 1.0
        knots = tuple(sorted({float(knot) for knot in np.quantile(known, _KNOTS) if low < knot < high}))
        bare = cls(name, low, high, scale, knots, (0.0,) * (1 + len(knots)))
        means = tuple(float(mean) for mean in bare.columns(known)[:, :-1].mean(axis=0))
        return cls(name, low, high, scale, knots, means)

    @property
    def width(self) -> int:
        """How many columns there are."""
        return len(self.means) + 1

    def columns(self, values: Floats) -> Floats:
        """An array of rows and ``width`` columns."""
        missing = np.isnan(values)
        held = np.clip(np.where(missing, 0.0, values), self.low, self.high)
        bends = [np.maximum(held - knot, 0.0) / self.scale for knot in self.knots]
        shape = np.column_stack([(held - self.low) / self.scale, *bends]) - np.array(self.means)
        shape[missing] = 0.0
        return np.column_stack([shape, missing.astype(np.float64)])
