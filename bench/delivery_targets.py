"""The targets of ``bench.delivery``: for each connector its contract server, and what that server holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Send

from bench.contract import mailchimp, marketo, segment, webhook
from bench.contract.faults import Fault
from bench.contract.hubspot import HubSpotVendor
from bench.contract.salesforce import SalesforceVendor
from bench.contract.salesforce_records import EXTERNAL_ID
from bench.contract.vendor import Vendor
from bench.hurry import HurriedWaiting
from kit.clock import SystemClock
from signals.connectors.connector import Connector
from signals.connectors.hubspot import HubSpot, HubSpotSettings
from signals.connectors.mailchimp import OBJECTS as MAILCHIMP_OBJECTS
from signals.connectors.mailchimp import Mailchimp, MailchimpSettings
from signals.connectors.mapping import shipped_mapping
from signals.connectors.marketo import OBJECTS as MARKETO_OBJECTS
from signals.connectors.marketo import Marketo, MarketoSettings
from signals.connectors.salesforce import Salesforce, SalesforceSettings
from signals.connectors.segment import Segment, SegmentSettings
from signals.connectors.settings import HttpSettings
from signals.connectors.webhook import Webhook, WebhookSettings

REFUSED = "refused."  # how addresses begin that every server refuses for good
_HUBSPOT_TOKEN = "pat-eu1-bench"
_HTTP = HttpSettings(
    timeout=10, attempts=3, first_wait=0.5, longest_wait=25, per_second=500, burst=500, connections=8
)


@dataclass(frozen=True)
class Kind:
    """One connector: ``serve`` makes its server from a secret, ``connect`` the connector to it at a URL.

    ``held`` are the ids of signals that the server holds, in the order of their arrival, a duplicate twice;
    ``others`` what identifies its other records of ours (persons, deals), of which none may be there twice.
    """

    serve: Callable[[Mapping[str, str]], Vendor]
    connect: Callable[[str, Mapping[str, str]], Connector]
    held: Callable[[Any], list[str]]
    others: Callable[[Any], list[str]]


def secrets() -> dict[str, str]:
    """Keys that both sides need."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return {"private": private.decode(), "public": public.decode()}


def _refusing(vendor: type[Vendor]) -> Callable[..., Vendor]:
    """``vendor``, but a call that names one of the refused is answered with 400, whatever it is."""

    class Refusing(vendor):  # type: ignore[valid-type,misc]
        async def _work(self, request: Request, body: bytes, fault: Fault | None, send: Send) -> None:
            if REFUSED.encode() in body:
                await JSONResponse({"message": "not one of ours"}, 400)(request.scope, request.receive, send)
            else:
                await super()._work(request, body, fault, send)

    return Refusing


def _salesforce(url: str, keys: Mapping[str, str]) -> Connector:
    settings = SalesforceSettings.model_validate(
        {
            "consumer_key": "consumer",
            "username": "careloop@example.com",
            "private_key": keys["private"],
            "login_url": url,
            "http": _HTTP,
        }
    )
    return Salesforce(settings, clock=SystemClock(), waiting=HurriedWaiting())


def _hubspot(url: str, _: Mapping[str, str]) -> Connector:
    settings = HubSpotSettings.model_validate({"token": _HUBSPOT_TOKEN, "base_url": url, "http": _HTTP})
    return HubSpot(settings, clock=SystemClock(), waiting=HurriedWaiting())


def _segment(url: str, _: Mapping[str, str]) -> Connector:
    settings = SegmentSettings.model_validate(
        {"write_key": segment.WRITE_KEY, "base_url": url, "http": _HTTP}
    )
    return Segment(settings, clock=SystemClock(), waiting=HurriedWaiting())


