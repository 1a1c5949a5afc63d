"""What targets tell by calling: believed, taken once, kept where it is nobody's, or refused with a reason."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from hubspot.utils.signature import Signature
from sqlalchemy import func, select
from standardwebhooks import Webhook

from bench.contract.faults import Fault, Faults
from bench.contract.hubspot import HubSpotVendor
from bench.contract.mailchimp import AUDIENCE
from customers import CustomerBook, Identity, IdentityKind
from signals.signal import Signal, SignalKind
from store.tables import customer_consents, inbound_news, signal_outcomes
from tests.api.conftest import OTHER, World, serving
from tests.api.inbound_parts import CLIENT_SECRET, PATH_SECRET, THEIR_SECRET, called
from tests.api.signal_parts import KEY
from tests.api.test_signals import raise_signal

pytestmark = pytest.mark.anyio

HUBSPOT = "/v1/connectors/hubspot/webhook"
MAILCHIMP = f"/v1/connectors/news/webhook/{PATH_SECRET}"
TOOL = "/v1/connectors/tool/webhook"
NOTHING = {"taken": 0, "repeated": 0, "unmatched": 0, "refused": 0, "ignored": 0}


@pytest.fixture
def vendor() -> HubSpotVendor:
    return HubSpotVendor()


@pytest.fixture
async def hooked(world: World, vendor: HubSpotVendor) -> AsyncIterator[World]:
    async with called(world, vendor) as made:
        yield made


@pytest.fixture
async def each_hooked(each_world: World, vendor: HubSpotVendor) -> AsyncIterator[World]:
    async with called(each_world, vendor) as made:
        yield made


def deal_events(*deals: str, kind: str = "deal.propertyChange") -> bytes:
    """As HubSpot's guide to webhooks shows them."""
    return json.dumps(
        [
            {
                "eventId": 100 + n,
                "subscriptionId": 25,
                "portalId": 33,
                "appId": 1160452,
                "occurredAt": 1462216307945,
                "subscriptionType": kind,
                "attemptNumber": 0,
                "objectId": int(deal),
                "changeSource": "CRM",
                "propertyName": "dealstage",
                "propertyValue": "closedwon",
            }
            for n, deal in enumerate(deals)
        ]
    ).encode()


@dataclass
class Caller:
    """Calls as each target would, from its own address and without a key."""

    world: World

    async def hubspot(
        self, body: bytes, *, secret: str = CLIENT_SECRET, age: timedelta = timedelta(0)
    ) -> httpx.Response:
        timestamp = str(int((self.world.clock.now() - age).timestamp() * 1000))
        address = f"http://care.example{HUBSPOT}"
        signed = Signature.get_signature(secret, body.decode(), "v3", address, "POST", timestamp)
        headers = {"X-HubSpot-Signature-v3": signed, "X-HubSpot-Request-Timestamp": timestamp}
        return await self._post(HUBSPOT, body, "application/json", headers)

    async def mailchimp(self, form: dict[str, str], *, path: str = MAILCHIMP) -> httpx.Response:
        body = urlencode(form).encode()
        return await self._post(path, body, "application/x-www-form-urlencoded", {})

    async def tool(
        self,
        event: dict[str, Any] | bytes,
        *,
        secret: str = THEIR_SECRET,
        age: timedelta = timedelta(0),
        id: str = "msg_1",  # noqa: A002 (Standard Webhooks' own name)
    ) -> httpx.Response:
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        at = self.world.clock.now() - age
        headers = {
            "webhook-id": id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(secret).sign(id, at, body.decode()),
        }
        return await self._post(TOOL, body, "application/cloudevents+json", headers)

    async def _post(self, path: str, body: bytes, kind: str, headers: dict[str, str]) -> httpx.Response:
        async with self.world.client(None, address="198.51.100.7") as client:
            return await client.post(path, content=body, headers={"Content-Type": kind, **headers})


def leaving(at: datetime, email: str = "ann@example.org", **changes: str) -> dict[str, str]:
    """An unsubscription as Mailchimp's guide to webhooks shows it."""
    return {
        "type": "unsubscribe",
        "fired_at": at.strftime("%Y-%m-%d %H:%M:%S"),
        "data[action]": "unsub",
        "data[reason]": "manual",
        "data[id]": "8a25ff1d98",
        "data[list_id]": AUDIENCE,
        "data[email]": email,
        "data[email_type]": "html",
        "data[merges][EMAIL]": email,
        "data[ip_opt]": "203.0.113.5",
        "data[campaign_id]": "cb398d21d2",
    } | changes


