"""Signals over HTTP: read, settled, disputed, explained."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import insert

from customers import (
    ConsentChannel,
    ConsentState,
    CustomerBook,
    Identity,
    IdentityKind,
    NewConsent,
    Profile,
    Purpose,
)
from kit.ids import ConversationId, CustomerId
from signals.signal import Signal, SignalKind, Team
from store.access import Scope
from store.tables import conversations
from tests.api.conftest import World
from tests.api.signal_parts import KEY
from tests.signals.making import signal

pytestmark = pytest.mark.anyio
PATH = "/v1/signals"
ANN = Identity(IdentityKind.EMAIL, "ann@example.org")
PROFILE = Profile(attributes={"plan": "Fibre 100", "has_sim": True})


async def raise_signal(world: World, kind: SignalKind = SignalKind.UPSELL, **changes: Any) -> Signal:
    """A signal of Ann's, who consented to offers."""
    now, space = world.clock.now(), world.config.workspace
    book = CustomerBook(world.services.cipher, KEY)
    parts = world.services.signals
    assert parts is not None
    async with world.services.database.write() as connection:
        ann = (await book.registry.resolve(connection, space, [ANN], profile=PROFILE, now=now)).customer.id
        said = NewConsent(Purpose.MARKETING, ConsentChannel.EMAIL, ConsentState.GRANTED, "form", now)
        await book.consent(connection, space, ann, said, now=now)
        made = signal(
            kind,
            customer_id=ann,
            created_at=now,
            updated_at=now,
            expires_at=now + timedelta(days=30),
            **changes,
        )
        return await parts.store.put(connection, made, origin=made.id)


async def get(client: httpx.AsyncClient, path: str) -> dict[str, Any]:
    response = await client.get(f"{PATH}{path}")
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


async def test_signals_are_listed_with_evidence_and_found_by_what_they_are(
    each_world: World, each_client: httpx.AsyncClient
) -> None:
    upsell = await raise_signal(each_world)
    churn = await raise_signal(each_world, SignalKind.CHURN_RISK, team=Team.SALES, owner="maya", targets=())
    page = await get(each_client, "?limit=1")
    assert [item["id"] for item in page["items"]] == [churn.id]
    assert page["items"][0]["evidence"] == [
        {"text": "cancel my line", "start": 0, "end": 14, "weight": 1.0, "message_id": None}
    ]
    assert page["items"][0]["targets"] == []
    rest = await get(each_client, f"?limit=1&before={page['next']}")
    assert [item["id"] for item in rest["items"]] == [upsell.id]
    for query, expected in (
        ("kind=upsell", [upsell.id]),
        ("team=sales", [churn.id]),
        ("owner=maya", [churn.id]),
        (f"customer={upsell.customer_id}&state=open", [churn.id, upsell.id]),
        ("at_least=0.9", []),
        ("since=2030-01-01T00:00:00Z", []),
        ("conversation=conv_1", []),
    ):
        assert [item["id"] for item in (await get(each_client, f"?{query}"))["items"]] == expected, query
    assert (await get(each_client, f"/{upsell.id}"))["kind"] == "upsell"


