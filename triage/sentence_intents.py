"""The sentences of messages, each of which may be about something else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.embeddings import Matrix
from kit.text import sentences
from triage.spans import FlatTokens, Spans

_MOST = 8  # sentences of a message


@dataclass(frozen=True, slots=True)
class Sentences:
    """The sentences of those messages that may have several; ``owner`` (sentences,) says whose they are."""

    spans: Spans
    owner: NDArray[np.intp]

    @classmethod
    def of(cls, texts: Sequence[str]) -> Sentences:
        """Of ``texts``."""
        found = [
            [(one.start, one.end) for one in sentences(text)[:_MOST]] if several(text) else []
            for text in texts
        ]
        spans = Spans.of(texts, found)
        return cls(spans, spans.message)

    def seen(self, tokens: FlatTokens) -> tuple[NDArray[np.intp], Matrix]:
        """Of the sentences that the encoder read: their numbers, and their vectors from the whole's pass."""
        overlaps = self.spans.overlaps(tokens.message, tokens.start, tokens.end)
        read = np.flatnonzero(np.diff(overlaps.first))
        sums = overlaps.times(tokens.states, share=False)[read]
        return read, sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)


def several(text: str) -> bool:
    """Whether there may be more than one sentence; cheap, for most messages are one."""
    return any(mark in text[:-1] for mark in ".!?\n…。！？")
