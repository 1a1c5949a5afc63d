from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from kit.ids import DEFAULT_WORKSPACE
from store.access import Scope
from store.tables import corrections, tickets
from tests.api.conftest import World
from tests.api.test_triage import REFUND, evidence_in, triage_of
from triage.tickets import NewTicket

pytestmark = pytest.mark.anyio

PARCEL = "where is my parcel, the toaster was promised yesterday, please reply"


async def take_in(client: httpx.AsyncClient, text: str | None = REFUND, **more: Any) -> dict[str, Any]:
    response = await client.post("/v1/tickets", json={"text": text, **more})
    assert response.status_code == 201, response.text
    found: dict[str, Any] = response.json()["ticket"]
    return found


async def correct(client: httpx.AsyncClient, ticket: str, **body: Any) -> dict[str, Any]:
    response = await client.post(f"/v1/tickets/{ticket}/corrections", json=body)
    assert response.status_code == 201, response.text
    found: dict[str, Any] = response.json()
    return found


async def test_a_ticket_is_triaged_routed_and_stored(each_client: httpx.AsyncClient) -> None:
    made = await take_in(
        each_client,
        subject="Money",
        source="zendesk",
        external_id="48213",
        channel="email",
        customer={"tier": "enterprise", "value": 12.5, "tags": ["old", "loud"], "vip": True, "note": None},
    )
    assert (made["intent"], made["queue"], made["priority"]) == ("billing.refund", "vip", "P1")
    assert made["labels"]["queue"]["name"] == "billing"
    assert made["routing"]["queue_rule"] == "enterprise customers"
    assert made["routing"]["resolution_due"] == "2026-01-01T04:00:00Z"
    assert (await each_client.get(f"/v1/tickets/{made['id']}")).json() == made


async def test_evidence_quotes_the_ticket_and_is_stored_without_its_words(
    each_world: World, each_client: httpx.AsyncClient
) -> None:
    made = await take_in(each_client, channel="letter")
    assert made["routing"]["queue"] == "accounts"
    quotes = list(evidence_in(made["labels"]))
    in_routing = list(evidence_in(made["routing"]))
    assert quotes
    assert in_routing
    for quote in (*quotes, *in_routing):
        assert REFUND[quote["start"] : quote["end"]] == quote["text"] != ""
    async with each_world.services.database.read() as connection:
        row = (await connection.execute(select(tickets))).one()
    assert "money" not in str(row.labels)
    assert b"money" not in row.text + row.subject


async def test_the_same_ticket_twice_is_one(each_client: httpx.AsyncClient) -> None:
    first = await take_in(each_client, source="zendesk", external_id="1")
    again = await each_client.post(
        "/v1/tickets", json={"text": PARCEL, "source": "zendesk", "external_id": "1"}
    )
    assert (again.json()["created"], again.json()["ticket"]) == (False, first)
    elsewhere = await take_in(each_client, PARCEL, source="freshdesk", external_id="1")
    assert elsewhere["id"] != first["id"]
    assert len({(await take_in(each_client))["id"] for _ in range(2)}) == 2


async def test_a_repeated_request_is_answered_as_the_first_time(each_client: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "once"}
    first = await each_client.post("/v1/tickets", json={"text": REFUND}, headers=key)
    second = await each_client.post("/v1/tickets", json={"text": REFUND}, headers=key)
    assert first.json() == second.json()
    assert second.headers["idempotent-replayed"] == "true"
    path = f"/v1/tickets/{first.json()['ticket']['id']}/corrections"
    for _ in range(2):
        body = {"kind": "queue", "became": "billing"}
        assert (
            await each_client.post(path, json=body, headers=key | {"Idempotency-Key": "two"})
        ).status_code == 201
    assert len((await each_client.get(path)).json()["items"]) == 1


@pytest.mark.parametrize("text", [None, "", "\u0000 x", "x" * 200_000])
async def test_whatever_is_in_a_ticket_is_taken_in(client: httpx.AsyncClient, text: str | None) -> None:
    made = await take_in(client, text)
    assert (await client.get(f"/v1/tickets/{made['id']}")).json()["text"] == (text or "")