def _marketo(url: str, _: Mapping[str, str]) -> Connector:
    settings = MarketoSettings.model_validate(
        {
            "base_url": url,
            "client_id": marketo.CLIENT_ID,
            "client_secret": marketo.CLIENT_SECRET,
            "activity_type_id": marketo.ACTIVITY_TYPE,
            "settle_seconds": 0,
            "http": _HTTP,
        }
    )
    mapping = shipped_mapping("marketo", objects=MARKETO_OBJECTS)
    return Marketo(settings, mapping=mapping, clock=SystemClock(), waiting=HurriedWaiting())


def _mailchimp(url: str, _: Mapping[str, str]) -> Connector:
    settings = MailchimpSettings.model_validate(
        {
            "base_url": url,
            "api_key": mailchimp.API_KEY,
            "audience_id": mailchimp.AUDIENCE,
            "settle_seconds": 0,
            "http": _HTTP,
        }
    )
    mapping = shipped_mapping("mailchimp", objects=MAILCHIMP_OBJECTS)
    return Mailchimp(settings, mapping=mapping, clock=SystemClock(), waiting=HurriedWaiting())


def _webhook(url: str, _: Mapping[str, str]) -> Connector:
    settings = WebhookSettings.model_validate(
        {"url": f"{url}/hook", "secrets": (webhook.SECRET,), "allow_private": True, "http": _HTTP}
    )
    return Webhook(settings, clock=SystemClock(), waiting=HurriedWaiting())


def _signal(key: str) -> str:
    """Of an idempotency key, the signal: every signal of the bench has one revision."""
    return key.rpartition(".")[0]


def _events(vendor: mailchimp.Mailchimp) -> list[str]:
    events = [event for events in vendor.events.values() for event in events]
    return [_signal(e["properties"]["dispatch"]) for e in events if e["name"] != "careloop_journey"]


def _tracked(vendor: segment.Segment) -> list[str]:
    return [_signal(said["messageId"]) for said in vendor.messages.values() if said["type"] == "track"]


def _salesforce_others(vendor: SalesforceVendor) -> list[str]:
    held = {kind: vendor.org.records[kind].values() for kind in ("Contact", "Opportunity")}
    return [f"{kind} {one[EXTERNAL_ID]}" for kind, records in held.items() for one in records]


def _hubspot_others(vendor: HubSpotVendor) -> list[str]:
    held = {kind: vendor.items[kind].values() for kind in ("contacts", "deals")}
    return [f"{kind} {one.properties['careloop_id']}" for kind, items in held.items() for one in items]


KINDS: Mapping[str, Kind] = {
    "salesforce": Kind(
        lambda keys: _refusing(SalesforceVendor)(public_key=keys["public"], clock=SystemClock()),
        _salesforce,
        lambda vendor: [str(held[EXTERNAL_ID]) for held in vendor.org.records["Task"].values()],
        _salesforce_others,
    ),
    "hubspot": Kind(
        lambda _: _refusing(HubSpotVendor)(token=_HUBSPOT_TOKEN),
        _hubspot,
        lambda vendor: [str(held.properties["careloop_id"]) for held in vendor.items["tasks"].values()],
        _hubspot_others,
    ),
    "marketo": Kind(
        lambda _: _refusing(marketo.Marketo)(),
        _marketo,
        lambda vendor: [_signal(activity["primaryAttributeValue"]) for activity in vendor.activities],
        lambda vendor: [str(lead["careloopId"]) for lead in vendor.leads.values()],
    ),
    "mailchimp": Kind(
        lambda _: _refusing(mailchimp.Mailchimp)(),
        _mailchimp,
        _events,
        lambda vendor: [str(member["email_address"]) for member in vendor.members.values()],
    ),
    "segment": Kind(lambda _: _refusing(segment.Segment)(), _segment, _tracked, lambda _: []),
    "webhook": Kind(
        lambda _: _refusing(webhook.WebhookReceiver)(),
        _webhook,
        lambda vendor: [_signal(event["id"]) for event in vendor.events.values()],
        lambda _: [],
    ),
}
