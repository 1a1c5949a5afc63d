"""A source of a customer data platform: takes batches as a whole, keeps each messageId once."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bench.contract.faults import Faults
from bench.contract.vendor import Vendor

WRITE_KEY = "wk_0123456789abcdef"
KINDS = {"identify": "traits", "track": "properties", "group": "traits"}


class Segment(Vendor):
    """``messages`` by messageId, in the order of their first arrival; ``arrivals`` counts repetitions."""

    name = "segment"

    def __init__(self, faults: Faults | None = None) -> None:
        super().__init__(faults)
        self.messages: dict[str, dict[str, Any]] = {}
        self.arrivals = 0

    def routes(self) -> list[Route]:
        """The calls of Segment's specification that we make, alone and as a batch."""
        single = [Route(f"/v1/{kind}", self._single, methods=["POST"]) for kind in KINDS]
        return [Route("/v1/batch", self._batch, methods=["POST"]), *single]

    def let_in(self, request: Request) -> bool:
        """Basic authentication with the write key as the user."""
        scheme, _, pair = request.headers.get("authorization", "").partition(" ")
        return scheme == "Basic" and base64.b64decode(pair) == f"{WRITE_KEY}:".encode()

    def locked_out(self) -> Response:
        """A write key that is none."""
        return JSONResponse({"success": False, "message": "invalid write key"}, 401)

    async def _single(self, request: Request) -> Response:
        kind = request.url.path.rsplit("/", 1)[1]
        return self._take([{**await request.json(), "type": kind}])

    async def _batch(self, request: Request) -> Response:
        raw = await request.body()
        if len(raw) > 500 * 1024:
            return _refused("batch is larger than 500 kB")
        return self._take(json.loads(raw).get("batch", []))

    def _take(self, batch: list[dict[str, Any]]) -> Response:
        if not 0 < len(batch) <= 2500:
            return _refused("a batch has 1 to 2500 messages")
        problem = next(filter(None, map(_problem, batch)), None)
        if problem:
            return _refused(problem)
        with self.lock:
            self.arrivals += len(batch)
            for message in batch:
                self.messages.setdefault(message["messageId"], message)
        return JSONResponse({"success": True})


def _problem(message: dict[str, Any]) -> str | None:
    kind = message.get("type")
    if kind not in KINDS:
        return f"no such call: {kind}"
    if len(json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()) > 32 * 1024:
        return "a message is larger than 32 kB"
    if not isinstance(message.get(KINDS[kind], {}), dict):
        return f"{KINDS[kind]} is no object"
    for needed in ("messageId", "userId", *{"track": ["event"], "group": ["groupId"]}.get(kind, [])):
        if not message.get(needed):
            return f"{needed} is required"
    return _timeless(message)


def _timeless(message: dict[str, Any]) -> str | None:
    try:
        return None if datetime.fromisoformat(message["timestamp"]).tzinfo else "timestamp has no zone"
    except (KeyError, ValueError):
        return "timestamp is wrong or missing"


def _refused(message: str) -> Response:
    return JSONResponse({"success": False, "message": message}, 400)
