"""Words and sentences of many texts in one row, and how tokens and n-grams share themselves out on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from inference.embeddings import Matrix, Tokens

Places = NDArray[np.intp]
Offsets = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class FlatTokens:
    """The tokens of many texts in one row: ``message`` says of which, ``states`` are (tokens, dimensions)."""

    message: Places
    start: Offsets
    end: Offsets
    states: Matrix
    first: Places  # (texts + 1,), where those of each text begin

    @classmethod
    def of(cls, tokens: Sequence[Tokens]) -> FlatTokens:
        """Those of at least one text."""
        sizes = np.array([len(one.offsets) for one in tokens])
        offsets = np.concatenate([one.offsets for one in tokens])
        states = np.concatenate([one.states for one in tokens])
        message = np.repeat(np.arange(len(tokens)), sizes)
        return cls(message, offsets[:, 0], offsets[:, 1], states, np.concatenate([[0], np.cumsum(sizes)]))

    def lengths(self) -> Matrix:
        """The length of the sum of each text's states (texts,), which makes a unit vector of it."""
        some = np.flatnonzero(np.diff(self.first))
        found = np.zeros(len(self.first) - 1, np.float32)
        if len(some):
            found[some] = np.linalg.norm(np.add.reduceat(self.states, self.first[some]), axis=1)
        return found


@dataclass(frozen=True, slots=True)
class Overlaps:
    """Where pieces and spans overlap, by the span: ``share`` of the characters of a piece are in it."""

    piece: Places
    share: NDArray[np.float32]
    first: Places  # (spans + 1,), where those of each span begin

    def times(self, matrix: Matrix | csr_matrix, *, share: bool = True) -> Matrix:
        """The sum of the rows of ``matrix`` (pieces, anything) for each span, by share or whole."""
        data = self.share if share else np.ones(len(self.share), np.float32)
        rows = csr_matrix((data, self.piece, self.first), shape=(len(self.first) - 1, matrix.shape[0]))
        return np.asarray(rows @ matrix)


@dataclass(frozen=True, slots=True)
class Spans:
    """Spans of texts, ascending and apart: number ``first[n]`` to ``first[n + 1]`` are in text n."""

    start: Offsets
    end: Offsets
    first: Places  # (texts + 1,)
    sizes: Places  # (texts,), characters

    @classmethod
    def of(cls, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]) -> Spans:
        """``spans`` of each of ``texts``."""
        flat = np.array([span for own in spans for span in own], np.int32).reshape(-1, 2)
        first = np.concatenate([[0], np.cumsum([len(own) for own in spans])]).astype(np.intp)
        return cls(flat[:, 0], flat[:, 1], first, np.array([len(text) for text in texts], np.intp))

    @property
    def message(self) -> Places:
        """The text of each span."""
        return np.repeat(np.arange(len(self.sizes)), np.diff(self.first))

    def overlaps(self, message: NDArray[np.integer], start: Offsets, end: Offsets) -> Overlaps:
        """With pieces ``[start, end)`` of the texts ``message``; an empty piece is nowhere."""
        base = np.cumsum(self.sizes + 1) - self.sizes - 1  # as if the texts stood in one row
        shift = base[message]
        low, high = start + shift, end + shift
        own = base[self.message]
        starts, ends = self.start + own, self.end + own
        begin = np.searchsorted(ends, low, "right")
        count = np.where(high > low, np.searchsorted(starts, high) - begin, 0)
        piece = np.repeat(np.arange(len(low)), count)
        span = np.arange(len(piece)) - np.repeat(np.cumsum(count) - count - begin, count)
        order = np.argsort(span, kind="stable")
        piece, span = piece[order], span[order]
        low, high = low[piece], high[piece]
        share = (np.minimum(high, ends[span]) - np.maximum(low, starts[span])) / (high - low)
        first = np.searchsorted(span, np.arange(len(starts) + 1))
        return Overlaps(piece, share.astype(np.float32), first)
