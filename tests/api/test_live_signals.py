"""The live feed over a real connection."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from signals.predictions import incident_watch
from signals.signal import SignalKind
from store.access import Scope
from tests.api.conftest import World, serving
from tests.api.test_signals import raise_signal

pytestmark = pytest.mark.anyio
PATH = "/v1/signals/live"


async def follow(
    url: str, key: str, *, after: str | None = None
) -> AsyncIterator[tuple[str, str | None, dict[str, Any]]]:
    """Name, id and data of each event; heartbeats by that name."""
    headers = {"Authorization": f"Bearer {key}"} | ({"Last-Event-ID": after} if after else {})
    async with (
        httpx.AsyncClient(base_url=url, headers=headers, timeout=10) as client,
        client.stream("GET", PATH) as response,
    ):
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        name, event_id, data = "", None, {}
        async for line in response.aiter_lines():
            if line.startswith(":"):
                yield "heartbeat", None, {}
            elif line.startswith("event: "):
                name = line[7:]
            elif line.startswith("id: "):
                event_id = line[4:]
            elif line.startswith("data: "):
                data = json.loads(line[6:])
            elif not line and name:
                yield name, event_id, data
                name, event_id, data = "", None, {}


async def heard(world: World, kind: SignalKind, origin: str) -> str:
    """A signal of ``kind`` as the intake stores it."""
    parts, now = world.services.signals, world.clock.now()
    assert parts is not None
    async with world.services.database.write() as connection:
        await parts.store.claim(connection, world.config.workspace, kind, origin, probability=0.8, at=now)
    found = await raise_signal(world, kind)
    async with world.services.database.write() as connection:
        return (await parts.store.put(connection, found, origin=origin)).id


async def test_signals_and_outcomes_are_told_as_they_happen(world: World, client: httpx.AsyncClient) -> None:
    names, signal_id = [], ""
    async with serving(world.app) as url:
        async for name, event_id, data in follow(url, world.keys["signals:read"]):
            names.append(name)
            if names.count("heartbeat") == 2 and not signal_id:
                signal_id = await heard(world, SignalKind.UPSELL, "msg_1")
            if name == "signal.new":
                assert (data["signal"]["id"], data["signal"]["kind"]) == (signal_id, "upsell")
                assert data["outcome"] is None
                body = {"outcome": "won", "amount": 5.0, "currency": "GBP"}
                await client.post(f"/v1/signals/{signal_id}/outcomes", json=body)
            if name == "outcome":
                assert (data["outcome"]["outcome"], data["signal"]["state"]) == ("won", "closed")
                assert event_id is not None
                break


async def test_whoever_is_of_another_workspace_hears_nothing(world: World) -> None:
    async with serving(world.app) as url:
        names: list[str] = []
        async for name, _, _ in follow(url, world.keys["other"]):
            if not names:
                await heard(world, SignalKind.UPSELL, "msg_1")
            names.append(name)
            if len(names) == 5:
                break
    assert set(names) == {"heartbeat"}


async def test_a_reader_that_was_cut_off_goes_on_where_it_was(world: World) -> None:
    first = await heard(world, SignalKind.UPSELL, "msg_1")
    async with serving(world.app) as url:
        async for name, event_id, data in follow(url, world.keys["all"], after="0.0.0"):
            if name == "signal.new":
                place = event_id
                assert data["signal"]["id"] == first
                break
        second = await heard(world, SignalKind.CHURN_RISK, "msg_2")
        async for name, _, data in follow(url, world.keys["all"], after=place):
            if name != "heartbeat":
                assert (name, data["signal"]["id"]) == ("signal.new", second)
                break


async def test_an_incident_is_told_once(world: World) -> None:
    outlook, at = world.services.outlook, world.clock.now()
    assert outlook is not None
    spike = {
        "intent": "outage",
        "since": (at - timedelta(minutes=15)).isoformat(),
        "at": at.isoformat(),
        "count": 31,
        "expected": 2.4,
        "ended_at": None,
    }
    duty = await outlook.duties.begin(world.config.workspace, incident_watch.DUTY, at)
    assert duty is not None
    await outlook.duties.finish(duty, result={"incidents": [spike], "looked_at": at.isoformat()})
    names: list[str] = []
    async with serving(world.app) as url:
        async for name, event_id, data in follow(url, world.keys["all"], after="0.0.0"):
            names.append(name)
            if name == "incident":
                assert (data["incident"]["intent"], data["incident"]["count"]) == ("outage", 31)
                assert data["signal"] is None
                place = event_id
            if names.count("heartbeat") == 5:
                break
        assert names.count("incident") == 1
        async for name, _, _ in follow(url, world.keys["all"], after=place):
            assert name == "heartbeat"
            break


async def test_the_feed_is_for_readers_of_signals(world: World) -> None:
    for scope in Scope:
        if scope is not Scope.SIGNALS_READ:
            async with world.client(scope) as client:
                assert (await client.get(PATH)).status_code == 403, scope


@pytest.mark.parametrize(("place", "code"), [("1", "feed_place_invalid"), ("now", "invalid_input")])
async def test_what_is_no_place_is_refused(client: httpx.AsyncClient, place: str, code: str) -> None:
    response = await client.get(PATH, headers={"Last-Event-ID": place})
    assert (response.status_code, response.json()["code"]) == (422, code)
