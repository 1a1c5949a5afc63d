"""From a conversation to ranked passages: dense and lexical candidates, fused and reranked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.ids import WorkspaceId
from knowledge_base.document import Passage
from retrieval.candidates import StoredPassage, VersionCache, read_passages
from retrieval.fusion import Candidates, Found, Scores, line_up
from retrieval.index import Filter, Matrix, VectorHit, VectorIndex
from retrieval.lexical import LexicalHit, lexical_search
from retrieval.query import ConversationQuery, HistoryTurn, QueryVectors, query_vectors, read_conversation
from retrieval.rerank import ConversationReranker, Reranker
from store.engine import Database

_DEPTH = 100  # candidates of each search: the gold passage is beyond them in one question of a thousand


@dataclass(frozen=True, slots=True)
class RankedPassage:
    """A passage with the score it was ranked by and what that score is made of.

    ``dense`` is the cosine of the last turn and the passage, in [-1, 1]; ``lexical`` the BM25 score of
    the last turn's words, 0 or more; ``history_dense`` and ``history_lexical`` the same for the turns
    before (0 without history); ``subject`` the share of the document's name said in the conversation,
    in [0, 1]. ``score`` orders passages of one search; it grows with what the conversation says, so
    compare it within a search only.
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


class QueryEncoder(Protocol):
    """Encodes short texts; ``inference.embeddings.EncoderEmbeddings`` is one."""

    async def encode_queries(self, texts: Sequence[str]) -> Matrix:
        """Unit vectors (number of texts, dimensions)."""
        ...


class Rewriter(Protocol):
    """Turns a follow-up into a question that stands alone."""

    async def rewrite(self, question: str, history: Sequence[HistoryTurn]) -> str:
        """``question`` as it would be asked without ``history``; ``question`` itself when in doubt."""
        ...


class HybridRetriever:
    """Searches vectors and words for the last turn and for the history, and ranks what both found.

    Passages come from ``database``, which decides what exists: a passage whose row is gone is never
    returned, whatever the index still holds.
    """

    def __init__(
        self,
        database: Database,
        encoder: QueryEncoder,
        index: VectorIndex,
        *,
        rewriter: Rewriter | None = None,
        reranker: Reranker | None = None,
    ) -> None:
        self._database = database
        self._encoder = encoder
        self._index = index
        self._lexical = lexical_search(database.dialect)
        self._rewriter = rewriter
        self._reranker = reranker or ConversationReranker()
        self._versions = VersionCache()

    async def search(
        self,
        workspace: WorkspaceId,
        question: str,
        *,
        history: Sequence[HistoryTurn] = (),
        limit: int = 10,
        where: Filter | None = None,
    ) -> Retrieval:
        """See ``Retriever``."""
        standalone = await self._rewriter.rewrite(question, history) if self._rewriter else question
        query = read_conversation(standalone, history)
        # The encoder and the vector index work in their threads while the database looks up the words.
        searching = asyncio.create_task(self._search_vectors(workspace, query, where))
        await asyncio.sleep(0)  # the task begins now: SQLite would not let go of the loop before it is done
        try:
            async with self._database.read() as connection:
                lexical = await self._search_words(connection, workspace, query, where)
            vectors, dense, history_dense = await searching
        finally:
            await asyncio.gather(searching, return_exceptions=True)
        found = Found(dense, history_dense, *lexical)
        async with self._database.read() as connection:
            versions = await self._versions.versions(connection, workspace, found.ids())
            candidates = line_up(query, vectors, found, versions)
            scores = self._reranker.score(candidates)
            ranked = await _read_ranked(connection, workspace, candidates, scores, limit)
        return Retrieval(
            passages=tuple(ranked),
            standalone=standalone,
            dependence=self._reranker.dependence(candidates),
            vector=vectors.last,
        )

    async def _search_vectors(
        self, workspace: WorkspaceId, query: ConversationQuery, where: Filter | None
    ) -> tuple[QueryVectors, list[VectorHit], list[VectorHit]]:
        vectors = query_vectors(await self._encoder.encode_queries(query.texts))
        asked = np.stack([vectors.last, vectors.recent] if query.turns else [vectors.last])
        hits = await self._index.query(workspace, asked, limit=_DEPTH, where=where)
        return vectors, hits[0], hits[1] if query.turns else []

    async def _search_words(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        query: ConversationQuery,
        where: Filter | None,
    ) -> tuple[list[LexicalHit], list[LexicalHit]]:
        search = self._lexical.search
        last = await search(connection, workspace, query.terms, limit=_DEPTH, where=where)
        before = await search(connection, workspace, query.history_terms, limit=_DEPTH, where=where)
        return last, before


async def _read_ranked(
    connection: AsyncConnection, workspace: WorkspaceId, candidates: Candidates, scores: Scores, limit: int
) -> list[RankedPassage]:
    """The best ``limit`` of ``candidates`` that the database still has."""
    order = np.argsort(-scores, kind="stable").tolist()
    ranked: list[RankedPassage] = []
    while order and len(ranked) < limit:
        places, order = order[: limit - len(ranked)], order[limit - len(ranked) :]
        stored = await read_passages(connection, workspace, [candidates.ids[place] for place in places])
        ranked += [
            _rank(candidates, place, float(scores[place]), stored[candidates.ids[place]])
            for place in places
            if candidates.ids[place] in stored
        ]
    return ranked


def _rank(candidates: Candidates, place: int, score: float, stored: StoredPassage) -> RankedPassage:
    return RankedPassage(
        passage=stored.passage,
        score=score,
        dense=float(candidates.dense[place]),
        lexical=float(candidates.lexical[place]),
        history_dense=float(candidates.recent[place]),
        history_lexical=float(candidates.history_lexical[place]),
        subject=float(candidates.subject[place]),
        embedding=stored.embedding,
        sentence_embeddings=stored.sentence_embeddings,
    )
