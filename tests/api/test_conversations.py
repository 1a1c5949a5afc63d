from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from api.sse import Feed
from kit.errors import Unavailable
from store.access import Scope
from tests.api.conftest import ARTICLE, QUOTE, STEPS, TITLE, World, serving

pytestmark = pytest.mark.anyio

SSE = {"Accept": "text/event-stream"}


async def open_one(client: httpx.AsyncClient) -> str:
    response = await client.post("/v1/conversations", json={})
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


async def say(client: httpx.AsyncClient, conversation: str, text: str) -> dict[str, dict[str, object]]:
    response = await client.post(f"/v1/conversations/{conversation}/messages", json={"text": text})
    assert response.status_code == 201, response.text
    turn: dict[str, dict[str, object]] = response.json()
    return turn


def events(text: str) -> list[tuple[str, dict[str, object], str | None]]:
    """Name, data and id of each server-sent event in ``text``."""
    found = []
    for frame in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in frame.split("\n") if line and not line.startswith(":"))
        if fields:
            found.append((fields["event"], json.loads(fields["data"]), fields.get("id")))
    return found


async def test_a_question_gets_an_answer_with_citations(client: httpx.AsyncClient) -> None:
    conversation = await open_one(client)
    turn = await say(client, conversation, "How long?")
    assert turn["message"]["text"] == "How long?"
    assert turn["conversation"]["owner"] == "bot"
    reply = turn["reply"]
    assert (reply["kind"], reply["reply_to"]) == ("answer", turn["message"]["id"])
    citations = reply["citations"]
    assert isinstance(citations, list)
    assert [(item["number"], item["sentence"]) for item in citations] == [(1, 0), (2, 1), (1, 1)]
    assert [item["quote"] for item in citations] == [QUOTE, STEPS, QUOTE]


async def test_a_conversation_can_be_read_back(client: httpx.AsyncClient) -> None:
    conversation = await open_one(client)
    await say(client, conversation, "One?")
    await say(client, conversation, "Two?")
    assert (await client.get(f"/v1/conversations/{conversation}")).json()["status"] == "open"
    first = (await client.get(f"/v1/conversations/{conversation}/messages?limit=3")).json()
    assert [item["sequence"] for item in first["items"]] == [1, 2, 3]
    rest = (await client.get(f"/v1/conversations/{conversation}/messages?after={first['next']}")).json()
    assert ([item["sequence"] for item in rest["items"]], rest["next"]) == ([4], None)


async def test_conversations_are_listed_youngest_first_in_pages(client: httpx.AsyncClient) -> None:
    opened = [await open_one(client) for _ in range(3)]
    page = (await client.get("/v1/conversations?limit=2&owner=bot&status=open")).json()
    assert [item["id"] for item in page["items"]] == sorted(opened, reverse=True)[:2]
    rest = (await client.get(f"/v1/conversations?limit=2&before={page['next']}")).json()
    assert ([item["id"] for item in rest["items"]], rest["next"]) == (sorted(opened)[:1], None)


async def test_listing_all_conversations_needs_the_agent_scope(world: World) -> None:
    async with world.client("chat") as client:
        assert (await client.get("/v1/conversations")).status_code == 403


async def test_a_streamed_turn_gives_tokens_citations_the_message_and_done(client: httpx.AsyncClient) -> None:
    conversation = await open_one(client)
    await say(client, conversation, "Before?")
    response = await client.post(
        f"/v1/conversations/{conversation}/messages", json={"text": "How long?"}, headers=SSE
    )
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    found = events(response.text)
    names = [name for name, _, _ in found]
    assert names[0] == "message"  # the customer's own, not what was said before
    assert found[0][1]["text"] == "How long?"
    assert names[-5:] == ["citation", "citation", "citation", "message", "done"]
    assert "token" in names
    draft = "".join(str(data["text"]) for name, data, _ in found if name == "token")
    reply = found[-2][1]
    assert draft.strip() == reply["text"]
    done = found[-1][1]
    assert done["message_id"] == reply["id"]
    assert done["conversation"]["owner"] == "bot"  # type: ignore[index]  # JSON
    assert all(event_id is None for name, _, event_id in found if name == "citation")
    assert int(str(found[-2][2])) > int(str(found[0][2]))


