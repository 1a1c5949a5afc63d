"""A chat model that waits when its server says so, gives up in time, and fails in our own words."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.exceptions import (
    LangChainException,
    ModelAuthenticationError,
    ModelError,
    ModelInvalidRequestError,
    ModelNotFoundError,
    ModelPermissionDeniedError,
    ModelRateLimitError,
    ModelTimeoutError,
)
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from openai import OpenAIError
from pydantic import ConfigDict, SkipValidation

from inference.errors import (
    ModelMalformed,
    ModelMissing,
    ModelRateLimited,
    ModelRefused,
    ModelRejected,
    ModelTimeout,
    ModelUnavailable,
)
from kit.clock import Clock, SystemClock
from kit.errors import CareloopError

# What model integrations raise: LangChain's tree, the raw errors of client and transport that pass through
# it in the middle of a stream, and what parsing an unexpected body raises.
MODEL_FAILURES = (
    LangChainException,
    OpenAIError,
    httpx.HTTPError,
    TimeoutError,
    ValueError,
    TypeError,
    KeyError,
)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how long to wait for a model's server.

    Waits double from ``first_wait`` seconds, with full jitter (Brooker, "Exponential backoff and jitter",
    AWS 2015). What ``Retry-After`` says (RFC 9110, section 10.2.3) goes before, with up to a tenth on top;
    beyond ``longest_wait`` seconds it is not waited for.
    """

    attempts: int = 3
    first_wait: float = 0.5
    longest_wait: float = 8.0

    def wait(self, attempt: int, *, retry_after: float | None, chance: float) -> float:
        """Seconds to wait after failed ``attempt`` (from 1); ``chance`` in [0, 1) is the jitter."""
        if retry_after is not None:
            return retry_after * (1 + 0.1 * chance)
        return min(self.longest_wait, self.first_wait * 2.0 ** (attempt - 1)) * chance


class RetryingChatModel(BaseChatModel):
    """``model`` with bounded retries, one deadline for all of them, and errors of ``inference.errors``.

    A stream is retried until its first piece has arrived. Only the asynchronous calls retry.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    model: BaseChatModel
    name_of_model: str
    timeout_seconds: float = 20.0
    retries: RetryPolicy = RetryPolicy()
    client: httpx.AsyncClient | None = None
    clock: SkipValidation[Clock] = SystemClock()
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = random.random

    @property
    def _llm_type(self) -> str:
        return f"retrying-{self.model._llm_type}"  # noqa: SLF001 (what LangChain has wrappers read)

    async def aclose(self) -> None:
        """Close the connections."""
        if self.client is not None:
            await self.client.aclose()

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002 (LangChain's signature)
        **kwargs: Any,  # noqa: ANN401
    ) -> ChatResult:
        try:
            return _result(self.model.invoke(messages, stop=stop, **kwargs))
        except MODEL_FAILURES as error:
            raise self._translated(error) from error

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002 (LangChain's signature)
        **kwargs: Any,  # noqa: ANN401
    ) -> ChatResult:
        deadline = self._deadline()
        attempt = 1
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    return _result(await self.model.ainvoke(messages, stop=stop, **kwargs))
            except MODEL_FAILURES as error:
                await self._wait_or_raise(error, attempt, deadline)
            attempt += 1

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002 (LangChain's signature)
        **kwargs: Any,  # noqa: ANN401
    ) -> AsyncIterator[ChatGenerationChunk]:
        deadline = self._deadline()
        attempt, begun, whole = 1, False, AIMessageChunk(content="")
        while True:
            pieces = self.model.astream(messages, stop=stop, **kwargs)
            try:
                async for piece in _until(pieces, deadline):
                    begun = True
                    whole += piece
                    yield ChatGenerationChunk(message=piece)
            except MODEL_FAILURES as error:
                if begun:
                    raise self._translated(error) from error
                await self._wait_or_raise(error, attempt, deadline)
            else:
                _require_answer(whole)
                return
            attempt += 1

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self.timeout_seconds

    async def _wait_or_raise(self, error: Exception, attempt: int, deadline: float) -> None:
        """Wait before the next attempt, or raise ``error`` in our words where there is to be none."""
        retry_after = self._retry_after(error)
        wait = self.retries.wait(attempt, retry_after=retry_after, chance=self.chance())
        time_left = deadline - asyncio.get_running_loop().time()
        hopeless = wait >= time_left or (retry_after or 0.0) > self.retries.longest_wait
        if not _may_pass(error) or attempt >= self.retries.attempts or hopeless:
            raise self._translated(error) from error
        await self.sleep(wait)

    def _retry_after(self, error: Exception) -> float | None:
        """Seconds in the ``Retry-After`` of the response that ``error`` carries, if it does."""
        value = getattr(getattr(error, "response", None), "headers", {}).get("retry-after")
        if value is None:
            return None
        try:
            return max(0.0, float(value))
        except ValueError:
            pass
        try:
            date = parsedate_to_datetime(value)
        except ValueError:
            return None
        if date.tzinfo is None:
            date = date.replace(tzinfo=UTC)
        return max(0.0, (date - self.clock.now()).total_seconds())

    def _translated(self, error: Exception) -> CareloopError:
        if isinstance(error, ModelRateLimitError):
            detail = f"The server of {self.name_of_model!r} takes no more requests now."
            return ModelRateLimited(detail, retry_after=self._retry_after(error))
        for kinds, kind, detail in _TRANSLATIONS:
            if isinstance(error, kinds):
                return kind(detail.format(name=self.name_of_model, timeout=self.timeout_seconds))
        detail = f"The server of {self.name_of_model!r} sent something that is no answer of a chat model."
        return ModelMalformed(detail)


# The first that fits counts.
_TRANSLATIONS: tuple[tuple[tuple[type[Exception], ...], type[CareloopError], str], ...] = (
    (
        (ModelTimeoutError, TimeoutError, httpx.TimeoutException),
        ModelTimeout,
        "The model {name!r} did not answer within {timeout:g} seconds.",
    ),
    (
        (ModelAuthenticationError, ModelPermissionDeniedError),
        ModelRejected,
        "The server of {name!r} does not accept the key.",
    ),
    ((ModelNotFoundError,), ModelMissing, "The server knows no model {name!r}."),
    ((ModelInvalidRequestError,), ModelRejected, "The server of {name!r} does not accept the request."),
    (
        (LangChainException, OpenAIError, httpx.HTTPError),
        ModelUnavailable,
        "The server of {name!r} does not answer.",
    ),
)


async def _until(pieces: AsyncIterator[AIMessageChunk], deadline: float) -> AsyncIterator[AIMessageChunk]:
    while True:
        async with asyncio.timeout_at(deadline):
            piece = await anext(pieces, None)
        if piece is None:
            return
        yield piece


def _may_pass(error: Exception) -> bool:
    """Whether the same request may succeed a moment later."""
    return (isinstance(error, ModelError) and error.is_retryable) or isinstance(error, httpx.TransportError)


def _result(message: AIMessage) -> ChatResult:
    _require_answer(message)
    return ChatResult(generations=[ChatGeneration(message=message)])


def _require_answer(message: AIMessage) -> None:
    """Raise where a server wraps a refusal or nothing at all into a success."""
    reason = message.response_metadata.get("finish_reason") or message.response_metadata.get("stop_reason")
    if message.additional_kwargs.get("refusal") or reason in {"content_filter", "refusal", "SAFETY"}:
        raise ModelRefused("The model declined to answer.")
    if not message.text.strip() and not message.tool_calls:
        raise ModelMalformed("The model answered with nothing.")
