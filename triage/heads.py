"""Three ways to score a message against every label; ``triage.model`` adds them up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

Scores = NDArray[np.float32]
Matrix = NDArray[np.float32]

NAMES = ("sentence", "ngrams", "neighbours")
_ABSENT = -10.0  # logit of a label that a fold did not see
_SENTENCE_C = 20.0
_NGRAM_C = 0.5
_ITERATIONS = 300
_NEAREST = 3
_NEIGHBOUR_SCALE = 10.0  # cosines differ by tenths, logits by units
_PER_LABEL = 200  # neighbours kept of a label; more cost time and tell little


@dataclass(frozen=True, slots=True)
class Heads:
    """What was fitted; scores of a message are (heads, labels).

    ``sentence``: (labels, dimensions) and ``sentence_bias`` (labels,) over unit vectors; ``ngrams``
    (labels, n-grams) and ``ngram_bias``; ``neighbours`` (examples, dimensions), unit rows in the order of
    their labels, ``members`` (labels, most) their rows, −1 where a label has fewer.
    """

    sentence: Matrix
    sentence_bias: Scores
    ngrams: Matrix
    ngram_bias: Scores
    neighbours: Matrix
    members: NDArray[np.int32]

    def scores(self, vectors: Matrix, counted: csr_matrix) -> Scores:
        """(heads, messages, labels) for ``vectors`` (messages, dimensions) and their n-grams."""
        return np.stack(
            [
                vectors @ self.sentence.T + self.sentence_bias,
                np.asarray(counted @ self.ngrams.T) + self.ngram_bias,
                _NEIGHBOUR_SCALE * self._nearness(vectors),
            ]
        ).astype(np.float32)

    def _nearness(self, vectors: Matrix) -> Scores:
        """For each label the mean of its nearest example and of its three nearest, as cosines."""
        cosines = np.full((len(vectors), len(self.neighbours) + 1), -1.0, np.float32)
        cosines[:, :-1] = vectors @ self.neighbours.T
        count = np.minimum((self.members >= 0).sum(axis=1), _NEAREST)
        found = np.empty((len(vectors), len(self.members)), np.float32)
        for row, own in enumerate(cosines):
            by_label = own[self.members]
            kept = min(_NEAREST, by_label.shape[1])
            nearest = -np.sort(np.partition(-by_label, kept - 1, axis=1)[:, :kept], axis=1)
            present = np.arange(kept) < count[:, None]
            mean = (nearest * present).sum(axis=1) / np.maximum(count, 1)
            found[row] = np.where(count > 0, (nearest[:, 0] + mean) / 2, -1.0)
        return found


def fit_heads(
    vectors: Matrix, counted: csr_matrix, labels: NDArray[np.intp], *, number: int, seed: int
) -> Heads:
    """Fit all heads on messages whose labels are ``labels`` (messages,), of ``number`` possible ones."""
    sentence = LogisticRegression(C=_SENTENCE_C, max_iter=_ITERATIONS).fit(vectors, labels)
    ngrams = LinearSVC(C=_NGRAM_C, random_state=seed).fit(counted, labels)
    sentence_weights, sentence_bias = _spread(sentence.coef_, sentence.intercept_, sentence.classes_, number)
    ngram_weights, ngram_bias = _spread(ngrams.coef_, ngrams.intercept_, ngrams.classes_, number)
    neighbours, members = _neighbours(vectors, labels, number=number, seed=seed)
    return Heads(sentence_weights, sentence_bias, ngram_weights, ngram_bias, neighbours, members)


def _spread(
    weights: NDArray[np.float64], bias: NDArray[np.float64], seen: NDArray[np.intp], number: int
) -> tuple[Matrix, Scores]:
    """Weights for all labels; two labels, of which the library keeps one side, get both."""
    if len(seen) == 2:
        weights, bias = np.concatenate([-weights, weights]) / 2, np.concatenate([-bias, bias]) / 2
    all_weights = np.zeros((number, weights.shape[1]), np.float32)
    all_bias = np.full(number, _ABSENT, np.float32)
    all_weights[seen], all_bias[seen] = weights, bias
    return all_weights, all_bias


def _neighbours(
    vectors: Matrix, labels: NDArray[np.intp], *, number: int, seed: int
) -> tuple[Matrix, NDArray[np.int32]]:
    random = np.random.default_rng(seed)
    rows: list[NDArray[np.intp]] = []
    for label in range(number):
        own = np.flatnonzero(labels == label)
        rows.append(own if len(own) <= _PER_LABEL else np.sort(random.choice(own, _PER_LABEL, replace=False)))
    members = np.full((number, max(1, *(len(own) for own in rows))), -1, np.int32)
    start = 0
    for label, own in enumerate(rows):
        members[label, : len(own)] = np.arange(start, start + len(own))
        start += len(own)
    return vectors[np.concatenate(rows)], members


def in_order(labels: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.intp]]:
    """The distinct labels, sorted, and the place of each of ``labels`` among them."""
    names = tuple(sorted(set(labels)))
    place = {name: number for number, name in enumerate(names)}
    return names, np.array([place[label] for label in labels], dtype=np.intp)
