"""The shares of the labels before and after, and what chance alone makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import jensenshannon

from triage.drift.permutation import share_of_draws

RARE = "(rare labels)"
_FEWEST = 10  # messages of both sides of a label; rarer ones count as one


@dataclass(frozen=True, slots=True)
class LabelShares:
    """Counts (labels,) of both sides, rare labels added up."""

    names: tuple[str, ...]
    before: NDArray[np.int64]
    after: NDArray[np.int64]

    @classmethod
    def of(cls, before: Mapping[str, int], after: Mapping[str, int]) -> Self:
        """Of the counts of each label; together, those that are rare in both sides are ``RARE``."""
        pairs: dict[str, tuple[int, int]] = {}
        rare = (0, 0)
        for name in sorted({*before, *after}):
            pair = before.get(name, 0), after.get(name, 0)
            if sum(pair) >= _FEWEST:
                pairs[name] = pair
            else:
                rare = rare[0] + pair[0], rare[1] + pair[1]
        if sum(rare):
            pairs[RARE] = rare
        counts = np.array(list(pairs.values()), np.int64).reshape(-1, 2)
        return cls(tuple(pairs), counts[:, 0], counts[:, 1])

    def tables(self) -> list[tuple[int, int, int, int]]:
        """For each label its count and the count of all, before and after."""
        totals = int(self.before.sum()), int(self.after.sum())
        return [
            (int(before), totals[0], int(after), totals[1])
            for before, after in zip(self.before, self.after, strict=True)
        ]

    def jensen_shannon(self) -> float:
        """The distance of the shares in [0, 1] (base 2); 0 where one side has no message in scope."""
        if not self.before.sum() or not self.after.sum():
            return 0.0
        return float(jensenshannon(self.before, self.after, base=2))

    def test(self, permutations: int, random: np.random.Generator) -> tuple[float, NDArray[np.float64]]:
        """P of the index, and of each label, corrected for all of them by their maximum.

        What chance alone gives is drawn: the labels of all messages dealt out to both sides again. With many
        labels and few messages the index passes .1 without any drift (Yurdakul and Naranjo 2020).
        """
        together = self.before + self.after
        if not self.before.sum() or not self.after.sum() or len(together) < 2:
            return 1.0, np.ones(len(together))
        dealt = random.multivariate_hypergeometric(
            together, int(self.after.sum()), size=permutations, method="marginals"
        )
        index = psi(together - dealt, dealt)
        largest = _distances(together, dealt).max(axis=1)
        own = _distances(together, self.after[None])[0]
        return (
            share_of_draws(index, psi(self.before, self.after)),
            np.array([share_of_draws(largest, distance) for distance in own]),
        )


def _distances(together: NDArray[np.int64], after: NDArray[np.int64]) -> NDArray[np.float64]:
    """How far each label is from its share of all, in its standard deviations: (draws, labels)."""
    total, drawn = together.sum(), after.sum(axis=1, keepdims=True)
    share = together / total
    spread = np.sqrt(np.maximum(drawn * share * (1 - share) * (total - drawn) / max(total - 1, 1), 1e-12))
    return np.asarray(np.abs(after - drawn * share) / spread)


def psi(before: NDArray[np.int64], after: NDArray[np.int64]) -> NDArray[np.float64]:
    """The population stability index over the last axis.

    Half a message more of each label, so that a new one is not infinite.
    """
    ones, others = before + 0.5, after + 0.5
    ones, others = ones / ones.sum(axis=-1, keepdims=True), others / others.sum(axis=-1, keepdims=True)
    return np.asarray(((others - ones) * np.log(others / ones)).sum(axis=-1))
