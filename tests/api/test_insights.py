from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest
import yaml

from store.access import Scope
from tests.api.conftest import World
from tests.api.test_backfills import ended
from tests.api.test_tickets import take_in
from tests.api.test_triage import REFUND, triage_of
from tests.triage.shop import messages
from tests.triage.ticket_shop import TicketShop
from tests.triage.tiny_models import RULES

pytestmark = pytest.mark.anyio

GIFT = [f"gift card balance zzz, gift card number {number}" for number in range(8)]
VIP: dict[str, Any] = {
    "rules": [{"name": "gold", "when": {"fact": "tier", "equals": "gold"}, "then": {"queue": "vip"}}]
}
DRY_RUN = "/v1/triage/routing/dry-run"


@pytest.fixture
def shop(world: World) -> TicketShop:
    return TicketShop(world.services.database, world.clock, triage_of(world).tickets)


async def test_new_intents_are_proposed_with_tickets(client: httpx.AsyncClient, shop: TicketShop) -> None:
    path = "/v1/triage/discovery"
    made = await shop.take_in(GIFT)
    assert (await client.get(path)).status_code == 404
    started = await client.post(path, json={"least": 4})
    assert (started.status_code, started.json()["proposals"]) == (202, None)
    again = await client.post(path, json={})
    assert (again.status_code, again.json()["code"]) == (409, "run_under_way")
    run = await ended(client, path)
    unsure = {ticket.id for ticket in made if ticket.certainty != "sure"}
    assert run["error"] is None
    assert run["proposals"]["looked_at"] == len(unsure) >= 4
    (proposal,) = run["proposals"]["items"]
    assert set(proposal["tickets"]) == unsure
    assert "gift" in proposal["name"]
    assert proposal["advice"]


async def test_drift_is_measured_between_two_times(client: httpx.AsyncClient, shop: TicketShop) -> None:
    path = "/v1/triage/drift"
    assert (await client.get(path)).status_code == 404
    assert (await client.post(path, json={})).status_code == 202
    assert (await ended(client, path))["error"].startswith("invalid_input: There are no tickets from ")

    await shop.take_in([one.text for one in messages(20, seed=3)], triaged=False)
    shop.clock.advance(timedelta(days=8))
    await shop.take_in([one.text for one in messages(50, seed=4) if one.label == "damage"], triaged=False)
    assert (await client.post(path, json={"recent_days": 7})).status_code == 202
    run = await ended(client, path)
    assert (run["error"], run["report"]["severity"]) == (None, "major")
    assert (run["report"]["recent"], run["report"]["reference"]) == (50, 120)
    assert run["report"]["growth"][0]["label"] == "logistics.damage"
    assert any("logistics.damage rose" in finding["text"] for finding in run["report"]["findings"])


async def tried(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    response = await client.post(DRY_RUN, json=body)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


async def test_other_rules_are_tried_on_stored_tickets(client: httpx.AsyncClient) -> None:
    gold = await take_in(client, REFUND, customer={"tier": "gold"})
    await take_in(client, REFUND)
    for rules in ({"rules": VIP}, {"yaml": yaml.safe_dump(VIP)}):
        found = await tried(client, **rules)
        assert (found["total"], found["compared"], found["moved"]) == (2, 2, 1)
        assert found["queues"] == [
            {
                "before": "general",
                "after": "vip",
                "count": 1,
                "rules": [{"rule": "gold", "count": 1}],
                "examples": [{"ticket": gold["id"], "rule": "gold"}],
            }
        ]
        assert [due["dropped"] for due in found["dues"]] == [2, 2]
    found = await tried(client, rules=RULES, against="recorded", since="2026-01-01T00:00:00Z")
    assert (found["moved"], found["dues"]) == (0, [])
    assert (await tried(client, rules=VIP, until="2026-01-01T00:00:00Z"))["total"] == 0


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "give rules or yaml"),
        ({"rules": VIP, "yaml": "rules: []"}, "give rules or yaml"),
        ({"rules": {"rule": []}}, "rule: it is not known here; 'rules' was meant?"),
        (
            {
                "rules": {
                    "rules": [{"name": "a", "when": {"intent": "billing.refnd"}, "then": {"stop": True}}]
                }
            },
            "there is no intent 'billing.refnd'",
        ),
        ({"yaml": "rules: ["}, "the rules is not YAML"),
        ({"yaml": "a: &a [*a]"}, "more than 100,000 parts"),
        (
            {
                "rules": {
                    "rules": [
                        {
                            "name": "many",
                            "when": {"any": [{"signal": "upsell"}] * 2001},
                            "then": {"stop": True},
                        }
                    ]
                }
            },
            "more than 2,000 conditions",
        ),
    ],
)
async def test_rules_that_cannot_be_used_are_refused_with_the_reason(
    client: httpx.AsyncClient, body: dict[str, Any], says: str
) -> None:
    response = await client.post(DRY_RUN, json=body)
    assert response.status_code == 422
    assert says in response.json()["detail"]


async def test_another_workspace_sees_nothing_of_it(
    world: World, client: httpx.AsyncClient, shop: TicketShop
) -> None:
    await shop.take_in([*GIFT, REFUND])
    for path in ("/v1/triage/discovery", "/v1/triage/drift"):
        await client.post(path, json={})
        await ended(client, path)
    async with world.client("other") as stranger:
        assert (await tried(stranger, rules=VIP))["total"] == 0
        for path in ("/v1/triage/discovery", "/v1/triage/drift"):
            assert (await stranger.get(path)).status_code == 404
            assert (await stranger.post(path, json={})).status_code == 202
            await ended(stranger, path)
        assert (await stranger.get("/v1/triage/discovery")).json()["proposals"]["looked_at"] == 0
        assert (await stranger.get("/v1/triage/drift")).json()["report"] is None


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/triage/discovery", {}),
        ("GET", "/v1/triage/discovery", None),
        ("POST", "/v1/triage/drift", {}),
        ("GET", "/v1/triage/drift", None),
        ("POST", DRY_RUN, {"rules": VIP}),
    ],
)
async def test_each_route_needs_its_scope(
    world: World, method: str, path: str, body: dict[str, Any] | None
) -> None:
    for other in Scope:
        async with world.client(other) as client:
            status = (await client.request(method, path, json=body)).status_code
        assert (status != 403) is (other is Scope.TRIAGE_READ), other
    await world.app.state.operations.stop()
