"""LangChain over Chroma with the same encoder weights: the retrieval half of its documented RAG chain."""

from __future__ import annotations

import sys
from typing import Any

import torch
from langchain_chroma import Chroma
from langchain_huggingface import HuggingFaceEmbeddings
from protocol import answer_commands, timed

_LIMIT = 10


class LangChain:
    """An embedding model and the collection of the latest round."""

    def __init__(self, model: str, folder: str, threads: int) -> None:
        torch.set_num_threads(threads)
        self._embeddings = HuggingFaceEmbeddings(
            model_name=model,
            model_kwargs={"device": "cpu", "local_files_only": True},
            encode_kwargs={"normalize_embeddings": True, "batch_size": 32},
        )
        self._folder = folder
        self._store: Chroma

    def index(self, texts: list[str], name: str) -> float:
        """Seconds to embed and store ``texts`` in a new collection."""
        self._store = Chroma(
            collection_name=name,
            embedding_function=self._embeddings,
            persist_directory=self._folder,
            collection_metadata={"hnsw:space": "cosine"},
        )
        return timed(lambda: self._store.add_texts(texts))[0]

    def query(self, text: str) -> float:
        """Seconds for the ten nearest passages."""
        seconds, found = timed(lambda: self._store.similarity_search(text, k=_LIMIT))
        assert len(found) == _LIMIT
        return seconds

    def embed(self, texts: list[str]) -> list[list[float]]:
        """Vectors of ``texts``: the reference for the encoder's cosine."""
        return self._embeddings.embed_documents(texts)


if __name__ == "__main__":
    system: Any = LangChain(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    answer_commands({"index": system.index, "query": system.query, "embed": system.embed})
