"""Stand-ins that tell the truth: an encoder that separates texts, a chat model that follows a script."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Sequence

import numpy as np
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import Field

from inference.embeddings import Matrix, SpanEmbeddings, TokenEmbeddings, Tokens
from kit.text import words


class HashEncoder:
    """An encoder without a model: words hashed into buckets, so that texts that share words are near.

    Deterministic, needs no file, and ranks by word overlap; for tests that are not about meaning.
    """

    def __init__(self, *, dimensions: int = 384, identity: str = "hash@1") -> None:
        self.dimensions = dimensions
        self.identity = identity

    def encode(self, texts: Sequence[str]) -> Matrix:
        """One unit vector per text: (number of texts, dimensions)."""
        return np.stack([self._vector(text) for text in texts]) if texts else self._nothing()

    def encode_with_spans(
        self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]
    ) -> SpanEmbeddings:
        """As ``encode``, and a vector for each span of each text."""
        pieces = [
            self.encode([text[start:end] for start, end in places])
            for text, places in zip(texts, spans, strict=True)
        ]
        return SpanEmbeddings(self.encode(texts), pieces)

    def encode_with_tokens(self, texts: Sequence[str]) -> TokenEmbeddings:
        """As ``encode``; the tokens are the words."""
        return TokenEmbeddings(self.encode(texts), [self._tokens(text) for text in texts])

    def _tokens(self, text: str) -> Tokens:
        spans = [match.span() for match in re.finditer(r"\S+", text)]
        states = [self._sum(text[start:end]) for start, end in spans]
        offsets = np.array([(0, 0), *spans], dtype=np.int32)
        return Tokens(offsets, np.stack([self._nearly_nothing(), *states]))

    def _nothing(self) -> Matrix:
        return np.zeros((0, self.dimensions), dtype=np.float32)

    def _nearly_nothing(self) -> Matrix:
        return np.full(self.dimensions, 1e-6, dtype=np.float32)

    def _vector(self, text: str) -> Matrix:
        vector = self._nearly_nothing() + self._sum(text)
        return vector / np.linalg.norm(vector)

    def _sum(self, text: str) -> Matrix:
        vector = np.zeros(self.dimensions, dtype=np.float32)
        for word in words(text):
            digest = hashlib.blake2b(word.encode(), digest_size=8).digest()
            vector[int.from_bytes(digest[:4], "little") % self.dimensions] += 1.0 if digest[4] & 1 else -1.0
        return vector


class ScriptedChatModel(BaseChatModel):
    """A chat model that says what ``replies`` hold, one a call, and keeps what it was asked in ``requests``.

    An exception among the replies is raised. Streams word by word. Raises ``AssertionError`` when it is asked
    more often than it has replies: a test that does not know how often a model is asked proves little.
    """

    replies: list[str | Exception]
    requests: list[list[BaseMessage]] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002 (LangChain calls with these)
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: object,  # noqa: ARG002
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage(content=self._next(messages)))])

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002 (LangChain calls with these)
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: object,  # noqa: ARG002
    ) -> AsyncIterator[ChatGenerationChunk]:
        for piece in re.findall(r"\s*\S+\s*", self._next(messages)):
            yield ChatGenerationChunk(message=AIMessageChunk(content=piece))

    def _next(self, messages: list[BaseMessage]) -> str:
        self.requests.append(messages)
        if not self.replies:
            raise AssertionError("the scripted model was asked more often than it has replies")
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply
