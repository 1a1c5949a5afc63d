from __future__ import annotations

from datetime import timedelta
from typing import Any
from unittest.mock import ANY

import httpx
import pytest

from store.access import Scope
from tests.api.conftest import World

pytestmark = pytest.mark.anyio

ADA = {"kind": "email", "value": "Ada@Example.com"}
PHONE = {"kind": "phone", "value": "020 7946 0000"}
VISITOR = {"kind": "visitor", "value": "visitor_1"}
CRM = {"kind": "crm", "system": "salesforce", "value": "003xx"}


async def resolve(client: httpx.AsyncClient, *identities: dict[str, str], **more: Any) -> dict[str, Any]:
    response = await client.post("/v1/customers", json={"identities": list(identities), **more})
    assert response.status_code == 201, response.text
    found: dict[str, Any] = response.json()
    return found


async def customer(client: httpx.AsyncClient, *identities: dict[str, str]) -> str:
    return f"/v1/customers/{(await resolve(client, *identities))['customer']['id']}"


async def test_a_customer_is_made_found_and_changed(each_client: httpx.AsyncClient) -> None:
    made = await resolve(each_client, ADA, PHONE, first_name="Ada", attributes={"plan": "fibre", "seats": 3})
    again = await resolve(each_client, PHONE, CRM)
    assert (made["created"], again["created"]) == (True, False)
    assert [item["value"] for item in again["customer"]["identities"]] == [
        "ada@example.com", "+442079460000", "003xx",
    ]  # fmt: skip
    path = f"/v1/customers/{made['customer']['id']}"
    change = {
        "last_name": "Lovelace",
        "attributes": {"seats": None, "city": "London"},
        "value": {"amount": 480.5, "currency": "GBP"},
    }
    changed = (await each_client.put(path, json=change)).json()
    assert (changed["first_name"], changed["last_name"]) == ("Ada", "Lovelace")
    assert changed["attributes"] == {"plan": "fibre", "city": "London"}
    assert changed["value"] == change["value"]
    assert (await each_client.get(path)).json() == {**changed, "churn": ANY}
    assert (await each_client.get("/v1/customers")).json()["items"] == [changed]
    assert (await each_client.get("/v1/customers?stage=lost")).json()["items"] == []


async def test_a_list_is_read_in_pages(client: httpx.AsyncClient) -> None:
    made = {
        (await resolve(client, {"kind": "external", "value": str(number)}))["customer"]["id"]
        for number in range(3)
    }
    first = (await client.get("/v1/customers?limit=2")).json()
    rest = (await client.get("/v1/customers", params={"limit": 2, "before": first["next"]})).json()
    assert {item["id"] for item in first["items"] + rest["items"]} == made
    assert rest["next"] is None


async def test_an_idempotency_key_makes_one_event(client: httpx.AsyncClient) -> None:
    path = await customer(client, ADA)
    body = {"kind": "crm", "name": "order_placed"}
    answers = [
        await client.post(f"{path}/events", json=body, headers={"Idempotency-Key": "order-1"})
        for _ in range(2)
    ]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["stage"] == "onboarding"
    assert len((await client.get(f"{path}/timeline")).json()["items"]) == 1


async def test_the_same_external_id_is_the_same_event(client: httpx.AsyncClient) -> None:
    path, other = await customer(client, ADA), await customer(client, VISITOR)
    body = {
        "kind": "email",
        "name": "message",
        "external_id": "mail-1",
        "text": "Hello",
        "payload": {"to": "care"},
    }
    made, again = [(await client.post(f"{path}/events", json=body)).json() for _ in range(2)]
    assert (made["created"], again["created"]) == (True, False)
    assert made["event"]["payload"] == {"to": "care", "text": "Hello"}
    refused = await client.post(f"{other}/events", json=body)
    assert (refused.status_code, refused.json()["code"]) == (409, "event_of_another")


