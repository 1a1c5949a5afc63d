"""Digests over HTTP: every form, for whoever may read signals; sent on request."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from insights.delivery.folder import FolderChannel
from insights.plan import Plan
from kit.ids import DEFAULT_WORKSPACE
from store.access import Scope
from tests.api.conftest import World
from tests.api.test_conversations import open_one, say
from tests.api.test_tickets import take_in
from tests.api.test_triage import REFUND
from tests.insights.shop import LONDON

pytestmark = pytest.mark.anyio
PATH = "/v1/insights/digest"
SENT = f"{PATH}/deliveries"


async def get(client: httpx.AsyncClient, week: str = "current", **headers: str) -> dict[str, Any]:
    response = await client.get(f"{PATH}?week={week}", headers=headers)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


async def test_a_week_is_read_as_json(each_client: httpx.AsyncClient, each_world: World) -> None:
    await take_in(each_client, REFUND)
    await take_in(each_client, f"{REFUND} Or I go to Zephyr, says jo.canary@leak.example.")
    await say(each_client, await open_one(each_client), "Does the spring offer hold? I want a person.")
    each_world.clock.advance(timedelta(hours=1))
    found = await get(each_client)
    assert (found["week"], found["is_over"], found["contacts"]) == ("2026-W01", False, 3)
    assert (found["service"]["conversations"], found["service"]["tickets"]) == (1, 2)
    assert found["service"]["endings"]["handed_over"] == 1
    assert found["service"]["first_response"]["count"] == 1
    theme = found["themes"][0]
    assert (theme["name"], theme["title"], theme["count"]) == ("billing.refund", "Refunds", 2)
    assert (theme["growth"], theme["is_new"], len(theme["quotes"])) == (None, False, 2)
    (rival,) = found["competitors"]
    assert (rival["name"], rival["count"]) == ("Zephyr", 1)
    assert rival["quotes"][0]["text"].endswith("Or I go to Zephyr, says [email].")
    (campaign,) = found["campaigns"]
    assert (campaign["name"], campaign["count"]) == ("Spring offer", 1)
    assert "The week is not over" in found["notes"][0]
    assert "leak.example" not in str(found)


@pytest.mark.parametrize(
    ("accept", "kind", "begins"),
    [
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html", "<!DOCTYPE html>"),
        ("text/markdown", "text/markdown", "# Lampenladen: week 1"),
        ("application/json;q=0.5, text/markdown", "text/markdown", "# Lampenladen: week 1"),
        ("*/*", "application/json", "{"),
        ("image/png", "application/json", "{"),
        ("text/html;q=0, application/json", "application/json", "{"),
    ],
)
async def test_the_form_is_the_one_that_is_asked_for(
    client: httpx.AsyncClient, accept: str, kind: str, begins: str
) -> None:
    response = await client.get(f"{PATH}?week=current", headers={"Accept": accept})
    assert response.status_code == 200
    assert response.headers["content-type"].partition(";")[0] == kind
    assert response.text.startswith(begins)


async def test_a_page_may_show_itself_and_load_nothing(client: httpx.AsyncClient) -> None:
    page = await client.get(f"{PATH}?week=current", headers={"Accept": "text/html"})
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")
    assert (await client.get(PATH)).headers["content-security-policy"].startswith("default-src 'none'; frame")


async def test_a_new_installation_says_honestly_that_there_is_little(client: httpx.AsyncClient) -> None:
    found = await get(client, "last")
    assert (found["week"], found["contacts"], found["volume"], found["themes"]) == ("2025-W52", 0, None, [])
    assert "Nobody wrote in this week, so there is nothing to report." in found["notes"]
    assert "No whole week came before this one, so nothing can be said to grow." in found["notes"]


@pytest.mark.parametrize(
    ("week", "code"),
    [("2026-W02", "week_invalid"), ("2025-W53", "week_invalid"), ("monday", "invalid_input")],
)
async def test_what_is_no_week_is_refused(client: httpx.AsyncClient, week: str, code: str) -> None:
    response = await client.get(f"{PATH}?week={week}")
    assert (response.status_code, response.json()["code"]) == (422, code)


async def test_another_workspace_sees_nothing_of_it(world: World, client: httpx.AsyncClient) -> None:
    await take_in(client, REFUND)
    world.clock.advance(timedelta(hours=1))
    assert (await get(client))["contacts"] == 1
    async with world.client("other") as stranger:
        assert (await get(stranger))["contacts"] == 0


async def test_what_is_erased_is_in_no_digest(world: World, client: httpx.AsyncClient) -> None:
    ticket = await take_in(client, REFUND)
    world.clock.advance(timedelta(hours=1))
    assert (await get(client))["contacts"] == 1
    assert (await client.delete(f"/v1/tickets/{ticket['id']}")).status_code in {200, 204}
    assert (await get(client))["contacts"] == 0


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", PATH, Scope.SIGNALS_READ),
        ("GET", SENT, Scope.SIGNALS_READ),
        ("POST", SENT, Scope.SIGNALS_WRITE),
    ],
)
async def test_each_route_needs_its_scope(world: World, method: str, path: str, scope: Scope) -> None:
    for other in Scope:
        async with world.client(other) as client:
            status = (await client.request(method, path, json={} if method == "POST" else None)).status_code
        assert (status != 403) is (other is scope), other


async def test_a_digest_is_sent_on_request_to_whoever_does_not_have_it(world: World, tmp_path: Path) -> None:
    parts = world.services.insights
    assert parts is not None
    plans = {DEFAULT_WORKSPACE: Plan(LONDON, None, [FolderChannel(tmp_path)])}
    sending = replace(parts, plans=plans, sender=replace(parts.sender, plans=plans))
    async with world.with_services(insights=sending).client() as client:
        assert (await client.get(SENT)).json() == {"items": []}
        first = await client.post(SENT, json={"week": "last"})
        assert first.status_code == 201, first.text
        (told,) = first.json()["items"]
        assert (told["channel"], told["state"], told["attempts"]) == ("folder", "delivered", 1)
        again = await client.post(SENT, json={"week": "2025-W52"})
        assert again.json()["items"][0]["attempts"] == 1
        anew = await client.post(SENT, json={"anew": True})
        assert anew.json()["items"][0]["attempts"] == 2
        assert (await client.get(SENT)).json() == anew.json()
    assert (tmp_path / "default" / "2025-W52" / "digest.md").is_file()


async def test_a_workspace_that_sends_to_nobody_says_so(client: httpx.AsyncClient) -> None:
    response = await client.post(SENT, json={})
    assert (response.status_code, response.json()["code"]) == (409, "nowhere_to_send")


async def test_where_digests_are_off_the_routes_say_so(world: World) -> None:
    async with world.with_services(insights=None).client() as client:
        response = await client.get(PATH)
    assert (response.status_code, response.json()["code"]) == (404, "insights_off")