async def test_a_ticket_that_nobody_triaged_yet_is_shown_and_triaged_when_it_comes_again(
    each_world: World, each_client: httpx.AsyncClient
) -> None:
    store = triage_of(each_world).tickets
    async with each_world.services.database.write() as connection:
        new = NewTicket("csv", "7", REFUND)
        bare, _ = await store.create_or_get(connection, DEFAULT_WORKSPACE, new, at=each_world.clock.now())
    await correct(each_client, bare.id, kind="queue", became="sales")
    shown = (await each_client.get(f"/v1/tickets/{bare.id}")).json()
    assert (shown["labels"], shown["routing"], shown["intent"], shown["priority"]) == (None,) * 4
    again = await each_client.post("/v1/tickets", json={"text": REFUND, "source": "csv", "external_id": "7"})
    assert again.json()["created"] is False
    ticket = again.json()["ticket"]
    assert (ticket["intent"], ticket["queue"], ticket["routing"]["queue"]) == (
        "billing.refund",
        "sales",
        "general",
    )


async def test_lists_are_filtered_and_paged(each_world: World, each_client: httpx.AsyncClient) -> None:
    made = []
    for number in range(5):
        tier = "enterprise" if number % 2 else "free"
        made.append(await take_in(each_client, REFUND if number < 3 else PARCEL, customer={"tier": tier}))
        each_world.clock.advance(timedelta(hours=1))
    ids = [ticket["id"] for ticket in made]

    async def listed(query: str) -> list[int]:
        page = (await each_client.get(f"/v1/tickets?{query}")).json()
        return sorted(ids.index(item["id"]) for item in page["items"])

    assert await listed("") == [0, 1, 2, 3, 4]
    assert await listed("queue=vip") == [1, 3]
    assert await listed("intent=logistics.delivery") == [3, 4]
    assert await listed("intent=logistics.delivery&queue=vip") == [3]
    assert await listed("since=2026-01-01T04:00:00%2B01:00") == [3, 4]
    assert await listed("since=0001-01-01T00:00:00%2B23:00") == [0, 1, 2, 3, 4]
    assert await listed("since=9999-12-31T23:59:59-23:00") == []
    certainty = made[0]["certainty"]
    assert await listed(f"certainty={certainty}") == [
        number for number, ticket in enumerate(made) if ticket["certainty"] == certainty
    ]

    seen, query = [], "limit=2"
    while True:
        page = (await each_client.get(f"/v1/tickets?{query}")).json()
        seen += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        query = f"limit=2&before={page['next']}"
    assert seen == sorted(ids, reverse=True)


async def test_a_correction_holds_at_once_and_is_kept(
    each_world: World, each_client: httpx.AsyncClient
) -> None:
    ticket = (await take_in(each_client))["id"]
    key_id = next(
        key["id"]
        for key in (await each_client.get("/v1/keys")).json()["items"]
        if len(key["scopes"]) == len(Scope)
    )
    each_world.clock.advance(timedelta(minutes=1))
    said = await correct(each_client, ticket, kind="intent", became="logistics.delivery")
    assert said["correction"] == {
        "id": said["correction"]["id"],
        "kind": "intent",
        "was": "billing.refund",
        "became": "logistics.delivery",
        "who": key_id,
        "source": "api",
        "at": "2026-01-01T00:01:00Z",
        "withdrawn_at": None,
    }
    assert (said["ticket"]["intent"], said["ticket"]["certainty"]) == ("logistics.delivery", "sure")
    moved = await correct(each_client, ticket, kind="queue", became="logistics")
    assert moved["correction"]["was"] == "general"
    raised = await correct(each_client, ticket, kind="priority", became="P2")
    assert (raised["ticket"]["priority"], raised["ticket"]["labels"]["priority"]["name"]) != ("P2", "P2")
    final = (await correct(each_client, ticket, kind="signal", became="churn_risk"))["ticket"]
    assert final["final_labels"] == {
        "intent": "logistics.delivery",
        "queue": "logistics",
        "priority": "P2",
        "signal": {"churn_risk": True},
    }
    assert final["routing"]["queue"] == "general"
    assert (await each_client.get(f"/v1/tickets/{ticket}")).json() == final
    assert (await each_client.get("/v1/tickets?queue=logistics&intent=logistics.delivery")).json()[
        "items"
    ] == [final]
    kept = (await each_client.get(f"/v1/tickets/{ticket}/corrections")).json()["items"]
    assert [one["kind"] for one in kept] == ["intent", "queue", "priority", "signal"]