def event_of(signal_id: str, **changes: Any) -> dict[str, Any]:
    data = {"signal_id": signal_id, "outcome": "won", "amount": 1200, "currency": "EUR", "who": "sam"}
    return {
        "specversion": "1.0", "id": "42", "source": "/crm", "type": "careloop.signal.outcome",
        "data": data | changes,
    }  # fmt: skip


async def rows(world: World) -> dict[str, int]:
    """How many outcomes, consents and pieces of news there are: what no refused call may change."""
    async with world.services.database.read() as connection:
        return {
            table.name: int(await connection.scalar(select(func.count()).select_from(table)) or 0)
            for table in (signal_outcomes, customer_consents, inbound_news)
        }


async def outcomes_of(world: World, signal: Signal, *, key: str = "all") -> list[dict[str, Any]]:
    async with world.client(key) as client:
        answer = await client.get(f"/v1/signals/{signal.id}/outcomes")
    outcomes: list[dict[str, Any]] = answer.json()["items"]
    return outcomes


async def news_of(world: World, connector: str, result: str, *, key: str = "all") -> list[dict[str, Any]]:
    async with world.client(key) as client:
        answer = await client.get(f"/v1/connectors/{connector}/news", params={"result": result})
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def marketing_by_email(world: World, customer: str) -> str:
    asked = {"purpose": "marketing", "channel": "email"}
    book = CustomerBook(world.services.cipher, KEY)
    async with world.with_services(customers=book).client() as client:
        answer = await client.get(f"/v1/customers/{customer}/contact", params=asked)
    return str(answer.json()["reason"])


async def test_a_deal_that_hubspot_tells_of_is_the_outcome_of_its_signal(
    each_hooked: World, vendor: HubSpotVendor
) -> None:
    signal = await raise_signal(each_hooked)
    deal = vendor.add(
        "deals", dealname="x", careloop_id=signal.id, dealstage="closedwon", amount="480",
        deal_currency_code="GBP",
    )  # fmt: skip
    foreign = vendor.add("deals", dealname="of somebody else", dealstage="closedwon")
    told = await Caller(each_hooked).hubspot(deal_events(deal.id, foreign.id))
    assert (told.status_code, told.json()) == (200, NOTHING | {"taken": 1, "ignored": 1})
    (outcome,) = await outcomes_of(each_hooked, signal)
    assert (outcome["outcome"], outcome["amount"], outcome["currency"]) == ("won", 480.0, "GBP")
    assert outcome["counts"] is True
    assert outcome["source"] == "hubspot"
    assert outcome["external_id"].startswith(f"deals:{deal.id}:")
    (news,) = await news_of(each_hooked, "hubspot", "taken")
    assert (news["signal_id"], news["kind"], news["via"]) == (signal.id, "outcome", "webhook")


async def test_an_outcome_that_any_tool_signs_is_taken_and_moves_the_precision(hooked: World) -> None:
    signal = await raise_signal(hooked)
    told = await Caller(hooked).tool(event_of(signal.id, outcome="noise", amount=None, currency=None))
    assert (told.status_code, told.json()["taken"]) == (200, 1)
    async with hooked.client() as client:
        (upsell,) = (await client.get("/v1/signals/precision")).json()["by_kind"]
    assert (upsell["group"], upsell["counts"]["noise"], upsell["precision"]["share"]) == ("upsell", 1, 0.0)


async def test_who_unsubscribes_at_mailchimp_withdraws_consent_here(hooked: World) -> None:
    signal = await raise_signal(hooked)
    assert await marketing_by_email(hooked, signal.customer_id) == "granted"
    hooked.clock.advance(timedelta(minutes=1))
    told = await Caller(hooked).mailchimp(leaving(hooked.clock.now()))
    assert (told.status_code, told.json()["taken"]) == (200, 1)
    assert await marketing_by_email(hooked, signal.customer_id) == "withdrawn"
    (news,) = await news_of(hooked, "news", "taken")
    assert (news["customer_id"], news["kind"]) == (signal.customer_id, "consent")


