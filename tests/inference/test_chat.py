"""The OpenAI path: what is sent, what is waited for, and in whose words it fails."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

import httpx
import pytest
import respx
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import HumanMessage, SystemMessage
from langsmith.run_trees import configure as configure_tracing
from langsmith.utils import tracing_is_enabled
from pydantic import SecretStr

from inference.chat import ChatModelConfig, build_chat_model, split_model
from inference.errors import (
    ModelMalformed,
    ModelMissing,
    ModelRateLimited,
    ModelRefused,
    ModelRejected,
    ModelTimeout,
    ModelUnavailable,
)
from inference.fakes import ScriptedChatModel
from inference.retrying import RetryingChatModel, RetryPolicy
from kit.clock import ManualClock
from kit.errors import CareloopError

pytestmark = pytest.mark.anyio

URL = "http://llm.test/v1"
QUESTION = [SystemMessage("Be brief."), HumanMessage("How do I reset my router?")]


def completion(content: str | None, *, refusal: str | None = None, reason: str = "stop") -> httpx.Response:
    message = {"role": "assistant", "content": content, "refusal": refusal}
    return httpx.Response(
        200,
        json={
            "id": "c1",
            "object": "chat.completion",
            "created": 1,
            "model": "small",
            "choices": [{"index": 0, "message": message, "finish_reason": reason}],
        },
    )


def stream(*pieces: str, reason: str = "stop") -> httpx.Response:
    lines = []
    for place, piece in enumerate(pieces, start=1):
        choice = {
            "index": 0,
            "delta": {"content": piece},
            "finish_reason": reason if place == len(pieces) else None,
        }
        chunk = {
            "id": "c1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "small",
            "choices": [choice],
        }
        lines.append(f"data: {json.dumps(chunk)}\n\n")
    text = "".join([*lines, "data: [DONE]\n\n"])
    return httpx.Response(200, text=text, headers={"content-type": "text/event-stream"})


def failure(status: int, **headers: str) -> httpx.Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, json={"error": {"message": "no"}}, headers=names)


@dataclass
class Waits:
    """Stands in for ``asyncio.sleep`` and remembers what it was asked for."""

    seconds: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def server() -> Iterator[respx.Route]:
    with respx.mock(base_url=URL) as router:
        yield router.post("/chat/completions")


@pytest.fixture
async def model(waits: Waits) -> AsyncIterator[RetryingChatModel]:
    config = ChatModelConfig("small", base_url=URL, api_key=SecretStr("key-1"), timeout_seconds=20)
    model = build_chat_model(config)
    model.sleep = waits.sleep
    model.chance = lambda: 0.5
    model.clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    yield model
    await model.aclose()


async def test_it_sends_the_messages_and_the_key_and_gives_the_answer(
    server: respx.Route, model: RetryingChatModel
) -> None:
    server.mock(return_value=completion("Hold the button."))

    answer = await model.ainvoke(QUESTION)

    assert answer.text == "Hold the button."
    request = server.calls.last.request
    assert request.headers["authorization"] == "Bearer key-1"
    assert json.loads(request.content) == {
        "model": "small",
        "stream": False,
        "temperature": 0.0,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "How do I reset my router?"},
        ],
    }


async def test_it_streams_piece_by_piece(server: respx.Route, model: RetryingChatModel) -> None:
    server.mock(return_value=stream("Hold ", "the ", "button."))

    pieces = [piece.text async for piece in model.astream(QUESTION)]

    assert [piece for piece in pieces if piece] == ["Hold ", "the ", "button."]
    assert json.loads(server.calls.last.request.content)["stream"] is True


async def test_it_waits_as_long_as_the_server_says_and_then_succeeds(
    server: respx.Route, model: RetryingChatModel, waits: Waits
) -> None:
    server.mock(side_effect=[failure(429, retry_after="2"), completion("Now.")])

    assert (await model.ainvoke(QUESTION)).text == "Now."
    assert waits.seconds == [pytest.approx(2.1)]


async def test_it_understands_a_date_in_retry_after(
    server: respx.Route, model: RetryingChatModel, waits: Waits
) -> None:
    date = "Thu, 01 Jan 2026 00:00:04 GMT"
    server.mock(side_effect=[failure(503, retry_after=date), completion("Now.")])

    await model.ainvoke(QUESTION)

    assert waits.seconds == [pytest.approx(4.2)]


async def test_a_date_without_a_zone_is_utc_and_nonsense_is_no_date(
    server: respx.Route, model: RetryingChatModel, waits: Waits
) -> None:
    replies = [
        failure(503, retry_after="Thu, 01 Jan 2026 00:00:02"),
        failure(503, retry_after="soon"),
        completion("Now."),
    ]
    server.mock(side_effect=replies)

    await model.ainvoke(QUESTION)

    assert waits.seconds == [pytest.approx(2.1), pytest.approx(0.5)]


async def test_it_gives_up_after_three_attempts_and_says_how_long_to_wait(
    server: respx.Route, model: RetryingChatModel, waits: Waits
) -> None:
    server.mock(return_value=failure(429, retry_after="1"))

    with pytest.raises(ModelRateLimited) as caught:
        await model.ainvoke(QUESTION)

    assert server.call_count == 3
    assert caught.value.retry_after == 1.0
    assert len(waits.seconds) == 2


async def test_it_does_not_wait_longer_than_a_customer_would(
    server: respx.Route, model: RetryingChatModel, waits: Waits
) -> None:
    server.mock(return_value=failure(429, retry_after="60"))

    with pytest.raises(ModelRateLimited):
        await model.ainvoke(QUESTION)

    assert waits.seconds == []
    assert server.call_count == 1


async def test_it_backs_off_twice_as_long_each_time(
    server: respx.Route, model: RetryingChatModel, waits: Waits
) -> None:
    server.mock(side_effect=[failure(500), httpx.ConnectError("refused"), completion("Now.")])

    assert (await model.ainvoke(QUESTION)).text == "Now."
    assert waits.seconds == [0.25, 0.5]


@dataclass(frozen=True)
class Failure:
    reply: httpx.Response | Exception
    error: type[CareloopError]
    calls: int = 1


@pytest.mark.parametrize(
    "case",
    [
        Failure(failure(401), ModelRejected),
        Failure(failure(403), ModelRejected),
        Failure(failure(400), ModelRejected),
        Failure(failure(404), ModelMissing),
        Failure(failure(500), ModelUnavailable, calls=3),
        Failure(httpx.ReadTimeout("slow"), ModelTimeout, calls=3),
        Failure(httpx.Response(200, text="<html>"), ModelMalformed),
        Failure(httpx.Response(200, json={"hello": 1}), ModelMalformed),
        Failure(completion(""), ModelMalformed),
        Failure(completion(None, refusal="I cannot help with that."), ModelRefused),
        Failure(completion("", reason="content_filter"), ModelRefused),
    ],
    ids=lambda case: f"{case.error.__name__}-{case.calls}",
)
async def test_failures_are_told_in_our_own_words(
    server: respx.Route, model: RetryingChatModel, case: Failure
) -> None:
    if isinstance(case.reply, Exception):
        server.mock(side_effect=case.reply)
    else:
        server.mock(return_value=case.reply)

    with pytest.raises(case.error) as caught:
        await model.ainvoke(QUESTION)

    assert type(caught.value) is case.error
    assert server.call_count == case.calls


async def test_a_stream_is_retried_until_its_first_piece(
    server: respx.Route, model: RetryingChatModel, waits: Waits
) -> None:
    server.mock(side_effect=[failure(429, retry_after="1"), stream("Now.")])

    assert "".join([piece.text async for piece in model.astream(QUESTION)]) == "Now."
    assert len(waits.seconds) == 1


async def test_a_stream_that_breaks_off_is_not_begun_again(
    server: respx.Route, model: RetryingChatModel
) -> None:
    broken = stream("Hold ").text.replace("data: [DONE]\n\n", "data: {broken\n\n")
    server.mock(return_value=httpx.Response(200, text=broken, headers={"content-type": "text/event-stream"}))

    heard = []
    with pytest.raises(ModelMalformed):
        async for piece in model.astream(QUESTION):
            heard.append(piece.text)  # noqa: PERF401 (what was heard before the error counts)

    assert "".join(heard) == "Hold "
    assert server.call_count == 1


async def test_a_filtered_stream_is_a_refusal(server: respx.Route, model: RetryingChatModel) -> None:
    server.mock(return_value=stream("Hold", reason="content_filter"))

    with pytest.raises(ModelRefused):
        _ = [piece async for piece in model.astream(QUESTION)]


async def test_a_deadline_bounds_all_attempts_together() -> None:
    slow = RetryingChatModel(model=FakeListChatModel(responses=["late"], sleep=5), name_of_model="slow")
    slow.timeout_seconds = 0.05

    with pytest.raises(ModelTimeout, match=r"within 0\.05 seconds"):
        await slow.ainvoke(QUESTION)
    with pytest.raises(ModelTimeout):
        _ = [piece async for piece in slow.astream(QUESTION)]


async def test_an_error_of_our_own_passes_unchanged() -> None:
    error = ModelRefused("no")
    model = RetryingChatModel(model=ScriptedChatModel(replies=[error, error]), name_of_model="scripted")

    with pytest.raises(ModelRefused) as caught:
        await model.ainvoke(QUESTION)
    assert caught.value is error


def test_the_plain_call_gives_answers_and_our_errors_too() -> None:
    replies: list[str | Exception] = ["Hold the button.", ValueError("no")]
    model = RetryingChatModel(model=ScriptedChatModel(replies=replies), name_of_model="scripted")

    assert model.invoke(QUESTION).text == "Hold the button."
    with pytest.raises(ModelMalformed):
        model.invoke(QUESTION)


async def test_closing_a_model_without_connections_is_fine() -> None:
    model = RetryingChatModel(model=ScriptedChatModel(replies=[]), name_of_model="scripted")
    await model.aclose()
    assert model._llm_type == "retrying-scripted"


def test_a_scripted_model_tells_when_it_is_asked_too_often() -> None:
    with pytest.raises(AssertionError, match="more often"):
        ScriptedChatModel(replies=[]).invoke(QUESTION)


@dataclass(frozen=True)
class Split:
    model: str
    expected: tuple[str, str]


@pytest.mark.parametrize(
    "case",
    [
        Split("gpt-5-mini", ("openai", "gpt-5-mini")),
        Split("openai:gpt-5-mini", ("openai", "gpt-5-mini")),
        Split("anthropic:claude-x", ("anthropic", "claude-x")),
        Split("llama3:8b", ("openai", "llama3:8b")),
        Split("ollama:llama3:8b", ("ollama", "llama3:8b")),
    ],
    ids=lambda case: case.model,
)
def test_a_provider_is_named_before_a_colon(case: Split) -> None:
    assert split_model(case.model) == case.expected


def test_a_model_of_openai_needs_a_key() -> None:
    with pytest.raises(ModelMissing, match="API key"):
        build_chat_model(ChatModelConfig("gpt-5-mini"))


def test_a_provider_that_is_not_installed_says_what_to_do() -> None:
    with pytest.raises(ModelMissing, match="OpenAI-compatible"):
        build_chat_model(ChatModelConfig("mistralai:small", api_key=SecretStr("k")))


def test_settings_that_no_model_takes_are_a_missing_model() -> None:
    with pytest.raises(ModelMissing, match="cannot be set up"):
        build_chat_model(ChatModelConfig("small", base_url=URL, temperature=cast("float", "hot")))


async def test_a_server_of_ones_own_needs_no_key_and_the_environment_is_not_asked(
    server: respx.Route, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret-of-the-shell")
    monkeypatch.setenv("OPENAI_API_BASE", "http://elsewhere.test/v1")
    monkeypatch.setenv("OPENAI_PROXY", "http://proxy.test")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test")
    server.mock(return_value=completion("Hello."))
    model = build_chat_model(ChatModelConfig("small", base_url=URL, temperature=None))

    await model.ainvoke(QUESTION)
    await model.aclose()

    request = server.calls.last.request
    assert request.headers["authorization"] == "Bearer none"
    assert "temperature" not in json.loads(request.content)


def test_nothing_is_traced_to_a_third_party(monkeypatch: pytest.MonkeyPatch) -> None:
    configure_tracing(enabled=None)
    monkeypatch.setenv("LANGSMITH_TRACING", "true")

    build_chat_model(ChatModelConfig("small", base_url=URL))

    assert tracing_is_enabled() is False


def test_waits_without_advice_are_bounded() -> None:
    policy = RetryPolicy(first_wait=1, longest_wait=4)

    assert [policy.wait(attempt, retry_after=None, chance=1.0) for attempt in (1, 2, 3, 9)] == [1, 2, 4, 4]
