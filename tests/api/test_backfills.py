from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from store.access import Scope
from tests.api.conftest import World
from tests.api.test_tickets import PARCEL, correct, take_in
from tests.api.test_triage import REFUND, triage_of
from tests.triage.ticket_shop import TicketShop
from tests.triage.tiny_models import tiny_models
from triage.backfill import AWAY
from triage.routing import Router
from triage.rules import parse_routing
from triage.stored_tickets import Selection

pytestmark = pytest.mark.anyio

PATH = "/v1/triage/backfill"
LEGAL = Router.of(
    parse_routing(
        {"rules": [{"name": "letters", "when": {"channel": "letter"}, "then": {"queue": "legal"}}]},
        source="test",
    )
)


def with_other_rules(world: World) -> World:
    return world.with_services(triage=replace(triage_of(world), router=LEGAL))


async def until(
    client: httpx.AsyncClient, path: str, there: Callable[[dict[str, Any]], Any]
) -> dict[str, Any]:
    while True:
        run: dict[str, Any] = (await client.get(path)).json()
        if there(run):
            return run
        await asyncio.sleep(0.05)  # each question counts, and the clock of the limiter stands still


async def ended(client: httpx.AsyncClient, path: str = PATH) -> dict[str, Any]:
    return await until(client, path, lambda run: run.get("ended_at") or run.get("finished_at"))


