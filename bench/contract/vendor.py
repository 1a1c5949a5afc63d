"""What every vendor's server shares: tokens that end, calls on record, faults before or after the work."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from bench.contract.faults import Fault, Faults
from signals.connectors.answer import Json


@dataclass(frozen=True, slots=True)
class Seen:
    """A call as it arrived at ``at`` (``time.monotonic()``), ``fault`` being what became of it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    fault: Fault | None
    at: float

    def json(self) -> Json:
        """The body, parsed."""
        return json.loads(self.body)


class Vendor:
    """A vendor's server: subclasses give ``routes`` and the shape of the vendor's errors.

    ``lock`` guards what is recorded, for the server runs in a thread of its own. Paths in ``spared`` (where
    tokens are issued, say) know no expired token. ``calls`` counts; ``seen`` has each call, unless
    ``keeps_calls`` is off, for whom they would be too many.
    """

    name = "vendor"
    spared: Sequence[str] = ()

    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.seen: list[Seen] = []
        self.calls = 0
        self.keeps_calls = True
        self.tokens: set[str] = set()
        self.lock = threading.RLock()
        self._app = Starlette(routes=self.routes())

    def routes(self) -> list[Route]:
        """What the vendor answers."""
        raise NotImplementedError

    def rate_limited(self) -> Response:
        """The vendor's 429."""
        return JSONResponse({"message": "rate limit"}, 429, {"Retry-After": str(self.faults.retry_after)})

    def server_error(self) -> Response:
        """The vendor's 503."""
        return JSONResponse({"message": "unavailable"}, 503)

    def locked_out(self) -> Response:
        """What the vendor answers to a token that is over."""
        return JSONResponse({"message": "unauthorized"}, 401)

    def issue(self) -> str:
        """A token that is good from now on."""
        token = secrets.token_hex(16)
        with self.lock:
            self.tokens.add(token)
        return token

    def bearer(self, request: Request) -> str:
        """The token that came with the call, or nothing."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return token if scheme.lower() == "bearer" else ""

    def let_in(self, request: Request) -> bool:
        """Whether the call may be answered."""
        return self.bearer(request) in self.tokens

    def expire(self, request: Request) -> None:
        """The token that came with the call is over; a vendor whose tokens never end does nothing."""
        with self.lock:
            self.tokens.discard(self.bearer(request))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI: one call."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            body = await request.body()
        except ClientDisconnect:
            return
        fault = self.faults.draw()
        if fault is Fault.EXPIRED_TOKEN and request.url.path in self.spared:
            fault = None
        self._record(request, body, fault)
        if fault is Fault.RESET:
            await _hang_up(scope, receive)
        elif fault is Fault.RATE_LIMITED:
            await self.rate_limited()(scope, receive, send)
        elif fault is Fault.SERVER_ERROR:
            await self.server_error()(scope, receive, send)
        else:
            await self._work(request, body, fault, send)

    async def _work(self, request: Request, body: bytes, fault: Fault | None, send: Send) -> None:
        if fault is Fault.EXPIRED_TOKEN:
            self.expire(request)
        kept: list[Message] = []

        async def again() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def keep(message: Message) -> None:
            kept.append(message)

        if request.url.path not in self.spared and not self.let_in(request):
            await self.locked_out()(request.scope, again, keep)
        else:
            await self._app(request.scope, again, keep)
        if fault is Fault.TIMEOUT_AFTER_SUCCESS:
            await _hang_up(request.scope, request.receive, after=self.faults.hang)
            return
        if fault is Fault.CUT:
            await _cut(kept, send)
            return
        for message in kept:
            await send(message)

    def _record(self, request: Request, body: bytes, fault: Fault | None) -> None:
        self.calls += 1
        if not self.keeps_calls:
            return
        with self.lock:
            self.seen.append(
                Seen(
                    request.method,
                    request.url.path,
                    dict(parse_qsl(request.url.query)),
                    dict(request.headers),
                    body,
                    fault,
                    time.monotonic(),
                )
            )


async def _hang_up(scope: Scope, receive: Receive, *, after: float = 0.0) -> None:
    """Say nothing for ``after`` seconds, or until the client gives up; then reset the connection."""
    if after:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(after):
                await _gone(receive)
                return
    scope["contract.transport"].abort()
    await _gone(receive)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _cut(kept: list[Message], send: Send) -> None:
    """Half of what was to be said; uvicorn then closes the connection, for more was promised."""
    start = kept[0]
    body = b"".join(message.get("body", b"") for message in kept[1:])
    promised = [(name, value) for name, value in start["headers"] if name != b"content-length"]
    length = str(len(body) + 1).encode()
    await send({**start, "headers": [*promised, (b"content-length", length)]})
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