async def test_a_stream_ends_at_once_while_a_person_has_the_conversation(client: httpx.AsyncClient) -> None:
    conversation = await open_one(client)
    await client.post(f"/v1/conversations/{conversation}/claim", json={"agent": "Maya"})
    response = await client.post(
        f"/v1/conversations/{conversation}/messages", json={"text": "Hello?"}, headers=SSE
    )
    found = events(response.text)
    assert [name for name, _, _ in found] == ["message", "done"]
    assert found[-1][1]["message_id"] is None


async def test_a_stream_ends_when_a_person_takes_over_midway(client: httpx.AsyncClient, world: World) -> None:
    conversation = await open_one(client)
    stream = asyncio.create_task(
        client.post(f"/v1/conversations/{conversation}/messages", json={"text": "wait"}, headers=SSE)
    )
    while not world.pipeline.asked:  # noqa: ASYNC110 (a list, not an event)
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.25)  # longer than a heartbeat
    await client.post(f"/v1/conversations/{conversation}/claim", json={"agent": "Maya"})
    text = (await stream).text
    assert ": still here" in text
    assert [name for name, _, _ in events(text)] == ["message", "owner", "done"]


async def test_a_stream_to_nowhere_is_an_error_before_it_begins(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/conversations/conv_none/messages", json={"text": "Hi"}, headers=SSE)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


async def test_a_failing_answer_hands_over_and_leaks_nothing(client: httpx.AsyncClient, world: World) -> None:
    conversation = await open_one(client)
    world.pipeline.error = Unavailable("the model is down")
    turn = await say(client, conversation, "How long?")
    assert turn["reply"]["kind"] == "handover"
    assert turn["conversation"]["owner"] == "queue"


async def test_a_person_claims_replies_releases_and_resolves(client: httpx.AsyncClient) -> None:
    conversation = await open_one(client)
    turn = await say(client, conversation, "Can I talk to a person?")
    assert (turn["conversation"]["owner"], turn["conversation"]["queue"]) == ("queue", "support")
    path = f"/v1/conversations/{conversation}"
    claimed = await client.post(f"{path}/claim", json={"agent": "Maya"})
    assert (claimed.status_code, claimed.json()["agent"]) == (200, "Maya")
    taken = await client.post(f"{path}/claim", json={"agent": "Tom"})
    assert (taken.status_code, taken.json()["code"]) == (409, "already_claimed")
    assert "Maya" in taken.json()["detail"]
    said = await client.post(f"{path}/replies", json={"agent": "Maya", "text": "Hello, Maya here."})
    assert (said.status_code, said.json()["author"]) == (201, "agent")
    briefing = (await client.get(f"{path}/briefing")).json()
    assert briefing["asked"] == ["Can I talk to a person?"]
    released = await client.post(f"{path}/release", json={"agent": "Maya", "to": "queue"})
    assert released.json()["owner"] == "queue"
    resolved = await client.post(f"{path}/resolve")
    assert resolved.json()["status"] == "resolved"


async def test_a_customer_may_ask_for_a_person(client: httpx.AsyncClient) -> None:
    conversation = await open_one(client)
    response = await client.post(f"/v1/conversations/{conversation}/handoff", json={})
    assert (response.status_code, response.json()["owner"]) == (200, "queue")


async def test_a_message_can_be_rated_twice_and_the_later_counts(client: httpx.AsyncClient) -> None:
    conversation = await open_one(client)
    reply = (await say(client, conversation, "How long?"))["reply"]
    path = f"/v1/conversations/{conversation}/messages/{reply['id']}/feedback"
    assert (await client.put(path, json={"rating": "down", "reason": "too short"})).status_code == 204
    assert (await client.put(path, json={"rating": "up"})).status_code == 204
    other = await open_one(client)
    wrong = f"/v1/conversations/{other}/messages/{reply['id']}/feedback"
    assert (await client.put(wrong, json={"rating": "up"})).status_code == 404


async def test_a_citation_opens_the_version_it_quotes(client: httpx.AsyncClient) -> None:
    conversation = await open_one(client)
    reply = (await say(client, conversation, "How long?"))["reply"]
    path = f"/v1/conversations/{conversation}/messages/{reply['id']}/citations"
    quoted = (await client.get(f"{path}/2")).json()
    assert (quoted["title"], quoted["text"], quoted["current"]) == (TITLE, ARTICLE, True)
    assert quoted["text"][quoted["start"] : quoted["end"]] == STEPS
    assert (await client.get(f"{path}/3")).status_code == 404


async def follow(
    url: str, key: str, conversation: str, *, after: str | None = None
) -> AsyncIterator[tuple[str, str | None]]:
    """Name and id of each event of a conversation, from a real connection."""
    headers = {"Authorization": f"Bearer {key}"} | ({"Last-Event-ID": after} if after else {})
    async with (
        httpx.AsyncClient(base_url=url, headers=headers, timeout=10) as client,
        client.stream("GET", f"/v1/conversations/{conversation}/events") as response,
    ):
        assert response.status_code == 200
        name, event_id = "", None
        async for line in response.aiter_lines():
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("id: "):
                event_id = line[4:]
            elif not line and name:
                yield name, event_id
                name, event_id = "", None
            elif line.startswith(":"):
                yield "heartbeat", None


async def test_events_resume_after_the_last_one_seen_and_lose_none(
    world: World, client: httpx.AsyncClient
) -> None:
    conversation = await open_one(client)
    await say(client, conversation, "One?")
    async with serving(world.app) as url:
        seen: list[str] = []
        async for name, event_id in follow(url, world.keys["all"], conversation):
            if name == "message":
                seen.append(str(event_id))
                break  # the connection is lost after the customer's message
        await say(client, conversation, "Two?")
        names: list[str] = []
        async for name, event_id in follow(url, world.keys["all"], conversation, after=seen[0]):
            names.append(name)
            if name == "message":
                seen.append(str(event_id))
                if len(seen) == 4:
                    break
        assert seen == sorted(set(seen), key=int)
        assert names.count("citation") == 6


async def test_a_reader_sees_tokens_live_and_heartbeats_between(
    world: World, client: httpx.AsyncClient
) -> None:
    conversation = await open_one(client)
    names: list[str] = []
    async with serving(world.app) as url:
        async for name, _ in follow(url, world.keys["chat"], conversation):
            names.append(name)
            if names == ["heartbeat", "heartbeat"]:
                await say(client, conversation, "How long?")
            if name == "done":
                break
    assert names.count("token") > 2
    assert names[-2:] == ["message", "done"]


async def test_a_stream_ends_when_its_key_is_revoked(world: World, client: httpx.AsyncClient) -> None:
    conversation = await open_one(client)
    key = (await client.post("/v1/keys", json={"name": "reader", "scopes": ["chat"]})).json()
    async with serving(world.app) as url:
        count = 0
        async for _ in follow(url, key["secret"], conversation):
            count += 1
            if count == 1:
                await client.delete(f"/v1/keys/{key['key']['id']}")
        assert count < 5


async def test_a_developer_without_a_key_keeps_their_stream(world: World, client: httpx.AsyncClient) -> None:
    conversation = await open_one(client)
    development = world.with_config(open_access=True)
    async with serving(development.app) as url, httpx.AsyncClient(base_url=url) as local:
        beats = 0
        async with local.stream("GET", f"/v1/conversations/{conversation}/events") as response:
            async for line in response.aiter_lines():
                beats += line.startswith(":")
                if beats == 4:
                    break
    assert beats == 4


async def test_a_feed_ends_with_its_source() -> None:
    async def two() -> AsyncIterator[int]:
        yield 1
        yield 2

    feed = Feed(two(), stop=asyncio.Event())
    assert [item async for item in feed.items(heartbeat=5)] == [1, 2]
    feed.close()


async def test_a_stop_of_the_server_ends_streams(world: World, client: httpx.AsyncClient) -> None:
    conversation = await open_one(client)
    async with serving(world.app) as url:
        async for _ in follow(url, world.keys["all"], conversation):
            world.services.stopping.set()


async def test_an_agent_erases_a_conversation_and_a_customer_cannot(world: World) -> None:
    async with world.client() as agent, world.client(Scope.CHAT) as customer:
        path = f"/v1/conversations/{(await customer.post('/v1/conversations', json={})).json()['id']}"
        await customer.post(f"{path}/messages", json={"text": "How long do I have?"})
        assert (await customer.delete(path)).status_code == 403
        erased = await agent.delete(path)
        assert (erased.status_code, erased.json()) == (200, {"erased": path.rpartition("/")[2]})
        for gone in (path, f"{path}/messages", f"{path}/briefing"):
            assert (await agent.get(gone)).status_code == 404
        assert (await agent.delete(path)).status_code == 404
