"""One model's heads with their weights in them, in the parts that a message becomes known in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from triage.heads import Heads, Matrix, Nearest, Scores


class Scorer:
    """Adds up what n-grams, vectors and neighbours say of each label.

    ``weights`` (heads, labels) are how much each of the ``heads`` counts, ``bias`` (labels,) comes on top.
    """

    def __init__(
        self, heads: Heads, weights: NDArray[np.float64], bias: NDArray[np.float64] | float = 0.0
    ) -> None:
        of_sentence, of_ngrams, of_neighbours = (row.astype(np.float32) for row in weights)
        self.number = weights.shape[1]
        self._heads = heads
        self._sentence = of_sentence[:, None] * heads.sentence
        self._of_ngrams = of_ngrams
        self._of_neighbours = of_neighbours
        total = of_sentence * heads.sentence_bias + of_ngrams * heads.ngram_bias + bias
        self._bias = np.asarray(total, np.float32)

    def of_ngrams(self, counted: csr_matrix) -> Scores:
        """(rows, labels) of ``counted`` (rows, n-grams), to be added to what vectors say."""
        return np.asarray((counted @ self._heads.ngrams) * self._of_ngrams, np.float32)

    def nearest(self, vectors: Matrix) -> Nearest | None:
        """The nearest neighbours of ``vectors`` (messages, dimensions), if the model has any."""
        return self._heads.nearest(vectors) if len(self._heads.neighbours) else None

    def logits(self, vectors: Matrix, of_ngrams: Scores, nearest: Nearest | None) -> NDArray[np.float64]:
        """(messages, labels)."""
        found = vectors @ self._sentence.T + of_ngrams + self._bias
        if nearest is not None:
            found += self._heads.nearness(nearest) * self._of_neighbours
        return np.asarray(found, np.float64)

    def directions(self, message: NDArray[np.intp], toward: Matrix, nearest: Nearest | None) -> Matrix:
        """What token states are multiplied by, so that it says how much they speak for something.

        ``toward`` (questions, labels) is how much each logit counts in it, ``message`` (questions,) says
        whose ``nearest`` neighbours count; the result is (questions, dimensions).
        """
        found = toward @ self._sentence
        if nearest is not None:
            question, label = np.nonzero(toward)
            near = self._heads.pulls(nearest, message[question], label)
            weight = toward[question, label] * self._of_neighbours[label]
            first = np.searchsorted(question, np.arange(len(toward)))  # every question has a label
            found += np.add.reduceat(near * weight[:, None], first)
        return np.asarray(found, np.float32)
