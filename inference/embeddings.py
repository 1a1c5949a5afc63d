"""The port for sentence encoders, and the two wrappers every encoder gets: a cache and micro-batches."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

Vector = NDArray[np.float32]
Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class SpanEmbeddings:
    """Embeddings of texts and of spans in them, from one pass.

    ``texts``: (number of texts, dimensions), unit length. ``spans``: for each text, (number of its spans,
    dimensions), unit length, in the order given; a span that lies beyond what the encoder reads of
    the text is a row of zeros.
    """

    texts: Matrix
    spans: list[Matrix]


@dataclass(frozen=True, slots=True)
class Tokens:
    """What an encoder made of each token of a text.

    ``offsets``: (tokens, 2), the characters a token stands for, [0, 0) for one that stands for none.
    ``states``: (tokens, dimensions); their mean, at unit length, is the text's vector.
    """

    offsets: NDArray[np.int32]
    states: Matrix


@dataclass(frozen=True, slots=True)
class TokenEmbeddings:
    """Embeddings of texts (number of texts, dimensions) and, from the same pass, of the tokens of each."""

    texts: Matrix
    tokens: list[Tokens]


class Encoder(Protocol):
    """A sentence encoder: texts in, unit vectors out.

    ``identity`` names model and version; vectors of different identities must never be compared.
    """

    @property
    def identity(self) -> str:
        """Name of the model and a hash of its weights."""
        ...

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        ...

    def encode(self, texts: Sequence[str]) -> Matrix:
        """One unit vector per text: (number of texts, dimensions)."""
        ...

    def encode_with_spans(
        self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]
    ) -> SpanEmbeddings:
        """As ``encode``, and a vector for each span ``[start, end)`` of characters of each text."""
        ...

    def encode_with_tokens(self, texts: Sequence[str]) -> TokenEmbeddings:
        """As ``encode``, and the tokens of each text; none, where the encoder does not show them."""
        ...


class EncoderEmbeddings(Embeddings):
    """An ``Encoder`` behind LangChain's ``Embeddings``, with a bounded cache and micro-batched queries.

    Queries that arrive while the encoder is busy are encoded together in its next pass: under load a
    pass serves many conversations, and an idle server adds no waiting. ``cache_size`` is the number of
    query vectors kept (least recently used go first); 4,096 vectors of 384 floats take 6 MiB.
    """

    def __init__(self, encoder: Encoder, *, cache_size: int = 4096, max_batch: int = 32) -> None:
        self.encoder = encoder
        self._cache: OrderedDict[str, Vector] = OrderedDict()
        self._cache_size = cache_size
        self._max_batch = max_batch
        self._waiting: dict[str, asyncio.Future[Vector]] = {}
        self._pass: asyncio.Future[Matrix] | None = None

    @property
    def identity(self) -> str:
        """Identity of the encoder behind it."""
        return self.encoder.identity

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return self.encoder.dimensions

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """LangChain's call: one unit vector per text; not cached."""
        vectors: list[list[float]] = self.encoder.encode(texts).tolist()
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """LangChain's call: the unit vector of ``text``."""
        vector: list[float] = self.encode_now([text])[0].tolist()
        return vector

    async def aembed_query(self, text: str) -> list[float]:
        """LangChain's call: the unit vector of ``text``."""
        vector: list[float] = (await self.encode_queries([text]))[0].tolist()
        return vector

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """LangChain's call, in a thread."""
        return await asyncio.to_thread(self.embed_documents, texts)

    def encode_now(self, texts: Sequence[str]) -> Matrix:
        """Vectors (number of texts, dimensions) on the calling thread, through the cache."""
        missing = [text for text in dict.fromkeys(texts) if text not in self._cache]
        fresh = dict(zip(missing, self.encoder.encode(missing), strict=True)) if missing else {}
        result = np.stack([fresh[text] if text in fresh else self._cache[text] for text in texts])
        for text in texts:
            self._remember(text, fresh.get(text))
        return result

    async def encode_queries(self, texts: Sequence[str]) -> Matrix:
        """Vectors (number of texts, dimensions) of short texts, through the cache, micro-batched."""
        found: dict[str, Vector] = {}
        pending: dict[str, asyncio.Future[Vector]] = {}
        for text in dict.fromkeys(texts):
            cached = self._cache.get(text)
            if cached is not None:
                self._cache.move_to_end(text)
                found[text] = cached
            else:
                pending[text] = self._wait_for(text)
        if self._pass is None:
            self._start_pass()
        for text, future in pending.items():
            # Shielded: one caller going away must not fail the others who wait for the same text.
            found[text] = await asyncio.shield(future)
        return np.stack([found[text] for text in texts])

    def _wait_for(self, text: str) -> asyncio.Future[Vector]:
        future = self._waiting.get(text)
        if future is None:
            future = self._waiting[text] = asyncio.get_running_loop().create_future()
        return future

    def _start_pass(self) -> None:
        batch = list(self._waiting)[: self._max_batch]
        if batch:
            running = asyncio.get_running_loop().run_in_executor(None, self.encoder.encode, batch)
            running.add_done_callback(lambda done: self._end_pass(batch, done))
            self._pass = running

    def _end_pass(self, batch: Sequence[str], done: asyncio.Future[Matrix]) -> None:
        self._pass = None
        futures = [self._waiting.pop(text) for text in batch]
        error = asyncio.CancelledError() if done.cancelled() else done.exception()
        if error is not None:
            for future in futures:
                if not future.done():
                    future.set_exception(error)
        else:
            for text, future, vector in zip(batch, futures, done.result(), strict=True):
                self._remember(text, vector)
                if not future.done():
                    future.set_result(vector)
        self._start_pass()

    def _remember(self, text: str, vector: Vector | None) -> None:
        if vector is not None:
            self._cache[text] = vector
        self._cache.move_to_end(text)
        while len(self._cache) > self._cache_size:
            self._cache.popitem(last=False)
