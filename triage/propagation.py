"""What a few labelled messages say of many that nobody labelled: labels spread to what reads alike.

Label propagation over a graph of nearest neighbours (Zhou et al., "Learning with local and global
consistency", NIPS 2003). A message is near another by its vector and by its n-grams, so that both what it
means and how it is written count. Constants were chosen on rows of banking77's training part (ADR 10).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags

from triage.heads import Matrix

_NEAREST = 12
_SHARPNESS = 10.0  # a neighbour that is nearer by .1 counts e times as much
_NGRAMS = 0.5  # how much likeness of n-grams counts beside that of vectors
_CARRIED = 0.95  # share of a message's labels that comes from its neighbours in each round
_ROUNDS = 40  # after which what is carried has fallen to an eighth
_AT_ONCE = 1_000  # messages; memory for the likeness of each with every other


@dataclass(frozen=True, slots=True)
class Graph:
    """``weights`` (messages, messages), symmetric: how near two messages are, 0 where neither is near."""

    weights: csr_matrix

    @classmethod
    def of(cls, vectors: Matrix, counted: csr_matrix) -> Graph:
        """Messages with unit ``vectors`` (messages, dimensions) and their n-grams (messages, n-grams)."""
        number = len(vectors)
        near = min(_NEAREST, number - 1)
        unit = _unit(counted)
        columns, values = [], []
        for start in range(0, number, _AT_ONCE):
            rows = slice(start, min(start + _AT_ONCE, number))
            alike = vectors[rows] @ vectors.T + _NGRAMS * (unit[rows] @ unit.T).toarray()
            alike /= 1 + _NGRAMS
            alike[np.arange(len(alike)), np.arange(rows.start, rows.stop)] = -np.inf
            nearest = np.argpartition(-alike, near - 1, axis=1)[:, :near]
            columns.append(nearest.ravel())
            values.append(np.exp(_SHARPNESS * (np.take_along_axis(alike, nearest, axis=1) - 1)).ravel())
        starts = np.arange(0, near * number + 1, near)
        one_way = csr_matrix((np.concatenate(values), np.concatenate(columns), starts), (number, number))
        return cls(one_way.maximum(one_way.T).tocsr())

    def spread(
        self, known: NDArray[np.intp], labels: NDArray[np.intp], asked: NDArray[np.intp], *, number: int
    ) -> NDArray[np.float64]:
        """Shares of ``number`` labels (asked, labels) that reach each message of ``asked``.

        ``known`` are messages whose labels are ``labels`` (known,); messages that are neither play no part.
        Shares of a message add up to 1; they are all 0 where nothing reaches it.
        """
        used = np.concatenate([known, asked])
        weights = self.weights[used][:, used]
        degree = np.asarray(weights.sum(axis=1)).ravel()
        scale = diags(1 / np.sqrt(np.maximum(degree, 1e-12)))
        carried = (scale @ weights @ scale).tocsr()
        seeds = np.zeros((len(used), number))
        seeds[np.arange(len(known)), labels] = 1.0
        found = seeds
        for _ in range(_ROUNDS):
            found = _CARRIED * (carried @ found) + (1 - _CARRIED) * seeds
        # A label of many examples, or in a dense part of the graph, would otherwise flood the others.
        found = found / np.maximum(found.sum(axis=0), 1e-12)
        reached = found[len(known) :]
        return np.asarray(reached / np.maximum(reached.sum(axis=1, keepdims=True), 1e-12))


def _unit(counted: csr_matrix) -> csr_matrix:
    length = np.sqrt(np.asarray(counted.multiply(counted).sum(axis=1)).ravel())
    return (diags(1 / np.maximum(length, 1e-12)) @ counted).tocsr().astype(np.float32)
