"""What each sentence of a message is about, from the token states of the pass over the whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from inference.embeddings import Matrix, Tokens
from kit.text import Span, sentences
from triage.ngrams import Ngrams, find_ngrams

_MOST = 8  # sentences of a message


@dataclass(frozen=True, slots=True)
class Sentences:
    """The sentences of those messages that may have several.

    ``owners`` (sentences,) are the messages' places, ``spans`` where they stand, ``counted`` (sentences,
    n-grams) what is in them.
    """

    owners: list[int]
    spans: list[Span]
    counted: csr_matrix

    @classmethod
    def of(cls, texts: Sequence[str], ngrams: Ngrams) -> Sentences:
        """Of ``texts``, counted as ``ngrams`` does."""
        found = [
            (number, span)
            for number, text in enumerate(texts)
            if several(text)
            for span in sentences(text)[:_MOST]
        ]
        spans = [span for _, span in found]
        counted = ngrams.matrix(find_ngrams([span.text for span in spans]))
        return cls([number for number, _ in found], spans, counted)

    def seen(self, tokens: Sequence[Tokens]) -> tuple[list[int], csr_matrix, Matrix]:
        """Of the sentences that the encoder read: whose they are, what is in them, and their vectors."""
        if not tokens:
            return [], self.counted[:0], np.zeros((0, 0), np.float32)
        vectors = [
            _pooled(tokens[owner], span.start, span.end)
            for owner, span in zip(self.owners, self.spans, strict=True)
        ]
        kept = [place for place, vector in enumerate(vectors) if vector is not None]
        counted = self.counted if len(kept) == len(vectors) else self.counted[kept]
        read = np.array([vectors[place] for place in kept], np.float32)
        return [self.owners[place] for place in kept], counted, read


def several(text: str) -> bool:
    """Whether there may be more than one sentence; cheap, for most messages are one."""
    return any(mark in text[:-1] for mark in ".!?\n…。！？")


def _pooled(tokens: Tokens, start: int, end: int) -> Matrix | None:
    if not len(tokens.states):
        return None
    inside = (tokens.offsets[:, 0] < end) & (tokens.offsets[:, 1] > start)
    if not inside.any():
        return None
    mean = tokens.states[inside].mean(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12), np.float32)
