"""Three ways to score a message against every label; ``triage.model`` and ``triage.marks`` add them up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

Scores = NDArray[np.float32]
Matrix = NDArray[np.float32]

NAMES = ("sentence", "ngrams", "neighbours")
_ABSENT = -10.0  # logit of a label that a fold did not see
_SENTENCE_C = 20.0
_MARK_C = 3.0  # a mark stands against everything else: fewer examples say what it is, so it is pulled harder
_NGRAM_C = 0.5
_ITERATIONS = 300
_NEAREST = 3
_NEIGHBOUR_SCALE = 10.0  # cosines differ by tenths, logits by units
_AT_ONCE = 64  # messages; memory for the cosines of each with every neighbour
_NOWHERE = -4.0  # below every cosine, twice over
_PER_LABEL = 200  # neighbours kept of a label; more cost time and tell little


@dataclass(frozen=True, slots=True)
class Nearest:
    """The nearest neighbours of messages under each label, the nearest first: (messages, labels, three).

    ``place`` is where they stand among the label's members, ``cosine`` how near each is. There are fewer
    than three where no label has as many; what comes after a label's last one is anything.
    """

    place: NDArray[np.intp]
    cosine: Scores


@dataclass(frozen=True)
class Heads:
    """What was fitted; scores of a message are (heads, labels).

    ``sentence``: (labels, dimensions) and ``sentence_bias`` (labels,) over unit vectors; ``ngrams``
    (n-grams, labels) and ``ngram_bias``; ``neighbours`` (examples, dimensions), unit rows in the order of
    their labels, ``members`` (labels, most) their rows, one after another, then −1 where a label has fewer;
    without neighbours that head says 0.
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
                np.asarray(counted @ self.ngrams) + self.ngram_bias,
                self.nearness(self.nearest(vectors)),
            ]
        ).astype(np.float32)

    def nearest(self, vectors: Matrix) -> Nearest:
        """Of each of ``vectors`` (messages, dimensions)."""
        labels, most = self.members.shape
        kept = min(_NEAREST, most)
        shape = len(vectors), labels, kept
        found = Nearest(np.zeros(shape, np.intp), np.zeros(shape, np.float32))
        if not kept:
            return found
        for start in range(0, len(vectors), _AT_ONCE):
            rows = slice(start, start + _AT_ONCE)
            cosines = vectors[rows] @ self.neighbours.T
            by_label = (cosines.take(self.members, axis=1, mode="clip") + self._missing).reshape(-1, most)
            numbers = np.arange(len(by_label))
            for rank in range(kept):
                best = by_label.argmax(axis=1)
                found.place[rows, :, rank] = best.reshape(-1, labels)
                found.cosine[rows, :, rank] = by_label[numbers, best].reshape(-1, labels)
                by_label[numbers, best] = _NOWHERE
        return found

    def nearness(self, nearest: Nearest) -> Scores:
        """What the neighbours' head says (messages, labels): half the nearest, half the mean of the three."""
        near = np.einsum("mlk,lk->ml", nearest.cosine, self._shares)
        if self._empty.any():
            near[:, self._empty] = -1.0
        return np.asarray(_NEIGHBOUR_SCALE * near)

    def pulls(self, nearest: Nearest, message: NDArray[np.intp], label: NDArray[np.intp]) -> Matrix:
        """What ``nearness`` multiplies the vector of a ``message`` by for a ``label``: (both, dimensions)."""
        rows = self.members[label[:, None], nearest.place[message, label]]
        share = _NEIGHBOUR_SCALE * self._shares[label]
        return np.asarray(np.einsum("nk,nkd->nd", share, self.neighbours[rows]), np.float32)

    @cached_property
    def _missing(self) -> Scores:
        """Nothing where a label has a member, and where it has none, what no cosine makes up for."""
        return np.asarray(np.where(self.members >= 0, 0, _NOWHERE), np.float32)

    @cached_property
    def _empty(self) -> NDArray[np.bool_]:
        """Labels without neighbours, where others have them."""
        return np.asarray((self.members < 0).all(axis=1) & (self.members.shape[1] > 0), np.bool_)

    @cached_property
    def _shares(self) -> Scores:
        """How much each of the nearest counts (labels, three or fewer); nothing where a label has none."""
        kept = min(_NEAREST, self.members.shape[1])
        count = np.minimum((self.members >= 0).sum(axis=1), kept)[:, None]
        share = (np.arange(kept) < count) / np.maximum(count, 1) / 2
        share[:, :1] += np.minimum(count[:, :kept], 1) / 2
        return np.asarray(share, np.float32)

    def centres(self) -> Matrix:
        """The mean of each label's neighbours: (labels, dimensions), unit rows, zeros where it has none."""
        held = self.members >= 0
        sums = (self.neighbours[self.members] * held[:, :, None]).sum(axis=1)
        return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12), np.float32)