async def test_an_outcome_settles_a_signal_and_counts(world: World, client: httpx.AsyncClient) -> None:
    found = await raise_signal(world)
    world.clock.advance(timedelta(days=2))
    body = {"outcome": "won", "amount": 120.0, "currency": "GBP", "external_id": "opp_1", "source": "crm"}
    first = await client.post(f"{PATH}/{found.id}/outcomes", json=body)
    assert first.status_code == 201, first.text
    assert first.json()["signal"]["state"] == "closed"
    again = await client.post(f"{PATH}/{found.id}/outcomes", json=body)
    assert again.json()["outcome"]["id"] == first.json()["outcome"]["id"]
    assert len((await get(client, f"/{found.id}/outcomes"))["items"]) == 1
    report = await get(client, "/precision")
    assert report["total"]["counts"] == {"won": 1, "lost": 0, "noise": 0, "too_late": 0, "in_progress": 0}
    assert report["total"]["revenue"] == {"GBP": 120.0}
    assert report["total"]["lead_days"] == 2.0
    assert report["by_source"][0]["group"] == "upsell by triage"
    assert report["by_kind"][0]["precision"]["share"] == 1.0
    late = f"?since={(world.clock.now()).isoformat().replace('+', '%2B')}"
    assert (await get(client, f"/precision{late}"))["total"]["told"] == 0


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"outcome": "won", "amount": 5}, "outcome_invalid"),
        ({"outcome": "won", "at": "2030-01-01T00:00:00Z"}, "outcome_invalid"),
        ({"outcome": "sold"}, "invalid_input"),
        ({"outcome": "won", "currency": "pounds", "amount": 5}, "invalid_input"),
        ({"outcome": "won", "price": 5}, "invalid_input"),
    ],
)
async def test_an_outcome_that_cannot_be_is_refused(
    world: World, client: httpx.AsyncClient, body: dict[str, Any], code: str
) -> None:
    found = await raise_signal(world)
    response = await client.post(f"{PATH}/{found.id}/outcomes", json=body)
    assert (response.status_code, response.json()["code"]) == (422, code)
    assert (await get(client, f"/{found.id}/outcomes"))["items"] == []


async def test_a_dispute_waits_for_its_review(world: World, client: httpx.AsyncClient) -> None:
    found = await raise_signal(world)
    path = f"{PATH}/{found.id}"
    nothing = await client.post(f"{path}/dispute", json={"reason": "no"})
    assert (nothing.status_code, nothing.json()["code"]) == (409, "nothing_to_dispute")
    await client.post(f"{path}/outcomes", json={"outcome": "noise"})
    disputed = (await client.post(f"{path}/dispute", json={"reason": "They did call."})).json()
    assert (disputed["counts"], disputed["dispute"]["reason"]) == (False, "They did call.")
    assert [item["id"] for item in (await get(client, "/disputes"))["items"]] == [disputed["id"]]
    assert (await get(client, "/precision"))["total"]["disputed"] == 1
    reviewed = (await client.post(f"{path}/review", json={"became": "lost"})).json()
    assert (reviewed["outcome"], reviewed["source"]) == ("lost", "review")
    assert (await get(client, "/disputes"))["items"] == []


async def test_what_to_do_next_says_why_nothing_else(world: World, client: httpx.AsyncClient) -> None:
    found = await raise_signal(world)
    action = await get(client, f"/{found.id}/next-action")
    assert (action["action"], action["chosen"]["offer"], action["currency"]) == (
        "Offer Fibre 300, as marketing by email.",
        "Fibre 300",
        "GBP",
    )
    assert all(one["against"] for one in action["rejected"])
    await client.post(f"{PATH}/{found.id}/outcomes", json={"outcome": "lost"})
    again = await raise_signal(world)
    refused = await get(client, f"/{again.id}/next-action")
    assert refused["chosen"] is None
    (one,) = [one for one in refused["rejected"] if one["offer"] == "Fibre 300"]
    assert one["against"] == ["they refused on 2026-01-01"]


async def test_a_complaint_of_who_was_merged_into_the_customer_stops_an_offer(
    world: World, client: httpx.AsyncClient
) -> None:
    now, space, book = world.clock.now(), world.config.workspace, CustomerBook(world.services.cipher, KEY)
    found = await raise_signal(world)
    assert world.services.signals is not None
    visitor = Identity(IdentityKind.VISITOR, "widget-1")
    async with world.services.database.write() as connection:
        bob = (await book.registry.resolve(connection, space, [visitor], now=now)).customer.id
        complaint = signal(
            SignalKind.ESCALATION_RISK,
            customer_id=bob,
            created_at=now,
            updated_at=now,
            expires_at=now + timedelta(days=30),
        )
        await world.services.signals.store.put(connection, complaint, origin=complaint.id)
        await book.registry.attach(connection, space, CustomerId(found.customer_id), visitor, now=now)
    action = await get(client, f"/{found.id}/next-action")
    assert (action["action"], action["chosen"]) == ("Offer nothing; solve what they wrote about first.", None)
    assert all("a complaint may escalate" in one["against"] for one in action["rejected"])
    listed = await get(client, f"?customer={found.customer_id}")
    assert {item["id"] for item in listed["items"]} == {found.id, complaint.id}
    export = (await client.get(f"/v1/customers/{found.customer_id}/export")).json()
    assert [item["id"] for item in export["signals"]] == sorted([found.id, complaint.id])
    assert export["signals"][0]["evidence"][0]["text"]


