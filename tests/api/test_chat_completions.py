"""OpenAI's interface, driven by OpenAI's own client against a real server."""

from __future__ import annotations

import httpx
import openai
import pytest

from tests.api.conftest import QUOTE, STEPS, World, serving

pytestmark = pytest.mark.anyio

TEXT = f"{QUOTE}\n\n{STEPS}"
PATH = "/v1/chat/completions"


def asking(text: str) -> dict[str, object]:
    return {"model": "careloop", "messages": [{"role": "user", "content": text}]}


async def test_the_official_client_gets_an_answer_with_citations(world: World) -> None:
    async with (
        serving(world.app) as url,
        openai.AsyncOpenAI(api_key=world.keys["chat"], base_url=f"{url}/v1") as client,
    ):
        completion = await client.chat.completions.create(
            model="careloop",
            temperature=0.2,
            messages=[
                {"role": "system", "content": "You are a pirate."},
                {"role": "user", "content": "I ordered broadband."},
                {"role": "assistant", "content": "Good."},
                {"role": "user", "content": [{"type": "text", "text": "How long?"}]},
            ],
        )
        assert [model.id async for model in client.models.list()] == ["careloop"]
        assert (await client.models.retrieve("careloop")).owned_by == "careloop"
    assert completion.choices[0].message.content == TEXT
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage is not None
    assert (
        completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens
    )
    assert completion.model_extra is not None
    assert [item["quote"] for item in completion.model_extra["citations"]] == [QUOTE, STEPS, QUOTE]
    (asked,) = world.pipeline.asked
    assert asked.text == "How long?"
    assert [(turn.text, turn.by_customer) for turn in asked.history] == [
        ("I ordered broadband.", True),
        ("Good.", False),
    ]


async def test_the_official_client_gets_a_stream_with_usage_at_its_end(world: World) -> None:
    async with (
        serving(world.app) as url,
        openai.AsyncOpenAI(api_key=world.keys["chat"], base_url=f"{url}/v1") as client,
    ):
        stream = await client.chat.completions.create(
            model="careloop",
            messages=[{"role": "user", "content": "How long?"}],
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in stream]
    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(pieces) == TEXT
    assert len(pieces) > 4
    last, usage = chunks[-2:]
    assert last.choices[0].finish_reason == "stop"
    assert last.model_extra is not None
    assert last.model_extra["kind"] == "answer"
    assert len(last.model_extra["citations"]) == 3
    assert usage.choices == []
    assert usage.usage is not None
    assert usage.usage.total_tokens > 0


async def test_the_official_client_understands_our_errors(world: World) -> None:
    async with serving(world.app) as url:
        wrong = openai.AsyncOpenAI(api_key="cl_wrong", base_url=f"{url}/v1", max_retries=0)
        right = openai.AsyncOpenAI(api_key=world.keys["chat"], base_url=f"{url}/v1", max_retries=0)
        async with wrong, right:
            with pytest.raises(openai.AuthenticationError) as refused:
                await wrong.models.list()
            with pytest.raises(openai.NotFoundError) as unknown:
                await right.models.retrieve("gpt-9")
            with pytest.raises(openai.UnprocessableEntityError):
                await right.chat.completions.create(
                    model="careloop", messages=[{"role": "user", "content": " "}]
                )
    assert refused.value.code == "unauthenticated"
    assert unknown.value.code == "model_not_found"


async def test_a_stream_without_usage_ends_with_done(client: httpx.AsyncClient) -> None:
    response = await client.post(PATH, json={**asking("How long?"), "stream": True})
    lines = [line for line in response.text.split("\n\n") if line]
    assert lines[-1] == "data: [DONE]"
    assert '"usage"' not in response.text


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "assistant", "content": "Hello"}]}, None),
        ({"messages": [{"role": "user", "content": None}]}, None),
        ({"messages": [{"role": "user", "content": "x" * 8001}]}, None),
        ({"messages": [{"role": "pirate", "content": "Arr"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": "a"}], "n": 2}, "n"),
    ],
)
async def test_what_cannot_be_answered_is_refused_in_openai_s_shape(
    client: httpx.AsyncClient, body: dict[str, object], param: str | None
) -> None:
    response = await client.post(PATH, json=body)
    error = response.json()["error"]
    assert (response.status_code, error["type"], error["param"]) == (422, "invalid_request_error", param)


async def test_nothing_is_stored(client: httpx.AsyncClient) -> None:
    await client.post(PATH, json=asking("How long?"))
    assert (await client.get("/v1/conversations")).json()["items"] == []


async def test_a_question_back_comes_with_its_options(client: httpx.AsyncClient) -> None:
    answer = (await client.post(PATH, json=asking("which plan?"))).json()
    assert (answer["kind"], answer["options"], answer["citations"]) == (
        "clarify",
        ["Broadband", "Mobile"],
        [],
    )