async def test_a_timeline_is_read_in_pages_and_by_kind(world: World, client: httpx.AsyncClient) -> None:
    path = await customer(client, ADA)
    for number, kind in enumerate(("chat", "email", "chat", "usage")):
        at = (world.clock.now() - timedelta(days=number)).isoformat()
        body = {"kind": kind, "name": "message", "occurred_at": at}
        assert (await client.post(f"{path}/events", json=body)).status_code == 201
    first = (await client.get(f"{path}/timeline?limit=3")).json()
    rest = (await client.get(f"{path}/timeline", params={"before": first["next"]})).json()
    assert [item["kind"] for item in first["items"] + rest["items"]] == ["chat", "email", "chat", "usage"]
    some = (await client.get(f"{path}/timeline?kind=chat&kind=usage")).json()
    assert len(some["items"]) == 3


async def test_feedback_is_kept_on_its_scale_and_counts_for_health(client: httpx.AsyncClient) -> None:
    path = await customer(client, ADA)
    for kind, score in (("nps", 10), ("csat", 5), ("review", 4.5)):
        body = {"kind": kind, "score": score, "comment": "Good."}
        assert (await client.post(f"{path}/feedback", json=body)).status_code == 201
    refused = await client.post(f"{path}/feedback", json={"kind": "nps", "score": 11})
    assert (refused.status_code, refused.json()["code"]) == (422, "feedback_invalid")
    disguised = {"kind": "survey", "name": "csat", "score": 9}
    assert (await client.post(f"{path}/events", json=disguised)).status_code == 422
    health = (await client.get(f"{path}/health")).json()
    survey = next(part for part in health["parts"] if part["part"] == "survey")
    assert survey["score"] == pytest.approx(100 * (1 + 1 + 0.875) / 3, abs=0.1)
    assert "3 ratings" in survey["explanation"]
    assert set(health["missing"]) == {"usage", "payments", "sentiment"}


async def test_consent_is_asked_for_and_can_be_withdrawn(world: World, client: httpx.AsyncClient) -> None:
    path = await customer(client, ADA)

    async def contact(purpose: str = "marketing", channel: str = "email") -> tuple[bool, str]:
        params = {"purpose": purpose, "channel": channel}
        found = (await client.get(f"{path}/contact", params=params)).json()
        return found["allowed"], found["reason"]

    async def say(state: str, channel: str) -> None:
        world.clock.advance(timedelta(minutes=1))
        body = {"purpose": "marketing", "channel": channel, "state": state, "source": "form"}
        assert (await client.post(f"{path}/consents", json=body)).status_code == 201

    assert await contact() == (False, "no_consent")
    assert await contact("service") == (True, "not_refused")
    await say("granted", "email")
    assert await contact() == (True, "granted")
    await say("withdrawn", "any")
    assert await contact() == (False, "withdrawn")
    states = [item["state"] for item in (await client.get(f"{path}/consents")).json()["items"]]
    assert states == ["granted", "withdrawn"]


async def test_do_not_sell_stops_everything_but_service(world: World, client: httpx.AsyncClient) -> None:
    path = await customer(client, ADA)
    for value in (True, False):
        world.clock.advance(timedelta(minutes=1))
        body = {"do_not_sell": value, "source": "privacy page"}
        assert (await client.put(f"{path}/do-not-sell", json=body)).json()["do_not_sell"] is value
        found = (await client.get(f"{path}/contact?purpose=analytics&channel=any")).json()
        assert found["allowed"] is not value
    assert len((await client.get(f"{path}/consents")).json()["items"]) == 2


async def test_a_person_may_say_where_a_customer_stands(client: httpx.AsyncClient) -> None:
    path = await customer(client, ADA)
    said = await client.post(f"{path}/journey", json={"stage": "at_risk", "reason": "Champion left."})
    assert said.json()["stage"] == "at_risk"
    journey = (await client.get(f"{path}/journey")).json()
    assert [(move["rule"], move["event"]) for move in journey["moves"]] == [
        ("by_hand", said.json()["event"]["id"])
    ]


