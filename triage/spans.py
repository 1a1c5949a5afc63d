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
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Overlaps:
    """Where pieces and spans overlap, by the span: ``share`` of the characters of a piece are in it."""

    piece: Places
    share: NDArray[np.float32]
    first: Places  # (spans + 1,), where those of each span begin


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

    @classmethod
    def none(cls, texts: Sequence[str]) -> Spans:
        """No spans of ``texts``."""
        return cls.of(texts, [()] * len(texts))

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


class Pooling:
    """Sums of the token states of texts: by word, by sentence, and of the whole text.

    ``offsets`` are those of each text's tokens. A token counts for a word with the share of its characters
    that are in it, for a sentence as a whole; ``read`` has the numbers of the sentences with a token in them.
    """

    def __init__(self, offsets: Sequence[Offsets], words: Spans, sentences: Spans) -> None:
        flat = np.concatenate(offsets)
        sizes = np.array([len(one) for one in offsets])
        message = np.repeat(np.arange(len(offsets)), sizes)
        by_word = words.overlaps(message, flat[:, 0], flat[:, 1])
        by_sentence = sentences.overlaps(message, flat[:, 0], flat[:, 1])
        whole = np.concatenate([[0], np.cumsum(sizes)])
        self.read = np.flatnonzero(np.diff(by_sentence.first))
        self._message = words.message
        self._bounds = len(words.start), len(words.start) + len(sentences.start)
        share = np.ones(len(by_word.piece) + len(by_sentence.piece) + len(flat), np.float32)
        share[: len(by_word.piece)] = by_word.share
        piece = np.concatenate([by_word.piece, by_sentence.piece, np.arange(len(flat))])
        firsts, shift = [by_word.first, by_sentence.first[1:], whole[1:]], (0, len(by_word.piece))
        first = np.concatenate(
            [firsts[0], firsts[1] + shift[1], firsts[2] + shift[1] + len(by_sentence.piece)]
        )
        shape = self._bounds[1] + len(offsets), len(flat)
        self._rows = csr_matrix((share, piece.astype(np.int32), first.astype(np.int32)), shape=shape)

    def __call__(self, tokens: Sequence[Tokens]) -> tuple[Matrix, Matrix]:
        """What each word adds to its text's vector, and unit vectors of what was ``read``."""
        sums = np.asarray(self._rows @ np.concatenate([one.states for one in tokens]))
        words, sentences, texts = np.split(sums, self._bounds)
        lengths = np.maximum(np.linalg.norm(texts, axis=1, keepdims=True), _TINY)
        read = sentences[self.read]
        return words / lengths[self._message], read / np.maximum(
            np.linalg.norm(read, axis=1, keepdims=True), _TINY
        )
