"""What happens around every request, as plain ASGI: identity, timing, log, guards and headers.

``BaseHTTPMiddleware`` would run each request through a task and a queue; these cost microseconds.
"""

from __future__ import annotations

import re
import time
import traceback
from collections.abc import Collection, Mapping

import structlog
from prometheus_client import CollectorRegistry, Gauge, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.addresses import host_of, is_loopback_host
from api.errors import internal_problem, problem
from kit.ids import new_id
from kit.log import get_logger

_log = get_logger("api.access")
_SAFE_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)  # seconds

# Nothing but this server's own files; no inline script, no frame, no form that leaves.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
API_POLICY = "default-src 'none'; frame-ancestors 'none'"
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class HttpMetrics:
    """How many requests are under way, and how long they took until the first byte, by route template."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.seconds = Histogram(
            "careloop_http_request_seconds",
            "Seconds from request to the first byte of the response.",
            ("method", "route", "status"),
            buckets=_BUCKETS,
            registry=registry,
        )
        self.under_way = Gauge(
            "careloop_http_requests_under_way", "Requests and streams not finished yet.", registry=registry
        )


class RequestContext:
    """Gives each request an id, times it, logs it without its text, and answers what nobody caught."""

    def __init__(self, app: ASGIApp, metrics: HttpMetrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        answered: list[tuple[int, float]] = []

        async def observe(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered.append((message["status"], time.perf_counter() - started))
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        with (
            structlog.contextvars.bound_contextvars(request_id=request_id),
            self.metrics.under_way.track_inprogress(),
        ):
            try:
                await self.app(scope, receive, observe)
            except Exception as error:  # noqa: BLE001 (the outermost boundary)
                _log.error("unforeseen", error=type(error).__name__, frames=_frames(error))
                if not answered:
                    await internal_problem(scope)(scope, receive, observe)
            self._report(scope, answered)

    def _report(self, scope: Scope, answered: list[tuple[int, float]]) -> None:
        status, seconds = answered[0] if answered else (499, 0.0)  # 499: the client left first
        route = getattr(scope.get("route"), "path", "unmatched")
        self.metrics.seconds.labels(scope["method"], route, status).observe(seconds)
        caller = scope["state"].get("caller")
        _log.info(
            "request",
            method=scope["method"],
            route=route,
            status=status,
            ms=round(seconds * 1e3, 1),
            caller=caller,
        )


class SecurityHeaders:
    """Adds the headers that keep browsers from doing what they should not."""

    def __init__(self, app: ASGIApp, *, pages: Collection[str] = ()) -> None:
        self.app = app
        self.pages = tuple(pages)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        is_page = scope["path"] in self.pages or scope["path"].startswith("/page/")

        async def harden(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                headers.setdefault("Content-Security-Policy", PAGE_POLICY if is_page else API_POLICY)
                headers.setdefault("Cache-Control", "no-cache" if is_page else "no-store")
            await send(message)

        await self.app(scope, receive, harden)


class HostCheck:
    """Refuses requests for a host that is not ours, which is how DNS rebinding arrives."""

    def __init__(self, app: ASGIApp, *, allowed: Collection[str]) -> None:
        self.app = app
        self.allowed = frozenset(host.lower() for host in allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http":
            host = host_of(Headers(scope=scope).get("host", ""))
            if host is None or not (is_loopback_host(host) or host in self.allowed or "*" in self.allowed):
                refusal = problem(
                    scope, 400, code="unknown_host", detail="This server does not go by that host name."
                )
                await refusal(scope, receive, send)
                return
        await self.app(scope, receive, send)


class BodyGuard:
    """Refuses bodies that are too large (413) or not JSON (415), before anything reads them.

    A body for a path that ``signed`` matches may be anything: a page of another web site cannot sign it.
    """

    def __init__(self, app: ASGIApp, *, limit: int, signed: re.Pattern[str] | None = None) -> None:
        self.app = app
        self.limit = limit
        self.signed = signed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope, Headers(scope=scope))
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self.limit:
                raise HTTPException(413, self._too_large)
            return message

        await self.app(scope, counted, send)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit():
            return problem(scope, 400, detail="Content-Length is not a number.")
        if int(length) > self.limit:
            return problem(scope, 413, detail=self._too_large)
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        has_body = length != "0" or "transfer-encoding" in headers
        is_signed = self.signed is not None and self.signed.fullmatch(scope["path"])
        if has_body and kind != "application/json" and not is_signed:
            return problem(scope, 415, detail="The body must be JSON, with Content-Type: application/json.")
        return None

    @property
    def _too_large(self) -> str:
        return f"The body is larger than {self.limit // 1024} kB."


class Cors(CORSMiddleware):
    """Starlette's CORS, whose refusals are problem details too."""

    def preflight_response(self, request_headers: Headers) -> Response:
        """The answer to a preflight request."""
        response = super().preflight_response(request_headers)
        if response.status_code < 400:
            return response
        scope: Mapping[str, object] = {"path": "", "state": {}}
        refusal = problem(
            dict(scope), response.status_code, code="origin_refused", detail=bytes(response.body).decode()
        )
        refusal.headers["Vary"] = "Origin"
        return refusal


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get("x-request-id", "")
    return given if _SAFE_ID.fullmatch(given) else new_id("req")


def _frames(error: Exception) -> list[str]:
    # Where it happened, innermost last. Its message stays out: it may hold what a customer wrote.
    return [
        f"{frame.filename}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)[-8:]
    ]
