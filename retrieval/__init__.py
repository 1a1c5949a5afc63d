"""Where an answer stands: search over the passages of a knowledge base."""

from retrieval.errors import IndexEncoderChanged, IndexUnavailable
from retrieval.index import ChromaIndex, Filter, MemoryIndex, VectorHit, VectorIndex
from retrieval.query import HistoryTurn
from retrieval.rerank import ConversationReranker, LastTurnOnly, Reranker
from retrieval.retriever import HybridRetriever, QueryEncoder, RankedPassage, Retrieval, Retriever, Rewriter

__all__ = [
    "ChromaIndex",
    "ConversationReranker",
    "Filter",
    "HistoryTurn",
    "HybridRetriever",
    "IndexEncoderChanged",
    "IndexUnavailable",
    "LastTurnOnly",
    "MemoryIndex",
    "QueryEncoder",
    "RankedPassage",
    "Reranker",
    "Retrieval",
    "Retriever",
    "Rewriter",
    "VectorHit",
    "VectorIndex",
]
