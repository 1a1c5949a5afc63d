from __future__ import annotations

import asyncio
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select, update

from api.idempotency import IdempotencyStore, Replay
from kit.ids import DEFAULT_WORKSPACE
from store.tables import idempotency_keys
from tests.api.conftest import World
from tests.api.test_conversations import SSE, events, open_one

pytestmark = pytest.mark.anyio

KEY = {"Idempotency-Key": "order-1"}


async def test_the_same_request_twice_creates_once(client: httpx.AsyncClient) -> None:
    first = await client.post("/v1/conversations", json={}, headers=KEY)
    second = await client.post("/v1/conversations", json={}, headers=KEY)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert len((await client.get("/v1/conversations")).json()["items"]) == 1


async def test_the_same_key_for_another_body_is_refused(client: httpx.AsyncClient) -> None:
    await client.post("/v1/conversations", json={}, headers=KEY)
    other = await client.post("/v1/conversations", json={"channel": "mail"}, headers=KEY)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_callers_do_not_share_keys(world: World, client: httpx.AsyncClient) -> None:
    mine = await client.post("/v1/conversations", json={}, headers=KEY)
    async with world.client("chat") as other:
        theirs = await other.post("/v1/conversations", json={}, headers=KEY)
    assert mine.json()["id"] != theirs.json()["id"]


async def test_a_second_request_while_the_first_is_under_way_has_to_wait(
    client: httpx.AsyncClient, world: World
) -> None:
    path = f"/v1/conversations/{await open_one(client)}/messages"
    first = asyncio.create_task(client.post(path, json={"text": "wait"}, headers=KEY))
    while not world.pipeline.asked:  # noqa: ASYNC110 (a list, not an event)
        await asyncio.sleep(0.01)
    second = await client.post(path, json={"text": "wait"}, headers=KEY)
    assert (second.status_code, second.json()["code"]) == (409, "request_under_way")
    assert second.headers["retry-after"] == "1"
    world.pipeline.gate.set()
    assert (await first).status_code == 201
    again = await client.post(path, json={"text": "wait"}, headers=KEY)
    assert again.json() == (await first).json()
    assert len((await client.get(path)).json()["items"]) == 2


async def test_ten_at_once_create_one(client: httpx.AsyncClient) -> None:
    requests = [client.post("/v1/conversations", json={}, headers=KEY) for _ in range(10)]
    answers = await asyncio.gather(*requests)
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len((await client.get("/v1/conversations")).json()["items"]) == 1


async def test_a_request_that_failed_may_be_tried_again(client: httpx.AsyncClient) -> None:
    path = "/v1/conversations/conv_none/replies"
    body = {"agent": "Maya", "text": "Hello"}
    for _ in range(2):
        assert (await client.post(path, json=body, headers=KEY)).status_code == 404


async def test_a_stream_with_a_key_says_the_message_once(client: httpx.AsyncClient) -> None:
    path = f"/v1/conversations/{await open_one(client)}/messages"
    first = await client.post(path, json={"text": "How long?"}, headers=KEY | SSE)
    second = await client.post(path, json={"text": "How long?"}, headers=KEY | SSE)
    assert events(first.text)[-1][1]["message_id"] == events(second.text)[-1][1]["message_id"]
    other = await client.post(path, json={"text": "How much?"}, headers=KEY | SSE)
    assert other.status_code == 422
    assert len((await client.get(path)).json()["items"]) == 2


async def test_a_key_s_secret_is_not_kept_for_a_repetition(client: httpx.AsyncClient) -> None:
    body = {"name": "shop", "scopes": ["chat"]}
    first = (await client.post("/v1/keys", json=body, headers=KEY)).json()
    second = (await client.post("/v1/keys", json=body, headers=KEY)).json()
    assert second == {**first, "secret": None}


@pytest.mark.parametrize("key", ["", "x" * 256, "ä", "a b"])
async def test_a_key_that_is_none_is_refused(client: httpx.AsyncClient, key: str) -> None:
    headers = {b"Idempotency-Key": key.encode()}
    response = await client.post("/v1/conversations", json={}, headers=headers)
    assert response.status_code == 422


async def test_what_is_kept_is_encrypted_and_forgotten_after_a_day(
    world: World, client: httpx.AsyncClient
) -> None:
    await client.post("/v1/conversations", json={}, headers=KEY)
    database = world.services.database
    async with database.read() as connection:
        (row,) = (await connection.execute(select(idempotency_keys))).all()
    assert b"conv_" not in row.body
    world.clock.advance(timedelta(hours=25))
    await client.post("/v1/conversations", json={}, headers={"Idempotency-Key": "order-2"})
    async with database.read() as connection:
        rows = (await connection.execute(select(idempotency_keys))).all()
    assert [kept.key for kept in rows] != [row.key]
    assert len(rows) == 1


async def test_a_request_whose_process_died_may_be_tried_again(world: World) -> None:
    services = world.services
    store = IdempotencyStore(services.database, services.cipher, services.clock)
    assert await store.begin(DEFAULT_WORKSPACE, "k", fingerprint="f") is None
    world.clock.advance(timedelta(minutes=6))
    assert await store.begin(DEFAULT_WORKSPACE, "k", fingerprint="f") is None
    await store.finish(DEFAULT_WORKSPACE, "k", Replay(201, "{}"))
    async with services.database.write() as connection:
        await connection.execute(update(idempotency_keys).values(created_at=services.clock.now()))
    assert await store.begin(DEFAULT_WORKSPACE, "k", fingerprint="f") == Replay(201, "{}")
