"""Second opinions: asked for after the answer, recorded beside the ticket, and added up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
import respx
from pydantic import SecretStr

from inference.chat import ChatModelConfig, build_chat_model
from inference.retrying import RetryPolicy
from tests.api.conftest import World
from tests.api.test_tickets import PARCEL, correct, take_in
from tests.api.test_triage import REFUND, triage_of
from tests.api.tiny_triage import shop_taxonomy
from triage.opinion_report import Prices
from triage.second_opinion import Candidate, OpinionPolicy, SecondOpinions

pytestmark = pytest.mark.anyio

URL = "http://llm.test/v1"
IN_DOUBT = OpinionPolicy(low=0.0, high=1.0, share=1.0)


@pytest.fixture
def model_server() -> Iterator[respx.Route]:
    with respx.mock(base_url=URL, assert_all_called=False) as router:
        yield router.post("/chat/completions")


def says(label: str, reason: str = "Because it says so.") -> httpx.Response:
    message = {"role": "assistant", "content": json.dumps({"label": label, "reason": reason})}
    body = {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "small",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 300, "completion_tokens": 20, "total_tokens": 320},
    }
    return httpx.Response(200, json=body)


async def asking(world: World, policy: OpinionPolicy) -> AsyncIterator[World]:
    """The same, with a language model that is asked for second opinions."""
    model = build_chat_model(
        ChatModelConfig("small", base_url=URL, api_key=SecretStr("key"), retries=RetryPolicy(attempts=1))
    )
    leaves = shop_taxonomy().leaves.items()
    labels = {name: Candidate(intent.title, intent.description) for name, intent in leaves}
    opinions = SecondOpinions(model, labels, policy=policy, model_name="small", clock=world.clock)
    parts = replace(triage_of(world), second_opinion=opinions, prices=Prices(1.0, 10.0))
    made = world.with_services(triage=parts)
    yield made
    await made.app.state.opinions.stop()
    await model.aclose()


@pytest.fixture
async def doubting(each_world: World) -> AsyncIterator[World]:
    async for made in asking(each_world, IN_DOUBT):
        yield made


@pytest.fixture
async def client(doubting: World) -> AsyncIterator[httpx.AsyncClient]:
    async with doubting.client() as client:
        yield client


async def with_opinion(client: httpx.AsyncClient, ticket: dict[str, Any]) -> dict[str, Any]:
    """The ticket, once its second opinion is there."""
    while True:
        found: dict[str, Any] = (await client.get(f"/v1/tickets/{ticket['id']}")).json()
        if found["second_opinion"] is not None:
            return found
        await asyncio.sleep(0.02)


async def test_an_opinion_is_recorded_beside_what_the_classifier_said(
    doubting: World, client: httpx.AsyncClient, model_server: respx.Route
) -> None:
    model_server.mock(return_value=says("logistics.delivery", "Asks for the lamp."))
    made = await take_in(client, f"{REFUND} Write to ann.smith@example.com")
    assert (made["certainty"], made["second_opinion"]) == ("not_sure", None)
    found = await with_opinion(client, made)
    opinion = found.pop("second_opinion")
    assert found | {"second_opinion": None} == made
    assert made["intent"] == "billing.refund"
    assert (opinion["classifier"], opinion["label"], opinion["agrees"]) == (
        "billing.refund",
        "logistics.delivery",
        False,
    )
    assert (opinion["reason"], opinion["model"], opinion["failure"]) == ("Asks for the lamp.", "small", None)
    assert (opinion["input_tokens"], opinion["output_tokens"]) == (300, 20)
    assert opinion["at"] == "2026-01-01T00:00:00Z"
    sent = model_server.calls.last.request.content.decode()
    assert "ann.smith@example.com" not in sent
    assert "billing.invoice" in sent
    (listed,) = (await client.get("/v1/tickets")).json()["items"]
    assert listed["second_opinion"] == opinion
    corrected = await correct(client, made["id"], kind="intent", became="billing.refund")
    assert corrected["ticket"]["second_opinion"] == opinion
    again = await client.post(
        "/v1/tickets", json={"text": REFUND, "source": made["source"], "external_id": made["external_id"]}
    )
    assert again.json()["ticket"]["second_opinion"] == opinion
    assert model_server.call_count == 1


async def test_a_model_that_does_not_answer_is_on_record_and_keeps_nobody_waiting(
    client: httpx.AsyncClient, model_server: respx.Route
) -> None:
    model_server.mock(return_value=httpx.Response(500))
    found = await with_opinion(client, await take_in(client))
    opinion = found["second_opinion"]
    assert (opinion["label"], opinion["agrees"], opinion["failure"]) == (None, None, "model_unavailable")


async def test_a_ticket_that_was_erased_meanwhile_stays_erased(
    doubting: World, client: httpx.AsyncClient, model_server: respx.Route
) -> None:
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slowly(_: httpx.Request) -> httpx.Response:
        asked.set()
        await answer.wait()
        return says("billing.refund")

    model_server.mock(side_effect=slowly)
    made = await take_in(client)
    await asked.wait()
    await client.delete(f"/v1/tickets/{made['id']}")
    answer.set()
    await asyncio.gather(*doubting.app.state.opinions._tasks)
    assert (await client.get("/v1/triage/second-opinions")).json()["asked"] == 0


async def test_a_stopping_server_waits_for_no_opinion(
    doubting: World, client: httpx.AsyncClient, model_server: respx.Route
) -> None:
    asked = asyncio.Event()

    async def never(_: httpx.Request) -> httpx.Response:
        asked.set()
        await asyncio.sleep(60)
        return says("billing.refund")

    model_server.mock(side_effect=never)
    made = await take_in(client)
    await asked.wait()
    await asyncio.wait_for(doubting.app.state.opinions.stop(), 2)
    assert (await client.get(f"/v1/tickets/{made['id']}")).json()["second_opinion"] is None


async def test_only_what_is_in_doubt_is_asked_and_as_far_as_the_budget_goes(
    world: World, model_server: respx.Route
) -> None:
    model_server.mock(return_value=says("billing.refund"))
    async for narrow in asking(world, replace(IN_DOUBT, high=0.01)):
        async with narrow.client() as client:
            made = await take_in(client)
            await asyncio.gather(*narrow.app.state.opinions._tasks)
            assert (await client.get(f"/v1/tickets/{made['id']}")).json()["second_opinion"] is None
    assert model_server.call_count == 0
    async for frugal in asking(world, replace(IN_DOUBT, calls_per_minute=1)):
        async with frugal.client() as client:
            await with_opinion(client, await take_in(client))
            second = await with_opinion(client, await take_in(client))
            assert second["second_opinion"]["failure"] == "over_budget"
    assert model_server.call_count == 1


async def test_cost_and_gain_are_added_up(
    doubting: World, client: httpx.AsyncClient, model_server: respx.Route
) -> None:
    model_server.mock(
        side_effect=[says("logistics.delivery"), says("billing.refund"), says("none"), httpx.Response(400)]
    )
    tickets = [await with_opinion(client, await take_in(client)) for _ in range(4)]
    right = ("logistics.delivery", "sales.stock", "oos", None)
    for ticket, intent in zip(tickets, right, strict=True):
        if intent is not None:
            await correct(client, ticket["id"], kind="intent", became=intent)
    found = (await client.get("/v1/triage/second-opinions")).json()
    assert (found["enabled"], found["asked"], found["answered"], found["none"]) == (True, 4, 3, 1)
    assert found["failures"] == [{"code": "model_rejected", "count": 1}]
    assert (found["input_tokens"], found["output_tokens"]) == (900, 60)
    assert found["cost"] == pytest.approx(900 / 1e6 + 60 * 10 / 1e6)
    assert found["settled"] == 3
    share = found["put_right"]
    assert (share["hits"], share["trials"], share["share"]) == (2, 3, pytest.approx(2 / 3))
    assert 0 < share["low"] < 2 / 3 < share["high"] < 1
    assert (found["opinion_right"]["hits"], found["classifier_right"]["hits"]) == (2, 0)
    assert found["gain"]["value"] == 1
    assert found["tokens_per_correction"] == 480
    assert "Of what the classifier got wrong, the model got right: 2 of 3" in found["report"]

    doubting.clock.advance(timedelta(hours=1))
    later = (await client.get("/v1/triage/second-opinions?since=2026-01-01T00:00:01Z")).json()
    assert (later["asked"], later["agreed"]["share"], later["gain"]) == (0, None, None)


async def test_without_a_model_nothing_is_asked(world: World) -> None:
    async with world.client() as client:
        assert (await take_in(client, PARCEL))["second_opinion"] is None
        found = (await client.get("/v1/triage/second-opinions")).json()
    assert (found["enabled"], found["asked"], found["cost"], found["tokens_per_correction"]) == (
        False,
        0,
        None,
        None,
    )
