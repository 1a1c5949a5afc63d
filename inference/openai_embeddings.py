"""An OpenAI-compatible embeddings endpoint in the place of the bundled sentence encoder."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from urllib.parse import urlsplit

import httpx
import numpy as np
from langchain_core.exceptions import LangChainException
from langchain_openai import OpenAIEmbeddings
from openai import AuthenticationError, NotFoundError, OpenAIError, PermissionDeniedError, RateLimitError
from pydantic import SecretStr

from inference.embeddings import Matrix, SpanEmbeddings, TokenEmbeddings, Tokens
from inference.errors import (
    ModelMalformed,
    ModelMissing,
    ModelRateLimited,
    ModelRejected,
    ModelUnavailable,
)

_PROBE = "probe"


@dataclass(frozen=True, slots=True)
class EmbeddingsConfig:
    """Which endpoint to ask for embeddings.

    ``dimensions`` None asks the endpoint once. ``batch`` texts go into one request; ``attempts`` requests
    are made for each batch, the client waiting as ``Retry-After`` says.
    """

    base_url: str
    model: str
    api_key: SecretStr | None = None
    dimensions: int | None = None
    timeout_seconds: float = 30.0
    batch: int = 128
    attempts: int = 3


class OpenAiEncoder:
    """An ``Encoder`` behind ``/embeddings`` of an OpenAI-compatible server.

    Spans are embedded as texts of their own: the server gives no token vectors to pool.
    """

    def __init__(self, config: EmbeddingsConfig) -> None:
        self._config = config
        self._client = httpx.Client(timeout=config.timeout_seconds, trust_env=False)
        self._embeddings = OpenAIEmbeddings(
            model=config.model,
            openai_api_base=config.base_url,
            openai_api_key=config.api_key or SecretStr("none"),
            openai_proxy=None,
            # Otherwise texts are sent as OpenAI's token numbers, which no other server understands.
            check_embedding_ctx_length=False,
            chunk_size=config.batch,
            max_retries=config.attempts - 1,
            request_timeout=config.timeout_seconds,
            http_client=self._client,
            http_async_client=httpx.AsyncClient(timeout=config.timeout_seconds, trust_env=False),
        )

    @property
    def identity(self) -> str:
        """Model and server; a hash stands for the whole address, which may hold a tenant's name."""
        digest = hashlib.sha256(self._config.base_url.rstrip("/").encode()).hexdigest()[:8]
        return f"{self._config.model}@{urlsplit(self._config.base_url).hostname}-{digest}"

    @cached_property
    def dimensions(self) -> int:
        """Length of a vector: as configured, else asked of the server once."""
        return self._config.dimensions or int(self._ask([_PROBE]).shape[1])

    def encode(self, texts: Sequence[str]) -> Matrix:
        """One unit vector per text: (number of texts, dimensions); an empty text is a row of zeros.

        Raises ``ModelRejected``, ``ModelMissing``, ``ModelRateLimited``, ``ModelUnavailable``,
        ``ModelMalformed``.
        """
        full = [place for place, text in enumerate(texts) if text.strip()]
        if not full:
            return np.zeros((len(texts), self.dimensions), dtype=np.float32)
        vectors = self._ask([texts[place] for place in full])
        self.__dict__.setdefault("dimensions", self._config.dimensions or vectors.shape[1])
        if vectors.shape[1] != self.dimensions:
            raise ModelMalformed(
                f"{self.identity} gave vectors of {vectors.shape[1]} numbers, not {self.dimensions}."
            )
        matrix = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        matrix[full] = vectors
        return matrix

    def encode_with_spans(
        self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]
    ) -> SpanEmbeddings:
        """As ``encode``, and a vector for each span ``[start, end)`` of characters of each text."""
        pieces = [text[start:end] for text, places in zip(texts, spans, strict=True) for start, end in places]
        vectors = self.encode([*texts, *pieces])
        bounds = np.cumsum([len(texts), *(len(places) for places in spans)])
        return SpanEmbeddings(
            vectors[: len(texts)],
            [vectors[start:end] for start, end in pairwise(bounds)],
        )

    def encode_with_tokens(self, texts: Sequence[str]) -> TokenEmbeddings:
        """As ``encode``; the server shows no tokens."""
        vectors = self.encode(texts)
        nothing = Tokens(np.zeros((0, 2), np.int32), np.zeros((0, vectors.shape[1]), np.float32))
        return TokenEmbeddings(vectors, [nothing for _ in texts])

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _ask(self, texts: list[str]) -> Matrix:
        try:
            rows = self._embeddings.embed_documents(texts)
            vectors = np.asarray(rows, dtype=np.float32)
        except (AuthenticationError, PermissionDeniedError) as error:
            raise ModelRejected(f"{self.identity} does not accept the key.") from error
        except NotFoundError as error:
            raise ModelMissing(f"The server knows no embedding model {self._config.model!r}.") from error
        except RateLimitError as error:
            raise ModelRateLimited(f"{self.identity} takes no more requests now.") from error
        except (OpenAIError, LangChainException, httpx.HTTPError) as error:
            raise ModelUnavailable(f"{self.identity} does not answer.") from error
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ModelMalformed(f"{self.identity} sent something that is no list of embeddings.") from error
        if vectors.ndim != 2 or len(vectors) != len(texts) or not vectors.any(axis=1).all():
            raise ModelMalformed(f"{self.identity} did not send one vector for each text.")
        unit: Matrix = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit
