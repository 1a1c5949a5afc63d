"""Whether the server lives, whether it is ready, and its metrics."""

from __future__ import annotations

import asyncio
from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field

from api.auth import is_local, require
from api.deps import AuthenticatorDep, ServicesDep
from api.ports import Check
from api.problems import problems
from kit.errors import CareloopError
from store.access import Scope

router = APIRouter(tags=["health"])
CHECK_SECONDS = 5.0
_EXAMPLE = 'careloop_http_request_seconds_count{method="GET",route="/healthz",status="200"} 1.0\n'


class Liveness(BaseModel):
    """The process answers."""

    status: Literal["alive"] = Field("alive", examples=["alive"])


class Readiness(BaseModel):
    """Each part by name: ``ok``, or the code of what is wrong with it."""

    status: Literal["ready", "not_ready"] = Field(examples=["ready"])
    checks: dict[str, str] = Field(examples=[{"database": "ok", "index": "ok", "encoder": "ok"}])


@router.get("/healthz", operation_id="liveness")
async def liveness() -> Liveness:
    """Whether the process answers; asks no other part."""
    return Liveness()


@router.get(
    "/readyz", operation_id="readiness", response_model=Readiness, responses={503: {"model": Readiness}}
)
async def readiness(services: ServicesDep) -> JSONResponse:
    """Whether every part works: database, index, encoder."""
    results = await asyncio.gather(*(_outcome(check) for check in services.checks.values()))
    checks = dict(zip(services.checks, results, strict=True))
    ready = all(result == "ok" for result in results)
    found = Readiness(status="ready" if ready else "not_ready", checks=checks)
    return JSONResponse(found.model_dump(), 200 if ready else 503)


@router.get(
    "/metrics",
    operation_id="metrics",
    response_class=PlainTextResponse,
    responses={**problems(), 200: {"content": {"text/plain": {"example": _EXAMPLE}}}},
)
async def metrics(request: Request, services: ServicesDep, authenticator: AuthenticatorDep) -> Response:
    """Prometheus metrics, for callers on this machine or with a key of scope `metrics`."""
    if "authorization" in request.headers or not is_local(request):
        require(await authenticator.admit(request), Scope.METRICS)
    return Response(generate_latest(services.registry), media_type=CONTENT_TYPE_LATEST)


async def _outcome(check: Check) -> str:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check()
    except CareloopError as error:
        return error.code
    except TimeoutError:
        return "timeout"
    return "ok"