async def test_with_the_customer_its_signals_go(world: World, client: httpx.AsyncClient) -> None:
    found = await raise_signal(world)
    book = CustomerBook(world.services.cipher, KEY)
    async with world.services.database.write() as connection:
        await book.registry.erase(
            connection, world.config.workspace, CustomerId(found.customer_id), now=world.clock.now()
        )
    assert (await client.get(f"{PATH}/{found.id}")).status_code == 404


async def test_thresholds_are_set_and_tuned_and_remember_it(world: World, client: httpx.AsyncClient) -> None:
    response = await client.put(f"{PATH}/thresholds", json={"kind": "upsell", "threshold": 0.8})
    assert response.json()["previous"] == 0.65
    assert (
        await client.put(f"{PATH}/thresholds", json={"kind": "upsell", "threshold": 0.3})
    ).status_code == 422
    thresholds = await get(client, "/thresholds")
    assert thresholds["current"]["upsell"] == 0.8
    assert [change["threshold"] for change in thresholds["history"]] == [0.8]
    tuned = (await client.post(f"{PATH}/thresholds/tune")).json()["items"]
    assert {item["kind"] for item in tuned} == set(SignalKind)
    assert {item["why"] for item in tuned} == {"fewer than 20 outcomes"}


async def test_reading_and_writing_need_scopes_of_their_own(world: World) -> None:
    found = await raise_signal(world)
    async with world.client(Scope.SIGNALS_READ) as reader, world.client(Scope.SIGNALS_WRITE) as writer:
        assert (await reader.get(f"{PATH}/{found.id}")).status_code == 200
        assert (await writer.get(f"{PATH}/{found.id}")).status_code == 403
        body = {"outcome": "noise"}
        assert (await reader.post(f"{PATH}/{found.id}/outcomes", json=body)).status_code == 403
        assert (await writer.post(f"{PATH}/{found.id}/outcomes", json=body)).status_code == 201


async def test_where_signals_are_off_it_says_so(world: World) -> None:
    async with world.with_services(signals=None).client() as client:
        response = await client.get(PATH)
    assert (response.status_code, response.json()["code"]) == (404, "signals_off")


async def test_an_unmerge_gives_signals_back_to_whom_wrote_them(
    world: World, client: httpx.AsyncClient
) -> None:
    elder = (await raise_signal(world, SignalKind.RENEWAL)).customer_id
    world.clock.advance(timedelta(minutes=1))
    book, bob = CustomerBook(world.services.cipher, KEY), Identity(IdentityKind.VISITOR, "visitor_bob")
    async with world.services.database.write() as connection:
        made = await book.registry.resolve(connection, world.config.workspace, [bob], now=world.clock.now())
    younger = made.customer.id
    merged = await client.post(f"/v1/customers/{elder}/merges", json={"customer_id": younger})
    (merge,) = merged.json()["merges"]
    now = world.clock.now()
    async with world.services.database.write() as connection:
        await connection.execute(
            insert(conversations).values(
                id="conv_bob", workspace_id=world.config.workspace, channel="web", visitor_id="visitor_bob",
                owner="bot", status="open", next_sequence=1, answered_sequence=0, created_at=now,
                updated_at=now,
            )
        )  # fmt: skip
    heard = await raise_signal(world, conversation_id=ConversationId("conv_bob"))
    assert heard.customer_id == elder
    undone = await client.delete(f"/v1/customers/{elder}/merges/{merge['id']}")
    assert undone.status_code == 200
    (bobs,) = (await get(client, f"?customer={younger}"))["items"]
    assert (bobs["kind"], bobs["evidence"][0]["text"]) == ("upsell", "cancel my line")
    anns = {one["kind"]: one for one in (await get(client, f"?customer={elder}"))["items"]}
    assert (anns["upsell"]["state"], anns["upsell"]["evidence"]) == ("expired", [])
    assert anns["renewal"]["state"] == "open"
