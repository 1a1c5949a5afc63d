"""Haystack's documented hybrid retrieval over its memory store: BM25 and dense, joined by rank."""

from __future__ import annotations

import sys
from typing import Any

import torch
from haystack import Document, Pipeline
from haystack.components.joiners import DocumentJoiner
from haystack.components.retrievers.in_memory import InMemoryBM25Retriever, InMemoryEmbeddingRetriever
from haystack.components.writers import DocumentWriter
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack_integrations.components.embedders.sentence_transformers import (
    SentenceTransformersDocumentEmbedder,
    SentenceTransformersTextEmbedder,
)
from protocol import answer_commands, timed

_LIMIT = 10


class Haystack:
    """Embedders that stay loaded, and the pipeline over the store of the latest round."""

    def __init__(self, model: str, threads: int) -> None:
        torch.set_num_threads(threads)
        options = {
            "model": model,
            "progress_bar": False,
            "local_files_only": True,
            "normalize_embeddings": True,
        }
        self._documents: Any = SentenceTransformersDocumentEmbedder(**options)
        self._texts: Any = SentenceTransformersTextEmbedder(**options)
        for embedder in (self._documents, self._texts):
            embedder.warm_up()
        self._pipeline = Pipeline()

    def index(self, texts: list[str], name: str) -> float:
        """Seconds to embed and store ``texts`` in a new store."""
        store = InMemoryDocumentStore(embedding_similarity_function="dot_product", index=name)
        writer = DocumentWriter(store)

        def fill() -> None:
            found = self._documents.run(
                [Document(id=str(place), content=text) for place, text in enumerate(texts)]
            )
            writer.run(found["documents"])

        seconds, _ = timed(fill)
        self._pipeline = self._search(store)
        return seconds

    def query(self, text: str) -> float:
        """Seconds for the ten passages that the join ranks best."""
        inputs = {"texts": {"text": text}, "lexical": {"query": text}}
        seconds, found = timed(lambda: self._pipeline.run(inputs))
        assert len(found["join"]["documents"]) == _LIMIT
        return seconds

    def _search(self, store: InMemoryDocumentStore) -> Pipeline:
        pipeline = Pipeline()
        embedder: Any = SentenceTransformersTextEmbedder.from_dict(self._texts.to_dict())
        pipeline.add_component("texts", embedder)
        pipeline.add_component("dense", InMemoryEmbeddingRetriever(store, top_k=_LIMIT))
        pipeline.add_component("lexical", InMemoryBM25Retriever(store, top_k=_LIMIT))
        pipeline.add_component("join", DocumentJoiner(join_mode="reciprocal_rank_fusion", top_k=_LIMIT))
        pipeline.connect("texts.embedding", "dense.query_embedding")
        pipeline.connect("dense", "join")
        pipeline.connect("lexical", "join")
        pipeline.warm_up()
        return pipeline


if __name__ == "__main__":
    system = Haystack(sys.argv[1], int(sys.argv[3]))
    answer_commands({"index": system.index, "query": system.query})
