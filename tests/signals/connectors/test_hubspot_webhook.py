from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hubspot.utils.signature import Signature

from bench.contract.hubspot import HubSpotVendor
from bench.contract.server import ContractServer
from kit.clock import ManualClock
from signals.connectors.connector import OutcomeKind
from signals.connectors.hubspot import HubSpot, HubSpotSettings, WebhookRefused
from signals.connectors.inbound import (
    InboundInvalid,
    WebhookCall,
    WebhookNews,
    WebhookSkewed,
    WebhookUnverified,
)
from signals.connectors.waiting import ManualWaiting
from tests.signals.connectors.contract import FEW

SECRET = "app-secret"
URI = "https://careloop.example.com/v1/connectors/hubspot/webhook"


@pytest.fixture
def vendor() -> HubSpotVendor:
    return HubSpotVendor()


@pytest.fixture
def server(vendor: HubSpotVendor) -> Iterator[ContractServer]:
    with ContractServer(vendor) as server:
        yield server


@pytest.fixture
async def connector(server: ContractServer, clock: ManualClock) -> AsyncIterator[HubSpot]:
    said = {"token": "pat-eu1-secret", "client_secret": SECRET, "base_url": server.url, "http": FEW}
    connector = HubSpot(HubSpotSettings.model_validate(said), clock=clock, waiting=ManualWaiting())
    yield connector
    await connector.close()


@dataclass
class Hook:
    """A call signed by HubSpot's own library."""

    body: bytes
    clock: ManualClock
    uri: str = URI
    signed_uri: str = URI
    secret: str = SECRET
    age: timedelta = field(default_factory=timedelta)

    async def to(self, connector: HubSpot) -> list[tuple[str, OutcomeKind, float | None]]:
        timestamp = str(int((self.clock.now() - self.age).timestamp() * 1000))
        signature = Signature.get_signature(
            self.secret, self.body.decode(), "v3", self.signed_uri, "POST", timestamp
        )
        told = await connector.read_call(_call(self.uri, self.body, signature, timestamp))
        return [(one.signal_id, one.outcome, one.amount) for one in told.outcomes]


def _call(uri: str, body: bytes, signature: str | None, timestamp: str | None) -> WebhookCall:
    named = {"x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": timestamp}
    return WebhookCall("POST", uri, {name: value for name, value in named.items() if value}, body)


def _events(*deals: str, kind: str = "deal.propertyChange") -> bytes:
    return json.dumps(
        [
            {
                "eventId": 100 + n,
                "subscriptionType": kind,
                "objectId": int(deal),
                "propertyName": "dealstage",
                "propertyValue": "closedwon",
                "occurredAt": 1767258000000,
                "attemptNumber": 0,
            }
            for n, deal in enumerate(deals)
        ]
    ).encode()


async def test_a_deal_that_was_won_is_read_and_told(
    connector: HubSpot, vendor: HubSpotVendor, clock: ManualClock
) -> None:
    deal = vendor.add("deals", dealname="x", careloop_id="sig_1", dealstage="closedwon", amount="480")
    foreign = vendor.add("deals", dealname="y", dealstage="closedwon")
    hook = Hook(_events(deal.id, deal.id, foreign.id, "999999"), clock)
    assert await hook.to(connector) == [("sig_1", OutcomeKind.WON, 480.0)]


async def test_news_by_webhook_and_by_poll_is_the_same_news(
    connector: HubSpot, vendor: HubSpotVendor, clock: ManualClock
) -> None:
    deal = vendor.add("deals", dealname="x", careloop_id="sig_1", dealstage="closedwon")
    body = _events(deal.id)
    timestamp = str(int(clock.now().timestamp() * 1000))
    signature = Signature.get_signature(SECRET, body.decode(), "v3", URI, "POST", timestamp)
    told = await connector.read_call(_call(URI, body, signature, timestamp))
    assert list(told.outcomes) == list((await connector.poll(None)).outcomes)


