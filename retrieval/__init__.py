"""Where an answer stands: search over the passages of a knowledge base."""

from retrieval.errors import IndexEncoderChanged, IndexUnavailable
from retrieval.index import ChromaIndex, Filter, MemoryIndex, VectorHit, VectorIndex
from retrieval.query import HistoryTurn
from retrieval.retriever import RankedPassage, Retrieval, Retriever

__all__ = [
    "ChromaIndex",
    "Filter",
    "HistoryTurn",
    "IndexEncoderChanged",
    "IndexUnavailable",
    "MemoryIndex",
    "RankedPassage",
    "Retrieval",
    "Retriever",
    "VectorHit",
    "VectorIndex",
]