async def test_who_unsubscribes_before_anybody_knows_them_is_remembered(hooked: World) -> None:
    told = await Caller(hooked).mailchimp(leaving(hooked.clock.now(), "bob@example.org"))
    assert told.json()["taken"] == 1
    book = CustomerBook(hooked.services.cipher, KEY)
    async with hooked.services.database.write() as connection:
        bob = await book.registry.resolve(
            connection,
            hooked.config.workspace,
            [Identity(IdentityKind.EMAIL, "Bob@example.org")],
            now=hooked.clock.now(),
        )
    assert not bob.created
    assert await marketing_by_email(hooked, bob.customer.id) == "withdrawn"


async def test_who_was_erased_is_not_brought_back_and_nothing_of_them_is_kept(hooked: World) -> None:
    signal = await raise_signal(hooked)
    book = CustomerBook(hooked.services.cipher, KEY)
    async with hooked.services.database.write() as connection:
        await book.registry.erase(
            connection, hooked.config.workspace, signal.customer_id, now=hooked.clock.now()
        )
    told = await Caller(hooked).mailchimp(leaving(hooked.clock.now()))
    assert (told.status_code, told.json()["ignored"]) == (200, 1)
    assert await rows(hooked) == {"signal_outcomes": 0, "customer_consents": 0, "inbound_news": 0}


async def test_an_address_that_changes_at_mailchimp_is_the_same_customer_s(hooked: World) -> None:
    signal = await raise_signal(hooked)
    changed = {"type": "upemail", "data[new_id]": "51da8c3259", "data[new_email]": "ann@new.example.org",
               "data[old_email]": "ann@example.org"}  # fmt: skip
    told = await Caller(hooked).mailchimp(leaving(hooked.clock.now()) | changed)
    assert told.json()["taken"] == 1
    book = CustomerBook(hooked.services.cipher, KEY)
    async with hooked.services.database.read() as connection:
        ann = await book.directory.get(connection, hooked.config.workspace, signal.customer_id)
    assert {one.identity.value for one in ann.identities} == {"ann@example.org", "ann@new.example.org"}


async def test_an_address_that_bounces_is_a_line_of_the_timeline_and_no_withdrawal(hooked: World) -> None:
    signal = await raise_signal(hooked)
    cleaned = leaving(hooked.clock.now(), **{"type": "cleaned", "data[reason]": "hard"})
    assert (await Caller(hooked).mailchimp(cleaned)).json()["taken"] == 1
    assert await marketing_by_email(hooked, signal.customer_id) == "granted"
    book = CustomerBook(hooked.services.cipher, KEY)
    async with hooked.services.database.read() as connection:
        events = await book.timeline.since(connection, hooked.config.workspace, signal.customer_id)
    assert [(event.name, event.source) for event in events] == [("email_unreachable", "news")]


@pytest.mark.parametrize("kind", ["subscribe", "profile", "campaign"])
async def test_other_news_of_mailchimp_is_counted_and_changes_nothing(hooked: World, kind: str) -> None:
    told = await Caller(hooked).mailchimp(leaving(hooked.clock.now()) | {"type": kind})
    assert (told.status_code, told.json()) == (200, NOTHING | {"ignored": 1})
    assert sum((await rows(hooked)).values()) == 0


async def test_mailchimp_may_try_the_address_before_it_keeps_it(hooked: World) -> None:
    async with hooked.client(None) as client:
        assert (await client.get(MAILCHIMP)).status_code == 200
        assert (await client.get(MAILCHIMP[:-1] + "g")).status_code == 401


async def test_a_bad_signature_is_refused_by_every_connector_and_changes_nothing(
    hooked: World, vendor: HubSpotVendor
) -> None:
    signal, caller = await raise_signal(hooked), Caller(hooked)
    before = await rows(hooked)
    deal = vendor.add("deals", dealname="x", careloop_id=signal.id, dealstage="closedwon")
    forged = THEIR_SECRET.replace("GhlI", "GhlJ")
    refused = (
        (await caller.hubspot(deal_events(deal.id), secret="guessed"), "webhook_refused"),
        (await caller.mailchimp(leaving(hooked.clock.now()), path=MAILCHIMP[:-1] + "g"), "webhook_unknown"),
        (
            await caller.mailchimp(leaving(hooked.clock.now(), **{"data[list_id]": "another"})),
            "webhook_unknown",
        ),
        (await caller.tool(event_of(signal.id), secret=forged), "webhook_signature_invalid"),
    )
    for answer, code in refused:
        assert (answer.status_code, answer.json()["code"]) == (401, code)
        assert answer.headers["WWW-Authenticate"]
    async with hooked.client(None) as client:
        for path in (HUBSPOT, TOOL, MAILCHIMP.rpartition("/")[0]):
            assert (await client.post(path, content=b"[]")).status_code == 401
    assert not vendor.seen
    assert await rows(hooked) == before


