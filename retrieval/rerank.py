"""The last word on the order of the candidates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from retrieval.fusion import Candidates, Scores


class Reranker(Protocol):
    """Scores the candidates of one search."""

    def score(self, candidates: Candidates) -> Scores:
        """One score per candidate; the highest is the best passage."""
        ...

    def dependence(self, candidates: Candidates) -> float:
        """How much the last turn leans on the history, in [0, 1]; 0 without one."""
        ...


@dataclass(frozen=True, slots=True)
class LastTurnOnly:
    """Does not rerank: cosine and BM25 of the last turn, whatever was said before."""

    lexical: float = 0.025

    def score(self, candidates: Candidates) -> Scores:
        """See ``Reranker``."""
        return candidates.dense + np.float32(self.lexical) * candidates.lexical

    def dependence(self, candidates: Candidates) -> float:  # noqa: ARG002 (the port's signature)
        """Always 0."""
        return 0.0


@dataclass(frozen=True, slots=True)
class ConversationReranker:
    """Weighs the last turn against the history by how well the last turn stands alone.

    Scores are sums of cosines and scaled BM25, not standardised: a turn that says little ("yes, please")
    scores all passages alike and thereby weighs little. To that come the average over the document (one
    passage of a document that is about nothing else beats a stray sentence), the document that the
    conversation has been about, and the names said. The defaults were chosen on one half of public
    conversations (docs/adr/0003-retrieval.md).

    ``lexical``: what a point of BM25 is worth in cosine. ``leaning``: the standout at which the history
    weighs its ``most``; beyond it, its weight falls with the power ``fall``. ``document``: weight of the
    document's average. ``topic``: weight of the document that the whole history fits best, for
    documents of several passages. ``subject``: worth in cosine of a name said in full.
    """

    lexical: float = 0.025
    leaning: float = 0.16
    fall: float = 2.0
    most: float = 0.6
    document: float = 0.4
    topic: float = 0.5
    subject: float = 0.3

    def score(self, candidates: Candidates) -> Scores:
        """See ``Reranker``."""
        c = candidates
        history = self._history_weight(c)
        last = c.dense + self.lexical * c.lexical
        before = c.recent + self.lexical * c.history_lexical
        last_document = c.dense_document + self.lexical * c.document_mean(c.lexical)
        before_document = c.recent_document + self.lexical * c.document_mean(c.history_lexical)
        topic = c.document_maximum(c.whole + self.lexical * c.history_lexical)
        several = 1 - 1 / c.size
        score = (
            last
            + history * before
            + self.document * (last_document + history * before_document)
            + self.topic * history * several * (topic - topic.sum() / max(1, topic.size))
            + self.subject * c.subject**2
        )
        return np.asarray(score, np.float32)

    def dependence(self, candidates: Candidates) -> float:
        """See ``Reranker``."""
        return self._history_weight(candidates) / self.most

    def _history_weight(self, candidates: Candidates) -> float:
        if not candidates.has_history:
            return 0.0
        return float(min(self.most, (self.leaning / max(candidates.standout, 1e-3)) ** self.fall))