async def test_customers_are_merged_and_taken_apart(each_client: httpx.AsyncClient) -> None:
    elder, younger = await customer(each_client, ADA), await customer(each_client, VISITOR)
    before = [(await each_client.get(f"{path}/export")).json() for path in (elder, younger)]
    other = {"customer_id": elder.rsplit("/", 1)[1]}
    merged = await each_client.post(f"{younger}/merges", json=other)
    assert merged.status_code == 201
    assert merged.json()["customer"]["id"] == before[0]["customer"]["id"]
    assert merged.json()["customer"]["absorbed"] == [before[1]["customer"]["id"]]
    again = await each_client.post(f"{younger}/merges", json=other)
    assert (again.status_code, again.json()["code"]) == (409, "merge_impossible")
    (merge,) = (await each_client.get(f"{younger}/merges")).json()["items"]
    undone = (await each_client.delete(f"{elder}/merges/{merge['id']}")).json()
    assert undone["merge"]["undone_at"] is not None
    assert [undone["survivor"]["id"], undone["absorbed"]["id"]] == [
        found["customer"]["id"] for found in before
    ]
    for path, found in zip((elder, younger), before, strict=True):
        now = (await each_client.get(f"{path}/export")).json()
        assert now["customer"]["identities"] == found["customer"]["identities"]
    stranger = await customer(each_client, PHONE)
    assert (await each_client.delete(f"{stranger}/merges/{merge['id']}")).status_code == 404


async def test_identities_are_added_and_removed(client: httpx.AsyncClient) -> None:
    path = await customer(client, ADA)
    added = (await client.post(f"{path}/identities", json=PHONE)).json()["customer"]
    identity = added["identities"][1]
    assert identity["value"] == "+442079460000"
    left = (await client.delete(f"{path}/identities/{identity['id']}")).json()
    assert [item["kind"] for item in left["identities"]] == ["email"]
    assert (await client.delete(f"{path}/identities/{identity['id']}")).status_code == 404
    refused = await client.post(f"{path}/identities", json={"kind": "email", "value": "nobody"})
    assert (refused.status_code, refused.json()["code"]) == (422, "identity_invalid")


async def test_an_export_has_everything_and_erasing_leaves_nothing(each_client: httpx.AsyncClient) -> None:
    path = await customer(each_client, ADA)
    await each_client.post(f"{path}/events", json={"kind": "chat", "name": "message", "text": "Hello"})
    consent = {"purpose": "sales", "state": "granted", "source": "form"}
    await each_client.post(f"{path}/consents", json=consent)
    export = (await each_client.get(f"{path}/export")).json()
    assert [event["payload"] for event in export["events"]] == [{"text": "Hello"}]
    assert [item["purpose"] for item in export["consents"]] == ["sales"]
    assert [move["became"] for move in export["journey"]] == ["consideration"]
    assert export["health"]["score"] is not None
    erased = (await each_client.delete(path)).json()
    assert erased == {"erased": [export["customer"]["id"]], "sequences": []}
    for route in ("", "/export", "/timeline", "/consents", "/health", "/journey", "/merges"):
        assert (await each_client.get(f"{path}{route}")).status_code == 404
    imported = await each_client.post("/v1/customers", json={"identities": [ADA], "imported": True})
    assert (imported.status_code, imported.json()["code"]) == (409, "customer_erased")
    assert (await resolve(each_client, ADA))["created"]


async def test_reading_and_writing_are_scopes_of_their_own(world: World, client: httpx.AsyncClient) -> None:
    path = await customer(client, ADA)
    async with world.client(Scope.CUSTOMERS_READ) as reader, world.client(Scope.CUSTOMERS_WRITE) as writer:
        assert (await reader.get(path)).status_code == 200
        assert (await reader.put(path, json={"first_name": "Eve"})).status_code == 403
        assert (await reader.delete(path)).status_code == 403
        assert (await writer.put(path, json={"first_name": "Ada"})).status_code == 200
        assert (await writer.get(path)).status_code == 403