@pytest.mark.parametrize("age", [timedelta(minutes=6), timedelta(minutes=-6)])
async def test_a_clock_that_is_wrong_is_told_by_how_much_and_nothing_changes(
    hooked: World, vendor: HubSpotVendor, age: timedelta
) -> None:
    signal, caller = await raise_signal(hooked), Caller(hooked)
    deal = vendor.add("deals", dealname="x", careloop_id=signal.id, dealstage="closedwon")
    before = await rows(hooked)
    for answer in (
        await caller.hubspot(deal_events(deal.id), age=age),
        await caller.tool(event_of(signal.id), age=age),
    ):
        assert (answer.status_code, answer.json()["code"]) == (401, "webhook_clock_skew")
        assert "360 seconds" in answer.json()["detail"]
        assert "2026-01-01T00:00:00Z" in answer.json()["detail"]
    assert await rows(hooked) == before


async def test_mailchimp_s_clock_may_be_ahead_for_its_news_counts_from_now(hooked: World) -> None:
    signal = await raise_signal(hooked)
    ahead = hooked.clock.now() + timedelta(hours=1)
    assert (await Caller(hooked).mailchimp(leaving(ahead))).json()["taken"] == 1
    assert await marketing_by_email(hooked, signal.customer_id) == "withdrawn"


async def test_what_is_malformed_is_refused_and_nothing_changes(hooked: World) -> None:
    signal, caller = await raise_signal(hooked), Caller(hooked)
    before = await rows(hooked)
    now = hooked.clock.now()
    for answer in (
        await caller.hubspot(b"{"),
        await caller.hubspot(b'[{"subscriptionType": "deal.creation"}]'),
        await caller.hubspot(b"[" * 100_000),
        await caller.mailchimp({}),
        await caller.mailchimp(leaving(now, fired_at="yesterday")),
        await caller.mailchimp(leaving(now, **{"data[email]": "nobody"})),
        await caller.tool(b"{"),
        await caller.tool(event_of(signal.id, outcome="sold")),
        await caller.tool(event_of(signal.id, amount=-1)),
        await caller.tool(event_of(signal.id, who="s\0m")),
    ):
        assert (answer.status_code, answer.json()["code"]) == (422, "inbound_invalid")
    assert await rows(hooked) == before


async def test_a_body_that_is_too_large_is_not_read(hooked: World) -> None:
    small = hooked.with_config(max_body_bytes=1000)
    assert (await Caller(small).hubspot(b" " * 1001)).status_code == 413


async def test_what_is_replayed_has_one_effect(each_hooked: World, vendor: HubSpotVendor) -> None:
    signal, caller = await raise_signal(each_hooked), Caller(each_hooked)
    other = await raise_signal(each_hooked, SignalKind.CHURN_RISK)
    deal = vendor.add("deals", dealname="x", careloop_id=signal.id, dealstage="closedlost")
    form = leaving(each_hooked.clock.now())
    first = [
        await caller.hubspot(deal_events(deal.id)),
        await caller.mailchimp(form),
        await caller.tool(event_of(other.id)),
    ]
    assert [answer.json()["taken"] for answer in first] == [1, 1, 1]
    after_one = await rows(each_hooked)
    for again in (
        await caller.hubspot(deal_events(deal.id, deal.id)),
        await caller.mailchimp(form),
        await caller.tool(event_of(other.id), id="msg_2"),
    ):
        assert (again.status_code, again.json()) == (200, NOTHING | {"repeated": 1})
    assert await rows(each_hooked) == after_one


