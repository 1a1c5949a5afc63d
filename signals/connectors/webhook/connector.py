"""Signed webhooks: each dispatch as a CloudEvent, under a signature of Standard Webhooks, to any address.

CloudEvents 1.0, structured mode in JSON (https://github.com/cloudevents/spec), over the HTTP binding; the
signature covers the body. The receiver knows a repeated delivery by ``webhook-id``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import httpx
from cloudevents.core.bindings.http import to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from kit.clock import Clock
from kit.pinned_http import PinnedTransport, UnsafeAddress
from signals.connectors.answer import Answer, Standing, Verdict, by_status
from signals.connectors.connector import (
    DeliveryFailed,
    DeliveryRefused,
    Dispatch,
    Health,
    OutcomePage,
    PreparedRequest,
    Receipt,
)
from signals.connectors.http import Call, HttpClient
from signals.connectors.inbound import WebhookCall, WebhookNews, WebhookUnverified
from signals.connectors.signal_document import dispatch_document
from signals.connectors.waiting import Waiting
from signals.connectors.webhook.inbox import WebhookInbox
from signals.connectors.webhook.settings import WebhookSettings
from signals.connectors.webhook.signatures import Signer

_SILENT = frozenset({400, 404, 405, 415, 422, 501})  # answers of those who do not know OPTIONS here


def judge(answer: Answer) -> Verdict:
    """By status; 410 is Standard Webhooks' word for an address that wants no more."""
    if answer.status == httpx.codes.GONE:
        return Verdict(Standing.REFUSED, "the address says that it is gone for good (410)")
    return by_status(answer)


class Webhook:
    """Posts CloudEvents to one address of the open internet, or of any network where the settings say so."""

    name = "webhook"

    def __init__(
        self,
        settings: WebhookSettings,
        *,
        clock: Clock,
        waiting: Waiting,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._url = str(settings.url)
        self._source = settings.source
        self._clock = clock
        self._signer = Signer([secret.get_secret_value() for secret in settings.secrets])
        told_by = [secret.get_secret_value() for secret in settings.inbox_secrets]
        self._inbox = WebhookInbox(told_by, clock=clock) if told_by else None
        self._http = HttpClient(
            self.name,
            self._url,
            settings=settings.http,
            clock=clock,
            waiting=waiting,
            judge=judge,
            transport=transport or PinnedTransport(allow_private=settings.allow_private),
        )

    async def deliver(self, dispatch: Dispatch) -> Receipt:
        """Post the event. Refused where the address is gone or unsafe, or does not take the body."""
        body = self._body(dispatch)
        signed = self._signer.headers(dispatch.key, body, at=self._clock.now())
        content_type = JSONFormat.CONTENT_TYPE
        try:
            await self._http.send(
                Call("POST", self._url, content=body, content_type=content_type, headers=signed)
            )
        except UnsafeAddress as error:
            raise DeliveryRefused(f"webhook: {error.detail}") from error
        return Receipt({"event": signed["webhook-id"]})

    def preview(self, dispatch: Dispatch) -> Sequence[PreparedRequest]:
        """The event, without its signature; a query of the address may be a secret and is left out."""
        return [PreparedRequest("POST", self._url.partition("?")[0], json.loads(self._body(dispatch)))]

    async def health(self) -> Health:
        """Asks with ``OPTIONS``, signed, as CloudEvents' HTTP webhooks do before the first event.

        An address that knows no ``OPTIONS`` counts as well as one that does: it has answered.
        """
        asked = {"WebHook-Request-Origin": "careloop"}
        signed = self._signer.headers("health", b"", at=self._clock.now())
        try:
            answer = await self._http.send(Call("OPTIONS", self._url, headers=asked | signed), accept=_SILENT)
        except (DeliveryFailed, DeliveryRefused, UnsafeAddress) as error:
            return Health(ok=False, detail=error.detail)
        return Health(ok=True, detail=f"The address answers ({answer.status} to OPTIONS).")

    async def poll(self, cursor: str | None) -> OutcomePage:
        """Nothing: outcomes come as webhooks of the other side (``WebhookInbox``)."""
        return OutcomePage((), cursor)

    async def read_call(self, call: WebhookCall) -> WebhookNews:
        """The outcome that somebody posts. Raises ``WebhookUnverified`` and ``InboundInvalid``."""
        if self._inbox is None:
            raise WebhookUnverified("No inbox_secrets are set for this connector, so no webhook is taken.")
        return WebhookNews([self._inbox.outcome(call.headers, call.body)])

    async def close(self) -> None:
        """Close every connection."""
        await self._http.close()

    def _body(self, dispatch: Dispatch) -> bytes:
        signal = dispatch.signal
        attributes: dict[str, Any] = {
            "id": dispatch.key,
            "source": self._source,
            "type": f"careloop.signal.{signal.kind.value}",
            "subject": signal.customer_id,
            "time": dispatch.at,
            "datacontenttype": "application/json",
        }
        event = CloudEvent(attributes=attributes, data=dispatch_document(dispatch))
        return to_structured(event, JSONFormat()).body
