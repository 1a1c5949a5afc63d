from __future__ import annotations

from datetime import timedelta

import httpx

from kit.ids import DEFAULT_WORKSPACE
from signals.delivery.delivery import Delivery, DeliveryFilter, DeliveryState, Lane
from signals.delivery.settled import Settled
from signals.signal import Signal
from tests.api.conftest import World
from tests.api.test_signals import raise_signal

LANE = Lane(DEFAULT_WORKSPACE, "crm")


async def queue_one(world: World) -> Signal:
    """A signal that is queued for the one connector."""
    delivery = world.services.delivery
    assert delivery is not None
    signal = await raise_signal(world)
    async with world.services.database.write() as connection:
        await delivery.outbox.put(connection, signal)
    return signal


async def end_it(world: World, state: DeliveryState) -> Delivery:
    """Let what is queued end so."""
    delivery, now = world.services.delivery, world.clock.now()
    assert delivery is not None
    async with world.services.database.write() as connection:
        (claimed,) = await delivery.store.claim(
            connection, LANE, "run 1", limit=1, at=now, until=now + timedelta(minutes=1)
        )
        ended = Settled(claimed.delivery, state, error_code="delivery_refused", error="No such field.")
        await delivery.store.settle(connection, "run 1", [ended], at=now)
        (found,) = await delivery.store.page(connection, DEFAULT_WORKSPACE, matching=DeliveryFilter())
    return found


async def test_a_signal_tells_whom_it_has_reached(each_world: World) -> None:
    signal = await queue_one(each_world)
    async with each_world.client() as client:
        page = (await client.get("/v1/deliveries", params={"signal": signal.id})).json()
        (item,) = page["items"]
        assert (item["connector"], item["state"], item["attempts"]) == ("crm", "queued", 0)
        assert (await client.get(f"/v1/deliveries/{item['id']}")).json() == item
        assert (await client.get("/v1/deliveries", params={"state": "dead"})).json()["items"] == []


async def test_pages_follow_one_another(world: World, client: httpx.AsyncClient) -> None:
    await queue_one(world)
    first = (await client.get("/v1/deliveries", params={"limit": 1})).json()
    assert first["next"] == first["items"][0]["id"]
    rest = (await client.get("/v1/deliveries", params={"limit": 1, "before": first["next"]})).json()
    assert rest == {"items": [], "next": None}


async def test_a_dead_letter_is_replayed_and_what_is_queued_is_not(
    world: World, client: httpx.AsyncClient
) -> None:
    await queue_one(world)
    dead = await end_it(world, DeliveryState.DEAD)
    again = (await client.post(f"/v1/deliveries/{dead.id}/replay")).json()
    assert (again["state"], again["attempts"]) == ("queued", 0)
    refused = await client.post(f"/v1/deliveries/{dead.id}/replay")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_replayable")


async def test_every_dead_letter_of_a_connector_is_replayed(world: World, client: httpx.AsyncClient) -> None:
    await queue_one(world)
    await end_it(world, DeliveryState.DEAD)
    assert (await client.post("/v1/connectors/crm/replay")).json() == {"deliveries": 1}
    assert (await client.post("/v1/connectors/crm/replay")).json() == {"deliveries": 0}


async def test_a_connector_is_paused_resumed_and_asked(each_world: World) -> None:
    await queue_one(each_world)
    async with each_world.client() as client:
        (crm,) = (await client.get("/v1/connectors")).json()["items"]
        assert crm == {
            "name": "crm",
            "on": True,
            "paused_at": None,
            "paused_by": None,
            "health": None,
            "poll": None,
            "deliveries": {"queued": 1},
        }
        paused = (await client.post("/v1/connectors/crm/pause")).json()
        assert paused["paused_at"] is not None
        assert paused["paused_by"] is not None
        assert (await client.post("/v1/connectors/crm/pause")).json() == paused
        assert (await client.post("/v1/connectors/crm/resume")).json() == crm
        checked = (await client.post("/v1/connectors/crm/check")).json()
        assert checked["health"]["ok"] is True


async def test_unknown_connectors_and_deliveries_are_named(client: httpx.AsyncClient) -> None:
    for method, path, code in (
        ("POST", "/v1/connectors/telegraph/pause", "unknown_connector"),
        ("POST", "/v1/connectors/telegraph/check", "unknown_connector"),
        ("GET", "/v1/deliveries/dlv_1", "unknown_delivery"),
    ):
        answer = await client.request(method, path)
        assert (answer.status_code, answer.json()["code"]) == (404, code)


async def test_reading_needs_one_scope_and_changing_another(world: World) -> None:
    async with world.client("signals:read") as client:
        assert (await client.get("/v1/connectors")).status_code == 200
        assert (await client.post("/v1/connectors/crm/pause")).status_code == 403
    async with world.client("triage:read") as client:
        assert (await client.get("/v1/deliveries")).status_code == 403
