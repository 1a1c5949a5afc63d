from __future__ import annotations

from datetime import timedelta

import httpx
import jwt
import pytest

from api.auth import VisitorTokens
from kit.clock import ManualClock
from kit.errors import Misconfigured
from kit.ids import DEFAULT_WORKSPACE
from store.access import Scope
from tests.api.conftest import World

pytestmark = pytest.mark.anyio

PAGE = "http://care.example"
SHOP = "https://shop.example"


async def visitor_token(world: World, **body: object) -> dict[str, object]:
    async with world.client(None, origin=PAGE) as page:
        response = await page.post("/v1/visitors", json=body)
        assert response.status_code == 201, response.text
        found: dict[str, object] = response.json()
        return found


async def test_a_key_is_made_used_listed_and_revoked_at_once(world: World, client: httpx.AsyncClient) -> None:
    made = (await client.post("/v1/keys", json={"name": "shop", "scopes": ["chat"]})).json()
    assert made["secret"].startswith("cl_")
    assert len(made["secret"]) >= 46
    async with world.client(made["secret"]) as shop:
        assert (await shop.post("/v1/conversations", json={})).status_code == 201
        refused = await shop.get("/v1/keys")
        assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
        revoked = await client.delete(f"/v1/keys/{made['key']['id']}")
        assert revoked.json()["revoked_at"] is not None
        assert (await shop.post("/v1/conversations", json={})).status_code == 401
    listed = (await client.get("/v1/keys")).json()["items"]
    assert made["key"]["id"] in [key["id"] for key in listed]
    assert made["secret"] not in str(listed)


async def test_a_key_ends_when_it_expires(world: World, client: httpx.AsyncClient) -> None:
    end = (world.clock.now() + timedelta(hours=1)).isoformat()
    made = (await client.post("/v1/keys", json={"name": "a", "scopes": ["chat"], "expires_at": end})).json()
    async with world.client(made["secret"]) as shop:
        assert (await shop.post("/v1/conversations", json={})).status_code == 201
        world.clock.advance(timedelta(hours=1))
        assert (await shop.post("/v1/conversations", json={})).status_code == 401
    past = await client.post("/v1/keys", json={"name": "a", "scopes": ["chat"], "expires_at": end})
    assert past.status_code == 422


@pytest.mark.parametrize(
    "credentials", ["", "Bearer", "Bearer  ", "Basic abc", "Bearer cl_x", "Bearer a.b.c"]
)
async def test_credentials_that_say_nothing_are_refused(world: World, credentials: str) -> None:
    async with world.client(None, authorization=credentials) as client:
        response = await client.get("/v1/models")
        assert response.status_code == 401
        assert response.json()["error"]["type"] == "authentication_error"


LOCAL = {"address": "127.0.0.1", "host": "localhost:8000"}


async def test_open_access_is_for_development_on_this_machine(world: World) -> None:
    development = world.with_config(open_access=True)
    async with development.client(None, **LOCAL) as client:
        assert (await client.get("/v1/conversations")).status_code == 200
    async with development.client(None, address="::ffff:127.0.0.1", host="[::1]:8000") as client:
        assert (await client.get("/v1/conversations")).status_code == 200
    async with world.client(None, **LOCAL) as client:
        assert (await client.get("/v1/conversations")).status_code == 401


@pytest.mark.parametrize(
    ("changes", "headers"),
    [
        ({"address": "203.0.113.9"}, {}),
        ({"address": "not an address"}, {}),
        ({"host": "care.example"}, {}),
        ({}, {"Origin": "https://evil.example"}),
        ({}, {"Origin": "null"}),
        ({}, {"Sec-Fetch-Site": "cross-site"}),
        ({}, {"X-Forwarded-For": "203.0.113.9"}),
        ({}, {"Authorization": "Bearer cl_wrong"}),
    ],
)
async def test_open_access_is_for_nobody_else(
    world: World, changes: dict[str, str], headers: dict[str, str]
) -> None:
    development = world.with_config(open_access=True)
    async with development.client(None, **{**LOCAL, **changes}) as client:
        assert (await client.post("/v1/conversations", json={}, headers=headers)).status_code == 401


