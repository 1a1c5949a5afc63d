"""The HTTP application: its routes, its middleware, its errors."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.staticfiles import StaticFiles

from api import (
    backfills,
    chat_completions,
    claims,
    connectors,
    conversations,
    customer_history,
    customers,
    deliveries,
    desk,
    digests,
    errors,
    health,
    insights,
    keys,
    knowledge,
    live_signals,
    outlook,
    page,
    signals,
    tickets,
    triage,
    visitors,
    webhooks,
)
from api.auth import Authenticator, VisitorTokens
from api.idempotency import REPLAYED, IdempotencyStore
from api.learning import LearningRuns
from api.middleware import BodyGuard, Cors, HostCheck, HttpMetrics, RequestContext, SecurityHeaders
from api.nightly import Nightly
from api.openapi import document_of
from api.operation_runs import OperationRuns
from api.operations import Operations
from api.opinions import Opinions
from api.rate_limit import MemoryRateLimiter
from api.state import ApiConfig, Services
from api.syncs import Syncs
from api.weekly import Weekly
from kit.ids import WorkspaceId
from signals.rounds import Rounds

# Whoever calls here has its own content type, and is known by a signature over the body as it is.
_SIGNED = re.compile(r"/v1/connectors/[^/]+/webhook(/[^/]+)?")


def create_app(services: Services, config: ApiConfig) -> FastAPI:
    """The application over ``services``.

    It closes nothing that it was given: whoever made the parts does. Raises ``Misconfigured`` for a secret
    that is too short.
    """
    app = FastAPI(
        title="Careloop",
        version=config.version,
        docs_url=None,  # page.py has one that loads nothing from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
        middleware=_middleware(services, config),
    )
    _fill_state(app, services, config)
    errors.install(app)
    for resource in (
        conversations,
        desk,
        chat_completions,
        knowledge,
        triage,
        insights,
        outlook,
        backfills,
        tickets,
        live_signals,
        signals,
        claims,
        customers,
        customer_history,
        deliveries,
        connectors,
        webhooks,
        digests,
        visitors,
        keys,
        health,
    ):
        app.include_router(resource.router)
    if config.public_chat:
        app.include_router(page.router)
    app.include_router(page.docs)
    app.mount("/page", StaticFiles(directory=page.FILES))
    app.openapi = document_of(app)  # type: ignore[method-assign]  # the documented way to extend it
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    services: Services = app.state.services
    insights = services.insights
    weekly = None if insights is None else Weekly(insights.sender)
    jobs = (_nightly(app), _rounds(services), weekly)
    looking = [asyncio.create_task(job.keep_looking()) for job in jobs if job is not None]
    yield
    for task in looking:
        task.cancel()
    await asyncio.gather(*looking, return_exceptions=True)
    await app.state.syncs.stop()
    if app.state.services.triage is not None:
        await app.state.learning.stop()
        await app.state.opinions.stop()
        await app.state.operations.stop()


def _nightly(app: FastAPI) -> Nightly | None:
    services: Services = app.state.services
    if services.triage is None or services.triage.learn_at is None:
        return None
    return Nightly(
        app.state.learning,
        services.access.workspaces,
        at=services.triage.learn_at,
        clock=services.clock,
    )


def _rounds(services: Services) -> Rounds | None:
    outlook = services.outlook
    if outlook is None or not outlook.chores:
        return None

    async def workspaces() -> list[WorkspaceId]:
        return [workspace.id for workspace in await services.access.workspaces()]

    return Rounds(outlook.duties, outlook.chores, workspaces, clock=services.clock)


def _fill_state(app: FastAPI, services: Services, config: ApiConfig) -> None:
    state = app.state
    state.services = services
    state.config = config
    state.tokens = VisitorTokens(
        config.visitor_secret, lifetime=config.visitor_token_lifetime, clock=services.clock
    )
    state.authenticator = Authenticator(
        config,
        access=services.access,
        tokens=state.tokens,
        limiter=services.limiter or MemoryRateLimiter(services.clock),
    )
    state.idempotency = IdempotencyStore(services.database, services.cipher, services.clock)
    state.syncs = Syncs(services.synchroniser)
    if services.claims is not None:
        services.registry.register(claims.ClaimMetrics(services.claims))
    if services.triage is not None:
        state.learning = LearningRuns(services.triage, services.clock)
        state.opinions = Opinions(services.triage, services.database, services.clock)
        operations = Operations(services.triage, services.database, services.clock)
        state.operations = OperationRuns(operations, services.clock)


def _middleware(services: Services, config: ApiConfig) -> list[Middleware]:
    """Outermost first."""
    return [
        Middleware(RequestContext, metrics=HttpMetrics(services.registry)),
        Middleware(SecurityHeaders, pages=("/", "/docs")),
        Middleware(HostCheck, allowed=config.allowed_hosts),
        Middleware(
            Cors,
            allow_origins=config.allowed_origins,
            allow_methods=("GET", "POST", "PUT", "DELETE"),
            allow_headers=(
                "Authorization",
                "Content-Type",
                "Idempotency-Key",
                "Last-Event-ID",
                "X-Request-Id",
            ),
            expose_headers=("Retry-After", "X-Request-Id", REPLAYED),
            max_age=600,
        ),
        Middleware(BodyGuard, limit=config.max_body_bytes, signed=_SIGNED),
    ]
