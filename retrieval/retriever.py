"""From a conversation to ranked passages: dense and lexical candidates, fused and reranked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kit.ids import WorkspaceId
from knowledge_base.document import Passage
from retrieval.index import Filter
from retrieval.query import HistoryTurn


@dataclass(frozen=True, slots=True)
class RankedPassage:
    """A passage with the score it was ranked by and what that score is made of.

    ``dense`` is the cosine of the last turn and the passage, in [-1, 1]; ``lexical`` the BM25 score of
    the last turn's words, 0 or more; ``history_dense`` and ``history_lexical`` the same for the turns
    before (0 without history); ``subject`` the share of the document's name said in the conversation,
    in [0, 1]. ``score`` orders passages of one search; it is on the scale of a cosine and grows with
    the length of the conversation, so compare it within a search only.
    """

    passage: Passage
    score: float
    dense: float
    lexical: float
    history_dense: float = 0.0
    history_lexical: float = 0.0
    subject: float = 0.0
    embedding: NDArray[np.float16] | None = None  # (dimensions,), unit length
    sentence_embeddings: NDArray[np.float16] | None = (
        None  # (sentences of kit.text.sentences(text), dimensions)
    )


@dataclass(frozen=True, slots=True)
class Retrieval:
    """The outcome of one search.

    ``passages`` come best first. ``standalone`` is the question with what it takes from the history (the
    question itself unless a rewriter is set). ``dependence`` in [0, 1] says how much the last turn leans
    on the history, 0 without one. ``vector`` (dimensions,) is the last turn's, for whoever else needs it.
    """

    passages: tuple[RankedPassage, ...]
    standalone: str
    dependence: float
    vector: NDArray[np.float32]


class Retriever(Protocol):
    """Finds the passages that answer a customer's turn, in one workspace."""

    async def search(
        self,
        workspace: WorkspaceId,
        question: str,
        *,
        history: Sequence[HistoryTurn] = (),
        limit: int = 10,
        where: Filter | None = None,
    ) -> Retrieval:
        """The ``limit`` best passages for ``question``, said after ``history`` (oldest first).

        ``where`` keeps passages whose metadata has, for every key, that value (or one of those values).
        Raises ``IndexUnavailable``, ``IndexEncoderChanged`` or ``store.errors.DatabaseUnavailable``.
        """
        ...
