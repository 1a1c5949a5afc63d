"""Whoever takes signed webhooks: the specification's own library checks them, each id is kept once."""

from __future__ import annotations

import base64
from typing import Any

from cloudevents.core.bindings.http import HTTPMessage, from_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from standardwebhooks import Webhook, WebhookVerificationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.contract.faults import Faults
from bench.contract.vendor import Vendor

SECRET = "whsec_" + base64.b64encode(b"the receiver's key, 32 bytes....").decode()
OLD_SECRET = "whsec_" + base64.b64encode(b"the key that is being replaced..").decode()


class WebhookReceiver(Vendor):
    """``events`` by webhook-id; ``arrivals`` counts repetitions. ``status`` is the answer to a good event."""

    name = "webhook"

    def __init__(self, faults: Faults | None = None, *, secret: str = SECRET) -> None:
        super().__init__(faults)
        self.secret = secret
        self.status = 202
        self.arrivals = 0
        self.events: dict[str, dict[str, Any]] = {}

    def routes(self) -> list[Route]:
        """One address."""
        return [
            Route("/hook", self._take, methods=["POST"]),
            Route("/hook", self._greet, methods=["OPTIONS"]),
            Route("/elsewhere", self._redirect, methods=["POST", "OPTIONS"]),
        ]

    def let_in(self, request: Request) -> bool:
        """Signatures are checked instead, where the body is."""
        return bool(request)

    async def _take(self, request: Request) -> Response:
        body = await request.body()
        try:
            self._verify(request, body)
        except WebhookVerificationError as error:
            return Response(str(error), 401)
        event = from_structured(HTTPMessage(dict(request.headers), body), JSONFormat(), CloudEvent)
        with self.lock:
            self.arrivals += 1
            if self.status < 300:
                told = {**event.get_attributes(), "data": event.get_data()}
                self.events.setdefault(request.headers["webhook-id"], told)
        return Response(status_code=self.status)

    async def _greet(self, request: Request) -> Response:
        try:
            self._verify(request, b"")
        except WebhookVerificationError as error:
            return Response(str(error), 401)
        origin = request.headers.get("webhook-request-origin", "")
        return Response(headers={"WebHook-Allowed-Origin": origin, "Allow": "POST"})

    async def _redirect(self, _: Request) -> Response:
        return Response(status_code=307, headers={"Location": "/hook"})

    def _verify(self, request: Request, body: bytes) -> None:
        Webhook(self.secret).verify(body, dict(request.headers), json_parse=False)
