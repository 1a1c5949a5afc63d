"""Digests as signed webhooks: a CloudEvent under a signature of Standard Webhooks, as signals are sent."""

from __future__ import annotations

import json
from typing import Any

import httpx
from cloudevents.core.bindings.http import to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from insights.delivery.edition import Edition
from insights.errors import DigestNotDelivered
from kit.clock import Clock
from kit.errors import CareloopError
from kit.pinned_http import PinnedTransport
from signals.connectors.http import Call, HttpClient
from signals.connectors.waiting import SystemWaiting, Waiting
from signals.connectors.webhook.connector import judge
from signals.connectors.webhook.settings import WebhookSettings
from signals.connectors.webhook.signatures import Signer

TYPE = "careloop.digest"


class WebhookChannel:
    """Posts each digest to one address; the receiver knows a repeated delivery by ``webhook-id``."""

    name = "webhook"

    def __init__(
        self,
        settings: WebhookSettings,
        *,
        clock: Clock,
        waiting: Waiting | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Raises ``Misconfigured`` for secrets that cannot sign."""
        self._settings = settings
        self._clock = clock
        self._waiting = waiting or SystemWaiting()
        self._transport = transport
        self._signer = Signer([secret.get_secret_value() for secret in settings.secrets])

    async def deliver(self, edition: Edition) -> None:
        """See ``Channel``."""
        url, body = str(self._settings.url), self._body(edition)
        signed = self._signer.headers(edition.key, body, at=self._clock.now())
        call = Call("POST", url, content=body, content_type=JSONFormat.CONTENT_TYPE, headers=signed)
        http = HttpClient(
            self.name,
            url,
            settings=self._settings.http,
            clock=self._clock,
            waiting=self._waiting,
            judge=judge,
            transport=self._transport or PinnedTransport(allow_private=self._settings.allow_private),
        )
        try:
            await http.send(call)
        except CareloopError as error:
            raise DigestNotDelivered(error.detail) from None
        finally:
            await http.close()

    def _body(self, edition: Edition) -> bytes:
        attributes: dict[str, Any] = {
            "id": edition.key,
            "source": self._settings.source,
            "type": TYPE,
            "subject": edition.digest.week.name,
            "time": edition.digest.made_at,
            "datacontenttype": "application/json",
        }
        data = {**json.loads(edition.json), "markdown": edition.markdown()}
        return to_structured(CloudEvent(attributes=attributes, data=data), JSONFormat()).body
