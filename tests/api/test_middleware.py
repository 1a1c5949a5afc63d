from __future__ import annotations

import asyncio

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from api.errors import trace_id
from kit.errors import Unavailable
from store.access import Scope
from tests.api.conftest import World

pytestmark = pytest.mark.anyio


async def test_every_response_carries_headers_that_harden_browsers(client: httpx.AsyncClient) -> None:
    for path in ("/", "/v1/models", "/nowhere"):
        headers = (await client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
    assert (await client.get("/v1/models")).headers["cache-control"] == "no-store"


async def test_the_page_needs_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    page = await client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    for name in ("index.html", "chat.js", "api.js", "view.js", "markdown.js", "chat.css", "icon.svg"):
        text = (await client.get(f"/page/{name}")).text.replace("http://www.w3.org/", "")
        assert "://" not in text or name == "markdown.js", name
        assert "innerHTML" not in text
        assert "style=" not in text
    settings = (await client.get("/page/settings.json")).json()
    assert settings["company"] == "Brightwater Broadband"
    assert len(settings["starters"]) == 4


async def test_a_request_keeps_the_id_it_came_with_if_that_is_safe(client: httpx.AsyncClient) -> None:
    kept = await client.get("/healthz", headers={"X-Request-Id": "shop-4711-abc"})
    assert kept.headers["x-request-id"] == "shop-4711-abc"
    replaced = await client.get("/healthz", headers={"X-Request-Id": "x\x1b[31m"})
    assert replaced.headers["x-request-id"].startswith("req_")
    assert trace_id({}) == ""


@pytest.mark.parametrize("host", ["evil.example", "care.example.evil.example", "care.example:x", "a b"])
async def test_a_host_that_is_not_ours_is_refused(world: World, host: str) -> None:
    async with world.client() as client:
        response = await client.get("/healthz", headers={"Host": host})
    assert (response.status_code, response.json()["code"]) == (400, "unknown_host")


@pytest.mark.parametrize(
    "host", ["care.example", "CARE.example:8000", "localhost:1", "127.0.0.1", "[::1]:8000"]
)
async def test_a_host_that_is_ours_is_served(world: World, host: str) -> None:
    async with world.client() as client:
        assert (await client.get("/healthz", headers={"Host": host})).status_code == 200


async def test_any_host_may_be_allowed(world: World) -> None:
    async with world.with_config(allowed_hosts=("*",)).client(host="any.example") as client:
        assert (await client.get("/healthz")).status_code == 200


async def test_browsers_elsewhere_may_call_if_their_origin_is_allowed(world: World) -> None:
    allowed = world.with_config(allowed_origins=("https://shop.example",))
    preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    async with allowed.client(origin="https://shop.example") as client:
        response = await client.options("/v1/conversations", headers=preflight)
        assert response.status_code == 200
        assert response.headers["access-control-allow-origin"] == "https://shop.example"
    async with allowed.client(origin="https://evil.example") as client:
        response = await client.options("/v1/conversations", headers=preflight)
        assert (response.status_code, response.json()["code"]) == (400, "origin_refused")
        assert "access-control-allow-origin" not in (await client.get("/healthz")).headers


async def test_liveness_asks_nobody(world: World) -> None:
    async with world.client(None) as client:
        assert (await client.get("/healthz")).json() == {"status": "alive"}


async def test_readiness_names_what_does_not_work(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken() -> None:
        raise Unavailable("The index does not answer.", code="index_unavailable")

    async with world.client(None) as client:
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["checks"]) == (200, {"database": "ok"})

    async def asleep() -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr("api.health.CHECK_SECONDS", 0.01)
    async with world.with_services(checks={"index": broken, "encoder": asleep}).client(None) as client:
        response = await client.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {
        "status": "not_ready",
        "checks": {"index": "index_unavailable", "encoder": "timeout"},
    }


async def test_metrics_count_requests_by_route_template(world: World) -> None:
    async with world.client() as client:
        await client.get("/v1/conversations/conv_1")
        await client.get("/nowhere")
    async with world.client(None, address="127.0.0.1", host="localhost") as local:
        text = (await local.get("/metrics")).text
    samples = [
        sample
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "careloop_http_request_seconds_count"
    ]
    assert {(sample.labels["route"], sample.labels["status"]) for sample in samples} == {
        ("/v1/conversations/{conversation_id}", "404"),
        ("unmatched", "404"),
    }


async def test_metrics_are_for_this_machine_or_a_key_of_that_scope(world: World) -> None:
    for key, status in ((None, 401), (Scope.CHAT, 403), (Scope.METRICS, 200)):
        async with world.client(key) as client:
            assert (await client.get("/metrics")).status_code == status


async def test_other_protocols_pass_through(world: World) -> None:
    sent: list[object] = []

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def send(message: object) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/", "headers": [], "query_string": b"", "subprotocols": []}
    await world.app(scope, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1000, "reason": ""}]
