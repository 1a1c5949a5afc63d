"""Every error on the wire: problem details (RFC 9457), or OpenAI's shape where its clients listen.

The only place where an error class becomes an HTTP status. The API's own errors:

CareloopError
├── Unauthenticated
├── InvalidInput
│   └── IdempotencyKeyReused
├── Conflict
│   ├── RequestUnderWay
│   └── RunUnderWay
└── NotFound
    ├── InsightsOff
    ├── SignalsOff
    └── TriageOff
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Scope

from kit.errors import (
    CareloopError,
    Conflict,
    Forbidden,
    InvalidInput,
    Misconfigured,
    NotFound,
    RateLimited,
    Unavailable,
)
from kit.log import get_logger
from signals.connectors.connector import DeliveryFailed, DeliveryRefused
from signals.connectors.inbound import WebhookUnverified

PROBLEM = "application/problem+json"
OPENAI_PATHS = ("/v1/chat/completions", "/v1/models")
_RETRY_UNAVAILABLE = 5  # seconds; a restarted database or model server is back by then
_LONGEST_FIELD = 80  # characters of a field's name that are repeated to the caller
_log = get_logger("api.errors")


class Unauthenticated(CareloopError):
    """Nobody is known by the credentials, or there were none."""

    code = "unauthenticated"
    title = "Who is calling?"


class IdempotencyKeyReused(InvalidInput):
    """The key belongs to another request."""

    code = "idempotency_key_reused"


class RequestUnderWay(Conflict):
    """The first request with this key has not been answered yet."""

    code = "request_under_way"


class RunUnderWay(Conflict):
    """The workspace has one of its kind under way already."""

    code = "run_under_way"


class TriageOff(NotFound):
    """The operator has turned triage off."""

    code = "triage_off"
    title = "Triage is off"


class InsightsOff(NotFound):
    """Digests are made elsewhere, or nowhere."""

    code = "insights_off"
    title = "Digests are off"


class SignalsOff(NotFound):
    """The operator has turned signals off, or triage, which they come from."""

    code = "signals_off"
    title = "Signals are off"


_STATUSES: Mapping[type[CareloopError], int] = {
    Unauthenticated: 401,
    WebhookUnverified: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    InvalidInput: 422,
    RateLimited: 429,
    DeliveryRefused: 502,
    DeliveryFailed: 503,
    Misconfigured: 503,
    Unavailable: 503,
}
_CODES = {400: "malformed", 404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "not_json"}
_OPENAI_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


class FieldError(BaseModel):
    """What is wrong with one field. What was sent in it is not repeated."""

    field: str = Field(examples=["body.text"])
    message: str = Field(examples=["String should have at least 1 character"])
    code: str = Field(examples=["string_too_short"])


class Problem(BaseModel):
    """Problem details (RFC 9457). Switch on ``code``; quote ``trace_id`` when asking for help."""

    type: str = Field(examples=["urn:careloop:problem:not_found"])
    title: str = Field(examples=["Not found"])
    status: int = Field(examples=[404])
    detail: str | None = Field(None, examples=["There is no conversation conv_01."])
    code: str = Field(examples=["not_found"])
    trace_id: str = Field(examples=["req_06dbn3v0m5s1t7w9yb2d4f6h8k"])
    errors: list[FieldError] | None = Field(
        None, description="Which fields are wrong, for `code` invalid_input."
    )


def install(app: FastAPI) -> None:
    """Let ``app`` answer every error with problem details."""
    app.add_exception_handler(CareloopError, _careloop_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _validation_error)


def trace_id(scope: Scope) -> str:
    """The identifier under which the log knows this request."""
    return str(scope.get("state", {}).get("request_id", ""))


def problem(
    scope: Scope,
    status: int,
    *,
    code: str | None = None,
    title: str | None = None,
    detail: str | None = None,
    errors: Sequence[FieldError] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The response that tells of an error; for paths of ``OPENAI_PATHS`` in OpenAI's shape."""
    found = Problem(
        type=f"urn:careloop:problem:{code or _code(status)}",
        title=title or HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=code or _code(status),
        trace_id=trace_id(scope),
        errors=list(errors) or None,
    )
    if scope["path"].startswith(OPENAI_PATHS):
        return JSONResponse(_openai_shape(found), status, headers)
    return JSONResponse(found.model_dump(exclude_none=True), status, headers, media_type=PROBLEM)


def careloop_problem(scope: Scope, error: CareloopError) -> Response:
    """The response for an error that was raised on purpose."""
    status = next((_STATUSES[cls] for cls in type(error).__mro__ if cls in _STATUSES), 500)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return internal_problem(scope)
    headers = {}
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="careloop"'
    elif isinstance(error, WebhookUnverified):
        headers["WWW-Authenticate"] = 'Signature realm="careloop"'
    elif isinstance(error, RateLimited):
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    elif isinstance(error, RequestUnderWay):
        headers["Retry-After"] = "1"
    elif status == HTTPStatus.SERVICE_UNAVAILABLE:
        asked = error.retry_after if isinstance(error, DeliveryFailed) else None
        headers["Retry-After"] = str(max(1, math.ceil(asked or _RETRY_UNAVAILABLE)))
        _log.error("unavailable", code=error.code, reason=error.detail, error=type(error).__name__)
    return problem(scope, status, code=error.code, title=error.title, detail=error.detail, headers=headers)


def internal_problem(scope: Scope) -> Response:
    """The response for an error that nobody foresaw: it tells nothing but where to look."""
    return problem(
        scope,
        500,
        code="internal",
        title=CareloopError.title,
        detail="The error is in the server's log under this trace id.",
    )


async def _careloop_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, CareloopError)
    return careloop_problem(request.scope, error)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return problem(request.scope, 405, headers={"Allow": _allowed_methods(request)})
    detail = error.detail if error.detail != HTTPStatus(error.status_code).phrase else None
    return problem(request.scope, error.status_code, detail=detail, headers=error.headers)


async def _validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if any(item["type"] == "json_invalid" for item in found):
        return problem(request.scope, 400, detail="The body is not valid JSON.")
    fields = [_field_error(item) for item in found]
    return problem(
        request.scope, 422, code=InvalidInput.code, title=InvalidInput.title, errors=fields,
        detail="; ".join(f"{item.field}: {item.message}" for item in fields[:3]),
    )  # fmt: skip


def _field_error(item: Mapping[str, Any]) -> FieldError:
    field = ".".join(str(part) for part in item["loc"])
    return FieldError(field=field[:_LONGEST_FIELD], message=item["msg"], code=item["type"])


def _allowed_methods(request: Request) -> str:
    """Every method that some route has for this path: the router itself knows of one route only."""
    methods: set[str] = set()
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        scope = {**request.scope, "method": method}
        if any(route.matches(scope)[0] is Match.FULL for route in request.app.router.routes):
            methods.add(method)
    return ", ".join(sorted(methods))


def _code(status: int) -> str:
    return _CODES.get(status, HTTPStatus(status).phrase.lower().replace(" ", "_"))


def _openai_shape(found: Problem) -> dict[str, Any]:
    kind = "server_error" if found.status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
    return {
        "error": {
            "message": found.detail or found.title,
            "type": _OPENAI_TYPES.get(found.status, kind),
            "param": found.errors[0].field.removeprefix("body.") if found.errors else None,
            "code": found.code,
            "trace_id": found.trace_id,
        }
    }
