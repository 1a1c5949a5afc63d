"""The port for sentence encoders, and what every encoder is wrapped in: a cache and micro-batches."""

from __future__ import annotations

import asyncio
import sys
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

Vector = NDArray[np.float32]
Matrix = NDArray[np.float32]

# Token states kept for whoever asks next about the same text, 6 MiB at 384 dimensions: whoever searches and
# whoever triages a message ask within milliseconds of one another.
_KEPT_TOKENS = 4096


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


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the texts that an encoder was given: ``places`` among them, and what it made of those."""

    places: Sequence[int]
    encoded: TokenEmbeddings


@dataclass(frozen=True, slots=True)
class Passes:
    """Passes that run: ``offsets`` of each text's tokens, as in ``Tokens``, and ``parts`` as they end."""

    offsets: Sequence[NDArray[np.int32]]
    parts: Iterator[Part]


@runtime_checkable
class BackgroundEncoder(Protocol):
    """An encoder whose passes run beside the thread that began them."""

    def begin(self, windows: Iterable[Sequence[str]]) -> AbstractContextManager[Passes]:
        """Begin passes over windows of texts, numbered throughout. Parts come as they end, in any order.

        The next window is asked for when there is room for it, which may be before an earlier one has ended.

        What is done before the first part is asked for, and between two of them, costs no time of its own
        where the machine has a core to spare. Inside, the same thread must not use the encoder again.
        """
        ...


@contextmanager
def begun(encoder: Encoder, windows: Iterable[Sequence[str]]) -> Iterator[Passes]:
    """As ``BackgroundEncoder.begin``, for any encoder: one that cannot has encoded everything by then."""
    if isinstance(encoder, BackgroundEncoder):
        with encoder.begin(windows) as passes:
            yield passes
    else:
        texts = [text for window in windows for text in window]
        encoded = encoder.encode_with_tokens(texts)
        yield Passes([one.offsets for one in encoded.tokens], iter([Part(range(len(texts)), encoded)]))


def whole(parts: Iterable[Part]) -> TokenEmbeddings:
    """What all of ``parts`` say, in the order of the texts."""
    (part,) = grouped(parts, sys.maxsize)
    if len(part.places) == 1:
        return part.encoded
    order = sorted(range(len(part.places)), key=part.places.__getitem__)
    return TokenEmbeddings(part.encoded.texts[order], [part.encoded.tokens[place] for place in order])


def grouped(parts: Iterable[Part], least: int) -> Iterator[Part]:
    """``parts`` joined into such of ``least`` texts or more; the last may have fewer."""
    waiting: list[Part] = []
    for part in parts:
        waiting.append(part)
        if sum(len(one.places) for one in waiting) >= least:
            yield _joined(waiting)
            waiting = []
    if waiting:
        yield _joined(waiting)


def _joined(parts: Sequence[Part]) -> Part:
    if len(parts) == 1:
        return parts[0]
    vectors = np.concatenate([part.encoded.texts for part in parts])
    tokens = [one for part in parts for one in part.encoded.tokens]
    return Part([place for part in parts for place in part.places], TokenEmbeddings(vectors, tokens))