def fit_heads(
    vectors: Matrix,
    counted: csr_matrix,
    labels: NDArray[np.intp],
    *,
    number: int,
    seed: int,
    weights: NDArray[np.float64] | None = None,
) -> Heads:
    """Fit all heads on messages whose labels are ``labels`` (messages,), of ``number`` possible ones.

    ``weights`` (messages,) are how much each counts; all the same where they are not given.
    """
    sentence = LogisticRegression(C=_SENTENCE_C, max_iter=_ITERATIONS).fit(vectors, labels, weights)
    ngrams = LinearSVC(C=_NGRAM_C, random_state=seed).fit(counted, labels, weights)
    sentence_weights, sentence_bias = _spread(sentence.coef_, sentence.intercept_, sentence.classes_, number)
    ngram_weights, ngram_bias = _spread(ngrams.coef_, ngrams.intercept_, ngrams.classes_, number)
    members = [np.flatnonzero(labels == label) for label in range(number)]
    neighbours = _neighbours(vectors, members, seed=seed)
    return Heads(
        sentence_weights, sentence_bias, np.ascontiguousarray(ngram_weights.T), ngram_bias, *neighbours
    )


def fit_mark_heads(vectors: Matrix, counted: csr_matrix, marks: NDArray[np.int8], *, seed: int) -> Heads:
    """Fit the first two heads on messages of which several labels may hold.

    Neighbours tell little of a mark (a point of F1 and less) and would cost half of what triage costs.
    ``marks`` (messages, labels) is 1 where a label holds, 0 where it does not, −1 where nobody said; each
    label must hold somewhere and not hold somewhere.
    """
    weights, bias = _logistic(vectors, marks, c=_MARK_C)
    fitted = []
    for mark in marks.T:
        known = np.flatnonzero(mark >= 0)
        ngrams = LinearSVC(C=_NGRAM_C, random_state=seed).fit(counted[known], mark[known])
        fitted.append((ngrams.coef_[0], ngrams.intercept_[0]))
    ngram_weights, ngram_bias = (np.array(column, np.float32) for column in zip(*fitted, strict=True))
    none = np.zeros((0, vectors.shape[1]), np.float32), np.zeros((marks.shape[1], 0), np.int32)
    return Heads(weights, bias, np.ascontiguousarray(ngram_weights.T), ngram_bias, *none)


def _logistic(vectors: Matrix, marks: NDArray[np.int8], *, c: float) -> tuple[Matrix, Scores]:
    """Weights (labels, dimensions) and bias (labels,) of one logistic regression for each label, all at once.

    As the library's with C = ``c``, which fits one label at a time and takes twenty times as long: here
    every step of L-BFGS is two products with all labels in them.
    """
    sign = np.where(marks == 1, 1.0, -1.0).astype(np.float32)
    known = (marks >= 0).astype(np.float32)
    dimensions, number = vectors.shape[1], marks.shape[1]

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights, bias = _unflat(flat, dimensions, number)
        margin = sign * (vectors @ weights + bias)
        total = c * float((known * np.logaddexp(0, -margin)).sum()) + float((weights**2).sum()) / 2
        slope = -c * known * sign * expit(-margin)
        gradient = np.concatenate([(vectors.T @ slope + weights).ravel(), slope.sum(axis=0)])
        return total, gradient.astype(np.float64)

    options = {"maxiter": _ITERATIONS}
    start = np.zeros((dimensions + 1) * number)
    flat = minimize(loss, start, jac=True, method="L-BFGS-B", options=options).x
    weights, bias = _unflat(flat, dimensions, number)
    return np.ascontiguousarray(weights.T), bias


def _unflat(flat: NDArray[np.float64], dimensions: int, number: int) -> tuple[Matrix, Scores]:
    small = flat.astype(np.float32)
    return small[: dimensions * number].reshape(dimensions, number), small[dimensions * number :]


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
    vectors: Matrix, members: Sequence[NDArray[np.intp]], *, seed: int
) -> tuple[Matrix, NDArray[np.int32]]:
    random = np.random.default_rng(seed)
    kept = [
        own if len(own) <= _PER_LABEL else np.sort(random.choice(own, _PER_LABEL, replace=False))
        for own in members
    ]
    rows = np.full((len(kept), max(1, *(len(own) for own in kept))), -1, np.int32)
    start = 0
    for label, own in enumerate(kept):
        rows[label, : len(own)] = np.arange(start, start + len(own))
        start += len(own)
    return vectors[np.concatenate(kept)], rows


def in_order(labels: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.intp]]:
    """The distinct labels, sorted, and the place of each of ``labels`` among them."""
    names = tuple(sorted(set(labels)))
    place = {name: number for number, name in enumerate(names)}
    return names, np.array([place[label] for label in labels], dtype=np.intp)
