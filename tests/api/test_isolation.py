"""Nothing of one workspace, or of one visitor, is reachable from another: over every route there is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from api import Limit, Limits
from api.learning import adopt
from kit.ids import DEFAULT_WORKSPACE
from store.access import Scope
from tests.api.conftest import World
from tests.api.test_conversations import open_one, say
from tests.api.test_deliveries import queue_one

pytestmark = pytest.mark.anyio

_NAMED_BY_ID = {
    "conversation_id",
    "message_id",
    "number",
    "source_id",
    "document_id",
    "version_id",
    "key_id",
    "ticket_id",
    "correction_id",
    "version",
    "customer_id",
    "identity_id",
    "merge_id",
    "signal_id",
    "delivery_id",
}
_BODIES = {
    "send_message": {"text": "Hello"},
    "reply_as_agent": {"agent": "Maya", "text": "Hello"},
    "claim_conversation": {"agent": "Maya"},
    "release_conversation": {"agent": "Maya"},
    "hand_over": {},
    "rate_message": {"rating": "up"},
    "correct_ticket": {"kind": "queue", "became": "billing"},
    "record_outcome": {"outcome": "won"},
    "dispute_outcome": {"reason": "They did call."},
    "review_outcome": {},
    "set_signal_threshold": {"kind": "upsell", "threshold": 0.7},
    "change_customer": {"first_name": "Eve"},
    "add_identity": {"kind": "visitor", "value": "visitor_9"},
    "merge_customers": {"customer_id": "cus_1"},
    "record_event": {"kind": "crm", "name": "order_placed"},
    "add_feedback": {"kind": "csat", "score": 1},
    "record_consent": {"purpose": "marketing", "state": "granted", "source": "form"},
    "set_do_not_sell": {"do_not_sell": False, "source": "form"},
    "set_stage": {"stage": "lost", "reason": "gone"},
}
_QUERIES = {"check_contact": {"purpose": "service", "channel": "any"}}
# Lists of the caller's own workspace, and what belongs to none.
_WITHOUT_IDS = {
    "create_customer",
    "list_customers",
    "open_conversation",
    "list_conversations",
    "create_chat_completion",
    "list_models",
    "get_model",
    "list_sources",
    "add_source",
    "list_documents",
    "search_knowledge",
    "knowledge_health",
    "triage_messages",
    "get_taxonomy",
    "list_triage_models",
    "roll_back_triage_model",
    "start_learning",
    "get_learning",
    "report_second_opinions",
    "start_discovery",
    "get_discovery",
    "start_drift_report",
    "get_drift_report",
    "try_routing",
    "try_backfill",
    "get_backfill_trial",
    "start_backfill",
    "get_backfill",
    "resume_backfill",
    "stop_backfill",
    "undo_backfill",
    "create_ticket",
    "list_tickets",
    "list_signals",
    "get_contact_forecast",  # that the two are of one workspace, test_outlook.py says
    "list_incidents",
    "list_deliveries",
    "list_connectors",
    "pause_connector",
    "resume_connector",
    "check_connector",
    "replay_connector",
    "report_signal_precision",
    "list_disputes",
    "get_signal_thresholds",
    "set_signal_threshold",
    "tune_signal_thresholds",
    "create_visitor_token",
    "list_keys",
    "create_key",
    "liveness",
    "readiness",
    "metrics",
}


@pytest.fixture
def unlimited(world: World) -> World:
    """The same world, which does not count requests: there are more routes than a burst may have."""
    limit = Limit(1e9, 1e9)
    return world.with_config(limits=Limits(limit, limit, limit))


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    operation: str


def routes(document: dict[str, Any]) -> list[Route]:
    return [
        Route(method.upper(), path, operation["operationId"])
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]


async def ids_of_default(world: World, client: httpx.AsyncClient) -> dict[str, str]:
    conversation = await open_one(client)
    reply = (await say(client, conversation, "How long?"))["reply"]
    key = (await client.get("/v1/keys")).json()["items"][0]["id"]
    ticket = (await client.post("/v1/tickets", json={"text": "Refund me.", "external_id": "1"})).json()
    ticket_id = ticket["ticket"]["id"]
    said = await client.post(f"/v1/tickets/{ticket_id}/corrections", json=_BODIES["correct_ticket"])
    triage = world.services.triage
    assert triage is not None
    await adopt(triage.registry, DEFAULT_WORKSPACE, triage.triagers.shipped)
    model = (await client.get("/v1/triage/models")).json()["items"][0]["version"]
    customer, identity, merge = await a_merged_customer(client)
    signal = await queue_one(world)
    delivery = (await client.get("/v1/deliveries", params={"signal": signal.id})).json()["items"][0]
    return {
        "conversation_id": conversation,
        "message_id": str(reply["id"]),
        "number": "1",
        "source_id": "src_default",
        "document_id": "doc_default",
        "version_id": "ver_default",
        "key_id": key,
        "ticket_id": ticket_id,
        "correction_id": str(said.json()["correction"]["id"]),
        "version": model,
        "customer_id": customer,
        "identity_id": identity,
        "merge_id": merge,
        "signal_id": signal.id,
        "delivery_id": delivery["id"],
    }


async def a_merged_customer(client: httpx.AsyncClient) -> tuple[str, str, str]:
    """Ids of a customer of whom there is something of everything, of its first identity, of its merge."""
    ada, visitor = {"kind": "email", "value": "ada@example.com"}, {"kind": "visitor", "value": "visitor_1"}
    for identities in ([ada], [visitor], [ada, visitor]):
        made = (await client.post("/v1/customers", json={"identities": identities})).json()
    path = f"/v1/customers/{made['customer']['id']}"
    for name, route in (("record_event", "events"), ("record_consent", "consents"), ("set_stage", "journey")):
        assert (await client.post(f"{path}/{route}", json=_BODIES[name])).status_code == 201
    return made["customer"]["id"], made["customer"]["identities"][0]["id"], made["merges"][0]["id"]


async def snapshot(client: httpx.AsyncClient, ids: dict[str, str]) -> list[object]:
    paths = (
        "/v1/conversations",
        f"/v1/conversations/{ids['conversation_id']}/messages",
        "/v1/keys",
        "/v1/knowledge/sources",
        f"/v1/tickets/{ids['ticket_id']}",
        f"/v1/tickets/{ids['ticket_id']}/corrections",
        "/v1/triage/models",
        f"/v1/signals/{ids['signal_id']}",
        f"/v1/signals/{ids['signal_id']}/outcomes",
        f"/v1/customers/{ids['customer_id']}/export",
    )
    return [(await client.get(path)).json() for path in paths]


async def test_every_route_with_an_id_hides_another_workspace_s(
    unlimited: World, client: httpx.AsyncClient
) -> None:
    ids = await ids_of_default(unlimited, client)
    before = await snapshot(client, ids)
    tried = 0
    async with unlimited.client("other") as stranger:
        for route in routes(unlimited.app.openapi()):
            if "{" not in route.path.replace("{connector}", "").replace("{model}", ""):
                assert route.operation in _WITHOUT_IDS, (
                    f"say here how {route.operation} keeps workspaces apart"
                )
                continue
            response = await stranger.request(
                route.method,
                route.path.format(**ids),
                json=_BODIES.get(route.operation),
                params=_QUERIES.get(route.operation),
            )
            assert response.status_code == 404, (route, response.text)
            tried += 1
    assert tried >= 17
    after = await snapshot(client, ids)
    key_uses = [key.pop("last_used_at") for state in (before, after) for key in state[2]["items"]]  # type: ignore[index]
    assert key_uses
    assert after == before


async def test_lists_and_searches_show_the_own_workspace_only(
    world: World, client: httpx.AsyncClient
) -> None:
    await ids_of_default(world, client)
    async with world.client("other") as stranger:
        assert (await stranger.get("/v1/conversations")).json()["items"] == []
        assert len((await stranger.get("/v1/keys")).json()["items"]) == 1
        assert [s["id"] for s in (await stranger.get("/v1/knowledge/sources")).json()["items"]] == [
            "src_other"
        ]
        assert [d["id"] for d in (await stranger.get("/v1/knowledge/documents")).json()["items"]] == [
            "doc_other"
        ]
        found = (await stranger.get("/v1/knowledge/search?q=days")).json()["items"]
        assert {hit["document_id"] for hit in found} == {"doc_other"}
        assert (await stranger.get("/v1/tickets")).json()["items"] == []
        assert (await stranger.get("/v1/signals")).json()["items"] == []
        assert (await stranger.get("/v1/signals/disputes")).json()["items"] == []
        assert (await stranger.get("/v1/signals/precision")).json()["total"]["told"] == 0
        assert (await stranger.get("/v1/customers")).json()["items"] == []
        ada = {"kind": "email", "value": "ada@example.com"}
        asked = await stranger.post("/v1/customers", json={"identities": [ada], "create": False})
        assert asked.status_code == 404
        assert (await stranger.get("/v1/triage/models")).json()["items"] == []
        assert (await stranger.post("/v1/triage/models/rollback")).status_code == 409
        assert (await stranger.get("/v1/triage/learn")).status_code == 404
        assert (await stranger.get("/v1/triage/second-opinions")).json()["asked"] == 0
        assert (await stranger.get("/v1/knowledge/health")).json()["documents"] == 1


async def test_every_route_refuses_whoever_is_not_known(unlimited: World) -> None:
    ids = dict.fromkeys(_NAMED_BY_ID, "1") | {"model": "careloop", "connector": "nobody"}
    async with unlimited.client(None) as nobody, unlimited.client("cl_wrong") as liar:
        for route in routes(unlimited.app.openapi()):
            if route.operation in {"liveness", "readiness", "create_visitor_token"}:
                continue
            for client in (nobody, liar):
                response = await client.request(
                    route.method, route.path.format(**ids), json=_BODIES.get(route.operation)
                )
                assert response.status_code == 401, (route, response.text)
                assert response.headers["www-authenticate"].startswith("Bearer")


async def test_every_route_asks_for_its_scope(unlimited: World) -> None:
    """A key of scope metrics may do nothing but read metrics."""
    ids = dict.fromkeys(_NAMED_BY_ID, "1") | {"model": "careloop", "connector": "nobody"}
    free = {"liveness", "readiness", "metrics", "list_models", "get_model"}
    async with unlimited.client(Scope.METRICS) as client:
        for route in routes(unlimited.app.openapi()):
            if route.operation not in free:
                response = await client.request(
                    route.method, route.path.format(**ids), json=_BODIES.get(route.operation, {})
                )
                assert response.status_code in {403, 422}, (route, response.text)


async def test_a_visitor_reaches_no_other_visitor_s_conversation(world: World) -> None:
    ids: dict[str, str] = {}
    for number in (1, 2):
        async with world.client(None, origin="http://care.example") as page:
            token = (await page.post("/v1/visitors", json={})).json()["token"]
        async with world.client(token, origin="http://care.example") as visitor:
            if number == 1:
                conversation = await open_one(visitor)
                reply = (await say(visitor, conversation, "How long?"))["reply"]
                ids = {"conversation_id": conversation, "message_id": str(reply["id"]), "number": "1"}
                continue
            assert (await visitor.get("/v1/conversations")).json()["items"] == []
            for route in routes(world.app.openapi()):
                if "{conversation_id}" in route.path:
                    response = await visitor.request(
                        route.method, route.path.format(**ids), json=_BODIES.get(route.operation)
                    )
                    assert response.status_code in {403, 404}, (route, response.text)