async def test_a_withdrawn_correction_gives_the_ticket_the_word_before_it(
    each_world: World, each_client: httpx.AsyncClient
) -> None:
    made = await take_in(each_client)
    path = f"/v1/tickets/{made['id']}/corrections"
    first = await correct(each_client, made["id"], kind="intent", became="logistics.delivery")
    second = await correct(each_client, made["id"], kind="intent", became="oos")
    assert second["ticket"]["certainty"] == "out_of_scope"
    each_world.clock.advance(timedelta(minutes=1))
    for _ in range(2):
        taken = await each_client.delete(f"{path}/{second['correction']['id']}")
        assert taken.status_code == 200
        assert taken.json()["ticket"]["intent"] == "logistics.delivery"
        assert taken.json()["correction"]["withdrawn_at"] == "2026-01-01T00:01:00Z"
    back = (await each_client.delete(f"{path}/{first['correction']['id']}")).json()["ticket"]
    assert (back["intent"], back["final_labels"], back["certainty"]) == (
        made["intent"],
        {},
        made["certainty"],
    )
    kept = (await each_client.get(path)).json()["items"]
    assert [one["withdrawn_at"] is not None for one in kept] == [True, True]


async def test_a_correction_is_withdrawn_from_its_own_ticket_only(client: httpx.AsyncClient) -> None:
    mine, other = (await take_in(client))["id"], (await take_in(client))["id"]
    said = (await correct(client, mine, kind="queue", became="sales"))["correction"]
    for path in (f"{other}/corrections/{said['id']}", f"{mine}/corrections/4711"):
        response = await client.delete(f"/v1/tickets/{path}")
        assert (response.status_code, response.json()["code"]) == (404, "unknown_correction")
    for number in ("0", "first", str(2**31)):
        assert (await client.delete(f"/v1/tickets/{mine}/corrections/{number}")).status_code == 422
    assert (await client.get(f"/v1/tickets/{mine}")).json()["queue"] == "sales"


async def test_a_label_that_there_is_not_is_refused_with_those_that_there_are(
    each_client: httpx.AsyncClient,
) -> None:
    ticket = (await take_in(each_client))["id"]

    async def refused(kind: str, became: str, **more: Any) -> str:
        body = {"kind": kind, "became": became, **more}
        response = await each_client.post(f"/v1/tickets/{ticket}/corrections", json=body)
        assert (response.status_code, response.json()["code"]) == (422, "corrections_invalid")
        return str(response.json()["detail"])

    assert await refused("intent", "billing.refnd") == (
        "There is no intent 'billing.refnd'. 'billing.refund' was meant? Possible are: billing.invoice, "
        "billing.refund, logistics.damage, logistics.delivery, oos, sales.cancel, sales.stock. "
        'Send "new": true to introduce another one.'
    )
    # Rules send to these three besides the taxonomy's.
    for queue in ("general", "vip", "accounts"):
        assert queue in await refused("queue", "biling")
        await correct(each_client, ticket, kind="queue", became=queue)
    group = await refused("intent", "billing", new=True)
    assert group == "'billing' is a group of intents. Choose one of it: billing.invoice, billing.refund."
    assert "Possible are: aa, ab" in await refused("language", "german", new=True)
    await correct(each_client, ticket, kind="language", became="de")
    assert "only P1, P2, P3, P4" in await refused("priority", "P9", new=True)
    assert (await each_client.get(f"/v1/tickets/{ticket}")).json()["intent"] == "billing.refund"


async def test_a_new_label_is_introduced_once_and_then_known(each_world: World) -> None:
    async with each_world.client() as client, each_world.client("other") as other:
        ticket, elsewhere = (await take_in(client))["id"], (await take_in(other))["id"]
        said = await correct(client, ticket, kind="intent", became="sales.gift_card", new=True)
        assert said["ticket"]["intent"] == "sales.gift_card"
        second = (await take_in(client))["id"]
        await correct(client, second, kind="intent", became="sales.gift_card")
        body = {"kind": "intent", "became": "sales.gift_card"}
        assert (await other.post(f"/v1/tickets/{elsewhere}/corrections", json=body)).status_code == 422
        for one in (ticket, second):
            for number in [
                one["id"] for one in (await client.get(f"/v1/tickets/{one}/corrections")).json()["items"]
            ]:
                await client.delete(f"/v1/tickets/{one}/corrections/{number}")
        assert (await client.post(f"/v1/tickets/{ticket}/corrections", json=body)).status_code == 422


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"kind": "intent"}, "corrections_invalid"),
        ({"kind": "priority", "became": "P9"}, "corrections_invalid"),
        ({"kind": "colour", "became": "red"}, "invalid_input"),
        ({"kind": "intent", "became": ""}, "invalid_input"),
        ({"kind": "intent", "became": "a", "who": "somebody else"}, "invalid_input"),
    ],
)
async def test_a_correction_that_says_nothing_is_refused(
    client: httpx.AsyncClient, body: dict[str, str], code: str
) -> None:
    ticket = (await take_in(client))["id"]
    response = await client.post(f"/v1/tickets/{ticket}/corrections", json=body)
    assert (response.status_code, response.json()["code"]) == (422, code)
    assert (await client.get(f"/v1/tickets/{ticket}/corrections")).json()["items"] == []