async def test_other_objects_are_none_of_ours(connector: HubSpot, clock: ManualClock) -> None:
    body, timestamp = _events("7", kind="contact.propertyChange"), str(int(clock.now().timestamp() * 1000))
    signature = Signature.get_signature(SECRET, body.decode(), "v3", URI, "POST", timestamp)
    assert await connector.read_call(_call(URI, body, signature, timestamp)) == WebhookNews(ignored=1)


async def test_the_address_is_decoded_as_hubspot_says(connector: HubSpot, clock: ManualClock) -> None:
    hook = Hook(b"[]", clock, uri=f"{URI}?a=b%3Ac%2fd%20e%26", signed_uri=f"{URI}?a=b:c/d%20e%26")
    assert await hook.to(connector) == []


@pytest.mark.parametrize("age", [timedelta(minutes=5, seconds=1), timedelta(minutes=-5, seconds=-1)])
async def test_a_call_of_another_time_is_refused(
    connector: HubSpot, clock: ManualClock, age: timedelta
) -> None:
    with pytest.raises(WebhookSkewed, match="301 seconds"):
        await Hook(b"[]", clock, age=age).to(connector)
    assert await Hook(b"[]", clock, age=timedelta(minutes=4, seconds=59)).to(connector) == []


async def test_a_wrong_signature_is_refused(
    connector: HubSpot, vendor: HubSpotVendor, clock: ManualClock
) -> None:
    for hook in (Hook(_events("1"), clock, secret="other"), Hook(_events("1"), clock, uri=URI + "/other")):
        with pytest.raises(WebhookRefused, match="not that of this request"):
            await hook.to(connector)
    assert not vendor.seen


@pytest.mark.parametrize(
    ("signature", "timestamp"),
    [(None, "1"), ("x", None), ("x", "-1"), ("x", "soon"), ("x", "9" * 40), ("x", "9" * 15), ("ü", "1")],
)
async def test_headers_that_are_none_are_refused(
    connector: HubSpot, signature: str | None, timestamp: str | None
) -> None:
    with pytest.raises(WebhookUnverified):
        await connector.read_call(_call(URI, b"[]", signature, timestamp))


async def test_behind_a_proxy_the_address_counts_that_hubspot_was_given(
    server: ContractServer, clock: ManualClock
) -> None:
    said = {"token": "pat-eu1-secret", "client_secret": SECRET, "base_url": server.url, "webhook_url": URI}
    connector = HubSpot(HubSpotSettings.model_validate(said), clock=clock, waiting=ManualWaiting())
    assert await Hook(b"[]", clock, uri="http://10.0.0.7:8000/webhook", signed_uri=URI).to(connector) == []
    await connector.close()


async def test_without_a_secret_nothing_is_believed(server: ContractServer, clock: ManualClock) -> None:
    settings = HubSpotSettings.model_validate({"token": "pat-eu1-secret", "base_url": server.url})
    connector = HubSpot(settings, clock=clock, waiting=ManualWaiting())
    with pytest.raises(WebhookRefused, match="No client secret"):
        await Hook(b"[]", clock).to(connector)
    await connector.close()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[1]",
        b'[{"objectId": 1}]',
        b"\xff",
        b'[{"subscriptionType": "deal.creation", "objectId": "x"}]',
        b'[{"subscriptionType": "deal.creation", "objectId": 1e999}]',
        b'["deal.creation"]',
        b"[" * 100_000,
    ],
)
async def test_a_malformed_body_is_told_apart(connector: HubSpot, clock: ManualClock, body: bytes) -> None:
    timestamp = str(int(clock.now().timestamp() * 1000))
    text = body.decode("latin-1")
    signature = Signature.get_signature(SECRET, text, "v3", URI, "POST", timestamp)
    sent = text.encode()  # the library signs text as UTF-8
    with pytest.raises(InboundInvalid, match="no list of HubSpot events"):
        await connector.read_call(_call(URI, sent, signature, timestamp))