async def test_a_visitor_chats_and_does_nothing_else(world: World) -> None:
    made = await visitor_token(world)
    assert (made["origin"], made["expires_in"]) == (PAGE, 3600)
    async with world.client(str(made["token"]), origin=PAGE) as visitor:
        opened = (await visitor.post("/v1/conversations", json={"channel": "page"})).json()
        assert opened["visitor_id"] == made["visitor_id"]
        listed = (await visitor.get("/v1/conversations")).json()["items"]
        assert [item["id"] for item in listed] == [opened["id"]]
        assert (
            await visitor.post(f"/v1/conversations/{opened['id']}/claim", json={"agent": "Me"})
        ).status_code == 403
        assert (await visitor.get("/v1/knowledge/documents")).status_code == 403
        assert (await visitor.post("/v1/visitors", json={})).status_code == 403


async def test_a_visitor_token_works_on_its_own_page_only(world: World) -> None:
    token = str((await visitor_token(world))["token"])
    async with world.client(token, origin="https://evil.example") as visitor:
        refused = await visitor.get("/v1/conversations")
        assert (refused.status_code, refused.json()["code"]) == (401, "wrong_origin")
    async with world.client(token) as visitor:  # the page's own server: browsers send no Origin with GET
        assert (await visitor.get("/v1/conversations")).status_code == 200
    async with world.client(token, host="localhost") as visitor:
        assert (await visitor.get("/v1/conversations")).status_code == 401


async def test_a_visitor_token_ends_and_is_renewed_for_the_same_visitor(world: World) -> None:
    first = await visitor_token(world)
    world.clock.advance(timedelta(minutes=61))
    async with world.client(str(first["token"]), origin=PAGE) as visitor:
        refused = await visitor.get("/v1/conversations")
        assert (refused.status_code, refused.json()["code"]) == (401, "token_expired")
    second = await visitor_token(world, previous_token=first["token"])
    assert second["visitor_id"] == first["visitor_id"]
    world.clock.advance(timedelta(hours=14))
    async with world.client(None, origin=PAGE) as page:
        late = await page.post("/v1/visitors", json={"previous_token": second["token"]})
        assert (late.status_code, late.json()["code"]) == (401, "token_expired")


async def test_a_key_makes_tokens_for_its_own_web_page(world: World) -> None:
    body = {"visitor_id": "customer-1", "origin": SHOP}
    async with world.client(Scope.CHAT) as shop:
        made = (await shop.post("/v1/visitors", json=body)).json()
        other = (await shop.post("/v1/visitors", json={"previous_token": made["token"]})).json()
    assert (made["visitor_id"], made["origin"]) == ("customer-1", SHOP)
    assert other["visitor_id"] != "customer-1"  # another origin, another visitor
    async with world.client(made["token"], origin=SHOP) as visitor:
        assert (await visitor.post("/v1/conversations", json={})).json()["visitor_id"] == "customer-1"
    async with world.client(Scope.METRICS) as robot:
        assert (await robot.post("/v1/visitors", json=body)).status_code == 403


async def test_a_page_asks_for_itself_only(world: World) -> None:
    async with world.client(None, origin=PAGE) as page:
        assert (await page.post("/v1/visitors", json={"visitor_id": "customer-1"})).status_code == 403
    async with world.client(None, origin="https://evil.example") as page:
        refused = await page.post("/v1/visitors", json={})
        assert (refused.status_code, refused.json()["code"]) == (403, "origin_refused")
    allowed = world.with_config(allowed_origins=(SHOP,))
    async with allowed.client(None, origin=SHOP) as page:
        assert (await page.post("/v1/visitors", json={})).json()["origin"] == SHOP
    closed = world.with_config(public_chat=False)
    async with closed.client(None, origin=PAGE) as page:
        assert (await page.post("/v1/visitors", json={})).status_code == 403
        assert (await page.get("/")).status_code == 404


@pytest.mark.parametrize("algorithm", ["HS256", "none"])
async def test_a_token_of_somebody_else_is_refused(world: World, algorithm: str) -> None:
    claims = {"iss": "careloop", "aud": DEFAULT_WORKSPACE, "sub": "v", "origin": PAGE, "exp": 9_999_999_999}
    key = "" if algorithm == "none" else "x" * 32
    forged = jwt.encode(claims, key, algorithm=algorithm)
    async with world.client(forged, origin=PAGE) as visitor:
        assert (await visitor.get("/v1/conversations")).status_code == 401


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(Misconfigured):
        VisitorTokens(b"short", lifetime=timedelta(hours=1), clock=ManualClock())
