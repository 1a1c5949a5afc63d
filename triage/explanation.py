"""Which words speak for the labels that are shown of a message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triage.evidence import Locate, Pass, shares, telling
from triage.heads import Heads
from triage.labels import Evidence

# By the place of a label, the labels that exclude one another, with it, and how likely they are.
Asked = Mapping[int, Mapping[int, float]]


@dataclass(frozen=True, slots=True)
class Explainer:
    """Says which words of one message speak for labels of one model; nothing, where there is no ``one``.

    ``weights`` (heads, labels) are those of the heads. ``locate`` and ``original`` are as in ``telling``.
    """

    one: Pass | None
    heads: Heads
    weights: NDArray[np.float64]
    locate: Locate
    original: str

    def words_for(self, asked: Asked) -> dict[int, tuple[Evidence, ...]]:
        """Evidence by label, of all labels that are ``asked`` at once."""
        if self.one is None or not asked:
            return dict.fromkeys(asked, ())
        number = self.weights.shape[1]
        toward = np.stack([contrast(label, against, number=number) for label, against in asked.items()])
        by_character = shares(self.one, self.heads, self.weights, toward)
        words = telling(self.one.text, by_character, self.locate, self.original)
        return dict(zip(asked, words, strict=True))


def contrast(label: int, probabilities: Mapping[int, float], *, number: int) -> NDArray[np.float64]:
    """What a logit is set against: nothing, or the mean of those of the labels that exclude it.

    ``probabilities`` are theirs, by place; the result has ``number`` weights, a row of what
    ``evidence.shares`` takes.
    """
    weights = np.zeros(number)
    others = {place: value for place, value in probabilities.items() if place != label}
    total = sum(others.values())
    for place, value in others.items():
        weights[place] = -value / total if total > 0 else -1 / len(others)
    weights[label] = 1.0
    return weights