@pytest.mark.parametrize("since", ["0.5", "1767225600", "2026-01-01", "2026-01-01T00:00:00", "yesterday"])
async def test_a_time_without_a_zone_or_a_day_is_refused(client: httpx.AsyncClient, since: str) -> None:
    assert (await client.get(f"/v1/tickets?since={since}")).status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": "a", "source": "Zen desk"},
        {"text": "a", "external_id": "x" * 201},
        {"text": "a", "customer": {"note": "\u0000"}},
        {"text": "a", "customer": {"": 1}},
        {"text": "a", "customer": {str(number): 1 for number in range(101)}},
        {"text": "a", "subject": "x" * 10_001},
    ],
)
async def test_what_is_no_ticket_is_refused(client: httpx.AsyncClient, body: dict[str, Any]) -> None:
    response = await client.post("/v1/tickets", json=body)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_input")


async def test_an_erased_ticket_is_gone_with_all_that_was_said_of_it(
    each_world: World, each_client: httpx.AsyncClient
) -> None:
    ticket = (await take_in(each_client))["id"]
    twin = (await take_in(each_client))["id"]
    kept = (await take_in(each_client, PARCEL))["id"]
    for one in (ticket, twin, kept):
        await correct(each_client, one, kind="queue", became="billing")
    erased = await each_client.delete(f"/v1/tickets/{ticket}")
    assert (erased.status_code, erased.json()) == (200, {"corrections": 2})
    for response in (
        await each_client.get(f"/v1/tickets/{ticket}"),
        await each_client.get(f"/v1/tickets/{ticket}/corrections"),
        await each_client.delete(f"/v1/tickets/{ticket}"),
    ):
        assert (response.status_code, response.json()["code"]) == (404, "unknown_ticket")
    async with each_world.services.database.read() as connection:
        left = (await connection.execute(select(corrections.c.ticket_id))).scalars().all()
    assert left == [kept]


async def test_another_workspace_sees_nothing_and_may_have_the_same_ids(
    each_world: World, each_client: httpx.AsyncClient
) -> None:
    mine = await take_in(each_client, external_id="1")
    async with each_world.client("other") as other:
        assert (await other.get(f"/v1/tickets/{mine['id']}")).status_code == 404
        assert (await other.delete(f"/v1/tickets/{mine['id']}")).status_code == 404
        theirs = await take_in(other, PARCEL, external_id="1")
        assert theirs["id"] != mine["id"]
        assert [item["id"] for item in (await other.get("/v1/tickets")).json()["items"]] == [theirs["id"]]
    assert [item["id"] for item in (await each_client.get("/v1/tickets")).json()["items"]] == [mine["id"]]


@pytest.mark.parametrize(
    ("method", "path", "body", "scope"),
    [
        ("POST", "/v1/tickets", {"text": "a"}, Scope.TRIAGE_WRITE),
        ("GET", "/v1/tickets", None, Scope.TRIAGE_READ),
        ("GET", "/v1/tickets/tkt_1", None, Scope.TRIAGE_READ),
        ("DELETE", "/v1/tickets/tkt_1", None, Scope.TRIAGE_WRITE),
        ("POST", "/v1/tickets/tkt_1/corrections", {"kind": "queue", "became": "a"}, Scope.TRIAGE_WRITE),
        ("GET", "/v1/tickets/tkt_1/corrections", None, Scope.TRIAGE_READ),
        ("DELETE", "/v1/tickets/tkt_1/corrections/1", None, Scope.TRIAGE_WRITE),
    ],
)
async def test_each_route_needs_its_scope(
    world: World, method: str, path: str, body: dict[str, Any] | None, scope: Scope
) -> None:
    for other in Scope:
        async with world.client(other) as client:
            status = (await client.request(method, path, json=body)).status_code
        assert (status != 403) is (other is scope), other
