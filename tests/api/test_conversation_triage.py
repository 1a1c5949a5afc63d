"""What triage says of a conversation, for those who may see it: real models of a small shop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from bot.assistant import Assistant
from bot.conversations import ConversationStore
from careloop.turn_labeller import TurnLabeller
from inference.embeddings import EncoderEmbeddings
from tests.api.conftest import World
from tests.api.test_auth import PAGE, visitor_token
from tests.api.test_conversations import SSE, events, open_one, say
from tests.triage.shop import messages
from tests.triage.tiny_models import ENCODER

pytestmark = pytest.mark.anyio

REFUND = next(
    example.text
    for example in messages(40, seed=7)
    if example.label == "refund" and "wait" not in example.text  # a word of the scripted pipeline
)
PERSON = "I want my money back, refund me. Is any person there?"


@pytest.fixture
async def shop(world: World) -> AsyncIterator[World]:
    """The world with an assistant that triages."""
    assert world.services.triage is not None
    assistant = Assistant(
        database=world.services.database,
        conversations=ConversationStore(world.services.cipher),
        pipeline=world.pipeline,
        clock=world.clock,
        labeller=TurnLabeller(world.services.triage, EncoderEmbeddings(ENCODER), clock=world.clock),
    )
    yield world.with_services(chat=assistant)
    await assistant.stop()


async def _messages(client: httpx.AsyncClient, conversation: str) -> list[dict[str, Any]]:
    """The messages, once the last of the customer's has labels."""
    for _ in range(200):
        found = await client.get(f"/v1/conversations/{conversation}/messages")
        items: list[dict[str, Any]] = found.json()["items"]
        if all(item["triage"] for item in items if item["author"] == "customer"):
            return items
        await asyncio.sleep(0.01)
    raise AssertionError("no labels")


async def test_agents_see_what_triage_says_of_a_message(shop: World) -> None:
    async with shop.client() as client:
        conversation = await open_one(client)
        await say(client, conversation, REFUND)
        asked, reply = await _messages(client, conversation)
        alone = (await client.post("/v1/triage", json={"text": REFUND, "channel": "api"})).json()["results"][
            0
        ]
    said = asked["triage"]
    assert reply["triage"] is None
    assert said["messages"] == [asked["id"]]
    same = ("certainty", "intent", "queue", "priority", "sentiment", "signals", "language", "origin", "model")
    assert {name: said[name] for name in same} == {name: alone[name] for name in same}
    for words in said["intent"]["evidence"]:
        assert asked["text"][words["start"] : words["end"]] == words["text"]


async def test_who_may_chat_only_sees_nothing_of_it(shop: World) -> None:
    async with shop.client("chat") as client, shop.client() as agent:
        conversation = await open_one(client)
        turn = await say(client, conversation, PERSON)
        assert (await _messages(agent, conversation))[0]["triage"] is not None
        listed = (await client.get(f"/v1/conversations/{conversation}/messages")).json()["items"]
        waiting = (await client.get(f"/v1/conversations/{conversation}")).json()
        stream = await client.post(
            f"/v1/conversations/{conversation}/messages", json={"text": "Hello?"}, headers=SSE
        )
    assert turn["message"]["triage"] is None
    assert all(item["triage"] is None for item in listed)
    for shown in (turn["conversation"], waiting, events(stream.text)[-1][1]["conversation"]):
        assert shown["owner"] == "queue"  # type: ignore[index]  # JSON
        assert (shown["queue"], shown["priority"]) == (None, None)  # type: ignore[index]  # JSON


async def test_visitors_see_nothing_of_it_in_their_stream(shop: World) -> None:
    token = str((await visitor_token(shop))["token"])
    async with shop.client(token, origin=PAGE) as visitor, shop.client() as agent:
        conversation = await open_one(visitor)
        response = await visitor.post(
            f"/v1/conversations/{conversation}/messages", json={"text": PERSON}, headers=SSE
        )
        await _messages(agent, conversation)
        guessed = await visitor.get("/v1/conversations?queue=billing")
    assert guessed.status_code == 403
    names = [name for name, _, _ in events(response.text)]
    assert "labels" not in names
    assert names[-1] == "done"
    assert "priority" not in response.text.replace('"priority":null', "")
    assert "billing" not in response.text
    assert "evidence" not in response.text


async def test_agents_are_told_in_their_stream(shop: World) -> None:
    async with shop.client() as client:
        conversation = await open_one(client)
        path = f"/v1/conversations/{conversation}/messages"
        stream = asyncio.create_task(client.post(path, json={"text": f"wait: {REFUND}"}, headers=SSE))
        while not shop.pipeline.asked:  # noqa: ASYNC110 (a list, not an event)
            await asyncio.sleep(0.01)
        (asked,) = await _messages(client, conversation)
        shop.pipeline.gate.set()
        told = [data for name, data, _ in events((await stream).text) if name == "labels"]
    assert told == [{"message_id": asked["id"], "triage": asked["triage"]}]


async def test_a_handover_says_where_it_waits_how_soon_somebody_has_to_look_and_why(shop: World) -> None:
    async with shop.client() as client:
        opened = await client.post("/v1/conversations", json={"channel": "letter"})
        conversation = opened.json()["id"]
        turn = await say(client, conversation, PERSON)
        briefing = (await client.get(f"/v1/conversations/{conversation}/briefing")).json()
        (waiting,) = (await client.get("/v1/conversations?queue=accounts")).json()["items"]
    assert turn["conversation"]["queue"] == "accounts"
    assert waiting["priority"] == turn["conversation"]["priority"] is not None
    insights = briefing["insights"]
    assert insights["priority"] == waiting["priority"]
    assert any("letters about refunds: queue accounts" in line for line in insights["why"])
    assert insights["mood"]["trend"] is None
    assert -1 <= insights["mood"]["score"] <= 1


async def test_mail_of_a_machine_ends_the_stream_and_gets_no_reply(shop: World) -> None:
    sent = {"text": "I am away.", "headers": {"Auto-Submitted": "auto-replied"}}
    async with shop.client() as client:
        conversation = await open_one(client)
        path = f"/v1/conversations/{conversation}/messages"
        turn = (await client.post(path, json=sent)).json()
        stream = await client.post(path, json=sent, headers=SSE)
        away, _ = await _messages(client, conversation)
    assert (turn["reply"], turn["message"]["kind"], turn["conversation"]["owner"]) == (
        None,
        "automatic",
        "bot",
    )
    names = [name for name, _, _ in events(stream.text)]
    assert (names[0], names[-1]) == ("message", "done")
    assert away["triage"]["origin"]["name"] == "auto_reply"
    assert shop.pipeline.asked == []


async def test_what_a_visitor_writes_is_answered_whatever_headers_it_has(shop: World) -> None:
    sent = {"text": "How long?", "headers": {"Auto-Submitted": "auto-replied"}}
    token = str((await visitor_token(shop))["token"])
    async with shop.client(token, origin=PAGE) as visitor:
        conversation = await open_one(visitor)
        turn = (await visitor.post(f"/v1/conversations/{conversation}/messages", json=sent)).json()
    assert (turn["message"]["kind"], turn["reply"]["kind"]) == ("message", "answer")
