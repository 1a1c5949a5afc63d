"""Signed webhooks, as their receivers see them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

import pytest
from pydantic import ValidationError

from bench.contract.server import ContractServer
from bench.contract.webhook import OLD_SECRET, SECRET, WebhookReceiver
from kit.clock import Clock, SystemClock
from kit.ids import SignalId
from signals.connectors.connector import Connector, DeliveryFailed, DeliveryRefused
from signals.connectors.settings import HttpSettings
from signals.connectors.waiting import ManualWaiting, Waiting
from signals.connectors.webhook import Webhook, WebhookSettings
from tests.signals.connectors.contract import ONCE, ConnectorContract, Rig
from tests.signals.connectors.dispatches import dispatch

WRONG = SECRET[:-4] + "AAA="


def _webhook(
    url: str,
    *secrets: str,
    http: HttpSettings = ONCE,
    private: bool = True,
    waiting: Waiting | None = None,
) -> Webhook:
    values = {"url": url, "secrets": secrets or (SECRET,), "allow_private": private, "http": http}
    settings = WebhookSettings.model_validate(values)
    # The receiver's library asks the machine for the time.
    return Webhook(settings, clock=SystemClock(), waiting=waiting or ManualWaiting())


class WebhookRig(Rig):
    secrets = (SECRET, SECRET.removeprefix("whsec_"))
    overwrites = False

    def __init__(self) -> None:
        self.vendor: WebhookReceiver = WebhookReceiver()

    def connect(self, url: str, http: HttpSettings, clock: Clock, waiting: Waiting) -> Connector:
        del clock  # see _webhook
        return _webhook(f"{url}/hook", http=http, waiting=waiting)

    def connect_wrongly(self, url: str, http: HttpSettings, clock: Clock, waiting: Waiting) -> Connector:
        del clock  # see _webhook
        return _webhook(f"{url}/hook", WRONG, http=http, waiting=waiting)

    def records(self) -> Mapping[str, list[str]]:
        return {"event": [event["id"] for event in self.vendor.events.values()]}

    def told(self, signal: SignalId) -> str:
        told = [event["data"]["signal"] for event in self.vendor.events.values()]
        return str([one for one in told if one["id"] == signal][-1])


class TestContract(ConnectorContract):
    @pytest.fixture
    def rig(self) -> Rig:
        return WebhookRig()


@pytest.fixture
def receiver() -> WebhookReceiver:
    return WebhookReceiver()


@pytest.fixture
def url(receiver: WebhookReceiver) -> Iterator[str]:
    with ContractServer(receiver) as server:
        yield server.url


async def test_an_event_tells_the_signal_and_the_customer(url: str, receiver: WebhookReceiver) -> None:
    webhook, told = _webhook(f"{url}/hook"), dispatch()
    receipt = await webhook.deliver(told)
    await webhook.close()

    event = receiver.events[receipt.records["event"]]
    assert (event["id"], event["type"]) == (told.key, "careloop.signal.churn_risk")
    assert (event["source"], event["subject"], event["time"]) == ("/careloop", "cus_1", told.at)
    assert event["data"]["signal"]["evidence"][0]["text"] == "the price is too high"
    assert event["data"]["contact"]["email"] == "ada.1@example.com"
    assert "crm_ids" not in event["data"]["contact"]
    assert receiver.seen[0].headers["content-type"] == "application/cloudevents+json"
    assert datetime.fromisoformat(event["data"]["signal"]["created_at"]) == told.signal.created_at


@pytest.mark.parametrize("known", [SECRET, OLD_SECRET])
async def test_while_a_secret_is_replaced_either_is_good(known: str) -> None:
    receiver = WebhookReceiver(secret=known)
    with ContractServer(receiver) as server:
        webhook = _webhook(f"{server.url}/hook", SECRET, OLD_SECRET)
        await webhook.deliver(dispatch())
        await webhook.close()
    assert len(receiver.events) == 1


async def test_an_address_that_is_gone_is_refused(url: str, receiver: WebhookReceiver) -> None:
    receiver.status = 410
    webhook = _webhook(f"{url}/hook")
    with pytest.raises(DeliveryRefused, match="gone for good"):
        await webhook.deliver(dispatch())
    await webhook.close()
    assert receiver.arrivals == 1


async def test_a_redirect_is_not_followed(url: str, receiver: WebhookReceiver) -> None:
    webhook = _webhook(f"{url}/elsewhere")
    with pytest.raises(DeliveryRefused, match="307"):
        await webhook.deliver(dispatch())
    assert not (await webhook.health()).ok
    await webhook.close()
    assert receiver.arrivals == 0


async def test_an_address_within_the_network_is_refused_unless_allowed() -> None:
    webhook = _webhook("https://127.0.0.1:9/hook", private=False)
    with pytest.raises(DeliveryRefused, match="open internet"):
        await webhook.deliver(dispatch())
    health = await webhook.health()
    assert (health.ok, "open internet" in health.detail) == (False, True)
    await webhook.close()


async def test_an_address_that_does_not_know_options_counts_as_reached(url: str) -> None:
    webhook = _webhook(f"{url}/nothing-here")
    assert (await webhook.health()).ok
    with pytest.raises((DeliveryFailed, DeliveryRefused), match="404"):
        await webhook.deliver(dispatch())
    await webhook.close()


def test_a_dry_run_does_not_show_the_query_of_the_address() -> None:
    [shown] = _webhook("https://hooks.example.com/in?token=hidden").preview(dispatch())
    assert shown.url == "https://hooks.example.com/in"
    assert shown.body["data"]["signal"]["id"] == "sig_1"


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "http://hooks.example.com"},
        {"url": "https://me:it@hooks.example.com"},
        {"url": "ftp://hooks.example.com"},
        {"secrets": ()},
    ],
    ids=["without TLS", "with a user", "not the web", "unsigned"],
)
def test_settings_that_are_unsafe_are_refused(wrong: dict[str, object]) -> None:
    good = {"url": "https://hooks.example.com", "secrets": (SECRET,)}
    assert WebhookSettings.model_validate(good).url.host == "hooks.example.com"
    with pytest.raises(ValidationError):
        WebhookSettings.model_validate(good | wrong)