class EncoderEmbeddings(Embeddings):
    """An ``Encoder`` behind LangChain's ``Embeddings``, with a bounded cache and micro-batched queries.

    Queries that arrive while the encoder is busy are encoded together in its next pass: under load a
    pass serves many conversations, and an idle server adds no waiting. A text that several ask for is
    encoded once, whether they want its vector or its tokens. ``cache_size`` is the number of query vectors
    kept (least recently used go first); 4,096 vectors of 384 floats take 6 MiB.
    """

    def __init__(self, encoder: Encoder, *, cache_size: int = 4096, max_batch: int = 32) -> None:
        self.encoder = encoder
        self._cache: OrderedDict[str, Vector] = OrderedDict()
        self._cache_size = cache_size
        self._max_batch = max_batch
        self._tokens: OrderedDict[str, Tokens] = OrderedDict()
        self._tokens_kept = 0
        self._waiting: dict[str, asyncio.Future[_Encoded]] = {}
        self._pass: asyncio.Future[TokenEmbeddings] | None = None

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
        missing: list[str] = []
        for text in dict.fromkeys(texts):
            cached = self._cache.get(text)
            if cached is None:
                missing.append(text)
            else:
                self._cache.move_to_end(text)
                found[text] = cached
        found.update((text, vector) for text, (vector, _) in (await self._encoded(missing)).items())
        return np.stack([found[text] for text in texts])

    async def encode_queries_with_tokens(self, texts: Sequence[str]) -> TokenEmbeddings:
        """As ``encode_queries``, and the tokens of each text; a pass that is under way serves both."""
        found: dict[str, _Encoded] = {}
        missing: list[str] = []
        for text in dict.fromkeys(texts):
            if text in self._cache and text in self._tokens:
                self._cache.move_to_end(text)
                self._tokens.move_to_end(text)
                found[text] = self._cache[text], self._tokens[text]
            else:
                missing.append(text)
        found.update(await self._encoded(missing))
        return TokenEmbeddings(
            np.stack([found[text][0] for text in texts]), [found[text][1] for text in texts]
        )

    async def _encoded(self, texts: Sequence[str]) -> dict[str, _Encoded]:
        """The next passes' results for texts, each of which is there once."""
        pending = {text: self._wait_for(text) for text in texts}
        if self._pass is None:
            self._start_pass()
        # Shielded: one caller going away must not fail the others who wait for the same text.
        return {text: await asyncio.shield(future) for text, future in pending.items()}

    def _wait_for(self, text: str) -> asyncio.Future[_Encoded]:
        future = self._waiting.get(text)
        if future is None:
            future = self._waiting[text] = asyncio.get_running_loop().create_future()
        return future

    def _start_pass(self) -> None:
        batch = list(self._waiting)[: self._max_batch]
        if batch:
            # With tokens always: an encoder has them anyway, and who wants them may ask while it runs.
            loop = asyncio.get_running_loop()
            running = loop.run_in_executor(None, self.encoder.encode_with_tokens, batch)
            running.add_done_callback(lambda done: self._end_pass(batch, done))
            self._pass = running

    def _end_pass(self, batch: Sequence[str], done: asyncio.Future[TokenEmbeddings]) -> None:
        self._pass = None
        futures = [self._waiting.pop(text) for text in batch]
        error = asyncio.CancelledError() if done.cancelled() else done.exception()
        if error is not None:
            for future in futures:
                if not future.done():
                    future.set_exception(error)
        else:
            encoded = done.result()
            for text, future, vector, tokens in zip(
                batch, futures, encoded.texts, encoded.tokens, strict=True
            ):
                self._remember(text, vector)
                self._remember_tokens(text, tokens)
                if not future.done():
                    future.set_result((vector, tokens))
        self._start_pass()

    def _remember(self, text: str, vector: Vector | None) -> None:
        if vector is not None:
            self._cache[text] = vector
        self._cache.move_to_end(text)
        while len(self._cache) > self._cache_size:
            self._cache.popitem(last=False)

    def _remember_tokens(self, text: str, tokens: Tokens) -> None:
        self._forget_tokens(text)
        # A copy: the states are a part of those of the whole batch, which would stay with them.
        self._tokens[text] = Tokens(tokens.offsets, tokens.states.copy())
        self._tokens_kept += _size(tokens)
        while self._tokens_kept > _KEPT_TOKENS:
            self._forget_tokens(next(iter(self._tokens)))

    def _forget_tokens(self, text: str) -> None:
        known = self._tokens.pop(text, None)
        if known is not None:
            self._tokens_kept -= _size(known)


_Encoded = tuple[Vector, Tokens]


def _size(tokens: Tokens) -> int:
    return max(len(tokens.states), 1)
