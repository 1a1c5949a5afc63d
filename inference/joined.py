"""Two encoders side by side: what both make of a text is one vector, of both in equal parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inference.embeddings import Encoder, Matrix, SpanEmbeddings, TokenEmbeddings, Tokens

_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class JoinedEncoder:
    """``first`` and ``second``, which read the same tokens; a cosine is the mean of theirs."""

    first: Encoder
    second: Encoder

    @property
    def identity(self) -> str:
        """Both identities."""
        return f"{self.first.identity}+{self.second.identity}"

    @property
    def dimensions(self) -> int:
        """Length of a vector: of one of each."""
        return self.first.dimensions + self.second.dimensions

    def encode(self, texts: Sequence[str]) -> Matrix:
        """One unit vector per text: (number of texts, dimensions)."""
        return _side_by_side(self.first.encode(texts), self.second.encode(texts))

    def encode_with_spans(
        self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]
    ) -> SpanEmbeddings:
        """As ``encode``, and a vector for each span ``[start, end)`` of characters of each text."""
        first = self.first.encode_with_spans(texts, spans)
        second = self.second.encode_with_spans(texts, spans)
        return SpanEmbeddings(
            _side_by_side(first.texts, second.texts),
            [_side_by_side(*own) for own in zip(first.spans, second.spans, strict=True)],
        )

    def encode_with_tokens(self, texts: Sequence[str]) -> TokenEmbeddings:
        """As ``encode``, and the tokens of each text."""
        return join(self.first.encode_with_tokens(texts), self.second.encode_with_tokens(texts))


def join(first: TokenEmbeddings, second: TokenEmbeddings) -> TokenEmbeddings:
    """What a ``JoinedEncoder`` makes of texts of which its parts made ``first`` and ``second``.

    The states of each part are scaled so that their sum has length one: then the mean of the joined states,
    at unit length, is the joined vector again.
    """
    tokens = [
        Tokens(one.offsets, _side_by_side(_shares(one.states), _shares(other.states)))
        for one, other in zip(first.tokens, second.tokens, strict=True)
    ]
    return TokenEmbeddings(_side_by_side(first.texts, second.texts), tokens)


def balance(vectors: Matrix) -> Matrix:
    """Vectors (texts, dimensions) of both parts in equal parts again, as means of joined states are not."""
    return _side_by_side(*(_unit(part) for part in np.split(vectors, 2, axis=1)))


def first_part(vectors: Matrix) -> Matrix:
    """The unit vectors (texts, dimensions) of the first encoder, of joined ones."""
    return _unit(np.split(vectors, 2, axis=1)[0])


def _side_by_side(first: Matrix, second: Matrix) -> Matrix:
    return np.asarray(np.concatenate([first, second], axis=1) / np.sqrt(2), np.float32)


def _shares(states: Matrix) -> Matrix:
    return states / max(float(np.linalg.norm(states.sum(axis=0))), _TINY)


def _unit(vectors: Matrix) -> Matrix:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), _TINY), np.float32)
