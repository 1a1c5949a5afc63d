"""What takes news, as the tests of routes have it, and connectors whose targets call."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

from bench.contract.hubspot import HubSpotVendor
from bench.contract.mailchimp import API_KEY, AUDIENCE
from bench.contract.server import ContractServer
from bench.contract.webhook import SECRET as OUR_SECRET
from kit.clock import Clock
from signals.connectors.hubspot import HubSpot, HubSpotSettings
from signals.connectors.mailchimp import Mailchimp, MailchimpSettings
from signals.connectors.waiting import ManualWaiting
from signals.connectors.webhook import Webhook, WebhookSettings
from signals.delivery.target import SameTargets, Target
from tests.api.conftest import World
from tests.signals.connectors.contract import ONCE

CLIENT_SECRET = "app-secret"
PATH_SECRET = "f" * 40
THEIR_SECRET = "whsec_" + "dGhlIHNlbmRlcidzIG93biBrZXksIDMyIGJ5dGVzLi4u"


def targets(url: str, clock: Clock) -> Mapping[str, Target]:
    """A HubSpot at ``url``, a Mailchimp, and whoever signs webhooks."""
    waiting = ManualWaiting()
    hubspot = {"token": "pat-eu1-secret", "client_secret": CLIENT_SECRET, "base_url": url, "http": ONCE}
    mailchimp = {
        "api_key": API_KEY, "audience_id": AUDIENCE, "webhook_secret": PATH_SECRET, "base_url": url,
    }  # fmt: skip
    webhook = {"url": "https://crm.example/hook", "secrets": [OUR_SECRET], "inbox_secrets": [THEIR_SECRET]}
    return {
        "hubspot": Target(HubSpot(HubSpotSettings.model_validate(hubspot), clock=clock, waiting=waiting)),
        "news": Target(Mailchimp(MailchimpSettings.model_validate(mailchimp), clock=clock, waiting=waiting)),
        "tool": Target(Webhook(WebhookSettings.model_validate(webhook), clock=clock, waiting=waiting)),
    }


@asynccontextmanager
async def called(world: World, vendor: HubSpotVendor) -> AsyncIterator[World]:
    """``world`` with connectors whose targets call, HubSpot being ``vendor``."""
    parts = world.services.delivery
    assert parts is not None
    with ContractServer(vendor) as server:
        made = SameTargets({**parts.targets.of(world.config.workspace), **targets(server.url, world.clock)})
        yield world.with_services(delivery=replace(parts, targets=made))
        await made.close()
