"""A named number with its interval, as a suite collects them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evals.metrics import bootstrap, clopper_pearson


@dataclass(frozen=True, slots=True)
class Measures:
    """Metrics and their intervals by name. What is undefined (NaN) is left out rather than written as 0."""

    metrics: dict[str, float] = field(default_factory=dict)
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)

    def mean(self, name: str, values: Sequence[float]) -> None:
        """Add the mean of one value per question; nothing when there are no questions."""
        array = np.asarray(values, float)
        self.statistic(
            name, len(array), lambda places: float(array[places].mean()) if len(array) else math.nan
        )

    def statistic(self, name: str, n: int, statistic: Callable[[NDArray[np.intp]], float]) -> None:
        """Add a statistic over ``n`` questions, given the places of those it is to count."""
        value = statistic(np.arange(n, dtype=np.intp))
        if math.isnan(value):
            return
        self.metrics[name] = value
        self.intervals[name] = bootstrap(statistic, n)

    def pairs(
        self, name: str, first: ArrayLike, second: ArrayLike, measure: Callable[[ArrayLike, ArrayLike], float]
    ) -> None:
        """Add a measure of two aligned columns, such as scores and labels."""
        left, right = np.asarray(first, float), np.asarray(second, float)
        self.statistic(name, len(left), lambda places: measure(left[places], right[places]))

    def share(self, name: str, hits: int, of: int) -> None:
        """Add ``hits`` of ``of`` with the exact interval (Clopper & Pearson 1934); nothing of none."""
        if of:
            self.metrics[name] = hits / of
            self.intervals[name] = clopper_pearson(hits, of)

    def number(self, name: str, value: float) -> None:
        """Add a number that has no interval."""
        if not math.isnan(value):
            self.metrics[name] = value