async def test_calls_that_tell_the_same_at_once_have_one_effect(each_hooked: World) -> None:
    signal, caller = await raise_signal(each_hooked), Caller(each_hooked)
    form = leaving(each_hooked.clock.now())
    told = await asyncio.gather(
        *(caller.tool(event_of(signal.id), id=f"msg_{n}") for n in range(4)),
        *(caller.mailchimp(form) for _ in range(4)),
    )
    assert [sum(answer.json()["taken"] for answer in told[part]) for part in (slice(4), slice(4, 8))] == [
        1,
        1,
    ]
    assert len(await outcomes_of(each_hooked, signal)) == 1


async def test_an_outcome_that_is_told_anew_for_a_note_is_no_news(
    hooked: World, vendor: HubSpotVendor
) -> None:
    signal, caller = await raise_signal(hooked), Caller(hooked)
    deal = vendor.add("deals", dealname="x", careloop_id=signal.id, dealstage="closedwon")
    assert (await caller.hubspot(deal_events(deal.id))).json()["taken"] == 1
    async with hooked.client() as client:
        await client.post(f"/v1/signals/{signal.id}/dispute", json={"reason": "They never answered."})
        await client.post(f"/v1/signals/{signal.id}/review", json={"became": "noise"})
    vendor.change("deals", deal.id, hs_next_step="Send the router")
    assert (await caller.hubspot(deal_events(deal.id))).json()["repeated"] == 1
    assert [one["outcome"] for one in await outcomes_of(hooked, signal)] == ["won", "noise"]
    vendor.change("deals", deal.id, dealstage="closedlost")
    assert (await caller.hubspot(deal_events(deal.id))).json()["taken"] == 1


async def test_unknown_ids_are_answered_kept_and_taken_once_they_are_known(
    hooked: World, vendor: HubSpotVendor
) -> None:
    caller = Caller(hooked)
    deal = vendor.add("deals", dealname="x", careloop_id="sig_of_a_backup", dealstage="closedwon")
    gone = await caller.hubspot(deal_events(deal.id, "999999"))
    assert (gone.status_code, gone.json()) == (200, NOTHING | {"unmatched": 1, "ignored": 1})
    moved = leaving(hooked.clock.now(), type="upemail") | {
        "data[old_email]": "nobody@example.org", "data[new_email]": "new@example.org"
    }  # fmt: skip
    assert (await caller.mailchimp(moved)).json() == NOTHING | {"unmatched": 1}
    assert (await caller.tool(event_of("sig_1\u00e4 no id"))).json() == NOTHING | {"unmatched": 1}
    for connector in ("hubspot", "news", "tool"):
        (kept,) = await news_of(hooked, connector, "unmatched")
        assert kept["code"] in {"unknown_signal", "unknown_customer"}
    signal = await raise_signal(hooked)
    async with hooked.client() as client:
        assert (await client.post("/v1/connectors/hubspot/news/retry")).json()["unmatched"] == 1
    told_again = await caller.tool(event_of(signal.id))  # the same event, put right
    assert told_again.json()["taken"] == 1
    assert [one["amount"] for one in await outcomes_of(hooked, signal)] == [1200.0]
    assert await news_of(hooked, "tool", "unmatched") == []


async def test_what_was_kept_is_taken_when_it_is_tried_again(hooked: World) -> None:
    moved = leaving(hooked.clock.now(), type="upemail") | {
        "data[old_email]": "ann@example.org", "data[new_email]": "ann@new.example.org"
    }  # fmt: skip
    assert (await Caller(hooked).mailchimp(moved)).json()["unmatched"] == 1
    await raise_signal(hooked)
    async with hooked.client() as client:
        assert (await client.post("/v1/connectors/news/news/retry")).json() == NOTHING | {"taken": 1}
        assert (await client.post("/v1/connectors/news/news/retry")).json() == NOTHING
    assert await news_of(hooked, "news", "unmatched") == []


async def test_an_amount_without_a_currency_is_told_in_words(hooked: World) -> None:
    signal = await raise_signal(hooked)
    told = await Caller(hooked).tool(event_of(signal.id, currency=None, reason="called"))
    assert told.json()["taken"] == 1
    (outcome,) = await outcomes_of(hooked, signal)
    assert (outcome["amount"], outcome["reason"]) == (None, "called; amount 1200 without a currency")