async def started(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    response = await client.post(PATH, json=body)
    assert (response.status_code, response.json()["state"]) == (202, "running"), response.text
    return await ended(client)


async def listed(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.get("/v1/tickets")).json()["items"]
    return [{name: value for name, value in item.items() if name != "updated_at"} for item in found]


async def test_new_rules_reach_old_tickets_and_are_taken_back(
    world: World, client: httpx.AsyncClient
) -> None:
    await take_in(client, REFUND, channel="letter")
    kept = await take_in(client, PARCEL, channel="letter")
    await correct(client, kept["id"], kind="queue", became="sales")
    await take_in(client, PARCEL, channel="email")
    before = await listed(client)
    async with with_other_rules(world).client() as operator:
        assert (await operator.get(PATH)).status_code == 404
        run = await started(operator)
        assert (run["state"], run["error"], run["model"]) == ("finished", None, tiny_models().version)
        assert (run["counts"]["total"], run["counts"]["done"]) == (3, 3)
        after = await listed(client)
        assert [item["queue"] for item in after] == [before[0]["queue"], "sales", "legal"]
        assert after[1]["routing"]["queue"] == "legal"
        again = await started(operator)
        assert (again["counts"]["changed"], again["counts"]["same"]) == (0, 3)

        for restored in (0, run["counts"]["changed"]):
            response = await operator.post(f"{PATH}/undo")
            assert (response.status_code, response.json()["state"]) == (202, "undoing")
            assert response.json()["counts"]["changed"] == restored
            await ended(operator)
        assert await listed(client) == before
        response = await operator.post(f"{PATH}/undo")
        assert (response.status_code, response.json()["code"]) == (409, "nothing_to_undo")


async def test_without_routing_tickets_stay_where_they_are(world: World, client: httpx.AsyncClient) -> None:
    await take_in(client, REFUND, channel="letter")
    before = await listed(client)
    async with with_other_rules(world).client() as operator:
        run = await started(operator, route=False, queue=before[0]["queue"], since="2020-01-01T00:00:00Z")
    assert (run["route"], run["counts"]["same"]) == (False, 1)
    assert run["tickets"]["queue"] == before[0]["queue"]
    assert await listed(client) == before


async def test_a_trial_tells_what_would_change(world: World, client: httpx.AsyncClient) -> None:
    made = await take_in(client, REFUND, channel="letter")
    before = await listed(client)
    path = f"{PATH}/dry-run"
    async with with_other_rules(world).client() as operator:
        assert (await operator.get(path)).status_code == 404
        assert (await operator.post(path, json={"most": 10})).status_code == 202
        trial = await ended(operator, path)
    assert (trial["error"], trial["changes"]["tickets"]) == (None, 1)
    (queue,) = [label for label in trial["changes"]["labels"] if label["label"] == "queue"]
    move = {"before": "accounts", "after": "legal", "count": 1, "examples": [made["id"]]}
    assert (queue["compared"], queue["changed"], queue["moves"]) == (1, 1, [move])
    assert await listed(client) == before


async def test_a_server_that_stops_leaves_a_run_that_another_resumes(
    world: World, client: httpx.AsyncClient
) -> None:
    shop = TicketShop(world.services.database, world.clock, triage_of(world).tickets)
    await shop.take_in([f"{REFUND} {number}" for number in range(80)], routed=False)
    first = with_other_rules(world)
    async with first.client() as operator:
        assert (await operator.post(PATH, json={})).status_code == 202
        for path in (PATH, f"{PATH}/resume", f"{PATH}/undo"):
            response = await operator.post(path, json={} if path == PATH else None)
            assert (response.status_code, response.json()["code"]) == (409, "backfill_under_way")
        await until(operator, PATH, lambda run: run["counts"]["done"])
        await first.app.state.operations.stop()
        left = (await operator.get(PATH)).json()
    assert (left["state"], left["ended_at"]) == ("interrupted", None)
    assert 0 < left["counts"]["done"] < 80

    async with with_other_rules(world).client() as operator:
        response = await operator.post(f"{PATH}/resume")
        assert (response.status_code, response.json()["id"]) == (202, left["id"])
        done = await ended(operator)
        assert (done["state"], done["counts"]["done"], done["id"]) == ("finished", 80, left["id"])
        response = await operator.post(f"{PATH}/resume")
        assert (response.status_code, response.json()["code"]) == (409, "cannot_resume")


async def test_a_run_whose_server_died_counts_as_interrupted(world: World, client: httpx.AsyncClient) -> None:
    await take_in(client)
    operations = world.app.state.operations.operations
    triager = await operations.triager(world.config.workspace)
    await operations.backfiller.start(
        world.config.workspace, Selection(), model=triager.models.version, route=True
    )
    assert (await client.get(PATH)).json()["state"] == "running"
    world.clock.advance(AWAY)
    assert (await client.get(PATH)).json()["state"] == "interrupted"
    assert (await client.post(f"{PATH}/resume")).status_code == 202
    assert (await ended(client))["state"] == "finished"


async def test_a_run_can_be_stopped(world: World, client: httpx.AsyncClient) -> None:
    response = await client.post(f"{PATH}/stop")
    assert (response.status_code, response.json()["code"]) == (409, "nothing_to_stop")
    shop = TicketShop(world.services.database, world.clock, triage_of(world).tickets)
    await shop.take_in([f"{REFUND} {number}" for number in range(80)])
    await client.post(PATH, json={})
    stopped = await client.post(f"{PATH}/stop")
    assert (stopped.status_code, stopped.json()["state"]) == (200, "interrupted")
    world.clock.advance(timedelta(seconds=1))
    await asyncio.sleep(0.5)
    assert (await client.get(PATH)).json()["counts"]["done"] < 80


async def test_another_workspace_has_runs_of_its_own(world: World, client: httpx.AsyncClient) -> None:
    made = await take_in(client, REFUND, channel="letter")
    changed = with_other_rules(world)
    async with changed.client("other") as stranger:
        run = await started(stranger)
        assert run["counts"]["total"] == 0
        response = await stranger.post(f"{PATH}/dry-run", json={})
        assert response.status_code == 202
        assert (await ended(stranger, f"{PATH}/dry-run"))["changes"]["tickets"] == 0
    assert (await client.get(PATH)).status_code == 404
    async with changed.client() as operator:
        assert (await operator.get(f"{PATH}/dry-run")).status_code == 404
        response = await operator.post(f"{PATH}/undo")
        assert (response.status_code, response.json()["code"]) == (409, "nothing_to_undo")
    assert (await client.get(f"/v1/tickets/{made['id']}")).json() == made


@pytest.mark.parametrize(
    "body",
    [
        {"since": "2026-02-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"},
        {"certainty": ["perhaps"]},
        {"queue": ""},
        {"everything": True},
    ],
)
async def test_what_is_no_selection_is_refused(client: httpx.AsyncClient, body: dict[str, Any]) -> None:
    response = await client.post(PATH, json=body)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_input")


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", PATH, Scope.TRIAGE_READ),
        ("POST", PATH, Scope.TRIAGE_WRITE),
        ("POST", f"{PATH}/resume", Scope.TRIAGE_WRITE),
        ("POST", f"{PATH}/stop", Scope.TRIAGE_WRITE),
        ("POST", f"{PATH}/undo", Scope.TRIAGE_WRITE),
        ("POST", f"{PATH}/dry-run", Scope.TRIAGE_READ),
        ("GET", f"{PATH}/dry-run", Scope.TRIAGE_READ),
    ],
)
async def test_each_route_needs_its_scope(world: World, method: str, path: str, scope: Scope) -> None:
    body: dict[str, Any] | None = {} if path in {PATH, f"{PATH}/dry-run"} and method == "POST" else None
    for other in Scope:
        async with world.client(other) as client:
            status = (await client.request(method, path, json=body)).status_code
        assert (status != 403) is (other is scope), other
    await world.app.state.operations.stop()