async def test_an_outcome_goes_to_the_workspace_of_its_signal(each_hooked: World) -> None:
    theirs = each_hooked.with_config(workspace=OTHER)
    signal = await raise_signal(theirs, workspace_id=OTHER)
    assert (await Caller(each_hooked).tool(event_of(signal.id))).json()["taken"] == 1
    (outcome,) = await outcomes_of(each_hooked, signal, key="other")
    assert outcome["outcome"] == "won"
    assert await news_of(each_hooked, "tool", "taken") == []
    assert len(await news_of(each_hooked, "tool", "taken", key="other")) == 1


async def test_a_consent_is_withdrawn_in_every_workspace_that_knows_the_address(each_hooked: World) -> None:
    ours = await raise_signal(each_hooked)
    theirs = await raise_signal(each_hooked.with_config(workspace=OTHER), workspace_id=OTHER)
    each_hooked.clock.advance(timedelta(minutes=1))
    assert (await Caller(each_hooked).mailchimp(leaving(each_hooked.clock.now()))).json()["taken"] == 1
    assert await marketing_by_email(each_hooked, ours.customer_id) == "withdrawn"
    assert [one["customer_id"] for one in await news_of(each_hooked, "news", "taken", key="other")] == [
        theirs.customer_id
    ]


async def test_while_hubspot_does_not_answer_it_is_asked_to_call_again(
    hooked: World, vendor: HubSpotVendor
) -> None:
    signal, caller = await raise_signal(hooked), Caller(hooked)
    deal = vendor.add("deals", dealname="x", careloop_id=signal.id, dealstage="closedwon")
    vendor.faults = Faults(script=[Fault.SERVER_ERROR, Fault.RATE_LIMITED], retry_after=7)
    for seconds in ("5", "7"):
        answer = await caller.hubspot(deal_events(deal.id))
        assert (answer.status_code, answer.json()["code"]) == (503, "delivery_failed")
        assert answer.headers["Retry-After"] == seconds
    assert (await rows(hooked))["inbound_news"] == 0


async def test_a_real_server_takes_them_too(hooked: World, vendor: HubSpotVendor) -> None:
    signal = await raise_signal(hooked)
    deal = vendor.add("deals", dealname="x", careloop_id=signal.id, dealstage="closedwon")
    body, timestamp = deal_events(deal.id), str(int(hooked.clock.now().timestamp() * 1000))
    async with serving(hooked.app) as url, httpx.AsyncClient() as client:
        address = f"{url}{HUBSPOT}"
        signed = Signature.get_signature(CLIENT_SECRET, body.decode(), "v3", address, "POST", timestamp)
        headers = {"X-HubSpot-Signature-v3": signed, "X-HubSpot-Request-Timestamp": timestamp}
        told = await client.post(address, content=body, headers=headers)
        left = await client.post(f"{url}{MAILCHIMP}", data=leaving(hooked.clock.now()))
    assert (told.json()["taken"], left.json()["taken"]) == (1, 1)


async def test_a_mapping_to_a_field_that_is_missing_is_named_and_nothing_is_lost(
    hooked: World, vendor: HubSpotVendor
) -> None:
    vendor.removed = {"careloop_revision"}
    async with hooked.client() as client:
        checked = (await client.post("/v1/connectors/hubspot/check")).json()
    assert checked["health"]["ok"] is False
    assert "task.careloop_revision" in checked["health"]["detail"]
    signal, deal_told = await raise_signal(hooked), Caller(hooked)
    deal = vendor.add("deals", dealname="x", careloop_id=signal.id, dealstage="closedwon")
    assert (await deal_told.hubspot(deal_events(deal.id))).json()["taken"] == 1


async def test_a_connector_that_is_off_or_is_asked_for_news_takes_no_calls(hooked: World) -> None:
    async with hooked.client(None) as client:
        for connector in ("telegraph", "crm"):
            answer = await client.post(f"/v1/connectors/{connector}/webhook", content=b"[]")
            assert (answer.status_code, answer.json()["code"]) == (404, "unknown_connector")


async def test_news_needs_a_key_for_signals(hooked: World) -> None:
    async with hooked.client("triage:read") as client:
        assert (await client.get("/v1/connectors/hubspot/news")).status_code == 403
    async with hooked.client("signals:read") as client:
        assert (await client.get("/v1/connectors/hubspot/news")).json() == {"items": [], "next": None}
        assert (await client.post("/v1/connectors/hubspot/news/retry")).status_code == 403
